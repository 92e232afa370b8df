/* Unit tests of mm/syspte: every policy against a list of PTEs that is searched from end to end. */
#include "mm/syspte.h"

#include "base/rng.h"
#include "mm_machine.h"

enum { TOTAL = 300, STEPS = 20000, HELD_MOST = TOTAL };

/* ---- the naive model ---- */

struct naive {
    bool used[TOTAL], pending[TOTAL];
    uint64_t next, flushes, free_min, failures;
};

static uint64_t naive_free(const struct naive *n)
{
    uint64_t count = 0;
    for (size_t i = 0; i < TOTAL; i++) count += !n->used[i];
    return count;
}

/* Free PTEs in a row from i on. */
static uint64_t naive_length(const struct naive *n, uint64_t i)
{
    uint64_t length = 0;
    while (i + length < TOTAL && !n->used[i + length]) length++;
    return length;
}

static uint64_t naive_first(const struct naive *n, uint64_t from, uint64_t count)
{
    for (uint64_t i = from; i < TOTAL; i++)
        if (naive_length(n, i) >= count) return i;
    return TOTAL;
}

static uint64_t naive_find(const struct naive *n, enum pte_policy policy, uint64_t count)
{
    if (policy == PTE_FIRST_FIT) return naive_first(n, 0, count);
    if (policy == PTE_NEXT_FIT) {
        uint64_t i = naive_first(n, n->next, count);
        return i < TOTAL ? i : naive_first(n, 0, count);
    }
    uint64_t best = TOTAL, best_length = TOTAL + 1;
    for (uint64_t i = 0; i < TOTAL; i++) {
        bool starts = !n->used[i] && (i == 0 || n->used[i - 1]);
        uint64_t length = naive_length(n, i);
        if (!starts || length < count || length >= best_length) continue;
        best = i;
        best_length = length;
    }
    return best;
}

static uint64_t naive_reserve(struct naive *n, enum pte_policy policy, uint64_t count,
                              uint64_t threshold)
{
    uint64_t start = naive_find(n, policy, count), free_now = naive_free(n);
    if (start == TOTAL || free_now - count < threshold) {
        n->failures++;
        return TOTAL;
    }
    bool stale = false;
    for (uint64_t i = start; i < start + count; i++) stale = stale || n->pending[i];
    if (stale) {
        memset(n->pending, 0, sizeof n->pending);
        n->flushes++;
    }
    for (uint64_t i = start; i < start + count; i++) n->used[i] = true;
    n->next = start + count;
    if (free_now - count < n->free_min) n->free_min = free_now - count;
    return start;
}

/* ---- random steps ---- */

static struct naive naive;
static struct machine m;

static void compare(void)
{
    const struct syspte *s = &m.mm.syspte;
    syspte_check(&m.mm);
    cr_assert_eq(s->free.total, naive_free(&naive));
    cr_assert_eq(s->free_min, naive.free_min);
    cr_assert_eq(s->failures[0] + s->failures[1] + s->failures[2], naive.failures);
    cr_assert_eq(m.hw.cpu->flushes.full, naive.flushes);
    for (uint64_t i = 0; i < TOTAL; i++) {
        va_t at = va_add(s->base, i * PAGE_BYTES);
        cr_assert_eq(syspte_is_free(&m.mm, at), !naive.used[i]);
        cr_assert_eq(syspte_is_pending(&m.mm, at), naive.pending[i]);
    }
}

struct held {
    uint64_t start, count;
    enum pte_user user;
};

/* Gives back a part at either end, or all. */
static bool give_some(struct held *h, struct rng *r)
{
    uint64_t count = rng_below(r, 3) == 0 ? rng_below(r, h->count) + 1 : h->count;
    bool from_end = rng_below(r, 2);
    uint64_t start = from_end ? h->start + h->count - count : h->start;
    syspte_release(&m.mm, va_add(m.mm.syspte.base, start * PAGE_BYTES), count, h->user);
    for (uint64_t i = start; i < start + count; i++) {
        naive.used[i] = false;
        naive.pending[i] = m.config.pte_flush == PTE_FLUSH_DEFERRED;
    }
    if (m.config.pte_flush == PTE_FLUSH_IMMEDIATE && count > m.hw.flush_threshold_pages)
        naive.flushes++;
    h->count -= count;
    if (!from_end) h->start += count;
    return h->count == 0;
}

