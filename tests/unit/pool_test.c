/* Unit tests of mm/pool: layout of blocks, statistics, backing, random sequences against a list. */
#include "mm/pool.h"

#include "base/rng.h"
#include "mm_machine.h"

static const struct phys_range ram = { .first = { 0 }, .page_count = 2000 };

static va_t allocate(struct machine *m, uint64_t bytes, enum pool_kind kind)
{
    va_t at = va(0);
    struct pool_request request = { .bytes = bytes, .tag = 0x31676154, .kind = kind };
    cr_assert(pool_allocate(&m->mm, &request, &at));
    return at;
}

static void give(struct machine *m, va_t at)
{
    struct pool_block *block = pool_find(&m->mm, at);
    cr_assert_not_null(block);
    pool_give(&m->mm, block);
}

static void start(struct machine *m, bool is_64_bit)
{
    machine_down(m, &ram, 1);
    m->config.is_64_bit = is_64_bit;
    machine_up(m);
}

Test(pool, layout)
{
    static const struct {
        bool is_64_bit;
        uint64_t bytes, room_bytes;
        uint64_t offset, next_offset; /* of two in a row from an empty pool, in pages and bytes */
    } rows[] = {
        { true, 1, 16, 16, 48 },           { true, 16, 16, 16, 48 },
        { true, 17, 32, 16, 64 },          { true, 2032, 2032, 16, 2064 },
        { true, 2033, 2048, 16, 4112 },    { true, 4064, 4064, 16, 4112 },
        { true, 4065, 4096, 0, 4096 },     { true, 4096, 4096, 0, 4096 },
        { true, 4097, 8192, 0, 8192 },     { false, 1, 8, 8, 24 },
        { false, 9, 16, 8, 32 },           { false, 4080, 4080, 8, 4104 },
        { false, 4081, 4096, 0, 4096 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct machine m;
        start(&m, rows[i].is_64_bit);
        va_t first = allocate(&m, rows[i].bytes, POOL_NONPAGED);
        va_t second = allocate(&m, rows[i].bytes, POOL_NONPAGED);
        uint64_t base = m.config.nonpaged_base.v;
        cr_expect_eq(first.v - base, rows[i].offset, "row %zu", i);
        cr_expect_eq(second.v - base, rows[i].next_offset, "row %zu", i);
        cr_expect_eq(pool_find(&m.mm, first)->room_bytes, rows[i].room_bytes, "row %zu", i);
        pools_check(&m.mm);
        machine_stop_clean(&m);
    }
}

Test(pool, nonpaged_is_backed_at_once_and_paged_when_touched)
{
    struct machine m;
    start(&m, true);
    uint64_t available = frames_available(&m.mm);
    va_t at = allocate(&m, 5 * PAGE_BYTES, POOL_PAGED);
    cr_assert_eq(frames_available(&m.mm), available);
    cr_assert_eq(paging_entry(&m.hw, &m.hw.system, at), 0);
    cr_assert(pool_page_committed(&m.mm, va_add(at, 5 * PAGE_BYTES - 1)));
    cr_assert_not(pool_page_committed(&m.mm, va_add(at, 5 * PAGE_BYTES)));
    at = allocate(&m, 5 * PAGE_BYTES, POOL_NONPAGED);
    cr_assert_eq(frames_available(&m.mm), available - 5 - 3); /* and three page tables */
    for (uint64_t i = 0; i < 5; i++) {
        uint64_t entry = paging_entry(&m.hw, &m.hw.system, va_add(at, i * PAGE_BYTES));
        cr_assert_eq(entry & ~PTE_ADDRESS,
                     PTE_PRESENT | PTE_WRITE | PTE_GLOBAL | PTE_NO_EXECUTE);
        struct frame frame = frame_peek(&m.mm, pte_pfn(entry));
        cr_assert_eq(frame.owner, OWNER_POOL);
        cr_assert_eq(frame.cache, FRAME_CACHED);
    }
    hw_translate(&m.hw, at, ACCESS_READ, false);
    cr_assert(tlb_holds(&m.hw, at));
    give(&m, at);
    cr_assert_not(tlb_holds(&m.hw, at));
    cr_assert_eq(frames_available(&m.mm), available - 3);
    cr_assert_eq(paging_entry(&m.hw, &m.hw.system, at), 0);
    mm_check(&m.mm);
    machine_stop_clean(&m);
}

/* What a fault in paged pool does. */
static pfn_t back_page(struct machine *m, va_t at)
{
    pfn_t f;
    cr_assert_not_null(paging_slot(&m->hw, &m->hw.system, at));
    cr_assert(frame_take(&m->mm, WANT_ZEROED, OWNER_POOL, &f));
    paging_set(&m->hw, &m->hw.system, at, pte_make(f, PTE_PRESENT | PTE_WRITE | PTE_NO_EXECUTE));
    return f;
}

Test(pool, touched_pages_of_paged_pool_are_given_back)
{
    struct machine m;
    start(&m, true);
    va_t at = allocate(&m, 200 * PAGE_BYTES, POOL_PAGED);
    back_page(&m, at);
    uint64_t available = frames_available(&m.mm);
    back_page(&m, va_add(at, 57 * PAGE_BYTES));
    back_page(&m, va_add(at, 199 * PAGE_BYTES));
    cr_assert_eq(frames_available(&m.mm), available - 2);
    give(&m, at);
    cr_assert_eq(frames_available(&m.mm), available + 1);
    mm_check(&m.mm);
    machine_stop_clean(&m);
}

static bool is_zero(struct machine *m, va_t at, uint64_t bytes)
{
    uint64_t entry = paging_entry(&m->hw, &m->hw.system, at);
    for (uint64_t i = 0; i < bytes; i++) {
        uint8_t byte = 1;
        pa_t where = pa(pfn_to_pa(pte_pfn(entry)).v + va_offset(at) + i);
        if (!phys_read(&m->hw.phys, where, &byte, 1) || byte != 0) return false;
    }
    return true;
}

Test(pool, zeroing_is_charged_when_the_contents_are_not_zero)
{
    struct machine m;
    machine_down(&m, &ram, 1);
    m.config.zeroed_percent = 100;
    machine_up(&m);
    uint64_t zero = m.hw.cpu->spent[COST_ZERO];
    struct pool_request request = { .bytes = 100, .kind = POOL_NONPAGED, .zeroed = true };
    va_t at, again;
    cr_assert(pool_allocate(&m.mm, &request, &at));
    cr_assert_eq(m.hw.cpu->spent[COST_ZERO], zero, "a fresh page was zero");
    cr_assert(is_zero(&m, at, 100));
    uint8_t junk[100];
    memset(junk, 0xEE, sizeof junk);
    uint64_t entry = paging_entry(&m.hw, &m.hw.system, at);
    phys_write(&m.hw.phys, pa(pfn_to_pa(pte_pfn(entry)).v + va_offset(at)), junk, sizeof junk);
    give(&m, at);
    request.zeroed = false;
    cr_assert(pool_allocate(&m.mm, &request, &again));
    cr_assert_eq(again.v, at.v, "the block freed last is taken first");
    cr_assert_not(is_zero(&m, at, 100));
    give(&m, at);
    request.zeroed = true;
    cr_assert(pool_allocate(&m.mm, &request, &again));
    cr_assert_eq(m.hw.cpu->spent[COST_ZERO], zero + 1);
    cr_assert(is_zero(&m, at, 100));
    machine_stop_clean(&m);
}

Test(pool, costs_of_the_two_ways)
{
    struct machine m;
    start(&m, true);
    const uint64_t *spent = m.hw.cpu->spent;
    va_t keep = allocate(&m, 100, POOL_NONPAGED);
    uint64_t pool = spent[COST_POOL], carve = spent[COST_POOL_PAGE], sum = m.hw.cpu->clock.v;
    give(&m, allocate(&m, 100, POOL_NONPAGED));
    cr_assert_eq(spent[COST_POOL], pool + 2);
    cr_assert_eq(spent[COST_POOL_PAGE], carve);
    cr_assert_eq(m.hw.cpu->clock.v, sum + 2, "nothing else was paid");
    give(&m, keep);
    give(&m, allocate(&m, 100, POOL_NONPAGED));
    cr_assert_eq(spent[COST_POOL_PAGE], carve, "an empty page was kept");
    allocate(&m, 3 * PAGE_BYTES, POOL_NONPAGED);
    cr_assert_eq(spent[COST_POOL_PAGE], carve + 1);
    machine_stop_clean(&m);
}

Test(pool, a_freed_block_is_known_until_its_address_is_used_again)
{
    struct machine m;
    start(&m, true);
    va_t big = allocate(&m, 2 * PAGE_BYTES, POOL_NONPAGED);
    give(&m, big);
    cr_assert_not(pool_find(&m.mm, big)->live);
    cr_assert_null(pool_holding(&m.mm, big));
    va_t small = allocate(&m, 40, POOL_NONPAGED); /* on the page where the big block began */
    cr_assert_eq(va_page(small).v, big.v);
    cr_assert_null(pool_find(&m.mm, big));
    give(&m, small);
    cr_assert_not(pool_find(&m.mm, small)->live);
    cr_assert_eq(pool_find(&m.mm, small)->bytes, 40);
    cr_assert_null(pool_find(&m.mm, va_add(small, 16)));
    machine_stop_clean(&m);
}

Test(pool, holding)
{
    struct machine m;
    start(&m, true);
    va_t a = allocate(&m, 20, POOL_NONPAGED), b = allocate(&m, 20, POOL_NONPAGED);
    va_t c = allocate(&m, PAGE_BYTES, POOL_NONPAGED), d = allocate(&m, 9000, POOL_NONPAGED);
    cr_assert_eq(pool_holding(&m.mm, va_add(a, 19))->at.v, a.v);
    cr_assert_eq(pool_holding(&m.mm, va_add(a, 31))->at.v, a.v);
    cr_assert_null(pool_holding(&m.mm, va_add(a, 32)), "the header of the next block");
    cr_assert_eq(pool_holding(&m.mm, b)->at.v, b.v);
    cr_assert_null(pool_holding(&m.mm, va_add(b, 48)), "a free block");
    cr_assert_eq(pool_holding(&m.mm, va_add(c, 4095))->at.v, c.v);
    cr_assert_eq(pool_holding(&m.mm, va_add(d, 12287))->at.v, d.v);
    cr_assert_null(pool_holding(&m.mm, va_add(d, 12288)));
    cr_assert_null(pool_holding(&m.mm, va(0x1000)));
    enum pool_kind kind;
    cr_assert(pool_owns(&m.mm, d, &kind));
    cr_assert_eq(kind, POOL_NONPAGED);
    cr_assert(pool_owns(&m.mm, va_add(m.config.paged_base, (1 << 20) - 1), &kind));
    cr_assert_eq(kind, POOL_PAGED);
    cr_assert_not(pool_owns(&m.mm, va_add(m.config.paged_base, 1 << 20), &kind));
    machine_stop_clean(&m);
}

Test(pool, statistics_by_tag_without_internal_blocks)
{
    struct machine m;
    start(&m, true);
    struct pool_request request = { .bytes = 100, .tag = 'A', .kind = POOL_NONPAGED };
    va_t at[4], internal;
    cr_assert(pool_allocate(&m.mm, &request, &at[0]));
    request.tag = 'B';
    request.bytes = 5000;
    cr_assert(pool_allocate(&m.mm, &request, &at[1]));
    cr_assert(pool_allocate(&m.mm, &request, &at[2]));
    request.tag = 'A';
    request.bytes = 1;
    cr_assert(pool_allocate(&m.mm, &request, &at[3]));
    request.internal = true;
    cr_assert(pool_allocate(&m.mm, &request, &internal));
    request.internal = false;
    request.bytes = 2 << 20;
    cr_assert_not(pool_allocate(&m.mm, &request, &internal));
    give(&m, at[1]);
    const struct pool *pool = &m.mm.pools.pool[POOL_NONPAGED];
    cr_assert_eq(pool->tag_count, 2);
    cr_assert_eq(pool->tags[0].tag, 'A');
    cr_assert_eq(pool->tags[0].bytes.now, 101);
    cr_assert_eq(pool->tags[0].failures, 1);
    cr_assert_eq(pool->tags[1].blocks.now, 1);
    cr_assert_eq(pool->tags[1].bytes.peak, 10000);
    cr_assert_eq(pool->tags[1].frees, 1);
    cr_assert_eq(pool->bytes.now, 5101);
    cr_assert_eq(pool->blocks.now, 3);
    cr_assert_eq(pool->allocations, 4);
    cr_assert_eq(pool->frees, 1);
    cr_assert_eq(pool->failures, 1);
    pools_check(&m.mm);
    machine_stop_clean(&m);
}

Test(pool, executable_blocks_have_pages_of_their_own)
{
    struct machine m;
    start(&m, true);
    struct pool_request request = { .bytes = 64, .kind = POOL_NONPAGED, .executable = true };
    va_t code, data = allocate(&m, 64, POOL_NONPAGED);
    cr_assert(pool_allocate(&m.mm, &request, &code));
    cr_assert_neq(va_page(code).v, va_page(data).v);
    cr_assert_eq(paging_entry(&m.hw, &m.hw.system, code) & PTE_NO_EXECUTE, 0);
    cr_assert_neq(paging_entry(&m.hw, &m.hw.system, data) & PTE_NO_EXECUTE, 0);
    machine_stop_clean(&m);
}

Test(pool, limit_and_ram_end_with_a_failure)
{
    struct machine m;
    machine_down(&m, &ram, 1);
    m.config.nonpaged_pool_bytes = 10 * PAGE_BYTES + 4095;
    m.config.paged_pool_bytes = (uint64_t)1 << 40;
    machine_up(&m);
    struct pool_request request = { .bytes = 10 * PAGE_BYTES, .kind = POOL_NONPAGED };
    va_t at;
    cr_assert(pool_allocate(&m.mm, &request, &at));
    request.bytes = 1;
    cr_assert_not(pool_allocate(&m.mm, &request, &at));
    request.kind = POOL_PAGED;
    request.bytes = UINT64_MAX;
    cr_assert_not(pool_allocate(&m.mm, &request, &at));
    request.bytes = (uint64_t)1 << 39; /* 2^27 pages, none touched */
    cr_assert(pool_allocate(&m.mm, &request, &at));
    give(&m, at);
    mm_check(&m.mm);
    machine_stop(&m);
    machine_down(&m, &ram, 1);
    m.config.nonpaged_pool_bytes = 3000 * PAGE_BYTES;
    machine_up(&m);
    request = (struct pool_request){ .bytes = 2000 * PAGE_BYTES, .kind = POOL_NONPAGED };
    cr_assert_not(pool_allocate(&m.mm, &request, &at));
    cr_assert_eq(m.mm.pools.pool[POOL_NONPAGED].pages_in_use, 0);
    mm_check(&m.mm);
    machine_stop_clean(&m);
}

/* ---- random steps ---- */

struct mine {
    va_t at;
    uint64_t bytes;
    enum pool_kind kind;
};

static void no_overlap(const struct mine *list, size_t count, const struct mine *new)
{
    for (size_t i = 0; i < count; i++) {
        bool apart = list[i].at.v + list[i].bytes <= new->at.v ||
                     new->at.v + new->bytes <= list[i].at.v;
        cr_assert(apart, "blocks overlap");
    }
}

Test(pool, random_steps_match_a_list)
{
    static struct mine list[600];
    struct machine m;
    struct rng r;
    size_t count = 0;
    uint64_t failures = 0;
    rng_init(&r, 11, 0);
    start(&m, true);
    for (unsigned i = 0; i < 30000; i++) {
        bool filling = i / 3000 % 2 == 0;
        if (count < COUNT_OF(list) && rng_below(&r, 10) < (filling ? 6u : 4u)) {
            struct pool_request request = { .bytes = rng_below(&r, 4) ? rng_below(&r, 600) + 1
                                                                      : rng_below(&r, 20000) + 1,
                                            .tag = (uint32_t)rng_below(&r, 5),
                                            .kind = rng_below(&r, 2) ? POOL_PAGED : POOL_NONPAGED,
                                            .zeroed = rng_below(&r, 2),
                                            .executable = rng_below(&r, 8) == 0 };
            struct mine *new = &list[count];
            *new = (struct mine){ .bytes = request.bytes, .kind = request.kind };
            if (!pool_allocate(&m.mm, &request, &new->at)) {
                failures++;
                continue;
            }
            no_overlap(list, count, new);
            count++;
            if (request.zeroed && request.kind == POOL_NONPAGED && request.bytes < 4064)
                cr_assert(is_zero(&m, new->at, request.bytes));
            if (paging_entry(&m.hw, &m.hw.system, new->at) == 0) back_page(&m, new->at);
            uint64_t entry = paging_entry(&m.hw, &m.hw.system, new->at);
            pa_t where = pa(pfn_to_pa(pte_pfn(entry)).v + va_offset(new->at));
            phys_write(&m.hw.phys, where, "x", 1);
        } else if (count > 0) {
            size_t pick = (size_t)rng_below(&r, count);
            give(&m, list[pick].at);
            cr_assert_null(pool_holding(&m.mm, list[pick].at));
            list[pick] = list[--count];
        }
        if (i % 50 == 0) mm_check(&m.mm);
    }
    cr_assert_gt(failures, 50);
    while (count > 0) give(&m, list[--count].at);
    mm_check(&m.mm);
    cr_assert_eq(m.mm.pools.pool[POOL_NONPAGED].bytes.now, 0);
    cr_assert_eq(m.mm.pools.pool[POOL_PAGED].blocks.now, 0);
    machine_stop_clean(&m);
}
