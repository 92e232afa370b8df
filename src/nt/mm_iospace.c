/* Memory of devices: MmMapIoSpace, MmUnmapIoSpace, MmAllocateMdlForIoSpace. */
#include "base/check.h"
#include "nt/map_frames.h"
#include "nt/mdl_pool.h"

#define PHYSICAL_BYTES_MAX ((uint64_t)1 << 52) /* an entry holds 40 bits of a frame number */
enum { ENTRIES_AT_ONCE = 256, TABLE_PAGES = 512 };

/* Whether the pages of [at, at + bytes) exist for the processor; bytes > 0. */
static bool physical_range_fits(uint64_t at, uint64_t bytes)
{
    uint64_t end;
    return add_fits(at, bytes, &end) && end <= PHYSICAL_BYTES_MAX;
}

/* The first RAM range that overlaps frames [first, first + count), NULL when none does. */
static const struct phys_range *ram_overlap(const struct phys *phys, uint64_t first, uint64_t count)
{
    for (size_t i = 0; i < phys->ram_count; i++) {
        const struct phys_range *ram = &phys->ram[i];
        if (ram->first.v < first + count && first < ram->first.v + ram->page_count) return ram;
    }
    return NULL;
}

/* Whether every frame of [first, first + count) is RAM or a device's. */
static bool is_backed(const struct phys *phys, uint64_t first, uint64_t count)
{
    for (uint64_t f = first; f < first + count;) {
        const struct phys_range *r = phys_bar_at(phys, pfn(f));
        if (r == NULL) r = phys_ram_at(phys, pfn(f));
        if (r == NULL) return false;
        f = r->first.v + r->page_count;
    }
    return true;
}

/* ---- MmAllocateMdlForIoSpace ---- */

struct MmAllocateMdlForIoSpace_args {
    struct list_arg list;
    uint64_t number_of_entries;
    uint32_t new_mdl;
};

static const struct field io_space_range[] = { { .key = "PhysicalAddress", .type = FIELD_PA },
                                               { .key = "NumberOfBytes", .type = FIELD_SIZE },
                                               { 0 } };

static const struct field MmAllocateMdlForIoSpace_args[] = {
    { ROW_LIST(struct MmAllocateMdlForIoSpace_args, list, "PhysicalAddressList"),
      .group = io_space_range,
      .doc = "Ranges of physical addresses, each PhysicalAddress and NumberOfBytes." },
    { ROW_U64(struct MmAllocateMdlForIoSpace_args, number_of_entries, "NumberOfEntries"),
      .flags = FIELD_OPTIONAL, .fallback = "0",
      .doc = "Count of ranges; left out, that of the list." },
    { ROW_MDL(struct MmAllocateMdlForIoSpace_args, new_mdl, "NewMdl"), .flags = FIELD_OUT,
      .doc = "The MDL." },
    { 0 },
};

enum {
    IO_IRQL, IO_EMPTY, IO_BASE, IO_SIZE, IO_HIGH, IO_RAM, IO_TOTAL, IO_OUTSIDE, IO_NO_POOL
};
static const struct failure MmAllocateMdlForIoSpace_failures[] = {
    [IO_IRQL] = { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "irql_above_limit",
                  .is_irql = true, .irql_max = 2, .doc = "The IRQL is above DISPATCH_LEVEL." },
    [IO_EMPTY] = { .name = "no-ranges", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_2,
                   .doc = "NumberOfEntries is 0.",
                   .source = "inferred: it is the second parameter" },
    [IO_BASE] = { .name = "base-unaligned", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_1,
                  .doc = "A range does not start at a page." },
    [IO_SIZE] = { .name = "bad-size", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_1,
                  .doc = "The size of a range is 0 or no multiple of the page size." },
    [IO_HIGH] = { .name = "above-physical", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_1,
                  .doc = "A range ends above 2^52, where no physical address is.",
                  .source = "inferred: such a range is no memory" },
    [IO_RAM] = { .name = "range-is-ram", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_1,
                 .doc = "A range is memory of the operating system." },
    [IO_TOTAL] = { .name = "too-many-bytes", .then = THEN_FAILS, .code = ST_INVALID_PARAMETER_1,
                   PARAMETER_INVALID("The ranges are more than 2^32 - 1 bytes together."),
                   .source = "inferred: the page gives the limit without a status" },
    [IO_OUTSIDE] = { .name = "range-of-no-device", .then = THEN_PERFORMED,
                     .rule = "io_range_not_in_bar", .advice = true,
                     .doc = "A range is in no device's memory." },
    [IO_NO_POOL] = { .name = "no-pool", .then = THEN_FAILS, .code = ST_INSUFFICIENT_RESOURCES,
                     .doc = "Nonpaged pool has no room for the MDL." },
    { 0 },
};

