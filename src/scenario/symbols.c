/* Names: constants, what is everyone's, what steps bind, and who reads what nobody binds. */
#include "scenario/compiler.h"

#include <string.h>

enum { VAR_DEPTH_MOST = 64 };

/* FNV-1a, 64 bits (draft-eastlake-fnv). */
static uint64_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001B3);
    return hash;
}

struct symbol *symbols_find(const struct symbols *s, const char *name)
{
    uint64_t position;
    for (uint64_t hash = hash_of(name); map_get(&s->index, hash, &position); hash++) {
        struct symbol *symbol = symbols_at(s, (size_t)position);
        if (strcmp(symbol->name, name) == 0) return symbol;
    }
    return NULL;
}

struct symbol *symbols_add(struct symbols *s, struct arena *arena, struct symbol symbol)
{
    uint64_t hash = hash_of(symbol.name);
    while (map_find(&s->index, hash)) hash++;
    map_set(&s->index, hash, s->list.count);
    struct symbol *added = list_add(arena, &s->list, sizeof *added);
    *added = symbol;
    return added;
}

static const char *kind_title(enum name_kind kind)
{
    switch (kind) {
    case NAME_VAR: return "a constant of vars";
    case NAME_SHARED: return "a shared name";
    case NAME_PROCESS: return "a process";
    case NAME_DEVICE: return "a device";
    case NAME_BUFFER:
    case NAME_BUFFERS: return "a buffer";
    case NAME_PROCEDURE: return "a procedure";
    case NAME_SPAN: return "a span";
    case NAME_EVENT:
    case NAME_PHASE: return "an event";
    case NAME_THREAD: break;
    }
    return "a name of a thread";
}

bool name_define(struct compiler *c, const struct node *node, struct where where,
                 struct symbol symbol)
{
    const struct symbol *other = symbols_find(&c->names, symbol.name);
    if (!other) {
        symbols_add(&c->names, c->arena, symbol);
        return true;
    }
    report_at(c, node, where, "the name '%s' is taken: it is %s", shown(c, symbol.name),
              kind_title(other->kind));
    return false;
}

uint32_t shared_slot(struct compiler *c, const char *name)
{
    const char **slot = list_add(c->arena, &c->shared, sizeof *slot);
    *slot = name;
    return (uint32_t)(c->shared.count - 1);
}

bool parameter_slot(const struct compiler *c, const char *name, uint32_t *slot)
{
    if (c->procedure == NO_PROCEDURE) return false;
    const struct procedure *p = &c->procedure_list[c->procedure];
    for (uint32_t i = 0; i < p->parameter_count; i++) {
        if (strcmp(c->parameter_names[c->procedure][i], name) != 0) continue;
        *slot = p->parameters[i];
        return true;
    }
    return false;
}

bool name_bind(struct compiler *c, const struct node *where, const char *name, struct bind *out)
{
    out->shared = false;
    if (parameter_slot(c, name, &out->slot)) return true;
    struct symbol *symbol = symbols_find(&c->names, name);
    if (!symbol) {
        const char **slot = list_add(c->arena, &c->slots, sizeof *slot);
        *slot = name;
        symbol = symbols_add(&c->names, c->arena,
                             (struct symbol){ .name = name, .kind = NAME_THREAD,
                                              .index = (uint32_t)(c->slots.count - 1) });
    }
    if (symbol->kind != NAME_THREAD && symbol->kind != NAME_SHARED) {
        report(c, where, "'%s' cannot be bound: it is %s", shown(c, name),
               kind_title(symbol->kind));
        return false;
    }
    symbol->bound = true;
    out->shared = symbol->kind == NAME_SHARED;
    out->slot = symbol->index;
    return true;
}