static bool reserve_one(struct held *h, struct rng *r)
{
    static const uint64_t sizes[] = { 1, 1, 2, 4, 8, 17, 40 };
    uint64_t count = sizes[rng_below(r, COUNT_OF(sizes))];
    enum pte_priority priority = (enum pte_priority)rng_below(r, PRIORITY_COUNT);
    enum pte_user user = (enum pte_user)rng_below(r, PTE_USER_COUNT);
    uint64_t threshold = priority == PRIORITY_LOW      ? m.config.threshold_low
                         : priority == PRIORITY_NORMAL ? m.config.threshold_normal
                                                       : 0;
    va_t at = va(0);
    uint64_t expected = naive_reserve(&naive, (enum pte_policy)m.config.pte_policy, count,
                                      threshold);
    bool got = syspte_reserve(&m.mm, count, priority, user, &at);
    cr_assert_eq(got, expected < TOTAL);
    if (!got) return false;
    cr_assert_eq((at.v - m.config.syspte_base.v) / PAGE_BYTES, expected);
    *h = (struct held){ expected, count, user };
    return true;
}

static void run_random(uint32_t policy, uint32_t flush)
{
    static struct held held[HELD_MOST];
    static const struct phys_range ram = { .first = { 0 }, .page_count = 200 };
    size_t count = 0;
    struct rng r;
    rng_init(&r, policy, flush);
    machine_down(&m, &ram, 1);
    m.config.system_ptes = TOTAL;
    m.config.pte_policy = policy;
    m.config.pte_flush = flush;
    m.config.threshold_low = 60;
    m.config.threshold_normal = 20;
    m.config.syspte_base = va(0xFFFFF880001F0000); /* the first table is shared with others */
    machine_up(&m);
    naive = (struct naive){ .free_min = TOTAL };
    for (unsigned i = 0; i < STEPS; i++) {
        /* Phases of filling up and of emptying, so that both ends are met. */
        bool filling = i / 500 % 2 == 0;
        if (rng_below(&r, 10) < (filling ? 7u : 3u)) {
            if (reserve_one(&held[count], &r)) count++;
        } else if (count > 0) {
            size_t pick = (size_t)rng_below(&r, count);
            if (give_some(&held[pick], &r)) held[pick] = held[--count];
        }
        if (i % 16 == 0) compare();
    }
    compare();
    cr_assert_gt(naive.failures, 100);
    cr_assert_gt(naive.flushes, flush == PTE_FLUSH_DEFERRED ? 100u : 0u);
    machine_stop_clean(&m);
}

Test(syspte, random_steps_match_a_list)
{
    for (uint32_t policy = PTE_FIRST_FIT; policy <= PTE_NEXT_FIT; policy++) {
        run_random(policy, PTE_FLUSH_DEFERRED);
        run_random(policy, PTE_FLUSH_IMMEDIATE);
    }
}

/* ---- single facts ---- */

Test(syspte, thresholds_are_what_may_not_be_left)
{
    struct machine one;
    static const struct phys_range ram = { .first = { 0 }, .page_count = 200 };
    machine_down(&one, &ram, 1);
    one.config.system_ptes = 100;
    one.config.threshold_low = 50;
    one.config.threshold_normal = 10;
    machine_up(&one);
    static const struct {
        uint64_t count;
        enum pte_priority priority;
        bool fits;
    } rows[] = {
        { 51, PRIORITY_LOW, false },   { 50, PRIORITY_LOW, true },
        { 1, PRIORITY_LOW, false },    { 41, PRIORITY_NORMAL, false },
        { 40, PRIORITY_NORMAL, true }, { 1, PRIORITY_NORMAL, false },
        { 11, PRIORITY_HIGH, false },  { 10, PRIORITY_HIGH, true },
        { 1, PRIORITY_HIGH, false },   { UINT64_MAX, PRIORITY_HIGH, false },
    };
    va_t at;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool fits = syspte_reserve(&one.mm, rows[i].count, rows[i].priority, PTE_USER_MDL, &at);
        cr_assert_eq(fits, rows[i].fits, "row %zu", i);
    }
    const struct syspte *s = &one.mm.syspte;
    cr_assert_eq(s->failures[PRIORITY_LOW], 2);
    cr_assert_eq(s->failures[PRIORITY_NORMAL], 2);
    cr_assert_eq(s->failures[PRIORITY_HIGH], 3);
    cr_assert_eq(s->free_min, 0);
    machine_stop_clean(&one);
}

static uint64_t map_and_read(struct machine *one, va_t *at)
{
    cr_assert(syspte_reserve(&one->mm, 1, PRIORITY_HIGH, PTE_USER_MDL, at));
    paging_set(&one->hw, &one->hw.system, *at, pte_make(pfn(5), PTE_PRESENT | PTE_WRITE));
    return hw_translate(&one->hw, *at, ACCESS_READ, false).entry;
}

