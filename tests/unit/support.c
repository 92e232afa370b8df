/* The counting allocator and bug_report of the unit tests. */
#include "support.h"

#include "base/check.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Before every block, 16 bytes that keep the alignment. */
struct head {
    uint64_t bytes, mark;
};
static const uint64_t MARK = UINT64_C(0x6D646C73696D0001);

static size_t outstanding_bytes;
static jmp_buf bug_exit;
static bool bug_expected;

static void fail(const char *what, size_t a, size_t b)
{
    fprintf(stderr, "test allocator: %s (%zu, %zu)\n", what, a, b);
    abort();
}

static void *resize(void *context, void *block, size_t old_bytes, size_t new_bytes)
{
    UNUSED(context);
    struct head *old = block != NULL ? (struct head *)block - 1 : NULL;
    if (old == NULL && old_bytes != 0) fail("no block has a size", old_bytes, new_bytes);
    if (old != NULL && old->mark != MARK) fail("not a block", old_bytes, new_bytes);
    if (old != NULL && old->bytes != old_bytes) fail("wrong old size", old->bytes, old_bytes);
    struct head *new = NULL;
    if (new_bytes > 0) {
        new = malloc(sizeof *new + new_bytes);
        if (new == NULL) fail("no memory", old_bytes, new_bytes);
        *new = (struct head){ new_bytes, MARK };
        memset(new + 1, 0xA5, new_bytes);
        if (old != NULL) memcpy(new + 1, block, old_bytes < new_bytes ? old_bytes : new_bytes);
    }
    if (old != NULL) old->mark = 0;
    free(old);
    outstanding_bytes += new_bytes - old_bytes;
    return new != NULL ? new + 1 : NULL;
}

const struct allocator test_allocator = { resize, NULL };

size_t test_outstanding_bytes(void)
{
    return outstanding_bytes;
}

_Noreturn void bug_report(const char *file, int line, const char *what, uint64_t a, uint64_t b)
{
    if (bug_expected) longjmp(bug_exit, 1);
    fprintf(stderr, "%s:%d: bug: %s (%" PRIu64 ", %" PRIu64 ")\n", file, line, what, a, b);
    abort();
}

bool test_bug_raised(void (*action)(void *context), void *context)
{
    volatile bool raised = false;
    bug_expected = true;
    if (setjmp(bug_exit) == 0) {
        action(context);
    } else {
        raised = true;
    }
    bug_expected = false;
    return raised;
}
