/* Segments as bytes: docs/PACKED.md, "Segments". */
#include "replay/little.h"
#include "replay/segment.h"

enum {
    SLOTS = 1 << 18,
    SLOT_SHIFT = 46,
    /* The first two bytes of an event. */
    TYPE_SHIFT = 12,
    PLACE_SHIFT = 14,
    /* The third: lookups of data before it, and */
    BEFORE_FOLLOWS = 0x7f,
    CODE_FOLLOWS = 0x80,
};

#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)

/* ---- writing ---- */

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

static uint8_t *put_page(struct segment_encoder *e, const struct filter_event *v, uint8_t *out)
{
    uint64_t key = access_page(v->address) << 1 | (v->type == FILTER_EVENT_FETCH);
    uint64_t before = e->pages.count > 0 ? e->pages.key[e->pages.count - 1] : 0;
    uint32_t number = number_page(e, key);
    out = varint_put(out, number);
    return number == 0 ? varint_put(out, zigzag(key - before)) : out;
}

static uint8_t *put_event(struct segment_encoder *e, const struct filter_event *v, uint8_t *out)
{
    uint32_t data = v->before[ACCESS_SIDE_DATA], code = v->before[ACCESS_SIDE_CODE];
    unsigned place = v->slot % FILTER_WAYS;
    out = little_put(out, (v->address & PAGE_MASK) | (uint64_t)v->type << TYPE_SHIFT |
                              (uint64_t)place << PLACE_SHIFT, 2);
    *out++ = (uint8_t)((data < BEFORE_FOLLOWS ? data : BEFORE_FOLLOWS) |
                       (code > 0 ? CODE_FOLLOWS : 0));
    if (data >= BEFORE_FOLLOWS) out = varint_put(out, data - BEFORE_FOLLOWS);
    if (code > 0) out = varint_put(out, code - 1);
    if (v->type != FILTER_EVENT_FIRST_WRITE) return put_page(e, v, out);
    *out++ = v->slot / FILTER_WAYS;
    return out;
}

/* How many pages each set had at the end. */
static void count_places(const struct access_segment *s, uint8_t used[][FILTER_SETS])
{
    memset(used, 0, sizeof(uint8_t) * ACCESS_SIDE_COUNT * FILTER_SETS);
    for (uint32_t i = 0; i < s->event_count; i++) {
        const struct filter_event *v = &s->event[i];
        uint8_t *places = &used[v->type == FILTER_EVENT_FETCH][v->slot / FILTER_WAYS];
        if (v->slot % FILTER_WAYS == *places) ++*places;
    }
}

uint8_t *segment_put(struct segment_encoder *e, const struct access_segment *s, uint8_t *out)
{
    uint8_t used[ACCESS_SIDE_COUNT][FILTER_SETS];
    out = varint_put(out, s->records);
    for (unsigned i = 0; i < ACCESS_SORT_COUNT; i++) {
        out = varint_put(out, s->count[i]);
        if (s->count[i] != 0) out = varint_put(out, s->bytes[i]);
    }
    for (unsigned i = 0; i < ACCESS_SIDE_COUNT; i++) out = varint_put(out, s->lookups[i]);
    out = varint_put(out, s->event_count);
    for (uint32_t i = 0; i < s->event_count; i++) out = put_event(e, &s->event[i], out);
    count_places(s, used);
    for (unsigned side = 0; side < ACCESS_SIDE_COUNT; side++)
        for (unsigned set = 0; set < FILTER_SETS; set++)
            if (used[side][set] > 1) *out++ = s->order[side][set];
    return out;
}

/* ---- reading ---- */

/* What the filter holds as the events are read, and how many lookups there were of each side. */
struct places {
    uint64_t page[FILTER_SLOTS]; /* of data */
    uint8_t used[ACCESS_SIDE_COUNT][FILTER_SETS];
    uint64_t data, code;
};

static inline const char *get_new_page(struct segment_pages *pages, const uint8_t **at,
                                       uint64_t *key)
{
    if (pages->count == SEGMENT_PAGES_MAX) return "too many pages";
    *key = (pages->count > 0 ? pages->key[pages->count - 1] : 0) + unzigzag(varint_get(at));
    pages->key[pages->count++] = *key;
    return *key >> (64 - PAGE_SHIFT_BITS + 1) == 0 ? NULL
                                                   : "a page past the end of the address space";
}

static inline const char *get_page(struct segment_pages *pages, const uint8_t **at, bool is_code,
                                   uint64_t *page)
{
    uint64_t number = varint_get(at), key;
    if (__builtin_expect(number - 1 < pages->count, 1)) {
        key = pages->key[number - 1];
    } else if (number != 0) {
        return "a page that was not named before";
    } else {
        const char *why = get_new_page(pages, at, &key);
        if (why != NULL) return why;
    }
    *page = key >> 1;
    return (key & 1) == is_code ? NULL : "a page of the other side";
}

