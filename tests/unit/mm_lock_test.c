/* Unit tests of nt/mm_lock and nt/mm_unlock: locking pages, what it refuses, undoing, unlocking. */
#include "routine_machine.h"

enum { KERNEL = 0, USER = 1, READ = 0, WRITE = 1, MODIFY = 2, PAGED = 1 };
#define BUFFER ((uint64_t)0x10000)
#define READONLY ((uint64_t)0x100000)
#define GUARD ((uint64_t)0x200000)
#define NOWHERE ((uint64_t)0x300000)

static void start(struct routine_machine *t)
{
    routine_start(t, OS_10_22H2);
    machine_map(&t->m, t->app, BUFFER, 8, PROT_READWRITE);
    machine_map(&t->m, t->app, READONLY, 2, PROT_READONLY);
    machine_map(&t->m, t->app, GUARD, 2, PROT_READWRITE | PROT_GUARD);
}

Test(mm_lock, outcomes_by_range_and_mode)
{
    static const struct {
        uint64_t at, bytes, mode, operation, irql;
        const char *row, *rules;
        uint32_t status, stop;
    } rows[] = {
        { BUFFER, 0x8000, USER, WRITE, 3, "irql-too-high", "C4-70", 0, 0 },
        { BUFFER, 0, USER, READ, 0, "outside-user-space", "", ST_ACCESS_VIOLATION, 0 },
        { 0x7FFFFFFEF000, 0x1001, USER, READ, 0, "outside-user-space", "", ST_ACCESS_VIOLATION, 0 },
        { 0xFFFFFA8000000000, 1, USER, READ, 0, "outside-user-space", "", ST_ACCESS_VIOLATION, 0 },
        { 0x7FFFFFFEF000, 0x1000, USER, READ, 0, "access-violation", "", ST_ACCESS_VIOLATION, 0 },
        { NOWHERE, 1, KERNEL, READ, 0, "access-violation", "", ST_ACCESS_VIOLATION, 0 },
        { BUFFER + 0x7000, 0x1001, USER, READ, 0, "access-violation", "", ST_ACCESS_VIOLATION, 0 },
        { READONLY, 1, USER, WRITE, 0, "access-violation", "", ST_ACCESS_VIOLATION, 0 },
        { READONLY, 1, KERNEL, MODIFY, 0, "access-violation", "", ST_ACCESS_VIOLATION, 0 },
        { GUARD, 1, USER, READ, 0, "guard-page", "", ST_GUARD_PAGE_VIOLATION, 0 },
        { GUARD, 1, USER, READ, 0, "", "", 0, 0 },
        { BUFFER, 1, USER, WRITE, 2, "not-resident-at-dispatch", "", 0, BC_IRQL_NOT_LESS_OR_EQUAL },
        { 0xFFFFFA80000F0000, 1, KERNEL, READ, 0, "nothing-mapped", "", 0,
          BC_PAGE_FAULT_IN_NONPAGED_AREA },
        { READONLY, 0x2000, USER, READ, 0, "", "", 0, 0 },
        { BUFFER, 0x8000, USER, WRITE, 1, "", "", 0, 0 },
        { BUFFER, 0x8000, USER, WRITE, 2, "pageable-at-dispatch", "pageable_at_dispatch", 0, 0 },
        { BUFFER + 1, 0, KERNEL, READ, 0, "", "", 0, 0 },
    };
    struct routine_machine t;
    start(&t);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint32_t id = new_mdl(&t, rows[i].at, rows[i].bytes);
        t.k.mm->irql = (uint32_t)rows[i].irql;
        struct outcome o = DO(&t, "MmProbeAndLockPages", id, rows[i].mode, rows[i].operation);
        EXPECT_ROW(&t, rows[i].row);
        EXPECT_RULES(&t, rows[i].rules);
        cr_expect_eq(o.status, rows[i].status, "row %zu", i);
        cr_expect_eq(o.stop.code, rows[i].stop, "row %zu", i);
        t.k.mm->irql = 0;
        const struct mdl *m = mdl_at(t.k.mm, id);
        bool locked = o.end == END_RETURNS && !o.undefined;
        cr_expect_eq((m->flags & MDL_PAGES_LOCKED) != 0, locked, "row %zu", i);
        cr_expect_eq(m->process, locked ? t.app->object.v : 0, "row %zu", i);
        cr_expect_eq(t.app->locked_pages.now, locked ? mdl_page_count(m) : 0, "row %zu", i);
        if (locked) DO(&t, "MmUnlockPages", id);
        DO(&t, "IoFreeMdl", id);
        cr_expect_eq(t.k.mm->frames.locked.now, 0, "row %zu", i);
    }
    routine_stop(&t);
}

