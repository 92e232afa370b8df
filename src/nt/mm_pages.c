/* Pages without addresses: MmAllocatePagesForMdl, MmAllocatePagesForMdlEx,
 * MmAllocateNodePagesForMdlEx. MmFreePagesFromMdl stands in mm_pages_free.c. */
#include "base/check.h"
#include "nt/map_frames.h"
#include "nt/mdl_pool.h"
#include "nt/page_take.h"

#include <string.h>

#define TOTAL_BYTES_MAX (4 * GIB - PAGE_BYTES)
#define LARGE_PAGE_BYTES (2 * MIB)
enum {
    FLAGS_ALWAYS = 0x3,
    FLAGS_WINDOWS_7 = 0xBC,
    FLAGS_WINDOWS_8 = 0x40,
    FLAGS_WINDOWS_10 = 0x100,
    THREAD_NODE = 0, /* the ideal node of every thread */
};

/* ---- what the three routines share ---- */

enum {
    PAGES_SPECIAL_APC,
    PAGES_TOTAL,
    PAGES_TOO_MANY,
    PAGES_SKIP,
    PAGES_WINDOW,
    PAGES_LOW_MEMORY,
    PAGES_ROW_COUNT
};
#define PAGES_ROWS(base)                                                                           \
    [(base) + PAGES_SPECIAL_APC] = { .name = "special-apc",                                        \
                                     .then = THEN_PERFORMED,                                       \
                                     .rule = "special_apc_call",                                   \
                                     .doc = "A special kernel APC calls: it may have interrupted " \
                                            "the holder of a lock that the routine takes.",        \
                                     .source = "the page; that no lock is held then, so that the " \
                                               "call works, is inferred: steps are indivisible" }, \
    [(base) + PAGES_TOTAL] = { .name = "zero-bytes",                                               \
                               .then = THEN_FAILS,                                                 \
                               .doc = "TotalBytes is 0.",                                          \
                               .source = "implementations" },                                      \
              [(base) + PAGES_TOO_MANY] = { .name = "too-many-bytes",                              \
                                            .then = THEN_FAILS,                                    \
                                            PARAMETER_INVALID(                                     \
                                                "TotalBytes is above 4 GiB less a page."),         \
                                            .source = "the page gives the limit; inferred: NULL" },\
              [(base) + PAGES_SKIP] = { .name = "bad-skip-bytes",                                  \
                                        .then = THEN_FAILS,                                        \
                                        PARAMETER_INVALID(                                         \
                                            "SkipBytes is no multiple of the page size."),         \
                                        .source = "implementations" },                             \
              [(base) + PAGES_WINDOW] = { .name = "bad-range",                                     \
                                          .then = THEN_FAILS,                                      \
                                          .doc = "HighAddress is below LowAddress.",               \
                                          .source = "inferred: the range is empty" },              \
              [(base) +                                                                            \
                  PAGES_LOW_MEMORY] = { .name = "below-4-gb",                                      \
                                        .then = THEN_PERFORMED,                                    \
                                        .rule = "C4-141",                                          \
                                        .advice = true,                                            \
                                        .doc = "HighAddress demands memory below 4 GB on 64-bit "  \
                                               "Windows.",                                         \
                                        .source = "Bug Check 0xC4" }

static bool pages_end(struct kernel *k, unsigned base, const struct page_request *r)
{
    if (k->thread->in_special_apc && fails(k, base + PAGES_SPECIAL_APC)) return true;
    if (r->total == 0 && fails(k, base + PAGES_TOTAL)) return true;
    if (r->total > TOTAL_BYTES_MAX && fails(k, base + PAGES_TOO_MANY)) return true;
    if ((r->skip & PAGE_MASK) != 0 && fails(k, base + PAGES_SKIP)) return true;
    if (r->high < r->low && fails(k, base + PAGES_WINDOW)) return true;
    return k->mm->config->is_64_bit && r->high < 4 * GIB &&
           ends(k, base + PAGES_LOW_MEMORY, P(r->high, r->total, 0), P(0, 0, 0));
}

