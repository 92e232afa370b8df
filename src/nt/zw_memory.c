/* User memory of a process: ZwAllocateVirtualMemory, ZwFreeVirtualMemory,
 * ZwProtectVirtualMemory. */
#include "base/check.h"
#include "nt/kernel.h"

#define MEMORY_RESET 0x80000u
#define LARGE_PAGE_BYTES (2 * MIB)
enum { ZERO_BITS_MOST = 20, ADDRESS_BITS = 32 };

/* Goes through the row, from `first` on, whose status a function of mm/space.h came to. */
static bool status_ends(struct kernel *k, unsigned first, uint32_t status)
{
    const struct failure *rows = k->routine->failures;
    if (status == ST_SUCCESS) return false;
    for (unsigned i = first; rows[i].name != NULL; i++)
        if (rows[i].code == status) return fails(k, i);
    BUG2("a status has no row", status, first);
}

/* Work on another process's memory goes on in its address space. What changes pages of ranges that
 * stay may share its lock, as Linux does for madvise: `mm.address_space_lock` decides. */
static void enter(struct kernel *k, struct process *p, bool changes_ranges)
{
    if (p != k->mm->current) {
        charge(k->hw, COST_ATTACH, 1);
        mm_switch(k->mm, p);
    }
    if (!changes_ranges && k->mm->config->shares_space_lock)
        lock_enter_shared(k->mm, LOCK_ADDRESS_SPACE, &p->lock);
    else lock_enter(k->mm, LOCK_ADDRESS_SPACE, &p->lock);
}

static void leave(struct kernel *k, struct process *before)
{
    lock_leave(k->mm, LOCK_ADDRESS_SPACE, &k->mm->current->lock);
    if (before == k->mm->current) return;
    charge(k->hw, COST_ATTACH, 1);
    mm_switch(k->mm, before);
}

static void round_to_pages(va_t *at, uint64_t *bytes)
{
    *bytes = span_pages(at->v, *bytes) * PAGE_BYTES;
    *at = va_page(*at);
}

#define ROW_IRQL                                                                                   \
    { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "irql_above_limit", .is_irql = true,  \
      .irql_max = 0, .doc = "The IRQL is above PASSIVE_LEVEL." }
#define ROW_NO_USER_SPACE                                                                          \
    { .name = "no-user-space", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_1,                 \
      .doc = "The process is System.",                                                             \
      .source = "inferred: System has no user address space here" }
#define PROCESS_HANDLE(s)                                                                          \
    { ROW_PROCESS(s, process, "ProcessHandle"), .flags = FIELD_OPTIONAL | FIELD_NULLABLE,          \
      .fallback = "NtCurrentProcess", .doc = "Process whose memory is meant." }

/* ---- ZwAllocateVirtualMemory ---- */

struct ZwAllocateVirtualMemory_args {
    uint32_t process;
    va_t base_address;
    uint64_t zero_bits, region_size;
    uint32_t allocation_type, protect;
};

static const struct field ZwAllocateVirtualMemory_args[] = {
    PROCESS_HANDLE(struct ZwAllocateVirtualMemory_args),
    { ROW_VA(struct ZwAllocateVirtualMemory_args, base_address, "BaseAddress"),
      .flags = FIELD_INOUT | FIELD_NULLABLE,
      .doc = "Where to allocate, NULL to let the system choose; becomes the start of the region." },
    { ROW_U64(struct ZwAllocateVirtualMemory_args, zero_bits, "ZeroBits"),
      .flags = FIELD_OPTIONAL, .fallback = "0",
      .doc = "High bits of a 32-bit address that must be zero where the system chooses." },
    { ROW_SIZE(struct ZwAllocateVirtualMemory_args, region_size, "RegionSize"),
      .flags = FIELD_INOUT, .doc = "Size in bytes; becomes the size of the region in pages." },
    { ROW_FLAGS(struct ZwAllocateVirtualMemory_args, allocation_type, "AllocationType",
                allocation_types),
      .doc = "MEM_COMMIT, MEM_RESERVE or both, with MEM_TOP_DOWN; both with MEM_LARGE_PAGES; or "
             "MEM_RESET alone." },
    { ROW_FLAGS(struct ZwAllocateVirtualMemory_args, protect, "Protect", page_protections),
      .doc = "Protection of committed pages." },
    { 0 },
};

