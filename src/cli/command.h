/* Commands and their options as tables: parsing, --help, the man page and completions come from
 * them. */
#pragma once

#include "base/text.h"

enum {
    STATUS_OK = 0,
    STATUS_NEGATIVE = 1,
    STATUS_USAGE = 64,
    STATUS_DATA = 65,
    STATUS_NO_INPUT = 66,
    STATUS_SOFTWARE = 70,
    STATUS_OS = 71,
    STATUS_CANNOT_CREATE = 73,
    STATUS_IO = 74,
    STATUS_TEMPORARY = 75,
};

enum option_kind {
    OPTION_FLAG, /* bool */
    OPTION_TEXT, /* const char *: the last one given */
    OPTION_LIST, /* struct text_list: every one given */
    OPTION_U64,  /* struct option_number */
};

struct text_list {
    const char **items;
    size_t count, capacity;
};
struct option_number {
    uint64_t value;
    bool given;
};

struct option_row {
    const char *name; /* "output", without dashes */
    char letter;      /* 'o', 0 = none */
    enum option_kind kind;
    size_t offset;        /* of the member in the command's options struct */
    const char *argument; /* "FILE" in help; NULL for flags */
    const char *doc;
    const char *const *choices; /* accepted words, NULL-terminated; NULL = any */
};

/* Rows of options that several commands have. Their member has the option's name. */
#define SET_ROW(s)                                                                                 \
    { "set", 0, OPTION_LIST, offsetof(s, set), "PATH=VALUE",                                       \
      "Override a value of the scenario; may be repeated.", NULL }
#define LIMIT_ROW(s)                                                                               \
    { "limit", 0, OPTION_LIST, offsetof(s, limit), "NAME=VALUE",                                   \
      "Raise a limit on the input (mdlsim list limits).", NULL }
#define REPORT_FORMAT_ROW(s, words)                                                                \
    { "format", 'f', OPTION_TEXT, offsetof(s, format), "FORMAT", "How to report.", words }
#define REPORT_JSON_ROW(s)                                                                         \
    { "json", 0, OPTION_FLAG, offsetof(s, json), NULL, "The same as --format=json.", NULL }
#define REPORT_COLOR_ROW(s)                                                                        \
    { "color", 0, OPTION_TEXT, offsetof(s, color), "WHEN", "Colours in the report for people.",    \
      color_choices }

struct command {
    const char *name, *summary, *synopsis; /* "SCENARIO... [-o FILE]" */
    const char *description;
    const char *examples;             /* lines "  mdlsim run a.yaml" */
    const struct option_row *options; /* ends with a NULL name; --help is everyone's */
    size_t options_bytes;
    size_t operands_min, operands_max;
    int (*run)(const void *options, char **operands, size_t operand_count);
};

extern const struct command *const commands[]; /* ends with NULL */

/* Whether a command (`command` NULL), or an option or a word of one, belongs to later work. */
bool is_later(const char *command, const char *word);
/* Parses the words after the command's name and runs it: exit status. */
int command_main(const struct command *c, int argc, char **argv);
void command_help(const struct command *c, struct text *out);
/* Usage error on standard error: "mdlsim run: WHY" and where help is. Returns STATUS_USAGE. */
int usage_error(const struct command *c, const char *format, ...);
