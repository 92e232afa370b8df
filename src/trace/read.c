/* Slicing a trace into its parts and events, and refusing what is not a whole trace. */
#include "trace/read.h"

#include <jansson.h>
#include <string.h>

static const char *const head_parts[] = { "mdlsim", "scenario", "machine", "config" };
static const char *const tail_parts[] = { "end", "violations", "leaks", "stats" };

/* Stops reading. The place is that of buffer[start + ahead]. Returns false for the callers' ease.
 */
static bool trouble(struct trace_reader *r, size_t ahead, const char *what, const char *detail)
{
    if (r->status != TRACE_OK) return false;
    r->status = TRACE_INVALID;
    uint64_t line = r->line;
    for (size_t i = 0; i < ahead && r->start + i < r->end; i++) {
        if (r->buffer[r->start + i] == '\n') line++;
    }
    text_format(&r->error, "%s: byte %u, line %u: %s%s", r->name, (uint64_t)(r->offset + ahead),
                line, what, detail);
    return false;
}

/* Reads more behind what the buffer holds; false at the end of the input or on trouble. */
static bool fill(struct trace_reader *r)
{
    if (r->at_end) return false;
    if (r->start > 0) {
        memmove(r->buffer, r->buffer + r->start, r->end - r->start);
        r->end -= r->start;
        r->start = 0;
    }
    if (r->capacity - r->end < INPUT_CHUNK_BYTES / 2) {
        r->buffer =
            mem_grow(r->from, r->buffer, &r->capacity, r->capacity * 2 + INPUT_CHUNK_BYTES, 1);
    }
    size_t count = trace_input_read(&r->input, r->buffer + r->end, r->capacity - r->end);
    r->end += count;
    r->at_end = count == 0;
    if (r->input.problem != NULL && r->status == TRACE_OK) {
        r->status = r->input.corrupt ? TRACE_INVALID : TRACE_UNREADABLE;
        text_format(&r->error, "%s: %s", r->name, r->input.problem);
    }
    return count > 0;
}

static void consume(struct trace_reader *r, size_t bytes)
{
    const char *p = r->buffer + r->start, *end = p + bytes;
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        r->line++;
        p++;
    }
    r->start += bytes;
    r->offset += bytes;
}

/* Skips white space; the next byte, or -1 at the end of the input. */
static int peek(struct trace_reader *r)
{
    for (;;) {
        for (; r->start < r->end; r->start++, r->offset++) {
            char c = r->buffer[r->start];
            if (c == '\n')
                r->line++;
            else if (c != ' ' && c != '\t' && c != '\r')
                return (unsigned char)c;
        }
        if (!fill(r)) return -1;
    }
}

static bool cut_off(struct trace_reader *r)
{
    return trouble(r, r->end - r->start, "the trace is cut off here", "");
}

/* The next byte must be `c`, which is taken. */
static bool expect(struct trace_reader *r, char c)
{
    int next = peek(r);
    if (next < 0) return cut_off(r);
    char wanted[] = { '\'', c, '\'', '\0' };
    if (next != c) return trouble(r, 0, "not a trace: expected ", wanted);
    consume(r, 1);
    return true;
}

/* Finds the end of the value that starts at buffer[start]; the whole of it is then in the buffer.
 */
static bool slice(struct trace_reader *r, struct scan *s, size_t most)
{
    for (;;) {
        s->bytes = r->buffer + r->start;
        s->length = r->end - r->start;
        s->at = 0;
        enum scan_status status = scan_value(s);
        if (status == SCAN_OK && s->at <= most) return true;
        if (status == SCAN_BAD) return trouble(r, s->at, "not valid JSON: ", s->bad);
        if (s->at > most) return trouble(r, 0, "too large a value for a trace", "");
        size_t twice = s->length * 2 + 1; /* scanning starts over: do so log2(size) times only */
        bool more = false;
        while (r->end - r->start < twice && fill(r)) more = true;
        if (!more) return cut_off(r);
    }
}

/* The same for an event. */
static bool slice_event(struct trace_reader *r, struct scan *s, const struct trace_event *like,
                        size_t most)
{
    const char *bytes = r->buffer + r->start;
    size_t length = r->end - r->start;
    if (like == NULL || length < like->length || memcmp(bytes, like->bytes, like->length) != 0)
        return slice(r, s, most);
    s->bytes = bytes;
    s->length = length;
    s->at = like->length;
    memcpy(s->members, like->members, sizeof s->members);
    memcpy(s->values, like->values, sizeof s->values);
    return true;
}

