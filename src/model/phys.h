/* Physical memory: RAM ranges, device BARs, and the contents of what was touched. Sparse: a machine
 * of 64 TiB costs what its scenario touches. */
#pragma once

#include "base/alloc.h"
#include "base/map.h"
#include "base/types.h"

struct phys_range {
    pfn_t first;
    uint64_t page_count;
    uint32_t node;   /* NUMA node, RAM only */
    uint32_t device; /* BARs: device number from 1; RAM: 0 */
};

/* The stored bytes of one frame, as little-endian words of 64 bits, each kept as a number: so
 * entries of page tables are read and written as such on hosts of either byte order. */
struct phys_page {
    uint64_t words[PAGE_BYTES / 8];
    uint8_t *known; /* bitmap of PAGE_BYTES bits: which bytes have a known value; NULL = all */
    struct phys_page *next, *previous; /* all stored pages, in no order that means anything */
    uint64_t pfn;
};

/* What a frame holds that has no stored page. */
enum phys_fill { FILL_UNKNOWN, FILL_ZERO };

enum { RECENT_PAGES = 64 };

struct phys {
    const struct allocator *from;
    const struct phys_range *ram; /* ascending, not overlapping */
    size_t ram_count;
    const struct phys_range *bars; /* ascending */
    size_t bar_count;
    uint64_t ram_pages;
    struct map pages; /* pfn -> struct phys_page * (as integer) */
    struct map zero;  /* pfn -> 1: zero-filled without a stored page */
    struct phys_page *stored;
    /* Pages found lately, by the low bits of their frame: the tables of a walk, above all. */
    struct recent_page {
        uint64_t pfn;
        struct phys_page *page;
    } recent[RECENT_PAGES];
};

void phys_init(struct phys *p, const struct allocator *from, const struct phys_range *ram,
               size_t ram_count, const struct phys_range *bars, size_t bar_count);
void phys_free(struct phys *p);
/* The RAM range or BAR that holds the frame, NULL when none does. */
const struct phys_range *phys_ram_at(const struct phys *p, pfn_t f);
const struct phys_range *phys_bar_at(const struct phys *p, pfn_t f);
pfn_t phys_ram_end(const struct phys *p); /* one past the highest RAM frame */
/* All stored pages by ascending frame number: the first, the others by ->next; NULL when none is
 * stored. Bytes of unknown value are 0. Valid until contents change. */
const struct phys_page *phys_stored(struct phys *p);
/* Bytes of a stored page from `offset` on, within it; those of unknown value are 0. */
void phys_page_get(const struct phys_page *page, uint64_t offset, void *out, size_t bytes);
/* The frame's contents become all zero / unknown; stored bytes are dropped. */
void phys_fill(struct phys *p, pfn_t f, enum phys_fill fill);
void phys_copy(struct phys *p, pfn_t to, pfn_t from); /* whole frame */
uint64_t *phys_table_search(struct phys *p, pfn_t f); /* for phys_table */
/* The 512 entries of a page table; the frame gets stored zeros when it has none. */
static inline uint64_t *phys_table(struct phys *p, pfn_t f)
{
    const struct recent_page *recent = &p->recent[f.v % RECENT_PAGES];
    if (__builtin_expect(recent->pfn != f.v, 0)) return phys_table_search(p, f);
    return recent->page->words;
}
/* The same if they were found lately, else NULL. */
static inline const uint64_t *phys_table_peek(const struct phys *p, pfn_t f)
{
    const struct recent_page *recent = &p->recent[f.v % RECENT_PAGES];
    return recent->pfn == f.v ? recent->page->words : NULL;
}
/* Bytes inside one frame. Read: false when any of them has no known value (BARs start as zero). */
bool phys_read(struct phys *p, pa_t at, void *out, size_t bytes);
void phys_write(struct phys *p, pa_t at, const void *in, size_t bytes);
