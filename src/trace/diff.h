/* Comparing two traces (cli.md, "diff and verify"): events matched by an alignment, then field by
 * field; everything else by path. Streams: memory does not grow with the number of events. */
#pragma once

#include "base/map.h"
#include "base/text.h"
#include "trace/input.h"

enum diff_format { DIFF_HUMAN, DIFF_BRIEF, DIFF_JSON, DIFF_MARKDOWN, DIFF_GITHUB };

/* Paths: `events.cycles`, `events.cost.pool`, `events.args.Length` (fields of every event),
 * `events` (events without a match), `end.t`, `violations.what`, `leaks`,
 * `stats.latency.MmUnlockPages.p50`. A pattern matches a path and all that lies below it; in it,
 * `*` stands for any characters but a dot, `**` for any. */
struct diff_tolerance {
    const char *path; /* pattern, path_length bytes */
    size_t path_length;
    bool percent;
    uint64_t amount; /* largest difference allowed; percent: of |a|, in millionths (5 % is 50000) */
    const char *text; /* as the user wrote it, for the echo */
};

struct diff_options {
    const struct diff_tolerance *tolerances; /* where several match, the last counts */
    size_t tolerance_count;
    const char *const *ignores; /* patterns of paths that are not compared */
    size_t ignore_count;
    const char *const *onlys; /* when there are any: all other paths are not compared */
    size_t only_count;
    bool strict; /* a key that one side lacks is a difference, not a notice */
    enum diff_format format;
};

/* "PATH=5%" (at most four decimals: "0.25%") or "PATH=100". Borrows `text`. False: not of that
 * form. */
bool diff_tolerance_parse(const char *text, struct diff_tolerance *out);

enum diff_kind { DIFF_CHANGED, DIFF_ONLY_A, DIFF_ONLY_B };

/* One change, or a group of equal ones. Values are JSON texts (long ones cut), NULL where there is
 * none. */
struct diff_row {
    enum diff_kind kind;
    const char *call; /* routine, rule of a violation or kind of a leak; "" for plain paths */
    const char *path;
    const char *a, *b;     /* of the first one */
    bool numeric;          /* both are integers, a_number and b_number */
    bool values_vary;      /* others of the group have other values and the same difference */
    bool differences_vary; /* others have other differences */
    int64_t a_number, b_number;
    uint64_t count;
    uint64_t a_event, b_event; /* place of the first in its trace, from 0; UINT64_MAX: none */
    uint64_t line;             /* of the scenario, 0: none */
};

/* Rows in the order of arrival; equal changes are one row. */
struct diff_rows {
    const struct allocator *from;
    struct arena arena; /* texts of the rows */
    struct diff_row *list;
    size_t count, capacity;
    struct map index; /* hash of what makes rows equal: place in the list + 1 */
    uint64_t total;   /* sum of the counts */
};

void diff_rows_init(struct diff_rows *rows, const struct allocator *from);
void diff_rows_free(struct diff_rows *rows);
/* Adds row->count equal changes; texts are copied. For verify --summary, which adds the rows of
 * many results to one. */
void diff_rows_add(struct diff_rows *rows, const struct diff_row *row);

enum { DIFF_CONTEXT = 3 };

/* The first event that differs, as JSON texts; NULL where there is none. */
struct diff_first {
    bool found;
    const char *context[DIFF_CONTEXT]; /* events of a before it, oldest first */
    const char *a, *b;
    uint64_t a_event, b_event; /* from 0 */
};

struct diff_result {
    int status; /* 0 same, 1 different, 65 not a trace, 66 unreadable, 71 out of memory */
    bool different, trouble;
    const char *a_name, *b_name; /* as given */
    const char *scenario;        /* scenario.file of b, "" when there is none */
    uint64_t matched, changed;   /* events */
    uint64_t a_only, b_only;     /* events without a match */
    uint64_t values;             /* values compared outside of events */
    uint64_t tolerated, ignored; /* differences within a tolerance; not selected */
    struct diff_first first;
    struct diff_rows events; /* groups of changes of events; unmatched ones have path "events" */
    struct diff_rows statistics; /* changes of everything behind the events */
    struct diff_rows head;       /* notices: differences of the head */
    struct diff_rows one_sided;  /* notices: keys of one side */
    struct diff_rows unused;     /* notices: patterns of the options that met nothing */
    struct arena arena;
};

/* Compares. *result must be given to diff_free in any case; on trouble, `error` has the message.
 * The options and the names must live as long as the result. */
void diff_run(struct diff_result *result, const struct trace_source *a,
              const struct trace_source *b, const struct diff_options *options,
              const struct allocator *from, struct text *error);
void diff_free(struct diff_result *result);
/* The report in options->format. */
void diff_print(const struct diff_result *result, const struct diff_options *options,
                struct text *out);
/* diff_run and diff_print of two files ("-" is standard input, once); returns the exit status. */
int diff_traces(const char *path_a, const char *path_b, const struct diff_options *options,
                const struct allocator *from, struct text *out, struct text *error);
