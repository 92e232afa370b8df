/* Queues of locks in simulated time, served anew when a request comes in before others. */
#include "model/hold.h"

#include "base/check.h"
#include "model/hw.h"

#include <string.h>

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void holds_clear(struct holds *h)
{
    h->count = h->op_count = h->interrupt_count = 0;
    h->charged = 0;
}

void hold_forget(struct hw *hw)
{
    for (uint32_t i = 0; i < hw->cpu_count; i++) holds_clear(&hw->cpus[i].holds);
    hw->locks.is_due = false;
}

void hold_init(struct hw *hw)
{
    hw->locks.places = mem_new(hw->from, hw->cpu_count, sizeof *hw->locks.places);
    heap_init(&hw->locks.next, hw->from, hw->locks.places);
}

void hold_free(struct hw *hw)
{
    for (uint32_t i = 0; i < hw->cpu_count; i++) {
        struct holds *h = &hw->cpus[i].holds;
        mem_free(hw->from, h->list, h->capacity, sizeof *h->list);
        mem_free(hw->from, h->ops, h->op_capacity, sizeof *h->ops);
        mem_free(hw->from, h->interrupts, h->interrupt_capacity, sizeof *h->interrupts);
    }
    heap_free(&hw->locks.next);
    mem_free(hw->from, hw->locks.places, hw->cpu_count, sizeof *hw->locks.places);
}

void queue_forget(struct hold_queue *queue)
{
    queue->alone = queue->shared = 0;
    queue->first = queue->count = 0;
}

void queue_free(struct hold_queue *queue, const struct allocator *from)
{
    mem_free(from, queue->waiting, queue->capacity, sizeof *queue->waiting);
    *queue = (struct hold_queue){ 0 };
}

/* Nobody asks before the horizon any more: who asked before it and had the lock by then has it. */
static bool is_settled(const struct hw *hw, const struct hold *h)
{
    return h->ask < hw->horizon.v && h->from <= hw->horizon.v;
}

bool hold_is_open(const struct hw *hw)
{
    const struct holds *h = &hw->cpu->holds;
    return h->count > 0 && !is_settled(hw, &h->list[h->count - 1]);
}

/* ---- the processor that runs ---- */

/* What the step has done by itself so far. */
static uint64_t own_work(const struct cpu *cpu)
{
    uint64_t waited = cpu->spent[COST_LOCK_WAIT] - cpu->holds.waited_before;
    return cpu->clock.v - cpu->holds.begin - waited;
}

/* Ops stand in the order of their work. */
static void add_op(struct hw *hw, struct hold_op op)
{
    struct holds *h = &hw->cpu->holds;
    h->ops = mem_grow(hw->from, h->ops, &h->op_capacity, h->op_count + 1, sizeof *h->ops);
    size_t i = h->op_count++;
    for (; i > 0 && h->ops[i - 1].work > op.work; i--) h->ops[i] = h->ops[i - 1];
    h->ops[i] = op;
}

/* By when those are over who asked before the current processor does now: those that are not
 * shared, or all. */
static uint64_t over_before(const struct hw *hw, const struct hold_queue *q, bool alone)
{
    uint64_t now = hw->cpu->clock.v, over = 0;
    for (uint32_t c = 0; c < hw->cpu_count; c++) {
        const struct holds *h = &hw->cpus[c].holds;
        if (c == hw->cpu->number) continue;
        for (size_t i = 0; i < h->count; i++) {
            const struct hold *o = &h->list[i];
            bool before = o->ask < now || (o->ask == now && c < hw->cpu->number);
            if (o->queue == q && before && !(alone && o->shared)) over = later(over, o->until);
        }
    }
    return over;
}

static uint32_t last_under_way(const struct holds *h)
{
    size_t i = h->count;
    while (i > 0 && h->list[i - 1].until != HOLD_UNDER_WAY) i--;
    CHECK(i > 0);
    return (uint32_t)i - 1;
}

