/* Expressions of scenarios as a tree in an array: compiled once, computed when a step runs. */
#pragma once

#include "base/diag.h"
#include "nt/value.h"

enum expr_op {
    EXPR_CONSTANT, /* value */
    EXPR_NAME,     /* slot a of the thread */
    EXPR_SHARED,   /* slot a of the shared names */
    EXPR_OR,
    EXPR_AND,
    EXPR_NOT,
    EXPR_EQ,
    EXPR_NE,
    EXPR_LT,
    EXPR_LE,
    EXPR_GT,
    EXPR_GE,
    EXPR_HAS,
    EXPR_BIT_OR,
    EXPR_BIT_XOR,
    EXPR_BIT_AND,
    EXPR_SHL,
    EXPR_SHR,
    EXPR_ADD,
    EXPR_SUB,
    EXPR_MUL,
    EXPR_DIV,
    EXPR_MOD,
    EXPR_NEGATE,
    EXPR_COMPLEMENT,
    EXPR_MEMBER,   /* of object a: member c (enum expr_member) */
    EXPR_PFN,      /* $mdl.Pfn[b] of object a */
    EXPR_FUNCTION, /* function c of arguments a and b */
    EXPR_STATS,    /* text: a path without "stats." */
    EXPR_IRQL,
    EXPR_NOW,
    EXPR_CPU,
    EXPR_STACK,
};

enum expr_member {
    MEMBER_NEXT,
    MEMBER_SIZE,
    MEMBER_MDL_FLAGS,
    MEMBER_PROCESS,
    MEMBER_MAPPED_SYSTEM_VA,
    MEMBER_START_VA,
    MEMBER_BYTE_COUNT,
    MEMBER_BYTE_OFFSET, /* of an MDL */
    MEMBER_MDL_ADDRESS,
    MEMBER_USER_BUFFER,
    MEMBER_IO_STATUS,
    MEMBER_IO_INFORMATION,
    MEMBER_SYSTEM_BUFFER, /* of an IRP */
    MEMBER_COUNT
};
/* "Next", "MdlAddress", "IoStatus.Status", "AssociatedIrp.SystemBuffer" ... by enum expr_member. */
extern const char *const expr_member_names[MEMBER_COUNT];
static inline bool member_is_of_irp(enum expr_member m)
{
    return m >= MEMBER_MDL_ADDRESS;
}

enum expr_function {
    FUNCTION_PAGES,
    FUNCTION_ALIGN,
    FUNCTION_PAGE_ALIGN,
    FUNCTION_BYTE_OFFSET,
    FUNCTION_BYTES_TO_PAGES,
    FUNCTION_ROUND_TO_PAGES,
    FUNCTION_SPAN_PAGES,
    FUNCTION_BAR,
    FUNCTION_PFN,
    FUNCTION_PA,
    FUNCTION_VALID,
    /* pte(va).x and frame(pfn).x */
    FUNCTION_PTE_PRESENT,
    FUNCTION_PTE_WRITABLE,
    FUNCTION_PTE_EXECUTABLE,
    FUNCTION_PTE_USER,
    FUNCTION_PTE_GLOBAL,
    FUNCTION_PTE_ACCESSED,
    FUNCTION_PTE_DIRTY,
    FUNCTION_PTE_CACHE,
    FUNCTION_PTE_PFN,
    FUNCTION_PTE_LEVEL,
    FUNCTION_FRAME_REFERENCES,
    FUNCTION_FRAME_SHARES,
    FUNCTION_FRAME_STATE,
    FUNCTION_FRAME_NODE,
    FUNCTION_COUNT
};
struct expr_function_row {
    const char *name;   /* "pages", "pte" */
    const char *member; /* "present", NULL for functions without one */
    unsigned arguments; /* 1 or 2 */
    bool pure;          /* of its arguments alone: constant arguments make a constant */
};
extern const struct expr_function_row expr_functions[FUNCTION_COUNT];

struct expr_node {
    uint8_t op;
    uint8_t c;          /* member or function */
    uint32_t a, b;      /* operands: indexes of nodes; or a slot */
    struct value value; /* EXPR_CONSTANT */
    const char *text;   /* EXPR_STATS: path; EXPR_NAME: the name, for messages */
    struct where where;
};

/* Index of an expression in program.nodes; 0 is no expression. */
typedef uint32_t expr_t;

/* Arithmetic on values, shared by the compiler (constants) and the run. False: `error` says why
 * (overflow, division by zero, a size and a time do not mix, an object where a number is needed
 * ...). Comparisons take objects, NULL and addresses by their number. */
bool value_binary(enum expr_op op, struct value a, struct value b, struct value *out,
                  const char **error);
bool value_unary(enum expr_op op, struct value a, struct value *out, const char **error);
/* The pure functions. b is ignored by functions of one argument. */
bool value_function(enum expr_function f, struct value a, struct value b, struct value *out,
                    const char **error);
bool value_truth(struct value v, bool *out, const char **error); /* booleans only */
