/* Accesses side by side: one machine takes them as streaks, another one by one, the long way. After
 * each streak both have counted and charged the same, and their tables and TLBs hold the same. TAP.
 */
#include "host.h"

#include <string.h>

#include "model/lookup.h"
#include "model/streak.h"

enum { PAGES = 1400, FRAMES = 64, RAM = 4096, UNCACHED = RAM - 300, STEPS = 4000 };
enum { FIRST_PAGE = 0x10000 + 300 }; /* three page tables */

struct machine {
    struct hw hw;
    struct page_map process;
    struct phys_range ram;
    struct type_range uncached;
    uint64_t next_frame;
};

struct pair {
    struct machine fast, slow;
    uint64_t last; /* page accessed */
    struct rng rng;
};

static uint64_t below(struct pair *t, uint64_t bound) { return rng_below(&t->rng, bound); }

/* ---- set-up ---- */

static bool take(void *context, pfn_t *out)
{
    struct machine *m = context;
    out->v = m->next_frame++;
    phys_fill(&m->hw.phys, *out, FILL_ZERO);
    return m->next_frame < FRAMES;
}

static void give(void *context, pfn_t f)
{
    UNUSED(context);
    UNUSED(f);
}

struct kind {
    const char *name;
    uint32_t second_ways; /* 0: there is no second level */
    uint32_t policy;
    bool caches, large;
};

static void start(struct machine *m, const struct kind *k)
{
    uint64_t price[COST_COUNT];
    for (unsigned i = 0; i < COST_COUNT; i++) price[i] = i + 1;
    memset(m, 0, sizeof *m);
    m->ram = (struct phys_range){ .page_count = RAM };
    m->uncached = (struct type_range){ pfn(UNCACHED), RAM - UNCACHED, TYPE_UC };
    m->next_frame = 1;
    struct tlb_level_geometry first = { .array = { { 64, 4, k->policy }, { 8, 4, k->policy } },
                                        .array_of = { 0, 1, TLB_NO_ARRAY } };
    struct tlb_level_geometry none = { .array_of = { TLB_NO_ARRAY, TLB_NO_ARRAY, TLB_NO_ARRAY } };
    struct tlb_level_geometry second = none;
    if (k->second_ways != 0) {
        second.array[0] = (struct tlb_geometry){ 32 * k->second_ways, k->second_ways, k->policy };
        second.array_of[PAGE_4K] = 0;
    }
    struct cache_config caches = { .modelled = k->caches,
                                   .level = { { 32 * 1024, 8, POLICY_LRU },
                                              { 64 * 1024, 4, POLICY_LRU },
                                              { 1024 * 1024, 16, POLICY_LRU } } };
    struct hw_config config = { .hz = 1000000000, .price = price, .mode = PAGING_4_LEVEL,
                                .has_1_gib_pages = true, .kernel_start = 0xFFFF800000000000,
                                .l1d = first, .l1i = none, .l2 = second, .l2i = none,
                                .caches = caches, .cpu_count = 1, .flush_threshold_pages = 8,
                                .seed = 1, .ram = &m->ram, .ram_count = 1, .walkers = 1,
                                .types = &m->uncached, .type_count = 1,
                                .psc = { { 4, 2, POLICY_LRU }, { 2, 2, POLICY_LRU } } };
    hw_init(&m->hw, &host, &config);
    m->hw.tables = (struct table_source){ take, give, m };
    CHECK(paging_init(&m->hw, &m->hw.system, 0) && paging_init(&m->hw, &m->process, 1));
    tlb_load_cr3(&m->hw, &m->process);
}

static va_t page_at(uint64_t page) { return va((FIRST_PAGE + page) * PAGE_BYTES); }

