/* The short summary of a run: for people on standard error, and as one JSON object. */
#pragma once

#include "base/diag.h"
#include "sim/sim.h"

struct summary_options {
    const char *file;          /* the scenario, as the user gave it */
    const struct diags *diags; /* its files: names and lines for messages */
    int status;                /* exit status of the run */
    bool strict;               /* leaks are errors */
    bool color;
    bool findings_only;        /* -q: only what made the result negative */
};

/* Appends the summary: findings located as a compiler would, violations, leaks, then numbers. */
void summary_print(struct sim *sim, const struct summary_options *options, struct text *out);
/* Appends one line: {"file", "name", "status", "reason", "events", ...}. */
void summary_json(struct sim *sim, const struct summary_options *options, struct text *out);

/* ---- for other reports ---- */

enum { SUMMARY_ROUTINES = 5 };
/* Indexes of the routines that cost most, dearest first; returns how many (those never called are
 * left out, equal ones stand in the order of the list). */
size_t summary_dearest(const struct sim *sim, size_t out[SUMMARY_ROUTINES]);
void summary_put_grouped(struct text *t, uint64_t n); /* 1,234,567 */
/* 412 ns, 1.250 us, 3.004 ms, 2.000 s. */
void summary_put_time(struct text *t, uint64_t cycles, uint64_t hz);
