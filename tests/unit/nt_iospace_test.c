/* Memory of devices: MDLs over it, mappings of it, and what addresses translate to. */
#include "kernel_machine.h"

#define MAP "MmMapIoSpace"
#define UNMAP "MmUnmapIoSpace"
#define MAKE "MmAllocateMdlForIoSpace"
#define BAR_FRAME (KERNEL_BAR >> PAGE_SHIFT_BITS)
enum { NONCACHED, CACHED, WRITE_COMBINED };

static uint64_t map_io(struct kernel_machine *km, uint64_t at, uint64_t bytes, uint64_t cache)
{
    return DO(km, MAP, { "PhysicalAddress", at }, { "NumberOfBytes", bytes },
              { "CacheType", cache });
}

static void unmap_io(struct kernel_machine *km, uint64_t at, uint64_t bytes)
{
    DO(km, UNMAP, { "BaseAddress", at }, { "NumberOfBytes", bytes });
}

static uint32_t make(struct kernel_machine *km, uint64_t (*ranges)[2], uint64_t count)
{
    const struct routine *r = routine_find(MAKE);
    struct list_arg list = { ranges, count };
    memset(km->args, 0, sizeof km->args);
    memcpy(km->args + field_find(r->args, "PhysicalAddressList")->offset, &list, sizeof list);
    km->k.violation_mark = km->k.violation_count;
    km->last = kernel_call(&km->k, r, km->args);
    return km->last.status;
}

Test(nt_iospace, map_keeps_the_offset)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t at = map_io(&km, KERNEL_BAR + 0x123, 0x2000, WRITE_COMBINED);
    cr_assert_eq(at & PAGE_MASK, 0x123);
    cr_assert_eq(km.m.mm.syspte.by_user[PTE_USER_IO_SPACE].now, 3);
    cr_assert_eq(km.m.mm.frames.io.now, 3);
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t entry = kernel_entry(&km, at + i * PAGE_BYTES);
        cr_assert_eq(pte_pfn(entry).v, BAR_FRAME + i);
        cr_assert_eq(pte_cache_of(entry), PTE_WRITE_COMBINED);
        cr_assert_eq(entry & (PTE_NO_EXECUTE | PTE_WRITE | PTE_GLOBAL), PTE_WRITE | PTE_GLOBAL);
    }
    cr_assert(kernel_broke(&km, "C30029"));
    cr_assert_eq(km.k.errors, 0);
    cr_assert_eq(DO(&km, "MmGetPhysicalAddress", { "BaseAddress", at + 0x1000 }),
                 KERNEL_BAR + 0x1123);
    unmap_io(&km, at, 0x2000);
    cr_assert_str_eq(kernel_row(&km, UNMAP), "");
    cr_assert_eq(km.m.mm.syspte.in_use.now, 0);
    cr_assert_eq(km.m.mm.frames.io.now, 0);
    kernel_stop(&km);
}

Test(nt_iospace, map_rows)
{
    static const struct { uint64_t at, bytes, cache; uint32_t irql; const char *row; } rows[] = {
        { KERNEL_BAR, 0, 6, 3, "irql-too-high" },
        { KERNEL_BAR, 0, 6, 0, "zero-bytes" },
        { UINT64_MAX, 1, 6, 0, "bad-cache-type" },
        { UINT64_MAX, 1, 0, 0, "above-physical" },
        { ((uint64_t)1 << 52) - 4096, 4097, 0, 0, "above-physical" },
        { 100 * PAGE_BYTES, 1, 1, 0, "ram-not-locked" },
        { KERNEL_BAR, 64 * MIB, 0, 0, "no-system-ptes" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kernel_machine km;
        kernel_start(&km, OS_10_22H2);
        km.m.mm.irql = rows[i].irql;
        cr_assert_eq(map_io(&km, rows[i].at, rows[i].bytes, rows[i].cache), 0, "%zu", i);
        cr_assert_str_eq(kernel_row(&km, MAP), rows[i].row, "%zu", i);
        kernel_stop(&km);
    }
}

Test(nt_iospace, ram_must_be_locked_down)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t id = kernel_locked_mdl(&km, KERNEL_USER, 0x1000);
    uint64_t frame = kernel_mdl_of(&km, id)->pfns[1];
    uint64_t at = map_io(&km, frame * PAGE_BYTES, 0x1000, CACHED);
    cr_assert_neq(at, 0);
    unmap_io(&km, at, 0x1000);
    DO(&km, "MmUnlockPages", { "MemoryDescriptorList", id });
    map_io(&km, frame * PAGE_BYTES, 0x1000, CACHED);
    cr_assert_eq(km.last.stop.code, BC_MEMORY_MANAGEMENT);
    cr_assert_eq(km.last.stop.p[0], 0x1233);
    cr_assert_eq(km.last.stop.p[1], frame);
    cr_assert(kernel_broke(&km, "C4-83"));
    kernel_stop(&km);
}

