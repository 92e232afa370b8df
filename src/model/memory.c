/* The way from a processor to memory: L1 data cache, L2, L3, DRAM. Accesses of data and fetches of
 * page walks start at the L1 data cache; what a level lacks is looked up in the next one and put
 * into every level before the one that had it. A line evicted from one level stays in the others:
 * the levels are neither inclusive nor exclusive. */
#include "model/memory_lines.h"

void memory_init(struct hw *hw, const struct hw_config *config)
{
    const struct cache_config *g = &config->caches;
    hw->has_caches = g->modelled;
    if (!g->modelled) return;
    uint32_t sharers = g->l3_cpus == 0 ? hw->cpu_count : g->l3_cpus;
    hw->l3_count = (hw->cpu_count + sharers - 1) / sharers;
    hw->l3 = mem_new(hw->from, hw->l3_count, sizeof *hw->l3);
    for (uint32_t i = 0; i < hw->l3_count; i++) {
        cache_init(&hw->l3[i], hw->from, g->level[CACHE_L3], config->seed * 1024 + i);
        hw->l3[i].is_hashed = g->l3_hashed;
    }
    for (uint32_t i = 0; i < hw->cpu_count; i++) {
        struct cpu *cpu = &hw->cpus[i];
        uint64_t seed = config->seed * 1024 + i * 16 + 13;
        cache_init(&cpu->l1d_cache, hw->from, g->level[CACHE_L1D], seed);
        cache_init(&cpu->l2_cache, hw->from, g->level[CACHE_L2], seed + 1);
        cpu->l3_cache = &hw->l3[i / sharers];
    }
}

void memory_free(struct hw *hw)
{
    if (!hw->has_caches) return;
    for (uint32_t i = 0; i < hw->cpu_count; i++) {
        cache_free(&hw->cpus[i].l1d_cache);
        cache_free(&hw->cpus[i].l2_cache);
    }
    for (uint32_t i = 0; i < hw->l3_count; i++) cache_free(&hw->l3[i]);
    mem_free(hw->from, hw->l3, hw->l3_count, sizeof *hw->l3);
}

enum served memory_fetch_host(struct hw *hw, pa_t at)
{
    if (!hw->has_caches) {
        charge(hw, COST_WALK_REFERENCE, 1);
        return SERVED_L2;
    }
    enum served served = find_line(hw->cpu, at.v >> CACHE_LINE_SHIFT, 1);
    enum cost cost = cost_of_fetch(served);
    charge(hw, cost, 1);
    return served;
}

enum served memory_find(struct hw *hw, uint64_t line)
{
    return find_line(hw->cpu, line, 0);
}

enum served memory_find_other(struct hw *hw, uint64_t *set, uint64_t line)
{
    struct cpu *cpu = hw->cpu;
    return cache_use_other(&cpu->l1d_cache, set, line) ? SERVED_L1D : find_behind(cpu, line, 0);
}

void memory_access_lines(struct hw *hw, pa_t at, uint64_t bytes)
{
    if (!hw->has_caches) {
        charge(hw, COST_MEMORY, 1);
        return;
    }
    if (hw->nested) at = nested_address(at);
    uint64_t last = (at.v + bytes - 1) >> CACHE_LINE_SHIFT;
    for (uint64_t line = at.v >> CACHE_LINE_SHIFT; line <= last; line++) {
        enum cost cost = cost_of_access(find_line(hw->cpu, line, 1));
        charge(hw, cost, 1);
    }
}

void memory_empty(struct hw *hw)
{
    if (!hw->has_caches) return;
    for (uint32_t i = 0; i < hw->cpu_count; i++) {
        cache_empty(&hw->cpus[i].l1d_cache);
        cache_empty(&hw->cpus[i].l2_cache);
    }
    for (uint32_t i = 0; i < hw->l3_count; i++) cache_empty(&hw->l3[i]);
}

void memory_flush(struct hw *hw)
{
    charge(hw, COST_CACHE_FLUSH, 1);
    if (!hw->has_caches) return;
    cache_empty(&hw->cpu->l1d_cache);
    cache_empty(&hw->cpu->l2_cache);
    cache_empty(hw->cpu->l3_cache);
}
