/* Accesses of one kind with nothing else between them. As long as each goes the short way (lane.h),
 * what they count and cost is added up and settled at the end. To the last count and cycle they do
 * what hw_translate() and memory_access() do. */
#pragma once

#include "model/short_walk.h"

struct streak {
    struct hw *hw;
    struct lookup l;
    struct tlb_level *first, *second;
    bool may_miss; /* the first level; else the streak ends there */
    bool caches;   /* data goes through them; else the first level serves all */
    uint64_t page, entry; /* looked up last, and still the one of its set used last */
    struct short_walks walks;
    /* Done and not yet settled: */
    uint64_t hits, second_hits, evictions, second_evictions, accessed[SERVED_COUNT];
};

/* False: the machine has something that a streak does not know, and nothing has happened. Else
 * until streak_end() nothing else may use the machine. */
bool streak_begin(struct streak *k, struct hw *hw, enum access_type type, bool user, bool caches);
void streak_end(struct streak *k);
/* `count` accesses of so many bytes (1 .. 4096), the first at `at`, each `step` behind the one
 * before, the last of them inside the 64-bit address space. Returns how many were done: up to the
 * first that straddles pages or does not go the short way, which has not happened; then the streak
 * is over. No TLB entry out of date translates any of them (the caller knows). */
uint64_t streak_stride(struct streak *k, va_t at, uint64_t step, uint64_t bytes, uint64_t count);
