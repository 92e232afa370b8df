/* Queues of locks in simulated time, whose holds move when one comes in before them. */
#include "model/hold.h"

#include "base/check.h"
#include "model/hw.h"

#include <string.h>

enum { DEPTH_MOST = 5000 };

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static struct hold *hold_at(const struct hw *hw, struct hold_place p)
{
    return &hw->cpus[p.cpu].holds.list[p.number];
}

/* ---- what lies before a place in the queue ---- */

/* When those so far are over: all, and those that are not shared. */
struct over {
    uint64_t all, alone;
};

static void over_add(struct over *o, const struct hold *h)
{
    if (h->until == HOLD_UNDER_WAY) return;
    o->all = later(o->all, h->until);
    if (!h->shared) o->alone = later(o->alone, h->until);
}

/* Where none is shared each ends after those before it, so that the last one tells. */
static struct over over_before(const struct hw *hw, const struct hold_queue *q, size_t place)
{
    struct over o = { 0, 0 };
    for (size_t i = place; i-- > 0 && (o.all == 0 || q->shared_count != 0);)
        over_add(&o, hold_at(hw, q->places[i]));
    return o;
}

static uint64_t over_for(const struct over *o, const struct hold *h)
{
    return h->shared ? o->alone : o->all;
}

static size_t place_of(const struct hold_queue *q, uint32_t cpu, size_t number)
{
    size_t i = 0;
    while (i < q->count && (q->places[i].cpu != cpu || q->places[i].number != number)) i++;
    return i;
}

/* ---- what is over ---- */

/* Those of the processor go, and those that ended by the time. */
static void queue_drop(struct hw *hw, struct hold_queue *q, const struct cpu *cpu, uint64_t by)
{
    size_t kept = 0, shared = 0;
    for (size_t i = 0; i < q->count; i++) {
        const struct hold *h = hold_at(hw, q->places[i]);
        if ((cpu != NULL && q->places[i].cpu == cpu->number) || h->until <= by) continue;
        q->places[kept++] = q->places[i];
        shared += h->shared;
    }
    q->count = kept;
    q->shared_count = shared;
}

bool hold_is_open(const struct hw *hw)
{
    const struct holds *h = &hw->cpu->holds;
    for (size_t i = 0; i < h->count; i++)
        if (h->list[i].until > hw->horizon.v) return true;
    return false;
}

/* The holds of the processor's earlier steps go. */
static void forget_steps(struct hw *hw, struct cpu *cpu)
{
    if (cpu->holds.count == 0 || hold_is_open(hw)) return;
    for (size_t i = 0; i < cpu->holds.count; i++)
        queue_drop(hw, cpu->holds.list[i].queue, cpu, 0);
    cpu->holds.count = 0;
}

void hold_forget(struct hw *hw)
{
    for (uint32_t i = 0; i < hw->cpu_count; i++) hw->cpus[i].holds.count = 0;
}

void queue_forget(struct hold_queue *queue)
{
    queue->count = queue->shared_count = 0;
}

void queue_free(struct hold_queue *queue, const struct allocator *from)
{
    mem_free(from, queue->places, queue->capacity, sizeof *queue->places);
    *queue = (struct hold_queue){ 0 };
}

/* ---- moving ---- */

static void count_wait(struct holds *h, struct hold *hold, uint64_t cycles)
{
    struct hold *main = &h->list[hold->main];
    if (cycles == 0) return;
    hold->counts->wait_cycles += cycles;
    hold->counts->contended += !main->waited;
    main->waited = true;
}

/* A hold that is asked for at `ask` now lets those go first who ask before that, as long as they
 * did not wait for it. */
static void fall_back(struct hw *hw, struct hold_queue *q, size_t place, uint64_t ask)
{
    for (; place + 1 < q->count; place++) {
        struct hold_place own = q->places[place], next = q->places[place + 1];
        const struct hold *h = hold_at(hw, next);
        bool before = h->ask < ask || (h->ask == ask && next.cpu < own.cpu);
        if (!before || h->from != h->ask) return;
        q->places[place] = next;
        q->places[place + 1] = own;
    }
}

/* How far hold `first` and those after it move when it moves by `cycles`: a wait takes some of it
 * up. Returns the last one's. */
static uint64_t plan_shifts(struct hw *hw, struct cpu *cpu, size_t first, uint64_t cycles)
{
    struct holds *h = &cpu->holds;
    uint64_t shift = cycles;
    count_wait(h, &h->list[first], cycles);
    h->list[first].shift = cycles;
    for (size_t i = first + 1; i < h->count; i++) {
        struct hold *hold = &h->list[i];
        fall_back(hw, hold->queue, place_of(hold->queue, cpu->number, i), hold->ask + shift);
        struct over o = over_before(hw, hold->queue, place_of(hold->queue, cpu->number, i));
        uint64_t from = later(hold->ask + shift, later(hold->from, over_for(&o, hold)));
        uint64_t waits = from - hold->ask - shift, waited = hold->from - hold->ask;
        if (waits > waited) count_wait(h, hold, waits - waited);
        else hold->counts->wait_cycles -= waited - waits;
        hold->shift = shift = from - hold->from;
    }
    return shift;
}

/* A hold that ends after the next one is asked for has that one within it. */
static void move_ends(struct holds *h, size_t first)
{
    for (size_t i = 0; i < h->count; i++) {
        uint64_t until = h->list[i].until, shift = i >= first ? h->list[i].shift : 0;
        for (size_t n = i + 1 > first ? i + 1 : first; n < h->count && h->list[n].ask < until; n++)
            shift = h->list[n].shift;
        h->list[i].until += shift;
    }
}

static void queue_push(struct hw *hw, struct hold_queue *q, size_t place, unsigned depth);

