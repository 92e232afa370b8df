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

/* One interlocked operation on the lock's word, which has the line for as long as it takes. */
static void use_line(struct mm *mm, enum mm_lock kind, struct lock *lock, uint64_t lock_count)
{
    wait(mm, kind, &lock->line, false, true);
    fetch_line(mm, lock);
    charge(mm->hw, COST_LOCK, lock_count);
    hold_end(mm->hw, &lock->line, hw_now(mm->hw).v);
}

void lock_wait(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    wait(mm, kind, &lock->turns, lock->is_shared, false);
    if (!lock->is_shared) fetch_line(mm, lock);
}

void lock_enter_shared(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    lock_begin(mm, kind, lock, true);
    if (mm->hw->cpu_count > 1) use_line(mm, kind, lock, 1);
    else charge(mm->hw, COST_LOCK, 1);
}

void lock_end(struct mm *mm, enum mm_lock kind, struct lock *lock, uint64_t last_cycles)
{
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
