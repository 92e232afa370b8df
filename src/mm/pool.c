/* Nonpaged and paged pool: blocks, their records, statistics by tag. */
#include "mm/pool.h"

#include "base/check.h"
#include "mm/mm.h"
#include "mm/pool_pages.h"

#include <string.h>

static void pool_init(struct mm *mm, struct pool *pool, va_t base, uint64_t bytes)
{
    *pool = (struct pool){ .base = base, .limit_pages = bytes >> PAGE_SHIFT_BITS };
    runs_init(&pool->free_pages, mm->from);
    runs_init(&pool->starts, mm->from);
    runs_init(&pool->ghosts, mm->from);
    map_init(&pool->tag_index, mm->from);
    runs_add(&pool->free_pages, 0, pool->limit_pages);
    pool->classes = mem_new(mm->from, POOL_CLASSES, sizeof *pool->classes);
}

void pools_init(struct mm *mm, const struct mm_config *config)
{
    struct pools *pools = &mm->pools;
    *pools = (struct pools){ .free_slot = 0 };
    map_init(&pools->by_address, mm->from);
    map_init(&pools->page_at, mm->from);
    pool_init(mm, &pools->pool[POOL_NONPAGED], config->nonpaged_base,
              config->nonpaged_pool_bytes);
    pool_init(mm, &pools->pool[POOL_PAGED], config->paged_base, config->paged_pool_bytes);
}

void pools_free(struct mm *mm)
{
    struct pools *pools = &mm->pools;
    while (pools->pages != NULL) pool_page_free(mm, pools->pages);
    for (unsigned kind = 0; kind < POOL_KIND_COUNT; kind++) {
        struct pool *pool = &pools->pool[kind];
        runs_free(&pool->free_pages);
        runs_free(&pool->starts);
        runs_free(&pool->ghosts);
        lock_free(&pool->lock, mm->from);
        map_free(&pool->tag_index);
        mem_free(mm->from, pool->classes, POOL_CLASSES, sizeof *pool->classes);
        mem_free(mm->from, pool->tags, pool->tag_capacity, sizeof *pool->tags);
    }
    map_free(&pools->by_address);
    map_free(&pools->page_at);
    mem_free(mm->from, pools->blocks, pools->block_capacity, sizeof *pools->blocks);
    mem_free(mm->from, pools->scratch, pools->scratch_capacity, sizeof *pools->scratch);
}

/* ---- records of blocks ---- */

/* A slot for a block at an address of which nothing is known. Free slots are linked through
 * room_bytes. */
static uint32_t slot_take(struct pools *pools, const struct allocator *from, va_t at)
{
    uint32_t slot;
    if (pools->free_slot != 0) {
        slot = pools->free_slot - 1;
        pools->free_slot = (uint32_t)pools->blocks[slot].room_bytes;
    } else {
        CHECK(pools->block_count < UINT32_MAX - 1);
        pools->blocks = mem_grow(from, pools->blocks, &pools->block_capacity,
                                 pools->block_count + 1, sizeof *pools->blocks);
        slot = (uint32_t)pools->block_count++;
    }
    map_set(&pools->by_address, at.v, (uint64_t)slot + 1);
    return slot;
}

void pool_slot_forget(struct mm *mm, uint32_t slot)
{
    struct pools *pools = &mm->pools;
    map_remove(&pools->by_address, pools->blocks[slot].at.v);
    pools->blocks[slot] = (struct pool_block){ .room_bytes = pools->free_slot };
    pools->free_slot = slot + 1;
}

static struct pool_tag_stats *tag_stats(struct mm *mm, struct pool *pool, uint32_t tag)
{
    if (pool->last_tag < pool->tag_count && pool->tags[pool->last_tag].tag == tag)
        return &pool->tags[pool->last_tag];
    uint64_t index = map_at(&pool->tag_index, tag);
    if (index == 0) {
        pool->tags = mem_grow(mm->from, pool->tags, &pool->tag_capacity, pool->tag_count + 1,
                              sizeof *pool->tags);
        pool->tags[pool->tag_count] = (struct pool_tag_stats){ .tag = tag };
        index = ++pool->tag_count;
        map_set(&pool->tag_index, tag, index);
    }
    pool->last_tag = (uint32_t)(index - 1);
    return &pool->tags[index - 1];
}

