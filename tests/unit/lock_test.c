/* Locks in time, beside a model that knows for each cycle whether the lock is held. */
#include "base/busy.h"

#include "base/rng.h"
#include "mm_machine.h"

#include <string.h>

enum { CYCLES = 4000 };

static uint64_t naive_free_at(const bool *held, uint64_t now)
{
    while (now < CYCLES && held[now]) now++;
    return now;
}

/* Holds in any order, which touch, overlap and enclose each other. */
Test(lock, random_holds)
{
    struct rng r;
    rng_init(&r, 1, 1);
    for (unsigned round = 0; round < 200; round++) {
        struct busy lock = { 0 };
        bool held[CYCLES + 1] = { false };
        for (unsigned i = 0; i < 100; i++) {
            uint64_t from = rng_below(&r, CYCLES - 100), length = 1 + rng_below(&r, 1 + round / 2);
            busy_add(&lock, &test_allocator, (struct busy_span){ from, from + length }, 0);
            memset(held + from, true, length);
            uint64_t now = rng_below(&r, CYCLES);
            cr_assert_eq(busy_until(&lock, now), naive_free_at(held, now));
        }
        for (size_t i = 1; i < lock.count; i++)
            cr_assert_lt(lock.spans[i - 1].until, lock.spans[i].from);
        busy_free(&lock, &test_allocator);
    }
    cr_assert_eq(test_outstanding_bytes(), 0);
}

/* What ended by the horizon is forgotten, and of many the oldest. */
Test(lock, forgets)
{
    struct busy lock = { 0 };
    for (uint64_t i = 0; i < 10; i++)
        busy_add(&lock, &test_allocator, (struct busy_span){ i * 10, i * 10 + 5 }, 0);
    cr_assert_eq(lock.count, 10);
    busy_add(&lock, &test_allocator, (struct busy_span){ 100, 105 }, 45);
    cr_assert_eq(lock.count, 6);
    cr_assert_eq(lock.spans[0].from, 50);
    for (uint64_t i = 0; i < 3 * BUSY_SPANS_MOST; i++)
        busy_add(&lock, &test_allocator, (struct busy_span){ 200 + i * 2, 201 + i * 2 }, 0);
    cr_assert_eq(lock.count, BUSY_SPANS_MOST);
    cr_assert_eq(busy_until(&lock, 102), 102);
    cr_assert_eq(busy_until(&lock, 200 + 6 * BUSY_SPANS_MOST - 2), 201 + 6 * BUSY_SPANS_MOST - 2);
    busy_free(&lock, &test_allocator);
    cr_assert_eq(test_outstanding_bytes(), 0);
}
