/* The report of a difference for people, and what all its formats share. */
#include "trace/diff_print.h"

#include "trace/diff_path.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_SHOWN = 20, ROWS_SHOWN = 200, SUBJECT_COLUMNS_MAX = 56, SHOWN_TEXT_MAX = 1100 };

static int compare_rows(const void *x, const void *y)
{
    const struct diff_row *a = *(const struct diff_row *const *)x;
    const struct diff_row *b = *(const struct diff_row *const *)y;
    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    return a < b ? -1 : a > b; /* of one list: the order of arrival */
}

const struct diff_row **diff_rows_sorted(const struct diff_rows *rows)
{
    if (rows->count == 0) return NULL;
    const struct diff_row **sorted = mem_new(rows->from, rows->count, sizeof *sorted);
    for (size_t i = 0; i < rows->count; i++) sorted[i] = &rows->list[i];
    if (rows->count > 0) qsort(sorted, rows->count, sizeof *sorted, compare_rows);
    return sorted;
}

void text_difference(struct text *t, int64_t a, int64_t b)
{
    if (a != b) text_char(t, b < a ? '-' : '+');
    text_u64(t, number_distance(a, b));
}

static void text_shown(struct text *t, const char *s)
{
    if (s != NULL) text_quoted(t, s, strlen(s), SHOWN_TEXT_MAX);
}

void text_change(struct text *t, const struct diff_row *row)
{
    if (row->kind != DIFF_CHANGED) {
        text_put(t, row->kind == DIFF_ONLY_A ? "only in a" : "only in b");
        if (row->a != NULL || row->b != NULL) text_put(t, ": ");
        text_shown(t, row->a != NULL ? row->a : row->b);
        return;
    }
    if (row->differences_vary) {
        text_put(t, "in different ways, first ");
    } else if (row->values_vary) {
        text_difference(t, row->a_number, row->b_number);
        text_put(t, ", first ");
    }
    text_shown(t, row->a);
    text_put(t, " -> ");
    text_shown(t, row->b);
    if (!row->numeric) return;
    text_put(t, " (");
    text_difference(t, row->a_number, row->b_number);
    text_put(t, ", ");
    text_percent(t, row->a_number, row->b_number);
    text_char(t, ')');
}

void text_subject(struct text *t, const struct diff_row *row)
{
    const char *path = row->path;
    text_shown(t, row->call);
    if (row->call[0] != '\0') {
        const char *dot = strchr(path, '.');
        if (strncmp(path, "events", 6) == 0) path = dot != NULL ? dot + 1 : "";
        if (path[0] != '\0') text_char(t, ' ');
    }
    text_shown(t, path);
}

/* Appends an option and its value, quoted for a shell. */
static void text_option(struct text *t, const char **before, const char *option, const char *value)
{
    text_format(t, "%s%s '", *before, option);
    text_shown(t, value);
    text_char(t, '\'');
    *before = " ";
}

bool text_options(struct text *t, const char *before, const struct diff_options *options)
{
    const char *next = before;
    for (size_t i = 0; i < options->tolerance_count; i++) {
        text_option(t, &next, "--tolerance", options->tolerances[i].text);
    }
    for (size_t i = 0; i < options->ignore_count; i++) {
        text_option(t, &next, "--ignore", options->ignores[i]);
    }
    for (size_t i = 0; i < options->only_count; i++) {
        text_option(t, &next, "--only", options->onlys[i]);
    }
    if (options->strict) text_format(t, "%s--strict", next);
    return next != before || options->strict;
}

void text_verdict(struct text *t, const struct diff_result *r)
{
    if (!r->different) {
        text_format(t, "same: %u events, %u values behind them", r->matched, r->values);
    } else {
        text_format(t, "different: %u of %u events changed, %u only in a, %u only in b, ",
                    r->changed, r->matched, r->a_only, r->b_only);
        text_format(t, "%u other differences", r->statistics.total);
    }
    if (r->tolerated > 0) text_format(t, "; %u within tolerance", r->tolerated);
    if (r->ignored > 0) text_format(t, "; %u ignored", r->ignored);
}

static void print_more(struct text *out, size_t count)
{
    if (count > ROWS_SHOWN) {
        text_format(out, "  ... %u more (--format json has all)\n", (uint64_t)(count - ROWS_SHOWN));
    }
}

static void print_notices(struct text *out, const struct diff_rows *rows, const char *what)
{
    for (size_t i = 0; i < rows->count && i < HEAD_SHOWN; i++) {
        text_format(out, "notice: %s", what);
        text_subject(out, &rows->list[i]);
        text_put(out, ": ");
        text_change(out, &rows->list[i]);
        if (rows->list[i].count > 1) text_format(out, ", %u times", rows->list[i].count);
        text_char(out, '\n');
    }
    if (rows->count > HEAD_SHOWN) {
        text_format(out, "notice: %s... %u more\n", what, (uint64_t)(rows->count - HEAD_SHOWN));
    }
}

