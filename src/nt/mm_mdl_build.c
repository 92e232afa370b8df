/* MDLs whose frames come from memory that is there for good, and MDLs whose start moves:
 * MmBuildMdlForNonPagedPool and MmAdvanceMdl. */
#include "base/check.h"
#include "mm/mdl_state.h"
#include "nt/kernel.h"
#include "nt/mm_lock.h"

#include <string.h>

enum { TABLE_ENTRIES = 512 };

/* ---- MmBuildMdlForNonPagedPool ---- */

struct MmBuildMdlForNonPagedPool_args { uint32_t memory_descriptor_list; };

static const struct field MmBuildMdlForNonPagedPool_args[] = {
    { ROW_MDL(struct MmBuildMdlForNonPagedPool_args, memory_descriptor_list,
              "MemoryDescriptorList"),
      .doc = "The MDL of a buffer in nonpaged memory." },
    { 0 },
};

enum { BUILD_IRQL, BUILD_STATE, BUILD_PAGED_POOL, BUILD_PAGEABLE, BUILD_NOT_RESIDENT };
static const struct failure MmBuildMdlForNonPagedPool_failures[] = {
    [BUILD_IRQL] = { .name = "irql-too-high", .doc = "The IRQL is above DISPATCH_LEVEL.",
                     .then = THEN_REFUSED, .rule = "irql_above_limit", .is_irql = true,
                     .irql_max = DISPATCH_LEVEL },
    [BUILD_STATE] = { .name = "mdl-has-frames", .doc = "The MDL was locked or built already.",
                      .then = THEN_REFUSED, .rule = "mdl_state",
                      .source = "inferred: the documents are silent" },
    [BUILD_PAGED_POOL] = { .name = "paged-pool", .doc = "The buffer lies in paged pool.",
                           .then = THEN_PERFORMED, .rule = "C4-7F", .source = "Bug Check 0xC4" },
    [BUILD_PAGEABLE] = { .name = "pageable-memory",
                         .doc = "The buffer lies in user memory, on a kernel stack, or in a "
                                "mapping whose pages nobody locks.",
                         .then = THEN_PERFORMED, .rule = "C4-140", .source = "Bug Check 0xC4" },
    [BUILD_NOT_RESIDENT] = { .name = "not-resident", .doc = "A page of the buffer is not resident.",
                             .then = THEN_STOPS, .code = BC_MEMORY_MANAGEMENT, .p1 = 0x1240,
                             .source = "Bug Check 0x1A" },
    { 0 },
};

/* What the pages behind an MDL are. */
struct built {
    va_t absent, tradable; /* first page that is not resident, that nothing holds; when has_* */
    bool has_absent, has_tradable;
};

/* Memory that stays where it is although no MDL locks it: pool, memory of MmAllocatePagesForMdl
 * and of devices. A system mapping of anything else counts as held while its frames are locked. */
static bool frame_is_held(struct mm *mm, pfn_t f)
{
    struct frame frame = frame_peek(mm, f);
    return frame.locks > 0 || (frame.owner != OWNER_PROCESS && frame.owner != OWNER_SECTION);
}

static void note_entry(struct kernel *k, struct built *b, va_t at, uint64_t entry, uint64_t *out)
{
    *out = (entry & PTE_PRESENT) != 0 ? pte_pfn(entry).v : PFN_NONE.v;
    if ((entry & PTE_PRESENT) == 0 && !b->has_absent) {
        b->has_absent = true;
        b->absent = at;
    } else if (!b->has_tradable && syspte_owns(k->mm, at) && !frame_is_held(k->mm, pfn(*out))) {
        b->has_tradable = true;
        b->tradable = at;
    }
}

/* Entries of one page table, read in a row; a large entry counts as one page of it. Returns how
 * many pages were read. */
