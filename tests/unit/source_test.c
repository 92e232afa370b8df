/* Unit tests of scenario/source and scenario/input: what is checked eight bytes at a time against
 * the same text a byte at a time, texts at the limit in every way of writing them, and files that
 * are read piece by piece while they change. */
#define _POSIX_C_SOURCE 200809L

#include "scenario/source.h"

#include "base/rng.h"
#include "scenario/document.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT_BYTES = 65536, PIECE_BYTES = 256 * 1024, RANDOM_TEXTS = 3000, RANDOM_BYTES_MAX = 90 };

/* Hands out a text in portions of `size` bytes; what the source counted remains. */
static struct source drain(const char *text, size_t length, size_t size)
{
    struct source s;
    source_init(&s, text, length, 0, LIMIT_BYTES);
    unsigned char buffer[RANDOM_BYTES_MAX];
    size_t got = 0;
    while (source_read(&s, buffer, size, &got) && got > 0) {
        cr_assert(memcmp(buffer, s.bytes + s.handed - got, got) == 0);
    }
    return s;
}

Test(source, checks_the_same_in_large_and_small_portions)
{
    static const char alphabet[] = "aaaaaaaazzzz    ~!\n\t|>#%'\"\\Ux\r\x01\x7f\xC3\xA9\xFF";
    struct rng rng;
    rng_init(&rng, 7, 1);
    for (int i = 0; i < RANDOM_TEXTS; i++) {
        char text[RANDOM_BYTES_MAX];
        size_t letters = rng_below(&rng, 4) ? 25 : sizeof alphabet - 1;
        for (size_t k = 0; k < sizeof text; k++) text[k] = alphabet[rng_below(&rng, letters)];
        struct source slow = drain(text, sizeof text, 1), fast = drain(text, sizeof text, 90);
        cr_assert_eq(slow.checked, fast.checked, "text %d", i);
        cr_assert(slow.line == fast.line && slow.column == fast.column, "text %d", i);
        cr_assert_eq(slow.since_event, fast.since_event, "text %d", i);
        cr_assert_eq(slow.text_since_event, fast.text_since_event, "text %d", i);
        cr_assert_eq(slow.problem, fast.problem, "text %d", i);
    }
}

/* A text of LIMIT_BYTES: `before`, `unit` until it makes them, `after`. */
struct writing {
    const char *before, *unit, *after;
    size_t unit_bytes; /* that a unit makes */
};

static const struct writing writings[] = {
    { "a: ", "x", "\n", 1 },
    { "a: \"", "\\U00000041", "\"\n", 1 },
    { "a: \"", "\\u0041", "\"\n", 1 },
    { "a: \"", "\\x41", "\"\n", 1 },
    { "a: \"", "\\n", "\"\n", 1 },
    { "a: '", "''", "'\n", 1 },
    { "a: |\n", "            x\n", "", 2 },
    { "a:\n", "     x\n", "", 2 },
    { "a: \"", "\xF0\x9F\x98\x80", "\"\n", 4 },
};

Test(source, a_text_at_the_limit_is_read_however_it_is_written)
{
    for (size_t i = 0; i < COUNT_OF(writings); i++) {
        const struct writing *w = &writings[i];
        struct text text;
        text_init(&text, &test_allocator);
        text_put(&text, w->before);
        for (size_t n = 0; n < LIMIT_BYTES; n += w->unit_bytes) text_put(&text, w->unit);
        text_put(&text, w->after);
        FILE *file = tmpfile();
        cr_assert_not_null(file);
        cr_assert_eq(fwrite(text.bytes, 1, text.length, file), text.length);
        rewind(file);
        cr_assert_eq(dup2(fileno(file), STDIN_FILENO), STDIN_FILENO);
        struct scenario_limits limits;
        struct diags diags;
        struct arena arena = { .from = &test_allocator };
        limits_init(&limits);
        diags_init(&diags, &test_allocator);
        const struct node *root = document_load("-", &limits, &diags, &arena, NULL);
        cr_assert_not_null(root, "writing %zu", i);
        cr_expect_geq(root->items[0]->length + 1, (size_t)LIMIT_BYTES, "writing %zu", i);
        fclose(file);
        text_free(&text);
        diags_free(&diags);
        arena_free(&arena);
    }
}

/* A file of `length` bytes in a folder of its own, opened. */
static struct input open_file(struct arena *arena, char *name, size_t length)
{
    int fd = mkstemp(name);
    cr_assert(fd >= 0 && ftruncate(fd, (off_t)length) == 0 && close(fd) == 0);
    struct input input;
    const char *why;
    cr_assert_eq(input_read(name, GIB, arena, &input, &why), INPUT_READ);
    return input;
}

Test(source, a_file_is_read_as_far_as_it_is_wanted)
{
    struct arena arena = { .from = &test_allocator };
    char name[] = "/tmp/source_test.XXXXXX";
    struct input input = open_file(&arena, name, 3 * PIECE_BYTES);
    cr_expect_eq(input.fetched, 0);
    cr_expect_null(input_fetch(&input, 1));
    cr_expect_eq(input.fetched, (size_t)PIECE_BYTES);
    cr_expect_null(input_fetch(&input, PIECE_BYTES));
    cr_expect_eq(input.fetched, (size_t)PIECE_BYTES);
    cr_expect_null(input_fetch(&input, 3 * PIECE_BYTES + 1));
    cr_expect_eq(input.fetched, (size_t)(3 * PIECE_BYTES));
    cr_expect(input.length == input.fetched && input.fd < 0);
    unlink(name);
    arena_free(&arena);
}

Test(source, a_file_that_changes_while_it_is_read)
{
    struct arena arena = { .from = &test_allocator };
    char grown[] = "/tmp/source_test.XXXXXX", cut[] = "/tmp/source_test.XXXXXX";
    struct input input = open_file(&arena, grown, 2 * PIECE_BYTES);
    cr_expect_null(input_fetch(&input, 1));
    cr_assert_eq(truncate(grown, 2 * PIECE_BYTES + 1), 0);
    cr_expect_str_eq(input_fetch(&input, 2 * PIECE_BYTES + 1), "it grows while it is read");
    input_close(&input);
    input = open_file(&arena, cut, 2 * PIECE_BYTES);
    cr_expect_null(input_fetch(&input, 1));
    cr_assert_eq(truncate(cut, PIECE_BYTES + 5), 0);
    cr_expect_null(input_fetch(&input, 2 * PIECE_BYTES));
    cr_expect_eq(input.length, (size_t)(PIECE_BYTES + 5));
    unlink(grown);
    unlink(cut);
    arena_free(&arena);
}
