/* Collecting located messages and printing them the way compilers do. */
#include "base/diag.h"

#include "base/check.h"
#include "base/sha256.h"

#include <string.h>

/* Of a long line, WINDOW characters are shown, BEFORE of them left of the caret. */
enum { WINDOW_CHARACTERS = 96, BEFORE_CHARACTERS = 64, GUTTER_COLUMNS = 5 };

void diags_init(struct diags *d, const struct allocator *from)
{
    *d = (struct diags){ .arena = { .from = from } };
}

void diags_free(struct diags *d)
{
    const struct allocator *from = d->arena.from;
    mem_free(from, d->list, d->capacity, sizeof d->list[0]);
    mem_free(from, d->files, d->file_capacity, sizeof d->files[0]);
    arena_free(&d->arena);
    diags_init(d, from);
}

uint32_t diags_add_file(struct diags *d, const char *name, const char *bytes, size_t length)
{
    CHECK(d->file_count < UINT32_MAX);
    d->files = mem_grow(d->arena.from, d->files, &d->file_capacity, d->file_count + 1,
                        sizeof d->files[0]);
    struct diag_file *file = &d->files[d->file_count];
    *file = (struct diag_file){ .name = name, .bytes = bytes, .length = length };
    sha256_hex(bytes, length, file->sha256);
    return (uint32_t)d->file_count++;
}

void diag_add(struct diags *d, struct where where, const char *path, const char *message)
{
    CHECK2(where.line == 0 || where.file < d->file_count, where.file, d->file_count);
    if (d->count >= DIAG_KEPT_MAX) {
        d->dropped++;
        return;
    }
    if (path == NULL) path = "";
    d->list = mem_grow(d->arena.from, d->list, &d->capacity, d->count + 1, sizeof d->list[0]);
    d->list[d->count] = (struct diag){
        .where = where,
        .path = arena_text(&d->arena, path, strlen(path)),
        .message = arena_text(&d->arena, message, strlen(message)),
        .order = (uint32_t)d->count,
    };
    d->count++;
}

void diag_format(struct diags *d, struct where where, const char *path, const char *format, ...)
{
    struct text message;
    text_init(&message, d->arena.from);
    va_list arguments;
    va_start(arguments, format);
    text_format_list(&message, format, arguments);
    va_end(arguments);
    diag_add(d, where, path, text_string(&message));
    text_free(&message);
}

static bool printed_before(const struct diag *a, const struct diag *b)
{
    if (a->where.file != b->where.file) return a->where.file < b->where.file;
    if (a->where.line != b->where.line) return a->where.line < b->where.line;
    if (a->where.column != b->where.column) return a->where.column < b->where.column;
    return a->order < b->order;
}

void diags_sort(struct diags *d)
{
    for (size_t i = 1; i < d->count; i++) {
        struct diag moved = d->list[i];
        size_t at = i;
        for (; at > 0 && printed_before(&moved, &d->list[at - 1]); at--)
            d->list[at] = d->list[at - 1];
        d->list[at] = moved;
    }
}

/* The first DIAG_SHOWN_MAX in the order of printing; returns how many there are. */
static size_t first_of(const struct diags *d, const struct diag *first[DIAG_SHOWN_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < d->count; i++) {
        const struct diag *next = &d->list[i];
        size_t at = count;
        while (at > 0 && printed_before(next, first[at - 1])) at--;
        if (at == DIAG_SHOWN_MAX) continue;
        if (count < DIAG_SHOWN_MAX) count++;
        memmove(&first[at + 1], &first[at], (count - at - 1) * sizeof first[0]);
        first[at] = next;
    }
    return count;
}

struct line {
    const char *bytes;
    size_t length;
};

/* False when the file has no such line. The line that follows the last line feed is one, empty. */
static bool line_find(const struct diag_file *file, uint32_t number, struct line *out)
{
    if (file->bytes == NULL) return false;
    const char *at = file->bytes;
    const char *end = file->bytes + file->length;
    if (file->length >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0) at += 3;
    for (uint32_t n = 1; n < number; n++) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        if (feed == NULL) return false;
        at = feed + 1;
    }
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (stop == NULL) stop = end;
    if (stop > at && stop[-1] == '\r') stop--;
    *out = (struct line){ at, (size_t)(stop - at) };
    return true;
}

/* Bytes of the character at s, counting each byte that is not UTF-8 as one. */
static size_t character_bytes(const char *s, size_t length)
{
    size_t bytes = utf8_length(s, length);
    return bytes > 0 ? bytes : 1;
}

