/* Parts of the reader of expressions. */
#pragma once

#include "scenario/expr_lex.h"

struct parser {
    struct lexer lexer;
    unsigned nesting; /* calls of parse_power under way */
    unsigned guarded; /* right sides of `or` and `and` that the run may never compute */
};

/* A compiled part of an expression. */
struct operand {
    expr_t node;    /* 0: none, a message went out */
    uint8_t kind;   /* enum value_kind; VALUE_UNBOUND when only the run can tell */
    bool literal;   /* a bare number of the text */
    uint32_t depth; /* of its tree */
};
extern const struct operand NO_OPERAND;

struct operand parse_text(struct compiler *c, const struct node *node, size_t offset);
/* Operators that bind at least as tightly as `least` (enum power). */
struct operand parse_power(struct parser *p, unsigned least);
/* A number, a name, a function call (expr_primary.c). */
struct operand parse_primary(struct parser *p);
/* `.Member` and `.Pfn[index]` behind an operand, as many as there are. */
struct operand parse_members(struct parser *p, struct operand object);
struct operand operand_new(struct parser *p, struct expr_node n, uint8_t kind, uint32_t depth);
struct operand operand_constant(struct parser *p, struct value v, struct where where);
/* Takes `first` and all nodes after it back and puts a constant there. */
struct operand operand_fold(struct parser *p, struct operand first, struct value v,
                            struct where where);
struct operand operand_fail(struct parser *p, struct where where, const char *message);
bool parser_take(struct parser *p, const char *sign);
bool parser_expect(struct parser *p, const char *sign);
const char *parser_found(struct parser *p);