static bool io_range_ends(struct kernel *k, uint64_t at, uint64_t bytes)
{
    if ((at & PAGE_MASK) != 0 && fails(k, IO_BASE)) return true;
    if ((bytes == 0 || (bytes & PAGE_MASK) != 0) && fails(k, IO_SIZE)) return true;
    if (!physical_range_fits(at, bytes) && fails(k, IO_HIGH)) return true;
    return ram_overlap(&k->hw->phys, at >> PAGE_SHIFT_BITS, bytes >> PAGE_SHIFT_BITS) != NULL &&
           fails(k, IO_RAM);
}

/* All checks of the list; *total becomes the sum of its sizes. */
static bool io_list_ends(struct kernel *k, const struct list_arg *list, uint64_t count,
                         uint64_t *total)
{
    bool outside = false;
    *total = 0;
    if (count == 0 && fails(k, IO_EMPTY)) return true;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = list->entries[i][0], bytes = list->entries[i][1];
        if (io_range_ends(k, at, bytes)) return true;
        if (*total <= UINT32_MAX) *total += bytes; /* below 2^32 + 2^52 */
        outside = outside || !is_backed(&k->hw->phys, at >> PAGE_SHIFT_BITS,
                                        bytes >> PAGE_SHIFT_BITS);
    }
    if (*total > UINT32_MAX && fails(k, IO_TOTAL)) return true;
    return outside && fails(k, IO_OUTSIDE);
}

static struct outcome MmAllocateMdlForIoSpace_run(struct kernel *k, void *args)
{
    struct MmAllocateMdlForIoSpace_args *a = args;
    uint64_t count = a->number_of_entries, total;
    if (count == 0 || count > a->list.count) count = a->list.count;
    a->new_mdl = 0;
    if (io_list_ends(k, &a->list, count, &total)) return k->outcome;
    uint64_t slots = total >> PAGE_SHIFT_BITS, slot = 0;
    va_t at;
    if (!mdl_pool_allocate(k, slots, &at) && fails(k, IO_NO_POOL)) return k->outcome;
    uint32_t id = mdl_new(k->mm, at, MEMORY_IO_ALLOCATED, 0, total, slots);
    struct mdl *m = mdl_made(k, id);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t first = a->list.entries[i][0] >> PAGE_SHIFT_BITS;
        uint64_t pages = a->list.entries[i][1] >> PAGE_SHIFT_BITS;
        for (uint64_t page = 0; page < pages; page++) {
            mdl_pfns(m)[slot++] = first + page;
            frame_io_hold(k->mm, pfn(first + page));
        }
    }
    charge(k->hw, COST_PFN, slots);
    m->flags = MDL_IO_SPACE | MDL_PAGES_LOCKED;
    m->process = 0;
    m->builder = BUILDER_IO_SPACE;
    a->new_mdl = id;
    mdl_changed(k, m, true);
    return returns_status(k, ST_SUCCESS);
}

const struct routine MmAllocateMdlForIoSpace = {
    .name = "MmAllocateMdlForIoSpace", .header = "wdm.h",
    .doc = "Allocates an MDL that describes ranges of a device's memory.",
    .result = RESULT_STATUS, .result_doc = "STATUS_SUCCESS or why not.", .irql_max = 2,
    .os_first = OS_8, .args = MmAllocateMdlForIoSpace_args,
    .args_bytes = sizeof(struct MmAllocateMdlForIoSpace_args),
    .failures = MmAllocateMdlForIoSpace_failures, .run = MmAllocateMdlForIoSpace_run,
    .page = "MmAllocateMdlForIoSpace",
    .notes = "The flags are MDL_IO_SPACE and MDL_PAGES_LOCKED: the page has the MDL mapped by "
             "MmMapLockedPagesSpecifyCache, for which pages must count as locked (inferred). It is "
             "never unlocked; IoFreeMdl frees it. Ranges are checked one after the other.",
    .left_out = "Statuses that the page alludes to without naming them.",
};

