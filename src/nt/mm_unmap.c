/* Undoing the mapping of an MDL and changing its protection: MmUnmapLockedPages,
 * MmProtectMdlSystemAddress. */
#include "base/check.h"
#include "nt/map_frames.h"
#include "nt/mdl_pool.h"

static void clear_mapping_flags(struct mdl *m)
{
    const unsigned mapped = MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED |
                            MDL_FREE_EXTRA_PTES;
    m->flags = (uint16_t)(m->flags & ~mapped);
    m->mapping = MAPPING_NONE;
    m->map_pages = 0;
    m->map_extra = 0;
}

/* MappedSystemVa keeps its value, as on Windows: what the flag says counts. */
void unmap_mdl(struct kernel *k, struct mdl *m)
{
    if (m->mapping != MAPPING_SYSTEM && m->mapping != MAPPING_RESERVED) return;
    runs_remove_any(&k->read_only, m->map_base.v / PAGE_BYTES, m->map_pages);
    if (m->mapping == MAPPING_RESERVED) {
        reservation_unmap(k, m);
    } else {
        va_t first = va(m->map_base.v - m->map_extra * PAGE_BYTES);
        syspte_release(k->mm, first, (uint64_t)m->map_pages + m->map_extra, PTE_USER_MDL);
    }
    clear_mapping_flags(m);
    gauge_sub(&k->objects.mappings_system, 1);
    mdl_changed(k, m, false);
}

/* ---- MmUnmapLockedPages ---- */

struct MmUnmapLockedPages_args {
    va_t base_address;
    uint32_t mdl;
};

static const struct field MmUnmapLockedPages_args[] = {
    { ROW_VA(struct MmUnmapLockedPages_args, base_address, "BaseAddress"),
      .doc = "Address that MmMapLockedPages or MmMapLockedPagesSpecifyCache returned." },
    { ROW_MDL(struct MmUnmapLockedPages_args, mdl, "MemoryDescriptorList"),
      .doc = "MDL that was mapped there." },
    { 0 },
};

enum {
    UNMAP_IRQL_KERNEL, UNMAP_IRQL_USER, UNMAP_USER_ADDRESS, UNMAP_PARTIAL_OWN, UNMAP_PARTIAL,
    UNMAP_UNTRACKED, UNMAP_NOT_MAPPED, UNMAP_RESERVED, UNMAP_TRACKED_ADDRESS, UNMAP_ADDRESS,
    UNMAP_COUNT, UNMAP_FRAME, UNMAP_START
};
#define TRACKED(number)                                                                            \
    .then = THEN_STOPS, .code = BC_SYSTEM_PTE_MISUSE, .p1 = (number), .rule = "DA-" #number,       \
    .source = "Bug Check 0xDA"
static const struct failure MmUnmapLockedPages_failures[] = {
    [UNMAP_IRQL_KERNEL] = { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "C4-79",
                            .is_irql = true, .by_routine = true, .irql_max = 2,
                            .doc = "A system mapping was to be undone above DISPATCH_LEVEL." },
    [UNMAP_IRQL_USER] = { .name = "irql-too-high-user", .then = THEN_REFUSED, .rule = "C4-7A",
                          .is_irql = true, .by_routine = true, .irql_max = 1,
                          .doc = "A user mapping was to be undone above APC_LEVEL." },
    [UNMAP_USER_ADDRESS] = { .name = "bad-user-address", .then = THEN_REFUSED, .rule = "C4-B9",
                             .doc = "No user mapping of the MDL begins at BaseAddress in the "
                                    "current process.",
                             .source = "Bug Check 0xC4" },
    [UNMAP_PARTIAL_OWN] = { .name = "partial-own-mapping", .then = THEN_PERFORMED, .rule = "C4-B5",
                            .by_routine = true,
                            .doc = "The MDL is partial and has a mapping of its own.",
                            .source = "Bug Check 0xC4; inferred: MmPrepareMdlForReuse does the "
                                      "same" },
    [UNMAP_PARTIAL] = { .name = "partial", .then = THEN_REFUSED, .rule = "C4-B5",
                        .doc = "The MDL is partial and has no mapping of its own.",
                        .source = "Bug Check 0xC4" },
    [UNMAP_UNTRACKED] = { .name = "not-mapped-tracked", TRACKED(6),
                          .doc = "The MDL is not mapped, and PTEs are tracked." },
    [UNMAP_NOT_MAPPED] = { .name = "not-mapped", .then = THEN_REFUSED, .rule = "C4-B6",
                           .doc = "The MDL is not mapped to system space.",
                           .source = "Bug Check 0xC4" },
    [UNMAP_RESERVED] = { .name = "reserved-mapping", .then = THEN_REFUSED,
                         .rule = "unmap_reserved_mapping",
                         .doc = "The MDL is mapped in a reservation.",
                         .source = "MmUnmapReservedMapping" },
    [UNMAP_TRACKED_ADDRESS] = { .name = "wrong-address-tracked", TRACKED(3),
                                .doc = "BaseAddress is not in the first page of the MDL's "
                                       "mapping, and PTEs are tracked." },
    [UNMAP_ADDRESS] = { .name = "wrong-address", .then = THEN_REFUSED,
                        .rule = "unmap_wrong_address",
                        .doc = "BaseAddress is not in the first page of the MDL's mapping.",
                        .source = "inferred: the page asks for the address of the mapping" },
    [UNMAP_COUNT] = { .name = "page-count-changed", TRACKED(2),
                      .doc = "The MDL covers another number of pages than when it was mapped, "
                             "and PTEs are tracked." },
    [UNMAP_FRAME] = { .name = "first-frame-changed", TRACKED(4),
                      .doc = "The MDL's first frame is not the one that is mapped, and PTEs are "
                             "tracked." },
    [UNMAP_START] = { .name = "start-changed", TRACKED(5),
                      .doc = "The MDL's StartVa has changed since it was mapped, and PTEs are "
                             "tracked." },
    { 0 },
};

