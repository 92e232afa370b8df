/* Locking and unlocking the pages behind an MDL: MmProbeAndLock*Pages, MmUnlockPages. */
#include "nt/mm_lock.h"

#include "base/check.h"
#include "mm/mdl_state.h"
#include "nt/kernel.h"
#include "nt/mdl_pool.h"

enum { USER_MODE = 1 };
enum { IO_READ_ACCESS = 0 };

/* ---- what the three routines share ---- */

/* Rows by their place in LOCK_ROWS, which each routine has after rows of its own. */
enum { LOCK_RANGE, LOCK_ACCESS, LOCK_GUARD, LOCK_NO_MEMORY, LOCK_NO_POOL, LOCK_NOT_RESIDENT,
       LOCK_NOTHING_THERE, LOCK_NOT_CANONICAL, LOCK_FREE_FRAME, LOCK_NOT_RAM, LOCK_PAGEABLE };

/* In the order in which they are met. */
#define LOCK_ROWS(base)                                                                            \
    [(base) + LOCK_RANGE] = {                                                                      \
        .name = "outside-user-space", .then = THEN_RAISES, .code = ST_ACCESS_VIOLATION,            \
        .doc = "AccessMode is UserMode and the range is empty, wraps or leaves user space.",       \
        .source = "inferred: the page says only which mode is probed" },                           \
    [(base) + LOCK_ACCESS] = {                                                                     \
        .name = "access-violation", .then = THEN_RAISES, .code = ST_ACCESS_VIOLATION,              \
        .doc = "A page is not committed, or does not permit the operation." },                     \
    [(base) + LOCK_GUARD] = {                                                                      \
        .name = "guard-page", .then = THEN_RAISES, .code = ST_GUARD_PAGE_VIOLATION,                \
        .doc = "A page is a guard page; it is none from then on.",                                 \
        .source = "the page says \"or other exceptions\"" },                                       \
    [(base) + LOCK_NO_MEMORY] = {                                                                  \
        .name = "no-free-frame", .then = THEN_RAISES, .code = ST_NO_MEMORY,                        \
        .doc = "No frame is free for a page that nobody touched before.",                          \
        .source = "the page says \"or other exceptions\"" },                                       \
    [(base) + LOCK_NO_POOL] = {                                                                    \
        .name = "no-free-frame-for-pool", .then = THEN_RAISES, .code = ST_INSUFFICIENT_RESOURCES,  \
        .doc = "No frame is free for a page of paged pool that nobody touched before.",            \
        .source = "the page says \"or other exceptions\"" },                                       \
    [(base) + LOCK_NOT_RESIDENT] = {                                                               \
        .name = "not-resident-at-dispatch", .then = THEN_STOPS,                                    \
        .code = BC_IRQL_NOT_LESS_OR_EQUAL,                                                         \
        .doc = "A page is not resident, and the IRQL forbids page faults.",                        \
        .source = "Bug Check 0xA" },                                                               \
    [(base) + LOCK_NOTHING_THERE] = {                                                              \
        .name = "nothing-mapped", .then = THEN_STOPS, .code = BC_PAGE_FAULT_IN_NONPAGED_AREA,      \
        .doc = "A system address maps nothing.", .source = "Bug Check 0x50" },                     \
    [(base) + LOCK_NOT_CANONICAL] = {                                                              \
        .name = "not-canonical", .then = THEN_STOPS, .code = BC_KMODE_EXCEPTION_NOT_HANDLED,       \
        .doc = "An address is none that the processor can translate.",                             \
        .source = "Bug Check 0x1E; inferred: nothing handles the processor's exception" },         \
    [(base) + LOCK_FREE_FRAME] = {                                                                 \
        .name = "free-frame", .then = THEN_STOPS, .code = BC_PFN_LIST_CORRUPT, .p1 = 0x99,         \
        .doc = "A mapping that outlived its pages shows a frame that is free.",                    \
        .source = "Bug Check 0x4E; inferred: locking takes a reference to a listed frame" },       \
    [(base) + LOCK_NOT_RAM] = {                                                                    \
        .name = "not-ram", .then = THEN_PERFORMED, .rule = "C4-6F",                                \
        .doc = "A page is not in the frame database: device memory. MDL_IO_SPACE is set.",         \
        .source = "Bug Check 0xC4; inferred: without a verifier it is locked all the same" }

