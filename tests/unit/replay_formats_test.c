/* The formats besides lackey and din, telling them apart, compression, and what is passed over. */
#define _POSIX_C_SOURCE 200809L

#include "replay_support.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef MDLSIM_HAVE_LZMA
#include <lzma.h>
#endif
#ifdef MDLSIM_HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef MDLSIM_HAVE_ZSTD
#include <zstd.h>
#endif

Test(replay_formats, xdin_records)
{
    static const char text[] = "i 401ab73 3\n"
                               "r 0x1fff0006f8 8 a comment\n"
                               "\n"
                               "c 40 40\n"
                               " W\tFFFFFFFFFFFFFFFF 0X1\r\n"
                               "m 0 0\n"
                               "v ffff 10\n"
                               "r 10 1000";
    static const struct access expected[] = {
        { 0x401ab73, 3, ACCESS_FETCH },
        { 0x1fff0006f8, 8, ACCESS_LOAD },
        { 0xffffffffffffffff, 1, ACCESS_STORE },
        { 0x10, 4096, ACCESS_LOAD },
    };
    expect_records(text, "xdin", expected, COUNT_OF(expected));
    struct result *result = read_bytes(text, strlen(text), "xdin", 100);
    cr_expect_eq(result->passed_over, 3u);
    cr_expect_eq(result->lines, 8u);
    free(result);
}

Test(replay_formats, csv_records)
{
    static const struct access expected[] = {
        { 0x401ab73, 3, ACCESS_FETCH },
        { 4096, 8, ACCESS_LOAD },
        { UINT64_MAX, 1, ACCESS_STORE },
        { 0x10, 4096, ACCESS_MODIFY },
    };
    static const char plain[] = "# made by hand\n"
                                "fetch,0x401ab73,3\n"
                                "0, 4096 ,8\r\n"
                                "\n"
                                "Write,0xFFFFFFFFFFFFFFFF,0x1\n"
                                "m,16,4096";
    static const char named[] = "time,size,Address,KIND,note\n"
                                "1.5,3,0x401AB73,i,\n"
                                "x,8,4096,r,a b\n"
                                ",1,18446744073709551615,store,\n"
                                "2,4096,0x10,modify,z\n";
    static const char owned[] = "fetch,0x401ab73,3,7,0\n"
                                "load,4096,8,7,0\n"
                                "store,0xFFFFFFFFFFFFFFFF,1,0x7,0\n"
                                "modify,16,4096,7,0\n";
    static const char quoted[] = "\xEF\xBB\xBF\"note\",\"kind\",\"address\",\"size\"\n"
                                 "\"a, b\",\"fetch\",\"0x401ab73\",\"3\"\r\n"
                                 "\"c \"\"d, e\"\"\", load , \"4096\" ,8\n"
                                 "\"\",\"store\",18446744073709551615,\"1\"\n"
                                 ",modify,16,4096\n";
    static const char marked[] = "\xEF\xBB\xBF" "fetch,0x401ab73,3\nl,4096,8\n"
                                 "s,18446744073709551615,1\nm,16,4096\n";
    expect_records(plain, "csv", expected, COUNT_OF(expected));
    expect_records(quoted, "csv", expected, COUNT_OF(expected));
    expect_records(marked, "csv", expected, COUNT_OF(expected));
    expect_records(named, "csv", expected, COUNT_OF(expected));
    expect_records(owned, "csv", expected, COUNT_OF(expected));
}

static const char two_owners[] = "kind,address,size,pid,cpu\n"
                                 "load,0x1000,1,7,0\n"
                                 "load,0x2000,2,8,0\n"
                                 "load,0x3000,3,8,1\n";

Test(replay_formats, csv_of_one_process_and_cpu)
{
    struct text error;
    struct access out[4];
    bool failed = false;
    text_init(&error, &test_allocator);
    write_trace(two_owners, sizeof two_owners - 1);
    struct trace_reader *reader = reader_open("t", NULL, &test_allocator, &error);
    cr_assert_not_null(reader);
    cr_expect(reader_choose_pid(reader, 8) && reader_choose_cpu(reader, 1));
    struct access_source source = reader_source(reader);
    cr_assert_eq(source.pull(source.context, out, 4, &failed), 1u);
    cr_expect_eq(out[0].address, 0x3000u);
    cr_expect_eq(source.pull(source.context, out, 4, &failed), 0u);
    cr_expect_not(failed);
    cr_expect_eq(reader_passed_over(reader), 2u);
    reader_close(reader);
    remove_trace();
    text_free(&error);
}

