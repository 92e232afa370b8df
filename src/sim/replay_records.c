/* The records of a trace, one by one through TLB and page tables. */
#include "sim/replay_fast.h"

enum { BATCH = 1024 };

/* No processor can translate it: not canonical with four and with five levels, above 32 bits. */
#define NOWHERE (UINT64_C(1) << 62)

/* The address of an access, NOWHERE when it has no place in the buffer. Modulo the buffer's size,
 * an access that would run over its end ends there. */
static uint64_t placed(const struct replay_place *p, const struct access *a)
{
    if (!p->in_buffer) return a->address + p->base;
    if (p->wraps) {
        uint64_t offset = a->address % p->bytes;
        return p->start + (a->size > p->bytes - offset ? p->bytes - a->size : offset);
    }
    uint64_t offset = a->address - p->base;
    return offset < p->bytes && a->size <= p->bytes - offset ? p->start + offset : NOWHERE;
}

/* ---- one by one, each access told ---- */

static void slow_record(struct sim *s, struct access_run runs[], const struct access *a,
                        struct touch *t)
{
    static const uint8_t types[] = { [ACCESS_LOAD] = ACCESS_READ,
                                     [ACCESS_STORE] = ACCESS_WRITE,
                                     [ACCESS_MODIFY] = ACCESS_READ,
                                     [ACCESS_FETCH] = ACCESS_EXECUTE };
    va_t at = va(a->address);
    access_one(s, &runs[types[a->kind]], at, a->size, NULL, NULL, NULL, t);
    if (a->kind == ACCESS_MODIFY && t->end == TOUCH_OK)
        access_one(s, &runs[ACCESS_WRITE], at, a->size, NULL, NULL, NULL, t);
}

/* Returns how many were replayed, one that raises or stops the system included. */
static size_t slow_records(struct sim *s, struct replay *r, const struct access *batch,
                           size_t count, struct access_totals *totals)
{
    struct touch *t = &r->touch;
    struct access_run runs[ACCESS_TYPE_COUNT];
    size_t done = 0;
    for (unsigned i = 0; i < ACCESS_TYPE_COUNT; i++)
        runs[i] = (struct access_run){
            .type = i, .user = true, .driver = true, .caches = r->plan->data_caches
        };
    while (done < count && t->end == TOUCH_OK) slow_record(s, runs, &batch[done++], t);
    for (unsigned i = 0; i < ACCESS_TYPE_COUNT; i++) {
        totals->count += runs[i].totals.count;
        totals->bytes += runs[i].totals.bytes;
    }
    return done;
}

/* ---- batches ---- */

/* What the counters of the machine say. */
struct marks {
    struct access_totals data, code;
    uint64_t now;
};

static struct marks marks_now(const struct sim *s)
{
    return (struct marks){ access_before(s, ACCESS_READ), access_before(s, ACCESS_EXECUTE),
                           hw_now(&s->hw).v };
}

/* Walks and faults are counted once; hits by both first-level TLBs, where there are two. */
static void add_since(const struct sim *s, struct replay_part *part, const struct marks *before)
{
    struct marks now = marks_now(s);
    struct access_totals *into = &part->accesses;
    into->tlb_hits += now.data.tlb_hits - before->data.tlb_hits;
    if (s->hw.cpu->l1i.sizes != 0) into->tlb_hits += now.code.tlb_hits - before->code.tlb_hits;
    into->walks += now.data.walks - before->data.walks;
    into->faults += now.data.faults - before->data.faults;
    part->cycles += now.now - before->now;
}

/* The records of a batch that are replayed, in place, with their addresses moved. */
struct chosen {
    size_t count;
    bool all;
    uint16_t number[BATCH]; /* of each in the batch, when not all were chosen */
};

static void choose(const struct replay *r, struct access *batch, size_t count, struct chosen *c)
{
    enum replay_only only = r->plan->only;
    c->all = only == REPLAY_EVERYTHING;
    c->count = c->all ? count : 0;
    for (size_t i = 0; i < count && !c->all; i++) {
        if ((only == REPLAY_DATA) == (batch[i].kind == ACCESS_FETCH)) continue;
        c->number[c->count] = (uint16_t)i;
        batch[c->count++] = batch[i];
    }
    if (!r->place.in_buffer && r->place.base == 0) return;
    for (size_t i = 0; i < c->count; i++) batch[i].address = placed(&r->place, &batch[i]);
}

static size_t replay_batch(struct sim *s, struct replay *r, struct access *batch, size_t count,
                           struct replay_part *part)
{
    struct chosen chosen;
    struct fast fast;
    struct marks before = marks_now(s);
    choose(r, batch, count, &chosen);
    if (!r->place.in_buffer) s->mm.backing = r->plan->backing;
    size_t done = r->fast && fast_begin(&fast, s, &part->accesses)
                      ? fast_records(&fast, batch, chosen.count, &r->touch)
                      : slow_records(s, r, batch, chosen.count, &part->accesses);
    s->mm.backing = (struct backing){ 0 };
    add_since(s, part, &before);
    if (r->curves != NULL) curves_add(r->curves, batch, done - (r->touch.end != TOUCH_OK));
    if (r->touch.end == TOUCH_OK) return count;
    return chosen.all ? done : chosen.number[done - 1] + 1u;
}

uint64_t replay_records(struct sim *s, struct replay *r, uint64_t most, struct replay_part *part)
{
    struct access batch[BATCH];
    bool failed = false;
    size_t n = r->source->pull(r->source->context, batch, most < BATCH ? (size_t)most : BATCH,
                               &failed);
    if (failed) s->source_failed = true;
    if (n == 0) r->ended = true;
    if (part == NULL || n == 0) return n;
    n = replay_batch(s, r, batch, n, part);
    part->records += n;
    return n;
}
