/* User memory: allocating, freeing, protecting, and promises about it. */
#include "kernel_machine.h"

#define ALLOCATE "ZwAllocateVirtualMemory"
#define FREE "ZwFreeVirtualMemory"
#define PROTECT "ZwProtectVirtualMemory"
#define SECURE "MmSecureVirtualMemory"
#define UNSECURE "MmUnsecureVirtualMemory"
enum { COMMIT = 0x1000, RESERVE = 0x2000, DECOMMIT = 0x4000, RELEASE = 0x8000, RESET = 0x80000,
       TOP_DOWN = 0x100000, APP = 2, OTHER = 1 };

static uint32_t allocate(struct kernel_machine *km, uint64_t process, uint64_t base,
                         uint64_t zero_bits, uint64_t bytes, uint64_t type, uint64_t protect)
{
    return (uint32_t)DO(km, ALLOCATE, { "ProcessHandle", process }, { "BaseAddress", base },
                        { "ZeroBits", zero_bits }, { "RegionSize", bytes },
                        { "AllocationType", type }, { "Protect", protect });
}

static uint32_t free_memory(struct kernel_machine *km, uint64_t base, uint64_t bytes, uint64_t type)
{
    return (uint32_t)DO(km, FREE, { "ProcessHandle", APP }, { "BaseAddress", base },
                        { "RegionSize", bytes }, { "FreeType", type });
}

static uint32_t protect(struct kernel_machine *km, uint64_t base, uint64_t bytes, uint64_t value)
{
    return (uint32_t)DO(km, PROTECT, { "ProcessHandle", APP }, { "BaseAddress", base },
                        { "RegionSize", bytes }, { "NewProtect", value });
}

static uint64_t secure(struct kernel_machine *km, uint64_t at, uint64_t bytes, uint64_t mode)
{
    return DO(km, SECURE, { "Address", at }, { "Size", bytes }, { "ProbeMode", mode });
}

Test(nt_memory, allocate_writes_back)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    cr_assert_eq(allocate(&km, APP, 0, 0, 1, COMMIT, PROT_READWRITE), ST_SUCCESS);
    cr_assert_eq(kernel_out(&km, ALLOCATE, "BaseAddress"), 0x10000);
    cr_assert_eq(kernel_out(&km, ALLOCATE, "RegionSize"), 0x1000);
    cr_assert_eq(allocate(&km, APP, 0x50123, 0, 0x1000, RESERVE, PROT_READWRITE), ST_SUCCESS);
    cr_assert_eq(kernel_out(&km, ALLOCATE, "BaseAddress"), 0x50000);
    cr_assert_eq(kernel_out(&km, ALLOCATE, "RegionSize"), 0x2000);
    cr_assert_eq(allocate(&km, APP, 0x51FFF, 0, 1, COMMIT, PROT_READWRITE), ST_SUCCESS);
    cr_assert_eq(kernel_out(&km, ALLOCATE, "BaseAddress"), 0x51000);
    cr_assert_eq(km.app->committed_bytes.now, 0x2000);
    cr_assert_eq(allocate(&km, APP, 0, 0, 0x1000, RESERVE | TOP_DOWN, PROT_READWRITE), ST_SUCCESS);
    cr_assert_gt(kernel_out(&km, ALLOCATE, "BaseAddress"), TIB);
    cr_assert_eq(allocate(&km, APP, 0, 1, 0x1000, RESERVE | TOP_DOWN, PROT_READWRITE), ST_SUCCESS);
    cr_assert_lt(kernel_out(&km, ALLOCATE, "BaseAddress"), 2 * GIB);
    uint64_t attached = km.m.hw.cpu->spent[COST_ATTACH];
    cr_assert_eq(allocate(&km, OTHER, 0x10000, 0, 1, COMMIT | RESERVE, PROT_READWRITE), ST_SUCCESS);
    cr_assert_eq(km.m.hw.cpu->spent[COST_ATTACH], attached + 2);
    cr_assert_eq(km.m.mm.current, km.app);
    cr_assert_eq(km.other->committed_bytes.now, 0x1000);
    kernel_stop(&km);
}

