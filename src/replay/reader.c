/* Reads a trace through one window over its bytes: whole lines or records in it are parsed, what is
 * left moves to its front. */
#include "replay/reader.h"

#include "replay/ahead.h"
#include "replay/bytes.h"
#include "replay/guess.h"
#include "replay/packed.h"
#include "replay/parse.h"

#include <string.h>

enum {
    BUFFER_BYTES = 256 * 1024, /* the message about long lines names it */
    SHOWN_LINE_BYTES = 60, /* of a bad line, in its message */
};

struct trace_reader {
    const struct allocator *from;
    const struct trace_format *format;
    struct trace_bytes bytes;
    struct text first_skipped;
    struct parse parse;
    struct packed_reader *packed; /* NULL: another format */
    struct ahead *ahead;           /* NULL: parsed as records are asked for */
    struct access_notes notes;
    uint64_t records;
    uint64_t dropped_bytes; /* before the window */
    bool skip_bad;
    bool at_end;  /* nothing more to read */
    bool in_tail; /* the line before the window was longer than the buffer: its rest is skipped */
    size_t length, whole; /* bytes in the buffer; those of whole lines or records */
    /* One more byte for the '\n' that a last line, or the start of a very long one, may lack. */
    char buffer[BUFFER_BYTES + 1 + PARSE_PADDING_BYTES];
};

const char *const reader_formats[] = { "lackey",   "din", "xdin", "dinero-binary",
                                       "champsim", "csv", "packed", NULL };

static const char *name_of(const struct trace_reader *r)
{
    return text_string(&r->bytes.name);
}

static bool failed(const struct trace_reader *r)
{
    return r->bytes.error.length > 0;
}

static void fail(struct trace_reader *r, const char *what)
{
    bytes_fail(&r->bytes, what, 0);
}

/* "NAME:LINE:COLUMN: error: WHAT; the line is "..."" for a place in the window. */
static void tell_line(const struct trace_reader *r, const char *line, const char *bad,
                      const char *what, struct text *out)
{
    const char *end = memchr(line, '\n', (size_t)(r->parse.end - line));
    if (end > line && end[-1] == '\r') end--;
    text_format(out, "%s:%u:%u: error: %s; the line is \"", name_of(r), r->parse.lines + 1,
                (uint64_t)(bad - line) + 1, what);
    text_quoted(out, line, (size_t)(end - line), SHOWN_LINE_BYTES);
    text_char(out, '"');
}

static void tell_record(const struct trace_reader *r, const char *bad, const char *what,
                        struct text *out)
{
    text_format(out, "%s: error: record %u, at byte %u: %s", name_of(r), r->parse.lines + 1,
                r->dropped_bytes + (uint64_t)(bad - r->buffer), what);
}

static void tell(const struct trace_reader *r, const char *line, const char *bad, const char *what,
                 struct text *out)
{
    if (r->format != NULL && r->format->record_bytes != 0)
        tell_record(r, bad, what, out);
    else
        tell_line(r, line, bad, what, out);
}

/* A bad line or record: ends the trace, or is counted. */
static void reject(struct trace_reader *r, const char *line, const char *bad, const char *what)
{
    if (!r->skip_bad) {
        tell(r, line, bad, what, &r->bytes.error);
        return;
    }
    if (r->notes.skipped++ == 0) tell(r, line, bad, what, &r->first_skipped);
}

