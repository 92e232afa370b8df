/* SHA-256 (FIPS 180-4): the names a to h, K, Sigma and sigma are those of the standard. */
#include "base/sha256.h"

#include <string.h>

enum { BLOCK_BYTES = 64, LENGTH_AT = 56 };

/* First 32 bits of the fractional parts of the cube roots of the first 64 primes (4.2.2). */
const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate_right(uint32_t x, unsigned bits)
{
    return (x >> bits) | (x << (32 - bits));
}

static uint32_t load_big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The message schedule W (6.2.2, step 1): of its words the last 16 are kept, and W[t] stands at
 * t mod 16. */
static void schedule_next(uint32_t w[16])
{
    for (size_t t = 0; t < 16; t++) {
        uint32_t x = w[(t + 1) & 15], y = w[(t + 14) & 15];
        uint32_t sigma0 = rotate_right(x, 7) ^ rotate_right(x, 18) ^ (x >> 3);
        uint32_t sigma1 = rotate_right(y, 17) ^ rotate_right(y, 19) ^ (y >> 10);
        w[t] += sigma1 + w[(t + 9) & 15] + sigma0;
    }
}

/* One step (6.2.2, step 3). Instead of moving the eight variables on, the next step names them in
 * another order. */
#define STEP(a, b, c, d, e, f, g, h, t)                                                            \
    do {                                                                                           \
        uint32_t Sigma1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);          \
        uint32_t t1 = h + Sigma1 + (g ^ (e & (f ^ g))) + sha256_k[first + (t)] + w[t];             \
        uint32_t Sigma0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);          \
        d += t1;                                                                                   \
        h = t1 + Sigma0 + ((a & b) | (c & (a | b)));                                               \
    } while (0)

#define EIGHT_STEPS(t)                                                                             \
    STEP(a, b, c, d, e, f, g, h, (t));                                                             \
    STEP(h, a, b, c, d, e, f, g, (t) + 1);                                                         \
    STEP(g, h, a, b, c, d, e, f, (t) + 2);                                                         \
    STEP(f, g, h, a, b, c, d, e, (t) + 3);                                                         \
    STEP(e, f, g, h, a, b, c, d, (t) + 4);                                                         \
    STEP(d, e, f, g, h, a, b, c, (t) + 5);                                                         \
    STEP(c, d, e, f, g, h, a, b, (t) + 6);                                                         \
    STEP(b, c, d, e, f, g, h, a, (t) + 7)

static void compress(uint32_t state[8], const uint8_t block[BLOCK_BYTES])
{
    uint32_t w[16];
    for (size_t t = 0; t < 16; t++) w[t] = load_big_endian(block + 4 * t);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (size_t first = 0; first < 64; first += 16) {
        if (first > 0) schedule_next(w);
        EIGHT_STEPS(0);
        EIGHT_STEPS(8);
    }
    const uint32_t add[8] = { a, b, c, d, e, f, g, h };
    for (size_t i = 0; i < 8; i++) state[i] += add[i];
}

static void compress_all(struct sha256 *h, const uint8_t *blocks, size_t count)
{
    if (h->blocks != NULL) {
        h->blocks(h->state, blocks, count);
        return;
    }
    for (; count > 0; count--, blocks += BLOCK_BYTES) compress(h->state, blocks);
}

/* The rest of the message, a 1 bit, zeros and the length in bits (5.1.1): one block or two. */
static void finish(struct sha256 *h)
{
    uint8_t tail[2 * BLOCK_BYTES] = { 0 };
    size_t rest_bytes = (size_t)(h->length % BLOCK_BYTES);
    if (rest_bytes > 0) memcpy(tail, h->rest, rest_bytes);
    tail[rest_bytes] = 0x80;
    size_t tail_bytes = rest_bytes < LENGTH_AT ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    uint64_t bits = h->length * 8;
    for (size_t i = 0; i < 8; i++) tail[tail_bytes - 1 - i] = (uint8_t)(bits >> (8 * i));
    compress_all(h, tail, tail_bytes / BLOCK_BYTES);
}

void sha256_begin(struct sha256 *h)
{
    *h = (struct sha256){ .state = { /* 5.3.3 */
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    } };
}

void sha256_begin_with(struct sha256 *h, sha256_blocks *blocks)
{
    sha256_begin(h);
    h->blocks = blocks;
}

void sha256_add(struct sha256 *h, const void *bytes, size_t length)
{
    const uint8_t *next = bytes;
    if (length == 0) return; /* `bytes` may be NULL, to which nothing can be added */
    size_t rest_bytes = (size_t)(h->length % BLOCK_BYTES);
    h->length += length;
    if (rest_bytes > 0 && length >= BLOCK_BYTES - rest_bytes) {
        size_t missing = BLOCK_BYTES - rest_bytes;
        memcpy(h->rest + rest_bytes, next, missing);
        compress_all(h, h->rest, 1);
        next += missing;
        length -= missing;
        rest_bytes = 0;
    }
    size_t whole = length - length % BLOCK_BYTES;
    if (whole > 0) compress_all(h, next, whole / BLOCK_BYTES);
    next += whole;
    length -= whole;
    if (length > 0) memcpy(h->rest + rest_bytes, next, length);
}

void sha256_end(struct sha256 *h, char hex[65])
{
    static const char digits[] = "0123456789abcdef";
    finish(h);
    for (size_t i = 0; i < 64; i++) hex[i] = digits[(h->state[i / 8] >> (28 - 4 * (i % 8))) & 15];
    hex[64] = '\0';
}

void sha256_hex(const void *bytes, size_t length, char hex[65])
{
    struct sha256 h;
    sha256_begin(&h);
    sha256_add(&h, bytes, length);
    sha256_end(&h, hex);
}