enum {
    ALLOCATE_IRQL, ALLOCATE_ZERO_BITS, ALLOCATE_TYPE, ALLOCATE_PROTECT, ALLOCATE_BASE,
    ALLOCATE_SIZE, ALLOCATE_PROCESS, ALLOCATE_CONFLICT, ALLOCATE_VIEW, ALLOCATE_SECURED,
    ALLOCATE_FULL, ALLOCATE_BLOCKS
};
static const struct failure ZwAllocateVirtualMemory_failures[] = {
    [ALLOCATE_IRQL] = ROW_IRQL,
    [ALLOCATE_ZERO_BITS] = { .name = "bad-zero-bits", .then = THEN_FAILS,
                             .code = ST_INVALID_PARAMETER_3, .doc = "ZeroBits is 21 or more.",
                             .source = "the page has the limit; inferred: the status" },
    [ALLOCATE_TYPE] = { .name = "bad-type", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_5,
                        .doc = "AllocationType holds an unknown flag, none of MEM_COMMIT, "
                               "MEM_RESERVE and MEM_RESET, MEM_RESET with another, or "
                               "MEM_LARGE_PAGES without both others or with MEM_TOP_DOWN.",
                        .source = "the page has the rule; inferred: the status" },
    [ALLOCATE_PROTECT] = { .name = "bad-protection", .then = THEN_FAILS,
                           .code = ST_INVALID_PAGE_PROTECTION,
                           .doc = "Protect is no protection of private memory, or permits no "
                                  "access to large pages." },
    [ALLOCATE_BASE] = { .name = "bad-base", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_2,
                        .doc = "BaseAddress is no user address, below 64 KiB, or for large pages "
                               "no multiple of 2 MiB.",
                        .source = "inferred: it is the second parameter" },
    [ALLOCATE_SIZE] = { .name = "bad-size", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_4,
                        .doc = "RegionSize is 0 or for large pages no multiple of 2 MiB, or the "
                               "region leaves the user addresses.",
                        .source = "inferred: it is the fourth parameter" },
    [ALLOCATE_PROCESS] = ROW_NO_USER_SPACE,
    [ALLOCATE_CONFLICT] = { .name = "address-conflict", .then = THEN_FAILS,
                            .code = ST_CONFLICTING_ADDRESSES,
                            .doc = "Memory to reserve is reserved already, or memory to commit is "
                                   "not reserved by one allocation." },
    [ALLOCATE_VIEW] = { .name = "already-committed", .then = THEN_FAILS,
                        .code = ST_ALREADY_COMMITTED,
                        .doc = "Memory to commit is a view of a section." },
    [ALLOCATE_SECURED] = { .name = "secured", .then = THEN_FAILS,
                           .code = ST_INVALID_PAGE_PROTECTION,
                           .doc = "MmSecureVirtualMemory keeps pages from becoming what Protect "
                                  "says.",
                           .source = "MmSecureVirtualMemory" },
    [ALLOCATE_FULL] = { .name = "no-addresses", .then = THEN_FAILS, .code = ST_NO_MEMORY,
                        .doc = "No gap of the address space is long enough and low enough." },
    [ALLOCATE_BLOCKS] = { .name = "no-large-pages", .then = THEN_FAILS,
                          .code = ST_INSUFFICIENT_RESOURCES,
                          .doc = "Not enough blocks of free frames for large pages.",
                          .source = "Large-Page Support; inferred: the status" },
    { 0 },
};

/* MEM_LARGE_PAGES: "you must also specify MEM_RESERVE and MEM_COMMIT". */
static bool type_is_valid(const struct kernel *k, uint32_t type)
{
    const uint32_t kinds = MEMORY_COMMIT | MEMORY_RESERVE | MEMORY_RESET;
    if ((type & MEMORY_LARGE_PAGES) != 0)
        return k->os >= OS_SERVER_2003 &&
               type == (MEMORY_LARGE_PAGES | MEMORY_COMMIT | MEMORY_RESERVE);
    if ((type & ~(kinds | MEMORY_TOP_DOWN)) != 0 || (type & kinds) == 0) return false;
    return (type & MEMORY_RESET) == 0 || type == MEMORY_RESET;
}

