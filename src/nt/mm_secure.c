/* Promises about user memory: MmSecureVirtualMemory, MmUnsecureVirtualMemory. */
#include "nt/kernel.h"

/* ---- MmSecureVirtualMemory ---- */

struct MmSecureVirtualMemory_args {
    va_t address;
    uint64_t size;
    uint32_t probe_mode;
};

static const struct field MmSecureVirtualMemory_args[] = {
    { ROW_VA(struct MmSecureVirtualMemory_args, address, "Address"),
      .flags = FIELD_NULLABLE, .doc = "Start of the user range." },
    { ROW_SIZE(struct MmSecureVirtualMemory_args, size, "Size"), .doc = "Size of the range." },
    { ROW_FLAGS(struct MmSecureVirtualMemory_args, probe_mode, "ProbeMode", page_protections),
      .doc = "PAGE_READWRITE or PAGE_READONLY: what the pages must go on to allow." },
    { 0 },
};

enum {
    SECURE_IRQL, SECURE_DISCOURAGED, SECURE_MODE, SECURE_SIZE, SECURE_RANGE, SECURE_COMMITTED,
    SECURE_PROTECTION
};
static const struct failure MmSecureVirtualMemory_failures[] = {
    [SECURE_IRQL] = { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "IrqlMmApcLte",
                      .is_irql = true, .irql_max = 1, .doc = "The IRQL is above APC_LEVEL." },
    [SECURE_DISCOURAGED] = { .name = "discouraged", .then = THEN_PERFORMED,
                             .rule = "discouraged_routine", .advice = true,
                             .doc = "The page advises against the routine." },
    [SECURE_MODE] = { .name = "bad-probe-mode", .then = THEN_FAILS,
                      PARAMETER_INVALID("ProbeMode is neither PAGE_READWRITE nor PAGE_READONLY.") },
    [SECURE_SIZE] = { .name = "zero-size", .then = THEN_FAILS, .doc = "Size is 0.",
                      .source = "inferred: a range of no page" },
    [SECURE_RANGE] = { .name = "not-user-range", .then = THEN_FAILS,
                       .doc = "The range leaves the user addresses of the current process." },
    [SECURE_COMMITTED] = { .name = "not-committed", .then = THEN_FAILS,
                           .doc = "A page of the range is not committed." },
    [SECURE_PROTECTION] = { .name = "bad-protection", .then = THEN_FAILS,
                            .doc = "A page of the range does not allow what ProbeMode asks for." },
    { 0 },
};

static bool area_permits(const struct area *a, uint32_t mode)
{
    if (a->protect & PROT_GUARD) return false;
    return protect_permits(a->protect, mode == PROT_READWRITE ? ACCESS_WRITE : ACCESS_READ);
}

/* Walks the areas of [first, end); rows SECURE_COMMITTED and SECURE_PROTECTION. */
static bool areas_end(struct kernel *k, const struct process *p, uint64_t first, uint64_t end,
                      uint32_t mode)
{
    for (uint64_t page = first; page < end;) {
        const struct area *a = space_area_at(p, va(page * PAGE_BYTES));
        charge(k->hw, COST_VAD, 1);
        if ((a == NULL || !a->committed) && fails(k, SECURE_COMMITTED)) return true;
        if (!area_permits(a, mode) && fails(k, SECURE_PROTECTION)) return true;
        page = a->first_page + a->page_count;
    }
    return false;
}

/* A slot for a new promise. Handles of the last ones, once dead, are given out again. */
static struct secure *secure_new(struct mm *mm)
{
    while (mm->secure_count > 0 && !mm->secures[mm->secure_count - 1].live) mm->secure_count--;
    mm->secures = mem_grow(mm->from, mm->secures, &mm->secure_capacity, mm->secure_count + 1,
                           sizeof *mm->secures);
    return &mm->secures[mm->secure_count++];
}

static struct outcome MmSecureVirtualMemory_run(struct kernel *k, void *args)
{
    const struct MmSecureVirtualMemory_args *a = args;
    const struct process *p = k->mm->current;
    uint64_t start = a->address.v, last, mode = a->probe_mode;
    if (fails(k, SECURE_DISCOURAGED)) return k->outcome;
    if (mode != PROT_READWRITE && mode != PROT_READONLY && fails(k, SECURE_MODE)) return k->outcome;
    if (a->size == 0 && fails(k, SECURE_SIZE)) return k->outcome;
    bool fits = p != NULL && add_fits(start, a->size - 1, &last) &&
                last <= k->mm->config->highest_user.v;
    if (!fits) {
        fails(k, SECURE_RANGE);
        return k->outcome;
    }
    uint64_t first = start / PAGE_BYTES, end = last / PAGE_BYTES + 1;
    if (areas_end(k, p, first, end, a->probe_mode)) return k->outcome;
    struct secure *s = secure_new(k->mm);
    *s = (struct secure){ .first_page = first, .page_count = end - first, .process = p->id,
                          .mode = a->probe_mode, .live = true, .seq = (uint32_t)k->seq,
                          .line = k->line };
    charge(k->hw, COST_VAD, 1);
    return returns_value(k, value_int((uint64_t)(s - k->mm->secures) + 1));
}

