/* Valgrind lackey's text (--trace-mem=yes): "I  ADDR,SIZE", " L ADDR,SIZE", " S ...", " M ...",
 * among Valgrind's own lines. The manual, "Lackey: an example tool", section 13.2. */
#include "replay/plain_x86.h"

/* The three characters before the address, the first the lowest. Index: the low four bits of the
 * two that differ, or-ed. Entries of 0 match nothing, but at 0, where three NUL bytes would. */
#define HEAD(a, b) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)' ' << 16)
static const struct { uint32_t head; uint8_t kind; } heads[16] = {
    [0] = { UINT32_MAX, 0 },
    ['I' & 15] = { HEAD('I', ' '), ACCESS_FETCH },
    ['L' & 15] = { HEAD(' ', 'L'), ACCESS_LOAD },
    ['S' & 15] = { HEAD(' ', 'S'), ACCESS_STORE },
    ['M' & 15] = { HEAD(' ', 'M'), ACCESS_MODIFY },
};

/* Sizes by their last two characters, the first of which may be the comma: place ((a & 31) << 4 |
 * (b & 15)). 0: no size as Valgrind prints it. */
#define ONES(a, t) \
    [(a) << 4 | 1] = (t) + 1, [(a) << 4 | 2] = (t) + 2, [(a) << 4 | 3] = (t) + 3, \
    [(a) << 4 | 4] = (t) + 4, [(a) << 4 | 5] = (t) + 5, [(a) << 4 | 6] = (t) + 6, \
    [(a) << 4 | 7] = (t) + 7, [(a) << 4 | 8] = (t) + 8, [(a) << 4 | 9] = (t) + 9
#define TENS(n) [(16 + (n)) << 4] = (n) * 10, ONES(16 + (n), (n) * 10)
static const uint8_t sizes[512] = {
    ONES(',' & 31, 0), TENS(1), TENS(2), TENS(3), TENS(4), TENS(5), TENS(6), TENS(7), TENS(8),
    TENS(9),
};

/* The line exactly as Valgrind prints it, with an address of up to 15 digits and a size of one or
 * two. Returns the bytes taken, 0 when the line is anything else, right or wrong. Where the next
 * line starts hangs on the line end alone, which is looked for first, and the conditions are
 * gathered: so lines overlap in the processor, and no branch depends on a kind or a length. */
static inline size_t parse_usual(const char *at, struct access *out)
{
    unsigned end = 8 + parse_first16(parse_line_ends16(at + 8)); /* 24: there is none */
    uint32_t head = (uint32_t)parse_word(at) & 0xffffff;
    unsigned index = (head | head >> 8) & 15;
    uint32_t tail = parse_half(at + end - 4); /* the four bytes before the line end */
    uint32_t size = sizes[(tail >> 12 & 0x1f0) | (tail >> 24 & 15)];

    unsigned last = end - 3 + ((tail >> 16 & 0xff) == ','); /* where a size leaves the comma */

    struct parse_hex16 hex = parse_hex16(at + 3);
    unsigned digits = parse_first16(~hex.digits), comma = 3 + digits;
    uint64_t wrong = (heads[index].head ^ head) | ((tail & 0xf0e00000) ^ 0x30200000) |
                     (uint64_t)(at[comma] ^ ',') | (digits - 1 > 14) |
                     (comma ^ last) | (size == 0);
    *out = (struct access){ .address = hex.value >> ((0 - 4 * digits) & 63),
                            .size = size,
                            .kind = heads[index].kind };
    return wrong == 0 ? end + 1 : 0;
}

static bool is_remark(const char *at, const char *end)
{
    /* ==PID== Valgrind's own, --PID-- its debug messages, **PID** those of client requests. */
    return end - at >= 2 && at[0] == at[1] && (*at == '=' || *at == '-' || *at == '*');
}

static bool looks_like(const char *at, const char *end)
{
    at = parse_skip_blanks(at);
    return end - at >= 2 && (at[1] == ' ' || at[1] == '\t') && memchr("ILSM", *at, 4) != NULL;
}

static const char *parse_size(struct parse *p, const char *at, uint32_t *size)
{
    const char *start = at;
    for (*size = 0; *at >= '0' && *at <= '9'; at++)
        if (*size <= ACCESS_BYTES_MAX) *size = *size * 10 + (uint32_t)(*at - '0');
    if (at > start) return at;
    parse_fail(p, at, "expected a size in decimal");
    return NULL;
}

/* Blanks are free, an address may be shorter or padded, a size may have more digits. */
static enum line_kind parse_any(struct parse *p, struct access *out)
{
    const char *at = p->at;
    if (is_remark(at, p->end)) return LINE_EMPTY;
    at = parse_skip_blanks(at);
    if (parse_at_line_end(at)) return LINE_EMPTY;
    if (!looks_like(at, p->end))
        return parse_fail(p, at, "expected 'I', 'L', 'S' or 'M', a blank, an address and a size");
    out->kind = heads[*at & 15].kind;

    const char *address = parse_skip_blanks(at + 1);
    at = parse_hex(p, address, &out->address);
    if (at == NULL) return LINE_BAD;
    if (*at != ',') return parse_fail(p, at, "expected ',' and a size after the address");
    const char *size = at + 1;
    at = parse_size(p, size, &out->size);
    if (at == NULL || !parse_check_range(p, out, out->size, address, size)) return LINE_BAD;
    if (!parse_at_line_end(parse_skip_blanks(at)))
        return parse_fail(p, at, "expected the end of the line after the size");
    return LINE_RECORD;
}

static size_t parse_lines_singly(struct parse *p, struct access *out, size_t room)
{
    return parse_singly(p, out, room, parse_usual, parse_any);
}

static size_t parse(struct parse *p, struct access *out, size_t room)
{
    return parse_quickly(p, out, room, parse_lines_singly);
}

const struct trace_format lackey_format = {
    .name = "lackey", .parse = parse, .looks_like = looks_like, .is_remark = is_remark,
    .plain = plain_x86_lackey,
};
