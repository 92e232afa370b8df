/* Freeing pool: ExFreePool and ExFreePoolWithTag. Both also free the MDLs that are plain pool
 * blocks. */
#include "base/check.h"
#include "nt/kernel.h"
#include "nt/mdl_pool.h"

enum { FREE_USER, FREE_NEVER_POOL, FREE_PAGED_IRQL, FREE_IRQL, FREE_AGAIN, FREE_MIDDLE,
       FREE_PAGED_MIDDLE, FREE_PAGED_NOTHING, FREE_IO_MDL, FREE_IRP, FREE_LOCKED, FREE_USER_MAPPED,
       FREE_PAGES_EARLY, FREE_MDL_IN_USE, FREE_WRONG_TAG };
#define FREE_STOP(number)                                                                          \
    .then = THEN_STOPS, .code = BC_BAD_POOL_CALLER, .p1 = (number), .source = "Bug Check 0xC2"
#define FREE_ROWS                                                                                  \
    [FREE_USER] = { .name = "user-address", FREE_STOP(0x40), .rule = "C4-10",                      \
                    .doc = "P is NULL or a user address." },                                       \
    [FREE_NEVER_POOL] = { .name = "never-pool", FREE_STOP(0x42), .rule = "C4-10",                  \
                          .doc = "P lies in no pool." },                                           \
    [FREE_PAGED_IRQL] = { .name = "paged-irql-too-high", FREE_STOP(9), .rule = "C4-11",            \
                          .is_irql = true, .by_routine = true, .irql_max = APC_LEVEL,              \
                          .doc = "P is paged pool and the IRQL is above APC_LEVEL." },             \
    [FREE_IRQL] = { .name = "irql-too-high", FREE_STOP(9), .rule = "C4-12", .is_irql = true,       \
                    .by_routine = true, .irql_max = DISPATCH_LEVEL,                                \
                    .doc = "P is nonpaged pool and the IRQL is above DISPATCH_LEVEL." },           \
    [FREE_AGAIN] = { .name = "already-freed", FREE_STOP(7), .rule = "C4-13",                       \
                     .doc = "The block was freed before." },                                       \
    [FREE_MIDDLE] = { .name = "no-nonpaged-block", FREE_STOP(0x44), .rule = "C4-10",               \
                      .doc = "No block of nonpaged pool begins at P." },                           \
    [FREE_PAGED_MIDDLE] = { .name = "inside-paged-block", FREE_STOP(0x41286), .rule = "C4-10",     \
                            .doc = "P lies in the middle of a block of paged pool." },             \
    [FREE_PAGED_NOTHING] = { .name = "no-paged-block", FREE_STOP(0x50), .rule = "C4-10",           \
                             .doc = "P lies in paged pool that is not allocated." },               \
    [FREE_IO_MDL] = { .name = "mdl-of-IoAllocateMdl", .then = THEN_REFUSED,                        \
                      .rule = "wrong_mdl_free",                                                    \
                      .doc = "P is an MDL that IoFreeMdl frees.",                                  \
                      .source = "inferred: it may come from a list of spare MDLs" },               \
    [FREE_IRP] = { .name = "irp", .then = THEN_REFUSED, .rule = "wrong_irp_free",                  \
                   .doc = "P is an IRP.", .source = "IoFreeIrp function (wdm.h)" },                \
    [FREE_LOCKED] = { .name = "pages-locked", .then = THEN_STOPS, .code = BC_PFN_LIST_CORRUPT,     \
                      .p1 = 0x9A, .rule = "frame_freed_locked",                                    \
                      .doc = "The block has whole pages, and one of them is locked by an MDL.",    \
                      .source = "Bug Check 0x4E" },                                                \
    [FREE_USER_MAPPED] = { .name = "still-mapped-to-user", .then = THEN_PERFORMED,                 \
                           .rule = "user_mapping_outlives_pool",                                   \
                           .doc = "A process still has the block mapped.",                         \
                           .source = "MmMapLockedPagesSpecifyCache" },                             \
    [FREE_PAGES_EARLY] = { .name = "pages-not-freed", .then = THEN_PERFORMED,                      \
                           .rule = "pages_mdl_freed_early",                                        \
                           .doc = "P is an MDL of MmAllocatePagesForMdl whose pages were not "     \
                                  "freed.",                                                        \
                           .source = "MmAllocatePagesForMdl function (wdm.h)" },                   \
    [FREE_MDL_IN_USE] = { .name = "mdl-in-use", .then = THEN_PERFORMED,                            \
                          .rule = "mdl_memory_freed_in_use",                                       \
                          .doc = "The memory holds an MDL with page locks or a mapping.",          \
                          .source = "inferred: nothing can release them any more" }

