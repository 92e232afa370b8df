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

void color_lines(struct text *out, const char *lines, size_t length)
{
    for (const char *end = lines + length; lines < end;) {
        const char *newline = memchr(lines, '\n', (size_t)(end - lines));
        size_t columns = (size_t)((newline != NULL ? newline : end) - lines);
        const char *escape = escape_of(lines, columns);
        if (escape != NULL) text_put(out, escape);
        text_bytes(out, lines, columns);
        if (escape != NULL) text_put(out, "\033[0m");
        if (newline != NULL) text_char(out, '\n');
        lines += columns + (newline != NULL);
    }
}
