/* The records of a trace, one by one through TLB and page tables. */
#include "sim/replay_fast.h"
#include "sim/sched.h"

#include <string.h>

enum { BATCH = 2048 };

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

/* The records of a batch that are replayed, with their addresses moved. */
struct chosen {
    const struct access *records; /* the batch itself where nothing is to be done to it */
    size_t count;
    bool all;
    uint16_t number[BATCH]; /* of each in the batch, when not all were chosen */
    struct access changed[BATCH];
};

static void choose(const struct replay *r, const struct access *batch, size_t count,
                   struct chosen *c)
{
    enum replay_only only = r->plan->only;
    c->all = only == REPLAY_EVERYTHING;
    c->records = batch;
    c->count = count;
    if (c->all && !r->place.in_buffer && r->place.base == 0) return;
    c->records = c->changed;
    c->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!c->all && (only == REPLAY_DATA) == (batch[i].kind == ACCESS_FETCH)) continue;
        c->number[c->count] = (uint16_t)i;
        c->changed[c->count] = batch[i];
        c->changed[c->count++].address = placed(&r->place, &batch[i]);
    }
}

/* What a replay on the fast path keeps from one batch to the next. */
struct replay_space {
    struct fast fast;
    struct access_segment segment;
    struct fast_segment under_way;
    struct access batch[BATCH];
};

static struct fast *fast_of(struct sim *s, struct replay *r)
{
    if (r->space == NULL) r->space = mem_new(s->from, 1, sizeof *r->space);
    return &r->space->fast;
}

/* Returns how many of the batch were replayed, one that raises or stops the system included. */
static size_t replay_batch(struct sim *s, struct replay *r, const struct access *batch,
                           size_t count, struct replay_part *part)
{
    struct chosen chosen;
    struct marks before = marks_now(s);
    choose(r, batch, count, &chosen);
    if (!r->place.in_buffer) s->mm.backing = r->plan->backing;
    size_t done = r->fast && fast_begin(fast_of(s, r), s, &part->accesses)
                      ? fast_records(&r->space->fast, chosen.records, chosen.count, &r->touch)
                      : slow_records(s, r, chosen.records, chosen.count, &part->accesses);
    s->mm.backing = (struct backing){ 0 };
    add_since(s, part, &before);
    if (r->curves != NULL)
        curves_add(r->curves, chosen.records, done - (r->touch.end != TOUCH_OK));
    if (r->touch.end == TOUCH_OK) return count;
    return chosen.all ? done : chosen.number[done - 1] + 1u;
}

/* ---- records left over ---- */

/* Records that were handed out and not replayed, since an access among them raised an exception:
 * the next replay of the trace goes on with them. */
struct replay_rest {
    struct access records[SEGMENT_RECORDS_MAX];
    size_t at, end;
};

static void keep_rest(struct sim *s, const struct replay *r, const struct access *batch,
                      size_t count)
{
    struct replay_rest **rest = &s->rests[r->plan->source];
    if (count == 0) return;
    if (*rest == NULL) *rest = mem_new(s->from, 1, sizeof **rest);
    size_t left = (*rest)->end - (*rest)->at;
    CHECK(left + count <= SEGMENT_RECORDS_MAX);
    memmove((*rest)->records + count, (*rest)->records + (*rest)->at, left * sizeof *batch);
    memcpy((*rest)->records, batch, count * sizeof *batch);
    (*rest)->at = 0;
    (*rest)->end = left + count;
}

void replay_rests_free(struct sim *s)
{
    for (size_t i = 0; i < s->program->replay_count; i++)
        if (s->rests[i] != NULL) mem_free(s->from, s->rests[i], 1, sizeof *s->rests[i]);
}

static size_t take_rest(struct sim *s, const struct replay *r, struct access *out, size_t room)
{
    struct replay_rest *rest = s->rests[r->plan->source];
    if (rest == NULL) return 0;
    size_t left = rest->end - rest->at, count = left < room ? left : room;
    memcpy(out, rest->records + rest->at, count * sizeof *out);
    rest->at += count;
    return count;
}

/* As many as there is room for unless the trace ends: other processors may have their turn behind
 * them, and that must not depend on how the trace is stored. */
static size_t take_records(struct sim *s, struct replay *r, struct access *out, size_t room)
{
    const struct access_source *source = r->source;
    size_t count = take_rest(s, r, out, room), got = 1;
    bool failed = false;
    while (count < room && got > 0) {
        got = source->pull(source->context, out + count, room - count, &failed);
        count += got;
    }
    if (failed) s->source_failed = true;
    if (count == 0) r->ended = true;
    return count;
}

