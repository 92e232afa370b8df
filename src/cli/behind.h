/* Writing on a thread of its own, behind who makes the bytes: the same bytes in the same order. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

struct behind;

/* `write` is called by one thread at a time, with the bytes that were handed over, until it returns
 * false. The thread starts when so many bytes came that it pays; where the host gives none, or
 * `threads` is false, there is none. */
struct behind *behind_open(const struct allocator *from, bool threads,
                           bool (*write)(void *context, const char *bytes, size_t length),
                           void *context);
/* Takes a copy; `context` is the struct behind. False once a write has failed. */
bool behind_write(void *context, const char *bytes, size_t length);
/* Waits until all is written: the thread does nothing before more comes. */
void behind_wait(struct behind *b);
/* The same, and ends it: what `write` works on is the caller's again. */
void behind_close(struct behind *b);
