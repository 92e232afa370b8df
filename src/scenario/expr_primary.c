/* What an expression is made of: numbers, names, members, functions. */
#include "scenario/expr_parse.h"

#include <string.h>

/* The places that only a running simulation can tell. */
static const struct { const char *word; enum expr_op op; uint8_t kind; } moments[] = {
    { "irql", EXPR_IRQL, VALUE_INT },
    { "now", EXPR_NOW, VALUE_TIME },
    { "cpu", EXPR_CPU, VALUE_INT },
    { "stack", EXPR_STACK, VALUE_INT },
};

/* The IRQLs above DISPATCH_LEVEL have other numbers on 32-bit Windows (wdm.h, for x86). */
static bool irql_32(const struct compiler *c, const char *word, struct value *out)
{
    static const struct name levels[] = { { "CLOCK_LEVEL", 28, NULL }, { "IPI_LEVEL", 29, NULL },
                                          { "HIGH_LEVEL", 31, NULL }, { NULL, 0, NULL } };
    static const struct names table = { .title = "KIRQL", .list = levels };
    uint64_t v;
    if (c->program->config.arch != ARCH_X86_PAE) return false;
    if (!names_find_value(&table, word, &v)) return false;
    *out = value_int(v);
    return true;
}

static bool fixed_value(const struct compiler *c, const char *word, struct value *out)
{
    const struct mm_config *mm = &c->program->config.mm;
    const struct { const char *word; struct value value; } fixed[] = {
        { "true", value_bool(true) },
        { "TRUE", value_bool(true) },
        { "false", value_bool(false) },
        { "FALSE", value_bool(false) },
        { "NULL", value_null() },
        /* A pseudo handle, (HANDLE)-1. */
        { "NtCurrentProcess", value_int(UINT64_MAX) },
        { "MmHighestUserAddress", value_int(mm->highest_user.v) },
        { "MmUserProbeAddress", value_int(mm->user_probe.v) },
        { "MmSystemRangeStart", value_int(mm->system_start.v) },
    };
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        if (strcmp(fixed[i].word, word) != 0) continue;
        *out = fixed[i].value;
        return true;
    }
    if (irql_32(c, word, out)) return true;
    for (const struct names *const *table = all_names; *table; table++) {
        uint64_t v;
        if (!names_find_value(*table, word, &v)) continue;
        *out = value_int(v);
        return true;
    }
    return false;
}

static const char *word_hint(struct compiler *c, const char *word)
{
    static const char *const others[] = { "true", "false", "NULL", "irql", "now", "cpu", "stack",
                                          "stats", "not", "MmHighestUserAddress",
                                          "MmUserProbeAddress", "MmSystemRangeStart",
                                          "NtCurrentProcess" };
    if (symbols_find(&c->names, word)) {
        struct text text;
        text_init(&text, c->arena->from);
        text_format(&text, "; did you mean '$%s'?", shown(c, word));
        const char *copy = arena_text(c->arena, text_string(&text), text.length);
        text_free(&text);
        return copy;
    }
    struct list words = { 0 };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        *(const char **)list_add(c->arena, &words, sizeof(char *)) = others[i];
    }
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        *(const char **)list_add(c->arena, &words, sizeof(char *)) = expr_functions[i].name;
    }
    for (const struct names *const *table = all_names; *table; table++) {
        for (const struct name *n = (*table)->list; n->name; n++) {
            *(const char **)list_add(c->arena, &words, sizeof(char *)) = n->name;
        }
    }
    return hint(c, word, words.items, words.count);
}

static struct operand only_constants(struct parser *p, struct where where, const char *what)
{
    lexer_fail(&p->lexer, where, "only constants and vars have a value here, %s has none", what);
    return NO_OPERAND;
}

static const struct buffer_plan *buffer_at(const struct compiler *c, size_t i)
{
    return (const struct buffer_plan *)c->buffers.items + i;
}

static struct operand shared_operand(struct parser *p, uint32_t slot, uint8_t kind,
                                     const char *text, struct where where)
{
    struct expr_node n = { .op = EXPR_SHARED, .a = slot, .text = text, .where = where };
    return operand_new(p, n, kind, 1);
}

/* `$app` or `$app.buf`; the parser stands behind the name. */
static struct operand process_operand(struct parser *p, const struct symbol *symbol,
                                      struct where where)
{
    struct compiler *c = p->lexer.c;
    const struct process_plan *process =
        (const struct process_plan *)c->processes.items + symbol->index;
    if (!parser_take(p, ".")) {
        return shared_operand(p, process->slot, VALUE_PROCESS, symbol->name, where);
    }
    const char **names = arena_new(c->arena, process->buffer_count + 1u, sizeof *names);
    const char *word = p->lexer.token.kind == TOKEN_WORD ? p->lexer.token.word : "";
    for (uint32_t i = 0; i < process->buffer_count; i++) {
        const struct buffer_plan *buffer = buffer_at(c, process->first_buffer + i);
        names[i] = buffer->name;
        if (strcmp(names[i], word) != 0) continue;
        lexer_next(&p->lexer);
        return shared_operand(p, buffer->slot, VALUE_INT, buffer->name, where);
    }
    lexer_fail(&p->lexer, p->lexer.token.where, "the process '%s' has no buffer %s%s",
               shown(c, symbol->name), parser_found(p),
               hint(c, word, names, process->buffer_count));
    return NO_OPERAND;
}

