/* mdlsim diff: compares two traces. */
#include "cli/color.h"
#include "cli/command.h"
#include "cli/host.h"
#include "trace/diff.h"

#include <string.h>

enum { STANDARD_OUTPUT = 1 };

struct diff_words {
    struct text_list tolerances, ignores, onlys;
    const char *format, *color;
    bool strict, json, quiet;
};

static const char *const format_choices[] = {
    "human", "brief", "json", "markdown", "github", NULL
};

static const struct option_row diff_rows[] = {
    { "tolerance", 't', OPTION_LIST, offsetof(struct diff_words, tolerances), "PATH=AMOUNT",
      "Differences up to AMOUNT (100, or 5%) are none; the last that matches counts.", NULL },
    { "ignore", 'i', OPTION_LIST, offsetof(struct diff_words, ignores), "PATH",
      "Do not compare this path and what lies below it.", NULL },
    { "only", 'o', OPTION_LIST, offsetof(struct diff_words, onlys), "PATH", "Compare nothing else.",
      NULL },
    { "strict", 0, OPTION_FLAG, offsetof(struct diff_words, strict), NULL,
      "A key that one side lacks is a difference, not a notice.", NULL },
    REPORT_FORMAT_ROW(struct diff_words, format_choices),
    REPORT_JSON_ROW(struct diff_words),
    REPORT_COLOR_ROW(struct diff_words),
    { "quiet", 'q', OPTION_FLAG, offsetof(struct diff_words, quiet), NULL,
      "Print no report; the exit status tells.", NULL },
    { 0 },
};

extern const struct command command_diff;

/* Fills o->tolerances, which the caller frees (words->tolerances.count of them). */
static int read_options(const struct diff_words *words, struct diff_options *o)
{
    size_t count = words->tolerances.count;
    struct diff_tolerance *tolerances = mem_new(&host_allocator, count, sizeof *tolerances);
    *o = (struct diff_options){ .tolerances = tolerances,
                                .tolerance_count = count,
                                .ignores = words->ignores.items,
                                .ignore_count = words->ignores.count,
                                .onlys = words->onlys.items,
                                .only_count = words->onlys.count,
                                .strict = words->strict };
    for (size_t i = 0; words->format != NULL && format_choices[i] != NULL; i++)
        if (strcmp(words->format, format_choices[i]) == 0) o->format = (enum diff_format)i;
    if (words->json) o->format = DIFF_JSON;
    for (size_t i = 0; i < count; i++) {
        if (diff_tolerance_parse(words->tolerances.items[i], &tolerances[i])) continue;
        return usage_error(&command_diff, "--tolerance: '%s' is neither PATH=NUMBER nor PATH=N%%",
                           words->tolerances.items[i]);
    }
    return STATUS_OK;
}

static bool print_report(const struct text *report, const struct diff_words *words,
                         enum diff_format format)
{
    if (format != DIFF_HUMAN || !host_color(STANDARD_OUTPUT, words->color))
        return host_print(report);
    struct text colored;
    text_init(&colored, &host_allocator);
    color_lines(&colored, text_string(report), report->length);
    bool written = host_print(&colored);
    text_free(&colored);
    return written;
}

static int compare(const struct diff_words *words, const struct diff_options *o, char **names)
{
    struct text report, error;
    text_init(&report, &host_allocator);
    text_init(&error, &host_allocator);
    int status = diff_traces(names[0], names[1], o, &host_allocator, &report, &error);
    if (status > STATUS_NEGATIVE)
        host_say("mdlsim diff: error: %s", text_string(&error));
    else if (!words->quiet && !print_report(&report, words, o->format))
        status = STATUS_IO;
    text_free(&report);
    text_free(&error);
    return status;
}

static int diff_command(const void *options, char **operands, size_t operand_count)
{
    const struct diff_words *words = options;
    struct diff_options o;
    UNUSED(operand_count);
    if (strcmp(operands[0], "-") == 0 && strcmp(operands[1], "-") == 0)
        return usage_error(&command_diff, "standard input can be only one of the two traces");
    int status = read_options(words, &o);
    if (status == STATUS_OK) status = compare(words, &o, operands);
    mem_free(&host_allocator, (void *)(uintptr_t)o.tolerances, o.tolerance_count,
             sizeof *o.tolerances);
    return status;
}

const struct command command_diff = {
    .name = "diff",
    .summary = "Compare two traces.",
    .synopsis = "A B [--tolerance PATH=AMOUNT]... [--ignore PATH]... [--only PATH]... [--format "
                "FORMAT]",
    .description =
        "Events are matched by an alignment, so that one more call does not make all that follow\n"
        "differ, then compared field by field; everything behind them is compared by path.\n"
        "Paths: events.cycles, events.args.Length, violations.what, "
        "stats.latency.MmUnlockPages.p50;\n"
        "a path stands for all that lies below it; * stands for any characters but a dot, ** for "
        "any.\n"
        "Differences of the head are notices. Reads JSON and JSON Lines, compressed with zstd or\n"
        "not; '-' is standard input.\n"
        "Exit status: 0 the same, 1 different, 65 no trace, 66 not readable.\n",
    .examples =
        "  mdlsim diff before.json after.json\n"
        "  mdlsim diff a.json b.json --tolerance 'stats.latency.*.p99=5%' --ignore stats.tlb\n"
        "  mdlsim run a.yaml -o - | mdlsim diff a.trace.json - --format brief\n",
    .options = diff_rows,
    .options_bytes = sizeof(struct diff_words),
    .operands_min = 2,
    .operands_max = 2,
    .run = diff_command,
};