enum { TAKE_NO_POOL, TAKE_NO_PAGES, TAKE_ROW_COUNT };
#define TAKE_ROWS(base)                                                                            \
    [(base) + TAKE_NO_POOL] = { .name = "no-pool",                                                 \
                                .then = THEN_FAILS,                                                \
                                .doc = "Nonpaged pool has no room for the MDL." },                 \
              [(base) + TAKE_NO_PAGES] = { .name = "no-pages",                                     \
                                           .then = THEN_FAILS,                                     \
                                           .doc =                                                  \
                                               "The ranges hold no free page; or, where all are "  \
                                               "demanded or one block is, not enough of them." }

static uint32_t pages_mdl(struct kernel *k, va_t at, uint64_t slots, const uint64_t *frames,
                          uint64_t count, uint32_t cache)
{
    uint32_t id = mdl_new(k->mm, at, MEMORY_PAGES_MDL, 0, count * PAGE_BYTES, slots);
    struct mdl *m = mdl_made(k, id);
    memcpy(mdl_pfns(m), frames, (size_t)count * sizeof *frames);
    m->flags = MDL_PAGES_LOCKED;
    m->process = 0;
    m->builder = BUILDER_PAGES;
    m->pages_held = true;
    m->pages_cache = (uint8_t)cache;
    for (uint64_t i = 0; cache != FRAME_CACHE_NONE && i < count; i++)
        frame_set_cache(k->mm, pfn(frames[i]), (enum frame_cache)cache);
    mdl_changed(k, m, true);
    return id;
}

/* Frames are zeroed when the lock is given back. */
static uint64_t take_with_lock(struct kernel *k, const struct page_request *r, uint64_t slots,
                               uint64_t *frames)
{
    uint64_t zeroing = k->hw->cpu->spent[COST_ZERO];
    lock_enter(k->mm, LOCK_PFN, &k->mm->pfn_lock);
    uint64_t count = pages_take(k, r, slots, frames);
    zeroing = k->hw->cpu->spent[COST_ZERO] - zeroing;
    lock_leave_before(k->mm, LOCK_PFN, &k->mm->pfn_lock, zeroing);
    return count;
}

/* The work itself; `cache` is the type that sticks to the pages, FRAME_CACHE_NONE for none yet. */
static struct outcome allocate_pages(struct kernel *k, unsigned base, const struct page_request *r,
                                     uint32_t cache)
{
    uint64_t slots = span_pages(0, r->total);
    va_t at;
    if (!mdl_pool_allocate(k, slots, &at) && fails(k, base + TAKE_NO_POOL)) return k->outcome;
    uint64_t *frames = mem_new(k->from, (size_t)slots, sizeof *frames);
    uint64_t count = take_with_lock(k, r, slots, frames);
    uint32_t id = count > 0 ? pages_mdl(k, at, slots, frames, count, cache) : 0;
    mem_free(k->from, frames, (size_t)slots, sizeof *frames);
    if (id != 0) return returns_mdl(k, id);
    pool_give(k->mm, pool_find(k->mm, at));
    fails(k, base + TAKE_NO_PAGES);
    return k->outcome;
}

#define LOW_ADDRESS(s)                                                                             \
    {                                                                                              \
        ROW_PA(s, low_address, "LowAddress"),                                                      \
            .doc = "Start of the first range that the pages may come from."                        \
    }
#define HIGH_ADDRESS(s)                                                                            \
    {                                                                                              \
        ROW_PA(s, high_address, "HighAddress"), .doc = "End of that range; its last byte."         \
    }
#define SKIP_BYTES(s)                                                                              \
    {                                                                                              \
        ROW_SIZE(s, skip_bytes, "SkipBytes"),                                                      \
            .doc = "By how much the range moves on while pages are missing; 0: one range."         \
    }
