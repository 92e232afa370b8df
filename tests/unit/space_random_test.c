/* Random sequences on two address spaces against a flat map of what the documents say. */
#include "mm/space.h"

#include "space_machine.h"

enum { FIRST = 0x10, PAGES = 192, SECTION_PAGES = 24, STEPS = 20000 };

/* One page as the documents describe it. base 0: free. own: its contents are nobody else's. */
struct flat_page {
    uint64_t base, section_page;
    uint32_t protect;
    bool view, committed, own, seen;
    uint8_t value;
};

struct flat {
    struct machine m;
    struct rng rng;
    struct process *process[2];
    struct flat_page page[2][PAGES];
    uint8_t section_value[SECTION_PAGES];
    bool section_seen[SECTION_PAGES];
    uint32_t section;
};

static uint64_t below(struct flat *f, uint64_t bound)
{
    return rng_below(&f->rng, bound);
}

static uint32_t any_protect(struct flat *f)
{
    static const uint32_t protects[] = { PROT_NOACCESS,          PROT_READONLY,
                                         PROT_READWRITE,         PROT_WRITECOPY,
                                         PROT_EXECUTE_READ,      PROT_EXECUTE_READWRITE,
                                         PROT_EXECUTE_WRITECOPY, PROT_READWRITE | PROT_GUARD,
                                         PROT_READWRITE,         PROT_READONLY | PROT_GUARD };
    return protects[below(f, COUNT_OF(protects))];
}

static bool is_private_protect(uint32_t protect)
{
    return (protect & (PROT_WRITECOPY | PROT_EXECUTE_WRITECOPY)) == 0;
}

/* Whether [first, end) is free, and whether it is all of one reservation. */
static bool flat_free(const struct flat_page *page, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        if (page[i].base != 0) return false;
    return true;
}

static bool flat_one(const struct flat_page *page, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        if (page[i].base == 0 || page[i].base != page[first].base) return false;
    return true;
}

/* Views are never unmapped: only half of the map may show the section. */
static bool has_room_for_view(const struct flat_page *page)
{
    size_t shown = 0;
    for (size_t i = 0; i < PAGES; i++) shown += page[i].view;
    return shown + SECTION_PAGES <= PAGES / 2;
}

static void step_reserve(struct flat *f, int who, size_t first, size_t count)
{
    struct flat_page *page = f->page[who];
    bool anywhere = below(f, 2) == 0, commit = below(f, 2) == 0;
    bool view = below(f, 3) == 0 && has_room_for_view(page);
    uint32_t protect = any_protect(f);
    first = first / 16 * 16;
    if (view && count > SECTION_PAGES) count = SECTION_PAGES;
    if (anywhere)
        for (first = 0; first + count <= PAGES && !flat_free(page, first, first + count);)
            first += 16;
    if (first + count > PAGES) return;
    va_t at = va(anywhere ? 0 : (FIRST + first) * PAGE_BYTES);
    uint64_t bytes = count * PAGE_BYTES - below(f, PAGE_BYTES);
    uint32_t expected = !view && !is_private_protect(protect)   ? ST_INVALID_PAGE_PROTECTION
                        : flat_free(page, first, first + count) ? ST_SUCCESS
                                                                : ST_CONFLICTING_ADDRESSES;
    uint32_t status =
        view ? space_map_view(&f->m.mm, f->process[who], &at, bytes, f->section, protect)
             : space_reserve(&f->m.mm, f->process[who], &at, &bytes, protect, commit, false);
    cr_assert_eq(status, expected, "%x %x", status, expected);
    if (status != ST_SUCCESS) return;
    cr_assert_eq(at.v, (FIRST + first) * PAGE_BYTES);
    for (size_t i = 0; i < count; i++)
        page[first + i] = (struct flat_page){ .base = FIRST + first,
                                              .section_page = i,
                                              .protect = protect,
                                              .view = view,
                                              .committed = view || commit };
}

