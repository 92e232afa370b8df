/* Unit tests of trace/scan and trace/read. */
#include "trace/read.h"

#include "support.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define HEAD                                                                                       \
    "\"mdlsim\": {\"format\": 1, \"version\": \"0.1.0\"},\n\"scenario\": {\"name\": \"s\"},\n"     \
    "\"machine\": {\"cpus\": 1},\n\"config\": {\"a\": {\"b\": 1}}"
#define TAIL                                                                                       \
    "\"end\": {\"reason\": \"completed\"},\n\"violations\": [],\n\"leaks\": [],\n\"stats\": "      \
    "{\"x\": 2}"
#define EVENT_0                                                                                    \
    "{\"seq\": 0, \"t\": 5, \"thread\": \"main\", \"line\": 3, \"call\": \"Aa\", \"args\": "       \
    "{\"x\": \"}]\\\"\"}}"
#define EVENT_1 "{\"seq\": 1, \"t\": 9, \"thread\": \"main\", \"call\": \"Bb\"}"

static const char lined[] =
    "{\n" HEAD ",\n\"events\": [\n" EVENT_0 ",\n" EVENT_1 "\n],\n" TAIL "\n}\n";
static const char lines[] =
    "{" HEAD "}\n" EVENT_0 "\n" EVENT_1 "\n{" TAIL ", \"count\": 2, \"digest\": \"0\"}\n";

static bool text_open(struct trace_reader *r, const char *bytes, size_t length)
{
    struct trace_source source = { .name = "t.json", .bytes = bytes, .length = length };
    return trace_open(r, &source, &test_allocator);
}

/* Reads all; the number of events, or -1 on trouble. */
static int read_all(const char *bytes, size_t length, int *status, char *error, size_t room)
{
    struct trace_reader r;
    struct trace_event event;
    int count = 0;
    if (text_open(&r, bytes, length)) {
        while (trace_next(&r, &event)) count++;
    }
    *status = r.status;
    snprintf(error, room, "%s", text_string(&r.error));
    cr_assert_eq(r.status == TRACE_OK, error[0] == '\0');
    trace_close(&r);
    cr_assert_eq(test_outstanding_bytes(), 0);
    return *status == TRACE_OK ? count : -1;
}

Test(read, hands_out_events_and_parts)
{
    static const char *const texts[] = { lined, lines };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct trace_reader r;
        struct trace_event e;
        cr_assert(text_open(&r, texts[i], strlen(texts[i])));
        cr_assert_not_null(trace_part(&r, "machine"));
        cr_assert_null(trace_part(&r, "stats"));
        cr_assert(trace_next(&r, &e));
        cr_assert_eq(e.length, strlen(EVENT_0));
        cr_assert_eq(memcmp(e.bytes, EVENT_0, e.length), 0);
        cr_assert_eq(e.line, i == 0 ? 7 : 5);
        struct scan_span v = e.values[SCAN_CALL], m = e.members[SCAN_SEQ];
        cr_assert_eq(memcmp(e.bytes + v.start, "\"Aa\"", v.end - v.start), 0);
        cr_assert_eq(memcmp(e.bytes + m.start, "\"seq\": 0, ", m.end - m.start), 0);
        json_t *parsed = trace_parse(&r, e.bytes, e.length, e.line);
        cr_assert_eq(json_integer_value(json_object_get(parsed, "t")), 5);
        json_decref(parsed);
        cr_assert(trace_next(&r, &e));
        cr_assert_eq(e.values[SCAN_LINE].end, 0);
        cr_assert_not(trace_next(&r, &e));
        cr_assert_eq(r.status, TRACE_OK);
        cr_assert_eq(r.event_count, 2);
        cr_assert_eq(json_integer_value(json_object_get(trace_part(&r, "stats"), "x")), 2);
        trace_close(&r);
    }
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(read, takes_any_layout)
{
    static const char *const texts[] = {
        "{" HEAD ",\"events\":[" EVENT_0 "," EVENT_1 "]," TAIL "}",
        "\n{ \"events\" :\n[\n\n" EVENT_0 "\n,\r\n" EVENT_1 "\n]\n,\n" TAIL ",\n\n" HEAD "\n}\n\n",
        "{" HEAD "}\n\n" EVENT_0 "\n" EVENT_1 "\n{" TAIL ", \"count\": 2}",
    };
    char error[256];
    int status;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        cr_assert_eq(read_all(texts[i], strlen(texts[i]), &status, error, sizeof error), 2,
                     "%zu: %s", i, error);
    }
}