#define TOTAL_BYTES(s)                                                                             \
    {                                                                                              \
        ROW_SIZE(s, total_bytes, "TotalBytes"), .doc = "Bytes to allocate, rounded up to pages."   \
    }
#define CACHE_TYPE(s)                                                                              \
    {                                                                                              \
        ROW_NAME(s, cache_type, "CacheType", cache_types),                                         \
            .doc = "Cache type that the pages keep."                                               \
    }
#define FLAGS(s)                                                                                   \
    {                                                                                              \
        ROW_FLAGS(s, flags, "Flags", allocate_flags),                                              \
            .flags = FIELD_OPTIONAL, .fallback = "0",                                              \
            .doc = "MM_ALLOCATE flags and MM_DONT_ZERO_ALLOCATION."                                \
    }

#define NOTE_RANGES                                                                                \
    "A page belongs to a range when all its bytes do (inferred). Pages come in ascending order "   \
    "from each range, zeroed ones first where they are to be zeroed. "
#define LEFT_OUT_WINDOWS "The search ends after 1,048,576 ranges in a row without a free page. "

/* Row ROW_IRQL_7E. Bug check 0xC4, 0x7E: the IRQL, 2, 0. */
static bool irql_ends(struct kernel *k, unsigned index)
{
    uint32_t irql = k->mm->irql;
    return irql > 2 && ends(k, index, P(irql, 2, 0), P(0, 0, 0));
}

/* ---- MmAllocatePagesForMdl ---- */

struct MmAllocatePagesForMdl_args {
    pa_t low_address, high_address;
    uint64_t skip_bytes, total_bytes;
};

static const struct field MmAllocatePagesForMdl_args[] = {
    LOW_ADDRESS(struct MmAllocatePagesForMdl_args),
    HIGH_ADDRESS(struct MmAllocatePagesForMdl_args),
    SKIP_BYTES(struct MmAllocatePagesForMdl_args),
    TOTAL_BYTES(struct MmAllocatePagesForMdl_args),
    { 0 },
};

enum {
    PLAIN_IRQL,
    PLAIN_IRQL_OLD,
    PLAIN_IRQL_ADVICE,
    PLAIN_PAGES,
    PLAIN_TAKE = PLAIN_PAGES + PAGES_ROW_COUNT
};
#define ROW_IRQL_7E                                                                                \
    {                                                                                              \
        .name = "irql-too-high", .then = THEN_REFUSED, .rule = "C4-7E", .verifier_constant = 2,    \
        .is_irql = true, .by_routine = true, .irql_max = 2,                                        \
        .doc = "The IRQL is above DISPATCH_LEVEL."                                                 \
    }
#define ROW_IRQL_OLD                                                                               \
    {                                                                                              \
        .name = "irql-too-high-before-2008", .then = THEN_REFUSED, .rule = "IrqlMmApcLte",         \
        .is_irql = true, .irql_max = 1, .irql_top = 2, .os_last = OS_VISTA,                        \
        .doc = "The IRQL is DISPATCH_LEVEL, which needs Windows Server 2008."                      \
    }
#define ROW_IRQL_ADVICE(first)                                                                     \
    {                                                                                              \
        .name = "irql-dispatch", .then = THEN_PERFORMED, .rule = "IrqlMmApcLte", .advice = true,   \
        .is_irql = true, .irql_max = 1, .irql_top = 2, .os_first = (first),                        \
        .doc = "The IRQL is DISPATCH_LEVEL: the page allows it, the rule does not.",               \
        .source = "IrqlMmApcLte"                                                                   \
    }
