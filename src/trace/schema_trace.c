/* The JSON Schema of a trace, from the tables that its writer uses. */
#include "trace/schema.h"

#include "sim/stats.h"
#include "trace/json_write.h"

static const char head_schema[] =
    "{\n"
    "'$schema': 'http://json-schema.org/draft-07/schema#',\n"
    "'title': 'mdlsim trace, format 1',\n"
    "'type': 'object',\n"
    "'required': ['mdlsim', 'scenario', 'machine', 'config', 'events', 'end', 'violations', "
    "'leaks', 'stats'],\n"
    "'additionalProperties': false,\n"
    "'properties': {\n"
    "'mdlsim': {'type': 'object', 'required': ['format', 'version'], 'additionalProperties': "
    "false, 'properties': {'format': {'const': 1}, 'version': {'type': 'string'}}},\n"
    "'scenario': {'type': 'object', 'required': ['name', 'file', 'sha256', 'seed'], "
    "'additionalProperties': false, 'properties': {'name': {'type': 'string'}, 'file': {'type': "
    "'string'}, 'sha256': {'$ref': '#/definitions/sha256'}, 'seed': {'$ref': "
    "'#/definitions/count'}, 'includes': {'type': 'array', 'minItems': 1, 'items': {'type': "
    "'object', 'required': ['file', 'sha256'], 'additionalProperties': false, 'properties': "
    "{'file': {'type': 'string'}, 'sha256': {'$ref': '#/definitions/sha256'}}}}, 'overrides': "
    "{'type': 'array', 'minItems': 1, 'items': {'type': 'string'}}}},\n"
    "'machine': {'type': 'object', 'required': ['os', 'arch', 'cpu', 'cpus', 'hz', 'ram_bytes'], "
    "'additionalProperties': false, 'properties': {'os': {'$ref': '#/definitions/os'}, 'arch': "
    "{'$ref': '#/definitions/arch'}, 'cpu': {'$ref': '#/definitions/preset'}, 'cpus': {'$ref': "
    "'#/definitions/count'}, 'hz': {'$ref': '#/definitions/count'}, 'ram_bytes': {'$ref': "
    "'#/definitions/count'}}},\n"
    "'config': {'$ref': '#/definitions/config'},\n"
    "'events': {'type': 'array', 'items': {'$ref': '#/definitions/event'}},\n"
    "'end': {'type': 'object', 'required': ['reason'], 'additionalProperties': false, "
    "'properties': {'reason': {'enum': ['completed', 'exception', 'bugcheck', 'error', "
    "'interrupted']}, 't': {'$ref': '#/definitions/count'}, 'bugcheck': {'$ref': "
    "'#/definitions/bugcheck'}, 'exception': {'$ref': '#/definitions/status'}}},\n"
    "'violations': {'type': 'array', 'items': {'type': 'object', 'required': ['rule', 'level', "
    "'seq', 'line', 'what', 'instead', 'page'], 'additionalProperties': false, 'properties': "
    "{'rule': {'$ref': '#/definitions/rule'}, 'level': {'enum': ['error', 'advice']}, 'seq': "
    "{'$ref': '#/definitions/count'}, 'line': {'$ref': '#/definitions/count'}, 'file': {'type': "
    "'string'}, 'what': {'type': 'string'}, 'instead': {'type': 'string'}, 'page': {'type': "
    "'string'}, 'count': {'$ref': '#/definitions/count'}}}},\n";

