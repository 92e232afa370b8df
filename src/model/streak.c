/* Accesses of one kind with nothing else between them: see streak.h. */
#include "model/streak.h"

#define NO_PAGE UINT64_MAX

bool streak_begin(struct streak *k, struct hw *hw, enum access_type type, bool user, bool caches)
{
    struct cpu *cpu = hw->cpu;
    struct tlb_level *first = first_level(cpu, type), *second = second_level(cpu, first);
    if (first->small.ways == 0 || hw->nested || cpu->leaves_on == user) return false;
    *k = (struct streak){ .hw = hw,
                          .l = lookup_of(hw, va(0), type, user),
                          .first = first,
                          .second = second,
                          .may_miss = has_lane_or_none(second) && !has_large(first) &&
                                      !has_large(second),
                          .caches = caches && hw->has_caches,
                          .page = NO_PAGE };
    short_walks_forget(&k->walks);
    return true;
}

/* ---- looking a page up ---- */

static inline uint64_t look_further(struct streak *k, uint64_t tag)
{
    const struct tlb_lane *lane = &k->second->small;
    struct lane_set set = lane_set(lane, k->l.at);
    unsigned way = lane->ways == 0 ? 0 : lane_find(set, tag);
    uint64_t entry;
    if (way == lane->ways) {
        entry = short_walk(k->hw, &k->walks, &k->l);
        if (entry != 0 && way != 0)
            k->second_evictions += lane_put(set, tag, entry) != TLB_NO_TAG;
    } else {
        entry = lane_use(set, way, tag, &k->l);
        k->second_hits += entry != 0;
    }
    return entry;
}

/* The entry of the page; 0: it is not to be had the short way, and nothing has happened. */
static inline uint64_t look_up(struct streak *k, va_t at)
{
    k->l.at = at;
    struct lane_set set = lane_set(&k->first->small, at);
    uint64_t tag = tag_of(&k->l, PAGE_4K), entry = 0;
    unsigned way = lane_find(set, tag);
    if (way != set.lane->ways) {
        entry = lane_use(set, way, tag, &k->l);
        k->hits += entry != 0;
    } else if (k->may_miss) {
        entry = look_further(k, tag);
        if (entry != 0) k->evictions += lane_put(set, tag, entry) != TLB_NO_TAG;
    }
    return entry;
}

/* ---- accesses ---- */

static inline void access_lines(struct streak *k, pa_t at, uint64_t bytes)
{
    struct cpu *cpu = k->hw->cpu;
    uint64_t line = at.v >> CACHE_LINE_SHIFT, last = (at.v + bytes - 1) >> CACHE_LINE_SHIFT;
    do k->accessed[find_line(cpu, line, 1)]++;
    while (line++ != last);
}

static inline void access_data(struct streak *k, pa_t at, uint64_t bytes)
{
    if (__builtin_expect(translation_type(k->entry) != TYPE_WB, 0))
        memory_access_typed(k->hw, k->entry, at, bytes, k->l.type);
    else if (k->caches)
        access_lines(k, at, bytes);
    else
        k->accessed[SERVED_L1D]++;
}

static inline bool access_one(struct streak *k, va_t at, uint64_t bytes)
{
    uint64_t page = at.v >> PAGE_SHIFT_BITS;
    if (va_offset(at) + bytes > PAGE_BYTES) return false;
    if (page != k->page) {
        uint64_t entry = look_up(k, at);
        if (entry == 0) return false;
        k->page = page;
        k->entry = entry;
    } else {
        k->hits++;
    }
    access_data(k, pa((k->entry & PTE_ADDRESS) | va_offset(at)), bytes);
    return true;
}

/* All of them can be translated, and by entries of one space. */
static bool is_one_side(const struct hw *hw, va_t first, va_t last)
{
    bool same_half = (first.v ^ last.v) >> 63 == 0;
    bool same_side = (first.v >= hw->kernel_start) == (last.v >= hw->kernel_start);
    return same_half && same_side && hw_is_canonical(hw, first) && hw_is_canonical(hw, last);
}

uint64_t streak_stride(struct streak *k, va_t at, uint64_t step, uint64_t bytes, uint64_t count)
{
    uint64_t done = 0;
    if (count == 0 || !is_one_side(k->hw, at, va_add(at, (count - 1) * step))) return 0;
    k->l.space = tlb_tag(0, PAGE_4K, context_at(k->hw, k->hw->cpu, at));
    while (done < count && access_one(k, va_add(at, done * step), bytes)) done++;
    return done;
}

/* ---- settling ---- */

/* Each miss filled it. */
static void settle_level(struct tlb_level *level, uint64_t hits, uint64_t misses,
                         uint64_t evictions)
{
    level->counts.lookups += hits + misses;
    level->counts.hits += hits;
    level->counts.size_hits[PAGE_4K] += hits;
    level->counts.misses += misses;
    if (misses == 0) return;
    level->counts.evictions += evictions;
    level->counts.size_evictions[PAGE_4K] += evictions;
    level->valid[PAGE_4K] += misses - evictions;
    level->small.array->valid_count += misses - evictions;
}

void streak_end(struct streak *k)
{
    uint64_t walks = k->walks.count, misses = k->second_hits + walks;
    settle_level(k->first, k->hits, misses, k->evictions);
    for (unsigned i = 0; i < SERVED_COUNT; i++)
        charge_some(k->hw, cost_of_access((enum served)i), k->accessed[i]);
    if (misses == 0) return;
    short_walks_settle(k->hw, &k->walks);
    if (k->second->sizes == 0) return;
    settle_level(k->second, k->second_hits, walks, k->second_evictions);
    charge_some(k->hw, COST_TLB_MISS, misses);
}