static bool large_ends(struct kernel *k, const struct ZwAllocateVirtualMemory_args *a)
{
    if (protect_bits(a->protect) == 0 && fails(k, ALLOCATE_PROTECT)) return true;
    if (a->base_address.v % LARGE_PAGE_BYTES != 0 && fails(k, ALLOCATE_BASE)) return true;
    return a->region_size % LARGE_PAGE_BYTES != 0 && fails(k, ALLOCATE_SIZE);
}

static bool allocate_ends(struct kernel *k, const struct ZwAllocateVirtualMemory_args *a)
{
    uint64_t base = a->base_address.v, highest = k->mm->config->highest_user.v;
    bool private_memory = (a->protect & (PROT_WRITECOPY | PROT_EXECUTE_WRITECOPY)) == 0;
    if (a->zero_bits > ZERO_BITS_MOST && fails(k, ALLOCATE_ZERO_BITS)) return true;
    if (!type_is_valid(k, a->allocation_type) && fails(k, ALLOCATE_TYPE)) return true;
    if ((!protect_is_valid(a->protect) || !private_memory) && fails(k, ALLOCATE_PROTECT))
        return true;
    if (base > highest && fails(k, ALLOCATE_BASE)) return true;
    if ((a->region_size == 0 || a->region_size - 1 > highest - base) && fails(k, ALLOCATE_SIZE))
        return true;
    if ((a->allocation_type & MEMORY_LARGE_PAGES) != 0 && large_ends(k, a)) return true;
    return process_at(k->mm, a->process) == NULL && fails(k, ALLOCATE_PROCESS);
}

/* Gaps are searched from the lowest, so the first that fits tells whether any is low enough. */
static uint32_t reserve(struct kernel *k, struct process *p, struct ZwAllocateVirtualMemory_args *a)
{
    bool commit = (a->allocation_type & MEMORY_COMMIT) != 0;
    bool chosen = a->base_address.v == 0, limited = chosen && a->zero_bits > 0;
    bool top_down = (a->allocation_type & MEMORY_TOP_DOWN) != 0 && !limited;
    va_t at = a->base_address;
    uint64_t bytes = a->region_size;
    uint32_t status = space_reserve(k->mm, p, &at, &bytes, a->protect, commit, top_down);
    if (status != ST_SUCCESS) return status;
    if (limited && at.v + (bytes - 1) >= (uint64_t)1 << (ADDRESS_BITS - a->zero_bits)) {
        uint64_t whole = 0;
        space_release(k->mm, p, &at, &whole);
        return ST_NO_MEMORY;
    }
    a->base_address = at;
    a->region_size = bytes;
    return ST_SUCCESS;
}

/* Since Windows 10 1607 a large request takes pages of 1 GiB where they fit (Windows Internals 7,
 * chapter 5, "Large and small pages"). */
static uint32_t reserve_large(struct kernel *k, struct process *p,
                              struct ZwAllocateVirtualMemory_args *a)
{
    unsigned most = k->os >= OS_10_1607 ? k->hw->large_level : LEVEL_PD;
    return space_reserve_large(k->mm, p, &a->base_address, a->region_size, a->protect, LEVEL_PD,
                               most);
}

static struct outcome ZwAllocateVirtualMemory_run(struct kernel *k, void *args)
{
    struct ZwAllocateVirtualMemory_args *a = args;
    if (allocate_ends(k, a)) return k->outcome;
    struct process *p = process_at(k->mm, a->process), *before = k->mm->current;
    bool reserves = (a->allocation_type & MEMORY_RESERVE) != 0 || a->base_address.v == 0;
    uint32_t status = ST_SUCCESS;
    enter(k, p, reserves);
    if (a->allocation_type == MEMORY_RESET)
        round_to_pages(&a->base_address, &a->region_size);
    else if ((a->allocation_type & MEMORY_LARGE_PAGES) != 0)
        status = reserve_large(k, p, a);
    else if (reserves)
        status = reserve(k, p, a);
    else
        status = space_commit(k->mm, p, a->base_address, a->region_size, a->protect);
    if (status == ST_SUCCESS && !reserves) round_to_pages(&a->base_address, &a->region_size);
    leave(k, before);
    unsigned first = status == ST_INVALID_PARAMETER_2 ? ALLOCATE_BASE : ALLOCATE_SIZE;
    if (status_ends(k, first, status)) return k->outcome;
    return returns_status(k, ST_SUCCESS);
}

