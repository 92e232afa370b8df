/* Which frames a request of MmAllocatePagesForMdl and its successors gets. */
#pragma once

#include "nt/kernel.h"

/* The MM_ALLOCATE flags of wdm.h, those that choose frames and those that the routines check. */
enum {
    ALLOCATE_DONT_ZERO = 0x1,
    ALLOCATE_LOCAL_NODE_ONLY = 0x2,
    ALLOCATE_FULLY_REQUIRED = 0x4,
    ALLOCATE_CHUNKS = 0x20,
    ALLOCATE_FAST_LARGE_PAGES = 0x40,
    ALLOCATE_HOT_REMOVE = 0x100,
};

/* One request, whichever of the three routines made it: physical addresses and sizes in bytes. */
struct page_request {
    uint64_t low, high, skip, total;
    uint32_t cache_type, node, flags;
};

/* Takes up to `count` frames, or all or none when the request demands it, and appends their
 * numbers to `out`; returns how many. */
uint64_t pages_take(struct kernel *k, const struct page_request *r, uint64_t count, uint64_t *out);
