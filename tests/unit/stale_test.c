/* Unit tests of mm/stale: accesses through entries that outlived the tables, and who left them. */
#include "mm/stale.h"

#include "space_machine.h"

enum { BUFFER = 0x100000 };

static struct touch driver_touch(struct machine *m, uint64_t at, enum access_type type)
{
    return mm_touch(&m->mm, va(at), type, false, true);
}

Test(stale, freed_system_ptes_are_stale_until_flushed)
{
    struct machine m;
    machine_start(&m, 1000);
    machine_process(&m);
    va_t at;
    uint64_t frame = 500;
    cr_assert(syspte_reserve(&m.mm, 1, PRIORITY_HIGH, PTE_USER_MDL, &at));
    paging_set_range(&m.hw, &m.hw.system, at, &frame, 1,
                     PTE_PRESENT | PTE_WRITE | PTE_GLOBAL | PTE_NO_EXECUTE);
    struct touch t = driver_touch(&m, at.v, ACCESS_READ);
    cr_assert(t.end == TOUCH_OK && !t.stale);
    cr_assert_eq(mm_stale(&m.mm, at, t.entry).why, STALE_NOT);
    m.hw.doing = (struct doing){ 12, 34, "MmUnmapLockedPages" };
    syspte_release(&m.mm, at, 1, PTE_USER_MDL);
    m.hw.doing = (struct doing){ 13, 35, NULL };
    t = driver_touch(&m, at.v, ACCESS_READ);
    cr_assert(t.end == TOUCH_OK && t.stale && t.hit);
    cr_assert_eq(pa_to_pfn(t.at).v, 500);
    struct stale who = mm_stale(&m.mm, at, t.entry);
    cr_assert(who.why == STALE_DEFERRED && who.by.seq == 12 && who.by.place == 34);
    cr_assert_str_eq(who.by.name, "MmUnmapLockedPages");
    tlb_flush_all(&m.hw);
    t = driver_touch(&m, at.v, ACCESS_READ);
    cr_assert_eq(t.stop.code, BC_PAGE_FAULT_IN_NONPAGED_AREA);
    cr_assert_eq(t.stop.p[3], 0);
    machine_stop(&m);
}

/* Of more releases than are kept the oldest have no name any more. */
Test(stale, who_released_is_known_for_a_while)
{
    struct machine m;
    machine_start(&m, 1000);
    va_t first, at;
    cr_assert(syspte_reserve(&m.mm, RELEASES_KEPT + 1, PRIORITY_HIGH, PTE_USER_MDL, &first));
    for (uint64_t i = 0; i <= RELEASES_KEPT; i++) {
        m.hw.doing = (struct doing){ i, i + 1, "x" };
        syspte_release(&m.mm, va_add(first, i * PAGE_BYTES), 1, PTE_USER_MDL);
    }
    struct stale oldest = mm_stale(&m.mm, first, 0);
    cr_assert(oldest.why == STALE_DEFERRED && oldest.by.place == 0 && oldest.by.name == NULL);
    cr_assert_eq(mm_stale(&m.mm, va_add(first, PAGE_BYTES), 0).by.seq, 1);
    cr_assert_eq(mm_stale(&m.mm, va_add(first, RELEASES_KEPT * PAGE_BYTES), 0).by.seq,
                 RELEASES_KEPT);
    cr_assert(syspte_reserve(&m.mm, 1, PRIORITY_HIGH, PTE_USER_MDL, &at)); /* flushes the batch */
    cr_assert_eq(m.mm.syspte.released_count, 0);
    machine_stop(&m);
}

Test(stale, an_entry_whose_flush_is_held_back_is_stale)
{
    struct machine m;
    machine_start(&m, 1000);
    struct process *p = machine_process(&m);
    machine_map(&m, p, BUFFER, 4, PROT_READWRITE);
    struct touch t = driver_touch(&m, BUFFER, ACCESS_WRITE);
    struct flush_range range = { va(BUFFER), 1, PAGE_BYTES };
    struct owed_flush owed = { .flush = { .map = &p->map, .ranges = &range, .range_count = 1 },
                               .by = { 7, 8, "ZwProtectVirtualMemory" } };
    m.hw.cpu->owed = &owed;
    m.hw.cpu->owed_count = 1;
    t = driver_touch(&m, BUFFER, ACCESS_READ);
    cr_assert(t.end == TOUCH_OK && !t.stale, "the tables still say what the entry says");
    paging_set(&m.hw, &p->map, va(BUFFER), pte_make(pfn(700), PTE_PRESENT | PTE_USER));
    t = driver_touch(&m, BUFFER, ACCESS_READ);
    cr_assert(t.end == TOUCH_OK && t.stale);
    struct stale who = mm_stale(&m.mm, va(BUFFER), t.entry);
    cr_assert(who.why == STALE_HELD && who.by.seq == 7);
    t = driver_touch(&m, BUFFER + PAGE_BYTES, ACCESS_READ);
    cr_assert_not(t.stale);
    m.hw.cpu->owed_count = 0;
    m.hw.cpu->owed = NULL;
    machine_stop(&m);
}

/* Setting the dirty bit takes a processor to the page table, whose entry then decides. */
Test(stale, a_clean_entry_serves_no_write_that_the_tables_forbid)
{
    static const struct {
        uint64_t frame, bits; /* what the table says by then; no bits: nothing */
        enum touch_end end;
        uint64_t found;
    } rows[] = {
        { 500, PTE_PRESENT | PTE_WRITE, TOUCH_OK, 500 },
        { 501, PTE_PRESENT | PTE_WRITE, TOUCH_OK, 501 },
        { 500, PTE_PRESENT, TOUCH_STOPS, 0 },
        { 0, 0, TOUCH_STOPS, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct machine m;
        machine_start(&m, 1000);
        machine_process(&m);
        va_t at;
        cr_assert(syspte_reserve(&m.mm, 1, PRIORITY_HIGH, PTE_USER_MDL, &at));
        paging_set(&m.hw, &m.hw.system, at,
                   pte_make(pfn(500), PTE_PRESENT | PTE_WRITE | PTE_GLOBAL));
        cr_assert_eq(driver_touch(&m, at.v, ACCESS_READ).end, TOUCH_OK);
        if (rows[i].bits == 0)
            paging_clear_range(&m.hw, &m.hw.system, at, 1);
        else
            paging_set(&m.hw, &m.hw.system, at, pte_make(pfn(rows[i].frame), rows[i].bits));
        struct touch t = driver_touch(&m, at.v, ACCESS_READ);
        cr_assert(t.end == TOUCH_OK && pa_to_pfn(t.at).v == 500, "row %zu: reads stay stale", i);
        t = driver_touch(&m, at.v, ACCESS_WRITE);
        cr_assert_eq(t.end, rows[i].end, "row %zu", i);
        if (t.end == TOUCH_OK) {
            cr_assert_eq(pa_to_pfn(t.at).v, rows[i].found, "row %zu", i);
            cr_assert(paging_entry(&m.hw, &m.hw.system, at) & PTE_DIRTY, "row %zu", i);
        }
        cr_assert_eq(m.hw.cpu->walks.dirty_updates, i == 0, "row %zu", i);
        cr_assert_eq(tlb_holds(&m.hw, at), t.end == TOUCH_OK, "row %zu", i);
        machine_stop(&m);
    }
}
