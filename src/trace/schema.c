/* What the schemas of scenarios and traces have in common. */
#include "trace/schema.h"

#include "base/field.h"
#include "model/preset.h"
#include "nt/os.h"
#include "nt/verifier.h"
#include "trace/json_write.h"

void schema_put(struct text *t, const char *json)
{
    for (const char *c = json; *c != '\0'; c++) text_char(t, *c == '\'' ? '"' : *c);
}

/* A table may give one value two names; every name is good to read, each stands once. */
void schema_put_names(struct text *t, const struct names *names)
{
    for (const struct name *n = names->list; n->name != NULL; n++) {
        if (n != names->list) JSON_PUT(t, ", ");
        json_quoted(t, n->name);
    }
}

void schema_put_flags_pattern(struct text *t, const struct names *names)
{
    struct text one;
    text_init(&one, t->from);
    text_put(&one, "(0x[0-9A-F]+");
    for (const struct name *n = names->list; n->name != NULL; n++) {
        text_char(&one, '|');
        text_put(&one, n->name);
    }
    text_char(&one, ')');
    text_format(t, "\"^%s( [|] %s)*$\"", text_string(&one), text_string(&one));
    text_free(&one);
}

void schema_print(enum schema_which which, struct text *out)
{
    if (which == SCHEMA_TRACE) {
        schema_print_trace(out);
    } else {
        schema_print_scenario(out);
    }
}

void schema_put_tables(struct text *t)
{
    schema_put(t, "'os': {'enum': [");
    for (const struct os_version *v = os_versions; v->name != NULL; v++) {
        if (v != os_versions) JSON_PUT(t, ", ");
        json_quoted(t, v->name);
    }
    schema_put(t, "]},\n'preset': {'enum': [");
    for (const struct cpu_preset *p = cpu_presets; p->name != NULL; p++) {
        if (p != cpu_presets) JSON_PUT(t, ", ");
        json_quoted(t, p->name);
    }
    schema_put(t, "]},\n'rule': {'enum': [");
    for (size_t i = 0; i < rule_count; i++) {
        if (i > 0) JSON_PUT(t, ", ");
        json_quoted(t, rules[i].id);
    }
    schema_put(t, "]},\n");
}

const char schema_replay_definitions[] =
    "'phase': {'type': 'object', 'required': ['records', 'cycles', 'count', 'bytes', 'tlb_hits', "
    "'walks', 'faults'], 'additionalProperties': {'$ref': '#/definitions/count'}},\n"
    "'curves': {'type': 'object', 'required': ['sample', 'max_entries', 'page_sizes'], "
    "'additionalProperties': false, 'properties': {'sample': {'$ref': '#/definitions/count'}, "
    "'max_entries': {'$ref': '#/definitions/count'}, 'page_sizes': {'type': 'array', 'items': "
    "{'type': 'object', 'required': ['bytes', 'lookups', 'pages', 'working_set', 'arrays'], "
    "'additionalProperties': false, 'properties': {'bytes': {'$ref': '#/definitions/count'}, "
    "'lookups': {'$ref': '#/definitions/count'}, 'pages': {'$ref': '#/definitions/count'}, "
    "'working_set': {'$ref': '#/definitions/counts'}, 'arrays': {'type': 'array', 'items': "
    "{'type': 'object', 'required': ['sets', 'misses'], 'additionalProperties': false, "
    "'properties': {'sets': {'$ref': '#/definitions/count'}, 'misses': {'$ref': "
    "'#/definitions/counts'}}}}}}}}},\n"
    "'counts': {'type': 'array', 'items': {'type': 'array', 'minItems': 2, 'maxItems': 3, "
    "'items': {'$ref': '#/definitions/count'}}},\n";
