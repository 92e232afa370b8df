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
 * A segment is a stretch of records, of which it tells what a small filter lets through. The filter
 * has FILTER_SETS sets of FILTER_WAYS pages for data and as many for code, true LRU, set = page
 * modulo FILTER_SETS, and is empty at the start of each segment. A lookup (the part of an access
 * that lies in one page; a modify reads first, then writes) whose page the filter lacks is an
 * event, and so is the first write to a page since it came in.
 *
 * An LRU array that has a multiple of FILTER_SETS sets and at least FILTER_WAYS ways holds all
 * pages of the filter, in front of its sets: fewer than FILTER_WAYS other pages of the set were
 * looked up since. So lookups that are no events hit in it, and hits of a first level reach no
 * other level. They change the order of use, but among the filter's pages that order matters only
 * when one of them leaves the filter, which is the one used least, and at the end of the segment,
 * for which it is given. A replay counts the same as record by record when it does this at each
 * event: it moves the page that leaves behind the others of its set that stay in the filter, looks
 * the new one up, and fills what it lacks. Everything else (other policies and geometries, large
 * pages, data caches, an access that ends in an exception, a flush, a limit inside the segment)
 * needs the records. */

enum {
    FILTER_SETS = 16,
    FILTER_WAYS = 4,
    FILTER_SLOTS = FILTER_SETS * FILTER_WAYS,
    SEGMENT_RECORDS_MAX = 1 << 16,
    SEGMENT_EVENTS_MAX = 1024,
};

enum access_sort { ACCESS_SORT_READ, ACCESS_SORT_WRITE, ACCESS_SORT_FETCH, ACCESS_SORT_COUNT };
enum access_side { ACCESS_SIDE_DATA, ACCESS_SIDE_CODE, ACCESS_SIDE_COUNT };

enum filter_event_type {
    FILTER_EVENT_READ,        /* by data, of a page that the filter lacks */
    FILTER_EVENT_WRITE,       /* the same by a write */
    FILTER_EVENT_FIRST_WRITE, /* of a page that it has and that was only read */
    FILTER_EVENT_FETCH,       /* of a page that the filter of code lacks */
    FILTER_EVENT_TYPE_COUNT
};

struct filter_event {
    uint64_t address;                   /* of the lookup */
    uint32_t before[ACCESS_SIDE_COUNT]; /* lookups since the event before, or the start */
    uint8_t type;                       /* enum filter_event_type */
    uint8_t slot; /* where the page is in the filter: set * FILTER_WAYS + 0 .. FILTER_WAYS - 1. A
                     page stays in its slot; one that comes in takes the first empty one, or that
                     of the page of its set used least */
};

/* Number of the page: bits of the address above those of an offset. */
static inline uint64_t access_page(uint64_t address)
{
    return address / PAGE_BYTES;
}

/* Whether it lies in one page of 4 KiB. */
static inline bool access_in_page(const struct access *a)
{
    return (a->address & PAGE_MASK) + a->size <= PAGE_BYTES;
}

struct access_segment {
    uint64_t first;   /* number of its first record in the trace, from 0 */
    uint32_t records; /* 1 .. SEGMENT_RECORDS_MAX */
    uint32_t count[ACCESS_SORT_COUNT]; /* accesses: a modify is a read and a write */
    uint32_t bytes[ACCESS_SORT_COUNT];
    uint32_t lookups[ACCESS_SIDE_COUNT];
    uint32_t event_count; /* 1 .. SEGMENT_EVENTS_MAX */
    struct filter_event event[SEGMENT_EVENTS_MAX];
    /* By set: the places (0 .. FILTER_WAYS - 1) of its pages in two bits each, the page used last
     * in the lowest. */
    uint8_t order[ACCESS_SIDE_COUNT][FILTER_SETS];
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
    /* The next segment, when it has at most `most` records: 1. Otherwise 0, and nothing is taken.
     * One that pull or skip has begun comes as what is left of it. */
    size_t (*pull_segment)(void *context, struct access_segment *out, uint64_t most, bool *failed);
    /* The records of the segment that the last pull_segment handed out, from number `from` (0 is
     * its first) on; at most `room`; returns how many. Cheapest in ascending order. */
    size_t (*expand)(void *context, const struct access_segment *segment, uint32_t from,
                     struct access *out, size_t room);
    /* Passes over up to `count` records without handing them out; returns how many: less than that
     * only at the end of the trace or at an error. */
    uint64_t (*skip)(void *context, uint64_t count, bool *failed);
    void *context;
    const struct access_notes *notes; /* NULL: nothing is known */
};
