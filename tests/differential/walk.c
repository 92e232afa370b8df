/* Translation beside a flat map: page tables with pages of all sizes, split and joined, against an
 * array of mappings and what was changed in them since, and the first-level and second-level TLB
 * of every policy against slow_array.h. TAP. */
#include "slow_array.h"

#include <string.h>

#include "model/hw.h"

enum { PAGES = 160, SPACES = 3, FRAMES = 4096, STEPS = 60000, CHANGES = 12 };

/* Pages of a mapping that were changed later: cleared, or mapped one by one. */
struct change {
    uint64_t first, count, entry; /* pages from the mapping's first; entry of the first one, or 0 */
};

struct mapping {
    uint64_t page, entry; /* first page; a 4 KiB entry with its rights, 0 = nothing mapped */
    unsigned level, change_count;
    struct change change[CHANGES];
};

struct pair {
    struct hw hw;
    struct phys_range ram;
    struct page_map process[SPACES - 1];
    uint64_t next_frame, given[FRAMES];
    size_t given_count;
    struct mapping map[SPACES][PAGES]; /* the flat map; space 0 is the system's */
    uint32_t current;                  /* space of the process, 0 = the system's map */
    struct slow_array first[3], second; /* first: by page size; second: 4 KiB and 2 MiB share it */
    uint64_t frames[512];
    struct rng rng;
};

static uint64_t below(struct pair *t, uint64_t bound) { return rng_below(&t->rng, bound); }

/* ---- frames for page tables ---- */

static bool take(void *context, pfn_t *out)
{
    struct pair *t = context;
    if (t->given_count > 0) out->v = t->given[--t->given_count];
    else out->v = t->next_frame++;
    phys_fill(&t->hw.phys, *out, FILL_ZERO);
    return t->next_frame < FRAMES;
}

static void give(void *context, pfn_t f)
{
    struct pair *t = context;
    t->given[t->given_count++] = f.v;
}

/* ---- the slow TLB ---- */

/* Entries of the system are in every space. Pages are numbered by their own size. */
static uint64_t slow_tag(uint32_t space, uint64_t page, unsigned level)
{
    return (page * SPACES + space) * 4 + level;
}

static uint64_t slow_page(uint64_t page, unsigned level)
{
    return (page << 7 >> 7) / pte_level_pages(level);
}

/* Sets go by the page number without the sign extension of the address. */
static uint64_t slow_number(uint64_t page)
{
    return page & (((uint64_t)1 << 46) - 1);
}

static void slow_flush(struct slow_array *a, bool keep_global)
{
    for (uint32_t i = 0; i < a->sets * a->ways; i++) {
        struct slow_entry *e = &a->set[i / a->ways].way[i % a->ways];
        if (!keep_global || e->tag / 4 % SPACES != 0) e->valid = false;
    }
}

/* The large page around an address is dropped with it. */
static void slow_drop_page(struct pair *t, uint64_t page, uint32_t space)
{
    for (unsigned level = LEVEL_PT; level <= LEVEL_PDPT; level++) {
        uint64_t number = slow_page(page, level), tag = slow_tag(space, number, level);
        slow_drop(&t->first[level - 1], slow_number(number), tag);
        if (level < LEVEL_PDPT) slow_drop(&t->second, slow_number(number), tag);
    }
}

static void slow_flush_all(struct pair *t, bool keep_global)
{
    for (unsigned i = 0; i < 3; i++) slow_flush(&t->first[i], keep_global);
    slow_flush(&t->second, keep_global);
}

/* ---- the flat map ---- */

