/* The careful half of the text parsers: slow paths and messages. */
#include "replay/parse.h"

enum line_kind parse_fail(struct parse *p, const char *bad, const char *why)
{
    p->bad = bad;
    p->why = why;
    return LINE_BAD;
}

const char *parse_hex(struct parse *p, const char *at, uint64_t *value)
{
    const char *start = at;
    *value = 0;
    for (struct parse_hex16 next; next = parse_hex8((unsigned char)*at), next.digits & 1; at++) {
        if (*value >> 60) {
            parse_fail(p, start, "address of more than 64 bits");
            return NULL;
        }
        *value = *value << 4 | next.value >> 28;
    }
    if (at == start) {
        parse_fail(p, at, "expected a hexadecimal address");
        return NULL;
    }
    return at;
}

const char *parse_skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

bool parse_at_line_end(const char *at)
{
    return *at == '\n' || (at[0] == '\r' && at[1] == '\n');
}

const char *parse_next_line(const char *at)
{
    while (*at != '\n')
        at++;
    return at + 1;
}
