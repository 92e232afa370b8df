/* The end of a trace: how the run ended, violations, leaks, statistics. */
#include "trace/json_sink.h"
#include "trace/json_write.h"

static void put_location(struct json_sink *s, uint32_t file, uint32_t line)
{
    const struct trace_head_info *info = s->info;
    JSON_PUT(&s->out, ", \"line\": ");
    json_u64(&s->out, line);
    if (info != NULL && file < info->file_count && info->file_names[file] != NULL) {
        JSON_PUT(&s->out, ", \"file\": ");
        json_quoted(&s->out, info->file_names[file]);
    }
}

static uint64_t last_clock(const struct sim *sim)
{
    uint64_t t = 0;
    for (uint32_t i = 0; i < sim->hw.cpu_count; i++) {
        if (sim->hw.cpus[i].clock.v > t) t = sim->hw.cpus[i].clock.v;
    }
    return t;
}

static void put_end(struct json_sink *s, const struct sim *sim)
{
    struct text *t = &s->out;
    JSON_PUT(t, "\"end\": {\"reason\": ");
    json_quoted(t, end_reason_names[sim->reason]);
    if (!s->options.no_times) {
        JSON_PUT(t, ", \"t\": ");
        json_count(t, last_clock(sim));
    }
    if (sim->reason == END_BUGCHECK) {
        JSON_PUT(t, ", \"bugcheck\": ");
        json_stop(t, &sim->stop);
    }
    if (sim->reason == END_EXCEPTION) {
        JSON_PUT(t, ", \"exception\": ");
        json_name(t, &status_codes, sim->raised);
    }
    json_char(t, '}');
}

static void put_violation(struct json_sink *s, const struct violation *v)
{
    struct text *t = &s->out;
    JSON_PUT(t, "{\"rule\": ");
    json_quoted(t, v->rule->id);
    JSON_PUT(t, ", \"level\": ");
    json_quoted(t, v->level == LEVEL_ERROR ? "error" : "advice");
    JSON_PUT(t, ", \"seq\": ");
    json_u64(t, v->seq);
    put_location(s, v->file, v->line);
    JSON_PUT(t, ", \"what\": ");
    json_quoted(t, v->what);
    JSON_PUT(t, ", \"instead\": ");
    json_quoted(t, v->rule->instead);
    JSON_PUT(t, ", \"page\": ");
    json_quoted(t, v->page);
    if (v->more > 0) {
        JSON_PUT(t, ", \"count\": ");
        json_u64(t, v->more + 1);
    }
    json_char(t, '}');
}

static void put_leak(struct json_sink *s, const struct leak *l)
{
    struct text *t = &s->out;
    JSON_PUT(t, "{\"kind\": ");
    json_quoted(t, l->kind);
    JSON_PUT(t, ", \"what\": ");
    json_quoted(t, l->what);
    JSON_PUT(t, ", \"count\": ");
    json_count(t, l->count);
    JSON_PUT(t, ", \"seq\": ");
    json_u64(t, l->seq);
    put_location(s, l->file, l->line);
    json_char(t, '}');
}

/* Opens the next item of a list or object, on a line of its own where there are lines. */
static void item_open(struct text *t, bool first, bool lines)
{
    if (!first) json_char(t, ',');
    if (lines) {
        json_char(t, '\n');
    } else if (!first) {
        json_char(t, ' ');
    }
}

void json_tail(struct json_sink *s, struct sim *sim)
{
    struct text *t = &s->out;
    bool lines = s->options.format != TRACE_FORMAT_JSONL;
    put_end(s, sim);
    item_open(t, false, lines);
    JSON_PUT(t, "\"violations\": [");
    for (size_t i = 0; i < sim->kernel.violation_count; i++) {
        item_open(t, i == 0, lines);
        put_violation(s, &sim->kernel.violations[i]);
    }
    if (lines && sim->kernel.violation_count > 0) json_char(t, '\n');
    json_char(t, ']');
    item_open(t, false, lines);
    JSON_PUT(t, "\"leaks\": [");
    for (size_t i = 0; i < sim->leaks.count; i++) {
        item_open(t, i == 0, lines);
        put_leak(s, &sim->leaks.list[i]);
    }
    if (lines && sim->leaks.count > 0) json_char(t, '\n');
    json_char(t, ']');
    item_open(t, false, lines);
    JSON_PUT(t, "\"stats\": ");
    json_stats(t, sim, lines, s->options.no_times);
}

/* Numbers of one object that follow each other share a line; what holds more than one number has
 * its own. */
