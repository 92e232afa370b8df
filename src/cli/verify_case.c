/* One case of verify: runs a scenario in memory and compares its trace with the stored one. */
#define _POSIX_C_SOURCE 200809L

#include "cli/command.h"
#include "cli/host.h"
#include "cli/job.h"
#include "cli/verify.h"
#include "trace/beside.h"
#include "trace/output.h"
#include "trace/summary.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Folders on the way to a file; a failure shows when the file is opened. */
static void make_parents(const char *path)
{
    struct text folder;
    text_init(&folder, &host_allocator);
    for (const char *slash = path; (slash = strchr(slash + 1, '/')) != NULL;) {
        text_clear(&folder);
        text_bytes(&folder, path, (size_t)(slash - path));
        mkdir(text_string(&folder), 0777);
    }
    text_free(&folder);
}

static void fail(struct verify_case *c, enum verify_verdict verdict, int status)
{
    c->verdict = verdict;
    c->status = status;
}

static void store(struct verify_case *c, const struct text *trace)
{
    struct output output;
    make_parents(c->trace);
    bool fine = output_open(&output, c->trace, &host_allocator) &&
                output_write(&output, text_string(trace), trace->length);
    fine = fine ? output_close(&output) : (output_abandon(&output), false);
    if (fine) {
        c->verdict = VERIFY_UPDATED;
    } else {
        text_format(&c->report, "mdlsim: error: %s\n", text_string(&output.error));
        fail(c, VERIFY_TROUBLE, output.status);
    }
    output_free(&output);
}

/* The line of the scenario that the first difference of an event belongs to. */
static uint64_t line_of(const struct diff_result *r)
{
    for (size_t i = 0; i < r->events.count; i++)
        if (r->events.list[i].line != 0) return r->events.list[i].line;
    return 0;
}

static void keep_rows(struct verify_case *c, const struct diff_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) diff_rows_add(&c->rows, &rows->list[i]);
}

static void report_difference(const struct verify_plan *plan, struct verify_case *c,
                              const struct diff_result *r, struct diff_options *options)
{
    fail(c, VERIFY_DIFFERENT, STATUS_NEGATIVE);
    c->line = line_of(r);
    if (plan->summary) {
        keep_rows(c, &r->events);
        keep_rows(c, &r->statistics);
        keep_rows(c, &r->head);
        keep_rows(c, &r->one_sided);
        return;
    }
    diff_print(r, options, &c->report);
    if (!r->different)
        text_put(&c->report,
                 "only the head or the layout differs, which verify does not let pass\n");
    if (plan->format != VERIFY_JSON) return;
    options->format = DIFF_JSON;
    diff_print(r, options, &c->diff);
}

static void compare(const struct verify_plan *plan, struct verify_case *c, struct beside *trace)
{
    struct stat st;
    if (beside_end(trace)) {
        c->verdict = VERIFY_SAME;
        return;
    }
    if (trace->lost) {
        text_format(&c->report, "%s: it changed while it was read\n", c->trace);
        fail(c, VERIFY_BROKEN, STATUS_DATA);
        return;
    }
    if (plan->update) {
        store(c, &trace->bytes);
        return;
    }
    struct trace_source run = { "this run", text_string(&trace->bytes), trace->bytes.length };
    bool missing = stat(c->trace, &st) != 0 && errno == ENOENT;
    if (missing) {
        fail(c, VERIFY_MISSING, STATUS_NEGATIVE);
        text_format(&c->report, "it would be %s\n", c->trace);
        return;
    }
    struct diff_result result;
    struct diff_options options = { .strict = true };
    struct text error;
    text_init(&error, &host_allocator);
    diff_run(&result, &trace->stored, &run, &options, &host_allocator, &error);
    if (result.trouble) {
        text_format(&c->report, "%s\n", text_string(&error));
        fail(c, VERIFY_BROKEN, result.status);
    } else {
        report_difference(plan, c, &result, &options);
    }
    diff_free(&result);
    text_free(&error);
}

/* What people must know of a run that did not end well. */
static void report_run(struct verify_case *c, struct job *job, struct sim *sim, int status)
{
    for (size_t i = 0; i < job->program->replay_count; i++)
        if (reader_error(job->readers[i])[0] != '\0')
            text_format(&c->report, "%s\n", reader_error(job->readers[i]));
    if (sim->error) {
        diags_print(&job->diags, &c->report);
        return;
    }
    struct summary_options options = {
        .file = c->scenario,
        .status = status,
        .diags = &job->diags,
        .findings_only = true,
    };
    summary_print(sim, &options, &c->report);
}

static void simulate(const struct verify_plan *plan, struct verify_case *c, struct job *job)
{
    struct sim *sim = mem_new(&host_allocator, 1, sizeof *sim);
    struct beside trace;
    struct trace_source stored = { .name = c->trace };
    beside_begin(&trace, &stored, &host_allocator);
    struct json_sink sink;
    struct json_sink_options sink_options = {
        .format = TRACE_FORMAT_JSON, .no_times = true, .write = beside_write, .context = &trace
    };
    json_sink_init(&sink, &host_allocator, &sink_options);
    struct sim_inputs inputs = { .program = job->program,
                                 .sources = job->sources,
                                 .sink = &sink.sink,
                                 .diags = &job->diags,
                                 .interrupted = host_interrupted };
    json_sink_begin(&sink, job->program, sim, &job->head);
    if (sim_init(sim, &host_allocator, &inputs)) sim_run(sim, &inputs);
    int status = job_result(job, sim, false);
    bool interrupted = sim->reason == END_INTERRUPTED;
    if (status == STATUS_OK && !interrupted) {
        json_sink_end(&sink, sim);
        compare(plan, c, &trace);
    } else if (!interrupted) {
        fail(c, status == STATUS_NEGATIVE ? VERIFY_NEGATIVE : VERIFY_TROUBLE, status);
        report_run(c, job, sim, status);
    }
    json_sink_free(&sink);
    sim_free(sim);
    mem_free(&host_allocator, sim, 1, sizeof *sim);
    beside_free(&trace);
}

bool verify_passed(const struct verify_case *c)
{
    return c->verdict == VERIFY_SAME || c->verdict == VERIFY_UPDATED;
}

void verify_case_run(const struct verify_plan *plan, struct verify_case *c)
{
    struct job job;
    struct job_options options = { 0 };
    if (host_interrupted(NULL)) return;
    if (c->scenario == NULL) {
        if (plan->tag_count > 0) return;
        fail(c, VERIFY_ORPHAN, STATUS_NEGATIVE);
        return;
    }
    limits_init(&options.limits);
    job_load(&job, &host_allocator, c->scenario, &options);
    if (job.root != NULL && !job_has_tag(&job, plan->tags, plan->tag_count)) {
        job_free(&job);
        return;
    }
    if (job.program == NULL) {
        diags_print(&job.diags, &c->report);
        fail(c, VERIFY_TROUBLE, job.status);
    } else if (!job_open_sources(&job, false, &c->report)) {
        fail(c, VERIFY_TROUBLE, job.status);
    } else {
        simulate(plan, c, &job);
    }
    job_free(&job);
}