Test(nt_memory, allocate_rows)
{
    static const struct {
        uint64_t process, base, zero_bits, bytes, type, protect;
        uint32_t irql;
        const char *row;
    } rows[] = {
        { APP, 0, 21, 0, 0, 0, 1, "irql-too-high" },
        { APP, 0, 21, 0, 0, 0, 0, "bad-zero-bits" },
        { APP, 0, 0, 0, TOP_DOWN, 0, 0, "bad-type" },
        { APP, 0, 0, 0, COMMIT | RESET, 0, 0, "bad-type" },
        { APP, 0, 0, 0, COMMIT | 0x400000, 0, 0, "bad-type" },
        { APP, UINT64_MAX, 0, 0, COMMIT, 0x3, 0, "bad-protection" },
        { APP, UINT64_MAX, 0, 0, COMMIT, PROT_WRITECOPY, 0, "bad-protection" },
        { APP, UINT64_MAX, 0, 0, COMMIT, PROT_READWRITE, 0, "bad-base" },
        { APP, 0x1000, 0, 1, RESERVE, PROT_READWRITE, 0, "bad-base" },
        { 0, 0, 0, 0, COMMIT, PROT_READWRITE, 0, "bad-size" },
        { 0, 0x7FFFFFFE0000, 0, 0x20000, RESERVE, PROT_READWRITE, 0, "bad-size" },
        { 0, 0, 0, 1, COMMIT, PROT_READWRITE, 0, "no-user-space" },
        { APP, 0x200000, 0, 1, RESERVE, PROT_READWRITE, 0, "address-conflict" },
        { APP, 0x300000, 0, 1, COMMIT, PROT_READWRITE, 0, "address-conflict" },
        { APP, 0x200000, 0, 1, COMMIT, PROT_READONLY, 0, "secured" },
        { APP, 0, 20, 0x2000, RESERVE, PROT_READWRITE, 0, "no-addresses" },
        { APP, 0, 0, 0x7FFFFFFEFFFF, RESERVE, PROT_READWRITE, 0, "no-addresses" },
    };
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    machine_map(&km.m, km.app, 0x200000, 16, PROT_READWRITE);
    cr_assert_neq(secure(&km, 0x200000, 0x1000, PROT_READWRITE), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        km.m.mm.irql = rows[i].irql;
        allocate(&km, rows[i].process, rows[i].base, rows[i].zero_bits, rows[i].bytes,
                 rows[i].type, rows[i].protect);
        cr_assert_str_eq(kernel_row(&km, ALLOCATE), rows[i].row, "%zu", i);
        cr_assert(km.last.failed);
    }
    km.m.mm.irql = 0;
    cr_assert_eq(allocate(&km, APP, 0x200001, 0, 1, RESET, PROT_READWRITE), ST_SUCCESS);
    uint32_t section = section_new(&km.m.mm, 4);
    va_t at = va(0x400000);
    cr_assert_eq(space_map_view(&km.m.mm, km.app, &at, 0, section, PROT_READWRITE), ST_SUCCESS);
    allocate(&km, APP, 0x400000, 0, 1, COMMIT, PROT_READWRITE);
    cr_assert_str_eq(kernel_row(&km, ALLOCATE), "already-committed");
    kernel_stop(&km);
}

Test(nt_memory, free_rows)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    machine_map(&km.m, km.app, 0x200000, 16, PROT_READWRITE);
    uint64_t mdl = kernel_pages_mdl(&km, 0x1000);
    uint64_t mapped = DO(&km, "MmMapLockedPagesSpecifyCache", { "MemoryDescriptorList", mdl },
                         { "AccessMode", 1 }, { "CacheType", 1 }, { "Priority", 16 });
    uint64_t handle = secure(&km, 0x203000, 0x1000, PROT_READONLY);
    const struct { uint64_t base, bytes, type; uint32_t status; } rows[] = {
        { UINT64_MAX, 0, DECOMMIT | RELEASE, ST_INVALID_PARAMETER_4 },
        { UINT64_MAX, 0, RELEASE, ST_INVALID_PARAMETER_2 },
        { 0x200000, UINT64_MAX, RELEASE, ST_INVALID_PARAMETER_3 },
        { 0x300000, 0, RELEASE, ST_MEMORY_NOT_ALLOCATED },
        { 0x200000, 0x11000, RELEASE, ST_UNABLE_TO_FREE_VM },
        { mapped, 0, RELEASE, ST_UNABLE_TO_DELETE_SECTION },
        { mapped, 0x1000, DECOMMIT, ST_UNABLE_TO_DELETE_SECTION },
        { 0x201000, 0, DECOMMIT, ST_FREE_VM_NOT_AT_BASE },
        { 0x200000, 0, RELEASE, ST_INVALID_PAGE_PROTECTION },
        { 0x203000, 1, DECOMMIT, ST_INVALID_PAGE_PROTECTION },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_assert_eq(free_memory(&km, rows[i].base, rows[i].bytes, rows[i].type), rows[i].status,
                     "%zu", i);
    DO(&km, UNSECURE, { "SecureHandle", handle });
    cr_assert_eq(free_memory(&km, 0x201234, 1, DECOMMIT), ST_SUCCESS);
    cr_assert_eq(kernel_out(&km, FREE, "BaseAddress"), 0x201000);
    cr_assert_eq(kernel_out(&km, FREE, "RegionSize"), 0x1000);
    cr_assert_eq(free_memory(&km, 0x200000, 0, DECOMMIT), ST_SUCCESS);
    cr_assert_eq(kernel_out(&km, FREE, "RegionSize"), 0x10000);
    cr_assert_eq(free_memory(&km, 0x200000, 0, RELEASE), ST_SUCCESS);
    cr_assert_eq(kernel_out(&km, FREE, "RegionSize"), 0x10000);
    cr_assert_eq(km.app->committed_bytes.now, 0);
    kernel_stop(&km);
}

