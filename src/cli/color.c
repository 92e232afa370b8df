/* Reports in colour: ECMA-48 escape sequences around whole lines. */
#include "cli/color.h"

#include <string.h>

const char *const color_choices[] = { "auto", "always", "never", NULL };

static const struct {
    const char *start, *escape;
} marks[] = {
    { "--- ", "\033[31m" },    { "  - ", "\033[31m" },     { "+++ ", "\033[32m" },
    { "  + ", "\033[32m" },    { "notice: ", "\033[33m" }, { "different: ", "\033[1;31m" },
    { "FAIL ", "\033[1;31m" }, { "updated ", "\033[32m" },
};

static const char *escape_of(const char *line, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        size_t start = strlen(marks[i].start);
        if (length >= start && memcmp(line, marks[i].start, start) == 0) return marks[i].escape;
    }
    return NULL;
}

/* A message as a compiler's: its "error:" in red, and the caret below the line that it quotes. */
static bool color_message(struct text *out, const char *line, size_t length)
{
    static const char whole[] = ": error: ";
    enum { START = 2, WORD = 6, WHOLE = sizeof whole - 1 };
    size_t end = length, at = 0;
    if (length > 0 && line[0] == ' ' && line[length - 1] == '^') {
        while (at < length && (line[at] == ' ' || line[at] == '|')) at++;
        if (at + 1 != length) return false;
        end = length;
    } else {
        if (length == 0 || line[0] == ' ') return false;
        while (at + WHOLE <= length && memcmp(line + at, whole, WHOLE) != 0) at++;
        if (at + WHOLE > length) return false;
        at += START;
        end = at + WORD;
    }
    text_bytes(out, line, at);
    text_put(out, "\033[1;31m");
    text_bytes(out, line + at, end - at);
    text_put(out, "\033[0m");
    text_bytes(out, line + end, length - end);
    return true;
}

void color_lines(struct text *out, const char *lines, size_t length)
{
    for (const char *end = lines + length; lines < end;) {
        const char *newline = memchr(lines, '\n', (size_t)(end - lines));
        size_t columns = (size_t)((newline != NULL ? newline : end) - lines);
        const char *escape = escape_of(lines, columns);
        if (escape != NULL) {
            text_put(out, escape);
            text_bytes(out, lines, columns);
            text_put(out, "\033[0m");
        } else if (!color_message(out, lines, columns)) {
            text_bytes(out, lines, columns);
        }
        if (newline != NULL) text_char(out, '\n');
        lines += columns + (newline != NULL);
    }
}
