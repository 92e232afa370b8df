/* mdlsim schema: the JSON Schemas of scenarios and traces. */
#include "cli/command.h"
#include "cli/host.h"
#include "trace/schema.h"

#include <string.h>

extern const struct command command_schema;

static const struct option_row schema_rows[] = {
    { 0 },
};

static int schema_command(const void *options, char **operands, size_t operand_count)
{
    static const char *const names[] = { "scenario", "trace" };
    UNUSED(options);
    UNUSED(operand_count);
    bool scenario = strcmp(operands[0], names[0]) == 0;
    if (!scenario && strcmp(operands[0], names[1]) != 0) {
        const char *near = string_nearest(operands[0], names, COUNT_OF(names));
        return usage_error(&command_schema, "'%s' has no schema; %s%s%s", operands[0],
                           near != NULL ? "did you mean '" : "there are scenario and trace",
                           near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    struct text t;
    text_init(&t, &host_allocator);
    schema_print(scenario ? SCHEMA_SCENARIO : SCHEMA_TRACE, &t);
    host_print(&t);
    text_free(&t);
    return STATUS_OK;
}

const struct command command_schema = {
    .name = "schema",
    .summary = "Print the JSON Schema of a format.",
    .synopsis = "scenario|trace",
    .description =
        "For editors and validators (JSON Schema, draft-07). An editor with a YAML language\n"
        "server takes it from a first line such as\n"
        "  # yaml-language-server: $schema=scenario.schema.json\n",
    .examples = "  mdlsim schema scenario > scenario.schema.json\n"
                "  mdlsim schema trace | python3 -m json.tool\n",
    .options = schema_rows,
    .options_bytes = sizeof(char),
    .operands_min = 1,
    .operands_max = 1,
    .run = schema_command,
};
