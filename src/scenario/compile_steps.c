/* Steps: one action each, with its modifiers (scenario format, section 6). */
#include "scenario/compiler.h"

#include <string.h>

const struct action_row action_rows[] = {
    { "read", compile_read, true, true, true },
    { "write", compile_write, true, false, false },
    { "execute", compile_execute, true, false, false },
    { "copy", compile_copy, true, false, false },
    { "set", compile_set, true, false, false },
    { "replay", compile_replay, true, false, false },
    { "repeat", compile_repeat, false, false, false },
    { "while", compile_while, false, false, false },
    { "if", compile_if, false, false, false },
    { "do", compile_do, false, false, false },
    { "return", compile_return, false, false, false },
    { "span", compile_span, false, false, false },
    { "let", compile_let, true, false, false },
    { "assert", compile_assert, true, false, false },
    { "signal", compile_signal, false, false, false },
    { "wait", compile_wait, true, false, false },
    { "delay", compile_delay, true, false, false },
    { "queue_apc", compile_queue_apc, true, true, true },
    { "raise_irql", compile_raise_irql, true, true, false },
    { "lower_irql", compile_lower_irql, true, false, false },
    { NULL, NULL, false, false, false },
};

const char *const scenario_actions[] = {
    "read",   "write", "execute", "copy",      "set",        "replay",     "repeat",
    "while",  "if",    "do",      "return",    "span",       "let",        "assert",
    "signal", "wait",  "delay",   "queue_apc", "raise_irql", "lower_irql", NULL,
};

static const char *const modifiers[] = { "as", "expect", "note", "with" };

uint32_t next_step(const struct compiler *c)
{
    return (uint32_t)c->steps.count;
}

struct step *step_at(struct compiler *c, uint32_t number)
{
    return (struct step *)c->steps.items + number;
}

uint32_t emit(struct compiler *c, const struct node *node, enum step_op op)
{
    struct step *step = list_add(c->arena, &c->steps, sizeof *step);
    step->op = (uint8_t)op;
    step->where = node->where;
    step->place = place_of(step->where.file, step->where.line);
    step->path = path_of(c, node);
    return next_step(c) - 1;
}

void binds_set(struct compiler *c, uint32_t step, const struct list *binds)
{
    step_at(c, step)->binds = binds->items;
    step_at(c, step)->bind_count = (uint32_t)binds->count;
}

void compile_as_value(struct compiler *c, const struct node *as, uint32_t step)
{
    if (!as) return;
    struct list binds = { 0 };
    const char *name = expect_identifier(c, as, "a name");
    struct bind bind = { 0 };
    if (!name || !name_bind(c, as, name, &bind)) return;
    *(struct bind *)list_add(c->arena, &binds, sizeof bind) = bind;
    binds_set(c, step, &binds);
}

/* The action's key among a step's keys, or what is wrong with it. */
struct found_action {
    size_t index;
    const struct action_row *row; /* NULL: a routine */
    const struct routine *routine;
};

static const struct action_row *row_find(const char *key)
{
    for (const struct action_row *r = action_rows; r->key; r++) {
        if (strcmp(r->key, key) == 0) return r;
    }
    return NULL;
}

static bool is_modifier(const char *key)
{
    for (size_t i = 0; i < COUNT_OF(modifiers); i++) {
        if (strcmp(modifiers[i], key) == 0) return true;
    }
    return false;
}

static void unknown_action(struct compiler *c, const struct node *node, size_t i)
{
    const char *key = node->keys[i];
    struct list words = { 0 };
    for (size_t n = 0; n < routine_count; n++) {
        *(const char **)list_add(c->arena, &words, sizeof(char *)) = routines[n]->name;
    }
    for (const struct action_row *r = action_rows; r->key; r++) {
        *(const char **)list_add(c->arena, &words, sizeof(char *)) = r->key;
    }
    for (size_t n = 0; n < COUNT_OF(modifiers); n++) {
        *(const char **)list_add(c->arena, &words, sizeof(char *)) = modifiers[n];
    }
    bool is_routine = key[0] >= 'A' && key[0] <= 'Z';
    report_key(c, node, i, "unknown %s '%s'%s", is_routine ? "routine" : "action", shown(c, key),
               hint(c, key, words.items, words.count));
}

