/* `processes`: user processes and the buffers that they have before the first step (scenario
 * format, section 5). */
#include "scenario/compiler.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_ALIGN (64 * KIB)

static struct buffer_plan *buffer_at(const struct compiler *c, size_t i)
{
    return (struct buffer_plan *)c->buffers.items + i;
}

/* `$buf` is the buffer while only one process has that name, else `$app.buf`. */
static void define_buffer(struct compiler *c, const struct node *map, size_t i, uint32_t index)
{
    const char *name = map->keys[i];
    struct symbol *other = symbols_find(&c->names, name);
    if (other && (other->kind == NAME_BUFFER || other->kind == NAME_BUFFERS)) {
        other->kind = NAME_BUFFERS;
        return;
    }
    struct symbol symbol = { .name = name, .kind = NAME_BUFFER, .index = index };
    name_define(c, map->items[i], map->key_where[i], symbol);
}

static void check_protect(struct compiler *c, const struct node *node, struct buffer_plan *b)
{
    struct value v;
    if (!node || !constant(c, node, &v)) return;
    if (v.kind == VALUE_INT && v.v <= UINT32_MAX && protect_is_valid((uint32_t)v.v)) {
        b->protect = (uint32_t)v.v;
        return;
    }
    report(c, node, "expected a page protection, as PAGE_READONLY, found %s%s", found(c, node),
           node->kind == NODE_SCALAR ? hint_names(c, node->text, &page_protections) : "");
}

static void compile_place(struct compiler *c, const struct node *map, struct buffer_plan *b)
{
    uint64_t highest = c->program->config.mm.highest_user.v;
    const struct node *at = node_get(map, "at"), *size = node_get(map, "size");
    struct range places = { BUFFER_ALIGN, highest & ~(BUFFER_ALIGN - 1) };
    struct range sizes = { 1, highest + 1 - BUFFER_ALIGN };
    bool fine = expect_number(c, at, NUMBER_ADDRESS, places, &b->at);
    if (size) fine = expect_number(c, size, NUMBER_SIZE, sizes, &b->size_bytes) && fine;
    if (!at || !fine || !size) return;
    if (b->at % BUFFER_ALIGN != 0) {
        report(c, at, "expected a multiple of 64 KiB, found %s", found(c, at));
    } else if (b->size_bytes - 1 > highest - b->at) {
        report(c, map, "the buffer ends above user space, whose last byte is at %x", highest);
    }
}

/* Memory in large pages: what MEM_LARGE_PAGES demands of ZwAllocateVirtualMemory. */
static void check_large(struct compiler *c, const struct node *map, const struct buffer_plan *b)
{
    uint64_t bytes = pte_level_pages(b->page_level) * PAGE_BYTES;
    const struct node *pages = node_get(map, "pages");
    if (b->size_bytes % bytes != 0) {
        report(c, node_get(map, "size"), "expected a multiple of the buffer's pages, %s, found %s",
               found(c, pages), found(c, node_get(map, "size")));
    }
    if (b->at % bytes != 0) {
        report(c, node_get(map, "at"), "expected a multiple of the buffer's pages, %s, found %s",
               found(c, pages), found(c, node_get(map, "at")));
    }
    if (!b->commit) report(c, node_get(map, "commit"), "large pages are always committed");
    if (node_get(map, "touched") && !b->touched) {
        report(c, node_get(map, "touched"), "large pages are always resident");
    }
    if (node_get(map, "shares")) report(c, node_get(map, "shares"), "large pages cannot be shared");
    if (node_get(map, "protect") && protect_bits(b->protect) == 0) {
        report(c, node_get(map, "protect"), "large pages need a protection that permits access");
    }
}

static void compile_pages(struct compiler *c, const struct node *map, struct buffer_plan *b)
{
    const struct node *node = node_get(map, "pages");
    uint64_t bytes = PAGE_BYTES;
    if (!expect_number(c, node, NUMBER_SIZE, (struct range){ 1, UINT64_MAX }, &bytes)) return;
    bool has_1_gib = c->program->config.has_1_gib_pages &&
                     c->program->config.arch != ARCH_X86_PAE;
    switch (bytes) {
    case PAGE_BYTES: return;
    case 2 * MIB: b->page_level = LEVEL_PD; break;
    case GIB: b->page_level = LEVEL_PDPT; break;
    default: report(c, node, "expected 4 KiB, 2 MiB or 1 GiB, found %s", found(c, node)); return;
    }
    if (b->page_level == LEVEL_PDPT && !has_1_gib) {
        report(c, node, "the processor has no pages of 1 GiB in this mode");
        return;
    }
    check_large(c, map, b);
}