/* ---- finding what P is ---- */

/* Why P is no block of pool that can be freed now; true when the call ends there. */
static bool address_ends(struct kernel *k, va_t at)
{
    enum pool_kind kind;
    struct params p = P(at.v, 0, 0), none = P(0, 0, 0);
    if (at.v <= k->mm->config->highest_user.v)
        return ends(k, FREE_USER, p, P(at.v, k->mm->config->system_start.v, 0));
    if (!pool_owns(k->mm, at, &kind)) return ends(k, FREE_NEVER_POOL, p, p);
    struct params irql = P(k->mm->irql, kind, at.v);
    if (kind == POOL_PAGED && k->mm->irql > APC_LEVEL && ends(k, FREE_PAGED_IRQL, irql, irql))
        return true;
    if (k->mm->irql > DISPATCH_LEVEL && ends(k, FREE_IRQL, irql, irql)) return true;
    const struct pool_block *block = pool_find(k->mm, at), *around = pool_holding(k->mm, at);
    if (block != NULL && block->live) return false;
    if (block != NULL && around == NULL) return ends(k, FREE_AGAIN, none, P(0, 0, at.v));
    const struct pool *pool = &k->mm->pools.pool[kind];
    uint64_t page = (at.v - pool->base.v) / PAGE_BYTES;
    if (kind == POOL_NONPAGED) return ends(k, FREE_MIDDLE, p, p);
    if (around != NULL) return ends(k, FREE_PAGED_MIDDLE, p, P(0, 0, page));
    return ends(k, FREE_PAGED_NOTHING, p, P(at.v, page, pool->limit_pages * PAGE_BYTES));
}

/* The first page of a block of whole pages that an MDL holds locked. Small blocks share their
 * page, which stays. */
static bool locked_page(struct kernel *k, const struct pool_block *block, pfn_t *out)
{
    if (k->mm->frames.locked.now == 0 || va_offset(block->at) != 0) return false;
    for (uint64_t done = 0; done < block->room_bytes; done += PAGE_BYTES) {
        uint64_t entry = paging_entry(k->hw, &k->hw->system, va_add(block->at, done));
        if ((entry & PTE_PRESENT) == 0) continue;
        *out = pte_pfn(entry);
        if (frame_peek(k->mm, *out).locks > 0) return true;
    }
    return false;
}

/* ---- MDLs that live in the block ---- */

/* The next MDL in memory of the caller that the block holds, after `id`; 0 when there is none. */
static uint32_t next_inside(struct kernel *k, const struct pool_block *block, uint32_t id)
{
    if (k->mm->mdls.by_address.count == k->objects.mdls.now) return 0; /* all are the system's */
    while ((id = mdl_next_live(k->mm, id)) != 0) {
        const struct mdl *m = mdl_at(k->mm, id);
        if (m->memory != MEMORY_CALLER || m->address.v < block->at.v) continue;
        if (m->address.v - block->at.v < block->bytes) return id;
    }
    return 0;
}

static bool is_in_use(const struct mdl *m)
{
    return m->locked_pages > 0 || mdl_is_mapped(m) || m->user_mappings > 0;
}

static bool block_holds_used_mdl(struct kernel *k, const struct pool_block *block)
{
    for (uint32_t id = 0; (id = next_inside(k, block, id)) != 0;)
        if (is_in_use(mdl_at(k->mm, id))) return true;
    return false;
}

static bool system_block_ends(struct kernel *k, const struct mdl *m)
{
    if (m == NULL) return fails(k, FREE_IRP);
    if (m->memory == MEMORY_IO_ALLOCATED) return fails(k, FREE_IO_MDL);
    if (m->pages_held) return fails(k, FREE_PAGES_EARLY);
    return is_in_use(m) && fails(k, FREE_MDL_IN_USE);
}