/* ---- MmMapIoSpace ---- */

struct MmMapIoSpace_args {
    pa_t physical_address;
    uint64_t number_of_bytes;
    uint32_t cache_type;
};

static const struct field MmMapIoSpace_args[] = {
    { ROW_PA(struct MmMapIoSpace_args, physical_address, "PhysicalAddress"),
      .doc = "Start of the range." },
    { ROW_SIZE(struct MmMapIoSpace_args, number_of_bytes, "NumberOfBytes"),
      .doc = "Bytes to map." },
    { ROW_NAME(struct MmMapIoSpace_args, cache_type, "CacheType", cache_types),
      .doc = "Cache type of the mapping." },
    { 0 },
};

enum {
    MAPIO_IRQL, MAPIO_ZERO, MAPIO_CACHE_INVALID, MAPIO_CACHE_RESERVED, MAPIO_HIGH, MAPIO_UNLOCKED,
    MAPIO_OUTSIDE, MAPIO_CONFLICT, MAPIO_EXECUTABLE, MAPIO_NO_PTES
};
static const struct failure MmMapIoSpace_failures[] = {
    [MAPIO_IRQL] = { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "C4-73",
                     .is_irql = true, .irql_max = 2, .doc = "The IRQL is above DISPATCH_LEVEL." },
    [MAPIO_ZERO] = { .name = "zero-bytes", .then = THEN_FAILS, .rule = "zero_length_io_space",
                     .advice = true, .doc = "NumberOfBytes is 0." },
    [MAPIO_CACHE_INVALID] = { .name = "bad-cache-type", .then = THEN_FAILS,
                              PARAMETER_INVALID("CacheType is MmMaximumCacheType or MmNotMapped."),
                              .source = "implementations" },
    [MAPIO_CACHE_RESERVED] = { .name = "reserved-cache-type", .then = THEN_PERFORMED,
                               .rule = "cache_type_reserved", .advice = true,
                               .doc = "CacheType is reserved for system use.",
                               .source = "MEMORY_CACHING_TYPE" },
    [MAPIO_HIGH] = { .name = "above-physical", .then = THEN_FAILS,
                     .doc = "The range ends above 2^52, where no physical address is.",
                     .source = "inferred: an entry cannot hold it" },
    [MAPIO_UNLOCKED] = { .name = "ram-not-locked", .then = THEN_STOPS,
                         .code = BC_MEMORY_MANAGEMENT, .p1 = 0x1233, .rule = "C4-83",
                         .doc = "The range holds a page of RAM that is not locked down.",
                         .source = "Bug Check 0x1A, Bug Check 0xC4" },
    [MAPIO_OUTSIDE] = { .name = "range-of-no-device", .then = THEN_PERFORMED,
                        .rule = "io_range_not_in_bar", .advice = true,
                        .doc = "The range is neither RAM nor in a device's memory.",
                        .source = "inferred: the page speaks of assigned resources" },
    [MAPIO_CONFLICT] = { .name = "cache-conflict", .then = THEN_PERFORMED,
                         .rule = "cache_type_conflict",
                         .doc = "A page of the range has another cache type already.",
                         .source = "MEMORY_CACHING_TYPE" },
    [MAPIO_EXECUTABLE] = { .name = "executable", .then = THEN_PERFORMED, .rule = "C30029",
                           .advice = true, .os_first = OS_8,
                           .doc = "The mapping is executable, as all of this routine are.",
                           .source = "C30029" },
    [MAPIO_NO_PTES] = { .name = "no-system-ptes", .then = THEN_FAILS,
                        .doc = "No run of free system PTEs is long enough." },
    { 0 },
};

/* Page tables, stacks, pool and the system's own memory never move, pages of
 * MmAllocatePagesForMdl neither. */
static bool is_locked_down(const struct frame *f)
{
    switch (f->owner) {
    case OWNER_SYSTEM:
    case OWNER_POOL:
    case OWNER_MDL: return !frame_is_listed(f);
    default: return f->locks > 0;
    }
}

/* What the frames of a range come to: the first RAM frame that is not locked down, and
 * conflicts. */
