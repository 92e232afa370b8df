/* User address spaces: reservations (VADs), their areas of equal state, demand-zero and
 * copy-on-write pages, section views, user mappings of MDLs. */
#pragma once

#include "base/gauge.h"
#include "mm/lock.h"
#include "mm/outcome.h"
#include "model/hw.h"

/* PAGE_* values of winnt.h. */
enum {
    PROT_NOACCESS = 0x01,
    PROT_READONLY = 0x02,
    PROT_READWRITE = 0x04,
    PROT_WRITECOPY = 0x08,
    PROT_EXECUTE = 0x10,
    PROT_EXECUTE_READ = 0x20,
    PROT_EXECUTE_READWRITE = 0x40,
    PROT_EXECUTE_WRITECOPY = 0x80,
    PROT_GUARD = 0x100,
    PROT_NOCACHE = 0x200,
    PROT_WRITECOMBINE = 0x400,
};
enum {
    MEMORY_COMMIT = 0x1000,
    MEMORY_RESERVE = 0x2000,
    MEMORY_DECOMMIT = 0x4000,
    MEMORY_RELEASE = 0x8000,
    MEMORY_TOP_DOWN = 0x100000,
    MEMORY_LARGE_PAGES = 0x20000000
};

enum area_kind { AREA_PRIVATE, AREA_VIEW, AREA_MDL };

/* Pages of one reservation with the same state. Areas of a process are sorted and do not overlap.
 */
struct area {
    uint64_t first_page, page_count;
    uint64_t base_page; /* of the reservation it belongs to */
    uint32_t protect;
    uint32_t section;      /* AREA_VIEW: number from 1 */
    uint64_t section_page; /* page of the section that first_page shows */
    uint32_t mdl;          /* AREA_MDL */
    uint8_t kind;
    uint8_t large_level; /* AREA_PRIVATE in large pages: the smallest that it has; 0 = 4 KiB */
    bool committed;
};

/* A promise not to weaken the protection of a range (MmSecureVirtualMemory). */
struct secure {
    uint64_t first_page, page_count;
    uint32_t process; /* id */
    uint32_t mode;    /* PROT_READWRITE or PROT_READONLY */
    bool live;
    uint32_t seq, line;
};

/* Memory that several views show. */
struct section {
    uint64_t page_count;
    uint64_t *frames; /* PFN + 1 by page, 0 = not yet touched */
};

struct process {
    uint32_t id; /* 1.. ; 0 is System */
    const char *name;
    va_t object; /* address of its EPROCESS */
    struct page_map map;
    struct area *areas;
    size_t area_count, area_capacity;
    struct gauge locked_pages, working_set, committed_bytes, private_frames;
    struct lock lock; /* LOCK_ADDRESS_SPACE */
};

struct fault_counts {
    uint64_t demand_zero, transition, page_file, copy_on_write, access_violation, guard_page;
};

struct mm;
struct process *process_new(struct mm *mm, const char *name);
struct process *process_at(struct mm *mm, uint32_t id); /* NULL for 0 and unknown ids */
/* Section of `page_count` pages, nothing touched. Returns its number. */
uint32_t section_new(struct mm *mm, uint64_t page_count);

/* Reserves [*at, *at + bytes) (at.v == 0: lowest gap, 64 KiB aligned, first address 0x10000) and
 * commits it when `commit`. ST_* status. `at` is rounded down to 64 KiB, the end up to a page. */
uint32_t space_reserve(struct mm *mm, struct process *p, va_t *at, uint64_t *bytes,
                       uint32_t protect, bool commit, bool top_down);
/* Reserves and commits memory in large pages, resident from then on: `bytes` is a multiple of the
 * smallest page, of `least`, and pages of `most` are taken where they fit and a block is free.
 * ST_INSUFFICIENT_RESOURCES: not enough blocks of free frames. Not part of the working set, and
 * only released as a whole (space_large.c). */
uint32_t space_reserve_large(struct mm *mm, struct process *p, va_t *at, uint64_t bytes,
                             uint32_t protect, unsigned least, unsigned most);
uint32_t space_map_view(struct mm *mm, struct process *p, va_t *at, uint64_t bytes,
                        uint32_t section, uint32_t protect);
/* Commit inside one reservation; committing what is committed is fine. */
uint32_t space_commit(struct mm *mm, struct process *p, va_t at, uint64_t bytes, uint32_t protect);
uint32_t space_decommit(struct mm *mm, struct process *p, va_t at, uint64_t bytes);
uint32_t space_release(struct mm *mm, struct process *p, va_t *at, uint64_t *bytes);
/* Changes protection of committed pages of one reservation; *old is that of the first page. Present
 * entries change and are flushed. */
uint32_t space_protect(struct mm *mm, struct process *p, va_t at, uint64_t bytes, uint32_t protect,
                       uint32_t *old);
/* A user mapping of an MDL: `requested` page or 0. Frames are written at once, with `bits`
 * (PTE_USER and cache type and protection), in pages up to `level` where they fit; without a
 * requested page it starts at a multiple of `align_pages` where there is room. Statuses as
 * MmMapLockedPagesSpecifyCache raises them. */
uint32_t space_map_mdl(struct mm *mm, struct process *p, va_t requested, const uint64_t *frames,
                       uint64_t page_count, uint64_t bits, unsigned level, uint64_t align_pages,
                       uint32_t mdl, va_t *out);
/* Undoes it. False when no MDL mapping begins at that page. */
bool space_unmap_mdl(struct mm *mm, struct process *p, va_t at, uint32_t mdl);
/* What a fault at an address of no reservation does. */
struct backing {
    uint8_t level;   /* 0: it is a violation; else it is reserved, in a page of this level where its
                        addresses and so many frames are free and the processor has such pages, else
                        of the next smaller one */
    bool small_code; /* a fetch never gets a large page */
};
/* Makes an address usable that belongs to no reservation: its whole 64 KiB when they are free, else
 * the one page (also below 64 KiB, where a trace of a real program may go). Its area. */
const struct area *space_back_page(struct mm *mm, struct process *p, va_t at, uint32_t protect);
const struct area *space_area_at(const struct process *p, va_t at);
/* Makes the pages of a buffer resident before the first step, without cost and without counting
 * faults: private pages and section pages are demanded, copy-on-write pages keep their copy to
 * make, pages that permit no access stay as they are. False when no frame is free. */
bool space_touch_all(struct mm *mm, struct process *p, va_t at, uint64_t bytes);
bool protect_is_valid(
    uint32_t protect); /* one base value, optionally GUARD / NOCACHE / WRITECOMBINE */
bool protect_permits(uint32_t protect, enum access_type type); /* copy-on-write permits writing */
/* Bits of a user entry: present, user, W or copy-on-write, NX, cache; 0 for no access (guard pages
 * too). */
uint64_t protect_bits(uint32_t protect);
void spaces_free(struct mm *mm); /* all processes and sections, for mm_free */
void space_check(struct mm *mm);
