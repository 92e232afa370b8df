/* `expect`: what must happen in a step (scenario format, section 7). */
#include "scenario/compiler.h"

#include <string.h>

/* One mapping of expectations under way. */
struct expecting {
    struct compiler *c;
    const struct routine *routine; /* NULL: an access */
    bool returns;
};

static struct accept *accept_add(struct compiler *c, struct list *list, struct accept one)
{
    struct accept *added = list_add(c->arena, list, sizeof *added);
    *added = one;
    return added;
}

/* Length of a leading `not ` with its blanks, 0 when there is none. */
static size_t negation(const char *text)
{
    size_t start = strspn(text, " ");
    if (strncmp(text + start, "not", 3) != 0) return 0;
    size_t blanks = strspn(text + start + 3, " ");
    return blanks || text[start + 3] == '(' ? start + 3 + blanks : 0;
}

/* A value, `not` one, or `none`. */
static void accept_scalar(struct compiler *c, const struct node *node, struct list *list,
                          bool may_be_none)
{
    if (may_be_none && is_word(node, "none")) {
        accept_add(c, list, (struct accept){ .none = true });
        return;
    }
    size_t offset = node->kind == NODE_SCALAR ? negation(node->text) : 0;
    expr_t value = expression_from(c, node, offset);
    if (value) accept_add(c, list, (struct accept){ .value = value, .negated = offset > 0 });
}

/* One bug check with the parameters that are compared. */
static void accept_stop(struct compiler *c, const struct node *map, struct list *list)
{
    static const char *const keys[] = { "p1", "p2", "p3", "p4" };
    if (!keys_check(c, map, "expect.bugcheck")) return;
    const struct node *code = node_get(map, "code");
    if (!code) return;
    struct accept one = { .value = expression_of(c, code, KIND_INT, "a bug check") };
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const struct node *p = node_get(map, keys[i]);
        if (p) one.p[i] = expression(c, p);
    }
    if (one.value) accept_add(c, list, one);
}

static struct accept_list accept_all(struct compiler *c, const struct node *node, bool may_be_none,
                                     bool may_be_map)
{
    struct list list = { 0 };
    size_t count = node->kind == NODE_LIST ? node->count : 1;
    for (size_t i = 0; i < count; i++) {
        const struct node *item = node->kind == NODE_LIST ? node->items[i] : node;
        if (may_be_map && item->kind == NODE_MAP) accept_stop(c, item, &list);
        else accept_scalar(c, item, &list, may_be_none);
    }
    if (!count) report(c, node, "expected at least one value");
    return (struct accept_list){ list.items, list.count };
}

static void expect_violations(struct compiler *c, const struct node *node, struct expectation *e)
{
    size_t count = node->kind == NODE_LIST ? node->count : 1;
    const struct rule **list = arena_new(c->arena, count + 1, sizeof(struct rule *));
    for (size_t i = 0; i < count; i++) {
        const struct node *item = node->kind == NODE_LIST ? node->items[i] : node;
        const char *id = expect_text(c, item, "the id of a rule");
        const struct rule *rule = id ? expect_rule(c, item, id, item->where) : NULL;
        if (rule) list[e->violation_count++] = rule;
    }
    if (!count) report(c, node, "expected at least one rule");
    e->violations = list;
}

static void expect_that(struct compiler *c, const struct node *node, struct expectation *e)
{
    size_t count = node->kind == NODE_LIST ? node->count : 1;
    expr_t *list = arena_new(c->arena, count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        const struct node *item = node->kind == NODE_LIST ? node->items[i] : node;
        list[i] = expression_of(c, item, KIND_BOOL, "a truth value, as a comparison gives");
    }
    e->that = list;
    e->that_count = count;
}

/* Whether the step has such a result at all. */
static void check_result(const struct expecting *x, const struct node *map)
{
    const struct node *returns = node_get(map, "returns"), *status = node_get(map, "status");
    const struct routine *r = x->routine;
    if (returns && !r && !x->returns) {
        report(x->c, returns, "only calls, reads and queue_apc return a value");
    }
    if (returns && r && r->result == RESULT_VOID) {
        report(x->c, returns, "%s returns nothing", r->name);
    }
    if (status && (!r || r->result != RESULT_STATUS)) {
        report(x->c, status, "%s returns no status", r ? r->name : "an access");
    }
}

/* Keys of `map` over what the alternative already has. */
static void expect_fill(const struct expecting *x, const struct node *map, struct expectation *e)
{
    struct compiler *c = x->c;
    const struct node *node;
    check_result(x, map);
    if ((node = node_get(map, "returns")) != NULL) e->returns = accept_all(c, node, false, false);
    if ((node = node_get(map, "status")) != NULL) e->status = accept_all(c, node, false, false);
    if ((node = node_get(map, "raises")) != NULL) e->raises = accept_all(c, node, true, false);
    if ((node = node_get(map, "bugcheck")) != NULL) e->bugcheck = accept_all(c, node, true, true);
    if ((node = node_get(map, "violation")) != NULL) {
        e->violation_count = 0;
        expect_violations(c, node, e);
    }
    if ((node = node_get(map, "that")) != NULL) expect_that(c, node, e);
}

const struct expect *compile_expect(struct compiler *c, const struct node *node,
                                    const struct routine *r, bool returns)
{
    struct expecting x = { c, r, returns };
    struct expectation base = { 0 };
    struct expect *expect = arena_new(c->arena, 1, sizeof *expect);
    if (!keys_check(c, node, "expect")) return NULL;
    expect_fill(&x, node, &base);
    const struct node *any = node_get(node, "any");
    bool lists = any && expect_list(c, any, "a list of expectations");
    expect->count = lists && any->count ? any->count : 1;
    struct expectation *list = arena_new(c->arena, expect->count, sizeof *list);
    for (size_t i = 0; i < expect->count; i++) {
        list[i] = base;
        if (!lists || !any->count || !keys_check(c, any->items[i], "expect")) continue;
        const struct node *nested = node_get(any->items[i], "any");
        if (nested) report(c, nested, "'any' cannot stand in 'any'");
        /* What stands beside `any` holds for each alternative that says nothing of it. */
        expect_fill(&x, any->items[i], &list[i]);
    }
    if (lists && !any->count) report(c, any, "expected at least one expectation");
    expect->any = list;
    return expect;
}
