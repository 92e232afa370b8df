/* What the programs of this suite share: memory of the host, the end of a broken invariant, TAP. */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/rng.h"

static inline void *host_resize(void *context, void *block, size_t old_bytes, size_t new_bytes)
{
    UNUSED(context);
    UNUSED(old_bytes);
    if (new_bytes == 0) {
        free(block);
        return NULL;
    }
    void *made = realloc(block, new_bytes);
    if (made == NULL) abort();
    return made;
}

static const struct allocator host = { host_resize, NULL };

_Noreturn void bug_report(const char *file, int line, const char *what, uint64_t a, uint64_t b)
{
    printf("Bail out! %s:%d: %s (%" PRIu64 ", %" PRIu64 ")\n", file, line, what, a, b);
    fflush(stdout);
    exit(EXIT_FAILURE);
}
