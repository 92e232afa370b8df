/* Computes compiled expressions against the state of the run. */
#include "base/diag.h"
#include "sim/internal.h"
#include "sim/stats.h"

void sim_error(struct sim *s, struct where where, const char *path, const char *message)
{
    if (s->error) return; /* the first one ends the run */
    s->error = true;
    s->reason = END_ERROR;
    diag_add(s->diags, where, path != NULL ? path : s->path, message);
}

void sim_error_name(struct sim *s, struct where where, const char *format, const char *name)
{
    if (s->error) return;
    s->error = true;
    s->reason = END_ERROR;
    diag_format(s->diags, where, s->path, format, name);
}

/* In `checks` a name is that of the first thread that bound it. */
static struct value any_thread_name(const struct sim *s, const struct expr_node *n)
{
    struct value v = { 0 };
    for (size_t i = 0; n->op == EXPR_NAME && i < s->program->thread_count; i++) {
        v = s->threads[i].names[n->a];
        if (v.kind != VALUE_UNBOUND) break;
    }
    return v;
}

static bool eval_name(struct sim *s, const struct expr_node *n, struct value *out)
{
    *out = n->op == EXPR_NAME ? s->thread->names[n->a] : s->shared[n->a];
    if (out->kind == VALUE_UNBOUND && s->checking) *out = any_thread_name(s, n);
    if (out->kind != VALUE_UNBOUND) return true;
    sim_error_name(s, n->where, "'$%s' is read before anything was bound to it", n->text);
    return false;
}

static bool eval_logic(struct sim *s, const struct expr_node *n, struct value *out)
{
    bool truth;
    if (!eval_truth(s, n->a, &truth)) return false;
    if (truth != (n->op == EXPR_OR) && !eval_truth(s, n->b, &truth)) return false;
    *out = value_bool(truth);
    return true;
}

static bool eval_operands(struct sim *s, const struct expr_node *n, struct value *a,
                          struct value *b)
{
    *b = value_int(0);
    return eval(s, n->a, a) && (n->b == 0 || eval(s, n->b, b));
}

static bool eval_operation(struct sim *s, const struct expr_node *n, struct value *out)
{
    struct value a, b;
    const char *error = "";
    if (!eval_operands(s, n, &a, &b)) return false;
    bool is_unary = n->op == EXPR_NOT || n->op == EXPR_NEGATE || n->op == EXPR_COMPLEMENT;
    bool fine =
        is_unary ? value_unary(n->op, a, out, &error) : value_binary(n->op, a, b, out, &error);
    if (!fine) sim_error(s, n->where, NULL, error);
    return fine;
}

static bool eval_function(struct sim *s, const struct expr_node *n, struct value *out)
{
    struct value a, b;
    const char *error = "";
    if (!eval_operands(s, n, &a, &b)) return false;
    if (!expr_functions[n->c].pure) return eval_state(s, n, a, b, out);
    if (value_function(n->c, a, b, out, &error)) return true;
    sim_error(s, n->where, NULL, error);
    return false;
}

static bool eval_stats(struct sim *s, const struct expr_node *n, struct value *out)
{
    uint64_t v;
    if (!stats_find(s, n->text, &v)) {
        sim_error_name(s, n->where, "there is no statistic 'stats.%s'", n->text);
        return false;
    }
    *out = value_int(v);
    return true;
}

static bool eval_object(struct sim *s, const struct expr_node *n, struct value *out)
{
    struct value object, index = value_int(0);
    if (!eval(s, n->a, &object)) return false;
    if (n->op == EXPR_PFN && !eval(s, n->b, &index)) return false;
    if (n->op == EXPR_MEMBER) return eval_member(s, n, object, out);
    const struct mdl *m = object.kind == VALUE_MDL ? mdl_at(&s->mm, object.id) : NULL;
    if (m == NULL || !m->live || index.v >= m->slots || index.v >= mdl_page_count(m)) {
        sim_error(s, n->where, NULL,
                  m == NULL || !m->live ? "Pfn belongs to an MDL that exists"
                                        : "the index is past the last page of the MDL");
        return false;
    }
    *out = value_int(m->pfns[index.v]);
    return true;
}

bool eval(struct sim *s, expr_t e, struct value *out)
{
    const struct expr_node *n = &s->program->nodes[e];
    switch ((enum expr_op)n->op) {
    case EXPR_CONSTANT:
        *out = n->value;
        return true;
    case EXPR_NAME:
    case EXPR_SHARED:
        return eval_name(s, n, out);
    case EXPR_OR:
    case EXPR_AND:
        return eval_logic(s, n, out);
    case EXPR_MEMBER:
    case EXPR_PFN:
        return eval_object(s, n, out);
    case EXPR_FUNCTION:
        return eval_function(s, n, out);
    case EXPR_STATS:
        return eval_stats(s, n, out);
    case EXPR_IRQL:
        *out = value_int(s->mm.irql);
        return true;
    case EXPR_NOW:
        *out = (struct value){ hw_now(&s->hw).v, 0, VALUE_TIME };
        return true;
    case EXPR_CPU:
        *out = value_int(s->hw.cpu->number);
        return true;
    case EXPR_STACK:
        *out = value_int(s->thread->stack.v);
        return true;
    default:
        return eval_operation(s, n, out);
    }
}

bool eval_number(struct sim *s, expr_t e, uint64_t *out)
{
    struct value v;
    if (!eval(s, e, &v)) return false;
    *out = v.v;
    return true;
}

bool eval_truth(struct sim *s, expr_t e, bool *out)
{
    struct value v;
    const char *error = "";
    if (!eval(s, e, &v)) return false;
    if (value_truth(v, out, &error)) return true;
    sim_error(s, s->program->nodes[e].where, NULL, error);
    return false;
}
