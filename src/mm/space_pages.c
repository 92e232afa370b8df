/* Page-table entries of user areas. */
#include "mm/space_pages.h"

#include "base/check.h"
#include "mm/mm.h"

enum { TABLE_PAGES = 512 };

static va_t page_va(uint64_t page)
{
    return va(page << PAGE_SHIFT_BITS);
}

struct slots space_slots(struct mm *mm, const struct page_map *map, uint64_t page,
                         uint64_t page_count)
{
    struct slots s = { .page = page, .level = LEVEL_PT };
    s.slot = paging_find(mm->hw, map, page_va(page), &s.level);
    uint64_t pages = s.level == LEVEL_PT ? TABLE_PAGES : pte_level_pages(s.level);
    uint64_t n = pages - page % pages;
    s.count = n < page_count ? n : page_count;
    return s;
}

pfn_t space_section_frame(const struct mm *mm, const struct area *a, uint64_t page)
{
    if (a->kind != AREA_VIEW) return PFN_NONE;
    const struct section *s = &mm->sections[a->section - 1];
    if (s->frames == NULL) return PFN_NONE;
    return pfn(s->frames[a->section_page + (page - a->first_page)] - 1);
}

uint64_t space_bits(const struct area *a, bool shared)
{
    uint64_t bits = protect_bits(a->protect);
    if (shared || (bits & PTE_COPY_ON_WRITE) == 0) return bits;
    return (bits & ~PTE_COPY_ON_WRITE) | PTE_WRITE;
}

static bool is_shared(const struct mm *mm, const struct area *a, uint64_t page, uint64_t entry)
{
    return space_section_frame(mm, a, page).v == pte_pfn(entry).v;
}

bool space_page_map(struct mm *mm, struct process *p, const struct area *a, uint64_t page, pfn_t f,
                    bool shared)
{
    struct hw *hw = mm->hw;
    if (paging_slot(hw, &p->map, page_va(page)) == NULL) return false;
    paging_set(hw, &p->map, page_va(page), pte_make(f, space_bits(a, shared)));
    gauge_add(&p->working_set, PAGE_BYTES, hw_now(hw));
    return true;
}

/* ---- TLB ---- */

void space_flush_page(struct mm *mm, struct process *p, uint64_t page)
{
    flush_begin(mm->hw, &p->map);
    flush_add(mm->hw, page_va(page), 1);
    flush_end(mm->hw);
}

static uint64_t entries_in(struct mm *mm, const struct process *p, struct page_range r)
{
    uint64_t count = 0;
    for (uint64_t page = r.first; page < r.end;) {
        struct slots s = space_slots(mm, &p->map, page, r.end - page);
        for (uint64_t i = 0, n = slots_entries(&s); i < n; i++) count += s.slot[i] != 0;
        page += s.count;
    }
    return count;
}

/* Whether the caller is to gather the pages that it changes and flush them. Otherwise there is
 * nothing to flush, or all of it was flushed here at once. Entries without access count too: the
 * tables that hold them may go, and paging-structure caches may name those. */
static bool flush_each(struct mm *mm, struct process *p, uint64_t entry_count)
{
    flush_begin(mm->hw, &p->map);
    if (entry_count <= mm->hw->flush_threshold_pages) return entry_count != 0;
    tlb_flush_map(mm->hw, &p->map);
    return false;
}

/* ---- ranges ---- */

static bool has_entries(const struct process *p)
{
    const struct page_map *map = &p->map;
    return map->level[LEVEL_PT].entries.now + map->large[0].now + map->large[1].now != 0;
}

static void protect_entry(struct mm *mm, struct process *p, const struct area *a, uint64_t page,
                          uint64_t entry)
{
    uint64_t bits = space_bits(a, is_shared(mm, a, page, entry));
    uint64_t kept = entry & (PTE_ACCESSED | PTE_DIRTY);
    uint64_t changed = pte_make(pte_pfn(entry), (bits != 0 ? bits : PTE_RESIDENT) | kept);
    if (changed == entry) return;
    bool was = (entry & PTE_PRESENT) != 0, is = (changed & PTE_PRESENT) != 0;
    paging_set(mm->hw, &p->map, page_va(page), changed);
    if (was) flush_add(mm->hw, page_va(page), 1);
    if (was && !is) gauge_sub(&p->working_set, PAGE_BYTES);
    if (!was && is) gauge_add(&p->working_set, PAGE_BYTES, hw_now(mm->hw));
}

void space_pages_protect(struct mm *mm, struct process *p, const struct area *a,
                         struct page_range r)
{
    if (!has_entries(p)) return;
    flush_begin(mm->hw, &p->map);
    for (uint64_t page = r.first; page < r.end;) {
        struct slots s = space_slots(mm, &p->map, page, r.end - page);
        CHECK2(s.level == LEVEL_PT, page, s.level); /* memory in large pages keeps its protection */
        for (uint64_t i = 0, n = slots_entries(&s); i < n; i++)
            if (s.slot[i] != 0) protect_entry(mm, p, a, page + i, s.slot[i]);
        page += s.count;
    }
    flush_end(mm->hw);
}

static void drop_entry(struct mm *mm, struct process *p, const struct area *a, uint64_t page,
                       uint64_t entry)
{
    if (a->kind == AREA_MDL) return; /* the frames are the MDL's */
    bool counts = (entry & PTE_PRESENT) != 0 && a->large_level == 0;
    if (counts) gauge_sub(&p->working_set, PAGE_BYTES);
    if (!is_shared(mm, a, page, entry)) gauge_sub(&p->private_frames, 1);
    frame_give(mm, pte_pfn(entry));
}

static uint64_t bytes_of(const struct slots *s)
{
    return s->level > LEVEL_PT ? pte_level_pages(s->level) * PAGE_BYTES : PAGE_BYTES;
}

/* One entry of the TLB serves all of a large page, and one INVLPG drops it (SDM 4.10.4.1). */
static void flush_entries(struct mm *mm, struct process *p, struct page_range r)
{
    for (uint64_t page = r.first; page < r.end;) {
        struct slots s = space_slots(mm, &p->map, page, r.end - page);
        for (uint64_t i = 0, n = slots_entries(&s); i < n; i++)
            if (s.slot[i] != 0) flush_add_pages(mm->hw, page_va(page + i), 1, bytes_of(&s));
        page += s.count;
    }
    flush_end(mm->hw);
}

void space_pages_drop(struct mm *mm, struct process *p, const struct area *a, struct page_range r)
{
    if (!has_entries(p)) return;
    if (flush_each(mm, p, entries_in(mm, p, r))) flush_entries(mm, p, r);
    for (uint64_t page = r.first; page < r.end;) {
        struct slots s = space_slots(mm, &p->map, page, r.end - page);
        for (uint64_t i = 0; i < s.count; i++)
            if (slots_entry(&s, i) != 0) drop_entry(mm, p, a, page + i, slots_entry(&s, i));
        page += s.count;
    }
    paging_clear_range(mm->hw, &p->map, page_va(r.first), r.end - r.first);
}
