/* Page tables in simulated frames, in the true entry format; the only writer of entries.
 * Intel SDM volume 3A, chapter 4; AMD APM volume 2, chapter 5. */
#include "model/paging_tables.h"

#include "base/check.h"
#include "model/memory_place.h"

#include <string.h>

/* PAE page-directory-pointer entries have no R/W and U/S bits (SDM table 4-8). */
uint64_t paging_table_bits(const struct hw *hw, unsigned level, bool user)
{
    if (hw->mode == PAGING_PAE && level == LEVEL_PDPT) return PTE_PRESENT;
    return PTE_PRESENT | PTE_WRITE | (user ? PTE_USER : 0);
}

struct page_map *paging_map_for(struct hw *hw, struct page_map *map, va_t at)
{
    return paging_is_kernel(hw, at) ? &hw->system : map;
}

bool paging_take_table(struct hw *hw, struct page_map *map, unsigned level, pfn_t *out)
{
    if (!hw->tables.take(hw->tables.context, out)) return false;
    phys_fill(&hw->phys, *out, FILL_ZERO);
    map_set(&hw->table_used, out->v, 0);
    gauge_add(&map->level[level].tables, 1, hw_now(hw));
    gauge_add(&map->bytes, PAGE_BYTES, hw_now(hw));
    return true;
}

void paging_give_table(struct hw *hw, struct page_map *map, unsigned level, pfn_t table)
{
    paging_forget(hw);
    map_remove(&hw->table_used, table.v);
    gauge_sub(&map->level[level].tables, 1);
    gauge_sub(&map->bytes, PAGE_BYTES);
    hw->tables.give(hw->tables.context, table);
}

/* The number of entries of a table that are in use. */
static uint64_t *entries_used(struct hw *hw, pfn_t table)
{
    struct map_slot *slot = map_find(&hw->table_used, table.v);
    CHECK2(slot != NULL, table.v, 0);
    return &slot->value;
}

/* What the manager writes is in the caches of the processor that it runs on. */
void paging_place(struct hw *hw, pfn_t table, const uint64_t *first, uint64_t count)
{
    if (!hw->has_caches) return;
    size_t index = (size_t)(first - phys_table(&hw->phys, table));
    memory_place(hw, pa(pfn_to_pa(table).v + index * sizeof *first), count * sizeof *first);
}

/* The same of entries in a row; those of whole tables may wait until placing_end(). */
static void place_entries(struct hw *hw, struct placing *placing, pfn_t table,
                          const uint64_t *first, uint64_t count)
{
    if (count == TABLE_ENTRIES) {
        placing_add(hw, placing, table);
        return;
    }
    placing_end(hw, placing);
    paging_place(hw, table, first, count);
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
    paging_place(hw, map->shadow, &phys_table(&hw->phys, map->shadow)[index], 1);
}

void paging_write(struct hw *hw, struct page_map *map, unsigned level, pfn_t table, va_t at,
                  uint64_t entry)
{
    uint64_t *slot = paging_slot_of(hw, table, at, level);
    bool was = *slot != 0, is = entry != 0;
    bool was_large = pte_is_large(*slot, level), is_large = pte_is_large(entry, level);
    *slot = entry_for(hw, entry);
    if (level > LEVEL_PT) paging_forget(hw);
    map->writes++;
    charge(hw, COST_PTE_WRITE, 1);
    paging_place(hw, table, slot, 1);
    if (level == hw->top_level && page_map_has_shadow(hw, map)) shadow_entry(hw, map, slot);
    if (was_large) gauge_sub(&map->large[level - LEVEL_PD], 1);
    if (is_large) gauge_add(&map->large[level - LEVEL_PD], 1, hw_now(hw));
    if (was == is) return;
    uint64_t *used = entries_used(hw, table);
    *used = is ? *used + 1 : *used - 1;
    if (is)
        gauge_add(&map->level[level].entries, 1, hw_now(hw));
    else
        gauge_sub(&map->level[level].entries, 1);
}