const struct routine ZwAllocateVirtualMemory = {
    .name = "ZwAllocateVirtualMemory", .header = "ntifs.h",
    .doc = "Reserves or commits pages of a process's user address space.",
    .result = RESULT_STATUS, .result_doc = "STATUS_SUCCESS or why not.", .irql_max = 0,
    .args = ZwAllocateVirtualMemory_args, .args_bytes = sizeof(struct ZwAllocateVirtualMemory_args),
    .failures = ZwAllocateVirtualMemory_failures, .run = ZwAllocateVirtualMemory_run,
    .page = "ZwAllocateVirtualMemory",
    .notes = "A reservation starts at a multiple of 64 KiB. MEM_COMMIT without an address reserves "
             "too. ZeroBits above 0 means an end below 2^(32 - ZeroBits), and then MEM_TOP_DOWN "
             "means nothing (inferred). The page names no status; they follow the position of the "
             "parameter at fault. Memory in large pages is resident at once and not part of the "
             "working set; from Windows 10 1607 on it takes pages of 1 GiB where they fit. Its "
             "protection never changes and it is only released as a whole (implementations).",
    .left_out = "MEM_RESET changes nothing. MEM_PHYSICAL is an unknown flag. The privilege that "
                "MEM_LARGE_PAGES needs is taken as held.",
};

/* ---- ZwFreeVirtualMemory ---- */

struct ZwFreeVirtualMemory_args {
    uint32_t process;
    va_t base_address;
    uint64_t region_size;
    uint32_t free_type;
};

static const struct field ZwFreeVirtualMemory_args[] = {
    PROCESS_HANDLE(struct ZwFreeVirtualMemory_args),
    { ROW_VA(struct ZwFreeVirtualMemory_args, base_address, "BaseAddress"),
      .flags = FIELD_INOUT | FIELD_NULLABLE,
      .doc = "Start of the region, rounded down to a page." },
    { ROW_SIZE(struct ZwFreeVirtualMemory_args, region_size, "RegionSize"),
      .flags = FIELD_INOUT,
      .doc = "Size in bytes; 0 means the whole allocation. Becomes the size freed." },
    { ROW_FLAGS(struct ZwFreeVirtualMemory_args, free_type, "FreeType", free_types),
      .doc = "MEM_DECOMMIT or MEM_RELEASE." },
    { 0 },
};

enum {
    FREE_IRQL, FREE_TYPE, FREE_PART, FREE_BASE, FREE_SIZE, FREE_PROCESS, FREE_NOT_ALLOCATED,
    FREE_BEYOND, FREE_SECTION, FREE_NOT_AT_BASE, FREE_SECURED
};
static const struct failure ZwFreeVirtualMemory_failures[] = {
    [FREE_IRQL] = ROW_IRQL,
    [FREE_TYPE] = { .name = "bad-type", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_4,
                    .doc = "FreeType is neither MEM_DECOMMIT nor MEM_RELEASE.",
                    .source = "inferred: it is the fourth parameter" },
    [FREE_PART] = { .name = "releases-a-part", .then = THEN_PERFORMED,
                    PARAMETER_INVALID("FreeType is MEM_RELEASE, and RegionSize is not 0."),
                    .source = "the page's demand; implementations release what is named" },
    [FREE_BASE] = { .name = "bad-base", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_2,
                    .doc = "BaseAddress is no user address.",
                    .source = "inferred: it is the second parameter" },
    [FREE_SIZE] = { .name = "bad-size", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_3,
                    .doc = "The region leaves the user addresses.",
                    .source = "inferred: it is the third parameter" },
    [FREE_PROCESS] = ROW_NO_USER_SPACE,
    [FREE_NOT_ALLOCATED] = { .name = "not-allocated", .then = THEN_FAILS,
                             .code = ST_MEMORY_NOT_ALLOCATED,
                             .doc = "Nothing is allocated at BaseAddress." },
    [FREE_BEYOND] = { .name = "beyond-allocation", .then = THEN_FAILS,
                      .code = ST_UNABLE_TO_FREE_VM,
                      .doc = "The region leaves the allocation that it starts in, or is not all of "
                             "memory in large pages." },
    [FREE_SECTION] = { .name = "mapped", .then = THEN_FAILS,
                       .code = ST_UNABLE_TO_DELETE_SECTION,
                       .doc = "The region is a view of a section or a mapping of an MDL.",
                       .source = "implementations, and tests on Windows" },
    [FREE_NOT_AT_BASE] = { .name = "not-at-base", .then = THEN_FAILS,
                           .code = ST_FREE_VM_NOT_AT_BASE,
                           .doc = "RegionSize is 0 or FreeType MEM_RELEASE, and BaseAddress is not "
                                  "the start of the allocation." },
    [FREE_SECURED] = { .name = "secured", .then = THEN_FAILS, .code = ST_INVALID_PAGE_PROTECTION,
                       .doc = "MmSecureVirtualMemory keeps pages of the region from being freed.",
                       .source = "MmSecureVirtualMemory; inferred: the status" },
    { 0 },
};

