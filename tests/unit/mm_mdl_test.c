/* Unit tests of nt/mm_mdl, nt/mm_mdl_build and nt/mm_mdl_query: headers in the caller's memory,
 * MDLs over nonpaged memory, advancing, sizes. */
#include "routine_machine.h"

enum { KERNEL = 0, USER = 1, WRITE = 1, PAGED = 1, NX = 512 };
#define BUFFER ((uint64_t)0x10000)

Test(mm_mdl, sizes_and_members)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    cr_expect_eq(DO(&t, "MmSizeOfMdl", 0xFFF, 2).returns.v, 64);
    cr_expect_eq(DO(&t, "MmSizeOfMdl", 0, UINT64_MAX).returns.v, 48 + (UINT64_C(1) << 55));
    uint32_t id = new_mdl(&t, 0x12345, 0x2000);
    cr_expect_eq(DO(&t, "MmGetMdlByteCount", id).returns.v, 0x2000);
    cr_expect_eq(DO(&t, "MmGetMdlByteOffset", id).returns.v, 0x345);
    cr_expect_eq(DO(&t, "MmGetMdlVirtualAddress", id).returns.v, 0x12345);
    cr_expect_eq(DO(&t, "MmGetMdlPfnArray", id).returns.v, mdl_at(t.k.mm, id)->address.v + 48);
    cr_expect_eq(DO(&t, "MmGetMdlByteCount", 0).status, ST_ACCESS_VIOLATION);
    id = new_mdl(&t, 0, 5);
    cr_expect_not(DO(&t, "MmGetMdlVirtualAddress", id).failed);
    routine_stop(&t);
}

Test(mm_mdl, formatting_memory)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    uint64_t pool = new_pool(&t, NX, 72), paged = new_pool(&t, PAGED, 72);
    machine_map(&t.m, t.app, BUFFER, 1, PROT_READONLY);
    const struct {
        uint64_t at, bytes;
        const char *row;
    } rows[] = {
        { 0, 1, "memory-raises" },
        { BUFFER, 1, "memory-raises" },
        { 0xFFFFF88000000000, 1, "memory-stops" },
        { pool, 4 * PAGE_BYTES, "memory-too-small" },
        { pool + 24, PAGE_BYTES, "memory-too-small" },
        { pool + 128, 1, "memory-too-small" },
        { paged, 1, "memory-pageable" },
        { pool, 3 * PAGE_BYTES, "" },
        { pool + 16, PAGE_BYTES, "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        DO(&t, "MmInitializeMdl", rows[i].at, 0, rows[i].bytes);
        cr_expect_str_eq(last_row(&t), rows[i].row, "row %zu: %s", i, last_row(&t));
    }
    cr_expect_eq(t.k.objects.mdls.now, 0);
    DO(&t, "ExFreePool", pool);
    EXPECT_ROW(&t, "");
    cr_expect_eq(mdl_by_address(t.k.mm, va(pool)), 0);
    routine_stop(&t);
}

Test(mm_mdl, formatting_again)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    machine_map(&t.m, t.app, BUFFER, 4, PROT_READWRITE);
    uint64_t pool = new_pool(&t, NX, 200);
    uint32_t id = DO(&t, "MmInitializeMdl", pool, BUFFER, 0x3000).returns.id;
    DO(&t, "MmProbeAndLockPages", id, USER, WRITE);
    DO(&t, "IoFreeMdl", id);
    EXPECT_RULES(&t, "wrong_mdl_free");
    cr_expect(t.last.undefined);
    cr_expect_eq(DO(&t, "MmInitializeMdl", pool, BUFFER, 0x1000).returns.id, id);
    EXPECT_RULES(&t, "mdl_reinitialized_in_use");
    cr_expect_eq(leak_total(&t, LEAK_LOCKED_PAGES), 3);
    DO(&t, "MmUnlockPages", id);
    EXPECT_ROW(&t, "never-locked");
    DO(&t, "MmProbeAndLockPages", id, USER, WRITE);
    DO(&t, "ExFreePool", pool);
    EXPECT_RULES(&t, "mdl_memory_freed_in_use");
    cr_expect_eq(leak_total(&t, LEAK_LOCKED_PAGES), 4);
    routine_stop(&t);
}

Test(mm_mdl, created)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    uint32_t id = DO(&t, "MmCreateMdl", 0, BUFFER, 0x1000).returns.id;
    EXPECT_RULES(&t, "obsolete_routine");
    cr_expect_eq(t.k.objects.mdls.now, 1);
    DO(&t, "ExFreePool", mdl_at(t.k.mm, id)->address.v);
    EXPECT_ROW(&t, "");
    cr_expect_eq(t.k.objects.mdls.now, 0);
    t.k.mm->irql = 2;
    DO(&t, "MmCreateMdl", 0, BUFFER, 0x1000);
    EXPECT_ROW(&t, "irql-too-high");
    t.k.mm->irql = 0;
    id = new_mdl(&t, 0, 1);
    DO(&t, "ExFreePool", mdl_at(t.k.mm, id)->address.v);
    EXPECT_ROW(&t, "mdl-of-IoAllocateMdl");
    routine_stop(&t);
}

