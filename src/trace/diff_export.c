/* The report of a difference for programs: JSON, Markdown for summaries, annotations for GitHub. */
#include "trace/diff_print.h"

#include "trace/diff_path.h"

#include <string.h>

/* GitHub keeps a step summary of up to 1 MiB and ten annotations of a kind and step. */
enum { MARKDOWN_BYTES_MAX = 1000000, ANNOTATIONS_MAX = 9 };

static void json_string_of(struct text *out, const char *s, size_t length)
{
    text_char(out, '"');
    text_json(out, s, length);
    text_char(out, '"');
}

/* A value that is JSON itself goes in as it is, one that was cut as a string. */
static void json_value_of(struct text *out, const char *value)
{
    size_t length = value == NULL ? 0 : strlen(value);
    if (value == NULL)
        text_put(out, "null");
    else if (length > 0 && value[length - 1] == '.')
        json_string_of(out, value, length);
    else
        text_bytes(out, value, length);
}

static void json_field(struct text *out, const char *key, const char *value)
{
    text_format(out, ", \"%s\": ", key);
    json_string_of(out, value, strlen(value));
}

static void json_event_number(struct text *out, const char *key, uint64_t event)
{
    if (event != UINT64_MAX) text_format(out, ", \"%s\": %u", key, event);
}

static const char *kind_name(enum diff_kind kind)
{
    return kind == DIFF_CHANGED ? "changed" : kind == DIFF_ONLY_A ? "only_a" : "only_b";
}

static void json_row(struct text *out, const struct diff_row *row)
{
    text_format(out, "{\"kind\": \"%s\"", kind_name(row->kind));
    if (row->call[0] != '\0') json_field(out, "call", row->call);
    json_field(out, "path", row->path);
    text_format(out, ", \"count\": %u", row->count);
    if (row->a != NULL) text_put(out, ", \"a\": ");
    if (row->a != NULL) json_value_of(out, row->a);
    if (row->b != NULL) text_put(out, ", \"b\": ");
    if (row->b != NULL) json_value_of(out, row->b);
    if (row->numeric) {
        text_put(out, ", \"difference\": ");
        if (row->b_number < row->a_number) text_char(out, '-');
        text_u64(out, number_distance(row->a_number, row->b_number));
        text_put(out, ", \"percent\": ");
        if (row->a_number == 0) text_put(out, "null");
        if (row->a_number != 0) text_char(out, '"');
        if (row->a_number != 0) text_percent(out, row->a_number, row->b_number);
        if (row->a_number != 0) text_char(out, '"');
    }
    if (row->values_vary) text_put(out, ", \"values_vary\": true");
    if (row->differences_vary) text_put(out, ", \"differences_vary\": true");
    json_event_number(out, "a_event", row->a_event);
    json_event_number(out, "b_event", row->b_event);
    if (row->line != 0) text_format(out, ", \"line\": %u", row->line);
    text_char(out, '}');
}

static void json_rows(struct text *out, const char *key, const struct diff_rows *rows)
{
    text_format(out, ",\n\"%s\": [", key);
    for (size_t i = 0; i < rows->count; i++) {
        text_put(out, i == 0 ? "\n" : ",\n");
        json_row(out, &rows->list[i]);
    }
    text_put(out, rows->count == 0 ? "]" : "\n]");
}

static void json_options(struct text *out, const struct diff_options *o)
{
    text_put(out, ",\n\"options\": {\"tolerance\": [");
    for (size_t i = 0; i < o->tolerance_count; i++) {
        if (i > 0) text_put(out, ", ");
        json_string_of(out, o->tolerances[i].text, strlen(o->tolerances[i].text));
    }
    text_put(out, "], \"ignore\": [");
    for (size_t i = 0; i < o->ignore_count; i++) {
        if (i > 0) text_put(out, ", ");
        json_string_of(out, o->ignores[i], strlen(o->ignores[i]));
    }
    text_put(out, "], \"only\": [");
    for (size_t i = 0; i < o->only_count; i++) {
        if (i > 0) text_put(out, ", ");
        json_string_of(out, o->onlys[i], strlen(o->onlys[i]));
    }
    text_format(out, "], \"strict\": %s}", o->strict ? "true" : "false");
}

static void json_first(struct text *out, const struct diff_first *first)
{
    if (!first->found) {
        text_put(out, ",\n\"first\": null");
        return;
    }
    text_put(out, ",\n\"first\": {\"a\": ");
    json_value_of(out, first->a);
    text_put(out, ", \"b\": ");
    json_value_of(out, first->b);
    json_event_number(out, "a_event", first->a_event);
    json_event_number(out, "b_event", first->b_event);
    text_put(out, ", \"context\": [");
    bool before = false;
    for (size_t i = 0; i < DIFF_CONTEXT; i++) {
        if (first->context[i] == NULL) continue;
        if (before) text_put(out, ", ");
        json_value_of(out, first->context[i]);
        before = true;
    }
    text_put(out, "]}");
}

void diff_print_json(const struct diff_result *r, const struct diff_options *o, struct text *out)
{
    text_format(out, "{\n\"result\": \"%s\"", r->different ? "different" : "same");
    json_field(out, "a", r->a_name);
    json_field(out, "b", r->b_name);
    json_options(out, o);
    text_format(out, ",\n\"events\": {\"matched\": %u, \"changed\": %u, ", r->matched, r->changed);
    text_format(out, "\"only_a\": %u, \"only_b\": %u}", r->a_only, r->b_only);
    text_format(out, ",\n\"values\": %u, \"tolerated\": %u, \"ignored\": %u", r->values,
                r->tolerated, r->ignored);
    json_first(out, &r->first);
    json_rows(out, "changes", &r->events);
    json_rows(out, "statistics", &r->statistics);
    json_rows(out, "head", &r->head);
    json_rows(out, "one_sided", &r->one_sided);
    json_rows(out, "unused_options", &r->unused);
    text_put(out, "\n}\n");
}

