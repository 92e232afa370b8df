/* Calls of routines: arguments by name or position, checked against the routine's rows, and what
 * `as` binds of the outcome. */
#include "scenario/compiler.h"

#include <string.h>

enum { OUT_FLAGS = FIELD_OUT | FIELD_INOUT };

/* One call under way. */
struct call {
    struct compiler *c;
    const struct routine *routine;
    const struct node *action; /* value of the routine's key */
    const struct node **given; /* by row, NULL = left out */
    size_t rows;
    bool fine;
};

static const struct node *step_of(const struct call *call)
{
    return call->action->parent;
}

static void fail_key(struct call *call, const char *format, const char *a, const char *b)
{
    const struct node *step = step_of(call);
    report_key(call->c, step, call->action->index_in_parent, format, call->routine->name, a, b);
    call->fine = false;
}

static void check_version(struct call *call)
{
    const struct routine *r = call->routine;
    const struct os_version *os = call->c->program->config.os;
    if (!call->c->os_known) return;
    if (os->rank < r->os_first) {
        fail_key(call, "%s is not in %s: %s is the first that has it", os->name,
                 os_name(r->os_first));
    } else if (r->os_last && os->rank > r->os_last) {
        fail_key(call, "%s is not in %s any more: %s was the last that had it", os->name,
                 os_name(r->os_last));
    }
}

/* ---- which argument goes where ---- */

static void take_named(struct call *call)
{
    const struct node *map = call->action;
    const char *words[ROUTINE_ARGS_MAX + 1];
    for (size_t i = 0; i < call->rows && i < COUNT_OF(words); i++) {
        words[i] = call->routine->args[i].key;
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct field *row = field_find(call->routine->args, map->keys[i]);
        if (key_is_own(map->keys[i])) continue;
        if (!row) {
            report_key(call->c, map, i, "%s has no parameter '%s'%s", call->routine->name,
                       shown(call->c, map->keys[i]),
                       hint_or_all(call->c, map->keys[i], words, call->rows));
            call->fine = false;
        } else if (row->flags & FIELD_OUT) {
            report_key(call->c, map, i, "%s is an out parameter: bind it, as: {%s: name}",
                       row->key, row->key);
            call->fine = false;
        } else {
            call->given[row - call->routine->args] = map->items[i];
        }
    }
}

static void take_positions(struct call *call, const struct node *const *items, size_t count)
{
    size_t next = 0;
    for (size_t i = 0; i < call->rows && next < count; i++) {
        if (!(call->routine->args[i].flags & FIELD_OUT)) call->given[i] = items[next++];
    }
    if (next == count) return;
    report(call->c, items[next], "too many arguments: %s takes %u%s", call->routine->name,
           (uint64_t)next, next < call->rows ? ", and its out parameters are bound by 'as'" : "");
    call->fine = false;
}

static void take_arguments(struct call *call)
{
    const struct node *action = call->action;
    bool nothing = action->kind == NODE_SCALAR && action->length == 0 && !action->quoted;
    if (action->kind == NODE_MAP) {
        take_named(call);
    } else if (action->kind == NODE_LIST) {
        take_positions(call, (const struct node *const *)action->items, action->count);
    } else if (!nothing) {
        if (routine_required(call->routine) == 1) {
            take_positions(call, &action, 1);
            return;
        }
        report(call->c, action, "expected the arguments of %s, as {%s: ...}, found %s",
               call->routine->name, call->rows ? call->routine->args[0].key : "",
               found(call->c, action));
        call->fine = false;
    }
}

/* ---- one argument ---- */

static unsigned kinds_of(const struct field *row)
{
    switch (row->type) {
    case FIELD_BOOL: return KIND_BOOL | KIND_INT; /* a BOOLEAN is 0 or 1 in C */
    case FIELD_TIME: return KIND_TIME;
    case FIELD_VA: return KIND_POINTER;
    case FIELD_MDL: return KIND_INT | KIND_NULL | 1u << VALUE_MDL;
    case FIELD_IRP: return KIND_INT | KIND_NULL | 1u << VALUE_IRP;
    case FIELD_PROCESS: return KIND_INT | KIND_NULL | 1u << VALUE_PROCESS;
    default: return KIND_NUMBER;
    }
}

