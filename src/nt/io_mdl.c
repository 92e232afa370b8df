/* MDLs that drivers allocate: IoAllocateMdl, IoFreeMdl, and partial MDLs. */
#include "base/check.h"
#include "mm/mdl_state.h"
#include "nt/kernel.h"
#include "nt/mdl_pool.h"

#include <string.h>

enum { FIXED_SLOTS = 23 };

/* ---- IoAllocateMdl ---- */

struct IoAllocateMdl_args {
    va_t virtual_address;
    uint64_t length;
    bool secondary_buffer, charge_quota;
    uint32_t irp;
};

static const struct field IoAllocateMdl_args[] = {
    { ROW_VA(struct IoAllocateMdl_args, virtual_address, "VirtualAddress"), .flags = FIELD_NULLABLE,
      .doc = "Start of the buffer; only stored, not touched." },
    { ROW_SIZE(struct IoAllocateMdl_args, length, "Length"), .max = UINT32_MAX,
      .doc = "Bytes of the buffer." },
    { ROW_BOOL(struct IoAllocateMdl_args, secondary_buffer, "SecondaryBuffer"),
      .flags = FIELD_OPTIONAL, .fallback = "FALSE",
      .doc = "TRUE appends the MDL to the chain of the IRP, FALSE makes it the first." },
    { ROW_BOOL(struct IoAllocateMdl_args, charge_quota, "ChargeQuota"), .flags = FIELD_OPTIONAL,
      .fallback = "FALSE", .doc = "Reserved; must be FALSE." },
    { ROW_IRP(struct IoAllocateMdl_args, irp, "Irp"), .flags = FIELD_OPTIONAL | FIELD_NULLABLE,
      .fallback = "NULL", .doc = "The IRP that the MDL is attached to." },
    { 0 },
};

enum { ALLOCATE_IRQL, ALLOCATE_TOO_LONG, ALLOCATE_QUOTA, ALLOCATE_SECONDARY, ALLOCATE_FREED_CHAIN,
       ALLOCATE_CYCLE, ALLOCATE_SECONDARY_FIRST, ALLOCATE_NO_POOL, ALLOCATE_OVERWRITES };
static const struct failure IoAllocateMdl_failures[] = {
    [ALLOCATE_IRQL] = { .name = "irql-too-high", .doc = "The IRQL is above DISPATCH_LEVEL.",
                        .then = THEN_REFUSED, .rule = "irql_above_limit", .is_irql = true,
                        .irql_max = DISPATCH_LEVEL },
    [ALLOCATE_TOO_LONG] = { .name = "length-above-cap",
                            PARAMETER_INVALID(
                                "Length is more than this version can describe with one MDL."),
                            .then = THEN_FAILS,
                            .source = "the page gives the caps; NULL above them is inferred" },
    [ALLOCATE_QUOTA] = { .name = "charge-quota", .doc = "ChargeQuota is TRUE.",
                         .then = THEN_PERFORMED, .rule = "charge_quota", .advice = true },
    [ALLOCATE_SECONDARY] = { .name = "secondary-without-irp",
                             .doc = "SecondaryBuffer is TRUE, but there is no IRP.",
                             .then = THEN_PERFORMED, .rule = "secondary_without_irp",
                             .advice = true },
    [ALLOCATE_FREED_CHAIN] = { .name = "freed-mdl-in-chain",
                               .doc = "The chain of the IRP leads to an MDL that was freed.",
                               .then = THEN_REFUSED, .rule = "use_after_free",
                               .source = "inferred: the walk to the tail reads freed memory" },
    [ALLOCATE_CYCLE] = { .name = "chain-without-end", .doc = "The chain of the IRP has no end.",
                         .then = THEN_REFUSED, .rule = "mdl_chain_cycle",
                         .source = "inferred: the walk to the tail would never return" },
    [ALLOCATE_SECONDARY_FIRST] = { .name = "secondary-first", .then = THEN_PERFORMED,
                                   PARAMETER_INVALID(
                                       "SecondaryBuffer is TRUE, but the IRP has no MDL yet."),
                                   .source = "the page's demand; inferred: the MDL is the first" },
    [ALLOCATE_NO_POOL] = { .name = "no-pool", .doc = "Nonpaged pool is used up.",
                           .then = THEN_FAILS },
    [ALLOCATE_OVERWRITES] = { .name = "overwrites-mdl-address",
                              .doc = "SecondaryBuffer is FALSE and the IRP has an MDL already.",
                              .then = THEN_PERFORMED, .rule = "irp_mdl_overwritten",
                              .advice = true,
                              .source = "inferred: MdlAddress is set, nothing frees the old MDL" },
    { 0 },
};

