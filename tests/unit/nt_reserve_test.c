/* Reservations of system PTEs: all misuse codes of bug check 0xDA. */
#include "kernel_machine.h"

#define RESERVE "MmAllocateMappingAddress"
#define INTO "MmMapLockedPagesWithReservedMapping"
#define OUT "MmUnmapReservedMapping"
#define RELEASE "MmFreeMappingAddress"

static uint64_t reserve(struct kernel_machine *km, uint64_t bytes)
{
    return DO(km, RESERVE, { "NumberOfBytes", bytes }, { "PoolTag", KERNEL_TAG });
}

static uint64_t into(struct kernel_machine *km, uint64_t at, uint64_t tag, uint64_t mdl)
{
    return DO(km, INTO, { "MappingAddress", at }, { "PoolTag", tag },
              { "MemoryDescriptorList", mdl }, { "CacheType", 1 });
}

static void out(struct kernel_machine *km, uint64_t at, uint64_t tag, uint64_t mdl)
{
    DO(km, OUT, { "BaseAddress", at }, { "PoolTag", tag }, { "MemoryDescriptorList", mdl });
}

static void release(struct kernel_machine *km, uint64_t at, uint64_t tag)
{
    DO(km, RELEASE, { "BaseAddress", at }, { "PoolTag", tag });
}

/* The last call stopped with 0xDA and this first parameter. */
static void expect_stop(const struct kernel_machine *km, uint64_t p1, unsigned line)
{
    cr_assert_eq(km->last.end, END_STOPS, "line %u", line);
    cr_assert_eq(km->last.stop.code, BC_SYSTEM_PTE_MISUSE, "line %u", line);
    cr_assert_eq(km->last.stop.p[0], p1, "line %u: 0x%llx", line,
                 (unsigned long long)km->last.stop.p[0]);
}
#define STOPPED(p1) expect_stop(&km, p1, __LINE__)

Test(nt_reserve, map_and_unmap)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t at = reserve(&km, 0x3001);
    cr_assert_eq(km.m.mm.syspte.by_user[PTE_USER_RESERVED].now, 6);
    cr_assert_eq(km.k.objects.reserved_mappings.now, 1);
    uint64_t id = kernel_locked_mdl(&km, KERNEL_USER, 0x2000);
    struct mdl *m = kernel_mdl_of(&km, id);
    uint64_t before = km.m.hw.cpu->spent[COST_PTE_RANGE];
    km.m.mm.irql = 2;
    cr_assert_eq(into(&km, at, KERNEL_TAG, id), at + 0x123);
    cr_assert_eq(km.m.hw.cpu->spent[COST_PTE_RANGE], before, "no search");
    cr_assert_eq(m->mapped_va.v, at);
    cr_assert(m->flags & MDL_MAPPED_TO_SYSTEM_VA);
    cr_assert_eq(km.m.mm.reserved_in_use.now, 3);
    cr_assert_eq(pte_pfn(kernel_entry(&km, at + PAGE_BYTES)).v, m->pfns[1]);
    out(&km, at + 0x123, KERNEL_TAG ^ 1, id);
    cr_assert_str_eq(kernel_row(&km, OUT), "");
    cr_assert_eq(km.m.mm.reserved_in_use.now, 0);
    cr_assert_eq(kernel_entry(&km, at), 0);
    cr_assert_eq(m->flags & MDL_MAPPED_TO_SYSTEM_VA, 0);
    release(&km, at, KERNEL_TAG);
    cr_assert_str_eq(kernel_row(&km, RELEASE), "irql-too-high");
    km.m.mm.irql = 0;
    release(&km, at, KERNEL_TAG);
    cr_assert_eq(km.m.mm.syspte.in_use.now, 0);
    cr_assert_eq(km.k.objects.reserved_mappings.now, 0);
    kernel_stop(&km);
}

