/* Pages of 2 MiB and 1 GiB: entries above the page tables that map memory themselves. Intel SDM
 * volume 3A, 4.4.2, 4.5.4 and tables 4-9, 4-16 and 4-18; AMD APM volume 2, 5.3.4 and 5.3.5. */
#include "model/paging_tables.h"

#include "base/check.h"

/* ---- splitting and joining ---- */

/* Entry i of the table that takes the place of a large page. */
static uint64_t part_of(uint64_t entry, unsigned level, uint64_t i)
{
    uint64_t bytes = pte_level_pages(level - 1) * PAGE_BYTES;
    va_t at = va(i * bytes);
    if (level == LEVEL_PD) return pte_as_small(entry, level, at);
    uint64_t mask = pte_level_pages(level) * PAGE_BYTES - 1;
    return (entry & ~(mask & PTE_ADDRESS & ~PTE_PAT_LARGE)) | at.v;
}

bool paging_split(struct hw *hw, struct page_map *map, va_t at)
{
    map = paging_map_for(hw, map, at);
    pfn_t table, made;
    unsigned level = paging_leaf(hw, map, at, &table);
    if (level <= LEVEL_PT) return true;
    if (!paging_take_table(hw, map, level - 1, &made)) return false;
    uint64_t entry = *paging_slot_of(hw, table, at, level);
    uint64_t *parts = phys_table(&hw->phys, made);
    for (uint64_t i = 0; i < TABLE_ENTRIES; i++) parts[i] = part_of(entry, level, i);
    map->writes += TABLE_ENTRIES;
    charge(hw, COST_PTE_WRITE, TABLE_ENTRIES);
    paging_place(hw, made, parts, TABLE_ENTRIES);
    gauge_add(&map->level[level - 1].entries, TABLE_ENTRIES, hw_now(hw));
    if (level > LEVEL_PD) gauge_add(&map->large[0], TABLE_ENTRIES, hw_now(hw));
    map_set(&hw->table_used, made.v, TABLE_ENTRIES);
    uint64_t bits = paging_table_bits(hw, level, !paging_is_kernel(hw, at));
    paging_write(hw, map, level, table, at, pte_make(made, bits));
    return true;
}

static bool split_at(struct hw *hw, struct page_map *map, va_t at)
{
    for (;;) {
        unsigned level;
        if (paging_find(hw, map, at, &level) == NULL || level == LEVEL_PT) return true;
        if ((at.v & (pte_level_pages(level) * PAGE_BYTES - 1)) == 0) return true;
        if (!paging_split(hw, map, at)) return false;
    }
}

bool paging_split_edges(struct hw *hw, struct page_map *map, va_t at, uint64_t page_count)
{
    return split_at(hw, map, at) && split_at(hw, map, va_add(at, page_count * PAGE_BYTES));
}

/* What the entries of a table come to as one: 0 when they are not alike. */
static uint64_t joined(const uint64_t *slot)
{
    const uint64_t marks = PTE_ACCESSED | PTE_DIRTY;
    uint64_t entry = slot[0];
    if ((entry & PTE_PRESENT) == 0 || pte_pfn(entry).v % TABLE_ENTRIES != 0) return 0;
    for (uint64_t i = 1; i < TABLE_ENTRIES; i++) {
        if (((slot[i] ^ slot[0]) & ~marks) != i * PAGE_BYTES) return 0;
        entry |= slot[i] & marks;
    }
    return entry;
}

bool paging_join(struct hw *hw, struct page_map *map, va_t at)
{
    map = paging_map_for(hw, map, at);
    pfn_t table, parent;
    if (paging_leaf(hw, map, at, &table) != LEVEL_PT) return false;
    if (map_at(&hw->table_used, table.v) != TABLE_ENTRIES) return false;
    charge(hw, COST_PTE_READ, TABLE_ENTRIES);
    uint64_t entry = joined(phys_table(&hw->phys, table));
    if (entry == 0) return false;
    CHECK(paging_make(hw, map, at, LEVEL_PD, &parent));
    gauge_sub(&map->level[LEVEL_PT].entries, TABLE_ENTRIES);
    paging_write(hw, map, LEVEL_PD, parent, at,
                 pte_make_large(pte_pfn(entry), entry & ~PTE_ADDRESS));
    paging_give_table(hw, map, LEVEL_PT, table);
    return true;
}

/* ---- mapping ---- */

static bool are_consecutive(const uint64_t *frames, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++)
        if (frames[i] != frames[0] + i) return false;
    return true;
}

/* Whether the entry of `level` that covers `at` may become a large page: it is clear, or names a
 * table without entries, or a table above it is missing. */
static bool is_unused(struct hw *hw, const struct page_map *map, va_t at, unsigned level)
{
    pfn_t table = paging_is_kernel(hw, at) ? hw->system.root : map->root;
    for (unsigned l = hw->top_level; l >= level; l--) {
        uint64_t entry = *paging_slot_of(hw, table, at, l);
        if (entry == 0) return true;
        if ((entry & PTE_PRESENT) == 0 || pte_is_large(entry, l)) return false;
        table = pte_pfn(entry);
    }
    return map_at(&hw->table_used, table.v) == 0;
}

unsigned paging_level_for_run(struct hw *hw, const struct page_map *map, va_t at, pfn_t f,
                              uint64_t page_count, unsigned most)
{
    unsigned level = most < hw->large_level ? most : hw->large_level;
    for (; level > LEVEL_PT; level--) {
        uint64_t pages = pte_level_pages(level);
        if (page_count < pages || f.v % pages != 0) continue;
        if ((at.v >> PAGE_SHIFT_BITS) % pages != 0 || !is_unused(hw, map, at, level)) continue;
        if (memory_types_alike(hw, f, pages)) break;
    }
    return level;
}