static const char machine_schema[] =
    "'config': {'type': 'object', 'required': ['machine', 'mm', 'verifier', 'processes', "
    "'layout'], 'additionalProperties': false, 'properties': {\n"
    "'machine': {'type': 'object', 'required': ['os', 'arch', 'cpu', 'ram', 'devices'], "
    "'additionalProperties': false, 'properties': {'os': {'$ref': '#/definitions/os'}, 'arch': "
    "{'$ref': '#/definitions/arch'},\n"
    "'cpu': {'type': 'object', 'required': ['preset', 'count', 'sockets', 'pcid', 'kpti', "
    "'broadcast_invalidation', 'hz', 'tlb', 'caches', 'nested', 'walkers', 'costs'], "
    "'additionalProperties': false, 'properties': {'preset': {'$ref': '#/definitions/preset'}, "
    "'count': {'$ref': '#/definitions/count'}, 'sockets': {'$ref': '#/definitions/count'}, "
    "'pcid': {'$ref': '#/definitions/count'}, 'kpti': {'type': 'boolean'}, "
    "'broadcast_invalidation': {'type': 'boolean'}, 'hz': {'$ref': '#/definitions/count'}, "
    "'tlb': {'type': 'object', 'required': ['l1d', 'l1i', 'l2', 'l2i', 'psc'], 'properties': "
    "{'psc': {'type': 'object', 'required': ['pml5', 'pml4', 'pdpt', 'pd'], "
    "'additionalProperties': {'anyOf': [{'const': 'none'}, {'$ref': '#/definitions/geometry'}]}}}, "
    "'patternProperties': {'^l[12][di]?$': {'$ref': '#/definitions/tlb_level'}}, "
    "'additionalProperties': false}, 'caches': {'$ref': "
    "'#/definitions/caches'}, 'nested': {'type': 'boolean'}, 'walkers': {'$ref': "
    "'#/definitions/count'}, 'costs': {'$ref': '#/definitions/cost'}}},\n"
    "'ram': {'type': 'array', 'items': {'type': 'object', 'required': ['base', 'size', 'node'], "
    "'additionalProperties': false, 'properties': {'base': {'$ref': '#/definitions/hex'}, 'size': "
    "{'$ref': '#/definitions/count'}, 'node': {'$ref': '#/definitions/count'}}}},\n"
    "'memory_types': {'type': 'array', 'items': {'type': 'object', 'required': ['base', 'size', "
    "'type'], 'additionalProperties': false, 'properties': {'base': {'$ref': "
    "'#/definitions/hex'}, 'size': {'$ref': '#/definitions/count'}, 'type': {'enum': ['WB', "
    "'WT', 'WP', 'WC', 'UC']}}}},\n"
    "'devices': {'type': 'object', 'additionalProperties': {'type': 'object', 'required': "
    "['bars'], 'additionalProperties': false, 'properties': {'bars': {'type': 'array', 'items': "
    "{'type': 'object', 'required': ['base', 'size', 'prefetchable'], 'additionalProperties': "
    "false, 'properties': {'name': {'type': 'string'}, 'base': {'$ref': '#/definitions/hex'}, "
    "'size': {'$ref': '#/definitions/count'}, 'prefetchable': {'type': 'boolean'}}}}}}}}},\n";

static const char config_schema[] =
    "'mm': {'type': 'object', 'required': ['system_ptes', 'nonpaged_pool', 'paged_pool', "
    "'pte_flush', 'pte_policy', 'pte_thresholds', 'fragmentation', 'zeroed', "
    "'large_pages', 'flush_threshold', 'address_space_lock'], "
    "'additionalProperties': false, 'properties': {'system_ptes': {'$ref': "
    "'#/definitions/count'}, 'nonpaged_pool': {'$ref': '#/definitions/count'}, 'paged_pool': "
    "{'$ref': '#/definitions/count'}, 'pte_flush': {'enum': ['deferred', 'immediate']}, "
    "'pte_policy': {'enum': ['first-fit', 'best-fit', 'next-fit']}, 'pte_thresholds': {'type': "
    "'object', 'required': ['low', 'normal'], 'additionalProperties': false, 'properties': "
    "{'low': {'$ref': '#/definitions/count'}, 'normal': {'$ref': '#/definitions/count'}}}, "
    "'fragmentation': {'anyOf': [{'const': 'none'}, {'type': 'object', 'required': ['kind'], "
    "'additionalProperties': false, 'properties': {'kind': {'enum': ['shuffled', "
    "'checkerboard']}, 'seed': {'$ref': '#/definitions/count'}, 'run': {'$ref': "
    "'#/definitions/count'}}}]}, 'zeroed': {'$ref': '#/definitions/count'}, "
    "'large_pages': {'type': 'boolean'}, 'flush_threshold': {'$ref': '#/definitions/count'}, "
    "'address_space_lock': {'enum': ['exclusive', 'shared']}}},\n"
    "'verifier': {'type': 'object', 'required': ['mode', 'rules', 'track_ptes', "
    "'track_locked_pages'], 'additionalProperties': false, 'properties': {'mode': {'enum': "
    "['report', 'bugcheck', 'off']}, 'rules': {'type': 'object', 'propertyNames': {'$ref': "
    "'#/definitions/rule'}, 'additionalProperties': {'enum': ['error', 'advice', 'off']}}, "
    "'track_ptes': {'type': 'boolean'}, 'track_locked_pages': {'type': 'boolean'}}},\n"
    "'processes': {'type': 'object', 'additionalProperties': {'type': 'object', 'required': "
    "['buffers'], 'additionalProperties': false, 'properties': {'buffers': {'type': 'object', "
    "'additionalProperties': {'type': 'object', 'required': ['size', 'protect', 'at', 'commit', "
    "'touched', 'pages', 'shares'], 'additionalProperties': false, 'properties': {'size': {'$ref': "
    "'#/definitions/count'}, 'protect': {'type': 'string'}, 'at': {'$ref': "
    "'#/definitions/address'}, 'commit': {'type': 'boolean'}, 'touched': {'type': 'boolean'}, "
    "'pages': {'enum': [4096, 2097152, 1073741824]}, 'shares': {'type': ['string', "
    "'null']}}}}}}},\n"
    "'layout': {'type': 'object', 'additionalProperties': {'$ref': '#/definitions/count'}}}},\n";