static const unsigned char dinero_bytes[] = {
    0x73, 0xab, 0x01, 0x04, 3, 0, 2, 0, 0xff, 0xff, 0xff, 0xff, 0, 0x10, 1, 0,
    0x40, 0,    0,    0,    8, 0, 4, 0, 0x00, 0x10, 0x00, 0x00, 8, 0,    0, 0,
};

Test(replay_formats, dinero_binary_records)
{
    static const struct access expected[] = {
        { 0x401ab73, 3, ACCESS_FETCH },
        { 0xffffffff, 4096, ACCESS_STORE },
        { 0x1000, 8, ACCESS_LOAD },
    };
    expect_bytes((const char *)dinero_bytes, sizeof dinero_bytes, "dinero-binary", expected,
                 COUNT_OF(expected));
}

static void put_little(unsigned char *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) at[i] = (unsigned char)(value >> (8 * i));
}

/* Two instructions: one with every operand, one with none. */
static void write_champsim(unsigned char bytes[128])
{
    memset(bytes, 0, 128);
    put_little(bytes, 0x401000);
    bytes[8] = bytes[9] = 1;
    for (unsigned i = 0; i < 6; i++) put_little(bytes + 16 + 8 * i, 0x7ffc00000000 + i);
    put_little(bytes + 64, 0xffffffff81000000);
}

Test(replay_formats, champsim_records)
{
    static const struct access expected[] = {
        { 0x401000, 1, ACCESS_FETCH },
        { 0x7ffc00000002, 1, ACCESS_LOAD },
        { 0x7ffc00000003, 1, ACCESS_LOAD },
        { 0x7ffc00000004, 1, ACCESS_LOAD },
        { 0x7ffc00000005, 1, ACCESS_LOAD },
        { 0x7ffc00000000, 1, ACCESS_STORE },
        { 0x7ffc00000001, 1, ACCESS_STORE },
        { 0xffffffff81000000, 1, ACCESS_FETCH },
    };
    unsigned char bytes[128];
    write_champsim(bytes);
    expect_bytes((const char *)bytes, sizeof bytes, "champsim", expected, COUNT_OF(expected));
}

struct bad_case {
    const char *format, *text;
    size_t length, records; /* length 0: a string */
    const char *error;
};

