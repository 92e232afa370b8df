/* The JSON Schema of a scenario: the sections of the format, and a step for each routine. Values
 * may be expressions wherever the format lets them be; constants are named for editors to offer. */
#include "trace/schema.h"

#include "nt/kernel.h"
#include "sim/program.h"
#include "trace/json_write.h"

static const char head_schema[] =
    "{\n"
    "'$schema': 'http://json-schema.org/draft-07/schema#',\n"
    "'title': 'mdlsim scenario, format 1',\n"
    "'type': 'object',\n"
    "'required': ['mdlsim', 'name'],\n"
    "'anyOf': [{'required': ['machine', 'steps']}, {'required': ['machine', 'threads']}, "
    "{'required': ['include']}],\n"
    "'patternProperties': {'^x-': {}},\n"
    "'additionalProperties': false,\n"
    "'properties': {\n"
    "'mdlsim': {'const': 1, 'description': 'Format version.'},\n"
    "'name': {'$ref': '#/definitions/text', 'description': 'One line for people.'},\n"
    "'description': {'$ref': '#/definitions/text'},\n"
    "'include': {'type': 'array', 'items': {'type': 'string'}, 'description': 'Fragments, paths "
    "relative to this file.'},\n"
    "'vars': {'type': 'object', 'additionalProperties': {'$ref': '#/definitions/scalar'}, "
    "'description': 'Named constants.'},\n"
    "'seed': {'$ref': '#/definitions/expression', 'description': 'Of everything random.'},\n"
    "'machine': {'$ref': '#/definitions/machine'},\n"
    "'mm': {'$ref': '#/definitions/mm'},\n"
    "'verifier': {'$ref': '#/definitions/verifier'},\n"
    "'processes': {'type': ['object', 'null'], 'additionalProperties': {'$ref': "
    "'#/definitions/process'}},\n"
    "'procedures': {'type': 'object', 'additionalProperties': {'anyOf': [{'$ref': "
    "'#/definitions/steps'}, {'type': 'object', 'required': ['steps'], 'patternProperties': "
    "{'^x-': {}}, 'additionalProperties': false, 'properties': {'parameters': {'type': 'array', "
    "'items': {'type': 'string'}}, 'steps': {'$ref': '#/definitions/steps'}}}]}},\n"
    "'threads': {'type': 'object', 'additionalProperties': {'$ref': '#/definitions/thread'}},\n"
    "'steps': {'$ref': '#/definitions/steps'},\n"
    "'checks': {'type': ['array', 'null'], 'items': {'$ref': '#/definitions/expression'}},\n"
    "'shared': {'type': 'array', 'items': {'type': 'string'}},\n"
    "'tags': {'type': 'array', 'items': {'type': 'string'}}\n"
    "},\n"
    "'definitions': {\n"
    "'scalar': {'type': ['string', 'integer', 'number', 'boolean', 'null']},\n"
    "'text': {'$ref': '#/definitions/scalar'},\n"
    "'expression': {'type': ['string', 'integer', 'boolean', 'null']},\n"
    "'flag': {'anyOf': [{'type': 'boolean'}, {'type': 'string'}]},\n"
    "'name': {'type': 'string', 'pattern': '^[A-Za-z_][A-Za-z0-9_]*$'},\n"
    "'steps': {'type': ['array', 'null'], 'items': {'$ref': '#/definitions/step'}},\n";

