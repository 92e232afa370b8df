/* Locks in time beside an obvious queue; prints TAP.
 *
 * The queue takes the requests of all processors in the order of their times and serves who asks
 * first first. The simulator is given whole steps, one after the other, and so sees requests out of
 * their order in time; it must come to the same cycle all the same. Interrupts lengthen what they
 * fall into. */
#include "host.h"
#include "mm/mm.h"

#include <string.h>

enum { CPUS_MOST = 8, LOCKS = 3, ROUNDS = 2000, INTERRUPTS_MOST = CPUS_MOST * ROUNDS };

struct machine {
    struct hw hw;
    struct mm mm;
    struct lock locks[LOCKS];
};

static void machine_start(struct machine *m, uint32_t cpus)
{
    uint64_t price[COST_COUNT];
    for (unsigned i = 0; i < COST_COUNT; i++) price[i] = 1;
    price[COST_LOCK] = price[COST_LINE_TRANSFER] = 0; /* the queue knows of no lines */
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
    for (unsigned i = 0; i < LOCKS; i++) lock_free(&m->locks[i], &host);
    hw_free(&m->hw);
}

/* Something, then a lock, then something else: all at least a cycle. */
struct part {
    uint64_t before, held, after;
    unsigned lock;
    bool shared;
    bool early; /* the lock is given back when what comes after it has been charged already */
};

/* What each processor does, `rounds` parts; `per_step` of them are one step. */
struct load {
    uint32_t cpus;
    uint64_t rounds, per_step;
    unsigned interrupt_percent; /* of the turns */
    struct rng random;          /* for the interrupts */
    struct part parts[CPUS_MOST][ROUNDS];
};

/* An interrupt of a processor, in the order of their times. */
struct interrupt {
    uint64_t at, cycles;
};

struct interrupts {
    struct interrupt list[CPUS_MOST][INTERRUPTS_MOST];
    uint64_t count[CPUS_MOST];
};

struct result {
    uint64_t clock[CPUS_MOST], waited, contended;
};

/* ---- the simulator ---- */

static void run(struct machine *m, const struct part *p)
{
    struct lock *lock = &m->locks[p->lock];
    charge(&m->hw, COST_CALL, p->before);
    if (p->shared) lock_enter_shared(&m->mm, LOCK_PFN, lock);
    else lock_enter(&m->mm, LOCK_PFN, lock);
    charge(&m->hw, COST_CALL, p->held);
    if (!p->early) lock_leave(&m->mm, LOCK_PFN, lock);
    charge(&m->hw, COST_CALL, p->after);
    if (p->early) lock_leave_before(&m->mm, LOCK_PFN, lock, p->after);
}

/* The processor whose time is least goes next, as the scheduler has it. False: all are done. */
static bool turn(struct machine *m, const struct load *load, const uint64_t *done)
{
    struct cpu *first = NULL;
    hold_settle(&m->hw);
    for (uint32_t i = 0; i < load->cpus; i++) {
        struct cpu *cpu = &m->hw.cpus[i];
        if (done[i] < load->rounds &&
            (first == NULL || cpu->clock.v + cpu->holds.late < first->clock.v + first->holds.late))
            first = cpu;
    }
    if (first == NULL) return false;
    m->hw.cpu = first;
    charge(&m->hw, COST_LOCK_WAIT, first->holds.late);
    first->holds.late = 0;
    m->hw.horizon = first->clock;
    return true;
}

/* The processor that runs interrupts another one, whose clock may be ahead. */
static void interrupt(struct machine *m, struct load *load, struct interrupts *log)
{
    uint64_t cycles = 1 + rng_below(&load->random, 50), now = m->hw.cpu->clock.v;
    uint32_t target = (uint32_t)rng_below(&load->random, load->cpus);
    struct cpu *own = m->hw.cpu;
    m->hw.cpu = &m->hw.cpus[target];
    charge(&m->hw, COST_CALL, cycles);
    m->hw.cpu = own;
    hold_interrupt(&m->hw, &m->hw.cpus[target], now, cycles);
    log->list[target][log->count[target]++] = (struct interrupt){ now, cycles };
}

