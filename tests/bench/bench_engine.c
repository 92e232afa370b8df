/* The replay engine as the benchmarks run it. */
#define _POSIX_C_SOURCE 200809L

#include "bench_engine.h"

#include "bench.h"
#include "scenario/compile.h"
#include "sim/sim.h"

#include <stdlib.h>
#include <unistd.h>

static const char scenario[] = "mdlsim: 1\nname: n\n"
                               "machine: {cpu: {preset: skylake-sp}, ram: 8 GiB}\n"
                               "processes: {p: {}}\nsteps: [replay: {file: none}]\n";

static const struct program *compiled(struct diags *diags, struct arena *arena)
{
    char path[BENCH_PATH_BYTES];
    struct scenario_limits limits;
    struct document_info info;
    bench_file(path, scenario, sizeof scenario - 1);
    limits_init(&limits);
    const struct node *root = document_load(path, &limits, diags, arena, &info);
    const struct program *program = root != NULL ? scenario_compile(root, diags, arena) : NULL;
    unlink(path);
    if (program == NULL) abort();
    return program;
}

struct bench_engine bench_engine(struct access_source (*open)(void *context),
                                 void (*close)(void *context), void *context)
{
    static struct sim sim;
    struct diags diags;
    struct arena arena = { .from = &bench_host };
    struct access_source source = { .pull = NULL };
    diags_init(&diags, &bench_host);
    struct sim_inputs inputs = { .program = compiled(&diags, &arena), .sources = &source,
                                 .diags = &diags };
    if (!sim_init(&sim, &bench_host, &inputs)) abort();
    struct bench_engine e = { .seconds = bench_seconds(), .passed = bench_clock() };
    source = open(context);
    sim_run(&sim, &inputs);
    close(context);
    e.seconds = bench_seconds() - e.seconds;
    e.passed = bench_clock() - e.passed;
    e.l1_misses = sim.hw.cpu->l1d.counts.misses;
    e.l2_misses = sim.hw.cpu->l2.counts.misses;
    e.accesses = sim.by_replay.count;
    sim_free(&sim);
    diags_free(&diags);
    arena_free(&arena);
    return e;
}
