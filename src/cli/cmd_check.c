/* mdlsim check: validates scenarios without running them. */
#include "cli/color.h"
#include "cli/command.h"
#include "cli/host.h"
#include "cli/job.h"
#include "cli/run_one.h"

#include <string.h>

struct check_options {
    struct text_list set, limit;
    const char *color;
    bool quiet, json;
};

static const struct option_row check_rows[] = {
    SET_ROW(struct check_options),
    LIMIT_ROW(struct check_options),
    { "quiet", 'q', OPTION_FLAG, offsetof(struct check_options, quiet), NULL,
      "Say nothing when all is well.", NULL },
    { "json", 0, OPTION_FLAG, offsetof(struct check_options, json), NULL,
      "Report as JSON on standard output.", NULL },
    { "color", 0, OPTION_TEXT, offsetof(struct check_options, color), "WHEN",
      "Colours in messages.", color_choices },
    { 0 },
};

static void json_diag(struct text *t, const struct job *job, const struct diag *d, bool first)
{
    const char *file =
        d->where.file < job->diags.file_count ? job->diags.files[d->where.file].name : job->file;
    text_put(t, first ? "\n" : ",\n");
    text_put(t, "{\"file\": \"");
    text_json(t, file, strlen(file));
    text_format(t, "\", \"line\": %u, \"column\": %u, \"path\": \"", (uint64_t)d->where.line,
                (uint64_t)d->where.column);
    text_json(t, d->path, strlen(d->path));
    text_put(t, "\", \"message\": \"");
    text_json(t, d->message, strlen(d->message));
    text_put(t, "\"}");
}

static int check_run(const void *given, char **operands, size_t count)
{
    const struct check_options *o = given;
    struct job_options options = { .overrides = o->set.items, .override_count = o->set.count };
    int status = job_limits(&command_check, &options, &o->limit);
    if (status != STATUS_OK) return status;
    struct text report;
    text_init(&report, &host_allocator);
    text_put(&report, "{\"errors\": [");
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        struct job job;
        job_load(&job, &host_allocator, operands[i], &options);
        if (job.program != NULL) job_find_traces(&job);
        if (!o->json) job_print_errors(&job, o->color);
        else diags_sort(&job.diags);
        for (size_t j = 0; o->json && j < job.diags.count; j++, first = false)
            json_diag(&report, &job, &job.diags.list[j], first);
        if (status == STATUS_OK) status = job.status;
        job_free(&job);
    }
    text_put(&report, first ? "]}\n" : "\n]}\n");
    if (o->json) host_print(&report);
    text_free(&report);
    return status;
}

const struct command command_check = {
    .name = "check",
    .summary = "Validate scenarios without running them.",
    .synopsis = "SCENARIO...",
    .description =
        "Reports every independent mistake of each file with file, line, column and path.\n"
        "'-' reads standard input.\n",
    .examples = "  mdlsim check scenarios/stories/direct-io-read.yaml\n"
                "  mdlsim check --set machine.ram='4 GiB' a.yaml\n",
    .options = check_rows,
    .options_bytes = sizeof(struct check_options),
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .run = check_run,
};
