/* Hash map from a 64-bit key to a 64-bit value, open addressing with linear probing. There is
 * deliberately no way to iterate: nothing may depend on hash order. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

/* The key is stored plus one, so that zeroed memory is empty. Only UINT64_MAX has no such form: it
 * lives in the slot behind the last, whose key is then 1. */
struct map_slot {
    uint64_t key_plus_one, value;
};

struct map {
    const struct allocator *from;
    struct map_slot *slots; /* capacity + 1 */
    size_t capacity, count; /* capacity is 0 or a power of two */
    unsigned hash_shift;    /* 64 - log2(capacity) */
};

void map_init(struct map *m, const struct allocator *from);
void map_free(struct map *m);
void map_set(struct map *m, uint64_t key, uint64_t value);
bool map_remove(struct map *m, uint64_t key); /* false: was not there */

/* Where a key belongs when its slot is free: multiplicative hash by 2^64 / golden ratio (Knuth, The
 * Art of Computer Programming 3, 6.4). */
static inline size_t map_home(const struct map *m, uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> m->hash_shift);
}

/* The slot of a key, NULL when it is not there. Valid until the next map_set or map_remove. */
static inline struct map_slot *map_find(const struct map *m, uint64_t key)
{
    if (m->count == 0) return NULL;
    if (__builtin_expect(key == UINT64_MAX, 0)) {
        struct map_slot *slot = &m->slots[m->capacity];
        return slot->key_plus_one != 0 ? slot : NULL;
    }
    for (size_t i = map_home(m, key);; i = (i + 1) & (m->capacity - 1)) {
        struct map_slot *slot = &m->slots[i];
        if (slot->key_plus_one == key + 1) return slot;
        if (slot->key_plus_one == 0) return NULL;
    }
}

/* True when the key is there; *value is set only then. */
static inline bool map_get(const struct map *m, uint64_t key, uint64_t *value)
{
    const struct map_slot *slot = map_find(m, key);
    if (slot == NULL) return false;
    *value = slot->value;
    return true;
}

/* map_get with 0 for what is not there. */
static inline uint64_t map_at(const struct map *m, uint64_t key)
{
    const struct map_slot *slot = map_find(m, key);
    return slot != NULL ? slot->value : 0;
}
