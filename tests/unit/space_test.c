/* Unit tests of mm/space: statuses in order of precedence, places, promises.
 */
#include "mm/space.h"

#include "space_machine.h"

/* ---- protections ---- */

Test(space, protections)
{
    static const struct {
        uint32_t protect;
        bool valid, read, write, execute;
        uint64_t bits;
    } rows[] = {
        { 0, false, false, false, false, 0 },
        { PROT_NOACCESS, true, false, false, false, 0 },
        { PROT_READONLY, true, true, false, false, PTE_PRESENT | PTE_USER | PTE_NO_EXECUTE },
        { PROT_READWRITE, true, true, true, false,
          PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_NO_EXECUTE },
        { PROT_WRITECOPY, true, true, true, false,
          PTE_PRESENT | PTE_USER | PTE_COPY_ON_WRITE | PTE_NO_EXECUTE },
        { PROT_EXECUTE, true, true, false, true, PTE_PRESENT | PTE_USER },
        { PROT_EXECUTE_READ, true, true, false, true, PTE_PRESENT | PTE_USER },
        { PROT_EXECUTE_READWRITE, true, true, true, true, PTE_PRESENT | PTE_USER | PTE_WRITE },
        { PROT_EXECUTE_WRITECOPY, true, true, true, true,
          PTE_PRESENT | PTE_USER | PTE_COPY_ON_WRITE },
        { PROT_READWRITE | PROT_GUARD, true, true, true, false, 0 },
        { PROT_READONLY | PROT_NOCACHE, true, true, false, false,
          PTE_PRESENT | PTE_USER | PTE_NO_EXECUTE | PTE_PCD | PTE_PWT },
        { PROT_READONLY | PROT_WRITECOMBINE, true, true, false, false,
          PTE_PRESENT | PTE_USER | PTE_NO_EXECUTE | PTE_PWT },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_expect_eq(protect_is_valid(rows[i].protect), rows[i].valid, "row %zu", i);
        cr_expect_eq(protect_permits(rows[i].protect, ACCESS_READ), rows[i].read, "row %zu", i);
        cr_expect_eq(protect_permits(rows[i].protect, ACCESS_WRITE), rows[i].write, "row %zu", i);
        cr_expect_eq(protect_permits(rows[i].protect, ACCESS_EXECUTE), rows[i].execute, "row %zu",
                     i);
        cr_expect_eq(protect_bits(rows[i].protect), rows[i].bits, "row %zu", i);
    }
}

Test(space, invalid_protections)
{
    static const uint32_t rows[] = { 3,
                                     6,
                                     0xFF,
                                     0x800,
                                     PROT_READWRITE | 0x1000,
                                     PROT_GUARD,
                                     PROT_NOACCESS | PROT_GUARD,
                                     PROT_NOACCESS | PROT_NOCACHE,
                                     PROT_READWRITE | PROT_GUARD | PROT_NOCACHE,
                                     PROT_READWRITE | PROT_NOCACHE | PROT_WRITECOMBINE };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_not(protect_is_valid(rows[i]), "row %zu", i);
}

/* ---- statuses ---- */

/* What every status test works on. */
enum {
    PLAIN = 0x100000,   /* 4 pages committed, PAGE_READWRITE */
    PARTIAL = 0x200000, /* 16 pages reserved, pages 4 to 7 committed */
    VIEW = 0x300000,    /* 2 pages of a section, PAGE_WRITECOPY */
    MAPPED = 0x400000,  /* 2 pages of MDL 7 */
    SECURED = 0x500000, /* 4 pages, page 1 secured READWRITE, page 3 READONLY */
};

