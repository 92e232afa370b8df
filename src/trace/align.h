/* Alignment of two sequences of keys: a heaviest common subsequence. Two events match when thread
 * and call are equal; a match whose arguments are equal too weighs nearly double, so that of a row
 * of equal calls the one that was inserted is found, not the last. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

struct align_key {
    uint64_t name;  /* hash of thread and call: what must be equal to match */
    uint64_t whole; /* hash of that and the arguments */
};

enum align_step { ALIGN_MATCH, ALIGN_ONLY_A, ALIGN_ONLY_B };

enum { ALIGN_MAX = 4096 }; /* longest sequence: time and memory are the product of the lengths */

struct aligner {
    const struct allocator *from;
    unsigned char *steps; /* best step of each cell */
    size_t capacity;
    uint16_t scores[2][ALIGN_MAX + 1];
};

void aligner_init(struct aligner *l, const struct allocator *from);
void aligner_free(struct aligner *l);
/* The best alignment of a[0..a_count) and b[0..b_count), as steps in order (a_count + b_count at
 * most). Ties: match first, then what is only in a. Returns the number of steps. */
size_t align(struct aligner *l, const struct align_key *a, size_t a_count,
             const struct align_key *b, size_t b_count, unsigned char *steps);
