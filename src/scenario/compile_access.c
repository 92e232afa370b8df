/* Steps that touch memory: read, write, execute, copy; and `set`, which writes members. */
#include "scenario/compiler.h"

#include <string.h>

enum { SIZE_MOST = 4096, VALUE_SIZE_MOST = 8 };

static const struct name pattern_list[] = {
    { "sequential", PATTERN_SEQUENTIAL, "One place after the other." },
    { "random", PATTERN_RANDOM, "Seeded random places." },
    { "chase", PATTERN_CHASE, "All places in a seeded random order, as a chain of pointers." },
    { NULL, 0, NULL },
};
static const struct names pattern_names = { .title = "pattern", .list = pattern_list };

static const struct name mode_list[] = {
    { "kernel", 0, "The mode of drivers." },
    { "user", 1, "The mode of applications." },
    { NULL, 0, NULL },
};
static const struct names mode_names = { .title = "mode", .list = mode_list };

/* An expression where there is a node. */
static expr_t optional(struct compiler *c, const struct node *node, unsigned kinds,
                       const char *what)
{
    return node ? expression_of(c, node, kinds, what) : 0;
}

/* A constant must lie in a range; what only the run can tell passes. */
static void check_range(struct compiler *c, const struct node *node, expr_t e, struct range range,
                        const char *what)
{
    struct value v;
    if (!is_constant(c, e, &v) || (v.v >= range.min && v.v <= range.max)) return;
    report(c, node, "expected %s, found %s", what, found(c, node));
}

static void check_length(struct compiler *c, const struct node *action, const struct access_step *a)
{
    struct value size = value_int(ACCESS_SIZE_DEFAULT), length;
    const struct node *node = node_get(action, "length");
    bool known = !a->size || is_constant(c, a->size, &size);
    if (!known || size.v == 0 || size.v > SIZE_MOST || !is_constant(c, a->length, &length)) return;
    if (length.v != 0 && length.v % size.v == 0) return;
    report(c, node, "expected a multiple of the size of an access, %u bytes, found %s", size.v,
           found(c, node));
}

/* A chase uses another line of each stride, and so has no room for a part of one. */
static void check_chase(struct compiler *c, const struct node *action, const struct access_step *a)
{
    struct value stride, length;
    if (a->pattern != PATTERN_CHASE || !a->stride || !a->length) return;
    if (!is_constant(c, a->stride, &stride) || !is_constant(c, a->length, &length)) return;
    if (stride.v <= CACHE_LINE_BYTES || length.v % stride.v == 0) return;
    const struct node *node = node_get(action, "length");
    report(c, node, "a chase goes over whole strides: expected a multiple of %u bytes, found %s",
           stride.v, found(c, node));
}

static void check_value(struct compiler *c, const struct node *action, const struct access_step *a)
{
    struct value size = value_int(ACCESS_SIZE_DEFAULT), value;
    const struct node *node = node_get(action, "value");
    if (!node || (a->size && !is_constant(c, a->size, &size))) return;
    if (a->type == ACCESS_EXECUTE) {
        report(c, node, "code that is executed has no value");
    } else if (size.v > VALUE_SIZE_MOST) {
        report(c, node_get(action, "size"), "a value has 1 to 8 bytes, this size is %u", size.v);
    } else if (is_constant(c, a->value, &value) && size.v > 0 && size.v < VALUE_SIZE_MOST &&
               value.v >> (8 * size.v) != 0) {
        report(c, node, "the value does not fit into %u byte%s", size.v, size.v == 1 ? "" : "s");
    }
}

/* A constant, `v` where there is no expression. */
static bool is_known(const struct compiler *c, expr_t e, uint64_t v, uint64_t *out)
{
    struct value constant = value_int(v);
    bool known = !e || is_constant(c, e, &constant);
    *out = constant.v;
    return known;
}

/* What each run of the step would make of its numbers, where all of them are constants. What is
 * wrong with them is for the run to say. */
static const struct extent *extent_known(struct compiler *c, const struct access_step *a)
{
    struct extent e, *known;
    if (!is_known(c, a->size, ACCESS_SIZE_DEFAULT, &e.size) ||
        !is_known(c, a->stride, e.size, &e.step) || !is_known(c, a->count, 0, &e.count) ||
        !is_known(c, a->length, 0, &e.length) || extent_complete(a, &e) != NULL)
        return NULL;
    known = arena_new(c->arena, 1, sizeof *known);
    *known = e;
    return known;
}