static const char definitions[] =
    "'definitions': {\n"
    "'hex': {'type': 'string', 'pattern': '^0x(0|[1-9A-F][0-9A-F]{0,15})$'},\n"
    "'address': {'anyOf': [{'$ref': '#/definitions/hex'}, {'type': 'null'}]},\n"
    "'count': {'anyOf': [{'type': 'integer', 'minimum': 0, 'maximum': 9007199254740992}, {'$ref': "
    "'#/definitions/hex'}]},\n"
    "'change': {'type': 'integer'},\n"
    "'sha256': {'type': 'string', 'pattern': '^[0-9a-f]{64}$'},\n"
    "'mdl_id': {'anyOf': [{'type': 'string', 'pattern': '^mdl#[1-9][0-9]*$'}, {'type': "
    "'null'}]},\n"
    "'irp_id': {'anyOf': [{'type': 'string', 'pattern': '^irp#[1-9][0-9]*$'}, {'type': "
    "'null'}]},\n"
    "'value': {'type': ['string', 'integer', 'boolean', 'null']},\n"
    "'gauge': {'type': 'object', 'required': ['now', 'peak'], 'additionalProperties': false, "
    "'properties': {'now': {'$ref': '#/definitions/count'}, 'peak': {'$ref': "
    "'#/definitions/count'}, 'peak_t': {'$ref': '#/definitions/count'}}},\n"
    "'pairs': {'type': 'array', 'items': {'type': 'array', 'minItems': 2, 'maxItems': 2, 'items': "
    "{'$ref': '#/definitions/count'}}},\n"
    "'cache': {'anyOf': [{'const': 'none'}, {'type': 'object', 'required': ['size', 'ways', "
    "'policy', 'latency'], 'additionalProperties': false, 'properties': {'size': {'$ref': "
    "'#/definitions/count'}, 'ways': {'$ref': '#/definitions/count'}, 'policy': {'type': "
    "'string'}, 'latency': {'$ref': '#/definitions/count'}, 'cpus': {'$ref': "
    "'#/definitions/count'}, 'index': {'const': 'hash'}}}]},\n"
    "'caches': {'anyOf': [{'const': 'none'}, {'type': 'object', 'required': ['l1d', 'l2', 'l3', "
    "'memory'], 'additionalProperties': false, 'properties': {'l1d': {'$ref': "
    "'#/definitions/cache'}, 'l2': {'$ref': '#/definitions/cache'}, 'l3': {'$ref': "
    "'#/definitions/cache'}, 'memory': {'type': 'object', 'required': ['latency'], "
    "'additionalProperties': false, 'properties': {'latency': {'$ref': "
    "'#/definitions/count'}}}}}]},\n"
    "'geometry': {'type': 'object', 'required': ['entries', 'ways', 'policy'], "
    "'additionalProperties': false, 'properties': {'entries': {'$ref': '#/definitions/count'}, "
    "'ways': {'$ref': '#/definitions/count'}, 'policy': {'$ref': '#/definitions/policy'}, "
    "'pages': {'type': 'array', 'minItems': 1, 'items': {'enum': ['4 KiB', '2 MiB', '1 "
    "GiB']}}}},\n"
    "'tlb_level': {'anyOf': [{'const': 'none'}, {'type': 'object', 'minProperties': 1, "
    "'properties': {'index': {'const': 'hash'}}, 'propertyNames': {'enum': ['4 KiB', '2 MiB', "
    "'1 GiB', 'index']}, 'additionalProperties': {'$ref': '#/definitions/geometry'}}]},\n"
    "'bugcheck': {'type': 'object', 'required': ['code', 'p1', 'p2', 'p3', 'p4'], "
    "'additionalProperties': false, 'properties': {'code': {'$ref': '#/definitions/stop_code'}, "
    "'p1': {'$ref': '#/definitions/hex'}, 'p2': {'$ref': '#/definitions/hex'}, 'p3': {'$ref': "
    "'#/definitions/hex'}, 'p4': {'$ref': '#/definitions/hex'}}},\n"
    "'accesses': {'type': 'object', 'required': ['count', 'bytes', 'tlb_hits', 'walks', "
    "'faults'], 'additionalProperties': {'$ref': '#/definitions/count'}},\n"
    "'delta': {'type': 'object', 'minProperties': 1, 'additionalProperties': false, 'properties': "
    "{'free_system_ptes': {'$ref': '#/definitions/change'}, 'free_pages': {'$ref': "
    "'#/definitions/change'}, 'locked_pages': {'$ref': '#/definitions/change'}, "
    "'page_table_pages': {'$ref': '#/definitions/change'}, 'pool_bytes': {'$ref': "
    "'#/definitions/change'}}},\n"
    "'mdl': {'type': 'object', 'required': ['id', 'flags', 'byte_count', 'byte_offset', "
    "'start_va', 'mapped_va', 'pages', 'process', 'next'], 'additionalProperties': false, "
    "'properties': {'id': {'$ref': '#/definitions/mdl_id'}, 'flags': {'type': 'array', "
    "'uniqueItems': true, 'items': {'$ref': '#/definitions/mdl_flag'}}, 'byte_count': {'$ref': "
    "'#/definitions/count'}, 'byte_offset': {'$ref': '#/definitions/count'}, 'start_va': {'$ref': "
    "'#/definitions/address'}, 'mapped_va': {'$ref': '#/definitions/address'}, 'pages': {'$ref': "
    "'#/definitions/count'}, 'process': {'type': ['string', 'null']}, 'next': {'$ref': "
    "'#/definitions/mdl_id'}}},\n"
    "'pfns': {'type': 'array', 'items': {'type': 'string', 'pattern': "
    "'^0x(0|[1-9A-F][0-9A-F]*)([+][1-9][0-9]*)?$'}},\n";

