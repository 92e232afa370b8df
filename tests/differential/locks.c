/* Locks in time beside two obvious models; prints TAP.
 *
 * 1. A model that knows of each cycle by whom the lock is held, who shares it, and whether its line
 *    is under way: the same waits to the cycle. Interrupts lengthen the holds that they fall into.
 * 2. A queue: who asks first is served first. Steps are simulated whole, so that the lock sees
 *    requests out of their order in time, and cannot move a hold that it has given away; what it
 *    gets wrong by that must stay small. */
#include "host.h"
#include "mm/mm.h"

#include <string.h>

enum { CPUS_MOST = 8, CYCLES = 60000, STEPS = 400, PRICE_LOCK = 2, PRICE_LINE = 5 };

struct machine {
    struct hw hw;
    struct mm mm;
    struct lock lock;
};

static void machine_start(struct machine *m, uint32_t cpus)
{
    uint64_t price[COST_COUNT];
    for (unsigned i = 0; i < COST_COUNT; i++) price[i] = 1;
    price[COST_LOCK] = PRICE_LOCK;
    price[COST_LINE_TRANSFER] = PRICE_LINE;
    struct tlb_level_geometry none = { .array_of = { TLB_NO_ARRAY, TLB_NO_ARRAY, TLB_NO_ARRAY } };
    struct phys_range ram = { .first = pfn(1), .page_count = 1024 };
    struct hw_config config = { .hz = 1000000000, .price = price, .mode = PAGING_4_LEVEL,
                                .kernel_start = 0xFFFF800000000000, .l1d = none, .l1i = none,
                                .l2 = none, .cpu_count = cpus, .ram = &ram, .ram_count = 1 };
    memset(m, 0, sizeof *m);
    hw_init(&m->hw, &host, &config);
    m->mm.hw = &m->hw;
    m->mm.from = &host;
}

static void machine_stop(struct machine *m)
{
    lock_free(&m->lock, &host);
    hw_free(&m->hw);
}

/* The processor whose clock is least goes next, as the scheduler has it. */
static void turn(struct machine *m)
{
    struct cpu *first = &m->hw.cpus[0];
    for (uint32_t i = 1; i < m->hw.cpu_count; i++)
        if (m->hw.cpus[i].clock.v < first->clock.v) first = &m->hw.cpus[i];
    m->hw.cpu = first;
    m->hw.horizon = first->clock;
}

/* A step: something, then the lock, then something else. */
struct step {
    uint64_t before, held, after;
    bool shared, free_of_price;
    bool early; /* the lock is given back when what comes after it has been charged already */
};

static void run(struct machine *m, const struct step *s)
{
    charge(&m->hw, COST_CALL, s->before);
    if (s->shared) lock_enter_shared(&m->mm, LOCK_PFN, &m->lock);
    else if (s->free_of_price) lock_enter_free(&m->mm, LOCK_PFN, &m->lock);
    else lock_enter(&m->mm, LOCK_PFN, &m->lock);
    charge(&m->hw, COST_CALL, s->held);
    if (!s->early) lock_leave(&m->mm, LOCK_PFN, &m->lock);
    charge(&m->hw, COST_CALL, s->after);
    if (s->early) lock_leave_before(&m->mm, LOCK_PFN, &m->lock, s->after);
}

/* ---- cycle by cycle ---- */

struct cycles_model {
    bool held[CYCLES], shared[CYCLES], line[CYCLES];
    uint64_t last_owner; /* processor + 1 */
    struct {
        uint64_t cpu, from, until, added; /* added by interrupts, the lock is not held then yet */
        bool shared;
    } holds[STEPS];
    uint64_t hold_count;
};

/* The first cycle from `now` on that begins `length` in which neither array is set. */
static uint64_t first_fit(const bool *a, const bool *b, uint64_t now, uint64_t length)
{
    for (uint64_t fine = 0;; now++) {
        if (now >= CYCLES) abort();
        fine = a[now] || b[now] ? 0 : fine + 1;
        if (fine == (length == 0 ? 1 : length)) return now + 1 - fine;
    }
}

static uint64_t line_cycles(struct cycles_model *c, uint64_t cpu)
{
    uint64_t n = c->last_owner != 0 && c->last_owner != cpu + 1 ? PRICE_LINE : 0;
    c->last_owner = cpu + 1;
    return n;
}

/* As many cycles as the hold lasts, the first ones that nobody else has. */
static void occupy(bool *own, const bool *a, const bool *b, uint64_t now, uint64_t length)
{
    for (; length > 0; now++) {
        if (now >= CYCLES) abort();
        if (a[now] || b[now]) continue;
        own[now] = true;
        length--;
    }
}

