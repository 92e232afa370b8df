/* Seeded pseudo-random numbers and permutations, in integer arithmetic only. */
#include "base/rng.h"

#include "base/check.h"

/* The finalizer of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", 2014, with Stafford's constants). Maps 0 to 0, and is a bijection. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static uint64_t splitmix_next(uint64_t *state)
{
    *state += UINT64_C(0x9E3779B97F4A7C15);
    return mix(*state);
}

/* Stream 0 is the generator as its authors seed it. */
void rng_init(struct rng *r, uint64_t seed, uint64_t stream)
{
    uint64_t state = seed + mix(stream);
    for (size_t i = 0; i < COUNT_OF(r->s); i++) r->s[i] = splitmix_next(&state);
}

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

/* xoshiro256** 1.0 (Blackman and Vigna, https://prng.di.unimi.it/xoshiro256starstar.c). */
uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Draws as many bits as bound - 1 has until they are in range: at most two draws on average. */
uint64_t rng_below(struct rng *r, uint64_t bound)
{
    CHECK(bound >= 1);
    if (bound == 1) return 0;
    unsigned shift = (unsigned)__builtin_clzll(bound - 1);
    uint64_t n;
    do {
        n = rng_next(r) >> shift;
    } while (n >= bound);
    return n;
}

/* 2^32 * -ln(1/2 + i/512), rounded, for i from 0 to 256. The first entry is ln 2. */
static const uint32_t minus_ln[257] = {
    0xb17217f8, 0xb07297a3, 0xaf741551, 0xae768f0c, 0xad7a02e2, 0xac7e6ee7, 0xab83d136, 0xaa8a27ee,
    0xa9917134, 0xa899ab33, 0xa7a2d41b, 0xa6acea20, 0xa5b7eb7d, 0xa4c3d670, 0xa3d0a93f, 0xa2de6232,
    0xa1ecff98, 0xa0fc7fc2, 0xa00ce109, 0x9f1e21c9, 0x9e304062, 0x9d433b39, 0x9c5710b9, 0x9b6bbf4f,
    0x9a81456d, 0x9997a18a, 0x98aed222, 0x97c6d5b2, 0x96dfaabe, 0x95f94fcc, 0x9513c368, 0x942f0421,
    0x934b108a, 0x9267e738, 0x918586c6, 0x90a3edd2, 0x8fc31afe, 0x8ee30cef, 0x8e03c24d, 0x8d2539c6,
    0x8c477208, 0x8b6a69c6, 0x8a8e1fb8, 0x89b29296, 0x88d7c11e, 0x87fdaa11, 0x87244c31, 0x864ba645,
    0x8573b717, 0x849c7d73, 0x83c5f82a, 0x82f0260d, 0x821b05f4, 0x814696b5, 0x8072d72e, 0x7f9fc63b,
    0x7ecd62be, 0x7dfbab9b, 0x7d2a9fb8, 0x7c5a3dff, 0x7b8a855b, 0x7abb74bb, 0x79ed0b0f, 0x791f474d,
    0x78522869, 0x7785ad5c, 0x76b9d521, 0x75ee9eb6, 0x7524091b, 0x745a1352, 0x7390bc60, 0x72c8034b,
    0x71ffe71d, 0x713866e1, 0x707181a5, 0x6fab3679, 0x6ee5846e, 0x6e206a99, 0x6d5be811, 0x6c97fbee,
    0x6bd4a549, 0x6b11e341, 0x6a4fb4f2, 0x698e197f, 0x68cd1009, 0x680c97b4, 0x674cafa8, 0x668d570d,
    0x65ce8d0c, 0x651050d3, 0x6452a18d, 0x63957e6d, 0x62d8e6a2, 0x621cd961, 0x616155de, 0x60a65b50,
    0x5febe8ef, 0x5f31fdf7, 0x5e7899a2, 0x5dbfbb2e, 0x5d0761db, 0x5c4f8ce9, 0x5b983b9b, 0x5ae16d34,
    0x5a2b20fa, 0x59755635, 0x58c00c2d, 0x580b422c, 0x5756f77d, 0x56a32b6f, 0x55efdd4f, 0x553d0c6e,
    0x548ab81d, 0x53d8dfaf, 0x53278278, 0x52769fcf, 0x51c6370a, 0x51164781, 0x5066d08f, 0x4fb7d18f,
    0x4f0949dd, 0x4e5b38d6, 0x4dad9ddb, 0x4d00784b, 0x4c53c787, 0x4ba78af4, 0x4afbc1f3, 0x4a506bec,
    0x49a58845, 0x48fb1664, 0x485115b4, 0x47a7859e, 0x46fe658d, 0x4655b4ee, 0x45ad732f, 0x45059fbd,
    0x445e3a09, 0x43b74183, 0x4310b59e, 0x426a95cc, 0x41c4e181, 0x411f9833, 0x407ab959, 0x3fd64468,
    0x3f3238d9, 0x3e8e9627, 0x3deb5bca, 0x3d48893e, 0x3ca61e00, 0x3c04198c, 0x3b627b62, 0x3ac142ff,
    0x3a206fe5, 0x39800194, 0x38dff78e, 0x38405156, 0x37a10e70, 0x37022e61, 0x3663b0af, 0x35c594df,
    0x3527da79, 0x348a8106, 0x33ed880e, 0x3350ef1c, 0x32b4b5ba, 0x3218db74, 0x317d5fd6, 0x30e2426f,
    0x304782cb, 0x2fad2079, 0x2f131b0b, 0x2e79720f, 0x2de02517, 0x2d4733b5, 0x2cae9d7d, 0x2c166201,
    0x2b7e80d7, 0x2ae6f992, 0x2a4fcbc9, 0x29b8f713, 0x29227b06, 0x288c573c, 0x27f68b4b, 0x276116cf,
    0x26cbf960, 0x2637329a, 0x25a2c219, 0x250ea778, 0x247ae255, 0x23e7724c, 0x235456fc, 0x22c19005,
    0x222f1d04, 0x219cfd9c, 0x210b316b, 0x2079b815, 0x1fe8913a, 0x1f57bc7e, 0x1ec73983, 0x1e3707ee,
    0x1da72764, 0x1d179788, 0x1c885802, 0x1bf96877, 0x1b6ac88e, 0x1adc77ee, 0x1a4e7641, 0x19c0c32d,
    0x19335e5d, 0x18a6477b, 0x18197e2f, 0x178d0226, 0x1700d30b, 0x1674f089, 0x15e95a4e, 0x155e1005,
    0x14d3115d, 0x14485e04, 0x13bdf5a8, 0x1333d7f8, 0x12aa04a4, 0x12207b5c, 0x11973bd1, 0x110e45b4,
    0x108598b6, 0x0ffd3489, 0x0f7518e0, 0x0eed456e, 0x0e65b9e7, 0x0dde75fe, 0x0d577968, 0x0cd0c3db,
    0x0c4a550a, 0x0bc42cad, 0x0b3e4a79, 0x0ab8ae26, 0x0a33576a, 0x09ae45fd, 0x09297998, 0x08a4f1f2,
    0x0820aec5, 0x079cafca, 0x0718f4bb, 0x06957d52, 0x0612494a, 0x058f585e, 0x050caa49, 0x048a3ec8,
    0x04081596, 0x03862e71, 0x03048914, 0x0283253f, 0x020202af, 0x01812121, 0x01008056, 0x0080200b,
    0x00000000,
};

