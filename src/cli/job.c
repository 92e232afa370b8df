/* Reads, compiles and prepares one scenario. */
#include "cli/job.h"

#include "cli/command.h"
#include "cli/host.h"
#include "cli/version.h"
#include "scenario/nodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_head(struct job *job, const struct job_options *options)
{
    struct trace_head_info *head = &job->head;
    struct trace_file *includes =
        arena_new(&job->arena, job->info.include_count + 1, sizeof *includes);
    const char **names = arena_new(&job->arena, job->diags.file_count + 1, sizeof *names);
    for (size_t i = 0; i < job->info.include_count; i++) {
        const struct document_include *include = &job->info.includes[i];
        includes[i] = (struct trace_file){ include->name, job->diags.files[include->file].sha256 };
        names[include->file] = include->name;
    }
    const char *slash = strrchr(job->file, '/');
    const char *base = strcmp(job->file, "-") == 0 ? "stdin"
                       : slash != NULL             ? slash + 1
                                                   : job->file;
    *head = (struct trace_head_info){
        .version = MDLSIM_VERSION,
        .file = base,
        .sha256 = job->diags.files[job->info.file].sha256,
        .includes = includes,
        .include_count = job->info.include_count,
        .overrides = options->overrides,
        .override_count = options->override_count,
        .file_names = names,
        .file_count = job->diags.file_count,
    };
}

static bool apply_seed(struct job *job, struct node *root, const struct job_options *options)
{
    struct text t;
    if (!options->seed_given) return true;
    text_init(&t, job->from);
    text_format(&t, "seed=%u", options->seed);
    char *assignment = arena_text(&job->arena, t.bytes, t.length);
    text_free(&t);
    return document_override(root, assignment, &job->diags, &job->arena);
}

void job_load(struct job *job, const struct allocator *from, const char *file,
              const struct job_options *options)
{
    *job = (struct job){
        .from = from, .file = file, .arena = { .from = from }, .status = STATUS_DATA
    };
    diags_init(&job->diags, from);
    struct node *root = document_load(file, &options->limits, &job->diags, &job->arena, &job->info);
    if (root == NULL) {
        if (job->info.unreadable) job->status = STATUS_NO_INPUT;
        return;
    }
    job->root = root;
    bool fine = apply_seed(job, root, options);
    for (size_t i = 0; i < options->override_count; i++)
        fine = document_override(root, options->overrides[i], &job->diags, &job->arena) && fine;
    if (!fine) return;
    job->program = scenario_compile(root, &job->diags, &job->arena);
    if (job->program == NULL) return;
    make_head(job, options);
    job->status = STATUS_OK;
}

/* Paths of replayed traces are relative to the scenario's file. */
static char *replay_path(struct job *job, const char *name)
{
    const char *slash = strrchr(job->file, '/');
    struct text t;
    text_init(&t, job->from);
    if (name[0] != '/' && slash != NULL && strcmp(name, "-") != 0)
        text_bytes(&t, job->file, (size_t)(slash - job->file) + 1);
    text_put(&t, name);
    char *path = arena_text(&job->arena, t.bytes, t.length);
    text_free(&t);
    return path;
}

/* Why a trace cannot be read, NULL when it can: whether it is one shows later. */
static const char *unreadable(const char *path)
{
    struct stat status;
    if (strcmp(path, "-") == 0) return NULL;
    if (stat(path, &status) != 0) return strerror(errno);
    if (S_ISDIR(status.st_mode)) return "it is a folder";
    return access(path, R_OK) == 0 ? NULL : strerror(errno);
}

bool job_find_traces(struct job *job)
{
    bool taken = strcmp(job->file, "-") == 0;
    for (size_t i = 0; i < job->program->replay_count; i++) {
        const struct replay_step *step = job->program->replays[i];
        bool standard = strcmp(step->file, "-") == 0;
        const char *why = unreadable(replay_path(job, step->file));
        if (standard && taken) why = "the scenario or another step reads standard input";
        taken = taken || standard;
        if (why == NULL) continue;
        diag_format(&job->diags, step->where, step->path, "cannot read the trace '%s': %s",
                    text_shown(step->file, strlen(step->file), &job->arena), why);
        job->status = STATUS_NO_INPUT;
    }
    return job->status == STATUS_OK;
}

bool job_open_sources(struct job *job, bool read_ahead, struct text *err)
{
    size_t count = job->program->replay_count;
    if (!job_find_traces(job)) {
        diags_print(&job->diags, err);
        return false;
    }
    job->readers = arena_new(&job->arena, count + 1, sizeof *job->readers);
    job->sources = arena_new(&job->arena, count + 1, sizeof *job->sources);
    for (size_t i = 0; i < count; i++) {
        const struct replay_step *step = job->program->replays[i];
        struct text error;
        text_init(&error, job->from);
        const char *path = replay_path(job, step->file);
        job->readers[i] = reader_open(path, step->format, job->from, &error);
        bool fine = job->readers[i] != NULL;
        if (fine && step->skip_bad) reader_skip_bad(job->readers[i]);
        if (fine && read_ahead) reader_read_ahead(job->readers[i]);
        if (fine)
            job->sources[i] = reader_source(job->readers[i]);
        else
            text_format(err, "%s\n", text_string(&error));
        text_free(&error);
        if (fine) continue;
        job->status = STATUS_DATA;
        return false;
    }
    return true;
}

const char *job_input_at(struct job *job, const char *target)
{
    for (size_t i = 0; i < job->info.include_count; i++) {
        const char *include = job->diags.files[job->info.includes[i].file].name;
        if (host_same_file(include, target)) return include;
    }
    for (size_t i = 0; i < job->program->replay_count; i++) {
        const char *trace = replay_path(job, job->program->replays[i]->file);
        if (host_same_file(trace, target)) return trace;
    }
    return NULL;
}

const char *job_stem(struct job *job)
{
    if (strcmp(job->file, "-") == 0) return "stdin";
    const char *slash = strrchr(job->file, '/');
    const char *base = slash != NULL ? slash + 1 : job->file;
    const char *dot = strrchr(base, '.');
    bool known =
        dot != NULL && dot != base && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
    return arena_text(&job->arena, base, known ? (size_t)(dot - base) : strlen(base));
}

bool job_has_tag(const struct job *job, const char *const *tags, size_t count)
{
    const struct node *own = job->root != NULL ? node_get(job->root, "tags") : NULL;
    for (size_t i = 0; own != NULL && own->kind == NODE_LIST && i < own->count; i++)
        for (size_t j = 0; own->items[i]->kind == NODE_SCALAR && j < count; j++)
            if (strcmp(own->items[i]->text, tags[j]) == 0) return true;
    return count == 0;
}

void job_print_errors(const struct job *job, const char *color)
{
    struct text t;
    text_init(&t, job->from);
    diags_print(&job->diags, &t);
    host_message_color(&t, color);
    text_free(&t);
}

void job_free(struct job *job)
{
    for (size_t i = 0; job->readers != NULL && i < job->program->replay_count; i++)
        if (job->readers[i] != NULL) reader_close(job->readers[i]);
    diags_free(&job->diags);
    arena_free(&job->arena);
}

int job_result(const struct job *job, const struct sim *sim, bool strict)
{
    for (size_t i = 0; i < job->program->replay_count; i++)
        if (job->readers[i] != NULL && reader_error(job->readers[i])[0] != '\0') return STATUS_DATA;
    if (sim->error) return STATUS_DATA;
    return sim_is_negative(sim, strict) ? STATUS_NEGATIVE : STATUS_OK;
}
