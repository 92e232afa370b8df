/* Translation beside a flat map: page tables against an array of entries, and the first-level and
 * second-level TLB against lists in order of use. TAP. */
#include "host.h"

#include <string.h>

#include "model/hw.h"

enum { PAGES = 160, SPACES = 3, FRAMES = 4096, LEVEL_ENTRIES = 64, STEPS = 60000 };

/* A TLB level with true LRU, as a list: the entry used last at the end. */
struct slow_level {
    uint64_t sets, ways;
    uint64_t tag[LEVEL_ENTRIES], entry[LEVEL_ENTRIES];
    bool valid[LEVEL_ENTRIES];
    uint64_t stamp[LEVEL_ENTRIES];
    uint64_t now, hits, misses;
};

struct pair {
    struct hw hw;
    struct phys_range ram;
    struct page_map process[SPACES - 1];
    uint64_t next_frame, given[FRAMES];
    size_t given_count;
    /* the flat map: the entry of each page, 0 = none; space 0 is the system's */
    uint64_t page[SPACES][PAGES];
    uint64_t entry[SPACES][PAGES];
    uint32_t current; /* space of the process, 0 = the system's map */
    struct slow_level first, second;
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

/* Sets go by the page number without the sign extension of the address. */
static uint64_t slow_set(const struct slow_level *l, uint64_t page)
{
    return (page & (((uint64_t)1 << 46) - 1)) % l->sets;
}

/* Entries of the system are in every space. */
static uint64_t slow_tag(uint32_t space, uint64_t page) { return page * SPACES + space; }

static uint64_t *slow_find(struct slow_level *l, uint64_t page, uint64_t tag)
{
    for (uint64_t i = slow_set(l, page) * l->ways, n = 0; n < l->ways; i++, n++) {
        if (!l->valid[i] || l->tag[i] != tag) continue;
        l->stamp[i] = ++l->now;
        return &l->entry[i];
    }
    return NULL;
}

static void slow_fill(struct slow_level *l, uint64_t page, uint64_t tag, uint64_t entry)
{
    uint64_t base = slow_set(l, page) * l->ways, victim = base;
    for (uint64_t i = base; i < base + l->ways; i++) {
        if (!l->valid[i]) {
            victim = i;
            break;
        }
        if (l->stamp[i] < l->stamp[victim]) victim = i;
    }
    l->valid[victim] = true;
    l->tag[victim] = tag;
    l->entry[victim] = entry;
    l->stamp[victim] = ++l->now;
}

static void slow_drop(struct slow_level *l, uint64_t page, uint64_t tag)
{
    for (uint64_t i = slow_set(l, page) * l->ways, n = 0; n < l->ways; i++, n++)
        if (l->tag[i] == tag) l->valid[i] = false;
}

static void slow_flush(struct slow_level *l, bool keep_global)
{
    for (unsigned i = 0; i < LEVEL_ENTRIES; i++)
        if (!keep_global || l->tag[i] % SPACES != 0) l->valid[i] = false;
}

/* ---- both ---- */

static struct page_map *map_of(struct pair *t, uint32_t space)
{
    return space == 0 ? &t->hw.system : &t->process[space - 1];
}

/* INVLPG is about the address in the current space: of other processes nothing is cached. */
static void drop_page(struct pair *t, uint32_t space, unsigned i)
{
    uint64_t page = t->page[space][i], tag = slow_tag(space == 0 ? 0 : t->current, page);
    tlb_flush_page(&t->hw, va(page * PAGE_BYTES));
    slow_drop(&t->first, page, tag);
    slow_drop(&t->second, page, tag);
}

static void step_map(struct pair *t, uint32_t space, unsigned i)
{
    uint64_t bits = PTE_PRESENT | (below(t, 2) ? PTE_WRITE : 0) | (below(t, 2) ? PTE_USER : 0) |
                    (below(t, 4) ? 0 : PTE_NO_EXECUTE);
    va_t at = va(t->page[space][i] * PAGE_BYTES);
    uint64_t entry = pte_make(pfn(FRAMES + below(t, 100000)), bits);
    CHECK(paging_reserve(&t->hw, map_of(t, space), at, 1));
    paging_set(&t->hw, map_of(t, space), at, entry);
    t->entry[space][i] = entry;
    drop_page(t, space, i);
}

static void step_clear(struct pair *t, uint32_t space, unsigned i)
{
    paging_clear_range(&t->hw, map_of(t, space), va(t->page[space][i] * PAGE_BYTES), 1);
    t->entry[space][i] = 0;
    drop_page(t, space, i);
}

static void step_switch(struct pair *t)
{
    t->current = (uint32_t)below(t, SPACES);
    tlb_load_cr3(&t->hw, map_of(t, t->current));
    slow_flush(&t->first, true);
    slow_flush(&t->second, true);
}

static void step_flush(struct pair *t)
{
    tlb_flush_all(&t->hw);
    slow_flush(&t->first, false);
    slow_flush(&t->second, false);
}

static enum access_fault slow_fault(uint64_t entry, enum access_type type, bool user)
{
    if ((entry & PTE_PRESENT) == 0) return FAULT_NOT_PRESENT;
    bool refused = (user && (entry & PTE_USER) == 0) ||
                   (type == ACCESS_WRITE && (entry & PTE_WRITE) == 0) ||
                   (type == ACCESS_EXECUTE && (entry & PTE_NO_EXECUTE) != 0);
    return refused ? FAULT_PROTECTION : ACCESS_OK;
}

/* A look-up that faults caches nothing, and drops what is cached. */
static void slow_look_up(struct pair *t, uint32_t space, uint64_t page, uint64_t entry,
                         enum access_fault fault)
{
    uint64_t tag = slow_tag(space, page);
    bool in_first = slow_find(&t->first, page, tag) != NULL;
    bool in_second = !in_first && slow_find(&t->second, page, tag) != NULL;
    t->first.hits += in_first;
    t->first.misses += !in_first;
    t->second.hits += in_second;
    t->second.misses += !in_first && !in_second;
    if (in_second) slow_fill(&t->first, page, tag, entry);
    if (fault != ACCESS_OK) {
        slow_drop(&t->first, page, tag);
        slow_drop(&t->second, page, tag);
    } else if (!in_first && !in_second) {
        slow_fill(&t->second, page, tag, entry);
        slow_fill(&t->first, page, tag, entry);
    }
    /* Setting the dirty bit looks at both levels, which counts as use of the entry. */
}

static bool step_access(struct pair *t)
{
    bool system = t->current == 0 || below(t, 3) == 0;
    uint32_t space = system ? 0 : t->current;
    unsigned i = (unsigned)below(t, 1 + below(t, 1 + below(t, PAGES))); /* low ones more often */
    uint64_t page = t->page[space][i], entry = t->entry[space][i];
    enum access_type type = below(t, 2) ? ACCESS_READ : ACCESS_EXECUTE;
    bool user = below(t, 2);
    uint64_t offset = below(t, PAGE_BYTES);
    enum access_fault fault = slow_fault(entry, type, user);
    struct translation got = hw_translate(&t->hw, va(page * PAGE_BYTES + offset), type, user);
    slow_look_up(t, space, page, entry, fault);
    const struct cpu *cpu = t->hw.cpu;
    const struct tlb_counts *first = &cpu->l1d.counts, *second = &cpu->l2.counts;
    bool same = got.fault == fault && first->hits == t->first.hits &&
                first->misses == t->first.misses && second->hits == t->second.hits &&
                second->misses == t->second.misses;
    if (fault == ACCESS_OK && same) {
        pa_t at = translation_pa(&got, va(page * PAGE_BYTES + offset));
        same = at.v == pte_pfn(entry).v * PAGE_BYTES + offset;
    }
    return same;
}

/* ---- set-up ---- */

/* Clusters of pages in distant parts of each half, so that tables of every level come and go. */
static void choose_pages(struct pair *t, unsigned bits)
{
    for (uint32_t space = 0; space < SPACES; space++) {
        for (unsigned i = 0; i < PAGES; i++) {
            uint64_t cluster = i % 8, spread = (uint64_t)1 << (bits - 1 - PAGE_SHIFT_BITS);
            uint64_t page = spread / 8 * cluster + (cluster % 2 ? 510 : 0) + i / 8 + 1;
            if (space == 0) page += t->hw.kernel_start >> PAGE_SHIFT_BITS;
            t->page[space][i] = page;
        }
    }
}

static void start(struct pair *t, enum paging_mode mode, uint64_t seed)
{
    static const uint64_t starts[] = { 0xFFFF800000000000, 0xFF00000000000000, 0x80000000 };
    static const unsigned widths[] = { 48, 57, 32 };
    uint64_t price[COST_COUNT];
    for (unsigned i = 0; i < COST_COUNT; i++) price[i] = 1;
    memset(t, 0, sizeof *t);
    rng_init(&t->rng, seed, 1);
    t->ram = (struct phys_range){ .page_count = FRAMES + 100000 };
    t->next_frame = 1;
    t->first = (struct slow_level){ .sets = 4, .ways = 4 };
    t->second = (struct slow_level){ .sets = 5, .ways = 6 };
    struct tlb_level_geometry first = { .array = { { 16, 4, POLICY_LRU } },
                                        .array_of = { 0, TLB_NO_ARRAY, TLB_NO_ARRAY } };
    struct tlb_level_geometry second = first, none = first;
    second.array[0] = (struct tlb_geometry){ 30, 6, POLICY_LRU };
    none.array_of[0] = TLB_NO_ARRAY;
    struct hw_config config = { .hz = 1000000000, .price = price, .mode = mode,
                                .kernel_start = starts[mode], .l1d = first, .l1i = none,
                                .l2 = second, .cpu_count = 1, .flush_threshold_pages = 8,
                                .seed = seed, .ram = &t->ram, .ram_count = 1,
                                .psc = { { 4, 2, POLICY_LRU }, { 2, 2, POLICY_FIFO } } };
    hw_init(&t->hw, &host, &config);
    t->hw.tables = (struct table_source){ take, give, t };
    CHECK(paging_init(&t->hw, &t->hw.system, 0));
    for (uint32_t i = 1; i < SPACES; i++) CHECK(paging_init(&t->hw, &t->process[i - 1], i));
    tlb_load_cr3(&t->hw, &t->hw.system);
    choose_pages(t, widths[mode]);
}

static bool agree(struct pair *t)
{
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t action = below(t, 100);
        uint32_t space = (uint32_t)below(t, SPACES);
        unsigned page = (unsigned)below(t, PAGES);
        bool same = true;
        if (action < 6) step_map(t, space, page);
        else if (action < 8) step_clear(t, space, page);
        else if (action < 9 && below(t, 2)) step_switch(t);
        else if (action < 10 && below(t, 4) == 0) step_flush(t);
        else same = step_access(t);
        if (same) continue;
        printf("# step %u\n", i);
        return false;
    }
    return true;
}

