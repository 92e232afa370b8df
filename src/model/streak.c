/* Accesses of one kind with nothing else between them: see streak.h. */
#include "model/streak.h"

#include "model/short_walk.h"

#define NO_PAGE UINT64_MAX

/* A streak on the short way: a local variable of one function, so that the compiler need not think
 * that the sets it writes to change any of it. */
struct under_way {
    struct hw *hw;
    struct lookup l;
    struct tlb_lane first, second;
    bool may_miss; /* the first level */
    bool by_page;  /* each goes to another page, at the same place in it; all that empties need */
    bool caches;
    /* The page of 4 KiB looked up last, of which the first level has the entry as the one of its
     * set used last: looking it up again changes nothing but counts, whatever the policy. */
    uint64_t page, entry;
    enum page_size size; /* of the entry; `entry` itself is as of 4 KiB */
    struct short_walks walks;
    /* Done and not yet settled: */
    uint64_t hits[PAGE_SIZE_COUNT], second_hits, evictions, second_evictions;
    uint64_t accessed[SERVED_COUNT];
};

/* ---- looking a page up ---- */

static inline uint64_t look_further(struct under_way *k, uint64_t tag)
{
    struct lane_set set = lane_set(&k->second, k->l.at);
    unsigned way = k->second.ways == 0 ? 0 : lane_find(set, tag);
    uint64_t entry;
    if (way == k->second.ways) {
        entry = short_walk(k->hw, &k->walks, &k->l);
        if (entry != 0 && way != 0)
            k->second_evictions += lane_put(set, tag, entry) != TLB_NO_TAG;
    } else {
        entry = lane_use(set, way, tag, &k->l);
        k->second_hits += entry != 0;
    }
    return entry;
}

/* Whether the page is to be had the short way; else nothing has happened. */
static inline bool look_up(struct under_way *k, va_t at)
{
    if (k->first.ways == 0) return false;
    k->l.at = at;
    struct lane_set set = lane_set(&k->first, at);
    uint64_t tag = tag_of(&k->l, PAGE_4K), entry = 0;
    unsigned way = lane_find(set, tag);
    if (way != k->first.ways) {
        entry = lane_use(set, way, tag, &k->l);
        k->hits[PAGE_4K] += entry != 0;
    } else if (k->may_miss) {
        entry = look_further(k, tag);
        if (entry != 0) k->evictions += lane_put(set, tag, entry) != TLB_NO_TAG;
    }
    if (entry == 0) return false;
    k->page = at.v >> PAGE_SHIFT_BITS;
    k->entry = entry;
    k->size = PAGE_4K;
    return true;
}

/* ---- accesses on the short way ---- */

static inline void access_lines(struct hw *hw, const struct near_cache *near,
                                uint64_t accessed[SERVED_COUNT], pa_t at, uint64_t bytes)
{
    uint64_t line = at.v >> CACHE_LINE_SHIFT;
    uint64_t last = (at.v + bytes - 1) >> CACHE_LINE_SHIFT;
    do accessed[near_find(hw, near, line)]++;
    while (line++ < last);
}

static inline void access_data(struct under_way *k, pa_t at, uint64_t bytes)
{
    if (__builtin_expect(translation_type(k->entry) != TYPE_WB, 0))
        memory_access_typed(k->hw, k->entry, at, bytes, k->l.type);
    else if (k->caches)
        access_lines(k->hw, &k->walks.near, k->accessed, at, bytes);
    else
        k->accessed[SERVED_L1D]++;
}

static inline bool is_in_page(va_t at, uint64_t bytes)
{
    return va_offset(at) + bytes <= PAGE_BYTES;
}

static inline bool access_short(struct under_way *k, va_t at, uint64_t bytes)
{
    if (!is_in_page(at, bytes)) return false;
    if (at.v >> PAGE_SHIFT_BITS == k->page) k->hits[k->size]++;
    else if (!look_up(k, at)) return false;
    access_data(k, pa((k->entry & PTE_ADDRESS) | va_offset(at)), bytes);
    return true;
}

/* ---- pages whose sets are empty ---- */

/* Accesses to one place in page after page, of which each finds the sets of its page empty in both
 * levels. After a flush most do, and need neither a search nor an order of use. This is a function
 * and a state of its own, so that compilers keep the little it needs in registers. */
