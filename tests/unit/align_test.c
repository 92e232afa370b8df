/* Unit tests of what the comparison of traces is made of: alignment, ids, paths,
 * percents, groups. */
#include "trace/align.h"

#include "support.h"
#include "trace/diff_path.h"
#include "trace/idmap.h"

#include <criterion/criterion.h>
#include <string.h>

Test(idmap, is_one_to_one)
{
    struct idmap m;
    idmap_init(&m, &test_allocator);
    for (uint64_t i = 1; i <= 1000; i++) cr_assert(idmap_match(&m, i, i, true));
    for (uint64_t i = 1002; i <= 9000; i++) cr_assert(idmap_match(&m, i, i - 1, true));
    cr_assert_eq(m.a_to_b.count, 2); /* one object lost: two runs */
    cr_assert(idmap_match(&m, 500, 500, true));
    cr_assert_not(idmap_match(&m, 500, 501, true));
    cr_assert_not(idmap_match(&m, 1001, 1001, true)); /* 1001 of b is 1002 of a */
    cr_assert(idmap_match(&m, 1001, 9500, false));
    cr_assert(idmap_match(&m, 1001, 9501, true)); /* the line before joined nothing */
    cr_assert_not(idmap_match(&m, 1001, 9500, true));
    idmap_free(&m);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(align, weighs_arguments)
{
    static const struct {
        const char *a, *b, *steps; /* two letters an item: call and arguments; = - + */
    } rows[] = {
        { "", "", "" },
        { "c1c2c3", "c1c2c3", "===" },
        { "c1c2c3", "c2c3", "-==" },
        { "c1c2", "c2c1", "==" },
        { "c1d1", "c2d1", "==" },
        { "c1c2c3c4", "c2c3c4c5", "-===+" },
        { "a1b1", "b1a1", "-=+" },
    };
    static struct aligner l; /* large */
    aligner_init(&l, &test_allocator);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct align_key keys[2][8];
        size_t counts[2];
        for (int side = 0; side < 2; side++) {
            const char *text = side == 0 ? rows[i].a : rows[i].b;
            counts[side] = strlen(text) / 2;
            for (size_t n = 0; n < counts[side]; n++) {
                uint64_t name = (uint64_t)text[2 * n];
                keys[side][n] = (struct align_key){ name, name << 8 | (uint64_t)text[2 * n + 1] };
            }
        }
        unsigned char steps[16];
        size_t count = align(&l, keys[0], counts[0], keys[1], counts[1], steps);
        cr_assert_eq(count, strlen(rows[i].steps), "row %zu", i);
        for (size_t n = 0; n < count; n++)
            cr_assert_eq("=-+"[steps[n]], rows[i].steps[n], "row %zu", i);
    }
    aligner_free(&l);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(path, patterns)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } rows[] = {
        { "stats.a", "stats.a", true },
        { "stats.a", "stats.a.b", true },
        { "stats.a", "stats.ab", false },
        { "stats.a.b", "stats.a", false },
        { "stats.*.p50", "stats.x.p50", true },
        { "stats.*.p50", "stats.x.y.p50", false },
        { "stats.**.p50", "stats.x.y.p50", true },
        { "**.p50", "stats.x.p50", true },
        { "stats.M*P", "stats.MmUnlockP", true },
        { "stats.M*P", "stats.MmUnlockQ", false },
        { "*", "stats.x", true },
        { "stats.*", "stats", false },
        { "", "stats", false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_assert_eq(path_matches(rows[i].pattern, strlen(rows[i].pattern), rows[i].path),
                     rows[i].matches, "row %zu", i);
    }
}

Test(path, percents)
{
    static const struct {
        int64_t a, b;
        const char *text;
    } rows[] = {
        { 100, 105, "+5.00%" },
        { 3, 2, "-33.33%" },
        { 3, 5, "+66.67%" },
        { 0, 5, "-" },
        { 1, 1000, "+99900.00%" },
        { -100, -50, "+50.00%" },
        { 7, 7, "+0.00%" },
        { INT64_MAX, INT64_MIN, "-200.00%" },
        { 9000000000000000000, 4500000000000000000, "-50.00%" },
    };
    struct text t;
    text_init(&t, &test_allocator);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        text_clear(&t);
        text_percent(&t, rows[i].a, rows[i].b);
        cr_assert_str_eq(text_string(&t), rows[i].text, "row %zu", i);
    }
    text_free(&t);
}

Test(rows, groups_stay_few_when_all_changes_vary)
{
    struct diff_rows rows;
    diff_rows_init(&rows, &test_allocator);
    for (int64_t i = 0; i < 50000; i++) {
        struct diff_row row = { .call = "Lock",
                                .path = "events.cycles",
                                .a = "0",
                                .b = "n",
                                .numeric = true,
                                .b_number = i + 1,
                                .count = 1 };
        diff_rows_add(&rows, &row);
    }
    cr_assert_eq(rows.total, 50000);
    cr_assert_eq(rows.count, 10001);
    cr_assert(rows.list[10000].differences_vary);
    cr_assert_eq(rows.list[10000].count, 40000);
    diff_rows_free(&rows);
    cr_assert_eq(test_outstanding_bytes(), 0);
}
