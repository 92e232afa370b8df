/* Nonpaged and paged pool: blocks inside a page are 16-byte aligned (8 on 32-bit) and never cross a
 * page; more than a page minus four pointers is page-aligned whole pages (ExAllocatePoolWithTag).
 */
#pragma once

#include "base/gauge.h"
#include "base/map.h"
#include "base/runs.h"
#include "base/types.h"
#include "mm/lock.h"

enum pool_kind { POOL_NONPAGED, POOL_PAGED, POOL_KIND_COUNT };

struct pool_tag_stats {
    uint32_t tag;
    struct gauge bytes, blocks;
    uint64_t allocations, frees, failures;
};

struct pool_block {
    va_t at;
    uint64_t bytes;      /* as asked for */
    uint64_t room_bytes; /* of its size class, or whole pages */
    uint32_t tag;
    uint8_t kind;
    bool live, internal; /* internal: the system's own (MDLs, IRPs), not in callers' statistics */
    bool executable;
    uint32_t user_mappings; /* of MDLs over it: processes still see the memory */
    uint32_t seq, line; /* the event and the line that made it */
};

struct pool {
    va_t base;
    uint64_t limit_pages, pages_in_use;
    struct runs free_pages;
    struct runs starts;         /* pages where a live big block begins */
    struct runs ghosts;         /* free pages whose last freed blocks are still known */
    uint64_t small_pages;       /* pages in use that are cut into small blocks */
    struct pool_class *classes; /* by size: pages with free blocks */
    struct gauge bytes, blocks;
    uint64_t allocations, frees, failures;
    struct lock lock; /* LOCK_POOL: of its pages */
    struct pool_tag_stats *tags; /* in order of first use */
    size_t tag_count, tag_capacity;
    struct map tag_index; /* tag -> index into tags + 1 */
    uint32_t last_tag;    /* index of the tag used last */
};

struct pools {
    struct pool pool[POOL_KIND_COUNT];
    struct pool_block
        *blocks; /* slot table, in order of creation; slots of freed blocks are reused */
    size_t block_count, block_capacity;
    uint32_t free_slot;
    struct map by_address;   /* address -> slot + 1, live and last freed blocks */
    struct map page_at;      /* page number -> struct pool_page * of small blocks */
    struct pool_page *pages; /* all of them */
    uint64_t *scratch;       /* frame numbers of the request under way */
    size_t scratch_capacity;
};

struct mm;
struct mm_config;
void pools_init(struct mm *mm, const struct mm_config *config);
void pools_free(struct mm *mm);
struct pool_request {
    uint64_t bytes; /* >= 1 */
    uint32_t tag;
    enum pool_kind kind;
    bool executable, internal, zeroed;
    uint32_t seq, line;
};
/* False when the pool's limit or RAM is used up (counted). Nonpaged pool is backed at once, pages
 * of paged pool are demand-zero. Contents are known zero only when `zeroed` (or fresh paged pages).
 */
bool pool_allocate(struct mm *mm, const struct pool_request *request, va_t *out);
/* The block that begins at `at`: live, or the last one freed there; NULL when there never was one.
 */
struct pool_block *pool_find(struct mm *mm, va_t at);
/* The live block that holds the address, NULL when none does. */
struct pool_block *pool_holding(struct mm *mm, va_t at);
void pool_give(struct mm *mm, struct pool_block *block); /* live */
bool pool_owns(const struct mm *mm, va_t at,
               enum pool_kind *kind); /* the address lies in a pool region */
/* Whether the page belongs to a big block in use, or to a page of small blocks in use: a fault on
 * such a page of paged pool gets a zero-filled frame with OWNER_POOL, which pool_give gives back.
 */
bool pool_page_committed(struct mm *mm, va_t at);
void pools_check(struct mm *mm);
