/* PAE's page-directory-pointer entries: registers that CR3 loads, which walks use, not memory.
 * Intel SDM volume 3A, 4.4.1. */
#include "model/hw.h"
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

#define USER UINT64_C(0x40012000) /* under the second entry */

struct pae {
    struct hw hw;
    struct page_map map[2];
    struct phys_range ram;
    uint64_t next_frame;
};

static bool take(void *context, pfn_t *out)
{
    struct pae *m = context;
    *out = pfn(m->next_frame++);
    return m->next_frame < 400;
}

static void give(void *context, pfn_t f)
{
    UNUSED(context);
    UNUSED(f);
}

static void map_page(struct pae *m, struct page_map *map, uint64_t at, uint64_t frame)
{
    cr_assert(paging_reserve(&m->hw, map, va(at), 1));
    paging_set(&m->hw, map, va(at), pte_make(pfn(frame), PTE_PRESENT | PTE_WRITE | PTE_USER));
}

static void start(struct pae *m, bool kva_shadow)
{
    static uint64_t price[COST_COUNT];
    for (unsigned i = 0; i < COST_COUNT; i++) price[i] = 1;
    memset(m, 0, sizeof *m);
    m->ram = (struct phys_range){ .page_count = 1000 };
    m->next_frame = 1;
    struct tlb_level_geometry level = { .array = { { 64, 4, POLICY_LRU } },
                                        .array_of = { 0, TLB_NO_ARRAY, TLB_NO_ARRAY } };
    struct hw_config config = { .hz = 1000000000, .price = price, .mode = PAGING_PAE,
                                .kernel_start = 0x80000000, .l1d = level, .l2 = level,
                                .psc = { { 8, 2, POLICY_LRU }, { 4, 4, POLICY_LRU } },
                                .cpu_count = 2, .kva_shadow = kva_shadow,
                                .flush_threshold_pages = 4, .seed = 1, .ram = &m->ram,
                                .ram_count = 1 };
    hw_init(&m->hw, &test_allocator, &config);
    m->hw.tables = (struct table_source){ take, give, m };
    cr_assert(paging_init(&m->hw, &m->hw.system, 0));
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert(paging_init(&m->hw, &m->map[i], i + 1));
        map_page(m, &m->map[i], USER, 500 + i);
    }
    map_page(m, &m->hw.system, 0xC0005000, 600);
    tlb_load_cr3(&m->hw, &m->map[0]);
}

static void stop(struct pae *m)
{
    for (int i = 0; i < 2; i++) {
        paging_clear_range(&m->hw, &m->map[i], va(USER), 1);
        paging_free(&m->hw, &m->map[i]);
    }
    hw_free(&m->hw);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

/* Frame that an address leads to without the help of the TLB; 0: not present. */
static uint64_t walked(struct pae *m, uint64_t at)
{
    struct translation t = hw_retranslate(&m->hw, va(at), ACCESS_READ, false);
    return t.fault == ACCESS_OK ? pte_pfn(t.entry).v : 0;
}

static uint64_t *pdpte(struct pae *m, const struct page_map *map)
{
    return &phys_table(&m->hw.phys, map->root)[USER >> 30];
}

Test(pae, a_walk_fetches_two_entries)
{
    struct pae m;
    start(&m, false);
    const struct walk_counts *w = &m.hw.cpu->walks;
    cr_assert_eq(pte_pfn(hw_translate(&m.hw, va(USER), ACCESS_READ, true).entry).v, 500);
    cr_assert_eq(w->references[LEVEL_PDPT], 0);
    cr_assert_eq(w->references[LEVEL_PD], 1);
    cr_assert_eq(w->references[LEVEL_PT], 1);
    cr_assert_eq(walked(&m, 0xC0005000), 600);
    stop(&m);
}

Test(pae, all_page_directories_are_there_and_stay)
{
    struct pae m;
    start(&m, false);
    for (unsigned i = 0; i < PDPTE_REGISTERS; i++)
        cr_assert((m.hw.cpu->pdpte[i] & PTE_PRESENT) != 0, "%u", i);
    uint64_t before = *pdpte(&m, &m.map[0]);
    paging_clear_range(&m.hw, &m.map[0], va(USER), 1);
    cr_assert_eq(*pdpte(&m, &m.map[0]), before);
    cr_assert_eq(m.map[0].level[LEVEL_PT].tables.now, 0);
    stop(&m);
}

Test(pae, a_stale_register_holds_until_it_is_loaded)
{
    static const char *const ways[] = { "a load of CR3", "a flush of everything" };
    for (int way = 0; way < 2; way++) {
        struct pae m;
        start(&m, false);
        uint64_t own = *pdpte(&m, &m.map[0]);
        *pdpte(&m, &m.map[0]) = *pdpte(&m, &m.map[1]); /* the other process's directory */
        cr_assert_eq(walked(&m, USER), 500, "memory is not looked at");
        tlb_flush_page(&m.hw, va(USER));
        cr_assert_eq(walked(&m, USER), 500, "INVLPG loads no register");
        if (way == 0) tlb_load_cr3(&m.hw, &m.map[0]);
        else tlb_flush_all(&m.hw);
        cr_assert_eq(walked(&m, USER), 501, "%s", ways[way]);
        *pdpte(&m, &m.map[0]) = own;
        stop(&m);
    }
}

Test(pae, an_empty_register_is_a_fault_without_a_fetch)
{
    struct pae m;
    start(&m, false);
    uint64_t own = *pdpte(&m, &m.map[0]);
    *pdpte(&m, &m.map[0]) = 0;
    tlb_load_cr3(&m.hw, &m.map[0]);
    struct walk_counts before = m.hw.cpu->walks;
    struct translation t = hw_translate(&m.hw, va(USER), ACCESS_READ, true);
    cr_assert_eq(t.fault, FAULT_NOT_PRESENT);
    cr_assert_eq(t.level, LEVEL_PDPT);
    cr_assert_eq(m.hw.cpu->walks.count, before.count + 1);
    cr_assert_arr_eq(m.hw.cpu->walks.references, before.references, sizeof before.references);
    *pdpte(&m, &m.map[0]) = own;
    tlb_load_cr3(&m.hw, &m.map[0]);
    cr_assert_eq(walked(&m, USER), 500);
    cr_assert_eq(m.hw.cpu->walks.count, before.count + 1, "the retry takes the place of the first");
    stop(&m);
}

Test(pae, each_side_of_kva_shadow_has_its_registers)
{
    struct pae m;
    start(&m, true);
    cr_assert((m.hw.cpu->pdpte[2] & PTE_PRESENT) != 0);
    hw_enter(&m.hw, true);
    cr_assert_eq(m.hw.cpu->pdpte[2], 0, "user mode sees no table of the kernel");
    cr_assert((m.hw.cpu->pdpte[1] & PTE_PRESENT) != 0);
    hw_enter(&m.hw, false);
    cr_assert((m.hw.cpu->pdpte[2] & PTE_PRESENT) != 0);
    stop(&m);
}
