/* The commands, in the order of the help. */
#include "cli/command.h"

extern const struct command command_run, command_check, command_diff, command_verify,
    command_explain, command_import, command_list, command_schema, command_manual, command_version;

const struct command *const commands[] = {
    &command_run,    &command_check, &command_diff,   &command_verify, &command_explain,
    &command_import, &command_list,  &command_schema, &command_manual, &command_version,
    NULL,
};