Test(read, refuses_what_is_cut_off_at_any_byte)
{
    static const char *const texts[] = { lined, lines };
    char error[256];
    int status;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        size_t whole = strlen(texts[i]);
        cr_assert_eq(read_all(texts[i], whole, &status, error, sizeof error), 2);
        /* Without its last newline the trace is still all there. */
        cr_assert_eq(read_all(texts[i], whole - 1, &status, error, sizeof error), 2);
        for (size_t length = 0; length < whole - 1; length++) {
            char *copy = malloc(length + 1); /* of that size, so that ASan sees a byte too many */
            memcpy(copy, texts[i], length);
            cr_assert_eq(read_all(copy, length, &status, error, sizeof error), -1, "%zu", length);
            cr_assert_eq(status, TRACE_INVALID);
            free(copy);
        }
    }
}

Test(read, says_what_is_wrong_and_where)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        { "", "t.json: byte 0, line 1: not a trace: there is nothing in it" },
        { "seq 1", "t.json: byte 0, line 1: not a trace: it is no JSON object" },
        { "{\n\"mdlsim\": {\"format\": 2}, ",
          "t.json: byte 12, line 2: this mdlsim reads trace format 1, not 2" },
        { "{\"mdlsim\": {}}", "t.json: byte 11, line 1: not a trace: mdlsim.format is missing" },
        { "{\"mdlsim\": {\"format\": 1}}",
          "t.json: byte 25, line 1: not a trace: there is no scenario" },
        { "{" HEAD "}\n" EVENT_0 "\n",
          NULL }, /* an event is the last line: the trailer is missing */
        { "{" HEAD "}\n{" TAIL ", \"count\": 1}\n", NULL },
        { "{" HEAD ", \"events\": [" EVENT_0 " " EVENT_1 "]," TAIL "}", NULL },
        { "{" HEAD ", \"events\": [" EVENT_0 ",]," TAIL "}", NULL },
        { "{" HEAD ", \"events\": [" EVENT_0 "]," TAIL "} x", NULL },
        { "{" HEAD ", \"events\": [7]," TAIL "}", NULL },
        { "{" HEAD ", \"events\": [{\"call\": \"x\"}]," TAIL "}", NULL },
        { "{" HEAD ", \"events\": [{\"call\": 1, \"thread\": \"m\"}]," TAIL "}", NULL },
        { "{" HEAD ", \"events\": [], \"events\": []," TAIL "}", NULL },
        { "{" HEAD "," HEAD ", \"events\": []," TAIL "}", NULL },
        { "{" HEAD ", \"events\": []}", NULL },
        { "{" HEAD ", \"events\": []," TAIL ", \"x\": {\"k\": 1, \"k\": 2}}", NULL },
        { "{" HEAD ", \"events\": []," TAIL ", \"x\": 1.5}", NULL },
        { "{" HEAD ", \"events\": []," TAIL ", \"x\": 99999999999999999999}", NULL },
    };
    char error[256];
    int status;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_assert_eq(read_all(rows[i].text, strlen(rows[i].text), &status, error, sizeof error), -1,
                     "row %zu", i);
        cr_assert_eq(status, TRACE_INVALID);
        if (rows[i].message != NULL) cr_assert_str_eq(error, rows[i].message);
    }
}

