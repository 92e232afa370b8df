/* Unit tests of scenario/expr_*: values and kinds of constant expressions, the place and the words
 * of each mistake, and the tree of what is no constant. */
#include "scenario/compiler.h"

#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

/* A compiler without a scenario; the text stands at line 1, column 1. */
struct fixture {
    struct diags diags;
    struct arena arena;
    struct program program;
    struct compiler c;
    struct node root, node;
};

static void setup(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    diags_init(&f->diags, &test_allocator);
    diags_add_file(&f->diags, "s.yaml", "", 0);
    f->arena.from = &test_allocator;
    f->program.config.hz = 2500000000;
    f->program.config.mm.highest_user = va(0x7FFFFFFEFFFF);
    f->root.kind = NODE_MAP;
    f->c = (struct compiler){ .diags = &f->diags, .arena = &f->arena, .root = &f->root,
                              .program = &f->program, .hints_left = 100000,
                              .procedure = NO_PROCEDURE };
    map_init(&f->c.names.index, &test_allocator);
    list_add(&f->arena, &f->c.nodes, sizeof(struct expr_node));
}

static void cleanup(struct fixture *f)
{
    map_free(&f->c.names.index);
    arena_free(&f->arena);
    diags_free(&f->diags);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

static const struct node *text_node(struct fixture *f, const char *text)
{
    f->node = (struct node){ .kind = NODE_SCALAR, .where = { 0, 1, 1 }, .text = text,
                             .length = (uint32_t)strlen(text) };
    return &f->node;
}

struct value_row {
    const char *text;
    uint64_t v;
    uint8_t kind;
};

static const struct value_row values[] = {
    { "0", 0, VALUE_INT },
    { "010", 10, VALUE_INT }, /* decimal, whatever YAML 1.1 thinks */
    { "0x1F", 31, VALUE_INT },
    { "0XfF", 255, VALUE_INT },
    { "18446744073709551615", UINT64_MAX, VALUE_INT },
    { "0xFFFFFFFFFFFFFFFF", UINT64_MAX, VALUE_INT },
    { "64 KiB", 65536, VALUE_SIZE },
    { "64KiB", 65536, VALUE_SIZE },
    { "0x10 B", 16, VALUE_SIZE },
    { "3 pages", 12288, VALUE_SIZE },
    { "2 MiB + 1", 2097153, VALUE_SIZE },
    { "1 TiB / 1 GiB", 1024, VALUE_INT },
    { "7 cycles", 7, VALUE_TIME },
    { "1 s", 2500000000, VALUE_TIME },
    { "1 ns", 3, VALUE_TIME }, /* 2.5 cycles, to the nearest */
    { "3 ns", 8, VALUE_TIME }, /* 7.5 */
    { "1001 ns", 2503, VALUE_TIME },
    { "10 us * 2", 50000, VALUE_TIME },
    { "true", 1, VALUE_BOOL },
    { "FALSE", 0, VALUE_BOOL },
    { "NULL", 0, VALUE_NULL },
    { "NULL == 0", 1, VALUE_BOOL },
    { "UserMode", 1, VALUE_INT },
    { "NormalPagePriority | MdlMappingNoExecute", 0x40000010, VALUE_INT },
    { "DISPATCH_LEVEL", 2, VALUE_INT },
    { "STATUS_ACCESS_VIOLATION", 0xC0000005, VALUE_INT },
    { "MmHighestUserAddress", 0x7FFFFFFEFFFF, VALUE_INT },
    { "'MRmK'", 0x4D526D4B, VALUE_INT },
    { "'A'", 0x41, VALUE_INT },
    { "'Io  '", 0x496F2020, VALUE_INT },
    /* Binding, loosest first: or, and, not, comparisons and has, |, ^, &, shifts, +, *, unary. */
    { "1 + 2 * 3", 7, VALUE_INT },
    { "(1 + 2) * 3", 9, VALUE_INT },
    { "10 - 3 - 2", 5, VALUE_INT },
    { "100 / 10 / 2", 5, VALUE_INT },
    { "100 % 7 * 2", 4, VALUE_INT },
    { "1 << 2 + 3", 32, VALUE_INT },
    { "6 & 1 << 1", 2, VALUE_INT },
    { "4 | 6 & 3", 6, VALUE_INT },
    { "1 | (5 ^ (4)) | 2", 3, VALUE_INT },
    { "8 | 2 == 10", 1, VALUE_BOOL },
    { "not 1 == 2", 1, VALUE_BOOL },
    { "not not true", 1, VALUE_BOOL },
    { "true or false and false", 1, VALUE_BOOL },
    { "false and true or true", 1, VALUE_BOOL },
    { "not true or true", 1, VALUE_BOOL },
    { "7 has 3", 1, VALUE_BOOL },
    { "5 has 2 | 1", 0, VALUE_BOOL },
    { "~0", UINT64_MAX, VALUE_INT },
    { "~0 & 0xFF", 255, VALUE_INT },
    { "-0", 0, VALUE_INT },
    { "3 < 4 and 4 >= 4 and 1 != 2 and 5 > 4 and 4 <= 4", 1, VALUE_BOOL },
    { "pages(0x1FFF, 2)", 2, VALUE_INT },
    { "align(5, 4 KiB)", 4096, VALUE_INT },
    { "PAGE_ALIGN(0x12345) + BYTE_OFFSET(0x12345)", 0x12345, VALUE_INT },
    { "BYTES_TO_PAGES(4097)", 2, VALUE_INT },
    { "ROUND_TO_PAGES(4097) + ROUND_TO_PAGES(0)", 2 * 4096, VALUE_INT },
    { "PAGE_SIZE >> PAGE_SHIFT", 1, VALUE_INT },
    { "MDL_MAPPING_FLAGS", 0x0927, VALUE_INT },
    { "MM_ANY_NODE_OK | MM_SECURE_NO_INHERIT | KeepObject", 0x80000009, VALUE_INT },
    { "POOL_FLAG_RESERVED3 + MmMdlPageContentsQuery", 0x402, VALUE_INT },
    { "ADDRESS_AND_SIZE_TO_SPAN_PAGES(4095, 2)", 2, VALUE_INT },
    { "0xF0000000 + 0x0FFFFFFF", 0xFFFFFFFF, VALUE_INT },
};

Test(expr_parse, values)
{
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct fixture f;
        struct value v = { 0 };
        setup(&f);
        bool known = constant(&f.c, text_node(&f, values[i].text), &v);
        cr_expect(known && v.v == values[i].v && v.kind == values[i].kind,
                  "%s: %d, %llu of kind %u %s", values[i].text, known, (unsigned long long)v.v,
                  v.kind, f.diags.count ? f.diags.list[0].message : "");
        cr_expect_eq(f.c.nodes.count, 1, "%s leaves nodes behind", values[i].text);
        cleanup(&f);
    }
}

