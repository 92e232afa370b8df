/* Flushes on all processors that they concern: the sender's interrupts, the invalidation in the
 * targets' own time, and the wait for the last answer. Intel SDM volume 3A, 4.10.5 (propagation of
 * paging-structure changes to multiple processors). */
#include "base/check.h"
#include "model/tlb_level.h"

#include <string.h>

enum { BROADCAST_CPUS_LEAST = 4 };

/* ---- what is flushed ---- */

void flush_begin(struct hw *hw, struct page_map *map)
{
    hw->flush.map = map;
    hw->flush.range_count = 0;
    hw->flush.page_count = 0;
    hw->flush.whole = false;
    hw->flush.caches = false;
    hw->flush.tables = false;
}

void flush_add_tables(struct hw *hw)
{
    hw->flush.tables = true;
}

void flush_add_pages(struct hw *hw, va_t at, uint64_t page_count, uint64_t page_bytes)
{
    struct flush *f = &hw->flush;
    if (page_count == 0) return;
    f->page_count += page_count;
    if (f->range_count > 0) {
        struct flush_range *last = &f->ranges[f->range_count - 1];
        bool follows = last->at.v + last->page_count * last->page_bytes == at.v;
        if (follows && last->page_bytes == page_bytes) {
            last->page_count += page_count;
            return;
        }
    }
    f->ranges = mem_grow(hw->from, f->ranges, &f->capacity, f->range_count + 1, sizeof *f->ranges);
    f->ranges[f->range_count++] = (struct flush_range){ at, page_count, page_bytes };
}

void flush_add(struct hw *hw, va_t at, uint64_t page_count)
{
    flush_add_pages(hw, at, page_count, PAGE_BYTES);
}

void flush_free(struct hw *hw, struct flush *f)
{
    mem_free(hw->from, f->ranges, f->capacity, sizeof *f->ranges);
}

static bool is_system(const struct flush *f)
{
    return f->map->space == 0;
}

/* ---- on one processor ---- */

/* INVLPG is about the context of the kernel's side, which runs, and global entries. Without PCIDs
 * the way back to user mode flushes the other side, so that nothing is left there. */
static void drop_pages(struct hw *hw, struct cpu *cpu, const struct flush *f,
                       struct tlb_spaces spaces)
{
    for (size_t i = 0; i < f->range_count; i++) {
        const struct flush_range *r = &f->ranges[i];
        for (uint64_t page = 0; page < r->page_count; page++) {
            va_t at = va_add(r->at, page * r->page_bytes);
            bool system = at.v >= hw->kernel_start && !hw->kva_shadow;
            for (uint32_t s = system ? 0 : spaces.first; s <= (system ? 0 : spaces.last); s++)
                cpu_drop_page(cpu, at, s);
        }
    }
    cpu_drop_structures(cpu, spaces);
}

static void flush_pages(struct hw *hw, const struct flush *f)
{
    struct cpu *cpu = hw->cpu;
    struct tlb_spaces spaces = context_spaces(hw, cpu->map->space);
    bool both_sides = hw->kva_shadow && hw->pcid_count != 0 && !is_system(f);
    charge(hw, COST_FLUSH_RANGE, 1);
    charge(hw, COST_INVLPG, f->page_count);
    if (both_sides) charge(hw, COST_INVPCID, f->page_count);
    cpu->flushes.invlpg += f->page_count;
    if (hw->pcid_count != 0 && !both_sides) spaces.last = spaces.first;
    drop_pages(hw, cpu, f, spaces);
}

static void flush_whole(struct hw *hw, const struct flush *f)
{
    struct cpu *cpu = hw->cpu;
    if (hw->pcid_count == 0 || is_system(f)) {
        charge(hw, COST_TLB_FLUSH, 1);
        cpu->flushes.full++;
        cpu_drop_spaces(cpu, TLB_EVERY_SPACE);
        context_load_registers(hw, cpu);
    } else {
        charge(hw, COST_INVPCID, hw->kva_shadow ? 2 : 1);
        cpu->flushes.pcid++;
        cpu_drop_spaces(cpu, context_spaces(hw, f->map->space));
    }
}

static void flush_here(struct hw *hw, const struct flush *f)
{
    memory_close_lines(hw);
    if (f->caches) {
        memory_flush(hw);
        return;
    }
    if (f->whole)
        flush_whole(hw, f);
    else
        flush_pages(hw, f);
    context_flushed(hw, is_system(f));
}

static bool concerns(const struct flush *f, const struct cpu *cpu)
{
    return is_system(f) || cpu->map == f->map;
}

/* ---- interrupts ---- */

/* What the current processor does when a request reaches it at `arrival`; when it has answered. One
 * that is ahead in time took it on the way. While it serves others it takes the request up in the
 * same interrupt: it enters and leaves no other one. */