static void compile_buffer(struct compiler *c, const struct node *buffers, size_t i)
{
    const struct node *map = buffers->items[i];
    if (key_is_own(buffers->keys[i]) || !expect_key_identifier(c, buffers, i, "a name")) return;
    uint32_t index = (uint32_t)c->buffers.count;
    struct buffer_plan b = { .name = buffers->keys[i], .protect = PROT_READWRITE, .commit = true,
                             .page_level = LEVEL_PT, .shares = -1, .where = buffers->key_where[i],
                             .slot = shared_slot(c, buffers->keys[i]) };
    define_buffer(c, buffers, i, index);
    if (keys_check(c, map, "processes.*.buffers.*")) {
        compile_place(c, map, &b);
        check_protect(c, node_get(map, "protect"), &b);
        expect_bool(c, node_get(map, "commit"), &b.commit);
        expect_bool(c, node_get(map, "touched"), &b.touched);
        if (b.touched && !b.commit) {
            report(c, node_get(map, "touched"),
                   "pages that are only reserved (commit: false) cannot be resident");
        }
        compile_pages(c, map, &b);
    }
    *(struct buffer_plan *)list_add(c->arena, &c->buffers, sizeof b) = b;
    *(const struct node **)list_add(c->arena, &c->buffer_nodes, sizeof map) = map;
}

static void compile_process(struct compiler *c, const struct node *processes, size_t i)
{
    const struct node *map = processes->items[i];
    const char *name = processes->keys[i];
    if (key_is_own(name) || !expect_key_identifier(c, processes, i, "a name")) return;
    if (strcmp(name, "System") == 0 || strcmp(name, "system") == 0) {
        report_key(c, processes, i, "the name '%s' is taken: it is the System process", name);
        return;
    }
    uint32_t index = (uint32_t)c->processes.count;
    struct symbol symbol = { .name = name, .kind = NAME_PROCESS, .index = index };
    name_define(c, map, processes->key_where[i], symbol);
    struct process_plan plan = { .name = name, .slot = shared_slot(c, name),
                                 .first_buffer = (uint32_t)c->buffers.count,
                                 .where = processes->key_where[i] };
    if (keys_check(c, map, "processes.*")) {
        const struct node *limits = node_get(map, "working_set");
        if (limits) report(c, limits, "limits of working sets are not there yet");
        const struct node *buffers = node_get(map, "buffers");
        bool fine = buffers && expect_map(c, buffers, "a mapping of buffers");
        for (size_t n = 0; fine && n < buffers->count; n++) compile_buffer(c, buffers, n);
    }
    plan.buffer_count = (uint32_t)(c->buffers.count - plan.first_buffer);
    *(struct process_plan *)list_add(c->arena, &c->processes, sizeof plan) = plan;
}

/* Index of the buffer with that name in a process, -1 when it has none. */
static int32_t buffer_in(const struct compiler *c, const struct process_plan *process,
                         const char *name)
{
    for (uint32_t i = 0; i < process->buffer_count; i++) {
        uint32_t index = process->first_buffer + i;
        if (strcmp(buffer_at(c, index)->name, name) == 0) return (int32_t)index;
    }
    return -1;
}

int32_t buffer_named(struct compiler *c, const struct node *node, const char *text,
                     const struct process_plan *own)
{
    const char *dot = strchr(text, '.');
    const char *name = dot ? dot + 1 : text;
    size_t matches = 0;
    int32_t match = dot || !own ? -1 : buffer_in(c, own, name);
    if (match >= 0) return match;
    for (size_t p = 0; p < c->processes.count; p++) {
        const struct process_plan *process = (const struct process_plan *)c->processes.items + p;
        bool named = !dot || (strlen(process->name) == (size_t)(dot - text) &&
                              strncmp(process->name, text, (size_t)(dot - text)) == 0);
        int32_t index = named ? buffer_in(c, process, name) : -1;
        if (index < 0) continue;
        matches++;
        match = index;
    }
    const char **words = arena_new(c->arena, c->buffers.count + 1, sizeof *words);
    for (size_t i = 0; i < c->buffers.count; i++) words[i] = buffer_at(c, i)->name;
    if (matches == 1) return match;
    if (matches == 0) {
        report(c, node, "unknown buffer '%s'%s", shown(c, text),
               hint(c, name, words, c->buffers.count));
    } else {
        report(c, node, "several processes have a buffer '%s': name the process, as app.%s",
               shown(c, text), shown(c, text));
    }
    return -1;
}

static void compile_shares(struct compiler *c, const struct node *node, struct buffer_plan *b,
                           const struct process_plan *own)
{
    const char *text = expect_text(c, node, "the name of a buffer");
    if (!text) return;
    if (*text == '$') text++;
    int32_t other = buffer_named(c, node, text, own);
    if (other < 0) return;
    if (buffer_at(c, (size_t)other) == b) {
        report(c, node, "the buffer shares its own pages");
        return;
    }
    b->shares = other;
}

