/* What verify tells: for people, for test harnesses (TAP 13), for GitHub, for programs. */
#include "cli/color.h"
#include "cli/command.h"
#include "cli/host.h"
#include "cli/verify.h"
#include "trace/diff_print.h"

#include <string.h>

/* GitHub shows ten annotations of a kind and step: nine, and one that says how many more. */
enum { ANNOTATIONS_MAX = 9, SUMMARY_ROWS_MAX = 200 };

static const char *const verdict_keys[] = {
    [VERIFY_LEFT_OUT] = "left_out",   [VERIFY_SAME] = "same",         [VERIFY_UPDATED] = "updated",
    [VERIFY_DIFFERENT] = "different", [VERIFY_MISSING] = "missing",   [VERIFY_BROKEN] = "broken",
    [VERIFY_ORPHAN] = "orphan",       [VERIFY_NEGATIVE] = "negative", [VERIFY_TROUBLE] = "trouble",
};
static const char *const verdict_texts[] = {
    [VERIFY_LEFT_OUT] = "left out",
    [VERIFY_SAME] = "the same",
    [VERIFY_UPDATED] = "updated",
    [VERIFY_DIFFERENT] = "the run differs from the stored trace (a: stored, b: this run)",
    [VERIFY_MISSING] = "there is no stored trace",
    [VERIFY_BROKEN] = "the stored trace cannot be read",
    [VERIFY_ORPHAN] = "the stored trace has no scenario",
    [VERIFY_NEGATIVE] = "the run has a negative result",
    [VERIFY_TROUBLE] = "the scenario cannot be verified",
};

void text_shell(struct text *t, const char *s)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "/._-+:,@%";
    if (*s != '\0' && s[strspn(s, plain)] == '\0') {
        text_put(t, s);
        return;
    }
    text_char(t, '\'');
    for (; *s != '\0'; s++) {
        if (*s == '\'')
            text_put(t, "'\\''");
        else
            text_char(t, *s);
    }
    text_char(t, '\'');
}

/* The command that makes the case pass; nothing when the scenario must change. */
static void put_remedy(struct text *t, const struct verify_case *c)
{
    if (c->verdict == VERIFY_ORPHAN) {
        text_put(t, "rm ");
        text_shell(t, c->trace);
    } else if (c->verdict == VERIFY_DIFFERENT || c->verdict == VERIFY_MISSING ||
               c->verdict == VERIFY_BROKEN) {
        text_put(t, "mdlsim verify --update ");
        text_shell(t, c->scenario);
    }
}

static void put_remedy_line(struct text *t, const struct verify_case *c)
{
    size_t start = t->length;
    text_put(t, c->verdict == VERIFY_ORPHAN ? "to remove it: " : "to accept: ");
    size_t before = t->length;
    put_remedy(t, c);
    if (t->length == before)
        t->length = start;
    else
        text_char(t, '\n');
}

/* Every line of `lines` with `mark` before it. */
static void put_marked(struct text *t, const char *mark, const char *lines)
{
    while (*lines != '\0') {
        size_t length = strcspn(lines, "\n");
        text_put(t, mark);
        text_bytes(t, lines, length);
        text_char(t, '\n');
        lines += length + (lines[length] == '\n');
    }
}

static void put_tap(struct text *t, const struct verify_case *c, size_t number)
{
    bool failed = !verify_passed(c) && c->verdict != VERIFY_LEFT_OUT;
    /* '#' would start a directive. */
    text_format(t, "%s %u - ", failed ? "not ok" : "ok", (uint64_t)number);
    for (const char *s = c->name; *s != '\0'; s++) text_char(t, *s == '#' ? '_' : *s);
    if (c->verdict == VERIFY_LEFT_OUT) text_put(t, " # SKIP left out");
    text_char(t, '\n');
    if (!failed) return;
    text_format(t, "# %s\n", verdict_texts[c->verdict]);
    struct text lines;
    text_init(&lines, &host_allocator);
    text_put(&lines, text_string(&c->report));
    put_remedy_line(&lines, c);
    put_marked(t, "# ", text_string(&lines));
    text_free(&lines);
}

