/* Unit tests of model/context: PCIDs that come, go and miss flushes; the sides of KVA shadow. */
#include "hw_machine.h"

static uint64_t walks(const struct hw_machine *m, uint32_t cpu)
{
    return m->hw.cpus[cpu].walks.count;
}

Test(context, without_pcids_a_load_flushes)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1 });
    load(&m, 0, 1);
    touch_page(&m, 0, HW_USER, true);
    touch_page(&m, 0, HW_SYSTEM, false);
    load(&m, 0, 2);
    load(&m, 0, 1);
    cr_expect_not(holds(&m, 0, HW_USER));
    cr_expect(holds(&m, 0, HW_SYSTEM), "global");
    cr_expect_eq(m.hw.cpus[0].spent[COST_CR3_WRITE], 3);
    cr_expect_eq(m.hw.cpus[0].spent[COST_CR3_LOAD], 0);
    hw_machine_stop(&m);
}

Test(context, pcids_keep_entries_apart)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, .pcids = 3 });
    load(&m, 0, 1);
    touch_page(&m, 0, HW_USER, true);
    load(&m, 0, 2);
    cr_expect_not(holds(&m, 0, HW_USER), "an entry of another process");
    touch_page(&m, 0, HW_USER, true);
    load(&m, 0, 1);
    cr_expect(holds(&m, 0, HW_USER));
    cr_expect_eq(m.hw.cpus[0].spent[COST_CR3_WRITE], 2);
    cr_expect_eq(m.hw.cpus[0].spent[COST_CR3_LOAD], 1);
    cr_expect_eq(m.hw.cpus[0].flushes.pcid, 2);
    hw_check(&m.hw, nothing_is_stale, NULL);
    hw_machine_stop(&m);
}

Test(context, the_pcid_used_longest_ago_is_given_away)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, .pcids = 2 });
    load(&m, 0, 1);
    touch_page(&m, 0, HW_USER, true);
    load(&m, 0, 2);
    touch_page(&m, 0, HW_USER, true);
    load(&m, 0, 1);
    load(&m, 0, 3); /* takes that of 2 */
    load(&m, 0, 1);
    cr_expect(holds(&m, 0, HW_USER));
    load(&m, 0, 2);
    cr_expect_not(holds(&m, 0, HW_USER));
    cr_expect_eq(m.hw.cpus[0].slot_count, 2);
    hw_check(&m.hw, nothing_is_stale, NULL);
    hw_machine_stop(&m);
}

/* System space without KVA shadow is global: giving the PCID of System away drops nothing of it. */
Test(context, the_pcid_of_system_holds_no_global_entry)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, .pcids = 1 });
    load(&m, 0, 0);
    touch_page(&m, 0, HW_SYSTEM, false);
    load(&m, 0, 1);
    load(&m, 0, 0);
    cr_expect(holds(&m, 0, HW_SYSTEM));
    hw_machine_stop(&m);
}

/* Entries that the walk of a system page fetches, of all levels. */
static uint64_t fetched(struct hw_machine *m, uint32_t cpu, unsigned page)
{
    const uint64_t *references = m->hw.cpus[cpu].walks.references;
    uint64_t before = 0, after = 0;
    for (unsigned l = 0; l < LEVEL_COUNT; l++) before += references[l];
    touch_page(m, cpu, HW_SYSTEM + page * PAGE_BYTES, false);
    for (unsigned l = 0; l < LEVEL_COUNT; l++) after += references[l];
    return after - before;
}

/* Paging-structure caches know no global entries (SDM 4.10.3): a load of CR3 empties them, and with
 * PCIDs each context has its own. */
