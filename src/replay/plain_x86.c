/* Plain lines of lackey and din with AVX2 and BMI1 of x86 (SDM 2). Line ends of 64 bytes are looked
 * for at once. All else of a line is found from its end, so that the last digit of an address is
 * the last byte of a vector, wherever the first one is, and no branch depends on what a plain line
 * holds. Compiled for processors that have these; on others than x86-64 it is empty. */
#include "replay/plain_x86.h"

#if defined __x86_64__ && defined __AVX2__ && defined __BMI__ && defined __XSAVE__

#include <cpuid.h>
#include <immintrin.h>

/* Bytes whose line ends are found at once, and plain lines that may end among them. */
enum { BLOCK_BYTES = 64, BLOCK_LINES = BLOCK_BYTES / 4 };

/* ---- tables ---- */

#define TWO(a, b) ((uint32_t)(a) | (uint32_t)(b) << 8)

/* Of a line, with the '\n' before it. */
#define HEAD(a, b) (TWO('\n', a) | TWO(b, ' ') << 16)
/* Multiplications that send each head to its kind, and the last two characters of a size, of which
 * the first may be the comma, to a place of their own. */
#define HEAD_KIND(head) ((uint32_t)((head) * 0x4d32u) >> 30)
#define SIZE_PLACE(two) ((uint32_t)((two) * 0x0ba3fbebu) >> 25)

#define SIZE(a, b, n, digits) [SIZE_PLACE(TWO(a, b))] = { TWO(a, b), n, -1 - (digits) }
#define TO_9(a, n, digits) \
    SIZE(a, '1', (n) + 1, digits), SIZE(a, '2', (n) + 2, digits), SIZE(a, '3', (n) + 3, digits), \
    SIZE(a, '4', (n) + 4, digits), SIZE(a, '5', (n) + 5, digits), SIZE(a, '6', (n) + 6, digits), \
    SIZE(a, '7', (n) + 7, digits), SIZE(a, '8', (n) + 8, digits), SIZE(a, '9', (n) + 9, digits)
#define TEN(n) SIZE('0' + (n), '0', 10 * (n), 2), TO_9('0' + (n), 10 * (n), 2)

/* Behind one base address, of which there are few in registers. */
static const struct {
    struct {
        uint16_t two; /* characters; both 0: no size, since no comma is found either */
        uint8_t size;
        int8_t comma; /* where it is, from the line end */
    } sizes[128];
    uint32_t heads[4]; /* by kind */
    uint8_t masks[32]; /* from place n on 16 bytes, of which the last n are set */
} tables = {
    .sizes = { TO_9(',', 0, 1), TEN(1), TEN(2), TEN(3), TEN(4), TEN(5), TEN(6), TEN(7), TEN(8),
               TEN(9) },
    .heads = { [ACCESS_LOAD] = HEAD(' ', 'L'),
               [ACCESS_STORE] = HEAD(' ', 'S'),
               [ACCESS_MODIFY] = HEAD(' ', 'M'),
               [ACCESS_FETCH] = HEAD('I', ' ') },
    .masks = { [16] = 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
               255 },
};

/* ---- lines ---- */

static inline uint32_t two_at(const char *at)
{
    uint16_t two;
    memcpy(&two, at, sizeof two);
    return two;
}

/* The last `digits` (1 .. 16) of the 16 bytes before `end`, which must be hexadecimal digits with
 * small letters. False when one is not. */
static inline bool take_hex(const char *end, size_t digits, uint64_t *value)
{
    const __m128i spelled = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 'a' - '0', 'b' - '0',
                                          'c' - '0', 'd' - '0', 'e' - '0', 'f' - '0');
    const __m128i high_first = _mm_set1_epi16(0x0110);
    const __m128i last_first = _mm_set_epi64x(-1, 0x00020406080a0c0e);
    __m128i text = _mm_loadu_si128((const __m128i *)(const void *)(end - 16));
    __m128i mask = _mm_loadu_si128((const __m128i *)(const void *)(tables.masks + digits));
    __m128i from_0 = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    /* The one of the two differences that did not wrap is the digit's value. What is no digit would
     * be spelled otherwise. */
    __m128i digit = _mm_min_epu8(from_0, _mm_sub_epi8(text, _mm_set1_epi8('a' - 10)));
    __m128i wrong = _mm_xor_si128(_mm_shuffle_epi8(spelled, digit), from_0);
    if (!_mm_testz_si128(wrong, mask)) return false;

    __m128i pairs = _mm_maddubs_epi16(_mm_and_si128(digit, mask), high_first);
    *value = (uint64_t)_mm_cvtsi128_si64(_mm_shuffle_epi8(pairs, last_first));
    return true;
}

