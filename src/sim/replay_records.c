/* The records of a trace, one by one through TLB and page tables. */
#include "sim/replay.h"

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

/* The address space of a replay has whatever the trace touches: a page that nothing backs yet is
 * reserved and committed with its 64 KiB, readable, writable and executable; where part of these is
 * taken, the page alone. What lies past the user's half stays what it is: an access violation. */
static void ensure_page(struct sim *s, uint64_t address)
{
    struct process *p = s->mm.current;
    if (address > s->mm.config->highest_user.v || space_area_at(p, va(address)) != NULL) return;
    space_back_page(&s->mm, p, va(address), PROT_EXECUTE_READWRITE);
}

static void replay_access(struct sim *s, struct replay *r, struct access_run runs[],
                          enum access_type type, uint64_t address, uint32_t size)
{
    access_one(s, &runs[type], va(address), size, NULL, NULL, NULL, &r->touch);
}

static void replay_record(struct sim *s, struct replay *r, struct access_run runs[],
                          const struct access *a)
{
    static const uint8_t types[] = { [ACCESS_LOAD] = ACCESS_READ,
                                     [ACCESS_STORE] = ACCESS_WRITE,
                                     [ACCESS_MODIFY] = ACCESS_READ,
                                     [ACCESS_FETCH] = ACCESS_EXECUTE };
    enum replay_only only = r->plan->only;
    if (only != REPLAY_EVERYTHING && (only == REPLAY_DATA) == (a->kind == ACCESS_FETCH)) return;
    uint64_t address = placed(&r->place, a), last = address + a->size - 1;
    ensure_page(s, address);
    if (last > address) ensure_page(s, last);
    replay_access(s, r, runs, types[a->kind], address, a->size);
    if (a->kind == ACCESS_MODIFY && r->touch.end == TOUCH_OK)
        replay_access(s, r, runs, ACCESS_WRITE, address, a->size);
}

/* ---- counting ---- */

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
static void add_since(const struct sim *s, struct replay_part *part, const struct marks *before,
                      const struct access_run runs[])
{
    struct marks now = marks_now(s);
    struct access_totals *into = &part->accesses;
    for (unsigned i = 0; i < ACCESS_TYPE_COUNT; i++) {
        into->count += runs[i].totals.count;
        into->bytes += runs[i].totals.bytes;
    }
    into->tlb_hits += now.data.tlb_hits - before->data.tlb_hits;
    if (s->hw.cpu->l1i.sizes != 0) into->tlb_hits += now.code.tlb_hits - before->code.tlb_hits;
    into->walks += now.data.walks - before->data.walks;
    into->faults += now.data.faults - before->data.faults;
    part->cycles += now.now - before->now;
}

uint64_t replay_records(struct sim *s, struct replay *r, uint64_t most, struct replay_part *part)
{
    struct access batch[BATCH];
    struct access_run runs[ACCESS_TYPE_COUNT];
    bool failed = false;
    size_t n = r->source->pull(r->source->context, batch, most < BATCH ? (size_t)most : BATCH,
                               &failed);
    if (failed) s->source_failed = true;
    if (n == 0) r->ended = true;
    if (part == NULL) return n;
    for (unsigned i = 0; i < ACCESS_TYPE_COUNT; i++)
        runs[i] = (struct access_run){
            .type = i, .user = true, .driver = true, .caches = r->plan->data_caches
        };
    struct marks before = marks_now(s);
    size_t done = 0;
    while (done < n && r->touch.end == TOUCH_OK) replay_record(s, r, runs, &batch[done++]);
    add_since(s, part, &before, runs);
    part->records += done;
    return done;
}
