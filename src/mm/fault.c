/* CPU accesses, and the page faults on their way. */
#include "mm/fault.h"

#include "base/check.h"
#include "mm/mm.h"
#include "mm/space_pages.h"
#include "mm/stale.h"

#include <string.h>

enum { FAULTS_MOST = 4 };

/* Where an address lies. The gap is what is neither: not canonical, or between the two. */
enum place { PLACE_USER, PLACE_KERNEL, PLACE_GAP };

static enum place place_of(const struct mm *mm, va_t at)
{
    if (at.v <= mm->config->highest_user.v) return PLACE_USER;
    if (at.v < mm->hw->kernel_start) return PLACE_GAP;
    return mm->hw->mode != PAGING_PAE || at.v <= UINT32_MAX ? PLACE_KERNEL : PLACE_GAP;
}

/* ---- how faults end ---- */

static struct touch resolved(void)
{
    return (struct touch){ .end = TOUCH_OK };
}

static struct touch raises(uint32_t status)
{
    return (struct touch){ .end = TOUCH_RAISES, .status = status };
}

static struct touch stops(uint32_t code, uint64_t p1, uint64_t p2, uint64_t p3, uint64_t p4)
{
    return (struct touch){ .end = TOUCH_STOPS, .stop = { code, { p1, p2, p3, p4 } } };
}

static struct touch violation(struct mm *mm)
{
    mm->faults.access_violation++;
    return raises(ST_ACCESS_VIOLATION);
}

/* Bug checks 0xA and 0xD1, parameter 3: 0 read, 1 write, 8 execute. */
static uint64_t operation_code(enum access_type type)
{
    return type == ACCESS_EXECUTE ? 8 : type == ACCESS_WRITE ? 1 : 0;
}

static struct touch stops_by_irql(const struct mm *mm, va_t at, enum access_type type, bool driver)
{
    return stops(driver ? BC_DRIVER_IRQL_NOT_LESS_OR_EQUAL : BC_IRQL_NOT_LESS_OR_EQUAL, at.v,
                 mm->irql, operation_code(type), 0);
}

/* Bug check 0x50, parameter 2 on x64: 0 read, 2 write, 0x10 execute; parameter 4: 0 a freed entry,
 * 2 no page table. */
static struct touch stops_unmapped(struct mm *mm, va_t at, enum access_type type)
{
    static const uint64_t codes[] = {
        [ACCESS_READ] = 0, [ACCESS_WRITE] = 2, [ACCESS_EXECUTE] = 0x10
    };
    unsigned level;
    bool has_table = paging_find(mm->hw, &mm->hw->system, at, &level) != NULL;
    return stops(BC_PAGE_FAULT_IN_NONPAGED_AREA, at.v, codes[type], 0, has_table ? 0 : 2);
}

/* ---- user pages ---- */

static void set_cache(struct mm *mm, pfn_t f, uint32_t protect)
{
    enum frame_cache cache = FRAME_CACHED;
    if ((protect & PROT_NOCACHE) != 0) cache = FRAME_NONCACHED;
    if ((protect & PROT_WRITECOMBINE) != 0) cache = FRAME_WRITE_COMBINED;
    frame_set_cache(mm, f, cache);
}

static struct touch demand_private(struct mm *mm, struct process *p, const struct area *a,
                                   uint64_t page)
{
    pfn_t f;
    if (!frame_take(mm, WANT_ZEROED, OWNER_PROCESS, &f)) return raises(ST_NO_MEMORY);
    if (!space_page_map(mm, p, a, page, f, false)) {
        frame_give(mm, f);
        return raises(ST_NO_MEMORY);
    }
    set_cache(mm, f, a->protect);
    gauge_add(&p->private_frames, 1, hw_now(mm->hw));
    mm->faults.demand_zero++;
    return resolved();
}

/* The section's frame for a page of a view, taken at first touch: the section itself holds one
 * share. */
static bool section_demand(struct mm *mm, const struct area *a, uint64_t page, pfn_t *out)
{
    struct section *s = &mm->sections[a->section - 1];
    if (!frame_take(mm, WANT_ZEROED, OWNER_SECTION, out)) return false;
    if (s->frames == NULL) s->frames = mem_new(mm->from, s->page_count, sizeof *s->frames);
    s->frames[a->section_page + (page - a->first_page)] = out->v + 1;
    set_cache(mm, *out, a->protect);
    return true;
}

