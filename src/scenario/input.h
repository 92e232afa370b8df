/* Reading one input file, whatever hides behind its name. A regular file is read as far as it is
 * wanted: what is wrong at the front of a long one costs no more than the front. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

struct input {
    const char *bytes; /* in the arena; the first `fetched` of `length` are there */
    size_t length, fetched;
    char *room; /* the same bytes, where more are read into */
    uint64_t device, inode; /* identity; regular files only */
    bool regular;
    int fd; /* of a regular file not read to its end, else -1 */
};

enum input_result { INPUT_READ, INPUT_UNREADABLE, INPUT_TOO_LONG };

/* Opens the regular file `name`, or reads standard input for "-", of at most `most` bytes. On
 * INPUT_UNREADABLE *why says why, in words free of the host's language. */
enum input_result input_read(const char *name, uint64_t most, struct arena *arena,
                             struct input *out, const char **why);
/* Reads on until `end` bytes are there, or all. NULL, or why that fails. A file that became shorter
 * gets a smaller length. */
const char *input_fetch(struct input *input, size_t end);
void input_close(struct input *input);
