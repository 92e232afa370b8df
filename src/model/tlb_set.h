/* One set of an LRU array, most recently used first: searching and reordering, several ways at a
 * time and without a branch that depends on where an entry is. */
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

static inline __m128i tlb_set_same(const uint64_t *tags, __m128i wanted)
{
    return _mm_cmpeq_epi32(tlb_set_load(tags), wanted);
}

/* Two bits for each of eight (four) tags, both set where both halves of the tag are as wanted. */
static inline uint64_t tlb_set_same_8(const uint64_t *tags, __m128i wanted)
{
    __m128i low = _mm_packs_epi32(tlb_set_same(tags, wanted), tlb_set_same(tags + 2, wanted));
    __m128i high = _mm_packs_epi32(tlb_set_same(tags + 4, wanted), tlb_set_same(tags + 6, wanted));
    return (uint64_t)(unsigned)_mm_movemask_epi8(_mm_packs_epi16(low, high));
}

static inline uint64_t tlb_set_same_4(const uint64_t *tags, __m128i wanted)
{
    __m128i four = _mm_packs_epi32(tlb_set_same(tags, wanted), tlb_set_same(tags + 2, wanted));
    return (uint64_t)(unsigned)_mm_movemask_epi8(_mm_packs_epi16(four, _mm_setzero_si128()));
}

static inline unsigned tlb_set_way_any(const uint64_t *tags, unsigned ways, uint64_t tag)
{
    __m128i wanted = _mm_set1_epi64x((int64_t)tag);
    uint64_t found = 0;
    unsigned way = 0;
    for (; way + 8 <= ways; way += 8) found |= tlb_set_same_8(&tags[way], wanted) << 2 * way;
    if (ways & 4) {
        found |= tlb_set_same_4(&tags[way], wanted) << 2 * way;
        way += 4;
    }
    found &= found >> 1 & UINT64_C(0x5555555555555555);
    for (; way < ways; way++) found |= (uint64_t)(tags[way] == tag) << 2 * way;
    return found != 0 ? (unsigned)__builtin_ctzll(found) / 2 : ways;
}

/* At most 32 ways; the compiler makes straight code for the numbers that levels mostly have. */
static inline unsigned tlb_set_way(const uint64_t *tags, unsigned ways, uint64_t tag)
{
    if (ways == 4) return tlb_set_way_any(tags, 4, tag);
    if (ways == 12) return tlb_set_way_any(tags, 12, tag);
    return tlb_set_way_any(tags, ways, tag);
}

/* words[0 .. 3] move up by one. */
static inline void tlb_set_move_4(uint64_t *words)
{
    __m128i high = tlb_set_load(words + 2), low = tlb_set_load(words);
    _mm_storeu_si128((__m128i *)(void *)(words + 3), high);
    _mm_storeu_si128((__m128i *)(void *)(words + 1), low);
}

static inline void tlb_set_move_2(uint64_t *words)
{
    _mm_storeu_si128((__m128i *)(void *)(words + 1), tlb_set_load(words));
}

/* From the top down in steps of four: what a step reads no earlier step has written. */
static inline void tlb_set_rotate(uint64_t *words, unsigned way, uint64_t front)
{
    unsigned at = way;
    for (; at >= 4; at -= 4) tlb_set_move_4(words + at - 4);
    if (at & 2) tlb_set_move_2(words + at - 2);
    if (at & 1) words[1] = words[0];
    words[0] = front;
}

/* Tags and data at once. */
static inline void tlb_set_rotate_both(uint64_t *tags, uint64_t *datas, unsigned way, uint64_t tag,
                                       uint64_t data)
{
    unsigned at = way;
    for (; at >= 4; at -= 4) {
        tlb_set_move_4(tags + at - 4);
        tlb_set_move_4(datas + at - 4);
    }
    if (at & 2) {
        tlb_set_move_2(tags + at - 2);
        tlb_set_move_2(datas + at - 2);
    }
    if (at & 1) {
        tags[1] = tags[0];
        datas[1] = datas[0];
    }
    tags[0] = tag;
    datas[0] = data;
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

static inline void tlb_set_rotate_both(uint64_t *tags, uint64_t *datas, unsigned way, uint64_t tag,
                                       uint64_t data)
{
    tlb_set_rotate_portable(tags, way, tag);
    tlb_set_rotate_portable(datas, way, data);
}

#endif

enum { TLB_SET_WAYS_MOST = 32 };
