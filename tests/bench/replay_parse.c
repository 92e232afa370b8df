/* Lines a second of traces of text: parsed alone over text in memory, which is the limit; read from
 * a file; and replayed, all statistics and costs on, on one thread and with the parser on a second
 * one.
 *
 * usage: replay_parse TRACE...  (any format that mdlsim reads; each becomes lackey text and din) */
#define _POSIX_C_SOURCE 200809L

#include "base/check.h"
#include "bench.h"
#include "bench_engine.h"
#include "replay/parse.h"
#include "replay/reader.h"
#include "replay/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES_LEAST = 4 * 1000 * 1000, BATCH = 1024, ROUNDS = 7 };

struct measured {
    const struct trace_format *format;
    struct text text;
    char path[BENCH_PATH_BYTES];
    size_t lines;
    bool is_ahead;
    struct trace_reader *reader;
    struct bench_engine found;
};

static struct trace_reader *open_trace(const char *path, const char *format)
{
    struct text error;
    text_init(&error, &bench_host);
    struct trace_reader *reader = reader_open(path, format, &bench_host, &error);
    if (reader == NULL) fprintf(stderr, "%s\n", text_string(&error));
    if (reader == NULL) exit(EXIT_FAILURE);
    text_free(&error);
    return reader;
}

static bool append(void *context, const char *bytes, size_t length)
{
    text_bytes(context, bytes, length);
    return true;
}

/* Dinero's text has neither sizes nor modifies. */
static void as_din(struct access *batch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        batch[i].address &= ~(uint64_t)3;
        batch[i].size = 4;
        if (batch[i].kind == ACCESS_MODIFY) batch[i].kind = ACCESS_STORE;
    }
}

/* The trace over and over as text of the format. */
static void write_text(struct measured *m, const char *trace)
{
    struct access batch[BATCH];
    bool failed = false;
    size_t got;
    text_init(&m->text, &bench_host);
    struct trace_writer *w = writer_open(m->format->name, &bench_host, append, &m->text);
    for (m->lines = 0; m->lines < LINES_LEAST;) {
        struct trace_reader *reader = open_trace(trace, NULL);
        struct access_source source = reader_source(reader);
        while ((got = source.pull(source.context, batch, BATCH, &failed)) > 0) {
            if (m->format == &din_format) as_din(batch, got);
            m->lines += got;
            if (!writer_add(w, batch, got)) abort();
        }
        reader_close(reader);
    }
    if (!writer_finish(w)) abort();
    writer_close(w);
    bench_file(m->path, m->text.bytes, m->text.length);
    size_t length = m->text.length;
    for (size_t i = 0; i < PARSE_PADDING_BYTES; i++) text_char(&m->text, ' ');
    m->text.length = length;
}

static void expect_lines(const struct measured *m, size_t count)
{
    if (count == m->lines) return;
    fprintf(stderr, "%zu lines of %zu\n", count, m->lines);
    exit(EXIT_FAILURE);
}

static double parse_memory(void *context)
{
    static struct access batch[BATCH];
    const struct measured *m = context;
    struct parse p = { .plain = m->format->plain(),
                       .at = m->text.bytes,
                       .end = m->text.bytes + m->text.length };
    size_t count = 0, got;
    double start = bench_seconds();
    while ((got = m->format->parse(&p, batch, BATCH)) > 0)
        count += got;
    double seconds = bench_seconds() - start;
    expect_lines(m, count);
    return seconds;
}

static struct access_source open_source(void *context)
{
    struct measured *m = context;
    m->reader = open_trace(m->path, m->format->name);
    if (m->is_ahead) reader_read_ahead(m->reader);
    return reader_source(m->reader);
}

static void close_source(void *context)
{
    struct measured *m = context;
    reader_close(m->reader);
}

static double read_file(void *context)
{
    static struct access batch[BATCH];
    struct measured *m = context;
    size_t count = 0, got;
    bool failed = false;
    double start = bench_seconds();
    struct access_source source = open_source(m);
    while ((got = source.pull(source.context, batch, BATCH, &failed)) > 0)
        count += got;
    close_source(m);
    double seconds = bench_seconds() - start;
    expect_lines(m, count);
    return seconds;
}

static double replay(void *context)
{
    struct measured *m = context;
    m->found = bench_engine(open_source, close_source, m);
    return m->is_ahead ? m->found.passed : m->found.seconds;
}

static void measure(const struct trace_format *format, const char *trace)
{
    static const char *const names[] = { "parsed in memory", "read from a file",
                                         "replayed, one thread", "replayed, two threads" };
    static double (*const ways[])(void *context) = { parse_memory, read_file, replay, replay };
    struct measured m = { .format = format };
    const char *slash = strrchr(trace, '/');
    double limit = 0;
    write_text(&m, trace);
    printf("%s of %s, %.1f bytes a line\n", format->name, slash != NULL ? slash + 1 : trace,
           (double)m.text.length / (double)m.lines);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        m.is_ahead = i == 3;
        double seconds = bench_best(ROUNDS, ways[i], &m);
        if (i == 0) limit = seconds;
        printf("  %-21s %7.1f million lines/s, %.2f of parsing alone\n", names[i],
               (double)m.lines / seconds / 1e6, limit / seconds);
    }
    unlink(m.path);
    text_free(&m.text);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        measure(&lackey_format, argv[i]);
        measure(&din_format, argv[i]);
    }
    return EXIT_SUCCESS;
}
