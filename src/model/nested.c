/* Nested paging: the machine is a guest whose physical addresses a host translates by tables of its
 * own (Intel SDM 3C, 28.3; AMD APM volume 2, 15.25). A walk of the guest then is two-dimensional:
 * the address of each table that it reads, and that of the page it ends at, is translated by the
 * host. The host maps 4 KiB pages; the upper levels of its tables are taken as cached, its page
 * directory and page tables are fetched where the processor has not kept their translations. */
#include "model/hw.h"

/* Where the host's tables stand: above every address that a guest has. */
#define HOST_TABLES (UINT64_C(1) << 45)

/* Frames without a pattern, as a host of some age hands them out: the low bits, which choose sets
 * of caches, are mixed, the others tell frames apart. */
static uint64_t scatter(uint64_t number)
{
    return number << 8 | number * UINT64_C(0x9E3779B97F4A7C15) >> 56;
}

static pa_t host_entry(uint64_t number, unsigned level)
{
    uint64_t frame = HOST_TABLES + scatter(number / 512 * 2 + level);
    return pa(frame * PAGE_BYTES + number % 512 * sizeof(uint64_t));
}

pa_t nested_address(pa_t at)
{
    return pa(scatter(at.v / PAGE_BYTES) * PAGE_BYTES | (at.v & PAGE_MASK));
}

static bool known(struct tlb_array *a, uint64_t number)
{
    uint64_t evicted;
    if (a->sets == 0) return false;
    if (tlb_array_find(a, number, number) != NULL) return true;
    tlb_array_fill(a, number, number, 0, &evicted);
    return false;
}

static void fetch(struct hw *hw, pa_t at)
{
    hw->cpu->walks.nested_references++;
    memory_fetch_host(hw, at);
}

void nested_translate(struct hw *hw, pfn_t f)
{
    struct cpu *cpu = hw->cpu;
    if (known(&cpu->nested_tlb, f.v)) return;
    if (!known(&cpu->nested_psc, f.v / 512)) fetch(hw, host_entry(f.v / 512, 1));
    fetch(hw, host_entry(f.v, 0));
}
