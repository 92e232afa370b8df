/* Unit tests of mm/pfn: which frames a request gets, against an array that is searched from end to
 * end; references, locks, machines of every size. */
#include "mm/pfn.h"

#include "base/rng.h"
#include "mm_machine.h"

enum { FRAMES_MOST = 2048, HELD_MOST = 400, STEPS = 4000 };

/* Two nodes with a hole between them. */
static const struct phys_range two_nodes[] = {
    { .first = { 1 }, .page_count = 700, .node = 0 },
    { .first = { 1000 }, .page_count = 801, .node = 1 },
};

/* ---- the naive model ---- */

struct naive_frame {
    bool ram, held; /* held: by whoever had it at the start, or by us */
    bool zeroed;
    uint32_t node, shares, locks;
};

struct naive {
    struct naive_frame at[FRAMES_MOST];
    enum fragmentation_kind kind;
};

static void naive_start(struct naive *n, const struct machine *m)
{
    const struct mm_config *c = &m->config;
    uint64_t system_left = c->system_pages;
    memset(n, 0, sizeof *n);
    n->kind = (enum fragmentation_kind)c->fragmentation;
    for (size_t r = 0; r < COUNT_OF(two_nodes); r++) {
        uint64_t free_count = 0, first = two_nodes[r].first.v, index = 0;
        for (uint64_t i = 0; i < two_nodes[r].page_count; i++) {
            struct naive_frame *f = &n->at[first + i];
            *f = (struct naive_frame){ .ram = true, .node = two_nodes[r].node };
            if (system_left > 0) {
                system_left--;
                f->held = true;
                continue;
            }
            f->held = n->kind == FRAGMENTATION_CHECKERBOARD &&
                      index / c->fragmentation_run % 2 == 1;
            free_count += !f->held;
            index++;
        }
        uint64_t zeroed = free_count * c->zeroed_percent / 100;
        for (uint64_t i = 0; i < two_nodes[r].page_count && zeroed > 0; i++) {
            struct naive_frame *f = &n->at[first + i];
            if (f->held) continue;
            f->zeroed = true;
            zeroed--;
        }
    }
}

static uint64_t naive_available(const struct naive *n)
{
    uint64_t count = 0;
    for (size_t i = 0; i < FRAMES_MOST; i++) count += n->at[i].ram && !n->at[i].held;
    return count;
}

/* The lowest frame of a list in the window, 0 for none. */
static uint64_t naive_pick(const struct naive *n, bool zeroed, uint64_t first, uint64_t last,
                           uint32_t node)
{
    for (uint64_t i = first; i <= last && i < FRAMES_MOST; i++) {
        const struct naive_frame *f = &n->at[i];
        if (!f->ram || f->held || f->zeroed != zeroed) continue;
        if (node == UINT32_MAX || f->node == node) return i;
    }
    return 0;
}

static uint64_t naive_take(struct naive *n, enum frame_want want, uint64_t first, uint64_t last,
                           uint32_t node, bool node_only)
{
    bool zeroed = want == WANT_ZEROED;
    uint64_t i = naive_pick(n, zeroed, first, last, node);
    if (i == 0) i = naive_pick(n, !zeroed, first, last, node);
    if (i == 0 && !node_only) i = naive_pick(n, zeroed, first, last, UINT32_MAX);
    if (i == 0 && !node_only) i = naive_pick(n, !zeroed, first, last, UINT32_MAX);
    if (i != 0) n->at[i].held = true;
    if (i != 0) n->at[i].shares = 1;
    return i;
}

static uint64_t naive_block(const struct naive *n, uint64_t count, uint64_t align, uint64_t first,
                            uint64_t last)
{
    for (uint64_t i = first; i <= last && i + count <= FRAMES_MOST; i++) {
        if (i % align != 0 || i + count - 1 > last) continue;
        uint64_t fit = 0;
        while (fit < count && n->at[i + fit].ram && !n->at[i + fit].held) fit++;
        if (fit == count) return i;
    }
    return 0;
}