/* Whoever comes after the processor's holds in their queues moves on too. */
static void push_all(struct hw *hw, struct cpu *cpu, unsigned depth)
{
    for (size_t i = 0; i < cpu->holds.count; i++) {
        struct hold_queue *q = cpu->holds.list[i].queue;
        queue_push(hw, q, place_of(q, cpu->number, i), depth);
    }
}

/* A hold of a processor that is not running begins `cycles` later. Whom it moves comes after it in
 * time, so that none comes to itself. */
static void hold_delay(struct hw *hw, struct cpu *cpu, size_t number, uint64_t cycles,
                       unsigned depth)
{
    struct holds *h = &cpu->holds;
    CHECK2(depth < DEPTH_MOST, cpu->number, number);
    cpu->late += plan_shifts(hw, cpu, number, cycles);
    move_ends(h, number);
    for (size_t i = h->count; i-- > number;) {
        h->list[i].from += h->list[i].shift;
        if (i > number) h->list[i].ask += h->list[i - 1].shift;
    }
    push_all(hw, cpu, depth + 1);
}

/* Those after a place whose end has moved. */
static void queue_push(struct hw *hw, struct hold_queue *q, size_t place, unsigned depth)
{
    if (q->shared_count == q->count) return; /* none waits for another */
    struct over o = over_before(hw, q, place + 1 < q->count ? place + 1 : q->count);
    for (size_t i = place + 1; i < q->count; i++) {
        struct hold_place p = q->places[i];
        const struct hold *h = hold_at(hw, p);
        uint64_t from = over_for(&o, h);
        if (h->from >= from && !h->shared) return;
        if (h->from < from && p.cpu != hw->cpu->number)
            hold_delay(hw, &hw->cpus[p.cpu], p.number, from - h->from, depth);
        over_add(&o, hold_at(hw, p));
    }
}

/* When the hold is over that the processor waits for at the time; the next cycle where it waits for
 * none. */
static uint64_t waits_until(const struct holds *h, uint64_t at)
{
    uint64_t until = at + 1;
    for (size_t i = 0; i < h->count; i++)
        if (h->list[i].ask <= at && at < h->list[i].from) until = later(until, h->list[i].until);
    return until;
}

void hold_interrupt(struct hw *hw, struct cpu *cpu, uint64_t at, uint64_t cycles)
{
    bool moved = false;
    uint64_t then = waits_until(&cpu->holds, at);
    for (size_t i = 0; i < cpu->holds.count; i++) {
        struct hold *h = &cpu->holds.list[i];
        bool asks_later = h->ask >= then;
        if (asks_later) {
            fall_back(hw, h->queue, place_of(h->queue, cpu->number, i), h->ask + cycles);
            h->ask += cycles;
            h->from += cycles;
        }
        if (h->until == HOLD_UNDER_WAY || !(asks_later || (h->from <= at && at < h->until)))
            continue;
        h->until += cycles;
        moved = true;
    }
    if (moved) push_all(hw, cpu, 0);
}

/* ---- the processor that runs ---- */

static bool goes_after(const struct hw *hw, struct hold_place p)
{
    const struct hold *h = hold_at(hw, p);
    uint64_t now = hw->cpu->clock.v;
    return h->ask > now || (h->ask == now && p.cpu > hw->cpu->number);
}

static uint32_t last_under_way(const struct holds *h)
{
    size_t i = h->count;
    while (i > 0 && h->list[i - 1].until != HOLD_UNDER_WAY) i--;
    CHECK(i > 0);
    return (uint32_t)i - 1;
}

static void queue_insert(struct hw *hw, struct hold_queue *q, size_t place, struct hold_place p)
{
    q->places = mem_grow(hw->from, q->places, &q->capacity, q->count + 1, sizeof *q->places);
    memmove(q->places + place + 1, q->places + place, (q->count - place) * sizeof *q->places);
    q->places[place] = p;
    q->count++;
    q->shared_count += hold_at(hw, p)->shared;
}

uint64_t hold_begin(struct hw *hw, struct hold_queue *queue, struct lock_counts *counts,
                    bool shared, bool part)
{
    struct cpu *cpu = hw->cpu;
    struct holds *h = &cpu->holds;
    uint64_t now = cpu->clock.v;
    forget_steps(hw, cpu);
    queue_drop(hw, queue, NULL, hw->horizon.v); /* nobody asks before the step under way began */
    size_t place = queue->count;
    while (place > 0 && goes_after(hw, queue->places[place - 1])) place--;
    struct over o = over_before(hw, queue, place);
    uint32_t number = (uint32_t)h->count;
    struct hold hold = { .queue = queue, .counts = counts, .ask = now,
                         .until = HOLD_UNDER_WAY, .shared = shared,
                         .main = part ? last_under_way(h) : number };
    hold.from = later(now, over_for(&o, &hold));
    h->list = mem_grow(hw->from, h->list, &h->capacity, h->count + 1, sizeof *h->list);
    h->list[h->count++] = hold;
    queue_insert(hw, queue, place, (struct hold_place){ cpu->number, number });
    count_wait(h, &h->list[number], hold.from - now);
    return hold.from - now;
}

void hold_end(struct hw *hw, struct hold_queue *queue, uint64_t until)
{
    struct holds *h = &hw->cpu->holds;
    size_t i = h->count;
    while (i > 0 && (h->list[i - 1].queue != queue || h->list[i - 1].until != HOLD_UNDER_WAY)) i--;
    CHECK(i > 0);
    struct hold *hold = &h->list[i - 1];
    hold->until = later(hold->from, until);
    queue_push(hw, queue, place_of(queue, hw->cpu->number, i - 1), 0);
}
