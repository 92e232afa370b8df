/* Reservations of system PTEs, into which mapping cannot fail for want of them:
 * MmAllocateMappingAddress, MmFreeMappingAddress, MmMapLockedPagesWithReservedMapping,
 * MmUnmapReservedMapping. */
#include "base/check.h"
#include "nt/map_frames.h"

/* Count and tag of a reservation stand in two PTEs of its own, in front of those that it hands
 * out. */
enum { HEAD_PTES = 2 };
#define TAG_MASK 0xFFFFFFFEu /* bit 0 of a tag is not kept: the entry must stay invalid */

static bool same_tag(uint32_t a, uint32_t b) { return ((a ^ b) & TAG_MASK) == 0; }

struct reservation *reservation_at(struct kernel *k, va_t at)
{
    struct reservation *freed = NULL;
    for (size_t i = 0; i < k->reservation_count; i++) {
        struct reservation *r = &k->reservations[i];
        if (at.v < r->at.v || at.v - r->at.v >= r->page_count * PAGE_BYTES) continue;
        if (r->live) return r;
        freed = r;
    }
    return freed;
}

void reservation_unmap(struct kernel *k, struct mdl *m)
{
    struct reservation *r = reservation_at(k, m->map_base);
    CHECK2(r != NULL && r->live && r->mdl == m->id, m->id, m->map_base.v);
    paging_clear_range(k->hw, &k->hw->system, r->at, r->mapped_pages);
    tlb_flush_range(k->hw, r->at, r->mapped_pages);
    gauge_sub(&k->mm->reserved_in_use, r->mapped_pages);
    k->reserved_unmaps++;
    r->mdl = 0;
    r->mapped_pages = 0;
}

/* A slot for a new reservation: the first of a freed one, else a new one. */
static struct reservation *reservation_new(struct kernel *k)
{
    for (size_t i = 0; i < k->reservation_count; i++)
        if (!k->reservations[i].live) return &k->reservations[i];
    k->reservations = mem_grow(k->from, k->reservations, &k->reservation_capacity,
                               k->reservation_count + 1, sizeof *k->reservations);
    return &k->reservations[k->reservation_count++];
}

#define MISUSE(number)                                                                             \
    .then = THEN_STOPS, .code = BC_SYSTEM_PTE_MISUSE, .p1 = 0x##number, .rule = "DA-" #number,     \
    .source = "Bug Check 0xDA"
#define ROW_IRQL(max, level)                                                                       \
    { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "irql_above_limit", .is_irql = true,  \
      .irql_max = (max), .doc = "The IRQL is above " level "." }

/* ---- MmAllocateMappingAddress ---- */

struct MmAllocateMappingAddress_args {
    uint64_t number_of_bytes;
    uint32_t pool_tag;
};

static const struct field MmAllocateMappingAddress_args[] = {
    { ROW_SIZE(struct MmAllocateMappingAddress_args, number_of_bytes, "NumberOfBytes"),
      .doc = "Size of the address range to reserve." },
    { ROW_TAG(struct MmAllocateMappingAddress_args, pool_tag, "PoolTag"),
      .doc = "Names the owner; every later call must pass the same." },
    { 0 },
};

enum { RESERVE_IRQL, RESERVE_ZERO, RESERVE_TAG, RESERVE_NO_PTES };
static const struct failure MmAllocateMappingAddress_failures[] = {
    [RESERVE_IRQL] = ROW_IRQL(1, "APC_LEVEL"),
    [RESERVE_ZERO] = { .name = "zero-bytes", MISUSE(100), .doc = "NumberOfBytes is 0." },
    [RESERVE_TAG] = { .name = "no-tag", .then = THEN_FAILS, .doc = "PoolTag is 0.",
                      .source = "implementations" },
    [RESERVE_NO_PTES] = { .name = "no-system-ptes", .then = THEN_FAILS,
                          .doc = "No run of free system PTEs is long enough for the pages and the "
                                 "two PTEs in front.",
                          .source = "inferred: the page does not say what a failure returns" },
    { 0 },
};

