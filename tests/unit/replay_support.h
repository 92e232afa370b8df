/* What the tests of trace readers share: a file to read, and what came of reading it. */
#pragma once

#include "replay/reader.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file with these bytes in a folder of its own, entered, so that messages say "t". */
static inline void write_trace(const char *bytes, size_t length)
{
    char folder[64];
    const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/replay_test.%ld", place, (long)getpid());
    cr_assert_eq(mkdir(folder, 0700), 0);
    cr_assert_eq(chdir(folder), 0);
    FILE *file = fopen("t", "wb");
    cr_assert_eq(fwrite(bytes, 1, length, file), length);
    cr_assert_eq(fclose(file), 0);
}

static inline void remove_trace(void)
{
    char folder[64];
    cr_assert_not_null(getcwd(folder, sizeof folder));
    cr_assert_eq(unlink("t"), 0);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(rmdir(folder), 0);
}

enum { RECORDS_MAX = 100000 };

struct result {
    struct access records[RECORDS_MAX];
    size_t count;
    uint64_t lines, skipped, passed_over;
    char format[16];
    char error[512]; /* of opening or reading */
    char first_skipped[512];
};

/* Reads the file "t" (or `path`) `room` records at a time. */
static inline struct result *read_trace_as(const char *path, const char *format, size_t room,
                                           bool skip_bad)
{
    struct result *result = calloc(1, sizeof *result);
    struct text error;
    text_init(&error, &test_allocator);
    struct trace_reader *reader = reader_open(path, format, &test_allocator, &error);
    if (reader == NULL) {
        snprintf(result->error, sizeof result->error, "%s", text_string(&error));
        cr_expect_gt(error.length, 0u);
    } else {
        struct access_source source = reader_source(reader);
        if (skip_bad) reader_skip_bad(reader);
        bool failed = false;
        size_t got;
        do {
            cr_assert_leq(result->count + room, (size_t)RECORDS_MAX);
            got = source.pull(source.context, &result->records[result->count], room, &failed);
            result->count += got;
            cr_expect(got == 0 || !failed);
        } while (got > 0);
        cr_expect_eq(failed, reader_error(reader)[0] != '\0');
        cr_expect_eq(reader_records(reader), result->count);
        snprintf(result->error, sizeof result->error, "%s", reader_error(reader));
        snprintf(result->format, sizeof result->format, "%s", reader_format(reader));
        result->lines = reader_lines(reader);
        result->skipped = reader_skipped(reader);
        result->passed_over = reader_passed_over(reader);
        snprintf(result->first_skipped, sizeof result->first_skipped, "%s",
                 reader_first_skipped(reader));
    }
    reader_close(reader);
    text_free(&error);
    cr_expect_eq(test_outstanding_bytes(), 0u);
    return result;
}

static inline struct result *read_trace(const char *path, const char *format, size_t room)
{
    return read_trace_as(path, format, room, false);
}

static inline struct result *read_bytes(const char *bytes, size_t length, const char *format,
                                        size_t room)
{
    write_trace(bytes, length);
    struct result *result = read_trace("t", format, room);
    remove_trace();
    return result;
}

/* Reads these bytes with the format told by the content, by any number of records at a time. */
static inline void expect_bytes(const char *bytes, size_t length, const char *format,
                                const struct access *expected, size_t count)
{
    for (size_t room = 1; room <= count + 1; room++) {
        struct result *result = read_bytes(bytes, length, NULL, room);
        cr_expect_str_eq(result->error, "", "%s", result->error);
        cr_expect_str_eq(result->format, format);
        cr_assert_eq(result->count, count, "%zu records of %zu", result->count, count);
        for (size_t i = 0; i < count; i++) {
            const struct access *a = &result->records[i], *e = &expected[i];
            cr_expect(a->address == e->address && a->size == e->size && a->kind == e->kind,
                      "record %zu: kind %u at %llx, %u bytes", i, a->kind,
                      (unsigned long long)a->address, a->size);
        }
        free(result);
    }
}

static inline void expect_records(const char *text, const char *format,
                                  const struct access *expected, size_t count)
{
    expect_bytes(text, strlen(text), format, expected, count);
}