/* Bytes of the allocation from the page of `at` on. */
static uint64_t allocation_bytes(const struct process *p, va_t at)
{
    const struct area *a = space_area_at(p, at);
    uint64_t base = a == NULL ? 0 : a->base_page, end = at.v / PAGE_BYTES;
    while (a != NULL && a->base_page == base) {
        end = a->first_page + a->page_count;
        a = space_area_at(p, va(end * PAGE_BYTES));
    }
    return end * PAGE_BYTES - va_page(at).v;
}

static struct outcome ZwFreeVirtualMemory_run(struct kernel *k, void *args)
{
    struct ZwFreeVirtualMemory_args *a = args;
    bool releases = a->free_type == MEMORY_RELEASE;
    if (!releases && a->free_type != MEMORY_DECOMMIT && fails(k, FREE_TYPE)) return k->outcome;
    if (releases && a->region_size != 0 && fails(k, FREE_PART)) return k->outcome;
    uint64_t base = a->base_address.v, highest = k->mm->config->highest_user.v;
    if (base > highest && fails(k, FREE_BASE)) return k->outcome;
    if (a->region_size > 0 && a->region_size - 1 > highest - base && fails(k, FREE_SIZE))
        return k->outcome;
    struct process *p = process_at(k->mm, a->process), *before = k->mm->current;
    if (p == NULL) {
        fails(k, FREE_PROCESS);
        return k->outcome;
    }
    va_t at = a->base_address;
    uint64_t bytes = a->region_size;
    enter(k, p, releases);
    uint64_t whole = bytes == 0 ? allocation_bytes(p, at) : 0;
    uint32_t status = releases ? space_release(k->mm, p, &at, &bytes)
                               : space_decommit(k->mm, p, at, bytes);
    leave(k, before);
    if (status_ends(k, FREE_BASE, status)) return k->outcome;
    if (!releases && bytes == 0) bytes = whole;
    else if (!releases) round_to_pages(&at, &bytes);
    a->base_address = va_page(at);
    a->region_size = bytes;
    return returns_status(k, ST_SUCCESS);
}

const struct routine ZwFreeVirtualMemory = {
    .name = "ZwFreeVirtualMemory", .header = "ntifs.h",
    .doc = "Decommits or releases pages of a process's user address space.",
    .result = RESULT_STATUS, .result_doc = "STATUS_SUCCESS or why not.", .irql_max = 0,
    .args = ZwFreeVirtualMemory_args, .args_bytes = sizeof(struct ZwFreeVirtualMemory_args),
    .failures = ZwFreeVirtualMemory_failures, .run = ZwFreeVirtualMemory_run,
    .page = "ZwFreeVirtualMemory",
    .notes = "Pages that an MDL holds locked stay in memory until they are unlocked. A part of an "
             "allocation can be released from its start.",
    .left_out = "Nothing.",
};

/* ---- ZwProtectVirtualMemory ---- */

struct ZwProtectVirtualMemory_args {
    uint32_t process;
    va_t base_address;
    uint64_t region_size;
    uint32_t new_protect, old_protect;
};

