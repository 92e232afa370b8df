/* LRU stacks that tell how deep an item lies in O(log n): one a set, all of the same depth. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

#define LRU_NOWHERE UINT32_MAX

/* An item in use has a slot of its set's row, the later the higher; the row is closed up when it is
 * full. A Fenwick tree counts the slots in use by words of 64. */
struct lru_stacks {
    const struct allocator *from;
    uint32_t sets, depth, words; /* words of a row: at least twice the depth */
    uint64_t *used;              /* bit by slot */
    uint32_t *tree, *owner;      /* by word, from 1 on; by slot: the item */
    uint32_t *next, *live, *low; /* by set: next slot, items, first word that may have one */
};

void lru_init(struct lru_stacks *s, const struct allocator *from, uint32_t sets, uint32_t depth);
void lru_free(struct lru_stacks *s);
/* Puts an item on top, which is in no stack. Its slot goes to where slots[item * stride] is, and
 * those of items that move or fall out at the bottom change: LRU_NOWHERE. */
void lru_push(struct lru_stacks *s, uint32_t set, uint32_t item, uint32_t *slots, uint32_t stride);
/* Takes the item at a slot out and returns how many are above it. */
uint32_t lru_take(struct lru_stacks *s, uint32_t set, uint32_t slot);
