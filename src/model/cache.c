/* Set-associative caches of lines, with the replacement policies of TLB arrays. */
#include "model/cache.h"

#include "base/check.h"
#include "model/cache_use.h"
#include "model/tlb.h"
#include "model/tlb_set.h"

#include <string.h>

static size_t piece_count(const struct cache *c)
{
    return ((size_t)c->sets + CACHE_PIECE_SETS - 1) >> CACHE_PIECE_SHIFT;
}

static size_t piece_words(const struct cache *c)
{
    return (size_t)CACHE_PIECE_SETS * c->set_words;
}

void cache_init(struct cache *c, const struct allocator *from, struct cache_geometry g,
                uint64_t seed)
{
    *c = (struct cache){ .from = from, .ways = g.ways, .policy = g.policy };
    if (g.ways == 0) return;
    uint64_t lines = g.bytes / CACHE_LINE_BYTES;
    CHECK(lines >= g.ways && lines % g.ways == 0);
    c->sets = (uint32_t)(lines / g.ways);
    c->set_mask = (c->sets & (c->sets - 1)) == 0 ? c->sets - 1 : 0;
    c->is_packed = c->policy == POLICY_LRU && c->ways >= LRU_ORDER_WAYS_LEAST &&
                   c->ways <= LRU_ORDER_WAYS_MOST;
    c->set_words = c->is_packed ? SET_OTHERS + c->ways : c->ways + 1;
    if (c->is_packed) {
        c->order_end = lru_order_end(c->ways);
        c->searched = (1U << c->ways) - 2;
    }
    c->piece = mem_new(c->from, piece_count(c), sizeof *c->piece);
    rng_init(&c->rng, seed, 0x4C494E45);
}

void cache_empty(struct cache *c)
{
    if (c->piece == NULL) return;
    c->only = NULL;
    for (size_t i = 0; i < piece_count(c); i++) {
        if (c->piece[i] == NULL) continue;
        mem_free(c->from, c->piece[i], piece_words(c), sizeof **c->piece);
        c->piece[i] = NULL;
    }
}

void cache_free(struct cache *c)
{
    if (c->piece == NULL) return;
    cache_empty(c);
    mem_free(c->from, c->piece, piece_count(c), sizeof *c->piece);
    c->piece = NULL;
}

/* The set, whose piece is not there yet. */
static uint64_t *set_make(struct cache *c, uint32_t set)
{
    uint64_t *piece = mem_new(c->from, piece_words(c), sizeof *piece);
    for (size_t i = SET_ORDER; c->is_packed && i < piece_words(c); i += c->set_words)
        piece[i] = lru_order_first(c->ways);
    c->piece[set >> CACHE_PIECE_SHIFT] = piece;
    bool small = c->sets <= CACHE_PIECE_SETS && (c->set_mask || c->sets == 1);
    if (small && c->policy == POLICY_LRU) c->only = piece;
    return cache_set_at(c, set);
}

static inline uint32_t way_of(const struct cache *c, const uint64_t *tags, uint64_t tag)
{
    if (__builtin_expect(c->ways <= TLB_SET_WAYS_MOST, 1)) return tlb_set_way(tags, c->ways, tag);
    return tlb_set_way_portable(tags, c->ways, tag);
}

/* Where a line goes that is not there. LRU and FIFO keep sets in order, empty places behind the
 * others: it moves all of them on by one, over the last. */
static uint32_t victim_way(struct cache *c, const uint64_t *tags)
{
    if (c->policy == POLICY_LRU || c->policy == POLICY_FIFO) return c->ways - 1;
    uint32_t empty = tlb_set_way_portable(tags, c->ways, 0);
    if (empty < c->ways) return empty;
    if (c->policy == POLICY_PLRU) return plru_victim(tags[c->ways], c->ways);
    return (uint32_t)rng_below(&c->rng, c->ways);
}

bool cache_use(struct cache *c, uint64_t line)
{
    uint32_t set = cache_set_of(c, line);
    uint64_t *tags = cache_set_at(c, set);
    if (__builtin_expect(tags == NULL, 0)) tags = set_make(c, set);
    if (c->is_packed) return cache_use_packed(c, tags, line);
    uint64_t tag = line + 1;
    uint32_t way = way_of(c, tags, tag);
    bool hit = way < c->ways;
    if (!hit) {
        way = victim_way(c, tags);
        c->counts.evictions += tags[way] != 0;
    }
    if (c->policy == POLICY_LRU || (c->policy == POLICY_FIFO && !hit))
        tlb_set_rotate(tags, way, tag);
    else
        tags[way] = tag;
    if (c->policy == POLICY_PLRU) plru_touch(&tags[c->ways], c->ways, way);
    return hit;
}
