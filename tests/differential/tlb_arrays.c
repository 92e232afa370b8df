/* TLB arrays of every policy and of odd geometries beside slow_array.h. TAP. */
#include "slow_array.h"

enum { STEPS = 40000 };

static uint64_t slow_drop_all(struct slow_array *a, bool keep_global, uint64_t *sum)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < a->sets * a->ways; i++) {
        struct slow_entry *e = &a->set[i / a->ways].way[i % a->ways];
        if (!e->valid || (keep_global && tlb_tag_space(e->tag) == 0)) continue;
        e->valid = false;
        *sum += e->tag;
        count++;
    }
    return count;
}

/* ---- side by side ---- */

static void add_tag(void *context, uint64_t tag)
{
    *(uint64_t *)context += tag;
}

/* One look-up, with a fill after a miss. */
static bool agree_on_access(struct tlb_array *fast, struct slow_array *slow, uint64_t number,
                            uint64_t tag, uint64_t data)
{
    const uint64_t *found = tlb_array_find(fast, number, tag);
    const struct slow_entry *expected = slow_find(slow, number, tag);
    if ((found == NULL) != (expected == NULL)) return false;
    if (found != NULL) return *found == expected->data;
    uint64_t evicted = TLB_NO_TAG, old = slow_fill(slow, number, tag, data);
    bool evicts = tlb_array_fill(fast, number, tag, data, &evicted);
    return evicts == (old != TLB_NO_TAG) && (!evicts || evicted == old);
}

static bool agree_on_emptying(struct tlb_array *fast, struct slow_array *slow)
{
    uint64_t sum = 0;
    return tlb_array_empty(fast) == slow_drop_all(slow, false, &sum);
}

static bool agree_on_flush(struct tlb_array *fast, struct slow_array *slow, bool keep_global)
{
    uint64_t sum = 0, expected = 0;
    struct tlb_spaces spaces = keep_global ? TLB_NOT_GLOBAL : TLB_EVERY_SPACE;
    uint64_t count = tlb_array_drop_spaces(fast, spaces, add_tag, &sum);
    return count == slow_drop_all(slow, keep_global, &expected) && sum == expected;
}

/* Tags of three spaces over a few more pages than there are entries; some addresses near. */
static bool agree(struct tlb_array *fast, struct slow_array *slow, struct rng *r)
{
    uint64_t entries = (uint64_t)fast->sets * fast->ways, last = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t action = rng_below(r, 1000);
        uint64_t page = action % 4 == 0 ? last + 1 : rng_below(r, entries + entries / 2 + 2);
        uint64_t tag = tlb_tag(page, PAGE_4K, (uint32_t)rng_below(r, 3));
        bool same;
        if (action < 985) same = agree_on_access(fast, slow, page, tag, rng_next(r));
        else if (action < 995)
            same = tlb_array_drop(fast, page, tag) == slow_drop(slow, page, tag);
        else if (action < 999) same = agree_on_flush(fast, slow, action < 998);
        else same = agree_on_emptying(fast, slow);
        if (!same) {
            printf("# step %u, page %" PRIu64 ", action %" PRIu64 "\n", i, page, action);
            return false;
        }
        last = page;
    }
    return true;
}

static bool compare(uint32_t policy, bool hashed, uint32_t sets, uint32_t ways, uint64_t seed)
{
    struct tlb_array fast;
    struct slow_array slow;
    struct rng steps;
    rng_init(&steps, seed, 1);
    tlb_array_init(&fast, &host, (struct tlb_geometry){ sets * ways, ways, policy }, seed);
    slow_init(&slow, sets, ways, policy, fast.rng);
    fast.hashed = slow.hashed = hashed;
    bool same = agree(&fast, &slow, &steps);
    tlb_array_free(&fast, &host);
    slow_free(&slow);
    return same;
}

int main(void)
{
    static const uint32_t shapes[][2] = { { 1, 1 }, { 1, 4 }, { 1, 16 }, { 16, 4 }, { 48, 8 },
                                          { 3, 3 }, { 7, 6 }, { 12, 5 }, { 32, 12 }, { 5, 2 },
                                          { 6, 20 } };
    static const char *const policies[] = { "lru", "plru", "fifo", "random" };
    int status = EXIT_SUCCESS;
    size_t count = COUNT_OF(shapes) * COUNT_OF(policies);
    printf("TAP version 13\n1..%zu\n", 2 * count);
    for (uint32_t i = 0; i < 2 * count; i++) {
        uint32_t policy = i % COUNT_OF(policies);
        bool hashed = i >= count;
        const uint32_t *shape = shapes[i % count / COUNT_OF(policies)];
        bool same = compare(policy, hashed, shape[0], shape[1], 100 + i);
        if (!same) status = EXIT_FAILURE;
        printf("%s %" PRIu32 " - %s%s, %" PRIu32 " sets of %" PRIu32 " ways\n",
               same ? "ok" : "not ok", i + 1, policies[policy], hashed ? " by hash" : "",
               shape[0], shape[1]);
    }
    return status;
}
