/* The hardware of one machine: memory, page tables, processors with TLBs, and the only clock. It
 * knows nothing of Windows. Every cycle passes through charge(). */
#pragma once

#include "base/busy.h"
#include "base/gauge.h"
#include "model/cache.h"
#include "model/cost.h"
#include "model/hold.h"
#include "model/memory_type.h"
#include "model/phys.h"
#include "model/preset.h"
#include "model/pte.h"
#include "model/tlb.h"

enum { LEVEL_PT = 1, LEVEL_PD, LEVEL_PDPT, LEVEL_PML4, LEVEL_PML5, LEVEL_COUNT };
enum { PDPTE_REGISTERS = 4 };

/* How linear addresses are translated: Intel SDM 3A, 4.1.1. */
enum paging_mode { PAGING_4_LEVEL, PAGING_5_LEVEL, PAGING_PAE };

struct level_gauges {
    struct gauge tables, entries;
};

/* One set of page tables: the system's, or a process's (whose upper half mirrors the system's). */
struct page_map {
    pfn_t root;
    uint32_t space; /* 0 = the system's map; processes count from 1 */
    struct level_gauges level[LEVEL_COUNT];
    struct gauge large[2]; /* entries that map pages of 2 MiB, 1 GiB */
    struct gauge bytes;    /* of all its tables */
    uint64_t writes;    /* entries written */
    uint64_t flushes;   /* of its user pages: who missed one flushes at the next load */
    pfn_t shadow;       /* with KVA shadow: the root of user mode, without the kernel's half */
};

enum access_type { ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE, ACCESS_TYPE_COUNT };

/* What an access to memory was served by: a level of the caches, or memory. */
enum served { SERVED_L1D, SERVED_L2, SERVED_L3, SERVED_MEMORY, SERVED_COUNT };

struct walk_counts {
    uint64_t count, references[LEVEL_COUNT], dirty_updates;
    uint64_t served_by[SERVED_COUNT];
    uint64_t nested_references; /* entries of the host's tables */
    uint64_t pscache_hits[PSC_COUNT];
    uint64_t large[2], faults; /* walks that found pages of 2 MiB, of 1 GiB; no page or no right */
};

struct flush_counts {
    uint64_t invlpg, full, pcid, shootdowns_sent, shootdowns_received, broadcasts;
};

struct flush_range {
    va_t at; /* a multiple of the size of its pages */
    uint64_t page_count, page_bytes;
};

/* What a flush names: user pages of one map, or pages of system space. */
struct flush {
    struct page_map *map; /* the system's: system space */
    struct flush_range *ranges;
    size_t range_count, capacity;
    uint64_t page_count; /* of all ranges */
    bool whole;          /* all that the map has; ranges say nothing */
    bool caches;         /* no entries at all: the caches of memory (WBINVD) */
    bool tables;         /* page tables that translated its pages are given back */
};

/* The event under way, so that what comes of it later can name it. */
struct doing {
    uint64_t seq, place; /* as the caller counts events and places in scenarios */
    const char *name;    /* NULL: nothing that has one */
};

/* A flush that a processor was asked for and has not done, since its IRQL holds the interrupt. */
struct owed_flush {
    struct flush flush; /* its ranges are the owner's copy */
    uint32_t sender;
    cycles_t arrival;
    struct doing by; /* who asked */
};

/* A context that a processor keeps apart by a PCID (with KVA shadow by two). */
struct pcid_slot {
    uint32_t space;
    uint64_t used;                          /* the larger, the later */
    uint64_t user_flushes, kernel_flushes; /* done here, of the counts of the map and of hw */
};

enum { SIDE_KERNEL, SIDE_USER, SIDE_NONE };

