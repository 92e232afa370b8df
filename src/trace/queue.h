/* Events of one trace that have been read ahead, for the alignment. */
#pragma once

#include "trace/align.h"
#include "trace/read.h"

struct queue_slot {
    char *bytes; /* the event as it stands, then what of it is compared */
    size_t capacity, length, kept_length;
    struct scan_span members[SCAN_KEYS], values[SCAN_KEYS];
    uint64_t file_line;
    uint64_t number; /* place in the trace, from 0 */
    struct align_key key;
    bool has_key;
};

/* Three more stay readable behind the window, for the context of a difference. */
enum { QUEUE_SLOTS = ALIGN_MAX + 4, QUEUE_BYTES_MAX = 64 << 20 };

struct queue {
    const struct allocator *from;
    struct trace_reader reader;
    struct queue_slot *slots; /* QUEUE_SLOTS, a ring */
    size_t head, count;
    size_t bytes; /* of the events waiting */
    uint64_t taken;
};

/* As trace_open; queue_close is needed in either case. */
bool queue_open(struct queue *q, const struct trace_source *source, const struct allocator *from);
void queue_close(struct queue *q);
/* Reads ahead until `count` events (at most ALIGN_MAX) wait, the trace ends or the bytes are many.
 * Returns how many wait. Events are expected to be like those that wait in `other` (NULL: none);
 * that only saves time. */
size_t queue_fill(struct queue *q, size_t count, struct queue *other);
/* The event `ahead` places behind the first that waits. */
struct queue_slot *queue_at(struct queue *q, size_t ahead);
/* The event taken `back` places ago, 1 for the last; NULL when there is none. `back` is 1 .. 3. */
struct queue_slot *queue_taken(struct queue *q, uint64_t back);
void queue_take(struct queue *q);
/* Hashes of thread, call and arguments, computed at the first use. */
struct align_key queue_key(struct queue_slot *slot);
/* What of the event is compared: all but seq, t, line and file. */
const char *queue_kept(const struct queue_slot *slot);