Test(syspte, released_pages_stay_in_the_tlb_until_they_are_used_again)
{
    for (uint32_t flush = PTE_FLUSH_DEFERRED; flush <= PTE_FLUSH_IMMEDIATE; flush++) {
        struct machine one;
        static const struct phys_range ram = { .first = { 0 }, .page_count = 200 };
        machine_down(&one, &ram, 1);
        one.config.pte_flush = flush;
        machine_up(&one);
        bool deferred = flush == PTE_FLUSH_DEFERRED;
        va_t at, again;
        cr_assert(map_and_read(&one, &at) & PTE_PRESENT);
        cr_assert(tlb_holds(&one.hw, at));
        syspte_release(&one.mm, at, 1, PTE_USER_MDL);
        cr_assert_eq(paging_entry(&one.hw, &one.hw.system, at), 0);
        cr_assert_eq(tlb_holds(&one.hw, at), deferred);
        cr_assert_eq(one.hw.cpu->flushes.invlpg, deferred ? 0 : 1);
        mm_check(&one.mm);
        cr_assert(syspte_reserve(&one.mm, 1, PRIORITY_HIGH, PTE_USER_MDL, &again));
        cr_assert_eq(again.v, at.v);
        cr_assert_not(tlb_holds(&one.hw, at));
        cr_assert_eq(one.hw.cpu->flushes.full, deferred ? 1 : 0);
        cr_assert_eq(one.mm.syspte.pending.total, 0);
        mm_check(&one.mm);
        machine_stop_clean(&one);
    }
}

Test(syspte, a_region_of_any_size)
{
    static const struct phys_range ram = { .first = { 0 }, .page_count = 1 << 16 };
    struct machine one;
    machine_down(&one, &ram, 1);
    one.config.system_ptes = (uint64_t)1 << 32;
    one.config.syspte_base = va(0xFFFF900000000000);
    machine_up(&one);
    va_t first, second, last;
    cr_assert(syspte_reserve(&one.mm, 1, PRIORITY_HIGH, PTE_USER_MDL, &first));
    cr_assert(syspte_reserve(&one.mm, (uint64_t)1 << 20, PRIORITY_HIGH, PTE_USER_RESERVED,
                             &second));
    cr_assert_eq(second.v, first.v + PAGE_BYTES);
    cr_assert_not(syspte_reserve(&one.mm, (uint64_t)1 << 32, PRIORITY_HIGH, PTE_USER_MDL, &last));
    syspte_release(&one.mm, second, (uint64_t)1 << 20, PTE_USER_RESERVED);
    cr_assert_eq(one.mm.syspte.in_use.now, 1);
    cr_assert(syspte_owns(&one.mm, va_add(first, (((uint64_t)1 << 32) - 1) * PAGE_BYTES)));
    cr_assert_not(syspte_owns(&one.mm, va_add(first, ((uint64_t)1 << 32) * PAGE_BYTES)));
    cr_assert_not(syspte_owns(&one.mm, va(first.v - 1)));
    machine_stop_clean(&one);
}

Test(syspte, without_frames_for_page_tables_nothing_is_reserved)
{
    static const struct phys_range ram = { .first = { 0 }, .page_count = 20 }; /* 16 the system's */
    struct machine one;
    machine_down(&one, &ram, 1);
    machine_up(&one); /* three frames are left: for PDPT, PD and PT */
    va_t at;
    cr_assert_not(syspte_reserve(&one.mm, 513, PRIORITY_HIGH, PTE_USER_MDL, &at));
    cr_assert_eq(one.mm.syspte.failures[PRIORITY_HIGH], 1);
    cr_assert_eq(one.mm.syspte.in_use.now, 0);
    cr_assert(syspte_reserve(&one.mm, 512, PRIORITY_HIGH, PTE_USER_MDL, &at));
    mm_check(&one.mm);
    machine_stop_clean(&one);
}

/* ---- the timeline ---- */

Test(syspte, timeline_is_evenly_spaced_and_bounded)
{
    struct timeline t = { .step = 1 };
    struct rng r;
    rng_init(&r, 3, 0);
    static uint64_t level[200001];
    uint64_t now = 0, value = 0;
    while (now < 200000) {
        uint64_t to = now + rng_below(&r, 40) + 1;
        if (to > 200000) to = 200000;
        for (uint64_t i = now; i < to; i++) level[i + 1] = value; /* before the change at `to` */
        now = to;
        value = rng_below(&r, 1000);
        timeline_set(&t, now, value);
    }
    level[0] = 0;
    cr_assert_gt(t.count, TIMELINE_MOST / 2);
    cr_assert_leq(t.count, TIMELINE_MOST);
    for (uint32_t i = 0; i < t.count; i++) cr_assert_eq(t.sample[i], level[i * t.step], "%u", i);
    cr_assert_gt(t.count * t.step, 200000);
    timeline_advance(&t, UINT64_MAX);
    cr_assert_leq(t.count, TIMELINE_MOST);
    cr_assert_eq(t.sample[t.count - 1], value);
}
