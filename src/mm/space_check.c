/* The invariants of address spaces. */
#include "base/check.h"
#include "mm/mm.h"
#include "mm/space_pages.h"
#include "mm/space_range.h"

/* What the entries of one process add up to. */
struct sums {
    uint64_t entries[LEVEL_PDPT + 1], present, own_frames, shared_frames, committed_pages;
};

static void check_entry(struct mm *mm, const struct area *a, uint64_t page, uint64_t entry,
                        struct sums *sums)
{
    CHECK2(a->committed, page, entry);
    if (a->kind == AREA_MDL) {
        CHECK2((entry & (PTE_PRESENT | PTE_USER)) == (PTE_PRESENT | PTE_USER), page, entry);
        return;
    }
    bool shared = space_section_frame(mm, a, page).v == pte_pfn(entry).v;
    uint64_t bits = space_bits(a, shared);
    uint64_t fixed = ~(PTE_ADDRESS | PTE_ACCESSED | PTE_DIRTY);
    CHECK2((entry & fixed) == (bits != 0 ? bits : PTE_RESIDENT), page, entry);
    CHECK2(frame_peek(mm, pte_pfn(entry)).shares >= (shared ? 2u : 1u), page, entry);
    sums->present += (entry & PTE_PRESENT) != 0 && a->large_level == 0;
    sums->shared_frames += shared;
    sums->own_frames += !shared;
}

static void check_entries(struct mm *mm, const struct process *p, const struct area *a,
                          struct sums *sums)
{
    uint64_t end = area_end(a);
    const struct page_map *map = &p->map;
    if (map->level[LEVEL_PT].entries.now + map->large[0].now + map->large[1].now == 0) return;
    for (uint64_t page = a->first_page; page < end;) {
        struct slots s = space_slots(mm, &p->map, page, end - page);
        for (uint64_t i = 0, n = slots_entries(&s); i < n; i++)
            sums->entries[s.level] += s.slot[i] != 0;
        for (uint64_t i = 0; s.slot != NULL && i < s.count; i++)
            if (slots_entry(&s, i) != 0) check_entry(mm, a, page + i, slots_entry(&s, i), sums);
        page += s.count;
    }
}

static void check_area(const struct mm *mm, const struct area *a)
{
    struct page_range user = space_user_range(mm);
    CHECK2(a->page_count != 0, a->first_page, a->page_count);
    CHECK2(a->first_page >= user.first && area_end(a) <= user.end, a->first_page, a->page_count);
    CHECK2(a->base_page <= a->first_page, a->base_page, a->first_page);
    CHECK2(a->kind == AREA_PRIVATE || a->committed, a->first_page, a->kind);
    CHECK2((a->kind == AREA_VIEW) == (a->section != 0), a->first_page, a->section);
    if (a->kind != AREA_VIEW) return;
    uint64_t pages = mm->sections[a->section - 1].page_count;
    CHECK2(a->section_page + a->page_count <= pages, a->first_page, a->section);
}

/* Neighbours do not overlap, do not share a state, and belong together when their base says so. */
static void check_order(const struct area *last, const struct area *a)
{
    if (last == NULL || last->base_page != a->base_page) {
        CHECK2(last == NULL || area_end(last) <= a->first_page, a->first_page, a->page_count);
        CHECK2(a->base_page == a->first_page, a->base_page, a->first_page);
        return;
    }
    CHECK2(area_end(last) == a->first_page, area_end(last), a->first_page);
    CHECK2(last->kind == a->kind && last->section == a->section && last->mdl == a->mdl, last->kind,
           a->kind);
    CHECK2(last->protect != a->protect || last->committed != a->committed, a->first_page,
           a->protect);
}

static void check_process(struct mm *mm, const struct process *p, struct sums *sums)
{
    const struct area *last = NULL;
    struct sums own = { 0 };
    for (size_t i = 0; i < p->area_count; i++) {
        const struct area *a = &p->areas[i];
        check_area(mm, a);
        check_order(last, a);
        check_entries(mm, p, a, &own);
        if (a->kind == AREA_PRIVATE && a->committed) own.committed_pages += a->page_count;
        last = a;
    }
    const struct page_map *map = &p->map;
    CHECK2(own.entries[LEVEL_PT] == map->level[LEVEL_PT].entries.now, own.entries[1], p->id);
    CHECK2(own.entries[LEVEL_PD] == map->large[0].now, own.entries[LEVEL_PD], p->id);
    CHECK2(own.entries[LEVEL_PDPT] == map->large[1].now, own.entries[LEVEL_PDPT], p->id);
    CHECK2(own.present * PAGE_BYTES == p->working_set.now, own.present, p->working_set.now);
    CHECK2(own.own_frames == p->private_frames.now, own.own_frames, p->private_frames.now);
    CHECK2(own.committed_pages * PAGE_BYTES == p->committed_bytes.now, own.committed_pages,
           p->committed_bytes.now);
    sums->shared_frames += own.shared_frames;
}

/* Shares of a section's frame: one of its own, and one for each page of a view that shows it. */
void space_check(struct mm *mm)
{
    struct sums sums = { 0 };
    uint64_t mapped = 0;
    for (size_t i = 0; i < mm->process_count; i++) check_process(mm, mm->processes[i], &sums);
    for (size_t i = 0; i < mm->section_count; i++) {
        const struct section *s = &mm->sections[i];
        for (uint64_t page = 0; s->frames != NULL && page < s->page_count; page++)
            if (s->frames[page] != 0) mapped += frame_peek(mm, pfn(s->frames[page] - 1)).shares - 1;
    }
    CHECK2(mapped == sums.shared_frames, mapped, sums.shared_frames);
}
