/* The vocabulary of statistics: one walk in the order of the trace. */
#include "sim/stats.h"

#include "base/check.h"
#include "sim/internal.h"
#include "sim/stats_walk.h"

const struct gauge no_gauge;

/* ---- page tables ---- */

static void map_stats(struct walk_state *w, const char *name, const struct page_map *map)
{
    static const char *const levels[LEVEL_COUNT] = { NULL, "pt", "pd", "pdpt", "pml4", "pml5" };
    static const struct page_map no_map;
    if (map == NULL) map = &no_map;
    enter(w, name, "Page tables of one address space: system, or a process.");
    for (unsigned l = LEVEL_COUNT - 1; l >= LEVEL_PT; l--) {
        if (w->s != NULL && l > w->s->hw.top_level) continue;
        enter(w, levels[l], "Tables of one level.");
        gauge(w, "tables", &map->level[l].tables, "Tables.");
        gauge(w, "entries", &map->level[l].entries, "Entries in use.");
        leave(w);
    }
    gauge(w, "bytes", &map->bytes, "Memory of the tables.");
    counter(w, "writes", map->writes, "Entries written.");
    leave(w);
}

static void page_table_stats(struct walk_state *w)
{
    enter(w, "page_tables", "Page tables by address space.");
    if (w->s == NULL) {
        map_stats(w, "*", NULL);
    } else {
        map_stats(w, "system", &w->s->hw.system);
        for (size_t i = 0; i < w->s->mm.process_count; i++)
            map_stats(w, w->s->mm.processes[i]->name, &w->s->mm.processes[i]->map);
    }
    leave(w);
}

/* ---- PTE use ---- */

static void user_stats(struct walk_state *w, const struct gauge users[PTE_USER_COUNT])
{
    static const char *const names[PTE_USER_COUNT] = { "mdl", "io_space", "contiguous", "reserved",
                                                       "view" };
    enter(w, "by_user", "PTEs in use by what uses them.");
    for (unsigned i = 0; i < PTE_USER_COUNT; i++)
        gauge(w, names[i], users != NULL ? &users[i] : &no_gauge, "PTEs in use.");
    leave(w);
}

static void syspte_stats(struct walk_state *w, const char *name, const struct syspte *p,
                         uint64_t largest, uint64_t runs)
{
    enter(w, name, "A region of system PTEs.");
    counter(w, "total", p->total, "PTEs of the region.");
    gauge(w, "in_use", &p->in_use, "PTEs in use.");
    counter(w, "free", p->total - p->in_use.now, "PTEs free now.");
    counter(w, "free_min", p->free_min, "The fewest that were ever free.");
    counter(w, "flush_pending", p->pending.total,
            "Free PTEs whose TLB entries are not yet flushed.");
    counter(w, "largest_free_run", largest, "The longest run of free PTEs.");
    counter(w, "free_runs", runs, "Runs of free PTEs.");
    counter(w, "reservations", p->reservations, "Runs taken.");
    counter(w, "releases", p->releases, "Runs given back.");
    enter(w, "failures", "Requests that failed, by priority.");
    counter(w, "low", p->failures[PRIORITY_LOW], "LowPagePriority.");
    counter(w, "normal", p->failures[PRIORITY_NORMAL], "NormalPagePriority.");
    counter(w, "high", p->failures[PRIORITY_HIGH], "HighPagePriority.");
    leave(w);
    user_stats(w, p->by_user);
    if (w->v->timeline != NULL)
        w->v->timeline(w->context, "timeline", &p->timeline, "Samples of [t, in_use].");
    leave(w);
}

/* Use inside the reservations of MmAllocateMappingAddress, as a region of its own. */
static void reserved_stats(struct walk_state *w)
{
    struct syspte region = { 0 };
    uint64_t largest = 0, runs = 0;
    if (w->s != NULL) {
        const struct kernel *k = &w->s->kernel;
        for (size_t i = 0; i < k->reservation_count; i++) {
            const struct reservation *r = &k->reservations[i];
            if (!r->live) continue;
            uint64_t unused = r->page_count - r->mapped_pages;
            region.total += r->page_count;
            runs += unused > 0;
            if (unused > largest) largest = unused;
        }
        region.in_use = k->mm->reserved_in_use;
        region.by_user[PTE_USER_MDL] = k->mm->reserved_in_use;
        region.free_min = region.total > region.in_use.peak ? region.total - region.in_use.peak : 0;
        region.reservations = k->reserved_maps;
        region.releases = k->reserved_unmaps;
    }
    syspte_stats(w, "reserved", &region, largest, runs);
}