Test(mm_mdl, built_for_nonpaged_pool)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    machine_map(&t.m, t.app, BUFFER, 1, PROT_READWRITE);
    uint64_t pool = new_pool(&t, NX, 3 * PAGE_BYTES), paged = new_pool(&t, PAGED, PAGE_BYTES);
    va_t stack;
    cr_assert(mm_new_stack(t.k.mm, &stack));
    const struct {
        uint64_t at, bytes;
        const char *rules;
        uint32_t stop;
    } rows[] = {
        { pool + 5, 2 * PAGE_BYTES, "", 0 },
        { pool, 0, "", 0 },
        { stack.v, 100, "C4-140", 0 },
        { BUFFER, 100, "C4-140", 0x1A },
        { paged, 100, "C4-7F", 0x1A },
        { pool + 0x80000, 100, "", 0x1A },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint32_t id = new_mdl(&t, rows[i].at, rows[i].bytes);
        struct outcome o = DO(&t, "MmBuildMdlForNonPagedPool", id);
        EXPECT_RULES(&t, rows[i].rules);
        cr_expect_eq(o.stop.code, rows[i].stop, "row %zu", i);
        if (o.stop.code != 0) {
            cr_expect_eq(o.stop.p[0], 0x1240);
            continue;
        }
        const struct mdl *m = mdl_at(t.k.mm, id);
        cr_expect_eq(m->flags, 0x0C);
        cr_expect_eq(m->mapped_va.v, rows[i].at);
        for (uint64_t page = 0; page < mdl_page_count(m); page++) {
            va_t at = va_add(m->start_va, page * PAGE_BYTES);
            cr_expect_eq(m->pfns[page],
                         pte_pfn(paging_entry(&t.m.hw, &t.m.hw.system, at)).v);
        }
        DO(&t, "MmBuildMdlForNonPagedPool", id);
        EXPECT_RULES(&t, "mdl_state");
        DO(&t, "MmProbeAndLockPages", id, KERNEL, WRITE);
        EXPECT_RULES(&t, "C4-B0");
    }
    routine_stop(&t);
}

Test(mm_mdl, built_over_a_mapping)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    machine_map(&t.m, t.app, BUFFER, 2, PROT_READWRITE);
    uint32_t a = new_mdl(&t, BUFFER + 4, 0x1800);
    DO(&t, "MmProbeAndLockPages", a, USER, WRITE);
    uint64_t at = DO(&t, "MmGetSystemAddressForMdlSafe", a, 16 | 0x40000000).returns.v;
    uint32_t b = new_mdl(&t, at + 0x1000, 0x10);
    DO(&t, "MmBuildMdlForNonPagedPool", b);
    EXPECT_RULES(&t, "");
    cr_expect_eq(mdl_at(t.k.mm, b)->pfns[0], mdl_at(t.k.mm, a)->pfns[1]);
    routine_stop(&t);
}

Test(mm_mdl, advanced)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    machine_map(&t.m, t.app, BUFFER, 4, PROT_READWRITE);
    uint32_t id = new_mdl(&t, BUFFER + 0x100, 0x3F00);
    DO(&t, "MmAdvanceMdl", id, 1);
    EXPECT_RULES(&t, "mdl_state");
    DO(&t, "MmProbeAndLockPages", id, USER, WRITE);
    uint64_t at = DO(&t, "MmGetSystemAddressForMdlSafe", id, 16 | 0x40000000).returns.v;
    struct mdl *m = mdl_at(t.k.mm, id);
    uint64_t frames[4];
    memcpy(frames, m->pfns, sizeof frames);
    uint64_t in_use = t.k.mm->syspte.in_use.now;
    cr_expect_eq(DO(&t, "MmAdvanceMdl", id, 0x3F01).status, ST_INVALID_PARAMETER_2);
    cr_expect_eq(DO(&t, "MmAdvanceMdl", id, 0).status, ST_SUCCESS);
    DO(&t, "MmAdvanceMdl", id, 0xEFF);
    cr_expect_eq(m->locked_pages, 4);
    DO(&t, "MmAdvanceMdl", id, 0x1001);
    cr_expect_eq(mdl_va(m).v, BUFFER + 0x2000);
    cr_expect_eq(m->byte_count, 0x2000);
    cr_expect_eq(m->mapped_va.v, at + 0x1F00);
    cr_expect_eq(m->pfns[0], frames[2]);
    cr_expect_eq(m->locked_pages, 2);
    cr_expect_eq(t.app->locked_pages.now, 2);
    cr_expect_eq(t.k.mm->syspte.in_use.now, in_use);
    cr_expect_eq(paging_entry(&t.m.hw, &t.m.hw.system, va(at)), 0);
    DO(&t, "MmAdvanceMdl", id, 0x2000);
    cr_expect_eq(m->byte_count, 0);
    cr_expect_eq(m->locked_pages, 0);
    DO(&t, "MmUnlockPages", id);
    cr_expect_eq(t.k.mm->syspte.in_use.now, in_use - 4);
    cr_expect_eq(t.k.objects.mappings_system.now, 0);
    cr_expect_eq(t.k.mm->frames.locked.now, 0);
    DO(&t, "IoFreeMdl", id);
    EXPECT_ROW(&t, "");
    routine_stop(&t);
}
