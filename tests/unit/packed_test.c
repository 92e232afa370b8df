/* The packed format: there and back, skipping, damage. */
#define _POSIX_C_SOURCE 200809L

#include "packed_support.h"

Test(packed, there_and_back)
{
    for (enum shape shape = 0; shape < SHAPES; shape++) {
        struct access *records = make(shape, MANY);
        struct text bytes;
        pack(records, MANY, &bytes);
        size_t length = bytes.length;
        char *copy = malloc(length);
        memcpy(copy, bytes.bytes, length);
        text_free(&bytes);
        struct result *result = read_bytes(copy, length, NULL, 777);
        cr_expect_str_eq(result->error, "");
        cr_expect_str_eq(result->format, "packed");
        cr_assert_eq(result->count, (size_t)MANY);
        expect_same(result->records, records, MANY);
        if (shape == PROGRAM) cr_expect_lt(length, 3u * MANY);
        free(result);
        free(copy);
        free(records);
    }
}

/* Far enough for the index, to every kind of place. */
Test(packed, skipping_far)
{
    enum { FAR = 900000 };
    static const uint64_t places[] = { 1, 262143, 262144, 262145, 600000, 899999, FAR };
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct opened o;
        struct access one;
        bool failed = false;
        open_packed(&o, PROGRAM, FAR);
        cr_assert_eq(o.source.skip(o.source.context, places[i], &failed), places[i]);
        size_t got = o.source.pull(o.source.context, &one, 1, &failed);
        cr_assert_eq(got, places[i] < FAR, "%s", reader_error(o.reader));
        if (got > 0) cr_expect(same(&one, &o.records[places[i]]));
        cr_expect_eq(o.source.skip(o.source.context, UINT64_MAX, &failed),
                     FAR - places[i] - got);
        cr_expect_not(failed, "%s", reader_error(o.reader));
        close_packed(&o);
    }
}

static void expect_damage(const char *bytes, size_t length, const char *what, size_t at)
{
    struct result *result = read_bytes(bytes, length, "packed", 5000);
    cr_expect_eq(strncmp(result->error, "t: error: ", 10), 0, "%s at %zu of %zu: '%s'", what, at,
                 length, result->error);
    free(result);
}

Test(packed, any_damage_is_found)
{
    struct access *records = make(PROGRAM, 3000);
    struct text bytes;
    pack(records, 3000, &bytes);
    size_t length = bytes.length;
    char *copy = malloc(length + 1);
    memcpy(copy, bytes.bytes, length);
    text_free(&bytes);
    for (size_t at = 0; at < length; at += at < 128 || at + 170 > length ? 3 : 97) {
        copy[at] ^= 0x10;
        expect_damage(copy, length, "changed", at);
        copy[at] ^= 0x10;
        expect_damage(copy, at, "cut", at);
    }
    copy[length] = 0;
    expect_damage(copy, length + 1, "longer", length);
    struct result *result = read_bytes(copy, length, NULL, 5000);
    cr_expect_str_eq(result->error, "");
    free(result);
    free(copy);
    free(records);
}

Test(packed, messages_name_the_byte)
{
    struct access *records = make(PROGRAM, 3000);
    struct text bytes;
    pack(records, 3000, &bytes);
    char *copy = malloc(bytes.length);
    size_t length = bytes.length;
    memcpy(copy, bytes.bytes, length);
    text_free(&bytes);
    copy[100] ^= 1;
    struct result *result = read_bytes(copy, length, NULL, 100);
    cr_expect_str_eq(result->error, "t: error: damaged at byte 96: the checksum of a block's "
                                    "contents is another");
    cr_expect_eq(result->count, 0u);
    free(result);
    copy[100] ^= 1;
    result = read_bytes(copy, 1000, NULL, 100);
    cr_expect_str_eq(result->error, "t: error: cut off at byte 1000, before the end of the trace");
    free(result);
    result = read_bytes(" L 10,1\n", 8, "packed", 100);
    cr_expect_str_eq(result->error, "t: error: cut off at byte 8, before the end of the trace");
    free(result);
    free(copy);
    free(records);
}

/* Wrong contents under right checksums: an error or records that are some, never a crash. */
Test(packed, hostile_contents)
{
    struct access *records = make(PROGRAM, 3000);
    struct text bytes;
    struct rng random;
    rng_init(&random, 11, 0);
    pack(records, 3000, &bytes);
    size_t length = bytes.length, payload = length - 32 - 64 - 40 - 104;
    uint8_t *copy = malloc(length);
    for (unsigned round = 0; round < 800; round++) {
        memcpy(copy, bytes.bytes, length);
        uint8_t *head = copy + 32;
        for (unsigned i = 0; i < 3; i++)
            head[64 + rng_below(&random, payload)] = (uint8_t)rng_below(&random, 256);
        if (round % 3 == 0) head[40 + rng_below(&random, 2)] ^= 1;
        uint64_t sum = checksum_of(head + 64, payload);
        for (unsigned i = 0; i < 8; i++) head[48 + i] = (uint8_t)(sum >> (8 * i));
        sum = checksum_of(head, 56);
        for (unsigned i = 0; i < 8; i++) head[56 + i] = (uint8_t)(sum >> (8 * i));
        write_trace((const char *)copy, length);
        struct text error;
        text_init(&error, &test_allocator);
        struct trace_reader *reader = reader_open("t", NULL, &test_allocator, &error);
        cr_assert_not_null(reader);
        struct access_source source = reader_source(reader);
        static struct access_segment segment;
        struct access out[64];
        bool failed = false;
        uint64_t total = 0;
        while (source.pull_segment(source.context, &segment, 3000, &failed) > 0) {
            source.expand(source.context, &segment, 0, out, 64);
            total += segment.records;
        }
        if (!failed) source.pull(source.context, out, 1, &failed);
        cr_expect(failed || total == 3000);
        reader_close(reader);
        remove_trace();
        text_free(&error);
    }
    text_free(&bytes);
    free(copy);
    free(records);
}