static void pte_stats(struct walk_state *w)
{
    static const struct syspte none;
    const struct syspte *p = w->s != NULL ? &w->s->mm.syspte : &none;
    struct run largest = { 0 };
    if (w->s != NULL && !runs_largest(&p->free, &largest)) largest.count = 0;
    enter(w, "pte_usage", "System PTEs by region.");
    syspte_stats(w, "system", p, largest.count, p->free.run_count);
    reserved_stats(w);
    leave(w);
}

/* ---- latency ---- */

static uint64_t to_ns(const struct walk_state *w, uint64_t n)
{
    if (w->s == NULL) return 0;
    uint64_t hz = w->s->hw.hz, seconds = n / hz, rest = n % hz;
    uint64_t ns =
        rest > UINT64_MAX / 1000000000u ? rest / (hz / 1000000000u + 1) : rest * 1000000000u / hz;
    return seconds * 1000000000u + ns;
}

static const struct {
    const char *key, *doc;
    unsigned per_10000;
} percentiles[] = { { "p50", "Half are not above it.", 5000 },
                    { "p90", "90 % are not above it.", 9000 },
                    { "p99", "99 % are not above it.", 9900 },
                    { "p999", "99.9 % are not above it.", 9990 } };

static void latency_numbers(struct walk_state *w, const struct hist *h, bool ns)
{
    uint64_t min = h->count > 0 ? h->min : 0;
    counter(w, "total", ns ? to_ns(w, h->total) : h->total, "Sum of all.");
    counter(w, "min", ns ? to_ns(w, min) : min, "The shortest.");
    counter(w, "max", ns ? to_ns(w, h->max) : h->max, "The longest.");
    counter(w, "mean", ns ? to_ns(w, hist_mean(h)) : hist_mean(h), "Rounded down.");
    for (unsigned i = 0; i < COUNT_OF(percentiles); i++) {
        uint64_t p = hist_percentile(h, percentiles[i].per_10000);
        counter(w, percentiles[i].key, ns ? to_ns(w, p) : p, percentiles[i].doc);
    }
}

/* Costs of the trace format that nothing in the model pays yet: paths that read 0. */
static void later_cost_stats(struct walk_state *w)
{
    counter(w, "pagein", 0, "Reading a frame from a paging file; there are none yet.");
    counter(w, "pageout", 0, "Writing a frame to a paging file; there are none yet.");
}

void cost_stats(struct walk_state *w, const uint64_t *cost)
{
    enter(w, "cost", "Cycles by primitive.");
    for (unsigned i = 0; i < COST_COUNT; i++)
        if (w->s == NULL || w->all || (cost != NULL && cost[i] != 0))
            counter(w, cost_rows[i].key, cost != NULL ? cost[i] : 0, cost_rows[i].doc);
    if (w->s == NULL || w->all) later_cost_stats(w);
    leave(w);
}

static void series_stats(struct walk_state *w, const char *name, const struct series *series)
{
    static const struct series none;
    if (series == NULL) series = &none;
    enter(w, name, "Latency of a routine or span, in cycles.");
    counter(w, "count", series->hist.count, "Calls.");
    counter(w, "failures", series->failures, "Calls that failed.");
    latency_numbers(w, &series->hist, false);
    enter(w, "ns", "The same in nanoseconds.");
    latency_numbers(w, &series->hist, true);
    leave(w);
    if (w->v->histogram != NULL)
        w->v->histogram(w->context, "histogram", &series->hist, "[[upper bound, count], ...]");
    cost_stats(w, series->cost);
    leave(w);
}

static void latency_stats(struct walk_state *w)
{
    enter(w, "latency", "Latency by routine and span.");
    if (w->s == NULL) {
        series_stats(w, "*", NULL);
    } else {
        size_t count = routine_count + w->s->program->span_count;
        for (size_t i = 0; i < count; i++)
            if (w->s->series[i].hist.count > 0 || w->all)
                series_stats(w, w->s->series[i].name, &w->s->series[i]);
    }
    leave(w);
}

/* ---- the walk ---- */

static void visit(struct sim *s, const struct stats_visitor *v, void *context, bool all)
{
    struct walk_state w = { s, v, context, all };
    page_table_stats(&w);
    pte_stats(&w);
    latency_stats(&w);
    tlb_stats(&w);
    cache_stats(&w);
    memory_stats(&w);
    pool_stats(&w);
    object_stats(&w);
    process_stats(&w);
    lock_stats(&w);
    apc_stats(&w);
    cpu_stats(&w);
    access_stats(&w);
    leak_stats(&w);
    model_stats(&w);
}

void stats_visit(struct sim *s, const struct stats_visitor *v, void *context)
{
    visit(s, v, context, false);
}

void stats_visit_all(struct sim *s, const struct stats_visitor *v, void *context)
{
    visit(s, v, context, true);
}