static void put_human(struct text *t, const struct verify_case *c)
{
    if (c->verdict == VERIFY_UPDATED) text_format(t, "updated %s\n", c->trace);
    if (verify_passed(c) || c->verdict == VERIFY_LEFT_OUT) return;
    text_format(t, "FAIL %s: %s\n", c->scenario != NULL ? c->scenario : c->trace,
                verdict_texts[c->verdict]);
    text_put(t, text_string(&c->report));
    put_remedy_line(t, c);
}

/* Data of a workflow command: '%' and line ends are escaped, in properties ':' and ',' too. */
static void put_escaped(struct text *t, const char *s, bool property)
{
    for (; *s != '\0'; s++) {
        bool special =
            *s == '%' || *s == '\r' || *s == '\n' || (property && (*s == ':' || *s == ','));
        static const char digits[] = "0123456789ABCDEF";
        if (!special)
            text_char(t, *s);
        else
            text_format(t, "%%%c%c", (int)digits[(unsigned char)*s >> 4], (int)digits[*s & 0xF]);
    }
}

static void put_github(struct text *t, struct verify_tally *tally, const struct verify_case *c)
{
    if (verify_passed(c) || c->verdict == VERIFY_LEFT_OUT) return;
    if (tally->annotations++ >= ANNOTATIONS_MAX) return;
    text_put(t, "::error file=");
    put_escaped(t, c->scenario != NULL ? c->scenario : c->trace, true);
    if (c->line != 0) text_format(t, ",line=%u", c->line);
    text_put(t, ",title=mdlsim verify::");
    struct text message;
    text_init(&message, &host_allocator);
    text_format(&message, "%s\n%s", verdict_texts[c->verdict], text_string(&c->report));
    put_remedy_line(&message, c);
    put_escaped(t, text_string(&message), false);
    text_free(&message);
    text_char(t, '\n');
}

static void put_member(struct text *t, const char *key, const char *value)
{
    if (value == NULL) return;
    text_format(t, ", \"%s\": \"", key);
    text_json(t, value, strlen(value));
    text_char(t, '"');
}

static void put_json(struct text *t, const struct verify_case *c, size_t number)
{
    text_put(t, number == 1 ? "\n{\"name\": \"" : ",\n{\"name\": \"");
    text_json(t, c->name, strlen(c->name));
    text_format(t, "\", \"result\": \"%s\", \"status\": %u", verdict_keys[c->verdict],
                (uint64_t)c->status);
    put_member(t, "scenario", c->scenario);
    put_member(t, "trace", c->trace);
    if (!verify_passed(c) && c->verdict != VERIFY_LEFT_OUT) {
        struct text remedy;
        text_init(&remedy, &host_allocator);
        put_remedy(&remedy, c);
        if (remedy.length > 0) put_member(t, "remedy", text_string(&remedy));
        put_member(t, "report", text_string(&c->report));
        text_free(&remedy);
    }
    if (c->diff.length > 0) text_format(t, ", \"diff\": %s", text_string(&c->diff));
    if (c->diff.length > 0 && t->bytes[t->length - 1] == '\n') t->length--;
    text_char(t, '}');
}

static void print(const struct verify_plan *plan, const struct text *t)
{
    struct text colored;
    if (!plan->color) {
        host_print(t);
        return;
    }
    text_init(&colored, &host_allocator);
    color_lines(&colored, text_string(t), t->length);
    host_print(&colored);
    text_free(&colored);
}

void verify_print_begin(const struct verify_plan *plan)
{
    struct text t;
    text_init(&t, &host_allocator);
    if (plan->format == VERIFY_TAP) text_format(&t, "1..%u\n", (uint64_t)plan->count);
    if (plan->format == VERIFY_JSON) text_put(&t, "{\"cases\": [");
    host_print(&t);
    text_free(&t);
}

