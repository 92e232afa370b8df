/* Caches beside slow_array.h: first arrays of every policy and of odd geometries, then the
 * hierarchy of a machine of four processors, then page tables that are placed together. TAP. */
#include "slow_array.h"

#include "model/memory_place.h"

enum { STEPS = 40000, CPUS = 4, PER_L3 = 3, RUNS = 150, RUN_MOST = PLACING_MOST + 100 };

struct slow_cache {
    struct slow_array lines;
    uint64_t evictions, hits, misses;
};

static bool slow_use(struct slow_cache *c, uint64_t line)
{
    return slow_find(&c->lines, line, line) != NULL;
}

static void slow_put(struct slow_cache *c, uint64_t line)
{
    c->evictions += slow_fill(&c->lines, line, line, 0) != TLB_NO_TAG;
}

static void slow_empty(struct slow_cache *c)
{
    for (uint32_t i = 0; i < c->lines.sets; i++) c->lines.set[i] = (struct slow_set){ 0 };
}

static struct slow_cache *slow_new(uint32_t sets, uint32_t ways, uint32_t policy, struct rng rng)
{
    struct slow_cache *c = calloc(1, sizeof *c);
    if (c == NULL) abort();
    slow_init(&c->lines, sets, ways, policy, rng);
    return c;
}

static void slow_delete(struct slow_cache *c)
{
    slow_free(&c->lines);
    free(c);
}

static struct cache_geometry geometry(uint32_t sets, uint32_t ways, uint32_t policy)
{
    return (struct cache_geometry){ (uint64_t)sets * ways * CACHE_LINE_BYTES, ways, policy };
}

/* ---- one array ---- */

static bool agree_on_line(struct cache *fast, struct slow_cache *slow, uint64_t line)
{
    bool newest = cache_is_newest(fast, line), hit = cache_use(fast, line);
    if (hit != slow_use(slow, line) || (newest && !hit)) return false;
    if (!hit) slow_put(slow, line);
    return fast->counts.evictions == slow->evictions;
}

static bool compare_array(uint32_t policy, uint32_t sets, uint32_t ways, uint64_t seed)
{
    struct cache fast;
    struct rng steps;
    bool same = true;
    rng_init(&steps, seed, 1);
    cache_init(&fast, &host, geometry(sets, ways, policy), seed);
    struct slow_cache *slow = slow_new(sets, ways, policy, fast.rng);
    uint64_t lines = (uint64_t)sets * ways, last = 0;
    for (unsigned i = 0; i < STEPS && same; i++) {
        uint64_t action = rng_below(&steps, 1000);
        last = action % 4 == 0 ? last + 1 : rng_below(&steps, lines + lines / 2 + 2);
        if (action < 999) {
            same = agree_on_line(&fast, slow, last);
        } else {
            cache_empty(&fast);
            slow_empty(slow);
        }
    }
    cache_free(&fast);
    slow_delete(slow);
    return same;
}

/* ---- the hierarchy ---- */

struct machine {
    struct hw hw;
    struct phys_range ram;
    struct slow_cache *l1[CPUS], *l2[CPUS], *l3[2];
    bool l3_hashed;
    uint64_t spent[COST_COUNT];
};

/* The shape of a level: sets, ways, policy. */
static void start(struct machine *m, const uint32_t shape[CACHE_LEVEL_COUNT][3], bool l3_hashed)
{
    uint64_t price[COST_COUNT];
    for (unsigned i = 0; i < COST_COUNT; i++) price[i] = i + 1;
    *m = (struct machine){ .ram = { .page_count = 4096 }, .l3_hashed = l3_hashed };
    struct hw_config config = { .hz = 1000000000, .price = price, .cpu_count = CPUS,
                                .caches = { .modelled = true, .l3_cpus = PER_L3,
                                            .l3_hashed = l3_hashed },
                                .seed = 7, .ram = &m->ram, .ram_count = 1 };
    for (unsigned i = 0; i < PAGE_SIZE_COUNT; i++)
        config.l1d.array_of[i] = config.l1i.array_of[i] = config.l2.array_of[i] = TLB_NO_ARRAY;
    for (unsigned i = 0; i < CACHE_LEVEL_COUNT; i++)
        config.caches.level[i] = geometry(shape[i][0], shape[i][1], shape[i][2]);
    hw_init(&m->hw, &host, &config);
    struct slow_cache **all[] = { m->l1, m->l2, m->l3 };
    for (unsigned i = 0; i < CACHE_LEVEL_COUNT; i++) {
        for (unsigned k = 0; k < (i == CACHE_L3 ? 2 : CPUS); k++) {
            struct cpu *cpu = &m->hw.cpus[i == CACHE_L3 ? k * PER_L3 : k];
            const struct cache *c = i == CACHE_L1D  ? &cpu->l1d_cache
                                    : i == CACHE_L2 ? &cpu->l2_cache
                                                    : cpu->l3_cache;
            all[i][k] = slow_new(shape[i][0], shape[i][1], shape[i][2], c->rng);
        }
    }
}