/* A new table of the system at the top level appears in every process's root. */
static void mirror_root_entry(struct hw *hw, size_t index, uint64_t entry)
{
    for (size_t i = 0; i < hw->map_count; i++)
        if (hw->maps[i] != NULL) phys_table(&hw->phys, hw->maps[i]->root)[index] = entry;
}

/* A new table for the entry of `level` that covers `at`. */
static bool add_table(struct hw *hw, struct page_map *map, pfn_t table, va_t at, unsigned level)
{
    pfn_t made;
    bool user = !paging_is_kernel(hw, at);
    if (!paging_take_table(hw, map, level - 1, &made)) return false;
    uint64_t entry = pte_make(made, paging_table_bits(hw, level, user));
    paging_write(hw, map, level, table, at, entry);
    if (level == hw->top_level && !user)
        mirror_root_entry(hw, paging_index(hw, at, level), entry);
    return true;
}

/* With PAE every map has its page directories from the start, as those of Windows have: what the
 * registers of a processor say of it is never out of date, so that no change of a mapping needs a
 * load of CR3 besides its flush. */
static bool add_directories(struct hw *hw, struct page_map *map)
{
    size_t kernel = paging_index(hw, va(hw->kernel_start), LEVEL_PDPT);
    size_t first = map->space == 0 ? kernel : 0, end = map->space == 0 ? PDPTE_REGISTERS : kernel;
    if (hw->mode != PAGING_PAE) return true;
    for (size_t i = first; i < end; i++) {
        if (!add_table(hw, map, map->root, va((uint64_t)i * GIB), LEVEL_PDPT)) return false;
        pfn_t table = pte_pfn(phys_table(&hw->phys, map->root)[i]);
        phys_table(&hw->phys, table); /* stored, so that a dump of memory has it */
    }
    return true;
}

/* Its own page directories go with the root. */
static void free_root(struct hw *hw, struct page_map *map)
{
    size_t kernel = paging_index(hw, va(hw->kernel_start), hw->top_level);
    const uint64_t *entry = phys_table(&hw->phys, map->root);
    for (size_t i = 0; hw->mode == PAGING_PAE && i < kernel; i++)
        if (entry[i] != 0) paging_give_table(hw, map, LEVEL_PD, pte_pfn(entry[i]));
    hw->maps[map->space - 1] = NULL;
    paging_give_table(hw, map, hw->top_level, map->root);
}

static bool init_system(struct hw *hw, struct page_map *map)
{
    if (!add_directories(hw, map)) return false;
    for (uint32_t i = 0; map == &hw->system && i < hw->cpu_count; i++)
        context_load_registers(hw, &hw->cpus[i]);
    return true;
}

bool paging_init(struct hw *hw, struct page_map *map, uint32_t space)
{
    *map = (struct page_map){ .space = space };
    if (!paging_take_table(hw, map, hw->top_level, &map->root)) return false;
    if (space == 0) return init_system(hw, map);
    if (hw->map_count < space) {
        hw->maps = mem_grow(hw->from, hw->maps, &hw->map_capacity, space, sizeof *hw->maps);
        hw->map_count = space;
    }
    hw->maps[space - 1] = map;
    uint64_t *own = phys_table(&hw->phys, map->root);
    const uint64_t *system = phys_table(&hw->phys, hw->system.root);
    for (size_t i = paging_index(hw, va(hw->kernel_start), hw->top_level); i < TABLE_ENTRIES; i++)
        own[i] = system[i];
    bool has_shadow = page_map_has_shadow(hw, map);
    if (has_shadow && !paging_take_table(hw, map, hw->top_level, &map->shadow)) {
        free_root(hw, map);
        return false;
    }
    if (add_directories(hw, map)) return true;
    paging_free(hw, map);
    return false;
}

void paging_free(struct hw *hw, struct page_map *map)
{
    if (page_map_has_shadow(hw, map))
        paging_give_table(hw, map, hw->top_level, map->shadow);
    free_root(hw, map);
}

static inline void remember(struct hw *hw, pfn_t root, va_t at, pfn_t table)
{
    hw->near[paging_is_kernel(hw, at)] =
        (struct leaf_table){ at.v >> TABLE_REGION_BITS, root, table };
}

