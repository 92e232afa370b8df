/* The bytes of a trace: a file, a pipe or standard input, decompressed on the way. Reading is by
 * read(2): it works for pipes, and at the speed of the parsers mapping a file costs more than
 * copying it. */
#pragma once

#include "base/text.h"
#include "replay/unpack.h"

struct trace_bytes {
    const struct allocator *from;
    const char *path; /* as given; "-" is standard input */
    struct text name; /* for messages */
    struct text error; /* "NAME: error: ...", empty while all is well */
    int file;
    bool owns_file, is_regular;
    uint64_t start_bytes, size_bytes; /* of a regular file: where it was at opening, and its size */
    uint64_t read_bytes;              /* from the file, compressed as they are */
    const struct unpacker *unpacker;  /* NULL: not compressed */
    void *state;
    bool at_end; /* of the file */
    bool whole;  /* of the compressed data: they may end here */
    uint8_t *chunk; /* what was read ahead */
    size_t chunk_at, chunk_end;
};

/* Opens and looks at the first bytes. False with the error set: not there, a directory, or
 * compressed in a way that this build cannot undo. bytes_close is needed in either case. */
bool bytes_open(struct trace_bytes *b, const char *path, const struct allocator *from);
/* Up to `most` (>= 1) bytes, at least one; 0 at the end or with the error set: a failed read,
 * damaged or cut compressed data (with the place), a file whose size changed while it was read. */
size_t bytes_read(struct trace_bytes *b, void *to, size_t most);
/* Is it a file, compressed or not, and no pipe? */
bool bytes_is_regular(const struct trace_bytes *b);
/* Is it a plain file, so that the three functions after this one may be used? */
bool bytes_can_seek(const struct trace_bytes *b);
uint64_t bytes_size(const struct trace_bytes *b);
/* Exactly `count` bytes at `offset`, the place of bytes_read unmoved; false when they are not to be
 * had. */
bool bytes_read_at(const struct trace_bytes *b, uint64_t offset, void *to, size_t count);
/* bytes_read goes on at `offset`. */
bool bytes_seek(struct trace_bytes *b, uint64_t offset);
/* "gzip", "xz", "zstd", or NULL. */
const char *bytes_compression(const struct trace_bytes *b);
/* "NAME: error: WHAT", with the system's reason when error != 0. Returns false. */
bool bytes_fail(struct trace_bytes *b, const char *what, int error);
void bytes_close(struct trace_bytes *b);
