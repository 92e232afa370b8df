/* What a run came to, in a few lines for people. */
#include "trace/summary.h"

#include "trace/json_write.h"

enum { SHOWN_MAX = 20, NAME_COLUMNS = 36 };

void summary_put_grouped(struct text *t, uint64_t n)
{
    char digits[27];
    size_t at = sizeof digits, count = 0;
    do {
        if (count > 0 && count % 3 == 0) digits[--at] = ',';
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
        count++;
    } while (n > 0);
    text_bytes(t, digits + at, sizeof digits - at);
}

static uint64_t to_ns(uint64_t cycles, uint64_t hz)
{
    const uint64_t giga = 1000000000u;
    if (hz == 0) return 0;
    uint64_t seconds = cycles / hz, rest = cycles % hz, whole = 0;
    uint64_t ns = rest <= UINT64_MAX / giga ? rest * giga / hz : rest / (hz / giga + 1);
    if (!mul_fits(seconds, giga, &whole) || !add_fits(whole, ns, &whole)) return UINT64_MAX;
    return whole;
}

void summary_put_time(struct text *t, uint64_t cycles, uint64_t hz)
{
    static const char *const units[] = { "us", "ms", "s" };
    uint64_t n = to_ns(cycles, hz), fraction = 0;
    size_t unit = 0;
    while (n >= 1000 && unit < COUNT_OF(units)) {
        fraction = n % 1000;
        n /= 1000;
        unit++;
    }
    summary_put_grouped(t, n);
    if (unit == 0) {
        text_put(t, " ns");
        return;
    }
    text_char(t, '.');
    if (fraction < 100) text_char(t, '0');
    if (fraction < 10) text_char(t, '0');
    text_format(t, "%u %s", fraction, units[unit - 1]);
}

size_t summary_dearest(const struct sim *sim, size_t out[SUMMARY_ROUTINES])
{
    size_t count = 0;
    for (size_t i = 0; sim->series != NULL && i < routine_count; i++) {
        const struct hist *h = &sim->series[i].hist;
        if (h->count == 0) continue;
        size_t at = count < SUMMARY_ROUTINES ? count++ : SUMMARY_ROUTINES;
        for (; at > 0 && sim->series[out[at - 1]].hist.total < h->total; at--) {
            if (at < SUMMARY_ROUTINES) out[at] = out[at - 1];
        }
        if (at < SUMMARY_ROUTINES) out[at] = i;
    }
    return count;
}

static uint64_t clock_of(const struct sim *sim)
{
    uint64_t t = 0;
    for (uint32_t i = 0; sim->hw.cpus != NULL && i < sim->hw.cpu_count; i++) {
        if (sim->hw.cpus[i].clock.v > t) t = sim->hw.cpus[i].clock.v;
    }
    return t;
}

struct tlb_sums {
    uint64_t lookups, misses, walks;
};

static struct tlb_sums tlb_sums(const struct sim *sim)
{
    struct tlb_sums sums = { 0 };
    for (uint32_t i = 0; sim->hw.cpus != NULL && i < sim->hw.cpu_count; i++) {
        const struct cpu *cpu = &sim->hw.cpus[i];
        sums.lookups += cpu->l1d.counts.lookups + cpu->l1i.counts.lookups;
        sums.misses += cpu->l1d.counts.misses + cpu->l1i.counts.misses;
        sums.walks += cpu->walks.count;
    }
    return sums;
}

static uint64_t errors_of(const struct sim *sim)
{
    uint64_t n = 0;
    for (size_t i = 0; i < sim->kernel.violation_count; i++) {
        n += sim->kernel.violations[i].level == LEVEL_ERROR;
    }
    return n;
}

/* ---- findings, violations, leaks ---- */

/* Findings print as errors do, with the line of the scenario and a caret. */
static void put_findings(const struct sim *sim, const struct summary_options *o, struct text *out)
{
    struct diags d;
    if (sim->finding_count == 0) return;
    diags_init(&d, out->from);
    for (size_t i = 0; i < o->diags->file_count; i++) {
        const struct diag_file *f = &o->diags->files[i];
        diags_add_file(&d, f->name, f->bytes, f->length);
    }
    for (size_t i = 0; i < sim->finding_count; i++) {
        const struct finding *f = &sim->findings[i];
        diag_add(&d, f->where, f->path, f->message);
    }
    d.dropped = sim->more_findings;
    diags_print(&d, out);
    diags_free(&d);
}

static void put_place(const struct summary_options *o, uint32_t file, uint32_t line,
                      struct text *out)
{
    const char *name = file < o->diags->file_count ? o->diags->files[file].name : o->file;
    text_quoted(out, name, strlen(name), 4096);
    if (line != 0) text_format(out, ":%u", (uint64_t)line);
    text_put(out, ": ");
}

static void put_more(size_t count, struct text *out)
{
    if (count > SHOWN_MAX) text_format(out, "%u more\n", (uint64_t)(count - SHOWN_MAX));
}

