/* Readers of memory-access traces: what is read, what is refused and where the message points. */
#define _POSIX_C_SOURCE 200809L

#include "replay_support.h"

#include "base/rng.h"
#include "replay/parse.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(replay, lackey_records)
{
    static const char text[] =
        "==12== Lackey, an example Valgrind tool\n"
        "--12-- warning\n"
        "**12** said by the program\n"
        "\n \t\r\n"
        "I  0401ab70,3\n"
        " S 1fff0006f8,8\n"
        " L 1ffeFFfdc0,16\n"
        " M 04022c0c,1\r\n"
        "==12== \n"
        "L 10,4096 \n"
        " S 0,512\n"
        "I  ffffffffff600000,10\n"
        " L fffffffffffffffe,2\n"
        " L 0000000000000000000abc,4\n"
        " L 123456789abcdef,99";
    static const struct access expected[] = {
        { 0x0401ab70, 3, ACCESS_FETCH },          { 0x1fff0006f8, 8, ACCESS_STORE },
        { 0x1ffefffdc0, 16, ACCESS_LOAD },        { 0x04022c0c, 1, ACCESS_MODIFY },
        { 0x10, 4096, ACCESS_LOAD },              { 0, 512, ACCESS_STORE },
        { 0xffffffffff600000, 10, ACCESS_FETCH }, { 0xfffffffffffffffe, 2, ACCESS_LOAD },
        { 0xabc, 4, ACCESS_LOAD },                { 0x123456789abcdef, 99, ACCESS_LOAD },
    };
    expect_records(text, "lackey", expected, COUNT_OF(expected));
}

Test(replay, din_records)
{
    static const char text[] = "2 401ab73\n"
                               "0 1fff0006f8\n"
                               "1 7 a comment\n"
                               "\n"
                               " 1\t0xFFFFFFFFFFFFFFFF\r\n"
                               "0 ffffffffffffffff\n"
                               "0 0";
    static const struct access expected[] = {
        { 0x401ab70, 4, ACCESS_FETCH },           { 0x1fff0006f8, 4, ACCESS_LOAD },
        { 4, 4, ACCESS_STORE },                   { 0xfffffffffffffffc, 4, ACCESS_STORE },
        { 0xfffffffffffffffc, 4, ACCESS_LOAD },   { 0, 4, ACCESS_LOAD },
    };
    expect_records(text, "din", expected, COUNT_OF(expected));
}

/* Every length of an address and every digit, in the usual form and in one that only the careful
 * parser takes (a blank at the end of the line). */
Test(replay, hexadecimal_of_every_length)
{
    static const char digits[] = "fEdCbA9876543210";
    for (unsigned length = 1; length <= 16; length++)
        for (unsigned form = 0; form < 4; form++) {
            bool is_din = form >= 2;
            char text[64];
            uint64_t address = 0;
            for (unsigned i = 0; i < length; i++)
                address = address << 4 | (15 - i);
            snprintf(text, sizeof text, "%s%.*s%s%s\n", is_din ? "1 " : " S ", (int)length, digits,
                     is_din ? "" : ",1", form % 2 == 1 ? " " : "");
            struct result *result = read_bytes(text, strlen(text), NULL, 4);
            cr_assert_eq(result->count, 1u, "%s: %s", text, result->error);
            cr_expect_eq(result->records[0].address, is_din ? address & ~UINT64_C(3) : address,
                         "%s", text);
            cr_expect_eq(result->records[0].kind, ACCESS_STORE);
            free(result);
        }
}

/* The vector and the portable form of what finds digits and line ends, on bytes near their bounds.
   */