#define PAGEABLE_ROW(base)                                                                         \
    [(base) + LOCK_PAGEABLE] = {                                                                   \
        .name = "pageable-at-dispatch", .then = THEN_PERFORMED, .rule = "pageable_at_dispatch",    \
        .doc = "The IRQL is DISPATCH_LEVEL and the memory pageable, though resident now." }

/* Pages to lock: one range, or one page a segment. */
struct lock_request {
    struct mdl *mdl;
    uint32_t mode, operation;
    const struct list_arg *segments; /* NULL: the range that the MDL describes */
    unsigned rows;                   /* where LOCK_ROWS begin */
};

static va_t page_address(const struct lock_request *r, uint64_t i)
{
    if (r->segments != NULL) return va(r->segments->entries[i][0]);
    return va_add(r->mdl->start_va, i * PAGE_BYTES);
}

static bool is_user(const struct kernel *k, va_t at)
{
    return at.v <= k->mm->config->highest_user.v;
}

static bool is_pageable(const struct kernel *k, va_t at)
{
    enum pool_kind kind;
    return is_user(k, at) || (pool_owns(k->mm, at, &kind) && kind == POOL_PAGED);
}

/* UserMode: [start, start + bytes) is not empty, does not wrap and stays below
 * MmUserProbeAddress. */
static bool range_is_user(const struct kernel *k, va_t start, uint64_t bytes)
{
    uint64_t end;
    return bytes > 0 && add_fits(start.v, bytes, &end) && end <= k->mm->config->user_probe.v;
}

static bool ranges_are_user(const struct kernel *k, const struct lock_request *r)
{
    if (r->segments == NULL) return range_is_user(k, mdl_va(r->mdl), r->mdl->byte_count);
    uint64_t pages = mdl_page_count(r->mdl);
    for (uint64_t i = 0; i < pages; i++)
        if (!range_is_user(k, page_address(r, i), PAGE_BYTES)) return false;
    return pages > 0;
}

/* The row that tells how a page could not be had. */
static unsigned touch_row(const struct touch *t)
{
    uint32_t code = t->end == TOUCH_RAISES ? t->status : t->stop.code;
    switch (code) {
    case ST_ACCESS_VIOLATION: return LOCK_ACCESS;
    case ST_GUARD_PAGE_VIOLATION: return LOCK_GUARD;
    case ST_NO_MEMORY: return LOCK_NO_MEMORY;
    case ST_INSUFFICIENT_RESOURCES: return LOCK_NO_POOL;
    case BC_IRQL_NOT_LESS_OR_EQUAL: return LOCK_NOT_RESIDENT;
    case BC_PAGE_FAULT_IN_NONPAGED_AREA: return LOCK_NOTHING_THERE;
    case BC_KMODE_EXCEPTION_NOT_HANDLED: return LOCK_NOT_CANONICAL;
    default: BUG2("a page fails in a way that no row names", code, t->end);
    }
}

/* Runs are looked for while a piece of this many numbers is at hand. */
enum { PIECE_PAGES = 4096 };

/* Frames of all pages into the MDL, each made resident and fit for the operation. Returns how many
 * were had before the first that failed. */
static uint64_t fault_in(struct kernel *k, const struct lock_request *r, struct touch *failed)
{
    struct mdl *m = r->mdl;
    uint64_t pages = mdl_page_count(m), done = 0, *pfns = mdl_pfns(m);
    uint64_t most = r->segments == NULL ? PIECE_PAGES : 1;
    enum access_type type = r->operation == IO_READ_ACCESS ? ACCESS_READ : ACCESS_WRITE;
    while (done < pages) {
        uint64_t n = pages - done < most ? pages - done : most;
        uint64_t had = mm_fault_in_range(k->mm, page_address(r, done), n, type,
                                         r->mode == USER_MODE, pfns + done, failed);
        done += had;
        frames_find_runs(&m->runs, pfns, (uint32_t)done);
        if (had < n) break;
    }
    return done;
}

/* The first frame that is device memory, and the first that is on a list; NULL when none is. */
struct odd_frames {
    const uint64_t *outside, *free;
};

