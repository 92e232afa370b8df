/* Steps that give the processor away: delay, wait and signal. */
#include "sim/sched.h"

/* ---- what a thread that slept or waited still has to do ---- */

/* `expect` is judged when the step is over. What it broke, it broke at its start: then it is judged
 * there, since by its end others may have broken rules. */
static void finish_later(struct sim *s, const struct step *step, const struct step_result *r,
                         const struct event_mark *mark)
{
    if (step->expect == NULL || s->kernel.violation_count > mark->violations ||
        r->outcome.end != END_RETURNS)
        step_finish(s, step, r, mark);
    else
        s->thread->unfinished = step;
}

void waiting_over(struct sim *s)
{
    const struct step *step = s->thread->unfinished;
    struct step_result r = { 0 };
    struct event_mark mark = { .violations = s->kernel.violation_count };
    s->thread->unfinished = NULL;
    step_finish(s, step, &r, &mark);
}

/* ---- events of threads ---- */

static void queue(struct sim *s, struct sim_event *event)
{
    struct sim_thread *t = s->thread;
    t->next_waiter = NULL;
    t->waits_for = (uint32_t)(event - s->events);
    if (event->last != NULL) event->last->next_waiter = t;
    else event->first = t;
    event->last = t;
}

void event_leave(struct sim_event *event, struct sim_thread *t)
{
    struct sim_thread **at = &event->first, *before = NULL;
    while (*at != t) {
        before = *at;
        at = &before->next_waiter;
    }
    *at = t->next_waiter;
    if (event->last == t) event->last = before;
}

void event_wait(struct sim *s, struct sim_event *event)
{
    if (event->count > 0) {
        event->count--;
        return;
    }
    queue(s, event);
    sched_block(s);
}

/* Each signal is taken by the thread that has waited longest. */
static void give(struct sim *s, struct sim_event *event, uint64_t count)
{
    for (; count > 0 && event->first != NULL; count--) {
        struct sim_thread *t = event->first;
        event->first = t->next_waiter;
        if (event->first == NULL) event->last = NULL;
        sched_wake(s, t);
    }
    event->count += count;
}

/* ---- the steps ---- */

static struct event begin(struct sim *s, const struct step *step, const char *name,
                          const struct step_result *r, struct event_mark *mark)
{
    event_begin(s, step, mark);
    return (struct event){ .call = name, .outcome = &r->outcome };
}

static void step_delay(struct sim *s, const struct step *step, struct step_result *r)
{
    struct event_mark mark;
    uint64_t length, until;
    if (!eval_number(s, step->u.event.count, &length)) return;
    if (!add_fits(hw_now(&s->hw).v, length, &until)) {
        sim_error(s, step->where, step->path, "the delay ends after the end of time, 2^64 cycles");
        return;
    }
    struct event e = begin(s, step, "delay", r, &mark);
    check_may_wait(&s->kernel);
    event_arg_number(&e, "cycles", ARG_DECIMAL, length);
    event_end(s, step, &mark, &e);
    finish_later(s, step, r, &mark);
    sched_sleep(s, cycles(until));
}

static void step_wait(struct sim *s, const struct step *step, struct step_result *r)
{
    struct event_mark mark;
    struct sim_event *event = &s->events[step->u.event.event];
    bool blocks = event->count == 0;
    struct event e = begin(s, step, "wait", r, &mark);
    bool stops = wait_ends(&s->kernel, blocks);
    if (stops) r->outcome = s->kernel.outcome;
    event_arg_text(&e, "event", s->program->event_names[step->u.event.event]);
    event_end(s, step, &mark, &e);
    if (stops || !blocks) {
        if (!stops) event_wait(s, event);
        step_finish(s, step, r, &mark);
        return;
    }
    finish_later(s, step, r, &mark);
    event_wait(s, event);
}

static void step_signal(struct sim *s, const struct step *step, struct step_result *r)
{
    struct event_mark mark;
    struct sim_event *event = &s->events[step->u.event.event];
    uint64_t count = 1, sum;
    if (step->u.event.count != 0 && !eval_number(s, step->u.event.count, &count)) return;
    if (!add_fits(event->count, count, &sum)) {
        sim_error(s, step->where, step->path, "an event has at most 2^64 - 1 signals");
        return;
    }
    struct event e = begin(s, step, "signal", r, &mark);
    event_arg_text(&e, "event", s->program->event_names[step->u.event.event]);
    event_arg_number(&e, "count", ARG_DECIMAL, count);
    give(s, event, count);
    event_end(s, step, &mark, &e);
    step_finish(s, step, r, &mark);
}

void step_event(struct sim *s, const struct step *step, struct step_result *r)
{
    if (step->op == STEP_DELAY)
        step_delay(s, step, r);
    else if (step->op == STEP_WAIT)
        step_wait(s, step, r);
    else
        step_signal(s, step, r);
}
