/* A set-associative array that can be checked by reading: entries stay where they are, time stamps
 * tell the order, and the tree of pseudo-LRU is a recursion over halves. */
#pragma once

#include "host.h"

#include "model/tlb.h"

enum { SLOW_WAYS_MOST = 32, SLOW_NODES = 64 };

struct slow_entry {
    bool valid;
    uint64_t tag, data, stamp;
};

struct slow_set {
    struct slow_entry way[SLOW_WAYS_MOST];
    bool upper_is_older[SLOW_NODES]; /* by node: 1 is the root, 2n and 2n + 1 are below n */
};

struct slow_array {
    struct slow_set *set;
    uint32_t sets, ways, policy;
    bool hashed;
    uint64_t now;
    struct rng rng;
};

static inline void slow_init(struct slow_array *a, uint32_t sets, uint32_t ways, uint32_t policy,
                             struct rng rng)
{
    *a = (struct slow_array){ .sets = sets, .ways = ways, .policy = policy, .rng = rng };
    a->set = calloc(sets + 1, sizeof *a->set);
    if (a->set == NULL) abort();
}

static inline void slow_free(struct slow_array *a)
{
    free(a->set);
}

/* ---- pseudo-LRU: halves of a range of ways, the range a power of two ---- */

static inline uint32_t slow_leaves(uint32_t ways)
{
    uint32_t n = 1;
    while (n < ways) n *= 2;
    return n;
}

static inline void slow_touch(struct slow_set *s, unsigned node, uint32_t low, uint32_t size,
                              uint32_t way)
{
    if (size == 1) return;
    bool upper = way >= low + size / 2;
    s->upper_is_older[node] = !upper;
    slow_touch(s, node * 2 + upper, upper ? low + size / 2 : low, size / 2, way);
}

/* Ways that the set does not have are never chosen. */
static inline uint32_t slow_oldest(const struct slow_set *s, unsigned node, uint32_t low,
                                   uint32_t size, uint32_t ways)
{
    if (size == 1) return low;
    bool upper = s->upper_is_older[node] && low + size / 2 < ways;
    return slow_oldest(s, node * 2 + upper, upper ? low + size / 2 : low, size / 2, ways);
}

/* ---- the array ---- */

/* Modulo, or Fibonacci hashing: bits 32 and up of the product with 2^64 by the golden ratio. */
static inline struct slow_set *slow_set_of(struct slow_array *a, uint64_t number)
{
    uint64_t hash = (number * UINT64_C(11400714819323198485)) / ((uint64_t)1 << 32);
    return &a->set[(a->hashed ? hash : number) % a->sets];
}

/* Finds and uses an entry. */
static inline struct slow_entry *slow_find(struct slow_array *a, uint64_t number, uint64_t tag)
{
    struct slow_set *s = slow_set_of(a, number);
    for (uint32_t i = 0; i < a->ways; i++) {
        if (!s->way[i].valid || s->way[i].tag != tag) continue;
        if (a->policy == POLICY_LRU) s->way[i].stamp = ++a->now;
        if (a->policy == POLICY_PLRU) slow_touch(s, 1, 0, slow_leaves(a->ways), i);
        return &s->way[i];
    }
    return NULL;
}

static inline uint32_t slow_victim(struct slow_array *a, const struct slow_set *s)
{
    for (uint32_t i = 0; i < a->ways; i++)
        if (!s->way[i].valid) return i;
    if (a->policy == POLICY_RANDOM) return (uint32_t)rng_below(&a->rng, a->ways);
    if (a->policy == POLICY_PLRU) return slow_oldest(s, 1, 0, slow_leaves(a->ways), a->ways);
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < a->ways; i++)
        if (s->way[i].stamp < s->way[oldest].stamp) oldest = i;
    return oldest;
}

/* Fills after a miss. The tag that had to go, TLB_NO_TAG when none had to. */
static inline uint64_t slow_fill(struct slow_array *a, uint64_t number, uint64_t tag, uint64_t data)
{
    struct slow_set *s = slow_set_of(a, number);
    uint32_t i = slow_victim(a, s);
    uint64_t old = s->way[i].valid ? s->way[i].tag : TLB_NO_TAG;
    s->way[i] = (struct slow_entry){ true, tag, data, ++a->now };
    if (a->policy == POLICY_PLRU) slow_touch(s, 1, 0, slow_leaves(a->ways), i);
    return old;
}

static inline bool slow_drop(struct slow_array *a, uint64_t number, uint64_t tag)
{
    struct slow_set *s = slow_set_of(a, number);
    for (uint32_t i = 0; i < a->ways; i++) {
        if (!s->way[i].valid || s->way[i].tag != tag) continue;
        s->way[i].valid = false;
        return true;
    }
    return false;
}
