/* mdlsim version: what this program is, and the formats it reads and writes. */
#include "cli/command.h"
#include "cli/host.h"
#include "cli/version.h"

enum { FORMAT_VERSION = 1 };

struct version_options {
    bool json, quiet;
};

static const struct option_row version_rows[] = {
    { "json", 0, OPTION_FLAG, offsetof(struct version_options, json), NULL, "Print a JSON object.",
      NULL },
    { "quiet", 'q', OPTION_FLAG, offsetof(struct version_options, quiet), NULL,
      "Print the number alone.", NULL },
    { 0 },
};

static int version_run(const void *options, char **operands, size_t operand_count)
{
    const struct version_options *o = options;
    UNUSED(operands);
    UNUSED(operand_count);
    struct text t;
    text_init(&t, &host_allocator);
    if (o->json)
        text_format(&t, "{\"mdlsim\": \"%s\", \"trace_format\": %u, \"scenario_format\": %u}\n",
                    MDLSIM_VERSION, (uint64_t)FORMAT_VERSION, (uint64_t)FORMAT_VERSION);
    else if (o->quiet)
        text_format(&t, "%s\n", MDLSIM_VERSION);
    else
        text_format(&t, "mdlsim %s (scenario format %u, trace format %u)\n", MDLSIM_VERSION,
                    (uint64_t)FORMAT_VERSION, (uint64_t)FORMAT_VERSION);
    bool written = host_print(&t);
    text_free(&t);
    return written ? STATUS_OK : STATUS_IO;
}

extern const struct command command_version;
const struct command command_version = {
    .name = "version",
    .summary = "Print the version.",
    .synopsis = "[--json]",
    .description = "The same scenario, the same files and the same version give the same trace.\n",
    .examples = "  mdlsim version\n  mdlsim version --json\n",
    .options = version_rows,
    .options_bytes = sizeof(struct version_options),
    .operands_max = 0,
    .run = version_run,
};
