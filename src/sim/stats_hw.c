/* Statistics of the hardware: TLBs, processors, accesses. */
#include "base/check.h"
#include "sim/internal.h"
#include "sim/stats_walk.h"

static const char *const size_names[PAGE_SIZE_COUNT] = { "4k", "2m", "1g" };

static void level_stats(struct walk_state *w, const char *name, const struct tlb_level *level)
{
    static const struct tlb_counts none;
    const struct tlb_counts *c = level != NULL ? &level->counts : &none;
    enter(w, name, "One level of TLB.");
    counter(w, "lookups", c->lookups, "One a page and access.");
    counter(w, "hits", c->hits, "Lookups that hit.");
    counter(w, "misses", c->misses, "Lookups that missed.");
    counter(w, "evictions", c->evictions, "Valid entries replaced.");
    counter(w, "invalidations", c->invalidations, "Entries dropped by a flush.");
    enter(w, "by_page", "By page size.");
    for (unsigned i = 0; i < PAGE_SIZE_COUNT; i++) {
        enter(w, size_names[i], "One page size.");
        counter(w, "hits", c->size_hits[i], "Hits.");
        counter(w, "evictions", c->size_evictions[i], "Evictions.");
        counter(w, "invalidations", c->size_invalidations[i], "Invalidations.");
        leave(w);
    }
    leave(w);
    leave(w);
}

static void walk_stats(struct walk_state *w, const struct walk_counts *c)
{
    static const char *const levels[LEVEL_COUNT] = { NULL, "pt", "pd", "pdpt", "pml4", "pml5" };
    static const char *const caches[PSC_COUNT] = { "pd", "pdpt", "pml4", "pml5" };
    static const char *const places[SERVED_COUNT] = { "l1", "l2", "l3", "memory" };
    enter(w, "walks", "Page walks.");
    counter(w, "count", c->count, "Walks.");
    counter(w, "faults", c->faults, "Walks that found no page, or one that forbids the access.");
    enter(w, "by_page", "Walks that found a page, by its size.");
    counter(w, "4k", c->count - c->faults - c->large[0] - c->large[1], "4 KiB.");
    counter(w, "2m", c->large[0], "2 MiB.");
    counter(w, "1g", c->large[1], "1 GiB.");
    leave(w);
    enter(w, "references", "Entries fetched, by level.");
    for (unsigned l = LEVEL_COUNT - 1; l >= LEVEL_PT; l--) {
        counter(w, levels[l], c->references[l], "Entries of this level.");
    }
    leave(w);
    enter(w, "served_by", "What served the fetches; l2 all of them on a machine without caches.");
    for (unsigned i = 0; i < COUNT_OF(places); i++)
        counter(w, places[i], c->served_by[i], "Fetches.");
    leave(w);
    enter(w, "pscache_hits", "Walks that a paging-structure cache shortened.");
    for (unsigned i = PSC_PML4E + 1; i-- > PSC_PDE;)
        counter(w, caches[i], c->pscache_hits[i], "Hits.");
    counter(w, caches[PSC_PML5E], c->pscache_hits[PSC_PML5E], "Hits.");
    leave(w);
    counter(w, "nested_references", c->nested_references,
            "Entries of the host's tables, on a machine that is a guest.");
    counter(w, "dirty_updates", c->dirty_updates, "Dirty bits set after a TLB hit.");
    leave(w);
}

static void flush_stats(struct walk_state *w, const struct flush_counts *c)
{
    enter(w, "flushes", "Invalidations.");
    counter(w, "invlpg", c->invlpg, "Single pages.");
    counter(w, "full", c->full, "Whole TLBs.");
    counter(w, "pcid", c->pcid, "Single address spaces.");
    counter(w, "shootdowns_sent", c->shootdowns_sent, "Requests to other processors.");
    counter(w, "shootdowns_received", c->shootdowns_received, "Requests from other processors.");
    counter(w, "broadcasts", c->broadcasts, "Flushes that no processor was interrupted for.");
    leave(w);
}

