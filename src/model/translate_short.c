/* The short way of a translation: 4 KiB pages that a level of the TLB has, or that a walk of one
 * fetch finds. It does what translate.c does; until it is sure of that it changes nothing but the
 * order of a paging-structure cache, which the long way changes alike. */
#include "model/lookup.h"

/* ---- levels whose array of 4 KiB pages has a lane ---- */

static inline bool has_large(const struct tlb_level *level)
{
    return (level->valid[PAGE_2M] | level->valid[PAGE_1G]) != 0;
}

static inline uint64_t set_of(const struct tlb_lane *lane, va_t at)
{
    return at.v >> PAGE_SHIFT_BITS & lane->mask;
}

/* Which way of its set has the tag; lane->ways when none has. */
static inline unsigned lane_find(const struct tlb_lane *lane, uint64_t set, uint64_t tag)
{
    const uint64_t *tags = &lane->tag[set * lane->ways];
    if (tags[0] == TLB_NO_TAG) return lane->ways;
    return tlb_set_way(tags, lane->ways, tag);
}

/* Uses the entry in that way, unless the bits are not as wanted: then it gives 0. */
static inline uint64_t lane_use(const struct tlb_lane *lane, uint64_t set, unsigned way,
                                const struct lookup *l)
{
    uint64_t *tags = &lane->tag[set * lane->ways], *datas = &lane->data[set * lane->ways];
    uint64_t entry = datas[way];
    bool clean = l->type == ACCESS_WRITE && (entry & PTE_DIRTY) == 0;
    if (!permits(l, entry) || clean) return 0;
    if (way == 0) return entry;
    tlb_set_rotate(tags, way, tag_of(l, PAGE_4K));
    tlb_set_rotate(datas, way, entry);
    return entry;
}

static inline void lane_fill(struct tlb_level *level, uint64_t tag, uint64_t entry)
{
    const struct tlb_lane *lane = &level->small;
    uint64_t set = tag & lane->mask, *tags = &lane->tag[set * lane->ways],
             *datas = &lane->data[set * lane->ways];
    unsigned way = lane->ways - 1;
    uint64_t old = tags[way];
    tlb_note_filled(lane->array, set);
    level->valid[PAGE_4K]++;
    if (old == TLB_NO_TAG) {
        way = tags[0] == TLB_NO_TAG ? 0 : tlb_set_way(tags, lane->ways, TLB_NO_TAG);
        lane->array->valid_count++;
    } else {
        level->valid[tlb_tag_size(old)]--;
        level->counts.evictions++;
        level->counts.size_evictions[tlb_tag_size(old)]++;
    }
    tlb_set_rotate(tags, way, tag);
    tlb_set_rotate(datas, way, entry);
}

/* ---- walks ---- */

/* The level behind the first one fits, or there is none. */
static inline bool fits(const struct tlb_level *second)
{
    return second->small.ways != 0 || second->sizes == 0;
}

static inline uint64_t walk_once(struct hw *hw, struct tlb_level *first, struct tlb_level *second,
                                 const struct lookup *l)
{
    struct cpu *cpu = hw->cpu;
    struct tlb_array *a = &cpu->psc[PSC_PDE];
    if (a->valid_count == 0 || hw->nested) return 0;
    uint64_t tag = psc_tag(l, LEVEL_PD);
    const uint64_t *named = tlb_array_use(a, tlb_set_of(a, tag), tag);
    if (named == NULL) return 0;
    pfn_t table = pte_pfn(*named);
    size_t index = l->at.v >> PAGE_SHIFT_BITS & 511;
    uint64_t *slot = &phys_table(&hw->phys, table)[index], entry = *slot;
    if ((entry & PTE_PRESENT) == 0 || !permits(l, entry)) return 0;
    charge(hw, COST_WALK, 1);
    cpu->walks.count++;
    cpu->walks.pscache_hits[PSC_PDE]++;
    cpu->walks.references[LEVEL_PT]++;
    cpu->walks.served_by[memory_fetch(hw, pa(pfn_to_pa(table).v + index * sizeof *slot))]++;
    entry |= PTE_ACCESSED | (l->type == ACCESS_WRITE ? PTE_DIRTY : 0);
    *slot = entry;
    entry |= type_bits(hw, entry, pte_pfn(entry));
    if (second->sizes != 0) lane_fill(second, tag_of(l, PAGE_4K), entry);
    lane_fill(first, tag_of(l, PAGE_4K), entry);
    return entry;
}

uint64_t hw_walk_short(struct hw *hw, va_t at, enum access_type type, bool user)
{
    struct tlb_level *first = first_level(hw->cpu, type), *second = second_level(hw->cpu, first);
    if (first->small.ways == 0 || !fits(second)) return 0;
    struct lookup l = lookup_of(hw, at, type, user);
    return walk_once(hw, first, second, &l);
}

/* Where its page table is the one that was walked last with its set. */
void hw_prefetch_walk(const struct hw *hw, va_t at)
{
    const struct tlb_array *a = &hw->cpu->psc[PSC_PDE];
    struct lookup l = { .at = at, .space = tlb_tag(0, PAGE_4K, context_at(hw, hw->cpu, at)) };
    uint64_t tag = psc_tag(&l, LEVEL_PD);
    if (a->valid_count == 0) return;
    size_t front = (size_t)tlb_set_of(a, tag) * a->ways;
    if (a->tag[front] != tag) return;
    const uint64_t *entries = phys_table_peek(&hw->phys, pte_pfn(a->data[front]));
    if (entries != NULL) __builtin_prefetch(&entries[at.v >> PAGE_SHIFT_BITS & 511], 1);
}

/* ---- lookups ---- */

/* No level has it but, perhaps, the second. */
static inline uint64_t look_further(struct hw *hw, struct tlb_level *first,
                                    struct tlb_level *second, const struct lookup *l)
{
    const struct tlb_lane *lane = &second->small;
    uint64_t set = set_of(lane, l->at), entry;
    unsigned way = lane->ways == 0 ? 0 : lane_find(lane, set, tag_of(l, PAGE_4K));
    if (way == lane->ways) {
        entry = walk_once(hw, first, second, l);
        if (entry == 0) return 0;
        second->counts.misses += second->sizes != 0;
    } else {
        entry = lane_use(lane, set, way, l);
        if (entry == 0) return 0;
        second->counts.hits++;
        second->counts.size_hits[PAGE_4K]++;
        lane_fill(first, tag_of(l, PAGE_4K), entry);
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
    uint64_t set = set_of(lane, at), entry;
    unsigned way = lane_find(lane, set, tag_of(&l, PAGE_4K));
    if (way != lane->ways) {
        entry = lane_use(lane, set, way, &l);
        first->counts.hits += entry != 0;
        first->counts.size_hits[PAGE_4K] += entry != 0;
    } else {
        struct tlb_level *second = second_level(cpu, first);
        if (has_large(first) || has_large(second) || !fits(second)) return 0;
        entry = look_further(hw, first, second, &l);
    }
    first->counts.lookups += entry != 0;
    return entry;
}
