/* Unit tests of base/diag. */
#include "base/diag.h"

#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

struct sample {
    const char *bytes;
    uint32_t line, column;
    const char *path, *message, *wanted;
};

#define A10 "aaaaaaaaaa"
#define A50 A10 A10 A10 A10 A10
#define B4 "    "
#define B20 B4 B4 B4 B4 B4

static const struct sample samples[] = {
    { "x: 1\ny: 2\n", 2, 4, NULL, "bad value",
      "f:2:4: error: bad value\n    2 | y: 2\n      |    ^\n" },
    { "x: 1\r\ny: 2\r\n", 1, 1, "threads.rx", "bad key",
      "f:1:1: error: bad key [at threads.rx]\n    1 | x: 1\n      | ^\n" },
    { "x", 0, 0, "", "cannot read", "error: cannot read\n" },
    { "x", 0, 3, "a", "cannot read", "error: cannot read [at a]\n" },
    { "x: 1", 1, 0, NULL, "no column", "f:1: error: no column\n    1 | x: 1\n" },
    { "x: 1", 1, 99, NULL, "behind", "f:1:99: error: behind\n    1 | x: 1\n      |     ^\n" },
    { "x\n", 2, 1, NULL, "at the end", "f:2:1: error: at the end\n    2 | \n      | ^\n" },
    { "x\n", 3, 1, NULL, "no line", "f:3:1: error: no line\n" },
    { "", 1, 1, NULL, "empty", "f:1:1: error: empty\n    1 | \n      | ^\n" },
    { "a\tb\tc", 1, 5, NULL, "tabs", "f:1:5: error: tabs\n    1 | a\tb\tc\n      |  \t \t^\n" },
    { "\xC3\xA9\xE2\x82\xAC!", 1, 3, NULL, "letters",
      "f:1:3: error: letters\n    1 | \xC3\xA9\xE2\x82\xAC!\n      |   ^\n" },
    { "\x1B[0m\xFF!", 1, 6, NULL, "a\x1B" "b",
      "f:1:6: error: a\\x1Bb\n    1 | \\x1B[0m\\xFF!\n      |            ^\n" },
    { "\xEF\xBB\xBFkey", 1, 2, NULL, "mark", "f:1:2: error: mark\n    1 | key\n      |  ^\n" },
    { A50 A10 A10 A10 A10 "123456", 1, 96, NULL, "fits",
      "f:1:96: error: fits\n    1 | " A50 A10 A10 A10 A10 "123456\n      | " B20 B20 B20 B20
      "               ^\n" },
    { A50 A50 "X" A50 A50, 1, 101, NULL, "middle",
      "f:1:101: error: middle\n    1 | ..." A50 A10 "aaaaX" A10 A10 A10 "a...\n      |    " B20 B20
      B20 "    ^\n" },
    { "X" A50 A50, 1, 1, NULL, "front",
      "f:1:1: error: front\n    1 | X" A50 A10 A10 A10 A10 "aaaaa...\n      | ^\n" },
    { A50 A50 "X", 1, 101, NULL, "back",
      "f:1:101: error: back\n    1 | ..." A50 A10 A10 A10 A10 "aaaaaX\n      |    " B20 B20 B20 B20
      "               ^\n" },
};

