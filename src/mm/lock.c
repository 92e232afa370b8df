/* Locks of the memory manager as resources in simulated time. */
#include "mm/lock.h"

#include "base/check.h"
#include "mm/mm.h"

#include <string.h>

/* The first hold that ends after `now`. */
static size_t hold_after(const struct lock *lock, uint64_t now)
{
    size_t low = 0, high = lock->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lock->holds[middle].until > now) high = middle;
        else low = middle + 1;
    }
    return low;
}

uint64_t lock_free_at(const struct lock *lock, uint64_t now)
{
    size_t i = hold_after(lock, now);
    return i < lock->count && lock->holds[i].from <= now ? lock->holds[i].until : now;
}

static void drop(struct lock *lock, size_t from, size_t until)
{
    if (from == until) return;
    memmove(lock->holds + from, lock->holds + until, (lock->count - until) * sizeof *lock->holds);
    lock->count -= until - from;
}

/* Holds that nobody can meet any more go, then the oldest ones. */
static void make_room(struct lock *lock, const struct allocator *from, uint64_t horizon)
{
    size_t gone = hold_after(lock, horizon);
    if (lock->count - gone == LOCK_HOLDS_MOST) gone++;
    drop(lock, 0, gone);
    lock->holds =
        mem_grow(from, lock->holds, &lock->capacity, lock->count + 1, sizeof *lock->holds);
}

void lock_remember(struct lock *lock, const struct allocator *from, struct lock_hold hold,
                   uint64_t horizon)
{
    make_room(lock, from, horizon);
    size_t first = lock->count, last;
    while (first > 0 && lock->holds[first - 1].until >= hold.from) first--;
    for (last = first; last < lock->count && lock->holds[last].from <= hold.until; last++) {
        if (lock->holds[last].from < hold.from) hold.from = lock->holds[last].from;
        if (lock->holds[last].until > hold.until) hold.until = lock->holds[last].until;
    }
    if (last > first) {
        drop(lock, first + 1, last);
    } else {
        memmove(lock->holds + first + 1, lock->holds + first,
                (lock->count - first) * sizeof *lock->holds);
        lock->count++;
    }
    lock->holds[first] = hold;
}

/* Several processors: the wait, and the line. */
static void contend(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    uint64_t now = hw_now(mm->hw).v, free_at = lock_free_at(lock, now);
    uint32_t owner = mm->hw->cpu->number + 1;
    if (free_at > now) {
        mm->locks[kind].contended++;
        mm->locks[kind].wait_cycles += free_at - now;
        charge(mm->hw, COST_LOCK_WAIT, free_at - now);
    }
    lock->since = hw_now(mm->hw).v;
    if (lock->last_owner != 0 && lock->last_owner != owner) charge(mm->hw, COST_LINE_TRANSFER, 1);
    lock->last_owner = owner;
}

void lock_enter_free(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    CHECK2(!lock->held, kind, lock->since);
    lock->held = true;
    mm->locks[kind].acquisitions++;
    if (mm->hw->cpu_count > 1) contend(mm, kind, lock);
}

void lock_enter(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    lock_enter_free(mm, kind, lock);
    charge(mm->hw, COST_LOCK, 1);
}

void lock_leave(struct mm *mm, struct lock *lock)
{
    lock_leave_before(mm, lock, 0);
}

void lock_leave_before(struct mm *mm, struct lock *lock, uint64_t last_cycles)
{
    CHECK(lock->held);
    lock->held = false;
    if (mm->hw->cpu_count == 1) return;
    struct lock_hold hold = { lock->since, hw_now(mm->hw).v - last_cycles };
    if (hold.until > hold.from) lock_remember(lock, mm->from, hold, mm->hw->horizon.v);
}

void lock_free(struct lock *lock, const struct allocator *from)
{
    mem_free(from, lock->holds, lock->capacity, sizeof *lock->holds);
    *lock = (struct lock){ 0 };
}
