/* MDLs formatted in memory: MmInitializeMdl and MmCreateMdl. */
#include "base/check.h"
#include "nt/kernel.h"
#include "nt/mdl_pool.h"

/* ---- formatting a header in the caller's memory ---- */

enum { HEADER_RAISES, HEADER_STOPS, HEADER_TOO_SMALL, HEADER_PAGEABLE, HEADER_IN_USE,
       HEADER_ROW_COUNT };
#define HEADER_ROWS(base)                                                                          \
    [(base) + HEADER_RAISES] = {                                                                   \
        .name = "memory-raises", .then = THEN_RAISES, .code = ST_ACCESS_VIOLATION,                 \
        .doc = "Writing the header raises, as any write of the driver to that address would.",     \
        .source = "inferred: it is the driver's own write" },                                      \
    [(base) + HEADER_STOPS] = {                                                                    \
        .name = "memory-stops", .then = THEN_STOPS, .code = BC_PAGE_FAULT_IN_NONPAGED_AREA,        \
        .doc = "Writing the header stops the system, as any write of the driver to that address "  \
               "would.",                                                                           \
        .source = "inferred: it is the driver's own write" },                                      \
    [(base) + HEADER_TOO_SMALL] = {                                                                \
        .name = "memory-too-small", .then = THEN_REFUSED, .rule = "mdl_memory_too_small",          \
        .doc = "The memory lies in a pool region, but not with all its bytes in one live block "   \
               "of the caller's." },                                                               \
    [(base) + HEADER_PAGEABLE] = {                                                                 \
        .name = "memory-pageable", .then = THEN_PERFORMED, .rule = "mdl_memory_pageable",          \
        .doc = "The memory is not nonpaged." },                                                    \
    [(base) + HEADER_IN_USE] = {                                                                   \
        .name = "mdl-in-use", .then = THEN_PERFORMED, .rule = "mdl_reinitialized_in_use",          \
        .doc = "An MDL is there already that holds page locks, pages or a mapping.",               \
        .source = "inferred: the flags that tell of them are cleared" }

struct header {
    va_t at;
    uint64_t base, length;
};

static uint64_t header_bytes(const struct kernel *k, const struct header *h)
{
    return mdl_size_bytes(k->mm, span_pages(h->base, h->length));
}

/* The row of memory in a pool region that will not do; HEADER_ROW_COUNT when it will. */
static unsigned pool_memory_row(struct kernel *k, const struct header *h, enum pool_kind kind)
{
    const struct pool_block *block = pool_holding(k->mm, h->at);
    if (block == NULL) return HEADER_TOO_SMALL;
    uint64_t before = h->at.v - block->at.v, bytes = header_bytes(k, h);
    const struct mdl *old = mdl_at(k->mm, mdl_by_address(k->mm, h->at));
    if (block->internal) {
        bool fits = old != NULL && span_pages(h->base, h->length) <= old->slots;
        return fits ? HEADER_ROW_COUNT : HEADER_TOO_SMALL;
    }
    if (before >= block->bytes || bytes > block->bytes - before) return HEADER_TOO_SMALL;
    return kind == POOL_PAGED ? HEADER_PAGEABLE : HEADER_ROW_COUNT;
}

/* The macro is the driver's own code, whose page faults at a raised IRQL have a bug check of their
 * own. */
static void fault_of_driver(const struct kernel *k, struct touch *t)
{
    if (k->routine->is_macro && t->end == TOUCH_STOPS && t->stop.code == BC_IRQL_NOT_LESS_OR_EQUAL)
        t->stop.code = BC_DRIVER_IRQL_NOT_LESS_OR_EQUAL;
}

/* Makes the page of an address resident and asks whether it can be written. */
static struct touch write_header(struct kernel *k, va_t at)
{
    pfn_t f;
    struct touch t = mm_fault_in(k->mm, at, ACCESS_WRITE, false, &f);
    fault_of_driver(k, &t);
    bool is_system = at.v > k->mm->config->highest_user.v;
    if (t.end != TOUCH_OK || !is_system || (t.entry & PTE_WRITE) != 0) return t;
    return (struct touch){ .end = TOUCH_STOPS,
                           .stop = { BC_ATTEMPTED_WRITE_TO_READONLY_MEMORY, { at.v, t.entry } } };
}

