/* What the parsers of formats share. Those of text see whole lines in a buffer with room to read
 * past the end, so that the usual line is parsed 16 bytes at a time with hardly a branch; whatever
 * looks unusual goes to a slower parser, which accepts more and says what is wrong. Those of binary
 * formats see whole records of a fixed size. */
#pragma once

#include "model/access.h"

#if defined __SSE2__ && defined __x86_64__
#include <emmintrin.h>
#endif
#include <string.h>

enum {
    PARSE_PADDING_BYTES = 64, /* that can be read after the last line; none of them ends one */
    PARSE_BEFORE_BYTES = 16, /* of lines, that parse_plain may read before those it takes */
};

/* Which columns a CSV has, and whose records are wanted. */
enum csv_field { CSV_KIND, CSV_ADDRESS, CSV_SIZE, CSV_PID, CSV_CPU, CSV_FIELD_COUNT };
struct csv {
    bool is_known; /* the first line told the columns */
    uint8_t columns;
    int8_t column[CSV_FIELD_COUNT]; /* of each field, -1 when there is none */
    /* By field, pid and cpu only: records of other values are passed over when it was asked for;
     * otherwise the first record sets the value and another one is an error. */
    bool asked[CSV_FIELD_COUNT], given[CSV_FIELD_COUNT];
    uint64_t wanted[CSV_FIELD_COUNT];
};

enum { CHAMPSIM_ACCESSES_MAX = 7 };

/* Takes lines exactly as the program of the format prints them, from *at on, where a line starts.
 * Stops at `end`, or where there is little room left, or at a line of any other form, right or
 * wrong. Moves *at behind the last one taken; returns how many. */
typedef size_t parse_plain(const char **at, const char *end, struct access *out, size_t room);

struct parse {
    parse_plain *plain; /* NULL: there is none for this format and processor */
    const char *at;   /* start of a line or record */
    const char *end;  /* after the last whole one; lines before it end in '\n' */
    uint64_t lines;   /* lines, or records of a binary format, before `at` */
    const char *bad;  /* where the first bad line goes wrong; NULL while there is none */
    const char *why;  /* what is wrong there; static */
    uint64_t passed_over; /* good records that are no access, or another process's */
    struct csv csv;
    /* Accesses of a record that had more than there was room for. */
    struct access held[CHAMPSIM_ACCESSES_MAX];
    uint8_t held_at, held_end;
};

struct trace_format {
    const char *name;
    /* Parses lines or records until `room` accesses are filled, the lines end, or one is bad; p->at
     * is then behind the last one taken, or at the start of the bad one. Returns how many accesses
     * it filled. */
    size_t (*parse)(struct parse *p, struct access *out, size_t room);
    /* Text. Does [at, end), one line without its end, look like a line of this format? What starts
     * like a record is enough: parse() then tells what is wrong with it. */
    bool (*looks_like)(const char *at, const char *end);
    /* Starts a line that holds no record; it may be longer than the buffer. */
    bool (*is_remark)(const char *at, const char *end);
    /* Text. What parses plain lines on this processor, or NULL; the member may be NULL as well. */
    parse_plain *(*plain)(void);
    /* Binary: bytes of a record, 0 for text, and whether one may be a record. */
    size_t record_bytes;
    bool (*fits)(const char *at);
};

extern const struct trace_format lackey_format, din_format, xdin_format, csv_format,
    dinero_binary_format, champsim_format, packed_format;

enum line_kind { LINE_RECORD, LINE_EMPTY, LINE_BAD };

enum { DIN_BYTES = 4 }; /* of an access in Dinero's traditional text, which tells no sizes */

/* Marks the line as bad; returns LINE_BAD. */
enum line_kind parse_fail(struct parse *p, const char *bad, const char *why);
/* A hexadecimal number of any length at `at`. Returns what follows it, or NULL after parse_fail. */
const char *parse_hex(struct parse *p, const char *at, uint64_t *value);
/* Accepts the access when its size is 1 to 4096 and it ends in the address space. Otherwise
 * parse_fail at the place of the size or of the address. */
bool parse_check_range(struct parse *p, const struct access *a, uint64_t size, const char *address,
                       const char *size_at);
/* parse() of a format by one function a line, which returns what it found, *out filled for a
 * record. */
size_t parse_lines(struct parse *p, struct access *out, size_t room,
                   enum line_kind (*parse_line)(struct parse *p, struct access *out));
/* parse() of a format by p->plain, where there is one, and by singly(), parse() without it. */
size_t parse_quickly(struct parse *p, struct access *out, size_t room,
                     size_t (*singly)(struct parse *p, struct access *out, size_t room));
const char *parse_skip_blanks(const char *at); /* spaces and tabs */
bool parse_at_line_end(const char *at);        /* at '\n' or at "\r\n" */
const char *parse_next_line(const char *at);   /* behind the next '\n' */

/* The 16 bytes at a place, seen as hexadecimal digits. */
struct parse_hex16 {
    uint64_t value;  /* the first byte in the top four bits; meaningless where a byte is no digit */
    unsigned digits; /* bit i: byte i is a digit, of either letter case */
};

#define PARSE_EACH_BYTE(n) (UINT64_C(0x0101010101010101) * (n))