static void end(struct machine *m)
{
    for (unsigned i = 0; i < CPUS; i++) {
        slow_delete(m->l1[i]);
        slow_delete(m->l2[i]);
    }
    slow_delete(m->l3[0]);
    slow_delete(m->l3[1]);
    hw_free(&m->hw);
}

static unsigned slow_serve(struct machine *m, unsigned cpu, uint64_t line, bool counts)
{
    struct slow_cache *level[] = { m->l1[cpu], m->l2[cpu], m->l3[cpu / PER_L3] };
    uint64_t in[] = { line, line, m->l3_hashed ? cache_scatter(line) : line };
    unsigned at = 0;
    for (; at < CACHE_LEVEL_COUNT; at++) {
        if (level[at]->lines.ways == 0) continue;
        bool hit = slow_use(level[at], in[at]);
        if (counts) *(hit ? &level[at]->hits : &level[at]->misses) += 1;
        if (hit) break;
    }
    for (unsigned i = at; i-- > 0;)
        if (level[i]->lines.ways != 0) slow_put(level[i], in[i]);
    return at;
}

static void step_data(struct machine *m, unsigned cpu, uint64_t at, uint64_t bytes)
{
    static const enum cost costs[] = { COST_MEMORY, COST_MEMORY_L2, COST_MEMORY_L3,
                                       COST_MEMORY_DRAM };
    memory_access(&m->hw, pa(at), bytes);
    for (uint64_t line = at / 64; line <= (at + bytes - 1) / 64; line++)
        m->spent[costs[slow_serve(m, cpu, line, true)]]++;
}

static bool step_fetch(struct machine *m, unsigned cpu, uint64_t at)
{
    static const enum cost costs[] = { COST_WALK_REFERENCE, COST_WALK_L2, COST_WALK_L3,
                                       COST_WALK_DRAM };
    unsigned served = slow_serve(m, cpu, at / 64, true);
    m->spent[costs[served]]++;
    return memory_fetch(&m->hw, pa(at)) == (enum served)served;
}

static void step_flush(struct machine *m, unsigned cpu)
{
    memory_flush(&m->hw);
    m->spent[COST_CACHE_FLUSH]++;
    if (m->l1[cpu]->lines.ways != 0) slow_empty(m->l1[cpu]);
    if (m->l2[cpu]->lines.ways != 0) slow_empty(m->l2[cpu]);
    if (m->l3[cpu / PER_L3]->lines.ways != 0) slow_empty(m->l3[cpu / PER_L3]);
}

static bool counts_agree(const struct cache *fast, const struct slow_cache *slow)
{
    return fast->counts.hits == slow->hits && fast->counts.misses == slow->misses &&
           fast->counts.evictions == slow->evictions;
}

static bool agree_at_end(const struct machine *m)
{
    for (unsigned i = 0; i < COST_COUNT; i++) {
        uint64_t spent = 0;
        for (unsigned k = 0; k < CPUS; k++) spent += m->hw.cpus[k].spent[i];
        if (spent != m->spent[i] * (i + 1)) return false;
    }
    for (unsigned k = 0; k < CPUS; k++) {
        const struct cpu *cpu = &m->hw.cpus[k];
        if (!counts_agree(&cpu->l1d_cache, m->l1[k])) return false;
        if (!counts_agree(&cpu->l2_cache, m->l2[k])) return false;
        if (!counts_agree(cpu->l3_cache, m->l3[k / PER_L3])) return false;
    }
    return true;
}

static bool compare_machine(const uint32_t shape[CACHE_LEVEL_COUNT][3], uint64_t seed)
{
    struct machine m;
    struct rng r;
    bool same = true;
    start(&m, shape, false);
    rng_init(&r, seed, 1);
    for (unsigned i = 0; i < STEPS && same; i++) {
        unsigned cpu = (unsigned)rng_below(&r, CPUS);
        uint64_t action = rng_below(&r, 1000);
        uint64_t at = rng_below(&r, 1 + rng_below(&r, 1 + rng_below(&r, 600 * 64)));
        m.hw.cpu = &m.hw.cpus[cpu];
        if (action < 600) step_data(&m, cpu, at, 1 + rng_below(&r, action < 20 ? 300 : 8));
        else if (action < 940) same = step_fetch(&m, cpu, at & ~(uint64_t)7);
        else if (action < 998) {
            memory_place(&m.hw, pa(at), 8);
            for (uint64_t line = at / 64; line <= (at + 7) / 64; line++)
                slow_serve(&m, cpu, line, false);
        } else step_flush(&m, cpu);
    }
    same = same && agree_at_end(&m);
    end(&m);
    return same;
}

/* ---- page tables placed together ---- */

/* Tables in a row, in any order, or a few again and again. */
static unsigned random_tables(struct rng *r, uint64_t tables[RUN_MOST])
{
    unsigned count = 1 + (unsigned)rng_below(r, rng_below(r, 8) == 0 ? RUN_MOST : 60);
    uint64_t first = rng_below(r, 64), kind = rng_below(r, 4);
    uint64_t range = kind == 1 ? 1 + rng_below(r, 20) : 700;
    for (unsigned i = 0; i < count; i++)
        tables[i] = first + (kind < 2 ? rng_below(r, range) : i);
    return count;
}

