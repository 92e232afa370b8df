/* Machines of several shapes for the tests of frames, system PTEs, pools and MDLs. */
#pragma once

#include "space_machine.h"

/* What a test may change before machine_up. */
static inline void machine_down(struct machine *m, const struct phys_range *ram, size_t ram_count)
{
    machine_start(m, 4096);
    struct mm_config config = m->config;
    uint64_t price[COST_COUNT];
    memcpy(price, m->hw.price, sizeof price);
    machine_stop(m);
    struct tlb_level_geometry level = { .array = { { 16, 4, POLICY_LRU } },
                                        .array_of = { 0, TLB_NO_ARRAY, TLB_NO_ARRAY } };
    struct hw_config hw = { .hz = 1000000000, .price = price, .mode = PAGING_4_LEVEL,
                            .kernel_start = 0xFFFF800000000000, .l1d = level, .l1i = level,
                            .l2 = level, .cpu_count = 1, .flush_threshold_pages = 33, .seed = 1,
                            .ram = ram, .ram_count = ram_count };
    memset(m, 0, sizeof *m);
    m->from = block_allocator(&m->blocks, 0xA5);
    hw_init(&m->hw, &m->from, &hw);
    m->config = config;
}

static inline void machine_up(struct machine *m)
{
    cr_assert(mm_init(&m->mm, &m->from, &m->hw, &m->config));
}

/* Stops the machine and asserts that everything was given back. */
static inline void machine_stop_clean(struct machine *m)
{
    mm_free(&m->mm);
    hw_free(&m->hw);
    cr_assert_eq(block_count(&m->blocks), 0);
}
