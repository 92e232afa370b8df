/* mdlsim explain: a routine, a rule, a cost, or one event of a trace. */
#define _POSIX_C_SOURCE 200809L

#include "cli/command.h"
#include "cli/host.h"
#include "trace/explain.h"

#include <string.h>
#include <unistd.h>

struct explain_options {
    struct option_number event;
    bool json, quiet;
};

static const struct option_row explain_rows[] = {
    { "event", 'e', OPTION_U64, offsetof(struct explain_options, event), "N",
      "Explain the event with this seq of a trace.", NULL },
    { "json", 0, OPTION_FLAG, offsetof(struct explain_options, json), NULL, "Print JSON.", NULL },
    { "quiet", 'q', OPTION_FLAG, offsetof(struct explain_options, quiet), NULL,
      "Print nothing; the exit status tells whether there is such a thing.", NULL },
    { 0 },
};

extern const struct command command_explain;

static int explain(const struct explain_options *o, const char *operand, struct text *out)
{
    if (o->event.given) {
        if (operand == NULL) return usage_error(&command_explain, "--event needs a trace");
        struct trace_source source = { .name = operand };
        int status = explain_event(&source, o->event.value, o->json, out);
        if (status != STATUS_OK) host_say("mdlsim explain: error: %s", text_string(out));
        return status;
    }
    if (operand == NULL)
        explain_overview(o->json, out);
    else if (!explain_name(operand, o->json, out))
        return usage_error(&command_explain, "%s%s", text_string(out),
                           access(operand, F_OK) == 0 ? "; for a trace there is --event N" : "");
    return STATUS_OK;
}

static int explain_command(const void *options, char **operands, size_t operand_count)
{
    const struct explain_options *o = options;
    struct text out;
    text_init(&out, &host_allocator);
    int status = explain(o, operand_count > 0 ? operands[0] : NULL, &out);
    if (status == STATUS_OK && !o->quiet) host_print(&out);
    text_free(&out);
    return status;
}

const struct command command_explain = {
    .name = "explain",
    .summary = "Explain a routine, a rule, a cost, or an event of a trace.",
    .synopsis = "[ROUTINE|RULE|COST] | TRACE --event N",
    .description = "A routine: its parameters, failures, rules, sources and what the model leaves "
                   "out. A cost: its\nprice on each processor, and where the price comes from. An "
                   "event: where its cycles went.\n",
    .examples = "  mdlsim explain MmProbeAndLockPages\n  mdlsim explain tlb_miss\n"
                "  mdlsim explain direct-io-read.trace.json --event 12\n",
    .options = explain_rows,
    .options_bytes = sizeof(struct explain_options),
    .operands_min = 0,
    .operands_max = 1,
    .run = explain_command,
};