/* The same page in both machines. */
static void map_page(struct pair *t, uint64_t page)
{
    uint64_t bits = PTE_PRESENT | (below(t, 16) ? PTE_WRITE : 0) | (below(t, 16) ? PTE_USER : 0) |
                    (below(t, 16) ? 0 : PTE_NO_EXECUTE) | (below(t, 32) ? 0 : PTE_PWT);
    uint64_t entry = pte_make(pfn(FRAMES + below(t, RAM - FRAMES)), bits);
    if (below(t, 16) == 0) entry = 0;
    struct machine *both[] = { &t->fast, &t->slow };
    for (unsigned i = 0; i < 2; i++) {
        CHECK(paging_reserve(&both[i]->hw, &both[i]->process, page_at(page), 1));
        paging_set(&both[i]->hw, &both[i]->process, page_at(page), entry);
        tlb_flush_page(&both[i]->hw, page_at(page));
    }
}

/* A page of 2 MiB far away. */
static va_t large_page(void) { return va(UINT64_C(1) << 40); }

static void map_large_page(struct machine *m)
{
    CHECK(paging_reserve_large(&m->hw, &m->process, large_page(), LEVEL_PD));
    paging_set_large(&m->hw, &m->process, large_page(), LEVEL_PD, pfn(512),
                     PTE_PRESENT | PTE_USER);
}

/* With `large` the TLB mostly has an entry of 2 MiB. */
static void flush(struct pair *t, bool large)
{
    struct machine *both[] = { &t->fast, &t->slow };
    bool uses = large && below(t, 4) != 0;
    for (unsigned i = 0; i < 2; i++) {
        tlb_flush_all(&both[i]->hw);
        if (uses) hw_translate(&both[i]->hw, large_page(), ACCESS_READ, true);
    }
}

/* What was accessed last is dropped page by page: the second level keeps older ones. */
static void flush_last(struct pair *t)
{
    for (uint64_t page = t->last; page-- > 0 && page + 160 > t->last;) {
        tlb_flush_page(&t->fast.hw, page_at(page));
        tlb_flush_page(&t->slow.hw, page_at(page));
    }
}

/* ---- accesses ---- */

static enum access_fault access_long(struct hw *hw, const struct streak *s, va_t at)
{
    struct translation t = hw_translate_long(hw, at, s->type, s->user);
    if (t.fault != ACCESS_OK) return t.fault;
    if (translation_type(t.entry) != TYPE_WB)
        memory_access_typed(hw, t.entry, translation_pa(&t, at), s->bytes, s->type);
    else if (s->caches)
        memory_access(hw, translation_pa(&t, at), s->bytes);
    else
        charge(hw, COST_MEMORY, 1);
    return ACCESS_OK;
}

static bool same_counts(const struct cpu *a, const struct cpu *b)
{
    const struct tlb_level *levels[][2] = { { &a->l1d, &b->l1d }, { &a->l2, &b->l2 } };
    const struct cache *caches[][2] = { { &a->l1d_cache, &b->l1d_cache },
                                        { &a->l2_cache, &b->l2_cache },
                                        { a->l3_cache, b->l3_cache } };
    bool same = a->clock.v == b->clock.v && memcmp(a->spent, b->spent, sizeof a->spent) == 0 &&
                memcmp(&a->walks, &b->walks, sizeof a->walks) == 0;
    for (unsigned i = 0; i < COUNT_OF(levels); i++) {
        const struct tlb_level *x = levels[i][0], *y = levels[i][1];
        same = same && memcmp(&x->counts, &y->counts, sizeof x->counts) == 0 &&
               memcmp(x->valid, y->valid, sizeof x->valid) == 0;
    }
    for (unsigned i = 0; i < COUNT_OF(caches) && caches[i][0] != NULL; i++)
        same = same && memcmp(&caches[i][0]->counts, &caches[i][1]->counts,
                              sizeof caches[i][0]->counts) == 0;
    return same;
}

/* The entry that a level has for the page, 0: none. */
static uint64_t held(const struct machine *m, const struct tlb_level *level, uint64_t page)
{
    if ((level->sizes >> PAGE_4K & 1) == 0) return 0;
    uint64_t number = FIRST_PAGE + page, tag = tlb_tag(number, PAGE_4K, m->hw.cpu->context[0]);
    const uint64_t *entry = tlb_array_peek(&level->array[PAGE_4K], number, tag);
    return entry == NULL ? 0 : *entry;
}

