/* Invariants of the pools. */
#include "base/check.h"
#include "mm/mm.h"
#include "mm/pool_pages.h"

/* What the records of blocks add up to. */
struct pool_sum {
    uint64_t bytes, blocks, big_pages;
};

static void block_check(struct mm *mm, const struct pool_block *block, struct pool_sum *sum)
{
    const struct pool *pool = &mm->pools.pool[block->kind];
    CHECK2(block->bytes >= 1 && block->bytes <= block->room_bytes, block->at.v, block->bytes);
    CHECK2(pool_find(mm, block->at) == block, block->at.v, block->bytes);
    CHECK2(pool_holding(mm, block->at) == block, block->at.v, block->bytes);
    CHECK2(pool_holding(mm, va_add(block->at, block->room_bytes - 1)) == block, block->at.v,
           block->room_bytes);
    uint64_t index = (block->at.v - pool->base.v) >> PAGE_SHIFT_BITS;
    uint64_t count = 1;
    if (pool_small_page_at(mm, block->at) == NULL) {
        count = block->room_bytes >> PAGE_SHIFT_BITS;
        sum->big_pages += count;
        CHECK2(runs_has(&pool->starts, index, 1), block->at.v, index);
    }
    CHECK2(!runs_overlaps(&pool->free_pages, index, count), block->at.v, count);
    if (block->internal) return;
    sum->bytes += block->bytes;
    sum->blocks++;
}

static void page_check(struct mm *mm, const struct pool_page *page, uint64_t *small_pages)
{
    const struct pool *pool = &mm->pools.pool[page->kind];
    uint32_t live = 0, listed = 0;
    for (uint32_t i = 0; i < page->place_count; i++) {
        uint32_t slot = page->places[i].slot;
        bool is_live = slot != 0 && mm->pools.blocks[slot - 1].live;
        CHECK2(is_live == page->places[i].live, page->index, i);
        live += is_live;
    }
    for (uint32_t i = page->first_free; i != 0; i = page->places[i - 1].next_free, listed++)
        CHECK2(!page->places[i - 1].live && listed < page->place_count, page->index, i);
    CHECK2(listed == page->free_count && live + listed == page->place_count, live, listed);
    CHECK2(page->in_use != runs_has(&pool->free_pages, page->index, 1), page->index, live);
    CHECK2(page->in_use != runs_has(&pool->ghosts, page->index, 1), page->index, live);
    if (!page->in_use) return;
    ++*small_pages;
    CHECK2(live > 0 || pool->classes[page->class_index].empty == page, page->index, live);
    if (page->kind != POOL_NONPAGED) return;
    uint64_t entry = paging_entry(mm->hw, &mm->hw->system, pool_page_address(pool, page->index));
    CHECK2((entry & PTE_PRESENT) && pte_pfn(entry).v == page->frame, entry, page->frame);
}

static void tags_check(const struct pool *pool)
{
    uint64_t bytes = 0, blocks = 0, allocations = 0, frees = 0;
    for (size_t i = 0; i < pool->tag_count; i++) {
        bytes += pool->tags[i].bytes.now;
        blocks += pool->tags[i].blocks.now;
        allocations += pool->tags[i].allocations;
        frees += pool->tags[i].frees;
    }
    CHECK2(bytes == pool->bytes.now, bytes, pool->bytes.now);
    CHECK2(blocks == pool->blocks.now, blocks, pool->blocks.now);
    CHECK2(allocations == pool->allocations, allocations, pool->allocations);
    CHECK2(frees == pool->frees && allocations - frees == blocks, frees, blocks);
}

static void pool_check(struct mm *mm, enum pool_kind kind)
{
    const struct pools *pools = &mm->pools;
    const struct pool *pool = &pools->pool[kind];
    struct pool_sum sum = { 0, 0, 0 };
    uint64_t small_pages = 0;
    runs_check(&pool->free_pages);
    runs_check(&pool->starts);
    runs_check(&pool->ghosts);
    CHECK2(pool->pages_in_use + pool->free_pages.total == pool->limit_pages, pool->pages_in_use,
           pool->free_pages.total);
    for (size_t i = 0; i < pools->block_count; i++) {
        const struct pool_block *block = &pools->blocks[i];
        if (block->live && block->kind == kind) block_check(mm, block, &sum);
    }
    for (const struct pool_page *page = pools->pages; page != NULL; page = page->next_all)
        if (page->kind == kind) page_check(mm, page, &small_pages);
    CHECK2(small_pages == pool->small_pages, small_pages, pool->small_pages);
    CHECK2(sum.big_pages + small_pages == pool->pages_in_use, sum.big_pages, small_pages);
    CHECK2(sum.bytes == pool->bytes.now, sum.bytes, pool->bytes.now);
    CHECK2(sum.blocks == pool->blocks.now, sum.blocks, pool->blocks.now);
    tags_check(pool);
}

void pools_check(struct mm *mm)
{
    pool_check(mm, POOL_NONPAGED);
    pool_check(mm, POOL_PAGED);
}