/* The step's one action; NULL row and routine after an error. */
static struct found_action find_action(struct compiler *c, const struct node *node)
{
    struct found_action first = { .index = SIZE_MAX };
    bool unknown = false;
    for (size_t i = 0; i < node->count; i++) {
        if (key_is_own(node->keys[i]) || is_modifier(node->keys[i])) continue;
        struct found_action here = { i, row_find(node->keys[i]), routine_find(node->keys[i]) };
        if (!here.row && !here.routine) {
            unknown_action(c, node, i);
            unknown = true;
        } else if (first.index != SIZE_MAX) {
            report_key(c, node, i, "a step has one action, this has '%s' and '%s'",
                       node->keys[first.index], node->keys[i]);
        } else {
            first = here;
        }
    }
    if (first.index == SIZE_MAX && !unknown) {
        report(c, node,
               "the step has no action: expected a routine or one of read, write, let ...");
    }
    return first;
}

static void check_modifiers(struct compiler *c, const struct node *node,
                            const struct found_action *action)
{
    const struct action_row *row = action->row;
    const struct node *as = node_get(node, "as"), *with = node_get(node, "with");
    const struct node *expect = node_get(node, "expect");
    if (as && row && !row->binds) {
        report_key(c, node, as->index_in_parent, "'as' has nothing to bind: '%s' gives no value",
                   row->key);
    }
    if (expect && row && !row->expects) {
        report_key(c, node, expect->index_in_parent,
                   "'expect' has nothing to judge beside '%s'",
                   row->key);
    }
    if (with && (!row || strcmp(row->key, "do") != 0)) {
        report_key(c, node, with->index_in_parent,
                   "'with' gives the parameters of a procedure: it stands beside 'do'");
    }
}

/* What is judged of the step that was emitted for this node as number `number`. */
static void finish_step(struct compiler *c, const struct node *node,
                        const struct found_action *action, uint32_t number)
{
    const struct node *note = node_get(node, "note"), *expect = node_get(node, "expect");
    const char *text = note ? expect_text(c, note, "a text") : NULL;
    const struct expect *judged = NULL;
    bool expects = !action->row || action->row->expects;
    if (expect && expects) {
        judged = compile_expect(c, expect, action->routine, action->row && action->row->returns);
    }
    if (number == next_step(c)) return; /* the action had an error */
    step_at(c, number)->note = text;
    step_at(c, number)->expect = judged;
}

/* A step whose action is unknown binds its names all the same: later steps that use them are not
 * wrong for it. */
static void bind_anyway(struct compiler *c, const struct node *as)
{
    struct bind bind;
    if (as != NULL && as->kind == NODE_SCALAR && as->length > 0) name_bind(c, as, as->text, &bind);
    for (size_t i = 0; as != NULL && as->kind == NODE_MAP && i < as->count; i++)
        if (as->items[i]->kind == NODE_SCALAR) bind_anyway(c, as->items[i]);
}

static void compile_step(struct compiler *c, const struct node *node)
{
    if (node->kind != NODE_MAP) {
        report(c, node, "expected a step: a mapping with one action, found %s", found(c, node));
        return;
    }
    struct found_action action = find_action(c, node);
    if (action.index == SIZE_MAX) {
        bind_anyway(c, node_get(node, "as"));
        return;
    }
    check_modifiers(c, node, &action);
    uint32_t number = next_step(c);
    const struct node *value = node->items[action.index];
    if (action.row) {
        action.row->compile(c, node, value);
    } else {
        emit(c, node, STEP_CALL);
        compile_call(c, action.routine, value, node_get(node, "as"), number);
    }
    finish_step(c, node, &action, number);
}

void compile_steps(struct compiler *c, const struct node *list)
{
    if (!list || !expect_list(c, list, "a list of steps")) return;
    for (size_t i = 0; i < list->count && !has_enough(c); i++) compile_step(c, list->items[i]);
}
