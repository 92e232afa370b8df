/* Where the entries of an address lie in a level of TLB. Only for src/model. */
#pragma once

#include "model/hw.h"

static inline uint64_t page_number(va_t at, enum page_size size)
{
    static const unsigned size_shift[PAGE_SIZE_COUNT] = { 12, 21, 30 };
    return (at.v >> size_shift[size]) & TLB_PAGE_MASK;
}

/* The space in the tags of an address, as the processor stands. */
static inline uint32_t context_at(const struct hw *hw, const struct cpu *cpu, va_t at)
{
    return cpu->context[at.v >= hw->kernel_start];
}

/* ---- invalidate.c: entries of one level or processor go, nothing is charged ---- */

void level_drop(struct tlb_level *level, va_t at, uint32_t space);
void cpu_drop_page(struct cpu *cpu, va_t at, uint32_t space);
/* Entries of the paging-structure caches as well. */
void cpu_drop_spaces(struct cpu *cpu, struct tlb_spaces spaces);
void cpu_drop_structures(struct cpu *cpu, struct tlb_spaces spaces);

/* ---- context.c ---- */

/* The spaces of the tags of a map's contexts: one, with KVA shadow the kernel's and the user's. */
struct tlb_spaces context_spaces(const struct hw *hw, uint32_t space);
/* The current processor has done what is asked of its loaded map until now. */
void context_flushed(struct hw *hw, bool system);
/* Whether a context that the processor keeps, but has not loaded, missed a flush. */
bool context_is_behind(const struct hw *hw, const struct cpu *cpu, const struct page_map *map);

/* ---- shootdown.c ---- */

void flush_free(struct hw *hw, struct flush *f);
