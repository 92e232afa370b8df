/* User memory in large pages: resident from the start, and freed as a whole ("Large-Page Support"
 * of the Windows documentation). */
#include "base/check.h"
#include "mm/mm.h"
#include "mm/space_pages.h"
#include "mm/space_range.h"

/* One request: pages of `most` where they fit, the rest in pages of `least`. */
struct request {
    struct process *p;
    struct page_range r;
    struct area area;
    unsigned least, most;
};

/* GUARD and NOACCESS mean nothing for memory that never faults (inferred). */
static bool protect_fits(uint32_t protect)
{
    return space_protect_fits(protect, AREA_PRIVATE) && protect_bits(protect) != 0;
}

static uint32_t place(struct mm *mm, const struct request *q, va_t at, uint64_t page_count,
                      uint64_t *first)
{
    uint64_t align = pte_level_pages(page_count >= pte_level_pages(q->most) ? q->most : q->least);
    charge(mm->hw, COST_VAD, 1);
    if (at.v == 0)
        return areas_gap_aligned(q->p, page_count, align, space_user_range(mm), first)
                   ? ST_SUCCESS
                   : ST_NO_MEMORY;
    struct page_range r;
    if (!space_range(mm, at, page_count * PAGE_BYTES, &r)) return ST_INVALID_PARAMETER_2;
    if ((at.v >> PAGE_SHIFT_BITS) % pte_level_pages(q->least) != 0) return ST_INVALID_PARAMETER_2;
    *first = r.first;
    return areas_overlap(q->p, r) ? ST_CONFLICTING_ADDRESSES : ST_SUCCESS;
}

static bool map_block(struct mm *mm, const struct request *q, uint64_t page, unsigned level)
{
    uint64_t pages = pte_level_pages(level);
    va_t at = va(page << PAGE_SHIFT_BITS);
    pfn_t f;
    if (page % pages != 0 || pages > q->r.end - page) return false;
    if (!frames_take_block(mm, pages, pages, WANT_ZEROED, OWNER_PROCESS, 0, UINT64_MAX, UINT32_MAX,
                           &f))
        return false;
    if (!paging_reserve_large(mm->hw, &q->p->map, at, level)) {
        for (uint64_t i = 0; i < pages; i++) frame_give(mm, pfn(f.v + i));
        return false;
    }
    enum frame_cache cache = q->area.protect & PROT_NOCACHE        ? FRAME_NONCACHED
                             : q->area.protect & PROT_WRITECOMBINE ? FRAME_WRITE_COMBINED
                                                                   : FRAME_CACHED;
    for (uint64_t i = 0; i < pages; i++) frame_set_cache(mm, pfn(f.v + i), cache);
    if (paging_set_large(mm->hw, &q->p->map, at, level, f, space_bits(&q->area, false)))
        space_flush_page(mm, q->p, page);
    gauge_add(&q->p->private_frames, pages, hw_now(mm->hw));
    return true;
}

/* Maps all pages; returns the first that could not be. */
static uint64_t map_all(struct mm *mm, const struct request *q)
{
    for (uint64_t page = q->r.first; page < q->r.end;) {
        unsigned level = q->most;
        while (!map_block(mm, q, page, level))
            if (level-- == q->least) return page;
        page += pte_level_pages(level);
    }
    return q->r.end;
}

uint32_t space_reserve_large(struct mm *mm, struct process *p, va_t *at, uint64_t bytes,
                             uint32_t protect, unsigned least, unsigned most)
{
    struct request q = { .p = p, .least = least, .most = most };
    uint64_t page_count = bytes >> PAGE_SHIFT_BITS, first;
    CHECK2(page_count != 0 && page_count % pte_level_pages(least) == 0, bytes, least);
    CHECK2(LEVEL_PT < least && least <= most && most <= mm->hw->large_level, least, most);
    if (!protect_fits(protect)) return ST_INVALID_PAGE_PROTECTION;
    uint32_t status = place(mm, &q, *at, page_count, &first);
    if (status != ST_SUCCESS) return status;
    q.r = (struct page_range){ first, first + page_count };
    q.area = (struct area){ .first_page = first, .page_count = page_count, .base_page = first,
                            .protect = protect, .kind = AREA_PRIVATE, .committed = true,
                            .large_level = (uint8_t)least };
    uint64_t end = map_all(mm, &q);
    if (end != q.r.end) {
        space_pages_drop(mm, p, &q.area, (struct page_range){ first, end });
        return ST_INSUFFICIENT_RESOURCES;
    }
    charge(mm->hw, COST_VAD, 1);
    areas_insert(mm, p, &q.area);
    gauge_add(&p->committed_bytes, bytes, hw_now(mm->hw));
    *at = va(first << PAGE_SHIFT_BITS);
    return ST_SUCCESS;
}
