/* What the files of the replay step share. */
#pragma once

#include "sim/internal.h"

/* Where the addresses of a trace go. */
struct replay_place {
    bool in_buffer;
    bool wraps;     /* in the buffer: modulo its size */
    uint64_t base;  /* added; in the buffer, what lies at its start */
    uint64_t start; /* of the buffer */
    uint64_t bytes; /* of the buffer: whole pages */
};

/* One replay under way. */
struct replay {
    const struct replay_step *plan;
    const struct access_source *source;
    struct replay_place place;
    uint64_t skip, warm_up, limit;    /* records that are wanted */
    uint64_t skipped, warmed_up;      /* and were there */
    uint64_t *counts;                 /* records wanted by phase */
    struct replay_part whole, *phases; /* what was measured: in all, by phase */
    uint32_t phase;                   /* the one under way */
    uint64_t bad_before;              /* bad records of the trace before this step */
    struct curves *curves;            /* NULL = none */
    struct touch touch;               /* how the last access ended */
    bool ended;                       /* the trace, by an error or not */
    /* The step, which other processors may overtake: */
    struct process *own;
    struct event_mark mark;
    bool clean; /* it broke no rule until it was overtaken */
    bool fast;                        /* what is known to change nothing may be left out */
    struct replay_space *space;       /* of the fast path; NULL: not used yet */
};

/* Takes at most `most` records off the trace, one batch or segment, and replays them; adds what
 * they came to to *part. Returns how many there were; 0 sets r->ended. Stops behind the record
 * whose access raises or stops the system (r->touch): the next replay of the trace goes on there.
 */
uint64_t replay_records(struct sim *s, struct replay *r, uint64_t most, struct replay_part *part);
/* Passes over up to `count` records. Returns how many there were; r->ended at the end. */
uint64_t replay_skip(struct sim *s, struct replay *r, uint64_t count);
void replay_space_free(struct sim *s, struct replay *r);
void replay_rests_free(struct sim *s);

/* Counters and prices as they were before a warm-up. */
struct warm_up;
/* Until it ends, time stands still: every price is 0. What counts (lookups, walks, faults, entries
 * written) counts on. */
struct warm_up *warm_up_begin(struct sim *s);
/* Counters and prices are what they were at the begin. Levels keep what they are, and gauges their
 * peaks. */
void warm_up_end(struct sim *s, struct warm_up *w);