/* Text inside a cell of a table of GitHub-flavoured Markdown. */
static void markdown_cell(struct text *out, const char *s)
{
    for (; s != NULL && *s != '\0'; s++) {
        if (strchr("|`*_<>[]\\#~", *s) != NULL) text_char(out, '\\');
        text_char(out, (unsigned char)*s < 0x20 ? ' ' : *s);
    }
}

static void markdown_row(struct text *out, struct text *scratch, const struct diff_row *row)
{
    text_clear(scratch);
    text_subject(scratch, row);
    text_format(out, "| %u | ", row->count);
    markdown_cell(out, text_string(scratch));
    text_put(out, " | ");
    markdown_cell(out, row->a);
    text_put(out, " | ");
    markdown_cell(out, row->b);
    text_put(out, " | ");
    if (row->kind != DIFF_CHANGED)
        text_put(out, row->kind == DIFF_ONLY_A ? "only in a" : "only in b");
    else if (row->differences_vary)
        text_put(out, "varies");
    else if (row->numeric)
        text_difference(out, row->a_number, row->b_number);
    text_put(out, " | ");
    if (row->numeric && !row->values_vary && !row->differences_vary) {
        text_percent(out, row->a_number, row->b_number);
    }
    text_put(out, " |\n");
}

static void markdown_table(struct text *out, struct text *scratch, const char *title,
                           const struct diff_rows *rows)
{
    if (rows->count == 0) return;
    const struct diff_row **sorted = diff_rows_sorted(rows);
    text_format(out, "\n#### %s\n\n| count | what | a | b | difference | percent |\n", title);
    text_put(out, "| ---: | --- | ---: | ---: | ---: | ---: |\n");
    size_t i = 0;
    for (; i < rows->count && out->length < MARKDOWN_BYTES_MAX; i++) {
        markdown_row(out, scratch, sorted[i]);
    }
    if (i < rows->count) text_format(out, "\n%u more\n", (uint64_t)(rows->count - i));
    mem_free(rows->from, sorted, rows->count, sizeof *sorted);
}

void diff_print_markdown(const struct diff_result *r, const struct diff_options *o,
                         struct text *out)
{
    struct text scratch;
    text_init(&scratch, out->from);
    text_put(out, "### mdlsim diff: ");
    text_verdict(out, r);
    text_put(out, "\n\na: ");
    markdown_cell(out, r->a_name);
    text_put(out, "  \nb: ");
    markdown_cell(out, r->b_name);
    text_char(out, '\n');
    if (text_options(&scratch, "", o)) text_put(out, "\noptions: ");
    markdown_cell(out, text_string(&scratch));
    if (scratch.length > 0) text_char(out, '\n');
    markdown_table(out, &scratch, "Events", &r->events);
    markdown_table(out, &scratch, "Other differences", &r->statistics);
    markdown_table(out, &scratch, "Notices: head", &r->head);
    markdown_table(out, &scratch, "Notices: keys of one side", &r->one_sided);
    markdown_table(out, &scratch, "Notices: --only that matches nothing", &r->unused);
    text_free(&scratch);
}

/* The data of a workflow command; in its properties ':' and ',' are escaped too. */
static void github_escaped(struct text *out, const char *s, bool property)
{
    for (; *s != '\0'; s++) {
        if (*s == '%')
            text_put(out, "%25");
        else if (*s == '\r')
            text_put(out, "%0D");
        else if (*s == '\n')
            text_put(out, "%0A");
        else if (property && *s == ':')
            text_put(out, "%3A");
        else if (property && *s == ',')
            text_put(out, "%2C");
        else
            text_char(out, *s);
    }
}

static void github_row(struct text *out, struct text *scratch, const struct diff_result *r,
                       const struct diff_row *row)
{
    text_put(out, "::error ");
    if (r->scenario[0] != '\0' && row->line != 0) {
        text_put(out, "file=");
        github_escaped(out, r->scenario, true);
        text_format(out, ",line=%u,", row->line);
    }
    text_put(out, "title=mdlsim diff::");
    text_clear(scratch);
    text_subject(scratch, row);
    text_put(scratch, ": ");
    text_change(scratch, row);
    if (row->count > 1) text_format(scratch, ", %u times", row->count);
    github_escaped(out, text_string(scratch), false);
    text_char(out, '\n');
}

static size_t github_rows(struct text *out, struct text *scratch, const struct diff_result *r,
                          const struct diff_rows *rows, size_t shown)
{
    const struct diff_row **sorted = diff_rows_sorted(rows);
    size_t i = 0;
    for (; i < rows->count && shown < ANNOTATIONS_MAX; i++, shown++) {
        github_row(out, scratch, r, sorted[i]);
    }
    mem_free(rows->from, sorted, rows->count, sizeof *sorted);
    return shown;
}

void diff_print_github(const struct diff_result *r, const struct diff_options *o, struct text *out)
{
    struct text scratch;
    text_init(&scratch, out->from);
    size_t all = r->events.count + r->statistics.count;
    size_t shown = github_rows(out, &scratch, r, &r->events, 0);
    shown = github_rows(out, &scratch, r, &r->statistics, shown);
    if (all > shown) {
        text_format(out, "::error title=mdlsim diff::%u more\n", (uint64_t)(all - shown));
    }
    text_verdict(out, r);
    text_options(out, "; options: ", o);
    text_char(out, '\n');
    text_free(&scratch);
}
