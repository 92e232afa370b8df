/* TLB arrays beside a model that can be checked by reading: entries stay where they are, time
 * stamps tell the order, and the tree of pseudo-LRU is a tree. TAP. */
#include "host.h"

#include <string.h>

#include "model/tlb.h"

enum { SETS_MOST = 48, WAYS_MOST = 16, NODES = 32, STEPS = 40000 };

struct slow_entry {
    bool valid;
    uint64_t tag, data, stamp;
};

struct slow_set {
    struct slow_entry way[WAYS_MOST];
    bool upper_is_older[NODES]; /* by node: 1 is the root, 2n and 2n + 1 are below n */
};

struct slow_array {
    struct slow_set set[SETS_MOST];
    uint32_t sets, ways, policy;
    bool hashed;
    uint64_t now;
    struct rng rng;
};

/* ---- pseudo-LRU: halves of a range of ways, the range a power of two ---- */

static uint32_t leaves(uint32_t ways)
{
    uint32_t n = 1;
    while (n < ways) n *= 2;
    return n;
}

static void slow_touch(struct slow_set *s, unsigned node, uint32_t low, uint32_t size, uint32_t way)
{
    if (size == 1) return;
    bool upper = way >= low + size / 2;
    s->upper_is_older[node] = !upper;
    slow_touch(s, node * 2 + upper, upper ? low + size / 2 : low, size / 2, way);
}

/* Ways that the set does not have are never chosen. */
static uint32_t slow_oldest(const struct slow_set *s, unsigned node, uint32_t low, uint32_t size,
                            uint32_t ways)
{
    if (size == 1) return low;
    bool upper = s->upper_is_older[node] && low + size / 2 < ways;
    return slow_oldest(s, node * 2 + upper, upper ? low + size / 2 : low, size / 2, ways);
}

/* ---- the model ---- */

/* Modulo, or Fibonacci hashing: bits 32 and up of the product with 2^64 by the golden ratio. */
static struct slow_set *slow_set(struct slow_array *a, uint64_t number)
{
    uint64_t hash = (number * UINT64_C(11400714819323198485)) / ((uint64_t)1 << 32);
    return &a->set[(a->hashed ? hash : number) % a->sets];
}

static struct slow_entry *slow_find(struct slow_array *a, uint64_t number, uint64_t tag)
{
    struct slow_set *s = slow_set(a, number);
    for (uint32_t i = 0; i < a->ways; i++) {
        if (!s->way[i].valid || s->way[i].tag != tag) continue;
        if (a->policy == POLICY_LRU) s->way[i].stamp = ++a->now;
        if (a->policy == POLICY_PLRU) slow_touch(s, 1, 0, leaves(a->ways), i);
        return &s->way[i];
    }
    return NULL;
}

static uint32_t slow_victim(struct slow_array *a, struct slow_set *s)
{
    for (uint32_t i = 0; i < a->ways; i++)
        if (!s->way[i].valid) return i;
    if (a->policy == POLICY_RANDOM) return (uint32_t)rng_below(&a->rng, a->ways);
    if (a->policy == POLICY_PLRU) return slow_oldest(s, 1, 0, leaves(a->ways), a->ways);
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < a->ways; i++)
        if (s->way[i].stamp < s->way[oldest].stamp) oldest = i;
    return oldest;
}

/* The tag that had to go, TLB_NO_TAG when none had to. */
static uint64_t slow_fill(struct slow_array *a, uint64_t number, uint64_t tag, uint64_t data)
{
    struct slow_set *s = slow_set(a, number);
    uint32_t i = slow_victim(a, s);
    uint64_t old = s->way[i].valid ? s->way[i].tag : TLB_NO_TAG;
    s->way[i] = (struct slow_entry){ true, tag, data, ++a->now };
    if (a->policy == POLICY_PLRU) slow_touch(s, 1, 0, leaves(a->ways), i);
    return old;
}

static bool slow_drop(struct slow_array *a, uint64_t number, uint64_t tag)
{
    struct slow_set *s = slow_set(a, number);
    for (uint32_t i = 0; i < a->ways; i++) {
        if (!s->way[i].valid || s->way[i].tag != tag) continue;
        s->way[i].valid = false;
        return true;
    }
    return false;
}

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
    struct slow_array *slow = calloc(1, sizeof *slow);
    if (slow == NULL) abort();
    slow->sets = sets;
    slow->ways = ways;
    slow->policy = policy;
    slow->hashed = hashed;
    struct rng steps;
    rng_init(&steps, seed, 1);
    tlb_array_init(&fast, &host, (struct tlb_geometry){ sets * ways, ways, policy }, seed);
    fast.hashed = hashed;
    slow->rng = fast.rng;
    bool same = agree(&fast, slow, &steps);
    tlb_array_free(&fast, &host);
    free(slow);
    return same;
}

int main(void)
{
    static const uint32_t shapes[][2] = { { 1, 1 }, { 1, 4 }, { 1, 16 }, { 16, 4 }, { 48, 8 },
                                          { 3, 3 }, { 7, 6 }, { 12, 5 }, { 32, 12 }, { 5, 2 } };
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
