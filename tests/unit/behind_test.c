/* What is written behind is what is written at once: bytes, order, failures. */
#include "cli/behind.h"

#include "base/rng.h"
#include "base/text.h"
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

enum { CHUNKS = 400, CHUNK_BYTES_MOST = 30000 };

/* The thread that writes allocates nothing. */
static char got[CHUNKS * CHUNK_BYTES_MOST];

struct target {
    size_t length;
    uint64_t calls, fails_at; /* the call that is refused, counted from 1; 0: none */
};

static bool take(void *context, const char *bytes, size_t length)
{
    struct target *t = context;
    cr_expect(t->fails_at == 0 || t->calls < t->fails_at, "a call after one that was refused");
    if (++t->calls == t->fails_at) return false;
    memcpy(got + t->length, bytes, length);
    t->length += length;
    return true;
}

static void write_all(struct target *t, bool threads, uint64_t fails_at, struct text *given)
{
    static char bytes[CHUNK_BYTES_MOST];
    struct rng random;
    bool fine = true;
    *t = (struct target){ .fails_at = fails_at };
    text_init(given, &test_allocator);
    rng_init(&random, 3, 0);
    struct behind *b = behind_open(&test_allocator, threads, take, t);
    for (unsigned i = 0; i < CHUNKS; i++) {
        size_t length = rng_below(&random, 20) == 0 ? 0 : rng_below(&random, sizeof bytes);
        for (size_t k = 0; k < length; k++) bytes[k] = (char)(i * 31 + k);
        bool taken = behind_write(b, bytes, length);
        cr_expect(fine || length == 0 || !taken, "chunk %u was taken after a failure", i);
        fine = fine && taken;
        if (fine) text_bytes(given, bytes, length);
        if (!fine || rng_below(&random, 50) != 0) continue;
        behind_wait(b);
        cr_expect(t->fails_at != 0 || t->length == given->length);
    }
    behind_close(b);
    cr_expect_eq(fine, fails_at == 0);
}

Test(behind, writes_the_same)
{
    for (unsigned threads = 0; threads < 2; threads++) {
        struct target t;
        struct text given;
        write_all(&t, threads != 0, 0, &given);
        cr_assert_eq(t.length, given.length);
        cr_expect_eq(memcmp(got, given.bytes, given.length), 0);
        text_free(&given);
        cr_expect_eq(test_outstanding_bytes(), 0u);
    }
}

/* What was written before the failure is a beginning of what was given. */
Test(behind, a_failure_ends_it)
{
    static const uint64_t fails_at[] = { 1, 40, 100, 200 };
    for (unsigned i = 0; i < 2 * COUNT_OF(fails_at); i++) {
        struct target t;
        struct text given;
        write_all(&t, i % 2 != 0, fails_at[i / 2], &given);
        cr_expect_eq(t.calls, fails_at[i / 2]);
        cr_assert_leq(t.length, given.length);
        cr_expect(t.length == 0 || memcmp(got, given.bytes, t.length) == 0);
        text_free(&given);
        cr_expect_eq(test_outstanding_bytes(), 0u);
    }
}