static struct outcome MmAllocateMappingAddress_run(struct kernel *k, void *args)
{
    const struct MmAllocateMappingAddress_args *a = args;
    uint64_t count = span_pages(0, a->number_of_bytes);
    va_t at;
    if (count == 0 && ends(k, RESERVE_ZERO, P(0, 0, 0), P(0, a->pool_tag, 0))) return k->outcome;
    if (a->pool_tag == 0 && fails(k, RESERVE_TAG)) return k->outcome;
    if (!syspte_reserve(k->mm, count + HEAD_PTES, PRIORITY_HIGH, PTE_USER_RESERVED, &at) &&
        fails(k, RESERVE_NO_PTES))
        return k->outcome;
    at = va_add(at, HEAD_PTES * PAGE_BYTES);
    struct reservation *r = reservation_new(k);
    *r = (struct reservation){ .at = at, .page_count = count, .tag = a->pool_tag, .live = true,
                               .seq = (uint32_t)k->seq, .line = k->line };
    gauge_add(&k->objects.reserved_mappings, 1, hw_now(k->hw));
    return returns_address(k, at);
}

const struct routine MmAllocateMappingAddress = {
    .name = "MmAllocateMappingAddress", .header = "wdm.h",
    .doc = "Reserves system addresses for mappings that must not fail later.",
    .result = RESULT_ADDRESS, .result_doc = "The start of the reserved range, or NULL.",
    .irql_max = 1, .os_first = OS_XP, .args = MmAllocateMappingAddress_args,
    .args_bytes = sizeof(struct MmAllocateMappingAddress_args),
    .failures = MmAllocateMappingAddress_failures, .run = MmAllocateMappingAddress_run,
    .page = "MmAllocateMappingAddress",
    .notes = "Takes two PTEs more than pages, for the count and the tag, as implementations do; "
             "pte_usage.system counts them all, pte_usage.reserved what is mapped inside. Tags "
             "that differ in bit 0 alone are the same owner, as tests on Windows show.",
    .left_out = "The contents of the two PTEs in front.",
};

/* ---- MmFreeMappingAddress ---- */

struct MmFreeMappingAddress_args {
    va_t base_address;
    uint32_t pool_tag;
};

static const struct field MmFreeMappingAddress_args[] = {
    { ROW_VA(struct MmFreeMappingAddress_args, base_address, "BaseAddress"),
      .doc = "Address that MmAllocateMappingAddress returned." },
    { ROW_TAG(struct MmFreeMappingAddress_args, pool_tag, "PoolTag"),
      .doc = "Tag of the reservation." },
    { 0 },
};

enum { RELEASE_IRQL, RELEASE_OWNER, RELEASE_EMPTY, RELEASE_MAPPED };
static const struct failure MmFreeMappingAddress_failures[] = {
    [RELEASE_IRQL] = ROW_IRQL(1, "APC_LEVEL"),
    [RELEASE_OWNER] = { .name = "not-owned", MISUSE(101),
                        .doc = "BaseAddress starts no reservation, or one of another tag." },
    [RELEASE_EMPTY] = { .name = "empty", MISUSE(102), .doc = "The reservation was freed already." },
    [RELEASE_MAPPED] = { .name = "still-mapped", MISUSE(103),
                         .doc = "An MDL is mapped in the reservation." },
    { 0 },
};

/* The reservation that starts in the page of an address, owned by the tag; NULL when there is
 * none. */
static struct reservation *owned_reservation(struct kernel *k, va_t at, uint32_t tag)
{
    struct reservation *r = reservation_at(k, at);
    bool starts = r != NULL && va_page(at).v == r->at.v;
    return starts && same_tag(r->tag, tag) ? r : NULL;
}

/* Tag of the owner, for the bug checks. */
static uint64_t owner_tag(struct kernel *k, va_t at)
{
    const struct reservation *r = reservation_at(k, at);
    return r == NULL ? 0 : r->tag;
}

static struct outcome MmFreeMappingAddress_run(struct kernel *k, void *args)
{
    const struct MmFreeMappingAddress_args *a = args;
    struct reservation *r = owned_reservation(k, a->base_address, a->pool_tag);
    uint64_t at = a->base_address.v;
    if (r == NULL) {
        struct params p = P(at, a->pool_tag, owner_tag(k, a->base_address));
        ends(k, RELEASE_OWNER, P(0, 0, 0), p);
        return k->outcome;
    }
    if (!r->live && ends(k, RELEASE_EMPTY, P(0, 0, 0), P(at, a->pool_tag, 0))) return k->outcome;
    if (r->mdl != 0 &&
        ends(k, RELEASE_MAPPED, P(0, 0, 0), P(r->at.v, a->pool_tag, r->page_count)))
        return k->outcome;
    syspte_release(k->mm, va(r->at.v - HEAD_PTES * PAGE_BYTES), r->page_count + HEAD_PTES,
                   PTE_USER_RESERVED);
    r->live = false;
    gauge_sub(&k->objects.reserved_mappings, 1);
    return returns_void(k);
}

