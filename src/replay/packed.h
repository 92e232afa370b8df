/* mdlsim's own packed traces, described byte by byte in docs/PACKED.md: blocks that can be decoded
 * by themselves, an index of them, counts and a digest at the end. */
#pragma once

#include "base/sha256.h"
#include "base/text.h"
#include "model/access.h"
#include "replay/bytes.h"

enum {
    PACKED_VERSION = 2,
    PACKED_HEAD_BYTES = 32,
    PACKED_BLOCK_HEAD_BYTES = 64,
    PACKED_INDEX_HEAD_BYTES = 16,
    PACKED_INDEX_ENTRY_BYTES = 16,
    PACKED_TAIL_BYTES = 104,
    PACKED_BLOCK_RECORDS_MAX = 262144,
    PACKED_BLOCK_BYTES_MAX = 160 * 1024, /* of a block without its head */
    PACKED_MAGIC_BYTES = 8,
    ACCESS_KIND_COUNT = 4,
};

#define PACKED_MAGIC "\x89MDLT\r\n" /* and a NUL */
#define PACKED_TAG_BLOCK UINT32_C(0x4B434C42) /* "BLCK" */
#define PACKED_TAG_INDEX UINT32_C(0x58444E49) /* "INDX" */
#define PACKED_TAG_TAIL UINT32_C(0x4C494154)  /* "TAIL" */

bool packed_is_magic(const char *at, size_t length);

/* ---- checksums: four lanes of 64 bits, which any change of one word changes ---- */

struct checksum {
    uint64_t lane[4];
    uint64_t length;
};
void checksum_begin(struct checksum *c);
/* All but the last piece are multiples of 32 bytes. */
void checksum_add(struct checksum *c, const uint8_t *bytes, size_t length);
uint64_t checksum_end(const struct checksum *c);
uint64_t checksum_of(const uint8_t *bytes, size_t length);

/* ---- writing ---- */

struct packed_writer;
/* `write` is handed the bytes in order and returns false when it cannot: nothing more is written
 * then. */
struct packed_writer *packed_create(const struct allocator *from,
                                    bool (*write)(void *context, const char *bytes, size_t length),
                                    void *context);
void packed_add(struct packed_writer *w, const struct access *records, size_t count);
/* Ends the trace; false when any write failed. */
bool packed_finish(struct packed_writer *w);
uint64_t packed_written_bytes(const struct packed_writer *w);
void packed_writer_free(struct packed_writer *w);

/* ---- reading ---- */

struct packed_reader;
/* Reads on from `bytes`, of which the first `length` were taken already and stand at `ahead` (at
 * most 256 KiB). Errors go to bytes->error, with the byte of the (decompressed) file. NULL with the
 * error set when it does not start as a packed trace of this version. */
struct packed_reader *packed_open(struct trace_bytes *bytes, const char *ahead, size_t length,
                                  const struct allocator *from);
void packed_close(struct packed_reader *r);
/* As the functions of struct access_source; 0 at the end or with bytes->error set. */
size_t packed_pull(struct packed_reader *r, struct access *out, size_t room);
size_t packed_pull_segment(struct packed_reader *r, struct access_segment *out, uint64_t most);
size_t packed_expand(struct packed_reader *r, const struct access_segment *s, uint32_t from,
                     struct access *out, size_t room);
uint64_t packed_skip(struct packed_reader *r, uint64_t count);
/* Number of the next record. */
uint64_t packed_at(const struct packed_reader *r);
