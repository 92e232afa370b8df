/* Who left a stale translation. Only asked where there may be one: see mm_is_stale(). */
#include "mm/stale.h"

#include "mm/mm.h"

static struct stale deferred(const struct mm *mm, va_t at)
{
    struct stale s = { .why = STALE_DEFERRED };
    const struct syspte *p = &mm->syspte;
    uint64_t index = (at.v - p->base.v) >> PAGE_SHIFT_BITS;
    uint64_t known = p->released_count < RELEASES_KEPT ? p->released_count : RELEASES_KEPT;
    for (uint64_t i = 1; i <= known; i++) {
        const struct release *r = &p->released[(p->released_count - i) % RELEASES_KEPT];
        if (index - r->start >= r->count) continue;
        s.by = r->by;
        break;
    }
    return s;
}

/* What is held back matters where the tables say something else by now. */
static struct stale held(struct mm *mm, va_t at, uint64_t entry)
{
    const uint64_t exact = PTE_PRESENT | PTE_WRITE | PTE_ADDRESS;
    struct hw *hw = mm->hw;
    struct stale s = { .why = STALE_NOT };
    const struct owed_flush *o = flush_owed(hw, hw->cpu, at);
    if (o == NULL) return s;
    uint64_t now = paging_entry(hw, hw->cpu->map, at);
    if (((now ^ entry) & exact) == 0) return s;
    return (struct stale){ STALE_HELD, o->by };
}

struct stale mm_stale(struct mm *mm, va_t at, uint64_t entry)
{
    if (syspte_is_pending(mm, at) || syspte_is_free(mm, at)) return deferred(mm, at);
    return held(mm, at, entry);
}
