/* Unit tests of base/hist, against a sorted array. */
#include "base/hist.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { VALUES = 5003 };

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

Test(hist, buckets_tile_the_numbers)
{
    uint64_t next = 0;
    size_t buckets = hist_bucket_of(UINT64_MAX) + 1;
    cr_assert_eq(buckets, 256 + 56 * 128);
    for (size_t i = 0; i < buckets; i++) {
        uint64_t high = hist_upper_bound(i);
        cr_assert_geq(high, next);
        cr_assert_eq(hist_bucket_of(next), i);
        cr_assert_eq(hist_bucket_of(high), i);
        cr_assert_leq(high - next, next / 128, "bucket %zu", i);
        if (i < 256) cr_assert_eq(high, i);
        next = high + 1;
    }
    cr_assert_eq(next, 0, "the last bucket ends at UINT64_MAX");
}

Test(hist, empty)
{
    struct hist h;
    hist_init(&h, &test_allocator);
    cr_assert_eq(hist_percentile(&h, 5000), 0);
    cr_assert_eq(hist_mean(&h), 0);
    hist_free(&h);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

static uint64_t draw(struct rng *r, unsigned kind)
{
    switch (kind) {
    case 0: return rng_below(r, 256);
    case 1: return rng_exponential(r, 10000);
    case 2: return rng_next(r) >> rng_below(r, 64);
    default: return 1000000 + rng_below(r, 3);
    }
}

static void check_percentiles(const struct hist *h, const uint64_t *sorted, bool exact)
{
    static const unsigned shares[] = { 0,    1,    100,  2500,  5000, 9000,
                                       9900, 9990, 9999, 10000, 12345 };
    for (size_t i = 0; i < COUNT_OF(shares); i++) {
        uint64_t share = shares[i] < 10000 ? shares[i] : 10000;
        uint64_t rank = (VALUES * share + 9999) / 10000;
        uint64_t truth = sorted[rank > 0 ? rank - 1 : 0];
        uint64_t found = hist_percentile(h, shares[i]);
        cr_assert_geq(found, truth);
        cr_assert_leq(found - truth, exact ? 0 : truth / 100, "share %u", shares[i]);
        cr_assert_leq(found, h->max);
    }
    cr_assert_eq(hist_percentile(h, 10000), sorted[VALUES - 1]);
}

Test(hist, percentiles_match_a_sorted_array)
{
    static uint64_t values[VALUES];
    for (unsigned kind = 0; kind < 4; kind++) {
        struct hist h;
        struct rng r;
        uint64_t total = 0;
        hist_init(&h, &test_allocator);
        rng_init(&r, kind, 0);
        for (size_t i = 0; i < VALUES; i++) {
            values[i] = draw(&r, kind);
            hist_add(&h, values[i]);
            if (!add_fits(total, values[i], &total)) total = UINT64_MAX;
        }
        qsort(values, VALUES, sizeof values[0], compare);
        cr_assert_eq(h.min, values[0]);
        cr_assert_eq(h.max, values[VALUES - 1]);
        cr_assert_eq(h.count, VALUES);
        cr_assert_eq(h.total, total);
        cr_assert_eq(hist_mean(&h), total / VALUES);
        check_percentiles(&h, values, kind == 0);
        hist_free(&h);
    }
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(hist, total_saturates_and_zero_counts)
{
    struct hist h;
    hist_init(&h, &test_allocator);
    hist_add(&h, 0);
    cr_assert_eq(h.max, 0);
    cr_assert_eq(hist_percentile(&h, 9990), 0);
    hist_add(&h, UINT64_MAX);
    hist_add(&h, UINT64_MAX);
    cr_assert_eq(h.total, UINT64_MAX);
    cr_assert_eq(h.min, 0);
    cr_assert_eq(hist_percentile(&h, 5000), UINT64_MAX);
    cr_assert_eq(hist_percentile(&h, 3333), 0);
    hist_free(&h);
    cr_assert_eq(test_outstanding_bytes(), 0);
}