struct empties {
    struct hw *hw;
    const struct streak *s;
    struct tlb_lane first, second;
    struct type_run run;
    uint64_t *entries, first_line; /* of the page table that has all of the pages */
    uint64_t fetched[SERVED_COUNT], accessed[SERVED_COUNT]; /* out */
};

/* The entry of the page with that tag, which a walk of one fetch finds, when both sets are empty
 * and it is plain memory; else 0, and nothing has happened. */
static inline uint64_t fill_empty(const struct empties *e, const struct lookup *l, uint64_t tag)
{
    struct lane_set near = lane_set_of(&e->first, tag), far = lane_set_of(&e->second, tag);
    uint64_t *slot = &e->entries[(size_t)tag % ENTRIES_OF_TABLE], entry = *slot | l->marks;
    if (!lane_is_empty(near) || !lane_is_empty(far) || !permits(l, entry)) return 0;
    if (run_type_bits(&e->run, entry) != 0) return 0;
    lane_put_first(near, tag, entry);
    lane_put_first(far, tag, entry);
    *slot = entry;
    return entry;
}

/* At most `count` from `l` on; how many were done. */
static __attribute__((noinline)) uint64_t access_empty(struct empties *into, struct lookup l,
                                                       uint64_t count)
{
    struct empties e = *into;
    struct near_cache near = near_cache_of(e.hw);
    uint64_t tag = tag_of(&l, PAGE_4K), last = tag | (ENTRIES_OF_TABLE - 1), done = 0;
    for (; done < count && tag <= last; tag += e.s->step >> PAGE_SHIFT_BITS, done++) {
        uint64_t entry = fill_empty(&e, &l, tag);
        if (entry == 0) break;
        uint64_t line = e.first_line + tag % ENTRIES_OF_TABLE / ENTRIES_OF_LINE;
        into->fetched[near_find(e.hw, &near, line)]++;
        pa_t at = pa((entry & PTE_ADDRESS) | va_offset(l.at));
        access_lines(e.hw, &near, into->accessed, at, e.s->bytes);
    }
    return done;
}

/* The same in a streak, from an address on; mostly none. A page table is known only where the first
 * level may miss. */
static inline uint64_t skip_empty(struct under_way *k, const struct streak *s, va_t at,
                                  uint64_t count)
{
    if (!k->by_page || !short_walk_knows(&k->walks, at)) return 0;
    if (!lane_is_empty(lane_set(&k->first, at))) return 0;
    struct empties e = { k->hw, s, k->first, k->second, k->hw->type_run, k->walks.entries,
                         k->walks.first_line, { 0 }, { 0 } };
    uint64_t done = access_empty(&e, lookup_of(k->hw, at, s->type, s->user), count);
    k->walks.count += done;
    for (unsigned i = 0; i < SERVED_COUNT; i++) {
        k->walks.fetched[i] += e.fetched[i];
        k->accessed[i] += e.accessed[i];
    }
    return done;
}

/* ---- settling ---- */

/* Each miss filled it. */
static void settle_level(struct tlb_level *level, const uint64_t hits[PAGE_SIZE_COUNT],
                         uint64_t misses, uint64_t evictions)
{
    level->counts.lookups += misses;
    level->counts.misses += misses;
    for (unsigned size = PAGE_4K; size < PAGE_SIZE_COUNT; size++) {
        level->counts.lookups += hits[size];
        level->counts.hits += hits[size];
        level->counts.size_hits[size] += hits[size];
    }
    if (misses == 0) return;
    level->counts.evictions += evictions;
    level->counts.size_evictions[PAGE_4K] += evictions;
    level->valid[PAGE_4K] += misses - evictions;
    level->small.array->valid_count += misses - evictions;
}

static inline void settle(struct under_way *k, struct tlb_level *first, struct tlb_level *second)
{
    uint64_t walks = k->walks.count, misses = k->second_hits + walks;
    settle_level(first, k->hits, misses, k->evictions);
    if (k->caches) count_served(k->hw->cpu, k->accessed);
    for (unsigned i = 0; i < SERVED_COUNT; i++)
        charge_some(k->hw, cost_of_access((enum served)i), k->accessed[i]);
    if (misses == 0) return;
    short_walks_settle(k->hw, &k->walks);
    if (second->sizes == 0) return;
    settle_level(second, (const uint64_t[PAGE_SIZE_COUNT]){ k->second_hits }, walks,
                 k->second_evictions);
    charge_some(k->hw, COST_TLB_MISS, misses);
}

/* ---- a streak ---- */

