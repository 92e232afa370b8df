/* Machines of the property test, small enough for every resource to run out. */
#include "world.h"

#include "base/check.h"

/* ---- the processor ---- */

static struct tlb_geometry draw_array(struct world *w, uint32_t most_sets)
{
    static const uint32_t ways[] = { 1, 2, 3, 4, 6, 8 };
    uint32_t n = ways[below(w, COUNT_OF(ways))];
    uint32_t sets = 1 + (uint32_t)below(w, most_sets);
    return (struct tlb_geometry){ n * sets, n, (uint32_t)below(w, POLICY_RANDOM + 1) };
}

static struct tlb_level_geometry draw_level(struct world *w, uint32_t most_sets)
{
    return (struct tlb_level_geometry){ .array = { draw_array(w, most_sets) },
                                        .array_of = { 0, TLB_NO_ARRAY, TLB_NO_ARRAY } };
}

/* How flushes reach processors and contexts. A stream of its own, so that older seeds still draw
 * the program that they drew. */
static void draw_contexts(struct world *w, struct hw_config *hw)
{
    struct rng r;
    rng_init(&r, w->seed, 0x434F4E54);
    hw->socket_count = 1 + (uint32_t)rng_below(&r, hw->cpu_count);
    if (rng_below(&r, 2) == 0) hw->pcid_count = 1 + (uint32_t)rng_below(&r, PROCESS_COUNT + 2);
    hw->kva_shadow = hw->mode != PAGING_PAE && rng_below(&r, 3) == 0;
    hw->broadcast = rng_below(&r, 4) == 0;
    w->mm_config.shares_space_lock = rng_below(&r, 2) == 0;
}

static void make_hardware(struct world *w, enum paging_mode mode)
{
    uint64_t price[COST_COUNT];
    for (unsigned i = 0; i < COST_COUNT; i++) price[i] = 1 + below(w, 50);
    struct tlb_level_geometry none = { .array_of = { TLB_NO_ARRAY, TLB_NO_ARRAY, TLB_NO_ARRAY } };
    struct hw_config hw = { .hz = 3000000000,
                            .price = price,
                            .mode = mode,
                            .kernel_start = w->mm_config.system_start.v,
                            .l1d = draw_level(w, 16),
                            .l1i = chance(w, 50) ? draw_level(w, 8) : none,
                            .l2 = chance(w, 70) ? draw_level(w, 64) : none,
                            .cpu_count = 1 + (uint32_t)below(w, 1 + below(w, PROCESSORS_MOST)),
                            .flush_threshold_pages = 1 + (uint32_t)below(w, 40),
                            .seed = w->seed,
                            .ram = w->ram,
                            .ram_count = w->ram[1].page_count > 0 ? 2 : 1,
                            .bars = w->bar_ranges,
                            .bar_count = COUNT_OF(w->bar_ranges) };
    for (unsigned i = 0; i < PSC_COUNT; i++)
        if (chance(w, 70)) hw.psc[i] = draw_array(w, 4);
    draw_contexts(w, &hw);
    hw_init(&w->hw, &w->from, &hw);
}

/* 8 to 64 MiB, the smaller the likelier; in one piece, or in two on two nodes. */
static void make_memory(struct world *w)
{
    uint64_t pages = (8 + below(w, 1 + below(w, 57))) * (MIB / PAGE_BYTES);
    uint64_t first = 1 + below(w, 256);
    w->ram[0] = (struct phys_range){ .first = pfn(first), .page_count = pages };
    if (chance(w, 40)) {
        w->ram[0].page_count = pages / 2;
        w->ram[1] = (struct phys_range){ .first = pfn(first + pages / 2 + below(w, 4096)),
                                         .page_count = pages - pages / 2,
                                         .node = 1 };
    }
    for (uint32_t i = 0; i < COUNT_OF(w->bars); i++) {
        uint64_t base = 0xE0000000 + i * 0x1000000, bytes = i == 0 ? 0x10000 : 0x200000;
        w->bars[i] = (struct bar){ 1, pa(base), bytes };
        w->bar_ranges[i] = (struct phys_range){ .first = pfn(base / PAGE_BYTES),
                                                .page_count = bytes / PAGE_BYTES,
                                                .device = 1 };
    }
}

