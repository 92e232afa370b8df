/* Scalars of a scenario, typed by the field that they stand in, never by YAML's own rules. */
#include "scenario/compiler.h"

#include <string.h>

bool expect_map(struct compiler *c, const struct node *node, const char *what)
{
    if (node->kind == NODE_MAP) return true;
    if (node->kind == NODE_SCALAR && node->length == 0 && !node->quoted) return true; /* `mm:` */
    report(c, node, "expected %s, found %s", what, found(c, node));
    return false;
}

bool expect_list(struct compiler *c, const struct node *node, const char *what)
{
    if (node->kind == NODE_LIST) return true;
    report(c, node, "expected %s, found %s", what, found(c, node));
    return false;
}

const char *expect_text(struct compiler *c, const struct node *node, const char *what)
{
    if (node->kind == NODE_SCALAR && node->length) return node->text;
    report(c, node, "expected %s, found %s", what, found(c, node));
    return NULL;
}

bool is_identifier(const char *text)
{
    if (!*text || (*text >= '0' && *text <= '9')) return false;
    for (; *text; text++) {
        bool letter = (*text >= 'A' && *text <= 'Z') || (*text >= 'a' && *text <= 'z');
        if (!letter && *text != '_' && !(*text >= '0' && *text <= '9')) return false;
    }
    return true;
}

const char *expect_identifier(struct compiler *c, const struct node *node, const char *what)
{
    const char *text = expect_text(c, node, what);
    if (!text || is_identifier(text)) return text;
    report(c, node, "expected %s: letters, digits and '_', no digit first; found %s", what,
           found(c, node));
    return NULL;
}

bool expect_key_identifier(struct compiler *c, const struct node *map, size_t index,
                           const char *what)
{
    if (is_identifier(map->keys[index])) return true;
    report_key(c, map, index, "expected %s: letters, digits and '_', no digit first; found '%s'",
               what, shown(c, map->keys[index]));
    return false;
}

bool expect_name(struct compiler *c, const struct node *node, const struct names *names,
                 uint64_t *out)
{
    const char *text = expect_text(c, node, names_joined(c, names));
    if (!text) return false;
    if (names_find_value(names, text, out)) return true;
    report(c, node, "unknown %s '%s': expected %s%s", names->title, shown(c, text),
           names_joined(c, names), hint_names(c, text, names));
    return false;
}

bool is_word(const struct node *node, const char *word)
{
    return node && node->kind == NODE_SCALAR && strcmp(node->text, word) == 0;
}

bool expect_bool(struct compiler *c, const struct node *node, bool *out)
{
    if (!node) return true;
    struct value v;
    if (node->kind != NODE_SCALAR || node->length == 0) {
        report(c, node, "expected true or false, found %s", found(c, node));
        return false;
    }
    const char *text = node->text;
    /* `no` and `off` would mean false to YAML 1.1 and surprise somebody either way. */
    static const char *const words[] = { "yes", "no", "on", "off", "Yes", "No", "On", "Off" };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(text, words[i]) != 0) continue;
        report(c, node, "expected true or false, found '%s'", text);
        return false;
    }
    if (!constant(c, node, &v)) return false;
    if (v.kind != VALUE_BOOL) {
        report(c, node, "expected true or false, found %s", found(c, node));
        return false;
    }
    *out = v.v != 0;
    return true;
}

static const char *number_what(enum number_kind kind)
{
    switch (kind) {
    case NUMBER_SIZE: return "a size, as 64 KiB";
    case NUMBER_TIME: return "a time, as 50 us";
    case NUMBER_ADDRESS: return "an address";
    case NUMBER_COUNT: break;
    }
    return "an integer";
}

static bool kind_fits(enum number_kind kind, uint8_t value_kind)
{
    if (value_kind == VALUE_INT) return kind != NUMBER_TIME;
    if (value_kind == VALUE_SIZE) return kind == NUMBER_SIZE || kind == NUMBER_ADDRESS;
    return value_kind == VALUE_TIME && kind == NUMBER_TIME;
}

static void size_print(struct text *t, uint64_t n)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
    unsigned unit = 0;
    while (n && n % KIB == 0 && unit + 1 < COUNT_OF(units)) {
        n /= KIB;
        unit++;
    }
    text_format(t, "%u %s", n, n == 1 && unit == 0 ? "byte" : units[unit]);
}

static void number_print(struct text *t, enum number_kind kind, uint64_t n)
{
    if (kind == NUMBER_SIZE) size_print(t, n);
    else if (kind == NUMBER_ADDRESS) text_hex(t, n);
    else text_u64(t, n);
    if (kind == NUMBER_TIME) text_put(t, " cycles");
}

static void report_range(struct compiler *c, const struct node *node, enum number_kind kind,
                         struct range range, uint64_t n)
{
    struct text t;
    text_init(&t, c->arena->from);
    text_put(&t, "expected ");
    if (range.max == UINT64_MAX) text_put(&t, "at least ");
    else if (range.min == 0) text_put(&t, "at most ");
    if (range.min > 0) number_print(&t, kind, range.min);
    if (range.min > 0 && range.max != UINT64_MAX) text_put(&t, " to ");
    if (range.max != UINT64_MAX) number_print(&t, kind, range.max);
    text_format(&t, ", found %s", found(c, node));
    if (node->text[0] < '0' || node->text[0] > '9') {
        text_put(&t, ", which is ");
        number_print(&t, kind, n);
    }
    report(c, node, "%s", text_string(&t));
    text_free(&t);
}

bool expect_number(struct compiler *c, const struct node *node, enum number_kind kind,
                   struct range range, uint64_t *out)
{
    if (!node) return true;
    struct value v;
    if (node->kind != NODE_SCALAR || node->length == 0) {
        report(c, node, "expected %s, found %s", number_what(kind), found(c, node));
        return false;
    }
    if (!constant(c, node, &v)) return false;
    if (!kind_fits(kind, v.kind)) {
        report(c, node, "expected %s, found %s", number_what(kind), found(c, node));
        return false;
    }
    if (v.v < range.min || v.v > range.max) {
        report_range(c, node, kind, range, v.v);
        return false;
    }
    *out = v.v;
    return true;
}
