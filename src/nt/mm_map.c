/* Mapping MDLs: MmMapLockedPagesSpecifyCache, MmMapLockedPages. */
#include "base/check.h"
#include "nt/map_rows.h"

enum { MODE_KERNEL, MODE_USER };

/* A mapping as both routines ask for it. */
struct map_request {
    struct mdl *mdl;
    va_t requested;
    uint32_t cache, priority;
    bool user, may_fail, writable, executable;
    unsigned user_rows, tables_row; /* USER_ROWS and ROW_USER_TABLES of the routine */
};

/* The rows of a user mapping that finds no room. Only some routines can ask for an address. */
enum { USER_SYSTEM, USER_FULL, USER_ROW_COUNT };
#define USER_ROWS(base)                                                                            \
    [(base) + USER_SYSTEM] = {                                                                     \
        .name = "no-user-space", .then = THEN_RAISES, .code = ST_INVALID_ADDRESS,                  \
        .doc = "A user mapping was asked for in the System process.",                              \
        .source = "inferred: System has no user address space here" },                             \
    [(base) + USER_FULL] = {                                                                       \
        .name = "no-user-addresses", .then = THEN_RAISES, .code = ST_NO_MEMORY,                    \
        .doc = "No gap of the user address space is long enough.", .source = "implementations" }
#define ROW_USER_TABLES                                                                            \
    { .name = "no-page-tables", .then = THEN_RAISES, .code = ST_INSUFFICIENT_RESOURCES,            \
      .doc = "No frame is free for a page table of the process.", .source = "implementations" }
enum { USER_ADDRESS = USER_ROW_COUNT, USER_CONFLICT, USER_REQUEST_ROW_COUNT };
#define USER_REQUEST_ROWS(base)                                                                    \
    [(base) + USER_ADDRESS] = {                                                                    \
        .name = "bad-requested-address", .then = THEN_RAISES, .code = ST_INVALID_ADDRESS,          \
        .doc = "The range at RequestedAddress leaves the user address space less its last "        \
               "64 KiB.", .source = "implementations" },                                           \
    [(base) + USER_CONFLICT] = {                                                                   \
        .name = "address-in-use", .then = THEN_RAISES, .code = ST_CONFLICTING_ADDRESSES,           \
        .doc = "The range at RequestedAddress overlaps memory that is reserved.",                  \
        .source = "implementations" }

/* Frames whose type is not the first one's get entries of their own. */
static void fix_user_entries(struct kernel *k, const struct mdl *m, va_t at, uint32_t cache,
                             uint32_t first, uint64_t bits)
{
    for (uint64_t i = 1, count = mdl_page_count(m); i < count; i++) {
        uint32_t own = frame_settle_cache(k->mm, pfn(m->pfns[i]), cache);
        if (own == first) continue;
        paging_set(k->hw, &k->mm->current->map, va_add(at, i * PAGE_BYTES),
                   pte_make(pfn(m->pfns[i]), bits | cache_entry_bits(own)));
    }
}

static unsigned user_row(const struct map_request *r, uint32_t status)
{
    switch (status) {
    case ST_INVALID_ADDRESS: return r->user_rows + USER_ADDRESS;
    case ST_CONFLICTING_ADDRESSES: return r->user_rows + USER_CONFLICT;
    case ST_NO_MEMORY: return r->user_rows + USER_FULL;
    case ST_INSUFFICIENT_RESOURCES: return r->tables_row;
    default: BUG2("a user mapping failed in an unknown way", status, 0);
    }
}

