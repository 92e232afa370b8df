/* The scheduler: which thread goes on, on which processor, in simulated time. */
#include "sim/sched.h"

enum { IPI_LEVEL_32 = 29 };

static struct sched_cpu *own_cpu(struct sim *s)
{
    return &s->sched->cpu[s->hw.cpu->number];
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* When the processor has something to do; false when it has nothing. */
static bool cpu_time(const struct sim *s, uint32_t number, uint64_t *out)
{
    const struct sched_cpu *c = &s->sched->cpu[number];
    uint64_t clock = s->hw.cpus[number].clock.v + s->hw.cpus[number].holds.late;
    if (s->hw.cpus[number].waits_for != 0) return false;
    if (c->running != NULL) {
        *out = later(clock, c->running->ready.v);
    } else if (c->ready.count > 0) {
        *out = later(clock, c->ready.items[0].key);
    } else {
        return false;
    }
    return true;
}

static void place_cpu(struct sim *s, uint32_t number)
{
    uint64_t time;
    if (cpu_time(s, number, &time)) {
        heap_put(&s->sched->cpus, number, time);
    } else {
        heap_remove(&s->sched->cpus, number);
    }
}

/* The first processor runs until the second would go first. */
static void set_limit(struct sim *s)
{
    const struct heap_item *second = heap_second(&s->sched->cpus);
    s->sched->limit = UINT64_MAX;
    if (second != NULL) s->sched->limit = second->key + (s->hw.cpu->number < second->id);
}

/* Whether an IRQL keeps interrupts of other processors waiting. */
static bool masks(const struct sim *s, uint32_t irql)
{
    return irql >= (s->mm.config->is_64_bit ? IPI_LEVEL_64 : IPI_LEVEL_32);
}

/* The running processor has this IRQL from now on. Where that lets interrupts in, processors that
 * waited for its answer may go on. */
static void set_irql(struct sim *s, uint32_t irql)
{
    struct cpu *cpu = s->hw.cpu;
    bool masked = masks(s, irql), owes = cpu->owed_count != 0;
    if (masked == cpu->is_masked) return;
    hw_mask(&s->hw, cpu, masked);
    if (masked || !owes) return;
    for (uint32_t i = 0; i < s->hw.cpu_count; i++)
        if (i != cpu->number) place_cpu(s, i);
    set_limit(s);
}

void sched_irql_changed(struct sim *s)
{
    set_irql(s, s->mm.irql);
}

void sched_settle(struct sim *s)
{
    hold_settle(&s->hw);
    for (uint32_t i = 0; i < s->hw.cpu_count; i++) {
        struct cpu *cpu = &s->hw.cpus[i];
        if (cpu->holds.moved && cpu != s->hw.cpu) place_cpu(s, i);
        cpu->holds.moved = false;
    }
    set_limit(s);
}

/* ---- set-up and end ---- */

void sched_init(struct sim *s)
{
    uint32_t cpus = s->hw.cpu_count;
    size_t threads = s->program->thread_count;
    struct sched *d = arena_new(&s->arena, 1, sizeof *d);
    s->sched = d;
    d->cpu = arena_new(&s->arena, cpus, sizeof *d->cpu);
    d->cpu_places = arena_new(&s->arena, cpus, sizeof *d->cpu_places);
    d->thread_places = arena_new(&s->arena, threads, sizeof *d->thread_places);
    heap_init(&d->cpus, s->from, d->cpu_places);
    for (uint32_t i = 0; i < cpus; i++) heap_init(&d->cpu[i].ready, s->from, d->thread_places);
    for (size_t i = 0; i < threads; i++) {
        struct sim_thread *t = &s->threads[i];
        struct sched_cpu *c = &d->cpu[t->plan->cpu];
        if (c->last == NULL) c->last = c->running = t;
        else heap_put(&c->ready, (uint32_t)i, 0);
    }
    for (uint32_t i = 0; i < cpus; i++) {
        if (d->cpu[i].last == NULL) continue;
        heap_put(&d->cpus, i, 0);
        s->hw.cpu = &s->hw.cpus[i];
        s->hw.cpu->irql = d->cpu[i].last->kernel.irql;
        s->hw.cpu->is_masked = masks(s, s->hw.cpu->irql);
        mm_switch(&s->mm, d->cpu[i].last->kernel.current);
    }
    s->thread = &s->threads[0];
    s->hw.cpu = &s->hw.cpus[s->thread->plan->cpu];
    s->mm.current = s->thread->kernel.current;
}

void sched_free(struct sim *s)
{
    if (s->sched == NULL) return;
    heap_free(&s->sched->cpus);
    for (uint32_t i = 0; i < s->hw.cpu_count; i++) heap_free(&s->sched->cpu[i].ready);
}

cycles_t sched_end(struct sim *s)
{
    struct cpu *own = s->hw.cpu;
    cycles_t end = cycles(0);
    for (uint32_t i = 0; i < s->hw.cpu_count; i++)
        if (s->hw.cpus[i].clock.v > end.v) end = s->hw.cpus[i].clock;
    for (uint32_t i = 0; i < s->hw.cpu_count; i++) {
        s->hw.cpu = &s->hw.cpus[i];
        hw_idle(&s->hw, end);
    }
    s->hw.cpu = own;
    return end;
}

/* ---- from one thread to another ---- */

/* What the processor spends until it comes back to the thread is not the thread's. */
static void pause(struct sim *s)
{
    if (s->thread->span_depth > 0 || s->thread->open != NULL)
        event_pause(s, &s->thread->pause, s->thread->open);
}

static void resume(struct sim *s)
{
    if (s->thread->span_depth > 0 || s->thread->open != NULL)
        event_resume(s, &s->thread->pause, s->thread->foreign, s->thread->open);
}

static void enter(struct sim *s, struct sim_thread *t)
{
    s->hw.cpu->irql = s->mm.irql;
    kernel_run_thread(&s->kernel, &t->kernel);
    s->thread = t;
    s->hw.cpu = &s->hw.cpus[t->plan->cpu];
}

void sched_look(struct sim *s, struct sim_thread *t)
{
    if (t != s->thread) enter(s, t);
}

/* The scheduler's work; CR3 is loaded where the address space is another one. */
static void switch_threads(struct sim *s, struct sched_cpu *c)
{
    struct event_mark mark;
    struct outcome outcome = { .end = END_RETURNS };
    const struct step next = { .where = s->program->steps[s->thread->pc].where };
    const struct process *p = s->mm.current;
    event_begin(s, &next, &mark);
    hw_enter(&s->hw, false);
    memory_close_lines(&s->hw);
    charge(&s->hw, COST_CONTEXT_SWITCH, 1);
    if (s->hw.cpu->map != (p != NULL ? &p->map : &s->hw.system)) mm_switch(&s->mm, s->mm.current);
    struct event e = { .call = "switch", .outcome = &outcome };
    event_arg_text(&e, "from", c->last->plan->name);
    event_end(s, &next, &mark, &e);
    c->last = s->thread;
}

/* The first processor turns to its thread, or to the next one of its threads. False: to be looked
 * at again, since that took time. */
static bool turn(struct sim *s, uint32_t number)
{
    struct sched_cpu *c = &s->sched->cpu[number];
    if (c->running == NULL) c->running = &s->threads[heap_take(&c->ready)];
    struct sim_thread *t = c->running;
    bool other = t != s->thread;
    if (other) {
        pause(s);
        enter(s, t);
    }
    call_settle(s);
    bool true_waits = s->hw.price[COST_LOCK_WAIT] == 1; /* else clocks and locks do not agree */
    CHECK2(s->hw.cpu->holds.late == 0 || !true_waits, number, s->hw.cpu->holds.late);
    hw_idle(&s->hw, t->ready);
    bool switches = c->last != t;
    if (switches) switch_threads(s, c);
    set_irql(s, s->mm.irql);
    if (other) resume(s);
    return !switches;
}

bool sched_next(struct sim *s)
{
    struct heap *cpus = &s->sched->cpus;
    while (cpus->count > 0) {
        uint64_t time;
        struct heap_item first = cpus->items[0];
        bool busy = cpu_time(s, first.id, &time);
        CHECK(busy);
        if (time == first.key && turn(s, first.id)) {
            set_limit(s);
            return true;
        }
        place_cpu(s, first.id);
    }
    return false;
}

void sched_leave(struct sim *s)
{
    struct sched_cpu *c = own_cpu(s);
    struct sim_thread *t = s->thread;
    bool sleeps = t->state == THREAD_SLEEPS;
    bool keeps = t->state == THREAD_RUNS || (sleeps && s->mm.irql >= DISPATCH_LEVEL);
    if (!keeps) {
        c->running = NULL;
        set_irql(s, PASSIVE_LEVEL);
    }
    if (sleeps && !keeps) heap_put(&c->ready, (uint32_t)(t - s->threads), t->ready.v);
    if (sleeps) t->state = THREAD_RUNS;
    place_cpu(s, s->hw.cpu->number);
}

/* ---- what a thread asks for ---- */

void sched_sleep(struct sim *s, cycles_t until)
{
    s->thread->ready = until;
    s->thread->state = THREAD_SLEEPS;
}

void sched_block(struct sim *s)
{
    s->thread->state = THREAD_WAITS;
}

bool sched_has(const struct sim *s, const struct sim_thread *t)
{
    return s->sched->cpu[t->plan->cpu].running == t;
}

void sched_interrupt(struct sim *s, struct sim_thread *t)
{
    struct interrupted *was = &t->interrupted;
    if (was->state != THREAD_RUNS) return;
    if (t->state == THREAD_WAITS) {
        *was = (struct interrupted){ .state = THREAD_WAITS, .event = t->waits_for };
        event_leave(&s->events[t->waits_for], t);
    } else if (t->ready.v > hw_now(&s->hw).v) {
        *was = (struct interrupted){ .state = THREAD_SLEEPS, .until = t->ready };
    } else {
        return;
    }
    sched_wake(s, t);
}

void sched_wake(struct sim *s, struct sim_thread *t)
{
    uint32_t number = t->plan->cpu;
    t->state = THREAD_RUNS;
    t->ready = hw_now(&s->hw);
    heap_put(&s->sched->cpu[number].ready, (uint32_t)(t - s->threads), t->ready.v);
    if (number == s->hw.cpu->number) return;
    place_cpu(s, number);
    set_limit(s);
}