static bool frames_end(struct kernel *k, const struct MmMapIoSpace_args *a, uint64_t first,
                       uint64_t count, uint32_t cache)
{
    bool conflict = device_cache_conflicts(k, first, count, cache);
    for (uint64_t i = 0; i < count; i++) {
        if (ram_overlap(&k->hw->phys, first + i, count - i) == NULL) break;
        struct frame f = frame_peek(k->mm, pfn(first + i));
        if (f.state == FRAME_STATE_COUNT) continue;
        if (!is_locked_down(&f))
            return ends(k, MAPIO_UNLOCKED, P(a->physical_address.v, a->number_of_bytes, first + i),
                        P(first + i, 0, 0));
        conflict = conflict || (f.cache != FRAME_CACHE_NONE && f.cache != cache);
    }
    if (!is_backed(&k->hw->phys, first, count) && fails(k, MAPIO_OUTSIDE)) return true;
    return conflict && fails(k, MAPIO_CONFLICT);
}

static bool map_io_space_ends(struct kernel *k, const struct MmMapIoSpace_args *a)
{
    uint64_t at = a->physical_address.v, bytes = a->number_of_bytes;
    uint32_t cache = cache_from_type(a->cache_type);
    if (bytes == 0 && fails(k, MAPIO_ZERO)) return true;
    if (cache == FRAME_CACHE_NONE && fails(k, MAPIO_CACHE_INVALID)) return true;
    if (cache_type_is_reserved(a->cache_type) && fails(k, MAPIO_CACHE_RESERVED)) return true;
    if (!physical_range_fits(at, bytes) && fails(k, MAPIO_HIGH)) return true;
    uint64_t count = span_pages(at, bytes);
    /* A range that cannot be mapped anyway is not looked through page by page. */
    if (count > k->mm->syspte.total) return fails(k, MAPIO_NO_PTES);
    if (frames_end(k, a, at >> PAGE_SHIFT_BITS, count, cache)) return true;
    return k->os >= OS_8 && fails(k, MAPIO_EXECUTABLE);
}

/* Consecutive frames of one type that go into the mapping in one go: one large page, or a part of
 * one page table. */
struct io_stretch {
    uint64_t count;
    unsigned level;
    uint32_t cache;
};

static struct io_stretch io_stretch_at(struct kernel *k, va_t at, uint64_t first, uint64_t count,
                                       uint32_t cache)
{
    struct io_stretch s = { .level = LEVEL_PT, .count = 1 };
    uint64_t rest = TABLE_PAGES - (at.v >> PAGE_SHIFT_BITS) % TABLE_PAGES;
    if (k->mm->config->large_pages)
        s.level = paging_level_for_run(k->hw, &k->hw->system, at, pfn(first), count,
                                       k->hw->large_level);
    uint64_t most = s.level > LEVEL_PT          ? pte_level_pages(s.level)
                    : rest < ENTRIES_AT_ONCE    ? rest
                                                : ENTRIES_AT_ONCE;
    if (most > count) most = count;
    s.cache = frame_settle_cache(k->mm, pfn(first), cache);
    while (s.count < most && frame_settle_cache(k->mm, pfn(first + s.count), cache) == s.cache)
        s.count++;
    if (s.level == LEVEL_PT || s.count == most) return s;
    s.level = LEVEL_PT; /* not all of one type */
    if (s.count > rest) s.count = rest;
    if (s.count > ENTRIES_AT_ONCE) s.count = ENTRIES_AT_ONCE;
    return s;
}

/* Frames without a record of their own are a device's, and held as long as the mapping lives. */
static void hold_devices(struct kernel *k, uint64_t first, uint64_t count)
{
    for (uint64_t f = first; f < first + count; f++)
        if (!frame_in_ram(k->mm, pfn(f))) frame_io_hold(k->mm, pfn(f));
}