Test(replay, forms_for_every_host_agree)
{
    static const char near[] = "/09:@AFG`afg\n\v\t ,\0\x80\xb0\xe1\xff\x10\x8a";
    struct rng random;
    rng_init(&random, 1, 0);
    for (unsigned round = 0; round < 200000; round++) {
        char bytes[16];
        uint64_t any = round % 2;
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = any ? (char)rng_below(&random, 256) : near[rng_below(&random, sizeof near)];
        struct parse_hex16 fast = parse_hex16(bytes), portable = parse_hex16_portable(bytes);
        uint64_t value = 0;
        for (unsigned i = 0; i < 16; i++) {
            bool is_digit = bytes[i] != 0 && strchr("0123456789abcdefABCDEF", bytes[i]) != NULL;
            cr_assert_eq(fast.digits >> i & 1, is_digit, "byte %x", (unsigned char)bytes[i]);
            if (is_digit) value |= UINT64_C(15) << (60 - 4 * i);
        }
        cr_assert_eq(fast.digits, portable.digits);
        cr_assert_eq(fast.value & value, portable.value & value);
        cr_assert_eq(parse_line_ends16(bytes), parse_line_ends16_portable(bytes));
    }
}

/* ---- plain lines by the processor's own instructions and without ---- */

enum { BOTH_LINES = 400, BOTH_LINE_BYTES = 48 };

/* What a parser made of a text, bad lines passed over. */
struct made {
    struct access records[BOTH_LINES];
    size_t count, bad_count;
    uint64_t lines;
    struct { size_t line_at, bad_at, records; uint64_t lines; const char *why; } bad[BOTH_LINES];
};

static void make(const struct trace_format *format, parse_plain *plain, const char *text,
                 size_t length, size_t room, struct made *m)
{
    struct parse p = { .plain = plain, .at = text, .end = text + length };
    memset(m, 0, sizeof *m);
    while (p.at < p.end) {
        struct access batch[BOTH_LINES] = { 0 };
        size_t got = format->parse(&p, batch, room);
        cr_assert_leq(got, room);
        for (size_t i = 0; i < got; i++)
            m->records[m->count++] = batch[i];
        if (p.bad == NULL) continue;
        m->bad[m->bad_count].line_at = (size_t)(p.at - text);
        m->bad[m->bad_count].bad_at = (size_t)(p.bad - text);
        m->bad[m->bad_count].records = m->count;
        m->bad[m->bad_count].lines = p.lines;
        m->bad[m->bad_count++].why = p.why;
        p.at = parse_next_line(p.at);
        p.lines++;
        p.bad = NULL;
    }
    m->lines = p.lines;
}

/* A line of the format, of which about one in `odd` has something else in it than usual. */
static size_t put_line(char *at, bool is_din, struct rng *random, uint64_t odd)
{
    static const char *const heads[] = { "I  ", " L ", " S ", " M " };
    static const char *const odds[] = { "==1== x", "", " ", "--1--", "I", "3 10", "I  04,1,1",
                                       " L fffffffffffffffe,4", "I  ffffffffffffffff,1" };
    static const char any[] = "0aFg,/:@`G \t\r\n=-\0\xff";
    static const uint32_t sizes[] = { 1, 2, 3, 4, 8, 16, 32, 9, 10, 99, 100, 0, 512, 4096, 4097 };
    bool is_odd = rng_below(random, odd) == 0;
    uint64_t digits = 1 + rng_below(random, is_odd ? 18 : 12), usual = 7;
    uint64_t size = sizes[rng_below(random, is_odd ? COUNT_OF(sizes) : usual)];
    int length = is_din ? sprintf(at, "%u ", (unsigned)rng_below(random, 3))
                        : sprintf(at, "%s", heads[rng_below(random, COUNT_OF(heads))]);
    bool is_large = is_odd && rng_below(random, 2) == 0;
    for (uint64_t i = 0; i < digits; i++)
        at[length++] = (is_large ? "0123456789ABCDEF" : "0123456789abcdef")[rng_below(random, 16)];
    if (!is_din) length += sprintf(at + length, ",%u", (unsigned)size);
    if (is_odd && rng_below(random, 4) == 0)
        length = sprintf(at, "%s", odds[rng_below(random, COUNT_OF(odds))]);
    else if (is_odd && rng_below(random, 2) == 0)
        at[rng_below(random, (uint64_t)length)] = any[rng_below(random, sizeof any)];
    if (is_odd && rng_below(random, 4) == 0) at[length++] = '\r';
    at[length++] = '\n';
    return (size_t)length;
}

