/* Segments: made from records, written and read. */
#include "replay/segment.h"

#include "replay/little.h"

enum { SLOTS = 1 << 18, SLOT_SHIFT = 46 };

#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)

/* ---- from records ---- */

void segment_begin(struct segment_builder *b, uint64_t first)
{
    b->segment.first = b->next = first;
    b->segment.records = b->segment.touch_count = 0;
    memset(b->segment.count, 0, sizeof b->segment.count);
    memset(b->segment.bytes, 0, sizeof b->segment.bytes);
    memset(b->used, 0, sizeof b->used);
    b->clock = 0;
    b->recent[0] = b->recent[1] = 0;
}

/* The number of a touch, touch_count when the segment has none of this page yet. */
static uint32_t find_touch(const struct segment_builder *b, uint64_t page, bool is_fetch)
{
    const struct access_segment *s = &b->segment;
    uint32_t recent = b->recent[is_fetch];
    if (recent < s->touch_count && s->touch[recent].page == page &&
        s->touch[recent].is_fetch == is_fetch)
        return recent;
    uint32_t i = 0;
    while (i < s->touch_count && (s->touch[i].page != page || s->touch[i].is_fetch != is_fetch))
        i++;
    return i;
}

static void add_lookups(struct segment_builder *b, uint32_t number, uint64_t page,
                        const struct access *a)
{
    struct access_segment *s = &b->segment;
    struct access_touch *t = &s->touch[number];
    bool is_fetch = a->kind == ACCESS_FETCH;
    if (number == s->touch_count) {
        *t = (struct access_touch){
            .page = page, .is_fetch = is_fetch, .writes_first = a->kind == ACCESS_STORE
        };
        s->touch_count++;
        b->used[is_fetch][page % SEGMENT_SETS]++;
    }
    t->reads += a->kind != ACCESS_STORE;
    t->writes += a->kind == ACCESS_STORE || a->kind == ACCESS_MODIFY;
    b->stamp[number] = ++b->clock;
    b->recent[is_fetch] = number;
}

static void add_totals(struct access_segment *s, const struct access *a)
{
    bool is_fetch = a->kind == ACCESS_FETCH;
    bool reads = a->kind == ACCESS_LOAD || a->kind == ACCESS_MODIFY;
    bool writes = a->kind == ACCESS_STORE || a->kind == ACCESS_MODIFY;
    s->count[ACCESS_SORT_READ] += reads;
    s->count[ACCESS_SORT_WRITE] += writes;
    s->count[ACCESS_SORT_FETCH] += is_fetch;
    s->bytes[ACCESS_SORT_READ] += reads ? a->size : 0;
    s->bytes[ACCESS_SORT_WRITE] += writes ? a->size : 0;
    s->bytes[ACCESS_SORT_FETCH] += is_fetch ? a->size : 0;
    s->records++;
}

bool segment_add(struct segment_builder *b, const struct access *a)
{
    struct access_segment *s = &b->segment;
    uint64_t low = a->address / PAGE_BYTES, high = (a->address + (a->size - 1)) / PAGE_BYTES;
    bool is_fetch = a->kind == ACCESS_FETCH;
    if (s->records == SEGMENT_RECORDS_MAX) return false;
    uint32_t first = find_touch(b, low, is_fetch);
    uint32_t second = high == low ? 0 : find_touch(b, high, is_fetch);
    bool first_fresh = first == s->touch_count;
    bool second_fresh = high != low && second == s->touch_count;
    uint32_t fresh = (uint32_t)first_fresh + second_fresh;
    if (s->touch_count + fresh > ACCESS_TOUCHES_MAX) return false;
    if (first_fresh && b->used[is_fetch][low % SEGMENT_SETS] == SEGMENT_WAYS) return false;
    if (second_fresh && b->used[is_fetch][high % SEGMENT_SETS] == SEGMENT_WAYS) return false;
    if (fresh == 2) second++;
    add_lookups(b, first, low, a);
    if (high != low) add_lookups(b, second, high, a);
    add_totals(s, a);
    b->next++;
    return true;
}

void segment_finish(struct segment_builder *b)
{
    struct access_segment *s = &b->segment;
    for (uint32_t i = 0; i < s->touch_count; i++) {
        uint32_t place = i;
        for (; place > 0 && b->stamp[s->last[place - 1]] > b->stamp[i]; place--)
            s->last[place] = s->last[place - 1];
        s->last[place] = (uint8_t)i;
    }
}

/* ---- writing ---- */

/* What the lookups of a touch are. */
enum lookups { READS, WRITES, READS_THEN_WRITES, WRITES_THEN_READS, LOOKUPS };

void segment_encoder_init(struct segment_encoder *e, const struct allocator *from)
{
    e->pages.key = mem_new(from, SEGMENT_PAGES_MAX, sizeof *e->pages.key);
    e->slot = mem_new(from, SLOTS, sizeof *e->slot);
    e->used = mem_new(from, SEGMENT_PAGES_MAX, sizeof *e->used);
    e->pages.count = 0;
}

void segment_encoder_free(struct segment_encoder *e, const struct allocator *from)
{
    mem_free(from, e->pages.key, SEGMENT_PAGES_MAX, sizeof *e->pages.key);
    mem_free(from, e->slot, SLOTS, sizeof *e->slot);
    mem_free(from, e->used, SEGMENT_PAGES_MAX, sizeof *e->used);
}

