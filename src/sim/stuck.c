/* Nobody goes on: who waits for whom, at which lines. */
#include "sim/stuck.h"

/* The first step of the thread itself, not of procedures that it calls, that signals the event;
 * NULL when there is none. */
static const struct step *signals(const struct sim *s, const struct sim_thread *t, uint32_t event)
{
    const struct step *step = &s->program->steps[t->plan->entry];
    for (; step->op != STEP_END; step++)
        if (step->op == STEP_SIGNAL && step->u.event.event == event) return step;
    return NULL;
}

static const struct step *wait_of(const struct sim *s, const struct sim_thread *t)
{
    return &s->program->steps[t->pc - 1];
}

static void report(struct sim *s, const struct sim_thread *t)
{
    const struct step *wait = wait_of(s, t);
    const char *const *names = s->program->event_names;
    uint32_t event = wait->u.event.event;
    for (size_t i = 0; i < s->program->thread_count; i++) {
        const struct sim_thread *other = &s->threads[i];
        if (other == t || other->state != THREAD_WAITS) continue;
        const struct step *signal = signals(s, other, event), *blocks = wait_of(s, other);
        if (signal == NULL) continue;
        diag_format(s->diags, wait->where, wait->path,
                    "nobody can end this wait: '%s' would signal '%s' at line %u, but waits for "
                    "'%s' at line %u",
                    other->plan->name, names[event], (uint64_t)signal->where.line,
                    names[blocks->u.event.event], (uint64_t)blocks->where.line);
        return;
    }
    diag_format(s->diags, wait->where, wait->path,
                "nobody can end this wait: every thread waits or is done, and none that waits "
                "signals '%s'", names[event]);
}

/* A processor waits for answers of others only while one of them waits for nobody: who waits serves
 * requests at any IRQL, so the last one to be asked runs on until it lowers its own. */
static void check(const struct sim *s)
{
    for (uint32_t i = 0; i < s->hw.cpu_count; i++)
        CHECK2(s->hw.cpus[i].waits_for == 0, i, s->hw.cpus[i].waits_for);
}

void stuck_report(struct sim *s)
{
    if (s->error || s->reason != END_COMPLETED) return;
    check(s);
    for (size_t i = 0; i < s->program->thread_count; i++) {
        const struct sim_thread *t = &s->threads[i];
        if (t->state == THREAD_DONE) continue;
        CHECK2(t->state == THREAD_WAITS, i, t->state);
        report(s, t);
        s->error = true;
        s->reason = END_ERROR;
    }
}
