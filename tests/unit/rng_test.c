/* Unit tests of base/rng. */
#include "base/rng.h"

#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* The authors' xoshiro256starstar.c on the state 1, 2, 3, 4. */
Test(rng, next_is_xoshiro256starstar)
{
    static const uint64_t wanted[] = {
        11520, 0, 1509978240, UINT64_C(1215971899390074240), UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
    };
    struct rng r = { { 1, 2, 3, 4 } };
    for (size_t i = 0; i < COUNT_OF(wanted); i++) cr_assert_eq(rng_next(&r), wanted[i]);
}

/* splitmix64.c of the same authors, seed 0. */
Test(rng, init_is_splitmix64)
{
    struct rng r;
    rng_init(&r, 0, 0);
    cr_assert_eq(r.s[0], UINT64_C(0xE220A8397B1DCDAF));
    cr_assert_eq(r.s[1], UINT64_C(0x6E789E6AA1B965F4));
    cr_assert_eq(r.s[2], UINT64_C(0x06C45D188009454F));
    cr_assert_eq(r.s[3], UINT64_C(0xF88BB8A8724C81EC));
    cr_assert_eq(rng_next(&r), UINT64_C(0x99EC5F36CB75F2B4));
}

Test(rng, seeds_and_streams_differ)
{
    enum { SIDE = 16 };
    uint64_t first[SIDE * SIDE];
    for (uint64_t i = 0; i < SIDE * SIDE; i++) {
        struct rng r;
        rng_init(&r, i / SIDE, i % SIDE);
        first[i] = rng_next(&r);
        for (uint64_t k = 0; k < i; k++) cr_assert_neq(first[k], first[i]);
    }
}

static void below_zero(void *context)
{
    rng_below(context, 0);
}

Test(rng, below_is_in_range_and_even)
{
    static const uint64_t bounds[] = { 1, 2, 3, 5, 8, 10, 16 };
    struct rng r;
    rng_init(&r, 3, 0);
    for (size_t b = 0; b < COUNT_OF(bounds); b++) {
        uint64_t seen[16] = { 0 };
        for (int i = 0; i < 16000; i++) {
            uint64_t n = rng_below(&r, bounds[b]);
            cr_assert_lt(n, bounds[b]);
            seen[n]++;
        }
        for (uint64_t n = 0; n < bounds[b]; n++) {
            cr_assert_geq(seen[n], 16000 / bounds[b] * 8 / 10);
            cr_assert_leq(seen[n], 16000 / bounds[b] * 12 / 10);
        }
    }
    static const uint64_t large[] = { UINT64_MAX, ((uint64_t)1 << 63) + 1, (uint64_t)1 << 63 };
    for (size_t b = 0; b < COUNT_OF(large); b++) {
        uint64_t high = 0;
        for (int i = 0; i < 100; i++) {
            uint64_t n = rng_below(&r, large[b]);
            cr_assert_lt(n, large[b]);
            high += n > large[b] / 2;
        }
        cr_assert(high > 20 && high < 80);
    }
    cr_assert(test_bug_raised(below_zero, &r));
}

/* The state before an output, so that a test can choose the output: only s[1] counts for it. */
static struct rng that_draws(uint64_t output)
{
    const uint64_t by_9 = UINT64_C(0x8E38E38E38E38E39), by_5 = UINT64_C(0xCCCCCCCCCCCCCCCD);
    uint64_t x = output * by_9;
    x = (x >> 7) | (x << 57);
    return (struct rng){ { 1, x * by_5, 2, 3 } };
}

Test(rng, exponential_is_minus_mean_times_ln)
{
    static const uint64_t means[] = { 0, 1, 1000, 123456789, (uint64_t)1 << 40 };
    struct rng source;
    rng_init(&source, 11, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t u = rng_next(&source) >> rng_below(&source, 57);
        struct rng check = that_draws(u);
        cr_assert_eq(rng_next(&check), u);
        if (u == 0) continue;
        for (size_t k = 0; k < COUNT_OF(means); k++) {
            struct rng r = that_draws(u);
            double mean = (double)means[k];
            double wanted = mean * fmin(40, -log(ldexp((double)u, -64)));
            double found = (double)rng_exponential(&r, means[k]);
            cr_assert_leq(fabs(found - wanted), 0.51 + mean * 3e-6, "%g %g", found, wanted);
        }
    }
}

