/* Unit tests of mm/fault: how accesses end, what they count and cost, and the bulk variant. */
#include "mm/fault.h"

#include "mm/stale.h"
#include "space_machine.h"

enum { BUFFER = 0x100000 };

static struct touch driver_touch(struct machine *m, uint64_t at, enum access_type type)
{
    return mm_touch(&m->mm, va(at), type, false, true);
}

Test(fault, demand_zero_is_looked_up_once)
{
    struct machine m;
    machine_start(&m, 1000);
    struct process *p = machine_process(&m);
    machine_map(&m, p, BUFFER, 4, PROT_READWRITE);
    const struct cpu *cpu = m.hw.cpu;
    struct touch t = driver_touch(&m, BUFFER + 5, ACCESS_WRITE);
    cr_assert_eq(t.end, TOUCH_OK);
    cr_assert(t.faulted && t.walked && !t.hit && !t.stale);
    cr_assert_eq(t.at.v & PAGE_MASK, 5);
    cr_assert_eq(t.entry & (PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_DIRTY | PTE_GLOBAL),
                 PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_DIRTY);
    cr_assert_eq(cpu->l1d.counts.lookups, 1);
    cr_assert_eq(cpu->walks.count, 1);
    cr_assert_eq(cpu->spent[COST_FAULT], 1);
    cr_assert_eq(m.mm.faults.demand_zero, 1);
    cr_assert_eq(p->working_set.now, PAGE_BYTES);
    cr_assert_eq(p->private_frames.now, 1);
    cr_assert_eq(frame_peek(&m.mm, pa_to_pfn(t.at)).cache, FRAME_CACHED);
    uint64_t now = hw_now(&m.hw).v;
    t = driver_touch(&m, BUFFER + 9, ACCESS_READ);
    cr_assert(t.end == TOUCH_OK && t.hit && !t.walked && !t.faulted);
    cr_assert_eq(hw_now(&m.hw).v, now); /* a hit costs nothing but the access itself */
    machine_check(&m);
    machine_stop(&m);
}

Test(fault, copy_on_write_copies_once)
{
    struct machine m;
    machine_start(&m, 1000);
    struct process *one = machine_process(&m);
    va_t shared = va(0), copied = va(0);
    uint32_t section = section_new(&m.mm, 2);
    cr_assert_eq(space_map_view(&m.mm, one, &shared, 0, section, PROT_READWRITE), ST_SUCCESS);
    cr_assert_eq(space_map_view(&m.mm, one, &copied, 0, section, PROT_WRITECOPY), ST_SUCCESS);
    struct touch first = driver_touch(&m, copied.v, ACCESS_WRITE);
    cr_assert_eq(first.end, TOUCH_OK);
    cr_assert_eq(m.hw.cpu->spent[COST_FAULT], 2); /* made resident, then copied */
    cr_assert_eq(m.hw.cpu->spent[COST_COPY], 1);
    cr_assert_eq(m.mm.frames.traffic_copied, 1);
    cr_assert_eq(m.mm.faults.demand_zero, 1);
    cr_assert_eq(m.mm.faults.copy_on_write, 1);
    cr_assert_eq(one->private_frames.now, 1);
    struct touch other = driver_touch(&m, shared.v, ACCESS_WRITE);
    cr_assert_neq(pa_to_pfn(other.at).v, pa_to_pfn(first.at).v);
    cr_assert_eq(m.mm.faults.transition, 1);
    cr_assert_eq(frame_peek(&m.mm, pa_to_pfn(other.at)).shares, 2);
    cr_assert_eq(driver_touch(&m, copied.v, ACCESS_WRITE).at.v, first.at.v);
    cr_assert_eq(m.mm.faults.copy_on_write, 1);
    machine_check(&m);
    machine_stop(&m);
}