/* 'NAME': {'enum': [...]} from a table, with numbers where the table is open. */
static void put_enumeration(struct text *t, const char *key, const struct names *names, bool hex)
{
    json_key(t, key);
    schema_put(t, "{'anyOf': [{'enum': [");
    schema_put_names(t, names);
    schema_put(t, hex ? "]}, {'$ref': '#/definitions/hex'}]},\n"
                      : "]}, {'$ref': '#/definitions/count'}]},\n");
}

static void put_names_of_tables(struct text *t)
{
    put_enumeration(t, "status", &status_codes, true);
    put_enumeration(t, "stop_code", &bug_checks, true);
    put_enumeration(t, "irql", &irql_names, false);
    put_enumeration(t, "arch", &arch_names, false);
    put_enumeration(t, "policy", &tlb_policies, false);
    put_enumeration(t, "mdl_flag", &mdl_flags, false);
    schema_put_tables(t);
    schema_put(t, "'cost': {'type': 'object', 'additionalProperties': false, "
                  "'properties': {");
    for (size_t i = 0; i < COST_COUNT; i++) {
        if (i > 0) JSON_PUT(t, ", ");
        json_key(t, cost_rows[i].key);
        schema_put(t, "{'$ref': '#/definitions/count'}");
    }
    schema_put(t, "}},\n");
}

/* ---- events ---- */

static void put_field_type(struct text *t, const struct field *row);

static void put_list_type(struct text *t, const struct field *row)
{
    if (row->group == NULL) {
        schema_put(t, "{'type': 'array', 'items': {'$ref': '#/definitions/hex'}}");
        return;
    }
    schema_put(t, "{'type': 'array', 'items': {'type': 'object', 'additionalProperties': false, "
                  "'properties': {");
    for (const struct field *f = row->group; f->type != FIELD_END; f++) {
        if (f != row->group) JSON_PUT(t, ", ");
        json_key(t, f->key);
        put_field_type(t, f);
    }
    JSON_PUT(t, "}}}");
}

