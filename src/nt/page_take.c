/* Which frames a request for pages without addresses gets: windows of physical addresses that
 * move on, or contiguous blocks. */
#include "nt/page_take.h"

enum { EMPTY_WINDOWS_MOST = 1 << 20 };

/* The frames all of whose bytes lie in a range of physical addresses. */
struct window {
    uint64_t first, last;
    bool empty;
};

static struct window window_of(uint64_t low, uint64_t high)
{
    struct window w = { 0 };
    w.empty = low > UINT64_MAX - PAGE_MASK || high < PAGE_MASK;
    if (w.empty) return w;
    w.first = (low + PAGE_MASK) >> PAGE_SHIFT_BITS;
    w.last = (high - PAGE_MASK) >> PAGE_SHIFT_BITS;
    if (high == UINT64_MAX) w.last = UINT64_MAX;
    w.empty = w.first > w.last;
    return w;
}

/* ---- taking frames ---- */

/* The lowest frame at or above `from` that may be free. */
static bool next_free(const struct frames *f, uint64_t from, uint64_t *out)
{
    const struct runs *lists[] = { &f->zeroed, &f->free, &f->virgin };
    *out = UINT64_MAX;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct run run;
        if (!runs_at_or_after(lists[i], from, &run)) continue;
        uint64_t at = run.start > from ? run.start : from;
        if (at < *out) *out = at;
    }
    return *out != UINT64_MAX;
}

/* Moves the window on by multiples of `skip` until it holds a frame that may be free. */
static bool window_move(const struct frames *f, struct window *w, uint64_t skip)
{
    uint64_t free_at;
    do {
        if (w->last > UINT64_MAX - skip) return false;
        w->first += skip;
        w->last += skip;
        if (!next_free(f, w->first, &free_at)) return false;
        if (free_at > w->last) {
            uint64_t steps = (free_at - w->last + skip - 1) / skip;
            w->first += steps * skip - skip; /* and once more above */
            w->last += steps * skip - skip;
        }
    } while (free_at > w->last);
    return true;
}

static enum frame_want wanted(const struct page_request *r)
{
    return r->flags & ALLOCATE_DONT_ZERO ? WANT_ANY : WANT_ZEROED;
}

static uint64_t take_scattered(struct kernel *k, const struct page_request *r, uint64_t count,
                               uint64_t *out)
{
    struct window w = window_of(r->low, r->high);
    uint64_t skip = r->skip >> PAGE_SHIFT_BITS, taken = 0;
    bool node_only = (r->flags & ALLOCATE_LOCAL_NODE_ONLY) != 0;
    if (w.empty) return 0;
    for (unsigned empty = 0; empty < EMPTY_WINDOWS_MOST; empty++) {
        uint64_t got = frames_take(k->mm, count - taken, wanted(r), OWNER_MDL, w.first, w.last,
                                   r->node, node_only, out + taken);
        taken += got;
        if (got > 0) empty = 0;
        if (taken == count || skip == 0 || !window_move(&k->mm->frames, &w, skip)) break;
    }
    return taken;
}

/* A block inside the window, on the wanted node alone when the request says so. */
static bool take_block(struct kernel *k, const struct page_request *r, struct window w,
                       uint64_t pages, uint64_t align, pfn_t *out)
{
    const struct phys *phys = &k->hw->phys;
    if ((r->flags & ALLOCATE_LOCAL_NODE_ONLY) == 0)
        return frames_take_block(k->mm, pages, align, wanted(r), OWNER_MDL, w.first, w.last,
                                 r->node, out);
    for (size_t i = 0; i < phys->ram_count; i++) {
        const struct phys_range *ram = &phys->ram[i];
        uint64_t first = ram->first.v > w.first ? ram->first.v : w.first;
        uint64_t end = ram->first.v + ram->page_count;
        uint64_t last = end - 1 < w.last ? end - 1 : w.last;
        if (ram->node != r->node || first > last) continue;
        if (frames_take_block(k->mm, pages, align, wanted(r), OWNER_MDL, first, last, UINT32_MAX,
                              out))
            return true;
    }
    return false;
}

/* MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS: chunks of SkipBytes at multiples of SkipBytes, or one
 * block. */
static uint64_t take_chunks(struct kernel *k, const struct page_request *r, uint64_t count,
                            uint64_t *out)
{
    struct window w = window_of(r->low, r->high);
    uint64_t chunk = r->skip == 0 ? count : r->skip >> PAGE_SHIFT_BITS, taken = 0;
    pfn_t block;
    if (w.empty) return 0;
    while (taken < count && take_block(k, r, w, chunk, r->skip == 0 ? 1 : chunk, &block)) {
        for (uint64_t i = 0; i < chunk; i++) out[taken + i] = block.v + i;
        taken += chunk;
    }
    return taken;
}

uint64_t pages_take(struct kernel *k, const struct page_request *r, uint64_t count, uint64_t *out)
{
    uint64_t taken = r->flags & ALLOCATE_CHUNKS ? take_chunks(k, r, count, out)
                                                : take_scattered(k, r, count, out);
    if (taken == count || (r->flags & ALLOCATE_FULLY_REQUIRED) == 0) return taken;
    for (uint64_t i = 0; i < taken; i++) frame_give(k->mm, pfn(out[i]));
    return 0;
}
