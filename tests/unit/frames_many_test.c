/* Unit tests of mm/pfn: what is done to many frames at once, against the same one by one. */
#include "mm/pfn_chunk.h"

#include "base/rng.h"
#include "mm_machine.h"

enum { FRAMES_MOST = 2048 };

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
        frames_lock(&m[0].mm, pfns, count);
        for (uint64_t i = 0; i < count; i++) frame_lock(&m[1].mm, pfn(pfns[i]));
        expect_same_frames(&m[0], &m[1]);
        cr_assert_eq(frames_in_use(&m[0].mm, pfns, count), count);
        uint64_t some = rng_below(&rng, count + 1);
        cr_assert_eq(frames_unlock(&m[0].mm, pfns, some), some);
        for (uint64_t i = 0; i < some; i++) frame_unlock(&m[1].mm, pfn(pfns[i]));
        cr_assert_eq(frames_unlock(&m[0].mm, pfns + some, count - some), count - some);
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
    cr_assert_eq(frames_in_use(&m.mm, pfns, FRAMES_MOST), count);
    cr_assert_eq(frame_span(&m.mm, pfns[600], 500).count, 640 - 601);
    cr_assert_eq(frame_span(&m.mm, pfns[639], 500).count, 700 - 640 + 1);
    cr_assert_null(frame_span(&m.mm, pfns[700], 500).chunk);
    frames_lock(&m.mm, pfns, count);
    for (uint64_t i = 0; i < ours; i += 7) frame_give(&m.mm, pfn(taken[i]));
    cr_assert_eq(frames_in_use(&m.mm, pfns, FRAMES_MOST), count);
    frame_lock(&m.mm, pfn(100));
    cr_assert_eq(frames_unlock(&m.mm, pfns, FRAMES_MOST), count);
    cr_assert_eq(m.mm.frames.locked.now, 1);
    for (uint64_t i = 0; i < ours; i++) {
        bool held = i % 7 != 0 || taken[i] == 100;
        cr_assert_eq(frames_in_use(&m.mm, &taken[i], 1), held);
        cr_assert_eq(frame_peek(&m.mm, pfn(taken[i])).state == FRAME_FREE, !held);
    }
    cr_assert_eq(frames_unlock(&m.mm, pfns + 100, count), 0);
    cr_assert_eq(frames_unlock(&m.mm, pfns + 99, count), 1);
    frames_check(&m.mm);
    machine_stop(&m);
}