Test(nt_memory, protect_rows)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    machine_map(&km.m, km.app, 0x200000, 4, PROT_READWRITE);
    space_decommit(&km.m.mm, km.app, va(0x203000), 0x1000);
    secure(&km, 0x202000, 0x1000, PROT_READONLY);
    static const struct { uint64_t base, bytes, value; uint32_t status; } rows[] = {
        { UINT64_MAX, 0, 0x3, ST_INVALID_PAGE_PROTECTION },
        { UINT64_MAX, 0, PROT_READONLY, ST_INVALID_PARAMETER_2 },
        { 0x200000, 0, PROT_READONLY, ST_INVALID_PARAMETER_3 },
        { 0x200000, UINT64_MAX, PROT_READONLY, ST_INVALID_PARAMETER_3 },
        { 0x300000, 1, PROT_READONLY, ST_CONFLICTING_ADDRESSES },
        { 0x200000, 0x5000, PROT_READONLY, ST_CONFLICTING_ADDRESSES },
        { 0x203000, 1, PROT_READONLY, ST_NOT_COMMITTED },
        { 0x200000, 1, PROT_WRITECOPY, ST_INVALID_PAGE_PROTECTION },
        { 0x202000, 1, PROT_NOACCESS, ST_INVALID_PAGE_PROTECTION },
        { 0x202000, 1, PROT_READONLY, ST_SUCCESS },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_assert_eq(protect(&km, rows[i].base, rows[i].bytes, rows[i].value), rows[i].status,
                     "%zu", i);
    cr_assert_eq(kernel_out(&km, PROTECT, "OldProtect"), PROT_READWRITE);
    cr_assert_eq(kernel_out(&km, PROTECT, "RegionSize"), 0x1000);
    DO(&km, PROTECT, { "BaseAddress", 0x200000 }, { "RegionSize", 1 },
       { "NewProtect", PROT_READONLY });
    cr_assert_str_eq(kernel_row(&km, PROTECT), "no-user-space");
    kernel_stop(&km);
}

Test(nt_memory, secure_rows)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    machine_map(&km.m, km.app, 0x200000, 2, PROT_READWRITE);
    machine_map(&km.m, km.app, 0x210000, 1, PROT_READONLY);
    machine_map(&km.m, km.app, 0x220000, 1, PROT_READWRITE | PROT_GUARD);
    static const struct { uint64_t at, bytes, mode; const char *row; } rows[] = {
        { UINT64_MAX, 0, PROT_NOACCESS, "bad-probe-mode" },
        { UINT64_MAX, 0, PROT_READONLY, "zero-size" },
        { UINT64_MAX, 2, PROT_READONLY, "not-user-range" },
        { 0xFFFFF88000000000, 2, PROT_READONLY, "not-user-range" },
        { 0x201000, 0x1001, PROT_READONLY, "not-committed" },
        { 0x210000, 1, PROT_READWRITE, "bad-protection" },
        { 0x220000, 1, PROT_READWRITE, "bad-protection" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_assert_eq(secure(&km, rows[i].at, rows[i].bytes, rows[i].mode), 0, "%zu", i);
        cr_assert_str_eq(kernel_row(&km, SECURE), rows[i].row, "%zu", i);
    }
    km.m.mm.irql = 2;
    secure(&km, 0x200000, 1, PROT_READWRITE);
    cr_assert_str_eq(kernel_row(&km, SECURE), "irql-too-high");
    km.m.mm.irql = 1;
    uint64_t first = secure(&km, 0x200000, 0x2000, PROT_READWRITE);
    uint64_t second = secure(&km, 0x210000, 1, PROT_READONLY);
    cr_assert_neq(first, 0);
    cr_assert_neq(first, second);
    mm_switch(&km.m.mm, km.other);
    DO(&km, UNSECURE, { "SecureHandle", first });
    cr_assert_eq(km.last.stop.p[0], 0x15000);
    mm_switch(&km.m.mm, km.app);
    DO(&km, UNSECURE, { "SecureHandle", first });
    cr_assert_eq(km.last.end, END_RETURNS);
    const uint64_t unknown[] = { first, 0, 77, UINT64_MAX };
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        DO(&km, UNSECURE, { "SecureHandle", unknown[i] });
        cr_assert_eq(km.last.stop.p[0], 0x15001, "%zu", i);
    }
    kernel_stop(&km);
}