static struct odd_frames find_odd_frames(struct kernel *k, const struct frame_row *row)
{
    struct odd_frames odd = { NULL, NULL };
    for (uint64_t i = 0; (i = frames_in_use(k->mm, row, i)) < row->count; i++) {
        const uint64_t *here = &row->pfns[i];
        const uint64_t **first = frame_in_ram(k->mm, pfn(*here)) ? &odd.free : &odd.outside;
        if (*first == NULL) *first = here;
    }
    return odd;
}

static void frames_hold(struct mm *mm, const struct frame_row *row, bool is_io)
{
    if (!is_io) frames_lock(mm, row);
    for (uint64_t i = 0; is_io && i < row->count; i++) {
        pfn_t f = pfn(row->pfns[i]);
        if (frame_in_ram(mm, f)) frame_lock(mm, f);
        else frame_io_hold(mm, f);
    }
}

uint64_t frames_drop(struct mm *mm, struct frame_row row)
{
    for (uint64_t i = 0; (i = frames_unlock(mm, &row, i)) < row.count; i++) {
        if (map_at(&mm->frames.io_references, row.pfns[i]) == 0) return i;
        frame_io_drop(mm, pfn(row.pfns[i]));
    }
    return row.count;
}

/* Page `done` failed: the pages before it were locked one by one and are unlocked again. */
static struct outcome undo(struct kernel *k, const struct lock_request *r, uint64_t done,
                           bool is_io, const struct touch *failed)
{
    struct mdl *m = r->mdl;
    lock_enter(k->mm, LOCK_PFN, &k->mm->pfn_lock);
    struct frame_row row = mdl_frames(m, done);
    frames_hold(k->mm, &row, is_io);
    CHECK(frames_drop(k->mm, row) == done);
    lock_leave(k->mm, LOCK_PFN, &k->mm->pfn_lock);
    uint64_t *pfns = mdl_pfns(m);
    for (uint64_t i = 0; i < m->slots; i++) pfns[i] = PFN_NONE.v;
    m->process = 0;
    mdl_changed(k, m, true);
    CHECK(fails(k, r->rows + touch_row(failed)));
    if (failed->end == TOUCH_STOPS) k->outcome.stop = failed->stop;
    return k->outcome;
}

static void become_locked(struct kernel *k, const struct lock_request *r, bool is_io)
{
    struct mdl *m = r->mdl;
    uint64_t pages = mdl_page_count(m);
    struct frame_row row = mdl_frames(m, pages);
    struct process *p = k->mm->current;
    lock_enter(k->mm, LOCK_PFN, &k->mm->pfn_lock);
    frames_hold(k->mm, &row, is_io);
    lock_leave(k->mm, LOCK_PFN, &k->mm->pfn_lock);
    unsigned flags = (m->flags | MDL_PAGES_LOCKED) & ~(unsigned)MDL_WRITE_OPERATION;
    if (r->operation != IO_READ_ACCESS) flags |= MDL_WRITE_OPERATION;
    if (is_io) flags |= MDL_IO_SPACE;
    m->flags = (uint16_t)flags;
    m->builder = BUILDER_LOCKED;
    m->pfns_written = false;
    m->locked_pages = (uint32_t)pages;
    bool user = p != NULL && pages > 0 && is_user(k, page_address(r, 0));
    m->process = user ? p->object.v : 0;
    m->lock_process = user ? p->id : 0;
    if (user) gauge_add(&p->locked_pages, pages, hw_now(k->hw));
    m->lock_seq = (uint32_t)k->seq;
    m->lock_line = k->line;
    mdl_changed(k, m, true);
}

static bool not_ram_ends(struct kernel *k, const struct lock_request *r, uint64_t frame)
{
    uint64_t highest = phys_ram_end(&k->hw->phys).v - 1;
    return ends(k, r->rows + LOCK_NOT_RAM, P(r->mdl->address.v, frame, highest), P(0, 0, 0));
}

