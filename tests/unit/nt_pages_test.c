/* Pages without addresses: what is asked, what is got, how it is given back. */
#include "kernel_machine.h"

#define PLAIN "MmAllocatePagesForMdl"
#define EX "MmAllocatePagesForMdlEx"
#define NODE "MmAllocateNodePagesForMdlEx"
#define FREE "MmFreePagesFromMdl"
enum { DONT_ZERO = 1, FULLY_REQUIRED = 4, CHUNKS = 0x20, LARGE = 0x40, HOT_REMOVE = 0x100 };

static uint64_t allocate(struct kernel_machine *km, const char *name, uint64_t low, uint64_t high,
                         uint64_t skip, uint64_t total, uint64_t flags)
{
    if (strcmp(name, PLAIN) == 0)
        return DO(km, name, { "LowAddress", low }, { "HighAddress", high }, { "SkipBytes", skip },
                  { "TotalBytes", total });
    return DO(km, name, { "LowAddress", low }, { "HighAddress", high }, { "SkipBytes", skip },
              { "TotalBytes", total }, { "CacheType", 1 }, { "Flags", flags });
}

static void free_pages(struct kernel_machine *km, uint64_t id)
{
    DO(km, FREE, { "MemoryDescriptorList", id });
}

Test(nt_pages, success)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t id = allocate(&km, PLAIN, 0, UINT64_MAX, 0, 0x2001, 0);
    struct mdl *m = kernel_mdl_of(&km, id);
    cr_assert_eq(m->byte_count, 0x3000);
    cr_assert_eq(m->flags, MDL_PAGES_LOCKED);
    cr_assert_eq(m->start_va.v, 0);
    cr_assert_eq(m->process, 0);
    cr_assert_eq(km.m.hw.cpu->flushes.full, 1);
    cr_assert_eq(km.m.hw.cpu->spent[COST_CACHE_FLUSH], 1);
    for (unsigned i = 0; i < 3; i++) {
        struct frame f = frame_peek(&km.m.mm, pfn(m->pfns[i]));
        cr_assert_eq(f.owner, OWNER_MDL);
        cr_assert_eq(f.cache, FRAME_CACHE_NONE);
    }
    cr_assert_eq(km.k.violation_count, 0);
    free_pages(&km, id);
    cr_assert_eq(m->flags, 0);
    cr_assert_eq(m->pfns[0], UINT64_MAX);
    free_pages(&km, id);
    cr_assert_str_eq(kernel_row(&km, FREE), "wrong-mdl");
    DO(&km, "ExFreePool", { "P", m->address.v });
    cr_assert_eq(km.k.objects.mdls.now, 0);
    kernel_stop(&km);
}

Test(nt_pages, the_newer_routine_neither_flushes_nor_must_zero)
{
    struct kernel_machine km;
    kernel_prepare(&km, OS_10_22H2);
    km.m.config.zeroed_percent = 0;
    kernel_up(&km);
    allocate(&km, EX, 0, UINT64_MAX, 0, 0x1000, DONT_ZERO); /* pool for the MDL is there then */
    uint64_t before = km.m.mm.frames.traffic_zeroed;
    allocate(&km, EX, 0, UINT64_MAX, 0, 0x4000, 0);
    cr_assert_eq(km.m.mm.frames.traffic_zeroed, before + 4);
    allocate(&km, EX, 0, UINT64_MAX, 0, 0x4000, DONT_ZERO);
    cr_assert_eq(km.m.mm.frames.traffic_zeroed, before + 4);
    cr_assert_eq(km.m.hw.cpu->flushes.full, 0);
    cr_assert_eq(km.m.hw.cpu->spent[COST_CACHE_FLUSH], 0);
    kernel_stop(&km);
}