struct json_t *trace_parse(struct trace_reader *r, const char *bytes, size_t length, uint64_t line)
{
    json_error_t e;
    json_t *value = json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    if (value != NULL || r->status != TRACE_OK) return value;
    r->status = json_error_code(&e) == json_error_out_of_memory ? TRACE_NO_MEMORY : TRACE_INVALID;
    text_format(&r->error, "%s: line %u: not valid JSON: %s", r->name,
                (uint64_t)(line + (uint64_t)(e.line > 1 ? e.line - 1 : 0)), e.text);
    return NULL;
}

/* A string key and its colon. The key is copied to `key`; a longer one is cut. */
static bool read_key(struct trace_reader *r, char *key, size_t room)
{
    int c = peek(r);
    if (c < 0) return cut_off(r);
    if (c != '"') return trouble(r, 0, "not a trace: a key is expected", "");
    struct scan s = { .want_members = false };
    if (!slice(r, &s, TRACE_EVENT_BYTES_MAX)) return false;
    size_t length = s.at - 2 < room - 1 ? s.at - 2 : room - 1;
    memcpy(key, r->buffer + r->start + 1, length);
    key[length] = '\0';
    consume(r, s.at);
    return expect(r, ':');
}

/* mdlsim.format must be 1: the first thing to tell of a trace of a later version. */
static bool check_format(struct trace_reader *r, const json_t *mdlsim)
{
    const json_t *format = json_object_get(mdlsim, "format");
    if (!json_is_integer(format)) return trouble(r, 0, "not a trace: mdlsim.format is missing", "");
    if (json_integer_value(format) == 1) return true;
    struct text number;
    text_init(&number, r->from);
    text_i64(&number, json_integer_value(format));
    trouble(r, 0, "this mdlsim reads trace format 1, not ", text_string(&number));
    text_free(&number);
    return false;
}

static bool add_part(struct trace_reader *r, const char *key)
{
    if (peek(r) < 0) return cut_off(r);
    struct scan s = { .want_members = false };
    if (!slice(r, &s, TRACE_PART_BYTES_MAX)) return false;
    json_t *value = trace_parse(r, r->buffer + r->start, s.at, r->line);
    if (value == NULL) return false;
    if (json_object_get(r->parts, key) != NULL) {
        json_decref(value);
        return trouble(r, 0, "not a trace: a second ", key);
    }
    if (json_object_set_new(r->parts, key, value) != 0) {
        r->status = TRACE_NO_MEMORY;
        text_format(&r->error, "%s: out of memory", r->name);
        return false;
    }
    if (strcmp(key, "mdlsim") == 0 && !check_format(r, value)) return false;
    consume(r, s.at);
    return true;
}

static bool has_parts(struct trace_reader *r, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (json_object_get(r->parts, keys[i]) == NULL) {
            return trouble(r, 0, "not a trace: there is no ", keys[i]);
        }
    }
    return true;
}

/* Behind the last byte of the trace: nothing may follow, nothing may be missing. */
static bool finish(struct trace_reader *r)
{
    if (peek(r) >= 0) return trouble(r, 0, "something stands behind the end of the trace", "");
    if (r->status != TRACE_OK || !has_parts(r, head_parts, COUNT_OF(head_parts)) ||
        !has_parts(r, tail_parts, COUNT_OF(tail_parts))) {
        return false;
    }
    r->state = TRACE_DONE;
    return true;
}

/* Members of the document up to the events or the end. */
static bool read_members(struct trace_reader *r)
{
    for (;;) {
        int c = peek(r);
        if (c < 0) return cut_off(r);
        if (c == '}') {
            consume(r, 1);
            if (r->events_seen) return finish(r);
            r->state = TRACE_IN_LINES;
            return has_parts(r, head_parts, COUNT_OF(head_parts));
        }
        if (r->items_before && !expect(r, ',')) return false;
        char key[64];
        if (!read_key(r, key, sizeof key)) return false;
        r->items_before = true;
        if (strcmp(key, "events") == 0) {
            if (r->events_seen) return trouble(r, 0, "not a trace: a second events", "");
            r->events_seen = true;
            r->items_before = false;
            r->state = TRACE_IN_EVENTS;
            return expect(r, '[');
        }
        if (!add_part(r, key)) return false;
    }
}

/* The last line of JSON Lines: {end, violations, leaks, stats, count, digest}. */
static bool read_trailer(struct trace_reader *r, const struct scan *s)
{
    if (s->values[SCAN_CALL].end != 0) {
        consume(r, s->at);
        return cut_off(r);
    }
    json_t *trailer = trace_parse(r, s->bytes, s->at, r->line);
    if (trailer == NULL) return false;
    if (!json_is_object(trailer) || json_object_update_missing(r->parts, trailer) != 0) {
        json_decref(trailer);
        return trouble(r, 0, "not a trace: its last line is no trailer", "");
    }
    const json_t *count = json_object_get(trailer, "count");
    bool whole = json_is_integer(count) && json_integer_value(count) >= 0 &&
                 (uint64_t)json_integer_value(count) == r->event_count;
    json_decref(trailer);
    if (!whole)
        return trouble(r, 0, "the trailer counts another number of events than there are", "");
    consume(r, s->at);
    return finish(r);
}

