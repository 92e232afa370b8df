/* Dinero's traditional text (dineroIV -informat d): "LABEL ADDRESS", label 0 read, 1 write, 2
 * fetch, the address hexadecimal; the rest of the line is a comment. There is no size: Dinero takes
 * 4 bytes at the address rounded down to 4 (tracein_din in Dinero IV's dinfmt.c). */
#include "replay/plain_x86.h"

static const uint8_t kinds[4] = { ACCESS_LOAD, ACCESS_STORE, ACCESS_FETCH };

static struct access din_access(unsigned label, uint64_t address)
{
    return (struct access){ .address = address & ~(uint64_t)(DIN_BYTES - 1),
                            .size = DIN_BYTES,
                            .kind = kinds[label] };
}

/* "L ADDRESS" with nothing else. Returns the bytes taken, 0 when the line is anything else, right
 * or wrong. As in lackey.c, the line end comes first. */
static inline size_t parse_usual(const char *at, struct access *out)
{
    unsigned digits = parse_first16(parse_line_ends16(at + 2)); /* 0 .. 16 */
    unsigned label = (unsigned char)at[0] - (unsigned)'0';
    struct parse_hex16 hex = parse_hex16(at + 2);
    unsigned wrong = (label > 2) | (unsigned)(at[1] ^ ' ') | (unsigned)(at[2 + digits] ^ '\n') |
                     (~hex.digits & ((1U << digits) - 1)) | (digits == 0);
    *out = din_access(label & 3, hex.value >> ((64 - 4 * digits) & 63));
    return wrong == 0 ? 2 + digits + 1 : 0;
}

static bool is_remark(const char *at, const char *end)
{
    (void)at;
    (void)end;
    return false; /* every line that is not blank is a record */
}

static bool looks_like(const char *at, const char *end)
{
    at = parse_skip_blanks(at);
    return end - at >= 2 && *at >= '0' && *at <= '9' && (at[1] == ' ' || at[1] == '\t');
}

static enum line_kind parse_any(struct parse *p, struct access *out)
{
    const char *at = parse_skip_blanks(p->at);
    if (parse_at_line_end(at)) return LINE_EMPTY;
    if (*at < '0' || *at > '2')
        return parse_fail(p, at, "expected a label: 0 (read), 1 (write) or 2 (fetch)");
    unsigned label = (unsigned)(*at++ - '0');
    if (*at != ' ' && *at != '\t')
        return parse_fail(p, at, "expected a blank and an address after the label");
    at = parse_skip_blanks(at);
    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) at += 2;

    uint64_t address;
    at = parse_hex(p, at, &address);
    if (at == NULL) return LINE_BAD;
    if (*at != ' ' && *at != '\t' && !parse_at_line_end(at))
        return parse_fail(p, at, "expected a hexadecimal digit, a blank or the end of the line");
    *out = din_access(label, address);
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

const struct trace_format din_format = {
    .name = "din", .parse = parse, .looks_like = looks_like, .is_remark = is_remark,
    .plain = plain_x86_din,
};
