/* Segments of the packed format against their records. */
#define _POSIX_C_SOURCE 200809L

#include "packed_support.h"

/* What a segment must say, from its records, in an obvious way: by side and set, the pages from the
 * one used last on, where each is, and whether it was written. */
struct row {
    uint64_t page[FILTER_WAYS];
    unsigned place[FILTER_WAYS], count;
    bool written[FILTER_WAYS];
};

struct tally {
    const struct access_segment *segment;
    struct row rows[ACCESS_SIDE_COUNT][FILTER_SETS];
    uint32_t count[ACCESS_SORT_COUNT], bytes[ACCESS_SORT_COUNT], lookups[ACCESS_SIDE_COUNT];
    uint32_t before[ACCESS_SIDE_COUNT], events;
};

/* Brings entry `i` to the front. */
static void row_use(struct row *r, unsigned i)
{
    struct row old = *r;
    for (unsigned j = 0; j < i; j++) {
        r->page[j + 1] = old.page[j];
        r->place[j + 1] = old.place[j];
        r->written[j + 1] = old.written[j];
    }
    r->page[0] = old.page[i];
    r->place[0] = old.place[i];
    r->written[0] = old.written[i];
}

static void tally_lookup(struct tally *t, uint64_t address, unsigned side, bool is_write)
{
    uint64_t page = address / 4096;
    struct row *r = &t->rows[side][page % FILTER_SETS];
    unsigned i = 0;
    while (i < r->count && r->page[i] != page) i++;
    bool is_new = i == r->count;
    bool is_event = is_new || (is_write && !r->written[i]);
    if (is_new && r->count == FILTER_WAYS) i--;
    else if (is_new) r->place[i] = r->count++;
    r->page[i] = page;
    r->written[i] = is_write || (!is_new && r->written[i]);
    unsigned slot = (unsigned)(page % FILTER_SETS) * FILTER_WAYS + r->place[i];
    row_use(r, i);
    t->lookups[side]++;
    if (!is_event) {
        t->before[side]++;
        return;
    }
    cr_assert_lt(t->events, t->segment->event_count);
    const struct filter_event *v = &t->segment->event[t->events++];
    unsigned type = !is_new       ? FILTER_EVENT_FIRST_WRITE
                    : side == 1   ? FILTER_EVENT_FETCH
                    : is_write    ? FILTER_EVENT_WRITE
                                  : FILTER_EVENT_READ;
    cr_assert(v->address == address && v->slot == slot && v->type == type);
    cr_assert(v->before[0] == t->before[0] && v->before[1] == t->before[1]);
    t->before[0] = t->before[1] = 0;
}

static void tally_access(struct tally *t, const struct access *a, bool is_write)
{
    unsigned side = a->kind == ACCESS_FETCH;
    unsigned sort = side == 1 ? ACCESS_SORT_FETCH : is_write;
    t->count[sort]++;
    t->bytes[sort] += a->size;
    uint64_t last = a->address + a->size - 1;
    tally_lookup(t, a->address, side, is_write);
    if (last / 4096 != a->address / 4096) tally_lookup(t, last & ~PAGE_MASK, side, is_write);
}

static void expect_segment(const struct access_segment *s, const struct access *records)
{
    static struct tally t;
    t = (struct tally){ .segment = s };
    for (uint32_t i = 0; i < s->records; i++) {
        const struct access *a = &records[s->first + i];
        if (a->kind != ACCESS_STORE) tally_access(&t, a, false);
        if (a->kind == ACCESS_STORE || a->kind == ACCESS_MODIFY) tally_access(&t, a, true);
    }
    cr_assert_eq(t.events, s->event_count);
    cr_assert_eq(memcmp(t.count, s->count, sizeof t.count), 0);
    cr_assert_eq(memcmp(t.bytes, s->bytes, sizeof t.bytes), 0);
    cr_assert_eq(memcmp(t.lookups, s->lookups, sizeof t.lookups), 0);
    for (unsigned i = 0; i < ACCESS_SIDE_COUNT * FILTER_SETS; i++) {
        const struct row *r = &t.rows[i / FILTER_SETS][i % FILTER_SETS];
        unsigned order = 0;
        for (unsigned j = 0; j < r->count; j++) order |= r->place[j] << 2 * j;
        cr_assert_eq(s->order[i / FILTER_SETS][i % FILTER_SETS], order);
    }
}

Test(segment, segments_say_what_their_records_do)
{
    for (enum shape shape = 0; shape < SHAPES; shape++) {
        struct opened o;
        static struct access_segment segment;
        const struct access_segment *s = &segment;
        struct access piece[100];
        uint64_t next = 0;
        bool failed = false;
        open_packed(&o, shape, MANY);
        while (o.source.pull_segment(o.source.context, &segment, UINT64_MAX, &failed) > 0) {
            cr_assert_eq(s->first, next);
            expect_segment(s, o.records);
            next += s->records;
            uint32_t half = s->records / 2, left = s->records - half;
            size_t count = o.source.expand(o.source.context, s, half, piece, 100);
            cr_assert_eq(count, left < 100 ? left : 100);
            expect_same(piece, o.records + s->first + half, count);
        }
        cr_expect_not(failed);
        cr_expect_eq(next, (uint64_t)MANY);
        close_packed(&o);
    }
}