static void expect_same(const struct made *plain, const struct made *portable)
{
    cr_assert_eq(plain->count, portable->count, "%zu, %zu", plain->count, portable->count);
    for (size_t i = 0; i < plain->count; i++) {
        const struct access *a = &plain->records[i], *b = &portable->records[i];
        cr_assert(a->address == b->address && a->size == b->size && a->kind == b->kind,
                  "record %zu", i);
    }
    cr_assert_eq(plain->lines, portable->lines);
    cr_assert_eq(plain->bad_count, portable->bad_count);
    cr_assert_eq(memcmp(plain->bad, portable->bad, sizeof plain->bad), 0);
}

Test(replay, plain_lines_by_either_way)
{
    static char text[BOTH_LINES * BOTH_LINE_BYTES + PARSE_PADDING_BYTES];
    static struct made plain, portable;
    struct rng random;
    rng_init(&random, 2, 0);
    for (unsigned round = 0; round < 4000; round++) {
        bool is_din = round % 2;
        const struct trace_format *format = is_din ? &din_format : &lackey_format;
        uint64_t lines = 1 + rng_below(&random, BOTH_LINES / 2), odd = 1 + rng_below(&random, 200);
        size_t length = 0;
        for (uint64_t i = 0; i < lines; i++)
            length += put_line(text + length, is_din, &random, odd);
        memset(text + length, 0, PARSE_PADDING_BYTES);
        size_t room = 1 + (size_t)rng_below(&random, BOTH_LINES);
        make(format, format->plain(), text, length, room, &plain);
        make(format, NULL, text, length, 1 + (size_t)rng_below(&random, BOTH_LINES), &portable);
        expect_same(&plain, &portable);
    }
}

/* Every two bytes where a size ends, and each of the others in turn. */
Test(replay, plain_lines_of_every_byte)
{
    static struct made plain, portable;
    static const char good[] = " L 1ffefff6f8,16\n";
    char text[8 * sizeof good + PARSE_PADDING_BYTES] = "";
    for (unsigned i = 0; i < 8; i++) memcpy(text + i * strlen(good), good, strlen(good));
    char *line = text + 6 * strlen(good);
    for (size_t at = 0; at + 1 < strlen(good); at++)
        for (unsigned value = 0; value < (at + 3 == strlen(good) ? 1U << 16 : 1U << 8); value++) {
            memcpy(line, good, strlen(good));
            line[at] = (char)(value & 255);
            if (at + 3 == strlen(good)) line[at + 1] = (char)(value >> 8);
            make(&lackey_format, lackey_format.plain(), text, 8 * strlen(good), 64, &plain);
            make(&lackey_format, NULL, text, 8 * strlen(good), 64, &portable);
            expect_same(&plain, &portable);
        }
}

Test(replay, every_byte_in_an_address)
{
    for (unsigned place = 0; place < 12; place++)
        for (int c = 0; c < 256; c++) {
            char text[] = "I  0401ab7012ef,3\n";
            text[3 + place] = (char)c;
            bool is_digit = memchr("0123456789abcdefABCDEF", c, 22) != NULL;
            bool is_blank = place == 0 && (c == ' ' || c == '\t');
            bool is_elsewhere = c == '\n' || c == ','; /* the line goes wrong later */
            struct result *result = read_bytes(text, sizeof text - 1, "lackey", 8);
            cr_expect_eq(result->count, is_digit || is_blank, "byte %d at %u", c, place);
            char place_text[16];
            snprintf(place_text, sizeof place_text, "t:1:%u: ", place + 4);
            if (!is_digit && !is_blank && !is_elsewhere)
                cr_expect_eq(strncmp(result->error, place_text, strlen(place_text)), 0, "%s",
                             result->error);
            free(result);
        }
}

struct bad_case {
    const char *format, *text;
    size_t records; /* before the bad line */
    const char *error;
};