static bool writes_copy(uint32_t protect)
{
    return protect & (PROT_WRITECOPY | PROT_EXECUTE_WRITECOPY);
}

static void check_shares(struct compiler *c, const struct node *map, const struct buffer_plan *b)
{
    const struct node *node = node_get(map, "shares");
    if (b->shares < 0) {
        const struct node *protect = node_get(map, "protect");
        if (protect && !node && writes_copy(b->protect)) {
            report(c, protect, "only a buffer that shares another's pages can be copy-on-write");
        }
        return;
    }
    const struct buffer_plan *other = buffer_at(c, (size_t)b->shares);
    if (other->shares >= 0 && writes_copy(other->protect)) {
        report(c, node, "'%s' itself shows the pages of '%s', copy-on-write: name that one",
               other->name, buffer_at(c, (size_t)other->shares)->name);
    } else if (b->page_level == LEVEL_PT && other->page_level > LEVEL_PT) {
        report(c, node, "'%s' is memory in large pages, which cannot be shared", other->name);
    } else if (!b->commit || !other->commit) {
        report(c, node, "buffers that are only reserved (commit: false) cannot share pages");
    } else if (span_pages(0, b->size_bytes) > span_pages(0, other->size_bytes)) {
        report(c, node, "the buffer has %u bytes, more than the %u of '%s'", b->size_bytes,
               other->size_bytes, other->name);
    }
}

/* A view of a view is one of the buffer whose pages both show. */
static void follow_shares(struct compiler *c, const struct node *map, struct buffer_plan *b)
{
    for (size_t steps = 0; b->shares >= 0 && steps <= c->buffers.count; steps++) {
        int32_t further = buffer_at(c, (size_t)b->shares)->shares;
        if (further < 0) return;
        b->shares = further;
    }
    if (b->shares >= 0) report(c, node_get(map, "shares"), "the buffers share in a circle");
    b->shares = -1;
}

static int place_compare(const void *a, const void *b)
{
    const struct buffer_plan *x = *(const struct buffer_plan *const *)a;
    const struct buffer_plan *y = *(const struct buffer_plan *const *)b;
    return (x->at > y->at) - (x->at < y->at);
}

/* Buffers with an address of their own must not overlap. */
static void check_places(struct compiler *c, const struct process_plan *process)
{
    const struct node *const *maps = c->buffer_nodes.items;
    const struct buffer_plan *first = c->buffers.items;
    const struct buffer_plan **all = arena_new(c->arena, c->buffers.count + 1, sizeof *all);
    size_t count = 0;
    for (uint32_t i = 0; i < process->buffer_count; i++) {
        const struct buffer_plan *b = buffer_at(c, process->first_buffer + i);
        if (b->at != 0 && b->size_bytes != 0) all[count++] = b;
    }
    qsort(all, count, sizeof *all, place_compare);
    for (size_t i = 1; i < count; i++) {
        if (all[i]->at - all[i - 1]->at >= all[i - 1]->size_bytes) continue;
        report(c, node_get(maps[all[i] - first], "at"),
               "the buffer overlaps '%s', whose last byte is at %x", all[i - 1]->name,
               all[i - 1]->at + all[i - 1]->size_bytes - 1);
    }
}

/* TLB entries tell 65,535 spaces apart; KVA shadow takes two for each process and for System. */
static void check_count(struct compiler *c, const struct node *processes)
{
    uint64_t most = c->program->config.kva_shadow ? TLB_SPACES / 2 - 2 : TLB_SPACES - 1;
    if (c->processes.count <= most) return;
    report(c, processes, "expected at most %u processes, found %u", most,
           (uint64_t)c->processes.count);
}

void compile_processes(struct compiler *c)
{
    const struct node *processes = node_get(c->root, "processes");
    if (!processes || !expect_map(c, processes, "a mapping of processes")) return;
    for (size_t i = 0; i < processes->count; i++) compile_process(c, processes, i);
    check_count(c, processes);
    /* A buffer may share the pages of any other, also of one further down. */
    const struct node *const *maps = c->buffer_nodes.items;
    for (size_t p = 0; p < c->processes.count; p++) {
        const struct process_plan *process = (const struct process_plan *)c->processes.items + p;
        for (uint32_t i = 0; i < process->buffer_count; i++) {
            uint32_t index = process->first_buffer + i;
            const struct node *shares = node_get(maps[index], "shares");
            if (shares) compile_shares(c, shares, buffer_at(c, index), process);
        }
    }
    for (size_t i = 0; i < c->buffers.count; i++) check_shares(c, maps[i], buffer_at(c, i));
    for (size_t i = 0; i < c->buffers.count; i++) follow_shares(c, maps[i], buffer_at(c, i));
    const struct process_plan *plans = c->processes.items;
    for (size_t p = 0; p < c->processes.count; p++) check_places(c, &plans[p]);
}