/* Reads on in one of three ways; the number of the next record. */
static uint64_t read_on(struct opened *o, uint64_t way, uint64_t next, uint64_t count, bool *failed)
{
    const struct access_source *source = &o->source;
    static struct access_segment segment;
    struct access records[500];
    if (way == 0) {
        count = source->pull(source->context, records, count, failed);
        expect_same(records, o->records + next, count);
        return next + count;
    }
    if (way == 1) return next + source->skip(source->context, count * (count % 100), failed);
    uint64_t most = count * count;
    if (source->pull_segment(source->context, &segment, most, failed) == 0) {
        count = source->pull(source->context, records, 1, failed);
        expect_same(records, o->records + next, count);
        return next + count;
    }
    cr_assert_eq(segment.first, next);
    cr_assert_leq(segment.records, most);
    expect_segment(&segment, o->records);
    return next + segment.records;
}

/* Records, segments, skipping, in any order: each goes on where the one before it stopped. */
Test(segment, mixed_reading)
{
    struct opened o;
    struct rng random;
    rng_init(&random, 3, 0);
    for (unsigned round = 0; round < 12; round++) {
        uint64_t next = 0;
        bool failed = false;
        open_packed(&o, round % SHAPES, MANY);
        while (next < MANY && !failed)
            next = read_on(&o, rng_below(&random, 3), next, rng_below(&random, 500) + 1, &failed);
        cr_expect_eq(next, (uint64_t)MANY);
        struct access one;
        cr_expect_eq(o.source.pull(o.source.context, &one, 1, &failed), 0u);
        cr_expect_not(failed, "%s", reader_error(o.reader));
        close_packed(&o);
    }
}

/* ---- segments replayed ---- */

enum { SETS = 32, WAYS = 6 };

/* One LRU array, each set most recently used first. */
struct lru {
    uint64_t tag[SETS][WAYS];
    uint64_t hits, misses, order; /* order: a sum over the misses in their order */
};

/* Moves the page to place `to` of its set, 0 being the front; false when it is not there. */
static bool lru_move(struct lru *l, uint64_t page, unsigned to)
{
    uint64_t *set = l->tag[page % SETS];
    unsigned i = 0;
    while (i < WAYS && set[i] != page + 1) i++;
    bool hit = i < WAYS;
    if (!hit) i--;
    for (; i > to; i--) set[i] = set[i - 1];
    for (; i < to; i++) set[i] = set[i + 1];
    set[to] = page + 1;
    return hit;
}

static void lru_look_up(struct lru *l, uint64_t page)
{
    if (lru_move(l, page, 0)) {
        l->hits++;
        return;
    }
    l->misses++;
    l->order = l->order * 31 + page;
}

static void replay_record(struct lru *l, const struct access *a)
{
    for (unsigned i = 0; i < (a->kind == ACCESS_MODIFY ? 2U : 1U); i++) {
        lru_look_up(l, a->address / 4096);
        if ((a->address + a->size - 1) / 4096 != a->address / 4096)
            lru_look_up(l, (a->address + a->size - 1) / 4096);
    }
}

/* What model/access.h says. */
static void replay_event(struct lru *l, uint64_t *pages, const struct filter_event *v)
{
    uint64_t page = v->address / 4096, *slot = &pages[v->slot], staying = 0;
    const uint64_t *row = &pages[v->slot / FILTER_WAYS * FILTER_WAYS];
    l->hits += v->before[0] + v->before[1];
    if (v->type != FILTER_EVENT_FIRST_WRITE) {
        for (unsigned i = 0; *slot != UINT64_MAX && i < FILTER_WAYS; i++)
            staying += row[i] != *slot && row[i] % SETS == *slot % SETS;
        if (*slot != UINT64_MAX) lru_move(l, *slot, (unsigned)staying);
        *slot = page;
    }
    lru_look_up(l, page);
}

static void replay_segment(struct lru *l, const struct access_segment *s, unsigned side)
{
    uint64_t pages[FILTER_SLOTS], hits = s->lookups[side];
    memset(pages, 0xFF, sizeof pages);
    for (uint32_t i = 0; i < s->event_count; i++) {
        struct filter_event v = s->event[i];
        hits -= v.before[side];
        l->hits += v.before[side];
        v.before[0] = v.before[1] = 0;
        if ((v.type == FILTER_EVENT_FETCH) != (side == ACCESS_SIDE_CODE)) continue;
        hits--;
        replay_event(l, pages, &v);
    }
    l->hits += hits;
    for (unsigned set = 0; set < FILTER_SETS; set++)
        for (unsigned i = FILTER_WAYS; i-- > 0;) {
            uint64_t page = pages[set * FILTER_WAYS + (s->order[side][set] >> 2 * i & 3)];
            if (pages[set * FILTER_WAYS + i] != UINT64_MAX) lru_move(l, page, 0);
        }
}

Test(segment, segments_replay_as_records_do)
{
    for (enum shape shape = 0; shape < SHAPES; shape++) {
        struct opened o;
        static struct lru by_segment[ACCESS_SIDE_COUNT], by_record[ACCESS_SIDE_COUNT];
        static struct access_segment s;
        bool failed = false;
        memset(by_segment, 0, sizeof by_segment);
        memset(by_record, 0, sizeof by_record);
        open_packed(&o, shape, MANY);
        while (o.source.pull_segment(o.source.context, &s, UINT64_MAX, &failed) > 0) {
            for (uint32_t i = 0; i < s.records; i++) {
                const struct access *a = &o.records[s.first + i];
                replay_record(&by_record[a->kind == ACCESS_FETCH], a);
            }
            replay_segment(&by_segment[0], &s, ACCESS_SIDE_DATA);
            replay_segment(&by_segment[1], &s, ACCESS_SIDE_CODE);
            cr_assert_eq(memcmp(by_segment, by_record, sizeof by_record), 0, "shape %d", shape);
        }
        if (shape != EXTREME) cr_expect_gt(by_record[0].misses, 50u);
        close_packed(&o);
    }
}
