/* MDL objects by id and by address. */
#include "mm/mdl.h"

#include "base/check.h"
#include "mm/mm.h"

enum { SPARE_SLOTS_MIN_BITS = 5 }; /* 32 slots: what IoAllocateMdl's fixed size needs */

void mdls_init(struct mm *mm)
{
    mm->mdls = (struct mdl_table){ .count = 0 };
    map_init(&mm->mdls.by_address, mm->from);
    mm->mdls.freed = mem_new(mm->from, MDL_FREED_KEPT, sizeof *mm->mdls.freed);
}

/* ---- memory ---- */

/* PFN arrays come in powers of two, so that any array of a size can serve again. */
static unsigned spare_size_of(uint32_t slots)
{
    unsigned bits = slots <= 1 ? 0 : 64u - (unsigned)__builtin_clzll((uint64_t)slots - 1);
    return bits < SPARE_SLOTS_MIN_BITS ? 0 : bits - SPARE_SLOTS_MIN_BITS;
}

static size_t slots_of_size(unsigned size)
{
    return (size_t)1 << (size + SPARE_SLOTS_MIN_BITS);
}

/* Behind the slots of an array the ends of runs stand, two in a word: room for one in 64 slots, and
 * three at least. */
static size_t run_words_of_size(unsigned size)
{
    return slots_of_size(size) / 128 + 2;
}

static size_t words_of_size(unsigned size)
{
    return slots_of_size(size) + run_words_of_size(size);
}

static void pfns_take(struct mm *mm, struct mdl *m)
{
    struct mdl_table *table = &mm->mdls;
    unsigned size = spare_size_of(m->slots);
    uint64_t *pfns = size < MDL_SPARE_SIZES ? table->spare_pfns[size] : NULL;
    if (pfns != NULL) table->spare_pfns[size] = (uint64_t *)(uintptr_t)pfns[0];
    else pfns = mem_new(mm->from, words_of_size(size), sizeof *pfns);
    for (uint32_t i = 0; i < m->slots; i++) pfns[i] = PFN_NONE.v;
    m->pfns = pfns;
    m->runs = (struct frame_runs){ .end = (uint32_t *)(void *)(pfns + slots_of_size(size)),
                                   .most = (uint32_t)run_words_of_size(size) * 2 - 1 };
    m->runs.end[0] = RUN_UNKNOWN;
}

static void pfns_give(struct mm *mm, uint64_t *pfns, uint32_t slots)
{
    unsigned size = spare_size_of(slots);
    if (size >= MDL_SPARE_SIZES) {
        mem_free(mm->from, pfns, words_of_size(size), sizeof *pfns);
        return;
    }
    pfns[0] = (uint64_t)(uintptr_t)mm->mdls.spare_pfns[size];
    mm->mdls.spare_pfns[size] = pfns;
}

static struct mdl *struct_take(struct mm *mm)
{
    struct mdl *m = mm->mdls.spare;
    if (m == NULL) return mem_new(mm->from, 1, sizeof *m);
    mm->mdls.spare = (struct mdl *)(void *)m->pfns;
    *m = (struct mdl){ .id = 0 };
    return m;
}

static void struct_give(struct mm *mm, struct mdl *m)
{
    m->pfns = (uint64_t *)(void *)mm->mdls.spare;
    mm->mdls.spare = m;
}

static void chunk_free(struct mm *mm, size_t index)
{
    struct mdl_chunk *chunk = mm->mdls.chunks[index];
    for (size_t i = 0; i < MDL_CHUNK; i++) {
        struct mdl *m = chunk->mdls[i];
        if (m == NULL) continue;
        if (m->live) pfns_give(mm, m->pfns, m->slots);
        mem_free(mm->from, m, 1, sizeof *m);
    }
    mem_free(mm->from, chunk, 1, sizeof *chunk);
    mm->mdls.chunks[index] = NULL;
}

void mdls_free(struct mm *mm)
{
    struct mdl_table *table = &mm->mdls;
    for (size_t i = 0; i < table->chunk_capacity; i++)
        if (table->chunks[i] != NULL) chunk_free(mm, i);
    mem_free(mm->from, table->chunks, table->chunk_capacity, sizeof *table->chunks);
    mem_free(mm->from, table->freed, MDL_FREED_KEPT, sizeof *table->freed);
    while (table->spare != NULL) {
        struct mdl *m = struct_take(mm);
        mem_free(mm->from, m, 1, sizeof *m);
    }
    for (unsigned size = 0; size < MDL_SPARE_SIZES; size++) {
        for (uint64_t *pfns = table->spare_pfns[size]; pfns != NULL;) {
            uint64_t *next = (uint64_t *)(uintptr_t)pfns[0];
            mem_free(mm->from, pfns, words_of_size(size), sizeof *pfns);
            pfns = next;
        }
    }
    map_free(&table->by_address);
}

/* ---- ids ---- */

uint32_t mdl_next_live(struct mm *mm, uint32_t id)
{
    const struct mdl_table *table = &mm->mdls;
    while (id < table->count) {
        id++;
        const struct mdl_chunk *chunk = mdl_chunk_of(table, id);
        if (chunk == NULL) {
            uint64_t end = ((uint64_t)(id - 1) / MDL_CHUNK + 1) * MDL_CHUNK;
            id = end < table->count ? (uint32_t)end : table->count;
            continue;
        }
        const struct mdl *m = chunk->mdls[(id - 1) % MDL_CHUNK];
        if (m != NULL && m->live) return id;
    }
    return 0;
}