const struct routine MmFreeMappingAddress = {
    .name = "MmFreeMappingAddress", .header = "wdm.h",
    .doc = "Frees a range that MmAllocateMappingAddress reserved.",
    .result = RESULT_VOID, .result_doc = "Nothing.", .irql_max = 1, .os_first = OS_XP,
    .args = MmFreeMappingAddress_args, .args_bytes = sizeof(struct MmFreeMappingAddress_args),
    .failures = MmFreeMappingAddress_failures, .run = MmFreeMappingAddress_run,
    .page = "MmFreeMappingAddress",
    .notes = "Any address in the first page of the reservation will do, as tests on Windows show. "
             "A reservation freed twice with its tag is empty (0xDA/102, inferred).",
    .left_out = "Nothing.",
};

/* ---- MmMapLockedPagesWithReservedMapping ---- */

struct MmMapLockedPagesWithReservedMapping_args {
    va_t mapping_address;
    uint32_t pool_tag, mdl, cache_type;
};

static const struct field MmMapLockedPagesWithReservedMapping_args[] = {
    { ROW_VA(struct MmMapLockedPagesWithReservedMapping_args, mapping_address, "MappingAddress"),
      .doc = "Start of a reservation." },
    { ROW_TAG(struct MmMapLockedPagesWithReservedMapping_args, pool_tag, "PoolTag"),
      .doc = "Tag of the reservation." },
    { ROW_MDL(struct MmMapLockedPagesWithReservedMapping_args, mdl, "MemoryDescriptorList"),
      .doc = "MDL whose pages are locked." },
    { ROW_NAME(struct MmMapLockedPagesWithReservedMapping_args, cache_type, "CacheType",
               cache_types),
      .doc = "Cache type of pages that have none yet." },
    { 0 },
};

enum {
    INTO_IRQL, INTO_NOT_LOCKED, INTO_OWNER, INTO_INVALID, INTO_IN_USE, INTO_TOO_SMALL,
    INTO_ALREADY_MAPPED, INTO_CACHE_INVALID, INTO_CACHE_RESERVED, INTO_MAPPING
};
static const struct failure MmMapLockedPagesWithReservedMapping_failures[] = {
    [INTO_IRQL] = ROW_IRQL(2, "DISPATCH_LEVEL"),
    [INTO_NOT_LOCKED] = { .name = "not-locked", .then = THEN_STOPS, .code = BC_MEMORY_MANAGEMENT,
                          .p1 = 0x1236, .rule = "C4-85",
                          .doc = "The MDL's pages are neither locked nor built.",
                          .source = "Bug Check 0x1A, Bug Check 0xC4" },
    [INTO_OWNER] = { .name = "not-owned", MISUSE(104),
                     .doc = "MappingAddress lies in no reservation, or in one of another tag." },
    [INTO_INVALID] = { .name = "bad-mapping-address", MISUSE(105),
                       .doc = "MappingAddress is not the start of the reservation, or the "
                              "reservation was freed." },
    [INTO_IN_USE] = { .name = "in-use", MISUSE(107),
                      .doc = "The reservation holds a mapping already." },
    [INTO_TOO_SMALL] = { .name = "too-small", .then = THEN_FAILS,
                         .doc = "The MDL covers more pages than the reservation has." },
    [INTO_ALREADY_MAPPED] = { .name = "already-mapped", .then = THEN_REFUSED, .rule = "C4-B2",
                              .doc = "The MDL has a system address already.",
                              .source = "Bug Check 0xC4" },
    [INTO_CACHE_INVALID] = { .name = "bad-cache-type", .then = THEN_FAILS,
                             PARAMETER_INVALID("CacheType is MmMaximumCacheType or MmNotMapped."),
                             .source = "inferred: both name no type" },
    [INTO_CACHE_RESERVED] = { .name = "reserved-cache-type", .then = THEN_PERFORMED,
                              .rule = "cache_type_reserved", .advice = true,
                              .doc = "CacheType is reserved for system use.",
                              .source = "MEMORY_CACHING_TYPE" },
    MAPPING_ROWS(INTO_MAPPING),
    { 0 },
};

