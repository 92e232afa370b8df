/* Using a line of a packed LRU set, in line: what each fetch of a walk does. Only for src/model.
 *
 * Ways stay in place (lru_order.h). Eight bits of a hash of each line stand together, so that a
 * set of 16 ways is searched in one step, which mostly finds the way or that there is none. */
#pragma once

#include "model/cache.h"
#include "model/lru_order.h"

#if defined __SSE2__ && defined __x86_64__
#include <emmintrin.h>
#endif

/* Words of a set: the line used last + 1, the order, the hashes, then the other lines + 1. 0 is an
 * empty way. */
enum { SET_NEWEST, SET_ORDER, SET_HASHES, SET_OTHERS = SET_HASHES + 1 /* + way, from way 1 on */ };

static inline uint8_t cache_hash(uint64_t line)
{
    return (uint8_t)(line * UINT64_C(0x9E3779B97F4A7C15) >> 56);
}

/* A bit for each way whose hash is that one. */
static inline unsigned cache_same_hashes(const uint64_t *set, uint8_t hash)
{
#if defined __SSE2__ && defined __x86_64__
    __m128i all = _mm_loadu_si128((const __m128i *)(const void *)&set[SET_HASHES]);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(all, _mm_set1_epi8((char)hash)));
#else
    const uint8_t *all = (const uint8_t *)&set[SET_HASHES];
    unsigned same = 0;
    for (unsigned way = 0; way < LRU_ORDER_WAYS_MOST; way++)
        if (all[way] == hash) same |= 1U << way;
    return same;
#endif
}

/* The way that has the line, which is not way 0; 0 when none has. */
static inline unsigned cache_packed_way(const uint64_t *set, unsigned searched, uint64_t line,
                                        uint8_t hash)
{
    unsigned same = cache_same_hashes(set, hash) & searched;
    for (; same != 0; same &= same - 1) {
        unsigned way = (unsigned)__builtin_ctz(same);
        if (set[SET_OTHERS + way] == line + 1) return way;
    }
    return 0;
}

/* cache_use() of a packed set that used another line last. */
static inline bool cache_use_other(struct cache *c, uint64_t *set, uint64_t line)
{
    uint8_t *hashes = (uint8_t *)&set[SET_HASHES], hash = cache_hash(line);
    uint64_t newest = set[SET_NEWEST], order = set[SET_ORDER];
    unsigned way = cache_packed_way(set, c->searched, line, hash);
    bool hit = way != 0;
    if (hit) {
        set[SET_ORDER] = lru_order_used(order, way);
    } else {
        way = lru_order_last(order, c->order_end);
        set[SET_ORDER] = lru_order_replaced(order, c->order_end);
        c->counts.evictions += set[SET_OTHERS + way] != 0;
    }
    set[SET_OTHERS + way] = newest;
    hashes[way] = hashes[0];
    set[SET_NEWEST] = line + 1;
    hashes[0] = hash;
    return hit;
}

/* cache_use() of a packed set. */
static inline bool cache_use_packed(struct cache *c, uint64_t *set, uint64_t line)
{
    return set[SET_NEWEST] == line + 1 || cache_use_other(c, set, line);
}

/* How many lines a packed set used since that one; LRU_ORDER_WAYS_MOST when it has not got it. */
static inline unsigned cache_packed_age(const struct cache *c, const uint64_t *set, uint64_t line)
{
    if (set[SET_NEWEST] == line + 1) return 0;
    unsigned way = cache_packed_way(set, c->searched, line, cache_hash(line));
    if (way == 0) return LRU_ORDER_WAYS_MOST;
    return lru_order_place(set[SET_ORDER], way) / LRU_ORDER_BITS + 1;
}

static inline unsigned cache_packed_count(const struct cache *c, const uint64_t *set)
{
    unsigned count = set[SET_NEWEST] != 0;
    if (set[SET_OTHERS + lru_order_last(set[SET_ORDER], c->order_end)] != 0) return c->ways;
    for (unsigned way = 1; way < c->ways; way++) count += set[SET_OTHERS + way] != 0;
    return count;
}

/* A packed set gets as many lines as it has ways, the one used last in front: each that many
 * behind a line of `lines`. It has no others then. */
static inline void cache_packed_replace(const struct cache *c, uint64_t *set,
                                        const uint64_t *lines, uint64_t behind)
{
    uint8_t *hashes = (uint8_t *)&set[SET_HASHES];
    set[SET_NEWEST] = lines[0] + behind + 1;
    set[SET_ORDER] = lru_order_first(c->ways);
    hashes[0] = cache_hash(lines[0] + behind);
    for (unsigned way = 1; way < c->ways; way++) {
        set[SET_OTHERS + way] = lines[way] + behind + 1;
        hashes[way] = cache_hash(lines[way] + behind);
    }
}
