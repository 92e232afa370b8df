/* MDL objects: the header of wdm.h, the frame numbers behind it, and what the model knows of how it
 * came about and what it holds. */
#pragma once

#include "base/map.h"
#include "base/types.h"
#include "mm/pfn.h"
#include "mm/syspte.h"

/* MdlFlags of wdm.h. */
#define MDL_FLAG_LIST(X)                                                                           \
    X(MDL_MAPPED_TO_SYSTEM_VA, 0x0001)                                                             \
    X(MDL_PAGES_LOCKED, 0x0002)                                                                    \
    X(MDL_SOURCE_IS_NONPAGED_POOL, 0x0004)                                                         \
    X(MDL_ALLOCATED_FIXED_SIZE, 0x0008)                                                            \
    X(MDL_PARTIAL, 0x0010)                                                                         \
    X(MDL_PARTIAL_HAS_BEEN_MAPPED, 0x0020)                                                         \
    X(MDL_IO_PAGE_READ, 0x0040)                                                                    \
    X(MDL_WRITE_OPERATION, 0x0080)                                                                 \
    X(MDL_LOCKED_PAGE_TABLES, 0x0100)                                                              \
    X(MDL_FREE_EXTRA_PTES, 0x0200)                                                                 \
    X(MDL_DESCRIBES_AWE, 0x0400)                                                                   \
    X(MDL_IO_SPACE, 0x0800)                                                                        \
    X(MDL_NETWORK_HEADER, 0x1000)                                                                  \
    X(MDL_MAPPING_CAN_FAIL, 0x2000)                                                                \
    X(MDL_PAGE_CONTENTS_INVARIANT, 0x4000)                                                         \
    X(MDL_INTERNAL, 0x8000)
enum {
#define X(name, bit) name = bit,
    MDL_FLAG_LIST(X)
#undef X
};

/* How an MDL got its frames (facts: "builders" A to F). */
enum mdl_builder {
    BUILDER_HEADER,
    BUILDER_LOCKED,
    BUILDER_NONPAGED,
    BUILDER_PARTIAL,
    BUILDER_PAGES,
    BUILDER_IO_SPACE,
    BUILDER_COUNT
};
/* Whose memory the header is, and so who frees it. */
enum mdl_memory { MEMORY_IO_ALLOCATED, MEMORY_POOL_MDL, MEMORY_PAGES_MDL, MEMORY_CALLER };

enum mdl_mapping { MAPPING_NONE, MAPPING_SYSTEM, MAPPING_RESERVED, MAPPING_BORROWED };

struct mdl {
    uint32_t id; /* 1.. in order of creation */
    bool live;
    va_t address;   /* of the header */
    uint32_t slots; /* PFN slots that its memory has room for */
    /* members of wdm.h */
    uint32_t next; /* id of an MDL, 0 = NULL */
    uint16_t size, flags;
    uint64_t process; /* address of the EPROCESS, 0 = NULL */
    va_t mapped_va, start_va;
    uint32_t byte_count, byte_offset;
    uint64_t *pfns; /* slots entries; PFN_NONE.v where none was stored. Written by mdl_pfns() */
    /* what the model knows */
    uint8_t builder, memory, mapping;
    uint32_t parent;       /* BUILDER_PARTIAL: id of the source, or of that one's parent */
    struct frame_runs runs; /* of pfns, kept behind their slots */
    bool pfns_written;  /* the driver wrote frame numbers itself */
    uint32_t locked_pages; /* frames this MDL holds locked */
    uint32_t lock_process; /* process id whose counter they are in, 0 = none */
    bool pages_held;       /* BUILDER_PAGES: not yet freed */
    va_t map_base;         /* MAPPING_SYSTEM, MAPPING_RESERVED: first page */
    uint32_t map_pages;
    va_t map_start;     /* StartVa when it was mapped: a later change is misuse (0xDA/05) */
    uint32_t map_extra; /* PTEs in front that MmAdvanceMdl left behind */
    uint32_t user_mappings;
    uint8_t map_cache;   /* enum frame_cache of the mapping */
    uint8_t pages_cache; /* BUILDER_PAGES: CacheType asked for */
    uint32_t made_seq, made_line, lock_seq, lock_line, map_seq, map_line; /* for leak reports */
};

enum { MDL_CHUNK = 256, MDL_FREED_KEPT = 4096, MDL_SPARE_SIZES = 12 };

struct mdl_chunk {
    struct mdl *mdls[MDL_CHUNK];
    uint32_t known; /* of them are not NULL */
};

/* All MDLs by id. Ids only rise; the struct of a freed MDL lives on until MDL_FREED_KEPT others
 * were freed after it, so a loop of any length runs in constant memory. */
struct mdl_table {
    struct mdl_chunk **chunks; /* of MDL_CHUNK ids each; NULL = none of them is known any more */
    size_t chunk_capacity;
    uint32_t count; /* ids given out: 1 .. count */
    uint64_t freed_count;
    uint32_t *freed;                       /* ring of the last MDL_FREED_KEPT freed ids */
    struct mdl *spare;                     /* structs for reuse, linked through pfns */
    uint64_t *spare_pfns[MDL_SPARE_SIZES]; /* PFN arrays for reuse, by size */
    struct map by_address;                 /* address -> id of the live MDL there */
};

struct mm;
/* Formats an MDL at `address` as MmInitializeMdl does; `slots` PFN slots of room. Returns its id. A
 * live MDL at that very address is gone with it. bytes <= UINT32_MAX, slots <= UINT32_MAX. */
uint32_t mdl_new(struct mm *mm, va_t address, enum mdl_memory memory, uint64_t base, uint64_t bytes,
                 uint64_t slots);
/* The chunk of an id; NULL for 0 and where no id of the chunk is known. */
static inline struct mdl_chunk *mdl_chunk_of(const struct mdl_table *table, uint32_t id)
{
    return id == 0 || id > table->count ? NULL : table->chunks[(id - 1) / MDL_CHUNK];
}
/* Also freed ones; NULL for 0 and unknown ids, and for MDLs freed long ago. */
static inline struct mdl *mdl_of(const struct mdl_table *table, uint32_t id)
{
    const struct mdl_chunk *chunk = mdl_chunk_of(table, id);
    return chunk == NULL ? NULL : chunk->mdls[(id - 1) % MDL_CHUNK];
}
/* The lowest id of a live MDL above `id`, else 0. */
uint32_t mdl_next_live(struct mm *mm, uint32_t id);
uint32_t mdl_by_address(struct mm *mm,
                        va_t at);            /* id of the live MDL whose header is there, else 0 */
void mdl_gone(struct mm *mm, struct mdl *m); /* its memory was freed; pfns is NULL then */
void mdls_init(struct mm *mm);
void mdls_free(struct mm *mm);
void mdls_check(struct mm *mm);
uint64_t mdl_size_bytes(const struct mm *mm, uint64_t pages); /* header + pages slots */
static inline uint64_t mdl_page_count(const struct mdl *m)
{
    return span_pages(m->byte_offset, m->byte_count);
}
static inline va_t mdl_va(const struct mdl *m)
{
    return va_add(m->start_va, m->byte_offset);
}
/* The frame numbers of an MDL that exists, to be written. */
static inline uint64_t *mdl_pfns(struct mdl *m)
{
    m->runs.count = 0;
    m->runs.end[0] = RUN_UNKNOWN;
    return m->pfns;
}
/* The first `count` of them, to be looked at. */
static inline struct frame_row mdl_frames(const struct mdl *m, uint64_t count)
{
    return (struct frame_row){ m->pfns, count, &m->runs };
}