static uint64_t read_table(struct kernel *k, struct built *b, va_t at, uint64_t page_count,
                           uint64_t *pfns)
{
    struct page_map *own = k->mm->current != NULL ? &k->mm->current->map : &k->hw->system;
    const struct page_map *map = paging_map_for(k->hw, own, at);
    unsigned level;
    const uint64_t *slot = paging_find(k->hw, map, at, &level);
    uint64_t rest = TABLE_ENTRIES - (at.v >> PAGE_SHIFT_BITS) % TABLE_ENTRIES;
    uint64_t n = page_count < rest ? page_count : rest;
    for (uint64_t i = 0; i < n; i++) {
        va_t here = va_add(at, i * PAGE_BYTES);
        uint64_t entry = slot == NULL ? 0 : level == LEVEL_PT ? slot[i]
                                                              : pte_as_small(*slot, level, here);
        note_entry(k, b, here, entry, &pfns[i]);
    }
    charge(k->hw, COST_PTE_READ, slot == NULL || level == LEVEL_PT ? n : 1);
    return n;
}

static struct built read_frames(struct kernel *k, struct mdl *m)
{
    struct built b = { .has_absent = false };
    uint64_t pages = mdl_page_count(m);
    CHECK2(pages <= m->slots, pages, m->slots);
    for (uint64_t done = 0; done < pages;)
        done += read_table(k, &b, va_add(m->start_va, done * PAGE_BYTES), pages - done,
                           mdl_pfns(m) + done);
    const struct mm_config *config = k->mm->config;
    bool is_user = m->start_va.v <= config->highest_user.v;
    bool is_stack = m->start_va.v >= config->stack_base.v && m->start_va.v < k->mm->next_stack.v;
    if (pages > 0 && (is_user || is_stack)) {
        b.has_tradable = true;
        b.tradable = m->start_va;
    }
    return b;
}

static bool is_paged_pool(const struct kernel *k, va_t at)
{
    enum pool_kind kind;
    return pool_owns(k->mm, at, &kind) && kind == POOL_PAGED;
}

static bool memory_ends(struct kernel *k, const struct mdl *m, const struct built *b)
{
    struct params irql = P(k->mm->irql, m->address.v, m->flags);
    struct params where = P(k->mm->irql, m->address.v, b->tradable.v);
    if (is_paged_pool(k, m->start_va) && ends(k, BUILD_PAGED_POOL, irql, irql)) return true;
    if (b->has_tradable && ends(k, BUILD_PAGEABLE, where, irql)) return true;
    return b->has_absent && ends(k, BUILD_NOT_RESIDENT, irql, P(m->address.v, b->absent.v, 0));
}

static struct outcome MmBuildMdlForNonPagedPool_run(struct kernel *k, void *args)
{
    const struct MmBuildMdlForNonPagedPool_args *a = args;
    struct mdl *m = kernel_mdl(k, a->memory_descriptor_list);
    uint64_t pages = mdl_page_count(m);
    if (state_ends(k, OP_BUILD_NONPAGED, m)) return k->outcome;
    struct built b = read_frames(k, m);
    if (memory_ends(k, m, &b)) return k->outcome;
    bool is_io = pages > 0 && !frame_in_ram(k->mm, pfn(m->pfns[pages - 1]));
    unsigned io = is_io ? MDL_IO_SPACE : 0;
    m->flags = (uint16_t)(m->flags | MDL_SOURCE_IS_NONPAGED_POOL | io);
    m->process = 0;
    m->mapped_va = mdl_va(m);
    m->builder = BUILDER_NONPAGED;
    mdl_changed(k, m, true);
    return returns_void(k);
}