static void naive_retire(struct naive_frame *f)
{
    if (f->shares > 0 || f->locks > 0) return;
    f->held = f->zeroed = false;
}

static void compare(struct machine *m, const struct naive *n)
{
    frames_check(&m->mm);
    cr_assert_eq(frames_available(&m->mm), naive_available(n));
    for (uint64_t i = 0; i < FRAMES_MOST; i++) {
        const struct naive_frame *f = &n->at[i];
        struct frame frame = frame_peek(&m->mm, pfn(i));
        unsigned state = !f->ram ? FRAME_STATE_COUNT
                         : f->held ? FRAME_ACTIVE
                         : f->zeroed ? FRAME_ZEROED : FRAME_FREE;
        if (frame.state == FRAME_TABLE) continue;
        cr_assert_eq(frame.state, state, "frame %u: %u, not %u", (unsigned)i, frame.state, state);
        if (f->shares > 0) cr_assert_eq(frame.shares, f->shares);
        cr_assert_eq(frame.locks, f->locks);
    }
}

/* ---- random steps ---- */

struct held {
    uint64_t frame[HELD_MOST];
    size_t count;
};

static void step_take(struct machine *m, struct naive *n, struct rng *r, struct held *h)
{
    enum frame_want want = rng_below(r, 2) ? WANT_ZEROED : WANT_ANY;
    bool anywhere = rng_below(r, 3) == 0;
    uint64_t first = anywhere ? 0 : rng_below(r, 2000), count = rng_below(r, 20) + 1;
    uint64_t last = anywhere ? UINT64_MAX : first + rng_below(r, 500);
    uint32_t node = rng_below(r, 2) ? UINT32_MAX : (uint32_t)rng_below(r, 3);
    bool only = rng_below(r, 2);
    uint64_t out[20];
    if (h->count + count > HELD_MOST) return;
    uint64_t got = frames_take(&m->mm, count, want, OWNER_MDL, first, last, node, only, out);
    if (n->kind == FRAGMENTATION_SHUFFLED && anywhere) {
        for (uint64_t i = 0; i < got; i++) {
            struct naive_frame *f = &n->at[out[i]];
            cr_assert(f->ram && !f->held);
            f->held = true;
            f->shares = 1;
        }
    } else {
        for (uint64_t i = 0; i < count; i++) {
            uint64_t expected = naive_take(n, want, first, last, node, only && node != UINT32_MAX);
            cr_assert_eq(i < got ? out[i] : 0, expected, "%u of %u", (unsigned)i, (unsigned)count);
        }
    }
    for (uint64_t i = 0; i < got; i++) h->frame[h->count++] = out[i];
}

static void step_block(struct machine *m, struct naive *n, struct rng *r, struct held *h)
{
    uint64_t count = rng_below(r, 12) + 1, align = (uint64_t)1 << rng_below(r, 5);
    uint64_t first = rng_below(r, 1500), last = first + rng_below(r, 800);
    if (h->count + count > HELD_MOST) return;
    pfn_t out = pfn(0);
    bool took = frames_take_block(&m->mm, count, align, WANT_ANY, OWNER_MDL, first, last,
                                  UINT32_MAX, &out);
    uint64_t expected = naive_block(n, count, align, first, last);
    cr_assert_eq(took ? out.v : 0, expected);
    for (uint64_t i = 0; took && i < count; i++) {
        n->at[out.v + i].held = true;
        n->at[out.v + i].shares = 1;
        h->frame[h->count++] = out.v + i;
    }
}

static void step_one(struct machine *m, struct naive *n, struct rng *r, struct held *h)
{
    if (h->count == 0) return;
    size_t i = (size_t)rng_below(r, h->count);
    pfn_t f = pfn(h->frame[i]);
    struct naive_frame *mine = &n->at[f.v];
    switch (rng_below(r, 6)) {
    case 0:
        if (mine->shares == 0) return;
        frame_share(&m->mm, f);
        mine->shares++;
        return;
    case 1:
        frame_lock(&m->mm, f);
        mine->locks++;
        return;
    case 2:
        if (mine->locks == 0) return;
        frame_unlock(&m->mm, f);
        mine->locks--;
        break;
    default:
        if (mine->shares == 0) return;
        frame_give(&m->mm, f);
        mine->shares--;
        break;
    }
    naive_retire(mine);
    if (!mine->held) h->frame[i] = h->frame[--h->count];
}

