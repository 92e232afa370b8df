/* Accesses of one kind with nothing else between them. As long as each goes the short way (lane.h),
 * what they count and cost is added up and settled together. To the last count and cycle they do
 * what hw_translate() and memory_access() do. */
#pragma once

#include "model/hw.h"

struct streak {
    enum access_type type;
    bool user;
    bool caches; /* data goes through them; else the first level serves all */
    uint64_t bytes, step; /* of an access (1 .. 4096); from one to the next */
};

/* `count` accesses (>= 1), the first at `at`, the last of them inside the 64-bit address space.
 * Returns how many were done: up to the first that straddles pages, which has not happened, or
 * whose translation faults, which is counted and charged: then *fault is not ACCESS_OK. No TLB
 * entry out of date translates any of them (the caller knows). */
uint64_t hw_access_streak(struct hw *hw, const struct streak *s, va_t at, uint64_t count,
                          enum access_fault *fault);
