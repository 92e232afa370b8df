/* Mapping and unmapping MDLs, rows in the order of their checks. */
#include "kernel_machine.h"

#define NO_EXECUTE UINT64_C(0x40000000)
#define NO_WRITE UINT64_C(0x80000000)
enum { KERNEL_MODE, USER_MODE, CACHED = 1, NONCACHED = 0, WRITE_COMBINED = 2, NORMAL = 16 };
#define SAFE "MmGetSystemAddressForMdlSafe"
#define SPECIFY "MmMapLockedPagesSpecifyCache"
#define UNMAP "MmUnmapLockedPages"

static uint64_t map_as(struct kernel_machine *km, uint64_t id, uint64_t mode, uint64_t cache,
                       uint64_t requested)
{
    return DO(km, SPECIFY, { "MemoryDescriptorList", id }, { "AccessMode", mode },
              { "CacheType", cache }, { "RequestedAddress", requested },
              { "Priority", NORMAL | NO_EXECUTE });
}

static void unmap(struct kernel_machine *km, uint64_t at, uint64_t id)
{
    DO(km, UNMAP, { "BaseAddress", at }, { "MemoryDescriptorList", id });
}

Test(nt_map, safe_maps_once_and_unlock_unmaps)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t id = kernel_locked_mdl(&km, KERNEL_USER, 0x3000);
    struct mdl *m = kernel_mdl_of(&km, id);
    uint64_t at = DO(&km, SAFE, { "Mdl", id }, { "Priority", NORMAL | NO_EXECUTE });
    cr_assert_eq(at & PAGE_MASK, 0x123);
    cr_assert_eq(m->mapped_va.v, at);
    cr_assert_eq(m->flags, MDL_MAPPED_TO_SYSTEM_VA | MDL_PAGES_LOCKED | MDL_WRITE_OPERATION |
                               MDL_ALLOCATED_FIXED_SIZE);
    cr_assert_eq(km.m.mm.syspte.in_use.now, 4);
    uint64_t entry = kernel_entry(&km, at);
    cr_assert_eq(pte_pfn(entry).v, m->pfns[0]);
    cr_assert_eq(entry & (PTE_WRITE | PTE_GLOBAL | PTE_NO_EXECUTE | PTE_USER),
                 PTE_WRITE | PTE_GLOBAL | PTE_NO_EXECUTE);
    uint64_t before = km.m.hw.cpu->clock.v;
    cr_assert_eq(DO(&km, SAFE, { "Mdl", id }, { "Priority", NORMAL | NO_EXECUTE }), at);
    cr_assert_eq(km.m.hw.cpu->clock.v - before, 1, "a second call costs the call alone");
    cr_assert_eq(km.k.violation_count, 0);
    DO(&km, "MmUnlockPages", { "MemoryDescriptorList", id });
    cr_assert_eq(km.m.mm.syspte.in_use.now, 0);
    cr_assert_eq(m->flags & MDL_MAPPED_TO_SYSTEM_VA, 0);
    DO(&km, "IoFreeMdl", { "Mdl", id });
    kernel_stop(&km);
}

