/* What the benchmarks in C share: memory of the host, processor time, the best of some rounds, and
 * the limit of replays. */
#pragma once

#include "base/alloc.h"

#include <stddef.h>
#include <stdint.h>

/* The C library's. */
extern const struct allocator bench_host;

/* Processor time of this process. */
double bench_seconds(void);
/* Seconds of a clock that goes on while other threads work. */
double bench_clock(void);
/* The least of `rounds` calls of `once`, which returns seconds. */
double bench_best(int rounds, double (*once)(void *context), void *context);

/* A file of its own in the folder for temporary files with these bytes; ends the process when that
 * fails. Its name is written into `path`. */
enum { BENCH_PATH_BYTES = 64 };
void bench_file(char path[BENCH_PATH_BYTES], const char *bytes, size_t length);

/* ---- the limit of replays: data accesses as words of 8 bytes through two exact LRU levels ---- */

enum { L1_SETS = 16, L1_WAYS = 4, L2_SETS = 128, L2_WAYS = 12 };

/* 48 bits of address, 12 of size - 1, 2 of kind (enum access_kind). */
struct bench_records {
    uint64_t *item;
    size_t count, capacity;
};
void bench_add(struct bench_records *r, uint64_t address, uint32_t size, unsigned kind);

struct bench_limit {
    uint64_t l1[L1_SETS * L1_WAYS], l2[L2_SETS * L2_WAYS];
    uint64_t l1_misses, l2_misses;
};
/* Looks all records up in empty levels; seconds. */
double bench_limit_seconds(const struct bench_records *r, struct bench_limit *m);
