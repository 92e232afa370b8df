/* Encoding checks in front of libyaml. YAML 1.1 calls U+0085, U+2028, U+2029 and a lone CR line
 * breaks, editors do not: these are refused, so that a line is the same line for everyone. */
#include "scenario/source.h"

#include <string.h>

/* In the file a scalar is at most 10 times as long as its text (\U00000041 is A). The rest is room
 * for its line breaks and indentation, and for comments behind a value. */
enum { ESCAPE_GROWTH = 12, BLANK_ROOM_BYTES = 1 << 18, UTF8_BYTES_MAX = 4 };

void source_init(struct source *s, const char *bytes, size_t length, uint32_t file,
                 uint64_t scalar_bytes)
{
    size_t mark = length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    *s = (struct source){ .bytes = bytes + mark, .length = length - mark, .file = file,
                          .line = 1, .column = 1,
                          .patience = (size_t)scalar_bytes * ESCAPE_GROWTH + BLANK_ROOM_BYTES,
                          .text_patience = (int64_t)scalar_bytes + BLANK_ROOM_BYTES };
}

/* Length of the UTF-8 sequence at p and its code point; 0 when it is none (RFC 3629). */
static size_t utf8_read(const unsigned char *p, size_t room, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xC0 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3
                  : p[0] < 0xF8 ? 4 : 0;
    if (length == 0 || length > room) return 0;
    uint32_t c = length == 1 ? p[0] : (uint32_t)p[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    if (c < least[length] || (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) return 0;
    *code = c;
    return length;
}

static const char *control_problem(const struct source *s, uint32_t code)
{
    if (code == '\r') {
        bool pair = s->checked + 1 < s->length && s->bytes[s->checked + 1] == '\n';
        return pair ? NULL : "carriage return without a line feed; lines end in LF or CR LF";
    }
    if (code == '\t' || code == '\n') return NULL;
    if (code == 0) return "NUL byte; a scenario is UTF-8 text (is this file UTF-16 or binary?)";
    return "control character; write it as an escape in double quotes";
}

/* What is wrong with a character, NULL when nothing is. */
static const char *character_problem(const struct source *s, uint32_t code)
{
    if (code < 0x20 || code == 0x7F) return control_problem(s, code);
    if (code < 0x7F) return NULL;
    if (code < 0xA0) return "control character; write it as an escape in double quotes";
    if (code == 0x2028 || code == 0x2029) {
        return "Unicode line separator; write it as an escape in double quotes";
    }
    if (code == 0xFEFF) return "byte order mark inside the text";
    if (code == 0xFFFE || code == 0xFFFF) return "not a Unicode character";
    return NULL;
}

/* Every tag is refused anyway, and libyaml compares each %TAG line with all others. */
static bool is_tag_directive(const struct source *s)
{
    return s->column == 1 && s->length - s->checked >= 4 &&
           memcmp(s->bytes + s->checked, "%TAG", 4) == 0;
}

/* Whether libyaml is between two tokens of block style, as far as can be seen from outside: inside
 * a plain or quoted text no key may begin. */
static bool source_between(const struct source *s)
{
    return s->parser && s->parser->flow_level == 0 && s->parser->simple_key_allowed;
}

/* How many bytes the text of a quoted scalar gets from a character at the least: nothing for what
 * may be indentation, a folded break or one of two quotes; a backslash takes back what the escape
 * behind it is longer than its text. */
static int text_bytes_least(const struct source *s, uint32_t code, size_t bytes)
{
    if (code == ' ' || code == '\t' || code == '\r' || code == '\n' || code == '\'') return 0;
    if (code != '\\') return (int)bytes;
    char kind = s->checked + 1 < s->length ? s->bytes[s->checked + 1] : '\0';
    return kind == 'U' ? -8 : kind == 'u' ? -4 : kind == 'x' ? -2 : 0;
}

/* Counts a character that was checked, unless it can only be part of a comment or a blank line. */
static void source_count(struct source *s, uint32_t code, size_t bytes, bool between)
{
    struct source_line *line = &s->at_line;
    bool blank = code == ' ' || code == '\t' || code == '\r' || code == '\n';
    if (!line->begun && !blank) {
        line->begun = true;
        line->indent = s->column - 1;
        if (line->indent <= line->block_indent) line->block_text = false;
        line->comment = code == '#';
    }
    bool skipped = between && !line->block_text && (!line->begun || line->comment);
    if (!skipped) {
        s->since_event += bytes;
        s->text_since_event += text_bytes_least(s, code, bytes);
    }
    if ((code == '|' || code == '>') && !line->comment && !line->block_text) {
        line->block_text = true;
        line->block_indent = line->indent;
    }
    if (code == '\n') line->begun = line->comment = false;
}

/* Checks the character at s->checked and steps over it; false when it is bad. */
static bool source_check_one(struct source *s, bool between)
{
    const unsigned char *p = (const unsigned char *)s->bytes + s->checked;
    size_t room = s->length - s->checked;
    uint32_t code = 0;
    size_t length = utf8_read(p, room, &code);
    if (length == 0) {
        bool utf16 = s->checked == 0 && room >= 2 &&
                     ((p[0] == 0xFF && p[1] == 0xFE) || (p[0] == 0xFE && p[1] == 0xFF));
        s->problem = utf16 ? "this file is UTF-16; save it as UTF-8" : "invalid UTF-8";
        return false;
    }
    s->problem = character_problem(s, code);
    if (code == '%' && is_tag_directive(s)) s->problem = "tags are not used here: remove %TAG";
    if (s->problem) return false;
    source_count(s, code, length, between);
    s->checked += length;
    s->column = code == '\n' ? 1 : s->column + 1;
    if (code == '\n') s->line++;
    return true;
}

/* Whether eight bytes are ASCII of no meaning to the checks and counts here, once their line has
 * begun: no control character, backslash, quote or beginning of a block text. The test of each byte
 * by the borrow of a subtraction, as in text.c. */
static bool eight_are_plain(uint64_t w)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t bar = w ^ (ones * '|'), angle = w ^ (ones * '>');
    uint64_t slash = w ^ (ones * '\\'), quote = w ^ (ones * '\'');
    return (((w - ones * 0x20) | (w + ones) | (bar - ones) | (angle - ones) | (slash - ones) |
             (quote - ones) | w) & tops) == 0;
}

/* How many of eight bytes of ASCII are blank: adding 0x7F sets the top bit of all but zero,
 * and the product adds the eight bits up in its top byte. */
static unsigned blanks_of_eight(uint64_t w)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t blank = ~((w ^ (ones * ' ')) + ones * 0x7F) & tops;
    return (unsigned)(((blank >> 7) * ones) >> 56);
}