Test(rng, exponential_limits)
{
    static const struct {
        uint64_t drawn, mean, wanted;
    } rows[] = {
        { 0, 1000, 40000 },
        { 1, 1000, 40000 }, /* ln 2^64 is above 44 */
        { UINT64_MAX, 1000, 0 },
        { (uint64_t)1 << 63, 1000000, 693147 },
        { 0, UINT64_MAX, UINT64_MAX },
        { 0, UINT64_MAX / 40, UINT64_MAX / 40 * 40 },
        { UINT64_MAX, UINT64_MAX, (uint64_t)1 << 32 }, /* a step is 2^-32 of the mean */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rng r = that_draws(rows[i].drawn);
        uint64_t found = rng_exponential(&r, rows[i].mean);
        cr_assert_eq(found, rows[i].wanted, "row %zu: %llu", i, (unsigned long long)found);
    }
}

Test(rng, exponential_has_its_mean)
{
    enum { DRAWS = 200000 };
    struct rng r;
    uint64_t total = 0, above_mean = 0;
    rng_init(&r, 5, 2);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t n = rng_exponential(&r, 1000);
        total += n;
        above_mean += n > 1000;
    }
    cr_assert(total / DRAWS >= 990 && total / DRAWS <= 1010);
    /* e^-1 of all, 0.3679 */
    cr_assert(above_mean > DRAWS / 1000 * 360 && above_mean < DRAWS / 1000 * 376);
}

static void check_bijection(uint64_t count, uint64_t seed)
{
    static bool seen[70000];
    struct permutation p;
    memset(seen, 0, sizeof seen);
    permutation_init(&p, count, seed);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t n = permutation_at(&p, i);
        cr_assert_lt(n, count);
        cr_assert_not(seen[n], "count %llu", (unsigned long long)count);
        seen[n] = true;
    }
}

Test(rng, permutation_is_a_bijection)
{
    static const uint64_t counts[] = { 511, 512, 513, 1023, 1024, 1025, 4096, 65535, 65536, 65537 };
    for (uint64_t count = 1; count <= 300; count++) check_bijection(count, count % 5);
    for (size_t i = 0; i < COUNT_OF(counts); i++) check_bijection(counts[i], i);
}

Test(rng, permutation_depends_on_the_seed_and_shuffles)
{
    enum { COUNT = 4096 };
    struct permutation a, b;
    uint64_t same = 0, neighbours = 0;
    permutation_init(&a, COUNT, 1);
    permutation_init(&b, COUNT, 2);
    for (uint64_t i = 0; i + 1 < COUNT; i++) {
        same += permutation_at(&a, i) == permutation_at(&b, i);
        neighbours += permutation_at(&a, i) + 1 == permutation_at(&a, i + 1);
    }
    cr_assert_leq(same, 20);
    cr_assert_leq(neighbours, 20);
}

Test(rng, permutation_of_large_counts)
{
    enum { DRAWS = 2000 };
    static const uint64_t counts[] = {
        UINT32_MAX, (uint64_t)1 << 34, ((uint64_t)1 << 34) + 1, (uint64_t)1 << 63, UINT64_MAX,
    };
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
        struct permutation p;
        static uint64_t seen[DRAWS];
        permutation_init(&p, counts[c], 9);
        for (uint64_t i = 0; i < DRAWS; i++) {
            uint64_t index = i % 2 == 0 ? i : counts[c] - i;
            seen[i] = permutation_at(&p, index);
            cr_assert_lt(seen[i], counts[c]);
            for (uint64_t k = 0; k < i; k++) cr_assert_neq(seen[k], seen[i]);
        }
    }
}

static void permutation_empty(void *context)
{
    permutation_init(context, 0, 1);
}

static void permutation_behind(void *context)
{
    const struct permutation *p = context;
    permutation_at(p, p->count);
}

Test(rng, permutation_misuse_is_a_bug)
{
    struct permutation p;
    permutation_init(&p, 10, 1);
    cr_assert(test_bug_raised(permutation_behind, &p));
    cr_assert(test_bug_raised(permutation_empty, &p));
}