static const char *kinds_what(const struct field *row)
{
    switch (row->type) {
    case FIELD_BOOL: return "true or false";
    case FIELD_TIME: return "a time, as 50 us";
    case FIELD_VA:
    case FIELD_PA: return "an address";
    case FIELD_MDL: return "an MDL";
    case FIELD_IRP: return "an IRP";
    case FIELD_PROCESS: return "a process";
    case FIELD_SIZE: return "a size, as 64 KiB";
    case FIELD_NAME:
    case FIELD_FLAGS: return row->names->title;
    default: return "a number";
    }
}

static uint64_t most_of(const struct field *row)
{
    uint64_t most = row->max ? row->max : UINT64_MAX;
    bool narrow = row->type == FIELD_U32 || row->type == FIELD_NAME || row->type == FIELD_FLAGS ||
                  row->type == FIELD_TAG;
    if (row->type == FIELD_U8 && most > UINT8_MAX) most = UINT8_MAX;
    if (narrow && most > UINT32_MAX) most = UINT32_MAX;
    return most;
}

/* A constant that no call can take. */
static bool check_constant(struct call *call, const struct field *row, const struct node *node,
                           struct value v)
{
    bool number = v.kind == VALUE_INT || v.kind == VALUE_SIZE;
    if (!number) return true;
    uint64_t most = most_of(row);
    if (row->type == FIELD_BOOL && v.v > 1) {
        report(call->c, node, "%s is true or false, found %s", row->key, found(call->c, node));
        return false;
    }
    if (v.v > most || (row->max && v.v < row->min)) {
        report(call->c, node, "%s is %u to %u, found %s", row->key, row->min, most,
               found(call->c, node));
        return false;
    }
    bool closed = row->type == FIELD_NAME && !row->names->open && !row->names->flags;
    if (!closed || names_find_name(row->names, v.v)) return true;
    report(call->c, node, "%s is %s, found %s", row->key, names_joined(call->c, row->names),
           found(call->c, node));
    return false;
}

/* A tag field takes its characters without the quotes of C too, which YAML eats: Tag: 'MRmK'. */
static bool tag_characters(const struct node *node, uint64_t *out)
{
    bool begins_well = node->length >= 1 && node->length <= 4 && node->text[0] != '$' &&
                       node->text[0] != '\'' && node->text[0] != '(';
    bool digits = true;
    *out = 0;
    for (size_t i = 0; i < node->length; i++) {
        unsigned char byte = (unsigned char)node->text[i];
        digits = digits && ((byte >= '0' && byte <= '9') || (i == 1 && byte == 'x'));
        if (byte < ' ' || byte > '~') return false;
        if (i < 4) *out = *out << 8 | byte;
    }
    bool hexadecimal = node->length > 1 && node->text[0] == '0' && node->text[1] == 'x';
    return begins_well && !digits && !hexadecimal;
}

/* What can be meant as a tag alone, but is longer than one. */
static bool tag_is_too_long(const struct node *node)
{
    if (node->kind != NODE_SCALAR || node->length <= 4) return false;
    for (size_t i = 0; i < node->length; i++) {
        char c = node->text[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && (i == 0 || c < '0' || c > '9')) return false;
    }
    return true;
}

static expr_t compile_value(struct call *call, const struct field *row, const struct node *node)
{
    struct compiler *c = call->c;
    uint64_t tag;
    if (row->type == FIELD_TAG && node->kind == NODE_SCALAR && tag_characters(node, &tag)) {
        return expression_constant(c, value_int(tag), node->where);
    }
    if (row->type == FIELD_TAG && tag_is_too_long(node)) {
        report(c, node, "a pool tag has one to four characters, found %s", found(c, node));
        return 0;
    }
    expr_t e = expression_of(c, node, kinds_of(row), kinds_what(row));
    struct value v;
    if (is_constant(c, e, &v) && !check_constant(call, row, node, v)) return 0;
    return e;
}

/* What a parameter is when it is left out. */
static expr_t compile_fallback(struct call *call, const struct field *row)
{
    struct compiler *c = call->c;
    struct where where = step_of(call)->where;
    if (!row->fallback) {
        struct value v = row->type == FIELD_BOOL ? value_bool(false) : value_int(0);
        if (row->flags & FIELD_NULLABLE) v = value_null();
        return expression_constant(c, v, where);
    }
    struct node *node = node_new(c->arena, NODE_SCALAR, where);
    node_text(node, row->fallback);
    node_place(node, step_of(call), call->routine->name, call->action->index_in_parent);
    return expression(c, node);
}

/* ---- lists ---- */

