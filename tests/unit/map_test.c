/* Unit tests of base/map, against a list that is searched from end to end. */
#include "base/map.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>

struct pair {
    uint64_t key, value;
    bool there;
};

static const uint64_t special_keys[] = { 0, 1, UINT64_MAX, UINT64_MAX - 1, (uint64_t)1 << 63 };

/* A few hundred keys: special ones, neighbours, page addresses, anything. */
static uint64_t key_of(size_t i)
{
    if (i < COUNT_OF(special_keys)) return special_keys[i];
    if (i % 3 == 0) return i;
    if (i % 3 == 1) return UINT64_C(0xFFFF800000000000) + i * 4096;
    struct rng r;
    rng_init(&r, i, 0);
    return rng_next(&r);
}

static void compare(const struct map *m, const struct pair *pairs, size_t count)
{
    size_t there = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 77;
        bool found = map_get(m, pairs[i].key, &value);
        cr_assert_eq(found, pairs[i].there, "key %zu", i);
        cr_assert_eq(value, found ? pairs[i].value : 77);
        cr_assert_eq(map_at(m, pairs[i].key), found ? pairs[i].value : 0);
        there += found;
    }
    cr_assert_eq(m->count, there);
}

Test(map, empty)
{
    struct map m;
    map_init(&m, &test_allocator);
    for (size_t i = 0; i < COUNT_OF(special_keys); i++) {
        uint64_t value = 5;
        cr_assert_not(map_get(&m, special_keys[i], &value));
        cr_assert_eq(value, 5);
        cr_assert_not(map_remove(&m, special_keys[i]));
    }
    map_free(&m);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(map, random_operations_match_a_list)
{
    static struct pair pairs[300];
    for (size_t i = 0; i < COUNT_OF(pairs); i++) pairs[i] = (struct pair){ .key = key_of(i) };
    struct map m;
    struct rng r;
    map_init(&m, &test_allocator);
    rng_init(&r, 1, 0);
    for (int step = 0; step < 20000; step++) {
        struct pair *p = &pairs[rng_below(&r, COUNT_OF(pairs))];
        /* Phases of growing and of shrinking. */
        bool set = rng_below(&r, 10) < (step / 2000 % 2 == 0 ? 7u : 3u);
        if (set) {
            p->value = rng_next(&r);
            p->there = true;
            map_set(&m, p->key, p->value);
        } else {
            cr_assert_eq(map_remove(&m, p->key), p->there);
            p->there = false;
        }
        if (step % 16 == 0) compare(&m, pairs, COUNT_OF(pairs));
    }
    compare(&m, pairs, COUNT_OF(pairs));
    map_free(&m);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(map, the_last_key_survives_growth)
{
    struct map m;
    map_init(&m, &test_allocator);
    map_set(&m, UINT64_MAX, 42);
    for (uint64_t i = 0; i < 100000; i++) map_set(&m, i * 4096, i + 1);
    cr_assert_eq(map_at(&m, UINT64_MAX), 42);
    for (uint64_t i = 0; i < 100000; i++) cr_assert_eq(map_at(&m, i * 4096), i + 1);
    cr_assert_leq(m.capacity, 262144);
    map_free(&m);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(map, removal_leaves_nothing_behind)
{
    struct map m;
    map_init(&m, &test_allocator);
    for (uint64_t i = 0; i < 100000; i++) {
        map_set(&m, i, i);
        if (i >= 8) cr_assert(map_remove(&m, i - 8));
    }
    cr_assert_eq(m.count, 8);
    cr_assert_eq(m.capacity, 16);
    map_free(&m);
    cr_assert_eq(test_outstanding_bytes(), 0);
}
