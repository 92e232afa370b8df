/* Where the accesses of a step `read`, `write` or `execute` go. */
#pragma once

#include "sim/internal.h"

struct places {
    va_t start;
    uint64_t step, size, places, count;
    uint64_t length; /* as given */
    struct permutation order; /* of a chase */
    uint64_t lines;           /* of one step in which a chase starts its accesses */
};

/* `places` of `size` bytes, `step` bytes apart, `count` of them visited. False: a located message
 * tells why the step is refused. */
bool places_of(struct sim *s, const struct step *step, struct places *p);
/* Whether one of the places lies in a page of the set (or a part of it does). */
bool places_meet(const struct places *p, const struct runs *pages);
/* Where access number i goes: in order, at random, or in a chase, which visits every place once a
 * round, in an order that looks random, and uses another line of each step than the one before: so
 * no set of a cache gets more than its part. */
va_t place_at(struct sim *s, enum access_pattern pattern, const struct places *p, uint64_t i);
