/* The loop that runs compiled steps. */
#include "sim/sim.h"

#include "sim/apc.h"
#include "sim/sched.h"
#include "sim/stats.h"
#include "sim/stuck.h"

const char *const end_reason_names[] = { "completed", "exception", "bugcheck", "error",
                                         "interrupted" };

static void step_error(struct sim *s, const struct step *step, const char *message)
{
    sim_error(s, step->where, step->path, message);
}

/* ---- loops ---- */

static uint64_t arrival_gap(struct sim *s, const struct loop_step *loop, uint64_t every)
{
    return loop->arrival == ARRIVE_POISSON ? rng_exponential(&s->thread->arrivals, every) : every;
}

/* The time of the next round; UINT64_MAX: never. */
static void set_next(struct sim *s, const struct loop_step *loop, struct loop_state *state)
{
    if (!add_fits(state->next.v, arrival_gap(s, loop, state->every), &state->next.v))
        state->next.v = UINT64_MAX;
}

static void start_iteration(struct sim *s, const struct step *step, const struct loop_step *loop,
                            struct loop_state *state)
{
    if (loop->arrival != ARRIVE_CLOSED) {
        if (state->next.v == UINT64_MAX) {
            step_error(s, step, "the next round begins after the end of time, 2^64 cycles");
            return;
        }
        if (state->next.v > hw_now(&s->hw).v) sched_sleep(s, state->next);
        set_next(s, loop, state);
    }
    if (loop->index_slot != UINT32_MAX) s->thread->names[loop->index_slot] = value_int(state->done);
}

static void step_repeat(struct sim *s, const struct step *step)
{
    struct sim_thread *t = s->thread;
    const struct loop_step *loop = &step->u.loop;
    struct loop_state state = { 0 };
    if (!eval_number(s, loop->count, &state.count)) return;
    if (loop->every != 0 && !eval_number(s, loop->every, &state.every)) return;
    if (state.count == 0) {
        t->pc = loop->exit;
        return;
    }
    if (t->loop_depth == LOOP_DEPTH_MAX) {
        step_error(s, step, "loops are nested too deeply: at most 64");
        return;
    }
    state.next = hw_now(&s->hw);
    if (loop->arrival == ARRIVE_POISSON) set_next(s, loop, &state);
    t->loops[t->loop_depth++] = state;
    start_iteration(s, step, loop, &t->loops[t->loop_depth - 1]);
}

static void step_repeat_next(struct sim *s, const struct step *step)
{
    struct sim_thread *t = s->thread;
    struct loop_state *state = &t->loops[t->loop_depth - 1];
    if (++state->done < state->count) {
        const struct loop_step *loop = &s->program->steps[step->u.loop.body - 1].u.loop;
        t->pc = step->u.loop.body;
        start_iteration(s, &s->program->steps[step->u.loop.body - 1], loop, state);
    } else {
        t->loop_depth--;
    }
}

/* STEP_WHILE stands at the head of its body; its rounds are counted in a loop register from the
 * first test to the last. */
static void step_while(struct sim *s, const struct step *step)
{
    uint64_t self = (uint64_t)(step - s->program->steps);
    struct sim_thread *t = s->thread;
    const struct loop_step *loop = &step->u.loop;
    bool truth;
    if (!eval_truth(s, loop->condition, &truth)) return;
    bool running = t->loop_depth > 0 && t->loops[t->loop_depth - 1].every == UINT64_MAX - self;
    if (!truth) {
        if (running) t->loop_depth--;
        t->pc = loop->exit;
        return;
    }
    if (!running) {
        if (t->loop_depth == LOOP_DEPTH_MAX) {
            step_error(s, step, "loops are nested too deeply: at most 64");
            return;
        }
        t->loops[t->loop_depth++] = (struct loop_state){ .every = UINT64_MAX - self };
    }
    if (++t->loops[t->loop_depth - 1].done > loop->limit)
        step_error(s, step, "the loop went on for more rounds than its limit");
}

/* ---- procedures ---- */

bool procedure_enter(struct sim *s, const struct step *step, const struct do_step *invoke,
                     const struct value *args, struct apc *apc)
{
    struct sim_thread *t = s->thread;
    const struct procedure *p = &s->program->procedures[invoke->procedure];
    if (t->call_depth == CALL_DEPTH_MAX) {
        step_error(s, step, "procedures call each other too deeply: at most 64");
        return false;
    }
    t->saved = mem_grow(s->from, t->saved, &t->saved_capacity,
                        t->saved_count + p->parameter_count + 1, sizeof *t->saved);
    t->calls[t->call_depth++] =
        (struct call_frame){ t->pc, invoke->procedure, (uint32_t)t->saved_count, t->loop_depth,
                             t->span_depth, apc };
    for (uint32_t i = 0; i < p->parameter_count; i++) {
        t->saved[t->saved_count++] = t->names[p->parameters[i]];
        t->names[p->parameters[i]] = args[i];
    }
    t->pc = p->entry;
    return true;
}