static const char machine_schema[] =
    "'machine': {'type': ['object', 'null'], 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {\n"
    "'os': {'$ref': '#/definitions/os'},\n"
    "'arch': {'$ref': '#/definitions/arch'},\n"
    "'cpu': {'anyOf': [{'$ref': '#/definitions/preset'}, {'type': 'object', 'patternProperties': "
    "{'^x-': {}}, 'additionalProperties': false, 'properties': {'preset': {'$ref': "
    "'#/definitions/preset'}, 'count': {'$ref': '#/definitions/expression'}, 'hz': {'$ref': "
    "'#/definitions/expression'}, 'sockets': {'$ref': '#/definitions/expression'}, 'pcid': "
    "{'anyOf': [{'$ref': '#/definitions/flag'}, {'$ref': '#/definitions/expression'}]}, 'kpti': "
    "{'$ref': '#/definitions/flag'}, 'broadcast_invalidation': {'$ref': '#/definitions/flag'}, "
    "'tlb': {'type': 'object', 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'l1d': {'$ref': '#/definitions/tlb_level'}, "
    "'l1i': {'$ref': '#/definitions/tlb_level'}, 'l2': {'$ref': '#/definitions/tlb_level'}, "
    "'l2i': {'$ref': '#/definitions/tlb_level'}, "
    "'psc': {'type': 'object'}}}, 'caches': {'$ref': '#/definitions/caches'}, 'walkers': {'$ref': "
    "'#/definitions/expression'}, 'nested': {'$ref': '#/definitions/flag'}, 'costs': {'$ref': "
    "'#/definitions/costs'}}}]},\n"
    "'ram': {'anyOf': [{'$ref': '#/definitions/expression'}, {'type': 'array', 'minItems': 1, "
    "'items': {'type': 'object', 'required': ['base', 'size'], 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'base': {'$ref': '#/definitions/expression'}, "
    "'size': {'$ref': '#/definitions/expression'}, 'node': {'$ref': "
    "'#/definitions/expression'}}}}]},\n"
    "'memory_types': {'type': 'array', 'items': {'type': 'object', 'required': ['base', 'size', "
    "'type'], 'patternProperties': {'^x-': {}}, 'additionalProperties': false, 'properties': "
    "{'base': {'$ref': '#/definitions/expression'}, 'size': {'$ref': "
    "'#/definitions/expression'}, 'type': {'enum': ['WB', 'WT', 'WP', 'WC', 'UC']}}}},\n"
    "'devices': {'type': ['object', 'null'], 'additionalProperties': {'type': ['object', 'null'], "
    "'patternProperties': {'^x-': {}}, 'additionalProperties': false, 'properties': {'bars': "
    "{'type': 'array', 'items': {'type': 'object', 'required': ['size'], 'patternProperties': "
    "{'^x-': {}}, 'additionalProperties': false, 'properties': {'base': {'$ref': "
    "'#/definitions/expression'}, 'size': {'$ref': '#/definitions/expression'}, 'prefetchable': "
    "{'$ref': '#/definitions/flag'}, 'name': {'$ref': '#/definitions/text'}}}}, 'dma': {'type': "
    "'object'}}}}}},\n"
    "'geometry': {'type': 'object', 'patternProperties': {'^x-': {}}, 'additionalProperties': "
    "false, 'properties': {'entries': {'$ref': '#/definitions/expression'}, 'ways': {'$ref': "
    "'#/definitions/expression'}, 'policy': {'$ref': '#/definitions/policy'}, 'pages': {'type': "
    "'array', 'items': {'$ref': '#/definitions/expression'}}, 'index': {'$ref': "
    "'#/definitions/index'}}},\n"
    "'index': {'enum': ['modulo', 'hash']},\n"
    "'cache': {'anyOf': [{'const': 'none'}, {'type': 'object', 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'size': {'$ref': '#/definitions/expression'}, "
    "'ways': {'$ref': '#/definitions/expression'}, 'policy': {'$ref': '#/definitions/policy'}, "
    "'latency': {'$ref': '#/definitions/expression'}, 'cpus': {'$ref': "
    "'#/definitions/expression'}, 'index': {'$ref': '#/definitions/index'}}}]},\n"
    "'caches': {'anyOf': [{'const': 'none'}, {'type': 'object', 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'l1d': {'$ref': '#/definitions/cache'}, 'l2': "
    "{'$ref': '#/definitions/cache'}, 'l3': {'$ref': '#/definitions/cache'}, 'memory': {'$ref': "
    "'#/definitions/cache'}}}]},\n"
    "'tlb_level': {'anyOf': [{'const': 'none'}, {'$ref': '#/definitions/geometry'}, {'type': "
    "'object', 'properties': {'index': {'$ref': '#/definitions/index'}}, 'additionalProperties': "
    "{'anyOf': [{'const': 'none'}, {'$ref': '#/definitions/geometry'}]}}]},\n";

