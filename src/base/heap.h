/* A binary heap of numbered things by key: the smallest key first, of equal keys the smallest
 * number. What stands first never depends on the order in which they came. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

struct heap_item {
    uint64_t key;
    uint32_t id;
};

struct heap {
    const struct allocator *from;
    struct heap_item *items; /* items[0] is the first */
    size_t count, capacity;
    uint32_t *place; /* id -> index + 1, 0 = in no heap */
};

/* `place` belongs to the caller: zeroed, one entry for each id. Heaps whose ids differ may share
 * one. */
void heap_init(struct heap *h, const struct allocator *from, uint32_t *place);
void heap_free(struct heap *h);
void heap_put(struct heap *h, uint32_t id, uint64_t key); /* adds it, or changes its key */
void heap_remove(struct heap *h, uint32_t id);            /* does nothing where it is not there */
uint32_t heap_take(struct heap *h);                       /* removes the first */
/* What would be first without the first; NULL when there is nothing else. */
const struct heap_item *heap_second(const struct heap *h);

static inline bool heap_before(const struct heap_item *a, const struct heap_item *b)
{
    return a->key < b->key || (a->key == b->key && a->id < b->id);
}
