/* mdlsim manual: the reference pages, and those of commands, rules and constants. */
#include "cli/manual.h"

#include "cli/command.h"
#include "cli/host.h"
#include "nt/kernel.h"
#include "trace/explain.h"

#include <string.h>

const struct manual_page manual_pages[] = {
    { "commands", "Commands, options and exit statuses.", manual_commands },
    { "scenario", "Keys of a scenario, actions, and limits on the input.", manual_scenario },
    { "routines", "Routines: parameters, results, failures.", manual_routines },
    { "rules", "Rules that the verifier knows.", manual_rules },
    { "costs", "What takes time, and the prices of each processor with their sources.",
      manual_costs },
    { "statistics", "Paths of the statistics.", manual_statistics },
    { "constants", "Named constants.", manual_constants },
    { NULL, NULL, NULL },
};

void manual_cell(struct text *t, const char *s)
{
    bool code = false;
    for (; s != NULL && *s != '\0'; s++) {
        if (*s == '`') code = !code;
        if (*s == '|' || (!code && strchr("<>*_\\", *s) != NULL)) text_char(t, '\\');
        text_char(t, *s == '\n' ? ' ' : *s);
    }
}

/* ---- commands ---- */

static const struct {
    uint64_t status;
    const char *meaning;
} statuses[] = {
    { STATUS_OK, "All well; for diff and verify: the same." },
    { STATUS_NEGATIVE,
      "A negative result: an expectation or check failed, an exception, violation or "
      "bug check that nobody expected, a leak under --strict; a difference." },
    { STATUS_USAGE, "Wrong usage." },
    { STATUS_DATA, "A scenario or a trace is invalid." },
    { STATUS_NO_INPUT, "An input is missing or cannot be read." },
    { STATUS_SOFTWARE, "An error in mdlsim itself." },
    { STATUS_OS, "Out of memory, or another failure of the host." },
    { STATUS_CANNOT_CREATE, "An output cannot be created." },
    { STATUS_IO, "Writing, syncing or renaming an output failed." },
    { STATUS_TEMPORARY, "It may go well when tried again." },
};

static void command_options(struct text *out, const struct command *c)
{
    text_put(out, "| option | meaning |\n| --- | --- |\n");
    for (const struct option_row *row = c->options; row->name != NULL; row++) {
        text_put(out, "| `");
        if (row->letter != 0) text_format(out, "-%c`, `", (int)row->letter);
        text_format(out, "--%s", row->name);
        if (row->argument != NULL) text_format(out, "=%s", row->argument);
        text_put(out, "` | ");
        manual_cell(out, row->doc);
        for (size_t i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
            text_format(out, "%s`%s`", i == 0 ? " One of: " : ", ", row->choices[i]);
        text_put(out, " |\n");
    }
    text_put(out, "| `-h`, `--help` | Print help. |\n");
}

void manual_commands(struct text *out)
{
    text_put(out, "# Commands\n\nEvery option may stand before or after the operands; `--` ends "
                  "the options, and `-` is standard\ninput where a file is read.\n");
    for (const struct command *const *c = commands; *c != NULL; c++) {
        text_format(out, "\n## mdlsim %s\n\n%s\n\n```\nmdlsim %s %s\n```\n\n", (*c)->name,
                    (*c)->summary, (*c)->name, (*c)->synopsis);
        if ((*c)->description != NULL) text_format(out, "```text\n%s```\n\n", (*c)->description);
        command_options(out, *c);
        if ((*c)->examples != NULL) text_format(out, "\nExamples:\n\n```\n%s```\n", (*c)->examples);
    }
    text_put(out, "\n## Exit status\n\n| status | meaning |\n| --- | --- |\n");
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        text_format(out, "| %u | ", statuses[i].status);
        manual_cell(out, statuses[i].meaning);
        text_put(out, " |\n");
    }
    text_put(out, "| a signal | Interrupted: it dies of the signal, and leaves no half file. |\n");
}

/* ---- rules ---- */

void manual_rules(struct text *out)
{
    text_put(
        out,
        "# Rules\n\nWhat the verifier reports. The level is the one without settings: an error "
        "makes the result\nnegative, advice is only listed. Where there is a bug check, Driver "
        "Verifier stops by it\n(`verifier.mode: bugcheck`).\n");
    for (const struct rule *r = rules; r->id != NULL; r++) {
        text_format(out, "\n## %s\n\n%s %s\n\n- level: %s\n", r->id, r->what, r->instead,
                    explain_level(r->level));
        if (r->code != 0)
            text_format(out, "- bug check: %x, parameter 1 %x\n", (uint64_t)r->code, r->p1);
        text_put(out, "- source: ");
        manual_cell(out, r->page);
        text_char(out, '\n');
    }
}

/* ---- constants ---- */

void manual_constants(struct text *out)
{
    text_put(out, "# Constants\n\nNames for arguments and expressions.\n");
    for (const struct names *const *n = all_names; *n != NULL; n++) {
        text_format(out, "\n## %s\n\n", (*n)->title);
        if ((*n)->flags) text_put(out, "Joined with `|`.\n\n");
        text_put(out, "| name | value | meaning |\n| --- | --- | --- |\n");
        for (const struct name *row = (*n)->list; row->name != NULL; row++) {
            text_format(out, "| `%s` | %x | ", row->name, row->value);
            manual_cell(out, row->doc);
            text_put(out, " |\n");
        }
    }
}

/* ---- the command ---- */

struct manual_options {
    bool quiet;
};

static const struct option_row manual_rows[] = {
    { "quiet", 'q', OPTION_FLAG, offsetof(struct manual_options, quiet), NULL,
      "Print the names of the pages alone.", NULL },
    { 0 },
};

extern const struct command command_manual;

static int no_page(const char *word)
{
    const char *names[COUNT_OF(manual_pages)];
    size_t count = 0;
    for (const struct manual_page *p = manual_pages; p->name != NULL; p++) names[count++] = p->name;
    const char *near = string_nearest(word, names, count);
    if (near == NULL) return usage_error(&command_manual, "there is no page '%s'", word);
    return usage_error(&command_manual, "there is no page '%s'; did you mean '%s'?", word, near);
}

static void put_contents(struct text *t, bool names_only)
{
    for (const struct manual_page *p = manual_pages; p->name != NULL; p++) {
        text_put(t, p->name);
        for (size_t i = strlen(p->name); !names_only && i < 12; i++) text_char(t, ' ');
        text_format(t, "%s\n", names_only ? "" : p->summary);
    }
}

static int manual_command(const void *options, char **operands, size_t operand_count)
{
    const struct manual_options *o = options;
    struct text t;
    text_init(&t, &host_allocator);
    const struct manual_page *page = manual_pages;
    while (operand_count > 0 && page->name != NULL && strcmp(page->name, operands[0]) != 0) page++;
    int status = STATUS_OK;
    if (operand_count == 0)
        put_contents(&t, o->quiet);
    else if (page->name == NULL)
        status = no_page(operands[0]);
    else
        page->print(&t);
    host_print(&t);
    text_free(&t);
    return status;
}

const struct command command_manual = {
    .name = "manual",
    .summary = "Print a page of the reference, in Markdown.",
    .synopsis = "[PAGE]",
    .description = "Without a page it lists them.\n",
    .examples = "  mdlsim manual\n  mdlsim manual routines | less\n",
    .options = manual_rows,
    .options_bytes = sizeof(struct manual_options),
    .operands_min = 0,
    .operands_max = 1,
    .run = manual_command,
};
