/* Data accesses a second of replays, all statistics and costs on, from a packed file and from
 * records in memory, beside the limit: a kernel that does nothing but look up two exact LRU levels
 * of 8-byte records.
 *
 * usage: replay_engine [TRACE]...  (any format that mdlsim reads; without one, made-up traces) */
#define _POSIX_C_SOURCE 200809L

#include "base/check.h"
#include "base/rng.h"
#include "bench.h"
#include "bench_engine.h"
#include "replay/reader.h"
#include "replay/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORDS_MOST = 4 * 1000 * 1000, ROUNDS = 7, BATCH = 1024 };

/* ---- traces ---- */

static bool add(struct bench_records *r, uint64_t address, uint32_t size, enum access_kind kind)
{
    if (r->count < RECORDS_MOST) bench_add(r, address, size, kind);
    return r->count < RECORDS_MOST;
}

static struct trace_reader *open_trace(const char *path)
{
    struct text error;
    text_init(&error, &bench_host);
    struct trace_reader *reader = reader_open(path, NULL, &bench_host, &error);
    if (reader == NULL) {
        fprintf(stderr, "%s\n", text_string(&error));
        exit(EXIT_FAILURE);
    }
    text_free(&error);
    return reader;
}

static void read_trace(struct bench_records *r, const char *path)
{
    struct access batch[BATCH];
    bool failed = false, has_room = true;
    size_t n;
    struct trace_reader *reader = open_trace(path);
    struct access_source source = reader_source(reader);
    while (has_room && (n = source.pull(source.context, batch, BATCH, &failed)) > 0)
        for (size_t i = 0; i < n; i++)
            if (batch[i].kind != ACCESS_FETCH)
                has_room = add(r, batch[i].address, batch[i].size,
                               (enum access_kind)batch[i].kind);
    reader_close(reader);
}

/* A stack page that is used most, a buffer that is read in order, and a table of `pages` that is
 * written at random: what shuf does. */
static void make_shuffle(struct bench_records *r, uint64_t pages)
{
    struct rng random;
    rng_init(&random, 1, 1);
    for (uint64_t i = 0; add(r, 0x1FFF000000 + i % 32 * 8, 8,
                             i % 3 == 0 ? ACCESS_STORE : ACCESS_LOAD); i++) {
        add(r, 0x4C00000 + i * 8 % (1 << 20), 8, ACCESS_LOAD);
        if (i % 8 == 0)
            add(r, 0x5000000 + rng_below(&random, pages * 512) * 8, 8, ACCESS_STORE);
    }
}

/* Every access another page, all of them missing the first level, a third of them straddling. */
static void make_worst(struct bench_records *r, uint64_t pages)
{
    for (uint64_t i = 0; add(r, 0x5000000 + i * 17 % pages * 4096 + (i % 3 == 0 ? 4092 : 64), 8,
                             i % 2 == 0 ? ACCESS_LOAD : ACCESS_STORE); i++)
        continue;
}

/* ---- where the engine takes them from ---- */

struct memory {
    const struct bench_records *records;
    size_t at;
};

static size_t pull(void *context, struct access *out, size_t room, bool *failed)
{
    struct memory *m = context;
    size_t n = m->records->count - m->at < room ? m->records->count - m->at : room;
    UNUSED(failed);
    for (size_t i = 0; i < n; i++) {
        uint64_t v = m->records->item[m->at + i];
        out[i] = (struct access){ v & ((UINT64_C(1) << 48) - 1), (uint32_t)(v >> 48 & 0xFFF) + 1,
                                  (uint8_t)(v >> 60) };
    }
    m->at += n;
    return n;
}

static bool append(void *context, const char *bytes, size_t length)
{
    text_bytes(context, bytes, length);
    return true;
}

/* The records as a packed file; bytes. */
static size_t pack(const struct bench_records *r, char path[BENCH_PATH_BYTES])
{
    struct access batch[BATCH];
    struct memory m = { r, 0 };
    struct text bytes;
    bool failed = false;
    size_t n;
    text_init(&bytes, &bench_host);
    struct trace_writer *w = writer_open("packed", &bench_host, append, &bytes);
    while ((n = pull(&m, batch, BATCH, &failed)) > 0) writer_add(w, batch, n);
    if (!writer_finish(w)) abort();
    writer_close(w);
    size_t length = bytes.length;
    bench_file(path, bytes.bytes, length);
    text_free(&bytes);
    return length;
}

/* ---- the engine ---- */

struct measured {
    const struct bench_records *records;
    const char *packed; /* NULL: from memory */
    struct memory memory;
    struct trace_reader *reader;
    struct bench_engine found;
    struct bench_limit limit;
};

static struct access_source open_source(void *context)
{
    struct measured *m = context;
    if (m->packed == NULL) {
        m->memory = (struct memory){ m->records, 0 };
        return (struct access_source){ .pull = pull, .context = &m->memory };
    }
    m->reader = open_trace(m->packed);
    return reader_source(m->reader);
}

static void close_source(void *context)
{
    struct measured *m = context;
    reader_close(m->reader);
    m->reader = NULL;
}

/* From opening the trace to its end. */
static double engine_once(void *context)
{
    struct measured *m = context;
    m->found = bench_engine(open_source, close_source, m);
    return m->found.seconds;
}

static double limit_once(void *context)
{
    struct measured *m = context;
    return bench_limit_seconds(m->records, &m->limit);
}

static bool measure(const char *name, const struct bench_records *r)
{
    struct measured run = { .records = r };
    char packed[BENCH_PATH_BYTES];
    size_t bytes = pack(r, packed);
    double count = (double)r->count / 1e6, limit = bench_best(ROUNDS, limit_once, &run);
    printf("%-20s limit %6.1f million accesses/s, %.2f bytes a packed one; misses %" PRIu64
           ", %" PRIu64 "\n",
           name, count / limit, (double)bytes / (double)r->count, run.limit.l1_misses,
           run.limit.l2_misses);
    bool good = true;
    for (int way = 0; way < 2; way++) {
        run.packed = way == 0 ? packed : NULL;
        double seconds = bench_best(ROUNDS, engine_once, &run);
        printf("  %-18s       %6.1f, ratio %.2f\n", way == 0 ? "packed" : "records in memory",
               count / seconds, limit / seconds);
        good = good && run.limit.l1_misses == run.found.l1_misses &&
               run.limit.l2_misses == run.found.l2_misses;
    }
    unlink(packed);
    if (!good) printf("%s: the counts are not those of the limit\n", name);
    return good;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

int main(int argc, char **argv)
{
    bool good = true;
    struct bench_records r = { 0 };
    for (int i = 1; i < argc; i++) {
        r.count = 0;
        read_trace(&r, argv[i]);
        good = measure(base_name(argv[i]), &r) && good;
    }
    static const char *const names[] = { "made up after shuf", "worst, L2", "worst, walks" };
    for (int i = 0; i < 3; i++) {
        r.count = 0;
        if (i == 0) make_shuffle(&r, 256);
        else make_worst(&r, i == 1 ? 1024 : 100000);
        good = measure(names[i], &r) && good;
    }
    mem_free(&bench_host, r.item, r.capacity, sizeof *r.item);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