static bool reserved_mdl_ends(struct kernel *k,
                              const struct MmMapLockedPagesWithReservedMapping_args *a,
                              const struct mdl *m)
{
    unsigned mapped = m->flags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL);
    uint32_t cache = cache_from_type(a->cache_type);
    if (mapped != 0 &&
        ends(k, INTO_ALREADY_MAPPED, P(m->address.v, m->flags, mapped), P(0, 0, 0)))
        return true;
    if (cache == FRAME_CACHE_NONE && fails(k, INTO_CACHE_INVALID)) return true;
    if (cache_type_is_reserved(a->cache_type) && fails(k, INTO_CACHE_RESERVED)) return true;
    return mapping_ends(k, INTO_MAPPING, m, cache);
}

/* The reservation's faults. *out is set when the call goes on. */
static bool reservation_ends(struct kernel *k, va_t at, uint32_t tag, uint64_t count,
                             struct reservation **out)
{
    struct reservation *r = reservation_at(k, at);
    if (r == NULL || !same_tag(r->tag, tag)) {
        uint64_t owner = r == NULL ? 0 : r->tag;
        return ends(k, INTO_OWNER, P(0, 0, 0), P(at.v, tag, owner));
    }
    uint64_t last = r->at.v + (r->page_count - 1) * PAGE_BYTES;
    *out = r;
    if ((!r->live || va_page(at).v != r->at.v) &&
        ends(k, INTO_INVALID, P(0, 0, 0), P(at.v, tag, 0)))
        return true;
    if (r->mdl != 0 && ends(k, INTO_IN_USE, P(0, 0, 0), P(at.v, r->at.v, last))) return true;
    return count > r->page_count && fails(k, INTO_TOO_SMALL);
}

static struct outcome MmMapLockedPagesWithReservedMapping_run(struct kernel *k, void *args)
{
    const struct MmMapLockedPagesWithReservedMapping_args *a = args;
    struct mdl *m = kernel_mdl(k, a->mdl);
    uint64_t count = mdl_page_count(m);
    struct reservation *r = NULL;
    if (!mdl_locked_by_hand(m) && state_ends(k, OP_MAP_RESERVED, m)) return k->outcome;
    if (reservation_ends(k, a->mapping_address, a->pool_tag, count, &r)) return k->outcome;
    if (reserved_mdl_ends(k, a, m)) return k->outcome;
    uint32_t cache = cache_from_type(a->cache_type);
    mapping_write(k, m, &k->hw->system, r->at, cache, system_entry_bits(true, true),
                  LEVEL_PT);
    gauge_add(&k->mm->reserved_in_use, count, hw_now(k->hw));
    k->reserved_maps++;
    r->mdl = m->id;
    r->mapped_pages = count;
    /* Tests on Windows: an unaligned address in the first page is rounded down to 16 from
     * Windows 8 on. */
    va_t named = a->mapping_address;
    if (k->os >= OS_8) named.v &= ~(uint64_t)15;
    m->mapped_va = named;
    mapping_made(k, m, MAPPING_RESERVED, r->at, cache);
    return returns_address(k, va_add(named, m->byte_offset));
}

const struct routine MmMapLockedPagesWithReservedMapping = {
    .name = "MmMapLockedPagesWithReservedMapping", .header = "wdm.h",
    .doc = "Maps the pages of an MDL into a reservation.",
    .result = RESULT_ADDRESS,
    .result_doc = "The address of the MDL's first byte, or NULL when the MDL does not fit.",
    .irql_max = 2, .os_first = OS_XP, .args = MmMapLockedPagesWithReservedMapping_args,
    .args_bytes = sizeof(struct MmMapLockedPagesWithReservedMapping_args),
    .failures = MmMapLockedPagesWithReservedMapping_failures,
    .run = MmMapLockedPagesWithReservedMapping_run, .page = "MmMapLockedPagesWithReservedMapping",
    .notes = "MappedSystemVa becomes the mapping address without the byte offset, the returned "
             "address has it. Allocates nothing and searches nothing, hence NULL only for a "
             "reservation that is too small. The mapping is executable: there is no Priority.",
    .left_out = "Nothing.",
};

/* ---- MmUnmapReservedMapping ---- */

