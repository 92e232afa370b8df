/* A lookup of one address, as its ways through the TLB share it. Only for src/model. */
#pragma once

#include "model/tlb_level.h"
#include "model/tlb_use.h"

/* One lookup, and what the processor's state makes of it. */
struct lookup {
    va_t at;
    uint64_t space;      /* of the tags of its entries */
    uint64_t bits, want; /* these bits of a leaf must be as wanted: it is there, and permits */
    uint64_t marks;      /* bits that the access sets in the page table */
    enum access_type type;
};

static inline struct lookup lookup_of(const struct hw *hw, va_t at, enum access_type type,
                                      bool user)
{
    static const uint64_t bits[ACCESS_TYPE_COUNT] = { [ACCESS_WRITE] = PTE_WRITE,
                                                      [ACCESS_EXECUTE] = PTE_NO_EXECUTE };
    uint64_t mode = user ? PTE_USER : 0;
    return (struct lookup){ .at = at,
                            .space = tlb_tag(0, PAGE_4K, context_at(hw, hw->cpu, at)),
                            .bits = bits[type] | mode | PTE_PRESENT,
                            .want = (bits[type] & PTE_WRITE) | mode | PTE_PRESENT,
                            .marks = PTE_ACCESSED | (type == ACCESS_WRITE ? PTE_DIRTY : 0),
                            .type = type };
}

static inline bool permits(const struct lookup *l, uint64_t entry)
{
    return (entry & l->bits) == l->want;
}

static inline uint64_t tag_of(const struct lookup *l, enum page_size size)
{
    return page_number(l->at, size) | tlb_tag(0, size, 0) | l->space;
}

static inline unsigned shift_of(unsigned level)
{
    return PAGE_SHIFT_BITS + 9 * (level - 1);
}

/* Of the entry of that level in its paging-structure cache. These entries belong to the context
 * that is loaded, whatever the address: they know nothing of global pages (SDM 4.10.3). */
static inline uint64_t psc_tag(const struct cpu *cpu, va_t at, unsigned level)
{
    return at.v << 7 >> 7 >> shift_of(level) | tlb_tag(0, PAGE_4K, cpu->context[0]);
}

/* The effective type of an entry, as translations keep it: plain memory is 0. Not 0 where the run
 * does not hold its frame. */
static inline uint64_t run_type_bits(const struct type_run *run, uint64_t entry)
{
    if (pte_pfn(entry).v - run->first >= run->page_count) return UINT64_MAX;
    return run->bits[entry >> PTE_PWT_SHIFT & 3];
}

/* The effective type goes into the TLB with the entry. */
static inline uint64_t type_bits(struct hw *hw, uint64_t entry, pfn_t f)
{
    struct type_run *run = &hw->type_run;
    if (__builtin_expect(f.v - run->first >= run->page_count, 0)) memory_type_run(hw, f, run);
    return run->bits[entry >> PTE_PWT_SHIFT & 3];
}

static inline struct tlb_level *first_level(struct cpu *cpu, enum access_type type)
{
    return type == ACCESS_EXECUTE && cpu->l1i.sizes != 0 ? &cpu->l1i : &cpu->l1d;
}

/* The level behind a first one: code may have one of its own. */
static inline struct tlb_level *second_level(struct cpu *cpu, const struct tlb_level *first)
{
    return first == &cpu->l1i && cpu->l2i.sizes != 0 ? &cpu->l2i : &cpu->l2;
}

/* hw_translate() where hw_translate_short() gives 0 (translate.c). */
struct translation hw_translate_long(struct hw *hw, va_t at, enum access_type type, bool user);