struct cpu {
    cycles_t clock;
    uint64_t spent[COST_COUNT]; /* cycles by cost; their sum plus idle is the clock */
    uint64_t settled[COST_COUNT]; /* the same when costs_settle() was called last */
    uint64_t charged;             /* bit i: cost i may have been charged since */
    uint64_t idle;
    uint64_t interrupts; /* part of spent that was used in interrupts of other processors' making */
    struct page_map *map; /* what CR3 points to, or the map of the shadow that it points to */
    uint64_t pdpte[PDPTE_REGISTERS]; /* PAE: what walks begin with, as CR3 was loaded */
    uint16_t context[2];  /* spaces of the tags of user and of kernel addresses */
    uint8_t leaves_on;    /* the side whose next access loads CR3 first; without KVA shadow none */
    bool is_masked;       /* its IRQL keeps interrupts of other processors waiting */
    uint32_t waits_for;   /* processors that have not answered: it goes no further */
    cycles_t answered;    /* the latest answer so far to what it waits for */
    struct busy serving;  /* requests of other processors */
    struct holds holds;   /* locks that its last step held */
    struct owed_flush *owed;
    size_t owed_count, owed_capacity;
    struct pcid_slot *slots;
    size_t slot_count, slot_capacity, slot; /* slot: of the map that is loaded */
    struct tlb_level l1d, l1i, l2, l2i; /* l2i empty: l2 serves code too */
    struct tlb_array psc[PSC_COUNT];
    struct tlb_array nested_tlb, nested_psc; /* of guest frames: translations, page directory */
    struct cache l1d_cache, l2_cache;
    struct cache *l3_cache; /* shared */
    struct write_buffers combining;
    struct walk_counts walks;
    struct flush_counts flushes;
    struct { /* the last walk, so that the retry of an interrupted access replaces it */
        unsigned top, bottom; /* levels whose entries were fetched, top >= bottom; 0 = none */
        unsigned cache;       /* PSC_* that hit + 1, 0 = none */
        enum served served_by[LEVEL_COUNT]; /* of those levels */
    } last_walk;
    uint32_t number;
    uint32_t irql; /* its task priority (CR8) while another processor is being simulated; that of
                      hw->cpu itself stands in mm->irql */
};

/* The page table of the 2 MiB at `region` * 2 MiB, below `root` (PFN_NONE: none is known). */
struct leaf_table {
    uint64_t region;
    pfn_t root, table;
};

/* Where new page tables come from: the memory manager's frame lists. False: no frame is free. */
struct table_source {
    bool (*take)(void *context, pfn_t *out);
    void (*give)(void *context, pfn_t f);
    void *context;
};

struct hw {
    const struct allocator *from;
    uint64_t hz;
    uint64_t price[COST_COUNT];
    enum paging_mode mode;
    unsigned top_level;    /* LEVEL_PML4, LEVEL_PML5 or LEVEL_PDPT */
    unsigned large_level;  /* of the largest page: LEVEL_PD, or LEVEL_PDPT with pages of 1 GiB */
    uint64_t kernel_start; /* lowest kernel address: entries above it are the system's and global */
    uint64_t canonical_half; /* added to an address, */
    unsigned canonical_bits; /* its bits above these are 0 when it is canonical */
    struct phys phys;
    const struct type_range *types; /* of the scenario */
    size_t type_count;
    struct type_run type_run; /* found last */
    bool has_caches, nested;
    uint32_t walkers; /* page walks that a processor makes at once */
    struct cache *l3;
    uint32_t l3_count;
    struct cpu *cpus;
    uint32_t cpu_count;
    struct cpu *cpu;  /* the one that runs now */
    cycles_t horizon; /* no processor will do anything before this time any more */
    struct hold_server locks;
    struct page_map system;
    struct page_map **maps; /* of processes, by space - 1; NULL = gone */
    size_t map_count, map_capacity;
    struct table_source tables;
    struct map table_used;          /* table frame -> entries in use */
    struct leaf_table near[2]; /* found last: of user space, of the kernel's */
    uint32_t flush_threshold_pages; /* longer ranges are flushed whole */
    uint32_t pcid_count;            /* contexts that a processor keeps; 0: CR3 loads flush */
    uint32_t socket_count;
    bool kva_shadow; /* user mode has tables without the kernel's half, nothing is global */
    bool broadcast;  /* flushes reach other processors without interrupting them */
    struct flush flush;      /* the one that is being gathered */
    uint64_t kernel_flushes; /* of system space */
    uint64_t pcid_clock;     /* orders the use of slots */
    struct doing doing;
};

struct hw_config {
    uint64_t hz;
    const uint64_t *price; /* COST_COUNT */
    enum paging_mode mode;
    bool has_1_gib_pages; /* the processor's; PAE has none whatever it says */
    uint64_t kernel_start;
    struct tlb_level_geometry l1d, l1i, l2, l2i;
    struct tlb_geometry psc[PSC_COUNT];
    struct cache_config caches;
    bool nested;      /* the machine is a guest under nested paging */
    uint32_t walkers; /* page walks that a processor makes at once, 1 to WALKERS_MOST */
    uint32_t cpu_count, socket_count; /* 0 sockets count as one */
    uint32_t flush_threshold_pages;
    uint32_t pcid_count;
    bool kva_shadow, broadcast;
    uint64_t seed;
    const struct phys_range *ram, *bars;
    size_t ram_count, bar_count;
    const struct type_range *types;
    size_t type_count;
};

