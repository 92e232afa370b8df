/* Finding what is to be explained, and the words that all explanations share. */
#include "trace/explain.h"

#include "model/preset_data.h"
#include "nt/kernel.h"
#include "trace/json_write.h"

enum { COLUMNS = 80 };

void explain_wrap(struct text *t, const char *string, size_t indent, size_t column)
{
    bool first = true;
    while (*string != '\0') {
        size_t length = strcspn(string, " ");
        if (!first && column + 1 + length > COLUMNS) {
            text_char(t, '\n');
            for (column = 0; column < indent; column++) text_char(t, ' ');
        } else if (!first) {
            text_char(t, ' ');
            column++;
        }
        text_bytes(t, string, length);
        column += length;
        first = false;
        string += length;
        while (*string == ' ') string++;
    }
    text_char(t, '\n');
}

void explain_pad(struct text *t, const char *string, size_t columns)
{
    text_put(t, string);
    text_char(t, ' ');
    for (size_t i = strlen(string) + 1; i < columns; i++) text_char(t, ' ');
}

void explain_number(struct text *t, uint64_t n, size_t columns)
{
    size_t start = t->length;
    text_u64(t, n);
    text_right(t, start, columns);
}

const char *explain_type(const struct field *row)
{
    switch (row->type) {
    case FIELD_BOOL: return "BOOLEAN";
    case FIELD_SIZE: return "size";
    case FIELD_TIME: return "time";
    case FIELD_HEX: return "number";
    case FIELD_VA: return "address";
    case FIELD_PA: return "physical address";
    case FIELD_NAME:
    case FIELD_FLAGS: return row->names->title;
    case FIELD_TAG: return "pool tag";
    case FIELD_TEXT: return "name";
    case FIELD_MDL: return "MDL";
    case FIELD_IRP: return "IRP";
    case FIELD_PROCESS: return "process";
    case FIELD_LIST: return "list";
    default: return "integer";
    }
}

const char *explain_result(enum result_kind kind)
{
    switch (kind) {
    case RESULT_VOID: return "nothing";
    case RESULT_STATUS: return "NTSTATUS";
    case RESULT_ADDRESS: return "address or NULL";
    case RESULT_MDL: return "MDL or NULL";
    case RESULT_IRP: return "IRP or NULL";
    case RESULT_INTEGER: return "integer";
    case RESULT_BOOL: return "BOOLEAN";
    case RESULT_PHYSICAL: return "physical address";
    case RESULT_HANDLE: return "handle or NULL";
    }
    return "";
}

const char *explain_level(enum rule_level level)
{
    return level == LEVEL_ERROR ? "error" : level == LEVEL_ADVICE ? "advice" : "off";
}

void explain_versions(struct text *t, uint8_t first, uint8_t last)
{
    if (last != 0) {
        text_format(t, "%s to %s", os_name((enum os_rank)first), os_name((enum os_rank)last));
    } else if (first == 0) {
        text_put(t, "all versions");
    } else {
        text_format(t, "%s and later", os_name((enum os_rank)first));
    }
}

void explain_irql(struct text *t, uint8_t irql)
{
    const char *name = names_find_name(&irql_names, irql);
    if (name != NULL) text_put(t, name);
    if (name == NULL) text_u64(t, irql);
}

void explain_irql_range(struct text *t, uint8_t highest)
{
    if (highest >= IRQL_ANY) {
        text_put(t, "any");
        return;
    }
    explain_irql(t, highest);
    text_put(t, " or below");
}

static void put_code(struct text *t, const struct names *names, uint32_t code)
{
    const char *name = names_find_name(names, code);
    if (name != NULL) text_put(t, name);
    if (name == NULL) text_hex(t, code);
}

void explain_outcome(struct text *t, const struct routine *r, const struct failure *f)
{
    switch ((enum then)f->then) {
    case THEN_FAILS:
        text_put(t, "fails");
        if (r->result == RESULT_STATUS && f->code != 0) {
            text_put(t, " with ");
            put_code(t, &status_codes, f->code);
        }
        break;
    case THEN_RAISES:
        text_put(t, "raises ");
        put_code(t, &status_codes, f->code);
        break;
    case THEN_STOPS:
        text_format(t, "bug check %x ", (uint64_t)f->code);
        put_code(t, &bug_checks, f->code);
        if (f->p1 != 0) text_format(t, ", first parameter %x", f->p1);
        break;
    case THEN_REFUSED: text_put(t, "undefined on Windows; refused without effect"); break;
    case THEN_PERFORMED: text_put(t, "performed nevertheless"); break;
    }
}

bool explain_has_tag(const char *source, const char *tag)
{
    const char *open = strrchr(source, '(');
    if (open == NULL) return false;
    size_t length = strlen(tag);
    for (const char *at = open + 1; *at != '\0' && *at != ')';) {
        size_t word = strcspn(at, ",)+");
        if (word == length && memcmp(at, tag, length) == 0) return true;
        at += word;
        while (*at == ',' || *at == '+' || *at == ' ') at++;
    }
    return false;
}

static bool find_cost(const char *key, enum cost *cost)
{
    for (size_t i = 0; i < COST_COUNT; i++) {
        if (!string_equal(cost_rows[i].key, key)) continue;
        *cost = (enum cost)i;
        return true;
    }
    return false;
}

/* The nearest of all names that can be explained; NULL when none is near. */
static const char *nearest_name(const struct allocator *from, const char *name)
{
    size_t count = routine_count + rule_count + COST_COUNT, n = 0;
    const char **names = mem_new(from, count, sizeof *names);
    for (size_t i = 0; i < routine_count; i++) names[n++] = routines[i]->name;
    for (size_t i = 0; i < rule_count; i++) names[n++] = rules[i].id;
    for (size_t i = 0; i < COST_COUNT; i++) names[n++] = cost_rows[i].key;
    const char *nearest = string_nearest(name, names, count);
    mem_free(from, names, count, sizeof *names);
    return nearest;
}

bool explain_name(const char *name, bool json, struct text *out)
{
    const struct routine *routine = routine_find(name);
    const struct rule *rule = rule_find(name);
    enum cost cost;
    if (routine != NULL) {
        (json ? explain_routine_json : explain_routine)(out, routine);
    } else if (rule != NULL) {
        (json ? explain_rule_json : explain_rule)(out, rule);
    } else if (find_cost(name, &cost)) {
        (json ? explain_cost_json : explain_cost)(out, cost);
    } else {
        const char *nearest = nearest_name(out->from, name);
        text_put(out, "no routine, rule or cost is called '");
        text_quoted(out, name, strlen(name), 80);
        text_char(out, '\'');
        if (nearest != NULL) text_format(out, "; did you mean '%s'?", nearest);
        return false;
    }
    if (json) text_char(out, '\n');
    return true;
}

void explain_overview(bool json, struct text *out)
{
    if (json) {
        text_put(out, "{\"routines\": ");
        explain_list("routines", true, out);
        out->length--; /* the newline of the list */
        text_put(out, ", \"rules\": ");
        explain_list("rules", true, out);
        out->length--;
        text_put(out, ", \"costs\": ");
        explain_list("costs", true, out);
        out->length--;
        text_put(out, "}\n");
        return;
    }
    text_put(out, "Routines\n");
    explain_list("routines", false, out);
    text_put(out, "\nRules\n");
    explain_list("rules", false, out);
    text_put(out, "\nCosts\n");
    explain_list("costs", false, out);
}
