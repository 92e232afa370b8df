/* Records of frames, made by the chunk when the first of its frames is looked at. What is asked of
 * many frames at once is a bit each, so that a run of them takes as long as one. The words of these
 * bits stand apart from the records: those of many chunks are read in a row. Internal to
 * pfn*.c. */
#pragma once

#include "mm/mm.h"

enum { FRAME_CHUNK = 64 };

struct frame_record {
    uint32_t shares;
    uint32_t relocks; /* locks beyond the first */
    uint8_t state, cache, owner;
};

struct frame_chunk {
    uint64_t number; /* of its first frame / FRAME_CHUNK */
    struct frame_chunk *next; /* the one that was looked for after it, NULL when there is none */
    /* A bit for each frame: it is RAM; it has shares, locks, more than one lock; its type is
     * FRAME_CACHED. */
    uint64_t ram, owned, locked, relocked, cached;
    struct frame_record *frames; /* FRAME_CHUNK of them */
};

/* The chunk of a frame, made when there was none (then as at the start). NULL outside RAM. */
struct frame_chunk *chunk_search(struct mm *mm, pfn_t f);
static inline struct frame_chunk *chunk_at(struct mm *mm, pfn_t f)
{
    struct frame_chunk *chunk = mm->frames.last_chunk;
    if (__builtin_expect(chunk == NULL || chunk->number != f.v / FRAME_CHUNK, 0))
        chunk = chunk_search(mm, f);
    return chunk != NULL && (chunk->ram >> f.v % FRAME_CHUNK & 1) != 0 ? chunk : NULL;
}

static inline uint64_t chunk_bit(pfn_t f)
{
    return UINT64_C(1) << f.v % FRAME_CHUNK;
}

/* Sets or clears bits of a word. */
static inline void chunk_mark(uint64_t *word, uint64_t bits, bool set)
{
    *word = set ? *word | bits : *word & ~bits;
}

/* A frame that was on a list gets an owner. */
void frame_own(struct mm *mm, pfn_t f, enum frame_state state, enum frame_owner owner);
/* The last share or lock of a frame is gone: it goes to the free list. */
void frame_retire(struct mm *mm, pfn_t f, struct frame_chunk *chunk);

/* Frames of RAM with consecutive numbers in one chunk. */
struct frame_span {
    struct frame_chunk *chunk; /* NULL: one frame, outside RAM */
    unsigned first, count;     /* index of the first in its chunk; at least 1 */
};
/* How the `count` frames from number `first` on begin; count >= 1. */
struct frame_span frame_span(struct mm *mm, uint64_t first, uint64_t count);
