/* The records of a block of the packed format, exactly: docs/PACKED.md, "Details". Both sides keep
 * a predictor, which learns what follows which instruction. Records that it foretells are only
 * counted; the others are told. */
#pragma once

#include "model/access.h"

enum {
    PREDICTOR_ENTRIES = 4096,
    DETAIL_BYTES_MAX = 32, /* of what one record can add to a stream, the run before it included */
    DETAIL_PADDING_BYTES = 64, /* that must be readable behind a stream */
    REGIONS = 2,
};

struct prediction {
    uint64_t address, stride;
    uint32_t size; /* 0: nothing learnt */
    uint8_t kind;
};

struct predictor {
    uint64_t fetch, fetch_end; /* the last fetch, and the address behind it */
    uint64_t data;             /* the last load, store or modify */
    uint64_t region[REGIONS];  /* where others were */
    uint32_t slot;             /* data accesses since the last fetch, CROWDED at most */
    struct prediction entry[PREDICTOR_ENTRIES];
};

struct detail_encoder {
    struct predictor predictor;
    uint32_t run; /* foretold records not yet written */
};
void detail_begin(struct detail_encoder *e);
/* Appends a record; returns the new end, at most DETAIL_BYTES_MAX behind `out`. */
uint8_t *detail_put(struct detail_encoder *e, const struct access *a, uint8_t *out);
/* Appends what is held back. */
uint8_t *detail_end(struct detail_encoder *e, uint8_t *out);

struct detail_decoder {
    struct predictor predictor;
    const uint8_t *at, *end;
    uint32_t run;      /* foretold records still to come */
    const char *wrong; /* NULL, or what is wrong with the stream; static */
};
void detail_open(struct detail_decoder *d, const uint8_t *at, const uint8_t *end);
/* Up to `room` records; fewer only at the end of the stream or with d->wrong set. */
size_t detail_get(struct detail_decoder *d, struct access *out, size_t room);