static bool unmap_from(struct kernel *k, struct process *p, va_t page, const struct mdl *m)
{
    if (p == NULL) return false;
    lock_enter_free(k->mm, LOCK_ADDRESS_SPACE, &p->lock);
    bool fine = space_unmap_mdl(k->mm, p, page, m->id);
    lock_leave(k->mm, LOCK_ADDRESS_SPACE, &p->lock);
    return fine;
}

static struct outcome unmap_user(struct kernel *k, va_t at, struct mdl *m)
{
    struct params irql = P(k->mm->irql, at.v, m->address.v);
    struct params where = P(at.v, m->address.v, 0);
    struct process *p = k->mm->current;
    if (k->mm->irql > 1 && ends(k, UNMAP_IRQL_USER, irql, irql)) return k->outcome;
    if (!unmap_from(k, p, va_page(at), m) && ends(k, UNMAP_USER_ADDRESS, where, where))
        return k->outcome;
    struct pool_block *block = pool_holding(k->mm, mdl_va(m));
    if (block != NULL && block->user_mappings > 0) block->user_mappings--;
    m->user_mappings--;
    gauge_sub(&k->objects.mappings_user, 1);
    return returns_void(k);
}

static bool unmap_state_ends(struct kernel *k, va_t at, const struct mdl *m)
{
    bool mapped = (m->flags & MDL_MAPPED_TO_SYSTEM_VA) && m->mapping != MAPPING_NONE;
    struct params p = P(m->address.v, m->flags, MDL_MAPPED_TO_SYSTEM_VA);
    if (m->builder == BUILDER_PARTIAL && m->mapping == MAPPING_SYSTEM)
        return ends(k, UNMAP_PARTIAL_OWN, P(m->address.v, m->flags, MDL_PARTIAL), P(0, 0, 0));
    if (m->builder != BUILDER_PARTIAL && !mapped && k->config->track_ptes &&
        ends(k, UNMAP_UNTRACKED, P(0, 0, 0), P(m->address.v, at.v, mdl_page_count(m))))
        return true;
    if (!(mapped && mdl_locked_by_hand(m)) && state_ends(k, OP_UNMAP, m)) return true;
    if (!mapped && ends(k, UNMAP_NOT_MAPPED, p, p)) return true;
    return m->mapping == MAPPING_RESERVED && fails(k, UNMAP_RESERVED);
}

/* What the tracker of PTEs compares; MmAdvanceMdl changes an MDL lawfully. */
static bool tracked_ends(struct kernel *k, const struct mdl *m)
{
    if (!k->config->track_ptes) return false;
    uint64_t count = mdl_page_count(m);
    uint64_t mapped = pte_pfn(paging_entry(k->hw, &k->hw->system, m->map_base)).v;
    if (count != m->map_pages &&
        ends(k, UNMAP_COUNT, P(0, 0, 0), P(m->map_base.v, m->map_pages, count)))
        return true;
    if (m->slots > 0 && m->pfns[0] != mapped &&
        ends(k, UNMAP_FRAME, P(0, 0, 0), P(m->map_base.v, mapped, m->pfns[0])))
        return true;
    return (m->flags & MDL_FREE_EXTRA_PTES) == 0 && m->map_start.v != m->start_va.v &&
           ends(k, UNMAP_START, P(0, 0, 0), P(m->map_base.v, m->map_start.v, m->start_va.v));
}

/* A user address means a user mapping. But an MDL without any mapping is simply not mapped when it
 * is given with NULL, its MappedSystemVa, or is only a header or a part of another. */
