/* What an address translates to at this moment: MmGetPhysicalAddress, MmIsAddressValid. */
#include "nt/kernel.h"

enum { INDEX_BITS = 9 };

/* The entry that maps the address in the current process, 0 when none that is present does. Each
 * level that is read is charged. *level is that of the entry. */
static uint64_t valid_entry(struct kernel *k, va_t at, unsigned *level)
{
    const struct process *p = k->mm->current;
    const struct page_map *map = p == NULL ? &k->hw->system : &p->map;
    unsigned bits = PAGE_SHIFT_BITS + INDEX_BITS * k->hw->top_level;
    uint64_t top = at.v >> (bits - 1);
    bool canonical = k->mm->config->is_64_bit ? top == 0 || top == UINT64_MAX >> (bits - 1)
                                              : at.v <= UINT32_MAX;
    *level = LEVEL_PT;
    charge(k->hw, COST_PTE_READ, 1);
    if (!canonical || (p == NULL && at.v <= k->mm->config->highest_user.v)) return 0;
    const uint64_t *slot = paging_find(k->hw, map, at, level);
    if (slot == NULL) return 0;
    charge(k->hw, COST_PTE_READ, k->hw->top_level - *level);
    return *slot & PTE_PRESENT ? *slot : 0;
}

/* ---- MmGetPhysicalAddress ---- */

struct MmGetPhysicalAddress_args {
    va_t base_address;
};

static const struct field MmGetPhysicalAddress_args[] = {
    { ROW_VA(struct MmGetPhysicalAddress_args, base_address, "BaseAddress"),
      .doc = "A valid, nonpaged address." },
    { 0 },
};

enum { PHYSICAL_INVALID };
static const struct failure MmGetPhysicalAddress_failures[] = {
    [PHYSICAL_INVALID] = { .name = "not-valid", .then = THEN_FAILS,
                           .rule = "physical_address_invalid", .advice = true,
                           .doc = "No page is mapped at the address." },
    { 0 },
};

static struct outcome MmGetPhysicalAddress_run(struct kernel *k, void *args)
{
    const struct MmGetPhysicalAddress_args *a = args;
    unsigned level;
    uint64_t entry = valid_entry(k, a->base_address, &level);
    if (entry == 0 && fails(k, PHYSICAL_INVALID)) return k->outcome;
    uint64_t offset = ((uint64_t)1 << (PAGE_SHIFT_BITS + INDEX_BITS * (level - 1))) - 1;
    uint64_t at = (entry & PTE_ADDRESS & ~offset) | (a->base_address.v & offset);
    return returns_value(k, value_int(at));
}

const struct routine MmGetPhysicalAddress = {
    .name = "MmGetPhysicalAddress", .header = "ntddk.h",
    .doc = "Returns the physical address that a virtual one translates to.",
    .result = RESULT_PHYSICAL, .result_doc = "The physical address, or 0.", .irql_max = IRQL_ANY,
    .args = MmGetPhysicalAddress_args, .args_bytes = sizeof(struct MmGetPhysicalAddress_args),
    .failures = MmGetPhysicalAddress_failures, .run = MmGetPhysicalAddress_run,
    .page = "MmGetPhysicalAddress",
    .notes = "Of an address that is not valid: 0, as implementations return. Pageable addresses "
             "are accepted while their page is resident.",
    .left_out = "Nothing.",
};

/* ---- MmIsAddressValid ---- */

struct MmIsAddressValid_args {
    va_t virtual_address;
};

static const struct field MmIsAddressValid_args[] = {
    { ROW_VA(struct MmIsAddressValid_args, virtual_address, "VirtualAddress"),
      .flags = FIELD_NULLABLE, .doc = "Address to check." },
    { 0 },
};

enum { VALID_IRQL, VALID_DISCOURAGED };
static const struct failure MmIsAddressValid_failures[] = {
    [VALID_IRQL] = { .name = "irql-too-high", .then = THEN_REFUSED, .rule = "irql_above_limit",
                     .is_irql = true, .irql_max = 2, .doc = "The IRQL is above DISPATCH_LEVEL." },
    [VALID_DISCOURAGED] = { .name = "discouraged", .then = THEN_PERFORMED,
                            .rule = "discouraged_routine", .advice = true,
                            .doc = "The page advises against the routine: its answer can be out of "
                                   "date at once." },
    { 0 },
};

static struct outcome MmIsAddressValid_run(struct kernel *k, void *args)
{
    const struct MmIsAddressValid_args *a = args;
    unsigned level;
    if (fails(k, VALID_DISCOURAGED)) return k->outcome;
    return returns_value(k, value_bool(valid_entry(k, a->virtual_address, &level) != 0));
}

const struct routine MmIsAddressValid = {
    .name = "MmIsAddressValid", .header = "ntddk.h",
    .doc = "Tells whether an access to an address would cause a page fault now.",
    .result = RESULT_BOOL, .result_doc = "TRUE when no page fault would occur.", .irql_max = 2,
    .args = MmIsAddressValid_args, .args_bytes = sizeof(struct MmIsAddressValid_args),
    .failures = MmIsAddressValid_failures, .run = MmIsAddressValid_run, .page = "MmIsAddressValid",
    .notes = "Looks at the page tables alone, without side effects. Pages that are present and may "
             "not be accessed count as valid.",
    .left_out = "Nothing.",
};