/* The entry of a page of a mapping as a 4 KiB entry, and at which level it stands. */
static uint64_t flat_entry(const struct mapping *m, uint64_t index, unsigned *level)
{
    uint64_t part = index / 512 * 512;
    *level = m->change_count == 0 ? m->level : m->level == LEVEL_PDPT ? LEVEL_PD : LEVEL_PT;
    for (unsigned i = m->change_count; i-- > 0;) {
        const struct change *c = &m->change[i];
        if (c->first < part + 512 && part < c->first + c->count) *level = LEVEL_PT;
    }
    for (unsigned i = m->change_count; i-- > 0;) {
        const struct change *c = &m->change[i];
        if (index - c->first < c->count)
            return c->entry == 0 ? 0 : c->entry + (index - c->first) * PAGE_BYTES;
    }
    return m->entry == 0 ? 0 : m->entry + index * PAGE_BYTES;
}

/* ---- both ---- */

static struct page_map *map_of(struct pair *t, uint32_t space)
{
    return space == 0 ? &t->hw.system : &t->process[space - 1];
}

/* INVLPG is about the address in the current space: of other processes nothing is cached. */
static void drop_page(struct pair *t, uint32_t space, uint64_t page)
{
    tlb_flush_page(&t->hw, va(page * PAGE_BYTES));
    slow_drop_page(t, page, space == 0 ? 0 : t->current);
}

static void step_flush(struct pair *t)
{
    tlb_flush_all(&t->hw);
    slow_flush_all(t, false);
}

static uint64_t any_bits(struct pair *t)
{
    return PTE_PRESENT | (below(t, 2) ? PTE_WRITE : 0) | (below(t, 2) ? PTE_USER : 0) |
           (below(t, 4) ? 0 : PTE_NO_EXECUTE) | (below(t, 4) ? 0 : PTE_PAT_4K) |
           (below(t, 4) ? 0 : PTE_PWT);
}

/* Consecutive frames for 2 MiB: paging_map_frames is to find that one entry will do. */
static void map_2_mib(struct pair *t, struct page_map *map, va_t at, uint64_t first, uint64_t bits)
{
    for (unsigned i = 0; i < 512; i++) t->frames[i] = first + i;
    CHECK(paging_reserve_frames(&t->hw, map, at, t->frames, 512, LEVEL_PDPT));
    if (paging_map_frames(&t->hw, map, at, t->frames, 512, bits, LEVEL_PDPT)) step_flush(t);
}

static void step_map(struct pair *t, uint32_t space, struct mapping *m)
{
    uint64_t bits = any_bits(t), pages = pte_level_pages(m->level);
    va_t at = va(m->page * PAGE_BYTES);
    pfn_t first = pfn((FRAMES + below(t, 100000)) / 512 * pages);
    struct page_map *map = map_of(t, space);
    if (m->level > LEVEL_PT) paging_clear_range(&t->hw, map, at, pages);
    if (m->level == LEVEL_PT) {
        first = pfn(FRAMES + below(t, 100000));
        CHECK(paging_reserve(&t->hw, map, at, 1));
        paging_set(&t->hw, map, at, pte_make(first, bits));
    } else if (m->level == LEVEL_PD) {
        map_2_mib(t, map, at, first.v, bits);
    } else {
        CHECK(paging_reserve_large(&t->hw, map, at, m->level));
        if (paging_set_large(&t->hw, map, at, m->level, first, bits)) step_flush(t);
    }
    if (m->change_count > 0) step_flush(t);
    m->entry = pte_make(first, bits);
    m->change_count = 0;
    drop_page(t, space, m->page);
}

static void step_clear(struct pair *t, uint32_t space, struct mapping *m)
{
    paging_clear_range(&t->hw, map_of(t, space), va(m->page * PAGE_BYTES),
                       pte_level_pages(m->level));
    m->entry = 0;
    if (m->change_count > 0) step_flush(t);
    m->change_count = 0;
    drop_page(t, space, m->page);
}