static void keep(struct cycles_model *c, uint64_t cpu, bool shared, uint64_t from, uint64_t until)
{
    c->holds[c->hold_count].cpu = cpu;
    c->holds[c->hold_count].shared = shared;
    c->holds[c->hold_count].from = from;
    c->holds[c->hold_count++].until = until;
}

/* An interrupt of `length` cycles at `now`: who holds the lock then goes on holding it. */
static void interrupt(struct cycles_model *c, uint64_t cpu, uint64_t now, uint64_t length)
{
    for (uint64_t i = 0; i < c->hold_count; i++)
        if (c->holds[i].cpu == cpu && c->holds[i].from <= now &&
            now < c->holds[i].until + c->holds[i].added)
            c->holds[i].added += length;
}

static void hold_on(struct cycles_model *c)
{
    static const bool nothing[CYCLES];
    for (uint64_t i = 0; i < c->hold_count; i++) {
        uint64_t until = c->holds[i].until, added = c->holds[i].added;
        if (c->holds[i].shared) occupy(c->shared, c->held, nothing, until, added);
        else occupy(c->held, c->held, c->shared, until, added);
        c->holds[i].until += added;
        c->holds[i].added = 0;
    }
}

/* When the step ends that begins at `now`. */
static uint64_t expect(struct cycles_model *c, uint64_t cpu, const struct step *s, uint64_t now)
{
    static const bool nothing[CYCLES];
    now += s->before;
    hold_on(c);
    if (s->shared) {
        uint64_t n = line_cycles(c, cpu) + PRICE_LOCK;
        uint64_t from = first_fit(c->held, c->line, now, n);
        memset(c->line + from, true, n);
        uint64_t start = from + n, end = start + s->held;
        n = line_cycles(c, cpu);
        end = first_fit(nothing, c->line, end, n) + n;
        memset(c->line + end - n, true, n);
        occupy(c->shared, c->held, nothing, start, end - start);
        keep(c, cpu, true, start, end);
        return end + s->after;
    }
    uint64_t start = first_fit(c->held, c->shared, now, 1);
    uint64_t length = line_cycles(c, cpu) + (s->free_of_price ? 0 : PRICE_LOCK) + s->held;
    occupy(c->held, c->held, c->shared, start, length);
    keep(c, cpu, false, start, start + length);
    return start + length + s->after;
}

static struct step draw(struct rng *r, unsigned shared_percent)
{
    struct step s = { .before = rng_below(r, 60), .held = rng_below(r, 30),
                      .after = rng_below(r, 40), .shared = rng_below(r, 100) < shared_percent,
                      .free_of_price = rng_below(r, 4) == 0 };
    s.early = !s.shared && rng_below(r, 4) == 0;
    return s;
}

/* The processor that runs interrupts another one, whose clock may be ahead. */
static void draw_interrupt(struct machine *m, struct cycles_model *c, struct rng *r)
{
    uint64_t length = 1 + rng_below(r, 50), now = m->hw.cpu->clock.v;
    struct cpu *own = m->hw.cpu;
    m->hw.cpu = &m->hw.cpus[rng_below(r, m->hw.cpu_count)];
    interrupt(c, m->hw.cpu->number, now, length);
    holds_interrupt(&m->hw.cpu->holds, now, length);
    charge(&m->hw, COST_CALL, length);
    m->hw.cpu = own;
}

/* The first step that comes to something else, 0: none does. */
static uint64_t compare(uint64_t seed, unsigned interrupt_percent, uint64_t *waits)
{
    static struct cycles_model c;
    struct machine m;
    struct rng r;
    memset(&c, 0, sizeof c);
    rng_init(&r, seed, 0);
    machine_start(&m, 2 + (uint32_t)rng_below(&r, CPUS_MOST - 1));
    unsigned shared_percent = (unsigned)rng_below(&r, 101);
    uint64_t differs = 0;
    for (uint64_t i = 1; i <= STEPS && differs == 0; i++) {
        turn(&m);
        if (rng_below(&r, 100) < interrupt_percent) {
            draw_interrupt(&m, &c, &r);
            continue;
        }
        struct step s = draw(&r, shared_percent);
        uint64_t expected = expect(&c, m.hw.cpu->number, &s, m.hw.cpu->clock.v);
        run(&m, &s);
        if (m.hw.cpu->clock.v != expected) differs = i;
    }
    *waits += m.mm.locks[LOCK_PFN].contended;
    machine_stop(&m);
    return differs;
}

/* ---- a queue ---- */

struct queue_result {
    uint64_t end, waited;
};