void hw_init(struct hw *hw, const struct allocator *from, const struct hw_config *config);
void hw_free(struct hw *hw);
/* Every invariant of the hardware: sum of costs = clock, TLB entries agree with the page tables or
 * are marked pending through `may_be_stale`. BUG when one is broken. */
void hw_check(struct hw *hw, bool (*may_be_stale)(void *context, va_t address), void *context);

/* Whether the processor can translate the address: SDM volume 1, 3.3.7.1; with PAE 32 bits. */
static inline bool hw_is_canonical(const struct hw *hw, va_t at)
{
    return (at.v + hw->canonical_half) >> hw->canonical_bits == 0;
}

/* The only way to move a clock. */
static inline void charge(struct hw *hw, enum cost cost, uint64_t times)
{
    uint64_t n = hw->price[cost] * times;
    hw->cpu->clock.v += n;
    hw->cpu->spent[cost] += n;
    hw->cpu->charged |= UINT64_C(1) << cost;
}
_Static_assert(COST_COUNT <= 64, "each cost has a bit");
/* From now on spent less settled is what the processor spends from now on. Of the costs that are
 * not in `charged` it is 0, so that who asks looks at few. */
static inline void costs_settle(struct cpu *cpu)
{
    for (uint64_t rest = cpu->charged; rest != 0; rest &= rest - 1) {
        size_t i = (size_t)__builtin_ctzll(rest);
        cpu->settled[i] = cpu->spent[i];
    }
    cpu->charged = 0;
}
static inline cycles_t hw_now(const struct hw *hw)
{
    return hw->cpu->clock;
}
/* What it costs the current processor to reach another one with an interrupt, and to fetch a cache
 * line that another one wrote last (distance.c). */
enum cost hw_ipi_cost(const struct hw *hw, const struct cpu *to);
enum cost hw_line_cost(const struct hw *hw, const struct cpu *from);
/* Time passes without work. */
void hw_idle(struct hw *hw, cycles_t until);

/* ---- caches and memory (memory.c) ---- */

void memory_init(struct hw *hw, const struct hw_config *config);
void memory_free(struct hw *hw);
/* A fetch of a page walk at an address of the host, where the machine is its guest; else of the
 * machine's own memory. Charges what the level costs that serves it. */
enum served memory_fetch_host(struct hw *hw, pa_t at);
/* Where the host has put what the guest has there. */
pa_t nested_address(pa_t at);
/* One fetch of a page walk. */
static inline enum served memory_fetch(struct hw *hw, pa_t at)
{
    struct cache *first = &hw->cpu->l1d_cache;
    if (__builtin_expect(hw->nested, 0)) return memory_fetch_host(hw, nested_address(at));
    if (!cache_is_newest(first, at.v >> CACHE_LINE_SHIFT)) return memory_fetch_host(hw, at);
    first->counts.hits++;
    charge(hw, COST_WALK_REFERENCE, 1);
    return SERVED_L1D;
}
/* An access to data: each line it touches is looked up and charged; one charge without caches. */
void memory_access_lines(struct hw *hw, pa_t at, uint64_t bytes);
static inline void memory_access(struct hw *hw, pa_t at, uint64_t bytes)
{
    uint64_t line = at.v >> CACHE_LINE_SHIFT;
    struct cache *first = &hw->cpu->l1d_cache;
    bool one = (at.v + bytes - 1) >> CACHE_LINE_SHIFT == line;
    if (one && !hw->nested && cache_is_newest(first, line)) {
        first->counts.hits++;
        charge(hw, COST_MEMORY, 1);
    } else {
        memory_access_lines(hw, at, bytes);
    }
}
/* An access through a translation whose effective type is not write-back: uncached reads wait and
 * stores are posted; stores to write-combining memory are charged by the line; the other two types
 * read as plain memory and write through. */
void memory_access_typed(struct hw *hw, uint64_t entry, pa_t at, uint64_t bytes,
                         enum access_type access);
