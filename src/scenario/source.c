/* Encoding checks in front of libyaml. YAML 1.1 calls U+0085, U+2028, U+2029 and a lone CR line
 * breaks, editors do not: these are refused, so that a line is the same line for everyone. */
#include "scenario/source.h"

#include <string.h>

/* In the file a scalar is at most 10 times as long as its text (\U00000041 is A). The rest is room
 * for its line breaks and indentation, and for comments behind a value. */
enum { ESCAPE_GROWTH = 12, BLANK_ROOM_BYTES = 1 << 18 };

void source_init(struct source *s, const char *bytes, size_t length, uint32_t file,
                 uint64_t scalar_bytes)
{
    size_t mark = length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    *s = (struct source){ .bytes = bytes + mark, .length = length - mark, .file = file,
                          .line = 1, .column = 1,
                          .patience = (size_t)scalar_bytes * ESCAPE_GROWTH + BLANK_ROOM_BYTES };
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
    if (!skipped) s->since_event += bytes;
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

int source_read(void *context, unsigned char *buffer, size_t size, size_t *size_read)
{
    struct source *s = context;
    size_t left = s->length - s->handed;
    size_t bytes = size < left ? size : left;
    bool between = source_between(s);
    while (!s->problem && s->checked < s->handed + bytes) {
        if (!source_check_one(s, between)) break;
    }
    if (s->problem && bytes > s->checked - s->handed) bytes = s->checked - s->handed;
    if (s->problem && bytes == 0) return 0;
    if (s->since_event > s->patience) {
        s->out_of_patience = true;
        return 0;
    }
    if (bytes) memcpy(buffer, s->bytes + s->handed, bytes);
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