/* A name of the thread, which some step must bind, be it later in the file. */
static struct operand thread_operand(struct parser *p, const char *name, struct where where)
{
    struct compiler *c = p->lexer.c;
    struct expr_node n = { .op = EXPR_NAME, .text = name, .where = where };
    if (parameter_slot(c, name, &n.a)) return operand_new(p, n, VALUE_UNBOUND, 1);
    struct symbol *symbol = symbols_find(&c->names, name);
    if (!symbol) {
        *(const char **)list_add(c->arena, &c->slots, sizeof(char *)) = name;
        symbol = symbols_add(&c->names, c->arena,
                             (struct symbol){ .name = name, .kind = NAME_THREAD,
                                              .index = (uint32_t)(c->slots.count - 1) });
    }
    if (!symbol->bound) {
        *(struct use *)list_add(c->arena, &c->reads, sizeof(struct use)) =
            (struct use){ .name = name, .where = where, .node = p->lexer.node };
    }
    n.a = symbol->index;
    return operand_new(p, n, VALUE_UNBOUND, 1);
}

static struct operand unknown_constant(struct parser *p, const char *name, struct where where)
{
    struct compiler *c = p->lexer.c;
    const char *nearest = hint_variable(c, name);
    if (symbols_find(&c->names, name)) nearest = "";
    lexer_fail(&p->lexer, where, "only constants and vars have a value here, '$%s' has none%s",
               shown(c, name), nearest);
    return NO_OPERAND;
}

static struct operand variable(struct parser *p)
{
    struct compiler *c = p->lexer.c;
    struct where where = p->lexer.token.where;
    const char *name = p->lexer.token.word;
    lexer_next(&p->lexer);
    const struct symbol *symbol = symbols_find(&c->names, name);
    uint32_t slot;
    if (parameter_slot(c, name, &slot)) symbol = NULL;
    struct value v;
    if (symbol && symbol->kind == NAME_VAR) {
        if (var_value(c, symbol->index, &v)) return operand_constant(p, v, where);
        p->lexer.failed = true; /* said where the constant is defined */
        return NO_OPERAND;
    }
    if (c->constants_only) return unknown_constant(p, name, where);
    if (!symbol || symbol->kind == NAME_THREAD) return thread_operand(p, name, where);
    if (symbol->kind == NAME_PROCESS) return process_operand(p, symbol, where);
    if (symbol->kind == NAME_BUFFERS) {
        lexer_fail(&p->lexer, where, "several processes have a buffer '%s': name the process, as "
                   "$%s.%s", name, "app", name);
        return NO_OPERAND;
    }
    if (symbol->kind == NAME_BUFFER) {
        return shared_operand(p, buffer_at(c, symbol->index)->slot, VALUE_INT, name, where);
    }
    if (symbol->kind == NAME_DEVICE) {
        const struct device_plan *device =
            (const struct device_plan *)c->devices.items + symbol->index;
        return shared_operand(p, device->slot, VALUE_DEVICE, name, where);
    }
    return shared_operand(p, symbol->index, VALUE_UNBOUND, name, where);
}

static struct operand stats_operand(struct parser *p)
{
    struct compiler *c = p->lexer.c;
    struct where where = p->lexer.token.where;
    if (c->constants_only) return only_constants(p, where, "a statistic");
    if (!lexer_path(&p->lexer)) return NO_OPERAND;
    struct expr_node n = { .op = EXPR_STATS, .text = p->lexer.token.word, .where = where };
    *(struct use *)list_add(c->arena, &c->paths, sizeof(struct use)) =
        (struct use){ .name = n.text, .where = where, .node = p->lexer.node };
    lexer_next(&p->lexer);
    return operand_new(p, n, VALUE_UNBOUND, 1);
}

/* The BARs are placed before the first step, so that a constant index gives a constant. */
static bool bar_base(struct parser *p, struct operand device, struct value index, struct value *out)
{
    struct compiler *c = p->lexer.c;
    const struct expr_node *n = node_of(c, device.node);
    const struct bar_plan *bars = c->bars.items;
    const struct device_plan *devices = c->devices.items;
    uint64_t count = 0;
    for (size_t i = 0; i < c->bars.count; i++) {
        if (devices[bars[i].device].slot != n->a) continue;
        if (count++ != index.v) continue;
        *out = value_int(bars[i].base);
        return true;
    }
    return lexer_fail(&p->lexer, n->where, "the device '%s' has %u BAR%s, no number %u",
                      shown(c, n->text), count, count == 1 ? "" : "s", index.v);
}

