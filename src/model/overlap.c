/* Overlapping accesses: see overlap.h. */
#include "model/overlap.h"

#include <string.h>

void overlap_begin(struct hw *hw, struct overlap *o)
{
    memset(o, 0, sizeof *o);
    o->walkers = hw->walkers;
    o->clock = hw->cpu->clock;
    memcpy(o->spent, hw->cpu->spent, sizeof o->spent);
}

struct overlap_queue overlap_take(struct hw *hw, const struct overlap *o)
{
    struct cpu *cpu = hw->cpu;
    struct overlap_queue one = { .cycles = cpu->clock.v - o->clock.v };
    for (unsigned i = 0; i < COST_COUNT; i++)
        if (hw->price[i] != 0) one.units[i] = (cpu->spent[i] - o->spent[i]) / hw->price[i];
    cpu->clock = o->clock;
    memcpy(cpu->spent, o->spent, sizeof o->spent);
    return one;
}

static bool is_walk(enum cost cost)
{
    return cost == COST_WALK || cost == COST_WALK_REFERENCE || cost == COST_WALK_L2 ||
           cost == COST_WALK_L3 || cost == COST_WALK_DRAM;
}

void overlap_next(struct hw *hw, struct overlap *o, bool walked)
{
    struct overlap_queue own = overlap_take(hw, o);
    if (walked) { /* after the walks before it; its own occupies the walker, the rest does not */
        struct overlap_queue *walker = &o->walker[o->walks++ % o->walkers];
        for (unsigned i = 0; i < COST_COUNT; i++) {
            uint64_t before = walker->units[i];
            if (is_walk((enum cost)i)) walker->units[i] += own.units[i];
            own.units[i] += before;
        }
        uint64_t before = walker->cycles;
        walker->cycles = 0;
        for (unsigned i = 0; i < COST_COUNT; i++)
            walker->cycles += walker->units[i] * hw->price[i];
        own.cycles += before;
    }
    if (own.cycles > o->last.cycles) o->last = own;
}

void overlap_charge(struct hw *hw, const struct overlap_queue *queue)
{
    for (unsigned i = 0; i < COST_COUNT; i++) {
        enum cost cost = (enum cost)i;
        charge(hw, cost, queue->units[i]);
    }
}

void overlap_end(struct hw *hw, struct overlap *o)
{
    overlap_charge(hw, &o->last);
}
