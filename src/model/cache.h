/* Caches of memory: set-associative arrays of 64-byte lines. An array is laid out in pieces that
 * are allocated when one of their sets is first used, so that a machine of many processors costs
 * what its scenario touches. */
#pragma once

#include "base/alloc.h"
#include "base/rng.h"
#include "model/preset.h"

enum { CACHE_LINE_SHIFT = 6, CACHE_LINE_BYTES = 64 };
enum { CACHE_PIECE_SHIFT = 6, CACHE_PIECE_SETS = 1 << CACHE_PIECE_SHIFT };

struct cache_counts {
    uint64_t hits, misses, evictions;
};

struct cache {
    const struct allocator *from;
    /* CACHE_PIECE_SETS sets each. Packed sets are as cache_use.h has them. Others have `ways` lines
     * + 1 (0 = empty), most recently used or newest first for LRU and FIFO, then a word of tree
     * bits. NULL: no set of the piece was used. */
    uint64_t **piece;
    uint64_t *only; /* the piece of a small LRU cache, for the short way of cache_is_newest() */
    uint32_t sets, ways, policy, set_mask; /* set_mask = sets - 1 when a power of two, else 0 */
    uint32_t set_words;
    uint32_t order_end, searched; /* packed: where the last way stands; bits of ways but way 0 */
    bool is_hashed; /* who uses it hands it lines by cache_scatter() */
    bool is_packed; /* LRU, and as many ways as lru_order.h orders */
    struct rng rng; /* RANDOM */
    struct cache_counts counts;
};

/* g.bytes is a multiple of ways lines, or g.ways 0 for a level that does not exist (checked by the
 * reader of scenarios). */
void cache_init(struct cache *c, const struct allocator *from, struct cache_geometry g,
                uint64_t seed);
void cache_free(struct cache *c);
/* Everything is dropped; the counts stay. */
void cache_empty(struct cache *c);

static inline uint32_t cache_set_of(const struct cache *c, uint64_t line)
{
    return (uint32_t)(c->set_mask != 0 ? line & c->set_mask : line % c->sets);
}
static inline uint64_t *cache_set_at(const struct cache *c, uint32_t set)
{
    uint64_t *piece = c->piece[set >> CACHE_PIECE_SHIFT];
    return piece == NULL ? NULL : piece + (size_t)(set & (CACHE_PIECE_SETS - 1)) * c->set_words;
}
/* Whether the line is known to be the one of its set used last: then using it again changes
 * nothing. May say no of a cache that is not small. */
static inline bool cache_is_newest(const struct cache *c, uint64_t line)
{
    return c->only != NULL && c->only[(line & c->set_mask) * c->set_words] == line + 1;
}
/* Another number for each line, all of whose bits decide the low ones, so that lines which lie at
 * one place of many pages do not fall into few sets. Fibonacci hashing, as in TLBs. */
static inline uint64_t cache_scatter(uint64_t line)
{
    uint64_t product = line * UINT64_C(0x9E3779B97F4A7C15);
    return product >> 32 | product << 32;
}
/* Uses a line (its number: physical address / 64), or puts it in and counts the eviction of
 * another. Whether it was there. */
bool cache_use(struct cache *c, uint64_t line);
