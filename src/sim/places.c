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
    if (step->u.access.pattern != PATTERN_CHASE) return true;
    p->lines = p->step < p->size ? 1 : (p->step - p->size) / CACHE_LINE_BYTES + 1;
    if (p->lines > 1 && p->length % p->step != 0)
        return places_refuse(s, step, "a chase needs a length of whole strides");
    permutation_init(&p->order, p->places, s->program->config.seed ^ CHASE_STREAM);
    return true;
}

bool places_of(struct sim *s, const struct step *step, struct places *p)
{
    return sizes_of(s, step, p) && chase_of(s, step, p);
}

va_t place_at(struct sim *s, enum access_pattern pattern, const struct places *p, uint64_t i)
{
    uint64_t place = pattern == PATTERN_RANDOM ? rng_below(&s->thread->random_access, p->places)
                     : i < p->places           ? i
                                               : i % p->places;
    uint64_t line = 0;
    if (pattern == PATTERN_CHASE) {
        place = permutation_at(&p->order, place);
        line = place % p->lines;
    }
    return va_add(p->start, place * p->step + line * CACHE_LINE_BYTES);
}

/* Whether a place meets the bytes [at, end). */
static bool meets(const struct places *p, uint64_t at, uint64_t end)
{
    uint64_t start = p->start.v, first = 0;
    if (start + p->size <= at) {
        if (p->places == 1) return false;
        first = (at - start - p->size) / p->step + 1;
    }
    return first < p->places && first < p->count && start + first * p->step < end;
}

bool places_meet(const struct places *p, const struct runs *pages)
{
    if (pages->total == 0 || p->size == 0 || p->places == 0) return false;
    uint64_t last = p->start.v + (p->places - 1) * p->step + p->size - 1;
    struct run run = { .start = p->start.v / PAGE_BYTES };
    while (runs_at_or_after(pages, run.start, &run) && run.start * PAGE_BYTES <= last) {
        if (meets(p, run.start * PAGE_BYTES, (run.start + run.count) * PAGE_BYTES)) return true;
        run.start += run.count;
    }
    return false;
}
