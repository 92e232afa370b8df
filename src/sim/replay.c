/* Replay of a real program's memory accesses through a thread: which records are passed over, which
 * warm the machine up, which are measured, and in which phases. Pages are demand-zero at first
 * touch. */
#include "sim/replay.h"
#include "sim/sched.h"

#include <string.h>

/* Records at a time where other processors are to have their turn. */
enum { SIDE_BY_SIDE = 16 };
/* Records that are skipped before somebody asks whether to stop. */
enum { SKIP_MOST = 1 << 24 };

/* ---- the plan ---- */

static bool number_or(struct sim *s, expr_t e, uint64_t fallback, uint64_t *out)
{
    *out = fallback;
    return e == 0 || eval_number(s, e, out);
}

static bool numbers_of(struct sim *s, const struct replay_step *plan, struct replay *r)
{
    if (!number_or(s, plan->skip, 0, &r->skip) || !number_or(s, plan->warm_up, 0, &r->warm_up) ||
        !number_or(s, plan->limit, UINT64_MAX, &r->limit) ||
        !number_or(s, plan->address_base, 0, &r->place.base))
        return false;
    for (uint32_t i = 0; i < plan->phase_count; i++)
        if (!number_or(s, plan->phases[i].count, UINT64_MAX, &r->counts[i])) return false;
    return true;
}

static void place_in_buffer(const struct sim *s, const struct replay_step *plan, struct replay *r)
{
    const struct buffer_plan *buffer = &s->program->buffers[plan->buffer];
    r->place.in_buffer = true;
    r->place.wraps = plan->address_base == 0;
    r->place.start = s->shared[buffer->slot].v;
    r->place.bytes = span_pages(0, buffer->size_bytes) * PAGE_BYTES;
}

static struct process *target_of(struct sim *s, const struct step *step)
{
    const struct replay_step *plan = step->u.replay;
    struct process *target = s->mm.current;
    if (plan->process >= 0) target = process_at(&s->mm, (uint32_t)plan->process + 1);
    if (target == NULL)
        sim_error(s, step->where, step->path,
                  "a replay needs a process: System has no user memory");
    return target;
}

/* ---- the parts ---- */

/* Of the trace so far. */
static uint64_t bad_records(const struct replay *r)
{
    return r->source->notes != NULL ? r->source->notes->skipped : 0;
}

static bool goes_on(struct sim *s, const struct replay *r)
{
    if (s->interrupted != NULL && s->interrupted(s->interrupt_context)) s->reason = END_INTERRUPTED;
    return s->reason != END_INTERRUPTED && !r->ended && r->touch.end == TOUCH_OK;
}

static void skip_records(struct sim *s, struct replay *r)
{
    while (r->skipped < r->skip && goes_on(s, r)) {
        uint64_t left = r->skip - r->skipped;
        r->skipped += replay_skip(s, r, left < SKIP_MOST ? left : SKIP_MOST);
    }
}

static void warm_up_records(struct sim *s, struct replay *r)
{
    struct replay_part part = { 0 };
    if (r->warm_up == 0) return;
    struct warm_up *w = warm_up_begin(s);
    while (r->warmed_up < r->warm_up && goes_on(s, r))
        r->warmed_up += replay_records(s, r, r->warm_up - r->warmed_up, &part);
    warm_up_end(s, w);
    if (r->curves != NULL) curves_restart(r->curves);
}

static void add_part(struct replay_part *into, const struct replay_part *from)
{
    struct access_totals *to = &into->accesses;
    to->count += from->accesses.count;
    to->bytes += from->accesses.bytes;
    to->tlb_hits += from->accesses.tlb_hits;
    to->walks += from->accesses.walks;
    to->faults += from->accesses.faults;
    into->records += from->records;
    into->bad += from->bad;
    into->cycles += from->cycles;
}

