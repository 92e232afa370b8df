/* Unit tests of mm/pfn: what is done to many frames at once, against the same one by one. */
#include "mm/pfn_chunk.h"

#include "base/rng.h"
#include "mm_machine.h"

enum { FRAMES_MOST = 2048, RUNS_MOST = 6 };

/* Two nodes with a hole between them. */
static const struct phys_range two_nodes[] = {
    { .first = { 1 }, .page_count = 700, .node = 0 },
    { .first = { 1000 }, .page_count = 801, .node = 1 },
};

/* Runs of consecutive frames, some across a chunk, with repeats and gaps, at most `most` in all. */
static uint64_t runs_of_frames(struct rng *rng, uint64_t *pfns, uint64_t most)
{
    uint64_t count = 0;
    while (count < most) {
        uint64_t first = 1 + rng_below(rng, 400), n = 1 + rng_below(rng, 150);
        for (uint64_t i = 0; i < n && count < most; i++) pfns[count++] = first + i;
    }
    return count;
}

/* Nobody has looked which of them follow each other. */
static struct frame_row row_of(const uint64_t *pfns, uint64_t count)
{
    static uint32_t unknown = RUN_UNKNOWN;
    static const struct frame_runs none = { &unknown, 0, 0 };
    return (struct frame_row){ pfns, count, &none };
}

/* Somebody has, or only at the first ones, or at more than the row has. */
static struct frame_row known_row(struct rng *rng, const uint64_t *pfns, uint64_t count,
                                  struct frame_runs *runs)
{
    struct frame_row row = row_of(pfns, rng_below(rng, 3) == 0 ? 1 + rng_below(rng, count) : count);
    runs->end[0] = RUN_UNKNOWN;
    runs->most = (uint32_t)rng_below(rng, RUNS_MOST + 1);
    frames_find_runs(runs, pfns, (uint32_t)rng_below(rng, count + 1));
    if (rng_below(rng, 2) == 0) frames_find_runs(runs, pfns, (uint32_t)count);
    row.runs = runs;
    return row;
}

static void expect_same_frames(struct machine *a, struct machine *b)
{
    const struct gauge *x = &a->mm.frames.locked, *y = &b->mm.frames.locked;
    cr_assert(x->now == y->now && x->peak == y->peak && x->peak_t.v == y->peak_t.v);
    cr_assert_eq(hw_now(&a->hw).v, hw_now(&b->hw).v);
    for (uint64_t f = 0; f < FRAMES_MOST; f++) {
        struct frame one = frame_peek(&a->mm, pfn(f)), other = frame_peek(&b->mm, pfn(f));
        bool same = one.shares == other.shares && one.locks == other.locks &&
                    one.state == other.state && one.cache == other.cache &&
                    one.owner == other.owner;
        cr_assert(same, "frame %lu", (unsigned long)f);
    }
}

/* A machine whose first node, frames 1 to 700, is in use; returns how many frames are ours. */
static uint64_t take_first_node(struct machine *m, uint64_t taken[700])
{
    machine_down(m, two_nodes, COUNT_OF(two_nodes));
    m->config.system_pages = 0;
    machine_up(m);
    uint64_t n = frames_take(&m->mm, 700, WANT_ANY, OWNER_MDL, 1, 700, UINT32_MAX, false, taken);
    cr_assert_gt(n, 600);
    return n;
}

Test(frames_many, are_as_one_by_one)
{
    static struct machine m[2];
    struct rng rng;
    uint64_t pfns[500], taken[700];
    for (unsigned i = 0; i < 2; i++) take_first_node(&m[i], taken);
    rng_init(&rng, 11, 0);
    for (int round = 0; round < 200; round++) {
        uint64_t count = runs_of_frames(&rng, pfns, 1 + rng_below(&rng, COUNT_OF(pfns)));
        uint32_t end[RUNS_MOST + 1];
        struct frame_runs runs = { .end = end };
        struct frame_row row = known_row(&rng, pfns, count, &runs);
        count = row.count;
        frames_lock(&m[0].mm, &row);
        for (uint64_t i = 0; i < count; i++) frame_lock(&m[1].mm, pfn(pfns[i]));
        expect_same_frames(&m[0], &m[1]);
        cr_assert_eq(frames_in_use(&m[0].mm, &row, 0), count);
        uint64_t some = rng_below(&rng, count + 1);
        row.count = some;
        cr_assert_eq(frames_unlock(&m[0].mm, &row, 0), some);
        for (uint64_t i = 0; i < some; i++) frame_unlock(&m[1].mm, pfn(pfns[i]));
        row.count = count;
        cr_assert_eq(frames_unlock(&m[0].mm, &row, some), count);
        for (uint64_t i = some; i < count; i++) frame_unlock(&m[1].mm, pfn(pfns[i]));
        expect_same_frames(&m[0], &m[1]);
    }
    for (unsigned i = 0; i < 2; i++) machine_stop(&m[i]);
}

