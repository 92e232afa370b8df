/* The system PTE region: runs of pages that MDLs and device memory are mapped at. */
#include "mm/syspte.h"

#include "base/check.h"
#include "mm/mm.h"

enum { TABLE_SHIFT_BITS = 9 };

void syspte_init(struct mm *mm, const struct mm_config *config)
{
    struct syspte *s = &mm->syspte;
    *s = (struct syspte){ .base = config->syspte_base, .total = config->system_ptes,
                          .policy = (enum pte_policy)config->pte_policy,
                          .flush = (enum pte_flush)config->pte_flush,
                          .threshold = { [PRIORITY_LOW] = config->threshold_low,
                                         [PRIORITY_NORMAL] = config->threshold_normal },
                          .free_min = config->system_ptes };
    runs_init(&s->free, mm->from);
    runs_init(&s->pending, mm->from);
    runs_add(&s->free, 0, s->total);
}

void syspte_free(struct mm *mm)
{
    struct syspte *s = &mm->syspte;
    runs_free(&s->free);
    runs_free(&s->pending);
    mem_free(mm->from, s->tables_made, s->tables_capacity, sizeof *s->tables_made);
}

static va_t address_of(const struct syspte *s, uint64_t index)
{
    return va_add(s->base, index * PAGE_BYTES);
}

/* The PTE of an address, counted from the first; at or above `total` outside the region. */
static uint64_t index_of(const struct syspte *s, va_t at)
{
    return at.v < s->base.v ? UINT64_MAX : (at.v - s->base.v) >> PAGE_SHIFT_BITS;
}

/* Where the policy puts a run. A next-fit search that finds nothing up to the end starts over. Best
 * fit knows no alignment: aligned runs are the lowest that is long enough (inferred). */
static bool find_run(const struct syspte *s, uint64_t count, uint64_t align_pages, uint64_t *start)
{
    const uint64_t last = UINT64_MAX - 1;
    switch (s->policy) {
    case PTE_BEST_FIT:
        if (align_pages > 1) break;
        return runs_best_fit(&s->free, count, start);
    case PTE_NEXT_FIT:
        if (runs_first_fit(&s->free, count, s->next_start, last, align_pages, start)) return true;
        break;
    case PTE_FIRST_FIT:
        break;
    }
    return runs_first_fit(&s->free, count, 0, last, align_pages, start);
}

/* Page tables of the system are never given back, so each needs to be made only once. */
static bool tables_reserve(struct mm *mm, uint64_t start, uint64_t count)
{
    struct syspte *s = &mm->syspte;
    uint64_t lead = (s->base.v >> PAGE_SHIFT_BITS) & ((1u << TABLE_SHIFT_BITS) - 1);
    uint64_t first = (lead + start) >> TABLE_SHIFT_BITS;
    uint64_t last = (lead + start + count - 1) >> TABLE_SHIFT_BITS;
    size_t words = (size_t)(last / 64 + 1);
    if (words > s->tables_capacity)
        s->tables_made = mem_grow(mm->from, s->tables_made, &s->tables_capacity, words,
                                  sizeof *s->tables_made);
    for (uint64_t table = first; table <= last; table++) {
        uint64_t bit = (uint64_t)1 << (table % 64), *word = &s->tables_made[table / 64];
        if (*word & bit) continue;
        uint64_t index = (table << TABLE_SHIFT_BITS) < lead + start
                             ? start
                             : (table << TABLE_SHIFT_BITS) - lead;
        if (!paging_reserve(mm->hw, &mm->hw->system, address_of(s, index), 1)) return false;
        *word |= bit;
    }
    return true;
}

static void level_changed(struct mm *mm)
{
    struct syspte *s = &mm->syspte;
    if (s->free.total < s->free_min) s->free_min = s->free.total;
    timeline_set(&s->timeline, hw_now(mm->hw).v, s->in_use.now);
}

/* Tables of a run that large pages are about to take the place of: they may be given back. */
static void tables_forget(struct mm *mm, uint64_t start, uint64_t count)
{
    struct syspte *s = &mm->syspte;
    uint64_t lead = (s->base.v >> PAGE_SHIFT_BITS) & ((1u << TABLE_SHIFT_BITS) - 1);
    uint64_t last = (lead + start + count - 1) >> TABLE_SHIFT_BITS;
    for (uint64_t table = (lead + start) >> TABLE_SHIFT_BITS; table <= last; table++) {
        if (table / 64 >= s->tables_capacity) return;
        s->tables_made[table / 64] &= ~((uint64_t)1 << (table % 64));
    }
}

/* With the lock. Aligned runs get no tables. *settles: the run is to be flushed, with all others
 * that are pending, before it is used. */