static const char mm_schema[] =
    "'mm': {'type': ['object', 'null'], 'patternProperties': {'^x-': {}}, 'additionalProperties': "
    "false, 'properties': {\n"
    "'system_ptes': {'$ref': '#/definitions/expression'}, 'nonpaged_pool': {'$ref': "
    "'#/definitions/expression'}, 'paged_pool': {'$ref': '#/definitions/expression'}, "
    "'address_space_lock': {'enum': ['exclusive', 'shared']}, "
    "'pte_flush': {'enum': ['deferred', 'immediate']}, 'pte_policy': {'enum': ['first-fit', "
    "'best-fit', 'next-fit']}, 'pte_thresholds': {'type': 'object', 'patternProperties': {'^x-': "
    "{}}, 'additionalProperties': false, 'properties': {'low': {'$ref': "
    "'#/definitions/expression'}, 'normal': {'$ref': '#/definitions/expression'}}}, 'pagefile': "
    "{'type': 'object', 'patternProperties': {'^x-': {}}, 'additionalProperties': false, "
    "'properties': {'size': {'$ref': '#/definitions/expression'}, 'read': {'$ref': "
    "'#/definitions/expression'}, 'write': {'$ref': '#/definitions/expression'}}}, 'working_set': "
    "{'$ref': '#/definitions/working_set'}, 'fragmentation': {'anyOf': [{'const': 'none'}, "
    "{'type': 'object', 'required': ['kind'], 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'kind': {'enum': ['none', 'shuffled', "
    "'checkerboard']}, 'seed': {'$ref': '#/definitions/expression'}, 'run': {'$ref': "
    "'#/definitions/expression'}}}]}, 'zeroed': {'$ref': '#/definitions/expression'}, "
    "'large_pages': {'$ref': '#/definitions/flag'}, "
    "'flush_threshold': {'$ref': '#/definitions/expression'}}},\n"
    "'working_set': {'type': 'object', 'patternProperties': {'^x-': {}}, 'additionalProperties': "
    "false, 'properties': {'min': {'$ref': '#/definitions/expression'}, 'max': {'$ref': "
    "'#/definitions/expression'}}},\n"
    "'verifier': {'type': ['object', 'null'], 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'mode': {'anyOf': [{'enum': ['report', "
    "'bugcheck', 'off']}, {'const': false}]}, 'rules': {'type': 'object', 'propertyNames': "
    "{'anyOf': [{'$ref': '#/definitions/rule'}, {'pattern': '^x-'}]}, 'additionalProperties': "
    "{'enum': ['on', 'error', 'advice', 'off', true, false]}}, 'track_ptes': {'$ref': "
    "'#/definitions/flag'}, 'track_locked_pages': {'$ref': '#/definitions/flag'}}},\n";

