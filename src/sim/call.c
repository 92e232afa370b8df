/* Steps that call a routine: arguments from expressions into the routine's record, and back. */
#include "sim/sched.h"

#include <string.h>

static bool refuse(struct sim *s, const struct step *step, const struct field *f, const char *why)
{
    struct text path;
    text_init(&path, s->from);
    text_format(&path, "%s.%s.%s", step->path, step->u.call.routine->name, f->key);
    sim_error(s, step->where, text_string(&path), why);
    text_free(&path);
    return false;
}

/* An MDL is given as the object, or by the address of its header. */
static bool object_id(struct sim *s, const struct step *step, const struct field *f, struct value v,
                      uint64_t *out)
{
    uint8_t kind = f->type == FIELD_MDL ? VALUE_MDL : VALUE_IRP;
    *out = v.id;
    if (v.kind == kind) return true;
    *out = 0;
    if (v.kind == VALUE_NULL || (v.kind == VALUE_INT && v.v == 0)) return true;
    if (f->type == FIELD_MDL && v.kind == VALUE_INT) *out = mdl_by_address(&s->mm, va(v.v));
    if (*out != 0) return true;
    return refuse(s, step, f, f->type == FIELD_MDL ? "this is no MDL" : "this is no IRP");
}

static bool process_id(struct sim *s, const struct step *step, const struct field *f,
                       struct value v, uint64_t *out)
{
    *out = v.id;
    if (v.kind == VALUE_PROCESS) return true;
    *out = s->thread->process_id;
    if (v.kind == VALUE_INT && v.v == UINT64_MAX) return true; /* NtCurrentProcess */
    *out = 0;
    return v.kind == VALUE_NULL || refuse(s, step, f, "this is no process");
}

static bool in_range(const struct field *f, uint64_t v)
{
    if (f->max != 0 && (v < f->min || v > f->max)) return false;
    switch (f->type) {
    case FIELD_BOOL:
        return v <= 1;
    case FIELD_U8:
        return v <= UINT8_MAX;
    case FIELD_U32:
    case FIELD_NAME:
    case FIELD_FLAGS:
    case FIELD_TAG:
        return v <= UINT32_MAX;
    default:
        return true;
    }
}

static bool is_object(const struct field *f)
{
    return f->type == FIELD_MDL || f->type == FIELD_IRP || f->type == FIELD_PROCESS;
}

bool call_store_constant(const struct field *f, struct value v, void *record)
{
    bool null = v.kind == VALUE_NULL;
    if (f->type == FIELD_LIST || value_is_object(v) || (is_object(f) && !null)) return false;
    if (v.kind == VALUE_BOOL && f->type != FIELD_BOOL && f->type != FIELD_U32) return false;
    if (!in_range(f, v.v)) return false;
    field_set(f, record, v.v);
    return true;
}

static bool store_arg(struct sim *s, const struct step *step, const struct field *f, struct value v,
                      void *record)
{
    uint64_t number = v.v;
    if (f->type == FIELD_MDL || f->type == FIELD_IRP) {
        if (!object_id(s, step, f, v, &number)) return false;
    } else if (f->type == FIELD_PROCESS) {
        if (!process_id(s, step, f, v, &number)) return false;
    } else if (v.kind == VALUE_BOOL && f->type != FIELD_BOOL && f->type != FIELD_U32) {
        return refuse(s, step, f, "a truth value where a number is needed");
    } else if (!in_range(f, number)) {
        return refuse(s, step, f, "the value is out of the parameter's range");
    }
    field_set(f, record, number);
    return true;
}

static bool store_list(struct sim *s, const struct call_arg *arg, void *record)
{
    if (arg->list_count > s->list_room) {
        s->list = mem_grow(s->from, s->list, &s->list_room, arg->list_count, sizeof *s->list);
    }
    for (uint32_t i = 0; i < arg->list_count; i++) {
        s->list[i][1] = 0;
        if (!eval_number(s, arg->list[i][0], &s->list[i][0])) return false;
        if (arg->list[i][1] != 0 && !eval_number(s, arg->list[i][1], &s->list[i][1])) return false;
    }
    struct list_arg list = { s->list, arg->list_count };
    memcpy((char *)record + arg->field->offset, &list, sizeof list);
    return true;
}

/* What most arguments are: a name that is bound to an MDL, or to an address. */
static inline bool store_name(const struct sim *s, const struct call_arg *arg, void *record)
{
    if (arg->name == NAME_NONE) return false;
    const struct value *v = &s->thread->names[arg->name];
    const struct field *f = arg->field;
    if (f->type == FIELD_MDL && v->kind == VALUE_MDL) field_set_id(f, record, v->id);
    else if (f->type == FIELD_VA && v->kind == VALUE_INT) field_set_wide(f, record, v->v);
    else return false;
    return true;
}

static bool store_value(struct sim *s, const struct step *step, const struct call_arg *arg,
                        void *record)
{
    struct value v;
    if (arg->field->type == FIELD_LIST) return store_list(s, arg, record);
    if (arg->value == 0) return true;
    return eval(s, arg->value, &v) && store_arg(s, step, arg->field, v, record);
}

