/* Events whose wait for a lock grows after they were written: the same lines as if it had been
 * known at once. */
#include "trace/json_sink.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>

enum { CPUS = 6, EVENTS = 400, OPEN_PERCENT = 60 };

struct made {
    struct event e;
    struct event_cost costs[4];
    int64_t late;
};

static bool append(void *context, const char *bytes, size_t length)
{
    text_bytes(context, bytes, length);
    return true;
}

static void put_aside(void *context, uint64_t at, const char *bytes, size_t length)
{
    struct text *t = context;
    cr_assert_leq(at, t->length);
    t->length = at;
    text_bytes(t, bytes, length);
}

static bool get_aside(void *context, uint64_t at, char *bytes, size_t length)
{
    const struct text *t = context;
    cr_assert_leq(at + length, t->length);
    memcpy(bytes, t->bytes + at, length);
    return true;
}

/* With or without a wait, with costs before and after it in the table. */
static void make(struct made *m, struct rng *r, uint32_t cpu)
{
    static const enum cost some[] = { COST_CALL, COST_LOCK_WAIT, COST_PFN };
    static const char *const threads[] = { "t", "one_whose_name_makes_its_lines_twice_as_long_as_"
                                                "those_of_the_other_so_that_few_are_half_of_all" };
    m->e.cpu = cpu;
    m->e.thread = threads[rng_below(r, 4) == 0];
    m->e.call = "delay";
    m->e.costs = m->costs;
    for (unsigned i = 0; i < COUNT_OF(some); i++)
        if (rng_below(r, 2) == 0)
            m->costs[m->e.cost_count++] = (struct event_cost){ some[i], 1 + rng_below(r, 1000) };
    for (uint32_t i = 0; i < m->e.cost_count; i++) m->e.cycles += m->costs[i].cycles;
    m->e.delta.free_pages = (int64_t)rng_below(r, 2);
    m->e.is_open = rng_below(r, 100) < OPEN_PERCENT;
    if (!m->e.is_open || rng_below(r, 3) == 0) return;
    m->late = (int64_t)rng_below(r, 1 << 20);
    for (uint32_t i = 0; i < m->e.cost_count; i++) { /* or it waits less, and not at all */
        uint64_t wait = m->costs[i].cycles;
        if (m->costs[i].cost == COST_LOCK_WAIT && rng_below(r, 2) == 0)
            m->late = -(int64_t)(rng_below(r, 2) == 0 ? wait : rng_below(r, wait));
    }
}

/* The event as it is once its wait is known. */
static struct made closed(const struct made *m)
{
    struct made c = *m;
    uint32_t i = 0, n = c.e.cost_count;
    c.e.costs = NULL;
    c.e.is_open = false;
    if (m->late == 0) return c;
    c.e.cycles += (uint64_t)m->late;
    while (i < n && c.costs[i].cost < COST_LOCK_WAIT) i++;
    if (i == n || c.costs[i].cost != COST_LOCK_WAIT) {
        for (uint32_t k = n; k > i; k--) c.costs[k] = c.costs[k - 1];
        c.costs[i] = (struct event_cost){ COST_LOCK_WAIT, 0 };
        c.e.cost_count++;
    }
    c.costs[i].cycles += (uint64_t)m->late;
    if (c.costs[i].cycles == 0) {
        for (c.e.cost_count--; i < c.e.cost_count; i++) c.costs[i] = c.costs[i + 1];
    }
    return c;
}

static void settle(struct json_sink *s, struct made **open, uint32_t cpu)
{
    if (open[cpu] == NULL) return;
    s->sink.settle(s, cpu, open[cpu]->late);
    open[cpu] = NULL;
}

/* Lines that wait are put aside beyond `most` bytes of them. Returns how many bytes were. */
static size_t both_ways(enum trace_format format, uint64_t seed, size_t most)
{
    struct json_sink late, at_once;
    struct text a, b, aside;
    const struct json_aside elsewhere = { put_aside, get_aside, &aside, most };
    struct rng r;
    struct made *open[CPUS] = { NULL };
    static struct made events[EVENTS];
    text_init(&a, &test_allocator);
    text_init(&b, &test_allocator);
    text_init(&aside, &test_allocator);
    rng_init(&r, seed, 0);
    json_sink_init(&late, &test_allocator,
                   &(struct json_sink_options){ format, .write = append, .context = &a,
                                                .aside = &elsewhere });
    json_sink_init(&at_once, &test_allocator,
                   &(struct json_sink_options){ format, .write = append, .context = &b });
    memset(events, 0, sizeof events);
    for (uint64_t i = 0; i < EVENTS; i++) {
        uint32_t cpu = (uint32_t)rng_below(&r, CPUS);
        settle(&late, open, cpu);
        struct made *m = &events[i];
        m->e.seq = i;
        make(m, &r, cpu);
        late.sink.event(&late, &m->e);
        if (m->e.is_open) open[cpu] = m;
        struct made c = closed(m);
        c.e.costs = c.costs;
        at_once.sink.event(&at_once, &c.e);
    }
    for (uint32_t i = 0; i < CPUS; i++) settle(&late, open, i);
    text_put(&a, text_string(&late.out));
    text_put(&b, text_string(&at_once.out));
    cr_expect_str_eq(text_string(&a), text_string(&b));
    json_sink_free(&late);
    json_sink_free(&at_once);
    text_free(&a);
    text_free(&b);
    size_t put = aside.length;
    text_free(&aside);
    return put;
}

Test(json_held, the_same_lines)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        both_ways(TRACE_FORMAT_JSON, seed, SIZE_MAX);
        both_ways(TRACE_FORMAT_JSONL, seed, SIZE_MAX);
    }
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(json_held, put_aside_and_back)
{
    size_t put = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        put += both_ways(TRACE_FORMAT_JSON, seed, seed * 20);
        put += both_ways(TRACE_FORMAT_JSONL, seed, seed * 20);
    }
    cr_assert_gt(put, 100000);
    cr_assert_eq(test_outstanding_bytes(), 0);
}
