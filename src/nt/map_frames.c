/* Frames on their way into a mapping. */
#include "nt/map_frames.h"

#include "base/check.h"

enum { MEMORY_TYPE_COUNT = 6 };

uint32_t cache_from_type(uint32_t type)
{
    static const uint8_t of_type[MEMORY_TYPE_COUNT] = {
        FRAME_NONCACHED, FRAME_CACHED, FRAME_WRITE_COMBINED, /* MmNonCached .. MmWriteCombined */
        FRAME_CACHED, FRAME_NONCACHED, FRAME_WRITE_COMBINED, /* the reserved ones */
    };
    return type < MEMORY_TYPE_COUNT ? of_type[type] : (uint32_t)FRAME_CACHE_NONE;
}

bool cache_type_is_reserved(uint32_t type) { return type >= 3 && type < MEMORY_TYPE_COUNT; }

uint64_t cache_entry_bits(uint32_t cache)
{
    switch (cache) {
    case FRAME_NONCACHED: return pte_cache_bits(PTE_UNCACHED);
    case FRAME_WRITE_COMBINED: return pte_cache_bits(PTE_WRITE_COMBINED);
    default: return pte_cache_bits(PTE_CACHED);
    }
}

uint64_t system_entry_bits(bool writable, bool executable)
{
    uint64_t allowed = (writable ? PTE_WRITE : 0) | (executable ? 0 : PTE_NO_EXECUTE);
    return PTE_PRESENT | PTE_GLOBAL | allowed;
}

bool mdl_locked_by_hand(const struct mdl *m)
{
    if (m->builder != BUILDER_HEADER && m->builder != BUILDER_NONPAGED) return false;
    return (m->flags & (MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL)) == MDL_PAGES_LOCKED;
}

/* ---- checks ---- */

/* A partial MDL borrows the frames of its parent: the MDL that holds them, NULL when it is gone or
 * borrows frames itself by now. */
static const struct mdl *holder_of(struct kernel *k, const struct mdl *m)
{
    if (m->builder == BUILDER_PARTIAL) m = mdl_at(k->mm, m->parent);
    return m != NULL && m->live && m->builder != BUILDER_PARTIAL ? m : NULL;
}

static bool source_is_gone(struct kernel *k, const struct mdl *m)
{
    m = holder_of(k, m);
    if (m == NULL) return true;
    if (m->builder == BUILDER_PAGES) return !m->pages_held;
    if (m->builder == BUILDER_LOCKED) return (m->flags & MDL_PAGES_LOCKED) == 0;
    return m->builder == BUILDER_HEADER && !mdl_locked_by_hand(m);
}

/* What is wrong with the frames, each the first slot with that fault; slot count: none. */
struct slots_found {
    uint64_t empty, unlocked, foreign;
};

static struct slots_found look_at_slots(struct kernel *k, const struct mdl *m, uint64_t count)
{
    struct slots_found found = { count, count, count };
    uint64_t end = count < m->slots ? count : m->slots;
    struct frame_row row = mdl_frames(m, end);
    for (uint64_t i = 0; (i = frames_in_use(k->mm, &row, i)) < end; i++) {
        if (m->pfns[i] == PFN_NONE.v) {
            found.empty = i;
            return found;
        }
        if (frame_in_ram(k->mm, pfn(m->pfns[i]))) {
            found.unlocked = i;
            return found;
        }
        if (found.foreign == count) found.foreign = i;
    }
    found.empty = end;
    return found;
}

static uint64_t slot_address(struct kernel *k, const struct mdl *m, uint64_t slot)
{
    return m->address.v + mdl_size_bytes(k->mm, slot);
}

/* Runs of device frames in the MDL, each checked as a range. */
static bool devices_conflict(struct kernel *k, const struct mdl *m, uint64_t first, uint32_t cache)
{
    uint64_t count = mdl_page_count(m);
    for (uint64_t i = first, n; i < count; i += n) {
        n = 1;
        if (frame_in_ram(k->mm, pfn(m->pfns[i]))) continue;
        while (i + n < count && m->pfns[i + n] == m->pfns[i] + n) n++;
        if (device_cache_conflicts(k, m->pfns[i], n, cache)) return true;
    }
    return false;
}

bool mapping_ends(struct kernel *k, unsigned base, const struct mdl *m, uint32_t cache)
{
    uint64_t count = mdl_page_count(m);
    uint64_t first = m->slots > 0 ? m->pfns[0] : PFN_NONE.v;
    if (m->builder == BUILDER_PARTIAL && source_is_gone(k, m) &&
        ends(k, base + MAPPING_SOURCE_GONE, P(m->address.v, first, 0), P(first, 0, 0)))
        return true;
    struct slots_found found = look_at_slots(k, m, count);
    if (found.empty < count) {
        uint64_t value = found.empty < m->slots ? m->pfns[found.empty] : PFN_NONE.v;
        struct params p = P(m->address.v, slot_address(k, m, found.empty), value);
        if (ends(k, base + MAPPING_EMPTY_SLOT, P(m->address.v, count, value), p)) return true;
    }
    if (found.unlocked < count &&
        ends(k, base + MAPPING_UNLOCKED, P(m->address.v, count, m->pfns[found.unlocked]),
             P(m->pfns[found.unlocked], 0, 0)))
        return true;
    if (found.foreign < count && (m->flags & MDL_IO_SPACE) == 0) {
        struct params p = P(m->address.v, slot_address(k, m, found.foreign),
                            m->pfns[found.foreign]);
        if (ends(k, base + MAPPING_FOREIGN, p, P(0, 0, 0))) return true;
    }
    if (count == 0 && fails(k, base + MAPPING_ZERO)) return true;
    return found.foreign < count && devices_conflict(k, m, found.foreign, cache) &&
           fails(k, base + MAPPING_CONFLICT);
}