Test(fault, a_locked_frame_keeps_its_contents_when_freed)
{
    struct machine m;
    machine_start(&m, 1000);
    struct process *p = machine_process(&m);
    machine_map(&m, p, BUFFER, 1, PROT_READWRITE);
    pfn_t f;
    cr_assert_eq(mm_fault_in(&m.mm, va(BUFFER), ACCESS_WRITE, true, &f).end, TOUCH_OK);
    frame_lock(&m.mm, f);
    cr_assert_eq(space_decommit(&m.mm, p, va(BUFFER), 1), ST_SUCCESS);
    cr_assert_eq(frame_peek(&m.mm, f).locks, 1);
    frame_unlock(&m.mm, f);
    cr_assert_eq(frame_peek(&m.mm, f).locks, 0);
    machine_stop(&m);
}

/* ---- ends ---- */

/* Set up by ends_machine(). */
#define READONLY_PTE UINT64_C(0xFFFFF88000000000) /* a system PTE without W, with NX */
#define NO_TABLE UINT64_C(0xFFFFF88001800000)     /* another page table of the region */
enum { GUARDED = 0x200000, NOTHING = 0x300000, RESERVED = 0x400000, READABLE = 0x500000 };

static void ends_machine(struct machine *m)
{
    machine_start(m, 1000);
    struct process *p = machine_process(m);
    va_t at = va(RESERVED);
    uint64_t bytes = 1;
    machine_map(m, p, BUFFER, 1, PROT_READWRITE);
    machine_map(m, p, GUARDED, 1, PROT_READWRITE | PROT_GUARD);
    machine_map(m, p, READABLE, 1, PROT_READONLY);
    cr_assert_eq(space_reserve(&m->mm, p, &at, &bytes, PROT_READWRITE, false, false), ST_SUCCESS);
    cr_assert_not_null(paging_slot(&m->hw, &m->hw.system, va(READONLY_PTE)));
    paging_set(&m->hw, &m->hw.system, va(READONLY_PTE),
               pte_make(pfn(500), PTE_PRESENT | PTE_GLOBAL | PTE_NO_EXECUTE));
}

struct end_row {
    uint64_t at;
    enum access_type type;
    uint32_t irql;
    bool user, driver;
    uint32_t status; /* raised, or */
    struct stop stop;
};

#define READONLY_ENTRY (pte_make(pfn(500), PTE_PRESENT | PTE_GLOBAL | PTE_NO_EXECUTE))

static void check_end(size_t i, const struct end_row *row)
{
    static struct machine m;
    ends_machine(&m);
    m.mm.irql = row->irql;
    struct touch t = mm_touch(&m.mm, va(row->at), row->type, row->user, row->driver);
    if (row->status != 0) {
        cr_expect_eq(t.end, TOUCH_RAISES, "row %zu", i);
        cr_expect_eq(t.status, row->status, "row %zu: %x", i, t.status);
        bool guard = row->status == ST_GUARD_PAGE_VIOLATION;
        cr_expect_eq(m.mm.faults.guard_page, guard, "row %zu", i);
        cr_expect_eq(m.mm.faults.access_violation, !guard, "row %zu", i);
    } else if (row->stop.code != 0) {
        cr_expect_eq(t.end, TOUCH_STOPS, "row %zu", i);
        cr_expect_eq(t.stop.code, row->stop.code, "row %zu: %x", i, t.stop.code);
        for (int k = 0; k < 4; k++)
            cr_expect_eq(t.stop.p[k], row->stop.p[k], "row %zu p%d: %lx", i, k + 1,
                         (unsigned long)t.stop.p[k]);
    } else {
        cr_expect_eq(t.end, TOUCH_OK, "row %zu", i);
    }
    cr_expect(t.faulted || t.end == TOUCH_OK, "row %zu", i);
    m.mm.irql = 0;
    machine_check(&m);
    machine_stop(&m);
}

