/* Page tables in simulated frames, in the true entry format; the only writer of entries.
 * Intel SDM volume 3A, chapter 4; AMD APM volume 2, chapter 5. */
#include "base/check.h"
#include "model/hw.h"

#include <string.h>

enum { TABLE_ENTRIES = 512, INDEX_BITS = 9 };

/* Upper entries allow everything: permissions are those of the leaf. PAE page-directory-pointer
 * entries have no R/W and U/S bits (SDM table 4-8). */
static uint64_t table_bits(const struct hw *hw, unsigned level, bool user)
{
    if (hw->mode == PAGING_PAE && level == LEVEL_PDPT) return PTE_PRESENT;
    return PTE_PRESENT | PTE_WRITE | (user ? PTE_USER : 0);
}

static size_t index_at(const struct hw *hw, va_t at, unsigned level)
{
    size_t index =
        (size_t)(at.v >> (PAGE_SHIFT_BITS + INDEX_BITS * (level - 1)) & (TABLE_ENTRIES - 1));
    return hw->mode == PAGING_PAE && level == LEVEL_PDPT ? index & 3 : index;
}

static bool is_kernel(const struct hw *hw, va_t at)
{
    return at.v >= hw->kernel_start;
}

struct page_map *paging_map_for(struct hw *hw, struct page_map *map, va_t at)
{
    return is_kernel(hw, at) ? &hw->system : map;
}

static bool take_table(struct hw *hw, struct page_map *map, unsigned level, pfn_t *out)
{
    if (!hw->tables.take(hw->tables.context, out)) return false;
    phys_fill(&hw->phys, *out, FILL_ZERO);
    map_set(&hw->table_used, out->v, 0);
    gauge_add(&map->level[level].tables, 1, hw_now(hw));
    gauge_add(&map->bytes, PAGE_BYTES, hw_now(hw));
    return true;
}

static void give_table(struct hw *hw, struct page_map *map, unsigned level, pfn_t table)
{
    map_remove(&hw->table_used, table.v);
    gauge_sub(&map->level[level].tables, 1);
    gauge_sub(&map->bytes, PAGE_BYTES);
    hw->tables.give(hw->tables.context, table);
}

/* What the manager writes is in the caches of the processor that it runs on. */
static void place_entries(struct hw *hw, pfn_t table, const uint64_t *first, uint64_t count)
{
    if (!hw->has_caches) return;
    size_t index = (size_t)(first - phys_table(&hw->phys, table));
    memory_place(hw, pa(pfn_to_pa(table).v + index * sizeof *first), count * sizeof *first);
}

/* With KVA shadow nothing is global, and the root of user mode follows that of the process. */
static uint64_t entry_for(const struct hw *hw, uint64_t entry)
{
    return hw->kva_shadow ? entry & ~PTE_GLOBAL : entry;
}

static void shadow_entry(struct hw *hw, const struct page_map *map, const uint64_t *slot)
{
    size_t index = (size_t)(slot - phys_table(&hw->phys, map->root));
    phys_table(&hw->phys, map->shadow)[index] = *slot;
    charge(hw, COST_PTE_WRITE, 1);
    place_entries(hw, map->shadow, &phys_table(&hw->phys, map->shadow)[index], 1);
}

/* Writes one entry of a table and keeps the counts of entries in use. */
static void entry_write(struct hw *hw, struct page_map *map, unsigned level, pfn_t table,
                        uint64_t *slot, uint64_t entry)
{
    bool was = *slot != 0, is = entry != 0;
    *slot = level == LEVEL_PT ? entry_for(hw, entry) : entry;
    map->writes++;
    charge(hw, COST_PTE_WRITE, 1);
    place_entries(hw, table, slot, 1);
    if (level == hw->top_level && page_map_has_shadow(hw, map)) shadow_entry(hw, map, slot);
    if (was == is) return;
    uint64_t used = map_at(&hw->table_used, table.v);
    if (is)
        gauge_add(&map->level[level].entries, 1, hw_now(hw));
    else
        gauge_sub(&map->level[level].entries, 1);
    map_set(&hw->table_used, table.v, is ? used + 1 : used - 1);
}

static void free_root(struct hw *hw, struct page_map *map)
{
    hw->maps[map->space - 1] = NULL;
    give_table(hw, map, hw->top_level, map->root);
}

