/* The scheduler: which thread goes on, on which processor, in simulated time.
 *
 * The processor with the smallest time goes next, of equal times the one with the smallest number.
 * Its time is its clock, or, where its thread sleeps, the moment at which the first of its threads
 * may go on. It runs until its clock has passed the time of the next processor; steps are not cut
 * in two, but for those that say so (sched_must_yield). A thread stays on its processor. Threads of
 * one processor change where one sleeps, waits or ends, the one that could go on first is next. */
#pragma once

#include "base/heap.h"
#include "sim/internal.h"

/* Lowest level at which an IRQL keeps interrupts of other processors waiting; with 32 bits it is
 * higher. */
enum { IPI_LEVEL_64 = 14 };

struct sched_cpu {
    struct heap ready;          /* threads that could run but for the one that does, by time */
    struct sim_thread *running; /* NULL: it idles */
    struct sim_thread *last;    /* whose registers it still has */
};

struct sched {
    struct heap cpus; /* those with something to do, by the time of it */
    uint32_t *cpu_places, *thread_places;
    struct sched_cpu *cpu; /* by number */
    uint64_t limit;        /* the processor that runs now runs while its clock is below */
};

/* All threads of the program are ready at time 0; the first of each processor is loaded there. */
void sched_init(struct sim *s);
void sched_free(struct sim *s);

/* Makes s->thread the thread that goes on now, and s->hw.cpu its processor. False: every thread
 * waits or is done. A switch between threads is an event, and charged. */
bool sched_next(struct sim *s);
/* The thread that ran stops here: it is asleep, waits, is done, or its processor is no longer the
 * one with the smallest time. */
void sched_leave(struct sim *s);

/* Whether a step that can be cut in two should stop here: another processor is due, or one has not
 * answered yet. */
static inline bool sched_must_yield(const struct sim *s)
{
    return s->hw.cpu->clock.v >= s->sched->limit || s->hw.cpu->waits_for != 0;
}
/* The running thread's IRQL may have changed: whether interrupts reach its processor follows. */
void sched_irql_changed(struct sim *s);
/* Locks are given anew (model/hold.h), and processors come up when they go on then. */
void sched_settle(struct sim *s);
static inline void sched_irql(struct sim *s)
{
    if (s->mm.irql >= IPI_LEVEL_64 || s->hw.cpu->is_masked) sched_irql_changed(s);
}

/* The running thread goes on at `until` at the earliest. */
void sched_sleep(struct sim *s, cycles_t until);
/* It goes on when another one wakes it. */
void sched_block(struct sim *s);
/* Whether the thread is the one on its processor, which neither sleeps nor waits. */
bool sched_has(const struct sim *s, const struct sim_thread *t);
/* A thread that waits or sleeps goes on from now on, for an APC. */
void sched_interrupt(struct sim *s, struct sim_thread *t);
/* A blocked thread may go on from now on. */
void sched_wake(struct sim *s, struct sim_thread *t);
/* Every processor's clock goes on to the end of the run, which is returned: they idle. */
cycles_t sched_end(struct sim *s);
/* s->thread and s->hw.cpu become those of `t`, for what is asked after the run. */
void sched_look(struct sim *s, struct sim_thread *t);