Test(fault, ends)
{
    const uint64_t bad = 0x0000800000000000, kernel_bad = 0xFFFF000000000000;
    const struct end_row rows[] = {
        { BUFFER, ACCESS_WRITE, 0, true, false, 0, { 0 } },
        { BUFFER, ACCESS_EXECUTE, 0, true, false, ST_ACCESS_VIOLATION, { 0 } },
        { READABLE, ACCESS_READ, 1, false, true, 0, { 0 } },
        { READABLE, ACCESS_WRITE, 0, false, true, ST_ACCESS_VIOLATION, { 0 } },
        { NOTHING, ACCESS_READ, 0, false, true, ST_ACCESS_VIOLATION, { 0 } },
        { RESERVED, ACCESS_READ, 0, false, true, ST_ACCESS_VIOLATION, { 0 } },
        { 0x00007FFFFFFF0000, ACCESS_READ, 0, false, true, ST_ACCESS_VIOLATION, { 0 } },
        { GUARDED, ACCESS_EXECUTE, 0, true, false, ST_ACCESS_VIOLATION, { 0 } },
        { GUARDED, ACCESS_WRITE, 0, true, false, ST_GUARD_PAGE_VIOLATION, { 0 } },
        { BUFFER, ACCESS_WRITE, 2, false, true, 0, { 0xD1, { BUFFER, 2, 1, 0 } } },
        { BUFFER, ACCESS_READ, 2, false, false, 0, { 0x0A, { BUFFER, 2, 0, 0 } } },
        { GUARDED, ACCESS_EXECUTE, 3, false, true, 0, { 0xD1, { GUARDED, 3, 8, 0 } } },
        { READONLY_PTE, ACCESS_READ, 0, true, false, ST_ACCESS_VIOLATION, { 0 } },
        { READONLY_PTE + 0x1000, ACCESS_READ, 0, true, false, ST_ACCESS_VIOLATION, { 0 } },
        { READONLY_PTE, ACCESS_READ, 15, false, true, 0, { 0 } },
        { READONLY_PTE,
          ACCESS_WRITE,
          0,
          false,
          true,
          0,
          { 0xBE, { READONLY_PTE, READONLY_ENTRY, 0, 0 } } },
        { READONLY_PTE,
          ACCESS_WRITE,
          2,
          false,
          true,
          0,
          { 0xBE, { READONLY_PTE, READONLY_ENTRY, 0, 0 } } },
        { READONLY_PTE,
          ACCESS_EXECUTE,
          2,
          false,
          true,
          0,
          { 0xFC, { READONLY_PTE, READONLY_ENTRY, 0, 0 } } },
        { READONLY_PTE + 0x1000,
          ACCESS_READ,
          1,
          false,
          true,
          0,
          { 0x50, { READONLY_PTE + 0x1000, 0, 0, 0 } } },
        { READONLY_PTE + 0x1000,
          ACCESS_WRITE,
          0,
          false,
          true,
          0,
          { 0x50, { READONLY_PTE + 0x1000, 2, 0, 0 } } },
        { NO_TABLE, ACCESS_EXECUTE, 0, false, true, 0, { 0x50, { NO_TABLE, 0x10, 0, 2 } } },
        { NO_TABLE, ACCESS_WRITE, 2, false, true, 0, { 0xD1, { NO_TABLE, 2, 1, 0 } } },
        { NO_TABLE, ACCESS_READ, 2, false, false, 0, { 0x0A, { NO_TABLE, 2, 0, 0 } } },
        { bad, ACCESS_READ, 0, false, true, ST_ACCESS_VIOLATION, { 0 } },
        { bad, ACCESS_READ, 2, false, true, 0, { 0xD1, { bad, 2, 0, 0 } } },
        { kernel_bad, ACCESS_READ, 0, true, false, ST_ACCESS_VIOLATION, { 0 } },
        { kernel_bad,
          ACCESS_WRITE,
          0,
          false,
          true,
          0,
          { 0x1E, { ST_ACCESS_VIOLATION, 0, 1, kernel_bad } } },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) check_end(i, &rows[i]);
}

Test(fault, system_threads_have_no_user_memory)
{
    struct machine m;
    machine_start(&m, 1000);
    machine_map(&m, machine_process(&m), BUFFER, 1, PROT_READWRITE);
    mm_switch(&m.mm, NULL);
    cr_assert_eq(driver_touch(&m, BUFFER, ACCESS_READ).status, ST_ACCESS_VIOLATION);
    pfn_t f;
    cr_assert_eq(mm_fault_in(&m.mm, va(BUFFER), ACCESS_READ, false, &f).status,
                 ST_ACCESS_VIOLATION);
    machine_stop(&m);
}