static const struct failure MmAllocatePagesForMdl_failures[] = {
    [PLAIN_IRQL] = ROW_IRQL_7E,
    [PLAIN_IRQL_OLD] = ROW_IRQL_OLD,
    [PLAIN_IRQL_ADVICE] = ROW_IRQL_ADVICE(OS_SERVER_2008),
    PAGES_ROWS(PLAIN_PAGES),
    TAKE_ROWS(PLAIN_TAKE),
    { 0 },
};

static struct outcome MmAllocatePagesForMdl_run(struct kernel *k, void *args)
{
    const struct MmAllocatePagesForMdl_args *a = args;
    struct page_request r = { .low = a->low_address.v,
                              .high = a->high_address.v,
                              .skip = a->skip_bytes,
                              .total = a->total_bytes,
                              .node = THREAD_NODE };
    if (irql_ends(k, PLAIN_IRQL) || pages_end(k, PLAIN_PAGES, &r)) return k->outcome;
    struct outcome o = allocate_pages(k, PLAIN_TAKE, &r, FRAME_CACHE_NONE);
    if (o.failed) return o;
    tlb_flush_all(k->hw);
    memory_flush_all(k->hw);
    return o;
}

const struct routine MmAllocatePagesForMdl = {
    .name = "MmAllocatePagesForMdl",
    .header = "wdm.h",
    .doc = "Allocates zeroed pages, which need not be contiguous, and an MDL that describes them.",
    .result = RESULT_MDL,
    .result_doc = "An MDL that may describe less than was asked for, or NULL.",
    .irql_max = 2,
    .args = MmAllocatePagesForMdl_args,
    .args_bytes = sizeof(struct MmAllocatePagesForMdl_args),
    .failures = MmAllocatePagesForMdl_failures,
    .run = MmAllocatePagesForMdl_run,
    .page = "MmAllocatePagesForMdl",
    .notes = NOTE_RANGES
    "The pages have no cache type until they are mapped, which is why the routine flushes "
    "TLB and caches. StartVa and ByteOffset are 0, and the byte count is whole pages, as "
    "tests on Windows show.",
    .left_out = LEFT_OUT_WINDOWS "Special kernel APCs, from which the routine must not be called.",
};

/* ---- MmAllocatePagesForMdlEx, MmAllocateNodePagesForMdlEx ---- */

struct MmAllocatePagesForMdlEx_args {
    pa_t low_address, high_address;
    uint64_t skip_bytes, total_bytes;
    uint32_t cache_type, flags;
};

static const struct field MmAllocatePagesForMdlEx_args[] = {
    LOW_ADDRESS(struct MmAllocatePagesForMdlEx_args),
    HIGH_ADDRESS(struct MmAllocatePagesForMdlEx_args),
    SKIP_BYTES(struct MmAllocatePagesForMdlEx_args),
    TOTAL_BYTES(struct MmAllocatePagesForMdlEx_args),
    CACHE_TYPE(struct MmAllocatePagesForMdlEx_args),
    FLAGS(struct MmAllocatePagesForMdlEx_args),
    { 0 },
};

