/* Segments of packed traces on the fast path of replays: why that counts the same as their records
 * is told in model/access.h. */
#include "sim/replay_look.h"

#include <string.h>

#define NO_PAGE UINT64_MAX

/* So many events before a walk its entry is asked for: the host's memory takes that long. */
enum { WALKS_AHEAD = 4 };

/* ---- whether they fit ---- */

static bool is_wide(const struct fast_array *a)
{
    return a->ways >= FILTER_WAYS && (a->mask + 1) % FILTER_SETS == 0 && !has_large(a->level);
}

bool fast_takes_segments(const struct fast *f, enum replay_only only)
{
    if (only == REPLAY_DATA) return is_wide(&f->data);
    /* Filters of data and code tell no order between the two. */
    if (f->code.array == NULL || !is_wide(&f->code)) return false;
    return only == REPLAY_INSTRUCTION || is_wide(&f->data);
}

static bool is_wanted(enum replay_only only, enum access_side side)
{
    return only == REPLAY_EVERYTHING || (only == REPLAY_INSTRUCTION) == (side == ACCESS_SIDE_CODE);
}

/* ---- the order of use ---- */

static inline uint64_t one_of(enum access_side side)
{
    return side == ACCESS_SIDE_CODE ? (uint64_t)1 << CODE_SHIFT : 1;
}

static inline struct fast_array *array_of(struct fast *f, enum access_side side)
{
    return side == ACCESS_SIDE_CODE ? &f->code : &f->data;
}

static void use_page(const struct fast *f, const struct fast_array *a, uint64_t page)
{
    size_t base = (size_t)((page & a->mask) * a->ways);
    unsigned way = tlb_set_way(&a->tag[base], a->ways, page | f->space);
    if (way == 0 || way == a->ways) return;
    uint64_t entry = a->data[base + way];
    tlb_set_rotate_both(&a->tag[base], &a->data[base], way, page | f->space, entry);
}

/* The page in the slot leaves the filter: it goes behind the others of its set that stay. */
static inline void leave(const struct fast *f, const struct fast_array *a, const uint64_t *pages,
                         unsigned slot)
{
    uint64_t page = pages[slot], set = page & a->mask;
    const uint64_t *row = &pages[slot / FILTER_WAYS * FILTER_WAYS];
    size_t base = (size_t)(set * a->ways);
    uint64_t *tags = &a->tag[base], *datas = &a->data[base];
    unsigned way = tlb_set_way(tags, a->ways, page | f->space), staying = 0;
    for (unsigned i = 0; i < FILTER_WAYS; i++) staying += (row[i] & a->mask) == set;
    staying--; /* itself */
    if (way >= staying) return;
    uint64_t entry = datas[way];
    for (; way < staying; way++) {
        tags[way] = tags[way + 1];
        datas[way] = datas[way + 1];
    }
    tags[staying] = page | f->space;
    datas[staying] = entry;
}

static void order_set(const struct fast *f, const struct fast_array *a, const uint64_t *row,
                      unsigned order)
{
    for (unsigned i = FILTER_WAYS; i-- > 0;) {
        uint64_t page = row[order >> 2 * i & 3U];
        if (row[i] != NO_PAGE && page != NO_PAGE) use_page(f, a, page);
    }
}

static void order_all(struct fast *f, const struct fast_segment *g, enum access_side side)
{
    for (unsigned set = 0; set < FILTER_SETS; set++)
        order_set(f, array_of(f, side), &g->page[side][set * FILTER_WAYS],
                  g->segment->order[side][set]);
}

/* ---- events ---- */

static inline enum access_side side_of(enum filter_event_type type)
{
    return type == FILTER_EVENT_FETCH ? ACCESS_SIDE_CODE : ACCESS_SIDE_DATA;
}

/* The lookup of an event in both levels. */
static inline enum found find_event(struct fast *f, const struct fast_event *e, uint64_t page)
{
    enum found found = find_first(f, e->lane, page);
    if (found == FOUND) f->hits += e->one;
    if (found != FOUND_NOT) return found;
    found = find_second(f, e->lane, page);
    if (found == FOUND) f->second_hits += e->one;
    return found;
}

/* Which way the page of a slot has in an array of just the filter's size; FILTER_WAYS: none. Mostly
 * where it was before. */
static inline unsigned way_of_slot(const uint64_t *tags, uint64_t tag, uint8_t *known)
{
    if (__builtin_expect(tags[*known] == tag, 1)) return *known;
    unsigned way = tlb_set_way(tags, FILTER_WAYS, tag);
    if (way < FILTER_WAYS) *known = (uint8_t)way;
    return way;
}

/* An array of just the filter's size holds what the filter holds: a page that takes the place of
 * another is not in it. What the second level or a walk has of it takes that place there, too.
 * Else nothing happens. */
