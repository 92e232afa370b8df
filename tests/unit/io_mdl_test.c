/* Unit tests of nt/io_mdl: allocating and freeing MDLs, chains, partial MDLs. */
#include "routine_machine.h"

enum { USER = 1, READ = 0, WRITE = 1 };
#define BUFFER ((uint64_t)0x10000)

/* A locked MDL over `pages` pages of user memory from BUFFER + 0x123 on. */
static uint32_t locked_mdl(struct routine_machine *t, uint64_t pages)
{
    machine_map(&t->m, t->app, BUFFER, pages, PROT_READWRITE);
    uint32_t id = new_mdl(t, BUFFER + 0x123, pages * PAGE_BYTES - 0x123);
    DO(t, "MmProbeAndLockPages", id, USER, WRITE);
    EXPECT_ROW(t, "");
    return id;
}

Test(io_mdl, headers_by_length)
{
    static const struct {
        uint64_t at, bytes;
        uint32_t flags, slots;
    } rows[] = {
        { 0x1000, 0, 8, 0 },           { 0x1001, 0, 8, 1 },          { 0x1000, 1, 8, 1 },
        { 0xFFF, 2, 8, 2 },            { 0, 23 * PAGE_BYTES, 8, 23 }, { 1, 23 * PAGE_BYTES, 0, 24 },
        { 0, 24 * PAGE_BYTES, 0, 24 },
    };
    struct routine_machine t;
    routine_start(&t, OS_8);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct mdl *m = mdl_at(t.k.mm, new_mdl(&t, rows[i].at, rows[i].bytes));
        cr_expect_eq(m->flags, rows[i].flags, "row %zu", i);
        cr_expect_eq(m->slots, rows[i].slots, "row %zu", i);
        cr_expect_eq(t.k.objects.mdls.now, i + 1);
    }
    for (uint32_t id = 1; id <= COUNT_OF(rows); id++) DO(&t, "IoFreeMdl", id);
    cr_expect_eq(t.k.objects.mdls.now, 0);
    cr_expect_eq(t.k.violation_count, 0);
    routine_stop(&t);
}

Test(io_mdl, length_caps_by_version)
{
    static const struct {
        enum os_rank os;
        bool is_64_bit;
        uint64_t cap;
    } rows[] = {
        { OS_2000, false, 67079168 },         { OS_SERVER_2003_SP1, true, 33529344 },
        { OS_VISTA, true, 2 * GIB - 4096 },   { OS_SERVER_2008, true, 2 * GIB - 4096 },
        { OS_7, true, 4 * GIB - 4096 },       { OS_11_25H2, true, 4 * GIB - 4096 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct routine_machine t;
        routine_start(&t, rows[i].os);
        t.m.config.is_64_bit = rows[i].is_64_bit;
        t.m.config.nonpaged_pool_bytes = 64 * MIB;
        cr_expect_eq(DO(&t, "IoAllocateMdl", 0, rows[i].cap + 1).returns.kind, VALUE_NULL);
        EXPECT_ROW(&t, "length-above-cap");
        DO(&t, "IoAllocateMdl", 0, rows[i].cap);
        cr_expect_str_neq(last_row(&t), "length-above-cap", "row %zu", i);
        routine_stop(&t);
    }
}

Test(io_mdl, chains_of_irps)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    uint32_t irp = DO(&t, "IoAllocateIrp", 3, 0).returns.id;
    uint32_t first = DO(&t, "IoAllocateMdl", 0x1000, 10, true, false, irp).returns.id;
    EXPECT_RULES(&t, "parameter_invalid");
    uint32_t second = DO(&t, "IoAllocateMdl", 0x2000, 10, true, false, irp).returns.id;
    cr_expect_eq(kernel_irp(&t.k, irp)->mdl_address, first);
    cr_expect_eq(mdl_at(t.k.mm, first)->next, second);
    uint32_t third = DO(&t, "IoAllocateMdl", 0x3000, 10, false, false, irp).returns.id;
    EXPECT_RULES(&t, "irp_mdl_overwritten");
    cr_expect_eq(kernel_irp(&t.k, irp)->mdl_address, third);
    DO(&t, "IoAllocateMdl", 0x3000, 10, true, true, 0);
    EXPECT_RULES(&t, "charge_quota secondary_without_irp");
    cr_expect_not(t.last.failed);
    mdl_at(t.k.mm, third)->next = third;
    DO(&t, "IoAllocateMdl", 0x3000, 10, true, false, irp);
    EXPECT_ROW(&t, "chain-without-end");
    DO(&t, "IoFreeIrp", irp);
    EXPECT_RULES(&t, "irp_freed_with_mdls");
    DO(&t, "IoFreeIrp", irp);
    EXPECT_RULES(&t, "use_after_free");
    cr_expect_eq(t.k.errors, 2);
    routine_stop(&t);
}

