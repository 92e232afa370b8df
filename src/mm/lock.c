/* Locks of the memory manager as resources in simulated time. */
#include "mm/lock.h"

#include "base/check.h"
#include "mm/mm.h"


/* The first moment that begins `length` cycles that neither of two things takes. */
static uint64_t place(const struct busy *a, const struct busy *b, uint64_t now, uint64_t length)
{
    for (;;) {
        uint64_t first = busy_place(a, now, length);
        now = busy_place(b, first, length);
        if (now == first) return now;
    }
}

static void wait(struct mm *mm, enum mm_lock kind, struct lock *lock, uint64_t cycles)
{
    if (cycles == 0) return;
    mm->locks[kind].contended += !lock->waited;
    mm->locks[kind].wait_cycles += cycles;
    lock->waited = true;
    charge(mm->hw, COST_LOCK_WAIT, cycles);
}

/* The cost of fetching the line from the processor that had it last; COST_COUNT: from nowhere. */
static enum cost line_cost(const struct mm *mm, const struct lock *lock)
{
    uint32_t owner = mm->hw->cpu->number + 1;
    if (lock->last_owner == 0 || lock->last_owner == owner) return COST_COUNT;
    return hw_line_cost(mm->hw, &mm->hw->cpus[lock->last_owner - 1]);
}

static void fetch_line(struct mm *mm, struct lock *lock)
{
    enum cost cost = line_cost(mm, lock);
    if (cost != COST_COUNT) charge(mm->hw, cost, 1);
    lock->last_owner = mm->hw->cpu->number + 1;
}

/* The hold takes as many cycles as it lasted. Where a later one was simulated already, that one
 * cannot be moved any more, and the rest of this one is made up for after it: so whoever comes next
 * waits as long as if the two had queued. What ended by `horizon` is forgotten. */
static void occupy(struct mm *mm, struct lock *lock, bool shared, struct busy_span span,
                   uint64_t horizon)
{
    struct busy *own = shared ? &lock->shared : &lock->held;
    const struct busy *other = shared ? &lock->held : &lock->shared;
    uint64_t from = span.from, length = span.until - span.from;
    while (length > 0) {
        from = shared ? busy_place(other, from, 1) : place(own, other, from, 1);
        uint64_t next = busy_next(other, from), until = from + length;
        if (until > next) until = next;
        next = busy_next(&lock->held, from);
        if (until > next) until = next;
        busy_add(own, mm->from, (struct busy_span){ from, until }, horizon);
        length -= until - from;
        from = until;
    }
}

/* Recent holds become as long as interrupts have made them since. Nothing is forgotten between two
 * of them: the second may begin before this time, and must find what held the lock then. */
static void lengthen(struct mm *mm, struct lock *lock)
{
    size_t kept = 0;
    for (size_t i = 0; i < lock->recent_count; i++) {
        struct lock_hold h = lock->recent[i];
        uint64_t end = holds_end(&mm->hw->cpus[h.cpu].holds, h.number, h.until);
        occupy(mm, lock, h.is_shared, (struct busy_span){ h.until, end }, 0);
        h.until = end;
        if (end > mm->hw->horizon.v) lock->recent[kept++] = h;
    }
    lock->recent_count = kept;
}

static void begin(struct mm *mm, enum mm_lock kind, struct lock *lock, bool shared)
{
    CHECK2(!lock->taken, kind, lock->since);
    lengthen(mm, lock);
    lock->taken = true;
    lock->is_shared = shared;
    lock->waited = false;
    mm->locks[kind].acquisitions++;
}

/* Among several processors. */
static void enter(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    uint64_t now = hw_now(mm->hw).v;
    wait(mm, kind, lock, place(&lock->held, &lock->shared, now, 1) - now);
    lock->since = hw_now(mm->hw).v;
    fetch_line(mm, lock);
}

void lock_enter_free(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    begin(mm, kind, lock, false);
    if (mm->hw->cpu_count > 1) enter(mm, kind, lock);
}

void lock_enter(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    begin(mm, kind, lock, false);
    if (mm->hw->cpu_count > 1) enter(mm, kind, lock);
    charge(mm->hw, COST_LOCK, 1);
}

/* One interlocked operation on the lock's word, which has the line for as long as it takes. */
static void use_line(struct mm *mm, enum mm_lock kind, struct lock *lock, uint64_t lock_count)
{
    static const struct busy nothing;
    const struct busy *holders = lock_count != 0 ? &lock->held : &nothing; /* it has it already */
    enum cost cost = line_cost(mm, lock);
    uint64_t length = mm->hw->price[COST_LOCK] * lock_count;
    if (cost != COST_COUNT) length += mm->hw->price[cost];
    uint64_t now = hw_now(mm->hw).v;
    wait(mm, kind, lock, place(holders, &lock->line, now, length) - now);
    now = hw_now(mm->hw).v;
    fetch_line(mm, lock);
    charge(mm->hw, COST_LOCK, lock_count);
    struct busy_span span = { now, hw_now(mm->hw).v };
    busy_add(&lock->line, mm->from, span, mm->hw->horizon.v);
}

void lock_enter_shared(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    begin(mm, kind, lock, true);
    if (mm->hw->cpu_count == 1) {
        charge(mm->hw, COST_LOCK, 1);
        return;
    }
    use_line(mm, kind, lock, 1);
    lock->since = hw_now(mm->hw).v;
}

/* The hold is over, but for what interrupts will turn out to have added to it. */
static void keep(struct mm *mm, struct lock *lock, struct busy_span span)
{
    struct cpu *cpu = mm->hw->cpu;
    lock->recent = mem_grow(mm->from, lock->recent, &lock->recent_capacity,
                            lock->recent_count + 1, sizeof *lock->recent);
    lock->recent[lock->recent_count++] =
        (struct lock_hold){ .number = holds_add(&cpu->holds, span.from, span.until),
                            .until = span.until,
                            .cpu = cpu->number,
                            .is_shared = lock->is_shared };
}

/* Among several processors. */
static void leave(struct mm *mm, enum mm_lock kind, struct lock *lock, uint64_t last_cycles)
{
    if (lock->is_shared) use_line(mm, kind, lock, 0);
    struct busy_span span = { lock->since, hw_now(mm->hw).v - last_cycles };
    occupy(mm, lock, lock->is_shared, span, mm->hw->horizon.v);
    keep(mm, lock, span);
}

void lock_leave(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    CHECK2(lock->taken, kind, 0);
    lock->taken = false;
    if (mm->hw->cpu_count > 1) leave(mm, kind, lock, 0);
}

void lock_leave_before(struct mm *mm, enum mm_lock kind, struct lock *lock, uint64_t last_cycles)
{
    CHECK2(lock->taken, kind, last_cycles);
    lock->taken = false;
    if (mm->hw->cpu_count > 1) leave(mm, kind, lock, last_cycles);
}

void lock_forget(struct lock *lock)
{
    lock->held.count = lock->shared.count = lock->line.count = 0;
    lock->recent_count = 0;
    lock->last_owner = 0;
}

void lock_free(struct lock *lock, const struct allocator *from)
{
    busy_free(&lock->held, from);
    busy_free(&lock->shared, from);
    busy_free(&lock->line, from);
    mem_free(from, lock->recent, lock->recent_capacity, sizeof *lock->recent);
    *lock = (struct lock){ 0 };
}