/* Everything but the checks of IRQL and state, in the order of LOCK_ROWS. */
static struct outcome lock_pages(struct kernel *k, const struct lock_request *r)
{
    struct mdl *m = r->mdl;
    struct touch failed;
    uint64_t pages = mdl_page_count(m);
    CHECK2(pages <= m->slots, pages, m->slots);
    if (r->mode == USER_MODE && !ranges_are_user(k, r)) {
        if (m->slots > 0) mdl_pfns(m)[0] = PFN_NONE.v;
        CHECK(fails(k, r->rows + LOCK_RANGE));
        return k->outcome;
    }
    if (m->locked_pages > 0) mdl_lose(k, m); /* the driver cleared the flag by hand */
    uint64_t done = fault_in(k, r, &failed);
    struct frame_row row = mdl_frames(m, done);
    struct odd_frames odd = find_odd_frames(k, &row);
    if (odd.free != NULL && ends(k, r->rows + LOCK_FREE_FRAME, P(0, 0, 0), P(*odd.free, 0, 0)))
        return k->outcome;
    if (done < pages) return undo(k, r, done, odd.outside != NULL, &failed);
    if (odd.outside != NULL && not_ram_ends(k, r, *odd.outside)) return k->outcome;
    /* The page of MmProbeAndLockSelectedPages forbids DISPATCH_LEVEL whatever the memory. */
    bool asks = k->mm->irql >= DISPATCH_LEVEL && r->segments == NULL && pages > 0;
    if (asks && is_pageable(k, page_address(r, 0)) && fails(k, r->rows + LOCK_PAGEABLE))
        return k->outcome;
    become_locked(k, r, odd.outside != NULL);
    return returns_void(k);
}

/* ---- MmProbeAndLockPages ---- */

enum { PAGES_IRQL, PAGES_STATE, PAGES_ROWS };

struct MmProbeAndLockPages_args { uint32_t memory_descriptor_list, access_mode, operation; };

static const struct field MmProbeAndLockPages_args[] = {
    { ROW_MDL(struct MmProbeAndLockPages_args, memory_descriptor_list, "MemoryDescriptorList"),
      .doc = "The MDL, not locked." },
    { ROW_NAME(struct MmProbeAndLockPages_args, access_mode, "AccessMode", access_modes),
      .doc = "UserMode refuses addresses outside user space." },
    { ROW_NAME(struct MmProbeAndLockPages_args, operation, "Operation", lock_operations),
      .doc = "What the driver will do with the pages." },
    { 0 },
};

static const struct failure MmProbeAndLockPages_failures[] = {
    [PAGES_IRQL] = { .name = "irql-too-high", .doc = "The IRQL is above DISPATCH_LEVEL.",
                     .then = THEN_REFUSED, .rule = "C4-70", .is_irql = true,
                     .irql_max = DISPATCH_LEVEL },
    [PAGES_STATE] = { .name = "mdl-not-lockable",
                      .doc = "The MDL is locked, or has its frames from elsewhere.",
                      .then = THEN_REFUSED, .rule = "C4-B0" },
    LOCK_ROWS(PAGES_ROWS),
    PAGEABLE_ROW(PAGES_ROWS),
    { 0 },
};

static struct outcome MmProbeAndLockPages_run(struct kernel *k, void *args)
{
    const struct MmProbeAndLockPages_args *a = args;
    struct lock_request r = { .mdl = kernel_mdl(k, a->memory_descriptor_list),
                              .mode = a->access_mode, .operation = a->operation,
                              .rows = PAGES_ROWS };
    if (state_ends(k, OP_LOCK, r.mdl)) return k->outcome;
    return lock_pages(k, &r);
}

const struct routine MmProbeAndLockPages = {
    .name = "MmProbeAndLockPages",
    .header = "wdm.h",
    .doc = "Makes the pages of a buffer resident, checks that they permit the operation, and locks "
           "them in memory.",
    .result = RESULT_VOID,
    .irql_max = DISPATCH_LEVEL,
    .args = MmProbeAndLockPages_args,
    .args_bytes = sizeof(struct MmProbeAndLockPages_args),
    .failures = MmProbeAndLockPages_failures,
    .run = MmProbeAndLockPages_run,
    .page = "MmProbeAndLockPages function (wdm.h)",
    .notes = "An MDL of 0 bytes: UserMode raises, as for any empty range; KernelMode locks the 0 "
             "or 1 pages that its address spans (inferred). System addresses are not asked for "
             "write permission. Pages of one MDL that repeat are locked once each. When page k "
             "raises, the k pages before it were locked and are unlocked; the MDL is not locked "
             "then, and its Process is NULL.",
    .left_out = "Driver Verifier's low-resources simulation; quota and in-page errors. Dirty "
                "state: the model has no modified page writer.",
};