static void step_do(struct sim *s, const struct step *step)
{
    const struct do_step *invoke = &step->u.invoke;
    const struct procedure *p = &s->program->procedures[invoke->procedure];
    struct value *given = mem_new(s->from, p->parameter_count + 1, sizeof *given);
    bool fine = true;
    for (uint32_t i = 0; i < p->parameter_count && fine; i++)
        fine = eval(s, invoke->args[i], &given[i]);
    if (fine) procedure_enter(s, step, invoke, given, NULL);
    mem_free(s->from, given, p->parameter_count + 1, sizeof *given);
}

static void step_leave(struct sim *s)
{
    struct sim_thread *t = s->thread;
    CHECK(t->call_depth > 0);
    const struct call_frame *frame = &t->calls[--t->call_depth];
    const struct procedure *p = &s->program->procedures[frame->procedure];
    for (uint32_t i = 0; i < p->parameter_count; i++)
        t->names[p->parameters[i]] = t->saved[frame->saved + i];
    t->saved_count = frame->saved;
    t->loop_depth = frame->loops;
    t->span_depth = frame->spans;
    t->pc = frame->back;
    if (frame->apc != NULL) apc_return(s, frame->apc);
}

/* ---- small steps ---- */

/* Judges a step that makes no event: it breaks a rule when it reads a freed object. */
static void judge_silent(struct sim *s, const struct step *step, size_t violations)
{
    if (step->expect == NULL && s->kernel.violation_count == violations) return;
    struct event_mark mark = { .violations = violations };
    step_finish(s, step, &(struct step_result){ 0 }, &mark);
}

static void step_let(struct sim *s, const struct step *step)
{
    size_t violations = s->kernel.violation_count;
    const struct let_step *let = &step->u.let;
    struct value *values = mem_new(s->from, let->count, sizeof *values);
    bool fine = true;
    for (uint32_t i = 0; i < let->count && fine; i++) fine = eval(s, let->values[i], &values[i]);
    for (uint32_t i = 0; i < let->count && fine; i++)
        bind_slot(s, let->slots[i], let->shared[i], values[i]);
    mem_free(s->from, values, let->count, sizeof *values);
    if (fine) judge_silent(s, step, violations);
}

static void step_assert(struct sim *s, const struct step *step)
{
    size_t violations = s->kernel.violation_count;
    bool truth;
    if (!eval_truth(s, step->u.value, &truth)) return;
    if (!truth) finding_add(s, step->where, step->path, "the assertion does not hold");
    judge_silent(s, step, violations);
}

/* What the thread itself spent, up to a constant: its processor's costs without those of others. */
static void own_costs(const struct sim *s, uint64_t *out)
{
    for (unsigned i = 0; i < COST_COUNT; i++)
        out[i] = s->hw.cpu->spent[i] - s->thread->foreign[i];
}

static void step_span(struct sim *s, const struct step *step)
{
    struct sim_thread *t = s->thread;
    if (t->span_depth == LOOP_DEPTH_MAX) {
        step_error(s, step, "spans are nested too deeply: at most 64");
        return;
    }
    t->spans = mem_grow(s->from, t->spans, &t->span_capacity, t->span_depth + 1u, sizeof *t->spans);
    struct span_state *span = &t->spans[t->span_depth++];
    span->start = hw_now(&s->hw);
    own_costs(s, span->spent);
}

static void step_span_end(struct sim *s, const struct step *step)
{
    struct sim_thread *t = s->thread;
    CHECK(t->span_depth > 0);
    const struct span_state *span = &t->spans[--t->span_depth];
    struct series *series = &s->series[step->u.span.series];
    uint64_t spent[COST_COUNT];
    own_costs(s, spent);
    hist_add(&series->hist, hw_now(&s->hw).v - span->start.v);
    for (unsigned i = 0; i < COST_COUNT; i++) series->cost[i] += spent[i] - span->spent[i];
}

static void step_branch(struct sim *s, const struct step *step)
{
    bool truth;
    if (eval_truth(s, step->u.branch.condition, &truth) && !truth)
        s->thread->pc = step->u.branch.otherwise;
}

/* The steps other than calls that make events. */
static void step_act(struct sim *s, const struct step *step)
{
    struct step_result r = { 0 };
    switch ((enum step_op)step->op) {
    case STEP_COPY:
        step_copy(s, step, &r);
        break;
    case STEP_SET:
        step_set(s, step, &r);
        break;
    case STEP_REPLAY:
        step_replay(s, step, &r);
        break;
    case STEP_QUEUE_APC:
        step_queue_apc(s, step, &r);
        break;
    default:
        step_event(s, step, &r);
        break;
    }
}