Test(io_mdl, freeing_what_is_still_held)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    uint32_t id = locked_mdl(&t, 4);
    DO(&t, "MmMapLockedPagesSpecifyCache", id, 0, 1, 0, 0, 16);
    DO(&t, "IoFreeMdl", id);
    EXPECT_RULES(&t, "C4-B8");
    cr_expect_eq(t.k.objects.mappings_system.now, 0);
    cr_expect_eq(t.k.mm->frames.locked.now, 4);
    cr_expect_eq(leak_total(&t, LEAK_LOCKED_PAGES), 4);
    DO(&t, "IoFreeMdl", id);
    EXPECT_RULES(&t, "use_after_free");
    routine_stop(&t);
    routine_start(&t, OS_10_22H2);
    id = locked_mdl(&t, 2);
    DO(&t, "IoFreeMdl", id);
    EXPECT_RULES(&t, "mdl_freed_locked");
    cr_expect_eq(leak_total(&t, LEAK_LOCKED_PAGES), 2);
    routine_stop(&t);
}

Test(io_mdl, partial_in_order_of_checks)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    uint32_t source = locked_mdl(&t, 4), target = new_mdl(&t, 0, 2 * PAGE_BYTES);
    uint32_t header = new_mdl(&t, BUFFER, PAGE_BYTES);
    const struct {
        uint64_t source, target, at, bytes;
        const char *row;
        uint32_t stop;
    } rows[] = {
        { source, source, 0, 0, "target-is-source", 0 },
        { header, target, 0, 0, "source-not-locked", 0 },
        { source, target, BUFFER + 0x122, 1, "range-outside-source", 0x12E },
        { source, target, BUFFER + 4 * PAGE_BYTES, 0, "range-outside-source", 0x12E },
        { source, target, BUFFER + 0x123, 4 * PAGE_BYTES - 0x122, "range-outside-source", 0x12E },
        { source, target, BUFFER + 0x123, 0, "target-too-small", 0x40 },
        { source, target, BUFFER + 0x1FFF, PAGE_BYTES + 2, "target-too-small", 0x40 },
        { source, target, BUFFER + 0x1FFF, PAGE_BYTES + 1, "", 0 },
        { source, target, BUFFER + 0x3FFF, 1, "", 0 },
        { source, target, BUFFER + 0x2800, 0, "", 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o = DO(&t, "IoBuildPartialMdl", rows[i].source, rows[i].target, rows[i].at,
                              rows[i].bytes);
        EXPECT_ROW(&t, rows[i].row);
        cr_expect_eq(o.stop.code, rows[i].stop, "row %zu", i);
        if (o.stop.code == 0x12E) {
            cr_expect_eq(o.stop.p[0], mdl_at(t.k.mm, source)->address.v);
            cr_expect_eq(o.stop.p[2], rows[i].at);
        }
    }
    const struct mdl *m = mdl_at(t.k.mm, target), *s = mdl_at(t.k.mm, source);
    cr_expect_eq(m->flags, MDL_PARTIAL | MDL_ALLOCATED_FIXED_SIZE);
    cr_expect_eq(m->byte_count, 0x1800);
    cr_expect_eq(m->pfns[0], s->pfns[2]);
    cr_expect_eq(m->pfns[1], s->pfns[3]);
    cr_expect_eq(m->process, s->process);
    DO(&t, "MmUnlockPages", target);
    EXPECT_RULES(&t, "C4-B4");
    DO(&t, "MmUnlockPages", source);
    DO(&t, "IoBuildPartialMdl", target, header, BUFFER + 0x2800, 1);
    EXPECT_RULES(&t, "partial_outlives_source");
    routine_stop(&t);
    routine_start(&t, OS_10_22H2);
    source = locked_mdl(&t, 4), target = new_mdl(&t, 0, 2 * PAGE_BYTES);
    header = new_mdl(&t, BUFFER, PAGE_BYTES);
    DO(&t, "IoBuildPartialMdl", source, target, BUFFER + 0x2800, 1);
    DO(&t, "IoBuildPartialMdl", target, source, BUFFER + 0x2800, 1);
    EXPECT_RULES(&t, "mdl_reinitialized_in_use");
    DO(&t, "IoBuildPartialMdl", target, header, BUFFER + 0x2800, 1);
    EXPECT_RULES(&t, "partial_outlives_source");
    routine_stop(&t);
}

