/* The machine: set-up, invariants. */
#include "model/hw.h"

#include "base/check.h"
#include "model/tlb_level.h"
#include "model/tlb_set.h"

#include <string.h>

static void level_init(struct tlb_level *level, const struct allocator *from,
                       const struct tlb_level_geometry *g, uint64_t seed)
{
    for (unsigned i = 0; i < PAGE_SIZE_COUNT; i++) {
        tlb_array_init(&level->array[i], from, g->array[i], seed + i);
        level->array[i].hashed = g->hashed;
        level->array_of[i] = g->array_of[i];
        if (g->array_of[i] != TLB_NO_ARRAY && g->array[g->array_of[i]].entries != 0)
            level->sizes = (uint8_t)(level->sizes | 1u << i);
    }
    /* Without a lane ways is 0 and nothing is read, but the place of a set is still computed. */
    level->small = (struct tlb_lane){ .tag = level->valid, .data = level->valid };
    if ((level->sizes >> PAGE_4K & 1) == 0) return;
    struct tlb_array *a = &level->array[level->array_of[PAGE_4K]];
    bool simple = a->policy == POLICY_LRU && !a->hashed && (a->sets & (a->sets - 1)) == 0;
    if (simple && a->ways <= TLB_SET_WAYS_MOST)
        level->small = (struct tlb_lane){ a->tag, a->data, a->sets - 1, a->ways, a };
}

/* Nobody publishes how many translations of guest frames a processor keeps: an estimate. */
enum { NESTED_TLB_ENTRIES = 64 };

static void cpu_init(struct hw *hw, struct cpu *cpu, const struct hw_config *config,
                     uint32_t number)
{
    uint64_t seed = config->seed * 1024 + number * 16;
    cpu->number = number;
    level_init(&cpu->l1d, hw->from, &config->l1d, seed);
    level_init(&cpu->l1i, hw->from, &config->l1i, seed + 3);
    level_init(&cpu->l2, hw->from, &config->l2, seed + 6);
    level_init(&cpu->l2i, hw->from, &config->l2i, seed + 15);
    for (unsigned i = 0; i < PSC_COUNT; i++)
        tlb_array_init(&cpu->psc[i], hw->from, config->psc[i], seed + 9 + i);
    if (config->nested) {
        struct tlb_geometry whole = { NESTED_TLB_ENTRIES, NESTED_TLB_ENTRIES, POLICY_LRU };
        tlb_array_init(&cpu->nested_tlb, hw->from, whole, seed);
        tlb_array_init(&cpu->nested_psc, hw->from, config->psc[PSC_PDE], seed);
    }
    cpu->map = &hw->system;
    cpu->leaves_on = SIDE_NONE;
    if (config->kva_shadow) cpu->context[0] = cpu->context[1] = 1;
}

static const unsigned canonical_bits[] = {
    [PAGING_4_LEVEL] = 48, [PAGING_5_LEVEL] = 57, [PAGING_PAE] = 32
};

static uint64_t canonical_half(enum paging_mode mode)
{
    return mode == PAGING_PAE ? 0 : UINT64_C(1) << (canonical_bits[mode] - 1);
}

void hw_init(struct hw *hw, const struct allocator *from, const struct hw_config *config)
{
    static const unsigned top_levels[] = {
        [PAGING_4_LEVEL] = LEVEL_PML4, [PAGING_5_LEVEL] = LEVEL_PML5, [PAGING_PAE] = LEVEL_PDPT
    };
    const struct leaf_table none = { 0, PFN_NONE, PFN_NONE };
    *hw = (struct hw){ .from = from,
                       .hz = config->hz,
                       .mode = config->mode,
                       .top_level = top_levels[config->mode],
                       .types = config->types,
                       .type_count = config->type_count,
                       .large_level = config->has_1_gib_pages && config->mode != PAGING_PAE
                                          ? LEVEL_PDPT
                                          : LEVEL_PD,
                       .kernel_start = config->kernel_start,
                       .canonical_half = canonical_half(config->mode),
                       .canonical_bits = canonical_bits[config->mode],
                       .near = { none, none },
                       .nested = config->nested,
                       .walkers = config->walkers,
                       .cpu_count = config->cpu_count,
                       .socket_count = config->socket_count == 0 ? 1 : config->socket_count,
                       .flush_threshold_pages = config->flush_threshold_pages,
                       .pcid_count = config->pcid_count,
                       .kva_shadow = config->kva_shadow,
                       .broadcast = config->broadcast };
    memcpy(hw->price, config->price, sizeof hw->price);
    phys_init(&hw->phys, from, config->ram, config->ram_count, config->bars, config->bar_count);
    map_init(&hw->table_used, from);
    hw->cpus = mem_new(from, config->cpu_count, sizeof *hw->cpus);
    for (uint32_t i = 0; i < config->cpu_count; i++) cpu_init(hw, &hw->cpus[i], config, i);
    memory_init(hw, config);
    hold_init(hw);
    hw->cpu = &hw->cpus[0];
}

