/* Page tables that were written wholly, one behind the other: their lines go into the caches of the
 * current processor together, which takes less than one by one. Only for src/model. */
#pragma once

#include "model/hw.h"

enum { PLACING_MOST = 512 };

/* Tables whose lines are still to be placed, which must be before anything else looks at the
 * caches. Starts with `count` 0, the rest need not be set. */
struct placing {
    unsigned count;
    struct placed_table {
        uint64_t first_line; /* its number */
        uint64_t missed;     /* a bit for each line that no level has had so far */
    } table[PLACING_MOST];
};

void placing_add(struct hw *hw, struct placing *p, pfn_t table);
void placing_flush(struct hw *hw, struct placing *p);
/* memory_place() of all tables, in the order in which they were added; none is left. */
static inline void placing_end(struct hw *hw, struct placing *p)
{
    if (p->count != 0) placing_flush(hw, p);
}
