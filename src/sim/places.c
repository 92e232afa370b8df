/* Where the accesses of a step go. */
#include "sim/places.h"

enum { CHASE_STREAM = 0x63686173 }; /* so that other orders of the same seed differ */

static const char leaves_space[] = "the accesses leave the 64-bit address space";

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

/* Most addresses are names of the thread. */
static bool eval_address(struct sim *s, expr_t e, va_t *out)
{
    const struct expr_node *n = &s->program->nodes[e];
    bool is_bound = n->op == EXPR_NAME && s->thread->names[n->a].kind != VALUE_UNBOUND;
    if (!is_bound) return eval_number(s, e, &out->v);
    *out = va(s->thread->names[n->a].v);
    return true;
}

const char *extent_complete(const struct access_step *a, struct extent *e)
{
    if (e->size == 0 || e->size > ACCESS_BYTES_MAX) return "size is 1 to 4096 bytes";
    if (a->value != 0 && e->size > 8) return "a value is at most 8 bytes: give a smaller size";
    if (e->step == 0) return "stride is at least 1";
    if (a->length != 0 && (e->length == 0 || e->length % e->size != 0))
        return "length is a multiple of size, and at least one size";
    uint64_t length = a->length == 0 ? e->size : e->length;
    e->places = (length - e->size) / e->step + 1;
    if (a->length == 0 && a->count != 0) e->places = e->count;
    if (a->count == 0) e->count = e->places;
    e->reach = 0;
    if (e->places > 0 && (!mul_fits(e->places - 1, e->step, &e->reach) ||
                          !add_fits(e->reach, e->size - 1, &e->reach)))
        return leaves_space;
    return NULL;
}

static bool extent_of(struct sim *s, const struct step *step, struct extent *e)
{
    const struct access_step *a = &step->u.access;
    if (a->extent != NULL) {
        *e = *a->extent;
        return true;
    }
    if (!optional(s, a->size, ACCESS_SIZE_DEFAULT, &e->size) ||
        !optional(s, a->stride, e->size, &e->step) || !optional(s, a->count, 0, &e->count) ||
        !optional(s, a->length, 0, &e->length))
        return false;
    const char *why = extent_complete(a, e);
    return why == NULL || places_refuse(s, step, why);
}

static bool chase_of(struct sim *s, const struct step *step, struct places *p)
{
    const struct extent *e = &p->extent;
    p->lines = 0;
    if (p->pattern != PATTERN_CHASE) return true;
    p->lines = e->step < e->size ? 1 : (e->step - e->size) / CACHE_LINE_BYTES + 1;
    if (p->lines > 1 && e->length % e->step != 0)
        return places_refuse(s, step, "a chase needs a length of whole strides");
    permutation_init(&p->order, e->places, s->program->config.seed ^ CHASE_STREAM);
    return true;
}

bool places_of(struct sim *s, const struct step *step, struct places *p)
{
    uint64_t end;
    p->pattern = step->u.access.pattern;
    if (p->pattern == PATTERN_RANDOM) p->random = s->thread->random_access;
    if (!eval_address(s, step->u.access.address, &p->start)) return false;
    if (!extent_of(s, step, &p->extent)) return false;
    if (!add_fits(p->start.v, p->extent.reach, &end)) return places_refuse(s, step, leaves_space);
    return chase_of(s, step, p);
}

va_t place_at(const struct places *p, uint64_t i, struct rng *r)
{
    const struct extent *e = &p->extent;
    uint64_t place = p->pattern == PATTERN_RANDOM ? rng_below(r, e->places)
                     : i < e->places              ? i
                                                  : i % e->places;
    uint64_t line = 0;
    if (p->pattern == PATTERN_CHASE) {
        place = permutation_at(&p->order, place);
        line = place % p->lines;
    }
    return va_add(p->start, place * e->step + line * CACHE_LINE_BYTES);
}

/* Whether one of the first `count` places meets the bytes [at, end). */
static bool first_meet(const struct places *p, uint64_t count, uint64_t at, uint64_t end)
{
    const struct extent *e = &p->extent;
    uint64_t start = p->start.v, first = 0;
    if (start + e->size <= at) {
        if (e->places == 1) return false;
        first = (at - start - e->size) / e->step + 1;
    }
    return first < count && start + first * e->step < end;
}

static bool first_meet_any(const struct places *p, uint64_t count, const struct runs *pages)
{
    if (count == 0) return false;
    const struct extent *e = &p->extent;
    uint64_t last = p->start.v + (count - 1) * e->step + e->size - 1;
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
    uint64_t last = p->start.v + p->extent.reach + lines;
    struct run run;
    return runs_at_or_after(pages, p->start.v / PAGE_BYTES, &run) &&
           run.start <= last / PAGE_BYTES;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* One access after the other; a chase comes to no new place after its first round. */
static bool each_meets(const struct places *p, const struct runs *pages)
{
    const struct extent *e = &p->extent;
    uint64_t count = p->pattern == PATTERN_CHASE ? smaller(e->count, e->places) : e->count;
    struct rng random = p->random;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = place_at(p, i, &random).v;
        struct run run;
        if (runs_at_or_after(pages, at / PAGE_BYTES, &run) &&
            run.start <= (at + e->size - 1) / PAGE_BYTES)
            return true;
    }
    return false;
}

bool places_meet(const struct places *p, const struct runs *pages)
{
    const struct extent *e = &p->extent;
    if (pages->total == 0 || e->size == 0 || e->places == 0) return false;
    if (p->pattern == PATTERN_SEQUENTIAL)
        return first_meet_any(p, smaller(e->count, e->places), pages);
    return span_meets(p, pages) && each_meets(p, pages);
}

void places_check_written(struct sim *s, const struct places *p)
{
    if (places_meet(p, &s->kernel.read_only))
        report_rule(&s->kernel, "write_to_read_lock", NULL, P(0, 0, 0), NULL);
}
