/* Event lines that wait: an open event's own, for what it comes to cost, and those after it, for
 * their place. */
#pragma once

#include "sim/event.h"

/* What an open event has cost so far; one a processor. */
struct held_end {
    bool open;
    uint64_t cycles;
    struct event_cost costs[COST_COUNT];
    uint32_t cost_count;
    struct event_delta delta;
};

/* In two pieces of the text; the second is of an event that was open. */
struct held_line {
    size_t at, length, end_at, end_length;
    uint32_t cpu;
    bool open;
};

/* Zeroed but for the text, which has its allocator: none wait. */
struct json_held {
    struct text text;
    struct held_line *lines; /* from `first` on */
    size_t first, count, capacity;
    struct held_end *ends;
    size_t end_capacity;
};

void json_held_free(struct json_held *h);
static inline bool json_held_any(const struct json_held *h)
{
    return h->first < h->count;
}
/* A line, copied; `open`: the event whose end it lacks, else NULL. */
void json_held_add(struct json_held *h, const char *bytes, size_t length,
                   const struct event *open);
/* The open event of the processor has cost so much more: its end, to be written. */
void json_held_settle(struct json_held *h, uint32_t cpu, uint64_t lock_wait, struct event *out);
/* The end of the processor's open event is this. */
void json_held_close(struct json_held *h, uint32_t cpu, const char *bytes, size_t length);
/* The first line, where it waits for nothing: the place of its pieces in the text, until the next
 * line is added. */
bool json_held_take(struct json_held *h, struct held_line *out);