static struct result simulate(struct load *load, struct interrupts *log)
{
    struct machine m;
    struct result r = { { 0 }, 0, 0 };
    uint64_t done[CPUS_MOST] = { 0 };
    machine_start(&m, load->cpus);
    memset(log->count, 0, sizeof log->count);
    while (turn(&m, load, done)) {
        if (rng_below(&load->random, 100) < load->interrupt_percent) {
            interrupt(&m, load, log);
            continue;
        }
        uint32_t n = m.hw.cpu->number;
        for (uint64_t i = 0; i < load->per_step; i++) run(&m, &load->parts[n][done[n]++]);
    }
    for (uint32_t i = 0; i < load->cpus; i++)
        r.clock[i] = m.hw.cpus[i].clock.v + m.hw.cpus[i].holds.late;
    r.waited = m.mm.locks[LOCK_PFN].wait_cycles;
    r.contended = m.mm.locks[LOCK_PFN].contended;
    machine_stop(&m);
    return r;
}

/* ---- the queue ---- */

struct queue {
    const struct load *load;
    const struct interrupts *log;
    uint64_t clock[CPUS_MOST], done[CPUS_MOST], next[CPUS_MOST]; /* next: interrupt */
    uint64_t all[LOCKS], alone[LOCKS]; /* when those so far are over: all, and not shared ones */
};

/* What begins at `from` and takes `cycles` ends so much later as interrupts take meanwhile. */
static uint64_t lengthened(struct queue *q, uint32_t cpu, uint64_t until)
{
    while (q->next[cpu] < q->log->count[cpu] && q->log->list[cpu][q->next[cpu]].at < until)
        until += q->log->list[cpu][q->next[cpu]++].cycles;
    return until;
}

/* Interrupts that come while it waits take its own time only: the lock is given at `from`. */
static uint64_t interrupts_before(struct queue *q, uint32_t cpu, uint64_t from)
{
    uint64_t cycles = 0;
    while (q->next[cpu] < q->log->count[cpu] && q->log->list[cpu][q->next[cpu]].at < from)
        cycles += q->log->list[cpu][q->next[cpu]++].cycles;
    return cycles;
}

/* When the processor asks next; nothing is changed. */
static uint64_t asks(struct queue *q, uint32_t cpu)
{
    uint64_t next = q->next[cpu];
    uint64_t at = lengthened(q, cpu, q->clock[cpu] + q->load->parts[cpu][q->done[cpu]].before);
    q->next[cpu] = next;
    return at;
}

static bool first_to_ask(struct queue *q, uint32_t *out)
{
    bool any = false;
    for (uint32_t i = 0; i < q->load->cpus; i++) {
        if (q->done[i] == q->load->rounds) continue;
        if (!any || asks(q, i) < asks(q, *out)) *out = i;
        any = true;
    }
    return any;
}

static struct result serve(const struct load *load, const struct interrupts *log)
{
    static struct queue q;
    struct result r = { { 0 }, 0, 0 };
    uint32_t cpu = 0;
    q = (struct queue){ .load = load, .log = log };
    while (first_to_ask(&q, &cpu)) {
        const struct part *p = &load->parts[cpu][q.done[cpu]++];
        uint64_t ask = lengthened(&q, cpu, q.clock[cpu] + p->before), from = ask;
        uint64_t over = p->shared ? q.alone[p->lock] : q.all[p->lock];
        if (over > from) from = over;
        r.waited += from - ask;
        r.contended += from > ask;
        uint64_t meanwhile = interrupts_before(&q, cpu, from);
        uint64_t until = lengthened(&q, cpu, from + p->held);
        if (until > q.all[p->lock]) q.all[p->lock] = until;
        if (!p->shared && until > q.alone[p->lock]) q.alone[p->lock] = until;
        q.clock[cpu] = lengthened(&q, cpu, until + p->after + meanwhile);
    }
    for (uint32_t i = 0; i < load->cpus; i++)
        r.clock[i] = q.clock[i] + interrupts_before(&q, i, UINT64_MAX);
    return r;
}

/* ---- the comparisons ---- */

