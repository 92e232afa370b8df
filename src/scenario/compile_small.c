/* Small steps: let, assert, signal, wait, delay, queue_apc, raise_irql, lower_irql. */
#include "scenario/compiler.h"

#include <string.h>

enum { IRQL_MOST_64 = 15, IRQL_MOST_32 = 31 };

void compile_let(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t number = emit(c, step, STEP_LET);
    if (!expect_map(c, action, "a mapping of names to values")) return;
    uint32_t *slots = arena_new(c->arena, action->count + 1, sizeof *slots);
    bool *shared = arena_new(c->arena, action->count + 1, sizeof *shared);
    expr_t *values = arena_new(c->arena, action->count + 1, sizeof *values);
    uint32_t count = 0;
    for (size_t i = 0; i < action->count; i++) {
        struct bind bind = { 0 };
        if (key_is_own(action->keys[i])) continue;
        values[count] = expression(c, action->items[i]);
        if (!expect_key_identifier(c, action, i, "a name")) continue;
        if (!name_bind(c, action->items[i], action->keys[i], &bind)) continue;
        slots[count] = bind.slot;
        shared[count++] = bind.shared;
    }
    if (!action->count) report(c, action, "expected at least one name and its value");
    step_at(c, number)->u.let = (struct let_step){ slots, shared, values, count };
}

void compile_assert(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t number = emit(c, step, STEP_ASSERT);
    expr_t e = expression_of(c, action, KIND_BOOL, "a truth value, as a comparison gives");
    step_at(c, number)->u.value = e;
}

static uint32_t event_number(struct compiler *c, const struct node *node)
{
    const char *name = node ? expect_identifier(c, node, "the name of an event") : NULL;
    if (!name) return 0;
    const struct symbol *symbol = symbols_find(&c->events, name);
    if (symbol) return symbol->index;
    uint32_t number = (uint32_t)c->events.list.count;
    symbols_add(&c->events, c->arena,
                (struct symbol){ .name = name, .kind = NAME_EVENT, .index = number });
    return number;
}

void compile_signal(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t number = emit(c, step, STEP_SIGNAL);
    struct event_step event = { 0 };
    if (action->kind == NODE_MAP) {
        const struct node *count = node_get(action, "count");
        if (!keys_check(c, action, "signal")) return;
        event.event = event_number(c, node_get(action, "event"));
        if (count) event.count = expression_of(c, count, KIND_INT, "an integer");
    } else {
        event.event = event_number(c, action);
    }
    step_at(c, number)->u.event = event;
}

void compile_wait(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t number = emit(c, step, STEP_WAIT);
    struct event_step event = { .event = event_number(c, action) };
    step_at(c, number)->u.event = event;
}

void compile_delay(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t number = emit(c, step, STEP_DELAY);
    struct event_step event = { 0 };
    event.count = expression_of(c, action, KIND_TIME, "a time, as 10 us");
    step_at(c, number)->u.event = event;
}

/* ---- queue_apc ---- */

static const struct name apc_kind_list[] = {
    { "normal", 0, "Runs at PASSIVE_LEVEL, outside of critical regions." },
    { "special", 1, "Runs at APC_LEVEL." },
    { NULL, 0, NULL },
};
static const struct names apc_kinds = { .title = "kind of kernel APC", .list = apc_kind_list };

/* Threads are numbered in the order of the scenario; `steps` are those of `main`. */
static uint32_t thread_named(struct compiler *c, const struct node *node)
{
    const struct node *map = node_get(c->root, "threads");
    const char *name = expect_text(c, node, "the name of a thread");
    if (map && map->kind != NODE_MAP) return 0; /* which is reported there */
    const char **words = arena_new(c->arena, map ? map->count + 1 : 1, sizeof *words);
    uint32_t count = 0;
    if (!map) words[count++] = "main";
    for (size_t i = 0; map && i < map->count; i++)
        if (!key_is_own(map->keys[i])) words[count++] = map->keys[i];
    for (uint32_t i = 0; name && i < count; i++)
        if (strcmp(words[i], name) == 0) return i;
    if (name) report(c, node, "unknown thread '%s'%s", shown(c, name), hint(c, name, words, count));
    return 0;
}

void compile_queue_apc(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t number = emit(c, step, STEP_QUEUE_APC);
    struct apc_step apc = { 0 };
    uint64_t kind = 0;
    compile_as_value(c, node_get(step, "as"), number);
    if (!keys_check(c, action, "queue_apc")) return;
    const struct node *thread = node_get(action, "thread"), *kind_node = node_get(action, "kind");
    const struct node *procedure = node_get(action, "procedure");
    if (thread) apc.thread = thread_named(c, thread);
    if (kind_node) expect_name(c, kind_node, &apc_kinds, &kind);
    if (procedure) compile_invoke(c, action, procedure, &apc.invoke);
    apc.special = kind == 1;
    step_at(c, number)->u.apc = apc;
    c->program->has_apcs = true;
}

static uint32_t compile_irql(struct compiler *c, const struct node *step, const struct node *action,
                             enum step_op op)
{
    uint32_t number = emit(c, step, op);
    uint64_t most = c->program->config.mm.is_64_bit ? IRQL_MOST_64 : IRQL_MOST_32;
    struct value v;
    expr_t e = expression_of(c, action, KIND_INT, "an IRQL, as DISPATCH_LEVEL");
    if (is_constant(c, e, &v) && v.v > most) {
        report(c, action, "expected an IRQL, 0 to %u, found %s", most, found(c, action));
    }
    step_at(c, number)->u.value = e;
    return number;
}

void compile_raise_irql(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t number = compile_irql(c, step, action, STEP_RAISE_IRQL);
    const struct routine *r = routine_find("KeRaiseIrql");
    const struct node *as = node_get(step, "as");
    struct bind bind = { .field = r ? field_find(r->args, "OldIrql") : NULL };
    const char *name = as ? expect_identifier(c, as, "a name") : NULL;
    if (!name || !name_bind(c, as, name, &bind)) return;
    struct list binds = { 0 };
    *(struct bind *)list_add(c->arena, &binds, sizeof bind) = bind;
    binds_set(c, number, &binds);
}

void compile_lower_irql(struct compiler *c, const struct node *step, const struct node *action)
{
    compile_irql(c, step, action, STEP_LOWER_IRQL);
}