/* Few routines have more than the first bytes of a record. */
static bool make_record(struct sim *s, const struct step *step, unsigned char *record)
{
    enum { FIRST_BYTES = 32 };
    const struct call_step *call = &step->u.call;
    memcpy(record, call->record, FIRST_BYTES);
    if (call->routine->args_bytes > FIRST_BYTES)
        memcpy(record + FIRST_BYTES, call->record + FIRST_BYTES, ROUTINE_ARGS_BYTES - FIRST_BYTES);
    for (const struct call_arg *arg = call->args, *end = arg + call->arg_count; arg < end; arg++)
        if (!store_name(s, arg, record) && !store_value(s, step, arg, record)) return false;
    return true;
}

/* A call has taken so many cycles: it cost what the processor has spent since it settled its costs,
 * which it does once more. */
static void count_call(struct sim *s, struct series *series, uint64_t cycles, bool failed)
{
    struct cpu *cpu = s->hw.cpu;
    if (s->thread->call.series != NULL) s->thread->call.cycles = cycles;
    else hist_add(&series->hist, cycles);
    series->failures += failed;
    for (uint64_t rest = cpu->charged; rest != 0; rest &= rest - 1) {
        size_t i = (size_t)__builtin_ctzll(rest);
        uint64_t spent = cpu->spent[i];
        series->cost[i] += spent - cpu->settled[i];
        cpu->settled[i] = spent;
    }
    cpu->charged = 0;
}

/* Whether others may still ask before this call for a lock that it held. */
static bool is_open(const struct sim *s)
{
    return s->hw.cpu_count > 1 && sched_must_yield(s) && hold_is_open(&s->hw);
}

void call_settle(struct sim *s)
{
    struct open_call *call = &s->thread->call;
    if (call->series == NULL) return;
    uint64_t before = hw_now(&s->hw).v;
    charge(&s->hw, COST_LOCK_WAIT, s->hw.cpu->holds.late);
    s->hw.cpu->holds.late = 0;
    uint64_t late = hw_now(&s->hw).v - before; /* modulo 2^64: it may have been charged too much */
    s->thread->pause.spent[COST_LOCK_WAIT] += late; /* its own, not of those it paused for */
    hist_add(&call->series->hist, call->cycles + late);
    call->series->cost[COST_LOCK_WAIT] += late;
    call->series = NULL;
    if (s->sink != NULL && s->sink->settle != NULL)
        s->sink->settle(s->sink->context, s->hw.cpu->number, (int64_t)late);
}

/* Locks are given anew, with those that the call held: it may wait otherwise than it seemed. */
static void settle_locks(struct sim *s)
{
    struct cpu *cpu = s->hw.cpu;
    if (!s->hw.locks.is_due) return;
    sched_settle(s);
    if (cpu->holds.late != 0) charge(&s->hw, COST_LOCK_WAIT, cpu->holds.late);
    cpu->holds.late = 0;
}

/* Of a step raise_irql or lower_irql. */
static bool make_irql_record(struct sim *s, const struct step *step, unsigned char *record,
                             size_t *number)
{
    const char *name = step->op == STEP_RAISE_IRQL ? "KeRaiseIrql" : "KeLowerIrql";
    const struct routine *routine = routine_find(name);
    uint64_t level;
    if (!eval_number(s, step->u.value, &level)) return false;
    if (level > 31) {
        sim_error(s, step->where, step->path, "an IRQL is 0 to 31");
        return false;
    }
    memset(record, 0, ROUTINE_ARGS_BYTES);
    field_set(field_find(routine->args, "NewIrql"), record, level);
    *number = routine_index(routine);
    return true;
}

void step_call(struct sim *s, const struct step *step)
{
    _Alignas(16) unsigned char record[ROUTINE_ARGS_BYTES], given[ROUTINE_ARGS_BYTES];
    size_t number = step->u.call.series;
    bool fine = step->op == STEP_CALL ? make_record(s, step, record)
                                      : make_irql_record(s, step, record, &number);
    if (!fine) return;
    const struct routine *routine = routines[number];
    struct series *series = &s->series[number];
    struct event_mark mark;
    if (s->sink != NULL) memcpy(given, record, routine->args_bytes);
    event_begin(s, step, &mark);
    /* All of it is named, so that nothing is cleared first. */
    struct step_result r = { .outcome = kernel_call(&s->kernel, routine, record),
                             .has_value = true,
                             .args = record,
                             .record = 0,
                             .hit_buffer = NULL };
    settle_locks(s);
    if (is_open(s)) s->thread->call.series = series;
    if (s->sink == NULL) {
        event_skip(s);
    } else {
        struct event e;
        event_clear(&e);
        e.call = routine->name;
        e.routine = routine;
        e.args = record;
        e.given = given;
        e.outcome = &r.outcome;
        e.has_returns = true;
        e.is_open = s->thread->call.series != NULL;
        event_end(s, step, &mark, &e);
    }
    count_call(s, series, hw_now(&s->hw).v - mark.start.v, r.outcome.failed);
    step_finish(s, step, &r, &mark);
}