/* 2^32 * -ln(u / 2^64) for u > 0. Linear interpolation is within 2e-6 of the logarithm. */
static uint64_t minus_ln_fixed(uint64_t u)
{
    unsigned halvings = (unsigned)__builtin_clzll(u);
    uint64_t m = u << halvings; /* 1/2 <= m / 2^64 < 1 */
    size_t i = (size_t)((m >> 55) & 255);
    uint64_t fraction = (m >> 23) & UINT32_MAX;
    uint64_t high = minus_ln[i];
    uint64_t low = minus_ln[i + 1];
    return halvings * (uint64_t)minus_ln[0] + high - (((high - low) * fraction) >> 32);
}

uint64_t rng_exponential(struct rng *r, uint64_t mean)
{
    const uint64_t most = (uint64_t)40 << 32;
    uint64_t u = rng_next(r);
    uint64_t e = u == 0 ? most : minus_ln_fixed(u);
    if (e > most) e = most;
    /* mean * e / 2^32 to the nearest, in parts that fit 64 bits. */
    uint64_t whole = e >> 32, fraction = e & UINT32_MAX;
    uint64_t low = (mean & UINT32_MAX) * fraction;
    uint64_t part = (mean >> 32) * fraction + (low >> 32) + ((low >> 31) & 1);
    uint64_t result = 0;
    if (!mul_fits(mean, whole, &result) || !add_fits(result, part, &result)) return UINT64_MAX;
    return result;
}

void permutation_init(struct permutation *p, uint64_t count, uint64_t seed)
{
    CHECK(count >= 1);
    uint64_t top = (count - 1) | 1;
    unsigned bits = 64u - (unsigned)__builtin_clzll(top);
    p->count = count;
    p->half_bits = (bits + 1) / 2;
    uint64_t state = seed;
    for (size_t i = 0; i < COUNT_OF(p->keys); i++) p->keys[i] = splitmix_next(&state);
}

static uint64_t feistel(const struct permutation *p, uint64_t x)
{
    uint64_t mask = ((uint64_t)1 << p->half_bits) - 1;
    uint64_t left = x >> p->half_bits;
    uint64_t right = x & mask;
    for (size_t i = 0; i < COUNT_OF(p->keys); i++) {
        uint64_t next = left ^ (mix(right + p->keys[i]) & mask);
        left = right;
        right = next;
    }
    return left << p->half_bits | right;
}

/* The network permutes a power of four that is less than four times the count (or is 4): walking on
 * from what is too high comes back into range after less than four steps on average. */
uint64_t permutation_at(const struct permutation *p, uint64_t index)
{
    CHECK2(index < p->count, index, p->count);
    uint64_t x = index;
    do {
        x = feistel(p, x);
    } while (x >= p->count);
    return x;
}