static struct process *populate(struct machine *m)
{
    struct process *p = machine_process(m);
    va_t at = va(PARTIAL);
    uint64_t bytes = 16 * PAGE_BYTES;
    machine_map(m, p, PLAIN, 4, PROT_READWRITE);
    cr_assert_eq(space_reserve(&m->mm, p, &at, &bytes, PROT_READWRITE, false, false), ST_SUCCESS);
    cr_assert_eq(space_commit(&m->mm, p, va(PARTIAL + 0x4000), 0x4000, PROT_READWRITE), ST_SUCCESS);
    at = va(VIEW);
    uint32_t section = section_new(&m->mm, 2);
    cr_assert_eq(space_map_view(&m->mm, p, &at, 0, section, PROT_WRITECOPY), ST_SUCCESS);
    const uint64_t frames[] = { 100, 101 };
    cr_assert_eq(
        space_map_mdl(&m->mm, p, va(MAPPED), frames, 2, PTE_WRITE | PTE_NO_EXECUTE,
                      LEVEL_PT, 1, 7, &at),
        ST_SUCCESS);
    machine_map(m, p, SECURED, 4, PROT_READWRITE);
    machine_secure(m, p, SECURED + 0x1000, 1, PROT_READWRITE);
    machine_secure(m, p, SECURED + 0x3000, 1, PROT_READONLY);
    machine_check(m);
    return p;
}

enum operation { RESERVE, COMMIT, DECOMMIT, RELEASE, PROTECT };

struct status_row {
    enum operation operation;
    uint64_t at, bytes;
    uint32_t protect, status;
};

static uint32_t perform(struct mm *mm, struct process *p, const struct status_row *row)
{
    va_t at = va(row->at);
    uint64_t bytes = row->bytes;
    uint32_t old;
    switch (row->operation) {
    case RESERVE:
        return space_reserve(mm, p, &at, &bytes, row->protect, false, false);
    case COMMIT:
        return space_commit(mm, p, at, bytes, row->protect);
    case DECOMMIT:
        return space_decommit(mm, p, at, bytes);
    case RELEASE:
        return space_release(mm, p, &at, &bytes);
    default:
        return space_protect(mm, p, at, bytes, row->protect, &old);
    }
}

