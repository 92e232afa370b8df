/* Which object of one trace is which of the other: `mdl#7` here may be `mdl#6` there. Numbers are
 * given out in order of creation, so the map is kept as runs of equal distance: one run for each
 * inserted or lost object, not one entry for each object. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

struct id_run {
    uint64_t from, to, count; /* from + i is to + i, for i < count */
};

struct id_side {
    struct id_run *runs;          /* sorted by `from` */
    size_t count, capacity, last; /* last: the run found last */
};

struct idmap {
    const struct allocator *from;
    struct id_side a_to_b, b_to_a;
};

void idmap_init(struct idmap *m, const struct allocator *from);
void idmap_free(struct idmap *m);
/* True when a is b already, or when neither is known yet; in the latter case they are one from
 * now on if `join`. */
bool idmap_match(struct idmap *m, uint64_t a, uint64_t b, bool join);
/* Compares two texts that may name objects: all bytes equal but the numbers of ids (a lower-case
 * word,
 * '#', decimal digits), which must match by the map. With `join`, ids of equal texts become one. */
bool idmap_equal(struct idmap *m, const char *a, size_t a_length, const char *b, size_t b_length,
                 bool join);
/* A hash of the text that does not depend on the numbers of ids. */
uint64_t idmap_hash(uint64_t seed, const char *bytes, size_t length);
