/* Runs one scenario and writes its trace; several side by side. */
#define _POSIX_C_SOURCE 200809L

#include "cli/run_one.h"

#include "cli/behind.h"
#include "cli/host.h"
#include "cli/progress.h"
#include "cli/sha256_x86.h"
#include "trace/memory_dump.h"
#include "trace/output.h"
#include "trace/summary.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static enum trace_format format_of(const struct run_options *o)
{
    if (o->format == NULL || strcmp(o->format, "json") == 0) return TRACE_FORMAT_JSON;
    return strcmp(o->format, "jsonl") == 0 ? TRACE_FORMAT_JSONL : TRACE_FORMAT_NONE;
}

/* FOLDER/STEM.SUFFIX; no folder: the current one. */
static void put_target(struct text *t, const char *folder, const char *file, const char *suffix)
{
    struct job stem = { .file = file, .arena = { .from = &host_allocator } };
    if (folder != NULL) text_put(t, folder);
    if (folder != NULL && t->bytes[t->length - 1] != '/') text_char(t, '/');
    text_format(t, "%s.%s", job_stem(&stem), suffix);
    arena_free(&stem.arena);
}

void run_one_init(struct run_one *one, const char *file, const struct run_options *options,
                  const struct job_options *job_options, const struct run_folders *folders)
{
    *one = (struct run_one){ .file = file, .options = options, .job_options = job_options };
    text_init(&one->target, &host_allocator);
    text_init(&one->dump_target, &host_allocator);
    text_init(&one->out, &host_allocator);
    text_init(&one->err, &host_allocator);
    if (folders->dump_memory)
        put_target(&one->dump_target, options->dump_memory, file, "core");
    else if (options->dump_memory != NULL)
        text_put(&one->dump_target, options->dump_memory);
    enum trace_format format = format_of(options);
    if (options->output != NULL && !folders->output) {
        text_put(&one->target, options->output);
        return;
    }
    if (options->output == NULL && format == TRACE_FORMAT_NONE) return;
    put_target(&one->target, folders->output ? options->output : NULL, file,
               format == TRACE_FORMAT_JSONL ? "trace.jsonl" : "trace.json");
    one->said = true;
}

void run_one_free(struct run_one *one)
{
    text_free(&one->target);
    text_free(&one->dump_target);
    text_free(&one->out);
    text_free(&one->err);
}

/* The end of an output file: whole, or not at all. False when something went wrong with it. */
static bool finish_output(struct run_one *one, struct output *output, bool keep)
{
    if (keep)
        output_close(output);
    else
        output_abandon(output);
    bool fine = output->status == OUTPUT_OK;
    if (!fine) {
        one->status = output->status;
        if (!output->broken_pipe)
            text_format(&one->err, "mdlsim: error: %s\n", text_string(&output->error));
    }
    bool pipe_closed = output->broken_pipe;
    output_free(output);
    if (pipe_closed) output_die_of_pipe();
    return fine;
}

static void finish_trace(struct run_one *one, struct output *output, bool keep)
{
    if (finish_output(one, output, keep) && keep && one->said && !one->options->quiet)
        text_format(&one->err, "trace written to %s\n", text_string(&one->target));
}

static bool dump_write(void *context, const char *bytes, size_t length)
{
    return !host_interrupted(NULL) && output_write(context, bytes, length);
}

/* Physical memory goes to its file, if the run came to its end and nothing interrupts. */
static void finish_dump(struct run_one *one, struct output *output, struct sim *sim, bool whole)
{
    bool keep = whole && memory_dump_write(sim, dump_write, output);
    finish_output(one, output, keep);
}

static void report_reader_errors(struct run_one *one, const struct job *job)
{
    for (size_t i = 0; i < job->program->replay_count; i++)
        if (reader_error(job->readers[i])[0] != '\0')
            text_format(&one->err, "%s\n", reader_error(job->readers[i]));
}