static void write_io_entries(struct kernel *k, va_t at, uint64_t first, uint64_t count,
                             uint32_t cache)
{
    uint64_t frames[ENTRIES_AT_ONCE], bits = system_entry_bits(true, true);
    struct page_map *map = &k->hw->system;
    bool replaced = false;
    hold_devices(k, first, count);
    for (uint64_t done = 0; done < count;) {
        va_t here = va_add(at, done * PAGE_BYTES);
        uint64_t from = first + done;
        struct io_stretch s = io_stretch_at(k, here, from, count - done, cache);
        uint64_t all = bits | cache_entry_bits(s.cache);
        for (uint64_t i = 0; s.level == LEVEL_PT && i < s.count; i++) frames[i] = from + i;
        if (s.level == LEVEL_PT) paging_set_range(k->hw, map, here, frames, s.count, all);
        else if (paging_set_large(k->hw, map, here, s.level, pfn(from), all)) replaced = true;
        done += s.count;
    }
    if (replaced) tlb_flush_tables(k->hw, at);
}

/* System PTEs with tables for the pages that write_io_entries will write. */
static bool reserve_io(struct kernel *k, uint64_t first, uint64_t count, uint32_t cache, va_t *at)
{
    unsigned level = k->mm->config->large_pages ? k->hw->large_level : LEVEL_PT;
    uint64_t align = mapping_align(level, first, count), done = 0;
    if (align > 1 && syspte_reserve_aligned(k->mm, count, align, PRIORITY_HIGH, PTE_USER_IO_SPACE,
                                            at)) {
        while (done < count) {
            va_t here = va_add(*at, done * PAGE_BYTES);
            struct io_stretch s = io_stretch_at(k, here, first + done, count - done, cache);
            if (!paging_reserve_large(k->hw, &k->hw->system, here, s.level)) break;
            done += s.count;
        }
        if (done == count) return true;
        syspte_release(k->mm, *at, count, PTE_USER_IO_SPACE);
    }
    return syspte_reserve(k->mm, count, PRIORITY_HIGH, PTE_USER_IO_SPACE, at);
}

static struct io_mapping *io_mapping_new(struct kernel *k)
{
    for (size_t i = 0; i < k->io_mapping_count; i++)
        if (!k->io_mappings[i].live) return &k->io_mappings[i];
    k->io_mappings = mem_grow(k->from, k->io_mappings, &k->io_mapping_capacity,
                              k->io_mapping_count + 1, sizeof *k->io_mappings);
    return &k->io_mappings[k->io_mapping_count++];
}

static struct outcome MmMapIoSpace_run(struct kernel *k, void *args)
{
    const struct MmMapIoSpace_args *a = args;
    if (map_io_space_ends(k, a)) return k->outcome;
    uint64_t physical = a->physical_address.v, count = span_pages(physical, a->number_of_bytes);
    uint32_t cache = cache_from_type(a->cache_type);
    va_t at;
    if (!reserve_io(k, physical >> PAGE_SHIFT_BITS, count, cache, &at) && fails(k, MAPIO_NO_PTES))
        return k->outcome;
    write_io_entries(k, at, physical >> PAGE_SHIFT_BITS, count, cache);
    at = va_add(at, physical & PAGE_MASK);
    struct io_mapping *io = io_mapping_new(k);
    *io = (struct io_mapping){ .at = at, .physical = a->physical_address,
                               .bytes = a->number_of_bytes, .page_count = count,
                               .cache = (uint8_t)cache, .live = true, .seq = (uint32_t)k->seq,
                               .line = k->line };
    gauge_add(&k->objects.mappings_io_space, 1, hw_now(k->hw));
    return returns_address(k, at);
}

const struct routine MmMapIoSpace = {
    .name = "MmMapIoSpace", .header = "wdm.h",
    .doc = "Maps a range of physical addresses, usually a device's memory, to system space.",
    .result = RESULT_ADDRESS, .result_doc = "The address of the range's first byte, or NULL.",
    .irql_max = 2, .args = MmMapIoSpace_args, .args_bytes = sizeof(struct MmMapIoSpace_args),
    .failures = MmMapIoSpace_failures, .run = MmMapIoSpace_run, .page = "MmMapIoSpace",
    .notes = "The range may start anywhere in a page; the address keeps the offset (inferred). RAM "
             "must be locked by an MDL, pool, of MmAllocatePagesForMdl or the system's; its own "
             "cache type wins (inferred). An earlier mapping of device memory with another type "
             "is a violation, and the new mapping gets the type that it asks for. With "
             "`mm.large_pages` a range that starts at a multiple of 2 MiB (1 GiB) is mapped at "
             "such an address, in pages of that size as far as it reaches.",
    .left_out = "Page tables that newer versions refuse to map by NULL instead of a bug check.",
};