static bool is_mapped_device_mdl(const struct mdl *m)
{
    if ((m->flags & MDL_IO_SPACE) == 0 || m->pfns == NULL) return false;
    return m->mapping == MAPPING_SYSTEM || m->mapping == MAPPING_RESERVED || m->user_mappings > 0;
}

/* Mappings of devices are few, so they are looked at one by one. */
bool device_cache_conflicts(struct kernel *k, uint64_t first, uint64_t page_count, uint32_t cache)
{
    uint64_t last = first + (page_count - 1);
    for (size_t i = 0; i < k->io_mapping_count; i++) {
        const struct io_mapping *io = &k->io_mappings[i];
        uint64_t io_first = pa_to_pfn(io->physical).v;
        if (io->live && io->cache != cache && io_first <= last &&
            first <= io_first + (io->page_count - 1))
            return true;
    }
    for (uint32_t id = mdl_next_live(k->mm, 0); id != 0; id = mdl_next_live(k->mm, id)) {
        const struct mdl *m = mdl_at(k->mm, id);
        if (!is_mapped_device_mdl(m) || m->map_cache == cache) continue;
        uint64_t count = mdl_page_count(m) < m->slots ? mdl_page_count(m) : m->slots;
        for (uint64_t i = 0; i < count; i++)
            if (m->pfns[i] >= first && m->pfns[i] <= last) return true;
    }
    return false;
}

/* ---- writing ---- */

unsigned mapping_level(struct kernel *k, const struct mdl *m, uint32_t cache)
{
    uint64_t count = mdl_page_count(m), least = pte_level_pages(LEVEL_PD);
    if (!k->mm->config->large_pages || count < least || m->pfns[0] % least != 0) return LEVEL_PT;
    uint32_t own;
    struct frame_row row = mdl_frames(m, count);
    bool all = frames_settle_cache(k->mm, &row, 0, cache, &own) == count;
    return all ? k->hw->large_level : LEVEL_PT;
}

uint64_t mapping_align(unsigned level, uint64_t first, uint64_t count)
{
    while (level > LEVEL_PT && (first % pte_level_pages(level) != 0 ||
                                count < pte_level_pages(level)))
        level--;
    return pte_level_pages(level);
}

bool mapping_reserve(struct kernel *k, const struct mdl *m, enum pte_priority priority,
                     unsigned level, va_t *out)
{
    uint64_t count = mdl_page_count(m);
    uint64_t align = level == LEVEL_PT ? 1 : mapping_align(level, m->pfns[0], count);
    if (align > 1 && syspte_reserve_aligned(k->mm, count, align, priority, PTE_USER_MDL, out)) {
        if (paging_reserve_frames(k->hw, &k->hw->system, *out, m->pfns, count, level)) return true;
        syspte_release(k->mm, *out, count, PTE_USER_MDL);
    }
    return syspte_reserve(k->mm, count, priority, PTE_USER_MDL, out);
}

void mapping_write(struct kernel *k, const struct mdl *m, struct page_map *map, va_t at,
                   uint32_t cache, uint64_t bits, unsigned level)
{
    uint64_t count = mdl_page_count(m);
    bool replaced = false;
    struct frame_row row = mdl_frames(m, count);
    CHECK2(count <= m->slots, count, m->slots);
    for (uint64_t i = 0, next; i < count; i = next) {
        uint32_t own;
        next = frames_settle_cache(k->mm, &row, i, cache, &own);
        replaced = paging_map_frames(k->hw, map, va_add(at, i * PAGE_BYTES), m->pfns + i,
                                     next - i, bits | cache_entry_bits(own), level) || replaced;
    }
    if (replaced) tlb_flush_tables(k->hw, at);
}

static bool is_for_reading(struct kernel *k, const struct mdl *m)
{
    m = holder_of(k, m);
    return m != NULL && m->builder == BUILDER_LOCKED &&
           (m->flags & (MDL_PAGES_LOCKED | MDL_WRITE_OPERATION)) == MDL_PAGES_LOCKED;
}

void mapping_made(struct kernel *k, struct mdl *m, uint8_t kind, va_t at, uint32_t cache)
{
    m->mapping = kind;
    m->map_base = at;
    m->map_start = m->start_va;
    m->map_pages = (uint32_t)mdl_page_count(m);
    m->map_extra = 0;
    m->map_cache = (uint8_t)cache;
    m->map_seq = (uint32_t)k->seq;
    m->map_line = k->line;
    unsigned partial = m->flags & MDL_PARTIAL ? MDL_PARTIAL_HAS_BEEN_MAPPED : 0;
    m->flags = (uint16_t)(m->flags | MDL_MAPPED_TO_SYSTEM_VA | partial);
    if (is_for_reading(k, m)) runs_add(&k->read_only, at.v / PAGE_BYTES, m->map_pages);
    gauge_add(&k->objects.mappings_system, 1, hw_now(k->hw));
    mdl_changed(k, m, false);
}
