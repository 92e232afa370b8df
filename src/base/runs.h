/* A set of numbers kept as maximal runs [start, start + count): free frames, free system PTEs, free
 * virtual pages. Every operation is O(log runs), except where it says more; memory grows with the
 * number of runs, never with the numbers they cover. Two runs of a set are never adjacent. Numbers
 * go from 0 to 2^64 - 2. A count of 0 adds and removes nothing, is always there and overlaps
 * nothing. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

struct run {
    uint64_t start, count;
};

struct runs {
    const struct allocator *from;
    struct runs_node *nodes; /* nodes[0] is the null node */
    uint32_t node_count, node_capacity, free_node;
    uint32_t by_start, by_count; /* roots: ordered by start (with the largest count below), and by
                                    (count, start) */
    uint64_t total;              /* numbers in the set */
    uint64_t run_count;
};

void runs_init(struct runs *r, const struct allocator *from);
void runs_free(struct runs *r);
void runs_clear(struct runs *r);
/* Adds [start, start + count), none of which is in the set (BUG otherwise); merges neighbours. */
void runs_add(struct runs *r, uint64_t start, uint64_t count);
/* Removes [start, start + count), all of which is in the set (BUG otherwise). */
void runs_remove(struct runs *r, uint64_t start, uint64_t count);
/* Removes from the set whatever of [start, start + count) is in it; returns how many numbers that
 * were. O(log runs) for each run that it meets. */
uint64_t runs_remove_any(struct runs *r, uint64_t start, uint64_t count);
bool runs_has(const struct runs *r, uint64_t start, uint64_t count); /* all of it */
bool runs_overlaps(const struct runs *r, uint64_t start, uint64_t count); /* any of it */
/* The run that holds n, or else the first one above n; false when there is none. */
bool runs_at_or_after(const struct runs *r, uint64_t n, struct run *out);
/* The run that holds n, or else the last one below n; false when there is none. */
bool runs_at_or_before(const struct runs *r, uint64_t n, struct run *out);
bool runs_largest(const struct runs *r, struct run *out); /* lowest start among equals */
/* Lowest start s >= from such that [s, s + count) is in the set and s + count - 1 <= last and
 * s % align == 0 (align a power of two >= 1). count >= 1. False when there is none. Runs that are
 * long enough but hold no aligned place are passed one by one. */
bool runs_first_fit(const struct runs *r, uint64_t count, uint64_t from, uint64_t last,
                    uint64_t align, uint64_t *start);
/* Start of the smallest run of at least count (the lowest among equals). */
bool runs_best_fit(const struct runs *r, uint64_t count, uint64_t *start);
/* Checks every invariant of the structure; BUG when one is broken. For tests. */
void runs_check(const struct runs *r);