/* "cpu0" ... in a buffer of the caller's. */
static const char *cpu_name(const struct walk_state *w, uint32_t number, char name[16])
{
    if (w->s == NULL) return "cpu*";
    char digits[11];
    unsigned n = 0, length = 3;
    do digits[n++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    name[0] = 'c', name[1] = 'p', name[2] = 'u';
    while (n > 0) name[length++] = digits[--n];
    name[length] = '\0';
    return name;
}

void tlb_stats(struct walk_state *w)
{
    static const struct cpu none;
    uint32_t count = w->s != NULL ? w->s->hw.cpu_count : 1;
    enter(w, "tlb", "TLBs by processor.");
    for (uint32_t i = 0; i < count; i++) {
        const struct cpu *cpu = w->s != NULL ? &w->s->hw.cpus[i] : &none;
        char name[16];
        enter(w, cpu_name(w, i, name), "One processor.");
        level_stats(w, "l1d", &cpu->l1d);
        level_stats(w, "l1i", &cpu->l1i);
        level_stats(w, "l2", &cpu->l2);
        level_stats(w, "l2i", &cpu->l2i);
        walk_stats(w, &cpu->walks);
        flush_stats(w, &cpu->flushes);
        leave(w);
    }
    leave(w);
}

static void add_counts(struct cache_counts *into, const struct cache_counts *c)
{
    into->hits += c->hits;
    into->misses += c->misses;
    into->evictions += c->evictions;
}

static void one_cache_stats(struct walk_state *w, const char *name, const struct cache_counts *c,
                            const char *doc)
{
    enter(w, name, doc);
    counter(w, "lookups", c->hits + c->misses, "One a line and access, and one a fetch of a walk.");
    counter(w, "hits", c->hits, "Lookups that hit.");
    counter(w, "misses", c->misses, "Lookups that missed.");
    counter(w, "evictions", c->evictions, "Lines replaced.");
    leave(w);
}

void cache_stats(struct walk_state *w)
{
    static const struct cpu none;
    struct cache_counts l3 = { 0 };
    uint32_t count = w->s != NULL ? w->s->hw.cpu_count : 1;
    enter(w, "caches", "Caches of data; instructions and page walks go through them too.");
    for (uint32_t i = 0; i < count; i++) {
        const struct cpu *cpu = w->s != NULL ? &w->s->hw.cpus[i] : &none;
        char name[16];
        enter(w, cpu_name(w, i, name), "One processor.");
        one_cache_stats(w, "l1d", &cpu->l1d_cache.counts, "First level.");
        one_cache_stats(w, "l2", &cpu->l2_cache.counts, "Second level.");
        leave(w);
    }
    for (uint32_t i = 0; w->s != NULL && i < w->s->hw.l3_count; i++)
        add_counts(&l3, &w->s->hw.l3[i].counts);
    one_cache_stats(w, "l3", &l3, "Third level, all that the machine has.");
    leave(w);
}

void cpu_stats(struct walk_state *w)
{
    static const struct cpu none;
    uint32_t count = w->s != NULL ? w->s->hw.cpu_count : 1;
    enter(w, "cpu", "Time by processor, in cycles.");
    for (uint32_t i = 0; i < count; i++) {
        const struct cpu *cpu = w->s != NULL ? &w->s->hw.cpus[i] : &none;
        char name[16];
        enter(w, cpu_name(w, i, name), "One processor.");
        counter(w, "busy", cpu->clock.v - cpu->idle - cpu->interrupts, "Work.");
        counter(w, "idle", cpu->idle, "Nothing to do.");
        counter(w, "interrupts", cpu->interrupts, "Interrupts.");
        cost_stats(w, cpu->spent);
        leave(w);
    }
    leave(w);
}

static void totals_stats(struct walk_state *w, const struct access_totals *t)
{
    counter(w, "count", t->count, "Accesses.");
    counter(w, "bytes", t->bytes, "Bytes.");
    counter(w, "tlb_hits", t->tlb_hits, "Lookups that hit the first-level TLB.");
    counter(w, "walks", t->walks, "Page walks.");
    counter(w, "faults", t->faults, "Page faults.");
}

static void group_stats(struct walk_state *w, const char *name, const struct access_totals *t,
                        const char *doc)
{
    enter(w, name, doc);
    totals_stats(w, t);
    leave(w);
}

/* Only where a replay passes over bad records; elsewhere the path reads 0. */
static void bad_stats(struct walk_state *w, uint64_t bad)
{
    const struct program *p = w->s != NULL ? w->s->program : NULL;
    bool told = p == NULL;
    for (size_t i = 0; p != NULL && i < p->replay_count; i++) told |= p->replays[i]->skip_bad;
    if (told) counter(w, "bad", bad, "Bad lines or records passed over by `on_error: skip`.");
}

static void phase_stats(struct walk_state *w, const char *name, const struct replay_part *part)
{
    static const struct replay_part none;
    if (part == NULL) part = &none;
    enter(w, name, "A phase of replay steps.");
    counter(w, "records", part->records, "Records of the trace.");
    counter(w, "cycles", part->cycles, "Time of the processor.");
    totals_stats(w, &part->accesses);
    bad_stats(w, part->bad);
    leave(w);
}

void access_stats(struct walk_state *w)
{
    static const struct access_totals none[ACCESS_TYPE_COUNT + 1];
    const struct access_totals *types = w->s != NULL ? w->s->by_type : none;
    enter(w, "accesses", "CPU accesses of the scenario.");
    group_stats(w, "read", &types[ACCESS_READ], "Of read steps, and the reads of copy.");
    group_stats(w, "write", &types[ACCESS_WRITE], "Of write steps, and the writes of copy.");
    group_stats(w, "execute", &types[ACCESS_EXECUTE], "Of execute steps.");
    enter(w, "replay", "Of replay steps.");
    totals_stats(w, w->s != NULL ? &w->s->by_replay : none);
    bad_stats(w, w->s != NULL ? w->s->bad_by_replay : 0);
    leave(w);
    if (w->s == NULL) phase_stats(w, "*", NULL);
    for (size_t i = 0; w->s != NULL && i < w->s->program->phase_count; i++)
        phase_stats(w, w->s->program->phase_names[i], &w->s->by_phase[i]);
    leave(w);
}

void model_stats(struct walk_state *w)
{
    enter(w, "model", "The cost model.");
    counter(w, "version", 1, "Version of the cost model.");
    if (w->v->text != NULL)
        w->v->text(w->context, "preset",
                   w->s != NULL ? w->s->program->config.preset->name : "generic",
                   "Preset of the processor.");
    leave(w);
}
