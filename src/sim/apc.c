/* Kernel APCs: queued, delivered between two steps of their thread, and left again. */
#include "sim/apc.h"

#include "sim/sched.h"

struct apc {
    struct apc *next;
    const struct step *step; /* that queued it */
    const char *sender;      /* thread */
    cycles_t queued;
    struct value *args;
    /* what its thread was doing: */
    const struct step *unfinished;
    struct event_mark *open;
    struct replay *replay;
    struct event_pause pause;
    struct interrupted interrupted;
    uint32_t irql;
    bool user_mode, in_normal, in_special;
};

static const struct apc_step *plan_of(const struct apc *apc)
{
    return &apc->step->u.apc;
}

static const struct procedure *procedure_of(const struct sim *s, const struct apc *apc)
{
    return &s->program->procedures[plan_of(apc)->invoke.procedure];
}

static void apc_end(struct sim *s, struct apc *apc)
{
    mem_free(s->from, apc->args, procedure_of(s, apc)->parameter_count + 1u, sizeof *apc->args);
    mem_free(s->from, apc, 1, sizeof *apc);
}

/* ---- who may run ---- */

static uint32_t irql_of(const struct sim *s, const struct sim_thread *t)
{
    return t == s->thread ? s->mm.irql : t->kernel.irql;
}

/* Attached to another process: its APCs belong to its own ("KeStackAttachProcess"). */
static bool is_attached(const struct sim *s, const struct sim_thread *t)
{
    const struct process *p = t == s->thread ? s->mm.current : t->kernel.current;
    return (p != NULL ? p->id : 0) != t->process_id;
}

/* The queue whose first APC would run now; NULL: none may. */
static struct apc_queue *due(const struct sim *s, struct sim_thread *t)
{
    uint32_t irql = irql_of(s, t);
    if (is_attached(s, t)) return NULL;
    if (t->special_apcs.first != NULL && apc_may_run(&t->kernel, irql, true))
        return &t->special_apcs;
    if (t->normal_apcs.first != NULL && apc_may_run(&t->kernel, irql, false))
        return &t->normal_apcs;
    return NULL;
}

/* ---- queue_apc ---- */

static void put(struct apc_queue *q, struct apc *apc)
{
    if (q->last != NULL) q->last->next = apc;
    else q->first = apc;
    q->last = apc;
}

static struct apc *take(struct apc_queue *q)
{
    struct apc *apc = q->first;
    q->first = apc->next;
    if (q->first == NULL) q->last = NULL;
    return apc;
}

/* The thread is interrupted where it runs: at once on another processor, by a request to it. */
static void request(struct sim *s, struct sim_thread *t)
{
    struct cpu *target = &s->hw.cpus[t->plan->cpu];
    t->apc_interrupt = true;
    if (target == s->hw.cpu) return;
    enum cost cost = hw_ipi_cost(&s->hw, target);
    charge(&s->hw, COST_IPI, 1);
    charge(&s->hw, cost, 1);
}

static void insert(struct sim *s, struct sim_thread *t, struct apc *apc)
{
    memory_close_lines(&s->hw);
    charge(&s->hw, COST_LOCK, 1);
    put(plan_of(apc)->special ? &t->special_apcs : &t->normal_apcs, apc);
    t->apc_count++;
    if (sched_has(s, t)) request(s, t);
    else if (due(s, t) != NULL) sched_interrupt(s, t);
}

static struct apc *new_apc(struct sim *s, const struct step *step)
{
    const struct apc_step *plan = &step->u.apc;
    uint32_t count = s->program->procedures[plan->invoke.procedure].parameter_count;
    struct apc *apc = mem_new(s->from, 1, sizeof *apc);
    *apc = (struct apc){ .step = step, .sender = s->thread->plan->name,
                         .args = mem_new(s->from, count + 1u, sizeof *apc->args) };
    for (uint32_t i = 0; i < count; i++)
        if (!eval(s, plan->invoke.args[i], &apc->args[i])) {
            apc_end(s, apc);
            return NULL;
        }
    return apc;
}

static struct event apc_event(const struct sim *s, const struct apc *apc, const char *call,
                              const struct outcome *outcome)
{
    struct event e = { .call = call, .outcome = outcome };
    event_arg_text(&e, "procedure", procedure_of(s, apc)->name);
    event_arg_text(&e, "kind", plan_of(apc)->special ? "special" : "normal");
    return e;
}

void step_queue_apc(struct sim *s, const struct step *step, struct step_result *r)
{
    struct event_mark mark;
    struct sim_thread *t = &s->threads[step->u.apc.thread];
    struct apc *apc = new_apc(s, step);
    if (apc == NULL) return;
    bool taken = t->state != THREAD_DONE;
    event_begin(s, step, &mark);
    hw_enter(&s->hw, false);
    charge(&s->hw, COST_CALL, 1);
    s->apcs.queued += taken;
    s->apcs.refused += !taken;
    r->outcome.returns = value_bool(taken);
    r->has_value = true;
    struct event e = apc_event(s, apc, "queue_apc", &r->outcome);
    event_arg_text(&e, "thread", t->plan->name);
    e.has_returns = true;
    if (taken) insert(s, t, apc);
    else apc_end(s, apc);
    if (taken) apc->queued = hw_now(&s->hw);
    event_end(s, step, &mark, &e);
    step_finish(s, step, r, &mark);
}

/* ---- delivery ---- */

/* The interrupt where there was one, the lock of the queue, and the IRQL up and down again. */
static void charge_delivery(struct sim *s)
{
    hw_enter(&s->hw, false);
    memory_close_lines(&s->hw);
    if (s->thread->apc_interrupt) charge(&s->hw, COST_INTERRUPT, 1);
    charge(&s->hw, COST_LOCK, 1);
    charge(&s->hw, COST_IRQL, 2);
    s->thread->apc_interrupt = false;
}

