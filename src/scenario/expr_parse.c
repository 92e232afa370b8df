/* Expressions by operator precedence (Pratt, "Top Down Operator Precedence", 1973), folded where
 * all operands are constants. Nodes of operands come before the node that uses them. */
#include "scenario/expr_parse.h"

#include "scenario/expr_lex.h"

#include <string.h>

enum { NESTING_MOST = 100, DEPTH_MOST = 200 };

/* How tightly the operators bind, loosest first (scenario format, section 9). */
enum power { POWER_NONE, POWER_OR, POWER_AND, POWER_NOT, POWER_COMPARE, POWER_BIT_OR, POWER_BIT_XOR,
             POWER_BIT_AND, POWER_SHIFT, POWER_SUM, POWER_PRODUCT, POWER_UNARY };

struct operator {
    const char *word;
    enum expr_op op;
    enum power power;
};

static const struct operator operators[] = {
    { "or", EXPR_OR, POWER_OR },           { "and", EXPR_AND, POWER_AND },
    { "==", EXPR_EQ, POWER_COMPARE },      { "!=", EXPR_NE, POWER_COMPARE },
    { "<", EXPR_LT, POWER_COMPARE },       { "<=", EXPR_LE, POWER_COMPARE },
    { ">", EXPR_GT, POWER_COMPARE },       { ">=", EXPR_GE, POWER_COMPARE },
    { "has", EXPR_HAS, POWER_COMPARE },    { "|", EXPR_BIT_OR, POWER_BIT_OR },
    { "^", EXPR_BIT_XOR, POWER_BIT_XOR },  { "&", EXPR_BIT_AND, POWER_BIT_AND },
    { "<<", EXPR_SHL, POWER_SHIFT },       { ">>", EXPR_SHR, POWER_SHIFT },
    { "+", EXPR_ADD, POWER_SUM },          { "-", EXPR_SUB, POWER_SUM },
    { "*", EXPR_MUL, POWER_PRODUCT },      { "/", EXPR_DIV, POWER_PRODUCT },
    { "%", EXPR_MOD, POWER_PRODUCT },
};

const struct operand NO_OPERAND = { 0 };

struct operand operand_new(struct parser *p, struct expr_node n, uint8_t kind, uint32_t depth)
{
    struct compiler *c = p->lexer.c;
    if (depth > DEPTH_MOST) {
        lexer_fail(&p->lexer, n.where, "the expression is nested deeper than %u",
                   (uint64_t)DEPTH_MOST);
        return NO_OPERAND;
    }
    expr_t e = (expr_t)c->nodes.count;
    *(struct expr_node *)list_add(c->arena, &c->nodes, sizeof n) = n;
    return (struct operand){ .node = e, .kind = kind, .depth = depth };
}

struct operand operand_constant(struct parser *p, struct value v, struct where where)
{
    struct expr_node n = { .op = EXPR_CONSTANT, .value = v, .where = where };
    return operand_new(p, n, v.kind, 1);
}

struct operand operand_fail(struct parser *p, struct where where, const char *message)
{
    lexer_fail(&p->lexer, where, "%s", message);
    return NO_OPERAND;
}

/* The constant operands and all after them are no longer needed. */
struct operand operand_fold(struct parser *p, struct operand first, struct value v,
                            struct where where)
{
    p->lexer.c->nodes.count = first.node;
    return operand_constant(p, v, where);
}

static uint32_t deeper(struct operand a, struct operand b)
{
    return (a.depth > b.depth ? a.depth : b.depth) + 1;
}

/* What is known of the kind of a result. A number 1 of each known kind shows whether the operation
 * is possible at all; an unknown kind is taken for one that fits. */
static bool kind_of(struct parser *p, enum expr_op op, struct operand a, struct operand b,
                    struct where where, uint8_t *kind)
{
    bool logic = op == EXPR_OR || op == EXPR_AND;
    struct value fitting = logic ? value_bool(true) : value_int(1);
    struct value x = a.kind ? (struct value){ 1, 0, a.kind } : fitting;
    struct value y = b.kind ? (struct value){ 1, 0, b.kind } : fitting;
    struct value out = { 0 };
    const char *error = "";
    if (!value_binary(op, x, y, &out, &error)) return lexer_fail(&p->lexer, where, "%s", error);
    bool known = (a.kind && b.kind) || out.kind == VALUE_BOOL;
    *kind = known ? out.kind : VALUE_UNBOUND;
    return true;
}