static struct outcome map_user(struct kernel *k, const struct map_request *r)
{
    struct mdl *m = r->mdl;
    struct pool_block *block = pool_holding(k->mm, mdl_va(m));
    if (k->mm->current == NULL && fails(k, r->user_rows + USER_SYSTEM)) return k->outcome;
    va_t page = va_page(r->requested), at;
    if (r->requested.v != 0 && page.v == 0 && fails(k, r->user_rows + USER_ADDRESS))
        return k->outcome;
    uint64_t bits = PTE_PRESENT | PTE_USER | PTE_NO_EXECUTE | (r->writable ? PTE_WRITE : 0);
    uint32_t first = frame_settle_cache(k->mm, pfn(m->pfns[0]), r->cache);
    struct process *p = k->mm->current;
    unsigned level = mapping_level(k, m, r->cache);
    uint64_t count = mdl_page_count(m), align = mapping_align(level, m->pfns[0], count);
    lock_enter_free(k->mm, LOCK_ADDRESS_SPACE, &p->lock);
    uint32_t status = space_map_mdl(k->mm, p, page, m->pfns, count,
                                    bits | cache_entry_bits(first), level, align, m->id, &at);
    if (status == ST_SUCCESS && level == LEVEL_PT)
        fix_user_entries(k, m, at, r->cache, first, bits);
    lock_leave(k->mm, LOCK_ADDRESS_SPACE, &p->lock);
    if (status != ST_SUCCESS && fails(k, user_row(r, status))) return k->outcome;
    if (m->mapping == MAPPING_NONE) {
        m->map_cache = (uint8_t)r->cache;
        m->map_seq = (uint32_t)k->seq;
        m->map_line = k->line;
    }
    m->user_mappings++;
    if (block != NULL) block->user_mappings++;
    gauge_add(&k->objects.mappings_user, 1, hw_now(k->hw));
    return returns_address(k, va_add(at, m->byte_offset));
}

static struct outcome map_kernel(struct kernel *k, unsigned base, const struct map_request *r)
{
    va_t at = map_mdl(k, r->mdl, r->cache, r->priority, r->writable, r->executable);
    if (at.v == 0) return out_of_ptes(k, base, r->mdl, r->may_fail);
    return returns_address(k, at);
}

/* IRQL and state of the MDL, rows in the order MAP_IRQL_KERNEL .. MAP_ALREADY_MAPPED. */
enum { MAP_IRQL_KERNEL, MAP_IRQL_USER, MAP_NOT_LOCKED, MAP_ALREADY_MAPPED, MAP_ROW_COUNT };

static bool map_state_ends(struct kernel *k, const struct mdl *m, bool user)
{
    uint32_t irql = k->mm->irql;
    struct params p = P(irql, m->address.v, user ? MODE_USER : MODE_KERNEL);
    if (!user && irql > 2 && ends(k, MAP_IRQL_KERNEL, p, p)) return true;
    if (user && irql > 1 && ends(k, MAP_IRQL_USER, p, p)) return true;
    if (mapping_state_ends(k, user ? OP_MAP_USER : OP_MAP_KERNEL, m)) return true;
    return !user && mdl_has_system_address(m) &&
           ends(k, MAP_ALREADY_MAPPED,
                P(m->address.v, m->flags,
                  m->flags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)),
                P(0, 0, 0));
}

struct MmMapLockedPagesSpecifyCache_args {
    uint32_t mdl, access_mode, cache_type;
    va_t requested_address;
    bool bug_check_on_failure;
    uint32_t priority;
};

static const struct field MmMapLockedPagesSpecifyCache_args[] = {
    { ROW_MDL(struct MmMapLockedPagesSpecifyCache_args, mdl, "MemoryDescriptorList"),
      .doc = "MDL whose pages are locked." },
    { ROW_NAME(struct MmMapLockedPagesSpecifyCache_args, access_mode, "AccessMode", access_modes),
      .doc = "KernelMode maps into system space, UserMode into the current process." },
    { ROW_NAME(struct MmMapLockedPagesSpecifyCache_args, cache_type, "CacheType", cache_types),
      .doc = "Cache type of pages that have none yet." },
    { ROW_VA(struct MmMapLockedPagesSpecifyCache_args, requested_address, "RequestedAddress"),
      .flags = FIELD_OPTIONAL | FIELD_NULLABLE, .fallback = "NULL",
      .doc = "UserMode: where to map, rounded down to a page; NULL lets the system choose." },
    { ROW_BOOL(struct MmMapLockedPagesSpecifyCache_args, bug_check_on_failure,
               "BugCheckOnFailure"),
      .flags = FIELD_OPTIONAL, .fallback = "FALSE",
      .doc = "KernelMode: stop the system instead of returning NULL; drivers pass FALSE." },
    { ROW_FLAGS(struct MmMapLockedPagesSpecifyCache_args, priority, "Priority", page_priorities),
      .flags = FIELD_OPTIONAL, .fallback = "NormalPagePriority",
      .doc = "How much the mapping matters, with MdlMapping flags from Windows 8 on." },
    { 0 },
};

