/* A trace that is parsed on a thread of its own, ahead of who takes its records: the same records,
 * counts and errors, in the same order. */
#pragma once

#include "base/alloc.h"
#include "model/access.h"

struct ahead;

/* `inner` belongs to it from now on: nobody else calls it, or looks at its notes. The thread starts
 * when so many records were taken that it pays; where the host gives none, there is none. */
struct ahead *ahead_open(const struct allocator *from, const struct access_source *inner);
struct access_source ahead_source(struct ahead *a);
/* The error of the trace was handed out (*failed): the inner source stands still. */
bool ahead_has_failed(const struct ahead *a);
void ahead_close(struct ahead *a); /* NULL does nothing; waits for the thread */