static bool means_user_mapping(const struct kernel *k, va_t at, const struct mdl *m)
{
    if (at.v > k->mm->config->highest_user.v) return false;
    if (m->user_mappings > 0 || mdl_is_mapped(m)) return true;
    return at.v != 0 && m->builder != BUILDER_HEADER && m->builder != BUILDER_PARTIAL;
}

static struct outcome MmUnmapLockedPages_run(struct kernel *k, void *args)
{
    const struct MmUnmapLockedPages_args *a = args;
    struct mdl *m = kernel_mdl(k, a->mdl);
    va_t at = a->base_address;
    if (means_user_mapping(k, at, m)) return unmap_user(k, at, m);
    struct params irql = P(k->mm->irql, at.v, m->address.v);
    if (k->mm->irql > 2 && ends(k, UNMAP_IRQL_KERNEL, irql, irql)) return k->outcome;
    if (unmap_state_ends(k, at, m)) return k->outcome;
    if (va_page(at).v != m->map_base.v) {
        if (k->config->track_ptes &&
            ends(k, UNMAP_TRACKED_ADDRESS, P(0, 0, 0), P(m->map_base.v, m->mapped_va.v, at.v)))
            return k->outcome;
        if (fails(k, UNMAP_ADDRESS)) return k->outcome;
    }
    if (tracked_ends(k, m)) return k->outcome;
    unmap_mdl(k, m);
    return returns_void(k);
}

const struct routine MmUnmapLockedPages = {
    .name = "MmUnmapLockedPages", .header = "wdm.h",
    .doc = "Undoes MmMapLockedPages or MmMapLockedPagesSpecifyCache.",
    .result = RESULT_VOID, .result_doc = "Nothing.", .irql_max = 2, .args = MmUnmapLockedPages_args,
    .args_bytes = sizeof(struct MmUnmapLockedPages_args), .failures = MmUnmapLockedPages_failures,
    .run = MmUnmapLockedPages_run, .page = "MmUnmapLockedPages",
    .notes = "An address up to MmHighestUserAddress means a user mapping; NULL does not, nor does "
             "any address with a partial or unlocked MDL, when the MDL has no mapping at all. Any "
             "address in the first page of the mapping will do (inferred). MappedSystemVa keeps "
             "its value. Without tracking of PTEs as many are freed as were mapped, whatever the "
             "MDL says by then (inferred). In the bug checks 0xDA the tracking structure is given "
             "as the first mapped page.",
    .left_out = "Bug check 0xDA/1: the model tracks one system mapping of an MDL.",
};

/* ---- MmProtectMdlSystemAddress ---- */

struct MmProtectMdlSystemAddress_args {
    uint32_t mdl, new_protect;
};

static const struct field MmProtectMdlSystemAddress_args[] = {
    { ROW_MDL(struct MmProtectMdlSystemAddress_args, mdl, "MemoryDescriptorList"),
      .doc = "MDL that is mapped to system space." },
    { ROW_FLAGS(struct MmProtectMdlSystemAddress_args, new_protect, "NewProtect",
                page_protections),
      .doc = "PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE, PAGE_EXECUTE, PAGE_EXECUTE_READ or "
             "PAGE_EXECUTE_READWRITE." },
    { 0 },
};

enum { PROTECT_IRQL, PROTECT_VALUE, PROTECT_UNMAPPED, PROTECT_GONE, PROTECT_EXECUTABLE,
       PROTECT_NO_TABLE };
static const struct failure MmProtectMdlSystemAddress_failures[] = {
    [PROTECT_IRQL] = { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "irql_above_limit",
                       .is_irql = true, .irql_max = 2, .doc = "The IRQL is above DISPATCH_LEVEL." },
    [PROTECT_VALUE] = { .name = "bad-protection", .then = THEN_FAILS,
                        .code = ST_INVALID_PAGE_PROTECTION,
                        .doc = "NewProtect is none of the six values of the page." },
    [PROTECT_UNMAPPED] = { .name = "not-mapped", .then = THEN_FAILS, .code = ST_NOT_MAPPED_VIEW,
                           .doc = "The MDL is not mapped to system space." },
    [PROTECT_GONE] = { .name = "mapping-gone", .then = THEN_STOPS, .code = BC_MEMORY_MANAGEMENT,
                       .p1 = 0x1235, .rule = "protect_invalid_mapping",
                       .doc = "The MDL says that it is mapped, but its mapping is gone, as that of "
                              "a partial MDL is whose source was unmapped.",
                       .source = "Bug Check 0x1A" },
    [PROTECT_EXECUTABLE] = { .name = "executable", .then = THEN_PERFORMED, .rule = "C4-2001",
                             .advice = true, .os_first = OS_10_1507,
                             .doc = "NewProtect allows execution.", .source = "Bug Check 0xC4" },
    [PROTECT_NO_TABLE] = { .name = "no-page-table", .then = THEN_FAILS,
                           .code = ST_INSUFFICIENT_RESOURCES,
                           .doc = "A part of a large page changes, and no frame is free for the "
                                  "table that splits it.",
                           .source = "inferred: the page names no such status" },
    { 0 },
};

