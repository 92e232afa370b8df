/* Unit tests of base/text. */
#include "base/text.h"

#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

#define BYTES(s) (s), sizeof(s) - 1

static void expect(struct text *t, const char *wanted)
{
    cr_assert_str_eq(text_string(t), wanted);
    cr_assert_eq(t->length, strlen(wanted));
    text_clear(t);
}

static void finish(struct text *t)
{
    text_free(t);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(text, starts_empty_and_grows)
{
    struct text t;
    text_init(&t, &test_allocator);
    cr_assert_str_eq(text_string(&t), "");
    text_clear(&t);
    for (int i = 0; i < 5000; i++) text_char(&t, (char)('a' + i % 26));
    cr_assert_eq(t.length, 5000);
    cr_assert_eq(strlen(t.bytes), 5000);
    for (int i = 0; i < 5000; i++) cr_assert_eq(t.bytes[i], 'a' + i % 26);
    text_clear(&t);
    cr_assert_str_eq(text_string(&t), "");
    memcpy(text_room(&t, 3), "xyz", 3);
    t.length += 3;
    expect(&t, "xyz");
    text_bytes(&t, NULL, 0);
    expect(&t, "");
    finish(&t);
}

Test(text, numbers)
{
    static const struct {
        uint64_t n;
        const char *decimal, *hex, *as_signed;
    } rows[] = {
        { 0, "0", "0x0", "0" },
        { 9, "9", "0x9", "9" },
        { 10, "10", "0xA", "10" },
        { 0xABCDEF, "11259375", "0xABCDEF", "11259375" },
        { INT64_MAX, "9223372036854775807", "0x7FFFFFFFFFFFFFFF", "9223372036854775807" },
        { (uint64_t)1 << 63, "9223372036854775808", "0x8000000000000000", "-9223372036854775808" },
        { UINT64_MAX, "18446744073709551615", "0xFFFFFFFFFFFFFFFF", "-1" },
    };
    struct text t;
    text_init(&t, &test_allocator);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        text_u64(&t, rows[i].n);
        expect(&t, rows[i].decimal);
        text_hex(&t, rows[i].n);
        expect(&t, rows[i].hex);
        text_i64(&t, (int64_t)rows[i].n);
        expect(&t, rows[i].as_signed);
    }
    finish(&t);
}

static void format_unknown(void *context)
{
    text_format(context, "a %f", 1);
}

static void format_cut(void *context)
{
    text_format(context, "a %");
}