/* Longest buffer of one MDL (page of the routine, remarks on Length). */
static uint64_t length_max(const struct kernel *k)
{
    if (k->os >= OS_7) return 4 * GIB - PAGE_BYTES;
    if (k->os >= OS_VISTA) return 2 * GIB - PAGE_BYTES;
    uint64_t pointer_bytes = k->mm->config->is_64_bit ? 8 : 4;
    return PAGE_BYTES * (65535 - mdl_size_bytes(k->mm, 0)) / pointer_bytes;
}

enum chain_end { CHAIN_ENDS, CHAIN_FREED, CHAIN_CYCLE };

/* Finds the last MDL of a chain; *tail is 0 when it is empty. */
static enum chain_end chain_tail(struct kernel *k, uint32_t first, uint32_t *tail)
{
    *tail = 0;
    for (uint64_t steps = 0; first != 0; steps++) {
        const struct mdl *m = mdl_at(k->mm, first);
        if (m == NULL || !m->live) return CHAIN_FREED;
        if (steps > k->mm->mdls.count) return CHAIN_CYCLE;
        *tail = first;
        first = m->next;
    }
    return CHAIN_ENDS;
}

static struct mdl *allocate_mdl(struct kernel *k, va_t base, uint64_t length)
{
    uint64_t pages = span_pages(base.v, length);
    bool fixed = pages <= FIXED_SLOTS;
    va_t at;
    if (!mdl_pool_allocate(k, fixed ? FIXED_SLOTS : pages, &at)) return NULL;
    uint32_t id = mdl_new(k->mm, at, MEMORY_IO_ALLOCATED, base.v, length, pages);
    struct mdl *m = mdl_made(k, id);
    if (fixed) m->flags |= MDL_ALLOCATED_FIXED_SIZE;
    return m;
}

static bool orphans_mdl(struct kernel *k, uint32_t first)
{
    const struct mdl *old = mdl_at(k->mm, first);
    return old != NULL && old->live;
}

static struct outcome IoAllocateMdl_run(struct kernel *k, void *args)
{
    const struct IoAllocateMdl_args *a = args;
    uint32_t tail = 0;
    if (a->length > length_max(k) && fails(k, ALLOCATE_TOO_LONG)) return k->outcome;
    if (a->charge_quota && fails(k, ALLOCATE_QUOTA)) return k->outcome;
    if (a->secondary_buffer && a->irp == 0 && fails(k, ALLOCATE_SECONDARY)) return k->outcome;
    if (a->secondary_buffer && a->irp != 0) {
        enum chain_end end = chain_tail(k, kernel_irp(k, a->irp)->mdl_address, &tail);
        if (end == CHAIN_FREED && fails(k, ALLOCATE_FREED_CHAIN)) return k->outcome;
        if (end == CHAIN_CYCLE && fails(k, ALLOCATE_CYCLE)) return k->outcome;
        if (tail == 0 && fails(k, ALLOCATE_SECONDARY_FIRST)) return k->outcome;
    }
    struct mdl *m = allocate_mdl(k, a->virtual_address, a->length);
    if (m == NULL && fails(k, ALLOCATE_NO_POOL)) return k->outcome;
    mdl_changed(k, m, false);
    if (a->irp == 0) return returns_mdl(k, m->id);
    struct irp *irp = kernel_irp(k, a->irp);
    if (!a->secondary_buffer && orphans_mdl(k, irp->mdl_address)) fails(k, ALLOCATE_OVERWRITES);
    if (tail != 0) mdl_at(k->mm, tail)->next = m->id;
    else irp->mdl_address = m->id;
    return returns_mdl(k, m->id);
}

