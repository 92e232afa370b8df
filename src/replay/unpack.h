/* Compressed streams undone, one file a kind. A build without a library refuses its kind with a
 * message that says what to do. */
#pragma once

#include "base/types.h"

struct unpack_io {
    const uint8_t *in; /* taken from the front, as out is filled */
    size_t in_left;
    uint8_t *out;
    size_t out_left;
};

struct unpacker {
    const char *name;
    const char *magic; /* how such a file starts */
    size_t magic_bytes;
    const char *refusal; /* NULL, or why this build cannot: the functions are NULL then */
    void *(*open)(void); /* NULL when the host has no memory for it */
    /* Goes on until input or room is used up. *whole: all that was taken so far is complete, so the
     * file may end here. `ended`: no more input comes. NULL, or what is wrong; static. */
    const char *(*run)(void *state, struct unpack_io *io, bool ended, bool *whole);
    void (*close)(void *state);
};

/* What run() does where a file may have several members one after the other, each by steps of a
 * library: until input or room is used up, and until nothing more comes of what the library holds
 * back. *between: the last member is complete; a step takes from `io` what it can, starts a new
 * member when it is set, and sets or clears it. It returns NULL, or what is wrong. */
const char *unpack_members(void *state, struct unpack_io *io, bool *between,
                           const char *(*step)(void *state, struct unpack_io *io, bool *between));

enum { UNPACK_MAGIC_BYTES_MAX = 6, UNPACK_MEMORY_MIB_MAX = 256 };

extern const struct unpacker gzip_unpacker, xz_unpacker, zstd_unpacker;