static void run_random(enum fragmentation_kind kind, uint64_t run, uint64_t percent, uint64_t seed)
{
    static struct naive n;
    static struct machine m;
    struct held h = { .count = 0 };
    struct rng r;
    rng_init(&r, seed, 7);
    machine_down(&m, two_nodes, COUNT_OF(two_nodes));
    m.config.fragmentation = kind;
    m.config.fragmentation_run = run;
    m.config.fragmentation_seed = seed;
    m.config.zeroed_percent = percent;
    machine_up(&m);
    naive_start(&n, &m);
    n.at[m.hw.system.root.v].held = true;
    compare(&m, &n);
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t choice = rng_below(&r, 10);
        if (choice < 2) step_take(&m, &n, &r, &h);
        else if (choice == 2) step_block(&m, &n, &r, &h);
        else step_one(&m, &n, &r, &h);
        if (i % 64 == 0) compare(&m, &n);
    }
    compare(&m, &n);
    machine_stop_clean(&m);
}

Test(frames, random_steps_match_an_array)
{
    static const struct {
        enum fragmentation_kind kind;
        uint64_t run, percent;
    } rows[] = {
        { FRAGMENTATION_NONE, 0, 50 },          { FRAGMENTATION_NONE, 0, 0 },
        { FRAGMENTATION_NONE, 0, 100 },         { FRAGMENTATION_SHUFFLED, 0, 50 },
        { FRAGMENTATION_SHUFFLED, 0, 97 },      { FRAGMENTATION_CHECKERBOARD, 1, 50 },
        { FRAGMENTATION_CHECKERBOARD, 7, 33 },  { FRAGMENTATION_CHECKERBOARD, 64, 100 },
        { FRAGMENTATION_CHECKERBOARD, 64, 0 },  { FRAGMENTATION_CHECKERBOARD, 500, 10 },
        { FRAGMENTATION_CHECKERBOARD, 9999, 1 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        run_random(rows[i].kind, rows[i].run, rows[i].percent, i + 1);
}

/* ---- single facts ---- */

Test(frames, zeroing_is_charged_only_off_the_free_list)
{
    static const struct phys_range ram = { .first = { 0 }, .page_count = 100 };
    struct machine m;
    machine_down(&m, &ram, 1);
    m.config.system_pages = 0;
    m.config.zeroed_percent = 2; /* one of them becomes the root table */
    machine_up(&m);
    pfn_t f;
    uint64_t zero = m.hw.cpu->spent[COST_ZERO], updates = m.hw.cpu->spent[COST_PFN];
    cr_assert(frame_take(&m.mm, WANT_ZEROED, OWNER_MDL, &f));
    cr_assert_eq(f.v, 1);
    cr_assert_eq(m.hw.cpu->spent[COST_ZERO], zero);
    cr_assert(frame_take(&m.mm, WANT_ANY, OWNER_MDL, &f));
    cr_assert_eq(f.v, 2);
    cr_assert_eq(m.hw.cpu->spent[COST_ZERO], zero);
    uint8_t byte = 0xFF;
    cr_assert_not(phys_read(&m.hw.phys, pfn_to_pa(f), &byte, 1), "contents are unknown");
    cr_assert(frame_take(&m.mm, WANT_ZEROED, OWNER_MDL, &f));
    cr_assert_eq(m.hw.cpu->spent[COST_ZERO], zero + 1);
    cr_assert_eq(m.mm.frames.traffic_zeroed, 1);
    cr_assert(phys_read(&m.hw.phys, pfn_to_pa(f), &byte, 1));
    cr_assert_eq(byte, 0);
    cr_assert_eq(m.hw.cpu->spent[COST_PFN], updates + 3);
    machine_stop_clean(&m);
}

Test(frames, a_locked_frame_outlives_its_owner)
{
    struct machine m;
    machine_start(&m, 100);
    pfn_t f;
    cr_assert(frame_take(&m.mm, WANT_ANY, OWNER_MDL, &f));
    uint64_t available = frames_available(&m.mm);
    frame_lock(&m.mm, f);
    frame_lock(&m.mm, f);
    cr_assert_eq(m.mm.frames.locked.now, 1);
    frame_give(&m.mm, f);
    struct frame frame = frame_peek(&m.mm, f);
    cr_assert_eq(frame_references(&frame), 2);
    cr_assert_eq(frame.shares, 0);
    cr_assert_eq(frame.state, FRAME_ACTIVE);
    cr_assert_eq(frames_available(&m.mm), available);
    frames_check(&m.mm);
    frame_unlock(&m.mm, f);
    cr_assert_eq(m.mm.frames.locked.now, 1);
    frame_unlock(&m.mm, f);
    cr_assert_eq(m.mm.frames.locked.now, 0);
    cr_assert_eq(frames_available(&m.mm), available + 1);
    cr_assert_eq(frame_peek(&m.mm, f).state, FRAME_FREE);
    frames_check(&m.mm);
    machine_stop_clean(&m);
}

Test(frames, shuffled_takes_each_frame_once_and_the_newest_returned_first)
{
    static const struct phys_range ram = { .first = { 10 }, .page_count = 1000 };
    static bool seen[1100];
    struct machine m;
    machine_down(&m, &ram, 1);
    m.config.fragmentation = FRAGMENTATION_SHUFFLED;
    machine_up(&m);
    pfn_t f, before = pfn(0);
    unsigned taken = 0, rises = 0;
    for (; frame_take(&m.mm, WANT_ANY, OWNER_MDL, &f); taken++) {
        cr_assert_not(seen[f.v]);
        seen[f.v] = true;
        rises += f.v > before.v;
        before = f;
    }
    cr_assert_eq(taken, 1000 - 16 - 1);
    cr_assert(rises > taken / 3 && rises < taken * 2 / 3, "%u rises", rises);
    frame_give(&m.mm, pfn(500));
    frame_give(&m.mm, pfn(40));
    frame_give(&m.mm, pfn(777));
    static const uint64_t expected[] = { 777, 40, 500 };
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        cr_assert(frame_take(&m.mm, WANT_ZEROED, OWNER_MDL, &f));
        cr_assert_eq(f.v, expected[i]);
    }
    cr_assert_not(frame_take(&m.mm, WANT_ANY, OWNER_MDL, &f));
    machine_stop_clean(&m);
}

Test(frames, returned_frames_are_remembered_in_bounded_memory)
{
    static const struct phys_range ram = { .first = { 0 }, .page_count = 64 };
    struct machine m;
    machine_down(&m, &ram, 1);
    m.config.fragmentation = FRAGMENTATION_SHUFFLED;
    machine_up(&m);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t out[4];
        cr_assert_eq(frames_take(&m.mm, 4, WANT_ANY, OWNER_MDL, 20, 23, UINT32_MAX, false, out), 4);
        for (unsigned j = 0; j < 4; j++) frame_give(&m.mm, pfn(out[j]));
    }
    cr_assert_lt(m.mm.frames.returned_capacity, 64);
    machine_stop_clean(&m);
}