static void place_run(struct machine *m, unsigned cpu, const uint64_t *tables, unsigned count)
{
    struct placing placing;
    placing.count = 0;
    for (unsigned i = 0; i < count; i++) {
        placing_add(&m->hw, &placing, pfn(tables[i]));
        for (uint64_t line = 0; line < 64; line++)
            slow_serve(m, cpu, tables[i] * 64 + line, false);
    }
    placing_end(&m->hw, &placing);
}

static bool compare_placing(const uint32_t shape[CACHE_LEVEL_COUNT][3], bool l3_hashed,
                            uint64_t seed)
{
    struct machine m;
    struct rng r;
    uint64_t tables[RUN_MOST];
    bool same = true;
    start(&m, shape, l3_hashed);
    rng_init(&r, seed, 1);
    for (unsigned i = 0; i < RUNS && same; i++) {
        unsigned cpu = (unsigned)rng_below(&r, 2), count = random_tables(&r, tables);
        m.hw.cpu = &m.hw.cpus[cpu];
        if (rng_below(&r, 20) == 0) step_flush(&m, cpu);
        place_run(&m, cpu, tables, count);
        uint64_t accesses = rng_below(&r, 2) * rng_below(&r, 2000), newest = tables[count - 1];
        for (uint64_t k = 0; k < accesses; k++) {
            uint64_t table = newest - rng_below(&r, newest + 1);
            step_data(&m, cpu, table * PAGE_BYTES + rng_below(&r, PAGE_BYTES), 1);
        }
        same = agree_at_end(&m);
    }
    end(&m);
    return same;
}

static const struct {
    uint32_t level[CACHE_LEVEL_COUNT][3];
    bool l3_hashed;
} placing_levels[] = {
    { { { 64, 8, POLICY_LRU }, { 128, 4, POLICY_LRU }, { 192, 11, POLICY_LRU } }, false },
    { { { 64, 2, POLICY_LRU }, { 256, 16, POLICY_LRU }, { 320, 5, POLICY_LRU } }, true },
    { { { 128, 3, POLICY_LRU }, { 64, 6, POLICY_LRU }, { 96, 12, POLICY_LRU } }, false },
    { { { 64, 4, POLICY_PLRU }, { 128, 2, POLICY_LRU }, { 64, 16, POLICY_RANDOM } }, false },
    { { { 32, 4, POLICY_LRU }, { 64, 20, POLICY_LRU }, { 64, 3, POLICY_LRU } }, false },
    { { { 64, 1, POLICY_LRU }, { 0, 0, 0 }, { 64, 9, POLICY_FIFO } }, true },
};

int main(void)
{
    static const uint32_t shapes[][2] = { { 1, 1 }, { 1, 16 }, { 16, 4 }, { 64, 8 }, { 128, 2 },
                                          { 3, 3 }, { 7, 6 }, { 12, 5 }, { 130, 11 }, { 6, 20 } };
    static const char *const policies[] = { "lru", "plru", "fifo", "random" };
    static const uint32_t machines[][CACHE_LEVEL_COUNT][3] = {
        { { 4, 4, POLICY_LRU }, { 16, 4, POLICY_LRU }, { 60, 5, POLICY_LRU } },
        { { 4, 3, POLICY_PLRU }, { 15, 6, POLICY_RANDOM }, { 24, 11, POLICY_FIFO } },
        { { 8, 2, POLICY_LRU }, { 0, 0, 0 }, { 33, 7, POLICY_RANDOM } },
        { { 0, 0, 0 }, { 9, 4, POLICY_LRU }, { 0, 0, 0 } },
        { { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } },
    };
    int status = EXIT_SUCCESS;
    size_t arrays = COUNT_OF(shapes) * COUNT_OF(policies);
    size_t others = arrays + COUNT_OF(machines);
    printf("TAP version 13\n1..%zu\n", others + COUNT_OF(placing_levels));
    for (uint32_t i = 0; i < arrays; i++) {
        uint32_t policy = i % COUNT_OF(policies);
        const uint32_t *shape = shapes[i / COUNT_OF(policies)];
        bool same = compare_array(policy, shape[0], shape[1], 100 + i);
        if (!same) status = EXIT_FAILURE;
        printf("%s %" PRIu32 " - %s, %" PRIu32 " sets of %" PRIu32 " ways\n",
               same ? "ok" : "not ok", i + 1, policies[policy], shape[0], shape[1]);
    }
    for (uint32_t i = 0; i < COUNT_OF(machines); i++) {
        bool same = compare_machine(machines[i], 200 + i);
        if (!same) status = EXIT_FAILURE;
        printf("%s %zu - machine %" PRIu32 "\n", same ? "ok" : "not ok", arrays + i + 1, i + 1);
    }
    for (uint32_t i = 0; i < COUNT_OF(placing_levels); i++) {
        bool same = compare_placing(placing_levels[i].level, placing_levels[i].l3_hashed, 300 + i);
        if (!same) status = EXIT_FAILURE;
        printf("%s %zu - placing %" PRIu32 "\n", same ? "ok" : "not ok", others + i + 1, i + 1);
    }
    return status;
}
