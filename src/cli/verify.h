/* mdlsim verify: scenarios against their stored traces. */
#pragma once

#include "base/alloc.h"
#include "base/text.h"
#include "trace/diff.h"

enum verify_verdict {
    VERIFY_LEFT_OUT,  /* no --tag of it was asked for, or an interrupt came first */
    VERIFY_SAME,      /* to the byte */
    VERIFY_UPDATED,   /* --update stored the trace */
    VERIFY_DIFFERENT, /* than the stored trace */
    VERIFY_MISSING,   /* no stored trace */
    VERIFY_BROKEN,    /* the stored trace is none, or cannot be read */
    VERIFY_ORPHAN,    /* a stored trace without a scenario */
    VERIFY_NEGATIVE,  /* the run itself ended with exit status 1 */
    VERIFY_TROUBLE,   /* exit status 65 and above */
};

/* One scenario, or one stored trace that has none. */
struct verify_case {
    const char *name;     /* "routines/IoAllocateMdl/success" */
    const char *scenario; /* file, NULL: a stored trace without a scenario */
    const char *trace;    /* file */
    enum verify_verdict verdict;
    int status;            /* exit status that it is worth */
    uint64_t line;         /* of the scenario, of the first difference; 0: none */
    struct text report;    /* lines for people: why it is not the same */
    struct text diff;      /* --json: the difference as a JSON object; else empty */
    struct diff_rows rows; /* for --summary: changes, without the report of each */
    bool done;
};

enum verify_format { VERIFY_HUMAN, VERIFY_TAP, VERIFY_GITHUB, VERIFY_JSON };

struct verify_plan {
    const char *operand;       /* DIR as given */
    struct arena arena;        /* names and paths */
    struct text root;          /* "" or "some/where/": holds scenarios/ and traces/ */
    struct text filter;        /* "", "stories/", or "stories/a" for one scenario */
    struct verify_case *cases; /* sorted by name; scenarios before orphans of equal names */
    size_t count, capacity;
    enum verify_format format;
    bool update, summary, quiet, color;
    const char *const *tags; /* of which a scenario must have one; none: all scenarios */
    size_t tag_count;
    uint64_t jobs;
};

/* Finds the folders that the operand names, and every case. False with a message in `error`: there
 * is nothing to verify (exit status 66). */
bool verify_collect(struct verify_plan *plan, struct text *error);
void verify_plan_free(struct verify_plan *plan);
/* Runs a case and compares; touches nothing but the case and files. */
void verify_case_run(const struct verify_plan *plan, struct verify_case *c);
bool verify_passed(const struct verify_case *c);

/* The report: before all cases, after each in order, after all. To standard output. */
struct verify_tally {
    uint64_t passed, failed, updated, left_out, annotations;
    int status; /* first above 1, else 1 when any is */
    struct diff_rows rows;
};
void verify_print_begin(const struct verify_plan *plan);
void verify_print_case(const struct verify_plan *plan, struct verify_tally *tally, size_t number,
                       const struct verify_case *c);
void verify_print_end(const struct verify_plan *plan, const struct verify_tally *tally);
/* s as one word for a shell. */
void text_shell(struct text *t, const char *s);
