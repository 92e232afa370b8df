/* YAML events a second: the reader of scenarios beside libyaml alone, over the same file. */
#define _POSIX_C_SOURCE 200809L

#include "base/check.h"
#include "bench.h"
#include "scenario/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <yaml.h>

enum { STEP_COUNT = 40000, ROUNDS = 5 };

static void write_steps(FILE *file)
{
    fputs("mdlsim: 1\nname: Many steps\nsteps:\n", file);
    for (int i = 0; i < STEP_COUNT; i++) {
        fprintf(file,
                "  - MmProbeAndLockPages: {MemoryDescriptorList: $mdl%d, AccessMode: UserMode, "
                "Operation: IoReadAccess}\n"
                "    expect: {that: $mdl.MdlFlags has MDL_PAGES_LOCKED}\n",
                i);
    }
}

/* Events of the file, by libyaml alone; 0 when it cannot be read. */
static size_t count_events(const char *path)
{
    FILE *file = fopen(path, "rb");
    yaml_parser_t parser;
    size_t count = 0;
    if (file == NULL || !yaml_parser_initialize(&parser)) return 0;
    yaml_parser_set_input_file(&parser, file);
    for (bool last = false; !last; count++) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) abort();
        last = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    fclose(file);
    return count;
}

static bool load(const char *path)
{
    struct scenario_limits limits;
    struct diags diags;
    struct arena arena = { .from = &bench_host };
    limits_init(&limits);
    diags_init(&diags, &bench_host);
    bool good = document_load(path, &limits, &diags, &arena, NULL) != NULL;
    arena_free(&arena);
    diags_free(&diags);
    return good;
}

int main(void)
{
    char path[64];
    double best_alone = 1e9, best_ours = 1e9;
    size_t events = 0;
    bool good = true;
    snprintf(path, sizeof path, "/tmp/yaml_rate.%ld.yaml", (long)getpid());
    FILE *file = fopen(path, "wbx");
    if (file == NULL) return EXIT_FAILURE;
    write_steps(file);
    fclose(file);
    for (int round = 0; round < ROUNDS && good; round++) {
        double start = bench_seconds();
        events = count_events(path);
        double middle = bench_seconds();
        good = load(path) && events > 0;
        double end = bench_seconds();
        if (middle - start < best_alone) best_alone = middle - start;
        if (end - middle < best_ours) best_ours = end - middle;
    }
    unlink(path);
    printf("yaml_rate: %.2f million events/s; limit (libyaml alone) %.2f, ratio %.2f\n",
           (double)events / best_ours / 1e6, (double)events / best_alone / 1e6,
           best_alone / best_ours);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
