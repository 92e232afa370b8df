/* The growing byte buffer, its number formats and the two ways of escaping. */
#include "base/text.h"

#include "base/check.h"

#include <string.h>

static const char HEX_DIGITS[] = "0123456789ABCDEF";

void text_init(struct text *t, const struct allocator *from)
{
    *t = (struct text){ .from = from };
}

void text_free(struct text *t)
{
    mem_free(t->from, t->bytes, t->capacity, 1);
    text_init(t, t->from);
}

void text_clear(struct text *t)
{
    t->length = 0;
    if (t->capacity > 0) t->bytes[0] = '\0';
}

const char *text_string(const struct text *t)
{
    if (t->capacity == 0) return "";
    t->bytes[t->length] = '\0';
    return t->bytes;
}

char *text_room(struct text *t, size_t bytes)
{
    if (bytes >= t->capacity - t->length) {
        size_t need = 0;
        if (__builtin_add_overflow(t->length, bytes, &need) || need == SIZE_MAX) {
            BUG2("text overflows", t->length, bytes);
        }
        t->bytes = mem_grow(t->from, t->bytes, &t->capacity, need + 1, 1);
    }
    return t->bytes + t->length;
}

void text_bytes(struct text *t, const char *bytes, size_t length)
{
    char *room = text_room(t, length);
    if (length > 0) memcpy(room, bytes, length);
    room[length] = '\0';
    t->length += length;
}

void text_put(struct text *t, const char *string)
{
    text_bytes(t, string, strlen(string));
}

void text_char(struct text *t, char c)
{
    char *room = text_room(t, 1);
    room[0] = c;
    room[1] = '\0';
    t->length++;
}

void text_right(struct text *t, size_t start, size_t width)
{
    size_t length = t->length - start;
    if (length >= width) return;
    size_t gap = width - length;
    char *room = text_room(t, gap);
    memmove(room - length + gap, room - length, length);
    memset(room - length, ' ', gap);
    room[gap] = '\0';
    t->length += gap;
}

void text_u64(struct text *t, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    text_bytes(t, digits + at, sizeof digits - at);
}

void text_i64(struct text *t, int64_t n)
{
    if (n < 0) text_char(t, '-');
    text_u64(t, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void text_hex(struct text *t, uint64_t n)
{
    char digits[18];
    size_t at = sizeof digits;
    do {
        digits[--at] = HEX_DIGITS[n & 15];
        n >>= 4;
    } while (n > 0);
    digits[--at] = 'x';
    digits[--at] = '0';
    text_bytes(t, digits + at, sizeof digits - at);
}

void text_format_list(struct text *t, const char *format, va_list arguments)
{
    const char *rest = format;
    for (const char *mark; (mark = strchr(rest, '%')) != NULL; rest = mark + 2) {
        text_bytes(t, rest, (size_t)(mark - rest));
        switch (mark[1]) {
        case 's': text_put(t, va_arg(arguments, const char *)); break;
        case 'u': text_u64(t, va_arg(arguments, uint64_t)); break;
        case 'd': text_i64(t, va_arg(arguments, int64_t)); break;
        case 'x': text_hex(t, va_arg(arguments, uint64_t)); break;
        case 'c': text_char(t, (char)va_arg(arguments, int)); break;
        case '%': text_char(t, '%'); break;
        default: BUG2("format letter unknown", (unsigned char)mark[1], mark - format);
        }
    }
    text_put(t, rest);
}

void text_format(struct text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_format_list(t, format, arguments);
    va_end(arguments);
}

/* The smallest and largest second byte after a first one exclude overlong forms, surrogates and
 * what is above U+10FFFF (RFC 3629, section 4). */
size_t utf8_length(const char *s, size_t length)
{
    if (length == 0) return 0;
    unsigned char first = (unsigned char)s[0];
    if (first < 0x80) return 1;
    if (first < 0xC2 || first > 0xF4) return 0;
    size_t need = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length < need) return 0;
    unsigned char second = (unsigned char)s[1];
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (second < low || second > high) return 0;
    for (size_t i = 2; i < need; i++) {
        if (((unsigned char)s[i] & 0xC0) != 0x80) return 0;
    }
    return need;
}

size_t ascii_length(const char *s, size_t length)
{
    size_t i = 0;
    for (uint64_t w; length - i >= sizeof w; i += sizeof w) {
        memcpy(&w, s + i, sizeof w);
        if ((w & UINT64_C(0x8080808080808080)) != 0) break;
    }
    while (i < length && (unsigned char)s[i] < 0x80) i++;
    return i;
}

/* Whether one of eight bytes is below 0x20, at least 0x80, a quote or a backslash: the test of each
 * byte by the borrow of a subtraction. A borrow that runs on into the next byte does no harm: the
 * byte it came from needs care already. */
static bool eight_need_care(const char *s)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t w;
    memcpy(&w, s, sizeof w);
    uint64_t quote = w ^ (ones * '"'), backslash = w ^ (ones * '\\');
    return (((w - ones * 0x20) | (quote - ones) | (backslash - ones) | w) & tops) != 0;
}

static size_t plain_length(const char *s, size_t length)
{
    size_t i = 0;
    while (length - i >= 8 && !eight_need_care(s + i)) i += 8;
    for (; i < length; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') break;
    }
    return i;
}

static void json_escape(struct text *t, char c)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: character, letter */
    for (size_t i = 0; i + 1 < sizeof named; i += 2) {
        if (named[i] != c) continue;
        text_char(t, '\\');
        text_char(t, named[i + 1]);
        return;
    }
    text_put(t, "\\u00");
    text_char(t, HEX_DIGITS[(unsigned char)c >> 4]);
    text_char(t, HEX_DIGITS[c & 15]);
}

void text_json(struct text *t, const char *s, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t plain = plain_length(s + i, length - i);
        text_bytes(t, s + i, plain);
        i += plain;
        if (i == length) break;
        size_t character = utf8_length(s + i, length - i);
        if (character > 1) {
            text_bytes(t, s + i, character);
        } else if (character == 1) {
            json_escape(t, s[i]);
        } else {
            text_put(t, "\xEF\xBF\xBD");
        }
        i += character > 0 ? character : 1;
    }
}

static bool is_control(const char *s, size_t character)
{
    unsigned char c = (unsigned char)s[0];
    if (character == 1) return c < 0x20 || c == 0x7F;
    return c == 0xC2 && (unsigned char)s[1] < 0xA0; /* U+0080 .. U+009F */
}

void text_quoted(struct text *t, const char *s, size_t length, size_t most)
{
    size_t i = 0;
    while (i < length) {
        size_t character = utf8_length(s + i, length - i);
        size_t bytes = character > 0 ? character : 1;
        if (length > most && bytes > most - i) break;
        bool escape = character == 0 || is_control(s + i, character);
        for (size_t k = i; escape && k < i + bytes; k++) {
            unsigned char c = (unsigned char)s[k];
            text_put(t, "\\x");
            text_char(t, HEX_DIGITS[c >> 4]);
            text_char(t, HEX_DIGITS[c & 15]);
        }
        if (!escape) text_bytes(t, s + i, bytes);
        i += bytes;
    }
    if (i < length) text_put(t, "...");
}