static void count_allocation(struct mm *mm, const struct pool_request *request)
{
    if (request->internal) return;
    struct pool *pool = &mm->pools.pool[request->kind];
    struct pool_tag_stats *tag = tag_stats(mm, pool, request->tag);
    cycles_t now = hw_now(mm->hw);
    gauge_add(&pool->bytes, request->bytes, now);
    gauge_add(&pool->blocks, 1, now);
    gauge_add(&tag->bytes, request->bytes, now);
    gauge_add(&tag->blocks, 1, now);
    pool->allocations++;
    tag->allocations++;
}

static void count_free(struct mm *mm, const struct pool_block *block)
{
    if (block->internal) return;
    struct pool *pool = &mm->pools.pool[block->kind];
    struct pool_tag_stats *tag = tag_stats(mm, pool, block->tag);
    gauge_sub(&pool->bytes, block->bytes);
    gauge_sub(&pool->blocks, 1);
    gauge_sub(&tag->bytes, block->bytes);
    gauge_sub(&tag->blocks, 1);
    pool->frees++;
    tag->frees++;
}

/* ---- allocation ---- */

/* Stores zeros where the contents differ from them, so frames nobody wrote to stay unstored. */
static void store_zeros(struct phys *phys, pa_t at, uint64_t bytes)
{
    static const uint8_t zeros[64];
    uint8_t now[sizeof zeros];
    for (uint64_t done = 0; done < bytes; done += sizeof zeros) {
        size_t n = bytes - done < sizeof zeros ? (size_t)(bytes - done) : sizeof zeros;
        pa_t here = pa(at.v + done);
        if (phys_read(phys, here, now, n) && memcmp(now, zeros, n) == 0) continue;
        phys_write(phys, here, zeros, n);
    }
}

/* A place on a page that was zeroed is zero until it is handed out; every other one is zeroed now.
 * A page of paged pool that nobody touched has no frame yet and will get a zeroed one. */
static void zero_block(struct mm *mm, const struct pool_page *page, uint32_t place, uint64_t bytes)
{
    va_t at = pool_place_address(mm, page, place);
    uint64_t frame = page->frame;
    if (page->kind == POOL_PAGED) {
        uint64_t entry = paging_entry(mm->hw, &mm->hw->system, at);
        if ((entry & PTE_PRESENT) == 0) return;
        frame = pte_pfn(entry).v;
    }
    if (!page->zeroed || page->places[place].slot != 0) charge(mm->hw, COST_ZERO, 1);
    store_zeros(&mm->hw->phys, pa(pfn_to_pa(pfn(frame)).v + va_offset(at)), bytes);
}

static bool allocate_small(struct mm *mm, const struct pool_request *request,
                           struct pool_block **out)
{
    struct pools *pools = &mm->pools;
    uint32_t place;
    struct pool_page *page = pool_place_take(mm, request, &place);
    if (page == NULL) return false;
    if (request->zeroed) zero_block(mm, page, place, request->bytes);
    struct pool_place *p = &page->places[place];
    va_t at = pool_place_address(mm, page, place);
    if (p->slot == 0) p->slot = slot_take(pools, mm->from, at) + 1;
    *out = &pools->blocks[p->slot - 1];
    (*out)->at = at;
    (*out)->room_bytes = page->stride_bytes - pool_unit_bytes(mm);
    return true;
}

static bool allocate_big(struct mm *mm, const struct pool_request *request,
                         struct pool_block **out)
{
    struct pools *pools = &mm->pools;
    struct pool *pool = &pools->pool[request->kind];
    uint64_t count = (request->bytes >> PAGE_SHIFT_BITS) + ((request->bytes & PAGE_MASK) != 0);
    uint64_t index;
    if (!pool_pages_take(mm, request, count, &index)) return false;
    runs_add(&pool->starts, index, 1);
    va_t at = pool_page_address(pool, index);
    uint32_t slot = slot_take(pools, mm->from, at); /* may move the blocks */
    *out = &pools->blocks[slot];
    (*out)->at = at;
    (*out)->room_bytes = count << PAGE_SHIFT_BITS;
    return true;
}