/* ---- the system ---- */

static const struct mm_config layouts[] = {
    [PAGING_4_LEVEL] = { .is_64_bit = true,
                         .highest_user = { 0x00007FFFFFFEFFFF },
                         .user_probe = { 0x00007FFFFFFF0000 },
                         .system_start = { 0xFFFF800000000000 },
                         .syspte_base = { 0xFFFFF88000000000 },
                         .nonpaged_base = { 0xFFFFFA8000000000 },
                         .paged_base = { 0xFFFFF8A000000000 },
                         .stack_base = { 0xFFFFF90000000000 },
                         .object_base = { 0xFFFFE00000000000 } },
    [PAGING_5_LEVEL] = { .is_64_bit = true,
                         .highest_user = { 0x00FFFFFFFFFEFFFF },
                         .user_probe = { 0x00FFFFFFFFFF0000 },
                         .system_start = { 0xFF00000000000000 },
                         .syspte_base = { 0xFFFFF88000000000 },
                         .nonpaged_base = { 0xFFFFFA8000000000 },
                         .paged_base = { 0xFFFFF8A000000000 },
                         .stack_base = { 0xFFFFF90000000000 },
                         .object_base = { 0xFFFFE00000000000 } },
    [PAGING_PAE] = { .highest_user = { 0x7FFEFFFF },
                     .user_probe = { 0x7FFF0000 },
                     .system_start = { 0x80000000 },
                     .syspte_base = { 0xF8000000 },
                     .nonpaged_base = { 0x90000000 },
                     .paged_base = { 0xE1000000 },
                     .stack_base = { 0xF7000000 },
                     .object_base = { 0x84000000 } },
};

static void configure_mm(struct world *w, enum paging_mode mode)
{
    struct mm_config *c = &w->mm_config;
    *c = layouts[mode];
    c->seed = w->seed;
    c->system_ptes = 64 + below(w, 1 + below(w, 449));
    if (chance(w, 30)) c->syspte_base = va_add(c->syspte_base, below(w, 512) * PAGE_BYTES);
    c->nonpaged_pool_bytes = (8 + below(w, 248)) * PAGE_BYTES;
    c->paged_pool_bytes = (8 + below(w, 248)) * PAGE_BYTES;
    c->threshold_normal = below(w, c->system_ptes / 8);
    c->threshold_low = c->threshold_normal + below(w, c->system_ptes / 8);
    c->pte_policy = (uint32_t)below(w, PTE_NEXT_FIT + 1);
    c->pte_flush = (uint32_t)below(w, PTE_FLUSH_IMMEDIATE + 1);
    c->fragmentation = (uint32_t)below(w, FRAGMENTATION_CHECKERBOARD + 1);
    c->fragmentation_seed = below(w, UINT32_MAX);
    c->fragmentation_run = 1 + below(w, 40);
    c->zeroed_percent = below(w, 101);
    c->system_pages = 16 + below(w, 512);
}

static void make_kernel(struct world *w)
{
    CHECK(rule_count <= sizeof w->levels);
    for (size_t i = 0; i < rule_count; i++) w->levels[i] = (uint8_t)rules[i].level;
    const struct os_version *os = os_versions;
    while (os[1].name != NULL && !chance(w, 7)) os++;
    w->device = (struct device){ .name = "device",
                                 .object = mm_new_object(&w->mm, 0x150),
                                 .bar_count = COUNT_OF(w->bars) };
    w->config = (struct kernel_config){
        .os = os,
        .verifier = chance(w, 75)   ? VERIFIER_REPORT
                    : chance(w, 50) ? VERIFIER_OFF
                                    : VERIFIER_BUGCHECK,
        .rule_levels = w->levels,
        .track_ptes = chance(w, 30),
        .track_locked_pages = chance(w, 30),
        .devices = &w->device,
        .device_count = 1,
        .bars = w->bars,
        .bar_count = COUNT_OF(w->bars),
    };
    kernel_init(&w->k, &w->from, &w->hw, &w->mm, &w->config);
}

/* ---- processes ---- */

