/* The replay engine as the benchmarks run it: a thread of one process on skylake-sp, all statistics
 * and costs on. */
#pragma once

#include "model/access.h"

struct bench_engine {
    uint64_t l1_misses, l2_misses, accesses; /* what the run came to */
    double seconds; /* of the processor */
    double passed;  /* on the clock */
};
/* Replays what open() gives, from its call on until close() is back. */
struct bench_engine bench_engine(struct access_source (*open)(void *context),
                                 void (*close)(void *context), void *context);
