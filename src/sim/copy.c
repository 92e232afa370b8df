/* Steps that copy memory: reads and writes of a driver, by turns. */
#include "sim/places.h"

static void totals_add(struct access_totals *into, const struct access_totals *from)
{
    into->tlb_hits += from->tlb_hits;
    into->walks += from->walks;
    into->faults += from->faults;
}

/* What happened between two counts. */
static struct access_totals counted_since(const struct sim *s, const struct access_totals *before)
{
    struct access_totals now = access_before(s, ACCESS_READ);
    return (struct access_totals){ .tlb_hits = now.tlb_hits - before->tlb_hits,
                                   .walks = now.walks - before->walks,
                                   .faults = now.faults - before->faults };
}

/* Eight bytes at a time, less at the end: a read, then a write. */
static struct touch copy_all(struct sim *s, struct access_run *in, struct access_run *out,
                             va_t from, va_t to, uint64_t length)
{
    struct touch t = { .end = TOUCH_OK };
    for (uint64_t done = 0; done < length && t.end == TOUCH_OK;) {
        uint32_t part = length - done < 8 ? (uint32_t)(length - done) : 8;
        uint8_t bytes[8];
        bool known = true;
        struct access_totals mark = access_before(s, ACCESS_READ);
        access_one(s, in, va_add(from, done), part, NULL, bytes, &known, &t);
        struct access_totals read = counted_since(s, &mark);
        totals_add(&in->totals, &read);
        if (t.end != TOUCH_OK) break;
        mark = access_before(s, ACCESS_READ);
        access_one(s, out, va_add(to, done), part, known ? bytes : NULL, NULL, NULL, &t);
        struct access_totals written = counted_since(s, &mark);
        totals_add(&out->totals, &written);
        done += part;
    }
    return t;
}

static void copy_count(struct access_totals *into, const struct access_totals *from)
{
    into->count += from->count;
    into->bytes += from->bytes;
    totals_add(into, from);
}

void step_copy(struct sim *s, const struct step *step, struct step_result *r)
{
    uint64_t from, to, length, end;
    const struct copy_step *c = &step->u.copy;
    if (!eval_number(s, c->from, &from) || !eval_number(s, c->to, &to) ||
        !eval_number(s, c->length, &length))
        return;
    if (!add_fits(from, length, &end) || !add_fits(to, length, &end)) {
        sim_error(s, step->where, step->path, "the copy leaves the 64-bit address space");
        return;
    }
    bool user = s->thread->kernel.user_mode;
    struct access_run in = {
        .type = ACCESS_READ, .user = user, .driver = true, .caches = true
    };
    struct access_run out = {
        .type = ACCESS_WRITE, .user = user, .driver = true, .caches = true
    };
    struct event_mark mark;
    event_begin(s, step, &mark);
    struct touch t = copy_all(s, &in, &out, va(from), va(to), length);
    struct places written = { .start = va(to),
                              .extent = { .size = length, .places = 1, .count = 1 } };
    if (t.end == TOUCH_OK) places_check_written(s, &written);
    copy_count(&s->by_type[ACCESS_READ], &in.totals);
    copy_count(&s->by_type[ACCESS_WRITE], &out.totals);
    r->outcome = outcome_of_touch(&t);
    struct event e = {
        .call = "copy", .outcome = &r->outcome, .accesses = in.totals, .has_accesses = true
    };
    copy_count(&e.accesses, &out.totals);
    event_arg_number(&e, "from", ARG_HEX, from);
    event_arg_number(&e, "to", ARG_HEX, to);
    event_arg_number(&e, "length", ARG_DECIMAL, length);
    event_end(s, step, &mark, &e);
    step_finish(s, step, r, &mark);
}
