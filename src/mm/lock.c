/* Locks of the memory manager as resources in simulated time. */
#include "mm/lock.h"

#include "base/check.h"
#include "mm/mm.h"

static void remember(struct mm *mm, struct busy *b, uint64_t from, uint64_t until)
{
    busy_add(b, mm->from, (struct busy_span){ from, until }, mm->hw->horizon.v);
}

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

static void begin(struct mm *mm, enum mm_lock kind, struct lock *lock, bool shared)
{
    CHECK2(!lock->taken, kind, lock->since);
    lock->taken = true;
    lock->is_shared = shared;
    lock->waited = false;
    mm->locks[kind].acquisitions++;
}

void lock_enter_free(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    begin(mm, kind, lock, false);
    if (mm->hw->cpu_count == 1) return;
    uint64_t now = hw_now(mm->hw).v;
    wait(mm, kind, lock, place(&lock->held, &lock->shared, now, 1) - now);
    lock->since = hw_now(mm->hw).v;
    fetch_line(mm, lock);
}

void lock_enter(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    lock_enter_free(mm, kind, lock);
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
    remember(mm, &lock->line, now, hw_now(mm->hw).v);
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

/* The hold takes as many cycles as it lasted. Where a later one was simulated already, that one
 * cannot be moved any more, and the rest of this one is made up for after it: so whoever comes next
 * waits as long as if the two had queued. */
static void occupy(struct mm *mm, struct lock *lock, uint64_t from, uint64_t length)
{
    struct busy *own = lock->is_shared ? &lock->shared : &lock->held;
    const struct busy *other = lock->is_shared ? &lock->held : &lock->shared;
    while (length > 0) {
        from = lock->is_shared ? busy_place(other, from, 1) : place(own, other, from, 1);
        uint64_t next = busy_next(other, from), until = from + length;
        if (until > next) until = next;
        next = busy_next(&lock->held, from);
        if (until > next) until = next;
        remember(mm, own, from, until);
        length -= until - from;
        from = until;
    }
}

void lock_leave(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    lock_leave_before(mm, kind, lock, 0);
}

void lock_leave_before(struct mm *mm, enum mm_lock kind, struct lock *lock, uint64_t last_cycles)
{
    CHECK2(lock->taken, kind, last_cycles);
    lock->taken = false;
    if (mm->hw->cpu_count == 1) return;
    if (lock->is_shared) use_line(mm, kind, lock, 0);
    occupy(mm, lock, lock->since, hw_now(mm->hw).v - last_cycles - lock->since);
}

void lock_forget(struct lock *lock)
{
    lock->held.count = lock->shared.count = lock->line.count = 0;
    lock->last_owner = 0;
}

void lock_free(struct lock *lock, const struct allocator *from)
{
    busy_free(&lock->held, from);
    busy_free(&lock->shared, from);
    busy_free(&lock->line, from);
    *lock = (struct lock){ 0 };
}
