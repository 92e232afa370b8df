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

/* find_line() behind the first level. */
static inline enum served find_behind(struct cpu *cpu, uint64_t line, uint64_t counts)
{
    if (cache_serves(&cpu->l2_cache, line, counts)) return SERVED_L2;
    if (cpu->l3_cache->is_hashed) line = cache_scatter(line);
    return cache_serves(cpu->l3_cache, line, counts) ? SERVED_L3 : SERVED_MEMORY;
}

/* Where the line is: a level, or SERVED_MEMORY. From then on all levels have it. */
static inline enum served find_line(struct cpu *cpu, uint64_t line, uint64_t counts)
{
    if (cache_serves(&cpu->l1d_cache, line, counts)) return SERVED_L1D;
    return find_behind(cpu, line, counts);
}

/* The sets of the first level, as a loop keeps them beside it that uses nothing else of the
 * machine: it looks many lines up. */
struct near_cache {
    uint64_t *sets; /* NULL: they are not one piece of packed sets */
    uint64_t mask, words;
};

static inline struct near_cache near_cache_of(const struct hw *hw)
{
    const struct cache *c = &hw->cpu->l1d_cache;
    return (struct near_cache){ c->is_packed ? c->only : NULL, c->set_mask, c->set_words };
}

/* find_line() that counts nothing but evictions, of a machine with caches (memory.c). */
enum served memory_find(struct hw *hw, uint64_t line);
/* The same where the set of the line in the first level is packed and used another line last. */
enum served memory_find_other(struct hw *hw, uint64_t *set, uint64_t line);
/* The same in line; without caches SERVED_L2. */
static inline enum served near_find(struct hw *hw, const struct near_cache *near, uint64_t line)
{
    if (__builtin_expect(near->sets == NULL, 0))
        return hw->has_caches ? memory_find(hw, line) : SERVED_L2;
    uint64_t *set = near->sets + (line & near->mask) * near->words;
    if (set[SET_NEWEST] == line + 1) return SERVED_L1D;
    return memory_find_other(hw, set, line);
}

/* What the levels count of lines that were looked up with `counts` 0, by where each was. */
static inline void count_served(struct cpu *cpu, const uint64_t served[SERVED_COUNT])
{
    struct cache *levels[] = { &cpu->l1d_cache, &cpu->l2_cache, cpu->l3_cache };
    uint64_t behind = served[SERVED_MEMORY];
    for (unsigned i = SERVED_MEMORY; i-- > 0; behind += served[i]) {
        levels[i]->counts.hits += served[i];
        if (levels[i]->ways != 0) levels[i]->counts.misses += behind;
    }
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
