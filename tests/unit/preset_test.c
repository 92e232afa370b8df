/* Presets: the tables that presets.py generates from the values of processors. */
#include <criterion/criterion.h>
#include <string.h>

#include "model/preset_data.h"

static const char *const contract_names[] = {
    "generic", "core2", "nehalem", "skylake-sp", "ice-lake-sp", "sapphire-rapids", "alder-lake-p",
    "zen2",    "zen3",  "zen4",    "zen5",       "unit",
};

static const struct cpu_preset *find(const char *name)
{
    const struct cpu_preset *preset = preset_find(name);
    cr_assert_not_null(preset, "%s", name);
    return preset;
}

static void expect_array(struct tlb_geometry g, uint32_t entries, uint32_t ways)
{
    cr_expect_eq(g.entries, entries, "%u entries, expected %u", g.entries, entries);
    cr_expect_eq(g.ways, ways, "%u ways, expected %u", g.ways, ways);
}

static void expect_sane_array(const char *name, struct tlb_geometry g)
{
    if (g.entries == 0) {
        cr_expect_eq(g.ways, 0, "%s: ways without entries", name);
        return;
    }
    cr_assert_neq(g.ways, 0, "%s: entries without ways", name);
    cr_expect_eq(g.entries % g.ways, 0, "%s: %u / %u", name, g.entries, g.ways);
    cr_expect_eq(g.policy, POLICY_LRU, "%s", name);
}

/* A page size uses its own array, that of 4 KiB pages, or none; an array nobody uses is empty. */
static void expect_sane_level(const char *name, const struct tlb_level_geometry *level)
{
    for (unsigned size = 0; size < PAGE_SIZE_COUNT; size++) {
        uint8_t of = level->array_of[size];
        expect_sane_array(name, level->array[size]);
        cr_assert(of == size || of == PAGE_4K || of == TLB_NO_ARRAY, "%s: size %u", name, size);
        if (of == size) cr_expect_neq(level->array[size].entries, 0, "%s: size %u", name, size);
        else cr_expect_eq(level->array[size].entries, 0, "%s: size %u", name, size);
        if (of == PAGE_4K) cr_expect_neq(level->array[PAGE_4K].entries, 0, "%s", name);
    }
}

Test(preset, names_are_those_of_the_contract)
{
    size_t count = 0;
    for (; cpu_presets[count].name != NULL; count++) {
        cr_assert_lt(count, COUNT_OF(contract_names));
        cr_expect_str_eq(cpu_presets[count].name, contract_names[count]);
        cr_expect_eq(preset_find(contract_names[count]), &cpu_presets[count]);
    }
    cr_expect_eq(count, COUNT_OF(contract_names));
    static const char *const wrong[] = { "", "skx", "Generic", "generic ", "zen", "zen55", "n1" };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        cr_expect_null(preset_find(wrong[i]), "'%s'", wrong[i]);
}

Test(preset, every_geometry_is_sane)
{
    for (const struct cpu_preset *p = cpu_presets; p->name != NULL; p++) {
        expect_sane_level(p->name, &p->l1d);
        expect_sane_level(p->name, &p->l1i);
        expect_sane_level(p->name, &p->l2);
        for (unsigned i = 0; i < PSC_COUNT; i++) expect_sane_array(p->name, p->psc[i]);
        cr_expect_eq(p->l1d.array_of[PAGE_4K], PAGE_4K, "%s", p->name);
        cr_expect_eq(p->l1i.array_of[PAGE_4K], PAGE_4K, "%s", p->name);
        cr_expect(p->levels_max == 4 || p->levels_max == 5, "%s", p->name);
        cr_expect(p->cpus_max >= 16 && p->cpus_max <= 1024, "%s: %u", p->name, p->cpus_max);
        cr_expect(p->hz >= 1000000000 && p->hz <= 5000000000, "%s", p->name);
    }
}

Test(preset, every_price_has_a_source)
{
    for (const struct cpu_preset *p = cpu_presets; p->name != NULL; p++) {
        cr_expect(p->doc[0] != '\0' && p->doc[strlen(p->doc) - 1] == '.', "%s", p->name);
        for (unsigned i = 0; i < COST_COUNT; i++) {
            bool may_be_free = i == COST_INVPCID || i == COST_CR3_LOAD || i == COST_INVLPGB ||
                               i == COST_FLUSH_RANGE; /* the part may not have it */
            if (!may_be_free) cr_expect_geq(p->price[i], 1, "%s %s", p->name, cost_rows[i].key);
            cr_assert_not_null(p->source[i], "%s %s", p->name, cost_rows[i].key);
            cr_expect_not_null(strchr(p->source[i], '('), "%s: %s", p->name, p->source[i]);
        }
        cr_expect_eq(p->price[COST_LOCK_WAIT], 1, "%s: waiting is time itself", p->name);
    }
}