const struct routine IoAllocateMdl = {
    .name = "IoAllocateMdl",
    .header = "wdm.h",
    .doc = "Allocates an MDL with room for the frame numbers of a buffer, and may attach it to an "
           "IRP.",
    .result = RESULT_MDL,
    .result_doc = "The MDL, or NULL.",
    .irql_max = DISPATCH_LEVEL,
    .args = IoAllocateMdl_args,
    .args_bytes = sizeof(struct IoAllocateMdl_args),
    .failures = IoAllocateMdl_failures,
    .run = IoAllocateMdl_run,
    .page = "IoAllocateMdl function (wdm.h)",
    .notes = "Length 0 succeeds, with the 0 or 1 frames that the address spans (inferred). An MDL "
             "of up to 23 frames takes a block of fixed size and has MDL_ALLOCATED_FIXED_SIZE, as "
             "memory dumps show; its room is still the number of frames it was allocated for. "
             "SecondaryBuffer TRUE with an empty chain makes the MDL the first (inferred). "
             "ChargeQuota TRUE charges nobody, since many drivers pass it.",
    .left_out = "Driver Verifier's low-resources simulation, and the lists of spare MDLs of each "
                "processor: a block of pool costs what it costs any caller.",
};

/* ---- IoFreeMdl ---- */

struct IoFreeMdl_args { uint32_t mdl; };

static const struct field IoFreeMdl_args[] = {
    { ROW_MDL(struct IoFreeMdl_args, mdl, "Mdl"), .doc = "The MDL; only this one, not its chain." },
    { 0 },
};

enum { FREE_IRQL, FREE_CALLERS, FREE_MAPPED, FREE_PAGES_MDL, FREE_CREATED, FREE_LOCKED,
       FREE_USER_MAPPED };
static const struct failure IoFreeMdl_failures[] = {
    [FREE_IRQL] = { .name = "irql-too-high", .doc = "The IRQL is above DISPATCH_LEVEL.",
                    .then = THEN_REFUSED, .rule = "irql_above_limit", .is_irql = true,
                    .irql_max = DISPATCH_LEVEL },
    [FREE_CALLERS] = { .name = "memory-of-the-caller",
                       .doc = "The MDL was formatted by MmInitializeMdl in memory of the caller.",
                       .then = THEN_REFUSED, .rule = "wrong_mdl_free",
                       .source = "inferred: the memory is not the system's to free" },
    [FREE_MAPPED] = { .name = "still-mapped", .doc = "The MDL has a mapping in system space.",
                      .then = THEN_PERFORMED, .rule = "C4-B8", .source = "Bug Check 0xC4" },
    [FREE_PAGES_MDL] = { .name = "mdl-of-allocated-pages",
                         .doc = "The MDL comes from MmAllocatePagesForMdl or a variant.",
                         .then = THEN_PERFORMED, .rule = "wrong_mdl_free",
                         .source = "MmAllocatePagesForMdl function (wdm.h)" },
    [FREE_CREATED] = { .name = "mdl-of-MmCreateMdl", .doc = "The MDL comes from MmCreateMdl.",
                       .then = THEN_PERFORMED, .rule = "wrong_mdl_free",
                       .source = "inferred: it is a pool block, which ExFreePool frees" },
    [FREE_LOCKED] = { .name = "still-locked", .doc = "The pages are still locked.",
                      .then = THEN_PERFORMED, .rule = "mdl_freed_locked", .source = "Using MDLs" },
    [FREE_USER_MAPPED] = { .name = "still-mapped-to-user",
                           .doc = "A process still has the pages mapped.",
                           .then = THEN_PERFORMED, .rule = "user_mapping_outlives_mdl",
                           .source = "inferred: MmUnmapLockedPages needs the MDL" },
    { 0 },
};

/* Which of its rows the call meets, 0 (FREE_IRQL, which the gate checks) for none. One is enough:
 * what comes after it follows from it. */
static unsigned free_row(const struct mdl *m)
{
    if (m->memory == MEMORY_CALLER) return FREE_CALLERS;
    bool own_partial = m->builder == BUILDER_PARTIAL && m->mapping == MAPPING_SYSTEM;
    if (mdl_is_mapped(m) && !own_partial) return FREE_MAPPED;
    if (m->memory == MEMORY_PAGES_MDL) return FREE_PAGES_MDL;
    if (m->memory == MEMORY_POOL_MDL) return FREE_CREATED;
    if (m->locked_pages > 0) return FREE_LOCKED;
    return m->user_mappings > 0 ? FREE_USER_MAPPED : 0;
}

