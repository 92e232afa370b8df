/* Reading one input file whole, whatever hides behind its name. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

struct input {
    const char *bytes; /* in the arena */
    size_t length;
    uint64_t device, inode; /* identity; regular files only */
    bool regular;
};

enum input_result { INPUT_READ, INPUT_UNREADABLE, INPUT_TOO_LONG };

/* Reads the regular file `name`, or standard input for "-", of at most `most` bytes. On
 * INPUT_UNREADABLE *why says why, in words free of the host's language. */
enum input_result input_read(const char *name, uint64_t most, struct arena *arena,
                             struct input *out, const char **why);