Test(nt_map, options_become_bits)
{
    static const struct { uint64_t priority, bits; const char *rule; } rows[] = {
        { NORMAL | NO_EXECUTE, PTE_WRITE | PTE_NO_EXECUTE, NULL },
        { NORMAL | NO_EXECUTE | NO_WRITE, PTE_NO_EXECUTE, NULL },
        { NORMAL, PTE_WRITE, "C30030" },
        { NORMAL | NO_WRITE, 0, "C30030" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kernel_machine km;
        kernel_start(&km, OS_8);
        uint64_t id = kernel_pages_mdl(&km, 0x2000);
        uint64_t at = DO(&km, SAFE, { "Mdl", id }, { "Priority", rows[i].priority });
        cr_assert_eq(kernel_entry(&km, at) & (PTE_WRITE | PTE_NO_EXECUTE), rows[i].bits, "%zu", i);
        cr_assert_eq(km.k.violation_count, rows[i].rule != NULL ? 2 : 0, "%zu", i);
        if (rows[i].rule != NULL) cr_assert(kernel_broke(&km, rows[i].rule));
        cr_assert_eq(kernel_broke(&km, "C4-2002"), rows[i].rule != NULL, "%zu", i);
        kernel_stop(&km);
    }
}

Test(nt_map, safe_rows)
{
    struct kernel_machine km;
    kernel_start(&km, OS_7);
    uint64_t header = DO(&km, "IoAllocateMdl", { "VirtualAddress", KERNEL_USER },
                         { "Length", 0x1000 });
    uint64_t locked = kernel_locked_mdl(&km, 0x40000, 0x1000);
    km.m.mm.irql = 3;
    cr_assert_eq(DO(&km, SAFE, { "Mdl", locked }, { "Priority", NORMAL }), 0);
    cr_assert_str_eq(kernel_row(&km, SAFE), "irql-too-high");
    km.m.mm.irql = 2;
    DO(&km, SAFE, { "Mdl", 0 }, { "Priority", NORMAL });
    cr_assert_eq(km.last.end, END_RAISES);
    cr_assert_eq(km.last.status, ST_ACCESS_VIOLATION);
    DO(&km, SAFE, { "Mdl", locked }, { "Priority", NORMAL | NO_EXECUTE });
    cr_assert_str_eq(kernel_row(&km, SAFE), "flag-not-in-os");
    DO(&km, SAFE, { "Mdl", locked }, { "Priority", 48 });
    cr_assert_str_eq(kernel_row(&km, SAFE), "bad-priority");
    DO(&km, SAFE, { "Mdl", header }, { "Priority", NORMAL });
    cr_assert_eq(km.last.end, END_STOPS);
    cr_assert_eq(km.last.stop.code, BC_MEMORY_MANAGEMENT);
    cr_assert_eq(km.last.stop.p[0], 0x1236);
    cr_assert_eq(km.last.stop.p[1], kernel_mdl_of(&km, header)->address.v);
    cr_assert(kernel_broke(&km, "C4-85"));
    kernel_stop(&km);
}

Test(nt_map, low_priority_fails_first)
{
    static const struct { uint64_t priority; bool maps; } rows[] = {
        { 0, false }, { 16, true }, { 16, false }, { 32, true }, { 32, false },
    };
    struct kernel_machine km;
    kernel_prepare(&km, OS_10_22H2);
    km.m.config.system_ptes = 8;
    km.m.config.threshold_low = 7;
    km.m.config.threshold_normal = 4;
    kernel_up(&km);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t id = kernel_pages_mdl(&km, 0x4000);
        uint64_t at = DO(&km, SAFE, { "Mdl", id }, { "Priority", rows[i].priority | NO_EXECUTE });
        cr_assert_eq(at != 0, rows[i].maps, "%zu", i);
        cr_assert_str_eq(kernel_row(&km, SAFE), rows[i].maps ? "" : "no-system-ptes");
    }
    kernel_stop(&km);
}

Test(nt_map, obsolete_routines_stop_without_ptes)
{
    static const struct { bool track, may_fail; uint32_t code; } rows[] = {
        { false, false, BC_NO_MORE_SYSTEM_PTES },
        { true, false, BC_DRIVER_USED_EXCESSIVE_PTES },
        { true, true, 0 },
    };
    static const char *const names[] = { "MmMapLockedPages", "MmGetSystemAddressForMdl", SPECIFY };
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(names); i++) {
        size_t row = i % COUNT_OF(rows);
        const char *name = names[i / COUNT_OF(rows)];
        struct kernel_machine km;
        kernel_prepare(&km, OS_10_22H2);
        km.m.config.system_ptes = 2;
        km.config.track_ptes = rows[row].track;
        kernel_up(&km);
        uint64_t id = kernel_pages_mdl(&km, 0x3000);
        if (rows[row].may_fail) kernel_mdl_of(&km, id)->flags |= MDL_MAPPING_CAN_FAIL;
        if (strcmp(name, SPECIFY) == 0)
            DO(&km, name, { "MemoryDescriptorList", id }, { "CacheType", CACHED },
               { "Priority", NORMAL | NO_EXECUTE }, { "BugCheckOnFailure", 1 });
        else if (strcmp(name, "MmMapLockedPages") == 0)
            DO(&km, name, { "MemoryDescriptorList", id });
        else
            DO(&km, name, { "Mdl", id });
        cr_assert(kernel_broke(&km, strcmp(name, SPECIFY) == 0 ? "C4-82" : "C4-81"));
        cr_assert_eq(km.last.stop.code, rows[row].code, "%s %zu", name, row);
        cr_assert_eq(km.last.end == END_STOPS, rows[row].code != 0);
        if (rows[row].code == BC_NO_MORE_SYSTEM_PTES) {
            cr_assert_eq(km.last.stop.p[1], 3);
            cr_assert_eq(km.last.stop.p[3], 2);
        }
        kernel_stop(&km);
    }
}

