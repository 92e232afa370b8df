/* Checks that the operations on address spaces share. For the files of mm/space alone. */
#pragma once

#include "mm/space_areas.h"

/* The pages that [at, at + bytes) touches; false when it is empty, wraps or leaves the user range.
 */
bool space_range(const struct mm *mm, va_t at, uint64_t bytes, struct page_range *out);
/* All user pages: 0x10000 to MmHighestUserAddress. */
struct page_range space_user_range(const struct mm *mm);
/* Private memory has no PAGE_WRITECOPY and PAGE_EXECUTE_WRITECOPY. */
bool space_protect_fits(uint32_t protect, enum area_kind kind);
/* Whether every promise of MmSecureVirtualMemory about r allows the protection, or giving pages
 * back. */
bool space_may_protect(const struct mm *mm, const struct process *p, struct page_range r,
                       uint32_t protect);
bool space_may_free(const struct mm *mm, const struct process *p, struct page_range r);
/* areas[index] holds r.first and its reservation all of r: whether all pages are committed. */
bool space_is_committed(const struct process *p, size_t index, struct page_range r);
/* Where a new reservation of page_count pages goes: `wanted` when it is not 0, else the lowest or
 * highest gap. ST_SUCCESS, ST_CONFLICTING_ADDRESSES or ST_NO_MEMORY. Charges the search. */
uint32_t space_place(struct mm *mm, const struct process *p, uint64_t wanted, uint64_t page_count,
                     bool highest, uint64_t *first_page);