/* Whether the left side of `or` or `and` is a constant that settles the result. */
static bool decides(const struct parser *p, enum expr_op op, struct operand left)
{
    struct value v;
    if ((op != EXPR_OR && op != EXPR_AND) || !is_constant(p->lexer.c, left.node, &v)) return false;
    return v.kind == VALUE_BOOL && (v.v != 0) == (op == EXPR_OR);
}

/* The right side of an operator. Behind `or` and `and`, which stop early, arithmetic that fails is
 * an error only if the run gets there, unless the left side is known to let it. */
static struct operand right_side(struct parser *p, const struct operator *o, struct operand left)
{
    struct value v;
    bool logic = o->op == EXPR_OR || o->op == EXPR_AND;
    bool guarded = logic && (decides(p, o->op, left) || !is_constant(p->lexer.c, left.node, &v));
    p->guarded += guarded;
    struct operand right = parse_power(p, o->power + 1u);
    p->guarded -= guarded;
    return right;
}

static struct operand binary(struct parser *p, const struct operator *o, struct operand a,
                             struct operand b, struct where where)
{
    if (p->lexer.failed) return NO_OPERAND;
    if (o->op == EXPR_BIT_XOR && a.literal && b.literal) {
        return operand_fail(p, where,
                            "'^' is exclusive or; a power of two is written 1 << n");
    }
    struct value x, y, v;
    const char *error = "";
    if (is_constant(p->lexer.c, a.node, &x) && is_constant(p->lexer.c, b.node, &y)) {
        if (value_binary(o->op, x, y, &v, &error)) return operand_fold(p, a, v, where);
        if (p->guarded == 0) return operand_fail(p, where, error);
    }
    uint8_t kind = VALUE_UNBOUND;
    if (!kind_of(p, o->op, a, b, where, &kind)) return NO_OPERAND;
    if (decides(p, o->op, a)) return operand_fold(p, a, value_bool(o->op == EXPR_OR), where);
    struct expr_node n = { .op = (uint8_t)o->op, .a = a.node, .b = b.node, .where = where };
    return operand_new(p, n, kind, deeper(a, b));
}

static struct operand unary(struct parser *p, enum expr_op op, struct operand a, struct where where)
{
    if (p->lexer.failed) return NO_OPERAND;
    struct value v;
    const char *error = "";
    bool folds = is_constant(p->lexer.c, a.node, &v);
    if (!folds) {
        v = a.kind ? (struct value){ op != EXPR_NEGATE, 0, a.kind }
                   : op == EXPR_NOT ? value_bool(true) : value_int(0);
    }
    if (!value_unary(op, v, &v, &error)) return operand_fail(p, where, error);
    if (folds) return operand_fold(p, a, v, where);
    struct expr_node n = { .op = (uint8_t)op, .a = a.node, .where = where };
    return operand_new(p, n, op == EXPR_NOT ? VALUE_BOOL : a.kind, a.depth + 1);
}

bool parser_take(struct parser *p, const char *sign)
{
    if (!token_is(&p->lexer.token, sign)) return false;
    lexer_next(&p->lexer);
    return true;
}

/* What the parser stands on, for a message. */
const char *parser_found(struct parser *p)
{
    const struct token *t = &p->lexer.token;
    if (t->kind == TOKEN_END) return "the end";
    if (t->kind == TOKEN_NUMBER) return "a number";
    struct text text;
    text_init(&text, p->lexer.c->arena->from);
    text_format(&text, t->kind == TOKEN_VARIABLE ? "'$%s'" : "'%s'",
                t->word ? shown(p->lexer.c, t->word) : "");
    const char *copy = arena_text(p->lexer.c->arena, text_string(&text), text.length);
    text_free(&text);
    return copy;
}

bool parser_expect(struct parser *p, const char *sign)
{
    if (parser_take(p, sign)) return true;
    return lexer_fail(&p->lexer, p->lexer.token.where, "expected '%s', found %s", sign,
                      parser_found(p));
}

