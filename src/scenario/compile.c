/* From the located document to a program: the sections in the order in which they need each
 * other. */
#include "scenario/compile.h"

#include "scenario/compiler.h"

#include <string.h>

/* Words compared for "did you mean" in one file: about a dozen messages with the longest table. */
enum { HINTS_MOST = 20000 };

static void compile_top(struct compiler *c)
{
    const struct node *format = node_get(c->root, "mdlsim"), *name = node_get(c->root, "name");
    const struct node *description = node_get(c->root, "description");
    struct program *program = c->program;
    uint64_t version = 1;
    struct value v;
    keys_check(c, c->root, "");
    if (format && constant(c, format, &v) && (v.kind != VALUE_INT || v.v != version)) {
        report(c, format, "expected 1, the only version of the format, found %s", found(c, format));
    }
    program->name = name ? expect_text(c, name, "a text") : NULL;
    if (!program->name) program->name = "";
    if (strchr(program->name, '\n')) report(c, name, "the name is one line: more is 'description'");
    if (description && description->kind != NODE_SCALAR) {
        report(c, description, "expected a text, found %s", found(c, description));
    }
    const struct node *tags = node_get(c->root, "tags");
    bool fine = tags && expect_list(c, tags, "a list of words");
    for (size_t i = 0; fine && i < tags->count; i++) expect_text(c, tags->items[i], "a word");
}

void compile_checks(struct compiler *c)
{
    const struct node *checks = node_get(c->root, "checks");
    if (!checks || !expect_list(c, checks, "a list of expressions")) return;
    struct check_plan *list = arena_new(c->arena, checks->count + 1, sizeof *list);
    for (size_t i = 0; i < checks->count; i++) {
        const struct node *node = checks->items[i];
        list[i].expression = expression_of(c, node, KIND_BOOL,
                                           "a truth value, as a comparison gives");
        list[i].where = node->where;
        list[i].text = node->kind == NODE_SCALAR ? node->text : "";
    }
    c->program->checks = list;
    c->program->check_count = checks->count;
}

static const char *const *names_of(struct compiler *c, const struct symbols *s)
{
    const char **names = arena_new(c->arena, s->list.count + 1, sizeof *names);
    for (size_t i = 0; i < s->list.count; i++) names[i] = symbols_at(s, i)->name;
    return names;
}

static void collect(struct compiler *c)
{
    struct program *p = c->program;
    p->processes = c->processes.items;
    p->process_count = c->processes.count;
    p->buffers = c->buffers.items;
    p->buffer_count = c->buffers.count;
    p->nodes = c->nodes.items;
    p->node_count = c->nodes.count;
    p->steps = c->steps.items;
    p->step_count = c->steps.count;
    p->slot_names = c->slots.items;
    p->slot_count = c->slots.count;
    p->shared_names = c->shared.items;
    p->shared_count = c->shared.count;
    p->event_names = names_of(c, &c->events);
    p->event_count = c->events.list.count;
    p->span_names = names_of(c, &c->spans);
    p->span_count = c->spans.list.count;
    p->phase_names = names_of(c, &c->phases);
    p->phase_count = c->phases.list.count;
    p->replays = c->replays.items;
    p->replay_count = c->replays.count;
}

static void compile_sections(struct compiler *c)
{
    list_add(c->arena, &c->nodes, sizeof(struct expr_node)); /* number 0 is no expression */
    c->constants_only = true;
    compile_system(c);
    compile_vars(c);
    compile_top(c);
    c->program->config.seed = 1;
    expect_number(c, node_get(c->root, "seed"), NUMBER_COUNT, (struct range){ 0, UINT64_MAX },
                  &c->program->config.seed);
    compile_cpu(c);
    compile_ram(c);
    compile_memory_types(c);
    compile_devices(c);
    compile_mm(c);
    compile_verifier(c);
    compile_processes(c);
    compile_shared(c);
    collect_procedures(c);
    c->constants_only = false;
    compile_threads(c);
    compile_procedures(c);
    compile_checks(c);
}

const struct program *scenario_compile(const struct node *root, struct diags *diags,
                                       struct arena *arena)
{
    uint64_t before = diags->count + diags->dropped;
    struct compiler c = { .diags = diags, .arena = arena, .root = root, .hints_left = HINTS_MOST,
                          .procedure = NO_PROCEDURE };
    c.program = arena_new(arena, 1, sizeof *c.program);
    struct symbols *tables[] = { &c.names, &c.procedures, &c.spans, &c.events, &c.phases };
    for (size_t i = 0; i < COUNT_OF(tables); i++) map_init(&tables[i]->index, arena->from);
    compile_sections(&c);
    collect(&c);
    names_finish(&c);
    stats_finish(&c);
    for (size_t i = 0; i < COUNT_OF(tables); i++) map_free(&tables[i]->index);
    return diags->count + diags->dropped == before ? c.program : NULL;
}
