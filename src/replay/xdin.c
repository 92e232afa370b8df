/* Dinero's extended text (dineroIV -informat D): "KIND ADDRESS SIZE", kind r, w, i (fetch), m
 * (miscellaneous), c (copy back) or v (invalidate) in either letter case, both numbers hexadecimal
 * with or without 0x; the rest of the line is a comment (tracein_xdin in Dinero IV's xdinfmt.c).
 * What is m, c or v is no access of the program: it is checked and passed over. */
#include "replay/parse.h"

static const char kinds[] = "rwimcv";
enum { ACCESS_KINDS = 3 };
static const uint8_t kind_of[ACCESS_KINDS] = { ACCESS_LOAD, ACCESS_STORE, ACCESS_FETCH };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Index into kinds, -1 for what is none. */
static int find_kind(char c)
{
    const char *found = c == 0 ? NULL : strchr(kinds, c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    return found != NULL ? (int)(found - kinds) : -1;
}

static const char *skip_prefix(const char *at)
{
    return at[0] == '0' && (at[1] == 'x' || at[1] == 'X') ? at + 2 : at;
}

static bool is_remark(const char *at, const char *end)
{
    (void)at;
    (void)end;
    return false;
}

/* A kind and an address that a blank ends: an address of lackey ends at a comma. */
static bool looks_like(const char *at, const char *end)
{
    at = parse_skip_blanks(at);
    if (end - at < 3 || find_kind(at[0]) < 0 || !is_blank(at[1])) return false;
    at = parse_skip_blanks(at + 1);
    while (at < end && !is_blank(*at) && *at != ',')
        at++;
    return at == end || *at != ',';
}

static const char *parse_size(struct parse *p, const char *at, uint64_t *size)
{
    if (!(parse_hex8((unsigned char)*at).digits & 1)) {
        parse_fail(p, at, "expected a hexadecimal size");
        return NULL;
    }
    *size = 0;
    for (struct parse_hex16 next; next = parse_hex8((unsigned char)*at), next.digits & 1; at++)
        if (*size <= ACCESS_BYTES_MAX) *size = *size << 4 | next.value >> 28;
    return at;
}

static enum line_kind parse_line(struct parse *p, struct access *out)
{
    const char *at = parse_skip_blanks(p->at);
    if (parse_at_line_end(at)) return LINE_EMPTY;
    int kind = find_kind(*at);
    if (kind < 0 || !is_blank(at[1]))
        return parse_fail(p, at, "expected r, w, i, m, c or v, and a blank");
    const char *address = skip_prefix(parse_skip_blanks(at + 1));
    at = parse_hex(p, address, &out->address);
    if (at == NULL) return LINE_BAD;
    if (!is_blank(*at)) return parse_fail(p, at, "expected a blank and a size after the address");
    const char *size_at = skip_prefix(parse_skip_blanks(at));
    uint64_t size;
    at = parse_size(p, size_at, &size);
    if (at == NULL) return LINE_BAD;
    if (!is_blank(*at) && !parse_at_line_end(at))
        return parse_fail(p, at, "expected a hexadecimal digit, a blank or the end of the line");
    if (kind >= ACCESS_KINDS) {
        p->passed_over++;
        return LINE_EMPTY;
    }
    if (!parse_check_range(p, out, size, address, size_at)) return LINE_BAD;
    out->size = (uint32_t)size;
    out->kind = kind_of[kind];
    return LINE_RECORD;
}

static size_t parse(struct parse *p, struct access *out, size_t room)
{
    return parse_lines(p, out, room, parse_line);
}

const struct trace_format xdin_format = {
    .name = "xdin", .parse = parse, .looks_like = looks_like, .is_remark = is_remark,
};
