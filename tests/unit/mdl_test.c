/* Unit tests of mm/mdl: headers, ids, and memory of long loops. */
#include "mm/mdl.h"

#include "mm_machine.h"

Test(mdl, header_as_MmInitializeMdl_writes_it)
{
    static const struct {
        uint64_t base, bytes;
        uint16_t size;
        uint64_t start_va;
        uint32_t offset, pages;
    } rows[] = {
        { 0x10000, 1, 56, 0x10000, 0, 1 },          { 0x10FFF, 2, 64, 0x10000, 0xFFF, 2 },
        { 0x10123, 0x10000, 184, 0x10000, 0x123, 17 }, { 0, 23 * 4096, 232, 0, 0, 23 },
        { 0, 24 * 4096, 240, 0, 0, 24 },            { 0x5000, 0, 48, 0x5000, 0, 0 },
        { 0x5001, 0, 56, 0x5000, 1, 1 },            { 0, 0x1FFF000, 65576 % 65536, 0, 0, 0x1FFF },
    };
    struct machine m;
    machine_start(&m, 100);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        va_t address = va(0xFFFFFA8000000000 + i * 64);
        uint32_t id = mdl_new(&m.mm, address, MEMORY_CALLER, rows[i].base, rows[i].bytes, 30);
        const struct mdl *mdl = mdl_at(&m.mm, id);
        cr_expect_eq(mdl->id, i + 1);
        cr_expect(mdl->live);
        cr_expect_eq(mdl->size, rows[i].size, "row %zu: %u", i, mdl->size);
        cr_expect_eq(mdl->flags, 0);
        cr_expect_eq(mdl->start_va.v, rows[i].start_va);
        cr_expect_eq(mdl->byte_offset, rows[i].offset);
        cr_expect_eq(mdl->byte_count, rows[i].bytes);
        cr_expect_eq(mdl_page_count(mdl), rows[i].pages);
        cr_expect_eq(mdl_va(mdl).v, rows[i].base);
        cr_expect_eq(mdl->slots, 30);
        for (uint32_t slot = 0; slot < 30; slot++) cr_expect_eq(mdl->pfns[slot], PFN_NONE.v);
        cr_expect_eq(mdl_by_address(&m.mm, address), id);
    }
    mm_check(&m.mm);
    machine_stop_clean(&m);
}

Test(mdl, sizes)
{
    struct machine m;
    machine_start(&m, 100);
    cr_assert_eq(mdl_size_bytes(&m.mm, 23), 232);
    cr_assert_eq(mdl_size_bytes(&m.mm, 8185), 65528);
    m.config.is_64_bit = false;
    cr_assert_eq(mdl_size_bytes(&m.mm, 24), 124);
    cr_assert_eq(mdl_size_bytes(&m.mm, 16376), 65532);
    machine_stop_clean(&m);
}

Test(mdl, freed_ones_are_remembered_and_addresses_are_reused)
{
    struct machine m;
    machine_start(&m, 100);
    va_t at = va(0xFFFFFA8000000040);
    uint32_t first = mdl_new(&m.mm, at, MEMORY_IO_ALLOCATED, 0x1000, 4096, 1);
    struct mdl *mdl = mdl_at(&m.mm, first);
    mdl_gone(&m.mm, mdl);
    cr_assert_eq(mdl_at(&m.mm, first), mdl);
    cr_assert_not(mdl->live);
    cr_assert_null(mdl->pfns);
    cr_assert_eq(mdl->id, first);
    cr_assert_eq(mdl_by_address(&m.mm, at), 0);
    uint32_t second = mdl_new(&m.mm, at, MEMORY_IO_ALLOCATED, 0x1000, 4096, 1);
    cr_assert_eq(second, 2);
    uint32_t third = mdl_new(&m.mm, at, MEMORY_CALLER, 0x2000, 4096, 1); /* formatted again */
    cr_assert_not(mdl_at(&m.mm, second)->live);
    cr_assert_eq(mdl_by_address(&m.mm, at), third);
    cr_assert_null(mdl_at(&m.mm, 0));
    cr_assert_null(mdl_at(&m.mm, 4));
    cr_assert_null(mdl_at(&m.mm, UINT32_MAX));
    mm_check(&m.mm);
    machine_stop_clean(&m);
}

