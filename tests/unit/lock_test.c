/* Locks in time, beside a model that knows for each cycle whether the lock is held. */
#include "mm/lock.h"

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
        struct lock lock = { 0 };
        bool held[CYCLES + 1] = { false };
        for (unsigned i = 0; i < 100; i++) {
            uint64_t from = rng_below(&r, CYCLES - 100), length = 1 + rng_below(&r, 1 + round / 2);
            lock_remember(&lock, &test_allocator, (struct lock_hold){ from, from + length }, 0);
            memset(held + from, true, length);
            uint64_t now = rng_below(&r, CYCLES);
            cr_assert_eq(lock_free_at(&lock, now), naive_free_at(held, now));
        }
        for (size_t i = 1; i < lock.count; i++)
            cr_assert_lt(lock.holds[i - 1].until, lock.holds[i].from);
        lock_free(&lock, &test_allocator);
    }
    cr_assert_eq(test_outstanding_bytes(), 0);
}

/* What ended by the horizon is forgotten, and of many the oldest. */
Test(lock, forgets)
{
    struct lock lock = { 0 };
    for (uint64_t i = 0; i < 10; i++)
        lock_remember(&lock, &test_allocator, (struct lock_hold){ i * 10, i * 10 + 5 }, 0);
    cr_assert_eq(lock.count, 10);
    lock_remember(&lock, &test_allocator, (struct lock_hold){ 100, 105 }, 45);
    cr_assert_eq(lock.count, 6);
    cr_assert_eq(lock.holds[0].from, 50);
    for (uint64_t i = 0; i < 3 * LOCK_HOLDS_MOST; i++)
        lock_remember(&lock, &test_allocator, (struct lock_hold){ 200 + i * 2, 201 + i * 2 }, 0);
    cr_assert_eq(lock.count, LOCK_HOLDS_MOST);
    cr_assert_eq(lock_free_at(&lock, 102), 102);
    cr_assert_eq(lock_free_at(&lock, 200 + 6 * LOCK_HOLDS_MOST - 2), 201 + 6 * LOCK_HOLDS_MOST - 2);
    lock_free(&lock, &test_allocator);
    cr_assert_eq(test_outstanding_bytes(), 0);
}
