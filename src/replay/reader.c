/* Files of traces: reading through one buffer, telling the format, messages. Reading is by read(2):
 * it works for pipes, and at the speed of the parsers mapping a file costs more than copying it. */
#define _POSIX_C_SOURCE 200809L

#include "replay/reader.h"

#include "replay/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 256 * 1024, /* the message about long lines names it */
    SHOWN_LINE_BYTES = 60, /* of a bad line, in its message */
};

struct trace_reader {
    const struct allocator *from;
    const struct trace_format *format;
    struct text name, error;
    struct parse parse;
    uint64_t records;
    int file;
    bool owns_file;
    bool at_end;  /* nothing more to read */
    bool in_tail; /* the line before the window was longer than the buffer: its rest is skipped */
    size_t length, whole; /* bytes in the buffer; those up to the last line end */
    /* One more byte for the '\n' that a last line, or the start of a very long one, may lack. */
    char buffer[BUFFER_BYTES + 1 + PARSE_PADDING_BYTES];
};

static const struct trace_format *const formats[] = { &lackey_format, &din_format };
const char *const reader_formats[] = { "lackey", "din", NULL };

/* Ends the trace with a message: "NAME: error: WHAT" and the system's reason, when error != 0. */
static void fail(struct trace_reader *r, const char *what, int error)
{
    text_format(&r->error, "%s: error: %s", text_string(&r->name), what);
    if (error != 0) text_format(&r->error, ": %s", strerror(error));
}

/* The same for a place in the window: "NAME:LINE:COLUMN: error: WHAT; the line is "..."". */
static void fail_at(struct trace_reader *r, const char *line, const char *bad, const char *what)
{
    const char *end = memchr(line, '\n', (size_t)(r->parse.end - line));
    if (end > line && end[-1] == '\r') end--;
    text_format(&r->error, "%s:%u:%u: error: %s; the line is \"", text_string(&r->name),
                r->parse.lines + 1, (uint64_t)(bad - line) + 1, what);
    text_quoted(&r->error, line, (size_t)(end - line), SHOWN_LINE_BYTES);
    text_char(&r->error, '"');
}

static bool failed(const struct trace_reader *r)
{
    return r->error.length > 0;
}

/* Reads once, as much as there is room for. */
static void read_some(struct trace_reader *r)
{
    ssize_t got;
    do
        got = read(r->file, r->buffer + r->length, BUFFER_BYTES - r->length);
    while (got < 0 && errno == EINTR);
    if (got < 0) fail(r, "cannot read", errno);
    if (got == 0) r->at_end = true;
    if (got > 0) r->length += (size_t)got;
}

/* Drops what is left of a line whose start was parsed already. */
static void skip_tail(struct trace_reader *r)
{
    const char *end = memchr(r->buffer, '\n', r->length);
    size_t bytes = end != NULL ? (size_t)(end - r->buffer) + 1 : r->length;
    memmove(r->buffer, r->buffer + bytes, r->length - bytes);
    r->length -= bytes;
    if (end != NULL) r->in_tail = false;
}

static bool is_remark(const struct trace_reader *r, const char *at, const char *end)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (r->format == NULL || r->format == formats[i])
            if (formats[i]->is_remark(at, end)) return true;
    return false;
}

/* Finds the end of the last whole line; the first `seen` bytes hold none. A line that fills the
 * buffer, or ends the file without a line end, gets one. */
static void find_whole_lines(struct trace_reader *r, size_t seen)
{
    size_t whole = r->length;
    while (whole > seen && r->buffer[whole - 1] != '\n')
        whole--;
    r->whole = whole > seen ? whole : 0;
    bool is_too_long = r->whole == 0 && r->length == BUFFER_BYTES;
    if (r->length == r->whole || !(r->at_end || is_too_long)) return;

    r->buffer[r->length++] = '\n';
    r->whole = r->length;
    r->in_tail = is_too_long;
    r->parse.end = r->buffer + r->whole;
    if (is_too_long && !is_remark(r, r->buffer, r->parse.end))
        fail_at(r, r->buffer, r->buffer, "a line of more than 256 KiB");
}

/* Makes the window hold at least one whole line. False at the end and after an error. */
static bool refill(struct trace_reader *r)
{
    r->length -= r->whole;
    memmove(r->buffer, r->buffer + r->whole, r->length);
    r->whole = 0;
    while (r->whole == 0 && !r->at_end && !failed(r)) {
        size_t seen = r->length; /* 0 in a tail, which is dropped as it comes */
        read_some(r);
        if (r->in_tail) skip_tail(r);
        if (!failed(r)) find_whole_lines(r, seen);
    }
    memset(r->buffer + r->length, 0, PARSE_PADDING_BYTES);
    r->parse.at = r->buffer;
    r->parse.end = r->buffer + r->whole;
    return r->whole > 0 && !failed(r);
}