static const struct bad_case bad_cases[] = {
    { NULL, "", 0, "t: error: the trace is empty" },
    { "din", "", 0, "t: error: the trace is empty" },
    { NULL, "==1== x\n\n", 0, "t: error: no record in the trace" },
    { "lackey", "==1== x\n\n", 0, "t: error: no record in the trace" },
    { "lacky", "I  04,1\n", 0,
      "t: error: unknown trace format \"lacky\"; known are lackey, din, xdin, "
      "dinero-binary, champsim, csv, packed" },
    { NULL, "==1==\n\nq 1000 4\n", 0,
      "t:3:1: error: no known trace format starts like this; the line is \"q 1000 4\"" },
    { NULL, "I  04,1\n==1==\n L 0g,1\n L 04,1\n", 1,
      "t:3:5: error: expected ',' and a size after the address; the line is \" L 0g,1\"" },
    { NULL, " L ,1\n", 0, "t:1:4: error: expected a hexadecimal address; the line is \" L ,1\"" },
    { NULL, " L 10000000000000000,1\r\n", 0,
      "t:1:4: error: address of more than 64 bits; the line is \" L 10000000000000000,1\"" },
    { NULL, "I  04,1\nI  04,1", 2, "" },
    { NULL, "I  04,1\nI  04,", 1,
      "t:2:7: error: expected a size in decimal; the line is \"I  04,\"" },
    { NULL, " L 04,0\n", 0, "t:1:7: error: a size is 1 to 4096 bytes; the line is \" L 04,0\"" },
    { NULL, " L 04,00\n", 0, "t:1:7: error: a size is 1 to 4096 bytes; the line is \" L 04,00\"" },
    { NULL, " L 04,4097\n", 0,
      "t:1:7: error: a size is 1 to 4096 bytes; the line is \" L 04,4097\"" },
    { NULL, " L 04,18446744073709551617\n", 0,
      "t:1:7: error: a size is 1 to 4096 bytes; the line is \" L 04,18446744073709551617\"" },
    { NULL, " L 04,1x\n", 0,
      "t:1:8: error: expected the end of the line after the size; the line is \" L 04,1x\"" },
    { NULL, " L ffffffffffffffff,2\n", 0,
      "t:1:4: error: the access reaches past the end of the 64-bit address space; the line is "
      "\" L ffffffffffffffff,2\"" },
    { "lackey", "0 10\n", 0,
      "t:1:1: error: expected 'I', 'L', 'S' or 'M', a blank, an address and a size; the line is "
      "\"0 10\"" },
    { "din", "0 10\n3 10\n", 1,
      "t:2:1: error: expected a label: 0 (read), 1 (write) or 2 (fetch); the line is \"3 10\"" },
    { NULL, "0 10\n10 10\n", 1,
      "t:2:2: error: expected a blank and an address after the label; the line is \"10 10\"" },
    { NULL, "0 \n", 0, "t:1:3: error: expected a hexadecimal address; the line is \"0 \"" },
    { NULL, "0 0x\n", 0, "t:1:5: error: expected a hexadecimal address; the line is \"0 0x\"" },
    { NULL, "1 10g\n", 0,
      "t:1:5: error: expected a hexadecimal digit, a blank or the end of the line; the line is "
      "\"1 10g\"" },
    { NULL, "1 10000000000000000\n", 0,
      "t:1:3: error: address of more than 64 bits; the line is \"1 10000000000000000\"" },
};

Test(replay, bad_traces)
{
    for (size_t i = 0; i < COUNT_OF(bad_cases); i++) {
        const struct bad_case *c = &bad_cases[i];
        struct result *result = read_bytes(c->text, strlen(c->text), c->format, 8);
        cr_expect_str_eq(result->error, c->error);
        cr_expect_eq(result->count, c->records, "%s", c->text);
        free(result);
    }
}