struct error_row {
    const char *text;
    uint32_t column;
    const char *message; /* its beginning */
};

static const struct error_row errors[] = {
    { "18446744073709551616", 1, "the number does not fit into 64 bits" },
    { "0x10000000000000000", 1, "the number does not fit into 64 bits" },
    { "16777216 TiB", 1, "the number does not fit into 64 bits" },
    { "99999999999 s", 1, "the number does not fit into 64 bits" },
    { "0x", 1, "expected hexadecimal digits after 0x" },
    { "1e18", 1, "a number is a whole one without exponent" },
    { "1.5 GiB", 1, "a number is a whole one: use a smaller unit" },
    { "8 GB", 3, "unknown unit 'GB'" },
    { "8 kib", 3, "unknown unit 'kib'" },
    { "-1", 1, "numbers have no sign" },
    { "2^64", 2, "'^' is exclusive or" },
    { "0xFFFFFFFFFFFFFFFF + 1", 20, "the result does not fit into 64 bits" },
    { "1 - 2", 3, "the result is below zero" },
    { "1 + 4 / (2 - 2)", 7, "division by zero" },
    { "4 % 0", 3, "division by zero" },
    { "1 << 64", 3, "a shift by more than 63 bits" },
    { "2 << 63", 3, "the result does not fit into 64 bits" },
    { "align(1, 0)", 1, "align: the second argument is 0" },
    { "4 KiB + 1 us", 7, "a size and a time do not mix" },
    { "1 us < 4 KiB", 6, "a size and a time do not mix" },
    { "4 KiB + $x * 0 + 1 us", 0, NULL }, /* only the run can tell */
    { "true + 1", 6, "a number is needed here" },
    { "1 and true", 3, "a truth value is needed here" },
    { "not 3", 1, "a truth value is needed here" },
    { "NULL + 1", 6, "NULL is no number" },
    { "1 +", 4, "expected a value, found the end" },
    { "(1", 3, "expected ')', found the end" },
    { "1)", 2, "expected an operator or the end, found ')'" },
    { "1 2", 3, "expected an operator or the end, found a number" },
    { "* 2", 1, "expected a value, found '*'" },
    { "1 + not true", 5, "expected a value, found 'not'" },
    { "1 < 2 < 3", 7, "comparisons do not chain" },
    { "1 = 1", 3, "'=' is no operator; did you mean '=='?" },
    { "true && true", 6, "'&&' is no operator; did you mean 'and'?" },
    { "true || true", 6, "'||' is no operator; did you mean 'or'?" },
    { "!true", 1, "'!' is no operator; did you mean 'not'?" },
    { "1 @ 2", 3, "'@' has no place in an expression" },
    { "1 + \xC3\xA4", 5, "'\xC3\xA4' has no place in an expression" },
    { "UserMod", 1, "unknown name 'UserMod'; did you mean 'UserMode'?" },
    { "$", 1, "expected a name after '$'" },
    { "pages(1)", 8, "pages takes two arguments" },
    { "PAGE_ALIGN(1, 2)", 13, "PAGE_ALIGN takes one argument" },
    { "PAGE_ALIGN 1", 12, "expected '(', found a number" },
    { "pte(1)", 7, "expected '.', found the end" },
    { "pte(1).presen", 8, "pte has no member 'presen'; did you mean 'present'?" },
    { "5.Next", 3, "only MDLs and IRPs have members" },
    { "$x.Nxt", 4, "no MDL or IRP has a member 'Nxt'; did you mean 'Next'?" },
    { "$x.IoStatus", 4, "no MDL or IRP has a member 'IoStatus'" },
    { "$x.Pfn", 7, "expected '[', found the end" },
    { "$x.Pfn[true]", 4, "the index of Pfn is an integer" },
    { "''", 1, "a pool tag has one to four characters, this has 0" },
    { "'abcde'", 1, "a pool tag has one to four characters, this has 5" },
    { "'abc", 1, "expected a second quote" },
    { "stats", 1, "expected a path" },
    { "stats.", 7, "expected a name after '.'" },
    { "bar(1, 0)", 1, "bar: the first argument is a device" },
};

