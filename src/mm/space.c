/* Processes; reserving, committing and freeing user memory. */
#include "mm/space.h"

#include "base/check.h"
#include "mm/mm.h"
#include "mm/space_pages.h"
#include "mm/space_range.h"

enum { EPROCESS_BYTES = 0xB80, GRANULARITY_BYTES = 0x10000, USER_FIRST = 0x10000 };

/* ---- processes ---- */

struct process *process_new(struct mm *mm, const char *name)
{
    struct process *p = mem_new(mm->from, 1, sizeof *p);
    p->id = (uint32_t)mm->process_count + 1;
    p->name = name;
    if (!paging_init(mm->hw, &p->map, p->id)) {
        mem_free(mm->from, p, 1, sizeof *p);
        return NULL;
    }
    p->object = mm_new_object(mm, EPROCESS_BYTES);
    mm->processes = mem_grow(mm->from, mm->processes, &mm->process_capacity, mm->process_count + 1,
                             sizeof(struct process *));
    mm->processes[mm->process_count++] = p;
    return p;
}

struct process *process_at(struct mm *mm, uint32_t id)
{
    return id == 0 || id > mm->process_count ? NULL : mm->processes[id - 1];
}

void spaces_free(struct mm *mm)
{
    for (size_t i = 0; i < mm->process_count; i++) {
        struct process *p = mm->processes[i];
        mem_free(mm->from, p->areas, p->area_capacity, sizeof *p->areas);
        lock_free(&p->lock, mm->from);
        mem_free(mm->from, p, 1, sizeof *p);
    }
    mem_free(mm->from, mm->processes, mm->process_capacity, sizeof(struct process *));
    for (size_t i = 0; i < mm->section_count; i++) {
        struct section *s = &mm->sections[i];
        mem_free(mm->from, s->frames, s->page_count, sizeof *s->frames);
    }
    mem_free(mm->from, mm->sections, mm->section_capacity, sizeof *mm->sections);
    mm->processes = NULL;
    mm->sections = NULL;
    mm->process_count = mm->process_capacity = mm->section_count = mm->section_capacity = 0;
}

/* ---- ranges ---- */

struct page_range space_user_range(const struct mm *mm)
{
    return (struct page_range){ USER_FIRST / PAGE_BYTES,
                                (mm->config->highest_user.v + 1) / PAGE_BYTES };
}

bool space_range(const struct mm *mm, va_t at, uint64_t bytes, struct page_range *out)
{
    uint64_t end;
    if (bytes == 0 || !add_fits(at.v, bytes, &end)) return false;
    if (end - 1 > mm->config->highest_user.v) return false;
    *out = (struct page_range){ at.v / PAGE_BYTES, (end - 1) / PAGE_BYTES + 1 };
    return true;
}

const struct area *space_area_at(const struct process *p, va_t at)
{
    uint64_t page = at.v / PAGE_BYTES;
    size_t i = areas_from(p, page);
    return i < p->area_count && p->areas[i].first_page <= page ? &p->areas[i] : NULL;
}

uint32_t space_place(struct mm *mm, const struct process *p, uint64_t wanted, uint64_t page_count,
                     bool highest, uint64_t *first_page)
{
    charge(mm->hw, COST_VAD, 1);
    *first_page = wanted;
    if (wanted == 0)
        return areas_gap(p, page_count, space_user_range(mm), highest, first_page) ? ST_SUCCESS
                                                                                   : ST_NO_MEMORY;
    struct page_range r = { wanted, wanted + page_count };
    return areas_overlap(p, r) ? ST_CONFLICTING_ADDRESSES : ST_SUCCESS;
}

/* ---- reserving ---- */

/* A given address goes down to the allocation granularity, the end up to a page. Statuses inferred:
 * the second parameter is the address, and a range that wraps or leaves the user range is counted
 * as its fault; without an address a size that fits nowhere is just too large. */
static uint32_t reserve_range(const struct mm *mm, va_t at, uint64_t bytes, struct page_range *out)
{
    if (bytes == 0) return ST_INVALID_PARAMETER_4;
    if (at.v == 0) {
        if (bytes > mm->config->highest_user.v) return ST_NO_MEMORY;
        *out = (struct page_range){ 0, span_pages(0, bytes) };
        return ST_SUCCESS;
    }
    if (!space_range(mm, at, bytes, out) || at.v < USER_FIRST) return ST_INVALID_PARAMETER_2;
    out->first = (at.v & ~(uint64_t)(GRANULARITY_BYTES - 1)) / PAGE_BYTES;
    return ST_SUCCESS;
}

/* The protection of pages that are not committed means nothing; kept the same, they are one area.
 */
static uint32_t kept_protect(bool committed, uint32_t protect)
{
    return committed ? protect : (uint32_t)PROT_NOACCESS;
}

uint32_t space_reserve(struct mm *mm, struct process *p, va_t *at, uint64_t *bytes,
                       uint32_t protect, bool commit, bool top_down)
{
    struct page_range r;
    if (!space_protect_fits(protect, AREA_PRIVATE)) return ST_INVALID_PAGE_PROTECTION;
    uint32_t status = reserve_range(mm, *at, *bytes, &r);
    if (status != ST_SUCCESS) return status;
    uint64_t page_count = r.end - r.first, first;
    status = space_place(mm, p, r.first, page_count, top_down, &first);
    if (status != ST_SUCCESS) return status;
    struct area a = { .first_page = first,
                      .page_count = page_count,
                      .base_page = first,
                      .protect = kept_protect(commit, protect),
                      .kind = AREA_PRIVATE,
                      .committed = commit };
    charge(mm->hw, COST_VAD, 1);
    areas_insert(mm, p, &a);
    if (commit) gauge_add(&p->committed_bytes, page_count * PAGE_BYTES, hw_now(mm->hw));
    *at = va(first * PAGE_BYTES);
    *bytes = page_count * PAGE_BYTES;
    return ST_SUCCESS;
}