static const struct bad_case bad_cases[] = {
    { NULL, "r 10 4\nr 10\n", 0, 1,
      "t:2:5: error: expected a blank and a size after the address; the line is \"r 10\"" },
    { NULL, "r 10 4\nl 10 4\n", 0, 1,
      "t:2:1: error: expected r, w, i, m, c or v, and a blank; the line is \"l 10 4\"" },
    { NULL, "r 10 4g\n", 0, 0,
      "t:1:7: error: expected a hexadecimal digit, a blank or the end of the line; the line is "
      "\"r 10 4g\"" },
    { NULL, "r 10 \n", 0, 0, "t:1:6: error: expected a hexadecimal size; the line is \"r 10 \"" },
    { NULL, "r 10 0\n", 0, 0, "t:1:6: error: a size is 1 to 4096 bytes; the line is \"r 10 0\"" },
    { NULL, "r 10 1001\n", 0, 0,
      "t:1:6: error: a size is 1 to 4096 bytes; the line is \"r 10 1001\"" },
    { NULL, "r 10 10000000000000001\n", 0, 0,
      "t:1:6: error: a size is 1 to 4096 bytes; the line is \"r 10 10000000000000001\"" },
    { NULL, "w ffffffffffffffff 2\n", 0, 0,
      "t:1:3: error: the access reaches past the end of the 64-bit address space; the line is "
      "\"w ffffffffffffffff 2\"" },
    { NULL, "load,1,1\nlode,1,1\n", 0, 1,
      "t:2:1: error: expected a kind: load, store, fetch or modify; the line is \"lode,1,1\"" },
    { NULL, "load,1,\n", 0, 0, "t:1:8: error: expected a number; the line is \"load,1,\"" },
    { NULL, "load,1f,1\n", 0, 0,
      "t:1:7: error: expected a digit of a number, decimal or 0x; the line is \"load,1f,1\"" },
    { NULL, "load,18446744073709551616,1\n", 0, 0,
      "t:1:6: error: a number of more than 64 bits; the line is \"load,18446744073709551616,1\"" },
    { NULL, "load,1,1\nload,1,1,1\n", 0, 1,
      "t:2:1: error: not as many columns as the first line has; the line is \"load,1,1,1\"" },
    { NULL, "kind,adress,size\nload,1,1\n", 0, 0,
      "t:1:1: error: no column is named address; the line is \"kind,adress,size\"" },
    { NULL, "size,kind,address,size\n", 0, 0,
      "t:1:19: error: a second column of this name; the line is \"size,kind,address,size\"" },
    { NULL, two_owners, 0, 1,
      "t:3:15: error: another pid than before: choose one (mdlsim import --pid); the line is "
      "\"load,0x2000,2,8,0\"" },
    { "dinero-binary", "\0\0\0\0\1\0\0\0\0\0\0\0\1\0\6\0", 16, 1,
      "t: error: record 2, at byte 14: a kind is 0 to 5" },
    { NULL, "\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0", 16, 0,
      "t:1:1: error: no known trace format starts like this; the line is "
      "\"\\x00\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"" },
    { NULL, "\0\0\0\0\1\0\0\0\0\0\0\0\1", 13, 1,
      "t: error: cut off at byte 13: 5 bytes are no whole record of 8" },
    { "champsim", "\0\0\0\0\1\0\0", 7, 0,
      "t: error: cut off at byte 7: 7 bytes are no whole record of 64" },
};

Test(replay_formats, bad_traces)
{
    for (size_t i = 0; i < COUNT_OF(bad_cases); i++) {
        const struct bad_case *c = &bad_cases[i];
        size_t length = c->length != 0 ? c->length : strlen(c->text);
        struct result *result = read_bytes(c->text, length, c->format, 8);
        cr_expect_str_eq(result->error, c->error);
        cr_expect_eq(result->count, c->records, "%s: %zu", c->error, result->count);
        free(result);
    }
}

/* Bad lines in the middle, at the end and longer than the buffer are counted, the rest is read. */
Test(replay_formats, bad_lines_skipped)
{
    enum { LONG = 600000 };
    char *text = malloc(LONG + 200), *at = text;
    at += sprintf(at, " L 10,1\n L 10\n S 20,2\n");
    memset(at, 'x', LONG);
    at += LONG;
    at += sprintf(at, "\n L 30,0\nI  40,4\n L 5");
    write_trace(text, (size_t)(at - text));
    for (size_t room = 1; room < 5; room++) {
        struct result *result = read_trace_as("t", NULL, room, true);
        cr_expect_str_eq(result->error, "");
        cr_assert_eq(result->count, 3u);
        cr_expect_eq(result->records[2].address, 0x40u);
        cr_expect_eq(result->skipped, 4u);
        cr_expect_eq(result->lines, 7u);
        cr_expect_str_eq(result->first_skipped,
                         "t:2:6: error: expected ',' and a size after the address; the line is "
                         "\" L 10\"");
        free(result);
    }
    remove_trace();
    free(text);
}

Test(replay_formats, bad_records_skipped)
{
    static const char bytes[] = "\0\0\0\0\1\0\0\0\0\0\0\0\1\0\6\0\2\0\0\0\1\0\1\0";
    write_trace(bytes, 24);
    struct result *result = read_trace_as("t", "dinero-binary", 8, true);
    cr_expect_eq(result->count, 2u);
    cr_expect_eq(result->skipped, 1u);
    cr_expect_eq(result->lines, 3u);
    free(result);
    remove_trace();
}

Test(replay_formats, a_file_that_grows_while_it_is_read)
{
    struct text error;
    struct access out[8];
    bool failed = false;
    text_init(&error, &test_allocator);
    write_trace(" L 10,1\n", 8);
    struct trace_reader *reader = reader_open("t", NULL, &test_allocator, &error);
    cr_assert_not_null(reader);
    int file = open("t", O_WRONLY | O_APPEND);
    cr_assert_eq(write(file, " S 20,1", 7), 7);
    close(file);
    struct access_source source = reader_source(reader);
    cr_expect_eq(source.pull(source.context, out, 8, &failed), 1u);
    cr_expect_eq(source.pull(source.context, out, 8, &failed), 0u);
    cr_expect(failed);
    cr_expect_str_eq(reader_error(reader), "t: error: the file changed while it was read: it had 8 "
                                           "bytes, and now 15, of which 15 were read");
    reader_close(reader);
    remove_trace();
    text_free(&error);
}

/* ---- compression ---- */

enum { PACKED_MAX = 1 << 20, LINES = 40000 };

static size_t pack_gzip(const char *text, size_t length, unsigned char *out)
{
#ifdef MDLSIM_HAVE_ZLIB
    z_stream z = { 0 };
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (unsigned)length;
    z.next_out = out;
    z.avail_out = PACKED_MAX;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return PACKED_MAX - z.avail_out;
#else
    return (void)text, (void)length, (void)out, 0;
#endif
}

static size_t pack_xz(const char *text, size_t length, unsigned char *out)
{
#ifdef MDLSIM_HAVE_LZMA
    size_t at = 0;
    cr_assert_eq(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, (const uint8_t *)text, length,
                                         out, &at, PACKED_MAX),
                 LZMA_OK);
    return at;
#else
    return (void)text, (void)length, (void)out, 0;
#endif
}