/* A part of a large page changes, which splits it: a page gets another frame, or a range goes. */
static void step_change(struct pair *t, uint32_t space, struct mapping *m)
{
    uint64_t pages = pte_level_pages(m->level);
    struct page_map *map = map_of(t, space);
    if (m->level == LEVEL_PT || m->entry == 0 || m->change_count == CHANGES) return;
    struct change *c = &m->change[m->change_count++];
    *c = (struct change){ .first = below(t, pages - 300), .count = 1 };
    va_t at = va((m->page + c->first) * PAGE_BYTES);
    if (below(t, 3) == 0) {
        c->count = 1 + below(t, 300);
        CHECK(paging_split_edges(&t->hw, map, at, c->count));
        paging_clear_range(&t->hw, map, at, c->count);
    } else {
        c->entry = pte_make(pfn(FRAMES + below(t, 100000)), any_bits(t));
        paging_set(&t->hw, map, at, c->entry);
    }
    for (uint64_t i = 0; i < c->count; i++) drop_page(t, space, m->page + c->first + i);
}

/* Split and joined it is the same page, whatever was accessed. */
static bool step_join(struct pair *t, uint32_t space, const struct mapping *m)
{
    va_t at = va((m->page + below(t, 512)) * PAGE_BYTES);
    struct page_map *map = map_of(t, space);
    if (m->level != LEVEL_PD || m->entry == 0 || m->change_count != 0) return true;
    if (!paging_split(&t->hw, map, at) || !paging_join(&t->hw, map, at)) return false;
    drop_page(t, space, m->page);
    return true;
}

static void step_switch(struct pair *t)
{
    t->current = (uint32_t)below(t, SPACES);
    tlb_load_cr3(&t->hw, map_of(t, t->current));
    slow_flush_all(t, true);
}

static enum access_fault slow_fault(uint64_t entry, enum access_type type, bool user)
{
    if ((entry & PTE_PRESENT) == 0) return FAULT_NOT_PRESENT;
    bool refused = (user && (entry & PTE_USER) == 0) ||
                   (type == ACCESS_WRITE && (entry & PTE_WRITE) == 0) ||
                   (type == ACCESS_EXECUTE && (entry & PTE_NO_EXECUTE) != 0);
    return refused ? FAULT_PROTECTION : ACCESS_OK;
}

/* A look-up that faults caches nothing, and drops what is cached. Only the array of the page's own
 * size can hold it; the second level has none for 1 GiB. */
static void slow_look_up(struct pair *t, uint32_t space, uint64_t page, unsigned level,
                         enum access_fault fault, uint64_t count[4])
{
    uint64_t tag = slow_tag(space, slow_page(page, level), level);
    uint64_t number = slow_number(slow_page(page, level));
    struct slow_array *first = &t->first[level - 1];
    bool in_first = slow_find(first, number, tag) != NULL;
    bool in_second = !in_first && level < LEVEL_PDPT && slow_find(&t->second, number, tag) != NULL;
    count[0] += in_first;
    count[1] += !in_first;
    count[2] += in_second;
    count[3] += !in_first && !in_second;
    if (in_second) slow_fill(first, number, tag, 0);
    if (fault != ACCESS_OK) {
        slow_drop_page(t, page, space);
    } else if (!in_first && !in_second) {
        if (level < LEVEL_PDPT) slow_fill(&t->second, number, tag, 0);
        slow_fill(first, number, tag, 0);
    }
}

static bool step_access(struct pair *t, uint64_t count[4])
{
    bool system = t->current == 0 || below(t, 3) == 0;
    uint32_t space = system ? 0 : t->current;
    unsigned i = (unsigned)below(t, 1 + below(t, 1 + below(t, PAGES))); /* low ones more often */
    const struct mapping *m = &t->map[space][i];
    unsigned level;
    uint64_t index = below(t, 1 + below(t, pte_level_pages(m->level)));
    uint64_t entry = flat_entry(m, index, &level);
    enum access_type type = (enum access_type)below(t, ACCESS_TYPE_COUNT);
    bool user = below(t, 2);
    va_t at = va((m->page + index) * PAGE_BYTES + below(t, PAGE_BYTES));
    enum access_fault fault = slow_fault(entry, type, user);
    struct translation got = hw_translate(&t->hw, at, type, user);
    slow_look_up(t, space, m->page + index, level, fault, count);
    const struct cpu *cpu = t->hw.cpu;
    const struct tlb_counts *first = &cpu->l1d.counts, *second = &cpu->l2.counts;
    bool same = got.fault == fault && first->hits == count[0] && first->misses == count[1] &&
                second->hits == count[2] && second->misses == count[3];
    if (fault == ACCESS_OK && same)
        same = translation_pa(&got, at).v == pte_pfn(entry).v * PAGE_BYTES + va_offset(at) &&
               got.level == level;
    return same;
}

