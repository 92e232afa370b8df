/* Locks that a processor held of late. An interrupt that comes meanwhile lengthens the hold, also
 * when it is simulated after the step that held the lock. */
#pragma once

#include <stdint.h>

enum { HOLDS_KEPT = 16 };

struct hold {
    uint64_t from, until; /* with the interrupts so far */
};

/* The last ones, numbered from 0 on. Zeroed: none. */
struct holds {
    struct hold last[HOLDS_KEPT];
    uint64_t count;
};

/* Returns its number. */
uint64_t holds_add(struct holds *h, uint64_t from, uint64_t until);
/* When hold `number` ends, of which it is known that it lasts until `known`. */
uint64_t holds_end(const struct holds *h, uint64_t number, uint64_t known);
/* An interrupt takes `cycles` from `at` on. */
void holds_interrupt(struct holds *h, uint64_t at, uint64_t cycles);
