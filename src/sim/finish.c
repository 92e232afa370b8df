/* After an action: `as` binds, `expect` judges, and an exception or bug check ends the run. */
#include "sim/internal.h"

#include <stdarg.h>
#include <string.h>

void finding_add(struct sim *s, struct where where, const char *path, const char *format, ...)
{
    struct text t;
    va_list arguments;
    if (s->finding_count == DIAG_KEPT_MAX) {
        s->more_findings++;
        return;
    }
    text_init(&t, s->from);
    va_start(arguments, format);
    text_format_list(&t, format, arguments);
    va_end(arguments);
    s->findings = mem_grow(s->from, s->findings, &s->finding_capacity, s->finding_count + 1,
                           sizeof *s->findings);
    s->findings[s->finding_count++] = (struct finding){
        .where = where,
        .path = path,
        .message = arena_text(&s->arena, t.bytes, t.length),
    };
    text_free(&t);
}

void bind_slot(struct sim *s, uint32_t slot, bool shared, struct value v)
{
    (shared ? s->shared : s->thread->names)[slot] = v;
}

/* ---- as ---- */

/* The value of an out parameter. An address that is no out parameter is memory that the routine
 * formatted: it binds the MDL there. */
static struct value out_value(struct sim *s, const struct field *f, const struct step_result *r)
{
    bool gone = r->outcome.failed && (f->flags & FIELD_OUT);
    uint64_t v = gone ? 0 : field_get(f, r->args);
    switch (f->type) {
    case FIELD_MDL:
        return mdl_value(&s->kernel, (uint32_t)v);
    case FIELD_IRP:
        return irp_value(&s->kernel, (uint32_t)v);
    case FIELD_VA:
        if (f->flags & (FIELD_OUT | FIELD_INOUT)) return value_address(v);
        return mdl_value(&s->kernel, mdl_by_address(&s->mm, va(v)));
    case FIELD_BOOL:
        return value_bool(v);
    default:
        return value_int(v);
    }
}

static struct value returned(const struct step_result *r)
{
    bool nothing = r->outcome.end != END_RETURNS;
    return nothing ? value_null() : r->outcome.returns;
}

void step_bind(struct sim *s, const struct step *step, const struct step_result *r)
{
    for (uint32_t i = 0; i < step->bind_count; i++) {
        const struct bind *b = &step->binds[i];
        struct value v =
            b->field != NULL && r->args != NULL ? out_value(s, b->field, r) : returned(r);
        bind_slot(s, b->slot, b->shared, v);
    }
}

/* ---- words for messages ---- */

static void put_status(struct text *t, uint32_t status)
{
    const char *name = names_find_name(&status_codes, status);
    if (name != NULL)
        text_put(t, name);
    else
        text_hex(t, status);
}

static void put_stop(struct text *t, const struct stop *stop)
{
    const char *name = names_find_name(&bug_checks, stop->code);
    text_format(t, "bug check %x", (uint64_t)stop->code);
    if (name != NULL) text_format(t, " %s", name);
    text_format(t, " (%x, %x, %x, %x)", stop->p[0], stop->p[1], stop->p[2], stop->p[3]);
}

static void put_value(struct text *t, struct value v)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_UNBOUND:
        text_put(t, "nothing");
        break;
    case VALUE_NULL:
        text_put(t, "NULL");
        break;
    case VALUE_BOOL:
        text_put(t, v.v ? "true" : "false");
        break;
    case VALUE_MDL:
        text_format(t, "mdl#%u", (uint64_t)v.id);
        break;
    case VALUE_IRP:
        text_format(t, "irp#%u", (uint64_t)v.id);
        break;
    default:
        text_hex(t, v.v);
        break;
    }
}

/* ---- expect ---- */

struct judgement {
    struct sim *s;
    const struct step *step;
    const struct step_result *r;
    size_t violations; /* index of the first of this step */
    struct text why;   /* first reason against the alternative under test */
};

static bool against(struct judgement *j, const char *what)
{
    if (j->why.length == 0) text_put(&j->why, what);
    return false;
}

static bool accepts(struct judgement *j, const struct accept_list *list, struct value actual,
                    bool happened)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct accept *a = &list->items[i];
        struct value wanted;
        if (a->none) {
            if (!happened) return true;
            continue;
        }
        if (!happened || !eval(j->s, a->value, &wanted)) continue;
        bool same = actual.v == wanted.v && (actual.kind != VALUE_UNBOUND);
        if (same != a->negated) return true;
    }
    return false;
}

static bool parameters_match(struct judgement *j, const struct accept *a, const struct stop *stop)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t wanted;
        if (a->p[i] == 0) continue;
        if (!eval_number(j->s, a->p[i], &wanted) || wanted != stop->p[i]) return false;
    }
    return true;
}