Test(context, structures_of_system_space_belong_to_the_context)
{
    enum { WHOLE = 4, ONE = 1 };
    static const struct {
        uint32_t pcids;
        uint64_t again; /* in the first context, when it is back */
    } rows[] = { { 0, WHOLE }, { 4, ONE } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct hw_machine m;
        hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, .pcids = rows[i].pcids });
        load(&m, 0, 1);
        cr_expect_eq(fetched(&m, 0, 0), WHOLE, "row %zu", i);
        cr_expect_eq(fetched(&m, 0, 1), ONE, "row %zu", i);
        load(&m, 0, 0);
        cr_expect_eq(fetched(&m, 0, 0), 0, "row %zu: the entry itself is global", i);
        cr_expect_eq(fetched(&m, 0, 2), WHOLE, "row %zu", i);
        load(&m, 0, 1);
        cr_expect_eq(fetched(&m, 0, 3), rows[i].again, "row %zu", i);
        load(&m, 0, 0);
        cr_expect_eq(fetched(&m, 0, 4), rows[i].again, "row %zu: System has a context too", i);
        hw_machine_stop(&m);
    }
}

/* INVLPG is about the context that is loaded. Where tables go, others must forget them as well. */
Test(context, tables_that_go_are_forgotten_by_every_context)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, .pcids = 4 });
    load(&m, 0, 1);
    fetched(&m, 0, 0);
    load(&m, 0, 2);
    fetched(&m, 0, 1);
    tlb_flush_page(&m.hw, va(HW_SYSTEM));
    cr_expect_eq(fetched(&m, 0, 2), 4);
    load(&m, 0, 1);
    cr_expect_eq(fetched(&m, 0, 3), 1, "an INVLPG elsewhere");
    load(&m, 0, 2);
    tlb_flush_tables(&m.hw, va(HW_SYSTEM));
    load(&m, 0, 1);
    cr_expect_eq(fetched(&m, 0, 4), 4);
    cr_expect_eq(m.hw.cpus[0].flushes.full, 1);
    hw_machine_stop(&m);
}

/* The PCID of System, given away, takes the structures of its context along. */
Test(context, a_pcid_that_is_given_away_keeps_no_structures)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, .pcids = 1 });
    load(&m, 0, 0);
    fetched(&m, 0, 0);
    load(&m, 0, 1);
    load(&m, 0, 0);
    cr_expect_eq(fetched(&m, 0, 1), 4);
    hw_machine_stop(&m);
}

Test(context, a_flush_that_was_missed_is_made_up_at_the_load)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 2, .pcids = 4 });
    load(&m, 1, 1);
    touch_page(&m, 1, HW_USER, true);
    touch_page(&m, 1, HW_USER + PAGE_BYTES, true);
    load(&m, 1, 2);
    load(&m, 0, 1);
    paging_clear_range(&m.hw, &m.map[0], va(HW_USER), 1);
    tlb_flush_page(&m.hw, va(HW_USER));
    cr_expect_eq(m.hw.cpus[1].flushes.shootdowns_received, 0);
    cr_expect(flush_is_due(&m.hw, &m.hw.cpus[1], 1, va(HW_USER)));
    hw_check(&m.hw, nothing_is_stale, NULL); /* the old entry is there, and due */
    uint64_t flushes = m.hw.cpus[1].flushes.pcid;
    load(&m, 1, 1);
    cr_expect_eq(m.hw.cpus[1].flushes.pcid, flushes + 1);
    cr_expect_not(holds(&m, 1, HW_USER));
    cr_expect_not(holds(&m, 1, HW_USER + PAGE_BYTES), "the whole context goes");
    cr_expect_not(flush_is_due(&m.hw, &m.hw.cpus[1], 1, va(HW_USER)));
    hw_machine_stop(&m);
}

Test(context, one_who_was_interrupted_missed_nothing)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 2, .pcids = 4 });
    load(&m, 1, 1);
    touch_page(&m, 1, HW_USER + PAGE_BYTES, true);
    load(&m, 0, 1);
    tlb_flush_page(&m.hw, va(HW_USER));
    load(&m, 1, 2);
    load(&m, 1, 1);
    cr_expect(holds(&m, 1, HW_USER + PAGE_BYTES));
    load(&m, 0, 2);
    load(&m, 0, 1);
    cr_expect_eq(m.hw.cpus[0].spent[COST_CR3_LOAD], 1);
    hw_machine_stop(&m);
}

