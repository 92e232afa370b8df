/* The careful half of the text parsers: slow paths and messages. */
#include "replay/parse.h"

/* Lines that are taken one by one before parse_plain has its next turn: where it takes few of them,
 * it is seldom asked. */
enum { SINGLE_LINES = 4 };

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

bool parse_check_range(struct parse *p, const struct access *a, uint64_t size, const char *address,
                       const char *size_at)
{
    if (size == 0 || size > ACCESS_BYTES_MAX) {
        parse_fail(p, size_at, "a size is 1 to 4096 bytes");
        return false;
    }
    if (a->address + (size - 1) < a->address) {
        parse_fail(p, address, "the access reaches past the end of the 64-bit address space");
        return false;
    }
    return true;
}

uint64_t parse_little(const char *at, unsigned bytes)
{
    uint64_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | (unsigned char)at[bytes];
    return value;
}

size_t parse_lines(struct parse *p, struct access *out, size_t room,
                   enum line_kind (*parse_line)(struct parse *p, struct access *out))
{
    size_t count = 0;
    for (; count < room && p->at < p->end; p->at = parse_next_line(p->at), p->lines++) {
        enum line_kind kind = parse_line(p, &out[count]);
        if (kind == LINE_BAD) break;
        count += kind == LINE_RECORD;
    }
    return count;
}

size_t parse_quickly(struct parse *p, struct access *out, size_t room,
                     size_t (*singly)(struct parse *p, struct access *out, size_t room))
{
    const char *start = p->at;
    size_t count = 0;
    if (p->plain == NULL) return singly(p, out, room);
    while (count < room && p->at < p->end && p->bad == NULL) {
        if (p->at - start >= PARSE_BEFORE_BYTES) {
            size_t taken = p->plain(&p->at, p->end, out + count, room - count);
            count += taken;
            p->lines += taken;
        }
        size_t left = room - count;
        count += singly(p, out + count, left < SINGLE_LINES ? left : SINGLE_LINES);
    }
    return count;
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
