/* MmUnlockPages, and the unlocking that other routines share. */
#include "base/check.h"
#include "mm/mdl_state.h"
#include "nt/kernel.h"
#include "nt/mm_lock.h"

struct MmUnlockPages_args { uint32_t memory_descriptor_list; };

static const struct field MmUnlockPages_args[] = {
    { ROW_MDL(struct MmUnlockPages_args, memory_descriptor_list, "MemoryDescriptorList"),
      .doc = "The MDL, locked by MmProbeAndLockPages." },
    { 0 },
};

enum { UNLOCK_IRQL, UNLOCK_AGAIN_PROCESS, UNLOCK_AGAIN, UNLOCK_NEVER_LOCKED, UNLOCK_NONPAGED,
       UNLOCK_PARTIAL, UNLOCK_RESERVED, UNLOCK_USER_MAPPED, UNLOCK_FRAME };
static const struct failure MmUnlockPages_failures[] = {
    [UNLOCK_IRQL] = { .name = "irql-too-high", .doc = "The IRQL is above DISPATCH_LEVEL.",
                      .then = THEN_REFUSED, .rule = "C4-78", .is_irql = true,
                      .irql_max = DISPATCH_LEVEL },
    [UNLOCK_AGAIN_PROCESS] = { .name = "unlocked-again-process-pages",
                               .doc = "The MDL was unlocked already; it had locked pages of a "
                                      "process.",
                               .then = THEN_STOPS, .code = BC_PROCESS_HAS_LOCKED_PAGES, .p1 = 1,
                               .rule = "C4-7C", .by_routine = true, .source = "Bug Check 0x76" },
    [UNLOCK_AGAIN] = { .name = "unlocked-again",
                       .doc = "The MDL was unlocked already; it had locked system pages.",
                       .then = THEN_STOPS, .code = BC_PFN_LIST_CORRUPT, .p1 = 7, .rule = "C4-7C",
                       .by_routine = true, .source = "Bug Check 0x4E" },
    [UNLOCK_NEVER_LOCKED] = { .name = "never-locked",
                              .doc = "The MDL was never locked by MmProbeAndLockPages.",
                              .then = THEN_REFUSED, .rule = "C4-7C", .source = "Bug Check 0xC4" },
    [UNLOCK_NONPAGED] = { .name = "nonpaged-pool",
                          .doc = "The MDL was built by MmBuildMdlForNonPagedPool.",
                          .then = THEN_REFUSED, .rule = "C4-7D", .source = "Bug Check 0xC4" },
    [UNLOCK_PARTIAL] = { .name = "partial-mdl", .doc = "The MDL was built by IoBuildPartialMdl.",
                         .then = THEN_REFUSED, .rule = "C4-B4", .source = "Bug Check 0xC4" },
    [UNLOCK_RESERVED] = { .name = "mapped-by-reservation",
                          .doc = "MmMapLockedPagesWithReservedMapping still maps the MDL.",
                          .then = THEN_REFUSED, .rule = "unmap_reserved_mapping",
                          .rule_what = "MmUnlockPages was called for a mapping in a reservation.",
                          .source = "inferred: the PTEs are not the system's to release" },
    [UNLOCK_USER_MAPPED] = { .name = "still-mapped-to-user",
                             .doc = "A process still has the pages mapped.",
                             .then = THEN_PERFORMED, .rule = "user_mapping_outlives_lock",
                             .source = "inferred: the page speaks of system mappings only" },
    [UNLOCK_FRAME] = { .name = "frame-not-locked",
                       .doc = "The MDL names a frame that nothing locks: the driver wrote it, or "
                              "set MDL_PAGES_LOCKED by hand.",
                       .then = THEN_STOPS, .code = BC_PFN_LIST_CORRUPT, .p1 = 7,
                       .source = "Bug Check 0x4E" },
    { 0 },
};

void mdl_count_unlocked(struct kernel *k, struct mdl *m, uint64_t count)
{
    uint64_t counted = count < m->locked_pages ? count : m->locked_pages;
    if (m->lock_process != 0)
        gauge_sub(&process_at(k->mm, m->lock_process)->locked_pages, counted);
    m->locked_pages -= (uint32_t)counted;
}

/* Unlocks the pages that the MDL describes now, up to a slot without a frame. Returns the slot of
 * the first frame that is not locked, NULL when there is none. */
