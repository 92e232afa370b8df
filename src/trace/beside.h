/* Bytes that come piece by piece beside those of a stored trace: while they are the same, none are
 * kept. */
#pragma once

#include "trace/input.h"

struct beside {
    const struct allocator *from;
    struct trace_source stored;
    struct trace_input input;
    char *chunk; /* of the stored trace, read ahead; INPUT_CHUNK_BYTES */
    size_t start, end;
    uint64_t same_bytes; /* that came so far and are the stored ones */
    bool differs;
    bool lost; /* the stored trace could not be read again: the start of `bytes` is missing */
    struct text bytes; /* once it differs: all that came */
};

/* A stored trace that cannot be read differs. `stored` is copied, what it points to is borrowed. */
void beside_begin(struct beside *b, const struct trace_source *stored,
                  const struct allocator *from);
/* `context` is the struct beside. Always true, for sinks that ask. */
bool beside_write(void *context, const char *bytes, size_t length);
/* All have come: true when they are the stored ones, else b->bytes has them unless b->lost. */
bool beside_end(struct beside *b);
void beside_free(struct beside *b);
