/* Accesses that do not wait for each other. Of a group that is under way at once, each has its own
 * latency; those that need a page walk queue for the walkers of the processor, in turn, and once
 * walked go on beside those behind them. The group takes as long as the access of it that ends
 * last, with the walks before it in its queue, and is charged what these cost: the costs of the
 * others hide behind them. */
#pragma once

#include "model/hw.h"

enum { WALKERS_MOST = 16 };

/* Cycles, and what they were for. */
struct overlap_queue {
    uint64_t cycles, units[COST_COUNT];
};

struct overlap {
    uint32_t walkers, walks;
    uint64_t spent[COST_COUNT]; /* before the access under way */
    cycles_t clock;
    struct overlap_queue walker[WALKERS_MOST]; /* the walks that each has made */
    struct overlap_queue last;                 /* up to the end of the access that ends last */
};

/* Starts a group on the current processor. */
void overlap_begin(struct hw *hw, struct overlap *o);
/* Takes what was charged since the start of the group back from the clock. */
struct overlap_queue overlap_take(struct hw *hw, const struct overlap *o);
void overlap_charge(struct hw *hw, const struct overlap_queue *queue);
/* After each access of the group: takes its cost back and queues it. */
void overlap_next(struct hw *hw, struct overlap *o, bool walked);
/* Ends the group: charges the longest queue. */
void overlap_end(struct hw *hw, struct overlap *o);
