/* One event of a trace, as the core hands it to a sink. Everything in it is valid during the call
 * only. */
#pragma once

#include "nt/kernel.h"
#include "sim/program.h"

#include <string.h>

enum event_arg_type {
    ARG_DECIMAL,
    ARG_HEX,
    ARG_VA, /* an address, 0 is null */
    ARG_TEXT,
    ARG_VALUE,
    ARG_BOOL,
    ARG_NAME,  /* one of `names` */
    ARG_FLAGS, /* `names` joined */
};
struct event_arg {
    const char *key;
    uint8_t type;
    const struct names *names;
    uint64_t number;
    const char *text;
    struct value value;
};
enum { EVENT_ARGS_MAX = 16 };

struct event_delta { /* what the event changed of the system; 0 is not shown */
    int64_t free_system_ptes, free_pages, locked_pages, page_table_pages, pool_bytes;
};

/* What the CPU accesses of a read, write, execute, copy or replay came to. */
struct access_totals {
    uint64_t count, bytes, tlb_hits, walks, faults;
};

/* A replay, or one phase of it. */
struct replay_part {
    uint64_t records, cycles;
    uint64_t bad; /* lines or records that were none, and passed over */
    struct access_totals accesses;
};

/* Cycles that an event spent on one cost. */
struct event_cost {
    uint64_t cost; /* enum cost */
    uint64_t cycles;
};

struct event {
    uint64_t seq;
    cycles_t t;
    uint32_t cpu;
    const char *thread;
    uint32_t irql;
    struct where where;
    const char *call; /* routine or action */
    const char *note;
    const struct routine *routine; /* NULL for other actions: then `list` holds the arguments */
    const void *args;              /* the routine's record after the call */
    const void *given;             /* and before it: arguments as they were passed */
    uint32_t list_count; /* of `list` */
    const struct outcome *outcome;
    bool has_returns;      /* an action that gives a value back (read with `as`) */
    const struct mdl *mdl; /* NULL: none changed */
    bool pfns;             /* its frames changed */
    bool is_open; /* it may still come to wait for a lock: sink.settle tells how long */
    uint64_t cycles;
    const struct event_cost *costs; /* what they were spent on, in the order of the table */
    uint32_t cost_count;
    struct event_delta delta;
    struct access_totals accesses;
    bool has_accesses;
    const struct replay_part *phases;        /* of a replay */
    const struct replay_phase *phase_plans; /* by phase: its name */
    uint32_t phase_count;
    const struct curves *curves; /* finished; NULL = none */
    struct event_arg list[EVENT_ARGS_MAX]; /* last: most events have few or none */
};

/* An event with nothing in it. The arguments beyond list_count are not set. */
static inline void event_clear(struct event *e)
{
    memset(e, 0, offsetof(struct event, list));
}

/* A single access, for `--detail access`. */
struct access_event {
    uint64_t seq; /* of the step's event that it belongs to */
    enum access_type type;
    va_t at;
    pa_t physical; /* where `translated` */
    uint32_t size;
    bool translated, l1_hit, walked, faulted;
};

struct sink {
    void (*event)(void *context, const struct event *e);
    void (*access)(void *context, const struct access_event *a); /* NULL: not wanted */
    /* The open event of the processor, of which there is one at most, is over: it cost `lock_wait`
     * cycles more than it said, or less. NULL: not wanted. */
    void (*settle)(void *context, uint32_t cpu, int64_t lock_wait);
    void *context;
};
