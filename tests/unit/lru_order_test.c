/* The packed order of use beside a list of ways. */
#include "base/rng.h"
#include "model/lru_order.h"

#include <criterion/criterion.h>
#include <string.h>

enum { STEPS = 2000 };

static void to_front(unsigned *list, unsigned at)
{
    unsigned way = list[at];
    memmove(&list[1], &list[0], at * sizeof *list);
    list[0] = way;
}

static void expect_order(uint64_t order, const unsigned *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(order >> i * LRU_ORDER_BITS & 15, list[i], "place %u", i);
    cr_assert_eq(order >> (count - 1) * LRU_ORDER_BITS, list[count - 1], "more than %u", count);
}

static void compare(unsigned ways, struct rng *r)
{
    unsigned list[LRU_ORDER_WAYS_MOST], count = ways - 1, end = lru_order_end(ways);
    uint64_t order = lru_order_first(ways);
    for (unsigned i = 0; i < count; i++) list[i] = i + 1;
    expect_order(order, list, count);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned at = (unsigned)rng_below(r, count);
        cr_assert_eq(lru_order_last(order, end), list[count - 1]);
        cr_assert_eq(lru_order_place(order, list[at]), at * LRU_ORDER_BITS);
        if (rng_below(r, 4) == 0) {
            order = lru_order_replaced(order, end);
            to_front(list, count - 1);
        } else {
            order = lru_order_used(order, list[at]);
            to_front(list, at);
        }
        expect_order(order, list, count);
    }
}

Test(lru_order, goes_with_a_list)
{
    struct rng r;
    rng_init(&r, 1, 1);
    for (unsigned ways = LRU_ORDER_WAYS_LEAST; ways <= LRU_ORDER_WAYS_MOST; ways++)
        compare(ways, &r);
}
