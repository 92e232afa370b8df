/* A broken invariant of mdlsim itself. Never for a simulated failure (struct outcome) nor for a
 * user's mistake (struct diag). */
#pragma once

#include <stdint.h>

/* Reports and ends the process; the program that links the core defines it (cli/host.c), so that
 * the core calls nothing of the C library but mem* and str*. a and b are printed as they are. */
_Noreturn void bug_report(const char *file, int line, const char *what, uint64_t a, uint64_t b);

#define BUG(what) bug_report(__FILE__, __LINE__, (what), 0, 0)
#define BUG2(what, a, b) bug_report(__FILE__, __LINE__, (what), (uint64_t)(a), (uint64_t)(b))
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) BUG(#condition);                                    \
    } while (0)
#define CHECK2(condition, a, b)                                                                    \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) BUG2(#condition, a, b);                             \
    } while (0)
