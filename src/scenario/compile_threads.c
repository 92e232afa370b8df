/* `threads`, or the shorthand `steps`; and `procedures` (scenario format, sections 2 and 6). */
#include "scenario/compiler.h"

#include <string.h>

enum { CALLS_MOST = 64, PARAMETERS_MOST = 64 };

static const struct name mode_list[] = {
    { "kernel", 0, "The mode of drivers." },
    { "user", 1, "The mode of applications." },
    { NULL, 0, NULL },
};
static const struct names mode_names = { .title = "mode", .list = mode_list };

static const struct name model_list[] = {
    { "wdm", 0, "Windows Driver Model." },
    { "kmdf", 1, "Kernel-Mode Driver Framework." },
    { "storport", 2, "Storport miniport driver." },
    { NULL, 0, NULL },
};
static const struct names model_names = { .title = "driver model", .list = model_list };

/* ---- procedures ---- */

static const struct node *procedure_part(const struct node *node, const char *key)
{
    if (node->kind == NODE_LIST) return strcmp(key, "steps") == 0 ? node : NULL;
    return node_get(node, key);
}

static void collect_parameters(struct compiler *c, const struct node *list, uint32_t number)
{
    if (!list || !expect_list(c, list, "a list of names")) return;
    if (list->count > PARAMETERS_MOST) {
        report(c, list, "expected at most %u parameters, found %u", (uint64_t)PARAMETERS_MOST,
               (uint64_t)list->count);
        return;
    }
    uint32_t *slots = arena_new(c->arena, list->count + 1, sizeof *slots);
    const char **names = arena_new(c->arena, list->count + 1, sizeof *names);
    uint32_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *name = expect_identifier(c, list->items[i], "the name of a parameter");
        bool twice = false;
        for (uint32_t k = 0; name && k < count; k++) twice = twice || !strcmp(names[k], name);
        if (twice) report(c, list->items[i], "the parameter '%s' is there twice", name);
        if (!name || twice) continue;
        names[count] = name;
        slots[count++] = (uint32_t)c->slots.count;
        *(const char **)list_add(c->arena, &c->slots, sizeof name) = name;
    }
    c->parameter_names[number] = names;
    c->procedure_list[number].parameters = slots;
    c->procedure_list[number].parameter_count = count;
}

void collect_procedures(struct compiler *c)
{
    const struct node *map = node_get(c->root, "procedures");
    size_t most = map && map->kind == NODE_MAP ? map->count : 0;
    c->procedure_list = arena_new(c->arena, most + 1, sizeof *c->procedure_list);
    c->procedure_nodes = arena_new(c->arena, most + 1, sizeof *c->procedure_nodes);
    c->parameter_names = arena_new(c->arena, most + 1, sizeof *c->parameter_names);
    c->first_edge = arena_new(c->arena, most + 2, sizeof *c->first_edge);
    if (!map || !expect_map(c, map, "a mapping of procedures")) return;
    for (size_t i = 0; i < map->count; i++) {
        const struct node *node = map->items[i];
        uint32_t number = (uint32_t)c->procedures.list.count;
        if (key_is_own(map->keys[i])) continue;
        if (!expect_key_identifier(c, map, i, "the name of a procedure")) continue;
        if (routine_find(map->keys[i])) {
            report_key(c, map, i, "the name '%s' is taken: it is a routine", map->keys[i]);
            continue;
        }
        if (node->kind != NODE_LIST && !keys_check(c, node, "procedures.*")) continue;
        symbols_add(&c->procedures, c->arena,
                    (struct symbol){ .name = map->keys[i], .kind = NAME_PROCEDURE,
                                     .index = number });
        c->procedure_nodes[number] = node;
        c->procedure_list[number].name = map->keys[i];
        collect_parameters(c, procedure_part(node, "parameters"), number);
    }
}

/* Depth-first search for a procedure that calls itself. */
enum color { NEW, OPEN, DONE };

static void visit(struct compiler *c, uint32_t number, uint8_t *colors, unsigned depth)
{
    const struct call_edge *edges = c->edges.items;
    colors[number] = OPEN;
    for (size_t i = c->first_edge[number]; i < c->first_edge[number + 1]; i++) {
        uint32_t callee = edges[i].callee;
        if (colors[callee] == OPEN) {
            report(c, edges[i].node, "the procedure '%s' would call itself without end",
                   c->procedure_list[callee].name);
        } else if (depth == CALLS_MOST) {
            report(c, edges[i].node, "procedures call each other more than %u deep",
                   (uint64_t)CALLS_MOST);
        } else if (colors[callee] == NEW) {
            visit(c, callee, colors, depth + 1);
        }
    }
    colors[number] = DONE;
}