/* Checks and counts as source_check_one() does, eight plain bytes at once, as long as there are. */
static void source_check_plain(struct source *s, size_t end, bool between)
{
    const struct source_line *line = &s->at_line;
    if (!line->begun) return;
    bool skipped = between && !line->block_text && line->comment;
    size_t start = s->checked;
    for (uint64_t w; end - s->checked >= sizeof w; s->checked += sizeof w) {
        memcpy(&w, s->bytes + s->checked, sizeof w);
        if (!eight_are_plain(w)) break;
        if (!skipped) s->text_since_event += (int64_t)sizeof w - blanks_of_eight(w);
    }
    s->column += (uint32_t)(s->checked - start);
    if (!skipped) s->since_event += s->checked - start;
}

/* Makes sure that the bytes up to `end` and what the checks look at behind it are there. */
static void source_fetch(struct source *s, size_t end)
{
    if (!s->input) return;
    size_t before = (size_t)(s->bytes - s->input->bytes);
    s->unreadable = input_fetch(s->input, before + end + UTF8_BYTES_MAX);
    s->length = s->input->length - before;
}

static bool patience_ends(struct source *s)
{
    if (s->since_event > s->patience) s->given_up_after = s->patience;
    if (s->text_since_event > s->text_patience) s->given_up_after = (size_t)s->text_patience;
    return s->given_up_after > 0;
}

void source_event(struct source *s)
{
    s->since_event = 0;
    s->text_since_event = 0;
}

/* libyaml before 0.2.5 takes the directive %YAML 1.1 only; what it reads under either is the same
 * (YAML 1.2.2, 6.8.1), so that a 1.2 ahead of the document is handed out as 1.1. */
static void take_version(unsigned char *buffer, size_t size)
{
    const char *at = (const char *)buffer, *end = at + size;
    while (at < end && (*at == '#' || *at == '\n')) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        at = line_end ? line_end + 1 : end;
    }
    if (end - at < 5 || memcmp(at, "%YAML", 5) != 0) return;
    for (at += 5; at < end && *at == ' ';) at++;
    if (end - at > 3 && memcmp(at, "1.2", 3) == 0 && !(at[3] >= '0' && at[3] <= '9'))
        buffer[at + 2 - (const char *)buffer] = '1';
}

int source_read(void *context, unsigned char *buffer, size_t size, size_t *size_read)
{
    struct source *s = context;
    source_fetch(s, s->handed + size);
    if (s->unreadable) return 0;
    size_t left = s->length - s->handed;
    size_t bytes = size < left ? size : left;
    bool between = source_between(s);
    while (!s->problem && s->checked < s->handed + bytes) {
        if (!source_check_one(s, between)) break;
        if (s->checked < s->handed + bytes) source_check_plain(s, s->handed + bytes, between);
    }
    if (s->problem && bytes > s->checked - s->handed) bytes = s->checked - s->handed;
    if (s->problem && bytes == 0) return 0;
    if (patience_ends(s)) return 0;
    if (bytes) memcpy(buffer, s->bytes + s->handed, bytes);
    if (s->handed == 0) take_version(buffer, bytes);
    s->handed += bytes;
    *size_read = bytes;
    return 1;
}

struct where source_where(const struct source *s, size_t line, size_t column)
{
    uint32_t shift = line == 0 ? s->column_shift : 0;
    return (struct where){ s->file, (uint32_t)line + 1, (uint32_t)column + 1 + shift };
}

static bool byte_starts_character(char byte)
{
    return ((unsigned char)byte & 0xC0) != 0x80;
}

size_t source_offset(const struct source *s, size_t line, size_t column)
{
    size_t at = 0;
    for (; line > 0 && at < s->length; line--) {
        const char *end = memchr(s->bytes + at, '\n', s->length - at);
        if (!end) return s->length;
        at = (size_t)(end - s->bytes) + 1;
    }
    for (; column > 0 && at < s->length; column--) {
        at++;
        while (at < s->length && !byte_starts_character(s->bytes[at])) at++;
    }
    return at;
}

struct where source_where_offset(const struct source *s, size_t offset)
{
    size_t line = 0;
    size_t column = 0;
    for (size_t i = 0; i < offset && i < s->length; i++) {
        if (s->bytes[i] == '\n') {
            line++;
            column = 0;
        } else if (byte_starts_character(s->bytes[i])) {
            column++;
        }
    }
    return source_where(s, line, column);
}
