/* Page-table entries of x86-64 (4 and 5 levels) and PAE: Intel SDM volume 3A, section 4.4 to 4.5,
 * tables 4-8 to 4-20; AMD APM volume 2, section 5.3. Entries are 64 bits in all three modes. */
#pragma once

#include "base/types.h"

#define PTE_PRESENT ((uint64_t)1 << 0)
#define PTE_WRITE ((uint64_t)1 << 1)
#define PTE_USER ((uint64_t)1 << 2)
enum { PTE_PWT_SHIFT = 3 }; /* PWT and PCD: the low bits of the PAT index */
#define PTE_PWT ((uint64_t)1 << 3)
#define PTE_PCD ((uint64_t)1 << 4)
#define PTE_ACCESSED ((uint64_t)1 << 5)
#define PTE_DIRTY ((uint64_t)1 << 6)
#define PTE_LARGE ((uint64_t)1 << 7) /* PS in a PDE or PDPTE; PAT in a PTE */
#define PTE_PAT_4K ((uint64_t)1 << 7)
#define PTE_GLOBAL ((uint64_t)1 << 8)
#define PTE_COPY_ON_WRITE                                                                          \
    ((uint64_t)1 << 9) /* ignored by the processor; the memory manager's own */
#define PTE_PAT_LARGE ((uint64_t)1 << 12)
#define PTE_NO_EXECUTE ((uint64_t)1 << 63)
#define PTE_ADDRESS (((uint64_t)1 << 52) - PAGE_BYTES)

/* Cache types as PAT indexes with the PAT of Windows: 0 WB, 1 WC (PWT), 3 UC (PCD and PWT). */
enum pte_cache { PTE_CACHED = 0, PTE_WRITE_COMBINED = 1, PTE_UNCACHED = 3 };
static inline uint64_t pte_cache_bits(enum pte_cache c)
{
    return ((c & 1) ? PTE_PWT : 0) | ((c & 2) ? PTE_PCD : 0);
}
static inline enum pte_cache pte_cache_of(uint64_t entry)
{
    unsigned index = ((entry & PTE_PWT) ? 1u : 0) | ((entry & PTE_PCD) ? 2u : 0);
    return index == 3   ? PTE_UNCACHED
           : index == 1 ? PTE_WRITE_COMBINED
           : index == 2 ? PTE_UNCACHED
                        : PTE_CACHED;
}

static inline uint64_t pte_make(pfn_t f, uint64_t bits)
{
    return (f.v << PAGE_SHIFT_BITS) | bits;
}
static inline pfn_t pte_pfn(uint64_t entry)
{
    return pfn((entry & PTE_ADDRESS) >> PAGE_SHIFT_BITS);
}

/* ---- large pages: SDM tables 4-16 and 4-18 ----
 * Levels are those of model/hw.h: 1 is the page table. */

/* Pages of 4 KiB that an entry of the level covers. */
static inline uint64_t pte_level_pages(unsigned level)
{
    return (uint64_t)1 << (9 * (level - 1));
}
/* An entry above a page table that maps a page itself. Without PTE_PRESENT the processor looks at
 * no other bit: it is then a large page that permits no access and keeps its frames. */
static inline bool pte_is_large(uint64_t entry, unsigned level)
{
    return (entry & PTE_LARGE) != 0 && level > 1 && level < 4;
}
/* The entry of a large page from bits as a 4 KiB entry has them: PAT moves to bit 12. */
static inline uint64_t pte_make_large(pfn_t f, uint64_t bits)
{
    uint64_t pat = (bits & PTE_PAT_4K) ? PTE_PAT_LARGE : 0;
    return pte_make(f, (bits & ~PTE_PAT_4K) | PTE_LARGE | pat);
}
/* The part of a leaf's page that a 4 KiB entry for `at` would map, with the same rights. */
static inline uint64_t pte_as_small(uint64_t entry, unsigned level, va_t at)
{
    if (!pte_is_large(entry, level)) return entry;
    uint64_t pat = (entry & PTE_PAT_LARGE) ? PTE_PAT_4K : 0;
    uint64_t mask = pte_level_pages(level) * PAGE_BYTES - 1;
    uint64_t frame = (entry & PTE_ADDRESS & ~mask) | (at.v & mask & ~PAGE_MASK);
    return (entry & ~(PTE_ADDRESS | PTE_LARGE)) | frame | pat;
}
