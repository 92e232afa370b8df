/* SHA-256 (FIPS 180-4), for the identity of input files in traces. */
#pragma once

#include "base/types.h"

extern const uint32_t sha256_k[64]; /* K of the standard */

/* Goes on from `state` over `count` blocks of 64 bytes. */
typedef void sha256_blocks(uint32_t state[8], const uint8_t *blocks, size_t count);

/* The same in pieces: begin, any number of adds, end. */
struct sha256 {
    uint32_t state[8];
    uint8_t rest[64]; /* bytes that do not fill a block yet */
    uint64_t length;  /* bytes added */
    sha256_blocks *blocks; /* NULL: portable C */
};
void sha256_begin(struct sha256 *h);
/* With what the host does blocks by, NULL for portable C. The digest is the same. */
void sha256_begin_with(struct sha256 *h, sha256_blocks *blocks);
void sha256_add(struct sha256 *h, const void *bytes, size_t length);
void sha256_end(struct sha256 *h, char hex[65]);

void sha256_hex(const void *bytes, size_t length, char hex[65]); /* lower case, NUL-terminated */
