/* How fast packed traces are read, all kinds of records: as segments and as records; beside copying
 * records of 8 bytes, which is what reading them would be without a format.
 *
 * replay_packed FILE... : in CPU time. */
#include "base/check.h"
#include "bench.h"
#include "replay/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1024, ROUNDS = 20 };

struct reading {
    const char *path;
    uint64_t records, events, sum;
    uint64_t *words, *copy;
};

static struct trace_reader *open_trace(const char *path)
{
    struct text error;
    text_init(&error, &bench_host);
    struct trace_reader *r = reader_open(path, NULL, &bench_host, &error);
    if (r == NULL) fprintf(stderr, "%s\n", text_string(&error));
    if (r == NULL) exit(EXIT_FAILURE);
    return r;
}

static double by_records(void *context)
{
    static struct access batch[BATCH];
    struct reading *w = context;
    bool failed = false;
    size_t got;
    double start = bench_seconds();
    struct trace_reader *r = open_trace(w->path);
    struct access_source s = reader_source(r);
    w->records = w->sum = 0;
    while ((got = s.pull(s.context, batch, BATCH, &failed)) > 0) {
        for (size_t i = 0; i < got; i++) w->sum += batch[i].address + batch[i].size;
        w->records += got;
    }
    reader_close(r);
    return bench_seconds() - start;
}

static double by_segments(void *context)
{
    static struct access_segment segment;
    struct reading *w = context;
    bool failed = false;
    double start = bench_seconds();
    struct trace_reader *r = open_trace(w->path);
    struct access_source s = reader_source(r);
    w->records = w->events = 0;
    while (s.pull_segment(s.context, &segment, UINT64_MAX, &failed) > 0) {
        w->records += segment.records;
        w->events += segment.event_count;
    }
    reader_close(r);
    return bench_seconds() - start;
}

static double by_copy(void *context)
{
    struct reading *w = context;
    double start = bench_seconds();
    memcpy(w->copy, w->words, w->records * sizeof *w->copy);
    return bench_seconds() - start;
}

static void measure(const char *path)
{
    struct reading w = { .path = path };
    double records = bench_best(ROUNDS, by_records, &w);
    uint64_t count = w.records;
    double segments = bench_best(ROUNDS, by_segments, &w);
    if (count != w.records) abort();
    w.words = mem_new(&bench_host, count, sizeof *w.words);
    w.copy = mem_new(&bench_host, count, sizeof *w.copy);
    double copy = bench_best(ROUNDS, by_copy, &w), millions = (double)count / 1e6;
    printf("%s: %.0f records, %.1f an event of segments\n", path, (double)count,
           (double)count / (double)w.events);
    printf("  segments %8.1f million records/s, %5.2f of copying 8 bytes each\n",
           millions / segments, copy / segments);
    printf("  records  %8.1f million records/s, %5.2f of copying 8 bytes each\n",
           millions / records, copy / records);
    mem_free(&bench_host, w.words, count, sizeof *w.words);
    mem_free(&bench_host, w.copy, count, sizeof *w.copy);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) measure(argv[i]);
    return EXIT_SUCCESS;
}
