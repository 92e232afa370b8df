/* What the parts of the simulation share among themselves. */
#pragma once

#include "base/check.h"
#include "sim/sim.h"

enum { LOOP_DEPTH_MAX = 64, CALL_DEPTH_MAX = 64 };

struct loop_state {
    uint64_t done, count; /* iterations finished, wanted */
    cycles_t next;        /* open loop: when the next one starts */
    uint64_t every;
};

struct span_state {
    cycles_t start;
    uint64_t spent[COST_COUNT];
};

struct call_frame {
    uint32_t back; /* step to go on with */
    uint32_t procedure;
    uint32_t saved;        /* where the parameters' old values stand in thread->saved */
    uint32_t loops, spans; /* depths at entry */
    struct apc *apc;       /* whose procedure it is, NULL = none's */
};

/* Where things stood when an event began. Its costs are what its processor has spent since it
 * settled them then. */
struct event_mark {
    cycles_t start;
    struct event_delta before;
    uint32_t irql;
    size_t violations;
    uint64_t earlier_costs; /* of an event cut in two: bit i: its parts so far cost earlier[i] */
    uint64_t earlier[COST_COUNT];
};

/* A call whose waits for locks may still grow: it is counted when its thread goes on. */
struct open_call {
    struct series *series; /* NULL: none */
    uint64_t cycles;       /* so far */
};

/* What stands still while a thread's processor does something else (events.c). */
struct event_pause {
    uint64_t spent[COST_COUNT];
    struct event_delta counters;
};

enum thread_state { THREAD_RUNS, THREAD_SLEEPS, THREAD_WAITS, THREAD_DONE };

/* What an APC took a thread from: a wait for an event, a sleep, or nothing of the kind. */
struct interrupted {
    enum thread_state state;
    uint32_t event;
    cycles_t until;
};

struct apc_queue {
    struct apc *first, *last;
};

/* A thread of the scenario: everything needed to go on with it later. */
struct sim_thread {
    const struct thread_plan *plan;
    struct kernel_thread kernel;
    uint32_t process_id; /* 0 = System */
    uint32_t pc;
    enum thread_state state;
    cycles_t ready;                 /* it may go on from then on */
    struct sim_thread *next_waiter; /* for the same event */
    const struct step *unfinished;  /* a delay or wait whose `expect` is still to be judged */
    struct apc_queue special_apcs, normal_apcs;
    uint32_t apc_count;  /* in both */
    bool apc_interrupt;  /* its processor was interrupted for one that it has not run yet */
    struct interrupted interrupted;
    uint32_t waits_for;             /* THREAD_WAITS: the event */
    struct event_mark *open;        /* of a step that was cut in two; NULL: none */
    struct open_call call;
    struct replay *replay;          /* its state */
    struct event_pause pause;
    uint64_t foreign[COST_COUNT]; /* spent by its processor on others within its spans */
    struct value *names;          /* program->slot_count */
    struct loop_state loops[LOOP_DEPTH_MAX];
    uint32_t loop_depth;
    struct span_state *spans;
    size_t span_capacity;
    uint32_t span_depth;
    struct call_frame calls[CALL_DEPTH_MAX];
    uint32_t call_depth;
    struct value *saved;
    size_t saved_count, saved_capacity;
    struct rng random_access, arrivals;
    va_t stack;
};

/* An event of the scenario: signals that nobody took yet, or threads that wait for one. */
struct sim_event {
    uint64_t count;
    struct sim_thread *first, *last;
};

/* ---- errors of the scenario that show as it runs (eval.c) ---- */
void sim_error(struct sim *s, struct where where, const char *path, const char *message);
void sim_error_name(struct sim *s, struct where where, const char *format, const char *name);

/* ---- expressions ---- */
/* False: the error is reported and s->error set. */
bool eval(struct sim *s, expr_t e, struct value *out);
bool eval_number(struct sim *s, expr_t e, uint64_t *out); /* objects give their address, NULL 0 */
bool eval_truth(struct sim *s, expr_t e, bool *out);
bool eval_state(struct sim *s, const struct expr_node *n, struct value a, struct value b,
                struct value *out); /* functions that read the machine */
bool eval_member(struct sim *s, const struct expr_node *n, struct value object, struct value *out);

/* ---- events (events.c) ---- */
void event_begin(struct sim *s, const struct step *step, struct event_mark *mark);
/* Fills the common fields of `e`, hands it to the sink, counts it. */
static inline void event_skip(struct sim *s) /* instead of event_end, when there is no sink */
{
    s->seq++;
}
void event_end(struct sim *s, const struct step *step, const struct event_mark *mark,
               struct event *e);
