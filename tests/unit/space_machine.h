/* A small 64-bit machine for the tests of address spaces: every price is 1. */
#pragma once

#include "../block_list.h"
#include "mm/mm.h"
#include "support.h"

#include <criterion/criterion.h>

struct machine {
    struct block_list blocks; /* physical memory is never freed one by one */
    struct allocator from;
    struct phys_range ram;
    struct mm_config config;
    struct hw hw;
    struct mm mm;
};

static inline void machine_start(struct machine *m, uint64_t ram_pages)
{
    uint64_t price[COST_COUNT];
    for (unsigned i = 0; i < COST_COUNT; i++) price[i] = 1;
    memset(m, 0, sizeof *m);
    m->from = block_allocator(&m->blocks, 0xA5);
    m->ram = (struct phys_range){ .first = { 1 }, .page_count = ram_pages };
    struct tlb_level_geometry level = { .array = { { 16, 4, POLICY_LRU } },
                                        .array_of = { 0, TLB_NO_ARRAY, TLB_NO_ARRAY } };
    struct hw_config hw = { .hz = 1000000000,
                            .price = price,
                            .mode = PAGING_4_LEVEL,
                            .kernel_start = 0xFFFF800000000000,
                            .l1d = level,
                            .l1i = level,
                            .l2 = level,
                            .psc = { { 8, 2, POLICY_LRU }, { 4, 4, POLICY_LRU } },
                            .cpu_count = 1,
                            .flush_threshold_pages = 33,
                            .seed = 1,
                            .ram = &m->ram,
                            .ram_count = 1 };
    hw_init(&m->hw, &m->from, &hw);
    m->config = (struct mm_config){ .is_64_bit = true,
                                    .seed = 1,
                                    .highest_user = { 0x00007FFFFFFEFFFF },
                                    .user_probe = { 0x00007FFFFFFF0000 },
                                    .system_start = { 0xFFFF800000000000 },
                                    .syspte_base = { 0xFFFFF88000000000 },
                                    .nonpaged_base = { 0xFFFFFA8000000000 },
                                    .paged_base = { 0xFFFFF8A000000000 },
                                    .stack_base = { 0xFFFFF90000000000 },
                                    .object_base = { 0xFFFFE00000000000 },
                                    .system_ptes = 4096,
                                    .nonpaged_pool_bytes = 1 << 20,
                                    .paged_pool_bytes = 1 << 20,
                                    .zeroed_percent = 50,
                                    .system_pages = 16 };
    cr_assert(mm_init(&m->mm, &m->from, &m->hw, &m->config));
}

static inline void machine_stop(struct machine *m)
{
    mm_free(&m->mm);
    hw_free(&m->hw);
    blocks_free(&m->blocks);
}

/* A process whose address space is current. */
static inline struct process *machine_process(struct machine *m)
{
    struct process *p = process_new(&m->mm, "app");
    cr_assert_not_null(p);
    mm_switch(&m->mm, p);
    return p;
}

static inline bool never_stale(void *context, va_t at)
{
    UNUSED(context);
    UNUSED(at);
    return false;
}

static inline void machine_check(struct machine *m)
{
    space_check(&m->mm);
    hw_check(&m->hw, never_stale, NULL);
}

/* Reserves and commits at a fixed address. */
static inline void machine_map(struct machine *m, struct process *p, uint64_t at, uint64_t pages,
                               uint32_t protect)
{
    va_t base = va(at);
    uint64_t bytes = pages * PAGE_BYTES;
    cr_assert_eq(space_reserve(&m->mm, p, &base, &bytes, protect, true, false), ST_SUCCESS);
    cr_assert_eq(base.v, at);
}

/* Adds a promise of MmSecureVirtualMemory. */
static inline void machine_secure(struct machine *m, struct process *p, uint64_t at, uint64_t pages,
                                  uint32_t mode)
{
    struct mm *mm = &m->mm;
    mm->secures = mem_grow(mm->from, mm->secures, &mm->secure_capacity, mm->secure_count + 1,
                           sizeof *mm->secures);
    mm->secures[mm->secure_count++] = (struct secure){ .first_page = at / PAGE_BYTES,
                                                       .page_count = pages,
                                                       .process = p->id,
                                                       .mode = mode,
                                                       .live = true };
}