static struct outcome IoFreeMdl_run(struct kernel *k, void *args)
{
    const struct IoFreeMdl_args *a = args;
    struct mdl *m = kernel_mdl(k, a->mdl);
    unsigned row = free_row(m);
    if (row != 0 && ends(k, row, P(m->address.v, m->flags, 0), P(0, 0, 0))) return k->outcome;
    unmap_mdl(k, m);
    mdl_release(k, m);
    return returns_void(k);
}

const struct routine IoFreeMdl = {
    .name = "IoFreeMdl",
    .header = "wdm.h",
    .doc = "Frees one MDL; unmaps it first when it is a partial MDL that has its own mapping.",
    .result = RESULT_VOID,
    .irql_max = DISPATCH_LEVEL,
    .args = IoFreeMdl_args,
    .args_bytes = sizeof(struct IoFreeMdl_args),
    .failures = IoFreeMdl_failures,
    .run = IoFreeMdl_run,
    .page = "IoFreeMdl function (wdm.h)",
    .notes = "The page promises to unmap partial MDLs only, Using MDLs every MDL, and Driver "
             "Verifier stops for a mapped one (C4-B8): the mapping is released and the rule is "
             "broken. Page locks are not given back. An MDL may be freed while an IRP still "
             "points to it.",
    .left_out = "The lists of spare MDLs of each processor.",
};

/* ---- IoBuildPartialMdl ---- */

struct IoBuildPartialMdl_args {
    uint32_t source_mdl, target_mdl;
    va_t virtual_address;
    uint64_t length;
};

static const struct field IoBuildPartialMdl_args[] = {
    { ROW_MDL(struct IoBuildPartialMdl_args, source_mdl, "SourceMdl"),
      .doc = "The MDL of the whole buffer, its pages locked." },
    { ROW_MDL(struct IoBuildPartialMdl_args, target_mdl, "TargetMdl"),
      .doc = "The MDL that shall describe a part, with room for its frames." },
    { ROW_VA(struct IoBuildPartialMdl_args, virtual_address, "VirtualAddress"),
      .doc = "Start of the part, counted as MmGetMdlVirtualAddress of the source does.",
      .flags = FIELD_NULLABLE },
    { ROW_SIZE(struct IoBuildPartialMdl_args, length, "Length"), .max = UINT32_MAX,
      .doc = "Bytes of the part; 0 means all that is left of the source." },
    { 0 },
};

enum { PARTIAL_IRQL, PARTIAL_SAME, PARTIAL_SOURCE, PARTIAL_STALE, PARTIAL_RANGE, PARTIAL_TOO_SMALL,
       PARTIAL_TARGET_BUSY, PARTIAL_TARGET_MAPPED };
static const struct failure IoBuildPartialMdl_failures[] = {
    [PARTIAL_IRQL] = { .name = "irql-too-high", .doc = "The IRQL is above DISPATCH_LEVEL.",
                       .then = THEN_REFUSED, .rule = "irql_above_limit", .is_irql = true,
                       .irql_max = DISPATCH_LEVEL },
    [PARTIAL_SAME] = { .name = "target-is-source", .doc = "Source and target are the same MDL.",
                       .then = THEN_REFUSED, .rule = "mdl_state",
                       .rule_what = "IoBuildPartialMdl was called with one MDL as source and "
                                    "target.",
                       .by_routine = true,
                       .source = "inferred: the source would be lost half way" },
    [PARTIAL_SOURCE] = { .name = "source-not-locked",
                         .doc = "The source has no frames: it was neither locked nor built.",
                         .then = THEN_REFUSED, .rule = "source_not_locked" },
    [PARTIAL_STALE] = { .name = "source-outlived",
                        .doc = "The source is a partial MDL whose own source is gone or unlocked.",
                        .then = THEN_REFUSED, .rule = "partial_outlives_source",
                        .source = "inferred: its frames may belong to others by now" },
    [PARTIAL_RANGE] = { .name = "range-outside-source",
                        .doc = "The part does not lie inside the source's range.",
                        .then = THEN_STOPS, .code = BC_INVALID_MDL_RANGE,
                        .source = "Bug Check 0x12E" },
    [PARTIAL_TOO_SMALL] = { .name = "target-too-small",
                            .doc = "The target has fewer slots than the part has frames.",
                            .then = THEN_STOPS, .code = BC_TARGET_MDL_TOO_SMALL,
                            .source = "Bug Check 0x40" },
    [PARTIAL_TARGET_BUSY] = { .name = "target-in-use",
                              .doc = "The target holds page locks, pages or a mapping of its own.",
                              .then = THEN_PERFORMED, .rule = "mdl_reinitialized_in_use",
                              .source = "inferred: its flags and frames are overwritten" },
    [PARTIAL_TARGET_MAPPED] = { .name = "target-not-prepared",
                                .doc = "The target is a partial MDL whose own mapping was not "
                                       "released by MmPrepareMdlForReuse.",
                                .then = THEN_PERFORMED, .rule = "partial_reused_mapped",
                                .source = "MmPrepareMdlForReuse macro (wdm.h)" },
    { 0 },
};

