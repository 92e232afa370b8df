/* Samples of a level over time, of which there are never more than a fixed number. */
#include "mm/syspte.h"

/* Sample i was taken at i * step. Every second one goes. */
static void timeline_halve(struct timeline *t)
{
    for (uint32_t i = 0; i < TIMELINE_MOST / 2; i++) t->sample[i] = t->sample[2 * i];
    t->count = TIMELINE_MOST / 2;
    t->step *= 2;
    t->next = (uint64_t)t->count * t->step;
}

void timeline_advance(struct timeline *t, uint64_t now)
{
    const uint64_t step_max = UINT64_MAX / TIMELINE_MOST / 2;
    if (t->step == 0) t->step = 1;
    while (t->next <= now && (t->count < TIMELINE_MOST || t->step <= step_max)) {
        if (t->count == TIMELINE_MOST) {
            timeline_halve(t);
            continue;
        }
        t->sample[t->count++] = t->value;
        t->next = (uint64_t)t->count * t->step;
    }
}

void timeline_set(struct timeline *t, uint64_t now, uint64_t value)
{
    if (t->next <= now) timeline_advance(t, now);
    t->value = value;
}