/* The wait of a hold is so long by now. */
static void count_wait(struct holds *h, struct hold *hold)
{
    uint64_t wait = hold->from - hold->ask;
    hold->counts->wait_cycles += wait - hold->counted;
    h->charged += wait - hold->counted;
    hold->counted = wait;
}

/* Holds that waited, or one that belongs to them. */
static void count_contended(struct holds *h)
{
    for (size_t i = h->count; i-- > 0;) {
        struct hold *hold = &h->list[i];
        bool waits = hold->counted != 0;
        for (size_t k = i + 1; k < h->count && !waits; k++)
            waits = h->list[k].main == i && h->list[k].counted != 0;
        if (hold->main != i) continue;
        hold->counts->contended += (uint64_t)waits - hold->waited;
        hold->waited = waits;
    }
}

uint64_t hold_begin(struct hw *hw, struct hold_queue *queue, struct lock_counts *counts,
                    bool shared, bool part)
{
    struct cpu *cpu = hw->cpu;
    struct holds *h = &cpu->holds;
    uint64_t now = cpu->clock.v;
    if (h->begin != hw->horizon.v || h->count == 0) {
        holds_clear(h); /* those of the step before */
        h->begin = hw->horizon.v;
        h->waited_before = cpu->spent[COST_LOCK_WAIT];
    }
    uint32_t number = (uint32_t)h->count;
    add_op(hw, (struct hold_op){ own_work(cpu), number, false });
    struct hold hold = { .queue = queue, .counts = counts, .ask = now,
                         .from = later(now, over_before(hw, queue, shared)),
                         .until = HOLD_UNDER_WAY, .shared = shared,
                         .main = part ? last_under_way(h) : number };
    h->list = mem_grow(hw->from, h->list, &h->capacity, h->count + 1, sizeof *h->list);
    h->list[h->count++] = hold;
    count_wait(h, &h->list[number]);
    return hold.from - now;
}

void hold_end(struct hw *hw, struct hold_queue *queue, uint64_t until)
{
    struct cpu *cpu = hw->cpu;
    struct holds *h = &cpu->holds;
    size_t i = h->count;
    while (i > 0 && (h->list[i - 1].queue != queue || h->list[i - 1].until != HOLD_UNDER_WAY)) i--;
    CHECK(i > 0);
    h->list[i - 1].until = later(h->list[i - 1].from, until);
    uint64_t work = own_work(cpu) - (cpu->clock.v - until);
    add_op(hw, (struct hold_op){ work, (uint32_t)i - 1, true });
    hw->locks.is_due = true;
}

/* Whether the processor held nothing after the horizon. */
static bool is_over(const struct hw *hw, const struct holds *h)
{
    for (size_t i = h->count; i-- > 0;)
        if (h->list[i].until > hw->horizon.v) return false;
    return true;
}

void hold_interrupt(struct hw *hw, struct cpu *cpu, uint64_t at, uint64_t cycles)
{
    struct holds *h = &cpu->holds;
    if (is_over(hw, h)) return;
    h->interrupts = mem_grow(hw->from, h->interrupts, &h->interrupt_capacity,
                             h->interrupt_count + 1, sizeof *h->interrupts);
    size_t i = h->interrupt_count++;
    for (; i > 0 && h->interrupts[i - 1].at > at; i--) h->interrupts[i] = h->interrupts[i - 1];
    h->interrupts[i] = (struct hold_interrupt){ at, cycles };
    hw->locks.is_due = true;
}

/* ---- serving all that is open ---- */

/* What ends at `until` ends so much later as interrupts take meanwhile. */
static uint64_t lengthened(struct holds *h, uint64_t until)
{
    while (h->interrupt < h->interrupt_count && h->interrupts[h->interrupt].at < until)
        until += h->interrupts[h->interrupt++].cycles;
    return until;
}

/* The processor's next op, which comes when its work has come so far. */
static void plan_next(struct hw *hw, uint32_t cpu, uint64_t work)
{
    struct holds *h = &hw->cpus[cpu].holds;
    if (h->op == h->op_count) return;
    h->time = lengthened(h, h->time + (h->ops[h->op].work - work));
    heap_put(&hw->locks.next, cpu, h->time);
}

