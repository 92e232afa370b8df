/* Many frames at once, run by run. */
#include "base/check.h"
#include "mm/pfn_chunk.h"

enum { BLOCK = 8 };

/* Whether a block of numbers rises by one each from `first` on; compilers turn it into vectors. */
static inline bool block_rises(const uint64_t *numbers, uint64_t first)
{
    uint64_t differ = 0;
    for (unsigned i = 0; i < BLOCK; i++) differ |= numbers[i] ^ (first + i);
    return differ == 0;
}

/* The last block may overlap the one before it. */
uint64_t frames_rising(const uint64_t *numbers, uint64_t count)
{
    uint64_t first = numbers[0], n = 0;
    if (count == 1 || numbers[1] != first + 1) return 1;
    while (n + BLOCK <= count && block_rises(&numbers[n], first + n)) n += BLOCK;
    uint64_t last = count - BLOCK;
    if (n > last && n < count && block_rises(&numbers[last], first + last)) return count;
    while (n < count && numbers[n] == first + n) n++;
    return n;
}

void frames_find_runs(struct frame_runs *runs, const uint64_t *numbers, uint32_t count)
{
    uint32_t n = runs->count, i = n == 0 ? 0 : runs->end[n - 1];
    if (i != 0 && i < count && numbers[i] == numbers[i - 1] + 1) n--; /* the last one goes on */
    for (; i < count && n < runs->most; runs->end[n++] = i)
        i += (uint32_t)frames_rising(numbers + i, count - i);
    runs->count = n;
    runs->end[n] = RUN_UNKNOWN;
}

/* How many bits from the lowest on are set. */
static unsigned ones(uint64_t bits)
{
    return ~bits == 0 ? 64 : (unsigned)__builtin_ctzll(~bits);
}

static inline struct frame_span span_at(struct mm *mm, uint64_t first, uint64_t count)
{
    struct frame_span span = { chunk_at(mm, pfn(first)), first % FRAME_CHUNK, 1 };
    if (span.chunk == NULL) return span;
    uint64_t ram = ones(span.chunk->ram >> span.first);
    span.count = (unsigned)(count < ram ? count : ram);
    return span;
}

struct frame_span frame_span(struct mm *mm, uint64_t first, uint64_t count)
{
    return span_at(mm, first, count);
}

/* The spans of frames, one after the other: done is the index of the span's first frame. */
struct spans {
    struct mm *mm;
    const struct frame_row *row;
    uint64_t done;
    uint32_t run; /* the first known one that is not done */
    struct frame_span span;
};

/* Those from index `i` on. */
static inline struct spans spans_of(struct mm *mm, const struct frame_row *row, uint64_t i)
{
    uint32_t low = 0, high = i == 0 ? 0 : row->runs->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (row->runs->end[middle] <= i) low = middle + 1;
        else high = middle;
    }
    return (struct spans){ .mm = mm, .row = row, .done = i, .run = low };
}

/* The first span, then the next one; false when there is none. */
static inline bool spans_next(struct spans *s)
{
    s->done += s->span.count;
    const struct frame_row *row = s->row;
    if (s->done == row->count) return false;
    const uint32_t *run_end = &row->runs->end[s->run];
    if (*run_end <= s->done) run_end = &row->runs->end[++s->run];
    const uint64_t *first = &row->pfns[s->done];
    uint64_t end = *run_end < row->count ? *run_end : row->count;
    s->span = span_at(s->mm, *first, end - s->done);
    if (*run_end == RUN_UNKNOWN && s->span.count > 1)
        s->span.count = (unsigned)frames_rising(first, s->span.count);
    return true;
}

static uint64_t span_bits(struct frame_span span)
{
    return (UINT64_MAX >> (FRAME_CHUNK - span.count)) << span.first;
}

/* How many frames of a span, from the first on, have their bit set. */
static unsigned span_among(struct frame_span span, uint64_t bits)
{
    unsigned n = ones(bits >> span.first);
    return n < span.count ? n : span.count;
}

static unsigned lowest(uint64_t bits)
{
    return (unsigned)__builtin_ctzll(bits);
}

static unsigned bit_count(uint64_t bits)
{
    unsigned n = 0;
    for (; bits != 0; bits &= bits - 1) n++;
    return n;
}

uint64_t frames_in_use(struct mm *mm, const struct frame_row *row, uint64_t i)
{
    for (struct spans s = spans_of(mm, row, i); spans_next(&s);) {
        const struct frame_chunk *chunk = s.span.chunk;
        if (chunk == NULL) return s.done;
        unsigned n = span_among(s.span, chunk->owned | chunk->locked);
        if (n < s.span.count) return s.done + n;
    }
    return row->count;
}

/* ---- locking ---- */

/* The peak of locked frames is reached with the last that was not locked yet, so that is when its
 * time is taken. */