/* An entry of PhysicalAddressList has two members, one of SegmentArray is an address. */
static bool list_has_pairs(const struct field *row)
{
    return strcmp(row->key, "PhysicalAddressList") == 0;
}

static bool compile_pair(struct call *call, const struct node *item, expr_t out[2])
{
    static const char *const keys[] = { "PhysicalAddress", "NumberOfBytes" };
    struct compiler *c = call->c;
    bool fine = true;
    if (item->kind != NODE_MAP) {
        report(c, item, "expected {PhysicalAddress: ..., NumberOfBytes: ...}, found %s",
               found(c, item));
        return false;
    }
    for (size_t i = 0; i < item->count; i++) {
        const char *key = item->keys[i];
        if (key_is_own(key) || strcmp(key, keys[0]) == 0 || strcmp(key, keys[1]) == 0) continue;
        report_key(c, item, i, "unknown key '%s'%s", shown(c, key), hint_or_all(c, key, keys, 2));
        fine = false;
    }
    for (size_t k = 0; k < COUNT_OF(keys); k++) {
        const struct node *value = node_get(item, keys[k]);
        if (value) out[k] = expression_of(c, value, KIND_NUMBER, k ? "a size" : "an address");
        else report(c, item, "the key '%s' is missing", keys[k]);
        fine = fine && out[k];
    }
    return fine;
}

static bool compile_list(struct call *call, const struct field *row, const struct node *node,
                         struct call_arg *arg)
{
    struct compiler *c = call->c;
    bool fine = expect_list(c, node, "a list");
    if (!fine) return false;
    expr_t (*list)[2] = arena_new(c->arena, node->count + 1, sizeof *list);
    for (size_t i = 0; i < node->count; i++) {
        const struct node *item = node->items[i];
        if (list_has_pairs(row)) {
            fine = compile_pair(call, item, list[i]) && fine;
        } else {
            list[i][0] = expression_of(c, item, KIND_POINTER, "an address");
            fine = fine && list[i][0];
        }
    }
    arg->list = (const expr_t(*)[2])list;
    arg->list_count = (uint32_t)node->count;
    return fine;
}

/* The count of a list may be left out; a constant that says otherwise is a mistake. One that is
 * computed as the step runs is the routine's to judge. */
static bool is_list_count(const struct field *row)
{
    return strcmp(row->key, "NumberOfEntries") == 0;
}

static bool compile_list_count(struct call *call, const struct field *row,
                               const struct node *node, const struct node *list,
                               struct call_arg *arg)
{
    struct compiler *c = call->c;
    uint64_t count = list && list->kind == NODE_LIST ? list->count : 0;
    struct value v;
    if (!node) {
        arg->value = expression_constant(c, value_int(count), step_of(call)->where);
        return true;
    }
    arg->value = compile_value(call, row, node);
    if (is_constant(c, arg->value, &v) && list && list->kind == NODE_LIST && v.v != count) {
        report(c, node, "%s is %s, but the list has %u", row->key, found(c, node), count);
        return false;
    }
    return arg->value != 0;
}

/* ---- all arguments ---- */

static bool compile_argument(struct call *call, size_t i, const struct node *list,
                             struct call_arg *arg)
{
    const struct field *row = &call->routine->args[i];
    const struct node *node = call->given[i];
    arg->field = row;
    if (row->type == FIELD_LIST && node) return compile_list(call, row, node, arg);
    if (list && is_list_count(row)) return compile_list_count(call, row, node, list, arg);
    if (node) arg->value = compile_value(call, row, node);
    else if (row->flags & FIELD_OPTIONAL) arg->value = compile_fallback(call, row);
    else if (call->fine) {
        report_key(call->c, step_of(call), call->action->index_in_parent,
                   "%s needs the parameter %s: %s", call->routine->name, row->key, row->doc);
    }
    return arg->value != 0;
}

/* Whether the argument is a constant that is as good as stored. */
static bool is_settled(const struct compiler *c, const struct call_arg *arg, void *record)
{
    struct value v;
    return is_constant(c, arg->value, &v) && call_store_constant(arg->field, v, record);
}

/* The name that an argument is, where any value of its kind will do. */
static uint32_t name_of(const struct compiler *c, const struct call_arg *arg)
{
    const struct expr_node *n = arg->value != 0 ? node_of(c, arg->value) : NULL;
    return n != NULL && n->op == EXPR_NAME && arg->field->max == 0 ? n->a : NAME_NONE;
}