static bool judge_stop(struct judgement *j, const struct expectation *e)
{
    const struct outcome *o = &j->r->outcome;
    bool stopped = o->end == END_STOPS;
    if (e->bugcheck.count == 0) {
        if (!stopped) return true;
        text_clear(&j->why);
        put_stop(&j->why, &o->stop);
        text_put(&j->why, ", which nobody expected");
        return false;
    }
    for (size_t i = 0; i < e->bugcheck.count; i++) {
        const struct accept *a = &e->bugcheck.items[i];
        uint64_t code;
        if (a->none) {
            if (!stopped) return true;
            continue;
        }
        if (!stopped || !eval_number(j->s, a->value, &code)) continue;
        if ((code == o->stop.code) != a->negated && parameters_match(j, a, &o->stop)) return true;
    }
    if (!stopped) return against(j, "expected a bug check, the call returned");
    text_put(&j->why, "another bug check was expected than ");
    put_stop(&j->why, &o->stop);
    return false;
}

static bool judge_raise(struct judgement *j, const struct expectation *e)
{
    const struct outcome *o = &j->r->outcome;
    bool raised = o->end == END_RAISES;
    if (e->raises.count == 0 ? !raised : accepts(j, &e->raises, value_int(o->status), raised))
        return true;
    if (!raised) return against(j, "expected an exception, none was raised");
    text_put(&j->why, "raised ");
    put_status(&j->why, o->status);
    if (o->exception.kind != EXCEPTION_NONE) text_format(&j->why, " at %x", o->exception.at.v);
    if (j->r->record != 0) text_format(&j->why, " in record %u of the replay", j->r->record);
    if (j->r->hit_buffer != NULL)
        text_format(&j->why, ", in the buffer '%s' (its `at` may place it elsewhere)",
                    j->r->hit_buffer);
    text_put(&j->why,
             e->raises.count == 0 ? ", which nobody expected" : ", expected another status");
    return false;
}

static bool judge_result(struct judgement *j, const struct expectation *e)
{
    const struct outcome *o = &j->r->outcome;
    bool returned_value = o->end == END_RETURNS;
    if (e->status.count > 0 && !accepts(j, &e->status, value_int(o->status), returned_value)) {
        text_put(&j->why, "returned ");
        put_status(&j->why, o->status);
        text_put(&j->why, ", expected another status");
        return false;
    }
    if (e->returns.count > 0 && !accepts(j, &e->returns, o->returns, returned_value)) {
        text_put(&j->why, "returned ");
        put_value(&j->why, o->returns);
        text_put(&j->why, ", expected something else");
        return false;
    }
    return true;
}

static bool rule_expected(const struct expectation *e, const struct rule *rule)
{
    for (size_t i = 0; i < e->violation_count; i++)
        if (rule_is_also(rule, e->violations[i])) return true;
    return false;
}

/* At least one of the rules is broken, and no other of level error; a bug check that was expected
 * covers the rule that it follows from. */
static bool judge_violations(struct judgement *j, const struct expectation *e)
{
    struct kernel *k = &j->s->kernel;
    bool met = e->violation_count == 0;
    bool covered = e->bugcheck.count > 0 && j->r->outcome.end == END_STOPS;
    for (size_t i = j->violations; i < k->violation_count; i++) {
        const struct violation *v = &k->violations[i];
        if (rule_expected(e, v->rule)) {
            met = true;
        } else if (v->level == LEVEL_ERROR && !covered) {
            text_format(&j->why, "broke rule %s, which nobody expected: %s", v->rule->id, v->what);
            return false;
        }
    }
    if (met) return true;
    text_format(&j->why, "expected rule %s to be broken", e->violations[0]->id);
    return false;
}

static bool judge_that(struct judgement *j, const struct expectation *e)
{
    for (size_t i = 0; i < e->that_count; i++) {
        bool truth;
        if (!eval_truth(j->s, e->that[i], &truth)) return false;
        if (!truth) return against(j, "an expression of `that` is false after the step");
    }
    return true;
}

static bool judge(struct judgement *j, const struct expectation *e)
{
    text_clear(&j->why);
    return judge_stop(j, e) && judge_raise(j, e) && judge_result(j, e) && judge_violations(j, e) &&
           judge_that(j, e);
}

static uint64_t errors_since(const struct kernel *k, size_t first)
{
    uint64_t n = 0;
    for (size_t i = first; i < k->violation_count; i++) n += k->violations[i].level == LEVEL_ERROR;
    return n;
}

static bool judge_any(struct judgement *j)
{
    static const struct expectation nothing;
    const struct expect *expect = j->step->expect;
    if (expect == NULL) return judge(j, &nothing);
    for (size_t i = 0; i < expect->count; i++)
        if (judge(j, &expect->any[i])) return true;
    return false;
}

static void end_run(struct sim *s, const struct outcome *o, bool expected)
{
    if (o->end == END_STOPS) {
        s->reason = END_BUGCHECK;
        s->stop = o->stop;
        s->bugcheck_expected = expected;
    } else if (o->end == END_RAISES && !expected) {
        s->reason = END_EXCEPTION;
        s->raised = o->status;
    }
}

void step_judge(struct sim *s, const struct step *step, const struct step_result *r,
                const struct event_mark *mark)
{
    struct judgement j = { .s = s, .step = step, .r = r, .violations = mark->violations };
    text_init(&j.why, s->from);
    bool fine = judge_any(&j);
    if (!fine && !s->error) finding_add(s, step->where, step->path, "%s", text_string(&j.why));
    if (fine) s->expected_errors += errors_since(&s->kernel, mark->violations);
    end_run(s, &r->outcome, fine);
    kernel_fold_advice(&s->kernel, mark->violations);
    text_free(&j.why);
}