static void put_name_type(struct text *t, const struct field *row)
{
    bool hex = row->names == &status_codes || row->names == &bug_checks;
    schema_put(t, "{'anyOf': [{'enum': [");
    schema_put_names(t, row->names);
    schema_put(t, hex ? "]}, {'$ref': '#/definitions/hex'}]}"
                      : "]}, {'$ref': '#/definitions/count'}]}");
}

static void put_flags_type(struct text *t, const struct field *row)
{
    schema_put(t, "{'anyOf': [{'type': 'string', 'pattern': ");
    schema_put_flags_pattern(t, row->names);
    schema_put(t, "}, {'const': 0}]}");
}

static void put_field_type(struct text *t, const struct field *row)
{
    switch (row->type) {
    case FIELD_BOOL: schema_put(t, "{'type': 'boolean'}"); break;
    case FIELD_VA: schema_put(t, "{'$ref': '#/definitions/address'}"); break;
    case FIELD_HEX:
        if (row->names != NULL) put_flags_type(t, row);
        else schema_put(t, "{'$ref': '#/definitions/hex'}");
        break;
    case FIELD_PA: schema_put(t, "{'$ref': '#/definitions/hex'}"); break;
    case FIELD_NAME: put_name_type(t, row); break;
    case FIELD_FLAGS: put_flags_type(t, row); break;
    case FIELD_TAG:
    case FIELD_PROCESS: schema_put(t, "{'type': 'string'}"); break;
    case FIELD_TEXT: schema_put(t, "{'type': ['string', 'null']}"); break;
    case FIELD_MDL: schema_put(t, "{'$ref': '#/definitions/mdl_id'}"); break;
    case FIELD_IRP: schema_put(t, "{'$ref': '#/definitions/irp_id'}"); break;
    case FIELD_LIST: put_list_type(t, row); break;
    default: schema_put(t, "{'$ref': '#/definitions/count'}"); break;
    }
}

/* The object of the arguments that a routine takes, or of those that it gives back. */
static void put_members_type(struct text *t, const struct routine *r, bool out)
{
    bool any = false;
    schema_put(t, "{'type': 'object', 'additionalProperties': false, 'properties': {");
    for (const struct field *f = r->args; f->type != FIELD_END; f++) {
        bool is_out = (f->flags & (FIELD_OUT | FIELD_INOUT)) != 0;
        bool is_in = (f->flags & FIELD_OUT) == 0;
        if (out ? !is_out : !is_in) continue;
        if (any) JSON_PUT(t, ", ");
        any = true;
        json_key(t, f->key);
        put_field_type(t, f);
    }
    JSON_PUT(t, "}}");
}

static const char *result_type(enum result_kind kind)
{
    switch (kind) {
    case RESULT_VOID: return "'returns': false, 'status': false";
    case RESULT_STATUS: return "'returns': false, 'status': {'$ref': '#/definitions/status'}";
    case RESULT_ADDRESS:
    case RESULT_HANDLE: return "'returns': {'$ref': '#/definitions/address'}, 'status': false";
    case RESULT_MDL: return "'returns': {'$ref': '#/definitions/mdl_id'}, 'status': false";
    case RESULT_IRP: return "'returns': {'$ref': '#/definitions/irp_id'}, 'status': false";
    case RESULT_INTEGER:
        return "'returns': {'anyOf': [{'$ref': '#/definitions/count'}, {'type': 'null'}]}, "
               "'status': false";
    case RESULT_BOOL: return "'returns': {'type': 'boolean'}, 'status': false";
    case RESULT_PHYSICAL: return "'returns': {'$ref': '#/definitions/hex'}, 'status': false";
    }
    return "";
}

static void put_routine(struct text *t, const struct routine *r)
{
    schema_put(t, "{'if': {'properties': {'call': {'const': ");
    json_quoted(t, r->name);
    schema_put(t, "}}}, 'then': {'properties': {'args': ");
    put_members_type(t, r, false);
    schema_put(t, ", 'out': ");
    put_members_type(t, r, true);
    schema_put(t, ", 'failure': {'enum': [\"\"");
    for (const struct failure *f = r->failures; f->name != NULL; f++) {
        JSON_PUT(t, ", ");
        json_quoted(t, f->name);
    }
    schema_put(t, "]}, ");
    schema_put(t, result_type(r->result));
    JSON_PUT(t, "}}},\n");
}