Test(context, a_long_flush_is_of_one_context)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, .pcids = 4 });
    load(&m, 0, 2);
    touch_page(&m, 0, HW_USER, true);
    load(&m, 0, 1);
    touch_page(&m, 0, HW_USER, true);
    touch_page(&m, 0, HW_SYSTEM, false);
    uint64_t flushes = m.hw.cpus[0].flushes.pcid;
    tlb_flush_range(&m.hw, va(HW_USER), 5);
    cr_expect_not(holds(&m, 0, HW_USER));
    cr_expect(holds(&m, 0, HW_SYSTEM));
    cr_expect_eq(m.hw.cpus[0].flushes.pcid, flushes + 1);
    cr_expect_eq(m.hw.cpus[0].flushes.full, 0);
    cr_expect_eq(m.hw.cpus[0].spent[COST_INVPCID], 1);
    load(&m, 0, 2);
    cr_expect(holds(&m, 0, HW_USER), "another context");
    hw_machine_stop(&m);
}

/* ---- KVA shadow ---- */

Test(context, with_kva_shadow_nothing_is_global)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, .kva_shadow = true });
    cr_expect_eq(paging_entry(&m.hw, &m.hw.system, va(HW_SYSTEM)) & PTE_GLOBAL, 0);
    load(&m, 0, 1);
    touch_page(&m, 0, HW_SYSTEM, false);
    touch_page(&m, 0, HW_USER, false);
    cr_expect(holds(&m, 0, HW_SYSTEM) && holds(&m, 0, HW_USER));
    uint64_t writes = m.hw.cpus[0].spent[COST_CR3_WRITE];
    touch_page(&m, 0, HW_USER, true); /* leaves the kernel: a load of CR3 */
    cr_expect_eq(m.hw.cpus[0].spent[COST_CR3_WRITE], writes + 1);
    touch_page(&m, 0, HW_USER, true);
    cr_expect_eq(m.hw.cpus[0].spent[COST_CR3_WRITE], writes + 1, "it is there already");
    cr_expect_not(holds(&m, 0, HW_SYSTEM));
    touch_page(&m, 0, HW_USER, false);
    cr_expect_eq(m.hw.cpus[0].spent[COST_CR3_WRITE], writes + 2);
    hw_check(&m.hw, nothing_is_stale, NULL);
    hw_machine_stop(&m);
}

Test(context, user_mode_sees_no_table_of_the_kernel)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, .kva_shadow = true });
    load(&m, 0, 1);
    uint64_t before = m.hw.cpus[0].walks.references[LEVEL_PML4];
    struct translation t = hw_translate(&m.hw, va(HW_SYSTEM), ACCESS_READ, true);
    cr_expect_eq(t.fault, FAULT_NOT_PRESENT);
    cr_expect_eq(t.level, LEVEL_PML4);
    cr_expect_eq(m.hw.cpus[0].walks.references[LEVEL_PML4], before + 1);
    hw_machine_stop(&m);
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1 });
    load(&m, 0, 1);
    t = hw_translate(&m.hw, va(HW_SYSTEM), ACCESS_READ, true);
    cr_expect_eq(t.fault, FAULT_PROTECTION, "without it the entry is there");
    hw_machine_stop(&m);
}