/* Every entry of the tables at the end, those of other spaces too. */
static bool tables_agree(struct pair *t)
{
    for (uint32_t space = 0; space < SPACES; space++) {
        for (unsigned i = 0; i < PAGES; i++) {
            va_t at = va(t->page[space][i] * PAGE_BYTES);
            uint64_t entry = paging_entry(&t->hw, map_of(t, space), at);
            if ((entry & ~(PTE_ACCESSED | PTE_DIRTY)) != t->entry[space][i]) return false;
        }
    }
    return true;
}

int main(void)
{
    static const char *const names[] = { "4-level", "5-level", "PAE" };
    static struct pair t;
    int status = EXIT_SUCCESS;
    printf("TAP version 13\n1..3\n");
    for (unsigned mode = PAGING_4_LEVEL; mode <= PAGING_PAE; mode++) {
        start(&t, mode, mode + 1);
        bool same = agree(&t) && tables_agree(&t);
        if (!same) status = EXIT_FAILURE;
        printf("%s %u - %s paging: %" PRIu64 " hits, %" PRIu64 " in the second level, %" PRIu64
               " walks\n", same ? "ok" : "not ok", mode + 1, names[mode], t.first.hits,
               t.second.hits, t.hw.cpu->walks.count);
        hw_free(&t.hw);
    }
    return status;
}