static void put_violations(const struct sim *sim, const struct summary_options *o,
                           struct text *out)
{
    const struct kernel *k = &sim->kernel;
    for (size_t i = 0; i < k->violation_count && i < SHOWN_MAX; i++) {
        const struct violation *v = &k->violations[i];
        put_place(o, v->file, v->line, out);
        text_format(out, "%s: %s: %s %s (%s)\n", v->level == LEVEL_ERROR ? "violation" : "advice",
                    v->rule->id, v->what, v->rule->instead, v->page);
    }
    put_more(k->violation_count, out);
}

static void put_leaks(const struct sim *sim, const struct summary_options *o, struct text *out)
{
    for (size_t i = 0; i < sim->leaks.count && i < SHOWN_MAX; i++) {
        const struct leak *l = &sim->leaks.list[i];
        put_place(o, l->file, l->line, out);
        text_format(out, "%s: %s: %s", o->strict ? "error" : "leak", l->kind, l->what);
        if (l->count != 1) text_format(out, " (%u)", l->count);
        text_char(out, '\n');
    }
    put_more(sim->leaks.count, out);
}

/* ---- numbers ---- */

static void put_end(const struct sim *sim, const struct summary_options *o, struct text *out)
{
    bool good = o->status == 0;
    if (o->color) text_put(out, good ? "\033[32m" : "\033[1;31m");
    text_put(out, end_reason_names[sim->reason]);
    if (o->color) text_put(out, "\033[0m");
    if (sim->reason == END_BUGCHECK) {
        const char *name = names_find_name(&bug_checks, sim->stop.code);
        text_format(out, " %x", (uint64_t)sim->stop.code);
        if (name != NULL) text_format(out, " %s", name);
        if (sim->bugcheck_expected) text_put(out, ", as expected");
    }
    if (sim->reason == END_EXCEPTION) {
        const char *name = names_find_name(&status_codes, sim->raised);
        text_char(out, ' ');
        if (name != NULL) text_put(out, name);
        if (name == NULL) text_hex(out, sim->raised);
    }
    text_put(out, ": ");
    summary_put_grouped(out, sim->seq);
    text_put(out, sim->seq == 1 ? " event, " : " events, ");
    summary_put_time(out, clock_of(sim), sim->hw.hz);
    text_put(out, " simulated (");
    summary_put_grouped(out, clock_of(sim));
    text_put(out, " cycles)\n");
}

static void put_column(struct text *out, uint64_t n, size_t width)
{
    size_t start = out->length;
    summary_put_grouped(out, n);
    text_right(out, start, width);
}

static void put_routines(const struct sim *sim, struct text *out)
{
    size_t dearest[SUMMARY_ROUTINES];
    size_t count = summary_dearest(sim, dearest);
    if (count == 0) return;
    text_put(out, "  dearest routines, in cycles             calls           total"
                  "         p50         p99\n");
    for (size_t i = 0; i < count; i++) {
        const struct series *s = &sim->series[dearest[i]];
        size_t length = strlen(s->name);
        text_format(out, "    %s", s->name);
        for (; length < NAME_COLUMNS; length++) text_char(out, ' ');
        put_column(out, s->hist.count, 7);
        put_column(out, s->hist.total, 16);
        put_column(out, hist_percentile(&s->hist, 5000), 12);
        put_column(out, hist_percentile(&s->hist, 9900), 12);
        text_char(out, '\n');
    }
}

static void put_ptes(const struct sim *sim, struct text *out)
{
    const struct syspte *p = &sim->mm.syspte;
    text_put(out, "  system PTEs: ");
    summary_put_grouped(out, p->in_use.now);
    text_put(out, " in use, ");
    summary_put_grouped(out, p->in_use.peak);
    text_put(out, " at most, of ");
    summary_put_grouped(out, p->total);
    uint64_t failures = 0;
    for (size_t i = 0; i < PRIORITY_COUNT; i++) failures += p->failures[i];
    if (failures > 0) text_format(out, "; requests that failed: %u", failures);
    text_char(out, '\n');
}

static void put_tlb(const struct sim *sim, struct text *out)
{
    struct tlb_sums sums = tlb_sums(sim);
    text_put(out, "  TLB: ");
    summary_put_grouped(out, sums.lookups);
    text_put(out, " lookups, ");
    summary_put_grouped(out, sums.misses);
    text_put(out, " misses, ");
    summary_put_grouped(out, sums.walks);
    text_put(out, " page walks\n");
}

/* Misses of one number of sets, for 1, 2, 4 ... ways. */
static void put_misses(const struct curves *c, uint32_t size, uint32_t set, struct text *out)
{
    const struct curves_plan *plan = curves_plan_of(c);
    uint64_t error, bytes = (uint64_t)1 << plan->shifts[size];
    bool mebi = bytes >= 1 << 20;
    text_format(out, "    %u %s pages, %u sets: misses", bytes >> (mebi ? 20 : 10),
                mebi ? "MiB" : "KiB", (uint64_t)plan->sets[set]);
    for (uint64_t ways = 1; ways <= plan->max_entries / plan->sets[set]; ways *= 2) {
        text_format(out, "%s %u: ", ways > 1 ? "," : " by ways", ways);
        summary_put_grouped(out, curves_misses(c, size, set, ways, &error));
    }
    text_char(out, '\n');
}