static void span_lock(struct mm *mm, struct frame_span span)
{
    struct frame_chunk *chunk = span.chunk;
    uint64_t all = span_bits(span), again = all & chunk->locked, fresh = all & ~chunk->locked;
    CHECK2((all & ~(chunk->owned | chunk->locked)) == 0, span.first, span.count);
    chunk->locked |= all;
    chunk->relocked |= again;
    for (uint64_t rest = again; rest != 0; rest &= rest - 1)
        CHECK2(++chunk->frames[lowest(rest)].relocks < UINT32_MAX, chunk->number, rest);
    unsigned last = fresh == 0 ? 0 : 64 - (unsigned)__builtin_clzll(fresh) - span.first;
    charge(mm->hw, COST_PFN, last);
    if (fresh != 0) gauge_add(&mm->frames.locked, span.count - bit_count(again), hw_now(mm->hw));
    charge(mm->hw, COST_PFN, span.count - last);
}

void frames_lock(struct mm *mm, const struct frame_row *row)
{
    for (struct spans s = spans_of(mm, row, 0); spans_next(&s);) {
        CHECK2(s.span.chunk != NULL, row->pfns[s.done], s.done);
        span_lock(mm, s.span);
    }
}

void frame_lock(struct mm *mm, pfn_t f)
{
    uint32_t unknown = RUN_UNKNOWN;
    const struct frame_runs none = { &unknown, 0, 0 };
    frames_lock(mm, &(struct frame_row){ &f.v, 1, &none });
}

/* Takes a lock from each of `count` frames, all locked; returns how many have none now. */
static unsigned locks_take(struct frame_chunk *chunk, uint64_t frames, unsigned count)
{
    uint64_t often = frames & chunk->relocked;
    for (uint64_t rest = often; rest != 0; rest &= rest - 1)
        if (--chunk->frames[lowest(rest)].relocks == 0) chunk->relocked &= ~(rest & -rest);
    chunk->locked &= ~(frames & ~often);
    return count - bit_count(often);
}

/* Unlocks the frames up to the first that is not locked or that somebody must get back. */
static unsigned span_unlock(struct mm *mm, struct frame_span span)
{
    span.count = span_among(span, span.chunk->owned & span.chunk->locked);
    if (span.count == 0) return 0;
    charge(mm->hw, COST_PFN, span.count);
    gauge_sub(&mm->frames.locked, locks_take(span.chunk, span_bits(span), span.count));
    return span.count;
}

void frame_unlock(struct mm *mm, pfn_t f)
{
    struct frame_chunk *chunk = chunk_at(mm, f);
    CHECK2(chunk != NULL && (chunk->locked & chunk_bit(f)) != 0, f.v, chunk != NULL);
    charge(mm->hw, COST_PFN, 1);
    gauge_sub(&mm->frames.locked, locks_take(chunk, chunk_bit(f), 1));
    if (((chunk->owned | chunk->locked) & chunk_bit(f)) == 0) frame_retire(mm, f, chunk);
}

uint64_t frames_unlock(struct mm *mm, const struct frame_row *row, uint64_t i)
{
    for (struct spans s = spans_of(mm, row, i); spans_next(&s);) {
        if (s.span.chunk == NULL) return s.done;
        unsigned n = span_unlock(mm, s.span);
        if (n == s.span.count) continue;
        pfn_t stopped = pfn(row->pfns[s.done + n]);
        if ((s.span.chunk->locked & chunk_bit(stopped)) == 0) return s.done + n;
        frame_unlock(mm, stopped);
        s.span.count = n + 1; /* goes on behind it */
    }
    return row->count;
}

/* ---- cache types ---- */

uint32_t frame_settle_cache(struct mm *mm, pfn_t f, uint32_t cache)
{
    struct frame_chunk *chunk = chunk_at(mm, f);
    if (chunk == NULL) return cache;
    struct frame_record *frame = &chunk->frames[f.v % FRAME_CHUNK];
    if (frame->cache == FRAME_CACHE_NONE) {
        uint32_t own = frame->owner == OWNER_MDL ? cache : (uint32_t)FRAME_CACHED;
        frame_set_cache(mm, f, (enum frame_cache)own);
    }
    return frame->cache;
}

uint64_t frames_settle_cache(struct mm *mm, const struct frame_row *row, uint64_t i,
                             uint32_t cache, uint32_t *own)
{
    *own = frame_settle_cache(mm, pfn(row->pfns[i]), cache);
    for (struct spans s = spans_of(mm, row, i); spans_next(&s);) {
        const uint64_t *first = &row->pfns[s.done];
        unsigned n = 0;
        if (s.span.chunk != NULL && *own == FRAME_CACHED)
            n = span_among(s.span, s.span.chunk->cached);
        while (n < s.span.count && frame_settle_cache(mm, pfn(first[n]), cache) == *own) n++;
        if (n < s.span.count) return s.done + n;
    }
    return row->count;
}
