/* Giving pages without addresses back: MmFreePagesFromMdl. */
#include "base/check.h"
#include "nt/map_frames.h"

struct MmFreePagesFromMdl_args {
    uint32_t mdl;
};

static const struct field MmFreePagesFromMdl_args[] = {
    { ROW_MDL(struct MmFreePagesFromMdl_args, mdl, "MemoryDescriptorList"),
      .doc = "MDL of MmAllocatePagesForMdl, MmAllocatePagesForMdlEx or "
             "MmAllocateNodePagesForMdlEx." },
    { 0 },
};

enum {
    FREE_IRQL,
    FREE_IRQL_OLD,
    FREE_IRQL_ADVICE,
    FREE_STATE,
    FREE_FRAME,
    FREE_LOCKED,
    FREE_MAPPED
};
static const struct failure MmFreePagesFromMdl_failures[] = {
    [FREE_IRQL] = { .name = "irql-too-high",
                    .then = THEN_REFUSED,
                    .rule = "C4-7E",
                    .verifier_constant = 2,
                    .is_irql = true,
                    .by_routine = true,
                    .irql_max = 2,
                    .doc = "The IRQL is above DISPATCH_LEVEL." },
    [FREE_IRQL_OLD] = { .name = "irql-too-high-before-2008",
                        .then = THEN_REFUSED,
                        .rule = "IrqlMmApcLte",
                        .is_irql = true,
                        .irql_max = 1,
                        .irql_top = 2,
                        .os_last = OS_VISTA,
                        .doc = "The IRQL is DISPATCH_LEVEL, which needs Windows Server 2008." },
    [FREE_IRQL_ADVICE] = { .name = "irql-dispatch",
                           .then = THEN_PERFORMED,
                           .rule = "IrqlMmApcLte",
                           .advice = true,
                           .is_irql = true,
                           .irql_max = 1,
                           .irql_top = 2,
                           .os_first = OS_SERVER_2008,
                           .doc = "The IRQL is DISPATCH_LEVEL: the page allows it, the rule does "
                                  "not.",
                           .source = "IrqlMmApcLte" },
    [FREE_STATE] = { .name = "wrong-mdl",
                     .then = THEN_REFUSED,
                     .rule = "mdl_state",
                     .doc = "The MDL holds no pages of MmAllocatePagesForMdl, or its pages were "
                            "freed already." },
    [FREE_FRAME] = { .name = "frame-changed",
                     .then = THEN_STOPS,
                     .code = BC_MEMORY_MANAGEMENT,
                     .p1 = 0x1236,
                     .rule = "mdl_frames_changed",
                     .doc = "The MDL holds a frame number that is not of its allocation, or one "
                            "twice.",
                     .source = "Bug Check 0x1A" },
    [FREE_LOCKED] = { .name = "page-locked",
                      .then = THEN_STOPS,
                      .code = BC_PFN_LIST_CORRUPT,
                      .p1 = 0x9A,
                      .rule = "frame_freed_locked",
                      .doc = "Another MDL holds one of the pages locked.",
                      .source = "Bug Check 0x4E" },
    [FREE_MAPPED] = { .name = "still-mapped",
                      .then = THEN_PERFORMED,
                      .rule = "pages_freed_mapped",
                      .doc = "The MDL is mapped to user space, in a reservation, or before Windows "
                             "7 to system space; the mapping stays and shows pages of others.",
                      .source = "MmAllocatePagesForMdl" },
    { 0 },
};

/* Marks the frames of the MDL as met, so that one that stands in it twice is noticed. Returns
 * how many are fine: all, or the index of the first that is not the MDL's own or is locked. */
static uint64_t mark_frames(struct kernel *k, const struct mdl *m, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (i >= m->slots || m->pfns[i] == PFN_NONE.v) return i;
        pfn_t f = pfn(m->pfns[i]);
        struct frame frame = frame_peek(k->mm, f);
        if (frame.owner != OWNER_MDL || frame.locks > 0) return i;
        frame_set_owner(k->mm, f, OWNER_NONE);
    }
    return count;
}

static bool frames_end(struct kernel *k, const struct mdl *m, uint64_t count)
{
    uint64_t fine = mark_frames(k, m, count);
    for (uint64_t i = 0; i < fine; i++) frame_set_owner(k->mm, pfn(m->pfns[i]), OWNER_MDL);
    if (fine == count) return false;
    uint64_t value = fine < m->slots ? m->pfns[fine] : PFN_NONE.v;
    struct frame f = frame_peek(k->mm, pfn(value));
    if (f.owner == OWNER_MDL && f.locks > 0)
        return ends(k, FREE_LOCKED, P(0, 0, 0), P(value, f.state, frame_references(&f)));
    return ends(k, FREE_FRAME, P(0, 0, 0),
                P(m->address.v, m->address.v + mdl_size_bytes(k->mm, fine), value));
}

/* Whether a mapping stays behind when the pages go. */
static bool stays_mapped(const struct kernel *k, const struct mdl *m)
{
    if (m->user_mappings > 0 || m->mapping == MAPPING_RESERVED) return true;
    return m->mapping == MAPPING_SYSTEM && k->os < OS_7;
}

static struct outcome MmFreePagesFromMdl_run(struct kernel *k, void *args)
{
    const struct MmFreePagesFromMdl_args *a = args;
    struct mdl *m = kernel_mdl(k, a->mdl);
    uint64_t count = mdl_page_count(m);
    uint32_t irql = k->mm->irql;
    if (irql > 2 && ends(k, FREE_IRQL, P(irql, 2, 0), P(0, 0, 0))) return k->outcome;
    if (state_ends(k, OP_FREE_PAGES, m)) return k->outcome;
    if (!m->pages_held && fails(k, FREE_STATE)) return k->outcome;
    if (frames_end(k, m, count)) return k->outcome;
    if (stays_mapped(k, m) && fails(k, FREE_MAPPED)) return k->outcome;
    if (m->mapping == MAPPING_SYSTEM && k->os >= OS_7) unmap_mdl(k, m);
    lock_enter(k->mm, LOCK_PFN, &k->mm->pfn_lock);
    for (uint64_t i = 0; i < count; i++) {
        frame_give(k->mm, pfn(m->pfns[i]));
        mdl_pfns(m)[i] = PFN_NONE.v;
    }
    lock_leave(k->mm, LOCK_PFN, &k->mm->pfn_lock);
    m->pages_held = false;
    m->flags = (uint16_t)(m->flags & ~(unsigned)MDL_PAGES_LOCKED);
    mdl_changed(k, m, true);
    return returns_void(k);
}

const struct routine MmFreePagesFromMdl = {
    .name = "MmFreePagesFromMdl",
    .header = "wdm.h",
    .doc = "Frees the pages of an MDL that MmAllocatePagesForMdl made; the MDL itself stays.",
    .result = RESULT_VOID,
    .result_doc = "Nothing.",
    .irql_max = 2,
    .args = MmFreePagesFromMdl_args,
    .args_bytes = sizeof(struct MmFreePagesFromMdl_args),
    .failures = MmFreePagesFromMdl_failures,
    .run = MmFreePagesFromMdl_run,
    .page = "MmFreePagesFromMdl",
    .notes = "From Windows 7 on a system mapping goes too. The MDL is freed by ExFreePool. Its "
             "frame numbers are gone afterwards, as implementations do it.",
    .left_out = "Nothing.",
};
