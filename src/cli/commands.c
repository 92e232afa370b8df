/* The commands, in the order of the help. */
#include "cli/command.h"

#include <string.h>

extern const struct command command_run, command_check, command_diff, command_verify,
    command_explain, command_import, command_list, command_schema, command_manual, command_version;

const struct command *const commands[] = {
    &command_run,    &command_check, &command_diff,   &command_verify, &command_explain,
    &command_import, &command_list,  &command_schema, &command_manual, &command_version,
    NULL,
};

/* What the command line is to have and has not yet: a message says so, and guesses at no other. */
static const struct {
    const char *command, *word;
} later[] = {
    { NULL, "init" },         { NULL, "report" },   { NULL, "sweep" },
    { "run", "findings" },    { "run", "perfetto" }, { "run", "findings-format" },
};

bool is_later(const char *command, const char *word)
{
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        const char *of = later[i].command;
        bool same = of == NULL || command == NULL ? of == command : strcmp(of, command) == 0;
        if (same && strcmp(later[i].word, word) == 0) return true;
    }
    return false;
}