bool paging_init(struct hw *hw, struct page_map *map, uint32_t space)
{
    *map = (struct page_map){ .space = space };
    if (!take_table(hw, map, hw->top_level, &map->root)) return false;
    if (space == 0) return true;
    if (hw->map_count < space) {
        hw->maps = mem_grow(hw->from, hw->maps, &hw->map_capacity, space, sizeof *hw->maps);
        hw->map_count = space;
    }
    hw->maps[space - 1] = map;
    uint64_t *own = phys_table(&hw->phys, map->root);
    const uint64_t *system = phys_table(&hw->phys, hw->system.root);
    for (size_t i = index_at(hw, va(hw->kernel_start), hw->top_level); i < TABLE_ENTRIES; i++)
        own[i] = system[i];
    if (!page_map_has_shadow(hw, map)) return true;
    if (take_table(hw, map, hw->top_level, &map->shadow)) return true;
    free_root(hw, map);
    return false;
}

void paging_free(struct hw *hw, struct page_map *map)
{
    if (page_map_has_shadow(hw, map)) give_table(hw, map, hw->top_level, map->shadow);
    free_root(hw, map);
}

/* A new table of the system at the top level appears in every process's root. */
static void mirror_root_entry(struct hw *hw, size_t index, uint64_t entry)
{
    for (size_t i = 0; i < hw->map_count; i++)
        if (hw->maps[i] != NULL) phys_table(&hw->phys, hw->maps[i]->root)[index] = entry;
}

/* The table of `level` that covers `at`; false when one above is missing. Stores nothing. */
static bool table_at(struct hw *hw, const struct page_map *map, va_t at, unsigned level, pfn_t *out)
{
    *out = is_kernel(hw, at) ? hw->system.root : map->root;
    for (unsigned l = hw->top_level; l > level; l--) {
        uint64_t entry = phys_table(&hw->phys, *out)[index_at(hw, at, l)];
        if ((entry & PTE_PRESENT) == 0) return false;
        *out = pte_pfn(entry);
    }
    return true;
}

uint64_t *paging_find(struct hw *hw, const struct page_map *map, va_t at, unsigned *level)
{
    pfn_t table = is_kernel(hw, at) ? hw->system.root : map->root;
    for (unsigned l = hw->top_level;; l--) {
        uint64_t *slot = &phys_table(&hw->phys, table)[index_at(hw, at, l)];
        if (l == LEVEL_PT || (l < LEVEL_PML4 && (*slot & PTE_LARGE) && (*slot & PTE_PRESENT))) {
            if (level != NULL) *level = l;
            return slot;
        }
        if ((*slot & PTE_PRESENT) == 0) return NULL;
        table = pte_pfn(*slot);
    }
}

uint64_t paging_entry(struct hw *hw, const struct page_map *map, va_t at)
{
    const uint64_t *slot = paging_find(hw, map, at, NULL);
    return slot == NULL ? 0 : *slot;
}

/* The page table of `at`, made when missing; false when no frame is free. */
static bool leaf_table(struct hw *hw, struct page_map *map, va_t at, pfn_t *out)
{
    map = paging_map_for(hw, map, at);
    pfn_t table = map->root;
    for (unsigned l = hw->top_level; l > LEVEL_PT; l--) {
        uint64_t *slot = &phys_table(&hw->phys, table)[index_at(hw, at, l)];
        if ((*slot & PTE_PRESENT) == 0) {
            pfn_t made;
            if (!take_table(hw, map, l - 1, &made)) return false;
            slot = &phys_table(&hw->phys, table)[index_at(hw, at, l)];
            entry_write(hw, map, l, table, slot,
                        pte_make(made, table_bits(hw, l, !is_kernel(hw, at))));
            if (l == hw->top_level && is_kernel(hw, at))
                mirror_root_entry(hw, index_at(hw, at, l), *slot);
        }
        table = pte_pfn(*slot);
    }
    *out = table;
    return true;
}

uint64_t *paging_slot(struct hw *hw, struct page_map *map, va_t at)
{
    pfn_t table;
    if (!leaf_table(hw, map, at, &table)) return NULL;
    return &phys_table(&hw->phys, table)[index_at(hw, at, LEVEL_PT)];
}

