/* A trace that is parsed ahead gives what it gives otherwise: records, bad ones, errors. */
#define _POSIX_C_SOURCE 200809L

#include "base/rng.h"
#include "replay_support.h"

#include <criterion/criterion.h>

enum { LINES = 300000 };

/* Lackey lines, of which every `bad`-th (0: none) is no record. */
static void write_lines(uint64_t bad)
{
    struct text t;
    struct rng random;
    char line[32];
    text_init(&t, &test_allocator);
    rng_init(&random, 5, 0);
    for (uint64_t i = 1; i <= LINES; i++) {
        if (bad != 0 && i % bad == 0) text_put(&t, "no record\n");
        else text_bytes(&t, line, (size_t)snprintf(line, sizeof line, " L %08llx,8\n",
                                                   0x1000ULL + rng_below(&random, 1 << 20)));
    }
    write_trace(t.bytes, t.length);
    text_free(&t);
}

struct side {
    struct trace_reader *reader;
    struct access_source source;
};

static struct side open_side(bool is_ahead, bool skips)
{
    struct text error;
    struct side s;
    text_init(&error, &test_allocator);
    s.reader = reader_open("t", NULL, &test_allocator, &error);
    cr_assert_not_null(s.reader);
    if (skips) reader_skip_bad(s.reader);
    if (is_ahead) reader_read_ahead(s.reader);
    s.source = reader_source(s.reader);
    text_free(&error);
    return s;
}

/* Exactly so many records, less at the end; notes and failure of both sides must agree. */
static size_t take(struct side *s, struct access *out, size_t room, bool *failed)
{
    size_t count = 0, got = 1;
    while (count < room && got > 0) {
        got = s->source.pull(s->source.context, out + count, room - count, failed);
        count += got;
    }
    return count;
}

static void expect_equal(struct side *a, struct side *b, struct rng *random)
{
    static struct access one[9000], two[9000];
    bool failed[2] = { false, false };
    size_t got = 1;
    while (got > 0) {
        size_t room = rng_below(random, 9000) + 1;
        if (rng_below(random, 4) == 0) {
            uint64_t skipped = a->source.skip(a->source.context, room, &failed[0]);
            cr_assert_eq(skipped, b->source.skip(b->source.context, room, &failed[1]));
        }
        got = take(a, one, room, &failed[0]);
        cr_assert_eq(got, take(b, two, room, &failed[1]));
        for (size_t i = 0; i < got; i++) cr_assert_eq(one[i].address, two[i].address);
        cr_assert_eq(a->source.notes->skipped, b->source.notes->skipped);
        cr_assert_eq(failed[0], failed[1]);
    }
    cr_expect_str_eq(reader_error(a->reader), reader_error(b->reader));
    cr_expect_eq(failed[0], reader_error(a->reader)[0] != '\0');
}

Test(ahead, gives_the_same)
{
    static const struct { uint64_t bad; bool skips; } cases[] = {
        { 0, false }, { 200001, false }, { 1000, true }, { 30011, true },
    };
    struct rng random;
    rng_init(&random, 9, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        write_lines(cases[i].bad);
        struct side a = open_side(false, cases[i].skips), b = open_side(true, cases[i].skips);
        expect_equal(&a, &b, &random);
        reader_close(a.reader);
        reader_close(b.reader);
        remove_trace();
    }
    cr_expect_eq(test_outstanding_bytes(), 0u);
}

/* An error that lies behind what was taken is none, and closing does not wait for the rest. */
Test(ahead, what_was_not_taken_does_not_count)
{
    static struct access records[70000];
    bool failed = false;
    write_lines(100001);
    struct side s = open_side(true, false);
    cr_expect_eq(take(&s, records, 70000, &failed), 70000u);
    cr_expect_eq(take(&s, records, 10, &failed), 10u);
    cr_expect_not(failed);
    cr_expect_str_eq(reader_error(s.reader), "");
    reader_close(s.reader);
    remove_trace();
    cr_expect_eq(test_outstanding_bytes(), 0u);
}