static cycles_t answer(struct hw *hw, const struct flush *f, cycles_t arrival)
{
    struct cpu *cpu = hw->cpu;
    cycles_t before = cpu->clock;
    bool serves = busy_until(&cpu->serving, arrival.v) != arrival.v;
    bool user = cpu->leaves_on == SIDE_KERNEL && !serves;
    if (!serves) {
        hw_enter(hw, false);
        charge(hw, COST_INTERRUPT, 1);
    }
    if (concerns(f, cpu)) flush_here(hw, f);
    if (user) hw_enter(hw, true);
    uint64_t took = cpu->clock.v - before.v;
    cpu->interrupts += took;
    cpu->flushes.shootdowns_received++;
    uint64_t start = busy_place(&cpu->serving, arrival.v, took);
    busy_add(&cpu->serving, hw->from, (struct busy_span){ start, start + took }, hw->horizon.v);
    return cycles(start + took);
}

/* A processor answers a request that reaches it at `arrival`, in its own time. */
static cycles_t serve(struct hw *hw, struct cpu *cpu, const struct flush *f, cycles_t arrival)
{
    struct cpu *current = hw->cpu;
    uint64_t before = cpu->clock.v;
    hw->cpu = cpu;
    cycles_t answered = answer(hw, f, arrival);
    hw->cpu = current;
    uint64_t took = cpu->clock.v - before;
    hold_interrupt(hw, cpu, answered.v - took, took);
    return answered;
}

static void owe(struct hw *hw, struct cpu *cpu, const struct flush *f, cycles_t arrival)
{
    cpu->owed = mem_grow(hw->from, cpu->owed, &cpu->owed_capacity, cpu->owed_count + 1,
                         sizeof *cpu->owed);
    struct owed_flush *o = &cpu->owed[cpu->owed_count++];
    *o = (struct owed_flush){ *f, hw->cpu->number, arrival, hw->doing };
    o->flush.ranges = NULL;
    o->flush.capacity = 0;
    if (f->range_count == 0) return;
    o->flush.ranges = mem_grow(hw->from, NULL, &o->flush.capacity, f->range_count,
                               sizeof *f->ranges);
    memcpy(o->flush.ranges, f->ranges, f->range_count * sizeof *f->ranges);
}

static void waited_for(struct cpu *sender, cycles_t answered)
{
    if (sender->answered.v < answered.v) sender->answered = answered;
}

/* One processor gets the request. Its interrupts may be held back, unless it waits for answers of
 * others itself: then it serves requests, so that two senders never wait for each other. */
static void interrupt(struct hw *hw, struct cpu *target, const struct flush *f)
{
    struct cpu *sender = hw->cpu;
    cycles_t arrival = sender->clock;
    sender->flushes.shootdowns_sent++;
    if (target->is_masked && target->waits_for == 0) {
        owe(hw, target, f, arrival);
        sender->waits_for++;
        return;
    }
    waited_for(sender, serve(hw, target, f, arrival));
}

static uint32_t count_targets(const struct hw *hw, const struct flush *f)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < hw->cpu_count; i++)
        count += &hw->cpus[i] != hw->cpu && concerns(f, &hw->cpus[i]);
    return count;
}

static void send(struct hw *hw, const struct flush *f)
{
    charge(hw, COST_IPI, 1);
    for (uint32_t i = 0; i < hw->cpu_count; i++) {
        struct cpu *target = &hw->cpus[i];
        if (target == hw->cpu || !concerns(f, target)) continue;
        enum cost cost = hw_ipi_cost(hw, target);
        charge(hw, cost, 1);
        interrupt(hw, target, f);
    }
}

static void wait_for_answers(struct hw *hw)
{
    struct cpu *cpu = hw->cpu;
    if (cpu->answered.v > cpu->clock.v)
        charge(hw, COST_IPI_WAIT, cpu->answered.v - cpu->clock.v);
}

/* ---- without interrupts ---- */

/* INVLPGB and TLBSYNC (AMD APM volume 3). Every processor drops the entries at no cost of its own.
 */
static void broadcast(struct hw *hw, const struct flush *f)
{
    struct cpu *sender = hw->cpu;
    charge(hw, COST_INVLPGB, 1);
    memory_close_lines(hw);
    sender->flushes.broadcasts++;
    for (uint32_t i = 0; i < hw->cpu_count; i++) {
        struct cpu *cpu = &hw->cpus[i];
        if (!concerns(f, cpu)) continue;
        hw->cpu = cpu;
        struct tlb_spaces spaces = context_spaces(hw, cpu->map->space);
        if (!f->whole) drop_pages(hw, cpu, f, spaces);
        else cpu_drop_spaces(cpu, is_system(f) ? TLB_EVERY_SPACE : spaces);
        context_flushed(hw, is_system(f));
    }
    hw->cpu = sender;
}