static void step_commit(struct flat *f, int who, size_t first, size_t count)
{
    struct flat_page *page = f->page[who];
    uint32_t protect = any_protect(f);
    uint32_t expected = !is_private_protect(protect)            ? ST_INVALID_PAGE_PROTECTION
                        : !flat_one(page, first, first + count) ? ST_CONFLICTING_ADDRESSES
                        : page[first].view                      ? ST_ALREADY_COMMITTED
                                                                : ST_SUCCESS;
    uint32_t status = space_commit(&f->m.mm, f->process[who], va((FIRST + first) * PAGE_BYTES),
                                   count * PAGE_BYTES, protect);
    cr_assert_eq(status, expected, "%x %x", status, expected);
    for (size_t i = first; status == ST_SUCCESS && i < first + count; i++) {
        page[i].committed = true;
        page[i].protect = protect;
    }
}

static void step_protect(struct flat *f, int who, size_t first, size_t count)
{
    struct flat_page *page = f->page[who];
    uint32_t protect = any_protect(f), expected = ST_SUCCESS, old = 0;
    if (!flat_one(page, first, first + count)) {
        expected = ST_CONFLICTING_ADDRESSES;
    } else if (!page[first].view && !is_private_protect(protect)) {
        expected = ST_INVALID_PAGE_PROTECTION;
    } else {
        for (size_t i = first; i < first + count; i++)
            if (!page[i].committed) expected = ST_NOT_COMMITTED;
    }
    uint32_t status = space_protect(&f->m.mm, f->process[who], va((FIRST + first) * PAGE_BYTES),
                                    count * PAGE_BYTES, protect, &old);
    cr_assert_eq(status, expected, "%x %x", status, expected);
    if (status != ST_SUCCESS) return;
    cr_assert_eq(old, page[first].protect);
    for (size_t i = first; i < first + count; i++) page[i].protect = protect;
}

static void step_free(struct flat *f, int who, size_t first, size_t count)
{
    struct flat_page *page = f->page[who];
    bool release = below(f, 2) == 0, whole = below(f, 2) == 0;
    if (release && below(f, 4) != 0 && page[first].base != 0) first = page[first].base - FIRST;
    size_t end = whole ? first + 1 : first + count;
    va_t at = va((FIRST + first) * PAGE_BYTES);
    uint64_t bytes = whole ? 0 : count * PAGE_BYTES;
    uint32_t expected = page[first].base == 0         ? ST_MEMORY_NOT_ALLOCATED
                        : !flat_one(page, first, end) ? ST_UNABLE_TO_FREE_VM
                        : page[first].view            ? ST_UNABLE_TO_DELETE_SECTION
                        : (release || whole) && page[first].base != FIRST + first
                            ? ST_FREE_VM_NOT_AT_BASE
                            : ST_SUCCESS;
    uint32_t status = release ? space_release(&f->m.mm, f->process[who], &at, &bytes)
                              : space_decommit(&f->m.mm, f->process[who], at, bytes);
    cr_assert_eq(status, expected, "%x %x", status, expected);
    if (status != ST_SUCCESS) return;
    uint64_t base = page[first].base;
    if (whole)
        while (end < PAGES && page[end].base == base) end++;
    for (size_t i = first; i < end; i++) page[i] = (struct flat_page){ .base = release ? 0 : base };
    for (size_t i = end; release && i < PAGES && page[i].base == base; i++)
        page[i].base = FIRST + end;
}

static uint32_t flat_access(struct flat *f, struct flat_page *page, enum access_type type)
{
    if (page->base == 0 || !page->committed || !protect_permits(page->protect, type))
        return ST_ACCESS_VIOLATION;
    if ((page->protect & PROT_GUARD) != 0) {
        page->protect &= ~(uint32_t)PROT_GUARD;
        return ST_GUARD_PAGE_VIOLATION;
    }
    page->seen = true;
    if (!page->view)
        page->own = true;
    else
        f->section_seen[page->section_page] = true;
    if (type == ACCESS_WRITE && !page->own && !is_private_protect(page->protect)) {
        page->own = true;
        page->value = f->section_value[page->section_page];
    }
    return ST_SUCCESS;
}

