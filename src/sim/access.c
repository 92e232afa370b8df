/* CPU accesses of a scenario: through TLB and page tables, contents included. */
#include "model/overlap.h"
#include "model/streak.h"
#include "sim/places.h"

#include <string.h>

struct outcome outcome_of_touch(const struct touch *t)
{
    if (t->end == TOUCH_RAISES)
        return (struct outcome){ .end = END_RAISES, .status = t->status, .failed = true,
                                 .exception = t->exception };
    if (t->end == TOUCH_STOPS)
        return (struct outcome){ .end = END_STOPS, .stop = t->stop, .failed = true,
                                 .exception = t->exception };
    return outcome_returns(0, ST_SUCCESS, (struct value){ 0 }, false);
}

static void charge_data(struct sim *s, const struct access_run *a, const struct touch *t,
                        uint32_t size)
{
    if (__builtin_expect(translation_type(t->entry) != TYPE_WB, 0))
        memory_access_typed(&s->hw, t->entry, t->at, size, a->type);
    else if (a->caches)
        memory_access(&s->hw, t->at, size);
    else
        charge(&s->hw, COST_MEMORY, 1);
}

static void tell_access(struct sim *s, const struct access_run *a, va_t at, uint32_t size,
                        const struct touch *t, uint64_t hits, uint64_t walks)
{
    const struct cpu *cpu = s->hw.cpu;
    const struct tlb_level *first =
        a->type == ACCESS_EXECUTE && cpu->l1i.sizes != 0 ? &cpu->l1i : &cpu->l1d;
    struct access_event e = { .seq = s->seq,
                              .type = a->type,
                              .at = at,
                              .physical = t->at,
                              .translated = t->end == TOUCH_OK,
                              .size = size,
                              .l1_hit = first->counts.hits != hits,
                              .walked = cpu->walks.count != walks,
                              .faulted = t->faulted };
    s->sink->access(s->sink->context, &e);
}

/* Names who left the translation, once a text: a loop of such accesses repeats one. */
static void report_stale(struct sim *s, va_t at, uint64_t entry)
{
    struct stale stale = mm_stale(&s->mm, at, entry);
    struct doing *told = &s->stale_told.by;
    bool known = s->stale_text != NULL && s->stale_told.why == stale.why &&
                 told->seq == stale.by.seq && told->name == stale.by.name;
    if (!known) {
        struct text t;
        text_init(&t, s->from);
        text_format(&t, "An address was used that only a stale TLB entry translated: ");
        if (stale.by.place == 0)
            text_format(&t, "an earlier event changed its mapping");
        else
            text_format(&t, "%s (event %u, line %u) changed its mapping",
                        stale.by.name != NULL ? stale.by.name : "a step", stale.by.seq,
                        (uint64_t)place_line((uint32_t)stale.by.place));
        text_format(&t, stale.why == STALE_HELD
                            ? ", and the IRQL of this processor holds the flush back."
                            : ", and the flush of freed system PTEs is deferred.");
        s->stale_text = arena_text(&s->arena, t.bytes, t.length);
        s->stale_told = stale;
        text_free(&t);
    }
    report_rule(&s->kernel, "stale_tlb_use", s->stale_text, P(at.v, 0, 0), NULL);
}

/* What is left of an access whose page was found by the memory manager. */
static void access_touched(struct sim *s, const struct access_run *a, va_t at, uint32_t size,
                           const struct touch *t)
{
    if (__builtin_expect(t->stale, 0)) report_stale(s, at, t->entry);
    if (t->end == TOUCH_OK) charge_data(s, a, t, size);
}

static void part_told(struct sim *s, struct access_run *a, va_t at, uint32_t size, struct touch *t)
{
    const struct cpu *cpu = s->hw.cpu;
    uint64_t hits = a->type == ACCESS_EXECUTE && cpu->l1i.sizes != 0 ? cpu->l1i.counts.hits
                                                                     : cpu->l1d.counts.hits;
    uint64_t walks = cpu->walks.count;
    mm_touch_into(&s->mm, at, a->type, a->user, a->driver, t);
    access_touched(s, a, at, size, t);
    tell_access(s, a, at, size, t, hits, walks);
}