static void print_all_notices(struct text *out, const struct diff_result *r)
{
    print_notices(out, &r->head, "");
    print_notices(out, &r->one_sided, "key ");
    for (size_t i = 0; i < r->unused.count; i++) {
        text_format(out, "notice: --only '%s' matches nothing\n", r->unused.list[i].path);
    }
}

static void print_event(struct text *out, const char *mark, const char *event)
{
    if (event == NULL) return;
    text_put(out, mark);
    text_shown(out, event);
    text_char(out, '\n');
}

static void print_first(struct text *out, const struct diff_first *first)
{
    if (!first->found) return;
    text_put(out, "first difference:");
    if (first->a != NULL) text_format(out, " event %u of a", first->a_event);
    if (first->a != NULL && first->b != NULL) text_put(out, ",");
    if (first->b != NULL) text_format(out, " event %u of b", first->b_event);
    text_char(out, '\n');
    for (size_t i = 0; i < DIFF_CONTEXT; i++) print_event(out, "    ", first->context[i]);
    print_event(out, "  - ", first->a);
    print_event(out, "  + ", first->b);
}

static void print_padding(struct text *out, size_t start, size_t width)
{
    while (out->length - start < width) text_char(out, ' ');
}

static void print_changes(struct text *out, const struct diff_result *r)
{
    const struct diff_row **sorted = diff_rows_sorted(&r->events);
    if (sorted != NULL) text_put(out, "changes of events, equal ones together:\n");
    for (size_t i = 0; i < r->events.count && i < ROWS_SHOWN; i++) {
        size_t start = out->length;
        text_format(out, "  %u x ", sorted[i]->count);
        print_padding(out, start, 9);
        text_subject(out, sorted[i]);
        text_put(out, ": ");
        text_change(out, sorted[i]);
        if (sorted[i]->line != 0) text_format(out, ", line %u", sorted[i]->line);
        text_char(out, '\n');
    }
    print_more(out, r->events.count);
    mem_free(r->events.from, sorted, r->events.count, sizeof *sorted);
}

static void print_statistics(struct text *out, const struct diff_rows *rows)
{
    size_t width = 0;
    for (size_t i = 0; i < rows->count && i < ROWS_SHOWN; i++) {
        size_t start = out->length;
        text_subject(out, &rows->list[i]);
        if (out->length - start > width) width = out->length - start;
        out->length = start;
    }
    if (width > SUBJECT_COLUMNS_MAX) width = SUBJECT_COLUMNS_MAX;
    if (rows->count > 0) text_put(out, "other differences (a -> b, difference, percent):\n");
    for (size_t i = 0; i < rows->count && i < ROWS_SHOWN; i++) {
        text_put(out, "  ");
        size_t start = out->length;
        text_subject(out, &rows->list[i]);
        print_padding(out, start, width);
        text_put(out, "  ");
        text_change(out, &rows->list[i]);
        if (rows->list[i].count > 1) text_format(out, ", %u times", rows->list[i].count);
        text_char(out, '\n');
    }
    print_more(out, rows->count);
}

static void print_human(const struct diff_result *r, const struct diff_options *o, struct text *out)
{
    text_put(out, "--- a: ");
    text_shown(out, r->a_name);
    text_put(out, "\n+++ b: ");
    text_shown(out, r->b_name);
    text_char(out, '\n');
    if (text_options(out, "options: ", o)) text_char(out, '\n');
    print_all_notices(out, r);
    print_first(out, &r->first);
    print_changes(out, r);
    print_statistics(out, &r->statistics);
    text_verdict(out, r);
    text_char(out, '\n');
}

static void print_brief(const struct diff_result *r, const struct diff_options *o, struct text *out)
{
    text_verdict(out, r);
    text_options(out, "; options: ", o);
    text_char(out, '\n');
}

void diff_print(const struct diff_result *result, const struct diff_options *options,
                struct text *out)
{
    switch (options->format) {
    case DIFF_HUMAN:
        print_human(result, options, out);
        break;
    case DIFF_BRIEF:
        print_brief(result, options, out);
        break;
    case DIFF_JSON:
        diff_print_json(result, options, out);
        break;
    case DIFF_MARKDOWN:
        diff_print_markdown(result, options, out);
        break;
    case DIFF_GITHUB:
        diff_print_github(result, options, out);
        break;
    }
}