static void compile_arguments(struct call *call, uint32_t step)
{
    struct call_arg *args = arena_new(call->c->arena, call->rows + 1, sizeof *args);
    unsigned char *record = arena_new(call->c->arena, ROUTINE_ARGS_BYTES, 1);
    const struct node *list = NULL;
    uint32_t count = 0;
    for (size_t i = 0; i < call->rows; i++) {
        if (call->routine->args[i].type == FIELD_LIST) list = call->given[i];
    }
    for (size_t i = 0; i < call->rows; i++) {
        if (call->routine->args[i].flags & FIELD_OUT) continue;
        args[count] = (struct call_arg){ 0 };
        compile_argument(call, i, list, &args[count]);
        args[count].name = name_of(call->c, &args[count]);
        if (!is_settled(call->c, &args[count], record)) count++;
    }
    struct call_step out = { .routine = call->routine, .args = args, .arg_count = count,
                             .series = (uint32_t)routine_index(call->routine), .record = record };
    step_at(call->c, step)->u.call = out;
}

/* ---- as ---- */

static size_t count_flag(const struct routine *r, unsigned flag, const struct field **last)
{
    size_t count = 0;
    for (const struct field *row = r->args; row->key; row++) {
        if (!(row->flags & flag)) continue;
        *last = row;
        count++;
    }
    return count;
}

/* What `as: name` binds. False after an error. */
static bool one_value(struct call *call, const struct node *as, const struct field **out)
{
    const struct routine *r = call->routine;
    *out = NULL;
    if (r->result != RESULT_VOID && r->result != RESULT_STATUS) return true;
    if (count_flag(r, FIELD_OUT, out) == 1) return true;
    size_t both = count_flag(r, OUT_FLAGS, out);
    if (both == 1) return true;
    if (both > 1) {
        report(call->c, as, "%s has several out parameters: say which, as: {%s: name}", r->name,
               (*out)->key);
        return false;
    }
    if (r->result == RESULT_STATUS) return true;
    report(call->c, as, "%s returns nothing that could be bound", r->name);
    return false;
}

static void add_bind(struct call *call, struct list *binds, const struct node *node,
                     const struct field *field)
{
    struct bind bind = { .field = field };
    const char *name = expect_identifier(call->c, node, "a name");
    if (!name || !name_bind(call->c, node, name, &bind)) return;
    *(struct bind *)list_add(call->c->arena, binds, sizeof bind) = bind;
}

/* as: {returns: a, OutParameter: b} */
static void bind_several(struct call *call, const struct node *as, struct list *binds)
{
    const struct routine *r = call->routine;
    const char *words[ROUTINE_ARGS_MAX + 1] = { "returns" };
    size_t count = 1;
    for (const struct field *row = r->args; row->key && count < COUNT_OF(words); row++) {
        if (row->flags & OUT_FLAGS) words[count++] = row->key;
    }
    for (size_t i = 0; i < as->count; i++) {
        const char *key = as->keys[i];
        const struct field *row = field_find(r->args, key);
        if (key_is_own(key)) continue;
        if (strcmp(key, "returns") == 0 && r->result == RESULT_VOID) {
            report_key(call->c, as, i, "%s returns nothing", r->name);
        } else if (strcmp(key, "returns") == 0) {
            add_bind(call, binds, as->items[i], NULL);
        } else if (row && row->flags & OUT_FLAGS) {
            add_bind(call, binds, as->items[i], row);
        } else {
            report_key(call->c, as, i, "%s has no out parameter '%s'%s", r->name,
                       shown(call->c, key), hint(call->c, key, words, count));
        }
    }
}

static void compile_as(struct call *call, const struct node *as, uint32_t step)
{
    struct list binds = { 0 };
    const struct field *field;
    if (!as) return;
    if (as->kind == NODE_MAP) bind_several(call, as, &binds);
    else if (one_value(call, as, &field)) add_bind(call, &binds, as, field);
    binds_set(call->c, step, &binds);
}

void compile_call(struct compiler *c, const struct routine *r, const struct node *action,
                  const struct node *as, uint32_t step)
{
    struct call call = { .c = c, .routine = r, .action = action, .fine = true };
    call.rows = field_count(r->args);
    call.given = arena_new(c->arena, call.rows + 1, sizeof *call.given);
    check_version(&call);
    call.fine = true;
    take_arguments(&call);
    compile_arguments(&call, step);
    compile_as(&call, as, step);
}