Test(expr_parse, errors)
{
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct fixture f;
        setup(&f);
        expr_t e = expression(&f.c, text_node(&f, errors[i].text));
        const struct diag *d = f.diags.count ? &f.diags.list[0] : NULL;
        if (!errors[i].message) {
            cr_expect(e != 0 && !d, "%s: %s", errors[i].text, d ? d->message : "");
        } else {
            cr_expect(e == 0 && f.diags.count == 1, "%s: %zu messages", errors[i].text,
                      f.diags.count);
            cr_expect(d && d->where.column == errors[i].column &&
                          strncmp(d->message, errors[i].message, strlen(errors[i].message)) == 0,
                      "%s: %u: %s", errors[i].text, d ? d->where.column : 0, d ? d->message : "");
        }
        cleanup(&f);
    }
}

/* What has a value only in a running simulation is refused where constants stand. */
Test(expr_parse, constants_only)
{
    static const char *const texts[] = { "$mdl", "irql", "now", "cpu", "stack", "stats.cpu.x",
                                         "pfn(0)", "valid(1)", "frame(1).state" };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct fixture f;
        struct value v;
        setup(&f);
        cr_expect_not(constant(&f.c, text_node(&f, texts[i]), &v), "%s", texts[i]);
        cr_assert_eq(f.diags.count, 1);
        cr_expect(strstr(f.diags.list[0].message, "only constants and vars"), "%s: %s", texts[i],
                  f.diags.list[0].message);
        cleanup(&f);
    }
}

