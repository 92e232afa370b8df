/* Steps that hold steps: repeat, while, if, span; and do and return, which leave for a procedure
 * and come back. All become jumps in one line of steps. */
#include "scenario/compiler.h"

#include <string.h>

#define ROUNDS_DEFAULT UINT64_C(1000000)

static expr_t condition(struct compiler *c, const struct node *node)
{
    return node ? expression_of(c, node, KIND_BOOL, "a truth value, as a comparison gives") : 0;
}

static expr_t positive_time(struct compiler *c, const struct node *node)
{
    struct value v;
    expr_t e = expression_of(c, node, KIND_TIME, "a time, as 50 us");
    if (is_constant(c, e, &v) && v.v == 0) report(c, node, "expected a time above 0");
    return e;
}

static void compile_every(struct compiler *c, const struct node *every, struct loop_step *loop)
{
    loop->arrival = ARRIVE_CLOSED;
    if (!every) return;
    if (every->kind == NODE_MAP) {
        const struct node *mean = node_get(every, "poisson");
        loop->arrival = ARRIVE_POISSON;
        if (keys_check(c, every, "repeat.every") && mean) loop->every = positive_time(c, mean);
    } else {
        loop->arrival = ARRIVE_FIXED;
        loop->every = positive_time(c, every);
    }
}

static uint32_t compile_index(struct compiler *c, const struct node *node)
{
    struct bind bind = { 0 };
    const char *name = node ? expect_identifier(c, node, "a name") : NULL;
    if (!name || !name_bind(c, node, name, &bind)) return UINT32_MAX;
    if (!bind.shared) return bind.slot;
    report(c, node, "the number of a round is the thread's own, '%s' is shared", shown(c, name));
    return UINT32_MAX;
}

void compile_repeat(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t head = emit(c, step, STEP_REPEAT);
    struct loop_step loop = { .index_slot = UINT32_MAX, .depth = (uint8_t)c->loop_depth };
    if (!keys_check(c, action, "repeat")) return;
    const struct node *count = node_get(action, "count");
    if (count) loop.count = expression_of(c, count, KIND_INT, "an integer");
    compile_every(c, node_get(action, "every"), &loop);
    loop.index_slot = compile_index(c, node_get(action, "index"));
    c->loop_depth++;
    compile_steps(c, node_get(action, "do"));
    c->loop_depth--;
    uint32_t tail = emit(c, step, STEP_REPEAT_NEXT);
    loop.body = head + 1;
    loop.exit = tail + 1;
    step_at(c, head)->u.loop = loop;
    step_at(c, tail)->u.loop = loop;
}

void compile_while(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t head = emit(c, step, STEP_WHILE);
    struct loop_step loop = { .index_slot = UINT32_MAX, .limit = ROUNDS_DEFAULT,
                              .depth = (uint8_t)c->loop_depth };
    if (!keys_check(c, action, "while")) return;
    loop.condition = condition(c, node_get(action, "that"));
    bool outside = c->constants_only;
    c->constants_only = true;
    expect_number(c, node_get(action, "limit"), NUMBER_COUNT, (struct range){ 1, UINT64_MAX },
                  &loop.limit);
    c->constants_only = outside;
    c->loop_depth++;
    compile_steps(c, node_get(action, "do"));
    c->loop_depth--;
    step_at(c, emit(c, step, STEP_JUMP))->u.jump = head;
    loop.body = head + 1;
    loop.exit = next_step(c);
    step_at(c, head)->u.loop = loop;
}

void compile_if(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t head = emit(c, step, STEP_IF);
    if (!keys_check(c, action, "if")) return;
    struct branch_step branch = { .condition = condition(c, node_get(action, "that")) };
    const struct node *otherwise = node_get(action, "else");
    compile_steps(c, node_get(action, "then"));
    uint32_t jump = otherwise ? emit(c, step, STEP_JUMP) : 0;
    branch.otherwise = next_step(c);
    compile_steps(c, otherwise);
    if (otherwise) step_at(c, jump)->u.jump = next_step(c);
    step_at(c, head)->u.branch = branch;
}

/* ---- span ---- */