static const char process_schema[] =
    "'process': {'type': ['object', 'null'], 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'working_set': {'$ref': "
    "'#/definitions/working_set'}, 'buffers': {'type': ['object', 'null'], "
    "'additionalProperties': {'type': 'object', 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'size': {'$ref': '#/definitions/expression'}, "
    "'protect': {'$ref': '#/definitions/expression'}, 'at': {'$ref': "
    "'#/definitions/expression'}, 'commit': {'$ref': '#/definitions/flag'}, 'touched': {'$ref': "
    "'#/definitions/flag'}, 'pages': {'$ref': '#/definitions/expression'}, 'shares': "
    "{'type': 'string'}}}}}},\n"
    "'thread': {'type': 'object', 'required': ['steps'], 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'process': {'type': 'string'}, 'cpu': {'$ref': "
    "'#/definitions/expression'}, 'irql': {'$ref': '#/definitions/expression'}, 'mode': {'enum': "
    "['kernel', 'user']}, 'context': {'type': 'object', 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'model': {'enum': ['wdm', 'kmdf', "
    "'storport']}, 'callback': {'type': 'string'}}}, 'steps': {'$ref': '#/definitions/steps'}}},\n"
    "'accept': {'anyOf': [{'$ref': '#/definitions/expression'}, {'type': 'array', 'minItems': 1, "
    "'items': {'$ref': '#/definitions/expression'}}]},\n"
    "'stop': {'type': 'object', 'required': ['code'], 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'code': {'$ref': '#/definitions/expression'}, "
    "'p1': {'$ref': '#/definitions/expression'}, 'p2': {'$ref': '#/definitions/expression'}, "
    "'p3': {'$ref': '#/definitions/expression'}, 'p4': {'$ref': '#/definitions/expression'}}},\n"
    "'accept_stop': {'anyOf': [{'$ref': '#/definitions/expression'}, {'$ref': "
    "'#/definitions/stop'}, {'type': 'array', 'minItems': 1, 'items': {'anyOf': [{'$ref': "
    "'#/definitions/expression'}, {'$ref': '#/definitions/stop'}]}}]},\n"
    "'expect': {'type': 'object', 'patternProperties': {'^x-': {}}, 'additionalProperties': "
    "false, 'properties': {'returns': {'$ref': '#/definitions/accept'}, 'status': {'$ref': "
    "'#/definitions/accept'}, 'raises': {'$ref': '#/definitions/accept'}, 'bugcheck': {'$ref': "
    "'#/definitions/accept_stop'}, 'violation': {'anyOf': [{'$ref': '#/definitions/rule'}, "
    "{'type': 'array', 'minItems': 1, 'items': {'$ref': '#/definitions/rule'}}]}, 'that': "
    "{'$ref': '#/definitions/accept'}, 'any': {'type': 'array', 'minItems': 1, 'items': {'$ref': "
    "'#/definitions/expect'}}}},\n"
    "'as': {'anyOf': [{'$ref': '#/definitions/name'}, {'type': 'object', 'additionalProperties': "
    "{'$ref': '#/definitions/name'}}]},\n"
    "'access': {'type': 'object', 'required': ['address'], 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'address': {'$ref': "
    "'#/definitions/expression'}, 'length': {'$ref': '#/definitions/expression'}, 'stride': "
    "{'$ref': '#/definitions/expression'}, 'size': {'$ref': '#/definitions/expression'}, 'count': "
    "{'$ref': '#/definitions/expression'}, 'pattern': {'enum': ['sequential', 'random', 'chase']}, "
    "'data_caches': {'$ref': '#/definitions/flag'}, 'overlap': {'$ref': "
    "'#/definitions/expression'}, 'value': {'$ref': '#/definitions/expression'}, 'mode': {'enum': "
    "['kernel', 'user']}}},\n"
    "'conditional': {'type': 'object', 'required': ['that'], 'patternProperties': {'^x-': {}}, "
    "'additionalProperties': false, 'properties': {'that': {'$ref': '#/definitions/expression'}, "
    "'limit': {'$ref': '#/definitions/expression'}, 'do': {'$ref': '#/definitions/steps'}, "
    "'then': {'$ref': '#/definitions/steps'}, 'else': {'$ref': '#/definitions/steps'}}},\n"
    "'assignments': {'type': 'object', 'minProperties': 1, 'additionalProperties': {'$ref': "
    "'#/definitions/expression'}},\n";