enum {
    SPEC_PRIORITY = MAP_ROW_COUNT, SPEC_CACHE_INVALID = SPEC_PRIORITY + PRIORITY_ROW_COUNT,
    SPEC_CACHE_RESERVED, SPEC_MAPPING, SPEC_SHOWS = SPEC_MAPPING + MAPPING_ROW_COUNT,
    SPEC_DEVICE, SPEC_BUG_CHECK, SPEC_EXECUTABLE, SPEC_NO_PTES,
    SPEC_USER = SPEC_NO_PTES + PTES_ROW_COUNT, SPEC_TABLES = SPEC_USER + USER_REQUEST_ROW_COUNT
};
static const struct failure MmMapLockedPagesSpecifyCache_failures[] = {
    [MAP_IRQL_KERNEL] = { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "C4-76",
                          .is_irql = true, .by_routine = true, .irql_max = 2,
                          .doc = "A system mapping was asked for above DISPATCH_LEVEL." },
    [MAP_IRQL_USER] = { .name = "irql-too-high-user", .then = THEN_REFUSED, .rule = "C4-77",
                        .is_irql = true, .by_routine = true, .irql_max = 1,
                        .doc = "A user mapping was asked for above APC_LEVEL." },
    [MAP_NOT_LOCKED] = ROW_NOT_LOCKED,
    [MAP_ALREADY_MAPPED] = ROW_ALREADY_MAPPED,
    PRIORITY_ROWS(SPEC_PRIORITY),
    [SPEC_CACHE_INVALID] = { .name = "bad-cache-type", .then = THEN_FAILS,
                             PARAMETER_INVALID("CacheType is MmMaximumCacheType or MmNotMapped."),
                             .source = "inferred: both name no type" },
    [SPEC_CACHE_RESERVED] = { .name = "reserved-cache-type", .then = THEN_PERFORMED,
                              .rule = "cache_type_reserved", .advice = true,
                              .doc = "CacheType is reserved for system use.",
                              .source = "MEMORY_CACHING_TYPE" },
    MAPPING_ROWS(SPEC_MAPPING),
    [SPEC_SHOWS] = { .name = "shows-pool", .then = THEN_PERFORMED,
                     .rule = "user_mapping_shows_pool", .advice = true,
                     .doc = "A process is to see pages of a block of pool whose size is no "
                            "multiple of the page size." },
    [SPEC_DEVICE] = { .name = "device-to-user", .then = THEN_PERFORMED,
                      .rule = "user_mapping_of_io_space", .advice = true,
                      .doc = "A process is to see device memory of MmMapIoSpace.",
                      .source = "Driver security: best practices" },
    [SPEC_BUG_CHECK] = { .name = "bug-check-on-failure", .then = THEN_PERFORMED, .rule = "C4-82",
                         .advice = true, .doc = "BugCheckOnFailure is TRUE." },
    [SPEC_EXECUTABLE] = { .name = "executable", .then = THEN_PERFORMED, .rule = "C4-2002",
                          .advice = true, .os_first = OS_8,
                          .doc = "A system mapping was asked for without MdlMappingNoExecute.",
                          .source = "Bug Check 0xC4" },
    PTES_ROWS(SPEC_NO_PTES),
    USER_ROWS(SPEC_USER),
    USER_REQUEST_ROWS(SPEC_USER),
    [SPEC_TABLES] = ROW_USER_TABLES,
    { 0 },
};