/* Memory outside the pools: it must be there. Stacks and user memory can be paged. */
static bool other_memory_ends(struct kernel *k, unsigned base, const struct header *h)
{
    const struct mm_config *config = k->mm->config;
    uint64_t pages = span_pages(h->at.v, header_bytes(k, h));
    for (uint64_t i = 0; i < pages; i++) {
        va_t at = i == 0 ? h->at : va_add(va_page(h->at), i * PAGE_BYTES);
        struct touch t = write_header(k, at);
        if (t.end == TOUCH_OK) continue;
        bool is_stop = t.end == TOUCH_STOPS;
        CHECK(fails(k, base + (is_stop ? HEADER_STOPS : HEADER_RAISES)));
        if (is_stop) k->outcome.stop = t.stop;
        else k->outcome.status = t.status;
        return true;
    }
    bool is_stack = h->at.v >= config->stack_base.v && h->at.v < k->mm->next_stack.v;
    bool is_user = h->at.v <= config->highest_user.v;
    return (is_stack || is_user) && fails(k, base + HEADER_PAGEABLE);
}

static bool header_ends(struct kernel *k, unsigned base, const struct header *h)
{
    enum pool_kind kind;
    if (!pool_owns(k->mm, h->at, &kind)) {
        if (other_memory_ends(k, base, h)) return true;
    } else {
        unsigned row = pool_memory_row(k, h, kind);
        if (row != HEADER_ROW_COUNT && fails(k, base + row)) return true;
    }
    const struct mdl *old = mdl_at(k->mm, mdl_by_address(k->mm, h->at));
    return old != NULL && mdl_holds(old) && fails(k, base + HEADER_IN_USE);
}

/* What the macro writes; Process, MappedSystemVa and the frame numbers stay as they were. */
static void reformat(struct kernel *k, struct mdl *m, const struct header *h)
{
    mdl_lose(k, m);
    m->next = 0;
    m->size = (uint16_t)header_bytes(k, h);
    m->flags = 0;
    m->start_va = va_page(va(h->base));
    m->byte_offset = (uint32_t)va_offset(va(h->base));
    m->byte_count = (uint32_t)h->length;
    m->parent = 0;
    m->lock_seq = m->lock_line = 0;
}

/* Formats the header. An MDL that is there already stays the same object, since it is the same
 * memory. */
static struct outcome format(struct kernel *k, const struct header *h)
{
    uint64_t pages = span_pages(h->base, h->length);
    struct mdl *m = mdl_at(k->mm, mdl_by_address(k->mm, h->at));
    if (m != NULL && pages <= m->slots) {
        reformat(k, m, h);
    } else {
        if (m != NULL) mdl_lose_all(k, m);
        m = mdl_at(k->mm, mdl_new(k->mm, h->at, MEMORY_CALLER, h->base, h->length, pages));
        m->made_seq = (uint32_t)k->seq;
        m->made_line = k->line;
    }
    mdl_changed(k, m, false);
    return returns_mdl(k, m->id);
}

/* ---- MmInitializeMdl ---- */

struct MmInitializeMdl_args {
    va_t memory_descriptor_list, base_va;
    uint64_t length;
};

static const struct field MmInitializeMdl_args[] = {
    { ROW_VA(struct MmInitializeMdl_args, memory_descriptor_list, "MemoryDescriptorList"),
      .flags = FIELD_NULLABLE, .doc = "Memory of the caller, nonpaged, MmSizeOfMdl bytes." },
    { ROW_VA(struct MmInitializeMdl_args, base_va, "BaseVa"), .flags = FIELD_NULLABLE,
      .doc = "Start of the buffer; only stored." },
    { ROW_SIZE(struct MmInitializeMdl_args, length, "Length"), .max = UINT32_MAX,
      .doc = "Bytes of the buffer." },
    { 0 },
};

enum { INITIALIZE_IRQL, INITIALIZE_HEADER };
static const struct failure MmInitializeMdl_failures[] = {
    [INITIALIZE_IRQL] = { .name = "irql-too-high", .doc = "The IRQL is above DISPATCH_LEVEL.",
                          .then = THEN_REFUSED, .rule = "irql_above_limit", .is_irql = true,
                          .irql_max = DISPATCH_LEVEL },
    HEADER_ROWS(INITIALIZE_HEADER),
    { 0 },
};

static struct outcome MmInitializeMdl_run(struct kernel *k, void *args)
{
    const struct MmInitializeMdl_args *a = args;
    struct header h = { a->memory_descriptor_list, a->base_va.v, a->length };
    if (header_ends(k, INITIALIZE_HEADER, &h)) return k->outcome;
    return format(k, &h);
}