struct MmUnmapReservedMapping_args {
    va_t base_address;
    uint32_t pool_tag, mdl;
};

static const struct field MmUnmapReservedMapping_args[] = {
    { ROW_VA(struct MmUnmapReservedMapping_args, base_address, "BaseAddress"),
      .doc = "Start of the reservation, or the address that the mapping returned." },
    { ROW_TAG(struct MmUnmapReservedMapping_args, pool_tag, "PoolTag"),
      .doc = "Tag of the reservation." },
    { ROW_MDL(struct MmUnmapReservedMapping_args, mdl, "MemoryDescriptorList"),
      .doc = "MDL that is mapped there." },
    { 0 },
};

enum { OUT_IRQL, OUT_OWNER, OUT_EMPTY, OUT_TOO_MANY, OUT_NOT_MAPPED, OUT_PART, OUT_OTHER_MDL };
static const struct failure MmUnmapReservedMapping_failures[] = {
    [OUT_IRQL] = ROW_IRQL(2, "DISPATCH_LEVEL"),
    [OUT_OWNER] = { .name = "not-owned", MISUSE(108),
                    .doc = "BaseAddress is in the first page of no reservation, or of one with "
                           "another tag." },
    [OUT_EMPTY] = { .name = "empty", MISUSE(109), .doc = "The reservation was freed already." },
    [OUT_TOO_MANY] = { .name = "more-than-reserved", MISUSE(10A),
                       .doc = "The MDL covers more pages than the reservation has." },
    [OUT_NOT_MAPPED] = { .name = "not-mapped", MISUSE(10B),
                         .doc = "The MDL covers pages of the reservation that are not mapped." },
    [OUT_PART] = { .name = "part-of-mapping", MISUSE(10C),
                   .doc = "The MDL covers fewer pages than are mapped in the reservation." },
    [OUT_OTHER_MDL] = { .name = "other-mdl", .then = THEN_REFUSED,
                        .rule = "reserved_mapping_wrong_mdl",
                        .doc = "Another MDL of the same number of pages is mapped there.",
                        .source = "inferred: the page asks for the MDL of the mapping" },
    { 0 },
};

static struct outcome MmUnmapReservedMapping_run(struct kernel *k, void *args)
{
    const struct MmUnmapReservedMapping_args *a = args;
    struct mdl *m = kernel_mdl(k, a->mdl);
    struct reservation *r = owned_reservation(k, a->base_address, a->pool_tag);
    uint64_t at = a->base_address.v, count = mdl_page_count(m);
    struct params own = P(at, a->pool_tag, count);
    if (r == NULL) {
        own.p[2] = owner_tag(k, a->base_address);
        ends(k, OUT_OWNER, P(0, 0, 0), own);
        return k->outcome;
    }
    if (!r->live && ends(k, OUT_EMPTY, P(0, 0, 0), P(at, a->pool_tag, 0))) return k->outcome;
    if (count > r->page_count &&
        ends(k, OUT_TOO_MANY, P(0, 0, 0), P(at, r->page_count, count)))
        return k->outcome;
    if ((r->mdl == 0 || count > r->mapped_pages) && ends(k, OUT_NOT_MAPPED, P(0, 0, 0), own))
        return k->outcome;
    if (count < r->mapped_pages && ends(k, OUT_PART, P(0, 0, 0), own)) return k->outcome;
    if (r->mdl != m->id && fails(k, OUT_OTHER_MDL)) return k->outcome;
    unmap_mdl(k, m);
    return returns_void(k);
}

const struct routine MmUnmapReservedMapping = {
    .name = "MmUnmapReservedMapping", .header = "wdm.h",
    .doc = "Undoes MmMapLockedPagesWithReservedMapping; the reservation stays.",
    .result = RESULT_VOID, .result_doc = "Nothing.", .irql_max = 2, .os_first = OS_XP,
    .args = MmUnmapReservedMapping_args, .args_bytes = sizeof(struct MmUnmapReservedMapping_args),
    .failures = MmUnmapReservedMapping_failures, .run = MmUnmapReservedMapping_run,
    .page = "MmUnmapReservedMapping",
    .notes = "The page calls BaseAddress both the start of the reservation and the value that the "
             "mapping returned: either will do. The entries are flushed at once, for the owner may "
             "map there again without any further search.",
    .left_out = "Nothing.",
};
