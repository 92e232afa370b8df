/* mdlsim: the table of commands. */
#include "cli/command.h"
#include "cli/host.h"
#include "cli/version.h"

#include <string.h>

static void help_all(struct text *t)
{
    text_put(t, "mdlsim simulates Windows MDLs and the virtual memory beneath them.\n\n"
                "Usage: mdlsim COMMAND [OPTION]... [OPERAND]...\n\nCommands:\n");
    for (const struct command *const *c = commands; *c != NULL; c++) {
        text_format(t, "  %s", (*c)->name);
        for (size_t i = strlen((*c)->name); i < 10; i++) text_char(t, ' ');
        text_format(t, "%s\n", (*c)->summary);
    }
    text_put(t,
             "\n'mdlsim COMMAND --help' tells more. Exit status: 0 all well, 1 a negative result,\n"
             "64 usage, 65 invalid input, 66 no input, 70 internal error, 71 host failure,\n"
             "73 and 74 output, 75 temporary.\n");
}

static int unknown_command(const char *word)
{
    if (is_later(NULL, word)) return usage_error(NULL, "the command '%s' is not there yet", word);
    const char *names[32];
    size_t count = 0;
    for (const struct command *const *c = commands; *c != NULL; c++) names[count++] = (*c)->name;
    const char *near = string_nearest(word, names, count);
    if (near != NULL)
        return usage_error(NULL, "unknown command '%s'; did you mean '%s'?", word, near);
    return usage_error(NULL, "unknown command '%s'", word);
}

static const struct command *command_find(const char *word)
{
    for (const struct command *const *c = commands; *c != NULL; c++)
        if (strcmp((*c)->name, word) == 0) return *c;
    return NULL;
}

/* Help of a command, or of all (`word` NULL). */
static int help(const char *word)
{
    const struct command *c = word != NULL ? command_find(word) : NULL;
    if (word != NULL && c == NULL) return unknown_command(word);
    struct text t;
    text_init(&t, &host_allocator);
    if (c != NULL) command_help(c, &t);
    else help_all(&t);
    host_print(&t);
    text_free(&t);
    return STATUS_OK;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) return usage_error(NULL, "a command is missing");
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) word = "version";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) return help(NULL);
    if (strcmp(word, "help") == 0) return help(argv[2]);
    const struct command *c = command_find(word);
    return c != NULL ? command_main(c, argc - 1, argv + 1) : unknown_command(word);
}

int main(int argc, char **argv)
{
    host_open_streams();
    host_catch_signals();
    int status = dispatch(argc, argv);
    status = host_finish(status);
    host_die_of_signal();
    return status;
}