void compile_procedures(struct compiler *c)
{
    size_t count = c->procedures.list.count;
    uint8_t *colors = arena_new(c->arena, count + 1, sizeof *colors);
    for (uint32_t i = 0; i < count; i++) {
        const struct node *node = c->procedure_nodes[i];
        const struct node *steps = procedure_part(node, "steps");
        c->first_edge[i] = c->edges.count;
        c->procedure = i;
        c->procedure_steps = steps;
        c->procedure_list[i].entry = next_step(c);
        compile_steps(c, steps);
        emit(c, node, STEP_LEAVE);
    }
    c->first_edge[count] = c->edges.count;
    c->procedure = NO_PROCEDURE;
    for (uint32_t i = 0; i < count; i++) {
        if (colors[i] == NEW) visit(c, i, colors, 1);
    }
    c->program->procedures = c->procedure_list;
    c->program->procedure_count = count;
}

/* ---- threads ---- */

static int32_t thread_process(struct compiler *c, const struct node *node)
{
    int32_t first = c->processes.count ? 0 : -1;
    const char *text = node ? expect_text(c, node, "the name of a process") : NULL;
    if (!text) return first;
    if (strcmp(text, "System") == 0) return -1;
    const char **words = arena_new(c->arena, c->processes.count + 2, sizeof *words);
    const struct process_plan *processes = c->processes.items;
    words[c->processes.count] = "System";
    for (size_t i = 0; i < c->processes.count; i++) {
        words[i] = processes[i].name;
        if (strcmp(words[i], text + (*text == '$')) == 0) return (int32_t)i;
    }
    report(c, node, "unknown process '%s'%s", shown(c, text),
           hint(c, text, words, c->processes.count + 1));
    return first;
}

static void compile_context(struct compiler *c, const struct node *node, struct thread_plan *plan)
{
    if (!node || !keys_check(c, node, "threads.*.context")) return;
    const struct node *model = node_get(node, "model"), *callback = node_get(node, "callback");
    uint64_t ignored;
    if (model && expect_name(c, model, &model_names, &ignored)) plan->model = model->text;
    if (callback) plan->callback = expect_identifier(c, callback, "the name of a callback");
}

static void compile_settings(struct compiler *c, const struct node *map, struct thread_plan *plan)
{
    uint64_t cpu = 0, irql = 0, mode = 0;
    uint64_t irql_most = c->program->config.mm.is_64_bit ? 15 : 31;
    const struct node *mode_node = node_get(map, "mode");
    plan->process = thread_process(c, node_get(map, "process"));
    expect_number(c, node_get(map, "cpu"), NUMBER_COUNT,
                  (struct range){ 0, c->program->config.cpu_count - 1 }, &cpu);
    expect_number(c, node_get(map, "irql"), NUMBER_COUNT, (struct range){ 0, irql_most }, &irql);
    if (mode_node) expect_name(c, mode_node, &mode_names, &mode);
    plan->cpu = (uint32_t)cpu;
    plan->irql = (uint32_t)irql;
    plan->user_mode = mode == 1;
    compile_context(c, node_get(map, "context"), plan);
}

static void compile_body(struct compiler *c, const struct node *steps, const struct node *end,
                         struct thread_plan *plan)
{
    plan->entry = next_step(c);
    compile_steps(c, steps);
    emit(c, end, STEP_END);
}

static size_t compile_named_threads(struct compiler *c, const struct node *map,
                                    struct thread_plan *plans)
{
    size_t count = 0;
    if (!expect_map(c, map, "a mapping of threads")) return 0;
    for (size_t i = 0; i < map->count; i++) {
        const struct node *node = map->items[i];
        if (key_is_own(map->keys[i])) continue;
        struct thread_plan *plan = &plans[count++];
        if (!expect_key_identifier(c, map, i, "the name of a thread")) continue;
        if (!keys_check(c, node, "threads.*")) continue;
        plan->name = map->keys[i];
        plan->where = map->key_where[i];
        compile_settings(c, node, plan);
        compile_body(c, node_get(node, "steps"), node, plan);
    }
    if (count == 0) report(c, map, "expected a thread");
    return count;
}

void compile_threads(struct compiler *c)
{
    const struct node *threads = node_get(c->root, "threads"), *steps = node_get(c->root, "steps");
    size_t most = threads && threads->kind == NODE_MAP ? threads->count : 0, count = 1;
    struct thread_plan *plans = arena_new(c->arena, most + 1, sizeof *plans);
    plans->name = "main";
    plans->process = c->processes.count ? 0 : -1;
    c->procedure = NO_PROCEDURE;
    if (threads && steps) {
        report_key(c, c->root, steps->index_in_parent,
                   "give either 'steps' or 'threads': 'steps' is the one thread 'main'");
    } else if (threads) {
        count = compile_named_threads(c, threads, plans);
    } else if (steps) {
        compile_body(c, steps, steps, plans);
    } else {
        report(c, c->root, "one of the keys 'steps' and 'threads' is missing");
    }
    c->program->threads = plans;
    c->program->thread_count = count;
}
