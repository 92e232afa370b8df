/* The same explanations as JSON objects, for programs. */
#include "trace/explain.h"

#include "model/preset_data.h"
#include "nt/kernel.h"
#include "trace/json_write.h"

/* , "KEY": "VALUE" or null. */
static void member(struct text *t, const char *key, const char *value)
{
    JSON_PUT(t, ", ");
    json_key(t, key);
    if (value == NULL) JSON_PUT(t, "null");
    if (value != NULL) json_quoted(t, value);
}

/* A member whose value is built as text; leaves `one` empty. */
static void member_text(struct text *t, const char *key, struct text *one)
{
    member(t, key, text_string(one));
    text_clear(one);
}

static void put_parameter(struct text *t, const struct field *row)
{
    JSON_PUT(t, "{\"name\": ");
    json_quoted(t, row->key);
    member(t, "type", explain_type(row));
    JSON_PUT(t, ", \"direction\": ");
    const char *direction = row->flags & FIELD_OUT     ? "out"
                            : row->flags & FIELD_INOUT ? "inout"
                                                       : "in";
    json_quoted(t, direction);
    JSON_PUT(t, ", \"optional\": ");
    json_bool(t, (row->flags & (FIELD_OPTIONAL | FIELD_OUT)) != 0 || row->fallback != NULL);
    member(t, "default", row->fallback);
    JSON_PUT(t, ", \"nullable\": ");
    json_bool(t, (row->flags & FIELD_NULLABLE) != 0);
    if (row->max != 0) {
        JSON_PUT(t, ", \"min\": ");
        json_count(t, row->min);
        JSON_PUT(t, ", \"max\": ");
        json_count(t, row->max);
    }
    member(t, "doc", row->doc);
    json_char(t, '}');
}

static void put_failure(struct text *t, const struct routine *r, const struct failure *f)
{
    struct text one;
    text_init(&one, t->from);
    JSON_PUT(t, "{\"name\": ");
    json_quoted(t, f->name);
    member(t, "doc", f->doc);
    explain_outcome(&one, r, f);
    member_text(t, "then", &one);
    member(t, "rule", f->rule);
    JSON_PUT(t, ", \"advice\": ");
    json_bool(t, f->advice);
    explain_versions(&one, f->os_first, f->os_last);
    member_text(t, "windows", &one);
    member(t, "source", f->source);
    json_char(t, '}');
    text_free(&one);
}

void explain_routine_json(struct text *t, const struct routine *r)
{
    struct text one;
    text_init(&one, t->from);
    JSON_PUT(t, "{\"routine\": ");
    json_quoted(t, r->name);
    member(t, "header", r->header);
    member(t, "doc", r->doc);
    JSON_PUT(t, ", \"macro\": ");
    json_bool(t, r->is_macro);
    member(t, "returns", explain_result(r->result));
    member(t, "returns_doc", r->result_doc);
    explain_irql(&one, r->irql_max);
    member_text(t, "irql_max", &one);
    explain_versions(&one, r->os_first, r->os_last);
    member_text(t, "windows", &one);
    JSON_PUT(t, ", \"parameters\": [");
    for (const struct field *row = r->args; row->type != FIELD_END; row++) {
        if (row != r->args) JSON_PUT(t, ", ");
        put_parameter(t, row);
    }
    JSON_PUT(t, "], \"failures\": [");
    for (const struct failure *f = r->failures; f->name != NULL; f++) {
        if (f != r->failures) JSON_PUT(t, ", ");
        put_failure(t, r, f);
    }
    JSON_PUT(t, "]");
    member(t, "page", r->page);
    member(t, "notes", r->notes);
    member(t, "left_out", r->left_out);
    json_char(t, '}');
    text_free(&one);
}

void explain_rule_json(struct text *t, const struct rule *r)
{
    bool any = false;
    JSON_PUT(t, "{\"rule\": ");
    json_quoted(t, r->id);
    member(t, "level", explain_level(r->level));
    member(t, "what", r->what);
    member(t, "instead", r->instead);
    member(t, "page", r->page);
    if (r->code != 0) {
        JSON_PUT(t, ", \"bugcheck\": {\"code\": ");
        json_name(t, &bug_checks, r->code);
        JSON_PUT(t, ", \"p1\": ");
        json_hex(t, r->p1);
        json_char(t, '}');
    }
    JSON_PUT(t, ", \"checked_by\": [");
    for (size_t i = 0; i < routine_count; i++) {
        for (const struct failure *f = routines[i]->failures; f->name != NULL; f++) {
            if (f->rule == NULL || !string_equal(f->rule, r->id)) continue;
            json_plain(t, any ? ", {" : "{");
            any = true;
            JSON_PUT(t, "\"routine\": ");
            json_quoted(t, routines[i]->name);
            member(t, "failure", f->name);
            json_char(t, '}');
        }
    }
    JSON_PUT(t, "]}");
}

void explain_cost_json(struct text *t, enum cost cost)
{
    const struct cost_row *row = &cost_rows[cost];
    JSON_PUT(t, "{\"cost\": ");
    json_quoted(t, row->key);
    member(t, "per", row->per);
    member(t, "doc", row->doc);
    JSON_PUT(t, ", \"prices\": [");
    for (const struct cpu_preset *p = cpu_presets; p->name != NULL; p++) {
        if (p != cpu_presets) JSON_PUT(t, ", ");
        JSON_PUT(t, "{\"preset\": ");
        json_quoted(t, p->name);
        JSON_PUT(t, ", \"cycles\": ");
        json_count(t, p->price[cost]);
        member(t, "source", p->source[cost] != NULL ? p->source[cost] : "definition");
        json_char(t, '}');
    }
    JSON_PUT(t, "]}");
}
