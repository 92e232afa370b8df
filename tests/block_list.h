/* Blocks of the host's memory in a list, so that all can be given back wherever a test ends. */
#pragma once

#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next, *last;
};

struct block_list {
    struct block first; /* no block itself */
    uint8_t fill;       /* what new bytes hold */
};

/* The resize function of an allocator whose context is a list. Every resize moves; ends the program
 * when the host has no memory. */
static inline void *block_resize(void *context, void *at, size_t old_bytes, size_t new_bytes)
{
    struct block_list *list = context;
    struct block *old = at, *made = NULL;
    if (new_bytes > 0) {
        made = malloc(sizeof *made + new_bytes);
        if (made == NULL) abort();
        *made = (struct block){ list->first.next, &list->first };
        if (made->next != NULL) made->next->last = made;
        list->first.next = made;
        memset(made + 1, list->fill, new_bytes);
        if (old != NULL) memcpy(made + 1, old, old_bytes < new_bytes ? old_bytes : new_bytes);
    }
    if (old != NULL) {
        old--;
        old->last->next = old->next;
        if (old->next != NULL) old->next->last = old->last;
        free(old);
    }
    return made != NULL ? made + 1 : NULL;
}

/* An allocator over an empty list; the bytes it gives hold `fill`. */
static inline struct allocator block_allocator(struct block_list *list, uint8_t fill)
{
    *list = (struct block_list){ .fill = fill };
    return (struct allocator){ block_resize, list };
}

static inline size_t block_count(const struct block_list *list)
{
    size_t count = 0;
    for (const struct block *b = list->first.next; b != NULL; b = b->next) count++;
    return count;
}

static inline void blocks_free(struct block_list *list)
{
    while (list->first.next != NULL) block_resize(list, list->first.next + 1, 0, 0);
}
