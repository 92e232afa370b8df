/* Segments (model/access.h) made from records, and as the packed format stores them:
 * docs/PACKED.md, "Segments". */
#pragma once

#include "base/alloc.h"
#include "model/access.h"

/* ---- from records ---- */

enum {
    /* A segment has at most so many touches of data, and of code, whose pages leave the same rest:
     * those of one set where there are 16 sets or a multiple. Arrays of 64 x 4 and larger can so
     * take every segment as it is. */
    SEGMENT_SETS = 16,
    SEGMENT_WAYS = 4,
};

struct segment_builder {
    struct access_segment segment;
    uint8_t used[2][SEGMENT_SETS]; /* touches by is_fetch and page modulo SEGMENT_SETS */
    uint64_t next; /* number of the next record in the trace */
    uint32_t clock;
    uint32_t stamp[ACCESS_TOUCHES_MAX]; /* of each touch: its last lookup */
    uint32_t recent[2];                 /* touches used last, by is_fetch */
};
void segment_begin(struct segment_builder *b, uint64_t first);
/* False when the record would make too many touches (in all or of a set) or records: finish, begin,
 * and add it then. */
bool segment_add(struct segment_builder *b, const struct access *a);
/* Puts b->segment.last in order; the segment is complete (if it has any record). */
void segment_finish(struct segment_builder *b);

/* ---- as bytes ---- */

enum {
    SEGMENT_BYTES_MAX = 2048,  /* of a segment */
    SEGMENT_PAGES_MAX = 65536, /* distinct touches of a block */
};

/* The touches that a block has had so far, numbered by their first appearance. */
struct segment_pages {
    uint64_t *key; /* page * 2 + is_fetch */
    uint32_t count;
};

struct segment_encoder {
    struct segment_pages pages;
    uint32_t *slot; /* hash table: number + 1 of a page, 0 = empty */
    uint32_t *used; /* slots in use, to empty them */
};
void segment_encoder_init(struct segment_encoder *e, const struct allocator *from);
void segment_encoder_free(struct segment_encoder *e, const struct allocator *from);
void segment_encoder_reset(struct segment_encoder *e); /* a new block */
/* Appends a segment; returns the new end, at most SEGMENT_BYTES_MAX behind `out`. The segments of a
 * block must not come to more than 3 bytes for each of SEGMENT_PAGES_MAX pages. */
uint8_t *segment_put(struct segment_encoder *e, const struct access_segment *s, uint8_t *out);

/* Takes one segment off [*at, end), behind which SEGMENT_BYTES_MAX bytes must be readable; not
 * s->first. pages->key has room for SEGMENT_PAGES_MAX. NULL, or what is wrong with it; static. */
const char *segment_get(struct segment_pages *pages, const uint8_t **at, const uint8_t *end,
                        struct access_segment *s);