Test(context, kva_shadow_with_pcids_keeps_both_sides)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, .pcids = 4, .kva_shadow = true });
    load(&m, 0, 1);
    touch_page(&m, 0, HW_USER, false);
    touch_page(&m, 0, HW_USER, true);
    uint64_t before = walks(&m, 0);
    touch_page(&m, 0, HW_USER, false);
    touch_page(&m, 0, HW_USER, true);
    cr_expect_eq(walks(&m, 0), before);
    cr_expect_eq(m.hw.cpus[0].spent[COST_CR3_LOAD], 3);
    hw_enter(&m.hw, false);
    paging_clear_range(&m.hw, &m.map[0], va(HW_USER), 1);
    tlb_flush_page(&m.hw, va(HW_USER));
    cr_expect_eq(m.hw.cpus[0].spent[COST_INVPCID], 1);
    cr_expect_not(holds(&m, 0, HW_USER));
    hw_enter(&m.hw, true);
    cr_expect_not(holds(&m, 0, HW_USER), "of the side of user mode too");
    hw_check(&m.hw, nothing_is_stale, NULL);
    hw_machine_stop(&m);
}

/* A flush of system space reaches the loaded context; the others flush when they are loaded. */
Test(context, contexts_have_own_entries_of_the_kernel)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, .pcids = 4, .kva_shadow = true });
    load(&m, 0, 1);
    touch_page(&m, 0, HW_SYSTEM, false);
    load(&m, 0, 2);
    cr_expect_not(holds(&m, 0, HW_SYSTEM));
    touch_page(&m, 0, HW_SYSTEM, false);
    paging_clear_range(&m.hw, &m.hw.system, va(HW_SYSTEM), 1);
    tlb_flush_page(&m.hw, va(HW_SYSTEM));
    cr_expect_not(holds(&m, 0, HW_SYSTEM));
    hw_check(&m.hw, nothing_is_stale, NULL);
    load(&m, 0, 1);
    cr_expect_not(holds(&m, 0, HW_SYSTEM));
    hw_machine_stop(&m);
}

Test(context, the_system_has_no_user_mode)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, .kva_shadow = true });
    load(&m, 0, 0);
    uint64_t now = hw_now(&m.hw).v;
    hw_enter(&m.hw, true);
    cr_expect_eq(hw_now(&m.hw).v, now);
    hw_machine_stop(&m);
}

Test(context, an_interrupt_enters_the_kernel_and_returns)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 2, .kva_shadow = true });
    load(&m, 1, 1);
    touch_page(&m, 1, HW_USER, true);
    load(&m, 0, 2);
    uint64_t writes = m.hw.cpus[1].spent[COST_CR3_WRITE];
    tlb_flush_page(&m.hw, va(HW_SYSTEM));
    cr_expect_eq(m.hw.cpus[1].spent[COST_CR3_WRITE], writes + 2);
    cr_expect_eq(m.hw.cpus[1].leaves_on, SIDE_KERNEL);
    cr_expect_not(holds(&m, 1, HW_USER), "without PCIDs all goes");
    hw_machine_stop(&m);
}

/* Stores that are being combined go out before whatever serializes (SDM 12.3.1). */
static void open_line(struct hw_machine *m, uint32_t cpu)
{
    m->hw.cpus[cpu].combining = (struct write_buffers){ .open = { { 1, 1 } }, .count = 1 };
}

Test(context, loads_and_flushes_close_combined_lines)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 2, .pcids = 4, .kva_shadow = true });
    load(&m, 1, 1);
    load(&m, 0, 1);
    open_line(&m, 0);
    load(&m, 0, 2);
    cr_expect_eq(m.hw.cpus[0].combining.count, 0);
    open_line(&m, 0);
    touch_page(&m, 0, HW_USER, true);
    cr_expect_eq(m.hw.cpus[0].combining.count, 0, "to user mode");
    load(&m, 0, 1);
    open_line(&m, 0);
    open_line(&m, 1);
    tlb_flush_page(&m.hw, va(HW_USER));
    cr_expect_eq(m.hw.cpus[0].combining.count, 0);
    cr_expect_eq(m.hw.cpus[1].combining.count, 0, "interrupted");
    hw_machine_stop(&m);
}