static uint8_t function_kind(enum expr_function f)
{
    bool truth = f == FUNCTION_VALID || (f >= FUNCTION_PTE_PRESENT && f <= FUNCTION_PTE_DIRTY);
    if (f == FUNCTION_ALIGN) return VALUE_UNBOUND;
    return truth ? VALUE_BOOL : VALUE_INT;
}

static struct operand function_operand(struct parser *p, enum expr_function f, struct operand a,
                                       struct operand b, struct where where)
{
    struct compiler *c = p->lexer.c;
    const struct expr_function_row *row = &expr_functions[f];
    struct value x = { 0 }, y = { 0 }, v;
    const char *error = "";
    bool a_known = is_constant(c, a.node, &x);
    bool b_known = row->arguments < 2 || is_constant(c, b.node, &y);
    if (a.kind == VALUE_BOOL || b.kind == VALUE_BOOL) {
        return operand_fail(p, where, "a number is needed here");
    }
    if (row->pure && a_known && b_known) {
        if (value_function(f, x, y, &v, &error)) return operand_fold(p, a, v, where);
        if (p->guarded == 0) return operand_fail(p, where, error);
    }
    if (c->constants_only && !row->pure) return only_constants(p, where, row->name);
    if (f == FUNCTION_BAR && a.kind != VALUE_DEVICE && a.kind != VALUE_UNBOUND) {
        return operand_fail(p, where, "bar: the first argument is a device");
    }
    if (f == FUNCTION_BAR && a.kind == VALUE_DEVICE && b_known) {
        return bar_base(p, a, y, &v) ? operand_fold(p, a, v, where) : NO_OPERAND;
    }
    struct expr_node n = { .op = EXPR_FUNCTION, .c = (uint8_t)f, .a = a.node, .b = b.node,
                           .where = where };
    return operand_new(p, n, function_kind(f), (a.depth > b.depth ? a.depth : b.depth) + 1);
}

/* pte(va).present: which of the rows with the same name is meant. */
static bool function_member(struct parser *p, enum expr_function *f)
{
    const char *name = expr_functions[*f].name;
    if (!parser_expect(p, ".")) return false;
    const char *words[FUNCTION_COUNT];
    size_t count = 0;
    const char *word = p->lexer.token.kind == TOKEN_WORD ? p->lexer.token.word : "";
    for (unsigned i = 0; i < FUNCTION_COUNT; i++) {
        if (strcmp(expr_functions[i].name, name) != 0) continue;
        words[count++] = expr_functions[i].member;
        if (strcmp(expr_functions[i].member, word) != 0) continue;
        *f = i;
        lexer_next(&p->lexer);
        return true;
    }
    return lexer_fail(&p->lexer, p->lexer.token.where, "%s has no member %s%s", name,
                      parser_found(p), hint(p->lexer.c, word, words, count));
}

static struct operand function(struct parser *p, enum expr_function f, struct where where)
{
    const struct expr_function_row *row = &expr_functions[f];
    struct operand a, b = NO_OPERAND;
    lexer_next(&p->lexer);
    if (!parser_expect(p, "(")) return NO_OPERAND;
    a = parse_power(p, 0);
    if (p->lexer.failed) return NO_OPERAND;
    if (row->arguments == 2) {
        if (token_is(&p->lexer.token, ")")) {
            lexer_fail(&p->lexer, p->lexer.token.where, "%s takes two arguments", row->name);
        }
        if (p->lexer.failed || !parser_expect(p, ",")) return NO_OPERAND;
        b = parse_power(p, 0);
    }
    if (!p->lexer.failed && token_is(&p->lexer.token, ",")) {
        lexer_fail(&p->lexer, p->lexer.token.where, "%s takes %s", row->name,
                   row->arguments == 2 ? "two arguments" : "one argument");
    }
    if (p->lexer.failed || !parser_expect(p, ")")) return NO_OPERAND;
    if (row->member && !function_member(p, &f)) return NO_OPERAND;
    return function_operand(p, f, a, b, where);
}

static struct operand word(struct parser *p)
{
    struct compiler *c = p->lexer.c;
    struct where where = p->lexer.token.where;
    const char *name = p->lexer.token.word;
    struct value v;
    if (strcmp(name, "stats") == 0) return stats_operand(p);
    for (unsigned i = 0; i < FUNCTION_COUNT; i++) {
        if (strcmp(expr_functions[i].name, name) == 0) return function(p, i, where);
    }
    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        if (strcmp(moments[i].word, name) != 0) continue;
        if (c->constants_only) return only_constants(p, where, name);
        lexer_next(&p->lexer);
        return operand_new(p, (struct expr_node){ .op = (uint8_t)moments[i].op, .where = where },
                           moments[i].kind, 1);
    }
    if (fixed_value(c, name, &v)) {
        lexer_next(&p->lexer);
        return operand_constant(p, v, where);
    }
    lexer_fail(&p->lexer, where, "unknown name '%s'%s", shown(c, name), word_hint(c, name));
    return NO_OPERAND;
}

