/* `machine.cpu.caches`: geometry and latencies of the caches and of memory over those of the
 * preset. A latency is the price of what a level serves, for data and for page walks alike. */
#include "scenario/compiler.h"

#define CACHE_MOST (UINT64_C(4) << 30) /* larger than any third level */
#define LATENCY_MOST (UINT64_C(1) << 40)
enum { WAYS_MOST = 1 << 16, PLRU_WAYS_MOST = 64 };

static const char *const level_names[CACHE_LEVEL_COUNT] = { "l1d", "l2", "l3" };

/* What a level costs, data first. */
static const enum cost level_costs[CACHE_LEVEL_COUNT + 1][2] = {
    { COST_MEMORY, COST_WALK_REFERENCE },
    { COST_MEMORY_L2, COST_WALK_L2 },
    { COST_MEMORY_L3, COST_WALK_L3 },
    { COST_MEMORY_DRAM, COST_WALK_DRAM },
};

static void compile_latency(struct compiler *c, const struct node *node, unsigned level)
{
    struct value v;
    if (!node || !constant(c, node, &v)) return;
    if ((v.kind != VALUE_INT && v.kind != VALUE_TIME) || v.v > LATENCY_MOST) {
        report(c, node, "expected cycles or a time, at most %u cycles, found %s", LATENCY_MOST,
               found(c, node));
        return;
    }
    for (unsigned i = 0; i < 2; i++) c->program->config.price[level_costs[level][i]] = v.v;
}

static bool ways_fit(struct compiler *c, const struct node *node, const struct node *at,
                     const struct cache_geometry *g)
{
    uint64_t lines = g->bytes / CACHE_LINE_BYTES;
    if (g->bytes % CACHE_LINE_BYTES != 0 || lines % g->ways != 0) {
        report(c, at ? at : node,
               "%u bytes cannot be cut into sets of %u lines of 64 bytes: expected a multiple of "
               "%u bytes",
               g->bytes, (uint64_t)g->ways, (uint64_t)g->ways * CACHE_LINE_BYTES);
        return false;
    }
    if (g->policy == POLICY_PLRU && g->ways > PLRU_WAYS_MOST) {
        report(c, node, "plru works with at most %u ways, this cache has %u",
               (uint64_t)PLRU_WAYS_MOST, (uint64_t)g->ways);
        return false;
    }
    return true;
}

/* {size, ways, policy} over what is in *g; no ways stand for no cache so far. */
static void compile_geometry(struct compiler *c, const struct node *node, struct cache_geometry *g)
{
    const struct node *size = node_get(node, "size"), *ways_node = node_get(node, "ways");
    const struct node *policy_node = node_get(node, "policy");
    uint64_t bytes = g->bytes, ways = g->ways, policy = g->policy;
    struct range sizes = { CACHE_LINE_BYTES, CACHE_MOST }, counts = { 1, WAYS_MOST };
    bool fine = expect_number(c, size, NUMBER_SIZE, sizes, &bytes);
    fine = expect_number(c, ways_node, NUMBER_COUNT, counts, &ways) && fine;
    if (policy_node) fine = expect_name(c, policy_node, &tlb_policies, &policy) && fine;
    if (!fine) return;
    if (!bytes || !ways) {
        report(c, node, "the key '%s' is missing: the preset has no such cache",
               bytes ? "ways" : "size");
        return;
    }
    struct cache_geometry made = { bytes, (uint32_t)ways, (uint32_t)policy };
    if (ways_fit(c, node, size ? size : ways_node, &made)) *g = made;
}

static void compile_l3(struct compiler *c, const struct node *cores, const struct node *index)
{
    struct cache_config *caches = &c->program->config.caches;
    uint64_t count = caches->l3_cpus, hashed = caches->l3_hashed;
    if (cores && expect_number(c, cores, NUMBER_COUNT, (struct range){ 1, 4096 }, &count))
        caches->l3_cpus = (uint32_t)count;
    if (index && expect_name(c, index, &index_names, &hashed)) caches->l3_hashed = hashed != 0;
}

static void compile_level(struct compiler *c, const struct node *node, unsigned level)
{
    struct cache_config *caches = &c->program->config.caches;
    if (!node) return;
    if (is_word(node, "none")) {
        caches->level[level] = (struct cache_geometry){ 0 };
        return;
    }
    if (!keys_check(c, node, "machine.cpu.caches.*")) return;
    compile_geometry(c, node, &caches->level[level]);
    compile_latency(c, node_get(node, "latency"), level);
    const struct node *cores = node_get(node, "cpus"), *index = node_get(node, "index");
    if (level == CACHE_L3) {
        compile_l3(c, cores, index);
        return;
    }
    if (cores)
        report(c, cores, "every processor has its own %s: only l3 is shared", level_names[level]);
    if (index)
        report(c, index, "%s takes its sets by the low bits: only l3 has an index",
               level_names[level]);
}

void compile_caches(struct compiler *c, const struct node *node)
{
    struct cache_config *caches = &c->program->config.caches;
    if (is_word(node, "none")) {
        *caches = (struct cache_config){ .modelled = false };
        return;
    }
    if (!keys_check(c, node, "machine.cpu.caches")) return;
    caches->modelled = true;
    for (unsigned i = 0; i < CACHE_LEVEL_COUNT; i++)
        compile_level(c, node_get(node, level_names[i]), i);
    const struct node *memory = node_get(node, "memory");
    if (memory && keys_check(c, memory, "machine.cpu.caches.memory"))
        compile_latency(c, node_get(memory, "latency"), CACHE_LEVEL_COUNT);
}