Test(frames_many, stop_at_the_first_that_differs)
{
    struct machine m;
    uint64_t pfns[FRAMES_MOST], count = 700, taken[700], ours = take_first_node(&m, taken);
    for (uint64_t i = 0; i < FRAMES_MOST; i++) pfns[i] = 1 + i; /* 701 is in the hole */
    struct frame_row all = row_of(pfns, FRAMES_MOST), held = row_of(pfns, count);
    cr_assert_eq(frames_in_use(&m.mm, &all, 0), count);
    cr_assert_eq(frame_span(&m.mm, pfns[600], 500).count, 640 - 601);
    cr_assert_eq(frame_span(&m.mm, pfns[639], 500).count, 700 - 640 + 1);
    cr_assert_null(frame_span(&m.mm, pfns[700], 500).chunk);
    frames_lock(&m.mm, &held);
    for (uint64_t i = 0; i < ours; i += 7) frame_give(&m.mm, pfn(taken[i]));
    cr_assert_eq(frames_in_use(&m.mm, &all, 0), count);
    frame_lock(&m.mm, pfn(100));
    cr_assert_eq(frames_unlock(&m.mm, &all, 0), count);
    cr_assert_eq(m.mm.frames.locked.now, 1);
    for (uint64_t i = 0; i < ours; i++) {
        bool is_held = i % 7 != 0 || taken[i] == 100;
        struct frame_row one = row_of(&taken[i], 1);
        cr_assert_eq(frames_in_use(&m.mm, &one, 0), is_held);
        cr_assert_eq(frame_peek(&m.mm, pfn(taken[i])).state == FRAME_FREE, !is_held);
    }
    cr_assert_eq(frames_unlock(&m.mm, &held, 100), 100);
    cr_assert_eq(frames_unlock(&m.mm, &held, 99), 100);
    frames_check(&m.mm);
    machine_stop(&m);
}

Test(frames_many, rise_up_to_the_first_that_does_not)
{
    uint64_t numbers[200];
    for (uint64_t count = 1; count <= COUNT_OF(numbers); count++) {
        for (uint64_t i = 0; i < count; i++) numbers[i] = 5 + i;
        cr_assert_eq(frames_rising(numbers, count), count);
        for (uint64_t odd = 1; odd < count; odd++) {
            numbers[odd]++;
            cr_assert_eq(frames_rising(numbers, count), odd);
            numbers[odd]--;
        }
    }
}

/* In any number of steps, up to the most that there is room for. */
Test(frames_many, runs_are_found)
{
    struct rng rng;
    uint64_t numbers[500];
    rng_init(&rng, 12, 0);
    for (int round = 0; round < 500; round++) {
        uint32_t end[RUNS_MOST + 1], known = 0, first = 0;
        uint64_t most = rng_below(&rng, COUNT_OF(numbers));
        uint32_t count = (uint32_t)runs_of_frames(&rng, numbers, most);
        struct frame_runs runs = { .end = end, .most = (uint32_t)rng_below(&rng, RUNS_MOST + 1) };
        for (uint32_t at = 0; at < count; frames_find_runs(&runs, numbers, at))
            at += 1 + (uint32_t)rng_below(&rng, count - at);
        for (; known < runs.most && first < count; first = end[known++]) {
            uint32_t n = 1;
            while (first + n < count && numbers[first + n] == numbers[first] + n) n++;
            cr_assert(known < runs.count && end[known] == first + n);
        }
        cr_assert_eq(runs.count, known);
        cr_assert(count == 0 || end[known] == RUN_UNKNOWN);
    }
}

/* Of a GiB of device memory one is looked at after the other. */
Test(frames_many, are_not_compared_where_each_stands_alone, .timeout = 20)
{
    enum { FRAMES = 1 << 18 };
    static uint64_t numbers[FRAMES];
    struct machine m;
    uint64_t taken[700];
    take_first_node(&m, taken);
    for (uint64_t i = 0; i < FRAMES; i++) numbers[i] = (UINT64_C(1) << 28) + i;
    struct frame_row row = row_of(numbers, FRAMES);
    for (uint64_t i = 0; i < FRAMES; i++) cr_assert_eq(frames_in_use(&m.mm, &row, i), i);
    machine_stop(&m);
}