/* Actions that are no routines: key and what stands behind it. */
static const struct {
    const char *key, *schema;
} actions[] = {
    { "read", "{'$ref': '#/definitions/access'}" },
    { "write", "{'$ref': '#/definitions/access'}" },
    { "execute", "{'$ref': '#/definitions/access'}" },
    { "copy", "{'type': 'object', 'required': ['from', 'to', 'length'], 'patternProperties': "
              "{'^x-': {}}, 'additionalProperties': false, 'properties': {'from': {'$ref': "
              "'#/definitions/expression'}, 'to': {'$ref': '#/definitions/expression'}, "
              "'length': {'$ref': '#/definitions/expression'}}}" },
    { "set", "{'$ref': '#/definitions/assignments'}" },
    { "replay", "{'type': 'object', 'required': ['file'], 'patternProperties': {'^x-': {}}, "
                "'additionalProperties': false, 'properties': {'file': {'type': 'string'}, "
                "'format': {'type': 'string'}, 'process': {'type': 'string'}, 'buffer': {'type': "
                "'string'}, 'address_base': {'$ref': '#/definitions/expression'}, 'only': "
                "{'enum': ['data', 'instruction']}, 'skip': {'$ref': "
                "'#/definitions/expression'}, 'warm_up': {'$ref': '#/definitions/expression'}, "
                "'limit': {'$ref': '#/definitions/expression'}, 'on_error': {'enum': ['stop', "
                "'skip']}, 'data_caches': {'$ref': "
                "'#/definitions/flag'}, 'pages': {'$ref': "
                "'#/definitions/expression'}, 'curves': {'type': 'object', 'patternProperties': "
                "{'^x-': {}}, 'additionalProperties': false, 'properties': {'page_sizes': "
                "{'type': 'array', 'minItems': 1, 'items': {'$ref': "
                "'#/definitions/expression'}}, 'max_entries': {'$ref': "
                "'#/definitions/expression'}, 'sets': {'type': 'array', 'minItems': 1, 'items': "
                "{'$ref': '#/definitions/expression'}}, 'sample': {'type': 'string', 'pattern': "
                "'^1/[0-9]+$'}}}, 'phases': {'anyOf': [{'type': "
                "'array', 'minItems': 1, 'items': {'type': 'object', 'required': ['name'], "
                "'patternProperties': {'^x-': {}}, 'additionalProperties': false, 'properties': "
                "{'name': {'$ref': '#/definitions/name'}, 'count': {'$ref': "
                "'#/definitions/expression'}}}}, {'type': 'object', 'minProperties': 1, "
                "'additionalProperties': {'anyOf': [{'$ref': '#/definitions/expression'}, "
                "{'type': 'null'}]}}]}}}" },
    { "repeat", "{'type': 'object', 'required': ['do'], 'patternProperties': {'^x-': {}}, "
                "'additionalProperties': false, 'properties': {'count': {'$ref': "
                "'#/definitions/expression'}, 'index': {'$ref': '#/definitions/name'}, 'every': "
                "{'anyOf': [{'$ref': '#/definitions/expression'}, {'type': 'object', "
                "'required': ['poisson'], 'additionalProperties': false, 'properties': "
                "{'poisson': {'$ref': '#/definitions/expression'}}}]}, 'do': {'$ref': "
                "'#/definitions/steps'}}}" },
    { "while", "{'$ref': '#/definitions/conditional'}" },
    { "if", "{'$ref': '#/definitions/conditional'}" },
    { "do", "{'type': 'string'}" },
    { "return", "{'$ref': '#/definitions/expression'}" },
    { "span", "{'type': 'object', 'required': ['name', 'do'], 'patternProperties': {'^x-': {}}, "
              "'additionalProperties': false, 'properties': {'name': {'$ref': "
              "'#/definitions/name'}, 'do': {'$ref': '#/definitions/steps'}}}" },
    { "let", "{'$ref': '#/definitions/assignments'}" },
    { "assert", "{'$ref': '#/definitions/expression'}" },
    { "signal", "{'anyOf': [{'type': 'string'}, {'type': 'object', 'required': ['event'], "
                "'patternProperties': {'^x-': {}}, 'additionalProperties': false, "
                "'properties': {'event': {'type': 'string'}, 'count': {'$ref': "
                "'#/definitions/expression'}}}]}" },
    { "wait", "{'type': 'string'}" },
    { "delay", "{'$ref': '#/definitions/expression'}" },
    { "queue_apc", "{'type': 'object', 'required': ['thread', 'procedure'], 'patternProperties': "
                   "{'^x-': {}}, 'additionalProperties': false, 'properties': {'thread': {'type': "
                   "'string'}, 'procedure': {'type': 'string'}, 'with': {'type': 'object', "
                   "'additionalProperties': {'$ref': '#/definitions/expression'}}, 'kind': "
                   "{'enum': ['special', 'normal']}}}" },
    { "raise_irql", "{'$ref': '#/definitions/expression'}" },
    { "lower_irql", "{'$ref': '#/definitions/expression'}" },
};

static void put_value_type(struct text *t, const struct field *row)
{
    bool has_names = row->names != NULL && (row->type == FIELD_NAME || row->type == FIELD_FLAGS);
    if (!has_names) {
        schema_put(t, "{'allOf': [{'$ref': '#/definitions/expression'}]");
        return;
    }
    schema_put(t, "{'anyOf': [{'enum': [");
    schema_put_names(t, row->names);
    schema_put(t, "]}, {'$ref': '#/definitions/expression'}]");
}

