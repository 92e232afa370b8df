/* A machine with a kernel on it, and routines called by name as scenarios do. RAM is 16 MiB from
 * frame 1 on, one device has 16 pages at 0xFE000000. */
#pragma once

#include "nt/kernel.h"
#include "space_machine.h"

enum { KERNEL_RAM_PAGES = 4096, KERNEL_BAR_PAGES = 16, KERNEL_USER = 0x10000 };
#define KERNEL_BAR UINT64_C(0xFE000000)
#define KERNEL_TAG UINT64_C(0x54534554)

struct kernel_machine {
    struct machine m;
    struct phys_range bar;
    struct kernel_config config;
    struct os_version os;
    uint8_t levels[256];
    struct kernel k;
    struct process *app, *other;
    struct outcome last;
    _Alignas(16) uint8_t args[ROUTINE_ARGS_BYTES];
};

struct arg {
    const char *name;
    uint64_t value;
};

/* Settings to change between the two calls: system PTEs, pools, tracking. */
static inline void kernel_prepare(struct kernel_machine *km, enum os_rank os)
{
    memset(km, 0, sizeof *km);
    machine_start(&km->m, KERNEL_RAM_PAGES);
    struct mm_config config = km->m.config;
    uint64_t price[COST_COUNT];
    memcpy(price, km->m.hw.price, sizeof price);
    machine_stop(&km->m);
    km->m.ram = (struct phys_range){ .first = { 1 }, .page_count = KERNEL_RAM_PAGES };
    km->bar = (struct phys_range){ .first = { KERNEL_BAR >> PAGE_SHIFT_BITS },
                                   .page_count = KERNEL_BAR_PAGES, .device = 1 };
    struct tlb_level_geometry level = { .array = { { 16, 4, POLICY_LRU } },
                                        .array_of = { 0, TLB_NO_ARRAY, TLB_NO_ARRAY } };
    struct hw_config hw = { .hz = 1000000000, .price = price, .mode = PAGING_4_LEVEL,
                            .kernel_start = 0xFFFF800000000000, .l1d = level, .l1i = level,
                            .l2 = level, .psc = { { 8, 2, POLICY_LRU }, { 4, 4, POLICY_LRU } },
                            .cpu_count = 1, .flush_threshold_pages = 33, .seed = 1,
                            .ram = &km->m.ram, .ram_count = 1, .bars = &km->bar, .bar_count = 1 };
    km->m.from = block_allocator(&km->m.blocks, 0xA5);
    hw_init(&km->m.hw, &km->m.from, &hw);
    km->m.config = config;
    km->os.rank = os;
    cr_assert(rule_count <= COUNT_OF(km->levels));
    for (size_t i = 0; i < rule_count; i++) km->levels[i] = (uint8_t)rules[i].level;
    km->config = (struct kernel_config){ .os = &km->os, .verifier = VERIFIER_REPORT,
                                         .rule_levels = km->levels };
}

static inline void kernel_up(struct kernel_machine *km)
{
    struct machine *m = &km->m;
    cr_assert(mm_init(&m->mm, &m->from, &m->hw, &m->config));
    kernel_init(&km->k, &m->from, &m->hw, &m->mm, &km->config);
    km->other = process_new(&m->mm, "other");
    km->app = process_new(&m->mm, "app");
    mm_switch(&m->mm, km->app);
}

static inline void kernel_start(struct kernel_machine *km, enum os_rank os)
{
    kernel_prepare(km, os);
    kernel_up(km);
}

static inline void kernel_stop(struct kernel_machine *km)
{
    kernel_check(&km->k);
    kernel_free(&km->k);
    machine_stop(&km->m);
}

/* Calls a routine; arguments that are not named are 0. Returns the value or status. */
static inline uint64_t kernel_do(struct kernel_machine *km, const char *name,
                                 const struct arg *args)
{
    const struct routine *r = routine_find(name);
    cr_assert_not_null(r, "%s", name);
    memset(km->args, 0, sizeof km->args);
    for (; args->name != NULL; args++) {
        const struct field *row = field_find(r->args, args->name);
        cr_assert_not_null(row, "%s.%s", name, args->name);
        field_set(row, km->args, args->value);
    }
    km->k.seq++;
    km->k.violation_mark = km->k.violation_count;
    km->last = kernel_call(&km->k, r, km->args);
    if (r->result == RESULT_STATUS) return km->last.status;
    return km->last.returns.kind == VALUE_MDL ? km->last.returns.id : km->last.returns.v;
}
#define DO(km, name, ...) kernel_do(km, name, (const struct arg[]){ __VA_ARGS__, { 0 } })

/* An out parameter of the last call. */
static inline uint64_t kernel_out(struct kernel_machine *km, const char *routine, const char *name)
{
    return field_get(field_find(routine_find(routine)->args, name), km->args);
}

/* Name of the failure row that the last call met, "" for none. */
static inline const char *kernel_row(const struct kernel_machine *km, const char *routine)
{
    if (km->last.failure == 0) return "";
    return routine_find(routine)->failures[km->last.failure - 1].name;
}

/* Rules that the last call broke. */
static inline bool kernel_broke(const struct kernel_machine *km, const char *rule)
{
    for (size_t i = km->k.violation_mark; i < km->k.violation_count; i++)
        if (strcmp(km->k.violations[i].rule->id, rule) == 0) return true;
    return false;
}

static inline struct mdl *kernel_mdl_of(struct kernel_machine *km, uint64_t id)
{
    return mdl_at(&km->m.mm, (uint32_t)id);
}

static inline uint64_t kernel_entry(struct kernel_machine *km, uint64_t at)
{
    const struct page_map *map = km->m.mm.current == NULL ? &km->m.hw.system
                                                          : &km->m.mm.current->map;
    return paging_entry(&km->m.hw, map, va(at));
}

static inline uint64_t kernel_pages_mdl(struct kernel_machine *km, uint64_t bytes)
{
    return DO(km, "MmAllocatePagesForMdl", { "HighAddress", UINT64_MAX }, { "TotalBytes", bytes });
}

/* An MDL over `bytes` at offset 0x123 of fresh user pages, locked for writing. */
static inline uint64_t kernel_locked_mdl(struct kernel_machine *km, uint64_t at, uint64_t bytes)
{
    machine_map(&km->m, km->app, at, span_pages(0x123, bytes), PROT_READWRITE);
    uint64_t id = DO(km, "IoAllocateMdl", { "VirtualAddress", at + 0x123 }, { "Length", bytes });
    DO(km, "MmProbeAndLockPages", { "MemoryDescriptorList", id }, { "AccessMode", 1 },
       { "Operation", 1 });
    cr_assert_eq(km->last.end, END_RETURNS);
    return id;
}
