/* Memory types: the tables of the manuals, ranges, and what accesses cost. */
#include "space_machine.h"

/* SDM volume 3A, table 12-7, written down row by row: range, PAT, effective. */
static const char *const rows[] = {
    "UC UC UC", "UC UC- UC", "UC WC WC", "UC WT UC", "UC WB UC", "UC WP UC",
    "WC UC UC", "WC UC- WC", "WC WC WC", "WC WT UC", "WC WB WC", "WC WP UC",
    "WT UC UC", "WT UC- UC", "WT WC WC", "WT WT WT", "WT WB WT", "WT WP WP",
    "WB UC UC", "WB UC- UC", "WB WC WC", "WB WT WT", "WB WB WB", "WB WP WP",
    "WP UC UC", "WP UC- WC", "WP WC WC", "WP WT WT", "WP WB WP", "WP WP WP",
};

static enum memory_type type_of(const char *word, size_t length)
{
    static const char *const names[] = { [TYPE_WB] = "WB", [TYPE_WT] = "WT",
                                         [TYPE_WP] = "WP", [TYPE_WC] = "WC",
                                         [TYPE_UC_MINUS] = "UC-", [TYPE_UC] = "UC" };
    unsigned i = 0;
    while (i < COUNT_OF(names) &&
           (strlen(names[i]) != length || memcmp(names[i], word, length) != 0))
        i++;
    cr_assert_lt(i, COUNT_OF(names), "%s", word);
    return (enum memory_type)i;
}

Test(memory_type, every_combination_is_that_of_the_manual)
{
    bool seen[TYPE_COUNT][TYPE_COUNT] = { 0 };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *pat = strchr(rows[i], ' ') + 1, *effective = strchr(pat, ' ') + 1;
        enum memory_type range = type_of(rows[i], (size_t)(pat - 1 - rows[i]));
        enum memory_type entry = type_of(pat, (size_t)(effective - 1 - pat));
        seen[range][entry] = true;
        cr_expect_eq(memory_type_effective(entry, range), type_of(effective, strlen(effective)),
                     "%s", rows[i]);
    }
    for (unsigned range = 0; range < TYPE_COUNT; range++)
        for (unsigned pat = 0; pat < TYPE_COUNT; pat++)
            cr_expect(seen[range][pat] || range == TYPE_UC_MINUS, "%u %u", range, pat);
}

Test(memory_type, the_pat_index_is_made_of_three_bits)
{
    static const enum memory_type pat[4] = { TYPE_WB, TYPE_WC, TYPE_UC_MINUS, TYPE_UC };
    for (unsigned i = 0; i < 8; i++) {
        uint64_t bits = PTE_PRESENT | (i & 1 ? PTE_PWT : 0) | (i & 2 ? PTE_PCD : 0);
        uint64_t small = bits | (i & 4 ? PTE_PAT_4K : 0);
        uint64_t large = bits | PTE_LARGE | (i & 4 ? PTE_PAT_LARGE : 0);
        cr_expect_eq(memory_type_of_entry(small, LEVEL_PT), pat[i % 4]);
        cr_expect_eq(memory_type_of_entry(large, LEVEL_PD), pat[i % 4]);
        cr_expect_eq(memory_type_of_entry(large, LEVEL_PDPT), pat[i % 4]);
    }
}

Test(memory_type, ranges_come_before_ram)
{
    struct machine m;
    machine_start(&m, 1000); /* RAM is frames 1 to 1000 */
    const struct type_range types[] = { { pfn(100), 10, TYPE_UC }, { pfn(2000), 512, TYPE_WC } };
    m.hw.types = types;
    m.hw.type_count = COUNT_OF(types);
    static const struct {
        uint64_t frame;
        enum memory_type type;
    } frames[] = { { 0, TYPE_UC },     { 1, TYPE_WB },     { 99, TYPE_WB },   { 100, TYPE_UC },
                   { 109, TYPE_UC },   { 110, TYPE_WB },   { 1000, TYPE_WB }, { 1001, TYPE_UC },
                   { 1999, TYPE_UC },  { 2000, TYPE_WC },  { 2511, TYPE_WC }, { 2512, TYPE_UC } };
    for (size_t i = 0; i < COUNT_OF(frames); i++)
        cr_expect_eq(memory_type_of_frame(&m.hw, pfn(frames[i].frame)), frames[i].type, "%zu", i);
    for (uint64_t first = 0; first < 130; first++) {
        for (uint64_t count = 1; count < 30; count++) {
            bool alike = true;
            for (uint64_t f = first; f < first + count; f++)
                alike = alike && memory_type_of_frame(&m.hw, pfn(f)) ==
                                     memory_type_of_frame(&m.hw, pfn(first));
            cr_expect_eq(memory_types_alike(&m.hw, pfn(first), count), alike);
        }
    }
    cr_expect(memory_types_alike(&m.hw, pfn(2000), 512));
    cr_expect_not(memory_types_alike(&m.hw, pfn(2000), 513));
    cr_expect(memory_types_alike(&m.hw, pfn(4096), (uint64_t)1 << 40));
    machine_stop(&m);
}

