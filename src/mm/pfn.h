/* The page frame database: who holds each frame of RAM, and the lists of free ones. Sparse: a frame
 * gets a record when it is first taken. */
#pragma once

#include "base/alloc.h"
#include "base/gauge.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/runs.h"
#include "base/types.h"

enum frame_state {
    FRAME_ZEROED,
    FRAME_FREE,
    FRAME_STANDBY,
    FRAME_MODIFIED,
    FRAME_ACTIVE,
    FRAME_TABLE,
    FRAME_STATE_COUNT
};

/* A frame's caching attribute sticks while it is in use (MmMapLockedPagesSpecifyCache). */
enum frame_cache { FRAME_CACHE_NONE, FRAME_CACHED, FRAME_NONCACHED, FRAME_WRITE_COMBINED };

enum frame_owner {
    OWNER_NONE,
    OWNER_SYSTEM,
    OWNER_POOL,
    OWNER_PROCESS,
    OWNER_SECTION,
    OWNER_MDL,
    OWNER_STACK,
    OWNER_TABLE
};

struct frame {
    uint32_t shares; /* mappings of processes and pool; pages of MmAllocatePagesForMdl have 1 */
    uint32_t locks;  /* by MmProbeAndLock*; without shares: its owner let go while it was locked */
    uint8_t state, cache, owner;
};

/* 1 while it has an owner, 1 for each lock; 0: it is on a list. */
static inline uint64_t frame_references(const struct frame *f)
{
    return (uint64_t)f->locks + (f->shares > 0);
}
static inline bool frame_is_listed(const struct frame *f)
{
    return (f->locks | f->shares) == 0;
}

enum fragmentation_kind { FRAGMENTATION_NONE, FRAGMENTATION_SHUFFLED, FRAGMENTATION_CHECKERBOARD };

/* The frames of one RAM range that the system did not take at the start. */
struct frame_part {
    uint64_t first, end;
    uint64_t border;       /* its free frames below this one start zeroed */
    uint64_t zeroed, free; /* how many of them start on each list */
    uint32_t node;
};

enum frame_list { LIST_ZEROED, LIST_FREE, LIST_COUNT };

struct frames {
    struct map chunks;               /* pfn / FRAME_CHUNK -> index into chunk_list + 1 */
    struct frame_chunk **chunk_list; /* in order of creation */
    size_t chunk_count, chunk_capacity;
    struct frame_chunk *last_chunk; /* the one found last */
    struct arena words, records;    /* of chunks */
    struct frame_part *parts;       /* ascending */
    size_t part_count;
    struct runs zeroed, free; /* the lists; membership is the truth */
    struct runs virgin;       /* checkerboard: ranges whose pattern was not yet laid out */
    enum fragmentation_kind kind;
    uint64_t checker_run;
    struct permutation order[LIST_COUNT]; /* shuffled: the order in which frames are taken */
    uint64_t order_next[LIST_COUNT];
    uint64_t *returned; /* shuffled: frames given back, newest last */
    size_t returned_count, returned_capacity;
    uint64_t system_pages; /* what the system took at the start, lowest frames */
    uint64_t zeroed_percent;
    struct gauge now[FRAME_STATE_COUNT];
    struct gauge locked, io;
    struct map io_references; /* BAR frame -> mappings and MDLs that hold it */
    uint64_t total, traffic_zeroed, traffic_copied;
};

struct mm;
struct mm_config;

void frames_init(struct mm *mm, const struct mm_config *config);
void frames_free(struct mm *mm);
/* What a frame is now; outside RAM the state is FRAME_STATE_COUNT. */
struct frame frame_peek(struct mm *mm, pfn_t f);
bool frame_in_ram(const struct mm *mm, pfn_t f);
/* Of a frame of RAM. */
void frame_set_cache(struct mm *mm, pfn_t f, enum frame_cache cache);
void frame_set_owner(struct mm *mm, pfn_t f, enum frame_owner owner);
/* The type with which a frame gets mapped: its own when it has one, else `cache`, which it then
 * keeps. User memory and pool is cached; frames of MmAllocatePagesForMdl take the type of their
 * first mapping; frames of devices have none and take each mapping's. */