bool pool_allocate(struct mm *mm, const struct pool_request *request, va_t *out)
{
    CHECK(request->bytes >= 1);
    struct pool *pool = &mm->pools.pool[request->kind];
    struct pool_block *block = NULL;
    bool is_small = request->bytes <= pool_small_max_bytes(mm);
    charge(mm->hw, COST_POOL, 1);
    if (!(is_small ? allocate_small(mm, request, &block) : allocate_big(mm, request, &block))) {
        if (!request->internal) {
            pool->failures++;
            tag_stats(mm, pool, request->tag)->failures++;
        }
        return false;
    }
    *out = block->at;
    *block = (struct pool_block){ .at = block->at, .bytes = request->bytes,
                                  .room_bytes = block->room_bytes, .tag = request->tag,
                                  .kind = (uint8_t)request->kind, .live = true,
                                  .internal = request->internal,
                                  .executable = request->executable,
                                  .seq = request->seq, .line = request->line };
    count_allocation(mm, request);
    return true;
}

void pool_give(struct mm *mm, struct pool_block *block)
{
    CHECK2(block->live, block->at.v, block->bytes);
    struct pool *pool = &mm->pools.pool[block->kind];
    charge(mm->hw, COST_POOL, 1);
    count_free(mm, block);
    block->live = false;
    struct pool_page *page = pool_small_page_at(mm, block->at);
    if (page != NULL) {
        uint64_t offset = va_offset(block->at) - pool_unit_bytes(mm);
        pool_place_give(mm, page, (uint32_t)(offset / page->stride_bytes));
        return;
    }
    uint64_t index = (block->at.v - pool->base.v) >> PAGE_SHIFT_BITS;
    runs_remove(&pool->starts, index, 1);
    runs_add(&pool->ghosts, index, 1);
    pool_pages_give(mm, (enum pool_kind)block->kind, index, block->room_bytes >> PAGE_SHIFT_BITS);
}

/* ---- questions ---- */

bool pool_owns(const struct mm *mm, va_t at, enum pool_kind *kind)
{
    for (unsigned i = 0; i < POOL_KIND_COUNT; i++) {
        const struct pool *pool = &mm->pools.pool[i];
        if (at.v < pool->base.v) continue;
        if ((at.v - pool->base.v) >> PAGE_SHIFT_BITS >= pool->limit_pages) continue;
        if (kind != NULL) *kind = (enum pool_kind)i;
        return true;
    }
    return false;
}

struct pool_block *pool_find(struct mm *mm, va_t at)
{
    uint64_t slot = map_at(&mm->pools.by_address, at.v);
    return slot == 0 ? NULL : &mm->pools.blocks[slot - 1];
}

/* The last big block that begins at or below the address, if it reaches so far. */
static struct pool_block *big_holding(struct mm *mm, const struct pool *pool, va_t at)
{
    struct run run;
    uint64_t index = (at.v - pool->base.v) >> PAGE_SHIFT_BITS;
    if (!runs_at_or_before(&pool->starts, index, &run)) return NULL;
    uint64_t start = run.start + run.count - 1 < index ? run.start + run.count - 1 : index;
    struct pool_block *block = pool_find(mm, pool_page_address(pool, start));
    return at.v - block->at.v < block->room_bytes ? block : NULL;
}

struct pool_block *pool_holding(struct mm *mm, va_t at)
{
    enum pool_kind kind;
    if (!pool_owns(mm, at, &kind)) return NULL;
    const struct pool_page *page = pool_small_page_at(mm, at);
    if (page == NULL) return big_holding(mm, &mm->pools.pool[kind], at);
    uint64_t place = va_offset(at) / page->stride_bytes;
    if (place >= page->place_count || !page->places[place].live) return NULL;
    if (va_offset(at) % page->stride_bytes < pool_unit_bytes(mm)) return NULL; /* the header */
    return &mm->pools.blocks[page->places[place].slot - 1];
}

bool pool_page_committed(struct mm *mm, va_t at)
{
    enum pool_kind kind;
    if (!pool_owns(mm, at, &kind)) return false;
    return pool_small_page_at(mm, at) != NULL || big_holding(mm, &mm->pools.pool[kind], at) != NULL;
}
