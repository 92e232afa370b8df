/* One scenario from file to result: what `run`, `check` and `verify` share. */
#pragma once

#include "replay/reader.h"
#include "scenario/compile.h"
#include "scenario/document.h"
#include "sim/sim.h"
#include "trace/json_sink.h"

struct job_options {
    const char *const *overrides; /* --set */
    size_t override_count;
    struct scenario_limits limits;
    bool seed_given;
    uint64_t seed;
    bool side_threads; /* traces are parsed and written on threads of their own */
};

/* A scenario that was read and compiled. */
struct job {
    const struct allocator *from;
    const char *file; /* as given */
    struct arena arena;
    struct diags diags;
    struct document_info info;
    const struct node *root;       /* the document, NULL when it could not be read */
    const struct program *program; /* NULL: errors in diags, or unreadable */
    struct trace_head_info head;
    struct trace_reader **readers;
    struct access_source *sources;
    int status; /* STATUS_OK, STATUS_DATA, STATUS_NO_INPUT */
};

/* Reads and compiles. Messages are in job->diags; job_print_errors prints them. */
void job_load(struct job *job, const struct allocator *from, const char *file,
              const struct job_options *options);
/* Looks whether the traces that the program replays can be read; false with messages in job->diags
 * and job->status set. */
bool job_find_traces(struct job *job);
/* Opens them; false with the messages in *err and job->status set. */
bool job_open_sources(struct job *job, bool read_ahead, struct text *err);
/* The include or trace that the scenario reads and that `target` names too; NULL when none. */
const char *job_input_at(struct job *job, const char *target);
/* "stem" of a scenario's file name for its trace: "stdin" for "-". In job->arena. */
const char *job_stem(struct job *job);
/* Whether the scenario has one of the tags (`tags: [...]`); true when none is asked for. */
bool job_has_tag(const struct job *job, const char *const *tags, size_t count);
void job_print_errors(const struct job *job, const char *color);
void job_free(struct job *job);
/* Exit status of a finished run. */
int job_result(const struct job *job, const struct sim *sim, bool strict);