/* Pages that another view has already are soft faults: they count as transition. */
static struct touch demand_view(struct mm *mm, struct process *p, const struct area *a,
                                uint64_t page)
{
    pfn_t f = space_section_frame(mm, a, page);
    bool fresh = f.v == PFN_NONE.v;
    if (fresh && !section_demand(mm, a, page, &f)) return raises(ST_NO_MEMORY);
    if (!space_page_map(mm, p, a, page, f, true)) return raises(ST_NO_MEMORY);
    frame_share(mm, f);
    if (fresh)
        mm->faults.demand_zero++;
    else
        mm->faults.transition++;
    return resolved();
}

/* The first write to a page that shows a section's frame copy-on-write: a frame of its own. */
static struct touch copy_on_write(struct mm *mm, struct process *p, const struct area *a,
                                  uint64_t page, uint64_t entry)
{
    pfn_t own, from = pte_pfn(entry);
    if (!frame_take(mm, WANT_ANY, OWNER_PROCESS, &own)) return raises(ST_NO_MEMORY);
    phys_copy(&mm->hw->phys, own, from);
    charge(mm->hw, COST_COPY, 1);
    mm->frames.traffic_copied++;
    paging_set(mm->hw, &p->map, va(page * PAGE_BYTES), pte_make(own, space_bits(a, false)));
    space_flush_page(mm, p, page);
    frame_give(mm, from);
    set_cache(mm, own, a->protect);
    gauge_add(&p->private_frames, 1, hw_now(mm->hw));
    mm->faults.copy_on_write++;
    return resolved();
}

/* PAGE_GUARD works once: the page gets its protection without the guard, and its contents back. */
static struct touch guard_page(struct mm *mm, struct process *p, const struct area *a,
                               uint64_t page)
{
    struct page_range r = { page, page + 1 };
    charge(mm->hw, COST_VAD, 1);
    a = areas_set(mm, p, r, true, a->protect & ~(uint32_t)PROT_GUARD);
    space_pages_protect(mm, p, a, r);
    mm->faults.guard_page++;
    return raises(ST_GUARD_PAGE_VIOLATION);
}

static const struct area *back_address(struct mm *mm, struct process *p, va_t at,
                                       enum access_type type)
{
    unsigned level = mm->backing.level;
    if (mm->backing.small_code && type == ACCESS_EXECUTE) level = LEVEL_PT;
    for (; level > LEVEL_PT; level--) {
        uint64_t bytes = pte_level_pages(level) * PAGE_BYTES;
        va_t base = va(at.v & ~(bytes - 1));
        if (base.v == 0 || level > mm->hw->large_level) continue;
        if (space_reserve_large(mm, p, &base, bytes, PROT_EXECUTE_READWRITE, level, level) !=
            ST_SUCCESS)
            continue;
        mm->faults.demand_zero++;
        return space_area_at(p, at);
    }
    return space_back_page(mm, p, at, PROT_EXECUTE_READWRITE);
}

static struct touch user_fault(struct mm *mm, va_t at, enum access_type type, bool driver)
{
    struct process *p = mm->current;
    if (mm->irql >= DISPATCH_LEVEL) return stops_by_irql(mm, at, type, driver);
    if (p == NULL) return violation(mm);
    charge(mm->hw, COST_VAD, 1);
    uint64_t page = at.v / PAGE_BYTES;
    const struct area *a = space_area_at(p, at);
    if (a == NULL && mm->backing.level != 0) a = back_address(mm, p, at, type);
    if (a == NULL || !a->committed || !protect_permits(a->protect, type)) return violation(mm);
    if ((a->protect & PROT_GUARD) != 0) return guard_page(mm, p, a, page);
    uint64_t entry = paging_entry(mm->hw, &p->map, at);
    if (entry == 0)
        return a->kind == AREA_VIEW ? demand_view(mm, p, a, page) : demand_private(mm, p, a, page);
    CHECK2((entry & PTE_PRESENT) != 0, at.v, entry);
    if (type == ACCESS_WRITE && (entry & PTE_COPY_ON_WRITE) != 0)
        return copy_on_write(mm, p, a, page, entry);
    return resolved(); /* what the TLB held forbade more than the entry does */
}

/* ---- kernel pages ---- */

