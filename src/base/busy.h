/* When one thing that serves one at a time was busy: a processor in an interrupt.
 *
 * Steps are simulated one after the other, but lie side by side in time, so whoever asks may ask
 * for a moment that lies before others that were given away already. The recent spans of time are
 * kept, and each asker gets the first one that is free for as long as he needs it. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

/* From `from` until just before `until`. */
struct busy_span {
    uint64_t from, until;
};

enum { BUSY_SPANS_MOST = 1024 };

/* Zeroed: never busy. */
struct busy {
    struct busy_span *spans; /* ascending, none touches the next; at most BUSY_SPANS_MOST */
    size_t count, capacity;
};

/* When the span that holds `now` ends; `now` when there is none. */
uint64_t busy_until(const struct busy *b, uint64_t now);
/* The first moment from `now` on that begins `length` free cycles; 0 counts as 1. */
uint64_t busy_place(const struct busy *b, uint64_t now, uint64_t length);
/* Adds a span, which may touch others and lie over them; an empty one is nothing. Spans that end by
 * `horizon` nobody asks for any more; of more than BUSY_SPANS_MOST the oldest is forgotten. */
void busy_add(struct busy *b, const struct allocator *from, struct busy_span span,
              uint64_t horizon);
void busy_free(struct busy *b, const struct allocator *from);