static const struct status_row status_rows[] = {
    { RESERVE, 1, 0, PROT_WRITECOPY, ST_INVALID_PAGE_PROTECTION },
    { RESERVE, 1, 0, PROT_READWRITE, ST_INVALID_PARAMETER_4 },
    { RESERVE, 0xFFFF, 1, PROT_READWRITE, ST_INVALID_PARAMETER_2 },
    { RESERVE, 0x00007FFFFFFF0000, 1, PROT_READWRITE, ST_INVALID_PARAMETER_2 },
    { RESERVE, 0x00007FFFFFFE0000, 0x10001, PROT_READWRITE, ST_INVALID_PARAMETER_2 },
    { RESERVE, PLAIN, UINT64_MAX, PROT_READWRITE, ST_INVALID_PARAMETER_2 },
    { RESERVE, 0, UINT64_MAX, PROT_READWRITE, ST_NO_MEMORY },
    { RESERVE, 0, 0x00007FFFFFFE0000, PROT_READWRITE, ST_NO_MEMORY },
    { RESERVE, PLAIN - 1, 2, PROT_READWRITE, ST_CONFLICTING_ADDRESSES },
    { RESERVE, PLAIN + 0x4000, 1, PROT_READWRITE, ST_CONFLICTING_ADDRESSES }, /* rounded down */
    { RESERVE, MAPPED, 1, PROT_READWRITE, ST_CONFLICTING_ADDRESSES },
    { RESERVE, VIEW, 1, PROT_READWRITE, ST_CONFLICTING_ADDRESSES },
    { RESERVE, PLAIN + 0x10000, 1, PROT_READWRITE, ST_SUCCESS },
    { RESERVE, 0x00007FFFFFFE0000, 0x10000, PROT_READWRITE, ST_SUCCESS },
    { COMMIT, PLAIN, 0, PROT_NOACCESS | PROT_GUARD, ST_INVALID_PAGE_PROTECTION },
    { COMMIT, PLAIN, 0, PROT_READWRITE, ST_INVALID_PARAMETER_4 },
    { COMMIT, PLAIN, UINT64_MAX, PROT_READWRITE, ST_INVALID_PARAMETER_2 },
    { COMMIT, PLAIN - 0x1000, 1, PROT_READWRITE, ST_CONFLICTING_ADDRESSES },
    { COMMIT, PLAIN + 0x3FFF, 2, PROT_READWRITE, ST_CONFLICTING_ADDRESSES },
    { COMMIT, MAPPED, 1, PROT_READWRITE, ST_CONFLICTING_ADDRESSES },
    { COMMIT, VIEW, 1, PROT_READWRITE, ST_ALREADY_COMMITTED },
    { COMMIT, SECURED, 0x2000, PROT_READONLY, ST_INVALID_PAGE_PROTECTION },
    { COMMIT, SECURED, 0x4000, PROT_EXECUTE_READWRITE, ST_SUCCESS },
    { COMMIT, PARTIAL, 0x10000, PROT_READONLY, ST_SUCCESS },
    { DECOMMIT, 0x00007FFFFFFF0000, 1, 0, ST_INVALID_PARAMETER_2 },
    { DECOMMIT, PLAIN, UINT64_MAX, 0, ST_INVALID_PARAMETER_3 },
    { DECOMMIT, PLAIN + 0x4000, 1, 0, ST_MEMORY_NOT_ALLOCATED },
    { DECOMMIT, PLAIN + 0x3FFF, 2, 0, ST_UNABLE_TO_FREE_VM },
    { DECOMMIT, MAPPED + 0x1000, 0, 0, ST_UNABLE_TO_DELETE_SECTION },
    { DECOMMIT, VIEW + 0x1000, 1, 0, ST_UNABLE_TO_DELETE_SECTION },
    { DECOMMIT, PLAIN + 0x1000, 0, 0, ST_FREE_VM_NOT_AT_BASE },
    { DECOMMIT, SECURED + 0x1FFF, 1, 0, ST_INVALID_PAGE_PROTECTION },
    { DECOMMIT, SECURED + 0x2000, 1, 0, ST_SUCCESS },
    { DECOMMIT, PARTIAL, 0x10000, 0, ST_SUCCESS },
    { DECOMMIT, PLAIN, 0, 0, ST_SUCCESS },
    { RELEASE, 0xFFFFF88000000000, 0, 0, ST_INVALID_PARAMETER_2 },
    { RELEASE, 0x10000, 0, 0, ST_MEMORY_NOT_ALLOCATED },
    { RELEASE, PLAIN, 0x4001, 0, ST_UNABLE_TO_FREE_VM },
    { RELEASE, MAPPED, 0, 0, ST_UNABLE_TO_DELETE_SECTION },
    { RELEASE, VIEW + 0x1000, 0, 0, ST_UNABLE_TO_DELETE_SECTION },
    { RELEASE, SECURED + 0x1000, 0, 0, ST_FREE_VM_NOT_AT_BASE },
    { RELEASE, PLAIN + 0x1000, 0x1000, 0, ST_FREE_VM_NOT_AT_BASE },
    { RELEASE, SECURED, 0, 0, ST_INVALID_PAGE_PROTECTION },
    { RELEASE, SECURED, 0x1000, 0, ST_SUCCESS },
    { RELEASE, PLAIN, 0, 0, ST_SUCCESS },
    { PROTECT, PLAIN, 0, 0, ST_INVALID_PARAMETER_3 },
    { PROTECT, UINT64_MAX, 1, 0, ST_INVALID_PARAMETER_2 },
    { PROTECT, PLAIN + 0x4000, 1, 0, ST_CONFLICTING_ADDRESSES },
    { PROTECT, PLAIN + 0x3FFF, 2, 0, ST_CONFLICTING_ADDRESSES },
    { PROTECT, MAPPED, 1, PROT_READWRITE, ST_CONFLICTING_ADDRESSES },
    { PROTECT, PARTIAL, 1, PROT_WRITECOPY, ST_INVALID_PAGE_PROTECTION },
    { PROTECT, PARTIAL, 1, PROT_READWRITE, ST_NOT_COMMITTED },
    { PROTECT, PARTIAL + 0x7FFF, 2, PROT_READWRITE, ST_NOT_COMMITTED },
    { PROTECT, SECURED + 0x1000, 1, PROT_NOACCESS, ST_INVALID_PAGE_PROTECTION },
    { PROTECT, SECURED + 0x1000, 1, PROT_READONLY, ST_INVALID_PAGE_PROTECTION },
    { PROTECT, SECURED + 0x1000, 1, PROT_EXECUTE_READ, ST_INVALID_PAGE_PROTECTION },
    { PROTECT, SECURED + 0x1000, 1, PROT_READWRITE | PROT_GUARD, ST_INVALID_PAGE_PROTECTION },
    { PROTECT, SECURED + 0x3000, 1, PROT_NOACCESS, ST_INVALID_PAGE_PROTECTION },
    { PROTECT, SECURED + 0x3000, 1, PROT_READONLY | PROT_GUARD, ST_INVALID_PAGE_PROTECTION },
    { PROTECT, SECURED + 0x3000, 1, PROT_READONLY, ST_SUCCESS },
    { PROTECT, SECURED + 0x1000, 1, PROT_EXECUTE_READWRITE, ST_SUCCESS },
    { PROTECT, SECURED, 1, PROT_NOACCESS, ST_SUCCESS },
    { PROTECT, VIEW, 0x2000, PROT_READONLY, ST_SUCCESS },
    { PROTECT, PARTIAL + 0x4000, 0x4000, PROT_NOACCESS, ST_SUCCESS },
};

