/* Pages of the pools: taken from and given back to the machine, and cut into small blocks. Internal
 * to pool*.c. */
#pragma once

#include "mm/pool.h"

enum { POOL_CLASSES = 1024 };

/* A place for one small block. */
struct pool_place {
    uint32_t slot;      /* of its live or last block + 1, 0 = never handed out */
    uint16_t next_free; /* place + 1 */
    bool live;
};

/* A page that is cut into small blocks of one size, or was until it was given back: then it is kept
 * for what it knows of freed blocks. */
struct pool_page {
    uint64_t index; /* of the page in its pool */
    uint64_t frame; /* nonpaged: its frame */
    uint32_t class_index, place_count, free_count, stride_bytes;
    uint16_t first_free; /* place + 1 */
    uint8_t kind;
    bool in_use;
    bool zeroed;                               /* all zero when it was cut */
    struct pool_page *next, *previous;         /* pages of the class with free places */
    struct pool_page *next_all, *previous_all; /* pools.pages */
    struct pool_place places[];
};

struct pool_class {
    struct pool_page *partial; /* newest first */
    struct pool_page *empty;   /* the one empty page that is kept, NULL = none */
};

static inline va_t pool_page_address(const struct pool *pool, uint64_t index)
{
    return va_add(pool->base, index * PAGE_BYTES);
}

/* Takes a run of pages out of the pool's region. Nonpaged: backed by frames, whose numbers are in
 * pools.scratch then. False when the region, RAM or page tables do not suffice. */
bool pool_pages_take(struct mm *mm, const struct pool_request *request, uint64_t count,
                     uint64_t *index);
/* Clears the entries, flushes, gives frames and region back. */
void pool_pages_give(struct mm *mm, enum pool_kind kind, uint64_t index, uint64_t count);

/* Bytes of the header in front of each small block, which is their alignment too. */
uint64_t pool_unit_bytes(const struct mm *mm);
uint64_t pool_small_max_bytes(const struct mm *mm);
/* The page of small blocks in use that holds the address, NULL when none does. */
struct pool_page *pool_small_page_at(const struct mm *mm, va_t at);
/* A free place for the request, on a new page when need be. NULL when there is none. */
struct pool_page *pool_place_take(struct mm *mm, const struct pool_request *request,
                                  uint32_t *place);
void pool_place_give(struct mm *mm, struct pool_page *page, uint32_t place);
va_t pool_place_address(const struct mm *mm, const struct pool_page *page, uint32_t place);
/* Frees the record of a page. */
void pool_page_free(struct mm *mm, struct pool_page *page);

/* A freed block's slot is needed no more: the address is about to be used again (pool.c). */
void pool_slot_forget(struct mm *mm, uint32_t slot);