static const uint64_t *unlock_frames(struct kernel *k, struct mdl *m)
{
    uint64_t pages = mdl_page_count(m);
    lock_enter(k->mm, LOCK_PFN, &k->mm->pfn_lock);
    uint64_t done = frames_drop(k->mm, mdl_frames(m, pages));
    lock_leave(k->mm, LOCK_PFN, &k->mm->pfn_lock);
    mdl_count_unlocked(k, m, done);
    return done < pages && m->pfns[done] != PFN_NONE.v ? &m->pfns[done] : NULL;
}

/* Locks of pages that the MDL no longer describes are lost. */
static void become_unlocked(struct kernel *k, struct mdl *m)
{
    if (m->locked_pages > 0)
        kernel_lose(k, LEAK_LOCKED_PAGES, "pages locked by an MDL that lost them",
                    m->locked_pages, m->lock_seq, m->lock_line);
    m->flags &= (uint16_t)~(unsigned)(MDL_PAGES_LOCKED | MDL_IO_SPACE);
    m->builder = BUILDER_HEADER;
    m->locked_pages = m->lock_process = 0;
    mdl_changed(k, m, false);
}

void unlock_mdl(struct kernel *k, struct mdl *m)
{
    unlock_frames(k, m);
    become_unlocked(k, m);
}

static bool not_locked_ends(struct kernel *k, unsigned row, const struct mdl *m, pfn_t f)
{
    struct frame frame = frame_in_ram(k->mm, f) ? frame_peek(k->mm, f) : (struct frame){ 0 };
    return ends(k, row, P(m->address.v, m->flags, 0), P(f.v, frame.shares, 0));
}

/* The MDL was locked and unlocked before. Process stays as it was then, and tells whose pages they
 * were. */
static bool unlocked_again_ends(struct kernel *k, const struct mdl *m)
{
    struct params flags = P(m->address.v, m->flags, 0);
    for (size_t i = 0; i < k->mm->process_count; i++) {
        const struct process *p = k->mm->processes[i];
        if (p == NULL || p->object.v != m->process) continue;
        return ends(k, UNLOCK_AGAIN_PROCESS, flags, P(m->address.v, p->locked_pages.now, 0));
    }
    return not_locked_ends(k, UNLOCK_AGAIN, m, m->slots > 0 ? pfn(m->pfns[0]) : PFN_NONE);
}

static struct outcome MmUnlockPages_run(struct kernel *k, void *args)
{
    const struct MmUnlockPages_args *a = args;
    struct mdl *m = kernel_mdl(k, a->memory_descriptor_list);
    bool again = m->builder == BUILDER_HEADER && m->lock_seq != 0 && m->locked_pages == 0;
    if (again && unlocked_again_ends(k, m)) return k->outcome;
    if (state_ends(k, OP_UNLOCK, m)) return k->outcome;
    if (m->mapping == MAPPING_RESERVED && fails(k, UNLOCK_RESERVED)) return k->outcome;
    if (m->user_mappings > 0 && fails(k, UNLOCK_USER_MAPPED)) return k->outcome;
    if (m->mapping == MAPPING_SYSTEM) unmap_mdl(k, m);
    const uint64_t *bad = unlock_frames(k, m);
    if (bad != NULL && not_locked_ends(k, UNLOCK_FRAME, m, pfn(*bad))) return k->outcome;
    become_unlocked(k, m);
    return returns_void(k);
}

const struct routine MmUnlockPages = {
    .name = "MmUnlockPages",
    .header = "wdm.h",
    .doc = "Unmaps an MDL from system space, if it is mapped there, and unlocks its pages.",
    .result = RESULT_VOID,
    .irql_max = DISPATCH_LEVEL,
    .args = MmUnlockPages_args,
    .args_bytes = sizeof(struct MmUnlockPages_args),
    .failures = MmUnlockPages_failures,
    .run = MmUnlockPages_run,
    .page = "MmUnlockPages function (wdm.h)",
    .notes = "A mapping in user space is not undone: its pages stay mapped there, unlocked. "
             "Process, MDL_WRITE_OPERATION and the frame numbers stay in the MDL, though they "
             "mean nothing from then on. A second unlock stops with 0x76 (the MDL had locked "
             "pages of a process) or 0x4E, whatever other locks there are.",
    .left_out = "Dirty state of the pages: the model has no modified page writer.",
};
