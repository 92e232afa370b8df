/* Reference pages of routines, costs, statistics and scenarios. */
#include "cli/manual.h"

#include "cli/host.h"
#include "model/preset_data.h"
#include "nt/kernel.h"
#include "scenario/compile.h"
#include "sim/stats.h"
#include "trace/explain.h"

#include <string.h>

/* ---- routines ---- */

static void routine_facts(struct text *out, const struct routine *r)
{
    text_format(out, "- header: %s\n- IRQL: ", r->header);
    explain_irql_range(out, r->irql_max);
    text_put(out, "\n- versions: ");
    explain_versions(out, r->os_first, r->os_last);
    text_format(out, "\n- page: %s\n- left out: ", r->page);
    manual_cell(out, r->left_out);
    if (r->notes != NULL) text_put(out, "\n- notes: ");
    manual_cell(out, r->notes);
    text_char(out, '\n');
}

static void put_use(struct text *t, const struct field *f)
{
    const char *before = "";
    if ((f->flags & (FIELD_OUT | FIELD_INOUT)) != 0) {
        text_put(t, (f->flags & FIELD_OUT) != 0 ? "out" : "in and out");
        before = ", ";
    }
    if (f->fallback != NULL) {
        text_format(t, "%s%s when left out", before, f->fallback);
        before = ", ";
    }
    if ((f->flags & FIELD_NULLABLE) != 0) {
        text_format(t, "%smay be NULL", before);
        before = ", ";
    }
    if (f->max != 0) text_format(t, "%s%u to %u", before, f->min, f->max);
}

static void routine_parameters(struct text *out, const struct routine *r)
{
    if (r->args == NULL || r->args->key == NULL) return;
    text_put(out, "\n| parameter | type | use | meaning |\n| --- | --- | --- | --- |\n");
    for (const struct field *f = r->args; f->key != NULL; f++) {
        text_format(out, "| `%s` | ", f->key);
        manual_cell(out, explain_type(f));
        text_put(out, " | ");
        put_use(out, f);
        text_put(out, " | ");
        manual_cell(out, f->doc);
        text_put(out, " |\n");
    }
}

static void routine_failures(struct text *out, const struct routine *r)
{
    if (r->failures == NULL || r->failures->name == NULL) return;
    text_put(out, "\n| failure | cause | then | rule | versions | source |\n"
                  "| --- | --- | --- | --- | --- | --- |\n");
    for (const struct failure *f = r->failures; f->name != NULL; f++) {
        text_format(out, "| `%s` | ", f->name);
        manual_cell(out, f->doc);
        text_put(out, " | ");
        struct text then;
        text_init(&then, &host_allocator);
        explain_outcome(&then, r, f);
        manual_cell(out, text_string(&then));
        text_free(&then);
        text_put(out, " | ");
        if (f->rule != NULL) text_format(out, "`%s`", f->rule);
        text_put(out, " | ");
        explain_versions(out, f->os_first, f->os_last);
        text_put(out, " | ");
        manual_cell(out, f->source != NULL ? f->source : r->page);
        text_put(out, " |\n");
    }
}

void manual_routines(struct text *out)
{
    text_put(out, "# Routines\n\nFailures stand in the order in which they are checked.\n");
    for (size_t i = 0; i < routine_count; i++) {
        const struct routine *r = routines[i];
        text_format(out, "\n## %s\n\n", r->name);
        manual_cell(out, r->doc);
        text_put(out, "\n\n");
        routine_facts(out, r);
        routine_parameters(out, r);
        text_format(out, "\nReturns: %s.%s", explain_result(r->result),
                    r->result_doc != NULL && r->result_doc[0] != '\0' ? " " : "");
        manual_cell(out, r->result_doc);
        text_char(out, '\n');
        routine_failures(out, r);
    }
}

/* ---- costs ---- */

static void preset_prices(struct text *out, const struct cpu_preset *p)
{
    text_format(out, "\n## %s\n\n", p->name);
    manual_cell(out, p->doc);
    text_format(out, " Clock: %u Hz. Paging levels: up to %u. Processors: up to %u.\n\n", p->hz,
                (uint64_t)p->levels_max, (uint64_t)p->cpus_max);
    text_put(out, "| cost | cycles | source |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < COST_COUNT; i++) {
        text_format(out, "| `%s` | %u | ", cost_rows[i].key, p->price[i]);
        manual_cell(out, p->source[i]);
        text_put(out, " |\n");
    }
}

void manual_costs(struct text *out)
{
    text_put(out, "# Costs\n\nEvery cycle belongs to one of these. A preset gives the price of one "
                  "unit.\n\n| cost | unit | what it is |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < COST_COUNT; i++) {
        text_format(out, "| `%s` | %s | ", cost_rows[i].key, cost_rows[i].per);
        manual_cell(out, cost_rows[i].doc);
        text_put(out, " |\n");
    }
    for (const struct cpu_preset *p = cpu_presets; p->name != NULL; p++) preset_prices(out, p);
    text_put(out, "\n## Sources\n\n| tag | what it is |\n| --- | --- |\n");
    for (const struct preset_source *s = preset_sources; s->tag != NULL; s++) {
        text_format(out, "| `%s` | ", s->tag);
        manual_cell(out, s->title);
        text_put(out, " |\n");
    }
}

