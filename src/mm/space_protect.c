/* What PAGE_* protections mean, promises not to weaken them, and changing them. */
#include "base/check.h"
#include "mm/mm.h"
#include "mm/space_pages.h"
#include "mm/space_range.h"

enum { PROT_BASE = 0xFF };

bool protect_is_valid(uint32_t protect)
{
    const uint32_t modifiers = PROT_GUARD | PROT_NOCACHE | PROT_WRITECOMBINE;
    uint32_t base = protect & PROT_BASE, modifier = protect & modifiers;
    if ((protect & ~(PROT_BASE | modifiers)) != 0) return false;
    if (base == 0 || (base & (base - 1)) != 0) return false;
    /* "Memory Protection Constants": the modifiers exclude each other and PAGE_NOACCESS. */
    if ((modifier & (modifier - 1)) != 0) return false;
    return base != PROT_NOACCESS || modifier == 0;
}

bool protect_permits(uint32_t protect, enum access_type type)
{
    const uint32_t write =
        PROT_READWRITE | PROT_WRITECOPY | PROT_EXECUTE_READWRITE | PROT_EXECUTE_WRITECOPY;
    const uint32_t execute =
        PROT_EXECUTE | PROT_EXECUTE_READ | PROT_EXECUTE_READWRITE | PROT_EXECUTE_WRITECOPY;
    if (type == ACCESS_WRITE) return (protect & write) != 0;
    if (type == ACCESS_EXECUTE) return (protect & execute) != 0;
    return (protect & PROT_BASE & ~(uint32_t)PROT_NOACCESS) !=
           0; /* x86 reads what it may execute */
}

uint64_t protect_bits(uint32_t protect)
{
    if ((protect & PROT_GUARD) != 0 || !protect_permits(protect, ACCESS_READ)) return 0;
    uint64_t bits = PTE_PRESENT | PTE_USER;
    if ((protect & (PROT_WRITECOPY | PROT_EXECUTE_WRITECOPY)) != 0)
        bits |= PTE_COPY_ON_WRITE;
    else if (protect_permits(protect, ACCESS_WRITE))
        bits |= PTE_WRITE;
    if (!protect_permits(protect, ACCESS_EXECUTE)) bits |= PTE_NO_EXECUTE;
    if ((protect & PROT_NOCACHE) != 0) bits |= pte_cache_bits(PTE_UNCACHED);
    if ((protect & PROT_WRITECOMBINE) != 0) bits |= pte_cache_bits(PTE_WRITE_COMBINED);
    return bits;
}

/* MmSecureVirtualMemory: PAGE_READWRITE keeps the range writable, PAGE_READONLY readable. A guard
 * would raise where the driver relies on the promise. */
static bool keeps_promise(const struct secure *s, uint32_t protect)
{
    if ((protect & PROT_GUARD) != 0) return false;
    return protect_permits(protect, s->mode == PROT_READWRITE ? ACCESS_WRITE : ACCESS_READ);
}

static bool is_secured(const struct secure *s, const struct process *p, struct page_range r)
{
    return s->live && s->process == p->id && s->first_page < r.end &&
           r.first < s->first_page + s->page_count;
}

bool space_may_protect(const struct mm *mm, const struct process *p, struct page_range r,
                       uint32_t protect)
{
    for (size_t i = 0; i < mm->secure_count; i++)
        if (is_secured(&mm->secures[i], p, r) && !keeps_promise(&mm->secures[i], protect))
            return false;
    return true;
}

bool space_may_free(const struct mm *mm, const struct process *p, struct page_range r)
{
    for (size_t i = 0; i < mm->secure_count; i++)
        if (is_secured(&mm->secures[i], p, r)) return false;
    return true;
}

bool space_is_committed(const struct process *p, size_t index, struct page_range r)
{
    for (; index < p->area_count && p->areas[index].first_page < r.end; index++)
        if (!p->areas[index].committed) return false;
    return true;
}

/* The order of the checks and the statuses are inferred from the behaviour of
 * NtProtectVirtualMemory: a mapped MDL's protection cannot be changed from user mode
 * (MmMapLockedPagesSpecifyCache). */
static uint32_t check_protect(const struct mm *mm, const struct process *p, struct page_range r,
                              size_t index, uint32_t protect)
{
    if (index == p->area_count || p->areas[index].first_page > r.first ||
        !areas_hold(p, index, r) || p->areas[index].kind == AREA_MDL)
        return ST_CONFLICTING_ADDRESSES;
    if (p->areas[index].large_level != 0 && protect != p->areas[index].protect)
        return ST_CONFLICTING_ADDRESSES; /* implementations */
    if (!space_protect_fits(protect, (enum area_kind)p->areas[index].kind))
        return ST_INVALID_PAGE_PROTECTION;
    if (!space_is_committed(p, index, r)) return ST_NOT_COMMITTED;
    return space_may_protect(mm, p, r, protect) ? ST_SUCCESS : ST_INVALID_PAGE_PROTECTION;
}

bool space_protect_fits(uint32_t protect, enum area_kind kind)
{
    if (!protect_is_valid(protect)) return false;
    return kind != AREA_PRIVATE || (protect & (PROT_WRITECOPY | PROT_EXECUTE_WRITECOPY)) == 0;
}

uint32_t space_protect(struct mm *mm, struct process *p, va_t at, uint64_t bytes, uint32_t protect,
                       uint32_t *old)
{
    struct page_range r;
    if (bytes == 0) return ST_INVALID_PARAMETER_3;
    if (!space_range(mm, at, bytes, &r)) return ST_INVALID_PARAMETER_2;
    charge(mm->hw, COST_VAD, 1);
    size_t index = areas_from(p, r.first);
    uint32_t status = check_protect(mm, p, r, index, protect);
    if (status != ST_SUCCESS) return status;
    *old = p->areas[index].protect;
    if (p->areas[index].large_level != 0) return ST_SUCCESS;
    charge(mm->hw, COST_VAD, 1);
    space_pages_protect(mm, p, areas_set(mm, p, r, true, protect), r);
    return ST_SUCCESS;
}
