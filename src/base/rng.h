/* Seeded pseudo-random numbers: xoshiro256** seeded by splitmix64 (Blackman and Vigna). The same on
 * every host. */
#pragma once

#include "base/types.h"

struct rng {
    uint64_t s[4];
};

/* `stream` separates generators of one seed (fragmentation, Poisson arrivals, random access...). */
void rng_init(struct rng *r, uint64_t seed, uint64_t stream);
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t bound); /* 0 .. bound - 1, unbiased; bound >= 1 */
/* An exponentially distributed integer with the given mean (Poisson arrivals), computed in integer
 * arithmetic from a fixed table of logarithms (to 3e-6 of the mean), rounded to the nearest; at
 * least 0, at most 40 * mean and at most UINT64_MAX. */
uint64_t rng_exponential(struct rng *r, uint64_t mean);

/* A seeded permutation of 0 .. count - 1 in constant memory (a four-round Feistel network with
 * cycle walking): what shuffles the free frames of a machine of any size. count >= 1. */
struct permutation {
    uint64_t count, keys[4];
    unsigned half_bits;
};
void permutation_init(struct permutation *p, uint64_t count, uint64_t seed);
uint64_t permutation_at(const struct permutation *p, uint64_t index);