static void report(struct run_one *one, struct job *job, struct sim *sim)
{
    const struct run_options *o = one->options;
    report_reader_errors(one, job);
    if (sim->error) diags_print(&job->diags, &one->err);
    struct summary_options options = {
        .file = one->file,
        .strict = o->strict,
        .status = one->status,
        .diags = &job->diags,
        .color = host_color(STDERR_FILENO, o->color),
        .findings_only = o->quiet,
    };
    summary_print(sim, &options, &one->err);
    if (o->json) summary_json(sim, &options, &one->out);
}

/* Where a trace goes. While it is open the output belongs to `behind`, but for what is put aside
 * when nothing is left to be written. */
struct trace_out {
    struct output *output; /* NULL: nowhere */
    struct behind *behind;
    bool failed; /* to put lines aside */
};

static void put_aside(void *context, uint64_t at, const char *bytes, size_t length)
{
    struct trace_out *t = context;
    behind_wait(t->behind);
    output_put_aside(t->output, at, bytes, length);
    t->failed = t->output->status != OUTPUT_OK;
}

static bool get_aside(void *context, uint64_t at, char *bytes, size_t length)
{
    struct trace_out *t = context;
    behind_wait(t->behind);
    return output_get_aside(t->output, at, bytes, length);
}

/* What may end a run early: a signal, or a trace that nobody can take any more (a full disk, a
 * closed pipe). */
struct watch {
    struct progress progress;
    const struct json_sink *sink;
    const struct trace_out *out;
};

static bool watch_poll(void *context)
{
    struct watch *w = context;
    return progress_poll(&w->progress) || w->sink->stopped || w->out->failed;
}

/* Bytes of lines that wait for a long call before they are put aside. */
enum { WAITING_BYTES_MOST = 1 << 20 };

/* `output` takes the trace and `dump` the memory; NULL: nowhere. */
static void simulate(struct run_one *one, struct job *job, struct output *output,
                     struct output *dump)
{
    struct sim *sim = mem_new(&host_allocator, 1, sizeof *sim);
    struct json_sink sink;
    struct trace_out out = { .output = output };
    struct json_aside aside = { put_aside, get_aside, &out, WAITING_BYTES_MOST };
    out.behind = behind_open(&host_allocator, one->job_options->side_threads, output_write, output);
    struct json_sink_options sink_options = {
        .format = format_of(one->options),
        .no_times = one->options->no_times,
        .detail_access =
            one->options->detail != NULL && strcmp(one->options->detail, "access") == 0,
        .write = behind_write,
        .context = out.behind,
        .digest_blocks = sha256_x86(),
        .aside = &aside,
    };
    struct watch watch = { .sink = &sink, .out = &out };
    progress_init(&watch.progress, sim, one->options->quiet);
    json_sink_init(&sink, &host_allocator, &sink_options);
    struct sim_inputs inputs = {
        .program = job->program,
        .sources = job->sources,
        .diags = &job->diags,
        .sink = output != NULL && sink_options.format != TRACE_FORMAT_NONE ? &sink.sink : NULL,
        .interrupted = watch_poll,
        .interrupt_context = &watch,
        .check_each_step = one->options->self_check,
        .no_fast_paths = one->options->no_fast_paths,
    };
    if (output != NULL) json_sink_begin(&sink, job->program, sim, &job->head);
    if (sim_init(sim, &host_allocator, &inputs)) sim_run(sim, &inputs);
    progress_clear(&watch.progress);
    bool whole = !sim->error && !sim->source_failed && sim->reason != END_INTERRUPTED;
    one->status = job_result(job, sim, one->options->strict);
    if (output != NULL && whole) json_sink_end(&sink, sim);
    behind_close(out.behind);
    if (output != NULL) finish_trace(one, output, whole);
    if (dump != NULL) finish_dump(one, dump, sim, whole);
    report(one, job, sim);
    json_sink_free(&sink);
    sim_free(sim);
    mem_free(&host_allocator, sim, 1, sizeof *sim);
}

