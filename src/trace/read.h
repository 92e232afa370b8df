/* Reads a trace (trace-format.md, format 1) as a stream: one event at a time, so that memory does
 * not grow with their number. Takes the JSON document, line by line as mdlsim writes it or laid out
 * in any other way, and JSON Lines; both also compressed with zstd. */
#pragma once

#include "trace/input.h"
#include "trace/scan.h"

struct json_t; /* jansson's value */

enum {
    TRACE_EVENT_BYTES_MAX = 16 << 20,
    TRACE_PART_BYTES_MAX = 256 << 20, /* config, violations, stats ...: each */
};

/* Exit statuses of cli.md, for what a reader can meet. */
enum {
    TRACE_OK = 0,
    TRACE_INVALID = 65,
    TRACE_UNREADABLE = 66,
    TRACE_NO_MEMORY = 71,
};

struct trace_event {
    const char *bytes; /* one JSON object; valid until the next call on the reader */
    size_t length;
    uint64_t line;                       /* line of the file it starts on, from 1 */
    struct scan_span members[SCAN_KEYS]; /* see scan.h; offsets from `bytes` */
    struct scan_span values[SCAN_KEYS];
};

enum trace_state { TRACE_IN_HEAD, TRACE_IN_EVENTS, TRACE_IN_LINES, TRACE_DONE };

struct trace_reader {
    const struct allocator *from;
    struct trace_input input;
    const char *name;
    char *buffer;
    size_t start, end, capacity; /* unread bytes of the buffer; its room */
    uint64_t offset, line;       /* of buffer[start] in the file, from 0 and from 1 */
    bool at_end;                 /* the input gives no more */
    enum trace_state state;
    bool items_before; /* in the current list of items: a comma must come before the next */
    bool events_seen;
    struct json_t *parts; /* every member of the document but `events` */
    uint64_t event_count; /* handed out */
    int status;           /* TRACE_OK or why reading stopped */
    struct text error;    /* "NAME: byte 120, line 7: ..." */
};

/* Opens and reads up to the first event. False: status and error say why; close in either case.
 * `source` is copied, what it points to must outlive the reader. */
bool trace_open(struct trace_reader *r, const struct trace_source *source,
                const struct allocator *from);
/* False at the end of the trace, all of which was then found complete, or on trouble (status). */
bool trace_next(struct trace_reader *r, struct trace_event *event);
/* The same. Where the bytes are those of `like`, an event of another trace (NULL: none), what was
 * found in that one is taken over, which is much faster than looking again. */
bool trace_next_like(struct trace_reader *r, struct trace_event *event,
                     const struct trace_event *like);
/* A member of the document ("scenario", "stats" ...), NULL when there is none. Those after the
 * events are there once trace_next has returned false. Owned by the reader. */
struct json_t *trace_part(const struct trace_reader *r, const char *key);
/* The event as a jansson value that the caller releases; NULL on trouble (status, error). */
struct json_t *trace_parse(struct trace_reader *r, const char *bytes, size_t length, uint64_t line);
void trace_close(struct trace_reader *r);