static bool reserve(struct mm *mm, uint64_t count, uint64_t align_pages,
                    enum pte_priority priority, enum pte_user user, va_t *out, bool *settles)
{
    struct syspte *s = &mm->syspte;
    charge(mm->hw, COST_PTE_RANGE, 1);
    uint64_t start;
    if (count > s->free.total || s->free.total - count < s->threshold[priority] ||
        !find_run(s, count, align_pages, &start) ||
        (align_pages == 1 && !tables_reserve(mm, start, count)))
        return false;
    if (align_pages > 1) tables_forget(mm, start, count);
    *settles = s->pending.total > 0 && runs_overlaps(&s->pending, start, count);
    if (*settles) {
        runs_clear(&s->pending);
        s->released_count = 0;
    }
    runs_remove(&s->free, start, count);
    s->next_start = start + count;
    s->reservations++;
    gauge_add(&s->in_use, count, hw_now(mm->hw));
    gauge_add(&s->by_user[user], count, hw_now(mm->hw));
    level_changed(mm);
    *out = address_of(s, start);
    return true;
}

static bool reserve_run(struct mm *mm, uint64_t count, uint64_t align_pages,
                        enum pte_priority priority, enum pte_user user, va_t *out)
{
    bool settles = false;
    lock_enter(mm, LOCK_SYSTEM_PTE, &mm->pte_lock);
    bool fine = reserve(mm, count, align_pages, priority, user, out, &settles);
    lock_leave(mm, LOCK_SYSTEM_PTE, &mm->pte_lock);
    if (settles) tlb_flush_all(mm->hw);
    return fine;
}

bool syspte_reserve(struct mm *mm, uint64_t count, enum pte_priority priority, enum pte_user user,
                    va_t *out)
{
    CHECK(count >= 1);
    bool fine = reserve_run(mm, count, 1, priority, user, out);
    if (!fine) mm->syspte.failures[priority]++;
    return fine;
}

bool syspte_reserve_aligned(struct mm *mm, uint64_t count, uint64_t align_pages,
                            enum pte_priority priority, enum pte_user user, va_t *out)
{
    uint64_t base = mm->syspte.base.v >> PAGE_SHIFT_BITS;
    CHECK2(count >= 1 && align_pages > 1 && base % align_pages == 0, count, align_pages);
    return reserve_run(mm, count, align_pages, priority, user, out);
}

static void defer_flush(struct mm *mm, uint64_t start, uint64_t count)
{
    struct syspte *s = &mm->syspte;
    runs_add(&s->pending, start, count);
    s->released[s->released_count++ % RELEASES_KEPT] =
        (struct release){ start, count, mm->hw->doing };
}

/* The entries are the caller's until they are free: they are cleared and flushed without the
 * lock. */
void syspte_release(struct mm *mm, va_t at, uint64_t count, enum pte_user user)
{
    struct syspte *s = &mm->syspte;
    uint64_t start = index_of(s, at);
    CHECK2(va_offset(at) == 0 && start < s->total && count <= s->total - start, at.v, count);
    flush_begin(mm->hw, &mm->hw->system);
    if (s->flush == PTE_FLUSH_IMMEDIATE) flush_add_mapped(mm->hw, at, count);
    paging_clear_range(mm->hw, &mm->hw->system, at, count);
    flush_end(mm->hw);
    lock_enter(mm, LOCK_SYSTEM_PTE, &mm->pte_lock);
    charge(mm->hw, COST_PTE_RANGE, 1);
    runs_add(&s->free, start, count);
    if (s->flush != PTE_FLUSH_IMMEDIATE) defer_flush(mm, start, count);
    s->releases++;
    gauge_sub(&s->in_use, count);
    gauge_sub(&s->by_user[user], count);
    level_changed(mm);
    lock_leave(mm, LOCK_SYSTEM_PTE, &mm->pte_lock);
}

bool syspte_owns(const struct mm *mm, va_t at)
{
    return index_of(&mm->syspte, at) < mm->syspte.total;
}

bool syspte_is_pending(const struct mm *mm, va_t at)
{
    return syspte_owns(mm, at) && runs_has(&mm->syspte.pending, index_of(&mm->syspte, at), 1);
}

bool syspte_is_free(const struct mm *mm, va_t at)
{
    return syspte_owns(mm, at) && runs_has(&mm->syspte.free, index_of(&mm->syspte, at), 1);
}

void syspte_check(struct mm *mm)
{
    const struct syspte *s = &mm->syspte;
    runs_check(&s->free);
    runs_check(&s->pending);
    CHECK2(s->in_use.now + s->free.total == s->total, s->in_use.now, s->free.total);
    CHECK2(s->free_min <= s->free.total, s->free_min, s->free.total);
    CHECK2(s->free_min == s->total - s->in_use.peak, s->free_min, s->in_use.peak);
    uint64_t users = 0;
    for (unsigned i = 0; i < PTE_USER_COUNT; i++) users += s->by_user[i].now;
    CHECK2(users == s->in_use.now, users, s->in_use.now);
    struct run run;
    for (uint64_t at = 0; runs_at_or_after(&s->pending, at, &run); at = run.start + run.count)
        CHECK2(runs_has(&s->free, run.start, run.count), run.start, run.count);
    for (uint64_t at = 0; runs_at_or_after(&s->free, at, &run); at = run.start + run.count)
        CHECK2(run.start + run.count <= s->total, run.start, run.count);
}
