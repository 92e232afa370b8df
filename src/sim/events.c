/* Events: what a step changed, measured between its begin and its end. */
#include "sim/internal.h"

#include <string.h>

static struct event_delta counters(const struct sim *s)
{
    const struct frames *f = &s->mm.frames;
    const struct pools *p = &s->mm.pools;
    return (struct event_delta){
        .free_system_ptes = (int64_t)(s->mm.syspte.total - s->mm.syspte.in_use.now),
        .free_pages = (int64_t)(f->now[FRAME_ZEROED].now + f->now[FRAME_FREE].now),
        .locked_pages = (int64_t)f->locked.now,
        .page_table_pages = (int64_t)f->now[FRAME_TABLE].now,
        .pool_bytes = (int64_t)(p->pool[POOL_NONPAGED].bytes.now + p->pool[POOL_PAGED].bytes.now),
    };
}

void event_begin(struct sim *s, const struct step *step, struct event_mark *mark)
{
    s->kernel.seq = s->seq;
    s->kernel.line = step->place;
    s->hw.doing = (struct doing){ s->seq, s->kernel.line, NULL };
    s->kernel.changed_mdl = 0;
    s->kernel.changed_pfns = false;
    mark->start = hw_now(&s->hw);
    mark->irql = s->mm.irql;
    mark->violations = s->kernel.violation_count;
    mark->earlier_costs = 0;
    costs_settle(s->hw.cpu);
    if (s->sink != NULL) mark->before = counters(s);
}

/* What the processor has spent since it settled its costs, and the earlier parts of the event. */
static void costs_of(const struct cpu *cpu, const struct event_mark *mark,
                     struct event_cost out[COST_COUNT], struct event *e)
{
    e->costs = out;
    for (uint64_t rest = cpu->charged | mark->earlier_costs; rest != 0; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        uint64_t cycles = cpu->spent[i] - cpu->settled[i];
        if (mark->earlier_costs >> i & 1) cycles += mark->earlier[i];
        if (cycles == 0) continue;
        out[e->cost_count++] = (struct event_cost){ i, cycles };
        e->cycles += cycles;
    }
}

void event_end(struct sim *s, const struct step *step, const struct event_mark *mark,
               struct event *e)
{
    s->seq++;
    if (s->sink == NULL) return;
    struct event_cost costs[COST_COUNT];
    costs_of(s->hw.cpu, mark, costs, e);
    struct event_delta after = counters(s);
    e->delta = (struct event_delta){
        after.free_system_ptes - mark->before.free_system_ptes,
        after.free_pages - mark->before.free_pages,
        after.locked_pages - mark->before.locked_pages,
        after.page_table_pages - mark->before.page_table_pages,
        after.pool_bytes - mark->before.pool_bytes,
    };
    e->seq = s->seq - 1;
    e->t = mark->start;
    e->cpu = s->hw.cpu->number;
    e->thread = s->thread->plan->name;
    e->irql = mark->irql;
    e->where = step->where;
    e->note = step->note;
    e->mdl = mdl_at(&s->mm, s->kernel.changed_mdl);
    e->pfns = s->kernel.changed_pfns;
    s->sink->event(s->sink->context, e);
}

/* Adds what the event has cost since it went on to its earlier parts. */
static void costs_keep(const struct cpu *cpu, struct event_mark *mark)
{
    for (uint64_t rest = cpu->charged; rest != 0; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        if ((mark->earlier_costs >> i & 1) == 0) mark->earlier[i] = 0;
        mark->earlier[i] += cpu->spent[i] - cpu->settled[i];
    }
    mark->earlier_costs |= cpu->charged;
}

void event_pause(struct sim *s, struct event_pause *pause, struct event_mark *mark)
{
    memcpy(pause->spent, s->hw.cpu->spent, sizeof pause->spent);
    if (mark != NULL) costs_keep(s->hw.cpu, mark);
    if (s->sink != NULL) pause->counters = counters(s);
}

void event_resume(struct sim *s, const struct event_pause *pause, uint64_t *foreign,
                  struct event_mark *mark)
{
    for (unsigned i = 0; i < COST_COUNT; i++) foreign[i] += s->hw.cpu->spent[i] - pause->spent[i];
    costs_settle(s->hw.cpu);
    if (mark == NULL || s->sink == NULL) return;
    struct event_delta now = counters(s), *before = &mark->before;
    before->free_system_ptes += now.free_system_ptes - pause->counters.free_system_ptes;
    before->free_pages += now.free_pages - pause->counters.free_pages;
    before->locked_pages += now.locked_pages - pause->counters.locked_pages;
    before->page_table_pages += now.page_table_pages - pause->counters.page_table_pages;
    before->pool_bytes += now.pool_bytes - pause->counters.pool_bytes;
}

static struct event_arg *next_arg(struct event *e, const char *key, enum event_arg_type type)
{
    CHECK(e->list_count < EVENT_ARGS_MAX);
    struct event_arg *arg = &e->list[e->list_count++];
    *arg = (struct event_arg){ .key = key, .type = (uint8_t)type };
    return arg;
}

void event_arg_number(struct event *e, const char *key, enum event_arg_type type, uint64_t number)
{
    next_arg(e, key, type)->number = number;
}

void event_arg_text(struct event *e, const char *key, const char *text)
{
    next_arg(e, key, ARG_TEXT)->text = text;
}

void event_arg_value(struct event *e, const char *key, struct value v)
{
    next_arg(e, key, ARG_VALUE)->value = v;
}

void event_arg_names(struct event *e, const char *key, enum event_arg_type type,
                     const struct names *names, uint64_t number)
{
    struct event_arg *arg = next_arg(e, key, type);
    arg->number = number;
    arg->names = names;
}
