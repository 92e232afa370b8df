/* The lists of what there is. */
#include "trace/explain.h"

#include "model/preset_data.h"
#include "nt/kernel.h"
#include "trace/json_write.h"

enum { NAME_COLUMNS = 38 };

/* "  NAME   text" on as many lines as it takes. */
static void put_line(struct text *t, const char *name, const char *string)
{
    size_t length = strlen(name) + 1;
    text_put(t, "  ");
    explain_pad(t, name, NAME_COLUMNS);
    size_t column = 2 + (length > NAME_COLUMNS ? length : NAME_COLUMNS);
    explain_wrap(t, string, 2 + NAME_COLUMNS, column);
}

static void list_routines(bool json, struct text *t)
{
    for (size_t i = 0; i < routine_count; i++) {
        const struct routine *r = routines[i];
        if (!json) {
            put_line(t, r->name, r->doc);
            continue;
        }
        if (i > 0) JSON_PUT(t, ",\n");
        explain_routine_json(t, r);
    }
}

static void list_rules(bool json, struct text *t)
{
    struct text one;
    text_init(&one, t->from);
    for (size_t i = 0; i < rule_count; i++) {
        const struct rule *r = &rules[i];
        if (json) {
            if (i > 0) JSON_PUT(t, ",\n");
            explain_rule_json(t, r);
            continue;
        }
        text_clear(&one);
        text_format(&one, "%s: %s (%s)", explain_level(r->level), r->what, r->page);
        put_line(t, r->id, text_string(&one));
    }
    text_free(&one);
}

static void list_presets(bool json, struct text *t)
{
    for (const struct cpu_preset *p = cpu_presets; p->name != NULL; p++) {
        if (!json) {
            put_line(t, p->name, p->doc);
            continue;
        }
        if (p != cpu_presets) JSON_PUT(t, ",\n");
        JSON_PUT(t, "{\"preset\": ");
        json_quoted(t, p->name);
        JSON_PUT(t, ", \"doc\": ");
        json_quoted(t, p->doc);
        JSON_PUT(t, ", \"hz\": ");
        json_count(t, p->hz);
        text_format(t, ", \"paging_levels_max\": %u, \"cpus_max\": %u, \"costs\": {",
                    (uint64_t)p->levels_max, (uint64_t)p->cpus_max);
        for (size_t i = 0; i < COST_COUNT; i++) {
            if (i > 0) JSON_PUT(t, ", ");
            json_key(t, cost_rows[i].key);
            json_count(t, p->price[i]);
        }
        JSON_PUT(t, "}}");
    }
}

static void list_costs(bool json, struct text *t)
{
    for (size_t i = 0; i < COST_COUNT; i++) {
        if (json) {
            if (i > 0) JSON_PUT(t, ",\n");
            explain_cost_json(t, (enum cost)i);
        } else {
            put_line(t, cost_rows[i].key, cost_rows[i].doc);
        }
    }
}

static void constants_of(const struct names *names, bool json, bool first, struct text *t)
{
    if (!json) text_format(t, "%s%s%s\n", first ? "" : "\n", names->title,
                           names->flags ? " (flags)" : "");
    for (const struct name *n = names->list; n->name != NULL; n++) {
        struct text one;
        if (json) {
            if (!first || n != names->list) JSON_PUT(t, ",\n");
            JSON_PUT(t, "{\"table\": ");
            json_quoted(t, names->title);
            JSON_PUT(t, ", \"name\": ");
            json_quoted(t, n->name);
            JSON_PUT(t, ", \"value\": ");
            json_hex(t, n->value);
            JSON_PUT(t, ", \"doc\": ");
            json_quoted(t, n->doc != NULL ? n->doc : "");
            JSON_PUT(t, "}");
            continue;
        }
        text_init(&one, t->from);
        text_hex(&one, n->value);
        if (n->doc != NULL) text_format(&one, "  %s", n->doc);
        put_line(t, n->name, text_string(&one));
        text_free(&one);
    }
}

static void list_constants(bool json, struct text *t)
{
    for (size_t i = 0; all_names[i] != NULL; i++) constants_of(all_names[i], json, i == 0, t);
}

static const struct {
    const char *name;
    void (*list)(bool json, struct text *t);
} lists[] = {
    { "routines", list_routines }, { "rules", list_rules },         { "presets", list_presets },
    { "costs", list_costs },       { "constants", list_constants },
};

bool explain_list(const char *what, bool json, struct text *out)
{
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        if (!string_equal(lists[i].name, what)) continue;
        if (json) text_char(out, '[');
        lists[i].list(json, out);
        if (json) text_put(out, "]\n");
        return true;
    }
    return false;
}

void explain_limits(const struct explain_limit *limits, size_t count, bool json, struct text *out)
{
    struct text one;
    text_init(&one, out->from);
    if (json) text_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        const struct explain_limit *l = &limits[i];
        if (json) {
            if (i > 0) JSON_PUT(out, ",\n");
            JSON_PUT(out, "{\"limit\": ");
            json_quoted(out, l->name);
            JSON_PUT(out, ", \"default\": ");
            json_count(out, l->fallback);
            JSON_PUT(out, ", \"most\": ");
            json_count(out, l->most);
            JSON_PUT(out, ", \"doc\": ");
            json_quoted(out, l->doc);
            JSON_PUT(out, "}");
            continue;
        }
        text_clear(&one);
        text_format(&one, "%u (at most %u). %s", l->fallback, l->most, l->doc);
        put_line(out, l->name, text_string(&one));
    }
    if (json) text_put(out, "]\n");
    text_free(&one);
}
