/* One scenario of `mdlsim run`: from its file to its trace. */
#pragma once

#include "cli/command.h"
#include "cli/job.h"

struct run_options {
    const char *output, *dump_memory, *format, *detail, *color;
    struct text_list set, limit, tag;
    struct option_number seed, jobs;
    bool strict, no_times, self_check, no_fast_paths, no_threads, emit_config, quiet, json;
};

/* Which of the names given are folders. */
struct run_folders {
    bool output, dump_memory;
};

struct run_one {
    const char *file;
    const struct run_options *options;
    const struct job_options *job_options;
    struct text target;   /* where the trace goes; empty = nowhere */
    struct text dump_target; /* where physical memory goes; empty = nowhere */
    bool said;            /* the target was chosen here, and is told */
    struct text out, err; /* what it prints */
    int status;
};

extern const struct command command_run, command_check;

void run_one_init(struct run_one *one, const char *file, const struct run_options *options,
                  const struct job_options *job_options, const struct run_folders *folders);
void run_one_free(struct run_one *one);
/* Loads, runs, writes; status and texts are set. */
void run_one(struct run_one *one);
/* All of them, up to `jobs` side by side; prints in their order; exit status of the whole. */
int run_several(struct run_one *ones, size_t count, uint64_t jobs);
int run_emit_config(const char *file, const struct job_options *options);
/* Reads --limit NAME=VALUE into options->limits. */
int job_limits(const struct command *c, struct job_options *options, const struct text_list *list);