static bool same_entries(struct pair *t)
{
    struct hw *fast = &t->fast.hw, *slow = &t->slow.hw;
    for (uint64_t page = 0; page < PAGES; page++) {
        if (paging_entry(fast, &t->fast.process, page_at(page)) !=
                paging_entry(slow, &t->slow.process, page_at(page)) ||
            held(&t->fast, &fast->cpu->l1d, page) != held(&t->slow, &slow->cpu->l1d, page) ||
            held(&t->fast, &fast->cpu->l2, page) != held(&t->slow, &slow->cpu->l2, page))
            return false;
    }
    return true;
}

static struct streak any_streak(struct pair *t)
{
    static const uint64_t steps[] = { 0, 8, 64, 100, PAGE_BYTES, PAGE_BYTES, 3 * PAGE_BYTES };
    return (struct streak){ .type = (enum access_type)below(t, ACCESS_TYPE_COUNT),
                            .user = below(t, 4) != 0,
                            .caches = below(t, 8) != 0,
                            .bytes = 1 + below(t, below(t, 4) ? 8 : 200),
                            .step = steps[below(t, COUNT_OF(steps))] };
}

static bool access_both(struct pair *t)
{
    struct streak s = any_streak(t);
    uint64_t count = 1 + below(t, below(t, 2) ? 8 : 150), room = PAGES * PAGE_BYTES;
    uint64_t offset = below(t, room - count * (s.step + 1) - PAGE_BYTES), done = 0;
    va_t at = va_add(page_at(0), offset);
    t->last = (offset + count * s.step) / PAGE_BYTES + 1;
    while (done < count) {
        enum access_fault fault, slow_fault = ACCESS_OK;
        uint64_t n = hw_access_streak(&t->fast.hw, &s, va_add(at, done * s.step), count - done,
                                      &fault);
        for (uint64_t i = 0; i < n; i++)
            slow_fault = access_long(&t->slow.hw, &s, va_add(at, (done + i) * s.step));
        done += n;
        if (slow_fault != ACCESS_OK) return false;
        if (done == count) break;
        va_t next = va_add(at, done++ * s.step); /* it faults, or lies in two pages */
        bool straddles = va_offset(next) + s.bytes > PAGE_BYTES;
        if (!straddles && access_long(&t->slow.hw, &s, next) != fault) return false;
        if (straddles ? fault != ACCESS_OK : fault == ACCESS_OK) return false;
    }
    return same_counts(t->fast.hw.cpu, t->slow.hw.cpu);
}

static bool agree(struct pair *t, bool large)
{
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t action = below(t, 16);
        bool same = true;
        if (action < 2) {
            map_page(t, below(t, PAGES));
        } else if (action < 5) {
            flush(t, large);
        } else if (action < 6) {
            flush_last(t);
        } else {
            same = access_both(t);
        }
        if (same && (i % 16 != 0 || same_entries(t))) continue;
        printf("# step %u\n", i);
        return false;
    }
    return true;
}

int main(void)
{
    static const struct kind kinds[] = {
        { "two levels", 12, POLICY_LRU, true, false },
        { "two levels without caches", 12, POLICY_LRU, false, false },
        { "two levels and a large page", 6, POLICY_LRU, true, true },
        { "one level", 0, POLICY_LRU, true, false },
        { "two levels, PLRU", 8, POLICY_PLRU, true, false },
    };
    static struct pair t;
    int status = EXIT_SUCCESS;
    printf("TAP version 13\n1..%u\n", (unsigned)COUNT_OF(kinds));
    for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
        rng_init(&t.rng, i, 1);
        start(&t.fast, &kinds[i]);
        start(&t.slow, &kinds[i]);
        for (uint64_t page = 0; page < PAGES; page++) map_page(&t, page);
        map_large_page(&t.fast);
        map_large_page(&t.slow);
        bool same = agree(&t, kinds[i].large);
        if (!same) status = EXIT_FAILURE;
        printf("%s %u - %s\n", same ? "ok" : "not ok", i + 1, kinds[i].name);
        hw_free(&t.fast.hw);
        hw_free(&t.slow.hw);
    }
    return status;
}
