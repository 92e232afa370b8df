/* Miss curves of a replay: in one pass the misses of LRU arrays of every number of ways, for
 * several numbers of sets and page sizes, by stack distances (Mattson, Gecsei, Slutz and Traiger,
 * 1970; Hill and Smith, 1989), and the working-set curve (distinct pages by window; Denning,
 * 1968). Of one of N pages, chosen by a hash, where the plan says so (SHARDS; Waldspurger and
 * others, 2015). */
#pragma once

#include "base/alloc.h"
#include "model/access.h"

enum { CURVES_SETS_MOST = 8, CURVES_SIZES_MOST = 3, CURVES_WINDOWS_MOST = 64 };

struct curves_plan {
    uint8_t shifts[CURVES_SIZES_MOST]; /* page sizes, as bits of an offset */
    uint32_t size_count;
    uint32_t sets[CURVES_SETS_MOST]; /* powers of two */
    uint32_t set_count;
    uint64_t max_entries; /* sets times ways, at least the most sets */
    uint64_t sample;      /* one of so many pages; 1: exact */
};

struct curves;

struct curves *curves_new(const struct allocator *from, const struct curves_plan *plan);
void curves_free(struct curves *c);
/* Looks up the pages of `count` accesses in their order. */
void curves_add(struct curves *c, const struct access *batch, size_t count);
/* What was added up to now moved the stacks, and is not counted. */
void curves_restart(struct curves *c);

/* Before results are asked for; nothing is added afterwards. */
void curves_finish(struct curves *c);

const struct curves_plan *curves_plan_of(const struct curves *c);
/* Lookups of pages of size number `size`. */
uint64_t curves_lookups(const struct curves *c, uint32_t size);
/* Misses of the array with set count number `set` and 1 to max_entries / sets ways. *error is the
 * standard error of an estimate, 0 when it is exact. */
uint64_t curves_misses(const struct curves *c, uint32_t size, uint32_t set, uint64_t ways,
                       uint64_t *error);

/* Windows of as many consecutive lookups. */
struct curves_window {
    uint64_t length, count; /* how long, and how many there are */
    uint64_t pages;         /* distinct pages, summed over all of them */
};
/* Distinct pages at all; windows of 1, 2, 4 ... lookups. Returns how many there are. */
uint32_t curves_working_set(const struct curves *c, uint32_t size, uint64_t *pages,
                            struct curves_window out[CURVES_WINDOWS_MOST]);