/* ---- statistics ---- */

enum { PATH_DEPTH_MAX = 16 };

struct path_printer {
    struct text *out;
    struct text path;
    size_t lengths[PATH_DEPTH_MAX];
    size_t depth;
};

static void enter_path(void *context, const char *key, const char *doc)
{
    struct path_printer *p = context;
    if (p->depth < PATH_DEPTH_MAX) p->lengths[p->depth] = p->path.length;
    p->depth++;
    text_format(&p->path, "%s%s", p->path.length > 0 ? "." : "", key);
    if (p->depth != 1) return;
    text_format(p->out, "\n## %s\n\n", key);
    manual_cell(p->out, doc);
    text_put(p->out, "\n\n| path | kind | meaning |\n| --- | --- | --- |\n");
}

static void leave_path(void *context)
{
    struct path_printer *p = context;
    p->depth--;
    if (p->depth < PATH_DEPTH_MAX) p->path.length = p->lengths[p->depth];
}

static void path_row(struct path_printer *p, const char *key, const char *kind, const char *doc)
{
    text_format(p->out, "| `%s%s%s` | %s | ", text_string(&p->path), p->path.length > 0 ? "." : "",
                key, kind);
    manual_cell(p->out, doc);
    text_put(p->out, " |\n");
}

static void counter_path(void *context, const char *key, uint64_t value, const char *doc)
{
    UNUSED(value);
    path_row(context, key, "counter", doc);
}

static void gauge_path(void *context, const char *key, const struct gauge *g, const char *doc)
{
    UNUSED(g);
    path_row(context, key, "gauge", doc);
}

static void text_path(void *context, const char *key, const char *value, const char *doc)
{
    UNUSED(value);
    path_row(context, key, "text", doc);
}

static void timeline_path(void *context, const char *key, const struct timeline *t, const char *doc)
{
    UNUSED(t);
    path_row(context, key, "timeline", doc);
}

static void histogram_path(void *context, const char *key, const struct hist *h, const char *doc)
{
    UNUSED(h);
    path_row(context, key, "histogram", doc);
}

void manual_statistics(struct text *out)
{
    static const struct stats_visitor visitor = {
        .enter = enter_path,
        .leave = leave_path,
        .counter = counter_path,
        .gauge = gauge_path,
        .text = text_path,
        .timeline = timeline_path,
        .histogram = histogram_path,
    };
    struct path_printer p = { .out = out };
    text_init(&p.path, &host_allocator);
    text_put(out, "# Statistics\n\nPaths below `stats`, as `checks`, `--tolerance` and `--ignore` "
                  "take them. `*` stands for a name of the\nrun. A gauge has `.now`, `.peak` and "
                  "`.peak_t`.\n");
    stats_visit(NULL, &visitor, &p);
    text_free(&p.path);
}

/* ---- scenario ---- */

static void section(struct text *out, const struct scenario_section *s)
{
    text_format(out,
                "\n## %s%s%s\n\n| key | value | needed | meaning |\n| --- | --- | --- | --- |\n",
                s->name[0] != '\0' ? "`" : "Top level", s->name, s->name[0] != '\0' ? "`" : "");
    for (const struct scenario_key *k = s->keys; k->key != NULL; k++) {
        text_format(out, "| `%s` | ", k->key);
        manual_cell(out, k->type);
        text_put(out, k->required ? " | yes | " : " |  | ");
        manual_cell(out, k->doc);
        text_put(out, " |\n");
    }
}

void manual_scenario(struct text *out)
{
    text_put(out,
             "# Scenario\n\nThe keys of each mapping of a scenario file. `*` stands for a name "
             "that the scenario chooses, `[]` for an\nentry of a list. Keys that start with "
             "`x-` are the user's own.\n");
    for (const struct scenario_section *s = scenario_sections; s->name != NULL; s++)
        section(out, s);
    text_put(out, "\n## Steps\n\nA step is the name of a routine (`mdlsim list routines`), or one "
                  "of these actions:\n");
    for (const char *const *action = scenario_actions; *action != NULL; action++)
        text_format(out, "%s`%s`", action == scenario_actions ? "" : ", ", *action);
    text_put(out, ".\n\n## Limits\n\nRaised with `--limit NAME=VALUE`.\n\n"
                  "| name | default | at most | meaning |\n| --- | --- | --- | --- |\n");
    for (const struct limit_row *row = limit_rows; row->name != NULL; row++) {
        text_format(out, "| `%s` | %u | %u | ", row->name, row->fallback, row->most);
        manual_cell(out, row->doc);
        text_put(out, " |\n");
    }
}
