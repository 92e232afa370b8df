/* Log-linear histogram: what is read from it, and its growth. */
#include "base/hist.h"

void hist_init(struct hist *h, const struct allocator *from)
{
    *h = (struct hist){ .from = from };
}

void hist_free(struct hist *h)
{
    mem_free(h->from, h->buckets, h->bucket_count, sizeof h->buckets[0]);
    hist_init(h, h->from);
}

void hist_grow(struct hist *h, size_t bucket)
{
    h->buckets =
        mem_grow(h->from, h->buckets, &h->bucket_count, bucket + 1, sizeof h->buckets[0]);
}

uint64_t hist_mean(const struct hist *h)
{
    return h->count == 0 ? 0 : h->total / h->count;
}

uint64_t hist_upper_bound(size_t bucket)
{
    if (bucket < 256) return bucket;
    unsigned shift = (unsigned)(bucket / 128 - 1);
    uint64_t leading = 128 + bucket % 128;
    return ((leading + 1) << shift) - 1; /* the last bucket wraps to UINT64_MAX, as it should */
}

/* ceil(count * per_10000 / 10000), at least 1, without leaving 64 bits. */
static uint64_t rank_of(uint64_t count, unsigned per_10000)
{
    uint64_t share = per_10000 < 10000 ? per_10000 : 10000;
    uint64_t rank = count / 10000 * share + (count % 10000 * share + 9999) / 10000;
    return rank > 0 ? rank : 1;
}

uint64_t hist_percentile(const struct hist *h, unsigned per_10000)
{
    if (h->count == 0) return 0;
    uint64_t rank = rank_of(h->count, per_10000);
    uint64_t seen = 0;
    for (size_t i = hist_bucket_of(h->min); i < h->bucket_count; i++) {
        seen += h->buckets[i];
        if (seen >= rank) {
            uint64_t bound = hist_upper_bound(i);
            return bound < h->max ? bound : h->max;
        }
    }
    return h->max;
}