Test(frames, a_machine_of_64_tib_starts_and_takes_at_once)
{
    static const struct phys_range ram = { .first = { 0 }, .page_count = (uint64_t)1 << 34 };
    for (unsigned kind = FRAGMENTATION_NONE; kind <= FRAGMENTATION_CHECKERBOARD; kind++) {
        struct machine m;
        machine_down(&m, &ram, 1);
        m.config.fragmentation = kind;
        m.config.fragmentation_run = 1;
        machine_up(&m);
        uint64_t out[100];
        uint64_t top = ((uint64_t)1 << 34) - 1;
        cr_assert_eq(frames_take(&m.mm, 100, WANT_ZEROED, OWNER_MDL, 0, UINT64_MAX, UINT32_MAX,
                                 false, out), 100);
        cr_assert_eq(frames_take(&m.mm, 100, WANT_ANY, OWNER_MDL, top - 199, top, UINT32_MAX,
                                 false, out), 100);
        /* Frame 16 is the first free one, and so is every second after it. */
        pfn_t f;
        cr_assert_eq(frames_take_block(&m.mm, 1, 2, WANT_ANY, OWNER_MDL, top / 2, top, UINT32_MAX,
                                       &f), true);
        bool pair = frames_take_block(&m.mm, 2, 1, WANT_ANY, OWNER_MDL, top / 2, top, UINT32_MAX,
                                      &f);
        cr_assert_eq(pair, kind != FRAGMENTATION_CHECKERBOARD);
        frames_check(&m.mm);
        cr_assert_lt(m.mm.frames.zeroed.run_count + m.mm.frames.free.run_count, 4000);
        machine_stop_clean(&m);
    }
}