static void note_buffer(struct world *w, struct process *p, va_t at, uint64_t bytes)
{
    CHECK(w->buffer_count < BUFFERS_MOST);
    w->buffers[w->buffer_count++] = (struct buffer){ p->id, at, bytes };
}

static void make_process(struct world *w, uint32_t section, uint64_t section_bytes)
{
    static const uint32_t protections[] = { PROT_READWRITE, PROT_READWRITE, PROT_READONLY,
                                            PROT_EXECUTE_READWRITE, PROT_READWRITE | PROT_GUARD };
    static const uint32_t views[] = { PROT_READWRITE, PROT_WRITECOPY, PROT_READONLY };
    struct process *p = process_new(&w->mm, "app");
    CHECK(p != NULL);
    for (uint64_t i = 0, count = 2 + below(w, 4); i < count; i++) {
        va_t at = va(0);
        uint64_t bytes = 1 + below(w, 64 * PAGE_BYTES);
        uint32_t protect = i == 0 ? PROT_READWRITE : protections[below(w, COUNT_OF(protections))];
        uint32_t status = space_reserve(&w->mm, p, &at, &bytes, protect, true, chance(w, 20));
        CHECK2(status == ST_SUCCESS, status, bytes);
        note_buffer(w, p, at, bytes);
    }
    for (unsigned i = 0; i < 2; i++) {
        va_t at = va(0);
        uint32_t protect = views[below(w, COUNT_OF(views))];
        uint32_t status = space_map_view(&w->mm, p, &at, section_bytes, section, protect);
        CHECK2(status == ST_SUCCESS, status, section_bytes);
        note_buffer(w, p, at, section_bytes);
    }
}

/* ---- threads ---- */

static void make_threads(struct world *w)
{
    w->thread_count = w->hw.cpu_count + (uint32_t)below(w, THREADS_MOST - w->hw.cpu_count + 1);
    for (uint32_t i = 0; i < w->thread_count; i++) {
        uint32_t id = i == 0 ? 1 : (uint32_t)below(w, PROCESS_COUNT + 1);
        w->threads[i] = (struct kernel_thread){ .current = process_at(&w->mm, id), .model = "",
                                                .callback = "" };
        kernel_add_thread(&w->k, &w->threads[i]);
    }
    for (uint32_t i = w->hw.cpu_count; i-- > 0;) {
        w->running[i] = i;
        w->hw.cpu = &w->hw.cpus[i];
        mm_switch(&w->mm, w->threads[i].current);
    }
}

bool world_turn(struct world *w, uint32_t number)
{
    uint32_t place = number % w->hw.cpu_count, now = w->running[place];
    struct cpu *cpu = &w->hw.cpus[place];
    uint32_t irql = now == w->thread ? w->mm.irql : w->threads[now].irql;
    if ((now != number && irql > 1) || cpu->waits_for != 0) return false;
    w->hw.cpu->irql = w->mm.irql;
    kernel_run_thread(&w->k, &w->threads[number]);
    w->hw.cpu = cpu;
    w->thread = w->running[place] = number;
    const struct process *p = w->mm.current;
    if (cpu->map == (p != NULL ? &p->map : &w->hw.system)) return true;
    charge(&w->hw, COST_CONTEXT_SWITCH, 1);
    mm_switch(&w->mm, w->mm.current);
    return true;
}

void world_begin_step(struct world *w)
{
    struct cpu *cpu = w->hw.cpu;
    hold_settle(&w->hw);
    charge(&w->hw, COST_LOCK_WAIT, cpu->holds.late);
    cpu->holds.late = 0;
    hw_idle(&w->hw, w->hw.horizon);
    w->hw.horizon = cpu->clock;
}