Test(nt_reserve, allocate_rows)
{
    struct kernel_machine km;
    kernel_prepare(&km, OS_10_22H2);
    km.m.config.system_ptes = 4;
    kernel_up(&km);
    km.m.mm.irql = 2;
    reserve(&km, 0);
    cr_assert_str_eq(kernel_row(&km, RESERVE), "irql-too-high");
    km.m.mm.irql = 1;
    reserve(&km, 0);
    STOPPED(0x100);
    DO(&km, RESERVE, { "NumberOfBytes", 0x1000 }, { "PoolTag", 0 });
    cr_assert_str_eq(kernel_row(&km, RESERVE), "no-tag");
    cr_assert_eq(reserve(&km, 0x3000), 0);
    cr_assert_str_eq(kernel_row(&km, RESERVE), "no-system-ptes");
    cr_assert_eq(reserve(&km, UINT64_MAX), 0);
    cr_assert_neq(reserve(&km, 0x2000), 0);
    kernel_stop(&km);
}

Test(nt_reserve, misuse_of_a_reservation)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t at = reserve(&km, 0x3000), end = at + 3 * PAGE_BYTES;
    uint64_t one = kernel_pages_mdl(&km, 0x1000), two = kernel_pages_mdl(&km, 0x2000);
    uint64_t other = kernel_pages_mdl(&km, 0x2000), four = kernel_pages_mdl(&km, 0x4000);
    into(&km, at, KERNEL_TAG ^ 2, two);
    STOPPED(0x104);
    into(&km, end, KERNEL_TAG, two);
    STOPPED(0x104);
    into(&km, at + PAGE_BYTES, KERNEL_TAG, two);
    STOPPED(0x105);
    cr_assert_eq(into(&km, at, KERNEL_TAG, four), 0);
    cr_assert_str_eq(kernel_row(&km, INTO), "too-small");
    out(&km, at, KERNEL_TAG, two);
    STOPPED(0x10B);
    cr_assert_eq(into(&km, at, KERNEL_TAG, two), at);
    into(&km, at, KERNEL_TAG, two);
    STOPPED(0x107);
    into(&km, at, KERNEL_TAG, one);
    STOPPED(0x107);
    release(&km, at, KERNEL_TAG);
    STOPPED(0x103);
    DO(&km, "MmUnmapLockedPages", { "BaseAddress", at }, { "MemoryDescriptorList", two });
    cr_assert_str_eq(kernel_row(&km, "MmUnmapLockedPages"), "reserved-mapping");
    out(&km, at, KERNEL_TAG ^ 2, two);
    STOPPED(0x108);
    out(&km, at, KERNEL_TAG, four);
    STOPPED(0x10A);
    out(&km, at, KERNEL_TAG, one);
    STOPPED(0x10C);
    out(&km, at, KERNEL_TAG, other);
    cr_assert_str_eq(kernel_row(&km, OUT), "other-mdl");
    out(&km, at, KERNEL_TAG, two);
    cr_assert_str_eq(kernel_row(&km, OUT), "");
    release(&km, at, KERNEL_TAG ^ 2);
    STOPPED(0x101);
    release(&km, at + 0x10, KERNEL_TAG);
    cr_assert_str_eq(kernel_row(&km, RELEASE), "");
    release(&km, at, KERNEL_TAG);
    STOPPED(0x102);
    out(&km, at, KERNEL_TAG, two);
    STOPPED(0x109);
    into(&km, at, KERNEL_TAG, two);
    STOPPED(0x105);
    kernel_stop(&km);
}

Test(nt_reserve, unaligned_address_by_version)
{
    static const struct { enum os_rank os; uint64_t added; } rows[] = { { OS_7, 4 }, { OS_8, 0 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kernel_machine km;
        kernel_start(&km, rows[i].os);
        uint64_t at = reserve(&km, 0x1000), id = kernel_pages_mdl(&km, 0x1000);
        cr_assert_eq(into(&km, at + 4, KERNEL_TAG, id), at + rows[i].added);
        out(&km, at, KERNEL_TAG, id);
        cr_assert_str_eq(kernel_row(&km, OUT), "");
        kernel_stop(&km);
    }
}
