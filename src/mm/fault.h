/* CPU accesses through TLB and page tables, page faults resolved on the way. */
#pragma once

#include "mm/outcome.h"
#include "model/hw.h"

struct mm;
/* One access to one page by the current CPU in the current process. `user` is the processor mode,
 * `driver` tells the driver's own accesses from those that a routine makes (bug check 0xD1 or 0xA).
 * Charges lookup, walk and fault, not the data access. Raised IRQL: a fault at DISPATCH_LEVEL or
 * above is a bug check. hit, walked and faulted are set whatever the end; they tell of the one
 * lookup that is counted. */
void mm_touch_into(struct mm *mm, va_t at, enum access_type type, bool user, bool driver,
                   struct touch *out);
/* The rest of it where the translation ended in a fault. hit and walked are not set. */
void mm_touch_faulted(struct mm *mm, va_t at, enum access_type type, bool user, bool driver,
                      enum access_fault fault, struct touch *out);
/* Whether an access that the entry translated used what the tables no longer say: possible only
 * while a flush is pending. */
bool mm_is_stale(struct mm *mm, va_t at, uint64_t entry);
static inline struct touch mm_touch(struct mm *mm, va_t at, enum access_type type, bool user,
                                    bool driver)
{
    struct touch t;
    mm_touch_into(mm, at, type, user, driver, &t);
    return t;
}
/* Makes the page present and permits the access, as a fault would, without a CPU access: what
 * MmProbeAndLockPages does to each page. Returns the frame in *out. Kernel pages are not asked for
 * write permission (facts: implementations.md 3.6). Charges a read of the entry, and each fault. */
struct touch mm_fault_in(struct mm *mm, va_t at, enum access_type type, bool user, pfn_t *out);
/* The same for page_count pages from `at` (page-aligned down) on: pfns[i] becomes the frame of page
 * i. Returns how many succeeded, up to the first that failed; how it failed stands in
 * *failed then. */
uint64_t mm_fault_in_range(struct mm *mm, va_t at, uint64_t page_count, enum access_type type,
                           bool user, uint64_t *pfns, struct touch *failed);
/* Resolves a fault of the current process at a user address, or in paged pool; `present`: the entry
 * is there and forbids the access. TOUCH_OK: the access may be tried again (at and entry are not
 * set). Other ends, by what is met first:
 * - user address:
 *     IRQL >= 2: stops 0xD1 (driver) or 0xA;
 *     not committed, not permitted, no process: raises STATUS_ACCESS_VIOLATION;
 *     guard page: raises STATUS_GUARD_PAGE_VIOLATION, and the page's guard is gone;
 *     no frame free: raises STATUS_NO_MEMORY.
 * - kernel address:
 *     user mode: raises STATUS_ACCESS_VIOLATION;
 *     write to a read-only page: stops 0xBE; execution of a page that forbids it: stops 0xFC;
 *     IRQL >= 2: stops 0xD1 (driver) or 0xA;
 *     paged pool and no frame free: raises STATUS_INSUFFICIENT_RESOURCES (inferred);
 *     nothing there: stops 0x50.
 * - neither (not canonical, or between the two):
 *     user mode: raises STATUS_ACCESS_VIOLATION; upper half: stops 0x1E;
 *     lower half: as a user address that is not committed. */
struct touch fault_resolve(struct mm *mm, va_t at, enum access_type type, bool user, bool present,
                           bool driver);