Test(read, tells_a_missing_file_from_a_bad_one)
{
    static const char *const names[] = { "/nonexistent/trace.json", "/" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct trace_source source = { .name = names[i] };
        struct trace_reader r;
        cr_assert_not(trace_open(&r, &source, &test_allocator));
        cr_assert_eq(r.status, TRACE_UNREADABLE);
        cr_assert_eq(strncmp(text_string(&r.error), names[i], strlen(names[i])), 0);
        trace_close(&r);
    }
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(read, crosses_the_ends_of_its_buffer)
{
    struct text t;
    text_init(&t, &test_allocator);
    text_put(&t, "{\n" HEAD ",\n\"events\": [\n");
    for (uint64_t i = 0; i < 9000; i++) {
        if (i > 0) text_put(&t, ",\n");
        text_format(&t, "{\"seq\": %u, \"thread\": \"main\", \"call\": \"C\", \"note\": \"", i);
        for (uint64_t n = 0; n < i % 97; n++) text_char(&t, 'n');
        text_put(&t, "\"}");
    }
    text_put(&t, "\n],\n" TAIL ",\n\"big\": \"");
    for (size_t i = 0; i < 1000000; i++) text_char(&t, 'b');
    text_put(&t, "\"\n}\n");
    struct trace_reader r;
    struct trace_event e;
    cr_assert(text_open(&r, t.bytes, t.length));
    for (uint64_t i = 0; i < 9000; i++) {
        cr_assert(trace_next(&r, &e));
        cr_assert_eq(e.line, 7 + i);
    }
    cr_assert_not(trace_next(&r, &e));
    cr_assert_eq(r.status, TRACE_OK, "%s", text_string(&r.error));
    cr_assert_eq(json_string_length(trace_part(&r, "big")), 1000000);
    trace_close(&r);
    text_free(&t);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

/* Whatever event another trace has at the same place, equal or not, the same is found. */
Test(read, likeness_changes_nothing)
{
    static const char other[] =
        "{\n" HEAD ",\n\"events\": [\n" EVENT_1 ",\n" EVENT_1 "\n],\n" TAIL "\n}";
    static const char *const texts[] = { lined, lines, other };
    for (size_t i = 0; i < COUNT_OF(texts) * COUNT_OF(texts); i++) {
        const char *first = texts[i / COUNT_OF(texts)], *second = texts[i % COUNT_OF(texts)];
        struct trace_reader plain, like, b;
        struct trace_event x, y, z;
        cr_assert(text_open(&plain, second, strlen(second)));
        cr_assert(text_open(&b, second, strlen(second)));
        cr_assert(text_open(&like, first, strlen(first)));
        for (size_t n = 0; n < 2; n++) {
            cr_assert(trace_next(&plain, &x) && trace_next(&like, &y));
            cr_assert(trace_next_like(&b, &z, &y));
            cr_assert(x.length == z.length && x.line == z.line);
            cr_assert_eq(memcmp(x.bytes, z.bytes, x.length), 0);
            cr_assert_eq(memcmp(x.members, z.members, sizeof x.members), 0, "pair %zu", i);
            cr_assert_eq(memcmp(x.values, z.values, sizeof x.values), 0, "pair %zu", i);
        }
        cr_assert_not(trace_next_like(&b, &z, &y));
        cr_assert_eq(b.status, TRACE_OK);
        trace_close(&plain);
        trace_close(&like);
        trace_close(&b);
    }
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(scan, is_strict)
{
    static const struct {
        const char *text;
        enum scan_status status;
        size_t at;
    } rows[] = {
        { "{} ", SCAN_OK, 2 },
        { "[1, -2, 0] ", SCAN_OK, 10 },
        { "\"a\\u00e9\\n\" ", SCAN_OK, 11 },
        { "true ", SCAN_OK, 4 },
        { "null", SCAN_OK, 4 },
        { "nul", SCAN_MORE, 0 },
        { "12", SCAN_MORE, 2 },
        { "\"\xC3\xA9\"", SCAN_OK, 4 },
        { "\"\xC3", SCAN_MORE, 1 },
        { "\"\xC3(\"", SCAN_BAD, 1 },
        { "\"\xED\xA0\x80\"", SCAN_BAD, 1 },
        { "\"\xC0\x80\"", SCAN_BAD, 1 },
        { "\"\x01\"", SCAN_BAD, 1 },
        { "\"\\x\"", SCAN_BAD, 1 },
        { "{\"a\" 1}", SCAN_BAD, 5 },
        { "{\"a\":1,}", SCAN_BAD, 7 },
        { "{1:1}", SCAN_BAD, 1 },
        { "[1,]", SCAN_BAD, 3 },
        { "[1}", SCAN_BAD, 2 },
        { "01 ", SCAN_BAD, 2 },
        { "- ", SCAN_BAD, 1 },
        { "1.5 ", SCAN_BAD, 1 },
        { "1e5 ", SCAN_BAD, 1 },
        { "nan", SCAN_BAD, 0 },
        { "[", SCAN_MORE, 1 },
        { "{\"a\"", SCAN_MORE, 4 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scan s = { .bytes = rows[i].text, .length = strlen(rows[i].text) };
        cr_assert_eq(scan_value(&s), rows[i].status, "row %zu", i);
        cr_assert_eq(s.at, rows[i].at, "row %zu at %zu", i, s.at);
    }
    char deep[2 * (SCAN_DEPTH_MAX + 1)];
    for (size_t depth = SCAN_DEPTH_MAX; depth <= SCAN_DEPTH_MAX + 1; depth++) {
        memset(deep, '[', depth);
        memset(deep + depth, ']', depth);
        struct scan s = { .bytes = deep, .length = 2 * depth };
        cr_assert_eq(scan_value(&s), depth <= SCAN_DEPTH_MAX ? SCAN_OK : SCAN_BAD);
    }
}
