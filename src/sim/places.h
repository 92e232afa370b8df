/* Where the accesses of a step `read`, `write` or `execute` go. */
#pragma once

#include "sim/internal.h"

struct places {
    enum access_pattern pattern;
    va_t start;
    struct extent extent;
    struct rng random;        /* of random ones: as it was before the first */
    struct permutation order; /* of a chase */
    uint64_t lines;           /* of one step in which a chase starts its accesses; else 0 */
};

/* False: a located message tells why the step is refused. */
bool places_of(struct sim *s, const struct step *step, struct places *p);
/* Where access number i goes: in order, at random (`r` draws), or in a chase, which visits every
 * place once a round, in an order that looks random, and uses another line of each step than the
 * one before: so no set of a cache gets more than its part. */
va_t place_at(const struct places *p, uint64_t i, struct rng *r);
/* Whether an access goes to a page of the set, or a part of it does. */
bool places_meet(const struct places *p, const struct runs *pages);
/* "Errors in Direct I/O": what was locked with IoReadAccess must not be written. Windows maps it
 * writable all the same, and Driver Verifier does not see it. */
void places_check_written(struct sim *s, const struct places *p);