static bool callers_block_ends(struct kernel *k, const struct pool_block *block)
{
    pfn_t f;
    if (locked_page(k, block, &f)) {
        struct frame frame = frame_peek(k->mm, f);
        struct params p = P(f.v, frame.state, frame_references(&frame));
        if (ends(k, FREE_LOCKED, p, p)) return true;
    }
    if (block->user_mappings > 0 && fails(k, FREE_USER_MAPPED)) return true;
    return block_holds_used_mdl(k, block) && fails(k, FREE_MDL_IN_USE);
}

/* ---- freeing ---- */

static struct outcome free_block(struct kernel *k, va_t at, const uint32_t *tag)
{
    if (address_ends(k, at)) return k->outcome;
    struct pool_block *block = pool_find(k->mm, at);
    struct mdl *m = block->internal ? mdl_at(k->mm, mdl_by_address(k->mm, at)) : NULL;
    if (block->internal ? system_block_ends(k, m) : callers_block_ends(k, block)) return k->outcome;
    if (tag != NULL && *tag != block->tag) {
        struct params tags = P(at.v, block->tag, *tag);
        if (ends(k, FREE_WRONG_TAG, tags, tags)) return k->outcome;
    }
    if (m != NULL) {
        mdl_release(k, m);
        return returns_void(k);
    }
    for (uint32_t id = 0; (id = next_inside(k, block, id)) != 0;)
        mdl_release(k, mdl_at(k->mm, id));
    pool_give(k->mm, block);
    return returns_void(k);
}

/* ---- ExFreePool ---- */

struct ExFreePool_args { va_t p; };

static const struct field ExFreePool_args[] = {
    { ROW_VA(struct ExFreePool_args, p, "P"), .flags = FIELD_NULLABLE, .doc = "The block." },
    { 0 },
};

static const struct failure ExFreePool_failures[] = { FREE_ROWS, { 0 } };

static struct outcome ExFreePool_run(struct kernel *k, void *args)
{
    const struct ExFreePool_args *a = args;
    return free_block(k, a->p, NULL);
}

const struct routine ExFreePool = {
    .name = "ExFreePool",
    .header = "ntddk.h",
    .doc = "Frees a block of pool.",
    .result = RESULT_VOID,
    .irql_max = DISPATCH_LEVEL,
    .args = ExFreePool_args,
    .args_bytes = sizeof(struct ExFreePool_args),
    .failures = ExFreePool_failures,
    .run = ExFreePool_run,
    .page = "ExFreePool function (ntddk.h)",
    .notes = "Memory that an MDL describes without locking it may be freed. NULL stops as any user "
             "address does (inferred). An MDL of MmAllocatePagesForMdl* or MmCreateMdl is freed "
             "by its address; MDLs formatted inside a block go with it.",
    .left_out = "Damage to pool headers and writes beyond a block are not noticed.",
};

/* ---- ExFreePoolWithTag ---- */

struct ExFreePoolWithTag_args {
    va_t p;
    uint32_t tag;
};

static const struct field ExFreePoolWithTag_args[] = {
    { ROW_VA(struct ExFreePoolWithTag_args, p, "P"), .flags = FIELD_NULLABLE, .doc = "The block." },
    { ROW_TAG(struct ExFreePoolWithTag_args, tag, "Tag"), .doc = "The tag it was allocated with." },
    { 0 },
};

static const struct failure ExFreePoolWithTag_failures[] = {
    FREE_ROWS,
    [FREE_WRONG_TAG] = { .name = "wrong-tag", FREE_STOP(0x0A),
                         .doc = "The block was allocated with another tag." },
    { 0 },
};

static struct outcome ExFreePoolWithTag_run(struct kernel *k, void *args)
{
    const struct ExFreePoolWithTag_args *a = args;
    return free_block(k, a->p, &a->tag);
}

const struct routine ExFreePoolWithTag = {
    .name = "ExFreePoolWithTag",
    .header = "wdm.h",
    .doc = "Frees a block of pool that was allocated with the given tag.",
    .result = RESULT_VOID,
    .irql_max = DISPATCH_LEVEL,
    .args = ExFreePoolWithTag_args,
    .args_bytes = sizeof(struct ExFreePoolWithTag_args),
    .failures = ExFreePoolWithTag_failures,
    .run = ExFreePoolWithTag_run,
    .page = "ExFreePoolWithTag function (wdm.h)",
    .notes = "As ExFreePool. A tag of 0 is a tag like any other (inferred). The system's own MDLs "
             "have the tag that debuggers show as \"Mdl \".",
    .left_out = "Damage to pool headers and writes beyond a block are not noticed.",
};
