/* mdlsim run: runs scenarios and writes their traces. */
#define _POSIX_C_SOURCE 200809L

#include "cli/color.h"
#include "cli/command.h"
#include "cli/host.h"
#include "cli/job.h"
#include "cli/run_one.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const formats[] = { "json", "jsonl", "none", NULL };
static const char *const details[] = { "event", "access", NULL };

static const struct option_row run_rows[] = {
    { "output", 'o', OPTION_TEXT, offsetof(struct run_options, output), "FILE",
      "Write the trace there; '-' is standard output; a folder with several scenarios.", NULL },
    { "format", 0, OPTION_TEXT, offsetof(struct run_options, format), "NAME",
      "Format of the trace.", formats },
    SET_ROW(struct run_options),
    { "dump-memory", 0, OPTION_TEXT, offsetof(struct run_options, dump_memory), "FILE",
      "Write physical memory at the end there, as an ELF core; a folder with several scenarios.",
      NULL },
    { "seed", 0, OPTION_U64, offsetof(struct run_options, seed), "N", "Override the seed.", NULL },
    { "strict", 0, OPTION_FLAG, offsetof(struct run_options, strict), NULL,
      "Leaks make the exit status 1 too.", NULL },
    { "jobs", 'j', OPTION_U64, offsetof(struct run_options, jobs), "N",
      "Run up to N scenarios side by side.", NULL },
    { "detail", 0, OPTION_TEXT, offsetof(struct run_options, detail), "LEVEL",
      "How much of each access the trace tells.", details },
    { "no-times", 0, OPTION_FLAG, offsetof(struct run_options, no_times), NULL,
      "Leave points in time out of the trace.", NULL },
    LIMIT_ROW(struct run_options),
    { "tag", 0, OPTION_LIST, offsetof(struct run_options, tag), "WORD",
      "Run only scenarios with this tag, or another one that is given.", NULL },
    { "self-check", 0, OPTION_FLAG, offsetof(struct run_options, self_check), NULL,
      "Check every invariant of the model after each step (slow).", NULL },
    { "no-fast-paths", 0, OPTION_FLAG, offsetof(struct run_options, no_fast_paths), NULL,
      "Replay, read and write access by access, with the same result (slow).", NULL },
    { "no-threads", 0, OPTION_FLAG, offsetof(struct run_options, no_threads), NULL,
      "Read and write traces on the thread that simulates, with the same result.", NULL },
    { "emit-config", 0, OPTION_FLAG, offsetof(struct run_options, emit_config), NULL,
      "Print the resolved configuration and run nothing.", NULL },
    { "quiet", 'q', OPTION_FLAG, offsetof(struct run_options, quiet), NULL, "No summary.", NULL },
    { "json", 0, OPTION_FLAG, offsetof(struct run_options, json), NULL,
      "Print the summary as JSON on standard output.", NULL },
    { "color", 0, OPTION_TEXT, offsetof(struct run_options, color), "WHEN", "Colours in messages.",
      color_choices },
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

/* Sets *folder when `name`, given to `option`, names a folder, which is made when its name ends in
 * '/'. */
static int output_folder(const char *option, const char *name, size_t count, bool *folder)
{
    *folder = false;
    if (name == NULL) return STATUS_OK;
    if (strcmp(name, "-") == 0) {
        if (count == 1) return STATUS_OK;
        return usage_error(&command_run, "several scenarios do not fit onto standard output: %s -",
                           option);
    }
    size_t length = strlen(name);
    bool slash = length > 0 && name[length - 1] == '/';
    if (slash && mkdir(name, 0777) != 0 && errno != EEXIST) {
        host_say("mdlsim: error: %s: %s", name, strerror(errno));
        return STATUS_CANNOT_CREATE;
    }
    *folder = is_folder(name);
    if (!*folder && slash) {
        host_say("mdlsim: error: %s: %s", name, strerror(ENOTDIR));
        return STATUS_CANNOT_CREATE;
    }
    if (count > 1 && !*folder)
        return usage_error(
            &command_run, "with several scenarios %s names a folder: '%s' is none ('%s/' makes it)",
            option, name, name);
    return STATUS_OK;
}

static int output_folders(const struct run_options *o, size_t count, struct run_folders *folders)
{
    int status = output_folder("-o", o->output, count, &folders->output);
    if (status != STATUS_OK) return status;
    return output_folder("--dump-memory", o->dump_memory, count, &folders->dump_memory);
}

static int same_target(const struct run_one *a, const struct run_one *b, const struct text *left,
                       const struct text *right)
{
    if (left->length == 0 || strcmp(text_string(left), text_string(right)) != 0) return STATUS_OK;
    if (a == b)
        return usage_error(&command_run, "trace and memory would both be written to '%s'",
                           text_string(left));
    return usage_error(&command_run, "'%s' and '%s' would both write '%s'", a->file, b->file,
                       text_string(left));
}

/* A trace or a dump in place of the scenario would be its end. */
static int check_scenario(const struct run_one *one, const struct text *target)
{
    if (target->length == 0 || !host_same_file(one->file, text_string(target))) return STATUS_OK;
    return usage_error(&command_run, "'%s' is the scenario: it would be written over",
                       text_string(target));
}

/* No two files of the run may be the same one. */
static int check_targets(struct run_one *ones, size_t count)
{
    int status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct run_one *a = &ones[i];
        status = check_scenario(a, &a->target);
        if (status == STATUS_OK) status = check_scenario(a, &a->dump_target);
        if (status == STATUS_OK) status = same_target(a, a, &a->target, &a->dump_target);
        for (size_t j = i + 1; j < count && status == STATUS_OK; j++) {
            struct run_one *b = &ones[j];
            status = same_target(a, b, &a->target, &b->target);
            if (status == STATUS_OK) status = same_target(a, b, &a->dump_target, &b->dump_target);
            if (status == STATUS_OK) status = same_target(a, b, &a->target, &b->dump_target);
            if (status == STATUS_OK) status = same_target(a, b, &a->dump_target, &b->target);
        }
    }
    return status;
}

