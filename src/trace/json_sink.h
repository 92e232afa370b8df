/* Writes the trace of a run (trace-format.md, format 1) as it goes on: append-only, in chunks, so
 * that memory does not grow with the number of events. */
#pragma once

#include "base/sha256.h"
#include "sim/stats.h"
#include "trace/json_held.h"
#include "trace/json_line.h"

enum trace_format {
    TRACE_FORMAT_JSON,
    TRACE_FORMAT_JSONL, /* head, events, trailer: an object a line */
    TRACE_FORMAT_NONE,  /* the document with "events": [] */
};

struct trace_file {
    const char *name;   /* relative to the scenario's folder */
    const char *sha256; /* lower-case hexadecimal */
};

/* What the head tells besides the program. The texts must outlive the sink. */
struct trace_head_info {
    const char *version; /* of mdlsim */
    const char *file;    /* base name of the scenario's file, "stdin" */
    const char *sha256;
    const struct trace_file *includes;
    size_t include_count;
    const char *const *overrides; /* "machine.ram=1 GiB", as given with --set */
    size_t override_count;
    /* By the number of a file in `struct where`: its name where it is an include, NULL else. */
    const char *const *file_names;
    size_t file_count;
};

struct json_sink_options {
    enum trace_format format;
    bool no_times;      /* leave out every point in time: t, end.t, peak_t, timeline */
    bool detail_access; /* an event of its own for each access */
    /* Takes the next bytes of the trace; false: no more is wanted (it has kept the reason). */
    bool (*write)(void *context, const char *bytes, size_t length);
    void *context;
    sha256_blocks *digest_blocks; /* what the host does the digest of jsonl by; may be NULL */
    const struct json_aside *aside; /* where many lines that wait go; NULL: they stay in memory */
};

struct json_sink {
    struct json_sink_options options;
    struct text out;
    struct sink sink; /* for struct sim_inputs */
    const struct program *program;
    const struct sim *sim;
    const struct trace_head_info *info;
    uint64_t count;       /* event lines written */
    struct sha256 digest; /* of the event lines, each with its newline; jsonl only */
    size_t lines_from;    /* where in `out` those begin that it has not had yet */
    bool stopped;         /* write() has refused */
    char cost_key[COST_COUNT][24]; /* "key": with quotes and colon */
    uint8_t cost_key_bytes[COST_COUNT];
    struct json_sites sites; /* event lines that may come again */
    struct json_held held;   /* event lines that wait */
};

/* `options` is copied. */
void json_sink_init(struct json_sink *s, const struct allocator *from,
                    const struct json_sink_options *options);
/* Writes the head. `sim` is where the run is going to be; it is read from the first event on, and
 * may be NULL when there are none. */
void json_sink_begin(struct json_sink *s, const struct program *program, const struct sim *sim,
                     const struct trace_head_info *info);
/* Writes the end, violations, leaks and statistics, and hands over the last bytes. False when
 * write() refused at any time. */
bool json_sink_end(struct json_sink *s, struct sim *sim);
void json_sink_free(struct json_sink *s);
/* The curves of a replay as `, "curves": {...}`. */
void json_curves(struct text *t, const struct curves *c);

/* ---- the parts of the writer ---- */

/* mdlsim, scenario, machine and config, each on lines of their own, or all on one (`lines` false).
 * No braces around them. */
void json_head(struct text *t, const struct program *p, const struct trace_head_info *info,
               bool lines);
/* The value of "config" alone: {"machine": ..., "mm": ..., ...}. */
void json_config(struct text *t, const struct program *p, bool lines);
/* One event as an object, without a newline; of an open one all but its end, which is what it cost
 * and changed. */
void json_event(struct json_sink *s, const struct event *e);
void json_event_end(struct json_sink *s, const struct event *e);
void json_access(struct json_sink *s, const struct access_event *a);
/* Of an event: the MDL that it changed, and its frames where these changed. */
void json_mdl(struct json_sink *s, const struct event *e);
void json_frames(struct json_sink *s, const struct event *e);
/* The name of a process, quoted. */
void json_process(struct json_sink *s, uint32_t id);
/* An address; NULL is null. */
void json_va(struct text *t, uint64_t v);
/* "end": ... to "stats": {...}. */
void json_tail(struct json_sink *s, struct sim *sim);
/* The value of "stats"; `sim` must not be NULL. */
void json_stats(struct text *t, struct sim *sim, bool lines, bool no_times);
