/* Locks of the memory manager as resources in simulated time. */
#pragma once

#include "model/hold.h"

/* How locks are counted. An address space has a lock of its own in each process. */
enum mm_lock { LOCK_PFN, LOCK_SYSTEM_PTE, LOCK_POOL, LOCK_ADDRESS_SPACE, MM_LOCK_COUNT };

/* One lock. A zeroed one is free. Who asks first gets it first, in simulated time (model/hold.h).
 * An interrupt of another processor lengthens the hold that it falls into, so that others wait for
 * it too. */
struct lock {
    struct hold_queue turns;
    struct hold_queue line; /* its cache line is under way to one of those who share it */
    uint32_t last_owner;    /* number of the processor that had its line last, + 1 */
    bool taken, is_shared;  /* the hold under way */
};

struct mm;

/* Entering and leaving a lock stand in mm.h, in line: with one processor nobody ever waits. These
 * are what is left of them with several: the wait for a lock that was taken just now, and for its
 * line unless it is shared; and giving it, see lock_leave_before(). */
void lock_wait(struct mm *mm, enum mm_lock kind, struct lock *lock);
void lock_end(struct mm *mm, enum mm_lock kind, struct lock *lock, uint64_t last_cycles);
/* Shares the lock with others who do so. Its line goes from one to the next all the same, one at a
 * time, when the lock is taken and again when it is given. */
void lock_enter_shared(struct mm *mm, enum mm_lock kind, struct lock *lock);
/* Nobody ever held it: the state before the first step. */
void lock_forget(struct lock *lock);
void lock_free(struct lock *lock, const struct allocator *from);