void hw_free(struct hw *hw)
{
    memory_free(hw);
    for (uint32_t i = 0; i < hw->cpu_count; i++) {
        struct cpu *cpu = &hw->cpus[i];
        for (unsigned j = 0; j < PAGE_SIZE_COUNT; j++) {
            tlb_array_free(&cpu->l1d.array[j], hw->from);
            tlb_array_free(&cpu->l1i.array[j], hw->from);
            tlb_array_free(&cpu->l2.array[j], hw->from);
            tlb_array_free(&cpu->l2i.array[j], hw->from);
        }
        for (unsigned j = 0; j < PSC_COUNT; j++) tlb_array_free(&cpu->psc[j], hw->from);
        for (size_t j = 0; j < cpu->owed_count; j++) flush_free(hw, &cpu->owed[j].flush);
        mem_free(hw->from, cpu->owed, cpu->owed_capacity, sizeof *cpu->owed);
        busy_free(&cpu->serving, hw->from);
        mem_free(hw->from, cpu->slots, cpu->slot_capacity, sizeof *cpu->slots);
        tlb_array_free(&cpu->nested_tlb, hw->from);
        tlb_array_free(&cpu->nested_psc, hw->from);
    }
    flush_free(hw, &hw->flush);
    hold_free(hw);
    mem_free(hw->from, hw->cpus, hw->cpu_count, sizeof *hw->cpus);
    mem_free(hw->from, hw->maps, hw->map_capacity, sizeof *hw->maps);
    map_free(&hw->table_used);
    phys_free(&hw->phys);
}

void hw_idle(struct hw *hw, cycles_t until)
{
    if (until.v <= hw->cpu->clock.v) return;
    hw->cpu->idle += until.v - hw->cpu->clock.v;
    hw->cpu->clock = until;
}

static void check_clock(const struct cpu *cpu)
{
    uint64_t sum = cpu->idle;
    for (unsigned i = 0; i < COST_COUNT; i++) sum += cpu->spent[i];
    CHECK2(sum == cpu->clock.v, sum, cpu->clock.v);
}

static unsigned level_of(uint64_t tag)
{
    return LEVEL_PT + (unsigned)tlb_tag_size(tag);
}

static va_t address_of(const struct hw *hw, uint64_t tag)
{
    static const unsigned shifts[PAGE_SIZE_COUNT] = { 12, 21, 30 };
    unsigned shift = shifts[tlb_tag_size(tag)];
    uint64_t v = (tag & TLB_PAGE_MASK) << shift;
    if (hw->mode == PAGING_PAE) return va(v & UINT32_MAX);
    unsigned top = hw->mode == PAGING_5_LEVEL ? 56 : 47;
    return va(v >> top & 1 ? v | ~(uint64_t)0 << top : v);
}

/* A cached entry must be what the tables say, save that it may lack bits that were set or granted
 * since. */
static void check_array(struct hw *hw, const struct cpu *cpu, const struct tlb_array *a,
                        bool (*may_be_stale)(void *context, va_t address), void *context)
{
    const uint64_t exact = PTE_PRESENT | PTE_ADDRESS;
    const uint64_t grants = PTE_WRITE | PTE_USER | PTE_DIRTY;
    for (size_t i = 0; i < (size_t)a->sets * a->ways; i++) {
        if (a->tag[i] == TLB_NO_TAG) continue;
        uint32_t space = tlb_tag_space(a->tag[i]);
        const struct page_map *map = context_map(hw, space);
        va_t at = address_of(hw, a->tag[i]);
        uint64_t entry = map == NULL ? 0 : paging_entry(hw, map, at);
        uint64_t cached = pte_as_small(a->data[i], level_of(a->tag[i]), at);
        bool same = (entry & exact) == (cached & exact) && (cached & grants & ~entry) == 0 &&
                    (entry & PTE_NO_EXECUTE & ~cached) == 0;
        if (!same && !may_be_stale(context, at) && !flush_is_due(hw, cpu, space, at))
            BUG2("TLB entry differs from page table", at.v, entry);
    }
}

static void check_level(struct hw *hw, const struct cpu *cpu, const struct tlb_level *level,
                        bool (*may_be_stale)(void *context, va_t address), void *context)
{
    uint64_t by_array = 0, by_size = 0;
    for (unsigned i = 0; i < PAGE_SIZE_COUNT; i++) {
        check_array(hw, cpu, &level->array[i], may_be_stale, context);
        by_array += level->array[i].valid_count;
        by_size += level->valid[i];
    }
    CHECK2(by_array == by_size, by_array, by_size);
}

/* Each answer that a processor waits for is owed by one that waits for nobody, or by one that waits
 * for such a one: so somebody always goes on. */
static void check_answers(const struct hw *hw)
{
    bool waits = false, goes_on = false;
    for (uint32_t i = 0; i < hw->cpu_count; i++) {
        uint64_t owed = 0;
        for (uint32_t j = 0; j < hw->cpu_count; j++)
            for (size_t n = 0; n < hw->cpus[j].owed_count; n++)
                owed += hw->cpus[j].owed[n].sender == i;
        CHECK2(owed == hw->cpus[i].waits_for, owed, hw->cpus[i].waits_for);
        waits |= owed != 0;
        goes_on |= owed == 0 && hw->cpus[i].owed_count != 0;
    }
    CHECK2(!waits || goes_on, hw->cpu_count, hw->cpu->number);
}

void hw_check(struct hw *hw, bool (*may_be_stale)(void *context, va_t address), void *context)
{
    for (uint32_t i = 0; i < hw->cpu_count; i++) {
        struct cpu *cpu = &hw->cpus[i];
        check_clock(cpu);
        const struct walk_counts *w = &cpu->walks;
        CHECK2(w->faults + w->large[0] + w->large[1] <= w->count, w->faults, w->count);
        check_level(hw, cpu, &cpu->l1d, may_be_stale, context);
        check_level(hw, cpu, &cpu->l1i, may_be_stale, context);
        check_level(hw, cpu, &cpu->l2, may_be_stale, context);
        check_level(hw, cpu, &cpu->l2i, may_be_stale, context);
    }
    check_answers(hw);
    paging_check(hw);
}
