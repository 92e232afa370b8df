/* The JSON grammar as a recursive descent over bytes in memory. */
#include "trace/scan.h"

#include <string.h>

static enum scan_status scan_any(struct scan *s, unsigned depth);

static enum scan_status scan_fail(struct scan *s, const char *why)
{
    s->bad = why;
    return SCAN_BAD;
}

/* Skips white space; the byte at `at`, or -1 at the end. */
static int scan_space(struct scan *s)
{
    if (s->at < s->length && s->bytes[s->at] > ' ') return (unsigned char)s->bytes[s->at];
    for (; s->at < s->length; s->at++) {
        char c = s->bytes[s->at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return (unsigned char)c;
    }
    return -1;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* At a backslash. */
static enum scan_status scan_escape(struct scan *s)
{
    if (s->length - s->at < 2) return SCAN_MORE;
    char c = s->bytes[s->at + 1];
    if (c != 'u') {
        if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL) return scan_fail(s, "unknown escape");
        s->at += 2;
        return SCAN_OK;
    }
    if (s->length - s->at < 6) return SCAN_MORE;
    for (size_t i = 2; i < 6; i++) {
        if (!is_hex(s->bytes[s->at + i])) return scan_fail(s, "unknown escape");
    }
    s->at += 6;
    return SCAN_OK;
}

/* At a byte of 0x80 or more: one character of UTF-8 by the table of RFC 3629 section 4. */
static enum scan_status scan_utf8(struct scan *s)
{
    const unsigned char *p = (const unsigned char *)s->bytes + s->at;
    size_t bytes = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4) return scan_fail(s, "not UTF-8");
    if (s->length - s->at < bytes) return SCAN_MORE;
    unsigned low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high) return scan_fail(s, "not UTF-8");
    for (size_t i = 2; i < bytes; i++) {
        if ((p[i] & 0xC0) != 0x80) return scan_fail(s, "not UTF-8");
    }
    s->at += bytes;
    return SCAN_OK;
}

/* Of eight bytes, the first in the lowest place, the top bit of each that ends a string or needs
 * more than a look: below 0x20, at least 0x80, a quote or a backslash. By the borrow of a
 * subtraction: the lowest bit is that of the first such byte, above it there may be others. */
static uint64_t special_bytes(const char *bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t w;
    memcpy(&w, bytes, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    uint64_t quote = w ^ (ones * '"'), backslash = w ^ (ones * '\\');
    return ((w - ones * 0x20) | (quote - ones) | (backslash - ones) | w) & tops;
}

/* Steps over plain characters, eight at a time as long as there are so many. */
static void scan_plain(struct scan *s)
{
    while (s->length - s->at >= 8) {
        uint64_t special = special_bytes(s->bytes + s->at);
        if (special != 0) {
            s->at += (unsigned)__builtin_ctzll(special) / 8;
            return;
        }
        s->at += 8;
    }
}

static enum scan_status scan_string(struct scan *s)
{
    s->at++;
    for (scan_plain(s); s->at < s->length;) {
        unsigned char c = (unsigned char)s->bytes[s->at];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            s->at++;
            continue;
        }
        if (c == '"') {
            s->at++;
            return SCAN_OK;
        }
        if (c < 0x20) return scan_fail(s, "control character in a string");
        enum scan_status status = c == '\\' ? scan_escape(s) : scan_utf8(s);
        if (status != SCAN_OK) return status;
    }
    return SCAN_MORE;
}

static enum scan_status scan_number(struct scan *s)
{
    if (s->bytes[s->at] == '-') s->at++;
    size_t first = s->at;
    while (s->at < s->length && s->bytes[s->at] >= '0' && s->bytes[s->at] <= '9') s->at++;
    if (s->at == s->length) return SCAN_MORE;
    if (s->at == first) return scan_fail(s, "a digit is missing");
    if (s->bytes[first] == '0' && s->at - first > 1) return scan_fail(s, "a number starts with 0");
    char c = s->bytes[s->at];
    if (c == '.' || c == 'e' || c == 'E') return scan_fail(s, "a number is not an integer");
    return SCAN_OK;
}

