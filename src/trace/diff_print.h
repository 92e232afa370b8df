/* What the formats of a difference report share. */
#pragma once

#include "trace/diff.h"

/* Rows by count, the largest first, equal ones in the order of arrival; free with mem_free
 * (rows->count of them). NULL when there are none. */
const struct diff_row **diff_rows_sorted(const struct diff_rows *rows);
/* "100 -> 105 (+5, +5.00%)", "only in a", ...: what changed, without its name. */
void text_change(struct text *t, const struct diff_row *row);
/* "MmUnlockPages cycles", "stats.memory.faults.transition": what a row is about. */
void text_subject(struct text *t, const struct diff_row *row);
/* b - a with its sign. */
void text_difference(struct text *t, int64_t a, int64_t b);
/* `before` and then "--ignore 'stats.tlb' --strict"; false and nothing when no option is in force.
 */
bool text_options(struct text *t, const char *before, const struct diff_options *options);
/* The one line that sums the result up. */
void text_verdict(struct text *t, const struct diff_result *r);

void diff_print_json(const struct diff_result *r, const struct diff_options *o, struct text *out);
void diff_print_markdown(const struct diff_result *r, const struct diff_options *o,
                         struct text *out);
void diff_print_github(const struct diff_result *r, const struct diff_options *o, struct text *out);
