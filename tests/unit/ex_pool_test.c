/* Unit tests of nt/ex_pool, nt/ex_pool_free and nt/ke_irql. */
#include "routine_machine.h"

enum { TAG = 0x41424344 };

Test(ex_pool, allocating_with_a_tag)
{
    static const struct {
        enum os_rank os;
        uint64_t type, bytes, tag, irql;
        const char *row;
        uint64_t stop, p1;
        const char *rules;
    } rows[] = {
        { OS_7, 1, 8, TAG, 2, "paged-irql-too-high", 0xC2, 8, "C4-01" },
        { OS_7, 0, 8, TAG, 3, "irql-too-high", 0xC2, 8, "C4-02" },
        { OS_7, 0, 0, TAG, 0, "zero-bytes", 0xC2, 0, "C4-00" },
        { OS_7, 0, 8, 0, 0, "tag-zero", 0xC2, 0x9B, "" },
        { OS_7, 0, 8, 0x424947, 0, "tag-big", 0xC2, 0x9C, "" },
        { OS_7, 0, 8, 0x2D2D, 0, "tag-without-letters", 0xC2, 0x9D, "" },
        { OS_7, 0, 8, 0x4101, 0, "tag-characters", 0, 0, "pool_tag_invalid" },
        { OS_7, 512, 8, TAG, 0, "nx-not-in-os", 0, 0, "flag_not_in_os" },
        { OS_2000, 256, 8, TAG, 0, "cold-not-in-os", 0, 0, "flag_not_in_os" },
        { OS_XP, 2, 8, TAG, 0, "must-succeed", 0xC2, 0x9A, "" },
        { OS_2000, 2, 4097, TAG, 0, "must-succeed-large", 0, 0, "C4-03" },
        { OS_2000, 2, 8, TAG, 0, "", 0, 0, "" },
        { OS_7, 16, 64 * MIB, TAG, 0, "no-pool-raises", 0, 0, "" },
        { OS_7, 0, 64 * MIB, TAG, 0, "no-pool", 0, 0, "" },
        { OS_7, 0, 8, TAG, 2, "", 0, 0, "" },
        { OS_8, 0, 8, TAG, 0, "executable", 0, 0, "C4-2000" },
        { OS_8, 512, 8, TAG, 0, "", 0, 0, "" },
        { OS_8, 1, 8, TAG, 1, "", 0, 0, "" },
        { OS_10_2004, 512, 8, TAG, 0, "deprecated", 0, 0, "obsolete_routine" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct routine_machine t;
        routine_start(&t, rows[i].os);
        t.k.mm->irql = (uint32_t)rows[i].irql;
        struct outcome o =
            DO(&t, "ExAllocatePoolWithTag", rows[i].type, rows[i].bytes, rows[i].tag);
        cr_expect_str_eq(last_row(&t), rows[i].row, "row %zu: %s", i, last_row(&t));
        EXPECT_RULES(&t, rows[i].rules);
        cr_expect_eq(o.stop.code, rows[i].stop, "row %zu", i);
        cr_expect_eq(o.stop.p[0], rows[i].p1, "row %zu", i);
        routine_stop(&t);
    }
}

Test(ex_pool, allocating_with_flags)
{
    static const struct {
        uint64_t flags, bytes, tag;
        const char *row;
        uint32_t status;
    } rows[] = {
        { 0, 8, TAG, "bad-flags", 0 },
        { 0x140, 8, TAG, "bad-flags", 0 },
        { 0x50, 8, TAG, "bad-flags", 0 },
        { 0x20, 8, TAG, "bad-flags-raises", ST_INVALID_PARAMETER },
        { 0x40, 8, 0, "tag-zero", 0 },
        { 0x60, 8, 0, "tag-zero-raises", ST_INVALID_PARAMETER },
        { 0x80, 8, TAG, "executable", 0 },
        { 0x40, 64 * MIB, TAG, "no-pool", 0 },
        { 0x60, 64 * MIB, TAG, "no-pool-raises", ST_INSUFFICIENT_RESOURCES },
        { 0x100000040, 8, TAG, "", 0 },
        { 0x8000000000000100, 8, TAG, "", 0 },
    };
    struct routine_machine t;
    routine_start(&t, OS_11_25H2);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o = DO(&t, "ExAllocatePool2", rows[i].flags, rows[i].bytes, rows[i].tag);
        cr_expect_str_eq(last_row(&t), rows[i].row, "row %zu: %s", i, last_row(&t));
        cr_expect_eq(o.status, rows[i].status, "row %zu", i);
    }
    uint64_t zeroed = DO(&t, "ExAllocatePool2", 0x40, 8, TAG).returns.v, bytes = 1;
    struct touch at = mm_touch(t.k.mm, va(zeroed), ACCESS_READ, false, true);
    cr_expect(phys_read(&t.m.hw.phys, at.at, &bytes, 8) && bytes == 0);
    routine_stop(&t);
}