Test(space, statuses)
{
    for (size_t i = 0; i < COUNT_OF(status_rows); i++) {
        static struct machine m;
        machine_start(&m, 1000);
        struct process *p = populate(&m);
        uint32_t status = perform(&m.mm, p, &status_rows[i]);
        cr_expect_eq(status, status_rows[i].status, "row %zu: %x, not %x", i, status,
                     status_rows[i].status);
        machine_check(&m);
        machine_stop(&m);
    }
}

Test(space, promises_bind_while_they_live)
{
    struct machine m;
    machine_start(&m, 1000);
    struct process *p = populate(&m);
    va_t at = va(SECURED);
    uint64_t bytes = 0;
    struct process *other = process_new(&m.mm, "other");
    machine_map(&m, other, SECURED, 4, PROT_READWRITE);
    cr_assert_eq(space_release(&m.mm, other, &at, &bytes), ST_SUCCESS);
    bytes = 0;
    cr_assert_eq(space_release(&m.mm, p, &at, &bytes), ST_INVALID_PAGE_PROTECTION);
    m.mm.secures[0].live = m.mm.secures[1].live = false;
    cr_assert_eq(space_release(&m.mm, p, &at, &bytes), ST_SUCCESS);
    cr_assert_eq(bytes, 4 * PAGE_BYTES);
    machine_stop(&m);
}

/* ---- places ---- */