/* The rows of CacheType and Flags. */
enum {
    FLAGS_OS,
    FLAGS_CACHE,
    FLAGS_RESERVED,
    FLAGS_CHUNK,
    FLAGS_LARGE,
    FLAGS_NO_LARGE,
    FLAGS_REMOVE,
    FLAGS_REMOVE_IRQL,
    FLAGS_ROW_COUNT
};
#define FLAGS_ROWS(base)                                                                           \
    [(base) +                                                                                      \
        FLAGS_OS] = { .name = "flag-not-in-os",                                                    \
                      .then = THEN_REFUSED,                                                        \
                      .rule = "flag_not_in_os",                                                    \
                      .doc = "Flags holds a flag that this version of Windows lacks." },           \
        [(base) + FLAGS_CACHE] = { .name = "bad-cache-type",                                       \
                                   .then = THEN_FAILS,                                             \
                                   PARAMETER_INVALID(                                              \
                                       "CacheType is MmMaximumCacheType or MmNotMapped."),         \
                                   .source = "inferred: both name no type" },                      \
        [(base) + FLAGS_RESERVED] = { .name = "reserved-cache-type",                               \
                                      .then = THEN_PERFORMED,                                      \
                                      .rule = "cache_type_reserved",                               \
                                      .advice = true,                                              \
                                      .doc = "CacheType is reserved for system use.",              \
                                      .source = "MEMORY_CACHING_TYPE" },                           \
        [(base) + FLAGS_CHUNK] = { .name = "bad-chunk",                                            \
                                   .then = THEN_FAILS,                                             \
                                   PARAMETER_INVALID(                                              \
                                       "Contiguous chunks are required, and SkipBytes is not 0 "   \
                                       "and no power of two, or TotalBytes no multiple of it."),   \
                                   .source = "the page's demand; inferred: NULL" },                \
        [(base) + FLAGS_LARGE] = { .name = "bad-large-pages",                                      \
                                   .then = THEN_FAILS,                                             \
                                   PARAMETER_INVALID(                                              \
                                       "MM_ALLOCATE_FAST_LARGE_PAGES stands without "              \
                                       "MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS, or SkipBytes is "   \
                                       "no multiple of the large page size."),                     \
                                   .source = "the page's demand; inferred: NULL" },                \
        [(base) + FLAGS_NO_LARGE] = { .name = "no-large-pages",                                    \
                                      .then = THEN_FAILS,                                          \
                                      .doc = "The cache of large pages is empty." },               \
        [(base) + FLAGS_REMOVE] = { .name = "hot-remove-required",                                 \
                                    .then = THEN_FAILS,                                            \
                                    PARAMETER_INVALID(                                             \
                                        "MM_ALLOCATE_AND_HOT_REMOVE and "                          \
                                        "MM_ALLOCATE_FULLY_REQUIRED exclude each other."),         \
                                    .source = "the page's demand; inferred: NULL" },               \
        [(base) +                                                                                  \
            FLAGS_REMOVE_IRQL] = { .name = "hot-remove-irql",                                      \
                                   .then = THEN_REFUSED,                                           \
                                   .rule = "irql_above_limit",                                     \
                                   .is_irql = true,                                                \
                                   .by_routine = true,                                             \
                                   .doc = "MM_ALLOCATE_AND_HOT_REMOVE needs PASSIVE_LEVEL." }

static uint32_t known_flags(enum os_rank os)
{
    uint32_t known = FLAGS_ALWAYS;
    if (os >= OS_7) known |= FLAGS_WINDOWS_7;
    if (os >= OS_8) known |= FLAGS_WINDOWS_8;
    if (os >= OS_10_1507) known |= FLAGS_WINDOWS_10;
    return known;
}

static bool chunk_is_bad(const struct page_request *r)
{
    if ((r->flags & ALLOCATE_CHUNKS) == 0 || r->skip == 0) return false;
    return (r->skip & (r->skip - 1)) != 0 || r->skip < PAGE_BYTES || r->total % r->skip != 0;
}

static bool flags_end(struct kernel *k, unsigned base, const struct page_request *r)
{
    bool large = (r->flags & ALLOCATE_FAST_LARGE_PAGES) != 0;
    bool large_fits =
        (r->flags & ALLOCATE_CHUNKS) && r->skip != 0 && r->skip % LARGE_PAGE_BYTES == 0;
    uint32_t cache = cache_from_type(r->cache_type), irql = k->mm->irql;
    if ((r->flags & ~known_flags(k->os)) != 0 && fails(k, base + FLAGS_OS)) return true;
    if (cache == FRAME_CACHE_NONE && fails(k, base + FLAGS_CACHE)) return true;
    if (cache_type_is_reserved(r->cache_type) && fails(k, base + FLAGS_RESERVED)) return true;
    if (chunk_is_bad(r) && fails(k, base + FLAGS_CHUNK)) return true;
    if (large && !large_fits && fails(k, base + FLAGS_LARGE)) return true;
    if (large && !k->mm->config->large_pages && fails(k, base + FLAGS_NO_LARGE)) return true;
    if ((r->flags & ALLOCATE_HOT_REMOVE) == 0) return false;
    if ((r->flags & ALLOCATE_FULLY_REQUIRED) && fails(k, base + FLAGS_REMOVE)) return true;
    return irql > 0 && ends(k, base + FLAGS_REMOVE_IRQL, P(irql, 0, 0), P(irql, 0, 0));
}

