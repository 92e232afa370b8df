/* The memory manager of one simulated system: owns the frame database, system PTEs, pools, address
 * spaces and MDL objects above one machine. Knows no routine by name. */
#pragma once

#include "mm/fault.h"
#include "mm/lock.h"
#include "mm/mdl.h"
#include "mm/outcome.h"
#include "mm/pfn.h"
#include "mm/pool.h"
#include "mm/space.h"
#include "mm/syspte.h"
#include "model/hw.h"

struct mm_config {
    bool is_64_bit;
    uint64_t seed;
    va_t highest_user; /* MmHighestUserAddress */
    va_t user_probe;   /* MmUserProbeAddress */
    va_t system_start; /* MmSystemRangeStart */
    va_t syspte_base, nonpaged_base, paged_base, stack_base, object_base;
    uint64_t system_ptes, nonpaged_pool_bytes, paged_pool_bytes;
    uint64_t threshold_low, threshold_normal;
    uint32_t pte_policy, pte_flush;
    bool shares_space_lock; /* who changes pages of an address space but not its ranges */
    uint32_t fragmentation; /* enum fragmentation_kind */
    uint64_t fragmentation_seed, fragmentation_run;
    uint64_t zeroed_percent;
    bool large_pages;      /* mappings and nonpaged pool use them where they fit */
    uint64_t system_pages; /* taken at the start from the lowest frames */
};

/* The interrupt request levels that have one number on 32 and 64 bits (wdm.h). */
enum { PASSIVE_LEVEL, APC_LEVEL, DISPATCH_LEVEL };

struct mm {
    const struct allocator *from;
    const struct mm_config *config;
    struct hw *hw;
    struct frames frames;
    struct syspte syspte;
    struct pools pools;
    struct process **processes; /* by id - 1 */
    size_t process_count, process_capacity;
    struct process *current; /* NULL = System */
    struct section *sections;
    size_t section_count, section_capacity;
    struct mdl_table mdls;
    struct secure *secures; /* handle = index + 1 */
    size_t secure_count, secure_capacity;
    struct fault_counts faults;
    struct lock_counts locks[MM_LOCK_COUNT];
    struct lock pfn_lock, pte_lock; /* others are in pools and processes */
    uint32_t irql;                /* of the running thread: faults need it */
    struct backing backing;       /* of addresses of no reservation: replays */
    struct gauge reserved_in_use; /* PTEs in use inside reservations, for pte_usage.reserved */
    va_t next_stack, next_object; /* where the next thread's stack and the next object go */
};

/* False when RAM is too small for what the system needs at the start (a user's mistake). */
bool mm_init(struct mm *mm, const struct allocator *from, struct hw *hw,
             const struct mm_config *config);
void mm_free(struct mm *mm);
/* Switches to the address space of `p` (NULL = System): CR3, nothing else. */
void mm_switch(struct mm *mm, struct process *p);
/* A kernel stack of 24 KiB (12 KiB on 32-bit): its lowest address. False when no frame is free. */
bool mm_new_stack(struct mm *mm, va_t *out);
va_t mm_new_object(struct mm *mm,
                   uint64_t bytes); /* an address of its own for an object, no memory behind */
/* Every invariant: PFN references equal their holders, PTEs used + free = total, TLB entries agree
 * with the page tables or a pending flush, costs sum to the clock. */
void mm_check(struct mm *mm);

static inline struct mdl *mdl_at(struct mm *mm, uint32_t id)
{
    return mdl_of(&mm->mdls, id);
}

/* Surely not stale: see mm_is_stale(). */
static inline bool mm_is_fresh(const struct mm *mm, va_t at)
{
    const struct syspte *s = &mm->syspte;
    bool pends = s->pending.total != 0 && at.v - s->base.v < s->total * PAGE_BYTES;
    return !pends && mm->hw->cpu->owed_count == 0;
}
/* The same of all addresses from one to another. */
static inline bool mm_are_fresh(const struct mm *mm, va_t first, va_t last)
{
    const struct syspte *s = &mm->syspte;
    bool begins_below = first.v < s->base.v && last.v >= s->base.v;
    bool within = begins_below || first.v - s->base.v < s->total * PAGE_BYTES;
    return (!within || s->pending.total == 0) && mm->hw->cpu->owed_count == 0;
}

/* ---- locks ---- */

static inline void lock_begin(struct mm *mm, enum mm_lock kind, struct lock *lock, bool shared)
{
    CHECK2(!lock->taken, kind, lock->is_shared);
    memory_close_lines(mm->hw);
    lock->taken = true;
    lock->is_shared = shared;
    mm->locks[kind].acquisitions++;
    if (mm->hw->cpu_count > 1) lock_wait(mm, kind, lock);
}
/* As lock_enter(), without the price of the acquisition, which is in that of the work it protects.
 */
static inline void lock_enter_free(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    lock_begin(mm, kind, lock, false);
}
/* Waits until nobody holds the lock (lock_wait), fetches its line where another processor had it
 * (line_near, line_transfer, line_far), and takes it (lock). Not recursive. */
static inline void lock_enter(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    lock_enter_free(mm, kind, lock);
    charge(mm->hw, COST_LOCK, 1);
}
/* As lock_leave(), when what the processor spent its last cycles on is done after the lock was
 * given. */
static inline void lock_leave_before(struct mm *mm, enum mm_lock kind, struct lock *lock,
                                     uint64_t last_cycles)
{
    CHECK2(lock->taken, kind, last_cycles);
    lock->taken = false;
    if (mm->hw->cpu_count > 1) lock_end(mm, kind, lock, last_cycles);
}
static inline void lock_leave(struct mm *mm, enum mm_lock kind, struct lock *lock)
{
    lock_leave_before(mm, kind, lock, 0);
}