/* Numbers of binary records, little-endian on any host. */
uint64_t parse_little(const char *at, unsigned bytes);

/* Eight bytes, the first the lowest, on any host. */
static inline uint64_t parse_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

/* Four of them. */
static inline uint32_t parse_half(const char *at)
{
    uint32_t half;
    memcpy(&half, at, sizeof half);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? half : __builtin_bswap32(half);
}

/* Bit i: the top bit of byte i. */
static inline unsigned parse_top_bits(uint64_t word)
{
    return (unsigned)((word >> 7 & PARSE_EACH_BYTE(1)) * UINT64_C(0x0102040810204080) >> 56);
}

/* Of eight bytes, in the low half of the value. The sums have their top bit set from a bound on:
 * '0', behind '9', 'a', behind 'f'; no byte carries into the next. */
static inline struct parse_hex16 parse_hex8(uint64_t word)
{
    uint64_t low = word & PARSE_EACH_BYTE(0x7f);
    uint64_t small = low | PARSE_EACH_BYTE(0x20);
    uint64_t digit = (low + PARSE_EACH_BYTE(0x50)) & ~(low + PARSE_EACH_BYTE(0x46));
    uint64_t letter = (small + PARSE_EACH_BYTE(0x1f)) & ~(small + PARSE_EACH_BYTE(0x19));
    uint64_t value = (word & PARSE_EACH_BYTE(0x0f)) + (letter >> 7 & PARSE_EACH_BYTE(1)) * 9;
    value &= PARSE_EACH_BYTE(0x0f);
    value = (value << 4 | value >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    value = (value << 8 | value >> 16) & UINT64_C(0x0000ffff0000ffff);
    value = (value << 16 | value >> 32) & UINT32_MAX;
    return (struct parse_hex16){ value, parse_top_bits((digit | letter) & ~word) };
}

/* parse_hex16() and parse_line_ends16() for any host. */
static inline struct parse_hex16 parse_hex16_portable(const char *at)
{
    struct parse_hex16 high = parse_hex8(parse_word(at)), low = parse_hex8(parse_word(at + 8));
    return (struct parse_hex16){ high.value << 32 | low.value, high.digits | low.digits << 8 };
}

static inline unsigned parse_line_ends16_portable(const char *at)
{
    unsigned ends = 0;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t other = parse_word(at + 8 * i) ^ PARSE_EACH_BYTE('\n');
        uint64_t low = other & PARSE_EACH_BYTE(0x7f);
        ends |= parse_top_bits(~((low + PARSE_EACH_BYTE(0x7f)) | other)) << (8 * i);
    }
    return ends;
}

#if defined __SSE2__ && defined __x86_64__

static inline struct parse_hex16 parse_hex16(const char *at)
{
    __m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i digit = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    __m128i letter = _mm_sub_epi8(_mm_or_si128(text, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
    __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(5)), letter);
    __m128i value = _mm_add_epi8(text, _mm_and_si128(is_letter, _mm_set1_epi8(9)));
    value = _mm_and_si128(value, _mm_set1_epi8(0x0f));
    /* Two digits make a byte, the first the higher; then the bytes are in big-endian order. */
    value = _mm_or_si128(_mm_slli_epi16(value, 4), _mm_srli_epi16(value, 8));
    value = _mm_and_si128(value, _mm_set1_epi16(0x00ff));
    uint64_t bytes = (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(value, value));
    return (struct parse_hex16){ __builtin_bswap64(bytes),
                                 (unsigned)_mm_movemask_epi8(_mm_or_si128(is_digit, is_letter)) };
}

/* Bit i: byte i of the 16 at that place is '\n'. */
static inline unsigned parse_line_ends16(const char *at)
{
    __m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('\n')));
}

#else

static inline struct parse_hex16 parse_hex16(const char *at)
{
    return parse_hex16_portable(at);
}

static inline unsigned parse_line_ends16(const char *at)
{
    return parse_line_ends16_portable(at);
}

#endif

/* Number of the lowest bit set of 16, 16 when there is none. */
static inline unsigned parse_first16(unsigned bits)
{
    return (unsigned)__builtin_ctz(bits | 1U << 16);
}

/* parse() of a format by parse_usual(), which returns the bytes of the line that it took, 0 when it
 * is anything unusual, and by parse_line() as in parse_lines(). */
static inline size_t parse_singly(struct parse *p, struct access *out, size_t room,
                                  size_t (*parse_usual)(const char *at, struct access *out),
                                  enum line_kind (*parse_line)(struct parse *p,
                                                               struct access *out))
{
    const char *at = p->at, *end = p->end;
    size_t count = 0;
    uint64_t lines = p->lines;
    for (; count < room && at < end; lines++) {
        size_t taken = parse_usual(at, &out[count]);
        if (__builtin_expect(taken == 0, 0)) {
            p->at = at;
            enum line_kind kind = parse_line(p, &out[count]);
            if (kind == LINE_BAD) break;
            count += kind == LINE_RECORD;
            at = parse_next_line(at);
        } else {
            at += taken;
            count++;
        }
    }
    p->at = at;
    p->lines = lines;
    return count;
}