/* The processor found an entry that forbids the access. */
static struct touch kernel_violation(struct mm *mm, va_t at, enum access_type type)
{
    uint64_t entry = paging_entry(mm->hw, &mm->hw->system, at);
    if (type == ACCESS_WRITE && (entry & PTE_WRITE) == 0)
        return stops(BC_ATTEMPTED_WRITE_TO_READONLY_MEMORY, at.v, entry, 0, 0);
    if (type == ACCESS_EXECUTE && (entry & PTE_NO_EXECUTE) != 0)
        return stops(BC_ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY, at.v, entry, 0, 0);
    return resolved();
}

/* Pages of paged pool are demand-zero while they are in use: a page of small blocks wholly, since
 * the processor knows no blocks. */
static bool is_paged_pool(struct mm *mm, va_t at, bool *executable)
{
    enum pool_kind kind;
    if (!pool_owns(mm, at, &kind) || kind != POOL_PAGED) return false;
    const struct pool *pool = &mm->pools.pool[POOL_PAGED];
    if (runs_has(&pool->free_pages, (at.v - pool->base.v) / PAGE_BYTES, 1)) return false;
    const struct pool_block *block = pool_holding(mm, at);
    *executable = block != NULL && block->executable;
    return true;
}

static struct touch demand_pool(struct mm *mm, va_t at, bool executable)
{
    pfn_t f;
    struct hw *hw = mm->hw;
    if (!frame_take(mm, WANT_ZEROED, OWNER_POOL, &f)) return raises(ST_INSUFFICIENT_RESOURCES);
    if (paging_slot(hw, &hw->system, at) == NULL) {
        frame_give(mm, f);
        return raises(ST_INSUFFICIENT_RESOURCES);
    }
    uint64_t bits = PTE_PRESENT | PTE_WRITE | PTE_GLOBAL | (executable ? 0 : PTE_NO_EXECUTE);
    paging_set(hw, &hw->system, va_page(at), pte_make(f, bits));
    set_cache(mm, f, PROT_READWRITE);
    mm->faults.demand_zero++;
    return resolved();
}

static struct touch kernel_fault(struct mm *mm, va_t at, enum access_type type, bool user,
                                 bool present, bool driver)
{
    bool executable;
    if (user) return violation(mm);
    if (present) return kernel_violation(mm, at, type);
    if (mm->irql >= DISPATCH_LEVEL) return stops_by_irql(mm, at, type, driver);
    if (is_paged_pool(mm, at, &executable)) return demand_pool(mm, at, executable);
    return stops_unmapped(mm, at, type);
}

/* Bug check 0x1E: exception, where it happened (no code has an address here), and of an access
 * violation the operation and the address. */
static struct touch gap_fault(struct mm *mm, va_t at, enum access_type type, bool user, bool driver)
{
    bool kernel_half = at.v >> 63 != 0;
    if (user || (!kernel_half && mm->irql < DISPATCH_LEVEL)) return violation(mm);
    if (!kernel_half) return stops_by_irql(mm, at, type, driver);
    return stops(BC_KMODE_EXCEPTION_NOT_HANDLED, ST_ACCESS_VIOLATION, 0, operation_code(type),
                 at.v);
}

struct touch fault_resolve(struct mm *mm, va_t at, enum access_type type, bool user, bool present,
                           bool driver)
{
    struct touch t;
    hw_enter(mm->hw, false);
    memory_close_lines(mm->hw);
    charge(mm->hw, COST_FAULT, 1);
    switch (place_of(mm, at)) {
    case PLACE_USER:
        t = user_fault(mm, at, type, driver);
        break;
    case PLACE_KERNEL:
        t = kernel_fault(mm, at, type, user, present, driver);
        break;
    default:
        t = gap_fault(mm, at, type, user, driver);
        break;
    }
    t.faulted = true;
    return t;
}

/* ---- accesses ---- */

bool mm_is_stale(struct mm *mm, va_t at, uint64_t entry)
{
    if (mm_is_fresh(mm, at)) return false;
    if (mm->syspte.pending.total != 0 && syspte_is_free(mm, at)) return true;
    return mm->hw->cpu->owed_count != 0 && mm_stale(mm, at, entry).why != STALE_NOT;
}

