/* Translation look-aside buffers and paging-structure caches: exact set-associative arrays of any
 * geometry, set = number mod sets. LRU keeps each set in the order of use, so that a hit on the
 * entry used last changes nothing: that is the hot path. */
#pragma once

#include "base/alloc.h"
#include "base/rng.h"
#include "model/preset.h"

struct tlb_array {
    uint64_t *tag;  /* sets * ways, each set most recently used first (LRU, FIFO: newest first) */
    uint64_t *data; /* the translation: a page-table entry */
    uint64_t *tree; /* PLRU: one word of tree bits a set */
    uint8_t *filled; /* for each group of sets, whether one was filled since all were empty */
    uint32_t sets, ways, policy, set_mask; /* set_mask = sets - 1 when a power of two, else 0 */
    bool hashed; /* the set follows from all bits of the page number, not from the low ones */
    uint64_t valid_count;
    struct rng rng; /* RANDOM */
};

#define TLB_NO_TAG UINT64_MAX

/* entries % ways == 0, both >= 1 (checked by the reader of scenarios). */
void tlb_array_init(struct tlb_array *a, const struct allocator *from, struct tlb_geometry g,
                    uint64_t seed);
void tlb_array_free(struct tlb_array *a, const struct allocator *from);

/* Fibonacci hashing: sets fill as unevenly as chance would have it, whatever the stride. */
static inline uint64_t tlb_hash(uint64_t number)
{
    return number * UINT64_C(0x9E3779B97F4A7C15) >> 32;
}

static inline uint32_t tlb_set_of(const struct tlb_array *a, uint64_t number)
{
    if (__builtin_expect(a->hashed, 0)) number = tlb_hash(number);
    return (uint32_t)(a->set_mask || a->sets == 1 ? number & a->set_mask : number % a->sets);
}

enum { TLB_GROUP_SETS = 8 };

/* For who fills a set by itself. */
static inline void tlb_note_filled(const struct tlb_array *a, uint64_t set)
{
    a->filled[set / TLB_GROUP_SETS] = 1;
}

/* LRU and FIFO keep empty entries behind the others: the first one tells of an empty set. */
static inline bool tlb_is_ordered(const struct tlb_array *a)
{
    return a->policy == POLICY_LRU || a->policy == POLICY_FIFO;
}

/* The data of a hit (order of use updated), NULL on a miss. `number` chooses the set. */
uint64_t *tlb_array_find(struct tlb_array *a, uint64_t number, uint64_t tag);
/* The data of an entry without using it: order and counts stay as they are. NULL when it is not
 * there. */
uint64_t *tlb_array_peek(const struct tlb_array *a, uint64_t number, uint64_t tag);
/* Fills after a miss. True when a valid entry was evicted for it (then *evicted is its tag). */
bool tlb_array_fill(struct tlb_array *a, uint64_t number, uint64_t tag, uint64_t data,
                    uint64_t *evicted);
bool tlb_array_drop(struct tlb_array *a, uint64_t number,
                    uint64_t tag); /* true when it was there */

/* Tree pseudo-LRU of one set, at most 64 ways, as caches use it too: marks a way as used last, and
 * names the one to replace. */
void plru_touch(uint64_t *tree, uint32_t ways, uint32_t way);
uint32_t plru_victim(uint64_t tree, uint32_t ways);

/* Spaces `first` to `last` of tags. */
struct tlb_spaces {
    uint32_t first, last;
};
#define TLB_EVERY_SPACE ((struct tlb_spaces){ 0, UINT32_MAX })
static inline bool tlb_is_every_space(struct tlb_spaces spaces)
{
    return spaces.first == 0 && spaces.last == UINT32_MAX;
}
#define TLB_NOT_GLOBAL ((struct tlb_spaces){ 1, UINT32_MAX })

/* Drops all entries and returns how many there were. */
uint64_t tlb_array_empty(struct tlb_array *a);
/* Drops all entries of these spaces and returns how many; `dropped`, unless NULL, is called with
 * the tag of each. */
uint64_t tlb_array_drop_spaces(struct tlb_array *a, struct tlb_spaces spaces,
                               void (*dropped)(void *context, uint64_t tag), void *context);

/* Tags: space in the top bits (0 for global entries), page size, page number. */
enum { TLB_SIZE_SHIFT = 46, TLB_SPACE_SHIFT = 48, TLB_SPACES = 1 << 16 };
#define TLB_PAGE_MASK (((uint64_t)1 << TLB_SIZE_SHIFT) - 1)
static inline uint64_t tlb_tag(uint64_t page_number, enum page_size size, uint32_t space)
{
    return page_number | ((uint64_t)size << TLB_SIZE_SHIFT) | ((uint64_t)space << TLB_SPACE_SHIFT);
}
static inline enum page_size tlb_tag_size(uint64_t tag)
{
    return (enum page_size)((tag >> TLB_SIZE_SHIFT) & 3);
}
static inline uint32_t tlb_tag_space(uint64_t tag)
{
    return (uint32_t)(tag >> TLB_SPACE_SHIFT);
}

struct tlb_counts {
    uint64_t lookups, hits, misses, evictions, invalidations;
    uint64_t size_hits[PAGE_SIZE_COUNT], size_evictions[PAGE_SIZE_COUNT],
        size_invalidations[PAGE_SIZE_COUNT];
};

/* What looking up a page of 4 KiB takes where its array is true LRU with a power of two of sets:
 * set = page number & mask. ways 0: it is not. */
struct tlb_lane {
    uint64_t *tag, *data, mask;
    uint32_t ways;
    struct tlb_array *array;
};

/* One level: up to three arrays. */
struct tlb_level {
    struct tlb_lane small;
    struct tlb_array array[PAGE_SIZE_COUNT];
    uint8_t array_of[PAGE_SIZE_COUNT];
    uint8_t sizes; /* bit per page size that has an array */
    uint64_t valid[PAGE_SIZE_COUNT]; /* entries now, so that no array is searched in vain */
    struct tlb_counts counts;
};