Test(fault, a_guard_is_raised_once_and_contents_survive)
{
    struct machine m;
    machine_start(&m, 1000);
    struct process *p = machine_process(&m);
    machine_map(&m, p, BUFFER, 3, PROT_READWRITE);
    uint32_t old;
    uint8_t value = 0x5A, read = 0;
    pa_t at = driver_touch(&m, BUFFER + 0x1000, ACCESS_WRITE).at;
    phys_write(&m.hw.phys, at, &value, 1);
    cr_assert_eq(space_protect(&m.mm, p, va(BUFFER), 0x3000, PROT_READWRITE | PROT_GUARD, &old),
                 ST_SUCCESS);
    cr_assert_eq(p->working_set.now, 0);
    cr_assert_eq(p->private_frames.now, 1);
    machine_check(&m);
    cr_assert_eq(driver_touch(&m, BUFFER + 0x1000, ACCESS_READ).status, ST_GUARD_PAGE_VIOLATION);
    cr_assert_eq(p->area_count, 3);
    struct touch t = driver_touch(&m, BUFFER + 0x1000, ACCESS_READ);
    cr_assert(t.end == TOUCH_OK && !t.faulted && t.at.v == at.v);
    cr_assert(phys_read(&m.hw.phys, t.at, &read, 1));
    cr_assert_eq(read, value);
    cr_assert_eq(driver_touch(&m, BUFFER, ACCESS_READ).status, ST_GUARD_PAGE_VIOLATION);
    cr_assert_eq(driver_touch(&m, BUFFER, ACCESS_READ).end, TOUCH_OK);
    machine_check(&m);
    machine_stop(&m);
}

Test(fault, page_tables_that_go_are_forgotten)
{
    struct machine m;
    machine_start(&m, 1000);
    struct process *p = machine_process(&m);
    uint32_t old;
    va_t at = va(BUFFER);
    uint64_t bytes = 0;
    machine_map(&m, p, BUFFER, 1, PROT_READWRITE);
    cr_assert_eq(driver_touch(&m, BUFFER, ACCESS_READ).end, TOUCH_OK);
    cr_assert_eq(space_protect(&m.mm, p, at, 1, PROT_NOACCESS, &old), ST_SUCCESS);
    cr_assert_eq(driver_touch(&m, BUFFER, ACCESS_READ).status, ST_ACCESS_VIOLATION);
    uint64_t tables = p->map.level[LEVEL_PT].tables.now;
    cr_assert_eq(space_release(&m.mm, p, &at, &bytes), ST_SUCCESS);
    cr_assert_eq(p->map.level[LEVEL_PT].tables.now, tables - 1);
    /* The walk must not start at the table that a paging-structure cache knew. */
    machine_map(&m, p, BUFFER, 1, PROT_READWRITE);
    struct touch t = driver_touch(&m, BUFFER, ACCESS_WRITE);
    cr_assert_eq(t.end, TOUCH_OK);
    cr_assert_eq(paging_entry(&m.hw, &p->map, va(BUFFER)), t.entry);
    machine_check(&m);
    machine_stop(&m);
}

/* ---- memory runs out ---- */

Test(fault, no_frame_is_left)
{
    struct machine m;
    machine_start(&m, 200);
    struct process *p = machine_process(&m);
    machine_map(&m, p, BUFFER, 1000, PROT_READWRITE);
    uint64_t done = 0;
    struct touch t;
    while ((t = driver_touch(&m, BUFFER + done * PAGE_BYTES, ACCESS_WRITE)).end == TOUCH_OK) done++;
    cr_assert_eq(t.end, TOUCH_RAISES);
    cr_assert_eq(t.status, ST_NO_MEMORY);
    cr_assert_eq(frames_available(&m.mm), 0);
    cr_assert_eq(p->private_frames.now, done);
    cr_assert_eq(m.mm.faults.demand_zero, done);
    cr_assert_eq(m.mm.faults.access_violation, 0);
    machine_check(&m);
    cr_assert_eq(space_decommit(&m.mm, p, va(BUFFER), PAGE_BYTES), ST_SUCCESS);
    cr_assert_eq(driver_touch(&m, BUFFER + done * PAGE_BYTES, ACCESS_WRITE).end, TOUCH_OK);
    va_t out;
    uint64_t frame = 100;
    cr_assert_eq(space_map_mdl(&m.mm, p, va(0x7F0000000000), &frame, 1, PTE_NO_EXECUTE, LEVEL_PT, 1,
                               1, &out),
                 ST_INSUFFICIENT_RESOURCES);
    cr_assert_null(space_area_at(p, va(0x7F0000000000)));
    machine_check(&m);
    machine_stop(&m);
}