static void put_curves(const struct sim *sim, struct text *out)
{
    for (size_t i = 0; i < sim->program->replay_count; i++) {
        const struct curves *c = sim->curves[i];
        if (c == NULL) continue;
        const struct curves_plan *plan = curves_plan_of(c);
        text_format(out, "  curves of %s\n", sim->program->replays[i]->file);
        for (uint32_t size = 0; size < plan->size_count; size++)
            for (uint32_t set = 0; set < plan->set_count; set++) put_misses(c, size, set, out);
    }
}

void summary_print(struct sim *sim, const struct summary_options *options, struct text *out)
{
    put_findings(sim, options, out);
    if (options->findings_only) {
        if (options->strict) put_leaks(sim, options, out);
        return;
    }
    if (sim->series == NULL) return; /* the machine could not be set up: errors tell why */
    put_violations(sim, options, out);
    put_leaks(sim, options, out);
    put_end(sim, options, out);
    put_routines(sim, out);
    put_ptes(sim, out);
    put_tlb(sim, out);
    put_curves(sim, out);
    uint64_t errors = errors_of(sim);
    text_format(out, "  violations: %u, advice: %u, leaks: %u\n", errors,
                (uint64_t)sim->kernel.violation_count - errors, (uint64_t)sim->leaks.count);
}

/* ---- JSON ---- */

static void json_routines(const struct sim *sim, struct text *t)
{
    size_t dearest[SUMMARY_ROUTINES];
    size_t count = summary_dearest(sim, dearest);
    JSON_PUT(t, ", \"routines\": [");
    for (size_t i = 0; i < count; i++) {
        const struct series *s = &sim->series[dearest[i]];
        if (i > 0) JSON_PUT(t, ", ");
        JSON_PUT(t, "{\"name\": ");
        json_quoted(t, s->name);
        JSON_PUT(t, ", \"count\": ");
        json_count(t, s->hist.count);
        JSON_PUT(t, ", \"failures\": ");
        json_count(t, s->failures);
        JSON_PUT(t, ", \"total\": ");
        json_count(t, s->hist.total);
        JSON_PUT(t, ", \"p50\": ");
        json_count(t, hist_percentile(&s->hist, 5000));
        JSON_PUT(t, ", \"p99\": ");
        json_count(t, hist_percentile(&s->hist, 9900));
        json_char(t, '}');
    }
    json_char(t, ']');
}

static void json_findings(const struct sim *sim, const struct summary_options *o, struct text *t)
{
    JSON_PUT(t, ", \"findings\": [");
    for (size_t i = 0; i < sim->finding_count; i++) {
        const struct finding *f = &sim->findings[i];
        bool known = f->where.file < o->diags->file_count;
        if (i > 0) JSON_PUT(t, ", ");
        JSON_PUT(t, "{\"file\": ");
        json_quoted(t, known ? o->diags->files[f->where.file].name : o->file);
        JSON_PUT(t, ", \"line\": ");
        json_u64(t, f->where.line);
        JSON_PUT(t, ", \"column\": ");
        json_u64(t, f->where.column);
        JSON_PUT(t, ", \"path\": ");
        json_quoted(t, f->path != NULL ? f->path : "");
        JSON_PUT(t, ", \"message\": ");
        json_quoted(t, f->message);
        json_char(t, '}');
    }
    JSON_PUT(t, "], \"more_findings\": ");
    json_u64(t, sim->more_findings);
}

void summary_json(struct sim *sim, const struct summary_options *options, struct text *out)
{
    const struct syspte *p = &sim->mm.syspte;
    struct tlb_sums sums = tlb_sums(sim);
    uint64_t errors = errors_of(sim);
    JSON_PUT(out, "{\"file\": ");
    json_quoted(out, options->file);
    JSON_PUT(out, ", \"name\": ");
    json_quoted(out, sim->program != NULL ? sim->program->name : "");
    text_format(out, ", \"status\": %u, \"reason\": ", (uint64_t)options->status);
    json_quoted(out, end_reason_names[sim->reason]);
    JSON_PUT(out, ", \"events\": ");
    json_count(out, sim->seq);
    JSON_PUT(out, ", \"cycles\": ");
    json_count(out, clock_of(sim));
    JSON_PUT(out, ", \"ns\": ");
    json_count(out, to_ns(clock_of(sim), sim->hw.hz));
    json_routines(sim, out);
    text_format(out, ", \"system_ptes\": {\"total\": %u, \"in_use\": %u, \"peak\": %u}", p->total,
                p->in_use.now, p->in_use.peak);
    text_format(out, ", \"tlb\": {\"lookups\": %u, \"misses\": %u, \"walks\": %u}", sums.lookups,
                sums.misses, sums.walks);
    text_format(out, ", \"violations\": %u, \"advice\": %u, \"leaks\": %u", errors,
                (uint64_t)sim->kernel.violation_count - errors, (uint64_t)sim->leaks.count);
    json_findings(sim, options, out);
    JSON_PUT(out, "}\n");
}
