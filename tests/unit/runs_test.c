/* Unit tests of base/runs, against one bool for each number. */
#include "base/runs.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

enum { NUMBERS = 512 };

/* The set, number by number, from `base` on. */
struct model {
    uint64_t base;
    bool has[NUMBERS];
};

static struct run model_run(const struct model *m, size_t i)
{
    size_t first = i, end = i;
    while (first > 0 && m->has[first - 1]) first--;
    while (end < NUMBERS && m->has[end]) end++;
    return (struct run){ m->base + first, end - first };
}

static uint64_t model_count(const struct model *m, size_t from, size_t to)
{
    uint64_t count = 0;
    for (size_t i = from; i < to; i++) count += m->has[i];
    return count;
}

static bool model_first_fit(const struct model *m, uint64_t count, uint64_t from, uint64_t last,
                            uint64_t align, uint64_t *start)
{
    for (size_t i = 0; i + count <= NUMBERS; i++) {
        uint64_t s = m->base + i;
        bool place = s >= from && s % align == 0 && s + count - 1 <= last;
        if (!place || model_count(m, i, i + count) != count) continue;
        *start = s;
        return true;
    }
    return false;
}

/* The first run of the best length: largest, or smallest of at least `count`. */
static bool model_best(const struct model *m, bool largest, uint64_t count, struct run *best)
{
    bool found = false;
    for (size_t i = 0; i < NUMBERS; i++) {
        if (!m->has[i]) continue;
        struct run run = model_run(m, i);
        if (run.count < count) continue;
        bool better = largest ? run.count > best->count : run.count < best->count;
        if (!found || better) *best = run;
        found = true;
    }
    return found;
}

static void check_neighbours(const struct runs *r, const struct model *m, size_t i)
{
    struct run run = { 0, 0 }, wanted = { 0, 0 };
    size_t at = i;
    while (at < NUMBERS && !m->has[at]) at++;
    bool found = runs_at_or_after(r, m->base + i, &run);
    cr_assert_eq(found, at < NUMBERS);
    if (found) wanted = model_run(m, at);
    cr_assert(run.start == wanted.start && run.count == wanted.count);

    run = wanted = (struct run){ 0, 0 };
    at = i + 1;
    while (at > 0 && !m->has[at - 1]) at--;
    found = runs_at_or_before(r, m->base + i, &run);
    cr_assert_eq(found, at > 0);
    if (found) wanted = model_run(m, at - 1);
    cr_assert(run.start == wanted.start && run.count == wanted.count);
}

static void check_fits(const struct runs *r, const struct model *m, struct rng *random)
{
    uint64_t count = 1 + rng_below(random, rng_below(random, 2) == 0 ? 8 : 100);
    uint64_t from = rng_below(random, 2) == 0 ? 0 : m->base + rng_below(random, NUMBERS);
    uint64_t last = rng_below(random, 2) == 0 ? UINT64_MAX : m->base + rng_below(random, NUMBERS);
    uint64_t align = (uint64_t)1 << rng_below(random, 7);
    uint64_t start = 1, wanted = 1;
    bool found = runs_first_fit(r, count, from, last, align, &start);
    cr_assert_eq(found, model_first_fit(m, count, from, last, align, &wanted));
    cr_assert_eq(start, wanted);

    struct run best = { 1, 0 };
    start = 1;
    cr_assert_eq(runs_best_fit(r, count, &start), model_best(m, false, count, &best));
    cr_assert_eq(start, best.start);

    struct run largest = { 0, 0 };
    best = (struct run){ 0, 0 };
    cr_assert_eq(runs_largest(r, &largest), model_best(m, true, 1, &best));
    cr_assert(largest.start == best.start && largest.count == best.count);
}

static void check_all(const struct runs *r, const struct model *m, struct rng *random)
{
    runs_check(r);
    uint64_t run_count = 0;
    for (size_t i = 0; i < NUMBERS; i++) run_count += m->has[i] && (i == 0 || !m->has[i - 1]);
    cr_assert_eq(r->run_count, run_count);
    cr_assert_eq(r->total, model_count(m, 0, NUMBERS));
    size_t from = (size_t)rng_below(random, NUMBERS);
    size_t to = from + (size_t)rng_below(random, NUMBERS - from + 1);
    uint64_t there = model_count(m, from, to);
    cr_assert_eq(runs_has(r, m->base + from, to - from), there == to - from);
    cr_assert_eq(runs_overlaps(r, m->base + from, to - from), there > 0);
    check_neighbours(r, m, from);
    check_fits(r, m, random);
}

