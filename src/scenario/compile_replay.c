/* `replay`: a memory-access trace, and which of its records go where. */
#include "scenario/compiler.h"

#include <string.h>

/* Of the readers in replay/, which is beside this layer. */
static const struct name format_list[] = {
    { "lackey", 0, "valgrind --tool=lackey --trace-mem=yes." },
    { "din", 1, "Dinero's text without sizes." },
    { "xdin", 2, "Dinero's text." },
    { "dinero-binary", 3, "Dinero's 8-byte records." },
    { "champsim", 4, "ChampSim's 64-byte instruction records." },
    { "csv", 5, "kind,address,size and perhaps pid and cpu." },
    { "packed", 6, "What mdlsim import writes." },
    { NULL, 0, NULL },
};
static const struct names format_names = { .title = "format", .list = format_list };

static const struct name only_list[] = {
    { "data", REPLAY_DATA, "Loads and stores." },
    { "instruction", REPLAY_INSTRUCTION, "Fetches." },
    { NULL, 0, NULL },
};
static const struct names only_names = { .title = "kind of records", .list = only_list };

enum on_error { ON_ERROR_STOP, ON_ERROR_SKIP };
static const struct name on_error_list[] = {
    { "stop", ON_ERROR_STOP, "It ends the run." },
    { "skip", ON_ERROR_SKIP, "It is passed over and counted." },
    { NULL, 0, NULL },
};
static const struct names on_error_names = { .title = "on_error", .list = on_error_list };

int32_t process_named(struct compiler *c, const struct node *node)
{
    const char *text = expect_text(c, node, "the name of a process");
    if (!text) return -1;
    if (*text == '$') text++;
    const struct symbol *symbol = symbols_find(&c->names, text);
    if (symbol && symbol->kind == NAME_PROCESS) return (int32_t)symbol->index;
    const char **words = arena_new(c->arena, c->processes.count + 1, sizeof *words);
    for (size_t i = 0; i < c->processes.count; i++) {
        words[i] = ((const struct process_plan *)c->processes.items)[i].name;
    }
    report(c, node, "unknown process '%s'%s", shown(c, text),
           hint(c, text, words, c->processes.count));
    return -1;
}

/* A number of records, 0 where there is no node. */
static expr_t records(struct compiler *c, const struct node *node, uint64_t least)
{
    struct value v;
    if (!node) return 0;
    expr_t e = expression_of(c, node, KIND_INT, "an integer");
    if (is_constant(c, e, &v) && v.v < least) {
        report(c, node, "expected at least %u, found %s", least, found(c, node));
    }
    return e;
}

/* ---- where the addresses go ---- */

static uint32_t owner_of(const struct compiler *c, uint32_t buffer)
{
    const struct process_plan *processes = c->processes.items;
    uint32_t i = 0;
    while (buffer - processes[i].first_buffer >= processes[i].buffer_count) i++;
    return i;
}

static void compile_buffer(struct compiler *c, const struct node *node, struct replay_step *replay)
{
    const struct process_plan *processes = c->processes.items;
    const char *text = expect_text(c, node, "the name of a buffer");
    if (!text) return;
    if (*text == '$') text++;
    replay->buffer =
        buffer_named(c, node, text, replay->process < 0 ? NULL : &processes[replay->process]);
    if (replay->buffer < 0) return;
    int32_t owner = (int32_t)owner_of(c, (uint32_t)replay->buffer);
    if (replay->process >= 0 && replay->process != owner) {
        report(c, node, "the buffer belongs to '%s', not to '%s'", processes[owner].name,
               processes[replay->process].name);
    }
    replay->process = owner;
}

/* ---- phases ---- */

/* The statistics that stand beside those of phases. */
static bool is_taken(const char *name)
{
    static const char *const words[] = { "read", "write", "execute", "replay" };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcmp(name, words[i]) == 0) return true;
    return false;
}

/* Replays that use the same name add up. */
static void add_phase(struct compiler *c, struct list *phases, const struct node *where,
                      const char *name, expr_t count)
{
    if (is_taken(name)) {
        report(c, where, "the name '%s' is taken: it has statistics of its own under "
               "stats.accesses", name);
        return;
    }
    const struct symbol *symbol = symbols_find(&c->phases, name);
    uint32_t number = symbol ? symbol->index : (uint32_t)c->phases.list.count;
    const struct replay_phase *known = phases->items;
    for (size_t i = 0; i < phases->count; i++) {
        if (known[i].number != number) continue;
        report(c, where, "the replay has a phase '%s' already", name);
        return;
    }
    if (!symbol) {
        symbols_add(&c->phases, c->arena,
                    (struct symbol){ .name = name, .kind = NAME_PHASE, .index = number });
    }
    *(struct replay_phase *)list_add(c->arena, phases, sizeof(struct replay_phase)) =
        (struct replay_phase){ name, number, count };
}

