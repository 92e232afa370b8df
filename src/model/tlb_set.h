/* One set of an LRU array, most recently used first: searching and reordering, two ways at a time
 * and without a branch that depends on where an entry is. */
#pragma once

#include <stdint.h>

#if defined __SSE2__ && defined __x86_64__
#include <emmintrin.h>
#endif

/* Way of the tag, `ways` when it is not there; portable. */
static inline unsigned tlb_set_way_portable(const uint64_t *tags, unsigned ways, uint64_t tag)
{
    unsigned way = 0;
    while (way < ways && tags[way] != tag) way++;
    return way;
}

/* words[0 .. way - 1] move up by one, and `front` becomes the first. */
static inline void tlb_set_rotate_portable(uint64_t *words, unsigned way, uint64_t front)
{
    for (; way > 0; way--) words[way] = words[way - 1];
    words[0] = front;
}

#if defined __SSE2__ && defined __x86_64__

static inline __m128i tlb_set_load(const uint64_t *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* At most 32 ways. */
static inline unsigned tlb_set_way(const uint64_t *tags, unsigned ways, uint64_t tag)
{
    __m128i wanted = _mm_set1_epi64x((int64_t)tag);
    uint32_t found = 0;
    for (unsigned way = 0; way + 1 < ways; way += 2) {
        __m128i same = _mm_cmpeq_epi32(tlb_set_load(&tags[way]), wanted);
        same = _mm_and_si128(same, _mm_shuffle_epi32(same, 0xB1));
        found |= (uint32_t)_mm_movemask_pd(_mm_castsi128_pd(same)) << way;
    }
    if (ways % 2 != 0) found |= (uint32_t)(tags[ways - 1] == tag) << (ways - 1);
    return found != 0 ? (unsigned)__builtin_ctz(found) : ways;
}

/* From the top down in steps of two: what a step reads no earlier step has written. */
static inline void tlb_set_rotate(uint64_t *words, unsigned way, uint64_t front)
{
    for (; way >= 2; way -= 2)
        _mm_storeu_si128((__m128i *)(void *)&words[way - 1], tlb_set_load(&words[way - 2]));
    if (way == 1) words[1] = words[0];
    words[0] = front;
}

#else

static inline unsigned tlb_set_way(const uint64_t *tags, unsigned ways, uint64_t tag)
{
    return tlb_set_way_portable(tags, ways, tag);
}

static inline void tlb_set_rotate(uint64_t *words, unsigned way, uint64_t front)
{
    tlb_set_rotate_portable(words, way, front);
}

#endif

enum { TLB_SET_WAYS_MOST = 32 };
