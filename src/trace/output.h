/* Output files that appear whole or not at all. A new file is written under a temporary name beside
 * its target and renamed when all of it is on the disk; what is no regular file (a terminal, a
 * FIFO, /dev/null) is written in place. */
#pragma once

#include "base/text.h"

/* Exit statuses of cli.md, for what output can meet. */
enum {
    OUTPUT_OK = 0,
    OUTPUT_CANNOT_CREATE = 73,
    OUTPUT_WRITE_FAILED = 74,
    OUTPUT_BUSY = 75, /* another process is writing the same file */
};

struct output {
    const struct allocator *from;
    struct text target;    /* where it goes in the end, symbolic links followed */
    struct text temporary; /* empty when written in place */
    struct text name;      /* as the user gave it, for messages */
    int file;              /* descriptor, -1 = none */
    bool keep_open;        /* standard output is not ours to close */
    int slot;              /* in the list of temporaries, -1 = none */
    uint64_t written;      /* bytes */
    uint64_t reserved;     /* of the file; 0: not yet, UINT64_MAX: no more */
    int aside;             /* descriptor of output_put_aside, -1 = none */
    int status;            /* OUTPUT_OK or what went wrong first */
    bool broken_pipe;      /* the reader has gone: no message, output_die_of_pipe() */
    struct text error;     /* "NAME: cannot create: No space left on device" */
};

/* `name` "-" is standard output. False: status and error say why; output_close or output_abandon is
 * needed in either case. A stale temporary file of an earlier run is replaced. */
bool output_open(struct output *o, const char *name, const struct allocator *from);
/* Writes all of it, `context` being the struct output. False once anything has gone wrong. */
bool output_write(void *context, const char *bytes, size_t length);
/* Keeps bytes whose turn comes later at `at` of a file without a name, which goes with the process:
 * beside the target, or where tmpfile() makes one. `context` is the struct output. */
void output_put_aside(void *context, uint64_t at, const char *bytes, size_t length);
/* Reads them again. False once anything has gone wrong. */
bool output_get_aside(void *context, uint64_t at, char *bytes, size_t length);
/* Syncs, closes and renames. False, and the target as it was before, when anything went wrong. */
bool output_close(struct output *o);
/* Leaves the target as it was. What was written in place stays. */
void output_abandon(struct output *o);
/* Frees the texts; after output_close or output_abandon. */
void output_free(struct output *o);

/* Removes every temporary file of this process; may be called in a signal handler. */
void output_remove_temporaries(void);
/* Ends the process as a closed pipe does that nobody handles. */
_Noreturn void output_die_of_pipe(void);