/* Whether the frames of a partial MDL are still held by the MDL that it was made of in the end. */
static bool source_lives(struct kernel *k, const struct mdl *m)
{
    if (m->builder == BUILDER_PARTIAL) {
        uint64_t built = m->lock_seq;
        m = mdl_at(k->mm, m->parent);
        if (m == NULL || !m->live || m->builder == BUILDER_PARTIAL || m->lock_seq > built)
            return false;
    }
    return m->builder != BUILDER_HEADER && (m->builder != BUILDER_PAGES || m->pages_held);
}

/* *offset and *length of the part inside the source; false when it does not lie in it. */
static bool part_of(const struct mdl *source, va_t at, uint64_t *offset, uint64_t *length)
{
    uint64_t start = mdl_va(source).v;
    if (at.v < start || at.v - start >= source->byte_count) return false;
    *offset = at.v - start;
    if (*length == 0) *length = source->byte_count - *offset;
    return *length <= source->byte_count - *offset;
}

static void share_mapping(struct mdl *target, const struct mdl *source, uint64_t offset)
{
    uint64_t start = va_page(source->mapped_va).v + source->byte_offset;
    target->mapped_va = va(start + offset);
    bool is_mapped = (target->flags & MDL_MAPPED_TO_SYSTEM_VA) != 0;
    target->mapping = is_mapped ? MAPPING_BORROWED : MAPPING_NONE;
    target->map_base = va(0);
    target->map_pages = target->map_extra = 0;
    target->map_cache = source->map_cache;
}

static void build_partial(struct kernel *k, const struct mdl *source, struct mdl *target, va_t at,
                          uint64_t length)
{
    const unsigned kept = MDL_ALLOCATED_FIXED_SIZE | MDL_PAGE_CONTENTS_INVARIANT;
    const unsigned inherited = MDL_IO_PAGE_READ | MDL_SOURCE_IS_NONPAGED_POOL |
                               MDL_MAPPED_TO_SYSTEM_VA | MDL_IO_SPACE;
    uint64_t first = (va_page(at).v - source->start_va.v) / PAGE_BYTES;
    target->start_va = va_page(at);
    target->byte_offset = (uint32_t)va_offset(at);
    target->byte_count = (uint32_t)length;
    target->process = source->process;
    target->flags = (uint16_t)((target->flags & kept) | (source->flags & inherited) | MDL_PARTIAL);
    share_mapping(target, source, at.v - mdl_va(source).v);
    target->parent = source->builder == BUILDER_PARTIAL ? source->parent : source->id;
    target->builder = BUILDER_PARTIAL;
    target->lock_seq = (uint32_t)k->seq;
    target->lock_line = k->line;
    memcpy(mdl_pfns(target), source->pfns + first,
           (size_t)mdl_page_count(target) * sizeof *target->pfns);
    mdl_changed(k, target, true);
}

