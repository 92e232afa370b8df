/* The sorted array of a process's areas. */
#include "mm/space_areas.h"

#include "base/check.h"
#include "mm/mm.h"

#include <string.h>

/* Reservations begin at multiples of 64 KiB, the allocation granularity of Windows. */
enum { GRANULARITY_PAGES = 16 };

size_t areas_from(const struct process *p, uint64_t page)
{
    size_t low = 0, high = p->area_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (area_end(&p->areas[middle]) <= page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool areas_overlap(const struct process *p, struct page_range r)
{
    size_t i = areas_from(p, r.first);
    return i < p->area_count && p->areas[i].first_page < r.end;
}

struct page_range areas_reservation(const struct process *p, size_t index)
{
    uint64_t base = p->areas[index].base_page;
    size_t last = index;
    while (last + 1 < p->area_count && p->areas[last + 1].base_page == base) last++;
    return (struct page_range){ base, area_end(&p->areas[last]) };
}

bool areas_hold(const struct process *p, size_t index, struct page_range r)
{
    uint64_t base = p->areas[index].base_page;
    while (area_end(&p->areas[index]) < r.end) {
        index++;
        if (index == p->area_count || p->areas[index].base_page != base) return false;
    }
    return true;
}

static void insert_at(struct mm *mm, struct process *p, size_t index, const struct area *a)
{
    struct area copy = *a; /* it may be one of the array that grows */
    p->areas = mem_grow(mm->from, p->areas, &p->area_capacity, p->area_count + 1, sizeof *p->areas);
    memmove(&p->areas[index + 1], &p->areas[index], (p->area_count - index) * sizeof *p->areas);
    p->areas[index] = copy;
    p->area_count++;
}

static void remove_at(struct process *p, size_t from, size_t to)
{
    memmove(&p->areas[from], &p->areas[to], (p->area_count - to) * sizeof *p->areas);
    p->area_count -= to - from;
}

void areas_insert(struct mm *mm, struct process *p, const struct area *a)
{
    size_t i = areas_from(p, a->first_page);
    CHECK(i == p->area_count || p->areas[i].first_page >= area_end(a));
    insert_at(mm, p, i, a);
}

/* Makes an area begin at `page` when one holds it; the index of the first area from there on. */
static size_t split(struct mm *mm, struct process *p, uint64_t page)
{
    size_t i = areas_from(p, page);
    if (i == p->area_count || p->areas[i].first_page >= page) return i;
    struct area upper = p->areas[i];
    uint64_t below = page - upper.first_page;
    upper.first_page = page;
    upper.page_count -= below;
    if (upper.kind == AREA_VIEW) upper.section_page += below;
    p->areas[i].page_count = below;
    insert_at(mm, p, i + 1, &upper);
    return i + 1;
}

static bool same_state(const struct area *a, const struct area *b)
{
    return a->base_page == b->base_page && a->kind == b->kind && a->protect == b->protect &&
           a->committed == b->committed && a->large_level == b->large_level &&
           a->section == b->section && a->mdl == b->mdl;
}

/* Merges equal neighbours among areas[from - 1] to areas[to]. */
static void merge(struct process *p, size_t from, size_t to)
{
    size_t kept = from > 0 ? from - 1 : 0;
    size_t end = to < p->area_count ? to + 1 : p->area_count;
    for (size_t i = kept + 1; i < end; i++) {
        struct area *last = &p->areas[kept];
        if (same_state(last, &p->areas[i]))
            last->page_count += p->areas[i].page_count;
        else
            p->areas[++kept] = p->areas[i];
    }
    if (kept + 1 < end) remove_at(p, kept + 1, end);
}

void areas_remove(struct mm *mm, struct process *p, struct page_range r)
{
    size_t from = split(mm, p, r.first);
    size_t to = split(mm, p, r.end);
    remove_at(p, from, to);
}

const struct area *areas_set(struct mm *mm, struct process *p, struct page_range r, bool committed,
                             uint32_t protect)
{
    size_t from = split(mm, p, r.first);
    size_t to = split(mm, p, r.end);
    for (size_t i = from; i < to; i++) {
        p->areas[i].committed = committed;
        p->areas[i].protect = protect;
    }
    merge(p, from, to);
    return &p->areas[areas_from(p, r.first)];
}

void areas_rebase(struct process *p, uint64_t from, uint64_t to)
{
    for (size_t i = areas_from(p, to); i < p->area_count && p->areas[i].base_page == from; i++)
        p->areas[i].base_page = to;
}

uint64_t areas_committed(const struct process *p, struct page_range r)
{
    uint64_t pages = 0;
    for (size_t i = areas_from(p, r.first); i < p->area_count && p->areas[i].first_page < r.end;
         i++) {
        const struct area *a = &p->areas[i];
        if (!a->committed || a->kind != AREA_PRIVATE) continue;
        uint64_t first = a->first_page > r.first ? a->first_page : r.first;
        uint64_t end = area_end(a) < r.end ? area_end(a) : r.end;
        pages += end - first;
    }
    return pages;
}

static uint64_t align_up(uint64_t page, uint64_t align_pages)
{
    return (page + align_pages - 1) / align_pages * align_pages;
}

bool areas_gap_aligned(const struct process *p, uint64_t page_count, uint64_t align_pages,
                       struct page_range r, uint64_t *start)
{
    uint64_t at = align_up(r.first, align_pages);
    for (size_t i = areas_from(p, at); i < p->area_count; i++) {
        const struct area *a = &p->areas[i];
        if (a->first_page > at && a->first_page - at >= page_count) break;
        at = align_up(area_end(a), align_pages);
    }
    if (at >= r.end || r.end - at < page_count) return false;
    *start = at;
    return true;
}

static bool gap_highest(const struct process *p, uint64_t page_count, struct page_range r,
                        uint64_t *start)
{
    uint64_t end = r.end;
    for (size_t i = p->area_count; i-- > 0;) {
        const struct area *a = &p->areas[i];
        if (a->first_page >= end) continue;
        uint64_t at =
            end < page_count ? 0 : (end - page_count) / GRANULARITY_PAGES * GRANULARITY_PAGES;
        if (at >= area_end(a)) break;
        end = a->first_page;
    }
    if (end < page_count) return false;
    *start = (end - page_count) / GRANULARITY_PAGES * GRANULARITY_PAGES;
    return *start >= r.first;
}

bool areas_gap(const struct process *p, uint64_t page_count, struct page_range r, bool highest,
               uint64_t *start)
{
    return highest ? gap_highest(p, page_count, r, start)
                   : areas_gap_aligned(p, page_count, GRANULARITY_PAGES, r, start);
}