static void draw(struct load *load, uint64_t seed, unsigned shared_percent, unsigned locks)
{
    struct rng r;
    rng_init(&r, seed, 1);
    uint64_t most = 1 + rng_below(&r, 120);
    for (uint32_t i = 0; i < load->cpus; i++)
        for (uint64_t n = 0; n < load->rounds; n++) {
            struct part *p = &load->parts[i][n];
            p->before = 1 + rng_below(&r, most);
            p->held = 1 + rng_below(&r, 40);
            p->after = 1 + rng_below(&r, most);
            p->lock = (unsigned)rng_below(&r, locks);
            p->shared = rng_below(&r, 100) < shared_percent;
            p->early = !p->shared && rng_below(&r, 4) == 0;
        }
}

static bool same(uint64_t seed, uint64_t *contended)
{
    static struct load load;
    static struct interrupts log;
    rng_init(&load.random, seed, 2);
    load.cpus = 2 + (uint32_t)rng_below(&load.random, CPUS_MOST - 1);
    load.rounds = 60;
    load.per_step = 1 + rng_below(&load.random, 3);
    load.interrupt_percent = (unsigned)rng_below(&load.random, 3) * 15;
    draw(&load, seed, (unsigned)rng_below(&load.random, 101), 1 + (unsigned)(seed / 2 % LOCKS));
    struct result real = simulate(&load, &log), own = serve(&load, &log);
    *contended += own.contended;
    return memcmp(&real, &own, sizeof real) == 0;
}

/* Locks that are busy for about `percent` per cent of the time if nobody waited, taken in turn. */
static void draw_load(struct load *load, unsigned percent)
{
    struct rng r;
    rng_init(&r, load->cpus * 1000 + percent, 1);
    uint64_t held = 40, round = held * load->cpus * 100 / percent / load->per_step;
    uint64_t other = round > held ? round - held : 1;
    for (uint32_t i = 0; i < load->cpus; i++)
        for (uint64_t n = 0; n < load->rounds; n++) {
            struct part *p = &load->parts[i][n];
            *p = (struct part){ .lock = (unsigned)(n % load->per_step) };
            p->before = 1 + rng_below(&r, other);
            p->held = 1 + rng_below(&r, 2 * held);
            p->after = 1 + rng_below(&r, other);
        }
}

static uint64_t last_clock(const struct result *r, uint32_t cpus)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < cpus; i++)
        if (r->clock[i] > last) last = r->clock[i];
    return last;
}

static bool as_a_queue(uint32_t cpus, unsigned percent, uint64_t per_step, unsigned interrupts)
{
    static struct load load;
    static struct interrupts log;
    rng_init(&load.random, cpus * 1000 + percent, 2);
    load.cpus = cpus;
    load.rounds = ROUNDS;
    load.per_step = per_step;
    load.interrupt_percent = interrupts;
    draw_load(&load, percent);
    struct result real = simulate(&load, &log), own = serve(&load, &log);
    uint64_t end = last_clock(&real, cpus), own_end = last_clock(&own, cpus);
    printf("# %" PRIu32 " processors, %" PRIu64 " locks a step, load %u %%, %u %% interrupts: "
           "end %" PRIu64 " (queue %" PRIu64 "), waited %" PRIu64 " (queue %" PRIu64 ")\n",
           cpus, per_step, percent, interrupts, end, own_end, real.waited, own.waited);
    return memcmp(&real, &own, sizeof real) == 0;
}

static bool all_loads(uint64_t per_step, unsigned interrupts)
{
    bool fine = true;
    for (uint32_t cpus = 2; cpus <= CPUS_MOST; cpus *= 2)
        for (unsigned load = 40; load <= 160; load *= 2)
            fine &= as_a_queue(cpus, load, per_step, interrupts);
    return fine;
}

int main(void)
{
    uint64_t contended = 0, seed = 0;
    bool fine = true;
    printf("TAP version 13\n1..5\n");
    while (fine && seed < 2000) fine = same(++seed, &contended);
    if (!fine) printf("# seed %" PRIu64 "\n", seed);
    printf("%s 1 - the same waits as a queue's, to the cycle\n", fine ? "ok" : "not ok");
    printf("%s 2 - steps waited (%" PRIu64 ")\n", contended > 100000 ? "ok" : "not ok", contended);
    printf("%s 3 - so too under any load\n", all_loads(1, 0) ? "ok" : "not ok");
    printf("%s 4 - and with two locks a step\n", all_loads(2, 0) ? "ok" : "not ok");
    printf("%s 5 - and with many interrupts\n", all_loads(1, 30) ? "ok" : "not ok");
    return 0;
}
