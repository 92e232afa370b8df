/* Arithmetic of expressions: 64-bit unsigned, with dimensions; overflow is an error. */
#include "nt/kernel.h"
#include "sim/expr.h"

const char *const expr_member_names[MEMBER_COUNT] = {
    "Next",
    "Size",
    "MdlFlags",
    "Process",
    "MappedSystemVa",
    "StartVa",
    "ByteCount",
    "ByteOffset",
    "MdlAddress",
    "UserBuffer",
    "IoStatus.Status",
    "IoStatus.Information",
    "AssociatedIrp.SystemBuffer",
};

const struct expr_function_row expr_functions[FUNCTION_COUNT] = {
    [FUNCTION_PAGES] = { "pages", NULL, 2, true },
    [FUNCTION_ALIGN] = { "align", NULL, 2, true },
    [FUNCTION_PAGE_ALIGN] = { "PAGE_ALIGN", NULL, 1, true },
    [FUNCTION_BYTE_OFFSET] = { "BYTE_OFFSET", NULL, 1, true },
    [FUNCTION_BYTES_TO_PAGES] = { "BYTES_TO_PAGES", NULL, 1, true },
    [FUNCTION_ROUND_TO_PAGES] = { "ROUND_TO_PAGES", NULL, 1, true },
    [FUNCTION_SPAN_PAGES] = { "ADDRESS_AND_SIZE_TO_SPAN_PAGES", NULL, 2, true },
    [FUNCTION_BAR] = { "bar", NULL, 2, false },
    [FUNCTION_PFN] = { "pfn", NULL, 1, false },
    [FUNCTION_PA] = { "pa", NULL, 1, false },
    [FUNCTION_VALID] = { "valid", NULL, 1, false },
    [FUNCTION_PTE_PRESENT] = { "pte", "present", 1, false },
    [FUNCTION_PTE_WRITABLE] = { "pte", "writable", 1, false },
    [FUNCTION_PTE_EXECUTABLE] = { "pte", "executable", 1, false },
    [FUNCTION_PTE_USER] = { "pte", "user", 1, false },
    [FUNCTION_PTE_GLOBAL] = { "pte", "global", 1, false },
    [FUNCTION_PTE_ACCESSED] = { "pte", "accessed", 1, false },
    [FUNCTION_PTE_DIRTY] = { "pte", "dirty", 1, false },
    [FUNCTION_PTE_CACHE] = { "pte", "cache", 1, false },
    [FUNCTION_PTE_PFN] = { "pte", "pfn", 1, false },
    [FUNCTION_PTE_LEVEL] = { "pte", "level", 1, false },
    [FUNCTION_FRAME_REFERENCES] = { "frame", "references", 1, false },
    [FUNCTION_FRAME_SHARES] = { "frame", "shares", 1, false },
    [FUNCTION_FRAME_STATE] = { "frame", "state", 1, false },
    [FUNCTION_FRAME_NODE] = { "frame", "node", 1, false },
};

static bool is_number(struct value v)
{
    return v.kind == VALUE_INT || v.kind == VALUE_SIZE || v.kind == VALUE_TIME;
}

static const char *const overflow = "the result does not fit into 64 bits";
static const char *const no_number = "a number is needed here";

/* An object stands for its address in arithmetic. */
static bool as_number(struct value *v, const char **error)
{
    if (value_is_object(*v)) *v = value_int(v->v);
    if (is_number(*v)) return true;
    *error = v->kind == VALUE_NULL ? "NULL is no number" : no_number;
    return false;
}

static bool common_kind(struct value a, struct value b, uint8_t *kind, const char **error)
{
    if ((a.kind == VALUE_SIZE && b.kind == VALUE_TIME) ||
        (a.kind == VALUE_TIME && b.kind == VALUE_SIZE)) {
        *error = "a size and a time do not mix";
        return false;
    }
    *kind = a.kind == VALUE_INT ? b.kind : a.kind;
    return true;
}

static bool compare(enum expr_op op, struct value a, struct value b, struct value *out,
                    const char **error)
{
    uint8_t kind;
    if (a.kind == VALUE_UNBOUND || b.kind == VALUE_UNBOUND) {
        *error = no_number;
        return false;
    }
    if (!common_kind(a, b, &kind, error)) return false;
    bool truth = false;
    switch (op) {
    case EXPR_EQ:
        truth = a.v == b.v;
        break;
    case EXPR_NE:
        truth = a.v != b.v;
        break;
    case EXPR_LT:
        truth = a.v < b.v;
        break;
    case EXPR_LE:
        truth = a.v <= b.v;
        break;
    case EXPR_GT:
        truth = a.v > b.v;
        break;
    case EXPR_GE:
        truth = a.v >= b.v;
        break;
    default:
        truth = (a.v & b.v) == b.v;
        break; /* EXPR_HAS */
    }
    *out = value_bool(truth);
    return true;
}

