/* Runs a compiled scenario: (configuration, program) -> events and statistics. */
#pragma once

#include "base/hist.h"
#include "mm/stale.h"
#include "sim/event.h"

/* Latency of one routine or span. */
struct series {
    const char *name;
    struct hist hist;
    uint64_t failures;
    uint64_t cost[COST_COUNT];
};

enum end_reason { END_COMPLETED, END_EXCEPTION, END_BUGCHECK, END_ERROR, END_INTERRUPTED };
extern const char
    *const end_reason_names[]; /* "completed", "exception", "bugcheck", "error", "interrupted" */

/* An `expect`, `assert` or check that did not hold, or an exception, violation or bug check that
 * nobody expected: the negative results of exit status 1. */
struct finding {
    struct where where;
    const char *path;
    const char *message;
};

/* What became of kernel APCs; cycles from the queueing to the delivery. */
struct apc_counts {
    uint64_t queued, refused, special, normal, waited, waited_most;
};

struct sim_thread;
struct sim_event;
struct sched;
struct replay_rest;

struct sim {
    const struct allocator *from;
    const struct program *program;
    struct arena arena; /* findings and other texts */
    struct hw hw;
    struct mm mm;
    struct kernel kernel;
    const struct sink *sink;             /* NULL: no events are built */
    const struct access_source *sources; /* by replay number */
    struct replay_rest **rests;          /* by replay number: records left over, or NULL */
    struct curves **curves; /* by replay number: of its last run, finished; NULL = none */
    struct sim_thread *threads;
    struct sim_thread *thread; /* the one that runs */
    const char *path;          /* of the step or check under way, for errors */
    struct value *shared;
    bool checking; /* `checks`: they may read the names of any thread */
    struct sim_event *events;
    struct sched *sched;
    struct series *series; /* routine_count + span_count */
    struct access_totals by_type[ACCESS_TYPE_COUNT], by_replay;
    uint64_t bad_by_replay;       /* records passed over in all, those of a warm-up included */
    struct replay_part *by_phase; /* program->phase_count */
    struct apc_counts apcs;
    struct stale stale_told; /* what stale_text tells of */
    const char *stale_text;
    uint64_t seq; /* of the next event */
    uint64_t steps_done;
    uint64_t (*list)[2]; /* entries of the list argument under way */
    size_t list_room;
    uint64_t expected_errors; /* violations of level error that an `expect` asked for */
    enum end_reason reason;
    struct stop stop; /* END_BUGCHECK */
    uint32_t raised;  /* END_EXCEPTION: status */
    bool bugcheck_expected;
    struct finding *findings;
    size_t finding_count, finding_capacity; /* at most DIAG_KEPT_MAX */
    uint64_t more_findings;                 /* those after them, which are only counted */
    /* an error of the scenario that showed as it ran: END_ERROR */
    struct diags *diags;
    bool error;
    bool source_failed;     /* a trace that was replayed is damaged: its reader knows where */
    struct leak_list leaks; /* at the end of the run */
    bool no_fast_paths;
    bool (*interrupted)(void *context); /* asked now and then; NULL: never */
    void *interrupt_context;
};

struct sim_inputs {
    const struct program *program;
    const struct access_source *sources; /* program->replay_count */
    const struct sink *sink;             /* may be NULL */
    struct diags *diags;
    bool (*interrupted)(void *context);
    void *interrupt_context;
    bool check_each_step; /* kernel_check() after each step: slow */
    bool no_fast_paths;   /* all goes access by access, with the same result */
};

/* Sets the machine up; false when the scenario asks for what does not fit (located in diags). */
bool sim_init(struct sim *s, const struct allocator *from, const struct sim_inputs *inputs);
/* Runs to the end: completed, bug check, exception that nobody expected, error, interrupt; then
 * leaks and checks. */
void sim_run(struct sim *s, const struct sim_inputs *inputs);
void sim_free(struct sim *s);
/* How far the outermost `repeat` under way has come; false when there is none. For progress lines.
 */
bool sim_progress(const struct sim *s, uint64_t *done, uint64_t *total);
/* True when the exit status is 1 for negative results (strict: leaks count too). */
bool sim_is_negative(const struct sim *s, bool strict);