enum {
    EX_IRQL,
    EX_IRQL_ADVICE,
    EX_PAGES,
    EX_FLAGS = EX_PAGES + PAGES_ROW_COUNT,
    EX_TAKE = EX_FLAGS + FLAGS_ROW_COUNT
};
static const struct failure MmAllocatePagesForMdlEx_failures[] = {
    [EX_IRQL] = ROW_IRQL_7E, [EX_IRQL_ADVICE] = ROW_IRQL_ADVICE(0),
    PAGES_ROWS(EX_PAGES),    FLAGS_ROWS(EX_FLAGS),
    TAKE_ROWS(EX_TAKE),      { 0 },
};

static struct outcome MmAllocatePagesForMdlEx_run(struct kernel *k, void *args)
{
    const struct MmAllocatePagesForMdlEx_args *a = args;
    struct page_request r = { a->low_address.v, a->high_address.v, a->skip_bytes, a->total_bytes,
                              a->cache_type,    THREAD_NODE,       a->flags };
    if (irql_ends(k, EX_IRQL)) return k->outcome;
    if (pages_end(k, EX_PAGES, &r) || flags_end(k, EX_FLAGS, &r)) return k->outcome;
    return allocate_pages(k, EX_TAKE, &r, cache_from_type(a->cache_type));
}

#define NOTES_EX                                                                                   \
    NOTE_RANGES                                                                                    \
    "CacheType sticks to the pages at once. MM_DONT_ZERO_ALLOCATION takes pages that are not "     \
    "zeroed first and leaves them as they are. Nothing here waits, so MM_ALLOCATE_NO_WAIT, "       \
    "MM_ALLOCATE_PREFER_CONTIGUOUS and the undocumented MM_ALLOCATE_TRIM_IF_NECESSARY have no "    \
    "effect. MM_ALLOCATE_FAST_LARGE_PAGES takes whole blocks of free frames, which is what the "   \
    "cache of large pages holds here; with `mm.large_pages: false` it is empty (inferred). "
#define LEFT_OUT_EX                                                                                \
    LEFT_OUT_WINDOWS                                                                               \
    "Pages of MM_ALLOCATE_AND_HOT_REMOVE still count as memory of the system."

const struct routine MmAllocatePagesForMdlEx = {
    .name = "MmAllocatePagesForMdlEx",
    .header = "wdm.h",
    .doc = "Allocates pages of a cache type, zeroed or not, and an MDL that describes them.",
    .result = RESULT_MDL,
    .result_doc = "An MDL that may describe less than was asked for, or NULL.",
    .irql_max = 2,
    .os_first = OS_SERVER_2003_SP1,
    .args = MmAllocatePagesForMdlEx_args,
    .args_bytes = sizeof(struct MmAllocatePagesForMdlEx_args),
    .failures = MmAllocatePagesForMdlEx_failures,
    .run = MmAllocatePagesForMdlEx_run,
    .page = "MmAllocatePagesForMdlEx",
    .notes = NOTES_EX "The ideal node of every thread is node 0.",
    .left_out = LEFT_OUT_EX,
};

struct MmAllocateNodePagesForMdlEx_args {
    pa_t low_address, high_address;
    uint64_t skip_bytes, total_bytes;
    uint32_t cache_type, ideal_node, flags;
};

