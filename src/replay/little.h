/* Numbers as the packed format stores them: little-endian on every host, and variable-length ones
 * (LEB128: seven bits a byte, lowest first, the top bit says that more follow). */
#pragma once

#include "base/types.h"

#include <string.h>

enum { VARINT_BYTES_MAX = 10 };

static inline uint64_t little_get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | at[bytes];
    return value;
}

static inline uint64_t little_get64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

static inline uint8_t *little_put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> (8 * i));
    return at + bytes;
}

static inline uint8_t *varint_put(uint8_t *at, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

/* Reads at most VARINT_BYTES_MAX bytes, which must be there; what does not fit 64 bits is lost. */
static inline uint64_t varint_get(const uint8_t **at)
{
    const uint8_t *from = *at;
    uint64_t byte = *from++, value = byte & 0x7f;
    for (unsigned shift = 7; byte > 0x7f && shift < 7 * VARINT_BYTES_MAX; shift += 7) {
        byte = *from++;
        value |= (byte & 0x7f) << shift;
    }
    *at = from;
    return value;
}

static inline unsigned varint_bytes(uint64_t value)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    return (bits + 6) / 7;
}

/* Small numbers of either sign as small numbers: 0, -1, 1, -2 ... are 0, 1, 2, 3 ... */
static inline uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}

static inline uint64_t unzigzag(uint64_t value)
{
    return value >> 1 ^ (0 - (value & 1));
}