static uint32_t span_series(struct compiler *c, const char *name)
{
    const struct symbol *symbol = symbols_find(&c->spans, name);
    uint32_t number = symbol ? symbol->index : (uint32_t)c->spans.list.count;
    if (!symbol) {
        symbols_add(&c->spans, c->arena,
                    (struct symbol){ .name = name, .kind = NAME_SPAN, .index = number });
    }
    return (uint32_t)routine_count + number;
}

void compile_span(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t head = emit(c, step, STEP_SPAN);
    if (!keys_check(c, action, "span")) return;
    const struct node *node = node_get(action, "name");
    const char *name = node ? expect_identifier(c, node, "the name of a span") : NULL;
    if (name && routine_find(name)) {
        report(c, node, "the name '%s' is taken: it is a routine", name);
        name = NULL;
    }
    struct span_step span = { 0 };
    if (name) span = (struct span_step){ span_series(c, name), name };
    c->span_depth++;
    compile_steps(c, node_get(action, "do"));
    c->span_depth--;
    uint32_t tail = emit(c, step, STEP_SPAN_END);
    step_at(c, head)->u.span = span;
    step_at(c, tail)->u.span = span;
}

/* ---- procedures ---- */

static const struct symbol *procedure_named(struct compiler *c, const struct node *node)
{
    const char *name = expect_text(c, node, "the name of a procedure");
    const struct symbol *symbol = name ? symbols_find(&c->procedures, name) : NULL;
    if (symbol || !name) return symbol;
    size_t count = c->procedures.list.count;
    const char **words = arena_new(c->arena, count + 1, sizeof *words);
    for (size_t i = 0; i < count; i++) words[i] = symbols_at(&c->procedures, i)->name;
    report(c, node, "unknown procedure '%s'%s", shown(c, name), hint(c, name, words, count));
    return NULL;
}

static const expr_t *compile_with(struct compiler *c, const struct node *step,
                                  const struct node *action, uint32_t procedure)
{
    const struct procedure *p = &c->procedure_list[procedure];
    const char *const *names = c->parameter_names[procedure];
    expr_t *args = arena_new(c->arena, p->parameter_count + 1u, sizeof *args);
    const struct node *with = node_get(step, "with");
    if (with && !expect_map(c, with, "a mapping of parameters to values")) return args;
    for (uint32_t k = 0; k < p->parameter_count; k++) {
        const struct node *value = with ? node_get(with, names[k]) : NULL;
        if (value) args[k] = expression(c, value);
        else {
            report(c, action, "the procedure '%s' needs the parameter '%s': give it in 'with'",
                   p->name, names[k]);
        }
    }
    for (size_t i = 0; with && i < with->count; i++) {
        bool known = key_is_own(with->keys[i]);
        for (uint32_t k = 0; k < p->parameter_count; k++) {
            known = known || strcmp(names[k], with->keys[i]) == 0;
        }
        if (known) continue;
        report_key(c, with, i, "the procedure '%s' has no parameter '%s'%s", p->name,
                   shown(c, with->keys[i]),
                   hint_or_all(c, with->keys[i], names, p->parameter_count));
    }
    return args;
}

bool compile_invoke(struct compiler *c, const struct node *holder, const struct node *name,
                    struct do_step *out)
{
    const struct symbol *symbol = procedure_named(c, name);
    if (!symbol) return false;
    if (c->procedure != NO_PROCEDURE) {
        *(struct call_edge *)list_add(c->arena, &c->edges, sizeof(struct call_edge)) =
            (struct call_edge){ symbol->index, name };
    }
    out->procedure = symbol->index;
    out->args = compile_with(c, holder, name, symbol->index);
    return true;
}

void compile_do(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t number = emit(c, step, STEP_DO);
    struct do_step invoke = { 0 };
    if (compile_invoke(c, step, action, &invoke)) step_at(c, number)->u.invoke = invoke;
}

void compile_return(struct compiler *c, const struct node *step, const struct node *action)
{
    const struct node *list = step->parent;
    bool last = list && step->index_in_parent + 1 == list->count;
    bool whole = c->loop_depth == 0 && c->span_depth == 0 && c->procedure != NO_PROCEDURE &&
                 list == c->procedure_steps;
    if (!last || !whole) report(c, action, "'return' is the last step of a procedure");
    uint32_t number = emit(c, step, STEP_RETURN);
    expr_t value = expression(c, action);
    step_at(c, number)->u.value = value;
}