bool var_value(struct compiler *c, uint32_t index, struct value *out)
{
    struct var *var = (struct var *)c->vars.items + index;
    if (c->var_depth == VAR_DEPTH_MOST && var->state == VAR_NEW) {
        report(c, var->node, "more than %u constants use one another", (uint64_t)VAR_DEPTH_MOST);
        var->state = VAR_BAD;
    }
    if (var->state == VAR_NEW) {
        c->var_depth++;
        bool outside = c->constants_only;
        uint32_t procedure = c->procedure;
        c->constants_only = true;
        c->procedure = NO_PROCEDURE;
        var->state = VAR_BUSY;
        bool known = constant(c, var->node, &var->value);
        var->state = known && var->state == VAR_BUSY ? VAR_KNOWN : VAR_BAD;
        c->constants_only = outside;
        c->procedure = procedure;
        c->var_depth--;
    } else if (var->state == VAR_BUSY) {
        report(c, var->node, "the constant is defined by itself");
        var->state = VAR_BAD;
    }
    *out = var->value;
    return var->state == VAR_KNOWN;
}

void compile_vars(struct compiler *c)
{
    const struct node *vars = node_get(c->root, "vars");
    if (!vars || !expect_map(c, vars, "a mapping of named constants")) return;
    for (size_t i = 0; i < vars->count; i++) {
        if (key_is_own(vars->keys[i])) continue;
        if (!expect_key_identifier(c, vars, i, "a name")) continue;
        struct symbol symbol = { .name = vars->keys[i], .kind = NAME_VAR,
                                 .index = (uint32_t)c->vars.count };
        struct var *var = list_add(c->arena, &c->vars, sizeof *var);
        var->node = vars->items[i];
        name_define(c, vars->items[i], vars->key_where[i], symbol);
    }
    /* Each may use any other, wherever it stands. */
    for (uint32_t i = 0; i < c->vars.count; i++) {
        struct value ignored;
        struct var *var = (struct var *)c->vars.items + i;
        if (var->state == VAR_NEW) var_value(c, i, &ignored);
    }
}

void compile_shared(struct compiler *c)
{
    const struct node *shared = node_get(c->root, "shared");
    if (!shared || !expect_list(c, shared, "a list of names")) return;
    for (size_t i = 0; i < shared->count; i++) {
        const struct node *item = shared->items[i];
        const char *name = expect_identifier(c, item, "a name");
        if (!name) continue;
        struct symbol symbol = { .name = name, .kind = NAME_SHARED,
                                 .index = (uint32_t)c->shared.count };
        if (name_define(c, item, item->where, symbol)) shared_slot(c, name);
    }
}

static const char *dollar(struct compiler *c, const char *name)
{
    size_t length = strlen(name);
    char *copy = arena_new(c->arena, length + 2, 1);
    copy[0] = '$';
    memcpy(copy + 1, name, length);
    return copy;
}

const char *hint_variable(struct compiler *c, const char *name)
{
    size_t count = 0, most = c->names.list.count;
    const struct procedure *p =
        c->procedure == NO_PROCEDURE ? NULL : &c->procedure_list[c->procedure];
    size_t parameters = p ? p->parameter_count : 0;
    if (most + parameters > c->hints_left) return "";
    const char **words = arena_new(c->arena, most + parameters + 1, sizeof *words);
    for (size_t i = 0; i < parameters; i++) {
        words[count++] = dollar(c, c->parameter_names[c->procedure][i]);
    }
    for (size_t i = 0; i < most; i++) {
        const struct symbol *symbol = symbols_at(&c->names, i);
        bool known = symbol->kind != NAME_THREAD || symbol->bound;
        if (known) words[count++] = dollar(c, symbol->name);
    }
    return hint(c, dollar(c, name), words, count);
}

void names_finish(struct compiler *c)
{
    const struct use *uses = c->reads.items;
    c->procedure = NO_PROCEDURE;
    for (size_t i = 0; i < c->reads.count && !has_enough(c); i++) {
        const struct symbol *symbol = symbols_find(&c->names, uses[i].name);
        if (symbol && (symbol->kind != NAME_THREAD || symbol->bound)) continue;
        report_at(c, uses[i].node, uses[i].where, "nothing binds the name '$%s'%s",
                  shown(c, uses[i].name), hint_variable(c, uses[i].name));
    }
}
