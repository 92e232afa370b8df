/* SHA-256 (FIPS 180-4), for the identity of input files in traces. */
#pragma once

#include "base/types.h"

/* The same in pieces: begin, any number of adds, end. */
struct sha256 {
    uint32_t state[8];
    uint8_t rest[64]; /* bytes that do not fill a block yet */
    uint64_t length;  /* bytes added */
};
void sha256_begin(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *bytes, size_t length);
void sha256_end(struct sha256 *h, char hex[65]);

void sha256_hex(const void *bytes, size_t length, char hex[65]); /* lower case, NUL-terminated */