/* End of the longest piece of at most `most` numbers from i on that all are, or all are not, in the
 * set. */
static size_t piece_end(const struct model *m, size_t i, size_t most)
{
    size_t end = i;
    while (end < NUMBERS && end - i < most && m->has[end] == m->has[i]) end++;
    return end;
}

static void step(struct runs *r, struct model *m, struct rng *random, uint64_t remove_any_share)
{
    size_t i = (size_t)rng_below(random, NUMBERS);
    size_t most = 1 + (size_t)rng_below(random, rng_below(random, 3) == 0 ? 64 : 6);
    size_t end = piece_end(m, i, most);
    bool there = m->has[i];
    if (rng_below(random, 100) < remove_any_share) {
        end = i + most < NUMBERS ? i + most : NUMBERS;
        cr_assert_eq(runs_remove_any(r, m->base + i, end - i), model_count(m, i, end));
        there = true;
    } else if (there) {
        runs_remove(r, m->base + i, end - i);
    } else {
        runs_add(r, m->base + i, end - i);
    }
    memset(m->has + i, !there, end - i);
}

Test(runs, random_operations_match_a_bool_array)
{
    /* The second set ends at the highest number there can be. */
    static const uint64_t bases[] = { 0, UINT64_MAX - NUMBERS, (uint64_t)1 << 40 };
    for (size_t b = 0; b < COUNT_OF(bases); b++) {
        struct model m = { .base = bases[b] };
        struct runs r;
        struct rng random;
        runs_init(&r, &test_allocator);
        rng_init(&random, 7, b);
        check_all(&r, &m, &random);
        for (int i = 0; i < 8000; i++) {
            step(&r, &m, &random, b * 5);
            check_all(&r, &m, &random);
        }
        runs_clear(&r);
        memset(m.has, 0, sizeof m.has);
        check_all(&r, &m, &random);
        for (int i = 0; i < 500; i++) {
            step(&r, &m, &random, 0);
            check_all(&r, &m, &random);
        }
        runs_free(&r);
    }
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(runs, one_run_is_changed_in_place)
{
    struct runs r;
    runs_init(&r, &test_allocator);
    runs_add(&r, 100, 100);
    uint32_t node = r.by_start, nodes = r.node_count;
    for (uint64_t i = 0; i < 50; i++) runs_remove(&r, 100 + i, 1);
    for (uint64_t i = 0; i < 20; i++) runs_remove(&r, 199 - i, 1);
    for (uint64_t i = 0; i < 50; i++) runs_add(&r, 149 - i, 1);
    runs_check(&r);
    cr_assert_eq(r.by_start, node);
    cr_assert_eq(r.node_count, nodes);
    struct run run = { 0, 0 };
    cr_assert(runs_largest(&r, &run));
    cr_assert(run.start == 100 && run.count == 80);
    runs_free(&r);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(runs, many_runs_and_their_nodes_come_back)
{
    enum { RUNS = 20000 };
    struct runs r;
    uint64_t start = 0;
    runs_init(&r, &test_allocator);
    for (uint64_t round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < RUNS; i++) runs_add(&r, i * 10, 1 + i % 7);
        runs_check(&r);
        cr_assert_eq(r.run_count, RUNS);
        cr_assert_eq(r.node_count, RUNS + 1);
        cr_assert(runs_first_fit(&r, 7, 100000, UINT64_MAX, 1, &start));
        cr_assert_eq(start, 100020); /* the first run of 7: i % 7 == 6 */
        uint64_t total = r.total;
        cr_assert_eq(total, 79997);
        cr_assert_eq(runs_remove_any(&r, 0, UINT64_MAX), total);
        cr_assert_eq(r.run_count, 0);
        runs_check(&r);
    }
    runs_free(&r);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(runs, edges_of_the_numbers)
{
    struct runs r;
    uint64_t start = 9;
    runs_init(&r, &test_allocator);
    runs_add(&r, 5, 0);
    runs_remove(&r, 5, 0);
    cr_assert_eq(r.run_count, 0);
    cr_assert_not(runs_first_fit(&r, 1, 0, UINT64_MAX, 1, &start));
    cr_assert(runs_has(&r, 5, 0) && !runs_overlaps(&r, 0, UINT64_MAX));
    runs_add(&r, 0, UINT64_MAX);
    runs_check(&r);
    cr_assert(runs_has(&r, 0, UINT64_MAX));
    cr_assert_not(runs_has(&r, 1, UINT64_MAX));
    cr_assert(runs_overlaps(&r, UINT64_MAX - 1, UINT64_MAX));
    cr_assert(runs_first_fit(&r, UINT64_MAX, 0, UINT64_MAX, 1, &start) && start == 0);
    start = 9;
    cr_assert_not(runs_first_fit(&r, 1, UINT64_MAX - 1, UINT64_MAX, (uint64_t)1 << 63, &start));
    cr_assert_not(runs_first_fit(&r, 2, 0, 0, 1, &start));
    cr_assert_eq(start, 9);
    cr_assert(runs_first_fit(&r, 1, 1, UINT64_MAX, (uint64_t)1 << 63, &start));
    cr_assert_eq(start, (uint64_t)1 << 63);
    runs_free(&r);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

struct range {
    struct runs runs; /* outlives a BUG half way, so that it can be freed */
    bool add;
    uint64_t start, count, align;
};

/* On a set of [10, 20) and [30, 40). */
static void range_apply(void *context)
{
    struct range *range = context;
    struct runs *r = &range->runs;
    uint64_t start;
    runs_init(r, &test_allocator);
    runs_add(r, 10, 10);
    runs_add(r, 30, 10);
    if (range->align != 1) {
        runs_first_fit(r, range->count, 0, UINT64_MAX, range->align, &start);
    } else if (range->add) {
        runs_add(r, range->start, range->count);
    } else {
        runs_remove(r, range->start, range->count);
    }
}

Test(runs, misuse_is_a_bug)
{
    static const struct {
        struct range range;
        bool bug;
    } rows[] = {
        { { { 0 }, true, 20, 10, 1 }, false },
        { { { 0 }, true, 9, 2, 1 }, true },
        { { { 0 }, true, 15, 1, 1 }, true },
        { { { 0 }, true, 19, 2, 1 }, true },
        { { { 0 }, true, 20, 11, 1 }, true },
        { { { 0 }, true, 0, 100, 1 }, true },
        { { { 0 }, true, UINT64_MAX, 1, 1 }, true },
        { { { 0 }, true, UINT64_MAX - 1, 1, 1 }, false },
        { { { 0 }, false, 10, 10, 1 }, false },
        { { { 0 }, false, 9, 2, 1 }, true },
        { { { 0 }, false, 19, 2, 1 }, true },
        { { { 0 }, false, 25, 1, 1 }, true },
        { { { 0 }, false, 15, 20, 1 }, true },
        { { { 0 }, false, 35, UINT64_MAX, 1 }, true },
        { { { 0 }, false, 0, 1, 3 }, true },
        { { { 0 }, false, 0, 1, 0 }, true },
        { { { 0 }, false, 0, 0, 2 }, true },
        { { { 0 }, false, 0, 1, 2 }, false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct range range = rows[i].range;
        cr_assert_eq(test_bug_raised(range_apply, &range), rows[i].bug, "row %zu", i);
        runs_free(&range.runs);
    }
}

/* runs_check is itself checked: each damage must be noticed. */
static void check_runs(void *context)
{
    runs_check(context);
}

Test(runs, check_notices_damage)
{
    struct runs r;
    runs_init(&r, &test_allocator);
    for (uint64_t i = 0; i < 20; i++) runs_add(&r, i * 10, 1 + i % 7);
    cr_assert_not(test_bug_raised(check_runs, &r));
    struct runs damaged[] = { r, r, r, r, r };
    damaged[0].total++;
    damaged[1].run_count++;
    damaged[2].run_count--;
    damaged[3].by_count = 0;
    damaged[4].node_count++;
    for (size_t i = 0; i < COUNT_OF(damaged); i++) {
        cr_assert(test_bug_raised(check_runs, &damaged[i]), "damage %zu", i);
    }
    runs_free(&r);
    cr_assert_eq(test_outstanding_bytes(), 0);
}
