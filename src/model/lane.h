/* What the short ways of a translation share (translate_short.c, streak.c): levels whose array of
 * 4 KiB pages has a lane, and walks of one fetch. Only for src/model. */
#pragma once

#include "model/lookup.h"

/* ---- levels ---- */

static inline bool has_large(const struct tlb_level *level)
{
    return (level->valid[PAGE_2M] | level->valid[PAGE_1G]) != 0;
}

/* The level behind the first one has a lane, or there is none. */
static inline bool has_lane_or_none(const struct tlb_level *second)
{
    return second->small.ways != 0 || second->sizes == 0;
}

/* The set of an address in a lane. */
struct lane_set {
    uint64_t *tags, *datas;
    const struct tlb_lane *lane;
};

static inline struct lane_set lane_set_of(const struct tlb_lane *lane, uint64_t page)
{
    size_t base = (size_t)(page & lane->mask) * lane->ways;
    return (struct lane_set){ &lane->tag[base], &lane->data[base], lane };
}
static inline struct lane_set lane_set(const struct tlb_lane *lane, va_t at)
{
    return lane_set_of(lane, at.v >> PAGE_SHIFT_BITS);
}

static inline bool lane_is_empty(struct lane_set set)
{
    return set.tags[0] == TLB_NO_TAG;
}

/* Which way has the tag; lane->ways when none has. */
static inline unsigned lane_find(struct lane_set set, uint64_t tag)
{
    if (lane_is_empty(set)) return set.lane->ways;
    return tlb_set_way(set.tags, set.lane->ways, tag);
}

/* Uses the entry in that way, unless the bits are not as wanted: then it gives 0. */
static inline uint64_t lane_use(struct lane_set set, unsigned way, uint64_t tag,
                                const struct lookup *l)
{
    uint64_t entry = set.datas[way];
    bool clean = l->type == ACCESS_WRITE && (entry & PTE_DIRTY) == 0;
    if (!permits(l, entry) || clean) return 0;
    if (way == 0) return entry;
    tlb_set_rotate_both(set.tags, set.datas, way, tag, entry);
    return entry;
}

/* Puts an entry into an empty set. */
static inline void lane_put_first(struct lane_set set, uint64_t tag, uint64_t entry)
{
    tlb_note_filled(set.lane->array, tag & set.lane->mask);
    set.tags[0] = tag;
    set.datas[0] = entry;
}

/* Puts an entry into a set that lacks it; the tag that had to go, or TLB_NO_TAG. Empty places are
 * behind the others, so that all move on by one. */
static inline uint64_t lane_put(struct lane_set set, uint64_t tag, uint64_t entry)
{
    if (lane_is_empty(set)) {
        lane_put_first(set, tag, entry);
        return TLB_NO_TAG;
    }
    unsigned last = set.lane->ways - 1;
    uint64_t old = set.tags[last];
    tlb_set_rotate_both(set.tags, set.datas, last, tag, entry);
    return old;
}

/* ---- walks of one fetch ---- */

/* The page table of an address, as the paging-structure cache of its entry has it; PFN_NONE: the
 * walk takes more fetches. */
static inline pfn_t named_table(struct cpu *cpu, uint64_t tag)
{
    struct tlb_array *a = &cpu->psc[PSC_PDE];
    if (a->valid_count == 0) return PFN_NONE;
    const uint64_t *named = tlb_array_use(a, tlb_set_of(a, tag), tag);
    return named == NULL ? PFN_NONE : pte_pfn(*named);
}

enum { ENTRIES_OF_TABLE = 512 };
static inline size_t leaf_index(va_t at)
{
    return (size_t)(at.v >> PAGE_SHIFT_BITS) % ENTRIES_OF_TABLE;
}

/* Marks the entry as used; as the levels get it. */
static inline uint64_t leaf_use(struct hw *hw, const struct lookup *l, uint64_t *slot)
{
    uint64_t entry = *slot | l->marks;
    *slot = entry;
    return entry | type_bits(hw, entry, pte_pfn(entry));
}
