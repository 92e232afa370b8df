/* Locks of the memory manager as resources in simulated time. */
#include "mm/lock.h"

#include "base/check.h"
#include "mm/mm.h"

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

static void wait(struct mm *mm, enum mm_lock kind, struct hold_queue *queue, bool shared,
                 bool part)
{
    uint64_t cycles = hold_begin(mm->hw, queue, &mm->locks[kind], shared, part);
    if (cycles != 0) charge(mm->hw, COST_LOCK_WAIT, cycles);
}

static void begin(struct mm *mm, enum mm_lock kind, struct lock *lock, bool shared)
{
    CHECK2(!lock->taken, kind, lock->is_shared);
    memory_close_lines(mm->hw);
    lock->taken = true;
    lock->is_shared = shared;
    mm->locks[kind].acquisitions++;
    if (mm->hw->cpu_count > 1) wait(mm, kind, &lock->turns, shared, false);
}

void lock_enter_free(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    begin(mm, kind, lock, false);
    if (mm->hw->cpu_count > 1) fetch_line(mm, lock);
}

void lock_enter(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    lock_enter_free(mm, kind, lock);
    charge(mm->hw, COST_LOCK, 1);
}

/* One interlocked operation on the lock's word, which has the line for as long as it takes. */
static void use_line(struct mm *mm, enum mm_lock kind, struct lock *lock, uint64_t lock_count)
{
    wait(mm, kind, &lock->line, false, true);
    fetch_line(mm, lock);
    charge(mm->hw, COST_LOCK, lock_count);
    hold_end(mm->hw, &lock->line, hw_now(mm->hw).v);
}

void lock_enter_shared(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    begin(mm, kind, lock, true);
    if (mm->hw->cpu_count > 1) use_line(mm, kind, lock, 1);
    else charge(mm->hw, COST_LOCK, 1);
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
    hold_end(mm->hw, &lock->turns, hw_now(mm->hw).v - last_cycles);
}

void lock_forget(struct lock *lock)
{
    queue_forget(&lock->turns);
    queue_forget(&lock->line);
    lock->last_owner = 0;
}

void lock_free(struct lock *lock, const struct allocator *from)
{
    queue_free(&lock->turns, from);
    queue_free(&lock->line, from);
    *lock = (struct lock){ 0 };
}