Test(io_mdl, mappings_of_partials)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    uint32_t source = locked_mdl(&t, 4), target = new_mdl(&t, 0, 4 * PAGE_BYTES);
    DO(&t, "IoBuildPartialMdl", source, target, BUFFER + 0x1234, 0x100);
    uint64_t own = DO(&t, "MmGetSystemAddressForMdlSafe", target, 16 | 0x40000000).returns.v;
    cr_expect_eq(own & PAGE_MASK, 0x234);
    cr_expect_eq(mdl_at(t.k.mm, target)->flags, 0x39);
    DO(&t, "MmPrepareMdlForReuse", target);
    cr_expect_eq(mdl_at(t.k.mm, target)->flags, 0x18);
    uint64_t whole = DO(&t, "MmGetSystemAddressForMdlSafe", source, 16 | 0x40000000).returns.v;
    DO(&t, "IoBuildPartialMdl", source, target, BUFFER + 0x1234, 0x100);
    cr_expect_eq(mdl_at(t.k.mm, target)->flags, 0x19);
    cr_expect_eq(mdl_at(t.k.mm, target)->mapped_va.v, whole + 0x1111);
    cr_expect_eq(DO(&t, "MmGetSystemAddressForMdlSafe", target, 16 | 0x40000000).returns.v,
                 whole + 0x1111);
    DO(&t, "MmPrepareMdlForReuse", target);
    cr_expect_eq(mdl_at(t.k.mm, target)->flags, 0x19);
    DO(&t, "IoFreeMdl", target);
    DO(&t, "MmUnlockPages", source);
    DO(&t, "IoFreeMdl", source);
    cr_expect_eq(t.k.violation_count, 0);
    cr_expect_eq(t.k.objects.mappings_system.now, 0);
    routine_stop(&t);
}

Test(io_mdl, partial_reused_while_mapped)
{
    struct routine_machine t;
    routine_start(&t, OS_10_22H2);
    uint32_t source = locked_mdl(&t, 4), target = new_mdl(&t, 0, 4 * PAGE_BYTES);
    DO(&t, "IoBuildPartialMdl", source, target, BUFFER + 0x1000, 0x100);
    DO(&t, "MmGetSystemAddressForMdlSafe", target, 16 | 0x40000000);
    DO(&t, "IoBuildPartialMdl", source, target, BUFFER + 0x2000, 0x100);
    EXPECT_RULES(&t, "partial_reused_mapped");
    cr_expect_eq(leak_total(&t, LEAK_MAPPINGS), 1);
    cr_expect_eq(mdl_at(t.k.mm, target)->flags, 0x18);
    routine_stop(&t);
}