Test(nt_map, specify_cache_rows)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t id = kernel_pages_mdl(&km, 0x2000);
    km.m.mm.irql = 3;
    map_as(&km, id, KERNEL_MODE, 9, 0);
    cr_assert_str_eq(kernel_row(&km, SPECIFY), "irql-too-high");
    cr_assert(kernel_broke(&km, "C4-76"));
    km.m.mm.irql = 2;
    map_as(&km, id, USER_MODE, 9, 0);
    cr_assert_str_eq(kernel_row(&km, SPECIFY), "irql-too-high-user");
    cr_assert(kernel_broke(&km, "C4-77"));
    km.m.mm.irql = 0;
    map_as(&km, id, KERNEL_MODE, 6, 0);
    cr_assert_str_eq(kernel_row(&km, SPECIFY), "bad-cache-type");
    uint64_t at = map_as(&km, id, KERNEL_MODE, 4, 0);
    cr_assert_neq(at, 0);
    cr_assert(kernel_broke(&km, "cache_type_reserved"));
    cr_assert_eq(pte_cache_of(kernel_entry(&km, at)), PTE_UNCACHED);
    map_as(&km, id, KERNEL_MODE, CACHED, 0);
    cr_assert_str_eq(kernel_row(&km, SPECIFY), "already-mapped");
    cr_assert(km.last.undefined);
    unmap(&km, at, id);
    /* The type of the first mapping stays with the pages. */
    at = DO(&km, SAFE, { "Mdl", id }, { "Priority", NORMAL | NO_EXECUTE });
    cr_assert_eq(pte_cache_of(kernel_entry(&km, at)), PTE_UNCACHED);
    kernel_stop(&km);
}

Test(nt_map, user_pages_stay_cached)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t id = kernel_locked_mdl(&km, KERNEL_USER, 0x1000);
    uint64_t at = map_as(&km, id, KERNEL_MODE, NONCACHED, 0);
    cr_assert_eq(pte_cache_of(kernel_entry(&km, at)), PTE_CACHED);
    kernel_stop(&km);
}

Test(nt_map, user_mapping_beside_a_system_mapping)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t id = kernel_pages_mdl(&km, 0x3000);
    struct mdl *m = kernel_mdl_of(&km, id);
    uint64_t system_at = map_as(&km, id, KERNEL_MODE, CACHED, 0);
    uint16_t flags = m->flags;
    uint64_t at = map_as(&km, id, USER_MODE, CACHED, 0x200123);
    cr_assert_eq(at, 0x200000);
    cr_assert_eq(m->flags, flags);
    cr_assert_eq(m->mapped_va.v, system_at);
    cr_assert_eq(km.k.objects.mappings_user.now, 1);
    cr_assert_eq(kernel_entry(&km, at) & (PTE_USER | PTE_NO_EXECUTE | PTE_WRITE | PTE_PRESENT),
                 PTE_USER | PTE_NO_EXECUTE | PTE_WRITE | PTE_PRESENT);
    static const struct { uint64_t at; uint32_t status; } rows[] = {
        { 0x201000, ST_CONFLICTING_ADDRESSES },
        { 0x123, ST_INVALID_ADDRESS },
        { 0x00007FFFFFFEE000, ST_INVALID_ADDRESS },
        { UINT64_MAX, ST_INVALID_ADDRESS },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        map_as(&km, id, USER_MODE, CACHED, rows[i].at);
        cr_assert_eq(km.last.end, END_RAISES, "%zu", i);
        cr_assert_eq(km.last.status, rows[i].status, "%zu", i);
    }
    mm_switch(&km.m.mm, km.other);
    unmap(&km, at, id);
    cr_assert_str_eq(kernel_row(&km, UNMAP), "bad-user-address");
    mm_switch(&km.m.mm, NULL);
    map_as(&km, id, USER_MODE, CACHED, 0);
    cr_assert_str_eq(kernel_row(&km, SPECIFY), "no-user-space");
    mm_switch(&km.m.mm, km.app);
    unmap(&km, at, id);
    cr_assert_str_eq(kernel_row(&km, UNMAP), "");
    cr_assert_eq(kernel_entry(&km, at), 0);
    cr_assert_eq(km.k.objects.mappings_user.now, 0);
    unmap(&km, system_at, id);
    cr_assert_eq(km.k.objects.mappings_system.now, 0);
    kernel_stop(&km);
}