/* The tree in prefix form. */
static void print(const struct fixture *f, expr_t e, struct text *out)
{
    static const char *const words[] = { [EXPR_OR] = "or", [EXPR_AND] = "and", [EXPR_NOT] = "not",
                                         [EXPR_EQ] = "==", [EXPR_HAS] = "has", [EXPR_ADD] = "+",
                                         [EXPR_MUL] = "*", [EXPR_SHL] = "<<",
                                         [EXPR_COMPLEMENT] = "~", [EXPR_BIT_OR] = "|" };
    const struct expr_node *n = node_of(&f->c, e);
    if (n->op == EXPR_CONSTANT) text_u64(out, n->value.v);
    else if (n->op == EXPR_NAME) text_format(out, "$%s", n->text);
    else if (n->op == EXPR_STATS) text_format(out, "stats.%s", n->text);
    else if (n->op == EXPR_IRQL) text_put(out, "irql");
    else {
        const char *word = n->op == EXPR_MEMBER     ? expr_member_names[n->c]
                           : n->op == EXPR_PFN      ? "Pfn"
                           : n->op == EXPR_FUNCTION ? expr_functions[n->c].name
                                                    : words[n->op];
        text_format(out, "(%s ", word);
        if (n->op == EXPR_FUNCTION && expr_functions[n->c].member) {
            text_format(out, "%s ", expr_functions[n->c].member);
        }
        print(f, n->a, out);
        if (n->b) text_char(out, ' ');
        if (n->b) print(f, n->b, out);
        text_char(out, ')');
    }
}

Test(expr_parse, trees)
{
    static const char *const rows[][2] = {
        { "$a + 1 * 2", "(+ $a 2)" },
        { "$a + $b * 3", "(+ $a (* $b 3))" },
        { "$a == 1 or not $b == 2 and true", "(or (== $a 1) (and (not (== $b 2)) 1))" },
        { "$mdl.Next.Next.Pfn[$i + 1]", "(Pfn (Next (Next $mdl)) (+ $i 1))" },
        { "$irp.IoStatus.Status == 0", "(== (IoStatus.Status $irp) 0)" },
        { "$irp.AssociatedIrp.SystemBuffer", "(AssociatedIrp.SystemBuffer $irp)" },
        { "pte($a + 4096).present", "(pte present (+ $a 4096))" },
        { "frame(pfn($a)).state == zeroed", "(== (frame state (pfn $a)) 0)" },
        { "stats.tlb.cpu0.l1d.by_page.4k.hits + irql",
          "(+ stats.tlb.cpu0.l1d.by_page.4k.hits irql)" },
        { "($mdl).MdlFlags has MDL_PAGES_LOCKED", "(has (MdlFlags $mdl) 2)" },
        { "~$a << 1 | 2", "(| (<< (~ $a) 1) 2)" },
        { "pages($a, 4 KiB)", "(pages $a 4096)" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        struct text out;
        setup(&f);
        text_init(&out, &test_allocator);
        expr_t e = expression(&f.c, text_node(&f, rows[i][0]));
        cr_assert_neq(e, 0, "%s: %s", rows[i][0], f.diags.count ? f.diags.list[0].message : "");
        print(&f, e, &out);
        cr_expect_str_eq(text_string(&out), rows[i][1]);
        text_free(&out);
        cleanup(&f);
    }
}

/* Deep and long texts end in a message, never in a deep recursion. */
Test(expr_parse, depth)
{
    static const struct { const char *unit; size_t count; const char *end; bool fine; } rows[] = {
        { "(", 99, "1", false },  /* not closed, yet not too deep */
        { "(", 60000, "1", false },
        { "~", 90, "1", true },
        { "~", 60000, "1", false },
        { "not ", 15000, "true", false },
        { "1+", 30000, "1", true }, /* folded */
        { "$x+", 190, "$x", true },
        { "$x+", 20000, "$x", false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        struct text text;
        setup(&f);
        text_init(&text, &test_allocator);
        for (size_t n = 0; n < rows[i].count; n++) text_put(&text, rows[i].unit);
        text_put(&text, rows[i].end);
        expr_t e = expression(&f.c, text_node(&f, text_string(&text)));
        cr_expect_eq(e != 0, rows[i].fine, "row %zu", i);
        cr_expect_eq(f.diags.count, rows[i].fine ? 0 : 1);
        text_free(&text);
        cleanup(&f);
    }
}

/* A quoted scalar begins one character after its place; one of several lines keeps the place. */
Test(expr_parse, places)
{
    struct fixture f;
    setup(&f);
    struct node *node = &f.node;
    text_node(&f, "1 + x");
    node->where.column = 7;
    node->quoted = true;
    cr_expect_eq(expression(&f.c, node), 0);
    cr_expect_eq(f.diags.list[0].where.column, 12);
    text_node(&f, "1 +\nx");
    cr_expect_eq(expression(&f.c, node), 0);
    cr_expect_eq(f.diags.list[1].where.column, 1);
    cleanup(&f);
}