/* ---- MmUnmapIoSpace ---- */

struct MmUnmapIoSpace_args {
    va_t base_address;
    uint64_t number_of_bytes;
};

static const struct field MmUnmapIoSpace_args[] = {
    { ROW_VA(struct MmUnmapIoSpace_args, base_address, "BaseAddress"),
      .doc = "Address that MmMapIoSpace returned." },
    { ROW_SIZE(struct MmUnmapIoSpace_args, number_of_bytes, "NumberOfBytes"),
      .doc = "Bytes that were mapped." },
    { 0 },
};

enum { UNMAPIO_IRQL, UNMAPIO_IRQL_ADVICE, UNMAPIO_UNKNOWN, UNMAPIO_DIFFERS };
static const struct failure MmUnmapIoSpace_failures[] = {
    [UNMAPIO_IRQL] = { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "C4-7B",
                       .is_irql = true, .irql_max = 2, .doc = "The IRQL is above DISPATCH_LEVEL." },
    [UNMAPIO_IRQL_ADVICE] = { .name = "irql-dispatch", .then = THEN_PERFORMED, .rule = "C4-7B",
                              .advice = true, .is_irql = true, .irql_max = 1, .irql_top = 2,
                              .doc = "The IRQL is DISPATCH_LEVEL: the page allows it, the text of "
                                     "the bug check does not.",
                              .source = "Bug Check 0xC4" },
    [UNMAPIO_UNKNOWN] = { .name = "unknown-mapping", .then = THEN_STOPS,
                          .code = BC_SYSTEM_PTE_MISUSE, .p1 = 0x400, .rule = "DA-400",
                          .doc = "No mapping of MmMapIoSpace covers just the pages of the range.",
                          .source = "Bug Check 0xDA" },
    [UNMAPIO_DIFFERS] = { .name = "other-bytes", .then = THEN_PERFORMED,
                          .rule = "io_space_size_differs", .advice = true,
                          .doc = "The range differs from the mapped one, but its pages are the "
                                 "same." },
    { 0 },
};

static struct io_mapping *io_mapping_at(struct kernel *k, va_t page, uint64_t page_count)
{
    for (size_t i = 0; i < k->io_mapping_count; i++) {
        struct io_mapping *io = &k->io_mappings[i];
        if (io->live && va_page(io->at).v == page.v && io->page_count == page_count) return io;
    }
    return NULL;
}

static struct outcome MmUnmapIoSpace_run(struct kernel *k, void *args)
{
    const struct MmUnmapIoSpace_args *a = args;
    va_t page = va_page(a->base_address);
    uint64_t count = span_pages(a->base_address.v, a->number_of_bytes);
    struct io_mapping *io = io_mapping_at(k, page, count);
    if (io == NULL) {
        ends(k, UNMAPIO_UNKNOWN, P(0, 0, 0), P(a->base_address.v, count, 0));
        return k->outcome;
    }
    bool same = io->at.v == a->base_address.v && io->bytes == a->number_of_bytes;
    if (!same && fails(k, UNMAPIO_DIFFERS)) return k->outcome;
    syspte_release(k->mm, page, count, PTE_USER_IO_SPACE);
    for (uint64_t i = 0, first = pa_to_pfn(io->physical).v; i < count; i++)
        if (!frame_in_ram(k->mm, pfn(first + i))) frame_io_drop(k->mm, pfn(first + i));
    io->live = false;
    gauge_sub(&k->objects.mappings_io_space, 1);
    return returns_void(k);
}

const struct routine MmUnmapIoSpace = {
    .name = "MmUnmapIoSpace", .header = "wdm.h", .doc = "Undoes MmMapIoSpace.",
    .result = RESULT_VOID, .result_doc = "Nothing.", .irql_max = 2, .args = MmUnmapIoSpace_args,
    .args_bytes = sizeof(struct MmUnmapIoSpace_args), .failures = MmUnmapIoSpace_failures,
    .run = MmUnmapIoSpace_run, .page = "MmUnmapIoSpace",
    .notes = "A size that comes to the same pages works, and shipping drivers pass one: advice. "
             "Any other address or size is an unknown mapping.",
    .left_out = "Nothing.",
};