Test(ex_pool, freeing)
{
    struct routine_machine t;
    routine_start(&t, OS_7);
    uint64_t small = new_pool(&t, 0, 40), big = new_pool(&t, 0, 3 * PAGE_BYTES);
    uint64_t paged = new_pool(&t, 1, 3 * PAGE_BYTES);
    uint64_t freed = new_pool(&t, 0, 40);
    DO(&t, "ExFreePool", freed);
    uint64_t irp = DO(&t, "IoAllocateIrp", 1, 0).returns.v;
    const struct {
        uint64_t at, tag, irql;
        const char *row;
        uint64_t stop, p1;
        const char *rules;
    } rows[] = {
        { 0, TAG, 0, "user-address", 0xC2, 0x40, "C4-10" },
        { 0x10000, TAG, 0, "user-address", 0xC2, 0x40, "C4-10" },
        { 0xFFFFF88000000000, TAG, 0, "never-pool", 0xC2, 0x42, "C4-10" },
        { paged, TAG, 2, "paged-irql-too-high", 0xC2, 9, "C4-11" },
        { big, TAG, 3, "irql-too-high", 0xC2, 9, "C4-12" },
        { freed, TAG, 0, "already-freed", 0xC2, 7, "C4-13" },
        { small + 8, TAG, 0, "no-nonpaged-block", 0xC2, 0x44, "C4-10" },
        { paged + PAGE_BYTES, TAG, 0, "inside-paged-block", 0xC2, 0x41286, "C4-10" },
        { paged + 0x80000, TAG, 0, "no-paged-block", 0xC2, 0x50, "C4-10" },
        { irp, TAG, 0, "irp", 0, 0, "wrong_irp_free" },
        { small, TAG + 1, 0, "wrong-tag", 0xC2, 0x0A, "" },
        { small, TAG, 2, "", 0, 0, "" },
        { paged, TAG, 1, "", 0, 0, "" },
        { big, TAG, 0, "", 0, 0, "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t.k.mm->irql = (uint32_t)rows[i].irql;
        struct outcome o = DO(&t, "ExFreePoolWithTag", rows[i].at, rows[i].tag);
        t.k.mm->irql = 0;
        cr_expect_str_eq(last_row(&t), rows[i].row, "row %zu: %s", i, last_row(&t));
        EXPECT_RULES(&t, rows[i].rules);
        cr_expect_eq(o.stop.code, rows[i].stop, "row %zu", i);
        cr_expect_eq(o.stop.p[0], rows[i].p1, "row %zu", i);
    }
    cr_expect_eq(leak_total(&t, LEAK_POOL_BLOCKS), 0);
    routine_stop(&t);
}

Test(ex_pool, mdls_of_allocated_pages)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    uint32_t a = DO(&t, "MmAllocatePagesForMdlEx", 0, UINT64_MAX, 0, 0x3000, 1, 0).returns.id;
    DO(&t, "MmFreePagesFromMdl", a);
    DO(&t, "ExFreePool", mdl_at(t.k.mm, a)->address.v);
    EXPECT_RULES(&t, "");
    uint32_t b = DO(&t, "MmAllocatePagesForMdlEx", 0, UINT64_MAX, 0, 0x3000, 1, 0).returns.id;
    DO(&t, "ExFreePool", mdl_at(t.k.mm, b)->address.v);
    EXPECT_RULES(&t, "pages_mdl_freed_early");
    cr_expect_eq(leak_total(&t, LEAK_PAGES), 3);
    uint32_t c = DO(&t, "MmAllocatePagesForMdlEx", 0, UINT64_MAX, 0, 0x2000, 1, 0).returns.id;
    DO(&t, "IoFreeMdl", c);
    EXPECT_RULES(&t, "wrong_mdl_free");
    cr_expect_eq(leak_total(&t, LEAK_PAGES), 5);
    cr_expect_eq(t.k.objects.mdls.now, 0);
    routine_stop(&t);
}

Test(ke_irql, raising_and_lowering)
{
    static const struct {
        const char *routine;
        uint64_t level;
        const char *row;
        uint32_t irql, depth;
    } rows[] = {
        { "KeLowerIrql", 0, "not-the-saved-level", 0, 0 },
        { "KeRaiseIrql", 1, "", 1, 1 },
        { "KeRaiseIrql", 1, "", 1, 2 },
        { "KeRaiseIrql", 2, "", 2, 3 },
        { "KeRaiseIrql", 1, "lowers", 2, 3 },
        { "KeRaiseIrql", 16, "above-high-level", 2, 3 },
        { "KeLowerIrql", 3, "raises", 2, 3 },
        { "KeLowerIrql", 1, "", 1, 2 },
        { "KeRaiseIrql", 15, "", 15, 3 },
        { "KeLowerIrql", 0, "not-the-saved-level", 0, 0 },
        { "KeRaiseIrql", 2, "", 2, 1 },
        { "KeLowerIrql", 1, "not-the-saved-level", 1, 1 },
        { "KeLowerIrql", 0, "", 0, 0 },
    };
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        DO(&t, rows[i].routine, rows[i].level);
        cr_expect_str_eq(last_row(&t), rows[i].row, "row %zu: %s", i, last_row(&t));
        cr_expect_eq(t.k.mm->irql, rows[i].irql, "row %zu", i);
        cr_expect_eq(t.k.thread->irql_depth, rows[i].depth, "row %zu", i);
    }
    for (unsigned i = 0; i < 64; i++) DO(&t, "KeRaiseIrql", 2);
    EXPECT_ROW(&t, "");
    DO(&t, "KeRaiseIrql", 2);
    EXPECT_ROW(&t, "raised-too-often");
    routine_stop(&t);
}