static struct operand prefix(struct parser *p, enum power least)
{
    struct where where = p->lexer.token.where;
    if (parser_take(p, "-")) return unary(p, EXPR_NEGATE, parse_power(p, POWER_UNARY), where);
    if (parser_take(p, "~")) return unary(p, EXPR_COMPLEMENT, parse_power(p, POWER_UNARY), where);
    if (least <= POWER_NOT && parser_take(p, "not")) {
        return unary(p, EXPR_NOT, parse_power(p, POWER_NOT), where);
    }
    if (parser_take(p, "(")) {
        struct operand inner = parse_power(p, POWER_OR);
        inner.literal = false;
        if (!p->lexer.failed) parser_expect(p, ")");
        return parse_members(p, inner);
    }
    return parse_members(p, parse_primary(p));
}

static const struct operator *operator_at(const struct parser *p)
{
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (token_is(&p->lexer.token, operators[i].word)) return &operators[i];
    }
    return NULL;
}

struct operand parse_power(struct parser *p, unsigned least)
{
    if (++p->nesting > NESTING_MOST) {
        lexer_fail(&p->lexer, p->lexer.token.where, "the expression is nested deeper than %u",
                   (uint64_t)NESTING_MOST);
        p->nesting--;
        return NO_OPERAND;
    }
    struct operand left = prefix(p, least);
    const struct operator *o;
    bool compared = false;
    while (!p->lexer.failed && (o = operator_at(p)) != NULL && o->power >= least) {
        struct where where = p->lexer.token.where;
        if (o->power == POWER_COMPARE && compared) {
            left = operand_fail(p, where, "comparisons do not chain: join them by 'and'");
            break;
        }
        compared = o->power == POWER_COMPARE;
        lexer_next(&p->lexer);
        left = binary(p, o, left, right_side(p, o, left), where);
    }
    p->nesting--;
    return p->lexer.failed ? NO_OPERAND : left;
}

struct operand parse_text(struct compiler *c, const struct node *node, size_t offset)
{
    if (node->kind != NODE_SCALAR || node->length == 0) {
        report(c, node, "expected an expression, found %s", found(c, node));
        return NO_OPERAND;
    }
    struct parser p = { .nesting = 0 };
    lexer_init(&p.lexer, c, node, offset);
    lexer_next(&p.lexer);
    struct operand all = parse_power(&p, POWER_OR);
    if (!p.lexer.failed && p.lexer.token.kind != TOKEN_END) {
        lexer_fail(&p.lexer, p.lexer.token.where, "expected an operator or the end, found %s",
                   parser_found(&p));
    }
    return p.lexer.failed ? NO_OPERAND : all;
}

expr_t expression_from(struct compiler *c, const struct node *node, size_t offset)
{
    return parse_text(c, node, offset).node;
}

expr_t expression(struct compiler *c, const struct node *node)
{
    return parse_text(c, node, 0).node;
}

expr_t expression_of(struct compiler *c, const struct node *node, unsigned must, const char *what)
{
    struct operand o = parse_text(c, node, 0);
    if (!o.node || !must || o.kind == VALUE_UNBOUND || (must >> o.kind & 1)) return o.node;
    report(c, node, "expected %s, found %s", what, found(c, node));
    return 0;
}

bool constant(struct compiler *c, const struct node *node, struct value *out)
{
    bool outside = c->constants_only;
    c->constants_only = true;
    size_t mark = c->nodes.count;
    struct operand o = parse_text(c, node, 0);
    bool known = o.node && is_constant(c, o.node, out);
    c->nodes.count = mark;
    c->constants_only = outside;
    return known;
}

expr_t expression_constant(struct compiler *c, struct value v, struct where where)
{
    struct expr_node *n = list_add(c->arena, &c->nodes, sizeof *n);
    *n = (struct expr_node){ .op = EXPR_CONSTANT, .value = v, .where = where };
    return (expr_t)(c->nodes.count - 1);
}

const struct expr_node *node_of(const struct compiler *c, expr_t e)
{
    return (const struct expr_node *)c->nodes.items + e;
}

bool is_constant(const struct compiler *c, expr_t e, struct value *out)
{
    if (!e || node_of(c, e)->op != EXPR_CONSTANT) return false;
    *out = node_of(c, e)->value;
    return true;
}
