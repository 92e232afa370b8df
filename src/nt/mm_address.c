/* The system address of an MDL: MmGetSystemAddressForMdlSafe, MmGetSystemAddressForMdl. */
#include "nt/map_rows.h"

va_t map_mdl(struct kernel *k, struct mdl *m, uint32_t cache, uint32_t priority, bool writable,
             bool executable)
{
    va_t at;
    unsigned level = mapping_level(k, m, cache);
    if (!mapping_reserve(k, m, (enum pte_priority)priority, level, &at)) return va(0);
    mapping_write(k, m, &k->hw->system, at, cache, system_entry_bits(writable, executable), level);
    m->mapped_va = va_add(at, m->byte_offset);
    mapping_made(k, m, MAPPING_SYSTEM, at, cache);
    return m->mapped_va;
}

/* ---- MmGetSystemAddressForMdlSafe ---- */

struct MmGetSystemAddressForMdlSafe_args {
    uint32_t mdl, priority;
};

static const struct field MmGetSystemAddressForMdlSafe_args[] = {
    { ROW_MDL(struct MmGetSystemAddressForMdlSafe_args, mdl, "Mdl"),
      .doc = "MDL whose pages are to be seen from system space." },
    { ROW_FLAGS(struct MmGetSystemAddressForMdlSafe_args, priority, "Priority", page_priorities),
      .doc = "How much the mapping matters, with MdlMapping flags from Windows 8 on." },
    { 0 },
};

enum {
    SAFE_IRQL, SAFE_NOT_LOCKED, SAFE_PRIORITY,
    SAFE_MAPPING = SAFE_PRIORITY + PRIORITY_ROW_COUNT,
    SAFE_EXECUTABLE = SAFE_MAPPING + MAPPING_ROW_COUNT, SAFE_INTEGRITY, SAFE_NO_PTES
};
static const struct failure MmGetSystemAddressForMdlSafe_failures[] = {
    [SAFE_IRQL] = { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "C4-76",
                    .is_irql = true, .by_routine = true, .irql_max = 2,
                    .rule_what = "MmGetSystemAddressForMdlSafe was called above DISPATCH_LEVEL.",
                    .doc = "The IRQL is above DISPATCH_LEVEL.",
                    .source = "the page; inferred: the rule is that of the routine which the macro "
                              "calls" },
    [SAFE_NOT_LOCKED] = ROW_NOT_LOCKED,
    PRIORITY_ROWS(SAFE_PRIORITY),
    MAPPING_ROWS(SAFE_MAPPING),
    [SAFE_EXECUTABLE] = { .name = "executable", .then = THEN_PERFORMED, .rule = "C30030",
                          .advice = true, .os_first = OS_8,
                          .doc = "Priority lacks MdlMappingNoExecute.", .source = "C30030" },
    [SAFE_INTEGRITY] = { .name = "executable-mapping", .then = THEN_PERFORMED, .rule = "C4-2002",
                         .advice = true, .os_first = OS_8,
                         .doc = "The mapping will be executable: Priority lacks "
                                "MdlMappingNoExecute.",
                         .source = "Bug Check 0xC4" },
    [SAFE_NO_PTES] = { .name = "no-system-ptes", .then = THEN_FAILS,
                       .doc = "No run of free system PTEs is long enough, or fewer than the "
                              "priority demands would be left." },
    { 0 },
};

static struct outcome MmGetSystemAddressForMdlSafe_run(struct kernel *k, void *args)
{
    const struct MmGetSystemAddressForMdlSafe_args *a = args;
    struct mdl *m = kernel_mdl(k, a->mdl);
    bool mapped = mdl_has_system_address(m);
    struct params irql = P(k->mm->irql, m->address.v, 0);
    if (k->mm->irql > 2 && ends(k, SAFE_IRQL, irql, irql)) return k->outcome;
    if (!mapped && mapping_state_ends(k, OP_SYSTEM_ADDRESS, m)) return k->outcome;
    if (priority_ends(k, SAFE_PRIORITY, a->priority)) return k->outcome;
    if (!mapped && mapping_ends(k, SAFE_MAPPING, m, FRAME_CACHED)) return k->outcome;
    if (priority_is_executable(k, a->priority) && fails(k, SAFE_EXECUTABLE)) return k->outcome;
    if (mapped) return returns_address(k, m->mapped_va);
    if (priority_is_executable(k, a->priority) &&
        ends(k, SAFE_INTEGRITY, P(m->address.v, a->priority, 0), P(0, 0, 0)))
        return k->outcome;
    va_t at = map_mdl(k, m, FRAME_CACHED, priority_of(a->priority),
                      (a->priority & MAPPING_NO_WRITE) == 0,
                      (a->priority & MAPPING_NO_EXECUTE) == 0);
    if (at.v == 0 && fails(k, SAFE_NO_PTES)) return k->outcome;
    return returns_address(k, at);
}

