/* Lines a second of the trace readers: the parser alone over text in memory, and the reader over a
 * file of the same text, in CPU time. */
#define _POSIX_C_SOURCE 200809L

#include "base/check.h"
#include "bench.h"
#include "replay/parse.h"
#include "replay/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_COUNT = 4 * 1000 * 1000, LINE_BYTES_MAX = 32, BATCH = 1024, ROUNDS = 5 };

/* A mix like a real program's: code at 8 digits, stack at 10, heap at 7 or 8, no pattern that a
 * branch predictor could learn. */
static size_t write_line(char *at, bool is_din, uint64_t random)
{
    static const uint64_t bases[4] = { 0x04022000, 0x0401a000, 0x1ffefff000, 0x4c3d000 };
    static const unsigned sizes[8] = { 8, 4, 8, 16, 1, 3, 5, 8 };
    uint64_t address = bases[random & 3] + (random >> 8 & 0xffff);
    unsigned kind = random >> 4 & 3;
    if (is_din) return (size_t)sprintf(at, "%u %" PRIx64 "\n", kind % 3, address);
    return (size_t)sprintf(at, "%.2s %08" PRIx64 ",%u\n", &"I  L S M"[2 * kind], address,
                           sizes[random >> 32 & 7]);
}

static char *write_text(bool is_din, size_t *length)
{
    char *text = calloc((size_t)LINE_COUNT * LINE_BYTES_MAX + PARSE_PADDING_BYTES, 1), *at = text;
    uint64_t random = 88172645463325252;
    if (text == NULL) abort();
    for (size_t i = 0; i < LINE_COUNT; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        at += write_line(at, is_din, random >> 3);
    }
    *length = (size_t)(at - text);
    return text;
}

static size_t parse_text(const struct trace_format *format, const char *text, size_t length)
{
    struct access batch[BATCH];
    struct parse p = { .at = text, .end = text + length };
    size_t count = 0, got;
    while ((got = format->parse(&p, batch, BATCH)) > 0)
        count += got;
    return count;
}

static size_t parse_file(const char *path, const char *format)
{
    struct access batch[BATCH];
    struct text error;
    text_init(&error, &bench_host);
    struct trace_reader *reader = reader_open(path, format, &bench_host, &error);
    if (reader == NULL) abort();
    struct access_source source = reader_source(reader);
    size_t count = 0, got;
    bool failed = false;
    while ((got = source.pull(source.context, batch, BATCH, &failed)) > 0)
        count += got;
    reader_close(reader);
    return failed ? 0 : count;
}

static void report(const char *format, const char *what, double seconds)
{
    printf("%-7s %-7s %7.1f million lines/s\n", format, what, LINE_COUNT / seconds / 1e6);
}

/* The best of some rounds; false when lines were lost. */
static bool measure(const struct trace_format *format, const char *path, const char *text,
                    size_t length)
{
    double best_text = 1e9, best_file = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double start = bench_seconds();
        if (parse_text(format, text, length) != LINE_COUNT) return false;
        double middle = bench_seconds();
        if (parse_file(path, format->name) != LINE_COUNT) return false;
        double end = bench_seconds();
        if (middle - start < best_text) best_text = middle - start;
        if (end - middle < best_file) best_file = end - middle;
    }
    report(format->name, "memory", best_text);
    report(format->name, "file", best_file);
    return true;
}

int main(void)
{
    const struct trace_format *const formats[] = { &lackey_format, &din_format };
    bool good = true;
    for (size_t i = 0; i < COUNT_OF(formats) && good; i++) {
        char path[64];
        size_t length;
        snprintf(path, sizeof path, "/tmp/replay_parse.%ld", (long)getpid());
        char *text = write_text(formats[i] == &din_format, &length);
        FILE *stream = fopen(path, "wbx");
        good = stream != NULL && fwrite(text, 1, length, stream) == length && fclose(stream) == 0 &&
               measure(formats[i], path, text, length);
        unlink(path);
        free(text);
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