const struct routine MmInitializeMdl = {
    .name = "MmInitializeMdl",
    .header = "wdm.h",
    .doc = "Formats memory of the caller as the header of an MDL.",
    .result = RESULT_MDL,
    .result_doc = "Nothing on Windows; `as` binds the MDL that it formats.",
    .irql_max = DISPATCH_LEVEL,
    .args = MmInitializeMdl_args,
    .args_bytes = sizeof(struct MmInitializeMdl_args),
    .failures = MmInitializeMdl_failures,
    .run = MmInitializeMdl_run,
    .is_macro = true,
    .page = "MmInitializeMdl macro (wdm.h)",
    .notes = "An MDL that is there already stays the same object, with its Process, "
             "MappedSystemVa and frame numbers; locks, pages and mappings that it held are lost. "
             "The same holds for an MDL of IoAllocateMdl, which IoFreeMdl still frees.",
    .left_out = "The bytes of the header cannot be read or written by memory accesses.",
};

/* ---- MmCreateMdl ---- */

struct MmCreateMdl_args {
    va_t memory_descriptor_list, base;
    uint64_t length;
};

static const struct field MmCreateMdl_args[] = {
    { ROW_VA(struct MmCreateMdl_args, memory_descriptor_list, "MemoryDescriptorList"),
      .flags = FIELD_NULLABLE, .doc = "Memory of the caller, or NULL: the routine allocates." },
    { ROW_VA(struct MmCreateMdl_args, base, "Base"), .flags = FIELD_NULLABLE,
      .doc = "Start of the buffer; only stored." },
    { ROW_SIZE(struct MmCreateMdl_args, length, "Length"), .max = UINT32_MAX,
      .doc = "Bytes of the buffer." },
    { 0 },
};

enum { CREATE_IRQL, CREATE_OBSOLETE, CREATE_NO_POOL, CREATE_HEADER };
static const struct failure MmCreateMdl_failures[] = {
    [CREATE_IRQL] = { .name = "irql-too-high",
                      .doc = "The routine is to allocate, and the IRQL is above APC_LEVEL.",
                      .then = THEN_REFUSED, .rule = "irql_above_limit", .is_irql = true,
                      .by_routine = true, .irql_max = APC_LEVEL,
                      .source = "help of the Windows NT 4.0 DDK" },
    [CREATE_OBSOLETE] = { .name = "obsolete", .doc = "The routine is obsolete.",
                          .then = THEN_PERFORMED, .rule = "obsolete_routine", .advice = true,
                          .rule_what = "The obsolete MmCreateMdl was called; IoAllocateMdl "
                                       "replaces it.",
                          .source = "list of obsolete routines" },
    [CREATE_NO_POOL] = { .name = "no-pool", .doc = "Nonpaged pool is used up.",
                         .then = THEN_FAILS, .source = "inferred: as IoAllocateMdl" },
    HEADER_ROWS(CREATE_HEADER),
    { 0 },
};

static struct outcome MmCreateMdl_run(struct kernel *k, void *args)
{
    const struct MmCreateMdl_args *a = args;
    struct header h = { a->memory_descriptor_list, a->base.v, a->length };
    if (h.at.v == 0 && k->mm->irql > APC_LEVEL && fails(k, CREATE_IRQL)) return k->outcome;
    if (fails(k, CREATE_OBSOLETE)) return k->outcome;
    if (h.at.v != 0) return header_ends(k, CREATE_HEADER, &h) ? k->outcome : format(k, &h);
    uint64_t pages = span_pages(h.base, h.length);
    if (!mdl_pool_allocate(k, pages, &h.at) && fails(k, CREATE_NO_POOL)) return k->outcome;
    const struct mdl *m =
        mdl_made(k, mdl_new(k->mm, h.at, MEMORY_POOL_MDL, h.base, h.length, pages));
    mdl_changed(k, m, false);
    return returns_mdl(k, m->id);
}

const struct routine MmCreateMdl = {
    .name = "MmCreateMdl",
    .header = "ntddk.h",
    .doc = "Allocates an MDL, or formats memory of the caller as one. Obsolete.",
    .result = RESULT_MDL,
    .result_doc = "The MDL, or NULL.",
    .irql_max = IRQL_ANY,
    .args = MmCreateMdl_args,
    .args_bytes = sizeof(struct MmCreateMdl_args),
    .failures = MmCreateMdl_failures,
    .run = MmCreateMdl_run,
    .page = "none: obsolete, replaced by IoAllocateMdl",
    .notes = "An MDL that it allocated is a pool block: ExFreePool frees it (inferred).",
    .left_out = "The bytes of the header cannot be read or written by memory accesses.",
};
