/* What every unit test links: an allocator that counts, and the end of a broken invariant. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

/* malloc underneath. New bytes are 0xA5, every resize moves, and a wrong old size aborts. */
extern const struct allocator test_allocator;
/* Bytes of test_allocator not given back: 0 when nothing leaked. */
size_t test_outstanding_bytes(void);

/* Runs action(context); true when it ended in BUG. What it allocated until then is lost. */
bool test_bug_raised(void (*action)(void *context), void *context);