static const char *const actions[] = {
    "read", "write", "execute", "copy", "set", "replay", "delay", "wait", "signal", "switch",
    "queue_apc", "apc", "access",
};

static void put_event(struct text *t)
{
    schema_put(
        t, "'event': {'type': 'object', 'required': ['seq', 'thread', 'call'], "
           "'additionalProperties': false, 'properties': {'seq': {'$ref': '#/definitions/count'}, "
           "'t': {'$ref': '#/definitions/count'}, 'cpu': {'$ref': '#/definitions/count'}, "
           "'thread': {'type': 'string'}, 'irql': {'$ref': '#/definitions/irql'}, 'line': {'$ref': "
           "'#/definitions/count'}, 'file': {'type': 'string'}, 'call': {'enum': [");
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (i > 0) JSON_PUT(t, ", ");
        json_quoted(t, actions[i]);
    }
    for (size_t i = 0; i < routine_count; i++) {
        JSON_PUT(t, ", ");
        json_quoted(t, routines[i]->name);
    }
    schema_put(
        t, "]}, 'note': {'type': 'string'}, 'args': {'type': 'object'}, 'out': {'type': "
           "'object'}, 'returns': {'$ref': '#/definitions/value'}, 'status': {'$ref': "
           "'#/definitions/status'}, 'raises': {'$ref': '#/definitions/status'}, 'bugcheck': "
           "{'$ref': '#/definitions/bugcheck'}, 'exception': {'type': 'object', 'required': "
           "['vector', 'address', 'error_code'], 'additionalProperties': false, 'properties': "
           "{'vector': {'enum': ['#PF', '#GP']}, 'address': {'$ref': '#/definitions/hex'}, "
           "'error_code': {'$ref': '#/definitions/hex'}}}, 'undefined': {'const': true}, "
           "'failure': {'type': 'string'}, 'mdl': {'$ref': '#/definitions/mdl'}, 'pfns': {'$ref': "
           "'#/definitions/pfns'}, 'accesses': {'$ref': '#/definitions/accesses'}, 'curves': "
           "{'$ref': '#/definitions/curves'}, 'phases': "
           "{'type': 'object', 'additionalProperties': {'$ref': '#/definitions/phase'}}, 'cycles': "
           "{'$ref': '#/definitions/count'}, 'cost': {'$ref': '#/definitions/cost'}, 'delta': "
           "{'$ref': '#/definitions/delta'}, 'l1_hit': {'type': 'boolean'}, 'walk': {'type': "
           "'boolean'}, 'fault': {'type': 'boolean'}},\n'allOf': [\n");
    for (size_t i = 0; i < routine_count; i++) put_routine(t, routines[i]);
    schema_put(t, "{'if': {'properties': {'call': {'const': 'access'}}}, 'then': {'required': "
                  "['args', 'l1_hit', 'walk', 'fault']}, 'else': {'required': ['cpu', 'irql', "
                  "'cycles']}}\n]}\n}\n");
}

/* ---- leaks and statistics ---- */

static void put_leaks(struct text *t)
{
    schema_put(t, "'leaks': {'type': 'array', 'items': {'type': 'object', 'required': ['kind', "
                  "'what', 'count', 'seq', 'line'], 'additionalProperties': false, 'properties': "
                  "{'kind': {'enum': [");
    for (size_t i = 0; i < LEAK_KIND_COUNT; i++) {
        if (i > 0) JSON_PUT(t, ", ");
        json_quoted(t, leak_kind_names[i]);
    }
    schema_put(t, "]}, 'what': {'type': 'string'}, 'count': {'$ref': '#/definitions/count'}, "
                  "'seq': {'$ref': '#/definitions/count'}, 'line': {'$ref': "
                  "'#/definitions/count'}, 'file': {'type': 'string'}}}},\n");
}

enum { STATS_DEPTH_MAX = 16 };

/* The vocabulary as nested objects. A key with '*' stands for any name: a pattern. Members cannot
 * follow in one list with the patterns, so these are kept until the object ends. */
struct stats_schema {
    struct text *t;
    struct text patterns[STATS_DEPTH_MAX];
    bool any[STATS_DEPTH_MAX]; /* something stands in `properties` */
    bool wild[STATS_DEPTH_MAX];
    size_t depth;
    struct text *out[STATS_DEPTH_MAX]; /* where the members of an object go */
};