/* One batch of what is measured; false when that was all. */
static bool measure_records(struct sim *s, struct replay *r)
{
    uint32_t phase_count = r->plan->phase_count;
    uint64_t most = r->limit - r->whole.records;
    while (r->phase < phase_count && r->phases[r->phase].records == r->counts[r->phase]) r->phase++;
    if (phase_count > 0 && r->phase == phase_count) return false;
    if (phase_count > 0 && r->counts[r->phase] - r->phases[r->phase].records < most)
        most = r->counts[r->phase] - r->phases[r->phase].records;
    if (s->sched->limit != UINT64_MAX && most > SIDE_BY_SIDE) most = SIDE_BY_SIDE;
    if (most == 0 || !goes_on(s, r)) return false;
    struct replay_part part = { 0 };
    uint64_t bad_before = bad_records(r);
    replay_records(s, r, most, &part);
    part.bad = bad_records(r) - bad_before;
    add_part(&r->whole, &part);
    if (phase_count > 0) add_part(&r->phases[r->phase], &part);
    return true;
}

/* Into the statistics of the run. */
static void count_parts(struct sim *s, const struct replay *r)
{
    struct replay_part all = { .accesses = s->by_replay };
    add_part(&all, &r->whole);
    s->by_replay = all.accesses;
    s->bad_by_replay += bad_records(r) - r->bad_before;
    for (uint32_t i = 0; i < r->plan->phase_count; i++)
        add_part(&s->by_phase[r->plan->phases[i].number], &r->phases[i]);
}

/* For the statistics at the end. */
static void keep_curves(struct sim *s, struct replay *r)
{
    struct curves **kept = &s->curves[r->plan->source];
    if (r->curves == NULL) return;
    if (*kept != NULL) curves_free(*kept);
    *kept = r->curves;
    r->curves = NULL;
}

void replay_results_free(struct sim *s)
{
    for (size_t i = 0; i < s->program->replay_count; i++)
        if (s->curves[i] != NULL) curves_free(s->curves[i]);
    replay_rests_free(s);
}

/* ---- the step ---- */

/* A trace names no absolute path of the host. */
static const char *shown_file(const char *file)
{
    return file[0] == '/' ? strrchr(file, '/') + 1 : file;
}

static const char *shown_pages(const struct backing *b)
{
    if (b->level == LEVEL_PT) return NULL; /* the default */
    return b->small_code ? "thp" : b->level == LEVEL_PD ? "2 MiB" : "1 GiB";
}

/* What the scenario gave, and how many records there were. */
static void replay_args(const struct sim *s, const struct replay *r, struct event *e)
{
    const struct replay_step *plan = r->plan;
    event_arg_text(e, "file", shown_file(plan->file));
    if (r->source->notes != NULL) event_arg_text(e, "format", r->source->notes->format);
    if (plan->process >= 0)
        event_arg_text(e, "process", s->program->processes[plan->process].name);
    if (r->place.in_buffer)
        event_arg_text(e, "buffer", s->program->buffers[plan->buffer].name);
    if (plan->address_base != 0) event_arg_number(e, "address_base", ARG_HEX, r->place.base);
    if (shown_pages(&plan->backing) != NULL)
        event_arg_text(e, "pages", shown_pages(&plan->backing));
    if (plan->only != REPLAY_EVERYTHING)
        event_arg_text(e, "only", plan->only == REPLAY_DATA ? "data" : "instruction");
    if (plan->limit != 0) event_arg_number(e, "limit", ARG_DECIMAL, r->limit);
    if (plan->skip != 0) event_arg_number(e, "skipped", ARG_DECIMAL, r->skipped);
    if (plan->warm_up != 0) event_arg_number(e, "warmed_up", ARG_DECIMAL, r->warmed_up);
    if (plan->skip_bad) event_arg_number(e, "bad", ARG_DECIMAL, bad_records(r) - r->bad_before);
    event_arg_number(e, "records", ARG_DECIMAL, r->whole.records);
}

static void replay_event(struct sim *s, const struct step *step, const struct replay *r,
                         struct step_result *result)
{
    const struct replay_step *plan = r->plan;
    struct event e = { .call = "replay",
                       .outcome = &result->outcome,
                       .accesses = r->whole.accesses,
                       .has_accesses = true,
                       .phases = r->phases,
                       .phase_plans = plan->phases,
                       .phase_count = plan->phase_count };
    replay_args(s, r, &e);
    if (r->curves != NULL) curves_finish(r->curves);
    e.curves = r->curves;
    event_end(s, step, &r->mark, &e);
}

