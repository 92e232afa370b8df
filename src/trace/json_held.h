/* Event lines that wait: an open event's own, for what it comes to cost, and those after it, for
 * their place. Where they are many, those that only wait for their place are put aside, so that
 * memory does not grow with them. */
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

/* In two pieces of the text; the second is of an event that was open. Or `aside` lines one behind
 * the other, in one piece of what is put aside. */
struct held_line {
    size_t at, length, end_at, end_length;
    uint64_t aside, aside_at, aside_length; /* 0: a line in the text */
    uint32_t cpu;
    bool open;
};

/* Where lines are put aside once more than `most` bytes of them wait. Both are told where, in bytes
 * from the start. False: it cannot, or could not put them there, and has kept the reason. */
struct json_aside {
    void (*put)(void *context, uint64_t at, const char *bytes, size_t length);
    bool (*get)(void *context, uint64_t at, char *bytes, size_t length);
    void *context;
    size_t most;
};

/* Zeroed but for the texts, which have their allocator: none wait. */
struct json_held {
    struct text text;
    const struct json_aside *elsewhere; /* NULL: all stay in memory */
    const char *before, *after;         /* each line that is put aside */
    struct text run;                    /* lines on their way there */
    uint64_t aside_bytes;
    struct held_line *lines; /* from `first` on */
    size_t first, count, capacity;
    struct held_end *ends;
    size_t end_capacity;
};

void json_held_init(struct json_held *h, const struct allocator *from);
void json_held_free(struct json_held *h);
static inline bool json_held_any(const struct json_held *h)
{
    return h->first < h->count;
}
/* A line, copied; `open`: the event whose end it lacks, else NULL. */
void json_held_add(struct json_held *h, const char *bytes, size_t length,
                   const struct event *open);
/* The open event of the processor has cost so much more, or less: its end, to be written. */
void json_held_settle(struct json_held *h, uint32_t cpu, int64_t lock_wait, struct event *out);
/* The end of the processor's open event is this. */
void json_held_close(struct json_held *h, uint32_t cpu, const char *bytes, size_t length);
/* The first line, where it waits for nothing: the place of its pieces in the text or aside, until
 * the next line is added. */
bool json_held_take(struct json_held *h, struct held_line *out);
