/* The order of use of a set of up to 16 ways of which all but one stay where they are. Way 0 is
 * always the one used last; a word lists the other ways, four bits each, the one used last before
 * it lowest. Empty ways stand behind the others. So using a way is: what it holds and what way 0
 * holds change places, and the way goes to the front of the list. */
#pragma once

#include <stdint.h>

enum { LRU_ORDER_WAYS_LEAST = 2, LRU_ORDER_WAYS_MOST = 16, LRU_ORDER_BITS = 4 };

/* Where the place of the last way begins. */
static inline unsigned lru_order_end(unsigned ways)
{
    return (ways - LRU_ORDER_WAYS_LEAST) * LRU_ORDER_BITS;
}

/* Of an empty set. */
static inline uint64_t lru_order_first(unsigned ways)
{
    uint64_t all = (UINT64_C(1) << (lru_order_end(ways) + LRU_ORDER_BITS)) - 1;
    return UINT64_C(0xFEDCBA987654321) & all;
}

/* The way that is replaced, `end` being lru_order_end(): what way 0 holds goes there. */
static inline unsigned lru_order_last(uint64_t order, unsigned end)
{
    return (unsigned)(order >> end) & (LRU_ORDER_WAYS_MOST - 1);
}

/* The order with the last way in front. */
static inline uint64_t lru_order_replaced(uint64_t order, unsigned end)
{
    uint64_t others = ((UINT64_C(1) << end) - 1) & order;
    return others << LRU_ORDER_BITS | order >> end;
}

/* Where the place of a way (not 0) begins: the lowest group of bits that differs in none. */
static inline unsigned lru_order_place(uint64_t order, unsigned way)
{
    const uint64_t ones = UINT64_C(0x1111111111111111);
    uint64_t differs = order ^ way * ones;
    uint64_t is_same = (differs - ones) & ~differs & ones << (LRU_ORDER_BITS - 1);
    return (unsigned)__builtin_ctzll(is_same) & ~(LRU_ORDER_BITS - 1U);
}

/* The order with that way (not 0) in front. */
static inline uint64_t lru_order_used(uint64_t order, unsigned way)
{
    unsigned place = lru_order_place(order, way);
    uint64_t before = (UINT64_C(1) << place) - 1;
    uint64_t behind = ~before << LRU_ORDER_BITS & order;
    return behind | (order & before) << LRU_ORDER_BITS | way;
}
