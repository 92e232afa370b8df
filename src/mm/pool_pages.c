/* Pages of the pools, and their places for small blocks. */
#include "mm/pool_pages.h"

#include "base/check.h"
#include "mm/mm.h"
#include "mm/space_pages.h"

enum { TABLE_PAGES = 512, CLASSES_NX = POOL_CLASSES / 2 };

/* ---- runs of pages ---- */

/* What is known of blocks freed on these pages ends: their addresses are used again. */
static void ghosts_drop(struct mm *mm, enum pool_kind kind, uint64_t index, uint64_t count)
{
    struct pools *pools = &mm->pools;
    struct pool *pool = &pools->pool[kind];
    struct run run;
    while (runs_at_or_after(&pool->ghosts, index, &run) && run.start < index + count) {
        uint64_t ghost = run.start > index ? run.start : index;
        va_t at = pool_page_address(pool, ghost);
        uint64_t small = map_at(&pools->page_at, at.v >> PAGE_SHIFT_BITS);
        if (small != 0) pool_page_free(mm, (struct pool_page *)(uintptr_t)small);
        else pool_slot_forget(mm, (uint32_t)(map_at(&pools->by_address, at.v) - 1));
        runs_remove(&pool->ghosts, ghost, 1);
    }
}

/* Big blocks of nonpaged pool are mapped in pages of 2 MiB where the scenario says so; the pool's
 * base is a multiple of them. */
static bool is_large(const struct mm *mm, uint64_t count)
{
    return mm->config->large_pages && count >= TABLE_PAGES;
}

/* Frames for a run of whole large pages, each from one block; false when blocks are missing, and
 * none is taken then. */
static bool blocks_take(struct mm *mm, enum frame_want want, uint64_t count, uint64_t *out)
{
    const uint64_t pages = pte_level_pages(LEVEL_PD);
    for (uint64_t done = 0; done < count; done += pages) {
        pfn_t block;
        if (!frames_take_block(mm, pages, pages, want, OWNER_POOL, 0, UINT64_MAX, UINT32_MAX,
                               &block)) {
            for (uint64_t i = 0; i < done; i++) frame_give(mm, pfn(out[i]));
            return false;
        }
        for (uint64_t i = 0; i < pages; i++) out[done + i] = block.v + i;
    }
    return true;
}

/* The frames of a run: blocks for the part in large pages, then the rest. */
static void frames_get(struct mm *mm, enum frame_want want, uint64_t count, unsigned *level,
                       uint64_t *out)
{
    uint64_t large = *level > LEVEL_PT ? count & ~(pte_level_pages(LEVEL_PD) - 1) : 0;
    if (large > 0 && !blocks_take(mm, want, large, out)) large = 0;
    if (large == 0) *level = LEVEL_PT;
    uint64_t got = frames_take(mm, count - large, want, OWNER_POOL, 0, UINT64_MAX, UINT32_MAX,
                               false, out + large);
    CHECK2(large + got == count, got, count);
}

static bool frames_back(struct mm *mm, const struct pool_request *request, va_t at, uint64_t count)
{
    struct pools *pools = &mm->pools;
    struct hw *hw = mm->hw;
    bool large = is_large(mm, count); /* then the frames decide which tables there are to be */
    unsigned level = large ? LEVEL_PD : LEVEL_PT;
    if (!large && !paging_reserve(hw, &hw->system, at, count)) return false;
    if (frames_available(mm) < count) return false;
    pools->scratch = mem_grow(mm->from, pools->scratch, &pools->scratch_capacity, (size_t)count,
                              sizeof *pools->scratch);
    enum frame_want want = request->zeroed ? WANT_ZEROED : WANT_ANY;
    frames_get(mm, want, count, &level, pools->scratch);
    if (large && !paging_reserve_frames(hw, &hw->system, at, pools->scratch, count, level)) {
        for (uint64_t i = 0; i < count; i++) frame_give(mm, pfn(pools->scratch[i]));
        return false;
    }
    for (uint64_t i = 0; i < count; i++)
        frame_set_cache(mm, pfn(pools->scratch[i]), FRAME_CACHED);
    uint64_t bits = PTE_PRESENT | PTE_WRITE | PTE_GLOBAL | pte_cache_bits(PTE_CACHED) |
                    (request->executable ? 0 : PTE_NO_EXECUTE);
    if (paging_map_frames(hw, &hw->system, at, pools->scratch, count, bits, level))
        tlb_flush_tables(hw, at);
    return true;
}

