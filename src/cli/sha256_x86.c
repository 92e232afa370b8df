/* SHA-256 with the SHA instructions of x86 (SDM 2B, SHA256RNDS2 and its neighbours). The only file
 * that is compiled for more than the oldest processor; on others than x86-64 it is empty. */
#include "cli/sha256_x86.h"

#if defined(__x86_64__) && defined(__SHA__) && defined(__SSE4_1__)

#include <cpuid.h>
#include <immintrin.h>

enum { LEAF_FEATURES = 1, LEAF_EXTENDED = 7, SSSE3 = 1 << 9, SSE4_1 = 1 << 19, SHA = 1 << 29 };

/* The state as the instructions want it: A, B, E, F and C, D, G, H, the first in the highest word.
 */
struct halves {
    __m128i abef, cdgh;
};

static struct halves halves_of(const uint32_t state[8])
{
    __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)state), 0xB1);
    __m128i efgh =
        _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)(state + 4)), 0x1B);
    return (struct halves){ _mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xF0) };
}

static void halves_store(struct halves s, uint32_t state[8])
{
    __m128i feba = _mm_shuffle_epi32(s.abef, 0x1B), dchg = _mm_shuffle_epi32(s.cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* Four steps with the words w, the first of which has number t. */
static inline struct halves four_steps(struct halves s, __m128i w, size_t t)
{
    __m128i k = _mm_loadu_si128((const __m128i *)(const void *)(sha256_k + t));
    __m128i sum = _mm_add_epi32(w, k);
    s.cdgh = _mm_sha256rnds2_epu32(s.cdgh, s.abef, sum);
    s.abef = _mm_sha256rnds2_epu32(s.abef, s.cdgh, _mm_shuffle_epi32(sum, 0x0E));
    return s;
}

/* The next four words after the sixteen of w0 to w3. */
static inline __m128i next_words(__m128i w0, __m128i w1, __m128i w2, __m128i w3)
{
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
    return _mm_sha256msg2_epu32(sum, w3);
}

static inline __m128i load_words(const uint8_t *at)
{
    const __m128i order = _mm_set_epi64x(0x0C0D0E0F08090A0B, 0x0405060700010203);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)at), order);
}

static inline struct halves compress(struct halves s, const uint8_t *block)
{
    __m128i w0 = load_words(block), w1 = load_words(block + 16);
    __m128i w2 = load_words(block + 32), w3 = load_words(block + 48);
    for (size_t t = 0; t < 64; t += 16) {
        if (t > 0) {
            w0 = next_words(w0, w1, w2, w3);
            w1 = next_words(w1, w2, w3, w0);
            w2 = next_words(w2, w3, w0, w1);
            w3 = next_words(w3, w0, w1, w2);
        }
        s = four_steps(s, w0, t);
        s = four_steps(s, w1, t + 4);
        s = four_steps(s, w2, t + 8);
        s = four_steps(s, w3, t + 12);
    }
    return s;
}

static void x86_blocks(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    struct halves s = halves_of(state);
    for (; count > 0; count--, blocks += 64) {
        struct halves next = compress(s, blocks);
        s.abef = _mm_add_epi32(s.abef, next.abef);
        s.cdgh = _mm_add_epi32(s.cdgh, next.cdgh);
    }
    halves_store(s, state);
}

sha256_blocks *sha256_x86(void)
{
    unsigned a, b, c, d;
    const unsigned wanted = SSE4_1 | SSSE3;
    if (!__get_cpuid(LEAF_FEATURES, &a, &b, &c, &d) || (c & wanted) != wanted) return NULL;
    bool has = __get_cpuid_count(LEAF_EXTENDED, 0, &a, &b, &c, &d) && (b & SHA) != 0;
    return has ? x86_blocks : NULL;
}

#else

sha256_blocks *sha256_x86(void)
{
    return NULL;
}

#endif