void paging_check(struct hw *hw)
{
    for (unsigned i = 0; i < COUNT_OF(hw->near); i++) {
        struct leaf_table near = hw->near[i];
        va_t at = va(near.region << TABLE_REGION_BITS);
        pfn_t table;
        if (near.root.v == PFN_NONE.v) continue;
        unsigned level = paging_leaf_search(hw, near.root, at, &table);
        CHECK2(level == LEVEL_PT && table.v == near.table.v, near.region, near.table.v);
    }
}

unsigned paging_leaf_search(struct hw *hw, pfn_t root, va_t at, pfn_t *table)
{
    *table = root;
    for (unsigned level = hw->top_level;; level--) {
        if (level == LEVEL_PT) {
            remember(hw, root, at, *table);
            return level;
        }
        uint64_t entry = *paging_slot_of(hw, *table, at, level);
        if (pte_is_large(entry, level)) return level;
        if ((entry & PTE_PRESENT) == 0) return 0;
        *table = pte_pfn(entry);
    }
}

uint64_t *paging_find(struct hw *hw, const struct page_map *map, va_t at, unsigned *level)
{
    pfn_t table;
    unsigned leaf = paging_leaf(hw, map, at, &table);
    if (leaf == 0) return NULL;
    if (level != NULL) *level = leaf;
    return paging_slot_of(hw, table, at, leaf);
}

uint64_t paging_entry(struct hw *hw, const struct page_map *map, va_t at)
{
    unsigned level;
    const uint64_t *slot = paging_find(hw, map, at, &level);
    return slot == NULL ? 0 : pte_as_small(*slot, level, at);
}

bool paging_make(struct hw *hw, struct page_map *map, va_t at, unsigned level, pfn_t *out)
{
    if (level == LEVEL_PT && paging_is_near(hw, map->root, at, out)) return true;
    *out = map->root;
    for (unsigned l = hw->top_level; l > level; l--) {
        uint64_t entry = *paging_slot_of(hw, *out, at, l);
        if (pte_is_large(entry, l) && !paging_split(hw, map, at)) return false;
        if (entry == 0 && !add_table(hw, map, *out, at, l)) return false;
        *out = pte_pfn(*paging_slot_of(hw, *out, at, l));
    }
    if (level == LEVEL_PT) remember(hw, map->root, at, *out);
    return true;
}

uint64_t *paging_slot(struct hw *hw, struct page_map *map, va_t at)
{
    pfn_t table;
    if (!paging_make(hw, paging_map_for(hw, map, at), at, LEVEL_PT, &table)) return NULL;
    return paging_slot_of(hw, table, at, LEVEL_PT);
}

bool paging_reserve(struct hw *hw, struct page_map *map, va_t at, uint64_t page_count)
{
    uint64_t done = 0;
    map = paging_map_for(hw, map, at);
    while (done < page_count) {
        va_t here = va_add(at, done * PAGE_BYTES);
        pfn_t table;
        if (!paging_make(hw, map, here, LEVEL_PT, &table)) return false;
        done += TABLE_ENTRIES - paging_index(hw, here, LEVEL_PT);
    }
    return true;
}

void paging_set(struct hw *hw, struct page_map *map, va_t at, uint64_t entry)
{
    map = paging_map_for(hw, map, at);
    pfn_t table;
    CHECK(paging_make(hw, map, at, LEVEL_PT, &table));
    paging_write(hw, map, LEVEL_PT, table, at, entry);
}

/* How many of the entries are in use: most often all of them or none. */
static uint64_t entries_in_use(const uint64_t *entry, uint64_t count)
{
    uint64_t all = UINT64_MAX, any = 0, n = 0;
    for (uint64_t i = 0; i < count; i++) {
        all &= entry[i];
        any |= entry[i];
    }
    if (all != 0) return count;
    for (uint64_t i = 0; i < count && any != 0; i++) n += entry[i] != 0;
    return n;
}