/* With the pool's lock, which is part of the price. */
static bool take_pages(struct mm *mm, const struct pool_request *request, uint64_t count,
                       uint64_t *index)
{
    struct pool *pool = &mm->pools.pool[request->kind];
    charge(mm->hw, COST_POOL_PAGE, 1);
    uint64_t align = request->kind == POOL_NONPAGED && is_large(mm, count) ? TABLE_PAGES : 1;
    const struct runs *free = &pool->free_pages;
    if (!(align > 1 && runs_first_fit(free, count, 0, UINT64_MAX - 1, align, index)) &&
        !runs_first_fit(free, count, 0, UINT64_MAX - 1, 1, index))
        return false;
    va_t at = pool_page_address(pool, *index);
    if (request->kind == POOL_NONPAGED && !frames_back(mm, request, at, count)) return false;
    runs_remove(&pool->free_pages, *index, count);
    pool->pages_in_use += count;
    ghosts_drop(mm, request->kind, *index, count);
    return true;
}

bool pool_pages_take(struct mm *mm, const struct pool_request *request, uint64_t count,
                     uint64_t *index)
{
    struct lock *lock = &mm->pools.pool[request->kind].lock;
    lock_enter_free(mm, LOCK_POOL, lock);
    bool fine = take_pages(mm, request, count, index);
    lock_leave(mm, LOCK_POOL, lock);
    return fine;
}

/* Collects the frames behind a range of pages in scratch; returns how many. */
static uint64_t frames_collect(struct mm *mm, va_t at, uint64_t count)
{
    struct pools *pools = &mm->pools;
    uint64_t found = 0;
    uint64_t first = at.v >> PAGE_SHIFT_BITS;
    for (uint64_t done = 0; done < count;) {
        struct slots s = space_slots(mm, &mm->hw->system, first + done, count - done);
        done += s.count;
        if (s.slot == NULL) continue;
        pools->scratch = mem_grow(mm->from, pools->scratch, &pools->scratch_capacity,
                                  (size_t)(found + s.count), sizeof *pools->scratch);
        for (uint64_t i = 0; i < s.count; i++) {
            uint64_t entry = slots_entry(&s, i);
            if (entry & PTE_PRESENT) pools->scratch[found++] = pte_pfn(entry).v;
        }
    }
    return found;
}

void pool_pages_give(struct mm *mm, enum pool_kind kind, uint64_t index, uint64_t count)
{
    struct pools *pools = &mm->pools;
    struct pool *pool = &pools->pool[kind];
    va_t at = pool_page_address(pool, index);
    uint64_t found = frames_collect(mm, at, count);
    if (found > 0) {
        flush_begin(mm->hw, &mm->hw->system);
        flush_add_mapped(mm->hw, at, count);
        paging_clear_range(mm->hw, &mm->hw->system, at, count);
        flush_end(mm->hw);
        for (uint64_t i = 0; i < found; i++) frame_give(mm, pfn(pools->scratch[i]));
    }
    lock_enter_free(mm, LOCK_POOL, &pool->lock);
    runs_add(&pool->free_pages, index, count);
    pool->pages_in_use -= count;
    lock_leave(mm, LOCK_POOL, &pool->lock);
}

/* ---- small blocks ---- */

uint64_t pool_unit_bytes(const struct mm *mm)
{
    return mm->config->is_64_bit ? 16 : 8;
}

uint64_t pool_small_max_bytes(const struct mm *mm)
{
    return PAGE_BYTES - 4 * (mm->config->is_64_bit ? 8u : 4u);
}

/* By size in units; pages that may hold code are pages of their own. */
static uint32_t class_of(const struct mm *mm, const struct pool_request *request)
{
    uint64_t unit = pool_unit_bytes(mm), units = (request->bytes + unit - 1) / unit;
    CHECK2(units < CLASSES_NX, request->bytes, units);
    return (uint32_t)units + (request->executable ? CLASSES_NX : 0);
}

struct pool_page *pool_small_page_at(const struct mm *mm, va_t at)
{
    uint64_t found = map_at(&mm->pools.page_at, at.v >> PAGE_SHIFT_BITS);
    struct pool_page *page = (struct pool_page *)(uintptr_t)found;
    return page != NULL && page->in_use ? page : NULL;
}

va_t pool_place_address(const struct mm *mm, const struct pool_page *page, uint32_t place)
{
    va_t at = pool_page_address(&mm->pools.pool[page->kind], page->index);
    return va_add(at, (uint64_t)place * page->stride_bytes + pool_unit_bytes(mm));
}