/* ---- the whole ---- */

static void run(struct hw *hw, const struct flush *f)
{
    uint32_t targets = count_targets(hw, f);
    if (is_system(f)) hw->kernel_flushes++;
    else f->map->flushes++;
    if (hw->broadcast && targets + 1 >= BROADCAST_CPUS_LEAST) {
        broadcast(hw, f);
        return;
    }
    if (targets != 0) send(hw, f);
    if (concerns(f, hw->cpu)) flush_here(hw, f);
    if (targets != 0 && hw->cpu->waits_for == 0) wait_for_answers(hw);
}

/* INVLPG empties the paging-structure caches of the context that is loaded. Other contexts flush
 * user pages when they are loaded next, with KVA shadow those of the system too. */
static bool others_name_tables(const struct hw *hw, const struct flush *f)
{
    return f->tables && is_system(f) && hw->pcid_count != 0 && !hw->kva_shadow;
}

void flush_end(struct hw *hw)
{
    struct flush *f = &hw->flush;
    f->whole = f->page_count > hw->flush_threshold_pages || others_name_tables(hw, f);
    if (f->page_count != 0) run(hw, f);
}

/* The map of an address for the current processor. */
static struct page_map *map_of(struct hw *hw, va_t at)
{
    return at.v >= hw->kernel_start ? &hw->system : hw->cpu->map;
}

void tlb_flush_page(struct hw *hw, va_t at)
{
    tlb_flush_range(hw, at, 1);
}

void tlb_flush_tables(struct hw *hw, va_t at)
{
    flush_begin(hw, map_of(hw, at));
    flush_add(hw, at, 1);
    flush_add_tables(hw);
    flush_end(hw);
}

void tlb_flush_range(struct hw *hw, va_t at, uint64_t page_count)
{
    flush_begin(hw, map_of(hw, at));
    flush_add(hw, at, page_count);
    flush_end(hw);
}

void tlb_flush_map(struct hw *hw, struct page_map *map)
{
    flush_begin(hw, map);
    hw->flush.whole = true;
    run(hw, &hw->flush);
}

void tlb_flush_all(struct hw *hw)
{
    tlb_flush_map(hw, &hw->system);
}

void memory_flush_all(struct hw *hw)
{
    struct flush *f = &hw->flush;
    flush_begin(hw, &hw->system);
    f->caches = true;
    uint32_t targets = count_targets(hw, f);
    if (targets != 0) send(hw, f);
    flush_here(hw, f);
    if (targets != 0 && hw->cpu->waits_for == 0) wait_for_answers(hw);
}

/* ---- interrupts that were held back ---- */

/* All of them in one interrupt, which comes when they are let in. */
static void pay(struct hw *hw, struct cpu *cpu, struct owed_flush *o, cycles_t let_in)
{
    struct cpu *current = hw->cpu, *sender = &hw->cpus[o->sender];
    cycles_t start = let_in.v > o->arrival.v ? let_in : o->arrival;
    waited_for(sender, serve(hw, cpu, &o->flush, start));
    if (--sender->waits_for == 0) {
        uint64_t before = sender->clock.v;
        hw->cpu = sender;
        wait_for_answers(hw);
        sender->interrupts += sender->clock.v - before;
    }
    hw->cpu = current;
    flush_free(hw, &o->flush);
}

void hw_mask(struct hw *hw, struct cpu *cpu, bool masked)
{
    cpu->is_masked = masked;
    if (masked || cpu->owed_count == 0) return;
    cycles_t now = cpu->clock;
    for (size_t i = 0; i < cpu->owed_count; i++) pay(hw, cpu, &cpu->owed[i], now);
    cpu->owed_count = 0;
}

static bool names(const struct flush *f, va_t at)
{
    if (f->whole) return true;
    for (size_t i = 0; i < f->range_count; i++) {
        const struct flush_range *r = &f->ranges[i];
        if (at.v - r->at.v < r->page_count * r->page_bytes) return true;
    }
    return false;
}

const struct owed_flush *flush_owed(const struct hw *hw, const struct cpu *cpu, va_t at)
{
    for (size_t i = 0; i < cpu->owed_count; i++) {
        const struct flush *f = &cpu->owed[i].flush;
        bool system = at.v >= hw->kernel_start;
        bool of_space = is_system(f) ? f->whole || system : !system && cpu->map == f->map;
        if (of_space && names(f, at)) return &cpu->owed[i];
    }
    return NULL;
}

bool flush_is_due(struct hw *hw, const struct cpu *cpu, uint32_t space, va_t at)
{
    const struct page_map *map = context_map(hw, space);
    if (flush_owed(hw, cpu, at) != NULL) return true;
    return map != NULL && map != cpu->map && context_is_behind(hw, cpu, map);
}
