/* Page-table entries of user areas. For the files of mm/space and for those of mm that look at
 * entries in a row.
 *
 * An entry is one of: 0 (never touched, or given back); present (PTE_PRESENT); resident without
 * access (PTE_RESIDENT, PTE_PRESENT clear): the protection became PAGE_NOACCESS or PAGE_GUARD while
 * the page had contents, so the frame's address stays in the entry and a later protection makes it
 * present again. The accessed and dirty bits are kept in both forms. */
#pragma once

#include "mm/space_areas.h"

#define PTE_RESIDENT                                                                               \
    ((uint64_t)1 << 11) /* ignored by the processor in an entry that is not present */

/* Consecutive pages from `page` on whose entries lie in a row: those of one page table, or the part
 * of one large page. */
struct slots {
    uint64_t page, count; /* at most as many as asked for */
    uint64_t *slot;       /* NULL: there is no table */
    unsigned level;
};
struct slots space_slots(struct mm *mm, const struct page_map *map, uint64_t page,
                         uint64_t page_count);
/* The entry of page i < count, as a 4 KiB entry. */
static inline uint64_t slots_entry(const struct slots *s, uint64_t i)
{
    if (s->slot == NULL) return 0;
    if (s->level == LEVEL_PT) return s->slot[i];
    return pte_as_small(*s->slot, s->level, va((s->page + i) << PAGE_SHIFT_BITS));
}
/* Entries in them: a large page has one. */
static inline uint64_t slots_entries(const struct slots *s)
{
    return s->slot == NULL ? 0 : s->level == LEVEL_PT ? s->count : 1;
}
/* The frame that the section shows at this page of a view, PFN_NONE when it was not yet touched. */
pfn_t space_section_frame(const struct mm *mm, const struct area *a, uint64_t page);
/* Bits of the entry of a page of the area: `shared` when its frame is the section's, so that a
 * copy-on-write protection still has its copy to make. 0 when no access is permitted. */
uint64_t space_bits(const struct area *a, bool shared);
/* Adds a mapping of the frame: entry, working set. False when no frame is free for a page table. */
bool space_page_map(struct mm *mm, struct process *p, const struct area *a, uint64_t page, pfn_t f,
                    bool shared);
/* Entries of r, which lies in `a`, get the bits of its protection; present ones are flushed. */
void space_pages_protect(struct mm *mm, struct process *p, const struct area *a,
                         struct page_range r);
/* Clears the entries of r, which lies in `a`, flushes them and gives their frames back. */
void space_pages_drop(struct mm *mm, struct process *p, const struct area *a, struct page_range r);
/* INVLPG when the process is the one whose tables the processor uses; other processes have no
 * entries in the TLB, since loading CR3 drops them. */
void space_flush_page(struct mm *mm, struct process *p, uint64_t page);