/* Lines that the current processor has open for write-combining are written. Uncached accesses do
 * that, and whatever serializes: loads of CR3, invalidations, interrupts, exceptions, locked
 * instructions (SDM 12.3.1; AMD's optimization guides have the list). */
static inline void memory_close_lines(struct hw *hw)
{
    hw->cpu->combining.count = 0;
}
/* The current processor wrote these bytes for a price of its own: their lines are in its caches.
 * Charges and counts nothing but evictions. */
void memory_place(struct hw *hw, pa_t at, uint64_t bytes);
/* WBINVD on the current processor: its caches and the L3 are empty. */
void memory_flush(struct hw *hw);
/* The same on all processors, by interrupts, as KeInvalidateAllCaches does (shootdown.c). */
void memory_flush_all(struct hw *hw);
/* All caches become empty, for nothing: the state before the first step. */
void memory_empty(struct hw *hw);

/* Translates a guest frame in a walk: charges what of the host's tables is fetched (nested.c). */
void nested_translate(struct hw *hw, pfn_t f);

/* ---- page tables (paging.c): the only writer of entries ---- */

static inline bool page_map_has_shadow(const struct hw *hw, const struct page_map *map)
{
    return hw->kva_shadow && map->space != 0;
}

/* Every page table that is remembered is the one that the tables above it name; else BUG. */
void paging_check(struct hw *hw);
/* Takes the root table. False when no frame is free. The system's first. */
bool paging_init(struct hw *hw, struct page_map *map, uint32_t space);
/* Gives all tables of a process back (leaf entries must be clear). */
void paging_free(struct hw *hw, struct page_map *map);
/* The map whose tables an address belongs to: the system's for kernel addresses. */
struct page_map *paging_map_for(struct hw *hw, struct page_map *map, va_t at);
/* The leaf slot of `at` (a 4 KiB entry, or the large entry that covers it: *level tells), or NULL
 * when a table above is missing. No cost, no side effect. */
uint64_t *paging_find(struct hw *hw, const struct page_map *map, va_t at, unsigned *level);
/* The entry as a 4 KiB one, also for the part of a large page; 0 when there is none. */
uint64_t paging_entry(struct hw *hw, const struct page_map *map, va_t at);
/* Makes the tables above `at` and its page-table slot exist; NULL when no frame is free. Charges
 * the entries it writes and the zeroing of new tables. */
uint64_t *paging_slot(struct hw *hw, struct page_map *map, va_t at);
/* Tables for a whole range, so that nothing after it can fail. On false nothing more exists than
 * before but tables that hold no entry. */
bool paging_reserve(struct hw *hw, struct page_map *map, va_t at, uint64_t page_count);
/* Writes one 4 KiB entry (its slot exists); charges pte_write. No TLB work. */
void paging_set(struct hw *hw, struct page_map *map, va_t at, uint64_t entry);
/* Writes `page_count` consecutive entries; entry i maps frames[i]. */
void paging_set_range(struct hw *hw, struct page_map *map, va_t at, const uint64_t *frames,
                      uint64_t page_count, uint64_t bits);
/* Clears a range: missing tables are skipped. Process tables that become empty are given back. A
 * large page of which only a part lies in the range is split; paging_split_edges before it, so that
 * this cannot fail. */
void paging_clear_range(struct hw *hw, struct page_map *map, va_t at, uint64_t page_count);

/* ---- large pages (paging_large.c) ---- */

/* Makes 512 entries of the next level out of the large page at `at`, with its rights, accessed and
 * dirty bit; true when there is none. False when no frame is free. Flushing is the caller's. */
bool paging_split(struct hw *hw, struct page_map *map, va_t at);
/* Splits until no large page lies on both sides of either end of the range. */
bool paging_split_edges(struct hw *hw, struct page_map *map, va_t at, uint64_t page_count);
/* Makes one large page out of the 512 entries of the page table at `at`, when all are present and
 * have the same bits (accessed and dirty apart) and consecutive frames that start at a multiple of
 * 512. Returns whether it did; the caller flushes then. */
bool paging_join(struct hw *hw, struct page_map *map, va_t at);
/* The largest level up to `most` whose page can map frames[0..] at `at`: addresses are aligned,
 * frames consecutive and of one memory type, and no entry below is in use. */
unsigned paging_level_for(struct hw *hw, const struct page_map *map, va_t at,
                          const uint64_t *frames, uint64_t page_count, unsigned most);