/* ---- MmProbeAndLockSelectedPages ---- */

struct MmProbeAndLockSelectedPages_args {
    uint32_t memory_descriptor_list, access_mode, operation;
    struct list_arg segment_array;
};

static const struct field MmProbeAndLockSelectedPages_args[] = {
    { ROW_MDL(struct MmProbeAndLockSelectedPages_args, memory_descriptor_list,
              "MemoryDescriptorList"),
      .doc = "The MDL, not locked." },
    { ROW_LIST(struct MmProbeAndLockSelectedPages_args, segment_array, "SegmentArray"),
      .doc = "Addresses of pages, one for each page that the MDL spans." },
    { ROW_NAME(struct MmProbeAndLockSelectedPages_args, access_mode, "AccessMode", access_modes),
      .doc = "UserMode refuses addresses outside user space." },
    { ROW_NAME(struct MmProbeAndLockSelectedPages_args, operation, "Operation", lock_operations),
      .doc = "What the driver will do with the pages." },
    { 0 },
};

enum { SELECTED_IRQL, SELECTED_IRQL_PAGE, SELECTED_STATE, SELECTED_TOO_FEW, SELECTED_NOT_ALIGNED,
       SELECTED_ROWS };
static const struct failure MmProbeAndLockSelectedPages_failures[] = {
    [SELECTED_IRQL] = { .name = "irql-above-dispatch", .doc = "The IRQL is above DISPATCH_LEVEL.",
                        .then = THEN_REFUSED, .rule = "C4-72", .is_irql = true,
                        .irql_max = DISPATCH_LEVEL },
    [SELECTED_IRQL_PAGE] = { .name = "irql-above-page", .doc = "The IRQL is DISPATCH_LEVEL.",
                             .then = THEN_PERFORMED, .rule = "irql_above_limit", .is_irql = true,
                             .irql_max = APC_LEVEL, .irql_top = DISPATCH_LEVEL },
    [SELECTED_STATE] = { .name = "mdl-not-lockable",
                         .doc = "The MDL is locked, or has its frames from elsewhere.",
                         .then = THEN_REFUSED, .rule = "C4-B0",
                         .source = "inferred: as for MmProbeAndLockPages" },
    [SELECTED_TOO_FEW] = { .name = "too-few-segments",
                           .doc = "SegmentArray has fewer elements than the MDL spans pages.",
                           .then = THEN_REFUSED, .rule = "segment_array_short",
                           .source = "inferred: the routine would read beyond the array" },
    [SELECTED_NOT_ALIGNED] = { .name = "segment-not-aligned",
                               .doc = "An element is not the address of a page.",
                               .then = THEN_REFUSED, .rule = "segment_not_aligned", .advice = true,
                               .source = "FILE_SEGMENT_ELEMENT (winnt.h)" },
    LOCK_ROWS(SELECTED_ROWS),
    { 0 },
};

static bool segments_are_aligned(const struct list_arg *segments, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++)
        if ((segments->entries[i][0] & PAGE_MASK) != 0) return false;
    return true;
}

static struct outcome MmProbeAndLockSelectedPages_run(struct kernel *k, void *args)
{
    const struct MmProbeAndLockSelectedPages_args *a = args;
    struct lock_request r = { .mdl = kernel_mdl(k, a->memory_descriptor_list),
                              .mode = a->access_mode, .operation = a->operation,
                              .segments = &a->segment_array, .rows = SELECTED_ROWS };
    uint64_t pages = mdl_page_count(r.mdl);
    if (state_ends(k, OP_LOCK, r.mdl)) return k->outcome;
    if (a->segment_array.count < pages && fails(k, SELECTED_TOO_FEW)) return k->outcome;
    if (!segments_are_aligned(r.segments, pages) && fails(k, SELECTED_NOT_ALIGNED))
        return k->outcome;
    return lock_pages(k, &r);
}