static uint64_t spent(const struct machine *m, enum cost cost) { return m->hw.cpu->spent[cost]; }

static void store(struct machine *m, enum memory_type type, uint64_t at, uint64_t bytes)
{
    uint64_t entry = (uint64_t)type << TRANSLATION_TYPE_SHIFT;
    memory_access_typed(&m->hw, entry, pa(at), bytes, ACCESS_WRITE);
}

Test(memory_type, combined_stores_cost_by_the_line)
{
    struct machine m;
    machine_start(&m, 1000);
    for (uint64_t i = 0; i < 16; i++) store(&m, TYPE_WC, 0x10000 + 8 * i, 8);
    cr_expect_eq(spent(&m, COST_MMIO_WC), 2);
    memory_close_lines(&m.hw);
    m.hw.cpu->spent[COST_MMIO_WC] = 0;
    for (uint64_t i = 0; i < 15; i++) store(&m, TYPE_WC, 0x10004 + 8 * i, 8); /* but for 8 bytes */
    cr_expect_eq(spent(&m, COST_MMIO_WC), 2);
    store(&m, TYPE_WC, 0x10000 + 60, 8); /* in both lines, which are open */
    cr_expect_eq(spent(&m, COST_MMIO_WC), 2);
    for (uint64_t i = 0; i < WRITE_BUFFERS; i++) store(&m, TYPE_WC, 0x20000 + 64 * i, 4);
    cr_expect_eq(spent(&m, COST_MMIO_WC), 2 + WRITE_BUFFERS);
    store(&m, TYPE_WC, 0x10000, 4); /* pushed out meanwhile */
    cr_expect_eq(spent(&m, COST_MMIO_WC), 3 + WRITE_BUFFERS);
    store(&m, TYPE_UC, 0x90000, 4); /* drains the buffers */
    cr_expect_eq(spent(&m, COST_MMIO_WRITE), 1);
    store(&m, TYPE_WC, 0x10000, 4);
    cr_expect_eq(spent(&m, COST_MMIO_WC), 4 + WRITE_BUFFERS);
    memory_access_typed(&m.hw, (uint64_t)TYPE_WC << TRANSLATION_TYPE_SHIFT, pa(0x10000), 4,
                        ACCESS_READ);
    cr_expect_eq(spent(&m, COST_MMIO), 1);
    store(&m, TYPE_WC, 0x10000, 4); /* so does a read of such memory */
    cr_expect_eq(spent(&m, COST_MMIO_WC), 5 + WRITE_BUFFERS);
    memory_access_typed(&m.hw, (uint64_t)TYPE_WT << TRANSLATION_TYPE_SHIFT, pa(0x1000), 8,
                        ACCESS_READ);
    cr_expect_eq(spent(&m, COST_MEMORY), 1);
    store(&m, TYPE_WT, 0x1000, 8);
    cr_expect_eq(spent(&m, COST_MMIO_WRITE), 2);
    machine_stop(&m);
}

Test(memory_type, a_line_closes_when_it_is_full)
{
    struct machine m;
    machine_start(&m, 1000);
    static const struct {
        uint64_t at, bytes, lines; /* opened by then */
    } stores[] = {
        { 0x10008, 56, 1 }, { 0x10008, 56, 1 }, { 0x10000, 7, 1 },  { 0x10007, 1, 1 },  /* full */
        { 0x10010, 8, 2 },  { 0x1003C, 8, 3 },  { 0x10000, 60, 3 }, { 0x10000, 1, 4 },  /* full */
        { 0x10048, 8, 4 },  { 0x20000, 64, 5 }, { 0x20000, 64, 6 }, { 0x20020, 64, 8 },
    };
    for (size_t i = 0; i < COUNT_OF(stores); i++) {
        store(&m, TYPE_WC, stores[i].at, stores[i].bytes);
        cr_expect_eq(spent(&m, COST_MMIO_WC), stores[i].lines, "row %zu", i);
    }
    machine_stop(&m);
}