/* The part of an access that lies in one page. */
static inline void access_part(struct sim *s, struct access_run *a, va_t at, uint32_t size,
                               struct touch *t)
{
    if (__builtin_expect(s->sink != NULL && s->sink->access != NULL, 0)) {
        part_told(s, a, at, size, t);
        return;
    }
    uint64_t entry = 0;
    if (mm_is_fresh(&s->mm, at)) {
        entry = hw_translate_front(&s->hw, at, a->type, a->user);
        if (entry == 0) entry = hw_translate_short(&s->hw, at, a->type, a->user);
    }
    if (__builtin_expect(entry != 0, 1)) {
        t->at = pa((entry & PTE_ADDRESS) | va_offset(at));
        t->entry = entry;
        t->faulted = false;
    } else {
        mm_touch_into(&s->mm, at, a->type, a->user, a->driver, t);
        access_touched(s, a, at, size, t);
        return;
    }
    charge_data(s, a, t, size);
}

/* A mapping that outlived its pages may show a frame that is a page table by now. */
static bool overwrites_table(struct sim *s, const struct touch *t)
{
    return frame_peek(&s->mm, pa_to_pfn(t->at)).state == FRAME_TABLE;
}

/* Bug Check 0x1A, parameter 0x41792: a corrupted page-table entry. Windows notices it later. */
static struct touch table_corrupted(va_t at)
{
    return (struct touch){ .end = TOUCH_STOPS,
                           .stop = { BC_MEMORY_MANAGEMENT, { 0x41792, at.v, 0, 0 } } };
}

static void access_parts(struct sim *s, struct access_run *a, va_t at, uint32_t size,
                         const uint8_t *store, uint8_t *load, bool *known, struct touch *out)
{
    uint32_t done = 0;
    for (;;) {
        va_t here = va_add(at, done);
        uint64_t room = PAGE_BYTES - va_offset(here);
        uint32_t part = size - done < room ? size - done : (uint32_t)room;
        access_part(s, a, here, part, out);
        if (out->end != TOUCH_OK) return;
        if (store != NULL && overwrites_table(s, out)) {
            *out = table_corrupted(here);
            return;
        }
        if (store != NULL) phys_write(&s->hw.phys, out->at, store + done, part);
        if (load != NULL && !phys_read(&s->hw.phys, out->at, load + done, part)) *known = false;
        done += part;
        if (done == size) return;
    }
}

/* Mostly it lies in one page, and nobody asks for contents. */
static inline void access_any(struct sim *s, struct access_run *a, va_t at, uint32_t size,
                              const uint8_t *store, uint8_t *load, bool *known, struct touch *out)
{
    a->totals.count++;
    a->totals.bytes += size;
    if (store == NULL && load == NULL && va_offset(at) + size <= PAGE_BYTES)
        access_part(s, a, at, size, out);
    else
        access_parts(s, a, at, size, store, load, known, out);
}

void access_one(struct sim *s, struct access_run *a, va_t at, uint32_t size, const uint8_t *store,
                uint8_t *load, bool *known, struct touch *out)
{
    access_any(s, a, at, size, store, load, known, out);
}

/* ---- read, write, execute ---- */