Test(frames, an_impossible_block_of_a_huge_checkerboard_is_refused_at_once)
{
    static const struct phys_range ram = { .first = { 1 }, .page_count = (uint64_t)1 << 34 };
    struct machine m;
    machine_down(&m, &ram, 1);
    m.config.fragmentation = FRAGMENTATION_CHECKERBOARD;
    m.config.fragmentation_run = 1; /* the first free frame is 17: all of them are odd */
    machine_up(&m);
    pfn_t f;
    cr_assert_not(frames_take_block(&m.mm, 1, 2, WANT_ANY, OWNER_MDL, 0, UINT64_MAX, UINT32_MAX,
                                    &f));
    cr_assert_not(frames_take_block(&m.mm, 2, 1, WANT_ANY, OWNER_MDL, 0, UINT64_MAX, UINT32_MAX,
                                    &f));
    machine_stop_clean(&m);
}

Test(frames, device_frames_count_once)
{
    struct machine m;
    machine_start(&m, 100);
    frame_io_hold(&m.mm, pfn(0xE0000));
    frame_io_hold(&m.mm, pfn(0xE0000));
    frame_io_hold(&m.mm, pfn(0xE0001));
    cr_assert_eq(m.mm.frames.io.now, 2);
    frame_io_drop(&m.mm, pfn(0xE0000));
    cr_assert_eq(m.mm.frames.io.now, 2);
    frame_io_drop(&m.mm, pfn(0xE0000));
    frame_io_drop(&m.mm, pfn(0xE0001));
    cr_assert_eq(m.mm.frames.io.now, 0);
    cr_assert_eq(m.mm.frames.io.peak, 2);
    frames_check(&m.mm);
    machine_stop_clean(&m);
}

static void give_twice(void *context)
{
    struct machine *m = context;
    pfn_t f;
    if (!frame_take(&m->mm, WANT_ANY, OWNER_MDL, &f)) return;
    frame_give(&m->mm, f);
    frame_give(&m->mm, f);
}

Test(frames, giving_twice_is_a_bug)
{
    static struct machine m;
    machine_start(&m, 100);
    cr_assert(test_bug_raised(give_twice, &m));
    machine_stop(&m);
}

Test(frames, ram_that_the_system_needs_whole_is_too_small)
{
    static const struct phys_range ram = { .first = { 0 }, .page_count = 16 };
    struct machine m;
    machine_down(&m, &ram, 1);
    cr_assert_not(mm_init(&m.mm, &m.from, &m.hw, &m.config));
    mm_free(&m.mm);
    m.config.system_pages = 15; /* one frame is left for the root table */
    machine_up(&m);
    cr_assert_eq(frames_available(&m.mm), 0);
    machine_stop_clean(&m);
}