/* The thread's processor turns to others for a while. Then what it did meanwhile is added to
 * `foreign` and kept out of the event under way at `mark` (NULL: none). */
void event_pause(struct sim *s, struct event_pause *pause, struct event_mark *mark);
void event_resume(struct sim *s, const struct event_pause *pause, uint64_t *foreign,
                  struct event_mark *mark);
void event_arg_number(struct event *e, const char *key, enum event_arg_type type, uint64_t number);
void event_arg_text(struct event *e, const char *key, const char *text);
void event_arg_value(struct event *e, const char *key, struct value v);
void event_arg_names(struct event *e, const char *key, enum event_arg_type type,
                     const struct names *names, uint64_t number);

/* ---- steps ---- */
struct step_result {
    struct outcome outcome; /* end, status, stop, returns */
    bool has_value;         /* `as` may bind outcome.returns */
    const void *args;       /* of a call: the record, for out parameters */
    uint64_t record;        /* of a replay: how many it took, what it skipped included */
    const char *hit_buffer; /* of a replay that raised: the buffer in its way, NULL = none */
};
void step_call(struct sim *s, const struct step *step); /* and raise_irql, lower_irql */
/* The thread goes on, so that nobody asks for a lock any more before its last call did: what that
 * has come to wait since is charged and added to its event. */
void call_settle(struct sim *s);
void step_access(struct sim *s, const struct step *step);
void step_copy(struct sim *s, const struct step *step, struct step_result *r);
void step_set(struct sim *s, const struct step *step, struct step_result *r);
void step_replay(struct sim *s, const struct step *step, struct step_result *r);
void replay_free(struct sim *s, struct sim_thread *t); /* of a replay that did not end */
void replay_results_free(struct sim *s);
/* Goes on at a procedure's first step, for a call or an APC. False: error reported. */
bool procedure_enter(struct sim *s, const struct step *step, const struct do_step *invoke,
                     const struct value *args, struct apc *apc);
/* The running thread takes a signal of the event, or waits for one. */
void event_wait(struct sim *s, struct sim_event *event);
void event_leave(struct sim_event *event, struct sim_thread *t); /* t waits for it no more */
void step_event(struct sim *s, const struct step *step, struct step_result *r);
void waiting_over(struct sim *s); /* the thread goes on after a delay or wait */
void step_bind(struct sim *s, const struct step *step, const struct step_result *r);
void step_judge(struct sim *s, const struct step *step, const struct step_result *r,
                const struct event_mark *mark);
/* Values bound by `as`, then `expect`; decides whether the run goes on. */
static inline void step_finish(struct sim *s, const struct step *step, const struct step_result *r,
                               const struct event_mark *mark)
{
    bool plain = r->outcome.end == END_RETURNS && step->expect == NULL &&
                 s->kernel.violation_count == mark->violations;
    if (step->bind_count > 0) step_bind(s, step, r);
    if (!plain) step_judge(s, step, r, mark);
}
void bind_slot(struct sim *s, uint32_t slot, bool shared, struct value v);

/* ---- accesses (access.c) ---- */
struct access_run {
    enum access_type type;
    bool user;
    bool driver;
    bool caches; /* data goes through the caches; else the first level serves all */
    struct access_totals totals;
};
/* One access of `size` bytes (it may straddle pages: each page is looked up, low first). `store`
 * writes and `load` reads contents when not NULL; *known tells whether every byte read had a known
 * value. Reports stale TLB use. *out tells how it ended. */
void access_one(struct sim *s, struct access_run *a, va_t at, uint32_t size, const uint8_t *store,
                uint8_t *load, bool *known, struct touch *out);
struct access_totals access_before(const struct sim *s, enum access_type type);
/* Hits, walks and faults since `before` go into the run's totals, and all of them into `into`. */
void access_count(struct sim *s, struct access_run *a, const struct access_totals *before,
                  struct access_totals *into);
struct outcome outcome_of_touch(const struct touch *t);

void finding_add(struct sim *s, struct where where, const char *path, const char *format, ...);
/* The run has ended: bug check, exception, error. */
static inline bool sim_over(const struct sim *s)
{
    return s->reason != END_COMPLETED || s->source_failed;
}
void sim_set_up(struct sim *s, const struct sim_inputs *inputs, bool *fits);