const struct routine MmBuildMdlForNonPagedPool = {
    .name = "MmBuildMdlForNonPagedPool",
    .header = "wdm.h",
    .doc = "Fills an MDL with the frames of a buffer in nonpaged memory.",
    .result = RESULT_VOID,
    .irql_max = DISPATCH_LEVEL,
    .args = MmBuildMdlForNonPagedPool_args,
    .args_bytes = sizeof(struct MmBuildMdlForNonPagedPool_args),
    .failures = MmBuildMdlForNonPagedPool_failures,
    .run = MmBuildMdlForNonPagedPool_run,
    .page = "MmBuildMdlForNonPagedPool function (wdm.h)",
    .notes = "Resident pageable memory is accepted and breaks a rule, as tests on Windows before "
             "8 show. Memory behind a system mapping counts as nonpaged while its pages are "
             "locked. The last page decides on MDL_IO_SPACE. An MDL of 0 bytes gets the 0 or 1 "
             "frames that its address spans (inferred).",
    .left_out = "Parameter 3 of bug check 0x1A is the address of the page, since the page tables "
                "have no addresses in the model.",
};

/* ---- MmAdvanceMdl ---- */

struct MmAdvanceMdl_args {
    uint32_t mdl;
    uint64_t number_of_bytes;
};

static const struct field MmAdvanceMdl_args[] = {
    { ROW_MDL(struct MmAdvanceMdl_args, mdl, "Mdl"), .doc = "The MDL." },
    { ROW_SIZE(struct MmAdvanceMdl_args, number_of_bytes, "NumberOfBytes"), .max = UINT32_MAX,
      .doc = "How far its start moves." },
    { 0 },
};

enum { ADVANCE_IRQL, ADVANCE_STATE, ADVANCE_RESERVED, ADVANCE_PAST_END, ADVANCE_USER_MAPPED,
       ADVANCE_NO_TABLE };
static const struct failure MmAdvanceMdl_failures[] = {
    [ADVANCE_IRQL] = { .name = "irql-too-high", .doc = "The IRQL is above DISPATCH_LEVEL.",
                       .then = THEN_REFUSED, .rule = "irql_above_limit", .is_irql = true,
                       .irql_max = DISPATCH_LEVEL },
    [ADVANCE_STATE] = { .name = "mdl-not-advanceable",
                        .doc = "The MDL is neither locked nor built for nonpaged pool.",
                        .then = THEN_REFUSED, .rule = "mdl_state",
                        .source = "inferred: the page speaks of locked MDLs only" },
    [ADVANCE_RESERVED] = { .name = "mapped-by-reservation",
                           .doc = "MmMapLockedPagesWithReservedMapping maps the MDL.",
                           .then = THEN_REFUSED, .rule = "unmap_reserved_mapping",
                           .rule_what = "MmAdvanceMdl was called for a mapping in a reservation.",
                           .source = "inferred: the documents are silent" },
    [ADVANCE_PAST_END] = { .name = "past-the-end",
                           .doc = "NumberOfBytes is more than the MDL describes.",
                           .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_2 },
    [ADVANCE_USER_MAPPED] = { .name = "still-mapped-to-user",
                              .doc = "Pages are unlocked that a process still has mapped.",
                              .then = THEN_PERFORMED, .rule = "user_mapping_outlives_lock",
                              .source = "inferred: as MmUnlockPages" },
    [ADVANCE_NO_TABLE] = { .name = "no-page-table",
                           .doc = "A large page of the mapping lies on both sides of the new "
                                  "start, and no frame is free for the table that splits it.",
                           .then = THEN_FAILS, .code = ST_INSUFFICIENT_RESOURCES,
                           .source = "inferred: the page names no such status" },
    { 0 },
};

/* The PTEs of passed pages are cleared at once, since the pages are unlocked, and stay reserved
 * until the rest of the mapping goes. */
static void advance_mapping(struct kernel *k, struct mdl *m, uint64_t passed)
{
    if (m->mapping != MAPPING_SYSTEM || passed == 0) return;
    flush_begin(k->hw, &k->hw->system);
    flush_add_mapped(k->hw, m->map_base, passed);
    paging_clear_range(k->hw, &k->hw->system, m->map_base, passed);
    flush_end(k->hw);
    runs_remove_any(&k->read_only, m->map_base.v / PAGE_BYTES, passed);
    m->map_base = va_add(m->map_base, passed * PAGE_BYTES);
    m->map_pages -= (uint32_t)passed;
    m->map_extra += (uint32_t)passed;
    m->flags |= MDL_FREE_EXTRA_PTES;
}