static struct pool_class *class_at(struct mm *mm, const struct pool_page *page)
{
    return &mm->pools.pool[page->kind].classes[page->class_index];
}

static void partial_push(struct pool_class *c, struct pool_page *page)
{
    page->previous = NULL;
    page->next = c->partial;
    if (page->next != NULL) page->next->previous = page;
    c->partial = page;
}

static void partial_remove(struct pool_class *c, struct pool_page *page)
{
    if (page->previous != NULL) page->previous->next = page->next;
    else c->partial = page->next;
    if (page->next != NULL) page->next->previous = page->previous;
    page->next = page->previous = NULL;
}

static struct pool_page *page_cut(struct mm *mm, const struct pool_request *request,
                                  uint32_t class_index, uint64_t index)
{
    struct pools *pools = &mm->pools;
    uint64_t unit = pool_unit_bytes(mm);
    uint32_t stride = (uint32_t)((class_index % CLASSES_NX + 1) * unit);
    uint32_t places = (uint32_t)PAGE_BYTES / stride;
    struct pool_page *page =
        mem_new(mm->from, 1, sizeof *page + places * sizeof page->places[0]);
    page->index = index;
    page->kind = (uint8_t)request->kind;
    page->class_index = class_index;
    page->stride_bytes = stride;
    page->place_count = page->free_count = places;
    page->in_use = true;
    page->zeroed = request->kind == POOL_PAGED || request->zeroed;
    if (request->kind == POOL_NONPAGED) page->frame = pools->scratch[0];
    for (uint32_t i = 1; i < places; i++) page->places[i - 1].next_free = (uint16_t)(i + 1);
    page->first_free = 1;
    page->next_all = pools->pages;
    if (page->next_all != NULL) page->next_all->previous_all = page;
    pools->pages = page;
    va_t at = pool_page_address(&pools->pool[page->kind], index);
    map_set(&pools->page_at, at.v >> PAGE_SHIFT_BITS, (uint64_t)(uintptr_t)page);
    pools->pool[page->kind].small_pages++;
    return page;
}

void pool_page_free(struct mm *mm, struct pool_page *page)
{
    struct pools *pools = &mm->pools;
    for (uint32_t i = 0; i < page->place_count; i++)
        if (page->places[i].slot != 0) pool_slot_forget(mm, page->places[i].slot - 1);
    if (page->previous_all != NULL) page->previous_all->next_all = page->next_all;
    else pools->pages = page->next_all;
    if (page->next_all != NULL) page->next_all->previous_all = page->previous_all;
    va_t at = pool_page_address(&pools->pool[page->kind], page->index);
    map_remove(&pools->page_at, at.v >> PAGE_SHIFT_BITS);
    mem_free(mm->from, page, 1, sizeof *page + page->place_count * sizeof page->places[0]);
}

struct pool_page *pool_place_take(struct mm *mm, const struct pool_request *request,
                                  uint32_t *place)
{
    uint32_t class_index = class_of(mm, request);
    struct pool_class *c = &mm->pools.pool[request->kind].classes[class_index];
    struct pool_page *page = c->partial;
    if (page == NULL) {
        uint64_t index;
        if (!pool_pages_take(mm, request, 1, &index)) return NULL;
        page = page_cut(mm, request, class_index, index);
        partial_push(c, page);
    }
    if (c->empty == page) c->empty = NULL;
    *place = page->first_free - 1u;
    page->first_free = page->places[*place].next_free;
    page->places[*place].live = true;
    page->free_count--;
    if (page->free_count == 0) partial_remove(c, page);
    return page;
}

/* The page goes back to the machine; what it knows stays until its address is used again. */
static void page_retire(struct mm *mm, struct pool_page *page)
{
    struct pool *pool = &mm->pools.pool[page->kind];
    partial_remove(class_at(mm, page), page);
    page->in_use = false;
    pool->small_pages--;
    pool_pages_give(mm, (enum pool_kind)page->kind, page->index, 1);
    runs_add(&pool->ghosts, page->index, 1);
}

void pool_place_give(struct mm *mm, struct pool_page *page, uint32_t place)
{
    struct pool_class *c = class_at(mm, page);
    if (page->free_count == 0) partial_push(c, page);
    page->places[place].live = false;
    page->places[place].next_free = page->first_free;
    page->first_free = (uint16_t)(place + 1);
    page->free_count++;
    if (page->free_count < page->place_count) return;
    if (c->empty == NULL) c->empty = page;
    else page_retire(mm, page);
}