static void count(struct verify_tally *tally, const struct verify_case *c)
{
    tally->passed += verify_passed(c);
    tally->updated += c->verdict == VERIFY_UPDATED;
    tally->left_out += c->verdict == VERIFY_LEFT_OUT;
    tally->failed += !verify_passed(c) && c->verdict != VERIFY_LEFT_OUT;
    bool worse =
        c->status > STATUS_NEGATIVE ? tally->status <= STATUS_NEGATIVE : c->status > tally->status;
    if (worse) tally->status = c->status;
    for (size_t i = 0; i < c->rows.count; i++) diff_rows_add(&tally->rows, &c->rows.list[i]);
}

void verify_print_case(const struct verify_plan *plan, struct verify_tally *tally, size_t number,
                       const struct verify_case *c)
{
    struct text t;
    text_init(&t, &host_allocator);
    count(tally, c);
    if (plan->format == VERIFY_TAP)
        put_tap(&t, c, number);
    else if (plan->format == VERIFY_JSON)
        put_json(&t, c, number);
    else if (plan->format == VERIFY_GITHUB)
        put_github(&t, tally, c);
    else if (!plan->quiet)
        put_human(&t, c);
    print(plan, &t);
    text_free(&t);
}

static void put_summary(struct text *t, const struct verify_tally *tally)
{
    const struct diff_row **rows = diff_rows_sorted(&tally->rows);
    size_t total = tally->rows.count;
    if (total > 0) text_put(t, "changes of all, equal ones together:\n");
    for (size_t i = 0; i < total && i < SUMMARY_ROWS_MAX; i++) {
        text_format(t, "  %u x ", rows[i]->count);
        text_subject(t, rows[i]);
        text_put(t, ": ");
        text_change(t, rows[i]);
        text_char(t, '\n');
    }
    if (total > SUMMARY_ROWS_MAX)
        text_format(t, "  ... %u more\n", (uint64_t)(total - SUMMARY_ROWS_MAX));
    mem_free(&host_allocator, rows, total, sizeof *rows);
}

static void put_counts(struct text *t, const struct verify_tally *tally)
{
    if (tally->updated > 0) text_format(t, "%u updated, ", tally->updated);
    if (tally->left_out > 0) text_format(t, "%u left out, ", tally->left_out);
    text_format(t, "%u passed, %u failed\n", tally->passed, tally->failed);
}

static void put_end(struct text *t, const struct verify_plan *plan,
                    const struct verify_tally *tally)
{
    struct text lines;
    text_init(&lines, &host_allocator);
    put_summary(&lines, tally);
    if (plan->format == VERIFY_TAP) {
        put_marked(t, "# ", text_string(&lines));
    } else if (plan->format == VERIFY_JSON) {
        text_format(t, "\n],\n\"passed\": %u, \"failed\": %u, \"updated\": %u, \"left_out\": %u",
                    tally->passed, tally->failed, tally->updated, tally->left_out);
        if (lines.length > 0) put_member(t, "summary", text_string(&lines));
        text_put(t, "}\n");
    } else if (plan->format == VERIFY_GITHUB) {
        if (tally->annotations > ANNOTATIONS_MAX)
            text_format(t, "::error title=mdlsim verify::%u more scenarios failed\n",
                        tally->annotations - ANNOTATIONS_MAX);
        text_put(t, text_string(&lines));
        put_counts(t, tally);
    } else if (!plan->quiet) {
        text_put(t, text_string(&lines));
        put_counts(t, tally);
    }
    text_free(&lines);
}

void verify_print_end(const struct verify_plan *plan, const struct verify_tally *tally)
{
    struct text t;
    text_init(&t, &host_allocator);
    put_end(&t, plan, tally);
    print(plan, &t);
    text_free(&t);
}