static struct touch touched(struct mm *mm, va_t at, const struct translation *t)
{
    return (struct touch){ .end = TOUCH_OK,
                           .at = translation_pa(t, at),
                           .entry = t->entry,
                           .stale = mm_is_stale(mm, at, t->entry) };
}

static struct exception exception_of(va_t at, enum access_type type, bool user,
                                     enum access_fault fault)
{
    struct exception e = { .at = at, .kind = EXCEPTION_GENERAL_PROTECTION };
    if (fault == FAULT_NOT_CANONICAL) return e;
    unsigned code = (fault == FAULT_PROTECTION ? ERROR_PRESENT : 0u) | (user ? ERROR_USER : 0u) |
                    (type == ACCESS_WRITE ? ERROR_WRITE : 0u) |
                    (type == ACCESS_EXECUTE ? ERROR_FETCH : 0u);
    e.kind = EXCEPTION_PAGE_FAULT;
    e.error_code = (uint8_t)code;
    return e;
}

/* Resolves and tries again: a first write to a copy-on-write page that nobody touched takes two
 * faults. */
static struct touch touch_faulting(struct mm *mm, va_t at, enum access_type type, bool user,
                                   bool driver, enum access_fault fault)
{
    for (unsigned i = 0; i < FAULTS_MOST; i++) {
        struct touch r = fault_resolve(mm, at, type, user, fault == FAULT_PROTECTION, driver);
        if (r.end != TOUCH_OK) {
            r.exception = exception_of(at, type, user, fault);
            return r;
        }
        struct translation t = hw_retranslate(mm->hw, at, type, user);
        fault = t.fault;
        if (fault != ACCESS_OK) continue;
        r = touched(mm, at, &t);
        r.faulted = true;
        return r;
    }
    BUG2("a fault does not end", at.v, fault);
}

/* Into the caller's struct, and of it what such an access has: copies were a tenth of a run. */
void mm_touch_into(struct mm *mm, va_t at, enum access_type type, bool user, bool driver,
                   struct touch *out)
{
    struct translation t = hw_translate(mm->hw, at, type, user);
    if (__builtin_expect(t.fault == ACCESS_OK, 1)) {
        out->end = TOUCH_OK;
        out->status = ST_SUCCESS;
        out->at = translation_pa(&t, at);
        out->entry = t.entry;
        out->stale = !mm_is_fresh(mm, at) && mm_is_stale(mm, at, t.entry);
        out->faulted = false;
    } else {
        *out = touch_faulting(mm, at, type, user, driver, t.fault);
    }
    out->hit = t.hit;
    out->walked = t.walked;
}

void mm_touch_faulted(struct mm *mm, va_t at, enum access_type type, bool user, bool driver,
                      enum access_fault fault, struct touch *out)
{
    *out = touch_faulting(mm, at, type, user, driver, fault);
}

/* ---- without an access ---- */

static const struct page_map *current_map(const struct mm *mm)
{
    return mm->current != NULL ? &mm->current->map : &mm->hw->system;
}

/* Which bits of an entry the page must have (`mask`), and how (`want`), to be ready for the access.
 */
struct readiness {
    uint64_t mask, want;
};

static struct readiness readiness_for(enum place place, enum access_type type, bool user)
{
    struct readiness r = { PTE_PRESENT, PTE_PRESENT };
    if (place == PLACE_KERNEL && !user) return r;
    r.mask |= PTE_USER;
    r.want |= PTE_USER;
    if (type == ACCESS_WRITE) {
        r.mask |= PTE_WRITE;
        r.want |= PTE_WRITE;
    }
    if (type == ACCESS_EXECUTE) r.mask |= PTE_NO_EXECUTE;
    return r;
}

struct touch mm_fault_in(struct mm *mm, va_t at, enum access_type type, bool user, pfn_t *out)
{
    enum place place = place_of(mm, at);
    struct readiness ready = readiness_for(place, type, user);
    struct touch t = { .end = TOUCH_OK };
    for (unsigned i = 0; i < FAULTS_MOST; i++) {
        uint64_t entry = 0;
        if (place != PLACE_GAP) {
            charge(mm->hw, COST_PTE_READ, 1);
            entry = paging_entry(mm->hw, current_map(mm), at);
        }
        if ((entry & ready.mask) == ready.want) {
            t.at = pa(pfn_to_pa(pte_pfn(entry)).v + va_offset(at));
            t.entry = entry;
            *out = pte_pfn(entry);
            return t;
        }
        t = fault_resolve(mm, at, type, user, (entry & PTE_PRESENT) != 0, false);
        if (t.end != TOUCH_OK) return t;
    }
    BUG2("a fault does not end", at.v, type);
}

