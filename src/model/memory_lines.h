/* Finding a line in the caches between a processor and memory, in line. Only for src/model. */
#pragma once

#include "model/cache_use.h"
#include "model/hw.h"

/* The packed set of a line; NULL: cache_use() knows what to do. */
static inline uint64_t *packed_set(const struct cache *c, uint64_t line)
{
    if (!c->is_packed) return NULL;
    if (c->only != NULL) return c->only + (line & c->set_mask) * c->set_words;
    return cache_set_at(c, cache_set_of(c, line));
}

/* Whether the level has the line, and has it from now on. */
static inline bool cache_serves(struct cache *c, uint64_t line, uint64_t counts)
{
    uint64_t *set = packed_set(c, line);
    if (__builtin_expect(set == NULL && c->ways == 0, 0)) return false;
    bool hit = __builtin_expect(set != NULL, 1) ? cache_use_packed(c, set, line)
                                                : cache_use(c, line);
    *(hit ? &c->counts.hits : &c->counts.misses) += counts;
    return hit;
}

/* Where the line is: a level, or SERVED_MEMORY. From then on all levels have it. */
static inline enum served find_line(struct cpu *cpu, uint64_t line, uint64_t counts)
{
    if (cache_serves(&cpu->l1d_cache, line, counts)) return SERVED_L1D;
    if (cache_serves(&cpu->l2_cache, line, counts)) return SERVED_L2;
    if (cpu->l3_cache->is_hashed) line = cache_scatter(line);
    return cache_serves(cpu->l3_cache, line, counts) ? SERVED_L3 : SERVED_MEMORY;
}

/* charge() of what was added up: nothing that did not happen. */
static inline void charge_some(struct hw *hw, enum cost cost, uint64_t times)
{
    if (times != 0) charge(hw, cost, times);
}

/* What it costs an access to data, and a fetch of a walk, to be served there. */
static inline enum cost cost_of_access(enum served by)
{
    static const uint8_t costs[SERVED_COUNT] = { COST_MEMORY, COST_MEMORY_L2, COST_MEMORY_L3,
                                                 COST_MEMORY_DRAM };
    return (enum cost)costs[by];
}
static inline enum cost cost_of_fetch(enum served by)
{
    static const uint8_t costs[SERVED_COUNT] = { COST_WALK_REFERENCE, COST_WALK_L2, COST_WALK_L3,
                                                 COST_WALK_DRAM };
    return (enum cost)costs[by];
}