/* Whether the pages of the MDL also hold what lies beside its block of pool. */
static bool shows_pool(struct kernel *k, const struct mdl *m)
{
    const struct pool_block *block = pool_holding(k->mm, mdl_va(m));
    return block != NULL && (block->bytes & PAGE_MASK) != 0;
}

/* Whether MmMapIoSpace mapped the device memory of the MDL: it was built over that mapping. */
static bool shows_device(const struct mdl *m)
{
    unsigned built = MDL_SOURCE_IS_NONPAGED_POOL | MDL_IO_SPACE;
    return (m->flags & built) == built;
}

static bool specify_cache_ends(struct kernel *k, const struct MmMapLockedPagesSpecifyCache_args *a,
                               const struct mdl *m, bool user)
{
    uint32_t cache = cache_from_type(a->cache_type);
    struct params p = P(m->address.v, m->flags, 0);
    if (map_state_ends(k, m, user)) return true;
    if (priority_ends(k, SPEC_PRIORITY, a->priority)) return true;
    if (cache == FRAME_CACHE_NONE && fails(k, SPEC_CACHE_INVALID)) return true;
    if (cache_type_is_reserved(a->cache_type) && fails(k, SPEC_CACHE_RESERVED)) return true;
    if (mapping_ends(k, SPEC_MAPPING, m, cache)) return true;
    if (user && shows_pool(k, m) && fails(k, SPEC_SHOWS)) return true;
    if (user && shows_device(m) && fails(k, SPEC_DEVICE)) return true;
    if (user) return false;
    if (a->bug_check_on_failure && ends(k, SPEC_BUG_CHECK, p, P(0, 0, 0))) return true;
    return priority_is_executable(k, a->priority) &&
           ends(k, SPEC_EXECUTABLE, P(m->address.v, a->priority, 0), P(0, 0, 0));
}

static struct outcome MmMapLockedPagesSpecifyCache_run(struct kernel *k, void *args)
{
    const struct MmMapLockedPagesSpecifyCache_args *a = args;
    struct mdl *m = kernel_mdl(k, a->mdl);
    bool user = a->access_mode == MODE_USER;
    if (specify_cache_ends(k, a, m, user)) return k->outcome;
    struct map_request r = {
        .mdl = m, .requested = a->requested_address, .cache = cache_from_type(a->cache_type),
        .priority = priority_of(a->priority), .user = user, .may_fail = !a->bug_check_on_failure,
        .writable = (a->priority & MAPPING_NO_WRITE) == 0,
        .executable = (a->priority & MAPPING_NO_EXECUTE) == 0,
        .user_rows = SPEC_USER, .tables_row = SPEC_TABLES,
    };
    return user ? map_user(k, &r) : map_kernel(k, SPEC_NO_PTES, &r);
}

const struct routine MmMapLockedPagesSpecifyCache = {
    .name = "MmMapLockedPagesSpecifyCache", .header = "wdm.h",
    .doc = "Maps the pages of an MDL into system space or into the current process.",
    .result = RESULT_ADDRESS,
    .result_doc = "The address of the MDL's first byte in the mapping; NULL when a system mapping "
                  "fails, while a user mapping that fails raises.",
    .irql_max = 2, .args = MmMapLockedPagesSpecifyCache_args,
    .args_bytes = sizeof(struct MmMapLockedPagesSpecifyCache_args),
    .failures = MmMapLockedPagesSpecifyCache_failures, .run = MmMapLockedPagesSpecifyCache_run,
    .page = "MmMapLockedPagesSpecifyCache",
    .notes = "RequestedAddress means nothing for KernelMode and BugCheckOnFailure nothing for "
             "UserMode. The page's own cache type wins; CacheType holds for pages of "
             "MmAllocatePagesForMdl, which keep it, and for memory of devices. A user mapping "
             "leaves the MDL's members as they are and is never executable. The page names no "
             "status of the exception: they follow implementations and tests on Windows. "
             "Misuse that is refused returns NULL in both modes (inferred). Reserved cache types "
             "count as the types they stand for. PTE priorities hold for system mappings alone.",
    .left_out = "MdlMappingWithGuardPtes, a constant that no page describes, has no effect. Bug "
                "check 0x1A/0x1000 of old versions: the pages' own cache type is used.",
};