Test(nt_pages, argument_rows)
{
    static const struct {
        uint64_t low, high, skip, total, flags;
        const char *row;
    } rows[] = {
        { 9, 0, 1, 0, 0x800, "zero-bytes" },
        { 9, 0, 1, 4 * GIB - PAGE_BYTES + 1, 0x800, "too-many-bytes" },
        { 9, 0, 1, 4096, 0x800, "bad-skip-bytes" },
        { 9, 0, 4096, 4096, 0x800, "bad-range" },
        { 0, UINT64_MAX, 4096, 4096, 0x800, "flag-not-in-os" },
        { 0, UINT64_MAX, 0x3000, 0x6000, CHUNKS, "bad-chunk" },
        { 0, UINT64_MAX, 0x4000, 0x6000, CHUNKS, "bad-chunk" },
        { 0, UINT64_MAX, 0x200000, 0x200000, LARGE, "bad-large-pages" },
        { 0, UINT64_MAX, 0x1000, 0x200000, CHUNKS | LARGE, "bad-large-pages" },
        { 0, UINT64_MAX, 0x200000, 0x200000, CHUNKS | LARGE, "no-large-pages" },
        { 0, UINT64_MAX, 0, 4096, HOT_REMOVE | FULLY_REQUIRED, "hot-remove-required" },
        { 0, UINT64_MAX, 0, 64 * MIB, FULLY_REQUIRED, "no-pages" },
        { 0, UINT64_MAX, 0, 64 * MIB, CHUNKS, "no-pages" },
        { 0, 0xFFE, 0, 4096, 0, "no-pages" },
        { 64 * MIB, UINT64_MAX, 0, 4096, 0, "no-pages" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kernel_machine km;
        kernel_start(&km, OS_10_22H2);
        uint64_t got = allocate(&km, EX, rows[i].low, rows[i].high, rows[i].skip, rows[i].total,
                                rows[i].flags);
        cr_assert_eq(got, 0, "%zu", i);
        cr_assert_str_eq(kernel_row(&km, EX), rows[i].row, "%zu", i);
        cr_assert_eq(km.k.objects.mdls.now, 0);
        kernel_stop(&km);
    }
}

Test(nt_pages, flags_by_version)
{
    static const struct { enum os_rank os; uint64_t flags; bool known; } rows[] = {
        { OS_VISTA, 0x3, true }, { OS_VISTA, 0x4, false }, { OS_7, 0x3C, true },
        { OS_7, 0x40, false }, { OS_8, 0x100, false }, { OS_10_1507, 0x100, true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kernel_machine km;
        kernel_start(&km, rows[i].os);
        allocate(&km, EX, 0, UINT64_MAX, 0, 4096, rows[i].flags);
        cr_assert_eq(strcmp(kernel_row(&km, EX), "flag-not-in-os") != 0, rows[i].known, "%zu", i);
        kernel_stop(&km);
    }
}

Test(nt_pages, irql_rows)
{
    static const struct {
        const char *name;
        enum os_rank os;
        uint32_t irql;
        const char *row;
    } rows[] = {
        { PLAIN, OS_10_22H2, 3, "irql-too-high" },
        { PLAIN, OS_10_22H2, 2, "irql-dispatch" },
        { PLAIN, OS_VISTA, 2, "irql-too-high-before-2008" },
        { EX, OS_VISTA, 2, "irql-dispatch" },
        { EX, OS_VISTA, 3, "irql-too-high" },
        { NODE, OS_8, 2, "" },
        { NODE, OS_8, 3, "irql-too-high" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kernel_machine km;
        kernel_start(&km, rows[i].os);
        km.m.mm.irql = rows[i].irql;
        uint64_t id = allocate(&km, rows[i].name, 0, UINT64_MAX, 0, 4096, 0);
        cr_assert_str_eq(kernel_row(&km, rows[i].name), rows[i].row, "%zu", i);
        bool performed = rows[i].irql == 2 && strstr(rows[i].row, "before") == NULL;
        cr_assert_eq(id != 0, performed, "%zu", i);
        if (performed) cr_assert_eq(km.k.errors, 0);
        kernel_stop(&km);
    }
}

Test(nt_pages, windows_move_on)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    /* One page a MiB; the last one's range would be above RAM. */
    uint64_t id = allocate(&km, PLAIN, MIB, MIB + 4095, MIB, 32 * PAGE_BYTES, 0);
    struct mdl *m = kernel_mdl_of(&km, id);
    cr_assert_eq(mdl_page_count(m), 16);
    for (uint64_t i = 0; i < 16; i++) cr_assert_eq(m->pfns[i], (i + 1) * 256);
    cr_assert(kernel_broke(&km, "C4-141"));
    /* A single range gives what it has. */
    id = allocate(&km, PLAIN, MIB, MIB + 4 * PAGE_BYTES - 1, 0, 32 * PAGE_BYTES, 0);
    cr_assert_eq(mdl_page_count(kernel_mdl_of(&km, id)), 3, "one of the four is taken");
    /* Ranges far from any RAM end at once. */
    id = allocate(&km, PLAIN, TIB, TIB + 4095, 4096, PAGE_BYTES, 0);
    cr_assert_eq(id, 0);
    kernel_stop(&km);
}

Test(nt_pages, contiguous_chunks)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t id = allocate(&km, EX, 0, UINT64_MAX, 0, 0x5000, CHUNKS);
    struct mdl *m = kernel_mdl_of(&km, id);
    for (uint64_t i = 1; i < 5; i++) cr_assert_eq(m->pfns[i], m->pfns[0] + i);
    id = allocate(&km, EX, 0, UINT64_MAX, 0x4000, 0x8000, CHUNKS);
    m = kernel_mdl_of(&km, id);
    cr_assert_eq(mdl_page_count(m), 8);
    for (uint64_t i = 0; i < 8; i++) {
        cr_assert_eq(m->pfns[i], m->pfns[i & 4] + (i & 3));
        cr_assert_eq(m->pfns[i & 4] % 4, 0);
    }
    /* More chunks than there are: some of them. */
    id = allocate(&km, EX, 0, UINT64_MAX, 4 * MIB, 64 * MIB, CHUNKS);
    cr_assert_eq(kernel_mdl_of(&km, id)->byte_count % (4 * MIB), 0);
    cr_assert_lt(kernel_mdl_of(&km, id)->byte_count, 64 * MIB);
    kernel_stop(&km);
}

Test(nt_pages, node_number)
{
    struct kernel_machine km;
    kernel_start(&km, OS_8);
    DO(&km, NODE, { "HighAddress", UINT64_MAX }, { "TotalBytes", 4096 }, { "CacheType", 1 },
       { "IdealNode", 1 });
    cr_assert_str_eq(kernel_row(&km, NODE), "bad-node");
    kernel_stop(&km);
}

Test(nt_pages, free_unmaps_from_windows_7_on)
{
    static const struct { enum os_rank os; uint64_t ptes; } rows[] = { { OS_7, 0 },
                                                                       { OS_VISTA, 2 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kernel_machine km;
        kernel_start(&km, rows[i].os);
        uint64_t id = kernel_pages_mdl(&km, 0x2000);
        DO(&km, "MmGetSystemAddressForMdlSafe", { "Mdl", id }, { "Priority", 16 });
        free_pages(&km, id);
        cr_assert_eq(km.m.mm.syspte.in_use.now, rows[i].ptes);
        cr_assert_eq(kernel_broke(&km, "pages_freed_mapped"), rows[i].ptes != 0);
        kernel_stop(&km);
    }
}

Test(nt_pages, free_rows)
{
    struct kernel_machine km;
    kernel_start(&km, OS_10_22H2);
    uint64_t id = kernel_pages_mdl(&km, 0x2000);
    struct mdl *m = kernel_mdl_of(&km, id);
    uint64_t locked = kernel_locked_mdl(&km, KERNEL_USER, 0x1000);
    free_pages(&km, locked);
    cr_assert_str_eq(kernel_row(&km, FREE), "wrong-mdl");
    uint64_t frame = m->pfns[1];
    static const uint64_t wrong[] = { UINT64_MAX, 5, KERNEL_BAR >> PAGE_SHIFT_BITS };
    for (size_t i = 0; i <= COUNT_OF(wrong); i++) {
        m->pfns[1] = i < COUNT_OF(wrong) ? wrong[i] : m->pfns[0];
        free_pages(&km, id);
        cr_assert_str_eq(kernel_row(&km, FREE), "frame-changed", "%zu", i);
        cr_assert_eq(km.last.stop.p[0], 0x1236);
        cr_assert_eq(km.last.stop.p[3], m->pfns[1]);
    }
    m->pfns[1] = frame;
    frame_lock(&km.m.mm, pfn(frame));
    free_pages(&km, id);
    cr_assert_eq(km.last.stop.code, BC_PFN_LIST_CORRUPT);
    cr_assert_eq(km.last.stop.p[0], 0x9A);
    cr_assert_eq(km.last.stop.p[1], frame);
    frame_unlock(&km.m.mm, pfn(frame));
    free_pages(&km, id);
    cr_assert_str_eq(kernel_row(&km, FREE), "");
    kernel_stop(&km);
}