/* Recorded traces rest on these values: a change here breaks every one of them. */
Test(preset, unit_is_frozen)
{
    const struct cpu_preset *unit = find("unit");
    for (unsigned i = 0; i < COST_COUNT; i++) /* a flush had no price besides its INVLPGs */
        cr_expect_eq(unit->price[i], i == COST_FLUSH_RANGE ? 0 : 1, "%s", cost_rows[i].key);
    cr_expect_eq(unit->hz, 1000000000);
    cr_expect_eq(unit->cpus_max, 256);
    cr_expect_eq(unit->levels_max, 5);
    static const struct tlb_geometry l1d[] = { { 64, 4, 0 }, { 32, 4, 0 }, { 4, 4, 0 } },
                                     l1i[] = { { 128, 8, 0 }, { 8, 8, 0 }, { 0, 0, 0 } },
                                     l2[] = { { 1536, 12, 0 }, { 0, 0, 0 }, { 0, 0, 0 } },
                                     psc[] = { { 32, 8, 0 }, { 8, 8, 0 }, { 4, 4, 0 },
                                               { 2, 2, 0 } };
    for (unsigned i = 0; i < PAGE_SIZE_COUNT; i++) {
        expect_array(unit->l1d.array[i], l1d[i].entries, l1d[i].ways);
        expect_array(unit->l1i.array[i], l1i[i].entries, l1i[i].ways);
        expect_array(unit->l2.array[i], l2[i].entries, l2[i].ways);
    }
    for (unsigned i = 0; i < PSC_COUNT; i++)
        expect_array(unit->psc[i], psc[i].entries, psc[i].ways);
    cr_expect_eq(unit->l2.array_of[PAGE_2M], PAGE_4K);
    cr_expect_eq(unit->l2.array_of[PAGE_1G], TLB_NO_ARRAY);
    cr_expect_eq(unit->l1i.array_of[PAGE_1G], TLB_NO_ARRAY);
}

Test(preset, values_of_calibration)
{
    static const struct {
        const char *name;
        enum cost cost;
        uint64_t cycles;
    } prices[] = {
        { "skylake-sp", COST_INVLPG, 220 },        { "skylake-sp", COST_IRQL, 20 },
        { "skylake-sp", COST_FAULT, 1945 },        { "skylake-sp", COST_IPI, 1350 },
        { "skylake-sp", COST_ZERO, 1365 },         { "skylake-sp", COST_POOL, 60 },
        { "skylake-sp", COST_POOL_PAGE, 190 },     { "skylake-sp", COST_MMIO, 2250 },
        { "skylake-sp", COST_MMIO_WRITE, 300 },    { "skylake-sp", COST_WALK_REFERENCE, 4 },
        { "skylake-sp", COST_WALK_L2, 14 },        { "skylake-sp", COST_MEMORY_L3, 68 },
        { "skylake-sp", COST_WALK_DRAM, 228 },     { "core2", COST_MEMORY_L3, 216 },
        { "skylake-sp", COST_CACHE_FLUSH, 2500000 }, { "core2", COST_TLB_MISS, 2 },
        { "core2", COST_COPY, 5120 },              { "nehalem", COST_MMIO, 2198 },
        { "zen5", COST_MMIO, 3195 },               { "zen5", COST_WALK, 38 },
        { "zen5", COST_IPI, 937 },                 { "alder-lake-p", COST_MEMORY, 5 },
        { "generic", COST_IPI_NEAR, 180 },         { "generic", COST_IPI_HOP, 450 },
        { "generic", COST_IPI_FAR, 3000 },         { "generic", COST_INTERRUPT, 800 },
        { "zen3", COST_INVLPGB, 1750 },            { "generic", COST_INVLPGB, 0 },
        { "core2", COST_CR3_LOAD, 0 },             { "skylake-sp", COST_FLUSH_RANGE, 68 },
    };
    for (size_t i = 0; i < COUNT_OF(prices); i++) {
        uint64_t found = find(prices[i].name)->price[prices[i].cost];
        cr_expect_eq(found, prices[i].cycles, "%s %s: %llu", prices[i].name,
                     cost_rows[prices[i].cost].key, (unsigned long long)found);
    }
    static const struct cache_geometry zen5[] = { { 48 << 10, 12, POLICY_LRU },
                                                  { 1 << 20, 16, POLICY_LRU },
                                                  { 32 << 20, 16, POLICY_LRU } };
    for (unsigned i = 0; i < CACHE_LEVEL_COUNT; i++) {
        cr_expect_eq(find("zen5")->caches.level[i].bytes, zen5[i].bytes);
        cr_expect_eq(find("zen5")->caches.level[i].ways, zen5[i].ways);
    }
    cr_expect_eq(find("skylake-sp")->walkers, 2);
    cr_expect_eq(find("zen5")->caches.l3_cpus, 8);
    cr_expect_eq(find("core2")->caches.level[CACHE_L3].ways, 0);
    cr_expect_not(find("unit")->caches.modelled);
    cr_expect_eq(find("skylake-sp")->hz, 3000000000);
    cr_expect_eq(find("zen5")->hz, 4260000000);
    cr_expect_eq(find("nehalem")->hz, 2930000000);
    cr_expect_str_eq(find("skylake-sp")->source[COST_FAULT],
                     "pf_entry + pf_exit_iret + soft_fault_sw (LINUS, estimate)");
}

