/* Locks that a processor held of late, and the interrupts that lengthened them. */
#include "model/hold.h"

uint64_t holds_add(struct holds *h, uint64_t from, uint64_t until)
{
    h->last[h->count % HOLDS_KEPT] = (struct hold){ from, until };
    return h->count++;
}

uint64_t holds_end(const struct holds *h, uint64_t number, uint64_t known)
{
    return h->count - number > HOLDS_KEPT ? known : h->last[number % HOLDS_KEPT].until;
}

void holds_interrupt(struct holds *h, uint64_t at, uint64_t cycles)
{
    for (unsigned i = 0; i < HOLDS_KEPT && i < h->count; i++) {
        struct hold *hold = &h->last[i];
        if (hold->from <= at && at < hold->until) hold->until += cycles;
    }
}