static inline const char *get_slot(struct segment_pages *pages, struct places *p,
                                   const uint8_t **at, struct filter_event *v, unsigned place)
{
    uint64_t page;
    enum access_side side = v->type == FILTER_EVENT_FETCH ? ACCESS_SIDE_CODE : ACCESS_SIDE_DATA;
    if (v->type == FILTER_EVENT_FIRST_WRITE) {
        unsigned set = *(*at)++;
        if (set >= FILTER_SETS || place >= p->used[side][set]) return "a write to no page";
        v->slot = (uint8_t)(set * FILTER_WAYS + place);
        page = p->page[v->slot];
    } else {
        const char *why = get_page(pages, at, side == ACCESS_SIDE_CODE, &page);
        if (why != NULL) return why;
        unsigned set = (unsigned)(page % FILTER_SETS);
        uint8_t *used = &p->used[side][set];
        if (*used < FILTER_WAYS && place != (*used)++) return "a place that is not the next";
        v->slot = (uint8_t)(set * FILTER_WAYS + place);
        if (side == ACCESS_SIDE_DATA) p->page[v->slot] = page;
    }
    v->address |= page * PAGE_BYTES;
    return NULL;
}

static inline const char *get_event(struct segment_pages *pages, struct places *p,
                                    const uint8_t **at, struct filter_event *v)
{
    uint64_t head = (uint64_t)(*at)[0] | (uint64_t)(*at)[1] << 8, before = (*at)[2];
    *at += 3;
    v->address = head & PAGE_MASK;
    v->type = head >> TYPE_SHIFT & 3;
    uint64_t data = before & BEFORE_FOLLOWS, code = 0;
    if (data == BEFORE_FOLLOWS) data += varint_get(at);
    if ((before & CODE_FOLLOWS) != 0) code = varint_get(at) + 1;
    v->before[ACCESS_SIDE_DATA] = (uint32_t)data;
    v->before[ACCESS_SIDE_CODE] = (uint32_t)code;
    p->data += data + (v->type != FILTER_EVENT_FETCH);
    p->code += code + (v->type == FILTER_EVENT_FETCH);
    if ((data | code) >> 32 != 0) return "a number of lookups out of range";
    return get_slot(pages, p, at, v, (unsigned)(head >> PLACE_SHIFT & 3));
}

/* An order is one of all pages of its set. */
static const char *get_orders(const struct places *p, const uint8_t **at, struct access_segment *s)
{
    bool good = true;
    for (unsigned i = 0; i < ACCESS_SIDE_COUNT * FILTER_SETS; i++) {
        unsigned side = i / FILTER_SETS, set = i % FILTER_SETS, used = p->used[side][set];
        uint8_t order = used > 1 ? *(*at)++ : 0;
        unsigned seen = 0;
        for (unsigned place = 0; place < used; place++) seen |= 1U << (order >> 2 * place & 3U);
        good = good && seen == (1U << used) - 1 && (unsigned)order >> 2 * used == 0;
        s->order[side][set] = order;
    }
    return good ? NULL : "an order that leaves pages out";
}

static const char *get_totals(const uint8_t **at, struct access_segment *s)
{
    uint64_t records = varint_get(at), data, code;
    if (records - 1 >= SEGMENT_RECORDS_MAX) return "a segment of no size";
    s->records = (uint32_t)records;
    for (unsigned i = 0; i < ACCESS_SORT_COUNT; i++) {
        uint64_t count = varint_get(at), bytes = count != 0 ? varint_get(at) : 0;
        s->count[i] = (uint32_t)count;
        s->bytes[i] = (uint32_t)bytes;
        if (count > records || bytes > count * ACCESS_BYTES_MAX || bytes < count)
            return "a number of accesses out of range";
    }
    s->lookups[ACCESS_SIDE_DATA] = (uint32_t)(data = varint_get(at));
    s->lookups[ACCESS_SIDE_CODE] = (uint32_t)(code = varint_get(at));
    uint64_t accesses = (uint64_t)s->count[ACCESS_SORT_READ] + s->count[ACCESS_SORT_WRITE];
    if (data < accesses || data > 2 * accesses || code < s->count[ACCESS_SORT_FETCH] ||
        code > 2 * (uint64_t)s->count[ACCESS_SORT_FETCH])
        return "a number of lookups out of range";
    uint64_t events = varint_get(at);
    s->event_count = (uint32_t)events;
    return events - 1 < SEGMENT_EVENTS_MAX ? NULL : "a number of events out of range";
}

/* Events and the lookups before them are not more than there are. */
static const char *check_lookups(const struct places *p, const struct access_segment *s)
{
    return p->data <= s->lookups[ACCESS_SIDE_DATA] && p->code <= s->lookups[ACCESS_SIDE_CODE]
               ? NULL
               : "a number of lookups out of range";
}

const char *segment_get(struct segment_pages *pages, const uint8_t **at, const uint8_t *end,
                        struct access_segment *s)
{
    struct places p;
    memset(p.used, 0, sizeof p.used);
    p.data = p.code = 0;
    const char *why = get_totals(at, s);
    const uint8_t *here = *at;
    for (uint32_t i = 0; i < s->event_count && why == NULL; i++) {
        why = get_event(pages, &p, &here, &s->event[i]);
        if (here > end && why == NULL) why = "a segment that is cut off";
    }
    *at = here;
    if (why == NULL) why = get_orders(&p, at, s);
    if (why == NULL) why = check_lookups(&p, s);
    if (why == NULL && *at > end) why = "a segment that is cut off";
    return why;
}
