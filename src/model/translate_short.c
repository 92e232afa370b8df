/* The short way of a translation: 4 KiB pages that a level of the TLB has, or that a walk of one
 * fetch finds. It does what translate.c does; until it is sure of that it changes nothing but the
 * order of a paging-structure cache, which the long way changes alike. */
#include "model/short_walk.h"

/* ---- walks ---- */

static void lane_fill(struct tlb_level *level, const struct lookup *l, uint64_t entry)
{
    uint64_t old = lane_put(lane_set(&level->small, l->at), tag_of(l, PAGE_4K), entry);
    level->valid[PAGE_4K]++;
    if (old == TLB_NO_TAG) {
        level->small.array->valid_count++;
    } else {
        level->valid[tlb_tag_size(old)]--;
        level->counts.evictions++;
        level->counts.size_evictions[tlb_tag_size(old)]++;
    }
}

static inline uint64_t walk_once(struct hw *hw, struct tlb_level *first, struct tlb_level *second,
                                 const struct lookup *l)
{
    struct cpu *cpu = hw->cpu;
    pfn_t table = hw->nested ? PFN_NONE : named_table(cpu, psc_tag(cpu, l->at, LEVEL_PD));
    if (table.v == PFN_NONE.v) return 0;
    uint64_t *slot = &phys_table(&hw->phys, table)[leaf_index(l->at)];
    if (!permits(l, *slot)) return 0;
    charge(hw, COST_WALK, 1);
    cpu->walks.count++;
    cpu->walks.pscache_hits[PSC_PDE]++;
    cpu->walks.references[LEVEL_PT]++;
    pa_t at = pa(pfn_to_pa(table).v + leaf_index(l->at) * sizeof *slot);
    cpu->walks.served_by[memory_fetch(hw, at)]++;
    uint64_t entry = leaf_use(hw, l, slot);
    if (second->sizes != 0) lane_fill(second, l, entry);
    lane_fill(first, l, entry);
    return entry;
}

uint64_t hw_walk_short(struct hw *hw, va_t at, enum access_type type, bool user)
{
    struct tlb_level *first = first_level(hw->cpu, type), *second = second_level(hw->cpu, first);
    if (first->small.ways == 0 || !has_lane_or_none(second)) return 0;
    struct lookup l = lookup_of(hw, at, type, user);
    return walk_once(hw, first, second, &l);
}

void short_walks_settle(struct hw *hw, struct short_walks *w)
{
    struct walk_counts *walks = &hw->cpu->walks;
    walks->count += w->count;
    walks->pscache_hits[PSC_PDE] += w->count;
    walks->references[LEVEL_PT] += w->count;
    charge_some(hw, COST_WALK, w->count);
    if (hw->has_caches) count_served(hw->cpu, w->fetched);
    for (unsigned i = 0; i < SERVED_COUNT; i++) {
        enum cost cost = hw->has_caches ? cost_of_fetch((enum served)i) : COST_WALK_REFERENCE;
        walks->served_by[i] += w->fetched[i];
        charge_some(hw, cost, w->fetched[i]);
        w->fetched[i] = 0;
    }
    w->count = 0;
}

/* ---- lookups ---- */

/* No level has it but, perhaps, the second. */
static inline uint64_t look_further(struct hw *hw, struct tlb_level *first,
                                    struct tlb_level *second, const struct lookup *l)
{
    const struct tlb_lane *lane = &second->small;
    struct lane_set set = lane_set(lane, l->at);
    uint64_t tag = tag_of(l, PAGE_4K), entry;
    unsigned way = lane->ways == 0 ? 0 : lane_find(set, tag);
    if (way == lane->ways) {
        entry = walk_once(hw, first, second, l);
        if (entry == 0) return 0;
        second->counts.misses += second->sizes != 0;
    } else {
        entry = lane_use(set, way, tag, l);
        if (entry == 0) return 0;
        second->counts.hits++;
        second->counts.size_hits[PAGE_4K]++;
        lane_fill(first, l, entry);
    }
    first->counts.misses++;
    if (second->sizes == 0) return entry;
    second->counts.lookups++;
    charge(hw, COST_TLB_MISS, 1);
    return entry;
}

uint64_t hw_translate_short(struct hw *hw, va_t at, enum access_type type, bool user)
{
    struct cpu *cpu = hw->cpu;
    struct tlb_level *first = first_level(cpu, type);
    const struct tlb_lane *lane = &first->small;
    if (lane->ways == 0 || !hw_is_canonical(hw, at) || cpu->leaves_on == user) return 0;
    struct lookup l = lookup_of(hw, at, type, user);
    struct lane_set set = lane_set(lane, at);
    uint64_t tag = tag_of(&l, PAGE_4K), entry;
    unsigned way = lane_find(set, tag);
    if (way != lane->ways) {
        entry = lane_use(set, way, tag, &l);
        first->counts.hits += entry != 0;
        first->counts.size_hits[PAGE_4K] += entry != 0;
    } else {
        struct tlb_level *second = second_level(cpu, first);
        if (has_large(first) || has_large(second) || !has_lane_or_none(second)) return 0;
        entry = look_further(hw, first, second, &l);
    }
    first->counts.lookups += entry != 0;
    return entry;
}