static void count_delivery(struct sim *s, const struct apc *apc, uint64_t waited)
{
    struct apc_counts *c = &s->apcs;
    if (plan_of(apc)->special) c->special++;
    else c->normal++;
    c->waited += waited;
    if (waited > c->waited_most) c->waited_most = waited;
}

static void put_aside(struct sim *s, struct sim_thread *t, struct apc *apc)
{
    apc->unfinished = t->unfinished;
    apc->open = t->open;
    apc->replay = t->replay;
    apc->interrupted = t->interrupted;
    apc->irql = s->mm.irql;
    apc->user_mode = t->kernel.user_mode;
    apc->in_normal = t->kernel.in_normal_apc;
    apc->in_special = t->kernel.in_special_apc;
    t->unfinished = NULL;
    t->open = NULL;
    t->replay = NULL;
    t->interrupted = (struct interrupted){ .state = THREAD_RUNS };
    t->kernel.user_mode = false;
    if (apc->open != NULL) event_pause(s, &apc->pause, apc->open);
}

static void take_back(struct sim *s, struct sim_thread *t, const struct apc *apc)
{
    uint64_t own[COST_COUNT] = { 0 }; /* what an APC spends is its thread's */
    if (apc->open != NULL) event_resume(s, &apc->pause, own, apc->open);
    t->unfinished = apc->unfinished;
    t->open = apc->open;
    t->replay = apc->replay;
    t->interrupted = apc->interrupted;
    t->kernel.user_mode = apc->user_mode;
    t->kernel.in_normal_apc = apc->in_normal;
    t->kernel.in_special_apc = apc->in_special;
}

bool apc_deliver(struct sim *s)
{
    struct sim_thread *t = s->thread;
    struct apc_queue *q = t->apc_count > 0 ? due(s, t) : NULL;
    if (q == NULL) return false;
    struct outcome outcome = { .end = END_RETURNS };
    struct event_mark mark;
    struct apc *apc = q->first;
    uint64_t now = hw_now(&s->hw).v;
    uint64_t waited = now > apc->queued.v ? now - apc->queued.v : 0;
    if (!procedure_enter(s, apc->step, &plan_of(apc)->invoke, apc->args, apc)) return true;
    take(q);
    t->apc_count--;
    put_aside(s, t, apc);
    count_delivery(s, apc, waited);
    event_begin(s, apc->step, &mark);
    charge_delivery(s);
    struct event e = apc_event(s, apc, "apc", &outcome);
    event_arg_text(&e, "from", apc->sender);
    event_arg_number(&e, "waited", ARG_DECIMAL, waited);
    event_end(s, &(struct step){ .where = apc->step->where }, &mark, &e);
    if (plan_of(apc)->special) t->kernel.in_special_apc = true;
    else t->kernel.in_normal_apc = true;
    s->mm.irql = plan_of(apc)->special ? APC_LEVEL : PASSIVE_LEVEL;
    return true;
}

/* ---- the way back ---- */

/* To the wait or sleep that an APC interrupted; a signal that came meanwhile ends the wait. */
static void wait_on(struct sim *s, struct sim_thread *t)
{
    struct interrupted was = t->interrupted;
    t->interrupted = (struct interrupted){ .state = THREAD_RUNS };
    if (was.state == THREAD_SLEEPS && was.until.v > hw_now(&s->hw).v) sched_sleep(s, was.until);
    if (was.state == THREAD_WAITS) event_wait(s, &s->events[was.event]);
}

void apc_resume(struct sim *s)
{
    struct sim_thread *t = s->thread;
    if (t->apc_count > 0 && due(s, t) != NULL) return;
    wait_on(s, t);
    if (t->state == THREAD_RUNS && t->unfinished != NULL) waiting_over(s);
}

/* Bug Check 0xC8: (current << 16 | expected << 8 | n); that n is 0 for a kernel routine and 1 for a
 * normal routine is inferred. APCs have no addresses here. */
static void stop_at_level(struct sim *s, const struct apc *apc, uint32_t expected)
{
    struct step_result r = { 0 };
    struct event_mark mark;
    struct step end = { .where = apc->step->where, .path = apc->step->path };
    event_begin(s, &end, &mark);
    uint64_t levels = (uint64_t)s->mm.irql << 16 | expected << 8 | !plan_of(apc)->special;
    r.outcome = stops(&s->kernel, BC_IRQL_UNEXPECTED_VALUE, levels, 0, 0, 0);
    struct event e = apc_event(s, apc, "apc", &r.outcome);
    event_end(s, &end, &mark, &e);
    step_finish(s, &end, &r, &mark);
}

void apc_return(struct sim *s, struct apc *apc)
{
    struct sim_thread *t = s->thread;
    uint32_t expected = plan_of(apc)->special ? APC_LEVEL : PASSIVE_LEVEL;
    take_back(s, t, apc);
    if (s->mm.irql != expected) stop_at_level(s, apc, expected);
    else s->mm.irql = apc->irql;
    apc_end(s, apc);
    if (!sim_over(s)) apc_resume(s);
}

/* ---- the end ---- */

static void free_queue(struct sim *s, struct apc_queue *q)
{
    while (q->first != NULL) apc_end(s, take(q));
}

void apc_free(struct sim *s, struct sim_thread *t)
{
    free_queue(s, &t->special_apcs);
    free_queue(s, &t->normal_apcs);
    while (t->call_depth > 0) {
        struct apc *apc = t->calls[--t->call_depth].apc;
        if (apc == NULL) continue;
        replay_free(s, t);
        t->replay = apc->replay;
        apc_end(s, apc);
    }
}