/* One large page at `at`, a multiple of its size: first the tables above its entry (false when no
 * frame is free), then the entry. Whether it replaced a table without entries, which
 * paging-structure caches may still name: the caller flushes then. `bits` are those of a 4 KiB
 * entry. */
bool paging_reserve_large(struct hw *hw, struct page_map *map, va_t at, unsigned level);
bool paging_set_large(struct hw *hw, struct page_map *map, va_t at, unsigned level, pfn_t f,
                      uint64_t bits);
/* The same for page_count consecutive frames from f on. */
unsigned paging_level_for_run(struct hw *hw, const struct page_map *map, va_t at, pfn_t f,
                              uint64_t page_count, unsigned most);
/* As paging_reserve and paging_set_range, with entries as large as paging_level_for allows. `bits`
 * and what is returned as for one large page. */
bool paging_reserve_frames(struct hw *hw, struct page_map *map, va_t at, const uint64_t *frames,
                           uint64_t page_count, unsigned most);
bool paging_map_frames(struct hw *hw, struct page_map *map, va_t at, const uint64_t *frames,
                       uint64_t page_count, uint64_t bits, unsigned most);
/* Exchanges the bits `changed` of the entries of a range for `bits` (a 4 KiB entry's, without PAT);
 * reads and writes each entry once. No large page reaches over the ends. */
void paging_protect(struct hw *hw, struct page_map *map, va_t at, uint64_t page_count,
                    uint64_t changed, uint64_t bits);
/* Entries that map the pages of a range: a large page counts once, and so does a page that is not
 * mapped. */
uint64_t paging_leaf_count(struct hw *hw, const struct page_map *map, va_t at,
                           uint64_t page_count);

/* ---- TLB (translate.c) ---- */

enum access_fault {
    ACCESS_OK,
    FAULT_NOT_PRESENT,
    FAULT_PROTECTION, /* the entry is there and forbids it */
    FAULT_NOT_CANONICAL,
};

struct translation {
    uint64_t entry; /* the page-table entry used (as cached), with its effective memory type */
    enum access_fault fault;
    uint8_t level; /* LEVEL_PT, or LEVEL_PD for a 2 MiB page ... */
    bool hit;      /* the first level had it */
    bool walked;   /* no level had it */
};

/* One look-up of one page by the current CPU in map cpu->map: first-level TLB, second level, page
 * walk; counts and charges all of it, sets accessed and dirty bits. Does not charge the data access
 * itself. */
struct translation hw_translate(struct hw *hw, va_t at, enum access_type type, bool user);
/* The shortest way: counts a hit and gives the entry of a 4 KiB page when the first level has it as
 * the one of its set used last, and it permits the access as it is. Else 0, and nothing happens. */
static inline uint64_t hw_translate_front(struct hw *hw, va_t at, enum access_type type, bool user)
{
    static const uint64_t bits[ACCESS_TYPE_COUNT] = { [ACCESS_WRITE] = PTE_WRITE | PTE_DIRTY,
                                                      [ACCESS_EXECUTE] = PTE_NO_EXECUTE };
    struct cpu *cpu = hw->cpu;
    bool code = type == ACCESS_EXECUTE && cpu->l1i.sizes != 0;
    struct tlb_level *level = code ? &cpu->l1i : &cpu->l1d;
    const struct tlb_lane *lane = &level->small;
    if (lane->ways == 0 || !hw_is_canonical(hw, at) || cpu->leaves_on == user) return 0;
    uint64_t page = at.v >> PAGE_SHIFT_BITS;
    size_t front = (size_t)(page & lane->mask) * lane->ways;
    uint64_t mode = user ? PTE_USER : 0, tag = tlb_tag(page & TLB_PAGE_MASK, PAGE_4K,
                                                       cpu->context[at.v >= hw->kernel_start]);
    uint64_t entry = lane->data[front];
    if (lane->tag[front] != tag || (entry & (bits[type] | mode)) !=
                                       ((bits[type] & ~PTE_NO_EXECUTE) | mode))
        return 0;
    level->counts.lookups++;
    level->counts.hits++;
    level->counts.size_hits[PAGE_4K]++;
    return entry;
}
/* The short way of an access that either level has a 4 KiB page for, or a walk of one fetch finds:
 * the entry, all of it counted and charged. 0 when it is something else; then nothing has happened.
 * (translate_short.c) */