static const struct field MmAllocateNodePagesForMdlEx_args[] = {
    LOW_ADDRESS(struct MmAllocateNodePagesForMdlEx_args),
    HIGH_ADDRESS(struct MmAllocateNodePagesForMdlEx_args),
    SKIP_BYTES(struct MmAllocateNodePagesForMdlEx_args),
    TOTAL_BYTES(struct MmAllocateNodePagesForMdlEx_args),
    CACHE_TYPE(struct MmAllocateNodePagesForMdlEx_args),
    { ROW_U32(struct MmAllocateNodePagesForMdlEx_args, ideal_node, "IdealNode"),
      .doc = "NUMA node that the pages should come from." },
    FLAGS(struct MmAllocateNodePagesForMdlEx_args),
    { 0 },
};

enum {
    NODE_IRQL,
    NODE_PAGES,
    NODE_FLAGS = NODE_PAGES + PAGES_ROW_COUNT,
    NODE_NUMBER = NODE_FLAGS + FLAGS_ROW_COUNT,
    NODE_TAKE
};
static const struct failure MmAllocateNodePagesForMdlEx_failures[] = {
    [NODE_IRQL] = { .name = "irql-too-high",
                    .then = THEN_REFUSED,
                    .rule = "C4-7E",
                    .verifier_constant = 2,
                    .is_irql = true,
                    .irql_max = 2,
                    .doc = "The IRQL is above DISPATCH_LEVEL.",
                    .source = "the page; inferred: the rule is that of the routines of its kind" },
    PAGES_ROWS(NODE_PAGES),
    FLAGS_ROWS(NODE_FLAGS),
    [NODE_NUMBER] = { .name = "bad-node",
                      .then = THEN_FAILS,
                      PARAMETER_INVALID("IdealNode is above the highest node of the machine."),
                      .source = "inferred: the page gives the range alone" },
    TAKE_ROWS(NODE_TAKE),
    { 0 },
};

static uint32_t highest_node(const struct phys *phys)
{
    uint32_t highest = 0;
    for (size_t i = 0; i < phys->ram_count; i++)
        if (phys->ram[i].node > highest) highest = phys->ram[i].node;
    return highest;
}

static struct outcome MmAllocateNodePagesForMdlEx_run(struct kernel *k, void *args)
{
    const struct MmAllocateNodePagesForMdlEx_args *a = args;
    struct page_request r = { a->low_address.v, a->high_address.v, a->skip_bytes, a->total_bytes,
                              a->cache_type,    a->ideal_node,     a->flags };
    if (pages_end(k, NODE_PAGES, &r) || flags_end(k, NODE_FLAGS, &r)) return k->outcome;
    if (a->ideal_node > highest_node(&k->hw->phys) && fails(k, NODE_NUMBER)) return k->outcome;
    return allocate_pages(k, NODE_TAKE, &r, cache_from_type(a->cache_type));
}

const struct routine MmAllocateNodePagesForMdlEx = {
    .name = "MmAllocateNodePagesForMdlEx",
    .header = "wdm.h",
    .doc = "Allocates pages, from a NUMA node where it can, and an MDL that describes them.",
    .result = RESULT_MDL,
    .result_doc = "An MDL that may describe less than was asked for, or NULL.",
    .irql_max = 2,
    .os_first = OS_8,
    .args = MmAllocateNodePagesForMdlEx_args,
    .args_bytes = sizeof(struct MmAllocateNodePagesForMdlEx_args),
    .failures = MmAllocateNodePagesForMdlEx_failures,
    .run = MmAllocateNodePagesForMdlEx_run,
    .page = "MmAllocateNodePagesForMdlEx",
    .notes = NOTES_EX "The page's list of flags lacks MM_ALLOCATE_FAST_LARGE_PAGES; it is treated "
                      "as in MmAllocatePagesForMdlEx.",
    .left_out = LEFT_OUT_EX,
};