static void step_touch(struct flat *f, int who, size_t first)
{
    struct flat_page *page = &f->page[who][first];
    enum access_type type = (enum access_type)below(f, ACCESS_TYPE_COUNT);
    if (f->m.mm.current != f->process[who]) mm_switch(&f->m.mm, f->process[who]);
    uint64_t offset = 17;
    struct touch t =
        mm_touch(&f->m.mm, va((FIRST + first) * PAGE_BYTES + offset), type, below(f, 2) == 0, true);
    uint32_t expected = flat_access(f, page, type);
    cr_assert_eq(t.end, expected == ST_SUCCESS ? TOUCH_OK : TOUCH_RAISES);
    cr_assert_eq(t.status, expected);
    if (expected != ST_SUCCESS) return;
    uint8_t *value = page->own ? &page->value : &f->section_value[page->section_page];
    uint8_t byte = 0xEE;
    cr_assert(phys_read(&f->m.hw.phys, t.at, &byte, 1));
    cr_assert_eq(byte, *value);
    if (type != ACCESS_WRITE) return;
    *value = (uint8_t)below(f, 256);
    phys_write(&f->m.hw.phys, t.at, value, 1);
}

static void compare_page(const struct process *p, const struct flat_page *page, size_t i)
{
    const struct area *a = space_area_at(p, va((FIRST + i) * PAGE_BYTES));
    if (page->base == 0) {
        cr_assert_null(a);
        return;
    }
    cr_assert_not_null(a);
    cr_assert_eq(a->base_page, page->base);
    cr_assert_eq(a->committed, page->committed);
    cr_assert_eq(a->kind, page->view ? AREA_VIEW : AREA_PRIVATE);
    if (page->committed) cr_assert_eq(a->protect, page->protect);
    if (page->view) cr_assert_eq(a->section_page + (FIRST + i - a->first_page), page->section_page);
}

static void flat_compare(struct flat *f, int who)
{
    const struct process *p = f->process[who];
    uint64_t own = 0, present = 0;
    for (size_t i = 0; i < PAGES; i++) {
        const struct flat_page *page = &f->page[who][i];
        compare_page(p, page, i);
        own += page->own;
        present += page->seen && protect_bits(page->protect) != 0;
    }
    cr_assert_eq(p->private_frames.now, own);
    cr_assert_eq(p->working_set.now, present * PAGE_BYTES);
}

Test(space_random, random_sequences_match_a_flat_map)
{
    static struct flat f;
    machine_start(&f.m, 2000);
    rng_init(&f.rng, 3, 0);
    f.section = section_new(&f.m.mm, SECTION_PAGES);
    f.process[0] = machine_process(&f.m);
    f.process[1] = machine_process(&f.m);
    int who = 0;
    for (int step = 0; step < STEPS; step++) {
        if (below(&f, 16) == 0) who = !who; /* seldom, so that the TLB has something to forget */
        size_t first = below(&f, PAGES), count = 1 + below(&f, below(&f, 4) == 0 ? 60 : 6);
        if (first + count > PAGES) count = PAGES - first;
        switch (below(&f, 12)) {
        case 0:
            step_reserve(&f, who, first, count);
            break;
        case 1:
            step_commit(&f, who, first, count);
            break;
        case 2:
            step_protect(&f, who, first, count);
            break;
        case 3:
            step_free(&f, who, first, count);
            break;
        default:
            step_touch(&f, who, first);
            break;
        }
        machine_check(&f.m);
        flat_compare(&f, who);
    }
    cr_assert_gt(f.m.mm.faults.copy_on_write, 20);
    cr_assert_gt(f.m.mm.faults.guard_page, 20);
    cr_assert_gt(f.m.mm.faults.transition, 20);
    machine_stop(&f.m);
}