/* Frames that the driver wrote into the MDL and that nothing locks are passed over. */
static void advance_locks(struct kernel *k, struct mdl *m, uint64_t passed)
{
    if (m->locked_pages == 0 || passed == 0) return;
    lock_enter(k->mm, LOCK_PFN, &k->mm->pfn_lock);
    mdl_count_unlocked(k, m, frames_drop(k->mm, mdl_frames(m, passed)));
    lock_leave(k->mm, LOCK_PFN, &k->mm->pfn_lock);
}

static void advance_start(struct mdl *m, uint64_t bytes, uint64_t passed)
{
    uint64_t rest = mdl_page_count(m) - passed, offset = (m->byte_offset + bytes) & PAGE_MASK;
    uint64_t *pfns = mdl_pfns(m);
    memmove(pfns, pfns + passed, (size_t)rest * sizeof *pfns);
    for (uint64_t i = rest; i < rest + passed; i++) pfns[i] = PFN_NONE.v;
    m->start_va = va_add(m->start_va, passed * PAGE_BYTES);
    m->byte_offset = (uint32_t)offset;
    m->byte_count -= (uint32_t)bytes;
    if ((m->flags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)) != 0)
        m->mapped_va = va_add(m->mapped_va, bytes);
}

static struct outcome MmAdvanceMdl_run(struct kernel *k, void *args)
{
    const struct MmAdvanceMdl_args *a = args;
    struct mdl *m = kernel_mdl(k, a->mdl);
    uint64_t bytes = a->number_of_bytes, passed = (m->byte_offset + bytes) >> PAGE_SHIFT_BITS;
    if (state_ends(k, OP_ADVANCE, m)) return k->outcome;
    if (m->mapping == MAPPING_RESERVED && fails(k, ADVANCE_RESERVED)) return k->outcome;
    if (bytes > m->byte_count && fails(k, ADVANCE_PAST_END)) return k->outcome;
    bool unlocks = m->locked_pages > 0 && passed > 0;
    if (unlocks && m->user_mappings > 0 && fails(k, ADVANCE_USER_MAPPED)) return k->outcome;
    if (m->mapping == MAPPING_SYSTEM && passed > 0 &&
        !paging_split_edges(k->hw, &k->hw->system, m->map_base, passed) &&
        fails(k, ADVANCE_NO_TABLE))
        return k->outcome;
    advance_mapping(k, m, passed);
    advance_locks(k, m, passed);
    advance_start(m, bytes, passed);
    mdl_changed(k, m, passed > 0);
    return returns_status(k, ST_SUCCESS);
}

const struct routine MmAdvanceMdl = {
    .name = "MmAdvanceMdl",
    .header = "wdm.h",
    .doc = "Moves the start of an MDL forward; pages that it passes are unlocked at once.",
    .result = RESULT_STATUS,
    .result_doc = "STATUS_SUCCESS or why not.",
    .irql_max = DISPATCH_LEVEL,
    .os_first = OS_XP,
    .args = MmAdvanceMdl_args,
    .args_bytes = sizeof(struct MmAdvanceMdl_args),
    .failures = MmAdvanceMdl_failures,
    .run = MmAdvanceMdl_run,
    .page = "MmAdvanceMdl function (wdm.h)",
    .notes = "Advancing by 0 changes nothing; by all its bytes leaves an MDL of 0 bytes "
             "(inferred). An MDL built for nonpaged pool advances without unlocking (inferred). "
             "System PTEs of passed pages are cleared and flushed at once; they stay reserved "
             "(MDL_FREE_EXTRA_PTES) until the MDL is unmapped (inferred).",
    .left_out = "Nothing.",
};
