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

void overlap_next(struct hw *hw, struct overlap *o, bool walked)
{
    struct overlap_queue one = overlap_take(hw, o);
    if (!walked) {
        if (one.cycles > o->other.cycles) o->other = one;
        return;
    }
    struct overlap_queue *queue = &o->walker[o->walks++ % o->walkers];
    queue->cycles += one.cycles;
    for (unsigned i = 0; i < COST_COUNT; i++) queue->units[i] += one.units[i];
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
    const struct overlap_queue *longest = &o->other;
    for (uint32_t i = 0; i < o->walkers; i++)
        if (o->walker[i].cycles > longest->cycles) longest = &o->walker[i];
    overlap_charge(hw, longest);
}