void paging_set_range(struct hw *hw, struct page_map *map, va_t at, const uint64_t *frames,
                      uint64_t page_count, uint64_t bits)
{
    struct placing placing;
    placing.count = 0;
    map = paging_map_for(hw, map, at);
    bits = entry_for(hw, bits);
    for (uint64_t done = 0; done < page_count;) {
        va_t here = va_add(at, done * PAGE_BYTES);
        size_t first = paging_index(hw, here, LEVEL_PT);
        uint64_t n = TABLE_ENTRIES - first;
        if (n > page_count - done) n = page_count - done;
        pfn_t table;
        if (paging_leaf(hw, map, here, &table) != LEVEL_PT) {
            placing_end(hw, &placing);
            CHECK(paging_make(hw, map, here, LEVEL_PT, &table));
        }
        uint64_t *slot = &phys_table(&hw->phys, table)[first], *used = entries_used(hw, table);
        uint64_t fresh = *used == 0 ? n : n - entries_in_use(slot, n);
        for (uint64_t i = 0; i < n; i++) slot[i] = pte_make(pfn(frames[done + i]), bits);
        map->writes += n;
        charge(hw, COST_PTE_WRITE, n);
        place_entries(hw, &placing, table, slot, n);
        gauge_add(&map->level[LEVEL_PT].entries, fresh, hw_now(hw));
        *used += fresh;
        done += n;
    }
    placing_end(hw, &placing);
}

void paging_drop_empty(struct hw *hw, struct page_map *map, va_t at, unsigned level)
{
    unsigned end = hw->mode == PAGING_PAE ? (unsigned)LEVEL_PD : hw->top_level; /* these stay */
    for (; map->space != 0 && level < end; level++) {
        pfn_t parent = map->root;
        for (unsigned l = hw->top_level; l > level + 1; l--)
            parent = pte_pfn(*paging_slot_of(hw, parent, at, l));
        pfn_t table = pte_pfn(*paging_slot_of(hw, parent, at, level + 1));
        if (*entries_used(hw, table) != 0) return;
        paging_write(hw, map, level + 1, parent, at, 0);
        paging_give_table(hw, map, level, table);
    }
}

static void clear_small(struct hw *hw, struct page_map *map, va_t at, pfn_t table, uint64_t n,
                        struct placing *placing)
{
    uint64_t *used = entries_used(hw, table), *slot = paging_slot_of(hw, table, at, LEVEL_PT);
    if (*used == 0) return;
    uint64_t cleared = n == TABLE_ENTRIES ? *used : entries_in_use(slot, n);
    if (cleared == 0) return;
    memset(slot, 0, (size_t)n * sizeof *slot);
    map->writes += cleared;
    charge(hw, COST_PTE_WRITE, cleared);
    place_entries(hw, placing, table, slot, n);
    gauge_sub(&map->level[LEVEL_PT].entries, cleared);
    *used -= cleared;
    if (*used != 0 || map->space == 0) return;
    placing_end(hw, placing);
    paging_drop_empty(hw, map, at, LEVEL_PT);
}

void paging_clear_range(struct hw *hw, struct page_map *map, va_t at, uint64_t page_count)
{
    struct placing placing;
    placing.count = 0;
    map = paging_map_for(hw, map, at);
    for (uint64_t done = 0; done < page_count;) {
        va_t here = va_add(at, done * PAGE_BYTES);
        pfn_t table;
        unsigned level = paging_leaf(hw, map, here, &table);
        uint64_t pages = pte_level_pages(level > LEVEL_PT ? level : LEVEL_PD);
        uint64_t n = pages - (here.v >> PAGE_SHIFT_BITS) % pages;
        if (n > page_count - done) n = page_count - done;
        if (level > LEVEL_PT) placing_end(hw, &placing);
        if (level > LEVEL_PT && n < pages) {
            CHECK(paging_split(hw, map, here));
            continue;
        }
        done += n;
        if (level == LEVEL_PT) clear_small(hw, map, here, table, n, &placing);
        if (level <= LEVEL_PT) continue;
        paging_write(hw, map, level, table, here, 0);
        paging_drop_empty(hw, map, here, level);
    }
    placing_end(hw, &placing);
}
