/* Walks of one fetch with nothing between them but lookups and accesses to data: the page table
 * walked last is found once, and what they count and cost is added up and settled later. For
 * src/model and the fast path of replays. */
#pragma once

#include "model/lane.h"
#include "model/memory_lines.h"

struct short_walks {
    uint64_t region; /* of 2 MiB, whose page table was walked last; its frame, its entries */
    pfn_t table;
    uint64_t *entries;
    uint64_t count, fetched[SERVED_COUNT]; /* not yet settled */
};

/* Before the first, and after anything else has happened: another context, tables that changed. */
static inline void short_walks_forget(struct short_walks *w)
{
    w->region = UINT64_MAX;
}

static inline bool short_walk_knows(const struct short_walks *w, va_t at)
{
    return at.v >> shift_of(LEVEL_PD) == w->region;
}

/* Counts and charges them (translate_short.c). */
void short_walks_settle(struct hw *hw, struct short_walks *w);

/* The page table that a walk of one fetch uses; its paging-structure cache has used its entry. */
static inline bool short_walk_table(struct hw *hw, struct short_walks *w, const struct lookup *l)
{
    if (short_walk_knows(w, l->at)) return true; /* its entry is still the newest */
    w->region = UINT64_MAX;
    w->table = named_table(hw->cpu, psc_tag(hw->cpu, l->at, LEVEL_PD));
    if (w->table.v == PFN_NONE.v) return false;
    w->entries = phys_table(&hw->phys, w->table);
    w->region = l->at.v >> shift_of(LEVEL_PD);
    return true;
}

/* The entry of a page that no level has, and which none has yet; 0: the walk takes more fetches or
 * ends in a fault, and has not happened. Not in a guest. */
static inline uint64_t short_walk(struct hw *hw, struct short_walks *w, const struct lookup *l)
{
    size_t index = leaf_index(l->at);
    if (!short_walk_table(hw, w, l) || !leaf_permits(l, w->entries[index])) return 0;
    uint64_t line = (pfn_to_pa(w->table).v + index * sizeof(uint64_t)) >> CACHE_LINE_SHIFT;
    enum served by = hw->has_caches ? find_line(hw->cpu, line, 1) : SERVED_L2;
    w->count++;
    w->fetched[by]++;
    return leaf_use(hw, l, &w->entries[index]);
}

/* Asks the host's caches for the entry that a walk of the page will read, where it is in the page
 * table walked last. */
static inline void short_walk_prefetch(const struct short_walks *w, va_t at)
{
    if (!short_walk_knows(w, at)) return;
    __builtin_prefetch(&w->entries[leaf_index(at)], 1);
}