static void open_file(struct trace_reader *r, const char *path)
{
    bool is_standard_input = string_equal(path, "-");
    struct stat status;
    if (is_standard_input)
        text_put(&r->name, "stdin");
    else
        text_quoted(&r->name, path, strlen(path), SIZE_MAX);
    r->owns_file = !is_standard_input;
    r->file = is_standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (r->file < 0 || fstat(r->file, &status) != 0)
        fail(r, "cannot open", errno);
    else if (S_ISDIR(status.st_mode))
        fail(r, "is a directory, not a trace", 0);
}

static const struct trace_format *find_format(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (string_equal(formats[i]->name, name)) return formats[i];
    return NULL;
}

static void put_format_names(struct text *t)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        text_format(t, "%s%s", i == 0 ? "" : ", ", formats[i]->name);
}

static void set_format(struct trace_reader *r, const char *name)
{
    r->format = find_format(name);
    if (r->format != NULL) return;
    text_format(&r->error, "%s: error: unknown trace format \"", text_string(&r->name));
    text_quoted(&r->error, name, strlen(name), SHOWN_LINE_BYTES);
    text_put(&r->error, "\"; known are ");
    put_format_names(&r->error);
}

static bool is_blank(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    return at == end;
}

/* By the first line that is neither blank nor a remark in any format; sets the error when that line
 * is of none. Returns false when the window has no such line: remarks then say what it is. */
static bool guess_by_record(struct trace_reader *r)
{
    const char *line = r->parse.at;
    for (uint64_t before = r->parse.lines; line < r->parse.end; line = parse_next_line(line)) {
        const char *end = parse_next_line(line) - 1;
        bool telling = !is_blank(line, end);
        for (size_t i = 0; i < COUNT_OF(formats) && telling; i++) {
            if (formats[i]->looks_like(line, end)) r->format = formats[i];
            if (r->format != NULL) return true;
            telling = !formats[i]->is_remark(line, end);
        }
        if (telling) {
            r->parse.lines = before;
            fail_at(r, line, line, "no known trace format starts like this");
            return true;
        }
        before++;
    }
    return false;
}

static void guess_format(struct trace_reader *r)
{
    while (r->format == NULL && !failed(r)) {
        if (guess_by_record(r)) return;
        /* A whole window of remarks: nothing in it is needed again but its count of lines. */
        while (r->parse.at < r->parse.end) {
            r->parse.at = parse_next_line(r->parse.at);
            r->parse.lines++;
        }
        if (!refill(r) && !failed(r)) fail(r, "no record in the trace", 0);
    }
}

struct trace_reader *reader_open(const char *path, const char *format,
                                 const struct allocator *from, struct text *error)
{
    struct trace_reader *r = mem_new(from, 1, sizeof *r);
    r->from = from;
    text_init(&r->name, from);
    text_init(&r->error, from);
    open_file(r, path);
    if (!failed(r) && format != NULL) set_format(r, format);
    if (!failed(r) && !refill(r) && !failed(r)) fail(r, "the trace is empty", 0);
    if (!failed(r)) guess_format(r);
    if (!failed(r)) return r;

    text_put(error, text_string(&r->error));
    reader_close(r);
    return NULL;
}

static size_t pull(void *context, struct access *out, size_t room, bool *has_failed)
{
    struct trace_reader *r = context;
    size_t count = 0;
    while (count == 0 && !failed(r)) {
        count = r->format->parse(&r->parse, out, room);
        r->records += count;
        if (r->parse.bad != NULL && count == 0)
            fail_at(r, r->parse.at, r->parse.bad, r->parse.why);
        else if (count == 0 && !refill(r))
            break;
    }
    if (count == 0 && r->records == 0 && !failed(r)) fail(r, "no record in the trace", 0);
    if (count == 0 && failed(r)) *has_failed = true;
    return count;
}

struct access_source reader_source(struct trace_reader *reader)
{
    return (struct access_source){ .pull = pull, .context = reader };
}

const char *reader_format(const struct trace_reader *reader)
{
    return reader->format->name;
}

const char *reader_error(const struct trace_reader *reader)
{
    return text_string(&reader->error);
}

uint64_t reader_lines(const struct trace_reader *reader)
{
    return reader->parse.lines;
}

uint64_t reader_records(const struct trace_reader *reader)
{
    return reader->records;
}

void reader_close(struct trace_reader *reader)
{
    if (reader == NULL) return;
    if (reader->owns_file && reader->file >= 0) close(reader->file);
    text_free(&reader->name);
    text_free(&reader->error);
    mem_free(reader->from, reader, 1, sizeof *reader);
}
