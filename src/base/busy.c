/* When one thing that serves one at a time was busy. */
#include "base/busy.h"

#include <string.h>

/* The first span that ends after `now`. */
static size_t span_after(const struct busy *b, uint64_t now)
{
    size_t low = 0, high = b->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (b->spans[middle].until > now) high = middle;
        else low = middle + 1;
    }
    return low;
}

uint64_t busy_until(const struct busy *b, uint64_t now)
{
    size_t i = span_after(b, now);
    return i < b->count && b->spans[i].from <= now ? b->spans[i].until : now;
}

uint64_t busy_place(const struct busy *b, uint64_t now, uint64_t length)
{
    if (length == 0) length = 1;
    for (size_t i = span_after(b, now); i < b->count; i++) {
        const struct busy_span *s = &b->spans[i];
        if (s->from > now && s->from - now >= length) break;
        now = s->until;
    }
    return now;
}

static void drop(struct busy *b, size_t from, size_t until)
{
    if (from == until) return;
    memmove(b->spans + from, b->spans + until, (b->count - until) * sizeof *b->spans);
    b->count -= until - from;
}

/* Spans that nobody can meet any more go, then the oldest ones. */
static void make_room(struct busy *b, const struct allocator *from, uint64_t horizon)
{
    size_t gone = span_after(b, horizon);
    if (b->count - gone == BUSY_SPANS_MOST) gone++;
    drop(b, 0, gone);
    b->spans = mem_grow(from, b->spans, &b->capacity, b->count + 1, sizeof *b->spans);
}

void busy_add(struct busy *b, const struct allocator *from, struct busy_span span,
              uint64_t horizon)
{
    if (span.until <= span.from) return;
    make_room(b, from, horizon);
    size_t first = b->count, last;
    while (first > 0 && b->spans[first - 1].until >= span.from) first--;
    for (last = first; last < b->count && b->spans[last].from <= span.until; last++) {
        if (b->spans[last].from < span.from) span.from = b->spans[last].from;
        if (b->spans[last].until > span.until) span.until = b->spans[last].until;
    }
    if (last > first) {
        drop(b, first + 1, last);
    } else {
        memmove(b->spans + first + 1, b->spans + first, (b->count - first) * sizeof *b->spans);
        b->count++;
    }
    b->spans[first] = span;
}

void busy_free(struct busy *b, const struct allocator *from)
{
    mem_free(from, b->spans, b->capacity, sizeof *b->spans);
    *b = (struct busy){ 0 };
}
