/* Invariants that span the parts of the memory manager, and the order in which all are checked. */
#include "base/check.h"
#include "mm/mm.h"

#include <string.h>

enum { TABLE_ENTRIES = 512, INDEX_BITS = 9 };

/* One way down through the tables of a map, without recursion. */
struct walk {
    struct mm *mm;
    const struct page_map *map;
    size_t root_end; /* entries of the root that are the map's own */
    size_t root_start;
    uint64_t tables[LEVEL_COUNT], entries[LEVEL_COUNT];
    struct {
        pfn_t table;
        size_t next;
        uint64_t used;
    } at[LEVEL_COUNT];
};

static size_t kernel_index(const struct hw *hw)
{
    unsigned shift = PAGE_SHIFT_BITS + INDEX_BITS * (hw->top_level - 1);
    return (size_t)(hw->kernel_start >> shift) & (hw->mode == PAGING_PAE ? 3 : TABLE_ENTRIES - 1);
}

static void table_enter(struct walk *w, unsigned level, pfn_t table)
{
    struct frame frame = frame_peek(w->mm, table);
    CHECK2(frame.state == FRAME_TABLE && frame.shares == 1, table.v, frame.state);
    w->tables[level]++;
    w->at[level].table = table;
    w->at[level].next = level == w->mm->hw->top_level ? w->root_start : 0;
    w->at[level].used = 0;
}

static void table_leave(struct walk *w, unsigned level)
{
    uint64_t table = w->at[level].table.v, used = w->at[level].used;
    CHECK2(map_find(&w->mm->hw->table_used, table) != NULL, table, used);
    CHECK2(map_at(&w->mm->hw->table_used, table) == used, table, used);
    w->entries[level] += used;
}

/* Takes one step: the next entry of the table at `level`, down into its table, or up again. Returns
 * the level to go on at; above the top when done. */
static unsigned walk_step(struct walk *w, unsigned level)
{
    struct hw *hw = w->mm->hw;
    size_t end = level == hw->top_level ? w->root_end : TABLE_ENTRIES;
    const uint64_t *slots = phys_table(&hw->phys, w->at[level].table);
    size_t i = w->at[level].next;
    while (i < end && slots[i] == 0) i++;
    if (i == end) {
        table_leave(w, level);
        return level + 1;
    }
    w->at[level].next = i + 1;
    w->at[level].used++;
    if (level == LEVEL_PT || (slots[i] & PTE_PRESENT) == 0) return level;
    bool may_be_large = level == LEVEL_PD || (level == LEVEL_PDPT && hw->mode != PAGING_PAE);
    if (may_be_large && (slots[i] & PTE_LARGE)) return level;
    table_enter(w, level - 1, pte_pfn(slots[i]));
    return level - 1;
}

/* The root of user mode shows the same tables as the process's root, and none of the kernel's. */
static void shadow_check(struct hw *hw, const struct page_map *map)
{
    uint64_t copy[TABLE_ENTRIES];
    memcpy(copy, phys_table(&hw->phys, map->shadow), sizeof copy);
    const uint64_t *own = phys_table(&hw->phys, map->root);
    for (size_t i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t expected = i < kernel_index(hw) ? own[i] : 0;
        CHECK2(((copy[i] ^ expected) & ~PTE_ACCESSED) == 0, i, copy[i]);
    }
}

/* Counts the tables of a map and their entries, and compares with what is kept. */
static uint64_t map_check(struct mm *mm, const struct page_map *map)
{
    struct hw *hw = mm->hw;
    bool is_system = map->space == 0;
    struct walk w = { .mm = mm, .map = map,
                      .root_start = is_system ? kernel_index(hw) : 0,
                      .root_end = is_system ? TABLE_ENTRIES : kernel_index(hw) };
    table_enter(&w, hw->top_level, map->root);
    for (unsigned level = hw->top_level; level <= hw->top_level;) level = walk_step(&w, level);
    uint64_t sum = 0;
    if (page_map_has_shadow(hw, map)) {
        shadow_check(hw, map);
        w.tables[hw->top_level]++;
    }
    for (unsigned level = LEVEL_PT; level < LEVEL_COUNT; level++) {
        CHECK2(w.tables[level] == map->level[level].tables.now, level, w.tables[level]);
        CHECK2(w.entries[level] == map->level[level].entries.now, level, w.entries[level]);
        sum += w.tables[level];
    }
    CHECK2(map->bytes.now == sum * PAGE_BYTES, map->bytes.now, sum);
    return sum;
}

/* The kernel's half of every process's root is the system's. */
static void mirror_check(struct hw *hw, const struct page_map *map)
{
    size_t start = kernel_index(hw);
    size_t end = hw->mode == PAGING_PAE ? 4 : TABLE_ENTRIES;
    const uint64_t *own = phys_table(&hw->phys, map->root);
    uint64_t copy[TABLE_ENTRIES];
    memcpy(copy, own, sizeof copy);
    const uint64_t *system = phys_table(&hw->phys, hw->system.root);
    for (size_t i = start; i < end; i++)
        CHECK2((copy[i] & PTE_ADDRESS) == (system[i] & PTE_ADDRESS), i, copy[i]);
}

static void tables_check(struct mm *mm)
{
    struct hw *hw = mm->hw;
    uint64_t tables = map_check(mm, &hw->system);
    for (size_t i = 0; i < hw->map_count; i++) {
        if (hw->maps[i] == NULL) continue;
        mirror_check(hw, hw->maps[i]);
        tables += map_check(mm, hw->maps[i]);
    }
    CHECK2(tables == mm->frames.now[FRAME_TABLE].now, tables, mm->frames.now[FRAME_TABLE].now);
    CHECK2(tables == hw->table_used.count, tables, hw->table_used.count);
}

static bool may_be_stale(void *context, va_t address)
{
    return syspte_is_pending(context, address);
}

void mm_check(struct mm *mm)
{
    frames_check(mm);
    syspte_check(mm);
    pools_check(mm);
    space_check(mm);
    mdls_check(mm);
    tables_check(mm);
    hw_check(mm->hw, may_be_stale, mm);
}