unsigned paging_level_for(struct hw *hw, const struct page_map *map, va_t at,
                          const uint64_t *frames, uint64_t page_count, unsigned most)
{
    while (most > LEVEL_PT) {
        most = paging_level_for_run(hw, map, at, pfn(frames[0]), page_count, most);
        if (most == LEVEL_PT || are_consecutive(frames, pte_level_pages(most))) break;
        most--;
    }
    return most;
}

/* Pages from `at` on that the loops below take in one go: one large page, or up to the next place
 * where one might begin. */
static uint64_t stretch(va_t at, uint64_t page_count, unsigned level)
{
    if (level > LEVEL_PT) return pte_level_pages(level);
    uint64_t rest = TABLE_ENTRIES - (at.v >> PAGE_SHIFT_BITS) % TABLE_ENTRIES;
    return rest < page_count ? rest : page_count;
}

bool paging_reserve_frames(struct hw *hw, struct page_map *map, va_t at, const uint64_t *frames,
                           uint64_t page_count, unsigned most)
{
    if (most == LEVEL_PT) return paging_reserve(hw, map, at, page_count);
    map = paging_map_for(hw, map, at);
    for (uint64_t done = 0, n; done < page_count; done += n) {
        va_t here = va_add(at, done * PAGE_BYTES);
        uint64_t rest = page_count - done;
        unsigned level = paging_level_for(hw, map, here, frames + done, rest, most);
        n = stretch(here, rest, level);
        if (!paging_reserve_large(hw, map, here, level)) return false;
    }
    return true;
}

bool paging_reserve_large(struct hw *hw, struct page_map *map, va_t at, unsigned level)
{
    pfn_t table;
    return paging_make(hw, paging_map_for(hw, map, at), at, level, &table);
}

bool paging_set_large(struct hw *hw, struct page_map *map, va_t at, unsigned level, pfn_t f,
                      uint64_t bits)
{
    pfn_t table;
    map = paging_map_for(hw, map, at);
    CHECK(paging_make(hw, map, at, level, &table));
    uint64_t old = *paging_slot_of(hw, table, at, level);
    paging_write(hw, map, level, table, at, pte_make_large(f, bits));
    if (old == 0 || pte_is_large(old, level)) return false;
    paging_give_table(hw, map, level - 1, pte_pfn(old));
    return true;
}

bool paging_map_frames(struct hw *hw, struct page_map *map, va_t at, const uint64_t *frames,
                       uint64_t page_count, uint64_t bits, unsigned most)
{
    bool replaced = false;
    map = paging_map_for(hw, map, at);
    for (uint64_t done = 0, n; done < page_count; done += n) {
        va_t here = va_add(at, done * PAGE_BYTES);
        uint64_t rest = page_count - done;
        unsigned level = paging_level_for(hw, map, here, frames + done, rest, most);
        n = most == LEVEL_PT ? rest : stretch(here, rest, level);
        if (level == LEVEL_PT)
            paging_set_range(hw, map, here, frames + done, n, bits);
        else if (paging_set_large(hw, map, here, level, pfn(frames[done]), bits))
            replaced = true;
    }
    return replaced;
}

uint64_t paging_leaf_count(struct hw *hw, const struct page_map *map, va_t at, uint64_t page_count)
{
    uint64_t count = 0;
    map = paging_is_kernel(hw, at) ? &hw->system : map;
    if (map->large[0].now + map->large[1].now == 0) return page_count;
    for (uint64_t done = 0; done < page_count; count++) {
        va_t here = va_add(at, done * PAGE_BYTES);
        unsigned level = LEVEL_PT;
        if (paging_find(hw, map, here, &level) == NULL) level = LEVEL_PT;
        uint64_t pages = pte_level_pages(level);
        done += pages - (here.v >> PAGE_SHIFT_BITS) % pages;
    }
    return count;
}

void paging_protect(struct hw *hw, struct page_map *map, va_t at, uint64_t page_count,
                    uint64_t changed, uint64_t bits)
{
    map = paging_map_for(hw, map, at);
    for (uint64_t done = 0; done < page_count;) {
        va_t here = va_add(at, done * PAGE_BYTES);
        pfn_t table;
        unsigned level = paging_leaf(hw, map, here, &table);
        CHECK2(level != 0, here.v, page_count);
        done += pte_level_pages(level);
        CHECK2(done <= page_count, done, page_count);
        charge(hw, COST_PTE_READ, 1);
        uint64_t entry = *paging_slot_of(hw, table, here, level);
        paging_write(hw, map, level, table, here, (entry & ~changed) | bits);
    }
}

/* ---- flushes ---- */

void flush_add_mapped(struct hw *hw, va_t at, uint64_t page_count)
{
    const struct page_map *map = hw->flush.map;
    if (map->large[0].now + map->large[1].now == 0) {
        flush_add(hw, at, page_count);
        return;
    }
    for (uint64_t done = 0, n; done < page_count; done += n) {
        va_t here = va_add(at, done * PAGE_BYTES);
        unsigned level = LEVEL_PT;
        if (paging_find(hw, map, here, &level) == NULL) level = LEVEL_PT;
        uint64_t pages = level > LEVEL_PT ? pte_level_pages(level) : TABLE_ENTRIES;
        uint64_t before = (here.v >> PAGE_SHIFT_BITS) % pages, bytes = pages * PAGE_BYTES;
        n = pages - before < page_count - done ? pages - before : page_count - done;
        if (level == LEVEL_PT) flush_add(hw, here, n);
        else flush_add_pages(hw, va(here.v & ~(bytes - 1)), 1, bytes);
    }
}
