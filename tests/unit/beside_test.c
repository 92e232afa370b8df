/* Unit tests of trace/beside: a trace that comes in pieces beside a stored one. */
#define _POSIX_C_SOURCE 200809L
#include "trace/beside.h"

#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/mdlsim-beside-XXXXXX";

static struct trace_source file_of(const char *bytes)
{
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    close(file);
    return (struct trace_source){ .name = path };
}

/* Writes `run` in pieces of `piece` bytes; what is kept must be all of it, or nothing. */
static bool is_same(const struct trace_source *stored, const char *run, size_t piece)
{
    struct beside b;
    size_t length = strlen(run);
    beside_begin(&b, stored, &test_allocator);
    for (size_t at = 0; at < length; at += piece)
        cr_assert(beside_write(&b, run + at, length - at < piece ? length - at : piece));
    bool same = beside_end(&b);
    cr_assert_not(b.lost);
    cr_expect_str_eq(text_string(&b.bytes), same ? "" : run);
    beside_free(&b);
    cr_assert_eq(test_outstanding_bytes(), 0);
    return same;
}

Test(beside, every_difference_in_every_piece)
{
    static const char *const others[] = { "", "x", "abcdefgx", "abcdxfgh", "xbcdefgh", "abcdefg",
                                          "abcdefghi" };
    struct trace_source memory = { "m", "abcdefgh", 8 }, file = file_of("abcdefgh");
    for (size_t piece = 1; piece <= 9; piece++) {
        cr_expect(is_same(&memory, "abcdefgh", piece));
        cr_expect(is_same(&file, "abcdefgh", piece));
        for (size_t i = 0; i < COUNT_OF(others); i++) {
            cr_expect_not(is_same(&memory, others[i], piece), "%s", others[i]);
            cr_expect_not(is_same(&file, others[i], piece), "%s", others[i]);
        }
    }
    unlink(file.name);
}

Test(beside, more_than_is_read_at_once)
{
    size_t length = 2 * INPUT_CHUNK_BYTES + 1000;
    char *bytes = malloc(length + 1);
    cr_assert_not_null(bytes);
    for (size_t i = 0; i < length; i++) bytes[i] = (char)('a' + i % 23);
    bytes[length] = '\0';
    struct trace_source file = file_of(bytes);
    cr_expect(is_same(&file, bytes, 4099));
    cr_expect(is_same(&file, bytes, length));
    bytes[length - 500] = '-';
    cr_expect_not(is_same(&file, bytes, 4099));
    bytes[INPUT_CHUNK_BYTES] = '-';
    cr_expect_not(is_same(&file, bytes, length));
    unlink(file.name);
    free(bytes);
}

Test(beside, no_stored_trace)
{
    struct trace_source missing = { .name = "/nonexistent/x" };
    cr_expect_not(is_same(&missing, "", 1));
    cr_expect_not(is_same(&missing, "abc", 2));
}

Test(beside, stored_trace_goes_away)
{
    struct trace_source file = file_of("abcdefgh");
    struct beside b;
    beside_begin(&b, &file, &test_allocator);
    beside_write(&b, "abcd", 4);
    unlink(file.name);
    beside_write(&b, "xy", 2);
    cr_expect_not(beside_end(&b));
    cr_expect(b.lost);
    beside_free(&b);
    cr_assert_eq(test_outstanding_bytes(), 0);
}
