/* What is mapped into user space: views of sections, and MDLs. */
#include "base/check.h"
#include "mm/mm.h"
#include "mm/space_pages.h"
#include "mm/space_range.h"

enum { USER_GUARD_BYTES = 0x10000 };

uint32_t section_new(struct mm *mm, uint64_t page_count)
{
    mm->sections = mem_grow(mm->from, mm->sections, &mm->section_capacity, mm->section_count + 1,
                            sizeof *mm->sections);
    mm->sections[mm->section_count++] = (struct section){ .page_count = page_count };
    return (uint32_t)mm->section_count;
}

uint32_t space_map_view(struct mm *mm, struct process *p, va_t *at, uint64_t bytes,
                        uint32_t section, uint32_t protect)
{
    CHECK2(section >= 1 && section <= mm->section_count, section, mm->section_count);
    if (!space_protect_fits(protect, AREA_VIEW)) return ST_INVALID_PAGE_PROTECTION;
    uint64_t section_bytes = mm->sections[section - 1].page_count * PAGE_BYTES;
    if (bytes == 0) bytes = section_bytes;
    if (bytes > section_bytes) return ST_INVALID_PARAMETER_4;
    struct page_range r = { 0, span_pages(0, bytes) };
    if (at->v != 0 && (!space_range(mm, *at, bytes, &r) || va_offset(*at) != 0))
        return ST_INVALID_PARAMETER_3;
    if (at->v != 0 && r.first < space_user_range(mm).first) return ST_INVALID_PARAMETER_3;
    uint64_t first;
    uint32_t status = space_place(mm, p, r.first, r.end - r.first, false, &first);
    if (status != ST_SUCCESS) return status;
    struct area a = { .first_page = first,
                      .page_count = r.end - r.first,
                      .base_page = first,
                      .protect = protect,
                      .section = section,
                      .kind = AREA_VIEW,
                      .committed = true };
    charge(mm->hw, COST_VAD, 1);
    areas_insert(mm, p, &a);
    *at = va(first * PAGE_BYTES);
    return ST_SUCCESS;
}

/* ---- MDLs ---- */

/* The last 64 KiB of the user range stay free (facts: implementations.md 3.8). */
static bool is_mappable(const struct mm *mm, va_t requested, uint64_t page_count)
{
    uint64_t bytes, end;
    if (va_offset(requested) != 0 || requested.v < space_user_range(mm).first * PAGE_BYTES)
        return false;
    if (!mul_fits(page_count, PAGE_BYTES, &bytes) || !add_fits(requested.v, bytes, &end))
        return false;
    return end <= mm->config->highest_user.v + 1 - USER_GUARD_BYTES;
}

static uint32_t protect_of_bits(uint64_t bits)
{
    bool writes = (bits & PTE_WRITE) != 0, executes = (bits & PTE_NO_EXECUTE) == 0;
    if (executes) return writes ? PROT_EXECUTE_READWRITE : PROT_EXECUTE_READ;
    return writes ? PROT_READWRITE : PROT_READONLY;
}

uint32_t space_map_mdl(struct mm *mm, struct process *p, va_t requested, const uint64_t *frames,
                       uint64_t page_count, uint64_t bits, unsigned level, uint64_t align_pages,
                       uint32_t mdl, va_t *out)
{
    CHECK(page_count != 0);
    uint64_t first;
    struct hw *hw = mm->hw;
    if (requested.v != 0 && !is_mappable(mm, requested, page_count)) return ST_INVALID_ADDRESS;
    uint32_t status = space_place(mm, p, requested.v / PAGE_BYTES, page_count, false, &first);
    if (status != ST_SUCCESS) return status;
    if (requested.v == 0 && align_pages > 1)
        areas_gap_aligned(p, page_count, align_pages, space_user_range(mm), &first);
    va_t at = va(first * PAGE_BYTES);
    if (!paging_reserve_frames(hw, &p->map, at, frames, page_count, level))
        return ST_INSUFFICIENT_RESOURCES;
    struct area a = { .first_page = first,
                      .page_count = page_count,
                      .base_page = first,
                      .protect = protect_of_bits(bits),
                      .mdl = mdl,
                      .kind = AREA_MDL,
                      .committed = true };
    charge(mm->hw, COST_VAD, 1);
    areas_insert(mm, p, &a);
    bits |= PTE_PRESENT | PTE_USER;
    if (paging_map_frames(hw, &p->map, at, frames, page_count, bits, level))
        space_flush_page(mm, p, first);
    *out = at;
    return ST_SUCCESS;
}

bool space_unmap_mdl(struct mm *mm, struct process *p, va_t at, uint32_t mdl)
{
    charge(mm->hw, COST_VAD, 1);
    const struct area *a = space_area_at(p, at);
    if (a == NULL || a->kind != AREA_MDL || a->mdl != mdl || a->first_page != at.v / PAGE_BYTES)
        return false;
    struct page_range r = { a->first_page, area_end(a) };
    space_pages_drop(mm, p, a, r);
    charge(mm->hw, COST_VAD, 1);
    areas_remove(mm, p, r);
    return true;
}