Test(diag, prints_like_a_compiler)
{
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        const struct sample *s = &samples[i];
        struct diags d;
        struct text out;
        diags_init(&d, &test_allocator);
        text_init(&out, &test_allocator);
        cr_assert_eq(diags_add_file(&d, "f", s->bytes, strlen(s->bytes)), 0);
        diag_add(&d, (struct where){ 0, s->line, s->column }, s->path, s->message);
        diags_print(&d, &out);
        cr_assert_str_eq(text_string(&out), s->wanted, "row %zu:\n%s", i, text_string(&out));
        text_free(&out);
        diags_free(&d);
    }
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(diag, no_file_no_messages)
{
    struct diags d;
    struct text out;
    diags_init(&d, &test_allocator);
    text_init(&out, &test_allocator);
    diags_print(&d, &out);
    cr_assert_str_eq(text_string(&out), "");
    diag_add(&d, (struct where){ 0, 0, 0 }, NULL, "usage");
    diags_print(&d, &out);
    cr_assert_str_eq(text_string(&out), "error: usage\n");
    text_free(&out);
    diags_free(&d);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

static void add_without_file(void *context)
{
    diag_add(context, (struct where){ 1, 1, 1 }, NULL, "x");
}

Test(diag, position_in_no_file_is_a_bug)
{
    struct diags d;
    diags_init(&d, &test_allocator);
    diags_add_file(&d, "f", NULL, 0);
    cr_assert(test_bug_raised(add_without_file, &d));
    cr_assert_eq(d.count, 0);
    diags_free(&d);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(diag, sorted_by_file_line_column_arrival)
{
    static const struct where places[] = {
        { 1, 1, 1 }, { 0, 2, 1 }, { 0, 1, 9 }, { 0, 1, 2 }, { 0, 1, 2 }, { 0, 0, 0 },
    };
    struct diags d;
    struct text out;
    diags_init(&d, &test_allocator);
    text_init(&out, &test_allocator);
    cr_assert_eq(diags_add_file(&d, "a", NULL, 0), 0);
    cr_assert_eq(diags_add_file(&d, "b", NULL, 0), 1);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        diag_format(&d, places[i], NULL, "m%u", (uint64_t)i);
    }
    diags_print(&d, &out);
    cr_assert_str_eq(text_string(&out), "error: m5\na:1:2: error: m3\na:1:2: error: m4\n"
                                        "a:1:9: error: m2\na:2:1: error: m1\nb:1:1: error: m0\n");
    text_free(&out);
    diags_free(&d);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

/* Messages arrive from the last line to the first, or the other way. */
static void print_many(uint32_t count, bool forward, struct text *out)
{
    struct diags d;
    diags_init(&d, &test_allocator);
    diags_add_file(&d, "a", NULL, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t line = forward ? i + 1 : count - i;
        diag_format(&d, (struct where){ 0, line, 1 }, NULL, "m");
    }
    cr_assert_eq(d.count, count < DIAG_KEPT_MAX ? count : DIAG_KEPT_MAX);
    diags_print(&d, out);
    diags_free(&d);
}

Test(diag, shows_the_first_and_counts_the_rest)
{
    static const struct {
        uint32_t count;
        bool forward;
        uint32_t first_line;
        const char *rest;
    } rows[] = {
        { 19, false, 1, NULL },
        { 20, false, 1, NULL },
        { 20, true, 1, NULL },
        { 21, false, 1, "1 more error\n" },
        { 21, true, 1, "1 more error\n" },
        { 1000, false, 1, "980 more errors\n" },
        { 1005, true, 1, "985 more errors\n" },
        { 1005, false, 6, "985 more errors\n" }, /* the last five to arrive are only counted */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct text out, wanted;
        text_init(&out, &test_allocator);
        text_init(&wanted, &test_allocator);
        print_many(rows[i].count, rows[i].forward, &out);
        for (uint32_t n = 0; n < rows[i].count && n < DIAG_SHOWN_MAX; n++) {
            text_format(&wanted, "a:%u:1: error: m\n", (uint64_t)(rows[i].first_line + n));
        }
        if (rows[i].rest != NULL) text_put(&wanted, rows[i].rest);
        cr_assert_str_eq(text_string(&out), text_string(&wanted), "row %zu", i);
        text_free(&wanted);
        text_free(&out);
    }
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(diag, files_know_their_hash)
{
    struct diags d;
    diags_init(&d, &test_allocator);
    diags_add_file(&d, "a", "abc", 3);
    cr_assert_str_eq(d.files[0].sha256,
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    diags_free(&d);
    cr_assert_eq(test_outstanding_bytes(), 0);
}