uint64_t hw_translate_short(struct hw *hw, va_t at, enum access_type type, bool user);
/* Its walk alone, which counts no lookup. */
uint64_t hw_walk_short(struct hw *hw, va_t at, enum access_type type, bool user);
/* hw_translate() where the caller knows that no level has an entry for the page and that its
 * address is canonical. */
struct translation hw_translate_walk(struct hw *hw, va_t at, enum access_type type, bool user);
/* hw_translate() without counting the lookup, for an access retried after a fault. */
struct translation hw_retranslate(struct hw *hw, va_t at, enum access_type type, bool user);
static inline pa_t translation_pa(const struct translation *t, va_t at)
{
    uint64_t mask = ((uint64_t)1 << (PAGE_SHIFT_BITS + 9 * (t->level - LEVEL_PT))) - 1;
    return pa((t->entry & PTE_ADDRESS & ~mask) | (at.v & mask));
}

/* ---- contexts (context.c) ---- */

/* Loads CR3 on the kernel's side. Entries of system space stay. With PCIDs those of user space stay
 * too, unless the processor missed a flush of the map meanwhile. */
void tlb_load_cr3(struct hw *hw, struct page_map *map);
/* With KVA shadow: to the side of user mode or of the kernel, by a load of CR3 (see there). */
void hw_change_side(struct hw *hw, bool user);
static inline void hw_enter(struct hw *hw, bool user)
{
    if (hw->cpu->leaves_on == (user ? SIDE_USER : SIDE_KERNEL)) hw_change_side(hw, user);
}
/* PAE: the registers of the page-directory-pointer table, which walks use instead of memory, get
 * what the table in use says. Loads of CR3 do so, and writes of CR4 that flush the TLB (SDM 4.4.1).
 */
void context_load_registers(struct hw *hw, struct cpu *cpu);
/* The map whose entries have this space in their tags: of 0 the system's. NULL: it is gone. */
struct page_map *context_map(struct hw *hw, uint32_t space);

/* ---- flushes (shootdown.c) ----
 *
 * Each concerns all processors that may hold what it names: of user space those that have the map
 * loaded (others with a PCID of it flush when they load it again), of system space all. They are
 * interrupted and do it in their own time, while the sender does its own part and then waits for
 * the last answer. */

/* Gathers ranges of pages. `map`: the system's for kernel addresses. */
void flush_begin(struct hw *hw, struct page_map *map);
void flush_add(struct hw *hw, va_t at, uint64_t page_count);
/* Pages of another size: one INVLPG drops a large page, whatever part of it the address names (SDM
 * 4.10.4.1). */
void flush_add_pages(struct hw *hw, va_t at, uint64_t page_count, uint64_t page_bytes);
/* A range of the gathered map by pages of the sizes that map it now, before it changes
 * (paging_large.c). */
void flush_add_mapped(struct hw *hw, va_t at, uint64_t page_count);
/* Page tables that translated what is gathered are given back: no paging-structure cache may name
 * them any more. */
void flush_add_tables(struct hw *hw);
/* Does it, page by page up to hw's threshold, else whole. No pages: nothing. */
void flush_end(struct hw *hw);
/* Pages of the current map, or of system space. */
void tlb_flush_page(struct hw *hw, va_t at);
/* The same where page tables are given back that translated the page and its neighbours. */
void tlb_flush_tables(struct hw *hw, va_t at);
void tlb_flush_range(struct hw *hw, va_t at, uint64_t page_count);
void tlb_flush_map(struct hw *hw, struct page_map *map); /* all of a map's user space */
void tlb_flush_all(struct hw *hw); /* everything everywhere, global entries included */
/* Whether the IRQL of a processor holds interrupts back. Letting them in does what it owes; a
 * sender that waited for it goes on (its wait counts as time of interrupts). */
void hw_mask(struct hw *hw, struct cpu *cpu, bool masked);
/* A flush of that address that the processor owes; NULL when there is none. */
const struct owed_flush *flush_owed(const struct hw *hw, const struct cpu *cpu, va_t at);
/* Whether the processor's entry of this space may be older than the tables: it owes a flush, or
 * will flush when it loads the context. */
bool flush_is_due(struct hw *hw, const struct cpu *cpu, uint32_t space, va_t at);
/* Whether the current CPU's TLBs hold an entry for the page. */
bool tlb_holds(const struct hw *hw, va_t at);
