/* Where the accesses of a step go. */
#include "sim/places.h"

enum { CHASE_STREAM = 0x63686173 }; /* so that other orders of the same seed differ */

static bool optional(struct sim *s, expr_t e, uint64_t fallback, uint64_t *out)
{
    *out = fallback;
    return e == 0 || eval_number(s, e, out);
}

static bool places_refuse(struct sim *s, const struct step *step, const char *why)
{
    sim_error(s, step->where, step->path, why);
    return false;
}

static bool sizes_of(struct sim *s, const struct step *step, struct places *p)
{
    const struct access_step *a = &step->u.access;
    uint64_t address, length, end;
    p->pattern = a->pattern;
    if (!eval_number(s, a->address, &address) || !optional(s, a->size, 8, &p->size)) return false;
    if (p->size == 0 || p->size > ACCESS_BYTES_MAX)
        return places_refuse(s, step, "size is 1 to 4096 bytes");
    if (a->value != 0 && p->size > 8)
        return places_refuse(s, step, "a value is at most 8 bytes: give a smaller size");
    if (!optional(s, a->stride, p->size, &p->step)) return false;
    if (p->step == 0) return places_refuse(s, step, "stride is at least 1");
    if (!optional(s, a->count, 0, &p->count) || !optional(s, a->length, 0, &length)) return false;
    if (a->length != 0 && (length == 0 || length % p->size != 0))
        return places_refuse(s, step, "length is a multiple of size, and at least one size");
    p->length = length;
    if (a->length == 0) length = p->size;
    p->places = (length - p->size) / p->step + 1;
    if (a->length == 0 && a->count != 0) p->places = p->count;
    if (a->count == 0) p->count = p->places;
    p->start = va(address);
    if (p->places > 0 && (!mul_fits(p->places - 1, p->step, &end) ||
                          !add_fits(end, address, &end) || !add_fits(end, p->size - 1, &end)))
        return places_refuse(s, step, "the accesses leave the 64-bit address space");
    return true;
}

static bool chase_of(struct sim *s, const struct step *step, struct places *p)
{
    if (p->pattern != PATTERN_CHASE) return true;
    p->lines = p->step < p->size ? 1 : (p->step - p->size) / CACHE_LINE_BYTES + 1;
    if (p->lines > 1 && p->length % p->step != 0)
        return places_refuse(s, step, "a chase needs a length of whole strides");
    permutation_init(&p->order, p->places, s->program->config.seed ^ CHASE_STREAM);
    return true;
}

bool places_of(struct sim *s, const struct step *step, struct places *p)
{
    if (step->u.access.pattern == PATTERN_RANDOM) p->random = s->thread->random_access;
    return sizes_of(s, step, p) && chase_of(s, step, p);
}

va_t place_at(const struct places *p, uint64_t i, struct rng *r)
{
    uint64_t place = p->pattern == PATTERN_RANDOM ? rng_below(r, p->places)
                     : i < p->places              ? i
                                                  : i % p->places;
    uint64_t line = 0;
    if (p->pattern == PATTERN_CHASE) {
        place = permutation_at(&p->order, place);
        line = place % p->lines;
    }
    return va_add(p->start, place * p->step + line * CACHE_LINE_BYTES);
}

/* Whether one of the first `count` places meets the bytes [at, end). */
static bool first_meet(const struct places *p, uint64_t count, uint64_t at, uint64_t end)
{
    uint64_t start = p->start.v, first = 0;
    if (start + p->size <= at) {
        if (p->places == 1) return false;
        first = (at - start - p->size) / p->step + 1;
    }
    return first < count && start + first * p->step < end;
}

static bool first_meet_any(const struct places *p, uint64_t count, const struct runs *pages)
{
    if (count == 0) return false;
    uint64_t last = p->start.v + (count - 1) * p->step + p->size - 1;
    struct run run = { .start = p->start.v / PAGE_BYTES };
    while (runs_at_or_after(pages, run.start, &run) && run.start * PAGE_BYTES <= last) {
        uint64_t end = (run.start + run.count) * PAGE_BYTES;
        if (first_meet(p, count, run.start * PAGE_BYTES, end)) return true;
        run.start += run.count;
    }
    return false;
}

/* The pages from the first place to the last one have some of the set. */
static bool span_meets(const struct places *p, const struct runs *pages)
{
    uint64_t lines = p->lines > 0 ? (p->lines - 1) * CACHE_LINE_BYTES : 0;
    uint64_t last = p->start.v + (p->places - 1) * p->step + lines + p->size - 1;
    struct run run;
    return runs_at_or_after(pages, p->start.v / PAGE_BYTES, &run) &&
           run.start <= last / PAGE_BYTES;
}

/* One access after the other; a chase comes to no new place after its first round. */
static bool each_meets(const struct places *p, const struct runs *pages)
{
    uint64_t count = p->pattern == PATTERN_CHASE && p->count > p->places ? p->places : p->count;
    struct rng random = p->random;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = place_at(p, i, &random).v;
        struct run run;
        if (runs_at_or_after(pages, at / PAGE_BYTES, &run) &&
            run.start <= (at + p->size - 1) / PAGE_BYTES)
            return true;
    }
    return false;
}

bool places_meet(const struct places *p, const struct runs *pages)
{
    if (pages->total == 0 || p->size == 0 || p->places == 0) return false;
    if (p->pattern == PATTERN_SEQUENTIAL)
        return first_meet_any(p, p->count < p->places ? p->count : p->places, pages);
    return span_meets(p, pages) && each_meets(p, pages);
}