static enum scan_status scan_word(struct scan *s, const char *word)
{
    size_t length = strlen(word), left = s->length - s->at;
    if (memcmp(s->bytes + s->at, word, left < length ? left : length) != 0) {
        return scan_fail(s, "unexpected character");
    }
    if (left < length) return SCAN_MORE;
    s->at += length;
    return SCAN_OK;
}

/* Which of the members of interest the key at [start, end), quotes included, is; SCAN_KEYS for
 * none. */
static enum scan_key member_find(const struct scan *s, size_t start, size_t end)
{
    static const char *const names[SCAN_KEYS] = { "\"seq\"",    "\"t\"",    "\"line\"", "\"file\"",
                                                  "\"thread\"", "\"call\"", "\"args\"" };
    size_t length = end - start;
    if (length > 8) return SCAN_KEYS;
    for (enum scan_key key = 0; key < SCAN_KEYS; key++) {
        if (strlen(names[key]) == length && memcmp(s->bytes + start, names[key], length) == 0) {
            return key;
        }
    }
    return SCAN_KEYS;
}

/* At a key: key, colon and value. */
static enum scan_status scan_member(struct scan *s, unsigned depth, enum scan_key *key)
{
    size_t start = s->at;
    if (s->bytes[start] != '"') return scan_fail(s, "a key is expected");
    enum scan_status status = scan_string(s);
    if (status != SCAN_OK) return status;
    bool wanted = depth == 1 && s->want_members;
    *key = wanted ? member_find(s, start, s->at) : SCAN_KEYS;
    int c = scan_space(s);
    if (c != ':') return c < 0 ? SCAN_MORE : scan_fail(s, "':' is expected");
    s->at++;
    if (scan_space(s) < 0) return SCAN_MORE;
    size_t value = s->at;
    status = scan_any(s, depth);
    if (status != SCAN_OK || *key == SCAN_KEYS) return status;
    if (s->values[*key].end != 0) return scan_fail(s, "a key stands twice");
    s->members[*key] = (struct scan_span){ start, s->at };
    s->values[*key] = (struct scan_span){ value, s->at };
    return SCAN_OK;
}

/* At an opening brace or bracket; `depth` counts the levels around the items. */
static enum scan_status scan_items(struct scan *s, unsigned depth)
{
    bool object = s->bytes[s->at] == '{';
    int last = object ? '}' : ']';
    if (depth > SCAN_DEPTH_MAX) return scan_fail(s, "nested too deeply");
    s->at++;
    int c = scan_space(s);
    if (c == last) s->at++;
    if (c < 0 || c == last) return c < 0 ? SCAN_MORE : SCAN_OK;
    for (;;) {
        enum scan_key key = SCAN_KEYS;
        enum scan_status status = object ? scan_member(s, depth, &key) : scan_any(s, depth);
        if (status != SCAN_OK) return status;
        c = scan_space(s);
        if (c == last) {
            s->at++;
            return SCAN_OK;
        }
        if (c != ',') return c < 0 ? SCAN_MORE : scan_fail(s, "',' or the end is expected");
        s->at++;
        if (scan_space(s) < 0) return SCAN_MORE;
        if (key != SCAN_KEYS) s->members[key].end = s->at;
    }
}

static enum scan_status scan_any(struct scan *s, unsigned depth)
{
    if (s->at == s->length) return SCAN_MORE;
    switch (s->bytes[s->at]) {
    case '{':
    case '[':
        return scan_items(s, depth + 1);
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        break;
    }
    char c = s->bytes[s->at];
    if (c == '-' || (c >= '0' && c <= '9')) return scan_number(s);
    return scan_fail(s, "unexpected character");
}

enum scan_status scan_value(struct scan *s)
{
    memset(s->members, 0, sizeof s->members);
    memset(s->values, 0, sizeof s->values);
    return scan_any(s, 0);
}

bool scan_next_member(struct scan *s, struct scan_span *key, struct scan_span *value)
{
    int c = scan_space(s);
    if (c == '{' || c == ',') {
        s->at++;
        c = scan_space(s);
    }
    if (c == '}') return false;
    key->start = s->at;
    scan_string(s);
    key->end = s->at;
    scan_space(s);
    s->at++; /* the colon */
    scan_space(s);
    value->start = s->at;
    scan_any(s, 0);
    value->end = s->at;
    return true;
}