/* ---- segments ---- */

static bool may_take_segments(const struct sim *s, const struct replay *r, uint64_t most)
{
    const struct replay_rest *rest = s->rests[r->plan->source];
    return r->fast && r->source->pull_segment != NULL && most >= BATCH && r->curves == NULL &&
           !r->place.in_buffer && r->place.base == 0 && r->plan->backing.level == LEVEL_PT &&
           s->sched->limit == UINT64_MAX && (rest == NULL || rest->at == rest->end);
}

/* Records of a segment from number `from` on, one by one. Returns the number of the first that was
 * not replayed. */
static uint32_t replay_rest_of(struct sim *s, struct replay *r, uint32_t from,
                               struct replay_part *part)
{
    const struct access_source *source = r->source;
    const struct access_segment *segment = &r->space->segment;
    struct access *batch = r->space->batch;
    while (from < segment->records && r->touch.end == TOUCH_OK) {
        size_t got = source->expand(source->context, segment, from, batch, BATCH);
        if (got == 0) return segment->records; /* the next pull says why */
        from += (uint32_t)replay_batch(s, r, batch, got, part);
    }
    return from;
}

/* Those behind an exception. */
static void keep_rest_of(struct sim *s, const struct replay *r, uint32_t from)
{
    const struct access_segment *segment = &r->space->segment;
    struct access *batch = mem_new(s->from, SEGMENT_RECORDS_MAX, sizeof *batch);
    size_t count = 0, got = 1;
    while (from + count < segment->records && got > 0) {
        got = r->source->expand(r->source->context, segment, from + (uint32_t)count, batch + count,
                                segment->records - from - count);
        count += got;
    }
    keep_rest(s, r, batch, count);
    mem_free(s->from, batch, SEGMENT_RECORDS_MAX, sizeof *batch);
}

/* A segment of at most `most` records; 0 when there is none, or the machine takes none. */
static uint64_t replay_segment(struct sim *s, struct replay *r, uint64_t most,
                               struct replay_part *part)
{
    struct fast *fast = fast_of(s, r);
    struct marks before = marks_now(s);
    bool failed = false;
    if (!fast_begin(fast, s, &part->accesses) || !fast_takes_segments(fast, r->plan->only))
        return 0;
    struct fast_segment *g = &r->space->under_way;
    if (r->source->pull_segment(r->source->context, &r->space->segment, most, &failed) == 0) {
        if (failed) s->source_failed = true;
        return 0;
    }
    g->source = r->source;
    g->segment = &r->space->segment;
    g->only = r->plan->only;
    s->mm.backing = r->plan->backing;
    uint32_t done = fast_segment(fast, g, &r->touch);
    s->mm.backing = (struct backing){ 0 };
    add_since(s, part, &before);
    done = replay_rest_of(s, r, done, part);
    if (r->touch.end != TOUCH_OK) keep_rest_of(s, r, done);
    return done;
}

void replay_space_free(struct sim *s, struct replay *r)
{
    if (r->space != NULL) mem_free(s->from, r->space, 1, sizeof *r->space);
}

uint64_t replay_records(struct sim *s, struct replay *r, uint64_t most, struct replay_part *part)
{
    struct access batch[BATCH];
    uint64_t done = 0;
    if (may_take_segments(s, r, most)) done = replay_segment(s, r, most, part);
    if (done == 0) {
        size_t count = take_records(s, r, batch, most < BATCH ? (size_t)most : BATCH);
        if (count == 0) return 0;
        done = replay_batch(s, r, batch, count, part);
        keep_rest(s, r, batch + done, count - (size_t)done);
    }
    part->records += done;
    return done;
}

uint64_t replay_skip(struct sim *s, struct replay *r, uint64_t count)
{
    struct access batch[BATCH];
    const struct access_source *source = r->source;
    bool failed = false;
    size_t room = count < BATCH ? (size_t)count : BATCH, done = take_rest(s, r, batch, room);
    if (done > 0) return done;
    if (source->skip == NULL) return take_records(s, r, batch, room);
    uint64_t skipped = source->skip(source->context, count, &failed);
    if (failed) s->source_failed = true;
    if (skipped < count) r->ended = true;
    return skipped;
}
