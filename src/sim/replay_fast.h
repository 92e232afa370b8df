/* The fast path of replays: pages that a TLB holds are looked up in place, and what that counts and
 * costs is added up and settled before anything else looks at it. It does what access_one() does,
 * to the last count and cycle. */
#pragma once

#include "model/short_walk.h"
#include "sim/replay.h"

/* The array of one page size of one level: true LRU, sets a power of two. */
struct fast_array {
    uint64_t *tag, *data;
    uint64_t mask; /* set = page & mask */
    uint32_t ways;
    struct tlb_level *level;
    struct tlb_array *array;
    uint64_t fills, evictions; /* not yet settled */
};

/* How one kind of record looks its page up. */
struct fast_lane {
    uint64_t *tag, *data, mask, ways; /* of its first level */
    uint64_t bits, want; /* these bits of the entry must be as wanted */
    uint64_t lookups;    /* of one record: of data in the low half, of code in the high */
    uint32_t doubles;    /* 1: bytes count twice */
    uint8_t type;        /* enum access_type of the first access */
    /* For 4 KiB and 2 MiB; behind them, for 4 KiB. But for the first, ->array may be NULL. */
    struct fast_array *first, *large, *second;
    bool looks_large;   /* behind a miss among the 4 KiB pages: the first level has larger ones */
    bool looks_further; /* behind a miss of the first level: both have only pages of 4 KiB */
    bool walks;         /* by one fetch where it can, behind a miss of both */
    struct lookup walk;
};

enum { FAST_KINDS = ACCESS_FETCH + 1, FRONT_SETS = 64 };

/* Pages that are known to be in front of their sets and to permit records of a kind, which then
 * only count. Every set of a first level has one place of each kind (the page modulo a power of two
 * that divides the number of sets), so that what moves a set's pages concerns these alone. */
struct fronts {
    uint64_t known[FRONT_SETS * FAST_KINDS]; /* by set and kind: front_key(), FRONT_NONE */
    uint64_t mask;                           /* of a key: its place */
    uint64_t lookups[FAST_KINDS], times[FAST_KINDS]; /* of one record, and what its bytes count */
};
#define FRONT_NONE UINT64_MAX

struct fast {
    struct fronts fronts;
    struct fast_lane lane[FAST_KINDS];
    struct fast_array data, code, second, second_code, large_data, large_code;
    uint64_t space;    /* the context's part of a tag */
    uint64_t page_end; /* pages below it are looked up here: of user space, or none */
    struct sim *s;
    const struct cpu *cpu; /* whose arrays these are */
    struct access_totals *totals;
    /* Done and not yet settled, with halves as in lookups: hits of the first level, those of 2 MiB
     * pages, hits of the second level, misses of both; accesses less their lookups, and bytes;
     * accesses to plain memory beside the hits. */
    uint64_t hits, large_hits, second_hits, walks, accesses, bytes, plain;
    struct short_walks short_walks;
    bool walked; /* so did the last access that was no hit */
};

/* False: the machine has something that the fast path does not know, or each access is to be told.
 * Accesses and bytes will be added to *totals; hits, walks and faults to the counters of the
 * machine alone. `f` is all zero or what the same replay began with the last time. */
bool fast_begin(struct fast *f, struct sim *s, struct access_totals *totals);
/* Replays records from batch[0] on until one raises or stops the system. Returns how many, that one
 * included. */
size_t fast_records(struct fast *f, const struct access *batch, size_t count, struct touch *t);
enum found {
    FOUND,         /* and used */
    FOUND_FORBIDS, /* an entry that does not permit the access as it is; not used */
    FOUND_NOT,
    FOUND_TYPED, /* by a walk, and not yet charged: memory that is not write-back */
};

/* One record in any way; `found` is what the first level said of its page of 4 KiB (FOUND_FORBIDS
 * where there are two), not FOUND; `next`, unless NULL, is the one behind it. Not yet settled. */
void fast_record(struct fast *f, const struct access *a, enum found found,
                 const struct access *next, struct touch *t);
/* Counts and charges what was done. */
void fast_settle(struct fast *f);
/* After what may have changed the context, the tables or the sizes of pages that levels hold. */
void fast_context(struct fast *f);

/* What all events of one type share. */
struct fast_event {
    struct fast_lane *lane;
    uint64_t one;   /* lookup, in the half of its side */
    uint64_t *page; /* what the filter of its side holds, by slot */
    uint8_t *way;
    bool is_wanted, is_look_up; /* the replay is of its side; it is no first write */
    bool is_same;  /* the array of the side has just the filter's size */
    bool replaces; /* so that a page that takes the place of another may be looked up alone: */
    uint64_t *tags, *datas;    /* in its place in that array */
    struct fast_array *second; /* and in the level behind it */
};

/* A segment under way, and where its records are. */
struct fast_segment {
    const struct access_source *source;
    const struct access_segment *segment;
    enum replay_only only;
    uint64_t page[ACCESS_SIDE_COUNT][FILTER_SLOTS]; /* what the filter holds */
    uint8_t way[ACCESS_SIDE_COUNT][FILTER_SLOTS];   /* and where the array of the side had it */
    struct fast_event event[FILTER_EVENT_TYPE_COUNT];
};
/* Whether segments may be replayed as such, as the machine stands; after fast_begin(). */
bool fast_takes_segments(const struct fast *f, enum replay_only only);
/* Replays the segment; returns how many of its records: all, or those before the first that is left
 * to fast_records() or has raised or stopped the system (it is among them then). */
uint32_t fast_segment(struct fast *f, struct fast_segment *g, struct touch *t);