struct stats_writer {
    struct text *t;
    bool lines, no_times;
    bool first;  /* nothing stands in the open object yet */
    bool inside; /* the last line of the open object can take another number */
    bool broken; /* the open object has more than one line */
};

static void member_open(struct stats_writer *w, const char *key, bool own_line)
{
    if (!w->first) json_char(w->t, ',');
    bool new_line = own_line || !w->inside;
    if (w->lines && new_line) {
        json_char(w->t, '\n');
        w->broken = true;
    } else if (!w->first) {
        json_char(w->t, ' ');
    }
    w->first = false;
    w->inside = !own_line;
    json_quoted(w->t, key);
    JSON_PUT(w->t, ": ");
}

static void on_enter(void *context, const char *key, const char *doc)
{
    struct stats_writer *w = context;
    UNUSED(doc);
    member_open(w, key, true);
    json_char(w->t, '{');
    w->first = true;
    w->inside = true;
    w->broken = false;
}

static void on_leave(void *context)
{
    struct stats_writer *w = context;
    if (w->lines && w->broken) json_char(w->t, '\n');
    json_char(w->t, '}');
    w->first = false;
    w->inside = false;
    w->broken = true; /* the object around it has this one on a line of its own */
}

static void on_counter(void *context, const char *key, uint64_t value, const char *doc)
{
    struct stats_writer *w = context;
    UNUSED(doc);
    member_open(w, key, false);
    json_count(w->t, value);
}

static void on_gauge(void *context, const char *key, const struct gauge *g, const char *doc)
{
    struct stats_writer *w = context;
    UNUSED(doc);
    member_open(w, key, true);
    JSON_PUT(w->t, "{\"now\": ");
    json_count(w->t, g->now);
    JSON_PUT(w->t, ", \"peak\": ");
    json_count(w->t, g->peak);
    if (!w->no_times) {
        JSON_PUT(w->t, ", \"peak_t\": ");
        json_count(w->t, g->peak_t.v);
    }
    json_char(w->t, '}');
}

static void on_text(void *context, const char *key, const char *value, const char *doc)
{
    struct stats_writer *w = context;
    UNUSED(doc);
    member_open(w, key, false);
    json_quoted(w->t, value);
}

static void put_pair(struct text *t, bool first, uint64_t a, uint64_t b)
{
    if (!first) JSON_PUT(t, ", ");
    json_char(t, '[');
    json_count(t, a);
    JSON_PUT(t, ", ");
    json_count(t, b);
    json_char(t, ']');
}

static void on_timeline(void *context, const char *key, const struct timeline *l, const char *doc)
{
    struct stats_writer *w = context;
    UNUSED(doc);
    if (w->no_times) return;
    member_open(w, key, true);
    json_char(w->t, '[');
    for (uint32_t i = 0; i < l->count; i++) put_pair(w->t, i == 0, i * l->step, l->sample[i]);
    json_char(w->t, ']');
}

static void on_histogram(void *context, const char *key, const struct hist *h, const char *doc)
{
    struct stats_writer *w = context;
    UNUSED(doc);
    member_open(w, key, true);
    json_char(w->t, '[');
    bool first = true;
    for (size_t i = 0; i < h->bucket_count; i++) {
        if (h->buckets[i] == 0) continue;
        put_pair(w->t, first, hist_upper_bound(i), h->buckets[i]);
        first = false;
    }
    json_char(w->t, ']');
}

/* Those of replays that asked for them, by the number of the replay step. */
static void put_curves(struct stats_writer *w, const struct sim *sim)
{
    bool any = false;
    for (size_t i = 0; i < sim->program->replay_count; i++) {
        struct text name;
        if (sim->curves[i] == NULL) continue;
        if (!any) on_enter(w, "curves", NULL);
        any = true;
        text_init(&name, w->t->from);
        text_format(&name, "replay%u", (uint64_t)i);
        member_open(w, text_string(&name), true);
        json_curves(w->t, sim->curves[i]);
        text_free(&name);
    }
    if (any) on_leave(w);
}

void json_stats(struct text *t, struct sim *sim, bool lines, bool no_times)
{
    static const struct stats_visitor visitor = {
        .enter = on_enter, .leave = on_leave, .counter = on_counter, .gauge = on_gauge,
        .text = on_text, .timeline = on_timeline, .histogram = on_histogram,
    };
    struct stats_writer w = {
        .t = t, .lines = lines, .no_times = no_times, .first = true, .inside = true,
    };
    json_char(t, '{');
    stats_visit(sim, &visitor, &w);
    put_curves(&w, sim);
    if (lines && w.broken) json_char(t, '\n');
    json_char(t, '}');
}
