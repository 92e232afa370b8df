/* Memory accesses of a traced program, and how the core is handed them: it pulls them in batches
 * and knows nothing of files and formats. */
#pragma once

#include "base/types.h"

enum access_kind {
    ACCESS_LOAD,
    ACCESS_STORE,
    ACCESS_MODIFY, /* one instruction that loads and then stores the same bytes: two accesses */
    ACCESS_FETCH,  /* of an instruction */
};

/* address + size - 1 does not leave 64 bits; size is 1 .. ACCESS_BYTES_MAX, so that an access
 * touches at most two pages. */
struct access {
    uint64_t address;
    uint32_t size;
    uint8_t kind; /* enum access_kind */
};

enum { ACCESS_BYTES_MAX = 4096 };

/* ---- segments ----
 * A segment is a stretch of records that touch few pages, with what they come to page by page. In
 * an LRU array whose sets have at least as many ways as the segment has touches in that set, a page
 * stays where it is from its first lookup of the segment to the segment's end, whatever comes
 * between: only entries that the segment has not touched yet can be evicted. Hits of a first level
 * reach no other level. So a replay counts the same as record by record when it makes the first
 * lookup of each touch in the order given, adds the other lookups as hits, and then brings the
 * touches of a set into the order of their last lookups. A touch that is first read and then
 * written, in an entry whose dirty bit is clear, gets it set at the first write. Everything else
 * (other policies, fewer ways, data caches, an access that ends in an exception, a limit inside the
 * segment) needs the records. */

enum { ACCESS_TOUCHES_MAX = 32, SEGMENT_RECORDS_MAX = 1 << 16 };

enum access_sort { ACCESS_SORT_READ, ACCESS_SORT_WRITE, ACCESS_SORT_FETCH, ACCESS_SORT_COUNT };

/* One page as data or as code: a page that is both has two touches. Lookups are parts of accesses:
 * one that straddles two pages makes one in each, a modify makes a read and a write. */
struct access_touch {
    uint64_t page; /* address / 4096 */
    uint32_t reads, writes; /* lookups, not both 0; those of a fetch count as reads */
    bool is_fetch;
    bool writes_first; /* the first lookup is a write */
};

struct access_segment {
    uint64_t first;   /* number of its first record in the trace, from 0 */
    uint32_t records; /* 1 .. SEGMENT_RECORDS_MAX */
    uint32_t count[ACCESS_SORT_COUNT]; /* accesses: a modify is a read and a write */
    uint32_t bytes[ACCESS_SORT_COUNT];
    uint32_t touch_count; /* 1 .. ACCESS_TOUCHES_MAX */
    struct access_touch touch[ACCESS_TOUCHES_MAX]; /* in the order of their first lookups */
    uint8_t last[ACCESS_TOUCHES_MAX]; /* their indices, in the order of their last lookups */
};

/* What the reader of a trace tells besides. */
struct access_notes {
    const char *format;  /* its name */
    uint64_t skipped;    /* bad records passed over so far, where that was asked for */
};

/* Where the core gets a trace from. The functions after pull may be NULL: text has no segments. All
 * move through the same trace: what one hands out, the next call of another does not. */
struct access_source {
    /* Fills up to `room` (>= 1) records and returns how many, in the order of the trace. 0 is the
     * end of the trace or, when *failed is set, an error, whose message the other side keeps. The
     * records before a bad one are handed out first. */
    size_t (*pull)(void *context, struct access *out, size_t room, bool *failed);
    /* The same for segments; one that pull or skip has begun comes as what is left of it. */
    size_t (*pull_segments)(void *context, struct access_segment *out, size_t room, bool *failed);
    /* The records of one of the segments that the last pull_segments handed out, from number `from`
     * (0 is its first) on; at most `room`; returns how many. Cheapest in ascending order. */
    size_t (*expand)(void *context, const struct access_segment *segment, uint32_t from,
                     struct access *out, size_t room);
    /* Passes over up to `count` records without handing them out; returns how many: less than that
     * only at the end of the trace or at an error. */
    uint64_t (*skip)(void *context, uint64_t count, bool *failed);
    void *context;
    const struct access_notes *notes; /* NULL: nothing is known */
};