struct MmMapLockedPages_args {
    uint32_t mdl, access_mode;
};

static const struct field MmMapLockedPages_args[] = {
    { ROW_MDL(struct MmMapLockedPages_args, mdl, "MemoryDescriptorList"),
      .doc = "MDL whose pages are locked." },
    { ROW_NAME(struct MmMapLockedPages_args, access_mode, "AccessMode", access_modes),
      .doc = "KernelMode maps into system space, UserMode into the current process." },
    { 0 },
};

enum {
    OLD_MAPPING = MAP_ROW_COUNT, OLD_OBSOLETE = OLD_MAPPING + MAPPING_ROW_COUNT, OLD_NO_PTES,
    OLD_USER = OLD_NO_PTES + PTES_ROW_COUNT, OLD_TABLES = OLD_USER + USER_ROW_COUNT
};
static const struct failure MmMapLockedPages_failures[] = {
    [MAP_IRQL_KERNEL] = { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "C4-74",
                          .is_irql = true, .by_routine = true, .irql_max = 2,
                          .doc = "A system mapping was asked for above DISPATCH_LEVEL." },
    [MAP_IRQL_USER] = { .name = "irql-too-high-user", .then = THEN_REFUSED, .rule = "C4-75",
                        .is_irql = true, .by_routine = true, .irql_max = 1,
                        .doc = "A user mapping was asked for above APC_LEVEL." },
    [MAP_NOT_LOCKED] = ROW_NOT_LOCKED,
    [MAP_ALREADY_MAPPED] = ROW_ALREADY_MAPPED,
    MAPPING_ROWS(OLD_MAPPING),
    [OLD_OBSOLETE] = { .name = "obsolete", .then = THEN_PERFORMED, .rule = "C4-81", .advice = true,
                       .doc = "The routine is obsolete." },
    PTES_ROWS(OLD_NO_PTES),
    USER_ROWS(OLD_USER),
    [OLD_TABLES] = ROW_USER_TABLES,
    { 0 },
};

static struct outcome MmMapLockedPages_run(struct kernel *k, void *args)
{
    const struct MmMapLockedPages_args *a = args;
    struct mdl *m = kernel_mdl(k, a->mdl);
    bool user = a->access_mode == MODE_USER;
    if (map_state_ends(k, m, user)) return k->outcome;
    if (mapping_ends(k, OLD_MAPPING, m, FRAME_CACHED)) return k->outcome;
    if (ends(k, OLD_OBSOLETE, P(m->address.v, m->flags, 0), P(0, 0, 0))) return k->outcome;
    struct map_request r = { .mdl = m, .cache = FRAME_CACHED, .priority = PRIORITY_HIGH,
                             .user = user, .writable = true, .executable = true,
                             .user_rows = OLD_USER, .tables_row = OLD_TABLES };
    return user ? map_user(k, &r) : map_kernel(k, OLD_NO_PTES, &r);
}

const struct routine MmMapLockedPages = {
    .name = "MmMapLockedPages", .header = "wdm.h",
    .doc = "Obsolete: maps the pages of an MDL; a system mapping that fails stops the system.",
    .result = RESULT_ADDRESS,
    .result_doc = "The address of the MDL's first byte in the mapping; a user mapping that fails "
                  "raises.",
    .irql_max = 2, .args = MmMapLockedPages_args,
    .args_bytes = sizeof(struct MmMapLockedPages_args), .failures = MmMapLockedPages_failures,
    .run = MmMapLockedPages_run, .page = "MmMapLockedPages",
    .notes = "As MmMapLockedPagesSpecifyCache with MmCached, BugCheckOnFailure TRUE and "
             "HighPagePriority (inferred); MDL_MAPPING_CAN_FAIL makes a failure return NULL.",
    .left_out = "Nothing.",
};