Test(preset, geometry_of_calibration)
{
    const struct cpu_preset *skx = find("skylake-sp"), *zen = find("zen5"), *core2 = find("core2");
    expect_array(skx->l1d.array[PAGE_4K], 64, 4);
    expect_array(skx->l2.array[PAGE_4K], 1536, 12);
    expect_array(skx->l2.array[PAGE_1G], 16, 4);
    cr_expect_eq(skx->l2.array_of[PAGE_2M], PAGE_4K);
    cr_expect_eq(skx->l2.array_of[PAGE_1G], PAGE_1G);
    expect_array(skx->psc[PSC_PDE], 32, 8);
    expect_array(skx->psc[PSC_PML5E], 0, 0);
    expect_array(zen->l1d.array[PAGE_4K], 96, 96);
    cr_expect_eq(zen->l1d.array_of[PAGE_1G], PAGE_4K);
    expect_array(zen->l2.array[PAGE_4K], 4096, 16);
    cr_expect_eq(zen->l2.array_of[PAGE_1G], TLB_NO_ARRAY);
    expect_array(zen->psc[PSC_PDPTE], 64, 64);
    expect_array(core2->l1d.array[PAGE_4K], 16, 4);
    expect_array(core2->l2.array[PAGE_4K], 256, 4);
    cr_expect_eq(core2->l1d.array_of[PAGE_1G], TLB_NO_ARRAY);
    expect_array(core2->psc[PSC_PML4E], 0, 0);
    cr_expect_eq(find("nehalem")->l2.array_of[PAGE_2M], TLB_NO_ARRAY);
}

static void expect_known_tags(const struct preset_parameter *row)
{
    char tag[32];
    for (const char *at = row->source;; at++) {
        size_t length = strcspn(at, "+");
        cr_assert(length > 0 && length < sizeof tag, "%s %s", row->preset, row->parameter);
        memcpy(tag, at, length);
        tag[length] = '\0';
        cr_expect_not_null(preset_source_title(tag), "%s", tag);
        at += length;
        if (*at == '\0') return;
    }
}

Test(preset, every_parameter_names_known_sources)
{
    size_t count = 0;
    for (const struct preset_parameter *p = preset_parameters; p->preset != NULL; p++, count++) {
        cr_expect_not_null(preset_find(p->preset), "%s", p->preset);
        cr_expect_eq(preset_parameter_find(p->preset, p->parameter), p, "%s", p->parameter);
        expect_known_tags(p);
    }
    cr_expect_gt(count, 1000);
    cr_expect_str_eq(preset_parameter_find("skylake-sp", "l3_kib")->value, "39424");
    cr_expect_str_eq(preset_parameter_find("zen5", "dtlb_4k")->source, "VM+JG-Z5");
    cr_expect_null(preset_parameter_find("skylake-sp", "every_price"));
    cr_expect_null(preset_source_title("VM+JG-Z5"));
}

Test(preset, policies_have_names)
{
    static const char *const expected[] = { "lru", "plru", "fifo", "random" };
    for (uint64_t i = 0; i < COUNT_OF(expected); i++) {
        cr_expect_str_eq(tlb_policies.list[i].name, expected[i]);
        cr_expect_eq(tlb_policies.list[i].value, i);
    }
    cr_expect_null(tlb_policies.list[COUNT_OF(expected)].name);
}