static struct replay *replay_new(struct sim *s, const struct replay_step *plan)
{
    size_t rows = plan->phase_count + 1u;
    struct replay *r = mem_new(s->from, 1, sizeof *r);
    *r = (struct replay){ .plan = plan,
                          .source = &s->sources[plan->source],
                          .counts = mem_new(s->from, rows, sizeof(uint64_t)),
                          .phases = mem_new(s->from, rows, sizeof(struct replay_part)),
                          .curves = plan->curves != NULL ? curves_new(s->from, plan->curves) : NULL,
                          .touch = { .end = TOUCH_OK },
                          .fast = !s->no_fast_paths && !plan->data_caches };
    return r;
}

void replay_free(struct sim *s, struct sim_thread *t)
{
    struct replay *r = t->replay;
    if (r == NULL) return;
    size_t rows = r->plan->phase_count + 1u;
    if (r->curves != NULL) curves_free(r->curves);
    replay_space_free(s, r);
    mem_free(s->from, r->counts, rows, sizeof(uint64_t));
    mem_free(s->from, r->phases, rows, sizeof(struct replay_part));
    mem_free(s->from, r, 1, sizeof *r);
    t->replay = NULL;
    t->open = NULL;
}

static bool replay_begin(struct sim *s, const struct step *step)
{
    struct replay *r = replay_new(s, step->u.replay);
    struct process *target = target_of(s, step);
    s->thread->replay = r;
    r->bad_before = bad_records(r);
    if (target == NULL || !numbers_of(s, r->plan, r)) return false;
    if (r->plan->buffer >= 0) place_in_buffer(s, r->plan, r);
    r->own = s->mm.current;
    s->thread->open = &r->mark;
    event_begin(s, step, &r->mark);
    if (target != r->own) mm_switch(&s->mm, target);
    skip_records(s, r);
    warm_up_records(s, r);
    return true;
}

/* What others broke meanwhile is not this step's. */
static void replay_resume(struct sim *s, const struct step *step, struct replay *r)
{
    s->kernel.seq = s->seq;
    s->kernel.line = step->place;
    if (r->clean) r->mark.violations = s->kernel.violation_count;
}

/* The buffer of the current process that the last access ran into, by an address of the program's
 * own; NULL: none. */
static const char *buffer_hit(struct sim *s, const struct replay *r)
{
    const struct program *p = s->program;
    if (r->touch.end != TOUCH_RAISES || r->place.in_buffer) return NULL;
    for (uint32_t i = 0; i < p->process_count; i++) {
        const struct process_plan *plan = &p->processes[i];
        if (process_at(&s->mm, i + 1) != s->mm.current) continue;
        for (uint32_t n = 0; n < plan->buffer_count; n++) {
            const struct buffer_plan *buffer = &p->buffers[plan->first_buffer + n];
            uint64_t start = s->shared[buffer->slot].v;
            if (r->touch.exception.at.v - start < buffer->size_bytes) return buffer->name;
        }
    }
    return NULL;
}

static void replay_end(struct sim *s, const struct step *step, struct replay *r,
                       struct step_result *result)
{
    result->hit_buffer = buffer_hit(s, r);
    if (s->mm.current != r->own) mm_switch(&s->mm, r->own);
    result->outcome = outcome_of_touch(&r->touch);
    result->record = r->skipped + r->warmed_up + r->whole.records;
    count_parts(s, r);
    replay_event(s, step, r, result);
    keep_curves(s, r);
    step_finish(s, step, result, &r->mark);
}

void step_replay(struct sim *s, const struct step *step, struct step_result *result)
{
    struct sim_thread *t = s->thread;
    bool goes = true;
    if (t->replay != NULL) replay_resume(s, step, t->replay);
    else goes = replay_begin(s, step);
    struct replay *r = t->replay;
    while (goes && !sched_must_yield(s) && measure_records(s, r)) continue;
    if (goes && sched_must_yield(s)) {
        r->clean = s->kernel.violation_count == r->mark.violations;
        t->pc--; /* this step again, when it is this processor's turn */
        return;
    }
    if (goes) replay_end(s, step, r, result);
    replay_free(s, t);
}