Test(mdl, long_loops_need_no_more_memory_and_live_ones_stay_where_they_are)
{
    enum { ROUNDS = 300000, KEPT = 50 };
    struct mdl *kept[KEPT];
    uint32_t ids[KEPT];
    struct machine m;
    size_t blocks = 0;
    machine_start(&m, 100);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        va_t at = va(0xFFFFFA8000000000 + i % 7 * 0x100);
        uint32_t pages = i % 40 + 1;
        uint32_t id = mdl_new(&m.mm, at, MEMORY_IO_ALLOCATED, 0x1000, pages * 4096, pages);
        mdl_gone(&m.mm, mdl_at(&m.mm, id));
        if (i % (ROUNDS / KEPT) == 17) {
            size_t n = i / (ROUNDS / KEPT);
            ids[n] = mdl_new(&m.mm, va(0xFFFFFA8000100000 + i), MEMORY_CALLER, 0, 1, 1);
            kept[n] = mdl_at(&m.mm, ids[n]);
        }
        if (i == ROUNDS / 2) blocks = block_count(&m.blocks);
    }
    /* One struct, one array, one chunk of ids a kept MDL. */
    cr_assert_leq(block_count(&m.blocks), blocks + KEPT / 2 * 3);
    uint32_t id = 0;
    for (size_t n = 0; n < KEPT; n++) {
        cr_assert_eq(mdl_at(&m.mm, ids[n]), kept[n]);
        cr_assert(kept[n]->live && kept[n]->id == ids[n]);
        id = mdl_next_live(&m.mm, id);
        cr_assert_eq(id, ids[n]);
    }
    cr_assert_eq(mdl_next_live(&m.mm, id), 0);
    cr_assert_null(mdl_at(&m.mm, 1));
    cr_assert_not_null(mdl_at(&m.mm, m.mm.mdls.count));
    cr_assert_not_null(mdl_at(&m.mm, m.mm.mdls.count - MDL_FREED_KEPT + 1));
    mm_check(&m.mm);
    machine_stop_clean(&m);
}

static void lose_a_lock(void *context)
{
    mm_check(context);
}

Test(mdl, a_hold_without_a_lock_is_found)
{
    static struct machine m;
    machine_start(&m, 100);
    pfn_t f;
    cr_assert(frame_take(&m.mm, WANT_ANY, OWNER_PROCESS, &f));
    for (unsigned i = 0; i < 2; i++) {
        va_t at = va(0xFFFFFA8000000000 + i * 64);
        struct mdl *mdl = mdl_at(&m.mm, mdl_new(&m.mm, at, MEMORY_CALLER, 0x1000, 4096, 1));
        mdl->pfns[0] = f.v;
        mdl->locked_pages = 1;
        frame_lock(&m.mm, f);
    }
    mm_check(&m.mm);
    frame_unlock(&m.mm, f);
    cr_assert(test_bug_raised(lose_a_lock, &m.mm));
    machine_stop(&m);
}

Test(mdl, stacks_and_objects)
{
    struct machine m;
    machine_start(&m, 200);
    va_t first, second;
    cr_assert(mm_new_stack(&m.mm, &first));
    cr_assert(mm_new_stack(&m.mm, &second));
    cr_assert_eq(second.v - first.v, 7 * PAGE_BYTES);
    cr_assert_neq(paging_entry(&m.hw, &m.hw.system, va_add(first, 5 * PAGE_BYTES)), 0);
    cr_assert_eq(paging_entry(&m.hw, &m.hw.system, va_add(first, 6 * PAGE_BYTES)), 0);
    va_t a = mm_new_object(&m.mm, 1), b = mm_new_object(&m.mm, 100), c = mm_new_object(&m.mm, 0);
    cr_assert_eq(b.v - a.v, 16);
    cr_assert_eq(c.v - b.v, 112);
    cr_assert_neq(mm_new_object(&m.mm, 1).v, c.v);
    mm_check(&m.mm);
    machine_stop_clean(&m);
}