/* It has the lock from now on. What interrupts take while it waits is its own time only. */
static void give(struct hw *hw, struct hold_place p, uint64_t from)
{
    struct holds *h = &hw->cpus[p.cpu].holds;
    struct hold *hold = &h->list[p.number];
    hold->from = h->time = from;
    hold->owed = 0;
    for (; h->interrupt < h->interrupt_count && h->interrupts[h->interrupt].at < from;
         h->interrupt++)
        hold->owed += h->interrupts[h->interrupt].cycles;
    plan_next(hw, p.cpu, h->ops[h->op - 1].work);
}

static void take(struct hold_queue *q, bool shared)
{
    q->alone += !shared;
    q->shared += shared;
}

static bool is_free(const struct hold_queue *q, bool shared)
{
    return q->alone == 0 && (shared || q->shared == 0);
}

static void ask(struct hw *hw, struct hold_place p)
{
    struct hold *hold = &hw->cpus[p.cpu].holds.list[p.number];
    struct hold_queue *q = hold->queue;
    hold->ask = hw->cpus[p.cpu].holds.time;
    bool at_once = q->first == q->count && is_free(q, hold->shared);
    if (is_settled(hw, hold) || at_once) {
        take(q, hold->shared);
        give(hw, p, is_settled(hw, hold) ? hold->from : hold->ask);
        return;
    }
    q->waiting = mem_grow(hw->from, q->waiting, &q->capacity, q->count + 1, sizeof *q->waiting);
    q->waiting[q->count++] = p;
}

static void give_back(struct hw *hw, struct hold_place p)
{
    struct holds *h = &hw->cpus[p.cpu].holds;
    struct hold *hold = &h->list[p.number];
    struct hold_queue *q = hold->queue;
    uint64_t now = hold->until = h->time;
    q->alone -= !hold->shared;
    q->shared -= hold->shared;
    h->time += hold->owed;
    plan_next(hw, p.cpu, h->ops[h->op - 1].work);
    while (q->first < q->count) {
        struct hold_place next = q->waiting[q->first];
        bool shared = hw->cpus[next.cpu].holds.list[next.number].shared;
        if (!is_free(q, shared)) break;
        q->first++;
        take(q, shared);
        give(hw, next, now);
    }
    if (q->first == q->count) q->first = q->count = 0;
}

static void start_over(struct hw *hw, uint32_t cpu)
{
    struct holds *h = &hw->cpus[cpu].holds;
    for (size_t i = 0; i < h->count; i++) queue_forget(h->list[i].queue);
    h->op = h->interrupt = 0;
    h->time = h->begin;
    plan_next(hw, cpu, 0);
}

static void finish(struct cpu *cpu)
{
    struct holds *h = &cpu->holds;
    uint64_t before = h->charged;
    CHECK2(h->op == h->op_count, cpu->number, h->op);
    for (size_t i = 0; i < h->count; i++) count_wait(h, &h->list[i]);
    count_contended(h);
    h->late += h->charged - before;
    h->moved |= h->charged != before;
}

void hold_settle(struct hw *hw)
{
    if (!hw->locks.is_due) return;
    hw->locks.is_due = false;
    for (uint32_t i = 0; i < hw->cpu_count; i++) {
        struct holds *h = &hw->cpus[i].holds;
        if (is_over(hw, h)) h->count = h->op_count = h->op = 0;
        else start_over(hw, i);
    }
    while (hw->locks.next.count > 0) {
        uint32_t cpu = heap_take(&hw->locks.next);
        struct hold_op op = hw->cpus[cpu].holds.ops[hw->cpus[cpu].holds.op++];
        if (op.gives) give_back(hw, (struct hold_place){ cpu, op.number });
        else ask(hw, (struct hold_place){ cpu, op.number });
    }
    for (uint32_t i = 0; i < hw->cpu_count; i++) finish(&hw->cpus[i]);
}