static inline enum found replace(struct fast *f, const struct fast_event *e, va_t at, unsigned slot,
                                 struct touch *t)
{
    uint64_t page = access_page(at.v), tag = page | f->space;
    size_t first = slot / FILTER_WAYS * FILTER_WAYS;
    uint64_t *tags = &e->tags[first];
    unsigned way = way_of_slot(tags, e->page[slot] | f->space, &e->way[slot]);
    if (page >= f->page_end || way == FILTER_WAYS) return FOUND_FORBIDS;
    struct fast_array *a = e->second;
    size_t base = (size_t)((page & a->mask) * a->ways);
    enum found found = find(&a->tag[base], &a->data[base], a->ways, tag, e->lane);
    uint64_t entry = a->data[base];
    if (__builtin_expect(found == FOUND, 1)) {
        f->second_hits += e->one;
    } else {
        entry = found == FOUND_NOT ? walk_once(f, e->lane, at) : 0;
        if (entry == 0) return found;
        f->walked = true;
        found = walked_to(f, entry, at, t);
    }
    e->lane->first->fills++;
    e->lane->first->evictions++;
    tags[way] = tag;
    e->datas[first + way] = entry;
    e->page[slot] = page;
    return found;
}

/* An event that replace() is not for, or does not know how to do. */
static enum found take_event(struct fast *f, const struct fast_event *e,
                             const struct filter_event *v)
{
    uint64_t page = access_page(v->address), *slot = &e->page[v->slot];
    if (e->is_look_up && *slot != NO_PAGE) leave(f, e->lane->first, e->page, v->slot);
    *slot = page;
    return find_event(f, e, page);
}

/* The halves of counts that are wanted. */
static uint64_t halves(enum replay_only only)
{
    uint64_t code = UINT64_MAX << CODE_SHIFT;
    if (only == REPLAY_EVERYTHING) return UINT64_MAX;
    return only == REPLAY_INSTRUCTION ? code : ~code;
}

/* ---- a segment that does not end as one ---- */

/* How many lookups of the wanted kinds come before an event of the segment. */
static uint64_t lookups_before(const struct fast_segment *g, uint32_t event)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i <= event; i++) {
        const struct filter_event *v = &g->segment->event[i];
        for (unsigned side = 0; side < ACCESS_SIDE_COUNT; side++)
            if (is_wanted(g->only, side)) count += v->before[side];
        count += i < event && is_wanted(g->only, side_of(v->type));
    }
    return count;
}

/* Brings the pages of the first lookups of a record to the front, and counts what is counted by
 * accesses. Returns how many there were. */
static unsigned use_record(struct fast *f, const struct access *a, const struct lookups *all,
                           uint64_t most)
{
    enum access_side side = a->kind == ACCESS_FETCH ? ACCESS_SIDE_CODE : ACCESS_SIDE_DATA;
    unsigned count = all->count < most ? all->count : (unsigned)most;
    for (unsigned i = 0; i < count; i++) {
        begin_lookup(f, a, all, i);
        use_page(f, array_of(f, side), access_page(a->address) + is_upper(all, i));
    }
    return count;
}

/* The lookup of the event was the last: what it costs, then what else the record does. */
static void end_record(struct fast *f, const struct access *a, const struct lookups *all,
                       unsigned done, struct touch *t)
{
    unsigned last = done - 1;
    uint32_t low = all->straddles ? all->room : a->size;
    charge_data(f, lane_at(f, a, all, last)->type, is_upper(all, last) ? a->size - low : low, t);
    for (unsigned i = done; i < all->count && t->end == TOUCH_OK; i++)
        look_up_one(f, a, all, i, t);
}

/* Up to and with the record whose lookup was that event. Returns how many records that are; all
 * of them when they are not what the segment says. `space`: of the tags of the lookups so far. */
static uint32_t break_at(struct fast *f, const struct fast_segment *g, uint32_t event,
                         uint64_t space, struct touch *t)
{
    enum { SOME = 256 };
    struct access batch[SOME];
    uint64_t left = lookups_before(g, event) + 1;
    uint32_t done = 0;
    size_t got = 0;
    f->space = space;
    for (size_t i = 0;; i++, done++) {
        if (i == got) {
            got = g->source->expand(g->source->context, g->segment, done, batch, SOME);
            i = 0;
            if (got == 0) return done;
        }
        const struct access *a = &batch[i];
        struct lookups all;
        if (!is_wanted(g->only, a->kind == ACCESS_FETCH ? ACCESS_SIDE_CODE : ACCESS_SIDE_DATA))
            continue;
        lookups_of(a, &all);
        unsigned count = use_record(f, a, &all, left);
        left -= count;
        if (left > 0) continue;
        fast_context(f);
        end_record(f, a, &all, count, t);
        return done + 1;
    }
}

/* ---- a segment ---- */

static uint64_t dropped(const struct fast *f)
{
    const struct cpu *cpu = f->s->hw.cpu;
    return cpu->l1d.counts.invalidations + cpu->l1i.counts.invalidations;
}