/* "I  ADDRESS,SIZE" and the like between the line end `before` it and its own; false when it is
 * anything else. An address of 16 digits may reach past the last one. */
static inline bool take_lackey(const char *before, const char *end, struct access *out)
{
    uint32_t head = two_at(before) | two_at(before + 2) << 16, kind = HEAD_KIND(head);
    uint32_t two = two_at(end - 2), place = SIZE_PLACE(two);
    const char *comma = end + tables.sizes[place].comma;
    size_t digits = (size_t)(comma - before) - sizeof head;
    if (tables.heads[kind] != head || tables.sizes[place].two != two || *comma != ',' ||
        digits - 1 > 14)
        return false;
    out->kind = (uint8_t)kind;
    out->size = tables.sizes[place].size;
    return take_hex(comma, digits, &out->address);
}

/* "L ADDRESS" likewise. */
static inline bool take_din(const char *before, const char *end, struct access *out)
{
    static const uint8_t kinds[3] = { ACCESS_LOAD, ACCESS_STORE, ACCESS_FETCH };
    uint32_t label = two_at(before + 1) - TWO('0', ' ');
    size_t digits = (size_t)(end - before) - 3;
    if (label > 2 || digits - 1 > 15 || !take_hex(end, digits, &out->address)) return false;
    out->address &= ~(uint64_t)(DIN_BYTES - 1);
    out->size = DIN_BYTES;
    out->kind = kinds[label];
    return true;
}

/* ---- text ---- */

/* Bit i: byte i of the block at that place is '\n'. */
static inline uint64_t line_ends(const char *at)
{
    const __m256i end = _mm256_set1_epi8('\n');
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(at + 32));
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, end)) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, end)) << 32;
}

/* As long as there is room for all lines of a block, so that nobody counts them. */
static inline size_t take_lines(const char **at, const char *last, struct access *out, size_t room,
                                bool (*take)(const char *before, const char *end,
                                             struct access *out))
{
    const char *before = *at - 1;
    struct access *next = out, *full = out + room;
    for (const char *block = *at; block < last && full - next >= BLOCK_LINES;
         block += BLOCK_BYTES) {
        for (uint64_t ends = line_ends(block); ends != 0; ends = _blsr_u64(ends), next++) {
            const char *end = block + _tzcnt_u64(ends);
            if (!take(before, end, next)) goto done;
            before = end;
        }
    }
done:
    *at = before + 1;
    return (size_t)(next - out);
}

static size_t lackey(const char **at, const char *end, struct access *out, size_t room)
{
    return take_lines(at, end, out, room, take_lackey);
}

static size_t din(const char **at, const char *end, struct access *out, size_t room)
{
    return take_lines(at, end, out, room, take_din);
}

/* ---- the processor ---- */

enum {
    LEAF_FEATURES = 1, OSXSAVE = 1 << 27, AVX = 1 << 28,
    LEAF_EXTENDED = 7, BMI1 = 1 << 3, AVX2 = 1 << 5,
    STATE_SSE = 1 << 1, STATE_AVX = 1 << 2, /* that the system saves */
};

static bool has_all(void)
{
    unsigned a, b, c, d;
    const unsigned saves = OSXSAVE | AVX, wanted = BMI1 | AVX2, states = STATE_SSE | STATE_AVX;
    if (!__get_cpuid(LEAF_FEATURES, &a, &b, &c, &d) || (c & saves) != saves) return false;
    if ((_xgetbv(0) & states) != states) return false;
    return __get_cpuid_count(LEAF_EXTENDED, 0, &a, &b, &c, &d) && (b & wanted) == wanted;
}

parse_plain *plain_x86_lackey(void)
{
    return has_all() ? lackey : NULL;
}

parse_plain *plain_x86_din(void)
{
    return has_all() ? din : NULL;
}

#else

parse_plain *plain_x86_lackey(void)
{
    return NULL;
}

parse_plain *plain_x86_din(void)
{
    return NULL;
}

#endif
