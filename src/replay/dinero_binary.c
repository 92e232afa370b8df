/* Dinero's binary records (dineroIV -informat b): 8 bytes, little-endian: address (32 bits), size
 * (16), kind (8: 0 read, 1 write, 2 fetch, 3 miscellaneous, 4 copy back, 5 invalidate), padding (8)
 * (tracein_binary in Dinero IV's binaryfmt.c). Kinds above 2 are passed over. */
#include "replay/parse.h"

enum { RECORD_BYTES = 8, SIZE_AT = 4, KIND_AT = 6, PADDING_AT = 7, ACCESS_KINDS = 3, KINDS = 6 };
static const uint8_t kind_of[ACCESS_KINDS] = { ACCESS_LOAD, ACCESS_STORE, ACCESS_FETCH };

static bool fits(const char *at)
{
    uint64_t size = parse_little(at + SIZE_AT, 2);
    return (unsigned char)at[KIND_AT] < KINDS && at[PADDING_AT] == 0 && size > 0 &&
           size <= ACCESS_BYTES_MAX;
}

static enum line_kind parse_record(struct parse *p, struct access *out)
{
    unsigned kind = (unsigned char)p->at[KIND_AT];
    if (kind >= KINDS) return parse_fail(p, p->at + KIND_AT, "a kind is 0 to 5");
    if (kind >= ACCESS_KINDS) {
        p->passed_over++;
        return LINE_EMPTY;
    }
    out->address = parse_little(p->at, SIZE_AT);
    out->size = (uint32_t)parse_little(p->at + SIZE_AT, 2);
    out->kind = kind_of[kind];
    bool good = parse_check_range(p, out, out->size, p->at, p->at + SIZE_AT);
    return good ? LINE_RECORD : LINE_BAD;
}

static size_t parse(struct parse *p, struct access *out, size_t room)
{
    size_t count = 0;
    for (; count < room && p->at < p->end; p->at += RECORD_BYTES, p->lines++) {
        enum line_kind kind = parse_record(p, &out[count]);
        if (kind == LINE_BAD) break;
        count += kind == LINE_RECORD;
    }
    return count;
}

const struct trace_format dinero_binary_format = {
    .name = "dinero-binary", .parse = parse, .record_bytes = RECORD_BYTES, .fits = fits,
};
