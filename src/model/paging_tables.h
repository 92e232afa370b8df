/* What the files of paging share: tables and single entries. For src/model/paging*.c alone. */
#pragma once

#include "model/hw.h"

enum {
    TABLE_INDEX_BITS = 9,
    TABLE_ENTRIES = 1 << TABLE_INDEX_BITS,
    TABLE_REGION_BITS = PAGE_SHIFT_BITS + TABLE_INDEX_BITS, /* of the 2 MiB of a page table */
};

/* Upper entries allow everything: permissions are those of the leaf. */
uint64_t paging_table_bits(const struct hw *hw, unsigned level, bool user);
static inline size_t paging_index(const struct hw *hw, va_t at, unsigned level)
{
    unsigned shift = PAGE_SHIFT_BITS + TABLE_INDEX_BITS * (level - LEVEL_PT);
    size_t index = (size_t)(at.v >> shift & (TABLE_ENTRIES - 1));
    return hw->mode == PAGING_PAE && level == LEVEL_PDPT ? index & (PDPTE_REGISTERS - 1) : index;
}
static inline bool paging_is_kernel(const struct hw *hw, va_t at)
{
    return at.v >= hw->kernel_start;
}
static inline uint64_t *paging_slot_of(struct hw *hw, pfn_t table, va_t at, unsigned level)
{
    return &phys_table(&hw->phys, table)[paging_index(hw, at, level)];
}
/* A table came, went or changed its place: none is remembered any more. */
static inline void paging_forget(struct hw *hw)
{
    hw->near[0].root = hw->near[1].root = PFN_NONE;
}
/* A zeroed table; false when no frame is free. */
bool paging_take_table(struct hw *hw, struct page_map *map, unsigned level, pfn_t *out);
void paging_give_table(struct hw *hw, struct page_map *map, unsigned level, pfn_t table);
/* Writes one entry of a table and keeps the counts of entries in use and of large pages. */
void paging_write(struct hw *hw, struct page_map *map, unsigned level, pfn_t table, va_t at,
                  uint64_t entry);
/* Entries that were just written stand in the processor's caches. */
void paging_place(struct hw *hw, pfn_t table, const uint64_t *first, uint64_t count);
/* The table whose entry of `level` covers `at`, made with those above when missing; large pages in
 * the way are split. False when no frame is free. `map` is the one that `at` belongs to. */
bool paging_make(struct hw *hw, struct page_map *map, va_t at, unsigned level, pfn_t *out);
/* Whether the page table of `at` below that root is the one found last: then *table is it. */
static inline bool paging_is_near(struct hw *hw, pfn_t root, va_t at, pfn_t *table)
{
    const struct leaf_table *near = &hw->near[paging_is_kernel(hw, at)];
    *table = near->table;
    return near->root.v == root.v && near->region == at.v >> TABLE_REGION_BITS;
}
unsigned paging_leaf_search(struct hw *hw, pfn_t root, va_t at, pfn_t *table);
/* The level of the leaf of `at`, *table the one that holds it: LEVEL_PT, or above it a large page.
 * 0 when a table is missing. */
static inline unsigned paging_leaf(struct hw *hw, const struct page_map *map, va_t at,
                                   pfn_t *table)
{
    pfn_t root = paging_is_kernel(hw, at) ? hw->system.root : map->root;
    if (paging_is_near(hw, root, at, table)) return LEVEL_PT;
    return paging_leaf_search(hw, root, at, table);
}
/* Gives back the tables of a process that hold no entry any more, from that of `level` upwards. */
void paging_drop_empty(struct hw *hw, struct page_map *map, va_t at, unsigned level);