static const struct field ZwProtectVirtualMemory_args[] = {
    PROCESS_HANDLE(struct ZwProtectVirtualMemory_args),
    { ROW_VA(struct ZwProtectVirtualMemory_args, base_address, "BaseAddress"),
      .flags = FIELD_INOUT | FIELD_NULLABLE,
      .doc = "Start of the region, rounded down to a page." },
    { ROW_SIZE(struct ZwProtectVirtualMemory_args, region_size, "RegionSize"),
      .flags = FIELD_INOUT, .doc = "Size in bytes, rounded up to pages." },
    { ROW_FLAGS(struct ZwProtectVirtualMemory_args, new_protect, "NewProtect", page_protections),
      .doc = "The new protection." },
    { ROW_FLAGS(struct ZwProtectVirtualMemory_args, old_protect, "OldProtect", page_protections),
      .flags = FIELD_OUT, .doc = "Protection that the first page had." },
    { 0 },
};

enum {
    PROTECT_IRQL, PROTECT_VALUE, PROTECT_BASE, PROTECT_SIZE, PROTECT_PROCESS, PROTECT_CONFLICT,
    PROTECT_COMMITTED, PROTECT_REFUSED
};
static const struct failure ZwProtectVirtualMemory_failures[] = {
    [PROTECT_IRQL] = ROW_IRQL,
    [PROTECT_VALUE] = { .name = "bad-protection", .then = THEN_FAILS,
                        .code = ST_INVALID_PAGE_PROTECTION,
                        .doc = "NewProtect is no protection." },
    [PROTECT_BASE] = { .name = "bad-base", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_2,
                       .doc = "BaseAddress is no user address.",
                       .source = "inferred: it is the second parameter" },
    [PROTECT_SIZE] = { .name = "bad-size", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_3,
                       .doc = "RegionSize is 0, or the region leaves the user addresses.",
                       .source = "inferred: it is the third parameter" },
    [PROTECT_PROCESS] = ROW_NO_USER_SPACE,
    [PROTECT_CONFLICT] = { .name = "not-one-allocation", .then = THEN_FAILS,
                           .code = ST_CONFLICTING_ADDRESSES,
                           .doc = "The region is not inside one allocation, is a mapping of an "
                                  "MDL, or memory in large pages with another protection." },
    [PROTECT_COMMITTED] = { .name = "not-committed", .then = THEN_FAILS,
                            .code = ST_NOT_COMMITTED,
                            .doc = "A page of the region is not committed." },
    [PROTECT_REFUSED] = { .name = "protection-refused", .then = THEN_FAILS,
                          .code = ST_INVALID_PAGE_PROTECTION,
                          .doc = "The kind of memory, or a promise of MmSecureVirtualMemory, does "
                                 "not allow the protection.",
                          .source = "MmSecureVirtualMemory; inferred: the status" },
    { 0 },
};

static struct outcome ZwProtectVirtualMemory_run(struct kernel *k, void *args)
{
    struct ZwProtectVirtualMemory_args *a = args;
    uint64_t base = a->base_address.v, highest = k->mm->config->highest_user.v;
    if (!protect_is_valid(a->new_protect) && fails(k, PROTECT_VALUE)) return k->outcome;
    if (base > highest && fails(k, PROTECT_BASE)) return k->outcome;
    if ((a->region_size == 0 || a->region_size - 1 > highest - base) && fails(k, PROTECT_SIZE))
        return k->outcome;
    struct process *p = process_at(k->mm, a->process), *before = k->mm->current;
    if (p == NULL) {
        fails(k, PROTECT_PROCESS);
        return k->outcome;
    }
    enter(k, p, false);
    uint32_t status = space_protect(k->mm, p, a->base_address, a->region_size, a->new_protect,
                                    &a->old_protect);
    leave(k, before);
    if (status_ends(k, PROTECT_BASE, status)) return k->outcome;
    round_to_pages(&a->base_address, &a->region_size);
    return returns_status(k, ST_SUCCESS);
}

const struct routine ZwProtectVirtualMemory = {
    .name = "ZwProtectVirtualMemory", .header = "ntifs.h",
    .doc = "Changes the protection of committed pages of a process.",
    .result = RESULT_STATUS, .result_doc = "STATUS_SUCCESS or why not.", .irql_max = 0,
    .args = ZwProtectVirtualMemory_args, .args_bytes = sizeof(struct ZwProtectVirtualMemory_args),
    .failures = ZwProtectVirtualMemory_failures, .run = ZwProtectVirtualMemory_run,
    .page = "none: it is ZwProtectVirtualMemory of ntifs.h in newer kits",
    .notes = "The statuses follow the position of the parameter at fault (inferred).",
    .left_out = "Nothing.",
};
