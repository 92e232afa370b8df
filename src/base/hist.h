/* Log-linear histogram of 64-bit integers: exact below 256, then 128 buckets an octave, so that the
 * upper bound of a bucket is at most 1/128 (0.8 %) above any value in it. Integers only. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

struct hist {
    const struct allocator *from;
    uint64_t *buckets;   /* grows to the highest bucket in use */
    size_t bucket_count; /* room, counting empty buckets at the end */
    uint64_t count, total, min, max; /* min and max are exact, 0 when empty; total saturates */
};

void hist_init(struct hist *h, const struct allocator *from);
void hist_free(struct hist *h);
uint64_t hist_mean(const struct hist *h); /* rounded down, 0 when empty */
/* The smallest bucket's upper bound (never above max) such that at least
 * ceil(count * per_10000 / 10000) values, and at least one, are not above it; per_10000 is 5000 for
 * p50, 9990 for p999, and what is above 10000 counts as 10000. 0 when empty. */
uint64_t hist_percentile(const struct hist *h, unsigned per_10000);
uint64_t hist_upper_bound(size_t bucket); /* highest value that falls into it */
void hist_grow(struct hist *h, size_t bucket); /* makes room for it; for hist_add */

static inline size_t hist_bucket_of(uint64_t value)
{
    if (value < 256) return (size_t)value;
    unsigned shift = 56u - (unsigned)__builtin_clzll(value); /* leaves 128 .. 255 */
    return (size_t)shift * 128 + (size_t)(value >> shift);
}

static inline void hist_add(struct hist *h, uint64_t value)
{
    size_t bucket = hist_bucket_of(value);
    if (__builtin_expect(bucket >= h->bucket_count, 0)) hist_grow(h, bucket);
    h->buckets[bucket]++;
    if (h->count == 0 || value < h->min) h->min = value;
    if (value > h->max) h->max = value;
    h->count++;
    if (!add_fits(h->total, value, &h->total)) h->total = UINT64_MAX;
}