const struct routine MmGetSystemAddressForMdlSafe = {
    .name = "MmGetSystemAddressForMdlSafe", .header = "wdm.h",
    .doc = "Returns a system address for the pages of an MDL, and maps them when they have none.",
    .result = RESULT_ADDRESS, .result_doc = "The system address of the MDL's first byte, or NULL.",
    .irql_max = 2, .args = MmGetSystemAddressForMdlSafe_args,
    .args_bytes = sizeof(struct MmGetSystemAddressForMdlSafe_args),
    .failures = MmGetSystemAddressForMdlSafe_failures, .run = MmGetSystemAddressForMdlSafe_run,
    .is_macro = true, .page = "MmGetSystemAddressForMdlSafe",
    .notes = "A NULL Mdl raises STATUS_ACCESS_VIOLATION, since the macro reads its flags; guides "
             "say that it returns NULL (they contradict each other). A second call returns the "
             "first mapping whatever its Priority asks for. The cache type is that of the pages; "
             "pages of MmAllocatePagesForMdl without one become cached. The thresholds below which "
             "requests of a priority fail are settings, for no document names them (inferred).",
    .left_out = "MdlMappingWithGuardPtes, a constant that no page describes, has no effect.",
};

/* ---- MmGetSystemAddressForMdl ---- */

struct MmGetSystemAddressForMdl_args {
    uint32_t mdl;
};

static const struct field MmGetSystemAddressForMdl_args[] = {
    { ROW_MDL(struct MmGetSystemAddressForMdl_args, mdl, "Mdl"),
      .doc = "MDL whose pages are to be seen from system space." },
    { 0 },
};

enum {
    PLAIN_IRQL, PLAIN_NOT_LOCKED, PLAIN_MAPPING,
    PLAIN_OBSOLETE = PLAIN_MAPPING + MAPPING_ROW_COUNT, PLAIN_NO_PTES
};
static const struct failure MmGetSystemAddressForMdl_failures[] = {
    [PLAIN_IRQL] = { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "C4-74",
                     .is_irql = true, .irql_max = 2,
                     .rule_what = "MmGetSystemAddressForMdl was called above DISPATCH_LEVEL.",
                     .doc = "The IRQL is above DISPATCH_LEVEL.",
                     .source = "the page; inferred: the rule is that of the routine which the "
                               "macro calls" },
    [PLAIN_NOT_LOCKED] = ROW_NOT_LOCKED,
    MAPPING_ROWS(PLAIN_MAPPING),
    [PLAIN_OBSOLETE] = { .name = "obsolete", .then = THEN_PERFORMED, .rule = "C4-81",
                         .advice = true,
                         .doc = "The macro calls the obsolete MmMapLockedPages.",
                         .source = "Bug Check 0xC4" },
    PTES_ROWS(PLAIN_NO_PTES),
    { 0 },
};

static struct outcome MmGetSystemAddressForMdl_run(struct kernel *k, void *args)
{
    const struct MmGetSystemAddressForMdl_args *a = args;
    struct mdl *m = kernel_mdl(k, a->mdl);
    if (mdl_has_system_address(m)) return returns_address(k, m->mapped_va);
    if (mapping_state_ends(k, OP_SYSTEM_ADDRESS, m)) return k->outcome;
    if (mapping_ends(k, PLAIN_MAPPING, m, FRAME_CACHED)) return k->outcome;
    if (ends(k, PLAIN_OBSOLETE, P(m->address.v, m->flags, 0), P(0, 0, 0))) return k->outcome;
    va_t at = map_mdl(k, m, FRAME_CACHED, PRIORITY_HIGH, true, true);
    if (at.v == 0) return out_of_ptes(k, PLAIN_NO_PTES, m, false);
    return returns_address(k, at);
}

const struct routine MmGetSystemAddressForMdl = {
    .name = "MmGetSystemAddressForMdl", .header = "wdm.h",
    .doc = "Obsolete: returns a system address for the pages of an MDL, and stops the system when "
           "there is none to be had.",
    .result = RESULT_ADDRESS, .result_doc = "The system address of the MDL's first byte.",
    .irql_max = 2, .args = MmGetSystemAddressForMdl_args,
    .args_bytes = sizeof(struct MmGetSystemAddressForMdl_args),
    .failures = MmGetSystemAddressForMdl_failures, .run = MmGetSystemAddressForMdl_run,
    .is_macro = true, .page = "MmGetSystemAddressForMdl",
    .notes = "Maps cached with HighPagePriority (inferred). The page names no bug check for a "
             "failed mapping: 0x3F, or 0xD8 when PTEs are tracked. A NULL Mdl raises "
             "STATUS_ACCESS_VIOLATION.",
    .left_out = "Bug check 0x1A/0x1000 of old versions: the pages' own cache type is used.",
};