static void value_bytes(uint64_t v, uint8_t bytes[8])
{
    for (unsigned i = 0; i < 8; i++) bytes[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t bytes_value(const uint8_t *bytes, uint64_t size)
{
    uint64_t v = 0;
    for (uint64_t i = 0; i < size && i < 8; i++) v |= (uint64_t)bytes[i] << (8 * i);
    return v;
}

static void mismatch(struct sim *s, const struct step *step, va_t at, bool known, uint64_t found,
                     uint64_t wanted)
{
    if (known)
        finding_add(s, step->where, step->path, "read %x at %x, expected %x", found, at.v, wanted);
    else
        finding_add(s, step->where, step->path,
                    "read contents at %x that nobody wrote, expected %x", at.v, wanted);
}

struct access_values {
    bool check, bind;
    uint64_t wanted, last;
    bool last_known, mismatched;
    uint8_t bytes[8];
};

static void access_place(struct sim *s, const struct step *step, struct access_run *run,
                         const struct places *p, va_t at, struct access_values *v,
                         struct touch *t)
{
    uint8_t loaded[8];
    bool known = true;
    bool loads = run->type == ACCESS_READ && (v->check || v->bind) && p->extent.size <= 8;
    const uint8_t *store = run->type == ACCESS_WRITE && v->check ? v->bytes : NULL;
    access_any(s, run, at, (uint32_t)p->extent.size, store, loads ? loaded : NULL, &known, t);
    if (t->end != TOUCH_OK || !loads) return;
    v->last = bytes_value(loaded, p->extent.size);
    v->last_known = known;
    if (v->check && !v->mismatched && (!known || v->last != v->wanted)) {
        v->mismatched = true;
        mismatch(s, step, at, known, v->last, v->wanted);
    }
}

/* The last access joins the group that is under way, or ends it: when it is full, or by a fault,
 * which waits for what came before and is waited for. */
static void access_overlap(struct sim *s, struct overlap *o, uint64_t walks, bool last,
                           const struct touch *t)
{
    if (t->faulted || t->end != TOUCH_OK) {
        struct overlap_queue fault = overlap_take(&s->hw, o);
        overlap_end(&s->hw, o);
        overlap_charge(&s->hw, &fault);
    } else {
        overlap_next(&s->hw, o, s->hw.cpu->walks.count != walks);
        if (!last) return;
        overlap_end(&s->hw, o);
    }
    overlap_begin(&s->hw, o);
}

/* Asked now and then. */
static bool is_interrupted(struct sim *s, uint64_t i)
{
    if ((i & 0xFFFF) == 0xFFFF && s->interrupted != NULL && s->interrupted(s->interrupt_context))
        s->reason = END_INTERRUPTED;
    return s->reason == END_INTERRUPTED;
}

enum { STREAK_WAIT = 128, ASKED_AFTER = 1 << 16 };

/* Up to `most` accesses as one streak, and the fault that ends it; how many. */
static uint64_t access_streak(struct sim *s, struct access_run *run, va_t at,
                              const struct extent *e, uint64_t most, struct touch *t)
{
    struct streak k = { run->type, run->user, run->caches, e->size, e->step };
    enum access_fault fault;
    if (!mm_are_fresh(&s->mm, at, va_add(at, (most - 1) * e->step))) return 0;
    uint64_t done = hw_access_streak(&s->hw, &k, at, most, &fault);
    if (fault != ACCESS_OK) {
        va_t here = va_add(at, done * e->step);
        mm_touch_faulted(&s->mm, here, run->type, run->user, run->driver, fault, t);
        access_touched(s, run, here, (uint32_t)e->size, t);
        done++;
    }
    run->totals.count += done;
    run->totals.bytes += done * e->size;
    return done;
}

/* One place behind the other, and nobody asks for contents. */
static void access_plain(struct sim *s, struct access_run *run, const struct places *p,
                         struct touch *t)
{
    const struct extent *e = &p->extent;
    bool told = s->sink != NULL && s->sink->access != NULL;
    uint64_t place = 0, from = told || s->no_fast_paths ? e->count : 0;
    uint64_t wait = 1; /* until a streak is tried again: longer, the oftener one was of none */
    for (uint64_t i = 0; i < e->count && t->end == TOUCH_OK && !s->error;) {
        uint64_t left = e->count - i, most = e->places - place;
        if (most > left) most = left;
        if (most > ASKED_AFTER - i % ASKED_AFTER) most = ASKED_AFTER - i % ASKED_AFTER;
        va_t at = va_add(p->start, place * e->step);
        uint64_t done = i < from ? 0 : access_streak(s, run, at, e, most, t);
        if (done > 0) {
            wait = 1;
        } else {
            if (i >= from) {
                from = i + wait;
                wait = wait < STREAK_WAIT ? wait * 2 : wait;
            }
            access_any(s, run, at, (uint32_t)e->size, NULL, NULL, NULL, t);
            done = 1;
        }
        i += done;
        place = place + done == e->places ? 0 : place + done;
        if (is_interrupted(s, i - 1)) break;
    }
}

static void access_all(struct sim *s, const struct step *step, struct access_run *run,
                       const struct places *p, struct access_values *v, struct touch *t)
{
    uint64_t overlap = step->u.access.overlap, count = p->extent.count;
    struct overlap group;
    if (p->pattern == PATTERN_SEQUENTIAL && overlap <= 1 && !v->check && !v->bind) {
        access_plain(s, run, p, t);
        return;
    }
    if (overlap > 1) overlap_begin(&s->hw, &group);
    for (uint64_t i = 0; i < count && t->end == TOUCH_OK && !s->error; i++) {
        uint64_t walks = overlap > 1 ? s->hw.cpu->walks.count : 0;
        access_place(s, step, run, p, place_at(p, i, &s->thread->random_access), v, t);
        if (overlap > 1)
            access_overlap(s, &group, walks, i % overlap == overlap - 1 || i + 1 == count, t);
        if (is_interrupted(s, i)) break;
    }
}

static struct access_totals counted(const struct sim *s, enum access_type type)
{
    const struct cpu *cpu = s->hw.cpu;
    const struct fault_counts *f = &s->mm.faults;
    const struct tlb_level *first =
        type == ACCESS_EXECUTE && cpu->l1i.sizes != 0 ? &cpu->l1i : &cpu->l1d;
    return (struct access_totals){
        .tlb_hits = first->counts.hits,
        .walks = cpu->walks.count,
        .faults = f->demand_zero + f->transition + f->page_file + f->copy_on_write +
                  f->access_violation + f->guard_page,
    };
}

void access_count(struct sim *s, struct access_run *a, const struct access_totals *before,
                  struct access_totals *into)
{
    struct access_totals after = counted(s, a->type);
    a->totals.tlb_hits = after.tlb_hits - before->tlb_hits;
    a->totals.walks = after.walks - before->walks;
    a->totals.faults = after.faults - before->faults;
    into->count += a->totals.count;
    into->bytes += a->totals.bytes;
    into->tlb_hits += a->totals.tlb_hits;
    into->walks += a->totals.walks;
    into->faults += a->totals.faults;
}

struct access_totals access_before(const struct sim *s, enum access_type type)
{
    return counted(s, type);
}

static const char *const access_names[ACCESS_TYPE_COUNT] = { "read", "write", "execute" };

static void access_event(struct sim *s, const struct step *step, struct event *e,
                         const struct places *p, const struct access_values *v)
{
    const struct access_step *a = &step->u.access;
    event_arg_number(e, "address", ARG_HEX, p->start.v);
    if (a->length != 0)
        event_arg_number(e, "length", ARG_DECIMAL, p->extent.length);
    if (a->stride != 0) event_arg_number(e, "stride", ARG_DECIMAL, p->extent.step);
    event_arg_number(e, "size", ARG_DECIMAL, p->extent.size);
    if (a->count != 0) event_arg_number(e, "count", ARG_DECIMAL, p->extent.count);
    if (a->pattern != PATTERN_SEQUENTIAL)
        event_arg_text(e, "pattern", a->pattern == PATTERN_RANDOM ? "random" : "chase");
    if (a->overlap > 1) event_arg_number(e, "overlap", ARG_DECIMAL, a->overlap);
    if (a->value != 0) event_arg_number(e, "value", ARG_HEX, v->wanted);
    if (step->u.access.mode == 1 || (a->mode < 0 && s->thread->kernel.user_mode))
        event_arg_text(e, "mode", "user");
}

void step_access(struct sim *s, const struct step *step)
{
    const struct access_step *a = &step->u.access;
    struct places p;
    struct access_values v = { .check = a->value != 0, .bind = step->bind_count > 0 };
    if (!places_of(s, step, &p)) return;
    uint64_t size = p.extent.size;
    if (v.check && !eval_number(s, a->value, &v.wanted)) return;
    if (v.check && size < 8 && v.wanted >> (8 * size) != 0) {
        sim_error(s, step->where, step->path, "the value does not fit into `size` bytes");
        return;
    }
    value_bytes(v.wanted, v.bytes);
    struct access_run run = { .type = a->type,
                              .driver = true,
                              .caches = !a->flat && s->hw.has_caches,
                              .user = a->mode < 0 ? s->thread->kernel.user_mode : a->mode == 1 };
    struct event_mark mark;
    event_begin(s, step, &mark);
    struct access_totals before = counted(s, a->type);
    struct touch t;
    t.end = TOUCH_OK; /* what else is read of it is set by an access that ends otherwise */
    access_all(s, step, &run, &p, &v, &t);
    if (run.type == ACCESS_WRITE && t.end == TOUCH_OK) places_check_written(s, &p);
    access_count(s, &run, &before, &s->by_type[a->type]);
    /* All of it is named, so that nothing is cleared first. */
    struct step_result r = { .outcome = outcome_of_touch(&t),
                             .has_value = a->type == ACCESS_READ && size <= 8,
                             .args = NULL,
                             .record = 0,
                             .hit_buffer = NULL };
    if (r.has_value && t.end == TOUCH_OK && v.last_known) r.outcome.returns = value_int(v.last);
    if (s->sink == NULL) {
        event_skip(s);
    } else {
        struct event e;
        event_clear(&e);
        e.call = access_names[a->type];
        e.outcome = &r.outcome;
        e.accesses = run.totals;
        e.has_accesses = true;
        e.has_returns = r.has_value && step->bind_count > 0 && v.last_known;
        access_event(s, step, &e, &p, &v);
        event_end(s, step, &mark, &e);
    }
    step_finish(s, step, &r, &mark);
}
