/* A machine of several processors without a memory manager, for the tests of src/model. */
#pragma once

#include "model/hw.h"
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

enum { HW_SPACES = 4, HW_FRAMES = 1000, HW_SYSTEM_PAGE = 7 };
#define HW_USER UINT64_C(0x10000)
#define HW_SYSTEM UINT64_C(0xFFFFB08000000000)

struct hw_machine {
    struct hw hw;
    struct phys_range ram;
    struct page_map map[HW_SPACES]; /* of processes 1 .. */
    uint64_t next_frame;
};

static inline bool hw_machine_take(void *context, pfn_t *out)
{
    struct hw_machine *m = context;
    *out = pfn(m->next_frame++);
    return true;
}

static inline void hw_machine_give(void *context, pfn_t f)
{
    UNUSED(context);
    UNUSED(f);
}

/* What the tests vary; every price is 1 but those of `price` that are not 0. */
struct hw_plan {
    uint32_t cpus, sockets, pcids;
    bool kva_shadow, broadcast;
    uint64_t price[COST_COUNT];
};

static inline void hw_machine_start(struct hw_machine *m, const struct hw_plan *plan)
{
    uint64_t price[COST_COUNT];
    for (unsigned i = 0; i < COST_COUNT; i++) price[i] = plan->price[i] == 0 ? 1 : plan->price[i];
    memset(m, 0, sizeof *m);
    m->ram = (struct phys_range){ .page_count = HW_FRAMES };
    m->next_frame = 1;
    struct tlb_level_geometry level = { .array = { { 64, 4, POLICY_LRU } },
                                        .array_of = { 0, TLB_NO_ARRAY, TLB_NO_ARRAY } };
    struct hw_config config = { .hz = 1000000000, .price = price, .mode = PAGING_4_LEVEL,
                                .kernel_start = 0xFFFF800000000000, .l1d = level, .l1i = level,
                                .l2 = level, .psc = { { 8, 2, POLICY_LRU } },
                                .cpu_count = plan->cpus, .socket_count = plan->sockets,
                                .pcid_count = plan->pcids, .kva_shadow = plan->kva_shadow,
                                .broadcast = plan->broadcast, .flush_threshold_pages = 4,
                                .seed = 1, .ram = &m->ram, .ram_count = 1 };
    hw_init(&m->hw, &test_allocator, &config);
    m->hw.tables = (struct table_source){ hw_machine_take, hw_machine_give, m };
    cr_assert(paging_init(&m->hw, &m->hw.system, 0));
    for (uint32_t i = 0; i < HW_SPACES; i++) cr_assert(paging_init(&m->hw, &m->map[i], i + 1));
    for (uint32_t page = 0; page < 8; page++) {
        va_t user = va(HW_USER + page * PAGE_BYTES), kernel = va(HW_SYSTEM + page * PAGE_BYTES);
        uint64_t bits = PTE_PRESENT | PTE_WRITE;
        for (uint32_t i = 0; i < HW_SPACES; i++) {
            cr_assert(paging_reserve(&m->hw, &m->map[i], user, 1));
            paging_set(&m->hw, &m->map[i], user, pte_make(pfn(500 + page), bits | PTE_USER));
        }
        cr_assert(paging_reserve(&m->hw, &m->hw.system, kernel, 1));
        paging_set(&m->hw, &m->hw.system, kernel, pte_make(pfn(600 + page), bits | PTE_GLOBAL));
    }
}

static inline void hw_machine_stop(struct hw_machine *m)
{
    hw_free(&m->hw);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

static inline struct cpu *on(struct hw_machine *m, uint32_t cpu)
{
    m->hw.cpu = &m->hw.cpus[cpu];
    return m->hw.cpu;
}

/* Loads map `space` (0: the system's) on a processor, which runs from then on. */
static inline void load(struct hw_machine *m, uint32_t cpu, uint32_t space)
{
    on(m, cpu);
    tlb_load_cr3(&m->hw, space == 0 ? &m->hw.system : &m->map[space - 1]);
}

static inline void touch_page(struct hw_machine *m, uint32_t cpu, uint64_t at, bool user)
{
    on(m, cpu);
    cr_assert_eq(hw_translate(&m->hw, va(at), ACCESS_READ, user).fault, ACCESS_OK);
}

static inline bool holds(struct hw_machine *m, uint32_t cpu, uint64_t at)
{
    struct cpu *now = m->hw.cpu;
    on(m, cpu);
    bool held = tlb_holds(&m->hw, va(at));
    m->hw.cpu = now;
    return held;
}

static inline bool nothing_is_stale(void *context, va_t at)
{
    UNUSED(context);
    UNUSED(at);
    return false;
}