Test(nt_iospace, cache_types_of_one_device_conflict)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    map_io(&km, KERNEL_BAR, 0x2000, NONCACHED);
    cr_assert_not(kernel_broke(&km, "cache_type_conflict"));
    map_io(&km, KERNEL_BAR + 0x1000, 0x1000, NONCACHED);
    cr_assert_not(kernel_broke(&km, "cache_type_conflict"));
    cr_assert_neq(map_io(&km, KERNEL_BAR + 0x1000, 0x2000, WRITE_COMBINED), 0);
    cr_assert(kernel_broke(&km, "cache_type_conflict"));
    uint64_t ranges[][2] = { { KERNEL_BAR + 0x4000, 0x1000 } };
    cr_assert_eq(make(&km, ranges, 1), ST_SUCCESS);
    uint64_t id = kernel_out(&km, MAKE, "NewMdl");
    for (uint64_t mode = 0; mode < 2; mode++) {
        uint64_t at = DO(&km, "MmMapLockedPagesSpecifyCache", { "MemoryDescriptorList", id },
                         { "AccessMode", mode }, { "CacheType", mode == 0 ? CACHED : NONCACHED },
                         { "Priority", 0x40000010 });
        cr_assert_neq(at, 0);
        cr_assert_eq(kernel_broke(&km, "cache_type_conflict"), mode == 1);
        cr_assert_eq(pte_cache_of(kernel_entry(&km, at)), mode == 0 ? PTE_CACHED : PTE_UNCACHED);
    }
    map_io(&km, KERNEL_BAR + 0x8000000, 0x1000, NONCACHED);
    cr_assert(kernel_broke(&km, "io_range_not_in_bar"));
    kernel_stop(&km);
}

Test(nt_iospace, unmap_rows)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t at = map_io(&km, KERNEL_BAR + 8, 0x1000, NONCACHED);
    km.m.mm.irql = 3;
    unmap_io(&km, at, 0x1000);
    cr_assert_str_eq(kernel_row(&km, UNMAP), "irql-too-high");
    km.m.mm.irql = 2;
    static const struct { uint64_t added, bytes; } wrong[] = {
        { 0, 0xFF8 }, { 0x1000, 0x1000 }, { 0, 0x3000 }, { 0, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        unmap_io(&km, at + wrong[i].added, wrong[i].bytes);
        cr_assert_eq(km.last.stop.code, BC_SYSTEM_PTE_MISUSE, "%zu", i);
        cr_assert_eq(km.last.stop.p[0], 0x400);
        cr_assert_eq(km.last.stop.p[2], span_pages(at + wrong[i].added, wrong[i].bytes));
    }
    unmap_io(&km, at, 0x1001);
    cr_assert_str_eq(kernel_row(&km, UNMAP), "irql-dispatch", "the first of two advices");
    cr_assert(kernel_broke(&km, "C4-7B"));
    cr_assert(kernel_broke(&km, "io_space_size_differs"));
    cr_assert_eq(km.m.mm.syspte.in_use.now, 0);
    unmap_io(&km, at, 0x1000);
    cr_assert_str_eq(kernel_row(&km, UNMAP), "unknown-mapping");
    kernel_stop(&km);
}