/* The object at buffer[start] as an event. */
static bool take_event(struct trace_reader *r, const struct scan *s, struct trace_event *event)
{
    static const enum scan_key needed[] = { SCAN_THREAD, SCAN_CALL };
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        struct scan_span v = s->values[needed[i]];
        if (v.end == 0 || s->bytes[v.start] != '"') {
            return trouble(r, 0, "not an event: it has no text ", i == 0 ? "thread" : "call");
        }
    }
    event->bytes = s->bytes;
    event->length = s->at;
    event->line = r->line;
    memcpy(event->members, s->members, sizeof event->members);
    memcpy(event->values, s->values, sizeof event->values);
    r->event_count++;
    consume(r, s->at);
    return true;
}

/* The next event of the document's array. */
static bool next_item(struct trace_reader *r, struct trace_event *event,
                      const struct trace_event *like)
{
    int c = peek(r);
    if (c < 0) return cut_off(r);
    if (c == ']') {
        consume(r, 1);
        r->items_before = true;
        r->state = TRACE_IN_HEAD;
        read_members(r);
        return false;
    }
    if (r->items_before && !expect(r, ',')) return false;
    r->items_before = true;
    c = peek(r);
    if (c < 0) return cut_off(r);
    if (c != '{') return trouble(r, 0, "not an event: an object is expected", "");
    struct scan s = { .want_members = true };
    return slice_event(r, &s, like, TRACE_EVENT_BYTES_MAX) && take_event(r, &s, event);
}

/* True when nothing but white space follows the next `ahead` bytes, which stay unread. */
static bool is_last(struct trace_reader *r, size_t ahead)
{
    for (;;) {
        for (size_t i = r->start + ahead; i < r->end; i++) {
            if (strchr(" \t\r\n", r->buffer[i]) == NULL || r->buffer[i] == '\0') return false;
        }
        ahead = r->end - r->start;
        if (ahead > TRACE_PART_BYTES_MAX || !fill(r)) return true;
    }
}

/* The next line of JSON Lines. */
static bool next_line(struct trace_reader *r, struct trace_event *event,
                      const struct trace_event *like)
{
    int c = peek(r);
    if (c < 0) return cut_off(r);
    if (c != '{') return trouble(r, 0, "not an event: an object is expected", "");
    struct scan s = { .want_members = true };
    if (!slice_event(r, &s, like, TRACE_PART_BYTES_MAX)) return false;
    bool last = is_last(r, s.at);
    s.bytes = r->buffer + r->start; /* reading ahead may have moved the bytes */
    if (last) {
        read_trailer(r, &s);
        return false;
    }
    return take_event(r, &s, event);
}

bool trace_open(struct trace_reader *r, const struct trace_source *source,
                const struct allocator *from)
{
    *r = (struct trace_reader){ .from = from, .name = source->name, .line = 1 };
    text_init(&r->error, from);
    r->parts = json_object();
    if (r->parts == NULL) {
        r->status = TRACE_NO_MEMORY;
        text_format(&r->error, "%s: out of memory", r->name);
        return false;
    }
    if (!trace_input_open(&r->input, source, from)) {
        r->status = r->input.corrupt ? TRACE_INVALID : TRACE_UNREADABLE;
        text_format(&r->error, "%s: %s", r->name, r->input.problem);
        return false;
    }
    int c = peek(r);
    if (c < 0) return trouble(r, 0, "not a trace: there is nothing in it", "");
    if (c != '{') return trouble(r, 0, "not a trace: it is no JSON object", "");
    consume(r, 1);
    return read_members(r);
}

bool trace_next_like(struct trace_reader *r, struct trace_event *event,
                     const struct trace_event *like)
{
    if (r->status != TRACE_OK || r->state == TRACE_DONE) return false;
    if (r->state == TRACE_IN_LINES) return next_line(r, event, like);
    return next_item(r, event, like);
}

bool trace_next(struct trace_reader *r, struct trace_event *event)
{
    return trace_next_like(r, event, NULL);
}

struct json_t *trace_part(const struct trace_reader *r, const char *key)
{
    return json_object_get(r->parts, key);
}

void trace_close(struct trace_reader *r)
{
    trace_input_close(&r->input);
    json_decref(r->parts);
    mem_free(r->from, r->buffer, r->capacity, 1);
    text_free(&r->error);
    *r = (struct trace_reader){ .status = TRACE_OK };
}
