/* Large pages in the page tables: formats, splitting, joining, counts. The differential test walk.c
 * goes through sequences of them. */
#include "space_machine.h"

#include <inttypes.h>

enum { BLOCK = 512 };

static uint64_t raw(struct machine *m, const struct page_map *map, va_t at, unsigned *level)
{
    const uint64_t *slot = paging_find(&m->hw, map, at, level);
    return slot == NULL ? 0 : *slot;
}

Test(paging, formats_are_those_of_the_manuals)
{
    /* SDM tables 4-16 and 4-18: PS is bit 7, PAT bit 12, and bits 13 to 20 (29) are 0. */
    const uint64_t bits = PTE_PRESENT | PTE_WRITE | PTE_NO_EXECUTE | PTE_GLOBAL;
    cr_assert_eq(pte_make_large(pfn(0x400), bits), 0x8000000000400183);
    cr_assert_eq(pte_make_large(pfn(0x40000), bits | PTE_PAT_4K | PTE_PWT), 0x800000004000118B);
    cr_assert_eq(pte_as_small(0x800000000060118B, LEVEL_PD, va(0x7FFFFF)), 0x80000000007FF18B);
    cr_assert_eq(pte_as_small(0x4000000083, LEVEL_PDPT, va(0x12345678)), 0x4012345003);
    cr_assert_eq(pte_as_small(0x12345083, LEVEL_PT, va(0x1000)), 0x12345083);
    cr_assert(!pte_is_large(0x83, LEVEL_PT) && pte_is_large(0x83, LEVEL_PD));
    cr_assert(!pte_is_large(0x83, LEVEL_PML4) && !pte_is_large(0x03, LEVEL_PD));
    cr_assert(pte_is_large(0x82, LEVEL_PD)); /* no access, frames kept */
}

static struct process *machine_with_large(struct machine *m, va_t *at)
{
    machine_start(m, 4000);
    struct process *p = machine_process(m);
    *at = va(0);
    cr_assert_eq(space_reserve_large(&m->mm, p, at, 4 * MIB, PROT_READWRITE, LEVEL_PD, LEVEL_PD),
                 ST_SUCCESS);
    return p;
}

Test(paging, a_split_keeps_rights_and_marks)
{
    struct machine m;
    va_t at;
    unsigned level;
    struct process *p = machine_with_large(&m, &at);
    mm_switch(&m.mm, p);
    cr_assert_eq(mm_touch(&m.mm, va_add(at, 0x12345), ACCESS_WRITE, true, false).end, TOUCH_OK);
    uint64_t large = raw(&m, &p->map, at, &level);
    cr_assert_eq(level, LEVEL_PD);
    cr_assert_eq(large & 0xFFF, 0xE7); /* P, W, U, A, D, PS */
    cr_assert_eq(p->map.large[0].now, 2);
    const struct level_gauges *pt = &p->map.level[LEVEL_PT], *pd = &p->map.level[LEVEL_PD];
    uint64_t tables = pt->tables.now, entries = pd->entries.now;
    cr_assert(paging_split(&m.hw, &p->map, va_add(at, 0x1FFFFF)));
    cr_assert_eq(p->map.large[0].now, 1);
    cr_assert_eq(pt->tables.now, tables + 1);
    cr_assert_eq(pt->entries.now, BLOCK);
    cr_assert_eq(pd->entries.now, entries);
    for (uint64_t i = 0; i < BLOCK; i++) {
        uint64_t entry = raw(&m, &p->map, va_add(at, i * PAGE_BYTES), &level);
        cr_assert_eq(level, LEVEL_PT);
        cr_assert_eq(entry, (large & ~PTE_LARGE) + i * PAGE_BYTES, "%" PRIu64, i);
    }
    tlb_flush_all(&m.hw);
    cr_assert(paging_join(&m.hw, &p->map, va_add(at, 0x3000)));
    cr_assert_eq(raw(&m, &p->map, at, &level), large);
    cr_assert_eq(pt->tables.now, tables);
    tlb_flush_all(&m.hw);
    machine_check(&m);
    machine_stop(&m);
}

Test(paging, only_equal_entries_join)
{
    struct machine m;
    va_t at;
    struct process *p = machine_with_large(&m, &at);
    cr_assert(!paging_join(&m.hw, &p->map, at)); /* it is one page already */
    cr_assert(paging_split(&m.hw, &p->map, at));
    va_t one = va_add(at, 511 * PAGE_BYTES);
    uint64_t entry = paging_entry(&m.hw, &p->map, one);
    const uint64_t others[] = { 0, entry & ~PTE_WRITE, entry | PTE_PWT, entry + PAGE_BYTES,
                                entry & ~PTE_PRESENT };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        paging_set(&m.hw, &p->map, one, others[i]);
        cr_assert(!paging_join(&m.hw, &p->map, at), "%zu", i);
    }
    paging_set(&m.hw, &p->map, one, entry | PTE_ACCESSED | PTE_DIRTY);
    cr_assert(paging_join(&m.hw, &p->map, at));
    unsigned level;
    uint64_t marks = PTE_ACCESSED | PTE_DIRTY;
    cr_assert_eq(raw(&m, &p->map, at, &level) & marks, marks);
    machine_stop(&m);
}

Test(paging, a_part_that_goes_splits_and_the_rest_stays)
{
    struct machine m;
    va_t at;
    struct process *p = machine_with_large(&m, &at);
    paging_clear_range(&m.hw, &p->map, va_add(at, 2 * MIB - PAGE_BYTES), 2);
    cr_assert_eq(p->map.large[0].now, 0);
    cr_assert_eq(p->map.level[LEVEL_PT].entries.now, 2 * BLOCK - 2);
    cr_assert_eq(paging_entry(&m.hw, &p->map, va_add(at, 2 * MIB)), 0);
    cr_assert_neq(paging_entry(&m.hw, &p->map, va_add(at, 2 * MIB + PAGE_BYTES)), 0);
    paging_clear_range(&m.hw, &p->map, at, 2 * BLOCK);
    cr_assert_eq(p->map.level[LEVEL_PT].entries.now, 0);
    cr_assert_eq(p->map.level[LEVEL_PT].tables.now + p->map.level[LEVEL_PD].tables.now, 0);
    machine_stop(&m);
}

Test(paging, no_frame_for_the_table_of_a_split)
{
    struct machine m;
    va_t at;
    pfn_t f;
    struct process *p = machine_with_large(&m, &at);
    while (frame_take(&m.mm, WANT_ANY, OWNER_SYSTEM, &f)) continue;
    cr_assert(!paging_split(&m.hw, &p->map, at));
    cr_assert(!paging_split_edges(&m.hw, &p->map, va_add(at, PAGE_BYTES), 1));
    cr_assert(paging_split_edges(&m.hw, &p->map, at, BLOCK)); /* nothing to split */
    cr_assert_eq(p->map.large[0].now, 2);
    machine_stop(&m);
}

Test(paging, blocks_that_are_missing_give_all_back)
{
    struct machine m;
    machine_start(&m, 2000); /* three whole blocks at most */
    struct process *p = machine_process(&m);
    va_t at = va(0);
    uint64_t free = frames_available(&m.mm);
    cr_assert_eq(space_reserve_large(&m.mm, p, &at, 8 * MIB, PROT_READWRITE, LEVEL_PD, LEVEL_PD),
                 ST_INSUFFICIENT_RESOURCES);
    cr_assert_eq(frames_available(&m.mm), free);
    cr_assert_eq(p->area_count, 0);
    machine_check(&m);
    machine_stop(&m);
}