static void step_run(struct sim *s, const struct step *step)
{
    switch ((enum step_op)step->op) {
    case STEP_CALL:
    case STEP_RAISE_IRQL:
    case STEP_LOWER_IRQL:
        step_call(s, step);
        break;
    case STEP_ACCESS:
        step_access(s, step);
        break;
    case STEP_COPY:
    case STEP_SET:
    case STEP_REPLAY:
    case STEP_DELAY:
    case STEP_WAIT:
    case STEP_SIGNAL:
    case STEP_QUEUE_APC:
        step_act(s, step);
        break;
    case STEP_LET:
        step_let(s, step);
        break;
    case STEP_ASSERT:
        step_assert(s, step);
        break;
    case STEP_REPEAT:
        step_repeat(s, step);
        break;
    case STEP_REPEAT_NEXT:
        step_repeat_next(s, step);
        break;
    case STEP_WHILE:
        step_while(s, step);
        break;
    case STEP_JUMP:
        s->thread->pc = step->u.jump;
        break;
    case STEP_IF:
        step_branch(s, step);
        break;
    case STEP_DO:
        step_do(s, step);
        break;
    case STEP_RETURN:
    case STEP_LEAVE:
        step_leave(s);
        break;
    case STEP_SPAN:
        step_span(s, step);
        break;
    case STEP_SPAN_END:
        step_span_end(s, step);
        break;
    case STEP_END:
        s->thread->state = THREAD_DONE;
        break;
    }
}

/* The thread's next step, or the delivery of an APC before it. */
static inline void run_step(struct sim *s)
{
    s->hw.horizon = s->hw.cpu->clock;
    if (__builtin_expect(s->thread->apc_count > 0, 0) && apc_deliver(s)) return;
    const struct step *step = &s->program->steps[s->thread->pc++];
    s->path = step->path;
    step_run(s, step);
}

/* What a step may have changed for other processors; whether one of them is due. */
static bool among_others(struct sim *s)
{
    sched_irql(s);
    if (s->hw.locks.is_due) sched_settle(s);
    return sched_must_yield(s);
}

/* The thread goes on until it gives its processor away, or another processor is due. */
static void run_thread(struct sim *s, const struct sim_inputs *inputs)
{
    struct sim_thread *t = s->thread;
    apc_resume(s);
    while (t->state == THREAD_RUNS && !sim_over(s)) {
        run_step(s);
        bool yields = s->hw.cpu_count > 1 && among_others(s);
        if (__builtin_expect(inputs->check_each_step, 0)) kernel_check(&s->kernel);
        if ((++s->steps_done & 0xFFF) == 0 && s->interrupted != NULL &&
            s->interrupted(s->interrupt_context))
            s->reason = END_INTERRUPTED;
        if (yields) break;
    }
}

static void run_threads(struct sim *s, const struct sim_inputs *inputs)
{
    while (!sim_over(s) && sched_next(s)) {
        run_thread(s, inputs);
        sched_leave(s);
    }
    if (!sim_over(s)) stuck_report(s);
}

static const char *check_path(struct sim *s, size_t number)
{
    struct text t;
    text_init(&t, s->from);
    text_format(&t, "checks[%u]", (uint64_t)number);
    const char *path = arena_text(&s->arena, t.bytes, t.length);
    text_free(&t);
    return path;
}

static void run_checks(struct sim *s)
{
    s->checking = true;
    sched_look(s, &s->threads[0]);
    for (size_t i = 0; i < s->program->check_count && !s->error; i++) {
        const struct check_plan *check = &s->program->checks[i];
        bool truth;
        s->path = check_path(s, i);
        if (eval_truth(s, check->expression, &truth) && !truth)
            finding_add(s, check->where, s->path, "the check does not hold: %s", check->text);
    }
}

/* Calls that nobody can come before any more, since nobody goes on. */
static void settle_calls(struct sim *s)
{
    struct sim_thread *last = s->thread;
    for (size_t i = 0; i < s->program->thread_count; i++) {
        if (s->threads[i].call.series == NULL) continue;
        sched_look(s, &s->threads[i]);
        call_settle(s);
    }
    sched_look(s, last);
}

void sim_run(struct sim *s, const struct sim_inputs *inputs)
{
    run_threads(s, inputs);
    settle_calls(s);
    timeline_advance(&s->mm.syspte.timeline, sched_end(s).v);
    kernel_leaks(&s->kernel, s->from, &s->leaks);
    bool judged = s->reason == END_COMPLETED || s->reason == END_EXCEPTION ||
                  (s->reason == END_BUGCHECK && s->bugcheck_expected);
    if (judged && !s->error && !s->source_failed) run_checks(s);
}

bool sim_is_negative(const struct sim *s, bool strict)
{
    return s->finding_count > 0 || s->kernel.errors > s->expected_errors ||
           s->reason == END_EXCEPTION || (s->reason == END_BUGCHECK && !s->bugcheck_expected) ||
           (strict && s->leaks.count > 0);
}

bool sim_progress(const struct sim *s, uint64_t *done, uint64_t *total)
{
    const struct sim_thread *t = s->thread;
    if (t == NULL || t->loop_depth == 0 || t->loops[0].count == 0) return false;
    *done = t->loops[0].done;
    *total = t->loops[0].count;
    return true;
}