/* Each processor's steps one after the other; who asks first is served first, ties by number. */
static struct queue_result serve(uint32_t cpus, uint64_t rounds, struct step *steps)
{
    uint64_t clock[CPUS_MOST] = { 0 }, done[CPUS_MOST] = { 0 }, free_at = 0;
    struct queue_result q = { 0, 0 };
    for (uint64_t n = 0; n < cpus * rounds; n++) {
        uint32_t first = UINT32_MAX;
        for (uint32_t i = 0; i < cpus; i++) {
            if (done[i] == rounds) continue;
            uint64_t asks = clock[i] + steps[i * rounds + done[i]].before;
            if (first == UINT32_MAX ||
                asks < clock[first] + steps[first * rounds + done[first]].before)
                first = i;
        }
        const struct step *s = &steps[first * rounds + done[first]++];
        uint64_t asks = clock[first] + s->before, starts = asks > free_at ? asks : free_at;
        q.waited += starts - asks;
        free_at = starts + s->held;
        clock[first] = free_at + s->after;
        if (clock[first] > q.end) q.end = clock[first];
    }
    return q;
}

static struct queue_result simulate(uint32_t cpus, uint64_t rounds, struct step *steps)
{
    struct machine m;
    struct queue_result q = { 0, 0 };
    uint64_t done[CPUS_MOST] = { 0 };
    machine_start(&m, cpus);
    m.hw.price[COST_LINE_TRANSFER] = 0;
    for (uint64_t n = 0; n < cpus * rounds; n++) {
        m.hw.cpu = NULL;
        for (uint32_t i = 0; i < cpus; i++)
            if (done[i] < rounds &&
                (m.hw.cpu == NULL || m.hw.cpus[i].clock.v < m.hw.cpu->clock.v))
                m.hw.cpu = &m.hw.cpus[i];
        m.hw.horizon = m.hw.cpu->clock;
        run(&m, &steps[m.hw.cpu->number * rounds + done[m.hw.cpu->number]++]);
        if (m.hw.cpu->clock.v > q.end) q.end = m.hw.cpu->clock.v;
    }
    q.waited = m.mm.locks[LOCK_PFN].wait_cycles;
    machine_stop(&m);
    return q;
}

/* A lock that is busy for about `load` per cent of the time if nobody waited. */
static bool compare_queue(uint32_t cpus, unsigned load)
{
    enum { ROUNDS = 2000 };
    static struct step steps[CPUS_MOST * ROUNDS];
    struct rng r;
    rng_init(&r, cpus * 1000 + load, 1);
    uint64_t held = 40, other = held * cpus * 100 / load - held;
    for (size_t i = 0; i < cpus * ROUNDS; i++) {
        uint64_t before = rng_below(&r, other + 1), after = rng_below(&r, other + 1);
        steps[i] = (struct step){ .before = before, .held = 1 + rng_below(&r, 2 * held),
                                   .after = after, .free_of_price = true };
    }
    struct queue_result own = serve(cpus, ROUNDS, steps);
    struct queue_result real = simulate(cpus, ROUNDS, steps);
    uint64_t most = own.end > real.end ? own.end : real.end;
    uint64_t least = own.end < real.end ? own.end : real.end;
    uint64_t permille = (most - least) * 1000 / own.end;
    printf("# %" PRIu32 " processors, load %u %%: end %" PRIu64 " (queue %" PRIu64 "), waited %"
           PRIu64 " (queue %" PRIu64 "), %" PRIu64 " permille\n", cpus, load, real.end, own.end,
           real.waited, own.waited, permille);
    return permille <= 25;
}

int main(void)
{
    uint64_t differs = 0, waits = 0, seed = 0;
    bool fine = true;
    printf("TAP version 13\n1..3\n");
    while (differs == 0 && seed < 2000) {
        seed++;
        differs = compare(seed, seed % 2 == 0 ? 30 : 0, &waits);
    }
    if (differs != 0) printf("# seed %" PRIu64 ", step %" PRIu64 "\n", seed, differs);
    printf("%s 1 - the same waits as cycle by cycle\n", differs == 0 ? "ok" : "not ok");
    printf("%s 2 - steps waited (%" PRIu64 ")\n", waits > 100000 ? "ok" : "not ok", waits);
    for (uint32_t cpus = 2; cpus <= CPUS_MOST; cpus *= 2)
        for (unsigned load = 40; load <= 160; load *= 2) fine &= compare_queue(cpus, load);
    printf("%s 3 - as long as a queue takes, within 2.5 per cent\n", fine ? "ok" : "not ok");
    return 0;
}
