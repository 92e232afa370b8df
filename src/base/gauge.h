/* A level that rises and falls: its value now, its peak, and when the peak was first reached. */
#pragma once

#include "base/check.h"
#include "base/types.h"

struct gauge {
    uint64_t now, peak;
    cycles_t peak_t;
};

static inline void gauge_add(struct gauge *g, uint64_t amount, cycles_t t)
{
    g->now += amount;
    if (g->now > g->peak) {
        g->peak = g->now;
        g->peak_t = t;
    }
}

static inline void gauge_sub(struct gauge *g, uint64_t amount)
{
    CHECK2(g->now >= amount, g->now, amount);
    g->now -= amount;
}
