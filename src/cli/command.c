/* Reads the words of a command line by the command's table of options. */
#define _POSIX_C_SOURCE 200809L

#include "cli/command.h"

#include "cli/host.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 40, LONG_BASE = 256 };

int usage_error(const struct command *c, const char *format, ...)
{
    struct text t;
    va_list arguments;
    text_init(&t, &host_allocator);
    if (c != NULL)
        text_format(&t, "mdlsim %s: ", c->name);
    else
        text_put(&t, "mdlsim: ");
    va_start(arguments, format);
    text_format_list(&t, format, arguments);
    va_end(arguments);
    if (c != NULL)
        text_format(&t, "\nTry 'mdlsim %s --help'.\n", c->name);
    else
        text_put(&t, "\nTry 'mdlsim --help'.\n");
    host_message(&t);
    text_free(&t);
    return STATUS_USAGE;
}

static void help_option(struct text *out, const struct option_row *row)
{
    size_t start = out->length;
    if (row->letter != 0)
        text_format(out, "  -%c, --%s", (int)row->letter, row->name);
    else
        text_format(out, "      --%s", row->name);
    if (row->argument != NULL) text_format(out, "=%s", row->argument);
    size_t width = out->length - start;
    if (width > 30) text_char(out, '\n');
    for (size_t i = width > 30 ? 0 : width; i < 32; i++) text_char(out, ' ');
    text_put(out, row->doc);
    for (size_t i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
        text_format(out, "%s%s", i == 0 ? " One of: " : ", ", row->choices[i]);
    text_char(out, '\n');
}

void command_help(const struct command *c, struct text *out)
{
    text_format(out, "Usage: mdlsim %s %s\n\n%s\n\n%s", c->name, c->synopsis, c->summary,
                c->description);
    text_put(out, "\nOptions:\n");
    for (const struct option_row *row = c->options; row->name != NULL; row++) help_option(out, row);
    text_put(out, "  -h, --help                    Print this help.\n");
    if (c->examples != NULL) text_format(out, "\nExamples:\n%s", c->examples);
}

static bool accepted(const struct option_row *row, const char *word)
{
    if (row->choices == NULL) return true;
    for (size_t i = 0; row->choices[i] != NULL; i++)
        if (strcmp(row->choices[i], word) == 0) return true;
    return false;
}

/* Decimal, or hexadecimal after 0x, as everywhere in scenarios. */
static bool read_number(const char *word, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t base = 10;
    if (word[0] == '0' && (word[1] == 'x' || word[1] == 'X')) {
        base = 16;
        word += 2;
    }
    *out = 0;
    if (*word == '\0') return false;
    for (; *word != '\0'; word++) {
        char c = *word >= 'A' && *word <= 'F' ? (char)(*word - 'A' + 'a') : *word;
        const char *digit = memchr(digits, c, base);
        if (digit == NULL) return false;
        if (!mul_fits(*out, base, out) || !add_fits(*out, (uint64_t)(digit - digits), out))
            return false;
    }
    return true;
}

static int refuse_choice(const struct command *c, const struct option_row *row, const char *word)
{
    if (is_later(c->name, word))
        return usage_error(c, "--%s: '%s' is not there yet", row->name, word);
    size_t count = 0;
    while (row->choices[count] != NULL) count++;
    const char *near = string_nearest(word, row->choices, count);
    return usage_error(c, "--%s: '%s' is not one of its values%s%s%s", row->name, word,
                       near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                       near != NULL ? "'?" : "");
}

static int store(const struct command *c, const struct option_row *row, char *options, char *word)
{
    void *member = options + row->offset;
    if (word != NULL && !accepted(row, word)) return refuse_choice(c, row, word);
    if (word != NULL && *word == '\0' && row->kind == OPTION_TEXT)
        return usage_error(c, "--%s: an empty %s", row->name, row->argument);
    if (row->kind == OPTION_FLAG) {
        *(bool *)member = true;
    } else if (row->kind == OPTION_TEXT) {
        *(const char **)member = word;
    } else if (row->kind == OPTION_LIST) {
        struct text_list *list = member;
        list->items = mem_grow(&host_allocator, list->items, &list->capacity, list->count + 1,
                               sizeof *list->items);
        list->items[list->count++] = word;
    } else {
        struct option_number *number = member;
        number->given = true;
        if (!read_number(word, &number->value))
            return usage_error(c, "--%s: '%s' is no number", row->name, word);
    }
    return STATUS_OK;
}

struct parse {
    struct option list[OPTIONS_MAX + 2];
    char letters[2 * OPTIONS_MAX + 4];
    size_t count;
};

static void make_tables(const struct command *c, struct parse *p)
{
    size_t letters = 0;
    p->letters[letters++] = ':';
    p->letters[letters++] = 'h';
    for (const struct option_row *row = c->options; row->name != NULL; row++) {
        int has = row->kind == OPTION_FLAG ? no_argument : required_argument;
        p->list[p->count] = (struct option){ row->name, has, NULL, LONG_BASE + (int)p->count };
        p->count++;
        if (row->letter == 0) continue;
        p->letters[letters++] = row->letter;
        if (has == required_argument) p->letters[letters++] = ':';
    }
    p->list[p->count] = (struct option){ "help", no_argument, NULL, 'h' };
}

static const struct option_row *row_of(const struct command *c, int code)
{
    if (code >= LONG_BASE) return &c->options[code - LONG_BASE];
    for (const struct option_row *row = c->options; row->name != NULL; row++)
        if (row->letter == code) return row;
    return NULL;
}

static int bad_option(const struct command *c, int code, char **argv)
{
    const char *word = argv[optind - 1];
    if (code == ':') return usage_error(c, "option '%s' needs a value", word);
    if (strncmp(word, "--", 2) != 0)
        return usage_error(c, "unknown option '-%c'", optopt != 0 ? optopt : '?');
    const char *names[OPTIONS_MAX + 1];
    size_t count = 0;
    for (const struct option_row *row = c->options; row->name != NULL; row++)
        names[count++] = row->name;
    struct text name;
    text_init(&name, &host_allocator);
    text_bytes(&name, word + 2, strcspn(word + 2, "="));
    const char *near = string_nearest(text_string(&name), names, count);
    int status = is_later(c->name, text_string(&name))
                     ? usage_error(c, "the option '--%s' is not there yet", text_string(&name))
                 : near != NULL && strcmp(near, text_string(&name)) == 0
                     ? usage_error(c, "the option '--%s' takes no value", near)
                 : near != NULL ? usage_error(c, "unknown option '--%s'; did you mean '--%s'?",
                                            text_string(&name), near)
                              : usage_error(c, "unknown option '--%s'", text_string(&name));
    text_free(&name);
    return status;
}

static int print_help(const struct command *c)
{
    struct text t;
    text_init(&t, &host_allocator);
    command_help(c, &t);
    host_print(&t);
    text_free(&t);
    return STATUS_OK;
}

int command_main(const struct command *c, int argc, char **argv)
{
    struct parse p = { 0 };
    char *options = mem_new(&host_allocator, 1, c->options_bytes);
    int code, status = STATUS_OK;
    make_tables(c, &p);
    opterr = 0;
    optind = 1;
    while (status == STATUS_OK && (code = getopt_long(argc, argv, p.letters, p.list, NULL)) != -1) {
        if (code == 'h') {
            mem_free(&host_allocator, options, 1, c->options_bytes);
            return print_help(c);
        }
        const struct option_row *row = code == '?' || code == ':' ? NULL : row_of(c, code);
        status = row == NULL ? bad_option(c, code, argv) : store(c, row, options, optarg);
    }
    size_t operands = (size_t)(argc - optind);
    if (status == STATUS_OK && operands < c->operands_min)
        status = usage_error(c, "an operand is missing: mdlsim %s %s", c->name, c->synopsis);
    if (status == STATUS_OK && operands > c->operands_max)
        status = usage_error(c, "too many operands: '%s'", argv[optind + (int)c->operands_max]);
    if (status == STATUS_OK) status = c->run(options, argv + optind, operands);
    for (const struct option_row *row = c->options; row->name != NULL; row++) {
        struct text_list *list = (struct text_list *)(void *)(options + row->offset);
        if (row->kind == OPTION_LIST)
            mem_free(&host_allocator, list->items, list->capacity, sizeof *list->items);
    }
    mem_free(&host_allocator, options, 1, c->options_bytes);
    return status;
}
