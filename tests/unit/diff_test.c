/* Unit tests of the comparison of traces. */
#include "trace/diff.h"

#include "support.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

/* A trace under construction: events, then what stands behind them. */
struct trace {
    struct text text;
    uint64_t seq;
};

static void trace_start(struct trace *t, const char *config)
{
    text_init(&t->text, &test_allocator);
    t->seq = 0;
    text_put(&t->text,
             "{\n\"mdlsim\": {\"format\": 1, \"version\": \"0.1.0\"},\n\"scenario\": {\"file\": "
             "\"s.yaml\"},\n\"machine\": {},\n");
    text_format(&t->text, "\"config\": {%s},\n\"events\": [", config);
}

/* rest: members behind the call, each with its comma before it. */
static void event(struct trace *t, const char *thread, const char *call, const char *rest)
{
    text_put(&t->text, t->seq == 0 ? "\n" : ",\n");
    text_format(&t->text, "{\"seq\": %u, \"t\": %u, \"cpu\": 0, \"thread\": \"%s\", ", t->seq,
                (uint64_t)(t->seq * 100), thread);
    text_format(&t->text, "\"line\": %u, \"call\": \"%s\"%s}", (uint64_t)(t->seq + 10), call, rest);
    t->seq++;
}

static void call(struct trace *t, const char *name)
{
    event(t, "main", name, ", \"args\": {}, \"cycles\": 100, \"cost\": {\"call\": 100}");
}

static void trace_end_with(struct trace *t, const char *violations, const char *stats)
{
    text_format(&t->text, "\n],\n\"end\": {\"reason\": \"completed\"},\n\"violations\": [%s],\n",
                violations);
    text_format(&t->text, "\"leaks\": [],\n\"stats\": {%s}\n}\n", stats);
}

static void trace_end(struct trace *t)
{
    trace_end_with(t, "", "\"n\": 1");
}

static void run(struct diff_result *r, const struct trace *a, const struct trace *b,
                const struct diff_options *options)
{
    static const struct diff_options none = { .strict = false };
    struct trace_source x = { "a.json", a->text.bytes, a->text.length };
    struct trace_source y = { "b.json", b->text.bytes, b->text.length };
    struct text error;
    text_init(&error, &test_allocator);
    diff_run(r, &x, &y, options != NULL ? options : &none, &test_allocator, &error);
    cr_assert_eq(r->trouble, error.length > 0);
    cr_assert_not(r->trouble, "%s", text_string(&error));
    text_free(&error);
}