void segment_encoder_reset(struct segment_encoder *e)
{
    for (uint32_t i = 0; i < e->pages.count; i++) e->slot[e->used[i]] = 0;
    e->pages.count = 0;
}

/* Number of a page, from 1; 0 when it is new, and has the next one from now on. */
static uint32_t number_page(struct segment_encoder *e, uint64_t key)
{
    uint32_t slot = (uint32_t)(key * MULTIPLIER >> SLOT_SHIFT);
    for (; e->slot[slot] != 0; slot = (slot + 1) % SLOTS)
        if (e->pages.key[e->slot[slot] - 1] == key) return e->slot[slot];
    e->used[e->pages.count] = slot;
    e->pages.key[e->pages.count] = key;
    e->slot[slot] = ++e->pages.count;
    return 0;
}

static enum lookups lookups_of(const struct access_touch *t)
{
    if (t->writes == 0) return READS;
    if (t->reads == 0) return WRITES;
    return t->writes_first ? WRITES_THEN_READS : READS_THEN_WRITES;
}

static uint8_t *put_touch(struct segment_encoder *e, const struct access_touch *t, uint8_t *out)
{
    enum lookups lookups = lookups_of(t);
    uint64_t key = t->page << 1 | t->is_fetch;
    uint64_t before = e->pages.count > 0 ? e->pages.key[e->pages.count - 1] : 0;
    uint32_t number = number_page(e, key);
    out = varint_put(out, (uint64_t)number * LOOKUPS + lookups);
    if (number == 0) out = varint_put(out, zigzag(key - before));
    if (lookups != WRITES) out = varint_put(out, t->reads - 1);
    if (lookups != READS) out = varint_put(out, t->writes - 1);
    return out;
}

uint8_t *segment_put(struct segment_encoder *e, const struct access_segment *s, uint8_t *out)
{
    *out++ = (uint8_t)s->touch_count;
    out = varint_put(out, s->records);
    for (unsigned i = 0; i < ACCESS_SORT_COUNT; i++) {
        out = varint_put(out, s->count[i]);
        if (s->count[i] != 0) out = varint_put(out, s->bytes[i]);
    }
    for (uint32_t i = 0; i < s->touch_count; i++) out = put_touch(e, &s->touch[i], out);
    memcpy(out, s->last, s->touch_count);
    return out + s->touch_count;
}

/* ---- reading ---- */

static const char *get_touch(struct segment_pages *pages, const uint8_t **at,
                             struct access_touch *t)
{
    uint64_t head = varint_get(at), number = head / LOOKUPS, key;
    enum lookups lookups = head % LOOKUPS;
    if (number > pages->count) return "a page that was not named before";
    if (number == 0) {
        if (pages->count == SEGMENT_PAGES_MAX) return "too many pages";
        key = (pages->count > 0 ? pages->key[pages->count - 1] : 0) + unzigzag(varint_get(at));
        pages->key[pages->count++] = key;
    } else {
        key = pages->key[number - 1];
    }
    t->page = key >> 1;
    t->is_fetch = key & 1;
    t->reads = lookups != WRITES ? (uint32_t)varint_get(at) + 1 : 0;
    t->writes = lookups != READS ? (uint32_t)varint_get(at) + 1 : 0;
    t->writes_first = lookups == WRITES || lookups == WRITES_THEN_READS;
    if (t->page >> (64 - PAGE_SHIFT_BITS) != 0) return "a page past the end of the address space";
    if (t->is_fetch && t->writes != 0) return "a fetch that writes";
    if ((uint64_t)t->reads + t->writes - 1 >= 4 * (uint64_t)SEGMENT_RECORDS_MAX)
        return "a number of lookups out of range";
    return NULL;
}

/* The order of last lookups is one of all touches. */
static const char *get_order(const uint8_t **at, struct access_segment *s)
{
    uint64_t seen = 0, bad = 0;
    for (uint32_t i = 0; i < s->touch_count; i++) {
        s->last[i] = (*at)[i];
        bad |= s->last[i] >= ACCESS_TOUCHES_MAX;
        seen |= UINT64_C(1) << (s->last[i] % ACCESS_TOUCHES_MAX);
    }
    *at += s->touch_count;
    return !bad && seen == (UINT64_C(1) << s->touch_count) - 1 ? NULL
                                                                : "an order that leaves pages out";
}

const char *segment_get(struct segment_pages *pages, const uint8_t **at, const uint8_t *end,
                        struct access_segment *s)
{
    const char *why = NULL;
    s->touch_count = *(*at)++;
    uint64_t records = varint_get(at);
    if (s->touch_count - 1 >= ACCESS_TOUCHES_MAX || records - 1 >= SEGMENT_RECORDS_MAX)
        return "a segment of no size";
    s->records = (uint32_t)records;
    for (unsigned i = 0; i < ACCESS_SORT_COUNT; i++) {
        s->count[i] = (uint32_t)varint_get(at);
        s->bytes[i] = s->count[i] != 0 ? (uint32_t)varint_get(at) : 0;
        if (s->count[i] > s->records || s->bytes[i] > (uint64_t)s->count[i] * ACCESS_BYTES_MAX)
            return "a number of accesses out of range";
    }
    for (uint32_t i = 0; i < s->touch_count && why == NULL; i++)
        why = get_touch(pages, at, &s->touch[i]);
    if (why == NULL) why = get_order(at, s);
    if (why == NULL && *at > end) why = "a segment that is cut off";
    return why;
}
