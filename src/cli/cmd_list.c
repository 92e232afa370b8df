/* mdlsim list: what there is to call, break, pay and set. */
#include "cli/command.h"
#include "cli/host.h"
#include "scenario/limits.h"
#include "trace/explain.h"

#include <string.h>

struct list_options {
    bool json, quiet;
};

static const struct option_row list_rows[] = {
    { "json", 0, OPTION_FLAG, offsetof(struct list_options, json), NULL,
      "Print a JSON array with all that is known.", NULL },
    { "quiet", 'q', OPTION_FLAG, offsetof(struct list_options, quiet), NULL,
      "Print the names alone.", NULL },
    { 0 },
};

extern const struct command command_list;

static const char *const list_names[] = {
    "routines", "rules", "presets", "costs", "constants", "limits",
};

static void list_limits(bool json, struct text *out)
{
    size_t count = 0;
    while (limit_rows[count].name != NULL) count++;
    struct explain_limit *limits = mem_new(&host_allocator, count, sizeof *limits);
    for (size_t i = 0; i < count; i++) {
        const struct limit_row *row = &limit_rows[i];
        limits[i] = (struct explain_limit){ row->name, row->doc, row->fallback, row->most };
    }
    explain_limits(limits, count, json, out);
    mem_free(&host_allocator, limits, count, sizeof *limits);
}

/* Keeps the first word of the lines that start with a name: "  NAME  text". */
static void keep_names(const char *lines, struct text *out)
{
    while (*lines != '\0') {
        size_t length = strcspn(lines, "\n"), indent = strspn(lines, " ");
        if (indent == 2) {
            text_bytes(out, lines + indent, strcspn(lines + indent, " \n"));
            text_char(out, '\n');
        }
        lines += length + (lines[length] == '\n');
    }
}

static int list_command(const void *options, char **operands, size_t operand_count)
{
    const struct list_options *o = options;
    struct text all, names;
    UNUSED(operand_count);
    text_init(&all, &host_allocator);
    text_init(&names, &host_allocator);
    int status = STATUS_OK;
    if (strcmp(operands[0], "limits") == 0) {
        list_limits(o->json, &all);
    } else if (!explain_list(operands[0], o->json, &all)) {
        const char *near = string_nearest(operands[0], list_names, COUNT_OF(list_names));
        status = near != NULL ? usage_error(&command_list,
                                            "there is no list '%s'; did you mean "
                                            "'%s'?",
                                            operands[0], near)
                              : usage_error(&command_list, "there is no list '%s'", operands[0]);
    }
    if (o->quiet && !o->json) keep_names(text_string(&all), &names);
    host_print(o->quiet && !o->json ? &names : &all);
    text_free(&all);
    text_free(&names);
    return status;
}

const struct command command_list = {
    .name = "list",
    .summary = "List routines, rules, presets, costs, constants or limits.",
    .synopsis = "routines|rules|presets|costs|constants|limits [--json]",
    .description = "'mdlsim explain NAME' tells more of one.\n",
    .examples = "  mdlsim list routines\n  mdlsim list rules --json\n",
    .options = list_rows,
    .options_bytes = sizeof(struct list_options),
    .operands_min = 1,
    .operands_max = 1,
    .run = list_command,
};