static void finish(struct diff_result *r, struct trace *a, struct trace *b)
{
    diff_free(r);
    text_free(&a->text);
    text_free(&b->text);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

static void calls(struct trace *t, const char *names)
{
    for (; *names != '\0'; names++) call(t, (char[]){ *names, '\0' });
}

Test(diff, matches_around_what_one_side_lacks)
{
    static const struct {
        const char *a, *b;
        uint64_t matched, a_only, b_only;
    } rows[] = {
        { "abc", "abc", 3, 0, 0 },   { "", "", 0, 0, 0 },        { "abc", "abxc", 3, 0, 1 },
        { "abxc", "abc", 3, 1, 0 },  { "abc", "xabc", 3, 0, 1 }, { "abc", "abcx", 3, 0, 1 },
        { "", "abc", 0, 0, 3 },      { "abc", "", 0, 3, 0 },     { "abcd", "bcda", 3, 1, 1 },
        { "axbxc", "abc", 3, 2, 0 }, { "ab", "cd", 0, 2, 2 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct trace a, b;
        struct diff_result r;
        trace_start(&a, "");
        trace_start(&b, "");
        calls(&a, rows[i].a);
        calls(&b, rows[i].b);
        trace_end(&a);
        trace_end(&b);
        run(&r, &a, &b, NULL);
        cr_assert_eq(r.matched, rows[i].matched, "row %zu", i);
        cr_assert_eq(r.a_only, rows[i].a_only, "row %zu", i);
        cr_assert_eq(r.b_only, rows[i].b_only, "row %zu", i);
        cr_assert_eq(r.changed, 0);
        cr_assert_eq(r.different, rows[i].a_only + rows[i].b_only > 0);
        cr_assert_eq(r.status, r.different ? 1 : 0);
        finish(&r, &a, &b);
    }
}

/* 20,000 events, one of them inserted far in front of the end and more than one window. */
static void long_trace(struct trace *t, uint64_t insert_at, uint64_t insert_count)
{
    trace_start(t, "");
    for (uint64_t i = 0; i < 20000; i++) {
        struct text rest;
        text_init(&rest, &test_allocator);
        text_format(&rest, ", \"args\": {\"Length\": %u}, \"cycles\": 5", i);
        for (uint64_t n = 0; i == insert_at && n < insert_count; n++) {
            event(t, "main", i % 2 == 0 ? "Lock" : "Unlock", ", \"args\": {}, \"cycles\": 5");
        }
        event(t, "main", i % 2 == 0 ? "Lock" : "Unlock", text_string(&rest));
        text_free(&rest);
    }
    trace_end(t);
}

Test(diff, an_inserted_call_changes_nothing_behind_it)
{
    static const uint64_t counts[] = { 1, 2, 40, 300, 2000 };
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct trace a, b;
        struct diff_result r;
        long_trace(&a, 0, 0);
        long_trace(&b, 7001, counts[i]);
        run(&r, &a, &b, NULL);
        cr_assert_eq(r.matched, 20000);
        cr_assert_eq(r.b_only, counts[i], "%zu", i);
        cr_assert_eq(r.a_only, 0);
        cr_assert_eq(r.changed, 0);
        cr_assert_eq(r.events.count, 1); /* one group */
        cr_assert_eq(r.events.list[0].count, counts[i]);
        cr_assert(r.first.found);
        cr_assert_null(r.first.a);
        cr_assert_eq(r.first.b_event, 7001);
        cr_assert_not_null(strstr(r.first.context[DIFF_CONTEXT - 1], "\"Length\": 7000}"));
        finish(&r, &a, &b);
    }
}

Test(diff, groups_equal_changes)
{
    struct trace a, b;
    struct diff_result r;
    trace_start(&a, "");
    trace_start(&b, "");
    for (int i = 0; i < 12; i++) {
        event(&a, "main", "MmUnlockPages", ", \"cycles\": 100, \"cost\": {\"lock\": 100}");
        event(&b, "main", "MmUnlockPages",
              i % 4 == 0 ? ", \"cycles\": 105, \"cost\": {\"lock\": 100, \"ipi\": 5}"
                         : ", \"cycles\": 100, \"cost\": {\"lock\": 100}");
    }
    trace_end(&a);
    trace_end(&b);
    run(&r, &a, &b, NULL);
    cr_assert_eq(r.matched, 12);
    cr_assert_eq(r.changed, 3);
    cr_assert_eq(r.events.count, 2);
    const struct diff_row *row = &r.events.list[0];
    cr_assert_str_eq(row->call, "MmUnlockPages");
    cr_assert_str_eq(row->path, "events.cycles");
    cr_assert_eq(row->count, 3);
    cr_assert_eq(row->b_number - row->a_number, 5);
    cr_assert_str_eq(r.events.list[1].path, "events.cost.ipi"); /* not there is 0 */
    cr_assert_str_eq(r.events.list[1].a, "0");
    cr_assert_eq(r.first.a_event, 0);
    finish(&r, &a, &b);
}

Test(diff, renumbers_ids)
{
    static const struct {
        const char *b_first, *b_second;
        bool extra; /* b creates an object more */
        uint64_t changed;
    } rows[] = {
        { "mdl#1", "mdl#2", false, 0 }, { "mdl#2", "mdl#3", true, 0 },
        { "mdl#2", "mdl#1", false, 0 }, { "mdl#1", "mdl#1", false, 1 },
        { "irp#1", "mdl#2", false, 2 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct trace a, b;
        struct diff_result r;
        struct text first, second;
        text_init(&first, &test_allocator);
        text_init(&second, &test_allocator);
        text_format(&first, ", \"args\": {\"Mdl\": \"%s\"}", rows[i].b_first);
        text_format(&second, ", \"args\": {\"Mdl\": \"%s\", \"x\": [\"%s\"]}", rows[i].b_second,
                    rows[i].b_first);
        trace_start(&a, "");
        trace_start(&b, "");
        event(&a, "main", "Lock", ", \"args\": {\"Mdl\": \"mdl#1\"}");
        event(&a, "main", "Map", ", \"args\": {\"Mdl\": \"mdl#2\", \"x\": [\"mdl#1\"]}");
        if (rows[i].extra) event(&b, "main", "Alloc", ", \"returns\": \"mdl#1\"");
        event(&b, "main", "Lock", text_string(&first));
        event(&b, "main", "Map", text_string(&second));
        trace_end(&a);
        trace_end(&b);
        run(&r, &a, &b, NULL);
        cr_assert_eq(r.matched, 2);
        cr_assert_eq(r.changed, rows[i].changed, "row %zu", i);
        cr_assert_eq(r.b_only, rows[i].extra ? 1 : 0);
        text_free(&first);
        text_free(&second);
        finish(&r, &a, &b);
    }
}

Test(diff, threads_in_another_order_differ)
{
    struct trace a, b;
    struct diff_result r;
    trace_start(&a, "");
    trace_start(&b, "");
    event(&a, "rx", "Lock", "");
    event(&a, "tx", "Lock", "");
    event(&b, "tx", "Lock", "");
    event(&b, "rx", "Lock", "");
    trace_end(&a);
    trace_end(&b);
    run(&r, &a, &b, NULL);
    cr_assert(r.different);
    cr_assert_eq(r.matched, 1);
    cr_assert_eq(r.a_only, 1);
    cr_assert_eq(r.b_only, 1);
    cr_assert_eq(r.changed, 0);
    finish(&r, &a, &b);
}

/* Two traces that differ in this way; the result of comparing them. */
static void compare_two(struct diff_result *r, const char *config_b, const char *rest_a,
                        const char *rest_b, const char *stats_a, const char *stats_b,
                        const struct diff_options *options)
{
    struct trace a, b;
    trace_start(&a, "\"x\": 1");
    trace_start(&b, config_b);
    event(&a, "main", "Lock", rest_a);
    event(&b, "main", "Lock", rest_b);
    trace_end_with(&a, "", stats_a);
    trace_end_with(&b, "", stats_b);
    run(r, &a, &b, options);
    text_free(&a.text);
    text_free(&b.text);
}

Test(diff, what_is_a_difference_and_what_a_notice)
{
    static const struct {
        const char *config, *rest_a, *rest_b, *stats_a, *stats_b;
        bool different, strict_different;
    } rows[] = {
        { "\"x\": 1", "", "", "", "", false, false },
        { "\"x\": 2", "", "", "", "", false, false },
        { "\"y\": 2", "", "", "", "", false, false },
        { "\"x\": 1", "", "", "\"n\": 1", "\"n\": 2", true, true },
        { "\"x\": 1", "", "", "\"n\": 1", "", false, true },
        { "\"x\": 1", "", "", "", "\"n\": {\"m\": 1}", false, true },
        { "\"x\": 1", "", "", "\"h\": [[1, 2]]", "\"h\": [[1, 3]]", true, true },
        { "\"x\": 1", "", "", "\"s\": \"0.250000\"", "\"s\": \"0.250001\"", true, true },
        { "\"x\": 1", "", "", "\"s\": true", "\"s\": false", true, true },
        { "\"x\": 1", "", "", "\"s\": 1", "\"s\": \"1\"", true, true },
        { "\"x\": 1", "", ", \"extra\": 1", "", "", false, true },
        { "\"x\": 1", ", \"file\": \"x\"", "", "", "", false, false },
        { "\"x\": 1", "", ", \"raises\": \"STATUS_ACCESS_VIOLATION\"", "", "", true, true },
        { "\"x\": 1", "", ", \"delta\": {\"free_ptes\": -1}", "", "", true, true },
        { "\"x\": 1", ", \"pfns\": [\"0x1+1\"]", ", \"pfns\": [\"0x2+1\"]", "", "", true, true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int strict = 0; strict <= 1; strict++) {
            struct diff_options o = { .strict = strict != 0 };
            struct diff_result r;
            compare_two(&r, rows[i].config, rows[i].rest_a, rows[i].rest_b, rows[i].stats_a,
                        rows[i].stats_b, &o);
            cr_assert_eq(r.different, strict ? rows[i].strict_different : rows[i].different,
                         "row %zu strict %d", i, strict);
            bool notice = !r.different && (i == 1 || i == 2 || rows[i].strict_different);
            cr_assert_eq(r.head.count + r.one_sided.count > 0, notice, "row %zu", i);
            diff_free(&r);
        }
    }
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(diff, tolerances_end_where_they_say)
{
    static const struct {
        const char *tolerance, *stats_a, *stats_b;
        bool different;
    } rows[] = {
        { "stats.n=5%", "\"n\": 100", "\"n\": 105", false },
        { "stats.n=5%", "\"n\": 100", "\"n\": 95", false },
        { "stats.n=5%", "\"n\": 100", "\"n\": 106", true },
        { "stats.n=5%", "\"n\": 100", "\"n\": 94", true },
        { "stats.n=5%", "\"n\": 0", "\"n\": 1", true },
        { "stats.n=0.25%", "\"n\": 400", "\"n\": 401", false },
        { "stats.n=0.2499%", "\"n\": 400", "\"n\": 401", true },
        { "stats.n=7", "\"n\": 10", "\"n\": 17", false },
        { "stats.n=7", "\"n\": 10", "\"n\": 18", true },
        { "stats.n=7", "\"n\": -9223372036854775807", "\"n\": 9223372036854775807", true },
        { "stats.n=100%", "\"n\": 9223372036854775807", "\"n\": 0", false },
        { "stats.n=99.9999%", "\"n\": 9223372036854775807", "\"n\": 0", true },
        { "stats=1", "\"a\": {\"b\": 1}", "\"a\": {\"b\": 2}", false },
        { "stats.*.b=1", "\"a\": {\"b\": 1}", "\"a\": {\"b\": 2}", false },
        { "stats.*=1", "\"h\": [[1, 2]]", "\"h\": [[1, 3]]", false },
        { "stats.*=1", "\"h\": [[1, 2]]", "\"h\": [[1, 4]]", true },
        { "stats.m=100", "\"n\": 1", "\"n\": 2", true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diff_tolerance t;
        cr_assert(diff_tolerance_parse(rows[i].tolerance, &t));
        struct diff_options o = { .tolerances = &t, .tolerance_count = 1 };
        struct diff_result r;
        compare_two(&r, "\"x\": 1", "", "", rows[i].stats_a, rows[i].stats_b, &o);
        cr_assert_eq(r.different, rows[i].different, "row %zu", i);
        cr_assert_eq(r.tolerated, rows[i].different ? 0 : 1, "row %zu", i);
        diff_free(&r);
    }
    static const char *const bad[] = { "",
                                       "x",
                                       "=5",
                                       "x=",
                                       "x=%",
                                       "x=5.%",
                                       "x=5.12345%",
                                       "x=-1",
                                       "x=5.5",
                                       "x=5%%",
                                       "x=99999999999999999999999" };
    struct diff_tolerance t;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        cr_assert_not(diff_tolerance_parse(bad[i], &t), "%s", bad[i]);
    }
}

Test(diff, ignores_and_onlys_select_paths)
{
    static const struct {
        const char *ignore, *only;
        bool different;
        size_t unused;
    } rows[] = {
        { NULL, NULL, true, 0 },
        { "stats", NULL, true, 0 },
        { "events", NULL, true, 0 },
        { "events.cycles", "events", false, 0 },
        { NULL, "events.cycles", true, 0 },
        { NULL, "events.cost", false, 0 },
        { NULL, "stats.a.n", true, 0 },
        { NULL, "stats.a.m", false, 1 },
        { NULL, "stats.*.n", true, 0 },
        { "**.n", "stats", false, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diff_options o = {
            .ignores = &rows[i].ignore,
            .ignore_count = rows[i].ignore != NULL,
            .onlys = &rows[i].only,
            .only_count = rows[i].only != NULL,
        };
        struct diff_result r;
        compare_two(&r, "\"x\": 1", ", \"cycles\": 5", ", \"cycles\": 6", "\"a\": {\"n\": 1}",
                    "\"a\": {\"n\": 2}", &o);
        cr_assert_eq(r.different, rows[i].different, "row %zu", i);
        cr_assert_eq(r.unused.count, rows[i].unused, "row %zu", i);
        diff_free(&r);
    }
}

Test(diff, matches_findings_by_rule)
{
    struct trace a, b;
    struct diff_result r;
    trace_start(&a, "");
    trace_start(&b, "");
    trace_end_with(&a, "{\"rule\": \"MDL001\", \"seq\": 4, \"line\": 9, \"what\": \"mdl#3 leaks\"}",
                   "");
    trace_end_with(&b,
                   "{\"rule\": \"MDL007\", \"seq\": 1, \"line\": 2, \"what\": \"w\"}, "
                   "{\"rule\": \"MDL001\", \"seq\": 5, \"line\": 8, \"what\": \"mdl#4 leaks\"}",
                   "");
    run(&r, &a, &b, NULL);
    cr_assert(r.different);
    cr_assert_eq(r.statistics.count, 1);
    cr_assert_eq(r.statistics.list[0].kind, DIFF_ONLY_B);
    cr_assert_str_eq(r.statistics.list[0].call, "MDL007");
    cr_assert_eq(r.statistics.list[0].line, 2);
    finish(&r, &a, &b);
}

Test(diff, a_cut_trace_is_trouble_never_a_difference)
{
    struct trace t;
    trace_start(&t, "");
    calls(&t, "abc");
    trace_end(&t);
    static const struct diff_options none = { .strict = false };
    for (size_t length = 0; length < t.text.length - 1; length++) {
        struct trace_source whole = { "whole", t.text.bytes, t.text.length };
        struct trace_source cut = { "cut", t.text.bytes, length };
        for (int side = 0; side < 2; side++) {
            struct diff_result r;
            struct text error;
            text_init(&error, &test_allocator);
            diff_run(&r, side ? &whole : &cut, side ? &cut : &whole, &none, &test_allocator,
                     &error);
            cr_assert(r.trouble);
            cr_assert_eq(r.status, 65);
            cr_assert_eq(strncmp(text_string(&error), "cut: ", 5), 0);
            text_free(&error);
            diff_free(&r);
        }
    }
    text_free(&t.text);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(diff, exit_statuses_of_files)
{
    static const struct diff_options none = { .strict = false };
    struct text out, error;
    text_init(&out, &test_allocator);
    text_init(&error, &test_allocator);
    cr_assert_eq(
        diff_traces("/nonexistent/a", "/nonexistent/b", &none, &test_allocator, &out, &error), 66);
    cr_assert_str_eq(text_string(&error), "/nonexistent/a: No such file or directory");
    cr_assert_eq(diff_traces("/dev/null", "/nonexistent/b", &none, &test_allocator, &out, &error),
                 65);
    cr_assert_eq(diff_traces("-", "-", &none, &test_allocator, &out, &error), 66);
    cr_assert_eq(out.length, 0);
    text_free(&out);
    text_free(&error);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(diff, every_format_tells_the_change)
{
    static const char *const wanted[] = {
        "  1 x    Lock cycles: 100 -> 105 (+5, +5.00%), line 10\n",
        "different: 1 of 1 events changed, 0 only in a, 0 only in b, 1 other differences; "
        "options: --strict\n",
        "{\"kind\": \"changed\", \"path\": \"stats.n\", \"count\": 1, \"a\": 3, \"b\": 2, "
        "\"difference\": -1, \"percent\": \"-33.33%\"}",
        "| 1 | stats.n | 3 | 2 | -1 | -33.33% |\n",
        "::error file=s.yaml,line=10,title=mdlsim diff::Lock cycles: 100 -> 105 (+5, +5.00%25)\n",
    };
    for (enum diff_format format = DIFF_HUMAN; format <= DIFF_GITHUB; format++) {
        struct diff_options o = { .format = format, .strict = true };
        struct diff_result r;
        struct text out;
        text_init(&out, &test_allocator);
        compare_two(&r, "\"x\": 1", ", \"cycles\": 100", ", \"cycles\": 105", "\"n\": 3",
                    "\"n\": 2", &o);
        diff_print(&r, &o, &out);
        cr_assert_not_null(strstr(text_string(&out), wanted[format]), "%s", text_string(&out));
        json_t *parsed = json_loadb(out.bytes, out.length, 0, NULL);
        cr_assert_eq(parsed != NULL, format == DIFF_JSON);
        json_decref(parsed);
        text_free(&out);
        diff_free(&r);
    }
    cr_assert_eq(test_outstanding_bytes(), 0);
}