/* ---- kernel memory ---- */

Test(fault, paged_pool_is_demand_zero)
{
    struct machine m;
    machine_start(&m, 1000);
    machine_process(&m);
    struct pool_request request = { .bytes = 2 * PAGE_BYTES, .tag = 1, .kind = POOL_PAGED };
    va_t at;
    uint64_t value = 1;
    cr_assert(pool_allocate(&m.mm, &request, &at));
    uint64_t before = m.mm.faults.demand_zero;
    m.mm.irql = 2;
    struct touch t = driver_touch(&m, at.v + PAGE_BYTES, ACCESS_READ);
    cr_assert_eq(t.stop.code, BC_DRIVER_IRQL_NOT_LESS_OR_EQUAL);
    m.mm.irql = 1;
    t = driver_touch(&m, at.v + PAGE_BYTES + 8, ACCESS_READ);
    cr_assert_eq(t.end, TOUCH_OK);
    cr_assert(phys_read(&m.hw.phys, t.at, &value, 8));
    cr_assert_eq(value, 0);
    cr_assert_eq(m.mm.faults.demand_zero, before + 1);
    m.mm.irql = 2;
    cr_assert_eq(driver_touch(&m, at.v + PAGE_BYTES, ACCESS_WRITE).end, TOUCH_OK);
    m.mm.irql = 0;
    pfn_t f;
    cr_assert_eq(mm_fault_in(&m.mm, at, ACCESS_WRITE, false, &f).end, TOUCH_OK);
    pool_give(&m.mm, pool_find(&m.mm, at));
    m.mm.irql = 0;
    t = mm_fault_in(&m.mm, at, ACCESS_READ, false, &f);
    cr_assert_eq(t.stop.code, BC_PAGE_FAULT_IN_NONPAGED_AREA);
    machine_stop(&m);
}

/* ---- in bulk ---- */

/* Pages of all kinds around the end of a page table; the section is copy-on-write. */
static void bulk_machine(struct machine *m)
{
    machine_start(m, 3000);
    struct process *p = machine_process(m);
    va_t view = va(0x200000 + 0x130000);
    machine_map(m, p, 0x100000, 0x230, PROT_READWRITE);
    uint32_t section = section_new(&m->mm, 16);
    cr_assert_eq(space_map_view(&m->mm, p, &view, 0, section, PROT_WRITECOPY), ST_SUCCESS);
    for (uint64_t i = 0; i < 0x240; i += 1 + i % 7)
        driver_touch(m, 0x100000 + i * PAGE_BYTES, i % 3 == 0 ? ACCESS_WRITE : ACCESS_READ);
}