Test(text, right)
{
    struct text t;
    text_init(&t, &test_allocator);
    text_right(&t, 0, 2);
    cr_assert_str_eq(text_string(&t), "  ");
    text_u64(&t, 17);
    text_right(&t, 2, 40);
    cr_assert_eq(t.length, 42);
    cr_assert_str_eq(text_string(&t) + 39, " 17");
    cr_assert_eq(strspn(text_string(&t), " "), 40);
    text_right(&t, 40, 2);
    cr_assert_eq(t.length, 42);
    text_free(&t);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(text, format)
{
    struct text t;
    text_init(&t, &test_allocator);
    text_format(&t, "[%s|%u|%d|%x|%c|100%%]", "s", (uint64_t)7, (int64_t)-8, (uint64_t)255, 'c');
    expect(&t, "[s|7|-8|0xFF|c|100%]");
    text_format(&t, "plain");
    expect(&t, "plain");
    text_format(&t, "%s%s", "", "");
    expect(&t, "");
    cr_assert(test_bug_raised(format_unknown, &t));
    cr_assert(test_bug_raised(format_cut, &t));
    finish(&t);
}

struct escape {
    const char *bytes;
    size_t length;
    const char *json, *quoted;
};

static const struct escape escapes[] = {
    { BYTES(""), "", "" },
    { BYTES("plain ASCII, long enough for words"), "plain ASCII, long enough for words",
      "plain ASCII, long enough for words" },
    { BYTES("C:\\a \"b\""), "C:\\\\a \\\"b\\\"", "C:\\a \"b\"" },
    { BYTES("\b\f\n\r\t"), "\\b\\f\\n\\r\\t", "\\x08\\x0C\\x0A\\x0D\\x09" },
    { BYTES("a\0b\x1F\x7F"), "a\\u0000b\\u001F\x7F", "a\\x00b\\x1F\\x7F" },
    { BYTES("\x1B[31m"), "\\u001B[31m", "\\x1B[31m" },
    { BYTES("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
      "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80" },
    { BYTES("\xC2\x9B"), "\xC2\x9B", "\\xC2\\x9B" },     /* a C1 control */
    { BYTES("\xFFz"), "\xEF\xBF\xBDz", "\\xFFz" },       /* never a first byte */
    { BYTES("\xC3"), "\xEF\xBF\xBD", "\\xC3" },          /* cut short */
    { BYTES("\xC0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD", "\\xC0\\x80" }, /* overlong */
    { BYTES("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", "\\xED\\xA0\\x80" },
    { BYTES("1234567\"890123456\\"), "1234567\\\"890123456\\\\", "1234567\"890123456\\" },
};

Test(text, escapes)
{
    struct text t;
    text_init(&t, &test_allocator);
    for (size_t i = 0; i < COUNT_OF(escapes); i++) {
        text_json(&t, escapes[i].bytes, escapes[i].length);
        expect(&t, escapes[i].json);
        text_quoted(&t, escapes[i].bytes, escapes[i].length, SIZE_MAX);
        expect(&t, escapes[i].quoted);
    }
    finish(&t);
}

/* Every byte at every place of a word of eight, against the rule byte by byte. */
Test(text, json_finds_every_byte_that_needs_care)
{
    struct text t;
    text_init(&t, &test_allocator);
    for (unsigned c = 0; c < 256; c++) {
        for (size_t place = 0; place < 17; place++) {
            char s[17];
            memset(s, 'x', sizeof s);
            s[place] = (char)c;
            text_json(&t, s, sizeof s);
            bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
            cr_assert_eq(plain, t.length == sizeof s && memcmp(t.bytes, s, sizeof s) == 0,
                         "byte %u at %zu", c, place);
            text_clear(&t);
        }
    }
    finish(&t);
}

Test(text, quoted_cuts_at_characters)
{
    static const struct {
        const char *s;
        size_t most;
        const char *wanted;
    } rows[] = {
        { "abcdef", 6, "abcdef" },
        { "abcdef", 5, "abcde..." },
        { "abcdef", 0, "..." },
        { "", 0, "" },
        { "a\xE2\x82\xAC" "b", 3, "a..." },
        { "a\xE2\x82\xAC" "b", 4, "a\xE2\x82\xAC..." },
        { "\n\n", 1, "\\x0A..." },
    };
    struct text t;
    text_init(&t, &test_allocator);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        text_quoted(&t, rows[i].s, strlen(rows[i].s), rows[i].most);
        expect(&t, rows[i].wanted);
    }
    finish(&t);
}

Test(text, utf8_length)
{
    static const struct {
        const char *s;
        size_t length, wanted;
    } rows[] = {
        { BYTES(""), 0 },
        { BYTES("a"), 1 },
        { BYTES("\xC2\x80"), 2 },
        { BYTES("\xC1\xBF"), 0 },
        { BYTES("\xE0\x9F\xBF"), 0 },
        { BYTES("\xE0\xA0\x80"), 3 },
        { BYTES("\xED\x9F\xBF"), 3 },
        { BYTES("\xED\xA0\x80"), 0 },
        { BYTES("\xF0\x8F\xBF\xBF"), 0 },
        { BYTES("\xF0\x90\x80\x80"), 4 },
        { BYTES("\xF4\x8F\xBF\xBF"), 4 },
        { BYTES("\xF4\x90\x80\x80"), 0 },
        { BYTES("\xF5\x80\x80\x80"), 0 },
        { BYTES("\xE2\x82"), 0 },
        { BYTES("\xE2\x82z"), 0 },
        { BYTES("\x80"), 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_assert_eq(utf8_length(rows[i].s, rows[i].length), rows[i].wanted, "row %zu", i);
    }
}

Test(text, string_distance)
{
    static const struct {
        const char *a, *b;
        unsigned limit, wanted;
    } rows[] = {
        { "", "", 5, 0 },
        { "", "abc", 5, 3 },
        { "abc", "", 2, 3 },
        { "kitten", "sitting", 5, 3 },
        { "kitten", "sitting", 1, 2 },
        { "abcd", "acbd", 5, 1 },
        { "ca", "abc", 5, 3 }, /* 2 if what was swapped could be edited again */
        { "MDL", "mdl", 5, 3 },
        { "a", "b", 0, 1 },
        { "a", "b", UINT32_MAX, 1 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned ab = string_distance(rows[i].a, rows[i].b, rows[i].limit);
        unsigned ba = string_distance(rows[i].b, rows[i].a, rows[i].limit);
        cr_assert_eq(ab, rows[i].wanted, "row %zu: %u", i, ab);
        cr_assert_eq(ba, rows[i].wanted, "row %zu swapped: %u", i, ba);
    }
    char long_word[200];
    memset(long_word, 'a', sizeof long_word);
    long_word[199] = '\0';
    cr_assert_eq(string_distance(long_word, long_word, 3), 0);
    cr_assert_eq(string_distance(long_word, "a", 3), 4);
    cr_assert(string_equal("a", "a") && !string_equal("a", "ab") && !string_equal("a", "A"));
}

Test(text, string_nearest)
{
    static const char *const names[] = { "IoAllocateMdl", "IoFreeMdl", "MmMapIoSpace", "Length" };
    static const struct {
        const char *word, *wanted;
    } rows[] = {
        { "IoAllocateMDL", "IoAllocateMdl" },
        { "ioallocatemdl", "IoAllocateMdl" },
        { "IoAllocMdl", "IoAllocateMdl" },
        { "IoFreMdl", "IoFreeMdl" },
        { "LENGTH", "Length" },
        { "Lenght", "Length" },
        { "Legnths", "Length" },
        { "MmMap", "MmMapIoSpace" },
        { "mmmap", "MmMapIoSpace" },
        { "Bananas", NULL },
        { "x", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *found = string_nearest(rows[i].word, names, COUNT_OF(names));
        cr_assert_eq(found == NULL, rows[i].wanted == NULL, "row %zu", i);
        if (found != NULL) cr_assert_str_eq(found, rows[i].wanted);
    }
    static const char *const cases[] = { "FOO", "Foo", "foo" };
    cr_assert_str_eq(string_nearest("fooo", cases, 3), "foo");
    cr_assert_str_eq(string_nearest("Fooo", cases, 3), "Foo");
    static const char *const equals[] = { "abcd", "abce" };
    cr_assert_str_eq(string_nearest("abcx", equals, 2), "abcd"); /* the first of equals */
    static const char *const units[] = { "B", "KiB", "MiB", "s", "ms" };
    cr_assert_str_eq(string_nearest("k", units, 5), "KiB");
    cr_assert_str_eq(string_nearest("KB", units, 5), "KiB");
    cr_assert_str_eq(string_nearest("M", units, 5), "MiB");
    cr_assert_str_eq(string_nearest("m", units, 5), "ms");
    cr_assert_null(string_nearest("foo", NULL, 0));
}