Test(space, lowest_and_highest_gap)
{
    struct machine m;
    machine_start(&m, 1000);
    struct process *p = machine_process(&m);
    static const struct {
        uint64_t bytes;
        bool top_down;
        uint64_t at;
    } rows[] = {
        { 1, false, 0x10000 },
        { 0x10001, false, 0x20000 },
        { 0x10000, false, 0x40000 },
        { 1, true, 0x00007FFFFFFE0000 },
        { 0x10001, true, 0x00007FFFFFFC0000 },
        { 0xF000, true, 0x00007FFFFFFB0000 },
        { 0x1000, false, 0x50000 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        va_t at = va(0);
        uint64_t bytes = rows[i].bytes;
        cr_assert_eq(space_reserve(&m.mm, p, &at, &bytes, PROT_READWRITE, false, rows[i].top_down),
                     ST_SUCCESS);
        cr_expect_eq(at.v, rows[i].at, "row %zu: %lx", i, (unsigned long)at.v);
        cr_expect_eq(bytes, (rows[i].bytes + PAGE_MASK) & ~PAGE_MASK, "row %zu", i);
    }
    va_t hole = va(0x20000);
    uint64_t all = 0;
    cr_assert_eq(space_release(&m.mm, p, &hole, &all), ST_SUCCESS);
    hole = va(0);
    all = 0x20000;
    cr_assert_eq(space_reserve(&m.mm, p, &hole, &all, PROT_READWRITE, false, false), ST_SUCCESS);
    cr_assert_eq(hole.v, 0x20000);
    machine_check(&m);
    machine_stop(&m);
}

Test(space, a_release_from_the_base_leaves_a_reservation)
{
    struct machine m;
    machine_start(&m, 1000);
    struct process *p = machine_process(&m);
    machine_map(&m, p, PLAIN, 8, PROT_READWRITE);
    va_t at = va(PLAIN + 5);
    uint64_t bytes = 0x1000;
    cr_assert_eq(space_release(&m.mm, p, &at, &bytes), ST_SUCCESS);
    cr_assert_eq(at.v, PLAIN);
    cr_assert_eq(bytes, 0x2000); /* both pages that the bytes touch */
    cr_assert_null(space_area_at(p, va(PLAIN + 0x1000)));
    cr_assert_eq(space_area_at(p, va(PLAIN + 0x2000))->base_page, (PLAIN + 0x2000) / PAGE_BYTES);
    cr_assert_eq(p->committed_bytes.now, 6 * PAGE_BYTES);
    machine_check(&m);
    at = va(PLAIN + 0x2000);
    bytes = 0;
    cr_assert_eq(space_release(&m.mm, p, &at, &bytes), ST_SUCCESS);
    cr_assert_eq(p->area_count, 0);
    machine_stop(&m);
}

/* ---- MDLs ---- */

Test(space, mdl_mappings)
{
    static const struct {
        uint64_t requested, pages;
        uint32_t status;
    } rows[] = {
        { MAPPED + 0x2001, 2, ST_INVALID_ADDRESS },
        { 0x00007FFFFFFDF000, 2, ST_INVALID_ADDRESS },
        { 0x00007FFFFFFF0000, 1, ST_INVALID_ADDRESS },
        { 0xFFFFF88000000000, 1, ST_INVALID_ADDRESS },
        { 0x1000, 1, ST_INVALID_ADDRESS },
        { MAPPED, 1, ST_CONFLICTING_ADDRESSES },
        { PARTIAL - 0x1000, 2, ST_CONFLICTING_ADDRESSES },
        { MAPPED + 0x2000, 2, ST_SUCCESS },
        { 0x00007FFFFFFDE000, 2, ST_SUCCESS }, /* ends where the last 64 KiB begin */
        { 0, 2, ST_SUCCESS },
    };
    static const uint64_t frames[] = { 200, 300 };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static struct machine m;
        machine_start(&m, 1000);
        struct process *p = populate(&m);
        va_t at = va(1);
        uint32_t status = space_map_mdl(&m.mm, p, va(rows[i].requested), frames, rows[i].pages,
                                        PTE_NO_EXECUTE, LEVEL_PT, 1, 9, &at);
        cr_expect_eq(status, rows[i].status, "row %zu: %x", i, status);
        machine_check(&m);
        if (status == ST_SUCCESS) {
            uint64_t entry = paging_entry(&m.hw, &p->map, va_add(at, PAGE_BYTES));
            cr_expect_eq(entry, pte_make(pfn(300), PTE_PRESENT | PTE_USER | PTE_NO_EXECUTE));
            cr_expect_not(space_unmap_mdl(&m.mm, p, at, 8));
            cr_expect_not(space_unmap_mdl(&m.mm, p, va_add(at, PAGE_BYTES), 9));
            cr_expect(space_unmap_mdl(&m.mm, p, at, 9));
            cr_expect_not(space_unmap_mdl(&m.mm, p, at, 9));
            cr_expect_eq(paging_entry(&m.hw, &p->map, at), 0);
        }
        machine_check(&m);
        machine_stop(&m);
    }
}
