/* Whole processors as data: geometry and prices, each price with its source (presets.csv). */
#pragma once

#include "base/field.h"
#include "model/cost.h"

enum page_size { PAGE_4K, PAGE_2M, PAGE_1G, PAGE_SIZE_COUNT };
enum tlb_policy { POLICY_LRU, POLICY_PLRU, POLICY_FIFO, POLICY_RANDOM };
extern const struct names tlb_policies; /* "lru", "plru", "fifo", "random" */

/* One array of a TLB. entries 0 = there is none. ways == entries is fully associative. */
struct tlb_geometry {
    uint32_t entries, ways, policy;
};

/* The arrays of one level. Page sizes that share an array name the same one in `array_of`. */
struct tlb_level_geometry {
    struct tlb_geometry array[PAGE_SIZE_COUNT];
    uint8_t array_of[PAGE_SIZE_COUNT]; /* which array holds that page size; TLB_NO_ARRAY = none */
    bool hashed;                       /* sets by a hash of the page number, not modulo */
};
enum { TLB_NO_ARRAY = 0xFF };

/* The caches between a processor and memory. */
enum cache_level { CACHE_L1D, CACHE_L2, CACHE_L3, CACHE_LEVEL_COUNT };
struct cache_geometry {
    uint64_t bytes;
    uint32_t ways, policy; /* ways 0 = there is no such level */
};
struct cache_config {
    bool modelled; /* false: one price for every access */
    uint32_t l3_cpus; /* processors that share one L3; 0 = all */
    bool l3_hashed;   /* its sets by a hash of the line, not modulo */
    struct cache_geometry level[CACHE_LEVEL_COUNT];
};

enum { PSC_PDE, PSC_PDPTE, PSC_PML4E, PSC_PML5E, PSC_COUNT }; /* paging-structure caches */

struct cpu_preset {
    const char *name, *doc;
    uint64_t hz;
    uint32_t levels_max; /* of paging: 4 or 5 */
    uint32_t cpus_max;   /* processors of one machine */
    uint32_t socket_cpus; /* of one package */
    uint32_t pcid_count; /* 0: it has none */
    bool broadcasts;       /* it has INVLPGB */
    bool needs_kva_shadow; /* to be safe from Meltdown */
    struct tlb_level_geometry l1d, l1i, l2;
    struct tlb_geometry psc[PSC_COUNT];
    struct cache_config caches;
    uint32_t walkers; /* page walks at once */
    uint64_t price[COST_COUNT];     /* cycles */
    const char *source[COST_COUNT]; /* tag of calibration source, or "estimate", and how derived */
};

extern const struct cpu_preset
    cpu_presets[]; /* ends with a NULL name; cpu_presets[0] is "generic" */
const struct cpu_preset *preset_find(const char *name); /* NULL when unknown */
