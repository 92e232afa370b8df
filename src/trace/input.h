/* Where the bytes of a trace come from: a file, standard input or memory, compressed with zstd or
 * not. */
#pragma once

#include "base/text.h"

enum { INPUT_CHUNK_BYTES = 1 << 18 };

struct trace_source {
    const char *name;  /* as the user gave it; "-" is standard input */
    const char *bytes; /* NULL: read the file `name`; else the contents, borrowed */
    size_t length;
};

struct trace_input {
    const struct allocator *from;
    struct trace_source source;
    int file;    /* descriptor, -1 for memory */
    size_t at;   /* next byte of the memory */
    char *chunk; /* raw bytes that were read ahead; INPUT_CHUNK_BYTES */
    size_t chunk_start, chunk_end;
    void *decoder;       /* ZSTD_DStream, NULL when not compressed */
    bool frame_open;     /* inside a zstd frame */
    const char *problem; /* NULL, or why reading failed: a sentence without a full stop */
    bool corrupt;        /* the bytes are at fault (status 65), not the host (66) */
};

/* False: in->problem says why. trace_input_close is needed in either case. */
bool trace_input_open(struct trace_input *in, const struct trace_source *source,
                      const struct allocator *from);
/* Up to `most` bytes (at least 1), decompressed; 0 at the end, or when in->problem is set. */
size_t trace_input_read(struct trace_input *in, char *to, size_t most);
void trace_input_close(struct trace_input *in);