/* What no level has. False when the segment cannot go on: the access ended it, or is of memory
 * whose accesses differ in price, or what the filter holds is gone. */
static bool go_further(struct fast *f, const struct fast_segment *g,
                       const struct filter_event *v, bool is_first, enum found found,
                       struct touch *t)
{
    uint64_t before = dropped(f);
    if (found != FOUND_TYPED) look_further(f, g->event[v->type].lane, found, va(v->address), t);
    if (t->end != TOUCH_OK || translation_type(t->entry) != TYPE_WB ||
        (!is_first && dropped(f) != before) || has_large(f->data.level) ||
        (f->code.array != NULL && has_large(f->code.level)))
        return false;
    f->plain++;
    return true;
}

/* What follows the last event, and what is counted by accesses. `used`: lookups up to it, events
 * included, in halves. */
static void end_segment(struct fast *f, const struct fast_segment *g, uint64_t used)
{
    const struct access_segment *s = g->segment;
    uint64_t left[ACCESS_SIDE_COUNT] = { s->lookups[0] - (uint32_t)used,
                                         s->lookups[1] - (used >> CODE_SHIFT) };
    for (unsigned sort = 0; sort < ACCESS_SORT_COUNT; sort++) {
        if (!is_wanted(g->only, sort == ACCESS_SORT_FETCH)) continue;
        f->bytes += s->bytes[sort];
        f->accesses += s->count[sort];
    }
    for (unsigned side = 0; side < ACCESS_SIDE_COUNT; side++) {
        if (!is_wanted(g->only, side)) continue;
        f->accesses -= s->lookups[side];
        f->hits += left[side] * one_of(side);
        order_all(f, g, side);
    }
}

/* What may change behind an event that goes further. */
static void look_around(struct fast_segment *g)
{
    for (unsigned type = 0; type < FILTER_EVENT_TYPE_COUNT; type++) {
        struct fast_event *e = &g->event[type];
        e->replaces = e->is_look_up && e->is_same && e->is_wanted && e->lane->looks_further;
    }
}

static void begin_segment(struct fast *f, struct fast_segment *g)
{
    static const uint8_t lanes[FILTER_EVENT_TYPE_COUNT] = {
        [FILTER_EVENT_READ] = ACCESS_LOAD,
        [FILTER_EVENT_WRITE] = ACCESS_STORE,
        [FILTER_EVENT_FIRST_WRITE] = ACCESS_STORE,
        [FILTER_EVENT_FETCH] = ACCESS_FETCH,
    };
    memset(g->page, 0xFF, sizeof g->page);
    memset(g->way, 0, sizeof g->way);
    for (unsigned type = 0; type < FILTER_EVENT_TYPE_COUNT; type++) {
        enum access_side side = side_of(type);
        const struct fast_array *a = array_of(f, side);
        g->event[type] = (struct fast_event){
            .lane = &f->lane[lanes[type]],
            .one = one_of(side),
            .page = g->page[side],
            .way = g->way[side],
            .is_wanted = is_wanted(g->only, side),
            .is_look_up = type != FILTER_EVENT_FIRST_WRITE,
            .is_same = a->ways == FILTER_WAYS && a->mask == FILTER_SETS - 1,
            .tags = a->tag,
            .datas = a->data,
            .second = f->lane[lanes[type]].second,
        };
    }
    look_around(g);
}

/* Events are mostly replace()d; so their counts are kept beside the rest. */
uint32_t fast_segment(struct fast *f, struct fast_segment *g, struct touch *t)
{
    const struct access_segment *s = g->segment;
    const struct filter_event *v = s->event, *end = v + s->event_count;
    uint64_t wanted = halves(g->only), hits = 0, told = 0, events = 0; /* in halves */
    bool is_first = true;
    begin_segment(f, g);
    for (; v < end; v++) {
        const struct fast_event *e = &g->event[v->type];
        enum found found = FOUND_FORBIDS;
        hits += v->before[ACCESS_SIDE_DATA] | (uint64_t)v->before[ACCESS_SIDE_CODE] << CODE_SHIFT;
        events += e->one;
        if (f->walked && end - v > WALKS_AHEAD) fast_prefetch(f, v[WALKS_AHEAD].address);
        if (e->replaces && e->page[v->slot] != NO_PAGE)
            found = replace(f, e, va(v->address), v->slot, t);
        if (__builtin_expect(found == FOUND, 1) || !e->is_wanted) continue;
        uint64_t space = f->space;
        f->hits += (hits - told) & wanted;
        told = hits;
        if (found != FOUND_TYPED) found = take_event(f, e, v);
        bool goes = found == FOUND || go_further(f, g, v, is_first, found, t);
        is_first = false;
        look_around(g);
        if (goes) continue;
        uint32_t done = break_at(f, g, (uint32_t)(v - s->event), space, t);
        fast_settle(f);
        return done;
    }
    f->hits += (hits - told) & wanted;
    end_segment(f, g, hits + events);
    fast_settle(f);
    return s->records;
}
