/* Explanations for people. */
#include "trace/explain.h"

#include "model/preset_data.h"
#include "nt/kernel.h"
#include "trace/json_write.h"

enum { INDENT = 2, DEEPER = 6, NAME_COLUMNS = 26 };

static void heading(struct text *t, const char *title)
{
    text_format(t, "\n%s\n", title);
}

static void paragraph(struct text *t, const char *string)
{
    text_put(t, "  ");
    explain_wrap(t, string, INDENT, INDENT);
}

/* "  LABEL    text", later lines under the first. */
static void labelled(struct text *t, const char *label, const char *string)
{
    enum { LABEL = 12 };
    text_put(t, "  ");
    explain_pad(t, label, LABEL);
    size_t column = INDENT + (strlen(label) + 1 > LABEL ? strlen(label) + 1 : LABEL);
    explain_wrap(t, string, INDENT + LABEL, column);
}

/* ---- routines ---- */

static void put_parameter(struct text *t, const struct field *row)
{
    text_put(t, "  ");
    explain_pad(t, row->key, NAME_COLUMNS);
    text_put(t, explain_type(row));
    if (row->flags & FIELD_OUT) text_put(t, ", out");
    if (row->flags & FIELD_INOUT) text_put(t, ", in and out");
    if (row->flags & FIELD_NULLABLE) text_put(t, ", may be NULL");
    if (row->fallback != NULL) text_format(t, ", %s when left out", row->fallback);
    if (row->max != 0) text_format(t, ", %u to %u", row->min, row->max);
    text_char(t, '\n');
    text_put(t, "      ");
    explain_wrap(t, row->doc != NULL ? row->doc : "", DEEPER, DEEPER);
}

static void put_conditions(struct text *t, const struct failure *f)
{
    if (f->is_irql) {
        text_put(t, "      when the IRQL is above ");
        explain_irql(t, f->irql_max);
        if (f->irql_top != 0) {
            text_put(t, " and up to ");
            explain_irql(t, f->irql_top);
        }
        text_char(t, '\n');
    }
    if (f->os_first != 0 || f->os_last != 0) {
        text_put(t, "      on ");
        explain_versions(t, f->os_first, f->os_last);
        text_char(t, '\n');
    }
}

static void put_failure(struct text *t, const struct routine *r, const struct failure *f)
{
    text_put(t, "  ");
    explain_pad(t, f->name, NAME_COLUMNS);
    explain_outcome(t, r, f);
    text_put(t, "\n      ");
    explain_wrap(t, f->doc != NULL ? f->doc : "", DEEPER, DEEPER);
    put_conditions(t, f);
    if (f->rule != NULL) {
        text_format(t, "      rule %s%s\n", f->rule, f->advice ? ", reported as advice" : "");
    }
    if (f->source != NULL) {
        text_put(t, "      source: ");
        explain_wrap(t, f->source, DEEPER, DEEPER + 8);
    }
}

static void put_facts(struct text *t, const struct routine *r)
{
    struct text one;
    text_init(&one, t->from);
    text_format(&one, "%s", explain_result(r->result));
    if (r->result_doc != NULL) text_format(&one, ": %s", r->result_doc);
    labelled(t, "Returns", text_string(&one));
    text_clear(&one);
    explain_irql_range(&one, r->irql_max);
    labelled(t, "IRQL", text_string(&one));
    text_clear(&one);
    explain_versions(&one, r->os_first, r->os_last);
    labelled(t, "Windows", text_string(&one));
    labelled(t, "Source", r->page != NULL ? r->page : "none");
    text_free(&one);
}

void explain_routine(struct text *t, const struct routine *r)
{
    text_format(t, "%s (%s%s)\n\n", r->name, r->header, r->is_macro ? ", a macro" : "");
    paragraph(t, r->doc);
    text_char(t, '\n');
    put_facts(t, r);
    if (r->args->type != FIELD_END) heading(t, "Parameters");
    for (const struct field *row = r->args; row->type != FIELD_END; row++) put_parameter(t, row);
    if (r->failures->name != NULL) heading(t, "Failures, in the order in which they are checked");
    for (const struct failure *f = r->failures; f->name != NULL; f++) put_failure(t, r, f);
    if (r->notes != NULL) {
        heading(t, "Notes");
        paragraph(t, r->notes);
    }
    heading(t, "Left out of the model");
    paragraph(t, r->left_out != NULL ? r->left_out : "");
    heading(t, "Examples");
    text_format(t, "  scenarios/routines/%s/\n", r->name);
}

/* ---- rules ---- */

static void put_users(struct text *t, const struct rule *rule)
{
    bool any = false;
    for (size_t i = 0; i < routine_count; i++) {
        for (const struct failure *f = routines[i]->failures; f->name != NULL; f++) {
            if (f->rule == NULL || !string_equal(f->rule, rule->id)) continue;
            if (!any) heading(t, "Checked by");
            any = true;
            text_put(t, "  ");
            explain_pad(t, routines[i]->name, 40);
            text_format(t, "%s\n", f->name);
        }
    }
}

void explain_rule(struct text *t, const struct rule *r)
{
    text_format(t, "%s (level %s)\n\n", r->id, explain_level(r->level));
    labelled(t, "Broken", r->what);
    labelled(t, "Instead", r->instead);
    labelled(t, "Source", r->page);
    if (r->code != 0) {
        struct text one;
        text_init(&one, t->from);
        text_format(&one, "Driver Verifier stops with bug check %x, first parameter %x.",
                    (uint64_t)r->code, r->p1);
        labelled(t, "Verifier", text_string(&one));
        text_free(&one);
    }
    put_users(t, r);
}

/* ---- costs ---- */

static void put_price(struct text *t, const struct cpu_preset *p, enum cost cost)
{
    text_put(t, "  ");
    explain_pad(t, p->name, 18);
    explain_number(t, p->price[cost], 10);
    text_put(t, "  ");
    explain_wrap(t, p->source[cost] != NULL ? p->source[cost] : "definition", 32, 32);
}

void explain_cost(struct text *t, enum cost cost)
{
    const struct cost_row *row = &cost_rows[cost];
    text_format(t, "%s (a price for each %s)\n\n", row->key, row->per);
    paragraph(t, row->doc);
    heading(t, "Cycles by processor");
    for (const struct cpu_preset *p = cpu_presets; p->name != NULL; p++) put_price(t, p, cost);
    bool any = false;
    for (const struct preset_source *s = preset_sources; s->tag != NULL; s++) {
        bool used = false;
        for (const struct cpu_preset *p = cpu_presets; p->name != NULL && !used; p++) {
            used = p->source[cost] != NULL && explain_has_tag(p->source[cost], s->tag);
        }
        if (!used) continue;
        if (!any) heading(t, "Sources");
        any = true;
        labelled(t, s->tag, s->title);
    }
}
