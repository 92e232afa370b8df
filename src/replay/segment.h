/* Segments (model/access.h) made from records, and as the packed format stores them:
 * docs/PACKED.md, "Segments". */
#pragma once

#include "base/alloc.h"
#include "model/access.h"

/* ---- from records ---- */

/* One filter: of data or of code. */
struct segment_filter {
    uint64_t page[FILTER_SLOTS];
    uint8_t used[FILTER_SETS];    /* pages of a set */
    uint8_t order[FILTER_SETS];   /* as in struct access_segment */
    uint8_t written[FILTER_SETS]; /* a bit a place */
};

struct segment_builder {
    struct access_segment segment;
    struct segment_filter filter[ACCESS_SIDE_COUNT];
    uint64_t next; /* number of the next record in the trace */
    uint32_t before[ACCESS_SIDE_COUNT]; /* lookups since the last event */
};
void segment_begin(struct segment_builder *b, uint64_t first);
/* False when the segment is full: finish, begin, and add the record then. */
bool segment_add(struct segment_builder *b, const struct access *a);
/* b->segment is complete (if it has any record). */
void segment_finish(struct segment_builder *b);

/* ---- as bytes ---- */

enum {
    SEGMENT_BYTES_MAX = 20480,  /* of a segment */
    SEGMENT_PADDING_BYTES = 192, /* that must be readable behind segments */
    SEGMENT_PAGES_MAX = 65536,  /* distinct pages of a block, those of code apart */
};

/* The pages that a block has had so far, numbered by their first appearance. */
struct segment_pages {
    uint64_t *key; /* page * 2 + 1 for code */
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

/* Takes one segment off [*at, end), behind which SEGMENT_PADDING_BYTES must be readable; not
 * s->first. pages->key has room for SEGMENT_PAGES_MAX. NULL, or what is wrong with it; static. What
 * it lets through is a segment of some records: they need not be those of the details. */
const char *segment_get(struct segment_pages *pages, const uint8_t **at, const uint8_t *end,
                        struct access_segment *s);