/* What depends on the context, and on what the levels hold. */
static inline void look_around(struct under_way *k, const struct streak *s, va_t at,
                               const struct tlb_level *first, const struct tlb_level *second)
{
    k->l = lookup_of(k->hw, at, s->type, s->user);
    k->first = first->small;
    if (k->hw->cpu->leaves_on == s->user) k->first.ways = 0;
    k->may_miss = has_lane_or_none(second) && !has_large(first) && !has_large(second);
    short_walks_begin(&k->walks, k->hw);
}

static inline void begin(struct under_way *k, struct hw *hw, const struct streak *s, va_t at,
                         const struct tlb_level *first, const struct tlb_level *second)
{
    k->hw = hw;
    k->second = second->small;
    k->caches = s->caches && hw->has_caches;
    k->by_page = s->step != 0 && s->step % PAGE_BYTES == 0 && k->second.ways != 0 && k->caches;
    k->page = NO_PAGE;
    k->walks.count = k->second_hits = k->evictions = k->second_evictions = 0;
    for (unsigned i = 0; i < PAGE_SIZE_COUNT; i++) k->hits[i] = 0;
    for (unsigned i = 0; i < SERVED_COUNT; i++) k->accessed[i] = k->walks.fetched[i] = 0;
    look_around(k, s, at, first, second);
}

/* Remembers the page of a translation, unless the first level has no place for it. */
static inline void know_page(struct under_way *k, va_t at, const struct translation *t,
                             const struct tlb_level *first)
{
    k->size = (enum page_size)(t->level - LEVEL_PT);
    k->entry = (t->entry & ~PTE_ADDRESS) | (translation_pa(t, at).v & ~PAGE_MASK);
    k->page = first->sizes >> k->size & 1 ? at.v >> PAGE_SHIFT_BITS : NO_PAGE;
}

/* One access by any way, counted and charged at once. */
static struct translation access_any(struct hw *hw, const struct streak *s, va_t at)
{
    struct translation t = hw_translate_long(hw, at, s->type, s->user);
    if (t.fault != ACCESS_OK) return t;
    if (translation_type(t.entry) != TYPE_WB)
        memory_access_typed(hw, t.entry, translation_pa(&t, at), s->bytes, s->type);
    else if (s->caches)
        memory_access(hw, translation_pa(&t, at), s->bytes);
    else
        charge(hw, COST_MEMORY, 1);
    return t;
}

/* The first access, which lies in one page, by any way, and those behind it that go the short way.
 * Returns how many, 0: it faults. */
static uint64_t streak_part(struct hw *hw, const struct streak *s, va_t at, uint64_t count,
                            enum access_fault *fault)
{
    struct tlb_level *first = first_level(hw->cpu, s->type);
    struct tlb_level *second = second_level(hw->cpu, first);
    struct under_way k;
    uint64_t done = 0, bytes = s->bytes, step = s->step;
    begin(&k, hw, s, at, first, second);
    while (done < count) {
        uint64_t ahead = skip_empty(&k, s, at, count - done);
        done += ahead;
        at = va_add(at, ahead * step);
        if (done == count) break;
        if (!access_short(&k, at, bytes)) {
            if (done > 0) break;
            struct translation t = access_any(hw, s, at);
            *fault = t.fault;
            if (t.fault != ACCESS_OK) return 0;
            look_around(&k, s, at, first, second);
            know_page(&k, at, &t, first);
        }
        at = va_add(at, step);
        done++;
    }
    settle(&k, first, second);
    return done;
}

/* All of them can be translated, and by entries of one space. */
static bool is_one_side(const struct hw *hw, va_t first, va_t last)
{
    bool same_half = (first.v ^ last.v) >> 63 == 0;
    bool same_side = (first.v >= hw->kernel_start) == (last.v >= hw->kernel_start);
    return same_half && same_side && hw_is_canonical(hw, first) && hw_is_canonical(hw, last);
}

uint64_t hw_access_streak(struct hw *hw, const struct streak *s, va_t at, uint64_t count,
                          enum access_fault *fault)
{
    uint64_t done = 0;
    *fault = ACCESS_OK;
    if (hw->nested || !is_one_side(hw, at, va_add(at, (count - 1) * s->step))) return 0;
    while (done < count && *fault == ACCESS_OK) {
        va_t from = va_add(at, done * s->step);
        if (!is_in_page(from, s->bytes)) break;
        done += streak_part(hw, s, from, count - done, fault);
    }
    return done;
}
