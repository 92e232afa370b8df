/* Replay of a real program's memory accesses through a thread. Pages are demand-zero at first
 * touch. */
#include "sim/internal.h"

#include <string.h>

enum { BATCH = 1024 };

struct replay_state {
    struct access_run run[ACCESS_TYPE_COUNT];
    uint64_t records;
};

/* The address space of a replay has whatever the trace touches: a page that nothing backs yet is
 * reserved and committed with its 64 KiB, readable, writable and executable; where part of these is
 * taken, the page alone. What lies past the user's half stays what it is: an access violation. */
static void ensure_page(struct sim *s, uint64_t address)
{
    struct process *p = s->mm.current;
    if (address > s->mm.config->highest_user.v || space_area_at(p, va(address)) != NULL) return;
    space_back_page(&s->mm, p, va(address), PROT_EXECUTE_READWRITE);
}

static void replay_access(struct sim *s, struct replay_state *state, enum access_type type,
                          const struct access *a, struct touch *t)
{
    struct access_run *run = &state->run[type];
    access_one(s, run, va(a->address), a->size, NULL, NULL, NULL, t);
}

static void replay_record(struct sim *s, struct replay_state *state, const struct access *a,
                          struct touch *t)
{
    static const uint8_t types[] = { [ACCESS_LOAD] = ACCESS_READ,
                                     [ACCESS_STORE] = ACCESS_WRITE,
                                     [ACCESS_MODIFY] = ACCESS_READ,
                                     [ACCESS_FETCH] = ACCESS_EXECUTE };
    ensure_page(s, a->address);
    ensure_page(s, a->address + a->size - 1);
    replay_access(s, state, types[a->kind], a, t);
    if (a->kind == ACCESS_MODIFY && t->end == TOUCH_OK)
        replay_access(s, state, ACCESS_WRITE, a, t);
}

static struct touch replay_all(struct sim *s, const struct step *step, struct replay_state *state,
                               uint64_t limit)
{
    const struct access_source *source = &s->sources[step->u.replay.source];
    struct access batch[BATCH];
    struct touch t = { .end = TOUCH_OK };
    bool failed = false;
    while (t.end == TOUCH_OK && state->records < limit) {
        uint64_t room = limit - state->records < BATCH ? limit - state->records : BATCH;
        size_t n = source->pull(source->context, batch, (size_t)room, &failed);
        if (n == 0) break;
        for (size_t i = 0; i < n && t.end == TOUCH_OK; i++) replay_record(s, state, &batch[i], &t);
        state->records += n;
        if (s->interrupted != NULL && s->interrupted(s->interrupt_context)) {
            s->reason = END_INTERRUPTED;
            break;
        }
    }
    if (failed) s->source_failed = true;
    return t;
}

static void add_totals(struct access_totals *into, const struct access_totals *from)
{
    into->count += from->count;
    into->bytes += from->bytes;
    into->tlb_hits += from->tlb_hits;
    into->walks += from->walks;
    into->faults += from->faults;
}

/* One shared count of walks and faults: the whole replay's, and hits of both first-level TLBs. */
static struct access_totals replay_totals(struct sim *s, const struct replay_state *state,
                                          const struct access_totals *reads,
                                          const struct access_totals *fetches)
{
    struct access_totals total = { 0 };
    struct access_totals data = access_before(s, ACCESS_READ),
                         code = access_before(s, ACCESS_EXECUTE);
    for (unsigned i = 0; i < ACCESS_TYPE_COUNT; i++) add_totals(&total, &state->run[i].totals);
    total.tlb_hits = data.tlb_hits - reads->tlb_hits;
    if (s->hw.cpu->l1i.sizes != 0) total.tlb_hits += code.tlb_hits - fetches->tlb_hits;
    total.walks = data.walks - reads->walks;
    total.faults = data.faults - reads->faults;
    return total;
}

/* A trace names no absolute path of the host. */
static const char *shown_file(const char *file)
{
    return file[0] == '/' ? strrchr(file, '/') + 1 : file;
}

void step_replay(struct sim *s, const struct step *step, struct step_result *r)
{
    const struct replay_step *plan = &step->u.replay;
    uint64_t limit = UINT64_MAX;
    if (plan->limit != 0 && !eval_number(s, plan->limit, &limit)) return;
    struct process *own = s->mm.current;
    struct process *target =
        plan->process >= 0 ? process_at(&s->mm, (uint32_t)plan->process + 1) : own;
    if (target == NULL) {
        sim_error(s, step->where, step->path,
                  "a replay needs a process: System has no user memory");
        return;
    }
    struct replay_state state = { 0 };
    for (unsigned i = 0; i < ACCESS_TYPE_COUNT; i++)
        state.run[i] = (struct access_run){ .type = i, .user = true, .driver = true };
    struct event_mark mark;
    event_begin(s, step, &mark);
    if (target != own) mm_switch(&s->mm, target);
    struct access_totals reads = access_before(s, ACCESS_READ);
    struct access_totals fetches = access_before(s, ACCESS_EXECUTE);
    struct touch t = replay_all(s, step, &state, limit);
    struct access_totals total = replay_totals(s, &state, &reads, &fetches);
    if (target != own) mm_switch(&s->mm, own);
    add_totals(&s->by_replay, &total);
    r->outcome = outcome_of_touch(&t);
    struct event e = {
        .call = "replay", .outcome = &r->outcome, .accesses = total, .has_accesses = true
    };
    event_arg_text(&e, "file", shown_file(plan->file));
    event_arg_number(&e, "records", ARG_DECIMAL, state.records);
    event_end(s, step, &mark, &e);
    step_finish(s, step, r, &mark);
}
