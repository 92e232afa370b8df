/* Locks of the memory manager as resources in simulated time. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

/* How locks are counted. An address space has a lock of its own in each process. */
enum mm_lock { LOCK_PFN, LOCK_SYSTEM_PTE, LOCK_POOL, LOCK_ADDRESS_SPACE, MM_LOCK_COUNT };
struct lock_counts {
    uint64_t acquisitions, contended, wait_cycles;
};

/* A time in which the lock was held: from `from` until just before `until`. */
struct lock_hold {
    uint64_t from, until;
};

enum { LOCK_HOLDS_MOST = 1024 };

/* One lock. Steps are simulated one after the other, but lie side by side in time: a processor
 * whose step began earlier has taken and given the lock at times that the next one still has before
 * it. So the recent holds are remembered, and who asks for the lock waits if it is held at that
 * time. A zeroed lock is free. */
struct lock {
    struct lock_hold *holds; /* ascending, none touches the next; at most LOCK_HOLDS_MOST */
    size_t count, capacity;
    uint64_t since;      /* start of the hold under way */
    uint32_t last_owner; /* number of the processor that held it last, + 1 */
    bool held;
};

struct mm;

/* Waits until nobody holds the lock (lock_wait), fetches its line where another processor had it
 * (line_transfer), and takes it (lock). With one processor nobody ever waits. Not recursive. */
void lock_enter(struct mm *mm, enum mm_lock kind, struct lock *lock);
/* The same without the price of the acquisition, which is in that of the work it protects. */
void lock_enter_free(struct mm *mm, enum mm_lock kind, struct lock *lock);
void lock_leave(struct mm *mm, struct lock *lock);
/* The same, when what the processor spent its last cycles on is done after the lock was given. */
void lock_leave_before(struct mm *mm, struct lock *lock, uint64_t last_cycles);
void lock_free(struct lock *lock, const struct allocator *from);

/* Without processors: when a lock that is asked for at `now` is free. */
uint64_t lock_free_at(const struct lock *lock, uint64_t now);
/* A hold of at least a cycle. Holds that end by `horizon` nobody asks for any more. */
void lock_remember(struct lock *lock, const struct allocator *from, struct lock_hold hold,
                   uint64_t horizon);