/* Fills the step; false after an error of the whole mapping. */
static bool access_fill(struct compiler *c, const struct node *action, struct access_step *a)
{
    if (!keys_check(c, action, "access")) return false;
    const struct node *size = node_get(action, "size"), *stride = node_get(action, "stride");
    const struct node *pattern = node_get(action, "pattern"), *mode = node_get(action, "mode");
    uint64_t word = PATTERN_SEQUENTIAL;
    a->address = optional(c, node_get(action, "address"), KIND_POINTER, "an address");
    a->length = optional(c, node_get(action, "length"), KIND_NUMBER, "a size");
    a->stride = optional(c, stride, KIND_NUMBER, "a size");
    a->size = optional(c, size, KIND_NUMBER, "a size");
    a->count = optional(c, node_get(action, "count"), KIND_INT, "an integer");
    a->value = optional(c, node_get(action, "value"), KIND_POINTER | KIND_BOOL, "a value");
    if (size) check_range(c, size, a->size, (struct range){ 1, SIZE_MOST }, "1 to 4096 bytes");
    if (stride) check_range(c, stride, a->stride, (struct range){ 1, UINT64_MAX }, "at least 1");
    if (pattern && expect_name(c, pattern, &pattern_names, &word)) {
        a->pattern = (enum access_pattern)word;
    }
    bool caches = true;
    expect_bool(c, node_get(action, "data_caches"), &caches);
    a->flat = !caches;
    uint64_t overlap = 1;
    expect_number(c, node_get(action, "overlap"), NUMBER_COUNT, (struct range){ 1, 1024 },
                  &overlap);
    a->overlap = (uint32_t)overlap;
    a->mode = -1;
    if (mode && expect_name(c, mode, &mode_names, &word)) a->mode = (int8_t)word;
    check_length(c, action, a);
    check_chase(c, action, a);
    check_value(c, action, a);
    a->extent = extent_known(c, a);
    return true;
}

static uint32_t compile_access(struct compiler *c, const struct node *step,
                               const struct node *action, enum access_type type)
{
    struct access_step a = { .type = type };
    uint32_t number = emit(c, step, STEP_ACCESS);
    access_fill(c, action, &a);
    step_at(c, number)->u.access = a;
    return number;
}

void compile_read(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t number = compile_access(c, step, action, ACCESS_READ);
    compile_as_value(c, node_get(step, "as"), number);
}

void compile_write(struct compiler *c, const struct node *step, const struct node *action)
{
    compile_access(c, step, action, ACCESS_WRITE);
}

void compile_execute(struct compiler *c, const struct node *step, const struct node *action)
{
    compile_access(c, step, action, ACCESS_EXECUTE);
}

void compile_copy(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t number = emit(c, step, STEP_COPY);
    if (!keys_check(c, action, "copy")) return;
    struct copy_step copy = {
        .from = optional(c, node_get(action, "from"), KIND_POINTER, "an address"),
        .to = optional(c, node_get(action, "to"), KIND_POINTER, "an address"),
        .length = optional(c, node_get(action, "length"), KIND_NUMBER, "a size"),
    };
    step_at(c, number)->u.copy = copy;
}

/* ---- set ---- */

/* The key `$mdl.Next` is an expression, too: of the member, the object is what remains. */
static bool compile_target(struct compiler *c, const struct node *map, size_t i,
                           struct assignment *out)
{
    struct node *key = node_new(c->arena, NODE_SCALAR, map->key_where[i]);
    node_text(key, map->keys[i]);
    node_place(key, map, map->keys[i], i);
    expr_t e = expression(c, key);
    if (!e) return false;
    const struct expr_node *n = node_of(c, e);
    if (n->op != EXPR_MEMBER && n->op != EXPR_PFN) {
        report(c, key, "expected a member of an MDL or IRP, as $mdl.Next, found '%s'",
               shown(c, key->text));
        return false;
    }
    bool is_pfn = n->op == EXPR_PFN;
    *out = (struct assignment){ .object = n->a, .member = is_pfn ? MEMBER_COUNT : n->c,
                                .index = is_pfn ? n->b : 0, .text = key->text };
    return true;
}

void compile_set(struct compiler *c, const struct node *step, const struct node *action)
{
    uint32_t number = emit(c, step, STEP_SET);
    if (!expect_map(c, action, "a mapping of members to values, as {$mdl.Next: NULL}")) return;
    struct list items = { 0 };
    for (size_t i = 0; i < action->count; i++) {
        struct assignment one;
        if (key_is_own(action->keys[i])) continue;
        bool fine = compile_target(c, action, i, &one);
        expr_t value = expression_of(c, action->items[i], KIND_POINTER, "a value");
        if (!fine || !value) continue;
        one.value = value;
        *(struct assignment *)list_add(c->arena, &items, sizeof one) = one;
    }
    if (!action->count) report(c, action, "expected at least one member to set");
    step_at(c, number)->u.set = (struct set_step){ items.items, (uint32_t)items.count };
}