static bool is_empty(const struct node *node)
{
    return node->kind == NODE_SCALAR && node->length == 0;
}

/* Phase number i of a list, {name: NAME, count: N}, or of a mapping, NAME: N. */
static void compile_phase(struct compiler *c, const struct node *node, size_t i,
                          struct list *phases)
{
    const struct node *item = node->items[i], *count = item;
    const char *name;
    if (node->kind == NODE_MAP) {
        if (key_is_own(node->keys[i]) || !expect_key_identifier(c, node, i, "a name")) return;
        name = node->keys[i];
    } else {
        if (!keys_check(c, item, "replay.phases[]") || !node_get(item, "name")) return;
        name = expect_identifier(c, node_get(item, "name"), "a name");
        count = node_get(item, "count");
    }
    if (count && is_empty(count)) count = NULL;
    if (!count && i + 1 < node->count) {
        report(c, item, "only the last phase may take all records that are left: give a count");
    }
    expr_t e = records(c, count, 1);
    if (name) add_phase(c, phases, item, name, e);
}

static void compile_phases(struct compiler *c, const struct node *node,
                           struct replay_step *replay)
{
    struct list phases = { 0 };
    if (node->kind != NODE_MAP && !expect_list(c, node, "a list of phases")) return;
    if (!node->count) report(c, node, "expected at least one phase");
    for (size_t i = 0; i < node->count; i++) compile_phase(c, node, i, &phases);
    replay->phases = phases.items;
    replay->phase_count = (uint32_t)phases.count;
}

/* ---- the step ---- */

/* `thp` is no size; sizes may be expressions. */
static void compile_pages(struct compiler *c, const struct node *node, struct replay_step *replay)
{
    uint64_t bytes = 2 * MIB;
    replay->backing.small_code = is_word(node, "thp");
    if (!replay->backing.small_code &&
        !expect_number(c, node, NUMBER_SIZE, (struct range){ 0, UINT64_MAX }, &bytes))
        return;
    replay->backing.level = bytes == 4 * KIB   ? LEVEL_PT
                            : bytes == 2 * MIB ? LEVEL_PD
                            : bytes == GIB     ? LEVEL_PDPT
                                               : 0;
    if (replay->backing.level != 0) return;
    report(c, node, "expected 4 KiB, 2 MiB, 1 GiB or thp, found %s", found(c, node));
}

static void compile_records(struct compiler *c, const struct node *action,
                            struct replay_step *replay)
{
    const struct node *only = node_get(action, "only"), *phases = node_get(action, "phases");
    const struct node *pages = node_get(action, "pages"), *bad = node_get(action, "on_error");
    uint64_t word;
    if (bad && expect_name(c, bad, &on_error_names, &word))
        replay->skip_bad = word == ON_ERROR_SKIP;
    if (pages) compile_pages(c, pages, replay);
    if (only && expect_name(c, only, &only_names, &word)) replay->only = (enum replay_only)word;
    replay->skip = records(c, node_get(action, "skip"), 0);
    replay->warm_up = records(c, node_get(action, "warm_up"), 0);
    replay->limit = records(c, node_get(action, "limit"), 1);
    if (phases) compile_phases(c, phases, replay);
    const struct node *curves = node_get(action, "curves");
    if (curves) replay->curves = compile_curves(c, curves);
}

void compile_replay(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t number = emit(c, step, STEP_REPLAY);
    struct replay_step *replay = arena_new(c->arena, 1, sizeof *replay);
    *replay = (struct replay_step){ .process = -1, .buffer = -1, .backing = { .level = LEVEL_PT },
                                    .source = (uint32_t)c->replays.count };
    step_at(c, number)->u.replay = replay;
    if (!keys_check(c, action, "replay")) return;
    const struct node *file = node_get(action, "file"), *format = node_get(action, "format");
    const struct node *process = node_get(action, "process"), *buffer = node_get(action, "buffer");
    const struct node *base = node_get(action, "address_base");
    uint64_t known;
    if (file) {
        replay->file = expect_text(c, file, "a file name");
        replay->where = file->where;
        replay->path = node_path_text(file, NULL, c->arena);
    }
    if (format && expect_name(c, format, &format_names, &known)) replay->format = format->text;
    if (process) replay->process = process_named(c, process);
    if (buffer) compile_buffer(c, buffer, replay);
    if (base) replay->address_base = expression_of(c, base, KIND_POINTER, "an address");
    expect_bool(c, node_get(action, "data_caches"), &replay->data_caches);
    compile_records(c, action, replay);
    *(const struct replay_step **)list_add(c->arena, &c->replays, sizeof replay) = replay;
}