/* Opens what the run writes, so that a name that cannot be written is told before it starts. */
static void run_job(struct run_one *one, struct job *job)
{
    struct output trace, dump;
    bool has_trace = one->target.length > 0, has_dump = one->dump_target.length > 0;
    if (has_trace && !output_open(&trace, text_string(&one->target), &host_allocator)) {
        finish_output(one, &trace, false);
        return;
    }
    if (has_dump && !output_open(&dump, text_string(&one->dump_target), &host_allocator)) {
        if (has_trace) finish_output(one, &trace, false);
        finish_output(one, &dump, false);
        return;
    }
    simulate(one, job, has_trace ? &trace : NULL, has_dump ? &dump : NULL);
}

static bool spares_inputs(struct run_one *one, struct job *job, const struct text *target)
{
    const char *input = target->length > 0 ? job_input_at(job, text_string(target)) : NULL;
    if (input == NULL) return true;
    text_format(&one->err, "mdlsim run: '%s' is read by '%s': it would be written over\n", input,
                one->file);
    one->status = STATUS_USAGE;
    return false;
}

static bool prepare(struct run_one *one, struct job *job)
{
    if (!spares_inputs(one, job, &one->target) || !spares_inputs(one, job, &one->dump_target))
        return false;
    if (job_open_sources(job, one->job_options->side_threads, &one->err)) return true;
    one->status = job->status;
    return false;
}

void run_one(struct run_one *one)
{
    struct job job;
    job_load(&job, &host_allocator, one->file, one->job_options);
    one->status = job.status;
    if (job.program == NULL) {
        diags_print(&job.diags, &one->err);
    } else if (!job_has_tag(&job, one->options->tag.items, one->options->tag.count)) {
        one->status = STATUS_OK; /* not asked for */
    } else if (prepare(one, &job)) {
        run_job(one, &job);
    }
    job_free(&job);
}

int run_emit_config(const char *file, const struct job_options *options)
{
    struct job job;
    struct text t;
    job_load(&job, &host_allocator, file, options);
    int status = job.status;
    if (job.program == NULL) {
        job_print_errors(&job, NULL);
    } else {
        text_init(&t, &host_allocator);
        json_config(&t, job.program, true);
        text_char(&t, '\n');
        host_print(&t);
        text_free(&t);
    }
    job_free(&job);
    return status;
}

/* ---- several ---- */

struct crew {
    struct run_one *ones;
    size_t count, next;
    pthread_mutex_t lock;
};

static void *work(void *context)
{
    struct crew *crew = context;
    for (;;) {
        pthread_mutex_lock(&crew->lock);
        size_t mine = crew->next++;
        pthread_mutex_unlock(&crew->lock);
        if (mine >= crew->count || host_interrupted(NULL)) break;
        run_one(&crew->ones[mine]);
    }
    return NULL;
}

static void print_one(struct run_one *one, size_t count)
{
    if (count > 1 && one->err.length > 0 && !one->options->quiet) host_say("== %s", one->file);
    host_message_color(&one->err, one->options->color);
    if (one->out.length > 0) host_print(&one->out);
}

static int worse(int status, int next)
{
    if (status > STATUS_NEGATIVE) return status;
    return next > STATUS_NEGATIVE || next > status ? next : status;
}

int run_several(struct run_one *ones, size_t count, uint64_t jobs)
{
    int status = STATUS_OK;
    if (jobs > count) jobs = count;
    if (jobs > 64) jobs = 64;
    struct crew crew = { .ones = ones, .count = count };
    pthread_t threads[64];
    size_t started = 0;
    pthread_mutex_init(&crew.lock, NULL);
    while (jobs > 1 && started + 1 < jobs &&
           pthread_create(&threads[started], NULL, work, &crew) == 0)
        started++;
    if (started == 0) {
        for (size_t i = 0; i < count && !host_interrupted(NULL); i++) {
            run_one(&ones[i]);
            print_one(&ones[i], count);
            status = worse(status, ones[i].status);
        }
    } else {
        work(&crew);
        for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
        for (size_t i = 0; i < count; i++) {
            print_one(&ones[i], count);
            status = worse(status, ones[i].status);
        }
    }
    pthread_mutex_destroy(&crew.lock);
    return status;
}
