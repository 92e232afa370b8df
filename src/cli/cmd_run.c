/* mdlsim run: runs scenarios and writes their traces. */
#define _POSIX_C_SOURCE 200809L

#include "cli/command.h"
#include "cli/host.h"
#include "cli/job.h"
#include "cli/run_one.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const char *const formats[] = { "json", "jsonl", "none", NULL };
static const char *const details[] = { "event", "access", NULL };
static const char *const colors[] = { "auto", "always", "never", NULL };

static const struct option_row run_rows[] = {
    { "output", 'o', OPTION_TEXT, offsetof(struct run_options, output), "FILE",
      "Write the trace there; '-' is standard output; a folder with several scenarios.", NULL },
    { "format", 0, OPTION_TEXT, offsetof(struct run_options, format), "NAME",
      "Format of the trace.", formats },
    { "set", 0, OPTION_LIST, offsetof(struct run_options, set), "PATH=VALUE",
      "Override a value of the scenario; may be repeated.", NULL },
    { "seed", 0, OPTION_U64, offsetof(struct run_options, seed), "N", "Override the seed.", NULL },
    { "strict", 0, OPTION_FLAG, offsetof(struct run_options, strict), NULL,
      "Leaks make the exit status 1 too.", NULL },
    { "jobs", 'j', OPTION_U64, offsetof(struct run_options, jobs), "N",
      "Run up to N scenarios side by side.", NULL },
    { "detail", 0, OPTION_TEXT, offsetof(struct run_options, detail), "LEVEL",
      "How much of each access the trace tells.", details },
    { "no-times", 0, OPTION_FLAG, offsetof(struct run_options, no_times), NULL,
      "Leave points in time out of the trace.", NULL },
    { "limit", 0, OPTION_LIST, offsetof(struct run_options, limit), "NAME=VALUE",
      "Raise a limit on the input (mdlsim list limits).", NULL },
    { "tag", 0, OPTION_LIST, offsetof(struct run_options, tag), "WORD",
      "Run only scenarios with this tag, or another one that is given.", NULL },
    { "self-check", 0, OPTION_FLAG, offsetof(struct run_options, self_check), NULL,
      "Check every invariant of the model after each step (slow).", NULL },
    { "emit-config", 0, OPTION_FLAG, offsetof(struct run_options, emit_config), NULL,
      "Print the resolved configuration and run nothing.", NULL },
    { "quiet", 'q', OPTION_FLAG, offsetof(struct run_options, quiet), NULL, "No summary.", NULL },
    { "json", 0, OPTION_FLAG, offsetof(struct run_options, json), NULL,
      "Print the summary as JSON on standard output.", NULL },
    { "color", 0, OPTION_TEXT, offsetof(struct run_options, color), "WHEN", "Colours in messages.",
      colors },
    { 0 },
};

int job_limits(const struct command *c, struct job_options *options, const struct text_list *list)
{
    limits_init(&options->limits);
    for (size_t i = 0; i < list->count; i++) {
        const char *word = list->items[i], *equals = strchr(word, '=');
        if (equals == NULL) return usage_error(c, "--limit: '%s' is no NAME=VALUE", word);
        struct text name, why;
        text_init(&name, &host_allocator);
        text_init(&why, &host_allocator);
        text_bytes(&name, word, (size_t)(equals - word));
        int status = STATUS_OK;
        if (!limits_set(&options->limits, text_string(&name), equals + 1, &why))
            status = usage_error(c, "--limit: %s", text_string(&why));
        text_free(&name);
        text_free(&why);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The folder that -o names, made when its name ends in '/'; NULL when -o names a file. */
static int output_folder(const struct run_options *o, size_t count, bool *folder)
{
    *folder = false;
    if (o->output == NULL || strcmp(o->output, "-") == 0) {
        if (count > 1 && o->output != NULL)
            return usage_error(&command_run, "several traces do not fit onto standard output");
        return STATUS_OK;
    }
    size_t length = strlen(o->output);
    bool slash = length > 0 && o->output[length - 1] == '/';
    if (slash && mkdir(o->output, 0777) != 0 && errno != EEXIST) {
        host_say("mdlsim: error: %s: %s", o->output, strerror(errno));
        return STATUS_CANNOT_CREATE;
    }
    *folder = is_folder(o->output);
    if (count > 1 && !*folder)
        return usage_error(
            &command_run, "with several scenarios -o names a folder: '%s' is none ('%s/' makes it)",
            o->output, o->output);
    return STATUS_OK;
}

static int check_stems(struct run_one *ones, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if (ones[i].target.length > 0 &&
                strcmp(text_string(&ones[i].target), text_string(&ones[j].target)) == 0)
                return usage_error(&command_run, "'%s' and '%s' would both write '%s'",
                                   ones[i].file, ones[j].file, text_string(&ones[i].target));
    return STATUS_OK;
}

static int check_options(const struct run_options *o, size_t count)
{
    if (o->jobs.given && o->jobs.value == 0) return usage_error(&command_run, "-j: at least 1");
    if (o->emit_config && count > 1)
        return usage_error(&command_run, "--emit-config takes one scenario");
    return STATUS_OK;
}

static int run_run(const void *given, char **operands, size_t count)
{
    const struct run_options *o = given;
    struct job_options options = { .overrides = o->set.items,
                                   .override_count = o->set.count,
                                   .seed_given = o->seed.given,
                                   .seed = o->seed.value };
    bool folder;
    int status = check_options(o, count);
    if (status == STATUS_OK) status = job_limits(&command_run, &options, &o->limit);
    if (status == STATUS_OK && o->emit_config) return run_emit_config(operands[0], &options);
    if (status == STATUS_OK) status = output_folder(o, count, &folder);
    if (status != STATUS_OK) return status;
    struct run_one *ones = mem_new(&host_allocator, count, sizeof *ones);
    for (size_t i = 0; i < count; i++) run_one_init(&ones[i], operands[i], o, &options, folder);
    status = check_stems(ones, count);
    if (status == STATUS_OK) status = run_several(ones, count, o->jobs.given ? o->jobs.value : 1);
    for (size_t i = 0; i < count; i++) run_one_free(&ones[i]);
    mem_free(&host_allocator, ones, count, sizeof *ones);
    return status;
}

const struct command command_run = {
    .name = "run",
    .summary = "Run scenarios and write their traces.",
    .synopsis = "SCENARIO... [-o FILE] [OPTION]...",
    .description =
        "Without -o the trace goes to STEM.trace.json in the current folder. '-' reads the\n"
        "scenario from standard input. A summary goes to standard error.\n",
    .examples = "  mdlsim run scenarios/stories/direct-io-read.yaml\n"
                "  mdlsim run a.yaml -o - | jq .stats.latency\n"
                "  mdlsim run --set machine.ram='64 GiB' --format none a.yaml\n",
    .options = run_rows,
    .options_bytes = sizeof(struct run_options),
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .run = run_run,
};