/* Cuts `count` characters, or as many as there are, from the front of the line. */
static struct line characters_cut(struct line *line, size_t count)
{
    size_t plain = count < line->length ? count : line->length;
    size_t i = ascii_length(line->bytes, plain);
    for (size_t n = i; n < count && i < line->length; n++) {
        i += character_bytes(line->bytes + i, line->length - i);
    }
    struct line front = { line->bytes, i };
    line->bytes += i;
    line->length -= i;
    return front;
}

static void text_repeat(struct text *out, char c, size_t count)
{
    for (size_t i = 0; i < count; i++) text_char(out, c);
}

/* Characters of a line as they are shown; the same number of columns in blanks goes to `blank`. */
static void characters_print(struct line part, struct text *out, struct text *blank)
{
    for (size_t i = 0, bytes = 0; i < part.length; i += bytes) {
        bytes = character_bytes(part.bytes + i, part.length - i);
        if (part.bytes[i] == '\t') {
            text_char(out, '\t');
            text_char(blank, '\t');
            continue;
        }
        size_t before = out->length;
        text_quoted(out, part.bytes + i, bytes, bytes);
        /* An escape is plain ASCII and takes a column a byte; what stands as it is takes one. */
        bool escaped = out->length - before > bytes;
        text_repeat(blank, ' ', escaped ? out->length - before : 1);
    }
}

static size_t characters_count(struct line line)
{
    size_t count = 0;
    while (line.length > 0) {
        size_t plain = ascii_length(line.bytes, line.length);
        line.bytes += plain;
        line.length -= plain;
        count += plain;
        if (line.length > 0) count += characters_cut(&line, 1).length > 0;
    }
    return count;
}

/* The source line, cut around the column where it is long, and the blanks before the caret. A
 * column behind the end counts as the first one there. */
static void source_print(struct line line, uint32_t column, struct text *out, struct text *blank)
{
    size_t count = characters_count(line);
    size_t left = column > 0 ? column - 1 : 0;
    if (left > count) left = count;
    size_t surplus = count > WINDOW_CHARACTERS ? count - WINDOW_CHARACTERS : 0;
    size_t skipped = left > BEFORE_CHARACTERS ? left - BEFORE_CHARACTERS : 0;
    if (skipped > surplus) skipped = surplus;
    characters_cut(&line, skipped);
    if (skipped > 0) {
        text_put(out, "...");
        text_put(blank, "   ");
    }
    left -= skipped;
    characters_print(characters_cut(&line, left), out, blank);
    size_t blank_length = blank->length;
    characters_print(characters_cut(&line, WINDOW_CHARACTERS - left), out, blank);
    blank->length = blank_length;
    if (line.length > 0) text_put(out, "...");
}

static void excerpt_print(const struct diags *d, struct where where, struct text *out)
{
    struct line line;
    if (!line_find(&d->files[where.file], where.line, &line)) return;
    struct text blank, number;
    text_init(&blank, d->arena.from);
    text_init(&number, d->arena.from);
    text_u64(&number, where.line);
    size_t gutter = number.length < GUTTER_COLUMNS ? GUTTER_COLUMNS : number.length;
    text_repeat(out, ' ', gutter - number.length);
    text_format(out, "%s | ", text_string(&number));
    source_print(line, where.column, out, &blank);
    text_char(out, '\n');
    if (where.column > 0) {
        text_repeat(out, ' ', gutter);
        text_format(out, " | %s^\n", text_string(&blank));
    }
    text_free(&number);
    text_free(&blank);
}

static void quoted_print(struct text *out, const char *s)
{
    text_quoted(out, s, strlen(s), SIZE_MAX);
}

static void diag_print(const struct diags *d, const struct diag *one, struct text *out)
{
    struct where where = one->where;
    if (where.line > 0) {
        quoted_print(out, d->files[where.file].name);
        text_format(out, ":%u:", (uint64_t)where.line);
        if (where.column > 0) text_format(out, "%u:", (uint64_t)where.column);
        text_char(out, ' ');
    }
    text_put(out, "error: ");
    quoted_print(out, one->message);
    if (one->path[0] != '\0') {
        text_put(out, " [at ");
        quoted_print(out, one->path);
        text_char(out, ']');
    }
    text_char(out, '\n');
    if (where.line > 0) excerpt_print(d, where, out);
}

void diags_print(const struct diags *d, struct text *out)
{
    const struct diag *first[DIAG_SHOWN_MAX];
    size_t shown = first_of(d, first);
    for (size_t i = 0; i < shown; i++) diag_print(d, first[i], out);
    uint64_t more = d->count - shown + d->dropped;
    if (more > 0) text_format(out, "%u more error%s\n", more, more == 1 ? "" : "s");
}