Test(nt_map, unmap_rows)
{
    for (unsigned track = 0; track < 2; track++) {
        struct kernel_machine km;
        kernel_prepare(&km, OS_10_22H2);
        km.config.track_ptes = track;
        kernel_up(&km);
        uint64_t id = kernel_pages_mdl(&km, 0x3000);
        struct mdl *m = kernel_mdl_of(&km, id);
        uint64_t at = map_as(&km, id, KERNEL_MODE, CACHED, 0);
        km.m.mm.irql = 3;
        unmap(&km, at, id);
        cr_assert_str_eq(kernel_row(&km, UNMAP), "irql-too-high");
        km.m.mm.irql = 0;
        unmap(&km, at + PAGE_BYTES, id);
        cr_assert_str_eq(kernel_row(&km, UNMAP), track ? "wrong-address-tracked" : "wrong-address");
        if (track) {
            cr_assert_eq(km.last.stop.code, BC_SYSTEM_PTE_MISUSE);
            cr_assert_eq(km.last.stop.p[0], 3);
            uint64_t frame = m->pfns[0];
            m->byte_count -= 0x1000;
            unmap(&km, at, id);
            cr_assert_str_eq(kernel_row(&km, UNMAP), "page-count-changed");
            m->byte_count += 0x1000;
            m->pfns[0]++;
            unmap(&km, at, id);
            cr_assert_str_eq(kernel_row(&km, UNMAP), "first-frame-changed");
            m->pfns[0] = frame;
            m->start_va.v = 0x5000;
            unmap(&km, at, id);
            cr_assert_str_eq(kernel_row(&km, UNMAP), "start-changed");
            m->start_va.v = 0;
        }
        unmap(&km, at + 0x10, id);
        cr_assert_str_eq(kernel_row(&km, UNMAP), "");
        unmap(&km, at, id);
        cr_assert_str_eq(kernel_row(&km, UNMAP), track ? "not-mapped-tracked" : "not-mapped");
        kernel_stop(&km);
    }
}

Test(nt_map, partial_mdls)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t source = kernel_locked_mdl(&km, KERNEL_USER, 0x3000);
    uint64_t part = DO(&km, "IoAllocateMdl", { "VirtualAddress", KERNEL_USER + 0x1000 },
                       { "Length", 0x1000 });
    DO(&km, "IoBuildPartialMdl", { "SourceMdl", source }, { "TargetMdl", part },
       { "VirtualAddress", KERNEL_USER + 0x1000 }, { "Length", 0x1000 });
    uint64_t at = DO(&km, SAFE, { "Mdl", part }, { "Priority", NORMAL | NO_EXECUTE });
    cr_assert_neq(at, 0);
    cr_assert(kernel_mdl_of(&km, part)->flags & MDL_PARTIAL_HAS_BEEN_MAPPED);
    unmap(&km, at, part);
    cr_assert_str_eq(kernel_row(&km, UNMAP), "partial-own-mapping");
    cr_assert_eq(km.m.mm.syspte.in_use.now, 0);
    unmap(&km, at, part);
    cr_assert_str_eq(kernel_row(&km, UNMAP), "partial");
    DO(&km, "MmUnlockPages", { "MemoryDescriptorList", source });
    DO(&km, SAFE, { "Mdl", part }, { "Priority", NORMAL | NO_EXECUTE });
    cr_assert_str_eq(kernel_row(&km, SAFE), "source-gone");
    cr_assert_eq(km.last.stop.p[0], 0x1233);
    kernel_stop(&km);
}

