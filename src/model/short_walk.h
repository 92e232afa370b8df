/* Walks of one fetch with nothing between them but lookups and accesses to data: the page table
 * walked last is found once, and what they count and cost is added up and settled later. For
 * src/model and the fast path of replays. */
#pragma once

#include "model/lane.h"
#include "model/memory_lines.h"

enum { ENTRIES_OF_LINE = CACHE_LINE_BYTES / sizeof(uint64_t) };

struct short_walks {
    uint64_t region; /* of 2 MiB, whose page table was walked last; its entries, its first line */
    uint64_t *entries, first_line;
    struct near_cache near;
    uint64_t count, fetched[SERVED_COUNT]; /* not yet settled */
};

/* Before the first, and after anything else has happened: another context, tables that changed. */
static inline void short_walks_begin(struct short_walks *w, const struct hw *hw)
{
    w->region = UINT64_MAX;
    w->near = near_cache_of(hw);
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
    pfn_t table = named_table(hw->cpu, psc_tag(hw->cpu, l->at, LEVEL_PD));
    if (table.v == PFN_NONE.v) return false;
    w->entries = phys_table(&hw->phys, table);
    w->first_line = pfn_to_pa(table).v >> CACHE_LINE_SHIFT;
    w->region = l->at.v >> shift_of(LEVEL_PD);
    return true;
}

/* The fetch of a walk whose page table is known. */
static inline void short_walk_fetch(struct hw *hw, struct short_walks *w, size_t index)
{
    w->count++;
    w->fetched[near_find(hw, &w->near, w->first_line + index / ENTRIES_OF_LINE)]++;
}

/* The entry of a page that no level has, and which none has yet; 0: the walk takes more fetches or
 * ends in a fault, and has not happened. Not in a guest. */
static inline uint64_t short_walk(struct hw *hw, struct short_walks *w, const struct lookup *l)
{
    size_t index = leaf_index(l->at);
    if (!short_walk_table(hw, w, l) || !permits(l, w->entries[index])) return 0;
    short_walk_fetch(hw, w, index);
    return leaf_use(hw, l, &w->entries[index]);
}

/* Asks the host's caches for the entry that a walk of the page will read, where it is in the page
 * table walked last. */
static inline void short_walk_prefetch(const struct short_walks *w, va_t at)
{
    if (!short_walk_knows(w, at)) return;
    __builtin_prefetch(&w->entries[leaf_index(at)], 1);
}
