/* What the writer and the reader of packed traces share. */
#include "replay/packed.h"

#include "replay/little.h"
#include "replay/parse.h"

#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15) /* 2^64 / golden ratio, odd */

enum { LANES = 4, STRIPE_BYTES = 32, ROTATE_BITS = 29 };

/* Read by packed_read.c. */
const struct trace_format packed_format = { .name = "packed" };

bool packed_is_magic(const char *at, size_t length)
{
    return length >= PACKED_MAGIC_BYTES && memcmp(at, PACKED_MAGIC, PACKED_MAGIC_BYTES) == 0;
}

/* Of the word, for a given lane, and of the lane, for a given word, this is a permutation. */
static inline uint64_t mix(uint64_t lane, uint64_t word)
{
    lane = (lane ^ word) * MULTIPLIER;
    return lane << ROTATE_BITS | lane >> (64 - ROTATE_BITS);
}

void checksum_begin(struct checksum *c)
{
    c->length = 0;
    for (unsigned i = 0; i < LANES; i++) c->lane[i] = i + 1;
}

static void add_stripe(struct checksum *c, const uint8_t *at)
{
    for (unsigned i = 0; i < LANES; i++) c->lane[i] = mix(c->lane[i], little_get64(at + 8 * i));
}

void checksum_add(struct checksum *c, const uint8_t *bytes, size_t length)
{
    uint8_t rest[STRIPE_BYTES] = { 0 };
    c->length += length;
    for (; length >= STRIPE_BYTES; bytes += STRIPE_BYTES, length -= STRIPE_BYTES)
        add_stripe(c, bytes);
    if (length == 0) return;
    memcpy(rest, bytes, length);
    add_stripe(c, rest);
}

uint64_t checksum_end(const struct checksum *c)
{
    uint64_t sum = c->length;
    for (unsigned i = 0; i < LANES; i++) sum = mix(sum, c->lane[i]);
    return sum ^ sum >> 32;
}

uint64_t checksum_of(const uint8_t *bytes, size_t length)
{
    struct checksum c;
    checksum_begin(&c);
    checksum_add(&c, bytes, length);
    return checksum_end(&c);
}