static void put_argument(struct text *t, const struct field *row)
{
    if (row->type == FIELD_LIST) {
        schema_put(t, "{'anyOf': [{'type': 'array', 'items': {'anyOf': [{'$ref': "
                      "'#/definitions/expression'}, {'$ref': '#/definitions/assignments'}]}}, "
                      "{'$ref': '#/definitions/expression'}]");
    } else {
        put_value_type(t, row);
    }
    schema_put(t, ", 'description': ");
    json_quoted(t, row->doc != NULL ? row->doc : "");
    JSON_PUT(t, "}");
}

/* The arguments that a call gives, `named` or as a list of what stands at each position. */
static void put_arguments(struct text *t, const struct routine *r, bool named)
{
    bool any = false;
    for (const struct field *f = r->args; f->type != FIELD_END; f++) {
        if (f->flags & FIELD_OUT) continue;
        if (any) JSON_PUT(t, ", ");
        any = true;
        if (named) json_key(t, f->key);
        put_argument(t, f);
    }
}

/* Arguments by name, or a list of them by position. One that has to be given may stand alone. */
static void put_routine(struct text *t, const struct routine *r)
{
    json_key(t, r->name);
    schema_put(t, "{'description': ");
    json_quoted(t, r->doc != NULL ? r->doc : "");
    schema_put(t, ", 'anyOf': [{'type': 'object', 'patternProperties': {'^x-': {}}, "
                  "'additionalProperties': false, 'properties': {");
    put_arguments(t, r, true);
    if (field_count(r->args) > 0) {
        schema_put(t, "}}, {'type': 'array', 'items': [");
        put_arguments(t, r, false);
        schema_put(t, "], 'additionalItems': false}, ");
    } else {
        schema_put(t, "}}, {'type': 'array', 'maxItems': 0}, ");
    }
    if (routine_required(r) == 1) schema_put(t, "{'$ref': '#/definitions/expression'}, ");
    schema_put(t, "{'type': 'null'}]}");
}

static void put_required(struct text *t, const char *key, bool first)
{
    if (!first) JSON_PUT(t, ",\n");
    schema_put(t, "{'required': [");
    json_quoted(t, key);
    JSON_PUT(t, "]}");
}

static void put_step(struct text *t)
{
    schema_put(t, "'step': {'type': 'object', 'patternProperties': {'^x-': {}}, "
                  "'additionalProperties': false, 'properties': {\n"
                  "'as': {'$ref': '#/definitions/as'}, 'expect': {'$ref': "
                  "'#/definitions/expect'}, 'note': {'$ref': '#/definitions/text'}, 'with': "
                  "{'type': 'object', 'additionalProperties': {'$ref': "
                  "'#/definitions/expression'}}");
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        JSON_PUT(t, ",\n");
        json_key(t, actions[i].key);
        schema_put(t, actions[i].schema);
    }
    for (size_t i = 0; i < routine_count; i++) {
        JSON_PUT(t, ",\n");
        put_routine(t, routines[i]);
    }
    schema_put(t, "},\n'oneOf': [\n");
    for (size_t i = 0; i < COUNT_OF(actions); i++) put_required(t, actions[i].key, i == 0);
    for (size_t i = 0; i < routine_count; i++) put_required(t, routines[i]->name, false);
    JSON_PUT(t, "\n]}\n");
}

static void put_enumerations(struct text *t)
{
    schema_put(t, "'arch': {'enum': [");
    schema_put_names(t, &arch_names);
    schema_put(t, "]},\n'policy': {'enum': [");
    schema_put_names(t, &tlb_policies);
    schema_put(t, "]},\n");
    schema_put_tables(t);
    schema_put(t, "'costs': {'type': 'object', 'patternProperties': {'^x-': {}}, "
                  "'additionalProperties': false, 'properties': {");
    for (size_t i = 0; i < COST_COUNT; i++) {
        if (i > 0) JSON_PUT(t, ", ");
        json_key(t, cost_rows[i].key);
        schema_put(t, "{'$ref': '#/definitions/expression', 'description': ");
        json_quoted(t, cost_rows[i].doc);
        JSON_PUT(t, "}");
    }
    schema_put(t, "}},\n");
}

void schema_print_scenario(struct text *out)
{
    schema_put(out, head_schema);
    schema_put(out, machine_schema);
    schema_put(out, mm_schema);
    schema_put(out, process_schema);
    put_enumerations(out);
    put_step(out);
    schema_put(out, "}\n}\n");
}