const struct routine MmProbeAndLockSelectedPages = {
    .name = "MmProbeAndLockSelectedPages",
    .header = "wdm.h",
    .doc = "Locks selected pages, so that one MDL describes pages scattered over an address space.",
    .result = RESULT_VOID,
    .irql_max = APC_LEVEL,
    .args = MmProbeAndLockSelectedPages_args,
    .args_bytes = sizeof(struct MmProbeAndLockSelectedPages_args),
    .failures = MmProbeAndLockSelectedPages_failures,
    .run = MmProbeAndLockSelectedPages_run,
    .page = "MmProbeAndLockSelectedPages function (wdm.h)",
    .notes = "The page allows APC_LEVEL, Driver Verifier complains above DISPATCH_LEVEL: between "
             "the two it works and breaks a rule. The array needs as many elements as the MDL "
             "spans pages; more are ignored, and a NULL element is an address like any other "
             "(inferred).",
    .left_out = "As MmProbeAndLockPages.",
};

/* ---- MmProbeAndLockProcessPages ---- */

struct MmProbeAndLockProcessPages_args {
    uint32_t memory_descriptor_list, process, access_mode, operation;
};

static const struct field MmProbeAndLockProcessPages_args[] = {
    { ROW_MDL(struct MmProbeAndLockProcessPages_args, memory_descriptor_list,
              "MemoryDescriptorList"),
      .doc = "The MDL, not locked." },
    { ROW_PROCESS(struct MmProbeAndLockProcessPages_args, process, "Process"),
      .doc = "The process in whose address space the buffer lies." },
    { ROW_NAME(struct MmProbeAndLockProcessPages_args, access_mode, "AccessMode", access_modes),
      .doc = "UserMode refuses addresses outside user space." },
    { ROW_NAME(struct MmProbeAndLockProcessPages_args, operation, "Operation", lock_operations),
      .doc = "What the driver will do with the pages." },
    { 0 },
};

enum { PROCESS_IRQL, PROCESS_STATE, PROCESS_ROWS };
static const struct failure MmProbeAndLockProcessPages_failures[] = {
    [PROCESS_IRQL] = { .name = "irql-too-high", .doc = "The IRQL is above DISPATCH_LEVEL.",
                       .then = THEN_REFUSED, .rule = "C4-71", .is_irql = true,
                       .irql_max = DISPATCH_LEVEL, .source = "Bug Check 0xC4" },
    [PROCESS_STATE] = { .name = "mdl-not-lockable",
                        .doc = "The MDL is locked, or has its frames from elsewhere.",
                        .then = THEN_REFUSED, .rule = "C4-B1", .by_routine = true,
                        .source = "Bug Check 0xC4" },
    LOCK_ROWS(PROCESS_ROWS),
    PAGEABLE_ROW(PROCESS_ROWS),
    { 0 },
};

static void attach(struct kernel *k, struct process *p)
{
    charge(k->hw, COST_ATTACH, 1);
    mm_switch(k->mm, p);
}

static struct outcome MmProbeAndLockProcessPages_run(struct kernel *k, void *args)
{
    const struct MmProbeAndLockProcessPages_args *a = args;
    struct process *before = k->mm->current, *target = process_at(k->mm, a->process);
    struct lock_request r = { .mdl = kernel_mdl(k, a->memory_descriptor_list),
                              .mode = a->access_mode, .operation = a->operation,
                              .rows = PROCESS_ROWS };
    const unsigned wrong =
        MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL | MDL_IO_SPACE;
    struct params flags = P(r.mdl->address.v, r.mdl->flags, r.mdl->flags & wrong);
    if (mdl_state_rule(OP_LOCK, r.mdl) != NULL && ends(k, PROCESS_STATE, flags, P(0, 0, 0)))
        return k->outcome;
    if (target != before) attach(k, target);
    struct outcome o = lock_pages(k, &r);
    if (target != before) attach(k, before);
    return o;
}

const struct routine MmProbeAndLockProcessPages = {
    .name = "MmProbeAndLockProcessPages",
    .header = "ntddk.h",
    .doc = "Locks the pages of a buffer in the address space of a given process.",
    .result = RESULT_VOID,
    .irql_max = DISPATCH_LEVEL,
    .args = MmProbeAndLockProcessPages_args,
    .args_bytes = sizeof(struct MmProbeAndLockProcessPages_args),
    .failures = MmProbeAndLockProcessPages_failures,
    .run = MmProbeAndLockProcessPages_run,
    .page = "none: reserved for system use",
    .notes = "Attaches to the process, unless it is the current one, locks as MmProbeAndLockPages "
             "does, and detaches, whatever the outcome (inferred).",
    .left_out = "As MmProbeAndLockPages.",
};