Test(replay, bytes_that_are_no_text)
{
    /* Three NUL bytes in the place of the kind, and a control character in a line. */
    struct result *result = read_bytes("I  04,1\n\0\0\000404,1\n", 17, NULL, 8);
    cr_expect_eq(result->count, 1u);
    cr_expect_eq(strncmp(result->error, "t:2:1: error: ", 14), 0, "%s", result->error);
    free(result);
    result = read_bytes("\x1f\x8c\x08", 3, NULL, 8);
    cr_expect_str_eq(result->error, "t:1:1: error: no known trace format starts like this; "
                                    "the line is \"\\x1F\\x8C\\x08\"");
    free(result);
}

Test(replay, files_that_cannot_be_read)
{
    struct result *result = read_trace("/nowhere/x.lackey", NULL, 8);
    cr_expect_str_eq(result->error,
                     "/nowhere/x.lackey: error: cannot open: No such file or directory");
    free(result);
    result = read_trace("/tmp", NULL, 8);
    cr_expect_str_eq(result->error, "/tmp: error: is a directory, not a trace");
    free(result);
}

/* More than a buffer, with lines that cross its ends and remarks longer than it. */
static char *write_long_trace(size_t *length, size_t record_count, size_t remark_bytes)
{
    char *bytes = malloc(record_count * 24 + 3 * (remark_bytes + 8)), *at = bytes;
    for (size_t i = 0; i < record_count; i++) {
        if (i % (record_count / 2) == 0) {
            at += sprintf(at, "==1==");
            memset(at, 'I', remark_bytes);
            at += remark_bytes;
            at += sprintf(at, "\n");
        }
        at += sprintf(at, " L %zx,%zu\n", i * 0x10001, i % 9 + 1);
    }
    *length = (size_t)(at - bytes);
    return bytes;
}

static void expect_long_trace(const struct result *result, size_t record_count)
{
    cr_expect_str_eq(result->error, "");
    cr_assert_eq(result->count, record_count, "%zu records", result->count);
    cr_expect_eq(result->lines, record_count + 2);
    for (size_t i = 0; i < record_count; i++)
        cr_assert(result->records[i].address == i * 0x10001 && result->records[i].size == i % 9 + 1,
                  "record %zu", i);
}

Test(replay, long_traces)
{
    enum { RECORD_COUNT = 90000, BUFFER_BYTES = 256 * 1024 };
    for (size_t remark = BUFFER_BYTES - 8; remark < BUFFER_BYTES + 3; remark++) {
        size_t length;
        char *bytes = write_long_trace(&length, RECORD_COUNT, remark);
        struct result *result = read_bytes(bytes, length, NULL, 999);
        expect_long_trace(result, RECORD_COUNT);
        free(result);
        free(bytes);
    }
}

Test(replay, pipes_with_short_reads)
{
    enum { RECORD_COUNT = 5000 };
    size_t length;
    char *bytes = write_long_trace(&length, RECORD_COUNT, 700000);
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        for (size_t at = 0; at < length;) {
            size_t part = length - at < 777 ? length - at : 777;
            ssize_t written = write(ends[1], bytes + at, part);
            if (written < 0) _exit(1);
            at += (size_t)written;
        }
        _exit(0);
    }
    close(ends[1]);
    cr_assert_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    struct result *result = read_trace("-", NULL, 100);
    expect_long_trace(result, RECORD_COUNT);
    free(result);
    free(bytes);
}

Test(replay, lines_longer_than_the_buffer)
{
    /* A remark may be that long, a record not: it could hide another behind blanks. */
    enum { LENGTH = 300000 };
    char *bytes = malloc(LENGTH);
    memset(bytes, ' ', LENGTH);
    memcpy(bytes, "0 10\n", 5);
    memcpy(bytes + LENGTH - 5, "0 20\n", 5);
    struct result *result = read_bytes(bytes, LENGTH, NULL, 8);
    cr_expect_eq(result->count, 1u);
    cr_expect_eq(strncmp(result->error, "t:2:1: error: a line of more than 256 KiB", 41), 0, "%s",
                 result->error);
    free(result);
    free(bytes);
}