Test(nt_iospace, mdl_over_ranges)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t ranges[][2] = { { KERNEL_BAR + 0x4000, 0x1000 }, { KERNEL_BAR, 0x2000 } };
    cr_assert_eq(make(&km, ranges, 2), ST_SUCCESS);
    cr_assert_eq(km.k.violation_count, 0);
    uint64_t id = kernel_out(&km, MAKE, "NewMdl");
    struct mdl *m = kernel_mdl_of(&km, id);
    cr_assert_eq(m->byte_count, 0x3000);
    cr_assert_eq(m->flags, MDL_IO_SPACE | MDL_PAGES_LOCKED);
    cr_assert_eq(m->pfns[0], BAR_FRAME + 4);
    cr_assert_eq(m->pfns[2], BAR_FRAME + 1);
    cr_assert_eq(km.m.mm.frames.io.now, 3);
    DO(&km, "IoFreeMdl", { "Mdl", id });
    cr_assert_eq(km.m.mm.frames.io.now, 0);
    kernel_stop(&km);
}

Test(nt_iospace, mdl_rows)
{
    static const struct { uint64_t at, bytes, count; uint32_t status; const char *row; } rows[] = {
        { KERNEL_BAR, 0x1000, 0, ST_INVALID_PARAMETER_2, "no-ranges" },
        { KERNEL_BAR + 1, 1, 1, ST_INVALID_PARAMETER_1, "base-unaligned" },
        { KERNEL_BAR, 0x1001, 1, ST_INVALID_PARAMETER_1, "bad-size" },
        { KERNEL_BAR, 0, 1, ST_INVALID_PARAMETER_1, "bad-size" },
        { UINT64_MAX - 0xFFF, 0x1000, 1, ST_INVALID_PARAMETER_1, "above-physical" },
        { 0x1000, 0x1000, 1, ST_INVALID_PARAMETER_1, "range-is-ram" },
        { KERNEL_BAR, 4 * GIB, 1, ST_INVALID_PARAMETER_1, "too-many-bytes" },
        { TIB, 0x1000, 1, ST_SUCCESS, "range-of-no-device" },
        { TIB, GIB, 1, ST_INSUFFICIENT_RESOURCES, "no-pool" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kernel_machine km;
        kernel_start(&km, OS_10_22H2);
        uint64_t ranges[][2] = { { rows[i].at, rows[i].bytes } };
        cr_assert_eq(make(&km, ranges, rows[i].count), rows[i].status, "%zu", i);
        cr_assert_str_eq(kernel_row(&km, MAKE), rows[i].row, "%zu", i);
        cr_assert_eq(km.k.objects.mdls.now, rows[i].status == ST_SUCCESS);
        kernel_stop(&km);
    }
}

Test(nt_iospace, addresses)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    kernel_locked_mdl(&km, KERNEL_USER, 0x1000);
    static const struct { uint64_t at; bool valid; } rows[] = {
        { KERNEL_USER, true }, { KERNEL_USER + 0x1FFF, true }, { KERNEL_USER + 0x2000, false },
        { 0, false }, { 0x0000800000000000, false }, { 0xFFFFF88000000000, false },
        { UINT64_MAX, false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_assert_eq(DO(&km, "MmIsAddressValid", { "VirtualAddress", rows[i].at }), rows[i].valid,
                     "%zu", i);
        uint64_t at = DO(&km, "MmGetPhysicalAddress", { "BaseAddress", rows[i].at });
        cr_assert_eq(at != 0, rows[i].valid, "%zu", i);
        cr_assert_eq(kernel_broke(&km, "physical_address_invalid"), !rows[i].valid);
        if (rows[i].valid) cr_assert_eq(at & PAGE_MASK, rows[i].at & PAGE_MASK);
    }
    cr_assert_eq(km.k.errors, 0);
    kernel_stop(&km);
}