const struct routine MmSecureVirtualMemory = {
    .name = "MmSecureVirtualMemory", .header = "ntddk.h",
    .doc = "Keeps a range of user memory from being freed or given a weaker protection.",
    .result = RESULT_HANDLE, .result_doc = "A handle for MmUnsecureVirtualMemory, or NULL.",
    .irql_max = 1, .args = MmSecureVirtualMemory_args,
    .args_bytes = sizeof(struct MmSecureVirtualMemory_args),
    .failures = MmSecureVirtualMemory_failures, .run = MmSecureVirtualMemory_run,
    .page = "MmSecureVirtualMemory",
    .notes = "The pages are not made resident; only their protection is looked at. "
             "PAGE_WRITECOPY allows writing. Guard pages count as weaker (inferred). Handles are "
             "small numbers.",
    .left_out = "The release at the exit of the process: processes do not exit.",
};

/* ---- MmUnsecureVirtualMemory ---- */

struct MmUnsecureVirtualMemory_args {
    uint64_t secure_handle;
};

static const struct field MmUnsecureVirtualMemory_args[] = {
    { ROW_HEX(struct MmUnsecureVirtualMemory_args, secure_handle, "SecureHandle"),
      .doc = "Handle of MmSecureVirtualMemory." },
    { 0 },
};

enum { UNSECURE_IRQL, UNSECURE_UNKNOWN, UNSECURE_PROCESS };
static const struct failure MmUnsecureVirtualMemory_failures[] = {
    [UNSECURE_IRQL] = { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "IrqlMmApcLte",
                        .is_irql = true, .irql_max = 1, .doc = "The IRQL is above APC_LEVEL." },
    [UNSECURE_UNKNOWN] = { .name = "unknown-handle", .then = THEN_STOPS,
                           .code = BC_MEMORY_MANAGEMENT, .p1 = 0x15001,
                           .rule = "unsecure_unknown_handle",
                           .doc = "The handle secures nothing, or no longer.",
                           .source = "Bug Check 0x1A" },
    [UNSECURE_PROCESS] = { .name = "other-process", .then = THEN_STOPS,
                           .code = BC_MEMORY_MANAGEMENT, .p1 = 0x15000,
                           .rule = "unsecure_wrong_process",
                           .doc = "The memory belongs to another process than the current one.",
                           .source = "Bug Check 0x1A" },
    { 0 },
};

static struct outcome MmUnsecureVirtualMemory_run(struct kernel *k, void *args)
{
    const struct MmUnsecureVirtualMemory_args *a = args;
    struct mm *mm = k->mm;
    uint64_t h = a->secure_handle;
    struct secure *s = h == 0 || h > mm->secure_count ? NULL : &mm->secures[h - 1];
    if (s == NULL || !s->live) {
        ends(k, UNSECURE_UNKNOWN, P(0, 0, 0), P(h, 0, 0));
        return k->outcome;
    }
    if (mm->current == NULL || mm->current->id != s->process) {
        ends(k, UNSECURE_PROCESS, P(0, 0, 0), P(h, s->first_page * PAGE_BYTES, 0));
        return k->outcome;
    }
    charge(k->hw, COST_VAD, 1);
    s->live = false;
    return returns_void(k);
}

const struct routine MmUnsecureVirtualMemory = {
    .name = "MmUnsecureVirtualMemory", .header = "ntddk.h",
    .doc = "Undoes MmSecureVirtualMemory, in the same process.",
    .result = RESULT_VOID, .result_doc = "Nothing.", .irql_max = 1,
    .args = MmUnsecureVirtualMemory_args, .args_bytes = sizeof(struct MmUnsecureVirtualMemory_args),
    .failures = MmUnsecureVirtualMemory_failures, .run = MmUnsecureVirtualMemory_run,
    .page = "MmUnsecureVirtualMemory",
    .notes = "Of the two codes of the bug check 0x1A, 0x15000 stands for another process and "
             "0x15001 for a handle that secures nothing (inferred).",
    .left_out = "Nothing.",
};
