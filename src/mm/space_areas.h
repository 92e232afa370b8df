/* The sorted array of a process's areas: searching, splitting, merging. For the files of mm/space
 * alone; nothing here charges or touches page tables. */
#pragma once

#include "mm/space.h"

/* Virtual pages [first, end) of one process. */
struct page_range {
    uint64_t first, end;
};

static inline uint64_t area_end(const struct area *a)
{
    return a->first_page + a->page_count;
}

/* Index of the area that holds the page, else of the first one above it (area_count: none). */
size_t areas_from(const struct process *p, uint64_t page);
bool areas_overlap(const struct process *p, struct page_range r);
/* The pages of the reservation that areas[index] belongs to. */
struct page_range areas_reservation(const struct process *p, size_t index);
/* areas[index] holds r.first: whether its reservation holds all of r. */
bool areas_hold(const struct process *p, size_t index, struct page_range r);
void areas_insert(struct mm *mm, struct process *p, const struct area *a); /* overlaps nothing */
/* Removes all areas of r and cuts those that reach beyond it. */
void areas_remove(struct mm *mm, struct process *p, struct page_range r);
/* Gives all pages of r, which are of one reservation, the same state. Afterwards one area holds
 * them, which is returned (valid until the next change). */
const struct area *areas_set(struct mm *mm, struct process *p, struct page_range r, bool committed,
                             uint32_t protect);
/* The pages of areas with this base belong to `to` from now on. */
void areas_rebase(struct process *p, uint64_t from, uint64_t to);
/* Pages of private memory in r that are committed. */
uint64_t areas_committed(const struct process *p, struct page_range r);
/* The lowest (highest) start of page_count >= 1 free pages in r at a multiple of 64 KiB. False:
 * none. */
bool areas_gap_aligned(const struct process *p, uint64_t page_count, uint64_t align_pages,
                       struct page_range r, uint64_t *start); /* the lowest */
bool areas_gap(const struct process *p, uint64_t page_count, struct page_range r, bool highest,
               uint64_t *start);