static struct outcome IoBuildPartialMdl_run(struct kernel *k, void *args)
{
    const struct IoBuildPartialMdl_args *a = args;
    struct mdl *source = kernel_mdl(k, a->source_mdl), *target = kernel_mdl(k, a->target_mdl);
    uint64_t offset = 0, length = a->length;
    if (source == target && fails(k, PARTIAL_SAME)) return k->outcome;
    if (state_ends(k, OP_PARTIAL_SOURCE, source)) return k->outcome;
    if (!source_lives(k, source) && fails(k, PARTIAL_STALE)) return k->outcome;
    if (!part_of(source, a->virtual_address, &offset, &length) &&
        ends(k, PARTIAL_RANGE, P(0, 0, 0),
             P(target->address.v, a->virtual_address.v, a->length))) {
        k->outcome.stop.p[0] = source->address.v;
        return k->outcome;
    }
    if (span_pages(a->virtual_address.v, length) > target->slots && fails(k, PARTIAL_TOO_SMALL))
        return k->outcome;
    bool not_prepared = target->builder == BUILDER_PARTIAL && mdl_is_mapped(target);
    if (not_prepared && fails(k, PARTIAL_TARGET_MAPPED)) return k->outcome;
    if (!not_prepared && mdl_holds(target) && fails(k, PARTIAL_TARGET_BUSY)) return k->outcome;
    mdl_lose(k, target);
    build_partial(k, source, target, a->virtual_address, length);
    return returns_void(k);
}

const struct routine IoBuildPartialMdl = {
    .name = "IoBuildPartialMdl",
    .header = "wdm.h",
    .doc = "Makes one MDL describe a part of the buffer that another one describes.",
    .result = RESULT_VOID,
    .irql_max = DISPATCH_LEVEL,
    .args = IoBuildPartialMdl_args,
    .args_bytes = sizeof(struct IoBuildPartialMdl_args),
    .failures = IoBuildPartialMdl_failures,
    .run = IoBuildPartialMdl_run,
    .page = "IoBuildPartialMdl function (wdm.h)",
    .notes = "The page asks for a proper part; the whole range is allowed, as drivers use it. A "
             "part of a partial MDL is allowed while the pages are held (inferred). The room of "
             "the target is that of the buffer it was allocated for, not of its pool block "
             "(inferred). The part shares the source's mapping and keeps no lock. What the target "
             "held before is lost.",
    .left_out = "Nothing.",
};

/* ---- MmPrepareMdlForReuse ---- */

struct MmPrepareMdlForReuse_args { uint32_t mdl; };

static const struct field MmPrepareMdlForReuse_args[] = {
    { ROW_MDL(struct MmPrepareMdlForReuse_args, mdl, "Mdl"), .doc = "The partial MDL." },
    { 0 },
};

enum { PREPARE_IRQL, PREPARE_RESERVED };
static const struct failure MmPrepareMdlForReuse_failures[] = {
    [PREPARE_IRQL] = { .name = "irql-too-high", .doc = "The IRQL is above DISPATCH_LEVEL.",
                       .then = THEN_REFUSED, .rule = "irql_above_limit", .is_irql = true,
                       .irql_max = DISPATCH_LEVEL },
    [PREPARE_RESERVED] = { .name = "mapped-by-reservation",
                           .doc = "The MDL is mapped by MmMapLockedPagesWithReservedMapping.",
                           .then = THEN_REFUSED, .rule = "unmap_reserved_mapping",
                           .rule_what = "MmPrepareMdlForReuse was called for a mapping in a "
                                        "reservation.",
                           .source = "inferred: the macro would release PTEs of the reservation" },
    { 0 },
};

static struct outcome MmPrepareMdlForReuse_run(struct kernel *k, void *args)
{
    const struct MmPrepareMdlForReuse_args *a = args;
    struct mdl *m = kernel_mdl(k, a->mdl);
    if ((m->flags & MDL_PARTIAL_HAS_BEEN_MAPPED) == 0) return returns_void(k);
    if (m->mapping == MAPPING_RESERVED && fails(k, PREPARE_RESERVED)) return k->outcome;
    if (m->mapping == MAPPING_SYSTEM) {
        unmap_mdl(k, m);
        mdl_changed(k, m, false);
    }
    return returns_void(k);
}

const struct routine MmPrepareMdlForReuse = {
    .name = "MmPrepareMdlForReuse",
    .header = "wdm.h",
    .doc = "Releases the mapping that a partial MDL has of its own, before it is built anew.",
    .result = RESULT_VOID,
    .irql_max = DISPATCH_LEVEL,
    .args = MmPrepareMdlForReuse_args,
    .args_bytes = sizeof(struct MmPrepareMdlForReuse_args),
    .failures = MmPrepareMdlForReuse_failures,
    .run = MmPrepareMdlForReuse_run,
    .is_macro = true,
    .page = "MmPrepareMdlForReuse macro (wdm.h)",
    .notes = "A mapping shared with the source, and any MDL that is not partial, is left alone.",
    .left_out = "Nothing.",
};