/* ---- set-up ---- */

/* Clusters of pages in distant parts of each half, so that tables of every level come and go; two
 * of them hold large pages. */
static void choose_pages(struct pair *t, unsigned bits)
{
    for (uint32_t space = 0; space < SPACES; space++) {
        for (unsigned i = 0; i < PAGES; i++) {
            struct mapping *m = &t->map[space][i];
            uint64_t cluster = i % 8, spread = (uint64_t)1 << (bits - 1 - PAGE_SHIFT_BITS);
            uint64_t page = spread / 8 * cluster, near = (cluster % 2 ? 510 : 0) + i / 8 + 1;
            m->level = cluster == 3 ? LEVEL_PD : LEVEL_PT;
            if (i % 16 == 7) m->level = t->hw.large_level;
            m->page = page + near;
            if (m->level > LEVEL_PT) m->page = page + (i / 8 + 2) * pte_level_pages(m->level);
            if (space == 0) m->page += t->hw.kernel_start >> PAGE_SHIFT_BITS;
        }
    }
}

static void slow_like(struct slow_array *slow, const struct tlb_array *fast)
{
    slow_init(slow, fast->sets, fast->ways, fast->policy, fast->rng);
}

static void start(struct pair *t, enum paging_mode mode, uint32_t policy, uint64_t seed)
{
    static const uint64_t starts[] = { 0xFFFF800000000000, 0xFF00000000000000, 0x80000000 };
    static const unsigned widths[] = { 48, 57, 32 };
    uint64_t price[COST_COUNT];
    for (unsigned i = 0; i < COST_COUNT; i++) price[i] = 1;
    memset(t, 0, sizeof *t);
    rng_init(&t->rng, seed, 1);
    t->ram = (struct phys_range){ .page_count = FRAMES + 100352 }; /* whole large pages */
    t->next_frame = 1;
    struct tlb_level_geometry first = { .array = { { 16, 4, policy },
                                                   { 6, 2, policy },
                                                   { 4, 4, policy } },
                                        .array_of = { 0, 1, 2 } };
    struct tlb_level_geometry second = { .array = { { 30, 6, policy } },
                                         .array_of = { 0, 0, TLB_NO_ARRAY } };
    struct tlb_level_geometry none = { .array_of = { TLB_NO_ARRAY, TLB_NO_ARRAY, TLB_NO_ARRAY } };
    struct hw_config config = { .hz = 1000000000, .price = price, .mode = mode,
                                .has_1_gib_pages = true, .kernel_start = starts[mode],
                                .l1d = first, .l1i = none, .l2 = second, .cpu_count = 1,
                                .flush_threshold_pages = 8,
                                .seed = seed, .ram = &t->ram, .ram_count = 1,
                                .psc = { { 4, 2, POLICY_LRU }, { 2, 2, POLICY_FIFO } } };
    hw_init(&t->hw, &host, &config);
    for (unsigned i = 0; i < 3; i++) slow_like(&t->first[i], &t->hw.cpu->l1d.array[i]);
    slow_like(&t->second, &t->hw.cpu->l2.array[0]);
    t->hw.tables = (struct table_source){ take, give, t };
    CHECK(paging_init(&t->hw, &t->hw.system, 0));
    for (uint32_t i = 1; i < SPACES; i++) CHECK(paging_init(&t->hw, &t->process[i - 1], i));
    tlb_load_cr3(&t->hw, &t->hw.system);
    choose_pages(t, widths[mode]);
}