static bool is_operator(const struct token *t)
{
    return token_is(t, "and") || token_is(t, "or") || token_is(t, "has") || token_is(t, "not");
}

struct operand parse_primary(struct parser *p)
{
    const struct token *t = &p->lexer.token;
    struct where where = t->where;
    if (t->kind == TOKEN_VARIABLE) return variable(p);
    if (t->kind == TOKEN_WORD && !is_operator(t)) return word(p);
    if (t->kind == TOKEN_NUMBER) {
        struct operand number = operand_constant(p, t->value, where);
        number.literal = true;
        lexer_next(&p->lexer);
        return number;
    }
    lexer_fail(&p->lexer, where, "expected a value, found %s", parser_found(p));
    return NO_OPERAND;
}

static bool member_find(const char *word, unsigned *out)
{
    for (unsigned i = 0; i < MEMBER_COUNT; i++) {
        if (strcmp(expr_member_names[i], word) != 0) continue;
        *out = i;
        return true;
    }
    return false;
}

/* Whether the word begins a member of two parts: IoStatus.Status. */
static bool member_begins(const char *word)
{
    size_t length = strlen(word);
    for (unsigned i = 0; i < MEMBER_COUNT; i++) {
        const char *name = expr_member_names[i];
        if (strncmp(name, word, length) == 0 && name[length] == '.') return true;
    }
    return false;
}

/* The name of a member, of one part or two, as one word. The parser stands on its first part. */
static const char *member_word(struct parser *p)
{
    if (p->lexer.token.kind != TOKEN_WORD) return "";
    const char *first = p->lexer.token.word;
    lexer_next(&p->lexer);
    if (!member_begins(first) || !parser_take(p, ".")) return first;
    const char *second = p->lexer.token.kind == TOKEN_WORD ? p->lexer.token.word : "";
    struct text text;
    text_init(&text, p->lexer.c->arena->from);
    text_format(&text, "%s.%s", first, second);
    const char *both = arena_text(p->lexer.c->arena, text_string(&text), text.length);
    text_free(&text);
    if (*second) lexer_next(&p->lexer);
    return both;
}

static struct operand pfn_operand(struct parser *p, struct operand object, struct where where)
{
    if (!parser_expect(p, "[")) return NO_OPERAND;
    struct operand index = parse_power(p, 0);
    if (p->lexer.failed || !parser_expect(p, "]")) return NO_OPERAND;
    if (index.kind != VALUE_UNBOUND && index.kind != VALUE_INT) {
        return operand_fail(p, where, "the index of Pfn is an integer");
    }
    struct expr_node n = { .op = EXPR_PFN, .a = object.node, .b = index.node, .where = where };
    return operand_new(p, n, VALUE_INT,
                       (object.depth > index.depth ? object.depth : index.depth) + 1);
}

static struct operand member(struct parser *p, struct operand object)
{
    struct compiler *c = p->lexer.c;
    struct where where = p->lexer.token.where;
    bool may_have = object.kind == VALUE_UNBOUND || object.kind == VALUE_MDL ||
                    object.kind == VALUE_IRP;
    if (!may_have) return operand_fail(p, where, "only MDLs and IRPs have members");
    const char *name = member_word(p);
    unsigned number;
    if (strcmp(name, "Pfn") == 0) return pfn_operand(p, object, where);
    if (member_find(name, &number)) {
        struct expr_node n = { .op = EXPR_MEMBER, .a = object.node, .c = (uint8_t)number,
                               .where = where };
        return operand_new(p, n, VALUE_UNBOUND, object.depth + 1);
    }
    if (!*name) {
        lexer_fail(&p->lexer, where, "expected a member after '.', found %s", parser_found(p));
        return NO_OPERAND;
    }
    const char *words[MEMBER_COUNT + 1] = { "Pfn" };
    for (unsigned i = 0; i < MEMBER_COUNT; i++) words[i + 1] = expr_member_names[i];
    lexer_fail(&p->lexer, where, "no MDL or IRP has a member '%s'%s", shown(c, name),
               hint(c, name, words, COUNT_OF(words)));
    return NO_OPERAND;
}

struct operand parse_members(struct parser *p, struct operand object)
{
    while (!p->lexer.failed && parser_take(p, ".")) object = member(p, object);
    return p->lexer.failed ? NO_OPERAND : object;
}