const struct area *space_back_page(struct mm *mm, struct process *p, va_t at, uint32_t protect)
{
    uint64_t page = at.v / PAGE_BYTES, block = page & ~(uint64_t)15;
    struct page_range r = { block, block + 16 };
    if (areas_overlap(p, r) || va(r.end * PAGE_BYTES - 1).v > mm->config->highest_user.v)
        r = (struct page_range){ page, page + 1 };
    CHECK(!areas_overlap(p, r));
    struct area a = { .first_page = r.first, .page_count = r.end - r.first, .base_page = r.first,
                      .protect = protect, .kind = AREA_PRIVATE, .committed = true };
    areas_insert(mm, p, &a);
    gauge_add(&p->committed_bytes, a.page_count * PAGE_BYTES, hw_now(mm->hw));
    return space_area_at(p, at);
}

/* ---- committing ---- */

/* Committing pages of a view: inferred; they are committed with their section. */
static uint32_t check_commit(const struct mm *mm, const struct process *p, struct page_range r,
                             size_t index, uint32_t protect)
{
    if (index == p->area_count || p->areas[index].first_page > r.first || !areas_hold(p, index, r))
        return ST_CONFLICTING_ADDRESSES;
    if (p->areas[index].kind == AREA_MDL || p->areas[index].large_level != 0)
        return ST_CONFLICTING_ADDRESSES;
    if (p->areas[index].kind == AREA_VIEW) return ST_ALREADY_COMMITTED;
    return space_may_protect(mm, p, r, protect) ? ST_SUCCESS : ST_INVALID_PAGE_PROTECTION;
}

uint32_t space_commit(struct mm *mm, struct process *p, va_t at, uint64_t bytes, uint32_t protect)
{
    struct page_range r;
    if (!space_protect_fits(protect, AREA_PRIVATE)) return ST_INVALID_PAGE_PROTECTION;
    if (bytes == 0) return ST_INVALID_PARAMETER_4;
    if (!space_range(mm, at, bytes, &r)) return ST_INVALID_PARAMETER_2;
    charge(mm->hw, COST_VAD, 1);
    uint32_t status = check_commit(mm, p, r, areas_from(p, r.first), protect);
    if (status != ST_SUCCESS) return status;
    uint64_t committed = areas_committed(p, r);
    uint64_t fresh = r.end - r.first - committed;
    charge(mm->hw, COST_VAD, 1);
    const struct area *a = areas_set(mm, p, r, true, protect);
    gauge_add(&p->committed_bytes, fresh * PAGE_BYTES, hw_now(mm->hw));
    if (committed != 0) space_pages_protect(mm, p, a, r);
    return ST_SUCCESS;
}

/* ---- freeing ---- */

/* What NtFreeVirtualMemory checks for both of its operations. bytes == 0 is the whole reservation,
 * from its base alone. The order is inferred. */
static uint32_t check_free(struct mm *mm, const struct process *p, va_t at, uint64_t bytes,
                           bool from_base, struct page_range *r)
{
    if (!space_range(mm, at, bytes == 0 ? 1 : bytes, r))
        return at.v > mm->config->highest_user.v ? ST_INVALID_PARAMETER_2 : ST_INVALID_PARAMETER_3;
    charge(mm->hw, COST_VAD, 1);
    size_t index = areas_from(p, r->first);
    if (index == p->area_count || p->areas[index].first_page > r->first)
        return ST_MEMORY_NOT_ALLOCATED;
    struct page_range whole = areas_reservation(p, index);
    if (r->end > whole.end) return ST_UNABLE_TO_FREE_VM;
    if (p->areas[index].kind != AREA_PRIVATE) return ST_UNABLE_TO_DELETE_SECTION;
    if ((from_base || bytes == 0) && r->first != whole.first) return ST_FREE_VM_NOT_AT_BASE;
    if (bytes == 0) *r = whole;
    if (p->areas[index].large_level != 0 &&
        (!from_base || r->first != whole.first || r->end != whole.end))
        return ST_UNABLE_TO_FREE_VM;
    return space_may_free(mm, p, *r) ? ST_SUCCESS : ST_INVALID_PAGE_PROTECTION;
}

/* Gives the frames of r back; its pages are private memory of one reservation. */
static void drop_range(struct mm *mm, struct process *p, struct page_range r)
{
    space_pages_drop(mm, p, &p->areas[areas_from(p, r.first)], r);
    gauge_sub(&p->committed_bytes, areas_committed(p, r) * PAGE_BYTES);
    charge(mm->hw, COST_VAD, 1);
}

uint32_t space_decommit(struct mm *mm, struct process *p, va_t at, uint64_t bytes)
{
    struct page_range r;
    uint32_t status = check_free(mm, p, at, bytes, false, &r);
    if (status != ST_SUCCESS) return status;
    drop_range(mm, p, r);
    areas_set(mm, p, r, false, kept_protect(false, 0));
    return ST_SUCCESS;
}

uint32_t space_release(struct mm *mm, struct process *p, va_t *at, uint64_t *bytes)
{
    struct page_range r;
    uint32_t status = check_free(mm, p, *at, *bytes, true, &r);
    if (status != ST_SUCCESS) return status;
    drop_range(mm, p, r);
    areas_remove(mm, p, r);
    areas_rebase(p, r.first, r.end); /* what is left is a reservation of its own */
    *at = va(r.first * PAGE_BYTES);
    *bytes = (r.end - r.first) * PAGE_BYTES;
    return ST_SUCCESS;
}