/* How many entries of a page table, from the first on, are ready; in blocks, which compilers turn
 * into vectors. */
static uint64_t ready_entries(const uint64_t *entry, uint64_t count, struct readiness ready)
{
    enum { BLOCK = 8 };
    uint64_t n = 0;
    for (; n + BLOCK <= count; n += BLOCK) {
        uint64_t wrong = 0;
        for (unsigned i = 0; i < BLOCK; i++) wrong |= (entry[n + i] & ready.mask) ^ ready.want;
        if (wrong != 0) break;
    }
    while (n < count && (entry[n] & ready.mask) == ready.want) n++;
    return n;
}

/* Fills the frames of the pages that are ready, up to the first that is not or the table's end. */
static uint64_t fill_ready(struct mm *mm, va_t at, uint64_t page_count, enum access_type type,
                           bool user, uint64_t *pfns)
{
    uint64_t done = 0;
    enum place place = place_of(mm, at);
    if (place == PLACE_GAP) return 0;
    struct readiness ready = readiness_for(place, type, user);
    struct slots s = space_slots(mm, current_map(mm), at.v / PAGE_BYTES, page_count);
    if (s.slot == NULL) return 0;
    if (s.level == LEVEL_PT) {
        done = ready_entries(s.slot, s.count, ready);
        for (uint64_t i = 0; i < done; i++) pfns[i] = pte_pfn(s.slot[i]).v;
        charge(mm->hw, COST_PTE_READ, done);
        return done;
    }
    if ((slots_entry(&s, 0) & ready.mask) != ready.want) return 0;
    for (; done < s.count; done++) pfns[done] = pte_pfn(slots_entry(&s, done)).v;
    charge(mm->hw, COST_PTE_READ, 1);
    return done;
}

uint64_t mm_fault_in_range(struct mm *mm, va_t at, uint64_t page_count, enum access_type type,
                           bool user, uint64_t *pfns, struct touch *failed)
{
    uint64_t done = 0;
    at = va_page(at);
    while (done < page_count) {
        va_t here = va_add(at, done * PAGE_BYTES);
        uint64_t n = fill_ready(mm, here, page_count - done, type, user, pfns + done);
        done += n;
        if (n != 0) continue;
        pfn_t f;
        struct touch t = mm_fault_in(mm, here, type, user, &f);
        if (t.end != TOUCH_OK) {
            *failed = t;
            return done;
        }
        pfns[done++] = f.v;
    }
    return done;
}

/* ---- before the first step ---- */

static bool touch_pages(struct mm *mm, struct page_range r)
{
    for (uint64_t page = r.first; page < r.end; page++) {
        pfn_t f;
        if (mm_fault_in(mm, va(page * PAGE_BYTES), ACCESS_READ, true, &f).end != TOUCH_OK)
            return false;
    }
    return true;
}

/* Pages that permit no access are touched first and protected then. */
static bool touch_area(struct mm *mm, struct process *p, struct page_range r)
{
    const struct area *a = space_area_at(p, va(r.first * PAGE_BYTES));
    uint32_t protect = a->protect, guard = PROT_GUARD;
    if (protect_bits(protect) != 0) return touch_pages(mm, r);
    areas_set(mm, p, r, true, (protect & guard) != 0 ? protect & ~guard : PROT_READONLY);
    bool done = touch_pages(mm, r);
    space_pages_protect(mm, p, areas_set(mm, p, r, true, protect), r);
    return done;
}

bool space_touch_all(struct mm *mm, struct process *p, va_t at, uint64_t bytes)
{
    struct hw *hw = mm->hw;
    struct process *current = mm->current;
    struct fault_counts faults = mm->faults;
    uint64_t price[COST_COUNT];
    memcpy(price, hw->price, sizeof price);
    memset(hw->price, 0, sizeof hw->price);
    mm->current = p;
    uint64_t first = at.v / PAGE_BYTES;
    bool done = touch_area(mm, p, (struct page_range){ first, first + span_pages(at.v, bytes) });
    mm->current = current;
    mm->faults = faults;
    memcpy(hw->price, price, sizeof price);
    return done;
}