static bool shift(enum expr_op op, struct value a, struct value b, uint64_t *v, const char **error)
{
    if (b.v > 63) {
        *error = "a shift by more than 63 bits";
        return false;
    }
    *v = op == EXPR_SHL ? a.v << b.v : a.v >> b.v;
    if (op == EXPR_SHL && *v >> b.v != a.v) {
        *error = overflow;
        return false;
    }
    return true;
}

static bool divide(enum expr_op op, struct value a, struct value b, uint64_t *v, const char **error)
{
    if (b.v == 0) {
        *error = "division by zero";
        return false;
    }
    *v = op == EXPR_DIV ? a.v / b.v : a.v % b.v;
    return true;
}

static bool arithmetic(enum expr_op op, struct value a, struct value b, uint64_t *v,
                       const char **error)
{
    bool fits = true;
    switch (op) {
    case EXPR_ADD:
        fits = add_fits(a.v, b.v, v);
        break;
    case EXPR_SUB:
        fits = !__builtin_sub_overflow(a.v, b.v, v);
        break;
    case EXPR_MUL:
        fits = mul_fits(a.v, b.v, v);
        break;
    case EXPR_DIV:
    case EXPR_MOD:
        return divide(op, a, b, v, error);
    case EXPR_SHL:
    case EXPR_SHR:
        return shift(op, a, b, v, error);
    case EXPR_BIT_OR:
        *v = a.v | b.v;
        break;
    case EXPR_BIT_XOR:
        *v = a.v ^ b.v;
        break;
    default:
        *v = a.v & b.v;
        break; /* EXPR_BIT_AND */
    }
    if (!fits) *error = op == EXPR_SUB ? "the result is below zero" : overflow;
    return fits;
}

bool value_binary(enum expr_op op, struct value a, struct value b, struct value *out,
                  const char **error)
{
    if (op >= EXPR_EQ && op <= EXPR_HAS) return compare(op, a, b, out, error);
    if (op == EXPR_OR || op == EXPR_AND) {
        bool x, y;
        if (!value_truth(a, &x, error) || !value_truth(b, &y, error)) return false;
        *out = value_bool(op == EXPR_OR ? x || y : x && y);
        return true;
    }
    if (!as_number(&a, error) || !as_number(&b, error)) return false;
    uint8_t kind;
    uint64_t v;
    if (!common_kind(a, b, &kind, error) || !arithmetic(op, a, b, &v, error)) return false;
    bool is_ratio = op == EXPR_DIV && a.kind == b.kind;
    bool is_shift = op == EXPR_SHL || op == EXPR_SHR;
    *out = (struct value){ v, 0, is_ratio ? VALUE_INT : is_shift ? a.kind : kind };
    return true;
}

bool value_unary(enum expr_op op, struct value a, struct value *out, const char **error)
{
    if (op == EXPR_NOT) {
        bool truth;
        if (!value_truth(a, &truth, error)) return false;
        *out = value_bool(!truth);
        return true;
    }
    if (!as_number(&a, error)) return false;
    if (op == EXPR_NEGATE && a.v != 0) {
        *error = "numbers have no sign: the smallest is 0, all ones is 0xFFFFFFFFFFFFFFFF";
        return false;
    }
    *out = (struct value){ op == EXPR_COMPLEMENT ? ~a.v : a.v, 0, a.kind };
    return true;
}

static bool align_up(uint64_t v, uint64_t n, uint64_t *out, const char **error)
{
    if (n == 0) {
        *error = "align: the second argument is 0";
        return false;
    }
    uint64_t rest = v % n;
    if (rest == 0) {
        *out = v;
        return true;
    }
    *error = overflow;
    return add_fits(v, n - rest, out);
}

bool value_function(enum expr_function f, struct value a, struct value b, struct value *out,
                    const char **error)
{
    uint64_t v, end;
    if (!as_number(&a, error)) return false;
    if (expr_functions[f].arguments == 2 && !as_number(&b, error)) return false;
    switch (f) {
    case FUNCTION_PAGES:
    case FUNCTION_SPAN_PAGES:
        *out = value_int(span_pages(a.v, b.v));
        return true;
    case FUNCTION_ROUND_TO_PAGES:
    case FUNCTION_ALIGN:
        if (f == FUNCTION_ROUND_TO_PAGES) b = value_int(PAGE_BYTES);
        if (!align_up(a.v, b.v, &v, error)) return false;
        *out = (struct value){ v, 0, a.kind };
        return true;
    case FUNCTION_PAGE_ALIGN:
        *out = value_int(a.v & ~PAGE_MASK);
        return true;
    case FUNCTION_BYTE_OFFSET:
        *out = value_int(a.v & PAGE_MASK);
        return true;
    case FUNCTION_BYTES_TO_PAGES:
        end = (a.v >> PAGE_SHIFT_BITS) + ((a.v & PAGE_MASK) != 0);
        *out = value_int(end);
        return true;
    default:
        *error = "not a function of numbers alone";
        return false;
    }
}

bool value_truth(struct value v, bool *out, const char **error)
{
    if (v.kind != VALUE_BOOL) {
        *error = "a truth value is needed here, as a comparison gives";
        return false;
    }
    *out = v.v != 0;
    return true;
}