uint32_t mdl_by_address(struct mm *mm, va_t at)
{
    return (uint32_t)map_at(&mm->mdls.by_address, at.v);
}

/* Makes the next id stand for m. */
static void id_give(struct mm *mm, struct mdl *m)
{
    struct mdl_table *table = &mm->mdls;
    CHECK(table->count < UINT32_MAX);
    size_t index = table->count / MDL_CHUNK;
    table->chunks = mem_grow(mm->from, table->chunks, &table->chunk_capacity, index + 1,
                             sizeof *table->chunks);
    if (table->chunks[index] == NULL)
        table->chunks[index] = mem_new(mm->from, 1, sizeof **table->chunks);
    struct mdl_chunk *chunk = table->chunks[index];
    chunk->mdls[table->count % MDL_CHUNK] = m;
    chunk->known++;
    m->id = ++table->count;
}

/* A chunk whose ids were all given out and are all forgotten goes. */
static void id_forget(struct mm *mm, uint32_t id)
{
    struct mdl_table *table = &mm->mdls;
    struct mdl_chunk *chunk = mdl_chunk_of(table, id);
    CHECK2(chunk != NULL, id, table->count);
    struct mdl *m = chunk->mdls[(id - 1) % MDL_CHUNK];
    chunk->mdls[(id - 1) % MDL_CHUNK] = NULL;
    chunk->known--;
    struct_give(mm, m);
    size_t index = (id - 1) / MDL_CHUNK;
    if (chunk->known == 0 && index < table->count / MDL_CHUNK) chunk_free(mm, index);
}

uint64_t mdl_size_bytes(const struct mm *mm, uint64_t pages)
{
    return mm->config->is_64_bit ? 48 + 8 * pages : 28 + 4 * pages;
}

uint32_t mdl_new(struct mm *mm, va_t address, enum mdl_memory memory, uint64_t base, uint64_t bytes,
                 uint64_t slots)
{
    CHECK2(bytes <= UINT32_MAX && slots <= UINT32_MAX, bytes, slots);
    struct mdl *before = mdl_at(mm, mdl_by_address(mm, address));
    if (before != NULL) mdl_gone(mm, before);
    struct mdl *m = struct_take(mm);
    id_give(mm, m);
    m->live = true;
    m->address = address;
    m->slots = (uint32_t)slots;
    pfns_take(mm, m);
    m->size = (uint16_t)mdl_size_bytes(mm, span_pages(base, bytes));
    m->start_va = va_page(va(base));
    m->byte_offset = (uint32_t)va_offset(va(base));
    m->byte_count = (uint32_t)bytes;
    m->memory = (uint8_t)memory;
    map_set(&mm->mdls.by_address, address.v, m->id);
    return m->id;
}

void mdl_gone(struct mm *mm, struct mdl *m)
{
    struct mdl_table *table = &mm->mdls;
    CHECK2(m->live, m->id, m->address.v);
    m->live = false;
    map_remove(&table->by_address, m->address.v);
    pfns_give(mm, m->pfns, m->slots);
    m->pfns = NULL;
    uint32_t *place = &table->freed[table->freed_count % MDL_FREED_KEPT];
    if (table->freed_count >= MDL_FREED_KEPT) id_forget(mm, *place);
    *place = m->id;
    table->freed_count++;
}

/* ---- invariants ---- */

/* Every frame has at least as many locks as MDLs hold of it. */
static void locks_check(struct mm *mm, const struct mdl *m, struct map *holders)
{
    for (uint64_t i = 0; i < mdl_page_count(m) && i < m->slots; i++) {
        pfn_t f = pfn(m->pfns[i]);
        if (f.v == PFN_NONE.v || !frame_in_ram(mm, f)) continue;
        uint64_t held = map_at(holders, f.v) + 1;
        map_set(holders, f.v, held);
        struct frame frame = frame_peek(mm, f);
        CHECK2(frame.locks >= held, m->id, f.v);
    }
}

static void runs_of_check(const struct mdl *m)
{
    CHECK2(m->runs.count <= m->runs.most, m->id, m->runs.count);
    CHECK2(m->runs.end[m->runs.count] == RUN_UNKNOWN, m->id, m->runs.count);
    for (uint32_t i = 0, first = 0; i < m->runs.count; first = m->runs.end[i++]) {
        uint32_t end = m->runs.end[i];
        CHECK2(first < end && end <= m->slots, m->id, end);
        CHECK2(frames_rising(m->pfns + first, end - first) == end - first, m->id, first);
    }
}

void mdls_check(struct mm *mm)
{
    struct map holders;
    map_init(&holders, mm->from);
    uint64_t live = 0;
    for (uint32_t id = 0; (id = mdl_next_live(mm, id)) != 0; live++) {
        const struct mdl *m = mdl_at(mm, id);
        CHECK2(m->id == id && mdl_by_address(mm, m->address) == id, id, m->address.v);
        runs_of_check(m);
        if (m->locked_pages > 0 && !m->pfns_written) locks_check(mm, m, &holders);
    }
    CHECK2(live == mm->mdls.by_address.count, live, mm->mdls.by_address.count);
    map_free(&holders);
}