static bool agree(struct pair *t)
{
    uint64_t count[4] = { 0 }; /* hits and misses of the first level, of the second */
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t action = below(t, 1000);
        uint32_t space = (uint32_t)below(t, SPACES);
        struct mapping *m = &t->map[space][below(t, PAGES)];
        bool same = true;
        if (action < 50) step_map(t, space, m);
        else if (action < 70) step_clear(t, space, m);
        else if (action < 90) step_change(t, space, m);
        else if (action < 95) same = step_join(t, space, m);
        else if (action < 100) step_switch(t);
        else if (action < 102) step_flush(t);
        else same = step_access(t, count);
        if (same) continue;
        printf("# step %u\n", i);
        return false;
    }
    return true;
}

/* Every entry at the end; of a page of 1 GiB some, close enough to meet each range that changed. */
static bool mapping_agrees(struct pair *t, uint32_t space, const struct mapping *m)
{
    uint64_t pages = pte_level_pages(m->level), step = m->level < LEVEL_PDPT ? 1 : 7;
    for (uint64_t n = 0; n < pages; n += step) {
        unsigned level;
        uint64_t wanted = flat_entry(m, n, &level);
        uint64_t entry = paging_entry(&t->hw, map_of(t, space), va((m->page + n) * PAGE_BYTES));
        if ((entry & ~(PTE_ACCESSED | PTE_DIRTY)) != wanted) return false;
    }
    return true;
}

/* Those of other spaces too. */
static bool tables_agree(struct pair *t)
{
    for (uint32_t space = 0; space < SPACES; space++)
        for (unsigned i = 0; i < PAGES; i++)
            if (!mapping_agrees(t, space, &t->map[space][i])) return false;
    return true;
}

/* Tables and large pages as counted while they came and went, beside a count at the end. */
static bool gauges_agree(struct pair *t)
{
    for (uint32_t space = 0; space < SPACES; space++) {
        const struct page_map *map = map_of(t, space);
        uint64_t bytes = 0, large = 0;
        for (unsigned level = LEVEL_PT; level < LEVEL_COUNT; level++)
            bytes += map->level[level].tables.now * PAGE_BYTES;
        for (unsigned i = 0; i < PAGES; i++) {
            const struct mapping *m = &t->map[space][i];
            large += m->level > LEVEL_PT && m->entry != 0 && m->change_count == 0;
        }
        if (bytes != map->bytes.now || map->large[0].now + map->large[1].now < large) return false;
    }
    return true;
}

static void end(struct pair *t)
{
    for (unsigned i = 0; i < 3; i++) slow_free(&t->first[i]);
    slow_free(&t->second);
    hw_free(&t->hw);
}

int main(void)
{
    static const char *const modes[] = { "4-level", "5-level", "PAE" };
    static const char *const policies[] = { "lru", "plru", "fifo", "random" };
    static struct pair t;
    int status = EXIT_SUCCESS;
    uint32_t cases = (uint32_t)(COUNT_OF(modes) * COUNT_OF(policies));
    printf("TAP version 13\n1..%" PRIu32 "\n", cases);
    for (uint32_t i = 0; i < cases; i++) {
        enum paging_mode mode = (enum paging_mode)(i % COUNT_OF(modes));
        uint32_t policy = i / (uint32_t)COUNT_OF(modes);
        start(&t, mode, policy, i + 1);
        bool same = agree(&t) && tables_agree(&t) && gauges_agree(&t);
        if (!same) status = EXIT_FAILURE;
        printf("%s %" PRIu32 " - %s paging, %s: %" PRIu64 " hits, %" PRIu64
               " in the second level, %" PRIu64 " walks\n", same ? "ok" : "not ok", i + 1,
               modes[mode], policies[policy], t.hw.cpu->l1d.counts.hits,
               t.hw.cpu->l2.counts.hits, t.hw.cpu->walks.count);
        end(&t);
    }
    return status;
}