Test(fault, a_range_is_what_its_pages_are)
{
    static const struct {
        uint64_t first, count;
        enum access_type type;
        uint64_t done;
    } rows[] = {
        { 0, 1, ACCESS_READ, 1 },         { 3, 0x23D, ACCESS_WRITE, 0x23D },
        { 0, 0x240, ACCESS_READ, 0x240 }, { 0xF0, 0x200, ACCESS_WRITE, 0x150 },
        { 0, 5, ACCESS_EXECUTE, 0 },      { 0x240, 3, ACCESS_READ, 0 },
        { 0x10, 0, ACCESS_WRITE, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static struct machine bulk, single;
        static uint64_t pfns[0x300];
        struct touch failed = { .end = TOUCH_OK }, t = { .end = TOUCH_OK };
        bulk_machine(&bulk);
        bulk_machine(&single);
        va_t at = va(0x100000 + rows[i].first * PAGE_BYTES);
        uint64_t done =
            mm_fault_in_range(&bulk.mm, at, rows[i].count, rows[i].type, true, pfns, &failed);
        cr_assert_eq(done, rows[i].done, "row %zu: %lu", i, (unsigned long)done);
        for (uint64_t page = 0; page < rows[i].count; page++) {
            pfn_t f;
            t = mm_fault_in(&single.mm, va_add(at, page * PAGE_BYTES), rows[i].type, true, &f);
            if (t.end != TOUCH_OK) break;
            cr_assert_eq(pfns[page], f.v, "row %zu page %lu", i, (unsigned long)page);
        }
        cr_assert_eq(failed.end, t.end);
        cr_assert_eq(failed.status, t.status);
        cr_assert_arr_eq(bulk.hw.cpu->spent, single.hw.cpu->spent, sizeof bulk.hw.cpu->spent);
        cr_assert_arr_eq(&bulk.mm.faults, &single.mm.faults, sizeof bulk.mm.faults);
        machine_check(&bulk);
        machine_stop(&bulk);
        machine_stop(&single);
    }
}

Test(fault, ranges_at_the_ends_of_the_user_space)
{
    struct machine m;
    machine_start(&m, 1000);
    struct process *p = machine_process(&m);
    const uint64_t last = 0x00007FFFFFFE0000;
    uint64_t pfns[32];
    struct touch failed;
    machine_map(&m, p, last, 16, PROT_READWRITE);
    cr_assert_eq(mm_fault_in_range(&m.mm, va(last), 20, ACCESS_WRITE, false, pfns, &failed), 16);
    cr_assert_eq(failed.status, ST_ACCESS_VIOLATION);
    m.mm.irql = 2;
    cr_assert_eq(mm_fault_in_range(&m.mm, va(last), 16, ACCESS_WRITE, false, pfns, &failed), 16);
    cr_assert_eq(mm_fault_in_range(&m.mm, va(last), 17, ACCESS_WRITE, false, pfns, &failed), 16);
    cr_assert_eq(failed.stop.code, BC_IRQL_NOT_LESS_OR_EQUAL);
    machine_stop(&m);
}

/* ---- before the first step ---- */

Test(fault, touching_everything_costs_nothing)
{
    struct machine m;
    machine_start(&m, 1000);
    struct process *p = machine_process(&m);
    machine_map(&m, p, BUFFER, 8, PROT_READONLY);
    machine_map(&m, p, GUARDED, 2, PROT_READWRITE | PROT_GUARD);
    va_t view = va(0);
    cr_assert_eq(space_map_view(&m.mm, p, &view, 0, section_new(&m.mm, 4), PROT_WRITECOPY),
                 ST_SUCCESS);
    mm_switch(&m.mm, NULL);
    uint64_t now = hw_now(&m.hw).v;
    cr_assert(space_touch_all(&m.mm, p, va(BUFFER), 8 * PAGE_BYTES));
    cr_assert(space_touch_all(&m.mm, p, va(GUARDED), 2 * PAGE_BYTES));
    cr_assert(space_touch_all(&m.mm, p, view, 4 * PAGE_BYTES));
    cr_assert_eq(hw_now(&m.hw).v, now);
    cr_assert_eq(m.mm.faults.demand_zero, 0);
    cr_assert_null(m.mm.current);
    cr_assert_eq(p->working_set.now, 12 * PAGE_BYTES);
    cr_assert_eq(p->private_frames.now, 8 + 2);
    cr_assert_eq(space_area_at(p, va(GUARDED))->protect, PROT_READWRITE | PROT_GUARD);
    mm_switch(&m.mm, p);
    cr_assert_not(driver_touch(&m, BUFFER, ACCESS_READ).faulted);
    cr_assert(driver_touch(&m, view.v, ACCESS_WRITE).faulted);
    cr_assert_eq(m.mm.faults.copy_on_write, 1);
    machine_map(&m, p, 0x1000000, 2000, PROT_READWRITE);
    cr_assert_not(space_touch_all(&m.mm, p, va(0x1000000), 2000 * PAGE_BYTES));
    machine_check(&m);
    machine_stop(&m);
}