bool paging_reserve(struct hw *hw, struct page_map *map, va_t at, uint64_t page_count)
{
    uint64_t done = 0;
    while (done < page_count) {
        va_t here = va_add(at, done * PAGE_BYTES);
        pfn_t table;
        if (!leaf_table(hw, map, here, &table)) return false;
        done += TABLE_ENTRIES - index_at(hw, here, LEVEL_PT);
    }
    return true;
}

void paging_set(struct hw *hw, struct page_map *map, va_t at, uint64_t entry)
{
    map = paging_map_for(hw, map, at);
    pfn_t table;
    CHECK(leaf_table(hw, map, at, &table));
    entry_write(hw, map, LEVEL_PT, table, &phys_table(&hw->phys, table)[index_at(hw, at, LEVEL_PT)],
                entry);
}

void paging_set_range(struct hw *hw, struct page_map *map, va_t at, const uint64_t *frames,
                      uint64_t page_count, uint64_t bits)
{
    map = paging_map_for(hw, map, at);
    for (uint64_t done = 0; done < page_count;) {
        va_t here = va_add(at, done * PAGE_BYTES);
        size_t first = index_at(hw, here, LEVEL_PT);
        uint64_t n = TABLE_ENTRIES - first;
        if (n > page_count - done) n = page_count - done;
        pfn_t table;
        CHECK(leaf_table(hw, map, here, &table));
        uint64_t *slot = &phys_table(&hw->phys, table)[first];
        uint64_t fresh = 0;
        for (uint64_t i = 0; i < n; i++) {
            fresh += slot[i] == 0;
            slot[i] = entry_for(hw, pte_make(pfn(frames[done + i]), bits));
        }
        map->writes += n;
        charge(hw, COST_PTE_WRITE, n);
        place_entries(hw, table, slot, n);
        gauge_add(&map->level[LEVEL_PT].entries, fresh, hw_now(hw));
        map_set(&hw->table_used, table.v, map_at(&hw->table_used, table.v) + fresh);
        done += n;
    }
}

/* Gives back the tables of a process that hold no entry any more, from the page table of `at`
 * upwards. */
static void drop_empty_tables(struct hw *hw, struct page_map *map, va_t at)
{
    for (unsigned level = LEVEL_PT; level < hw->top_level; level++) {
        pfn_t parent = map->root;
        for (unsigned l = hw->top_level; l > level + 1; l--)
            parent = pte_pfn(phys_table(&hw->phys, parent)[index_at(hw, at, l)]);
        uint64_t *slot = &phys_table(&hw->phys, parent)[index_at(hw, at, level + 1)];
        pfn_t table = pte_pfn(*slot);
        if (map_at(&hw->table_used, table.v) != 0) return;
        entry_write(hw, map, level + 1, parent, slot, 0);
        give_table(hw, map, level, table);
    }
}

uint64_t paging_clear_range(struct hw *hw, struct page_map *map, va_t at, uint64_t page_count)
{
    map = paging_map_for(hw, map, at);
    uint64_t present = 0;
    for (uint64_t done = 0; done < page_count;) {
        va_t here = va_add(at, done * PAGE_BYTES);
        size_t first = index_at(hw, here, LEVEL_PT);
        uint64_t n = TABLE_ENTRIES - first;
        if (n > page_count - done) n = page_count - done;
        pfn_t table;
        done += n;
        if (!table_at(hw, map, here, LEVEL_PT, &table)) continue;
        uint64_t used = map_at(&hw->table_used, table.v);
        if (used == 0) continue;
        uint64_t *slot = &phys_table(&hw->phys, table)[first];
        uint64_t cleared = 0;
        for (uint64_t i = 0; i < n; i++) {
            present += (slot[i] & PTE_PRESENT) != 0;
            cleared += slot[i] != 0;
            slot[i] = 0;
        }
        if (cleared == 0) continue;
        map->writes += cleared;
        charge(hw, COST_PTE_WRITE, cleared);
        place_entries(hw, table, slot, n);
        gauge_sub(&map->level[LEVEL_PT].entries, cleared);
        map_set(&hw->table_used, table.v, used - cleared);
        if (map->space != 0) drop_empty_tables(hw, map, here);
    }
    return present;
}