/* The bits of an entry that a protection changes. PAGE_NOACCESS leaves the frame number in an
 * entry that is not present. */
static bool protection_bits(uint32_t protect, uint64_t *bits)
{
    switch (protect) {
    case PROT_NOACCESS: *bits = PTE_NO_EXECUTE; return true;
    case PROT_READONLY: *bits = PTE_PRESENT | PTE_NO_EXECUTE; return true;
    case PROT_READWRITE: *bits = PTE_PRESENT | PTE_WRITE | PTE_NO_EXECUTE; return true;
    case PROT_EXECUTE:
    case PROT_EXECUTE_READ: *bits = PTE_PRESENT; return true;
    case PROT_EXECUTE_READWRITE: *bits = PTE_PRESENT | PTE_WRITE; return true;
    default: return false;
    }
}

/* The first page of the range whose entry is clear; page_count: none. */
static uint64_t first_clear_entry(struct kernel *k, va_t at, uint64_t page_count)
{
    uint64_t i = 0;
    while (i < page_count &&
           paging_entry(k->hw, &k->hw->system, va_add(at, i * PAGE_BYTES)) != 0)
        i++;
    return i;
}

/* Page tables that the change made equal again become large pages. */
static void join_tables(struct kernel *k, va_t at, uint64_t count)
{
    const uint64_t pages = pte_level_pages(LEVEL_PD), start = at.v >> PAGE_SHIFT_BITS;
    uint64_t first = (start + pages - 1) / pages * pages;
    for (uint64_t page = first; page + pages <= start + count; page += pages)
        if (paging_join(k->hw, &k->hw->system, va(page << PAGE_SHIFT_BITS)))
            flush_add_tables(k->hw);
}

static struct outcome MmProtectMdlSystemAddress_run(struct kernel *k, void *args)
{
    const struct MmProtectMdlSystemAddress_args *a = args;
    struct mdl *m = kernel_mdl(k, a->mdl);
    uint64_t bits = 0, count = mdl_page_count(m);
    va_t at = va_page(m->mapped_va);
    if (!protection_bits(a->new_protect, &bits) && fails(k, PROTECT_VALUE)) return k->outcome;
    if ((m->flags & MDL_MAPPED_TO_SYSTEM_VA) == 0 && fails(k, PROTECT_UNMAPPED)) return k->outcome;
    if (m->mapping == MAPPING_SYSTEM || m->mapping == MAPPING_RESERVED) {
        at = m->map_base;
        count = m->map_pages;
    }
    if (at.v <= k->mm->config->highest_user.v || first_clear_entry(k, at, count) < count) {
        struct params p = P(m->address.v, m->mapped_va.v, 0);
        if (ends(k, PROTECT_GONE, p, p)) return k->outcome;
    }
    if ((bits & PTE_NO_EXECUTE) == 0 && k->os >= OS_10_1507 &&
        ends(k, PROTECT_EXECUTABLE, P(m->address.v, a->new_protect, 0), P(0, 0, 0)))
        return k->outcome;
    const uint64_t changed = PTE_PRESENT | PTE_WRITE | PTE_NO_EXECUTE;
    if (!paging_split_edges(k->hw, &k->hw->system, at, count) && fails(k, PROTECT_NO_TABLE))
        return k->outcome;
    flush_begin(k->hw, &k->hw->system);
    flush_add_mapped(k->hw, at, count);
    paging_protect(k->hw, &k->hw->system, at, count, changed, bits);
    if (k->mm->config->large_pages) join_tables(k, at, count);
    flush_end(k->hw);
    return returns_status(k, ST_SUCCESS);
}

const struct routine MmProtectMdlSystemAddress = {
    .name = "MmProtectMdlSystemAddress", .header = "wdm.h",
    .doc = "Changes the protection of an MDL's system mapping.",
    .result = RESULT_STATUS, .result_doc = "STATUS_SUCCESS or why not.", .irql_max = 2,
    .os_first = OS_XP, .args = MmProtectMdlSystemAddress_args,
    .args_bytes = sizeof(struct MmProtectMdlSystemAddress_args),
    .failures = MmProtectMdlSystemAddress_failures, .run = MmProtectMdlSystemAddress_run,
    .page = "MmProtectMdlSystemAddress",
    .notes = "The protection is checked first (inferred). An MDL of MmBuildMdlForNonPagedPool has "
             "no mapping of its own: STATUS_NOT_MAPPED_VIEW (inferred). Other mappings of the "
             "pages keep their protection. Executable pages can be read, for the processor has no "
             "other kind.",
    .left_out = "Hypervisor-protected code integrity, which refuses executable and writable.",
};
