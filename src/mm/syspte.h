/* System PTEs: the pages of the system mapping region, handed out in runs. */
#pragma once

#include "base/gauge.h"
#include "base/runs.h"
#include "base/types.h"
#include "model/hw.h"

enum pte_policy { PTE_FIRST_FIT, PTE_BEST_FIT, PTE_NEXT_FIT };
enum pte_flush { PTE_FLUSH_DEFERRED, PTE_FLUSH_IMMEDIATE };
enum pte_priority { PRIORITY_LOW, PRIORITY_NORMAL, PRIORITY_HIGH, PRIORITY_COUNT };
enum pte_user {
    PTE_USER_MDL,
    PTE_USER_IO_SPACE,
    PTE_USER_CONTIGUOUS,
    PTE_USER_RESERVED,
    PTE_USER_VIEW,
    PTE_USER_COUNT
};

enum { TIMELINE_MOST = 256 };
/* At most 256 evenly spaced samples of a level: when full, every second is dropped and the step
 * doubles. */
struct timeline {
    uint64_t step, next, value; /* cycles; next sample's time; level since the last change */
    uint32_t count;
    uint64_t sample[TIMELINE_MOST];
};
void timeline_advance(struct timeline *t, uint64_t now); /* samples due up to `now` */
void timeline_set(struct timeline *t, uint64_t now,
                  uint64_t value); /* advances, then changes the level */

enum { RELEASES_KEPT = 64 };
/* A run that was freed and not flushed, and by whom. */
struct release {
    uint64_t start, count;
    struct doing by;
};

struct syspte {
    va_t base;
    uint64_t total;
    struct runs free;    /* pending ones included */
    struct runs pending; /* freed, their TLB entries not yet flushed */
    enum pte_policy policy;
    enum pte_flush flush;
    uint64_t threshold[PRIORITY_COUNT]; /* fewer may not be left free */
    uint64_t next_start;                /* next-fit */
    struct gauge in_use, by_user[PTE_USER_COUNT];
    uint64_t free_min, reservations, releases, failures[PRIORITY_COUNT];
    struct release released[RELEASES_KEPT]; /* the latest since the last flush, in a ring */
    uint64_t released_count;                /* all of them */
    struct timeline timeline;
    uint64_t *tables_made; /* bit by page table of the region: it exists */
    size_t tables_capacity;
};

struct mm;
struct mm_config;
void syspte_init(struct mm *mm, const struct mm_config *config);
void syspte_free(struct mm *mm);
/* Reserves a run of `count` >= 1 PTEs whose page tables exist. False (counted by priority) when no
 * run is long enough, fewer than the threshold would be left, or no frame is left for a page table.
 * Reusing freed PTEs whose flush is pending flushes the whole TLB first and clears the batch. */
bool syspte_reserve(struct mm *mm, uint64_t count, enum pte_priority priority, enum pte_user user,
                    va_t *out);
/* The same at a multiple of align_pages of the address space, for a mapping in large pages: without
 * page tables, which the caller makes as it needs them. False, and not counted: there is no such
 * run, but there may be one without the alignment. */
bool syspte_reserve_aligned(struct mm *mm, uint64_t count, uint64_t align_pages,
                            enum pte_priority priority, enum pte_user user, va_t *out);
/* Gives a run (or a part of one) back: clears its entries, flushes now or marks it pending. */
void syspte_release(struct mm *mm, va_t at, uint64_t count, enum pte_user user);
bool syspte_owns(const struct mm *mm, va_t at);
bool syspte_is_pending(const struct mm *mm, va_t at); /* freed and not yet flushed */
bool syspte_is_free(const struct mm *mm, va_t at);
void syspte_check(struct mm *mm);