/* Where a key and its schema are to be written; the key is written. */
static struct text *stats_open(struct stats_schema *w, const char *key)
{
    bool wild = strchr(key, '*') != NULL;
    struct text *t = wild ? &w->patterns[w->depth] : w->out[w->depth];
    bool *any = wild ? &w->wild[w->depth] : &w->any[w->depth];
    if (*any) JSON_PUT(t, ",\n");
    *any = true;
    if (wild) {
        text_format(t, "\"^%s%s$\": ", key[0] == '*' ? "" : "cpu", key[0] == '*' ? ".*" : "[0-9]+");
    } else {
        json_key(t, key);
    }
    return t;
}

static void put_doc(struct text *t, const char *type, const char *doc)
{
    schema_put(t, type);
    schema_put(t, ", 'description': ");
    json_quoted(t, doc != NULL ? doc : "");
}

static void on_enter(void *context, const char *key, const char *doc)
{
    struct stats_schema *w = context;
    struct text *t = stats_open(w, key);
    CHECK(w->depth + 1 < STATS_DEPTH_MAX);
    put_doc(t, "{'type': 'object'", doc);
    schema_put(t, ", 'additionalProperties': false, 'properties': {\n");
    w->depth++;
    w->out[w->depth] = t;
    w->any[w->depth] = w->wild[w->depth] = false;
}

static void stats_close(struct stats_schema *w)
{
    struct text *t = w->out[w->depth];
    JSON_PUT(t, "}");
    if (w->wild[w->depth]) {
        schema_put(t, ", 'patternProperties': {\n");
        text_put(t, text_string(&w->patterns[w->depth]));
        JSON_PUT(t, "}");
        text_clear(&w->patterns[w->depth]);
    }
    JSON_PUT(t, "}");
}

static void on_leave(void *context)
{
    struct stats_schema *w = context;
    stats_close(w);
    w->depth--;
}

static void put_leaf(struct stats_schema *w, const char *key, const char *type, const char *doc)
{
    struct text *t = stats_open(w, key);
    schema_put(t, "{'allOf': [");
    schema_put(t, type);
    put_doc(t, "]", doc);
    JSON_PUT(t, "}");
}

static void on_counter(void *context, const char *key, uint64_t value, const char *doc)
{
    UNUSED(value);
    put_leaf(context, key, "{'$ref': '#/definitions/count'}", doc);
}

static void on_gauge(void *context, const char *key, const struct gauge *g, const char *doc)
{
    UNUSED(g);
    put_leaf(context, key, "{'$ref': '#/definitions/gauge'}", doc);
}

static void on_text(void *context, const char *key, const char *value, const char *doc)
{
    UNUSED(value);
    put_leaf(context, key, "{'type': 'string'}", doc);
}

static void on_timeline(void *context, const char *key, const struct timeline *l, const char *doc)
{
    UNUSED(l);
    put_leaf(context, key, "{'$ref': '#/definitions/pairs'}", doc);
}

static void on_histogram(void *context, const char *key, const struct hist *h, const char *doc)
{
    UNUSED(h);
    put_leaf(context, key, "{'$ref': '#/definitions/pairs'}", doc);
}

static void put_stats(struct text *t)
{
    static const struct stats_visitor visitor = {
        .enter = on_enter, .leave = on_leave, .counter = on_counter, .gauge = on_gauge,
        .text = on_text, .timeline = on_timeline, .histogram = on_histogram,
    };
    struct stats_schema w = { .t = t, .out = { t } };
    for (size_t i = 0; i < STATS_DEPTH_MAX; i++) text_init(&w.patterns[i], t->from);
    schema_put(t, "'stats': {'type': 'object', 'additionalProperties': false, 'properties': {\n");
    stats_visit(NULL, &visitor, &w);
    put_leaf(&w, "curves",
             "{'type': 'object', 'additionalProperties': {'$ref': '#/definitions/curves'}}",
             "Miss curves of replays, by the number of the replay step.");
    stats_close(&w);
    for (size_t i = 0; i < STATS_DEPTH_MAX; i++) text_free(&w.patterns[i]);
}

void schema_print_trace(struct text *out)
{
    schema_put(out, head_schema);
    put_leaks(out);
    put_stats(out);
    schema_put(out, "\n},\n");
    schema_put(out, definitions);
    schema_put(out, schema_replay_definitions);
    schema_put(out, machine_schema);
    schema_put(out, config_schema);
    put_names_of_tables(out);
    put_event(out);
    schema_put(out, "}\n");
}