Test(nt_map, frames_changed_by_the_driver)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t id = kernel_pages_mdl(&km, 0x3000);
    struct mdl *m = kernel_mdl_of(&km, id);
    uint64_t frame = m->pfns[1];
    static const struct { uint64_t frame; const char *row; uint64_t p1; } rows[] = {
        { UINT64_MAX, "empty-slot", 0x1236 },
        { KERNEL_RAM_PAGES, "frame-not-locked", 0x1233 },
        { KERNEL_BAR >> PAGE_SHIFT_BITS, "frame-not-ram", 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        m->pfns[1] = rows[i].frame;
        map_as(&km, id, KERNEL_MODE, CACHED, 0);
        cr_assert_str_eq(kernel_row(&km, SPECIFY), rows[i].row);
        if (rows[i].p1 != 0) cr_assert_eq(km.last.stop.p[0], rows[i].p1);
    }
    unmap(&km, m->mapped_va.v, id);
    m->pfns[1] = frame;
    m->byte_count = 0;
    map_as(&km, id, KERNEL_MODE, CACHED, 0);
    cr_assert_str_eq(kernel_row(&km, SPECIFY), "zero-length");
    m->byte_count = 0x4000;
    map_as(&km, id, KERNEL_MODE, CACHED, 0);
    cr_assert_str_eq(kernel_row(&km, SPECIFY), "empty-slot", "beyond the slots");
    m->byte_count = 0x3000;
    kernel_stop(&km);
}

Test(nt_map, protect)
{
    static const char name[] = "MmProtectMdlSystemAddress";
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t id = kernel_pages_mdl(&km, 0x2000);
    struct mdl *m = kernel_mdl_of(&km, id);
    cr_assert_eq(DO(&km, name, { "MemoryDescriptorList", id }, { "NewProtect", PROT_WRITECOPY }),
                 ST_INVALID_PAGE_PROTECTION);
    cr_assert_eq(DO(&km, name, { "MemoryDescriptorList", id }, { "NewProtect", PROT_READONLY }),
                 ST_NOT_MAPPED_VIEW);
    uint64_t at = map_as(&km, id, KERNEL_MODE, CACHED, 0);
    const uint64_t mask = PTE_PRESENT | PTE_WRITE | PTE_NO_EXECUTE;
    static const struct { uint32_t protect; uint64_t bits; } rows[] = {
        { PROT_READONLY, PTE_PRESENT | PTE_NO_EXECUTE },
        { PROT_NOACCESS, PTE_NO_EXECUTE },
        { PROT_EXECUTE, PTE_PRESENT },
        { PROT_EXECUTE_READ, PTE_PRESENT },
        { PROT_EXECUTE_READWRITE, PTE_PRESENT | PTE_WRITE },
        { PROT_READWRITE, PTE_PRESENT | PTE_WRITE | PTE_NO_EXECUTE },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint32_t status = (uint32_t)DO(&km, name, { "MemoryDescriptorList", id },
                                       { "NewProtect", rows[i].protect });
        cr_assert_eq(status, ST_SUCCESS);
        for (uint64_t page = 0; page < 2; page++) {
            uint64_t entry = kernel_entry(&km, at + page * PAGE_BYTES);
            cr_assert_eq(entry & mask, rows[i].bits, "%zu", i);
            cr_assert_eq(pte_pfn(entry).v, m->pfns[page]);
        }
        cr_assert_eq(kernel_broke(&km, "C4-2001"), (rows[i].protect & 0x70) != 0);
    }
    unmap(&km, at, id);
    m->flags |= MDL_MAPPED_TO_SYSTEM_VA;
    DO(&km, name, { "MemoryDescriptorList", id }, { "NewProtect", PROT_READONLY });
    cr_assert_eq(km.last.stop.p[0], 0x1235);
    m->flags &= (uint16_t)~(unsigned)MDL_MAPPED_TO_SYSTEM_VA;
    kernel_stop(&km);
}