void world_start(struct world *w, uint64_t seed, uint8_t fill)
{
    static const enum paging_mode modes[] = { PAGING_4_LEVEL, PAGING_4_LEVEL, PAGING_PAE,
                                              PAGING_PAE, PAGING_5_LEVEL };
    static const unsigned wild[] = { 0, 1, 1, 2, 2, 4, 8, 30 };
    memset(w, 0, sizeof *w);
    w->from = block_allocator(&w->blocks, fill);
    w->seed = seed;
    w->doing = "start";
    rng_init(&w->rng, seed, 0x50524F50);
    w->wild_percent = wild[below(w, COUNT_OF(wild))];
    enum paging_mode mode = modes[below(w, COUNT_OF(modes))];
    configure_mm(w, mode);
    make_memory(w);
    make_hardware(w, mode);
    CHECK(mm_init(&w->mm, &w->from, &w->hw, &w->mm_config));
    make_kernel(w);
    uint64_t section_bytes = (1 + below(w, 16)) * PAGE_BYTES;
    uint32_t section = section_new(&w->mm, section_bytes / PAGE_BYTES);
    for (unsigned i = 0; i < PROCESS_COUNT; i++) make_process(w, section, section_bytes);
    va_t stack;
    CHECK(mm_new_stack(&w->mm, &stack));
    make_threads(w);
    kernel_check(&w->k);
}

void world_stop(struct world *w)
{
    kernel_free(&w->k);
    mm_free(&w->mm);
    hw_free(&w->hw);
    if (block_count(&w->blocks) > 0) property_broken("memory of the host was not given back", 0, 0);
}

/* ---- the digest ---- */

void world_fold(struct world *w, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        w->digest ^= value >> (8 * i) & 0xFF;
        w->digest *= 0x100000001B3; /* FNV-1a */
    }
}

static void fold_gauge(struct world *w, const struct gauge *g)
{
    world_fold(w, g->now);
    world_fold(w, g->peak);
    world_fold(w, g->peak_t.v);
}

static void fold_level(struct world *w, const struct tlb_level *level)
{
    world_fold(w, level->counts.lookups);
    world_fold(w, level->counts.hits);
    world_fold(w, level->counts.misses);
    world_fold(w, level->counts.evictions);
    world_fold(w, level->counts.invalidations);
}

static void fold_map(struct world *w, const struct page_map *map)
{
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        fold_gauge(w, &map->level[i].tables);
        fold_gauge(w, &map->level[i].entries);
    }
    world_fold(w, map->writes);
}

static void fold_cpu(struct world *w, const struct cpu *cpu)
{
    world_fold(w, cpu->clock.v);
    for (unsigned i = 0; i < COST_COUNT; i++) world_fold(w, cpu->spent[i]);
    fold_level(w, &cpu->l1d);
    fold_level(w, &cpu->l1i);
    fold_level(w, &cpu->l2);
    world_fold(w, cpu->walks.count);
    world_fold(w, cpu->walks.faults);
    for (unsigned i = 0; i < COUNT_OF(cpu->walks.large); i++) world_fold(w, cpu->walks.large[i]);
    world_fold(w, cpu->walks.dirty_updates);
    world_fold(w, cpu->flushes.invlpg);
    world_fold(w, cpu->flushes.full);
}

void world_fold_state(struct world *w)
{
    const struct mm *mm = &w->mm;
    for (uint32_t i = 0; i < w->hw.cpu_count; i++) fold_cpu(w, &w->hw.cpus[i]);
    for (unsigned i = 0; i < MM_LOCK_COUNT; i++) world_fold(w, mm->locks[i].wait_cycles);
    for (unsigned i = 0; i < FRAME_STATE_COUNT; i++) fold_gauge(w, &mm->frames.now[i]);
    fold_gauge(w, &mm->frames.locked);
    fold_gauge(w, &mm->syspte.in_use);
    world_fold(w, mm->syspte.free_min);
    for (unsigned i = 0; i < PRIORITY_COUNT; i++) world_fold(w, mm->syspte.failures[i]);
    for (unsigned i = 0; i < POOL_KIND_COUNT; i++) fold_gauge(w, &mm->pools.pool[i].bytes);
    fold_map(w, &w->hw.system);
    for (size_t i = 0; i < mm->process_count; i++) {
        fold_map(w, &mm->processes[i]->map);
        fold_gauge(w, &mm->processes[i]->working_set);
    }
    world_fold(w, mm->faults.demand_zero);
    world_fold(w, mm->faults.copy_on_write);
    world_fold(w, w->k.violation_count);
    world_fold(w, w->k.errors);
}