static size_t pack_zstd(const char *text, size_t length, unsigned char *out)
{
#ifdef MDLSIM_HAVE_ZSTD
    size_t bytes = ZSTD_compress(out, PACKED_MAX, text, length, 3);
    cr_assert(!ZSTD_isError(bytes));
    return bytes;
#else
    return (void)text, (void)length, (void)out, 0;
#endif
}

static const struct packing {
    const char *name;
    size_t (*pack)(const char *text, size_t length, unsigned char *out);
} packings[] = { { "gzip", pack_gzip }, { "xz", pack_xz }, { "zstd", pack_zstd } };

static char *write_lines(size_t *length)
{
    char *text = malloc(LINES * 24), *at = text;
    for (unsigned i = 0; i < LINES; i++)
        at += sprintf(at, " L %x,%u\n", i * 2654435761U, i % 8 + 1);
    *length = (size_t)(at - text);
    return text;
}

Test(replay_formats, compressed_traces)
{
    size_t length;
    char *text = write_lines(&length);
    unsigned char *packed = malloc(PACKED_MAX * 2);
    for (size_t i = 0; i < COUNT_OF(packings); i++) {
        /* Two members, streams or frames, one after the other. */
        size_t bytes = packings[i].pack(text, length, packed);
        if (bytes == 0) continue;
        bytes += packings[i].pack(text, length, packed + bytes);
        struct result *result = read_bytes((const char *)packed, bytes, NULL, 1000);
        cr_expect_str_eq(result->error, "", "%s: %s", packings[i].name, result->error);
        cr_assert_eq(result->count, 2u * LINES, "%s: %zu", packings[i].name, result->count);
        for (unsigned j = 0; j < 2 * LINES; j++)
            cr_assert_eq(result->records[j].address, (uint32_t)(j % LINES * 2654435761U));
        free(result);
    }
    free(packed);
    free(text);
}

/* Cut at any place, and with any byte changed: an error that names a byte, or all of the records
 * (a change in a header's time stamp or name harms nothing). */
Test(replay_formats, damaged_compression)
{
    size_t length;
    char *text = write_lines(&length);
    unsigned char *packed = malloc(PACKED_MAX);
    for (size_t i = 0; i < COUNT_OF(packings); i++) {
        size_t bytes = packings[i].pack(text, length, packed);
        for (size_t cut = 8; cut < bytes; cut += bytes / 20) {
            struct result *result = read_bytes((const char *)packed, cut, NULL, 1000);
            cr_expect(strstr(result->error, "t: error: cut off inside its ") == result->error, "%s",
                      result->error);
            cr_expect_lt(result->count, (size_t)LINES);
            free(result);
        }
        for (size_t at = 10; at < bytes; at += bytes / 20) {
            packed[at] ^= 0x55;
            struct result *result = read_bytes((const char *)packed, bytes, NULL, 1000);
            cr_expect(result->error[0] != '\0' || result->count == LINES, "%s, byte %zu",
                      packings[i].name, at);
            const char *where = strstr(result->error, " data at byte ");
            cr_expect(where == NULL || strtoull(where + 14, NULL, 10) >= at, "%s, byte %zu: %s",
                      packings[i].name, at, result->error);
            free(result);
            packed[at] ^= 0x55;
        }
    }
    free(packed);
    free(text);
}

Test(replay_formats, bytes_after_a_compressed_trace)
{
    unsigned char packed[4096];
    for (size_t i = 0; i < COUNT_OF(packings); i++) {
        size_t bytes = packings[i].pack(" L 10,1\n", 8, packed);
        if (bytes == 0) continue;
        memcpy(packed + bytes, "garbage, garbage", 16);
        struct result *result = read_bytes((const char *)packed, bytes + 16, NULL, 8);
        cr_expect(strstr(result->error, "t: error: damaged ") == result->error, "%s: %s",
                  packings[i].name, result->error);
        free(result);
    }
}