static int check_options(const struct run_options *o, size_t count)
{
    if (o->jobs.given && o->jobs.value == 0) return usage_error(&command_run, "-j: at least 1");
    if (o->emit_config && count > 1)
        return usage_error(&command_run, "--emit-config takes one scenario");
    if (o->json && o->output != NULL && strcmp(o->output, "-") == 0)
        return usage_error(&command_run, "--json and the trace do not fit onto standard output");
    if (o->json && o->dump_memory != NULL && strcmp(o->dump_memory, "-") == 0)
        return usage_error(&command_run, "--json and the memory do not fit onto standard output");
    return STATUS_OK;
}

/* A processor beside those that simulate. */
static bool has_free_processor(const struct run_options *o)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors > 0 && (uint64_t)processors > (o->jobs.given ? o->jobs.value : 1);
}

static int run_run(const void *given, char **operands, size_t count)
{
    const struct run_options *o = given;
    struct job_options options = { .overrides = o->set.items,
                                   .override_count = o->set.count,
                                   .seed_given = o->seed.given,
                                   .seed = o->seed.value,
                                   .side_threads = !o->no_threads && has_free_processor(o) };
    struct run_folders folders;
    int status = check_options(o, count);
    if (status == STATUS_OK) status = job_limits(&command_run, &options, &o->limit);
    if (status == STATUS_OK && o->emit_config) return run_emit_config(operands[0], &options);
    if (status == STATUS_OK) status = output_folders(o, count, &folders);
    if (status != STATUS_OK) return status;
    struct run_one *ones = mem_new(&host_allocator, count, sizeof *ones);
    for (size_t i = 0; i < count; i++)
        run_one_init(&ones[i], operands[i], o, &options, &folders);
    status = check_targets(ones, count);
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
                "  mdlsim run --format none --dump-memory a.core a.yaml && readelf -n a.core\n"
                "  mdlsim run --set machine.ram='64 GiB' --format none a.yaml\n",
    .options = run_rows,
    .options_bytes = sizeof(struct run_options),
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .run = run_run,
};