static void read_some(struct trace_reader *r)
{
    size_t got = bytes_read(&r->bytes, r->buffer + r->length, BUFFER_BYTES - r->length);
    if (got == 0) r->at_end = true;
    r->length += got;
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

static void refuse_long_line(struct trace_reader *r)
{
    reject(r, r->buffer, r->buffer, "a line of more than 256 KiB");
    if (!failed(r)) {
        r->length = r->whole = 0;
        r->parse.lines++;
    }
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
    if (is_too_long && !guess_is_remark(r->format, r->buffer, r->parse.end)) refuse_long_line(r);
}

static void find_whole_records(struct trace_reader *r)
{
    size_t rest = r->length % r->format->record_bytes;
    r->whole = r->length - rest;
    if (!r->at_end || r->whole > 0 || rest == 0 || failed(r)) return;
    text_format(&r->bytes.error,
                "%s: error: cut off at byte %u: %u bytes are no whole record of %u", name_of(r),
                r->dropped_bytes + r->length, (uint64_t)rest, (uint64_t)r->format->record_bytes);
}

static void find_whole(struct trace_reader *r, size_t seen)
{
    if (r->format != NULL && r->format->record_bytes != 0)
        find_whole_records(r);
    else
        find_whole_lines(r, seen);
}

static void show_window(struct trace_reader *r)
{
    memset(r->buffer + r->length, 0, PARSE_PADDING_BYTES);
    r->parse.at = r->buffer;
    r->parse.end = r->buffer + r->whole;
}

/* Makes the window hold at least one whole line or record. False at the end and after an error. */
static bool refill(struct trace_reader *r)
{
    r->length -= r->whole;
    memmove(r->buffer, r->buffer + r->whole, r->length);
    r->dropped_bytes += r->whole;
    r->whole = 0;
    if (r->at_end && r->length > 0 && !failed(r)) find_whole(r, 0);
    while (r->whole == 0 && !r->at_end && !failed(r)) {
        size_t seen = r->length; /* 0 in a tail, which is dropped as it comes */
        read_some(r);
        if (r->in_tail) skip_tail(r);
        if (!failed(r)) find_whole(r, seen);
    }
    show_window(r);
    return r->whole > 0 && !failed(r);
}

static void put_format_names(struct text *t)
{
    for (size_t i = 0; reader_formats[i] != NULL; i++)
        text_format(t, "%s%s", i == 0 ? "" : ", ", reader_formats[i]);
}

static void set_format(struct trace_reader *r, const char *name)
{
    r->format = guess_by_name(name);
    if (r->format != NULL) return;
    struct text *error = &r->bytes.error;
    text_format(error, "%s: error: unknown trace format \"", name_of(r));
    text_quoted(error, name, strlen(name), SHOWN_LINE_BYTES);
    text_put(error, "\"; known are ");
    put_format_names(error);
}

/* Enough of the beginning to tell a binary format from text, and one from the other. */
static void read_beginning(struct trace_reader *r)
{
    while (r->length < GUESS_BYTES_MIN && !r->at_end && !failed(r))
        read_some(r);
    bool is_binary = r->length >= GUESS_BYTES_MIN && guess_is_binary(r->buffer);
    while (is_binary && r->length < GUESS_BYTES && !r->at_end && !failed(r))
        read_some(r);
    if (r->length == 0 && !failed(r)) fail(r, "the trace is empty");
    if (failed(r) || r->format != NULL || !is_binary) return;
    bool several;
    r->format = guess_binary(r->buffer, r->length, &several);
    if (several) fail(r, "may be champsim or dinero-binary: say which (format)");
}

/* By the first line that is neither blank nor a remark in any format; sets the error when that line
 * is of none. Returns false when the window has no such line: remarks then say what it is. */
static bool guess_by_record(struct trace_reader *r)
{
    const char *line = r->parse.at;
    for (uint64_t before = r->parse.lines; line < r->parse.end; line = parse_next_line(line)) {
        enum guess guess = guess_by_line(line, parse_next_line(line) - 1, &r->format);
        if (guess == GUESS_UNKNOWN) {
            r->parse.lines = before;
            tell_line(r, line, line, "no known trace format starts like this", &r->bytes.error);
        }
        if (guess != GUESS_NOTHING) return true;
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
        if (!refill(r) && !failed(r)) fail(r, "no record in the trace");
    }
}

static void start(struct trace_reader *r, const char *path, const char *format)
{
    bytes_open(&r->bytes, path, r->from);
    if (!failed(r) && format != NULL) set_format(r, format);
    if (!failed(r)) read_beginning(r);
    if (failed(r)) return;
    r->notes.format = r->format != NULL ? r->format->name : NULL;
    if (r->format == &packed_format) {
        r->packed = packed_open(&r->bytes, r->buffer, r->length, r->from);
        return;
    }
    find_whole(r, 0);
    show_window(r);
    if (r->whole == 0 && !failed(r) && !refill(r) && !failed(r)) fail(r, "no record in the trace");
    if (!failed(r)) guess_format(r);
    if (failed(r)) return;
    r->notes.format = r->format->name;
    if (r->format->plain != NULL) r->parse.plain = r->format->plain();
}

struct trace_reader *reader_open(const char *path, const char *format,
                                 const struct allocator *from, struct text *error)
{
    struct trace_reader *r = mem_new(from, 1, sizeof *r);
    r->from = from;
    text_init(&r->first_skipped, from);
    start(r, path, format);
    if (!failed(r)) return r;

    text_put(error, text_string(&r->bytes.error));
    reader_close(r);
    return NULL;
}

static void pass_over_bad(struct trace_reader *r)
{
    struct parse *p = &r->parse;
    size_t bytes = r->format->record_bytes;
    p->at = bytes != 0 ? p->at + bytes : parse_next_line(p->at);
    p->lines++;
    p->bad = NULL;
}

static size_t pull(void *context, struct access *out, size_t room, bool *has_failed)
{
    struct trace_reader *r = context;
    size_t count = 0;
    while (count == 0 && !failed(r)) {
        count = r->format->parse(&r->parse, out, room);
        r->records += count;
        bool is_bad = r->parse.bad != NULL && count == 0;
        if (is_bad) reject(r, r->parse.at, r->parse.bad, r->parse.why);
        if (is_bad && r->skip_bad) pass_over_bad(r);
        if (count == 0 && !is_bad && !refill(r)) break;
    }
    if (count == 0 && r->records == 0 && !failed(r)) fail(r, "no record in the trace");
    if (count == 0 && failed(r)) *has_failed = true;
    return count;
}

/* ---- packed ---- */

static size_t pull_packed(void *context, struct access *out, size_t room, bool *has_failed)
{
    struct trace_reader *r = context;
    size_t count = packed_pull(r->packed, out, room);
    if (count == 0 && packed_at(r->packed) == 0 && !failed(r)) fail(r, "no record in the trace");
    if (count == 0 && failed(r)) *has_failed = true;
    return count;
}

static size_t pull_segment(void *context, struct access_segment *out, uint64_t most,
                           bool *has_failed)
{
    struct trace_reader *r = context;
    size_t count = packed_pull_segment(r->packed, out, most);
    if (count == 0 && failed(r)) *has_failed = true;
    return count;
}

static size_t expand(void *context, const struct access_segment *segment, uint32_t from,
                     struct access *out, size_t room)
{
    const struct trace_reader *r = context;
    return packed_expand(r->packed, segment, from, out, room);
}

static uint64_t skip_packed(void *context, uint64_t count, bool *has_failed)
{
    struct trace_reader *r = context;
    uint64_t done = packed_skip(r->packed, count);
    if (failed(r)) *has_failed = true;
    return done;
}

/* ---- the others ---- */

static uint64_t skip(void *context, uint64_t count, bool *has_failed)
{
    enum { BATCH = 512 };
    struct access batch[BATCH];
    uint64_t done = 0;
    while (done < count) {
        size_t got =
            pull(context, batch, count - done < BATCH ? (size_t)(count - done) : BATCH, has_failed);
        if (got == 0) break;
        done += got;
    }
    return done;
}

static struct access_source parsed_source(struct trace_reader *r)
{
    return (struct access_source){
        .pull = pull, .skip = skip, .context = r, .notes = &r->notes
    };
}

struct access_source reader_source(struct trace_reader *reader)
{
    if (reader->packed != NULL)
        return (struct access_source){ .pull = pull_packed,
                                       .pull_segment = pull_segment,
                                       .expand = expand,
                                       .skip = skip_packed,
                                       .context = reader,
                                       .notes = &reader->notes };
    if (reader->ahead != NULL) return ahead_source(reader->ahead);
    return parsed_source(reader);
}

void reader_read_ahead(struct trace_reader *reader)
{
    if (reader->packed != NULL || !bytes_is_regular(&reader->bytes)) return;
    struct access_source source = parsed_source(reader);
    reader->ahead = ahead_open(reader->from, &source);
}

void reader_skip_bad(struct trace_reader *reader)
{
    reader->skip_bad = true;
}

static bool choose(struct trace_reader *r, enum csv_field which, uint64_t value)
{
    if (r->format != &csv_format) return false;
    r->parse.csv.asked[which] = r->parse.csv.given[which] = true;
    r->parse.csv.wanted[which] = value;
    return true;
}

bool reader_choose_pid(struct trace_reader *reader, uint64_t pid)
{
    return choose(reader, CSV_PID, pid);
}

bool reader_choose_cpu(struct trace_reader *reader, uint64_t cpu)
{
    return choose(reader, CSV_CPU, cpu);
}

const char *reader_format(const struct trace_reader *reader)
{
    return reader->format->name;
}

const char *reader_compression(const struct trace_reader *reader)
{
    return bytes_compression(&reader->bytes);
}

const char *reader_error(const struct trace_reader *reader)
{
    if (reader->ahead != NULL && !ahead_has_failed(reader->ahead)) return "";
    return text_string(&reader->bytes.error);
}

uint64_t reader_lines(const struct trace_reader *reader)
{
    return reader->packed != NULL ? packed_at(reader->packed) : reader->parse.lines;
}

uint64_t reader_records(const struct trace_reader *reader)
{
    return reader->packed != NULL ? packed_at(reader->packed) : reader->records;
}

uint64_t reader_skipped(const struct trace_reader *reader)
{
    return reader->notes.skipped;
}

const char *reader_first_skipped(const struct trace_reader *reader)
{
    return text_string(&reader->first_skipped);
}

uint64_t reader_passed_over(const struct trace_reader *reader)
{
    return reader->parse.passed_over;
}

void reader_close(struct trace_reader *reader)
{
    if (reader == NULL) return;
    ahead_close(reader->ahead);
    packed_close(reader->packed);
    bytes_close(&reader->bytes);
    text_free(&reader->first_skipped);
    mem_free(reader->from, reader, 1, sizeof *reader);
}