/* Pages before the one that fails are locked and unlocked again: the trace of it is the cost. */
Test(mm_lock, undoes_the_prefix)
{
    struct routine_machine t;
    start(&t);
    uint32_t id = new_mdl(&t, BUFFER + 0x3000, 0x6000);
    uint64_t before = t.m.hw.cpu->spent[COST_PFN];
    DO(&t, "MmProbeAndLockPages", id, USER, WRITE);
    EXPECT_ROW(&t, "access-violation");
    cr_expect_geq(t.m.hw.cpu->spent[COST_PFN] - before, 10);
    cr_expect_eq(t.k.mm->frames.locked.peak, 5);
    cr_expect_eq(mdl_at(t.k.mm, id)->pfns[0], PFN_NONE.v);
    routine_stop(&t);
}

Test(mm_lock, flags_follow_the_operation)
{
    struct routine_machine t;
    start(&t);
    uint32_t id = new_mdl(&t, BUFFER, 0x1000);
    static const struct {
        uint64_t operation;
        uint32_t locked, unlocked;
    } rows[] = { { WRITE, 0x8A, 0x88 }, { READ, 0x0A, 0x08 }, { MODIFY, 0x8A, 0x88 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        DO(&t, "MmProbeAndLockPages", id, USER, rows[i].operation);
        cr_expect_eq(mdl_at(t.k.mm, id)->flags, rows[i].locked, "row %zu", i);
        DO(&t, "MmProbeAndLockPages", id, USER, rows[i].operation);
        EXPECT_RULES(&t, "C4-B0");
        DO(&t, "MmUnlockPages", id);
        cr_expect_eq(mdl_at(t.k.mm, id)->flags, rows[i].unlocked, "row %zu", i);
    }
    routine_stop(&t);
}

Test(mm_lock, pool_and_several_mdls_over_one_page)
{
    struct routine_machine t;
    start(&t);
    uint64_t pool = new_pool(&t, PAGED, 3 * PAGE_BYTES);
    uint32_t a = new_mdl(&t, pool, 0x3000), b = new_mdl(&t, pool + 0x1800, 0x10);
    DO(&t, "MmProbeAndLockPages", a, KERNEL, WRITE);
    DO(&t, "MmProbeAndLockPages", b, KERNEL, READ);
    cr_expect_eq(mdl_at(t.k.mm, a)->process, 0);
    cr_expect_eq(t.k.mm->frames.locked.now, 3);
    pfn_t shared = pfn(mdl_at(t.k.mm, b)->pfns[0]);
    cr_expect_eq(frame_peek(t.k.mm, shared).locks, 2);
    DO(&t, "ExFreePool", pool);
    EXPECT_ROW(&t, "pages-locked");
    cr_expect_eq(t.last.stop.code, BC_PFN_LIST_CORRUPT);
    DO(&t, "MmUnlockPages", a);
    cr_expect_eq(t.k.mm->frames.locked.now, 1);
    DO(&t, "MmUnlockPages", b);
    DO(&t, "ExFreePool", pool);
    EXPECT_ROW(&t, "");
    routine_stop(&t);
}

Test(mm_lock, unlocking_what_is_not_locked)
{
    struct routine_machine t;
    start(&t);
    uint32_t id = new_mdl(&t, BUFFER, 0x2000);
    DO(&t, "MmUnlockPages", id);
    EXPECT_ROW(&t, "never-locked");
    cr_expect(t.last.undefined);
    DO(&t, "MmProbeAndLockPages", id, USER, WRITE);
    DO(&t, "MmUnlockPages", id);
    DO(&t, "MmUnlockPages", id);
    EXPECT_ROW(&t, "unlocked-again-process-pages");
    cr_expect_eq(t.last.stop.code, BC_PROCESS_HAS_LOCKED_PAGES);
    cr_expect_eq(t.last.stop.p[0], 1);
    cr_expect_eq(t.last.stop.p[1], mdl_at(t.k.mm, id)->address.v);
    uint64_t pool = new_pool(&t, 512, 100);
    id = new_mdl(&t, pool, 100);
    DO(&t, "MmProbeAndLockPages", id, KERNEL, WRITE);
    DO(&t, "MmUnlockPages", id);
    DO(&t, "MmUnlockPages", id);
    EXPECT_ROW(&t, "unlocked-again");
    cr_expect_eq(t.last.stop.code, BC_PFN_LIST_CORRUPT);
    cr_expect_eq(t.last.stop.p[0], 7);
    DO(&t, "MmBuildMdlForNonPagedPool", id);
    DO(&t, "MmUnlockPages", id);
    EXPECT_RULES(&t, "C4-7D");
    routine_stop(&t);
}

Test(mm_lock, a_verifier_stops_first)
{
    struct routine_machine t;
    start(&t);
    t.config.verifier = VERIFIER_BUGCHECK;
    uint32_t id = new_mdl(&t, BUFFER, 0x2000);
    DO(&t, "MmUnlockPages", id);
    cr_expect_eq(t.last.stop.code, 0xC4);
    cr_expect_eq(t.last.stop.p[0], 0x7C);
    DO(&t, "MmProbeAndLockPages", id, USER, WRITE);
    DO(&t, "MmProbeAndLockPages", id, USER, WRITE);
    cr_expect_eq(t.last.stop.p[0], 0xB0);
    routine_stop(&t);
}

Test(mm_lock, another_process)
{
    struct routine_machine t;
    start(&t);
    struct process *other = process_new(t.k.mm, "other");
    machine_map(&t.m, other, 0x700000, 2, PROT_READWRITE);
    uint32_t id = new_mdl(&t, 0x700000, 0x2000);
    DO(&t, "MmProbeAndLockPages", id, USER, WRITE);
    EXPECT_ROW(&t, "access-violation");
    uint64_t before = t.m.hw.cpu->spent[COST_ATTACH];
    DO(&t, "MmProbeAndLockProcessPages", id, other->id, USER, WRITE);
    EXPECT_ROW(&t, "");
    cr_expect_eq(t.m.hw.cpu->spent[COST_ATTACH] - before, 2);
    cr_expect_eq(t.k.mm->current, t.app);
    cr_expect_eq(mdl_at(t.k.mm, id)->process, other->object.v);
    cr_expect_eq(other->locked_pages.now, 2);
    DO(&t, "MmProbeAndLockProcessPages", id, other->id, USER, WRITE);
    EXPECT_RULES(&t, "C4-B1");
    DO(&t, "MmUnlockPages", id);
    cr_expect_eq(other->locked_pages.now, 0);
    routine_stop(&t);
}

struct selected {
    uint32_t mdl, mode, operation;
    struct list_arg segments;
};

Test(mm_lock, selected_pages)
{
    struct routine_machine t;
    start(&t);
    uint64_t entries[3][2] = { { BUFFER + 0x5000 }, { BUFFER }, { BUFFER + 0x3000 } };
    uint32_t id = new_mdl(&t, BUFFER, 0x3000);
    const struct routine *r = routine_find("MmProbeAndLockSelectedPages");
    cr_assert_eq(r->args_bytes, sizeof(struct selected));
    struct selected a = { id, USER, WRITE, { entries, 2 } };
    t.k.violation_mark = t.k.violation_count;
    t.last = kernel_call(&t.k, r, &a);
    EXPECT_ROW(&t, "too-few-segments");
    a.segments.count = 3;
    entries[2][0]++;
    t.last = kernel_call(&t.k, r, &a);
    EXPECT_ROW(&t, "segment-not-aligned");
    entries[2][0]--;
    t.k.mm->irql = 2;
    t.last = kernel_call(&t.k, r, &a);
    EXPECT_ROW(&t, "not-resident-at-dispatch");
    t.k.mm->irql = 0;
    t.last = kernel_call(&t.k, r, &a);
    EXPECT_ROW(&t, "");
    for (unsigned i = 0; i < 3; i++)
        cr_expect_eq(pte_pfn(paging_entry(&t.m.hw, &t.app->map, va(entries[i][0]))).v,
                     mdl_at(t.k.mm, id)->pfns[i]);
    DO(&t, "MmUnlockPages", id);
    routine_stop(&t);
}

/* Members that the driver wrote: MmUnlockPages follows them, and may meet frames that nothing
 * locks. */
Test(mm_lock, what_the_driver_wrote)
{
    struct routine_machine t;
    start(&t);
    uint32_t id = new_mdl(&t, BUFFER, 0x4000);
    DO(&t, "MmProbeAndLockPages", id, USER, WRITE);
    mdl_at(t.k.mm, id)->byte_count = 0x2000;
    DO(&t, "MmUnlockPages", id);
    EXPECT_ROW(&t, "");
    cr_expect_eq(leak_total(&t, LEAK_LOCKED_PAGES), 2);
    cr_expect_eq(t.app->locked_pages.now, 2);
    uint64_t pool = new_pool(&t, 512, 0x2000);
    id = new_mdl(&t, pool, 0x2000);
    DO(&t, "MmBuildMdlForNonPagedPool", id);
    struct mdl *m = mdl_at(t.k.mm, id);
    m->flags = MDL_PAGES_LOCKED;
    m->builder = BUILDER_LOCKED;
    m->pfns[1] = m->pfns[0];
    DO(&t, "MmUnlockPages", id);
    EXPECT_ROW(&t, "frame-not-locked");
    cr_expect_eq(t.last.stop.code, BC_PFN_LIST_CORRUPT);
    cr_expect_eq(t.last.stop.p[1], m->pfns[0]);
    DO(&t, "IoFreeMdl", id);
    EXPECT_ROW(&t, "");
    routine_stop(&t);
}