uint32_t frame_settle_cache(struct mm *mm, pfn_t f, uint32_t cache);

/* How many numbers rise by one each, from the first on; count >= 1. */
uint64_t frames_rising(const uint64_t *numbers, uint64_t count);
/* The first runs of numbers that rise by one each, as far as they are known, so that nobody
 * compares the numbers again: the index behind each, ascending, and RUN_UNKNOWN behind the last.
 * Page tables that were made while a buffer was touched stand between its runs. */
struct frame_runs {
    uint32_t *end, count, most; /* most + 1 in end */
};
#define RUN_UNKNOWN UINT32_MAX
/* Goes on behind the last run that is known, up to index `count` or until there are `most`. */
void frames_find_runs(struct frame_runs *runs, const uint64_t *numbers, uint32_t count);
/* Frames by their numbers. */
struct frame_row {
    const uint64_t *pfns;
    uint64_t count;
    const struct frame_runs *runs; /* may go on behind `count` */
};
/* frame_settle_cache() for those from index `i` < count on as long as they have one type, *own;
 * returns the index of the first with another one. */
uint64_t frames_settle_cache(struct mm *mm, const struct frame_row *row, uint64_t i,
                             uint32_t cache, uint32_t *own);

enum frame_want {
    WANT_ZEROED, /* zero-filled: from the zeroed list, else zeroed now (charged) */
    WANT_ANY,    /* contents do not matter: free list first */
};
/* Takes one frame: shares 1, ACTIVE. False when none is free. */
bool frame_take(struct mm *mm, enum frame_want want, enum frame_owner owner, pfn_t *out);
/* Takes up to `count` frames out of [first, last] (numbers inclusive; 0 and UINT64_MAX for any),
 * preferring the NUMA node `node` (UINT32_MAX: none) and only it when node_only. Appends frame
 * numbers to out, returns how many. In ascending address order when the window is bounded: zeroed
 * frames first for WANT_ZEROED. */
uint64_t frames_take(struct mm *mm, uint64_t count, enum frame_want want, enum frame_owner owner,
                     uint64_t first, uint64_t last, uint32_t node, bool node_only, uint64_t *out);
/* Takes `count` physically contiguous frames at a multiple of `align` frames in [first, last]. */
bool frames_take_block(struct mm *mm, uint64_t count, uint64_t align, enum frame_want want,
                       enum frame_owner owner, uint64_t first, uint64_t last, uint32_t node,
                       pfn_t *out);
/* The holder lets go: shares - 1; without shares and locks the frame goes to the free list. */
void frame_give(struct mm *mm, pfn_t f);
void frame_share(struct mm *mm, pfn_t f); /* one more mapping */
/* A page lock of an MDL: locks + 1 / - 1. The frame is in use; the unlock is of a frame with locks.
 * frame_unlock gives the frame back when its owner has gone meanwhile. */
void frame_lock(struct mm *mm, pfn_t f);
void frame_unlock(struct mm *mm, pfn_t f);
/* The index of the first frame from index `i` on that is not RAM or not in use; count: none is. */
uint64_t frames_in_use(struct mm *mm, const struct frame_row *row, uint64_t i);
/* frame_lock() for each of them, all in use. */
void frames_lock(struct mm *mm, const struct frame_row *row);
/* frame_unlock() for each from index `i` on up to the first that is not RAM or not locked; returns
 * its index. */
uint64_t frames_unlock(struct mm *mm, const struct frame_row *row, uint64_t i);
void frame_io_hold(struct mm *mm, pfn_t f); /* outside RAM */
void frame_io_drop(struct mm *mm, pfn_t f);
uint64_t frames_available(const struct mm *mm); /* zeroed + free (+ standby) */
void frames_check(struct mm *mm);
