/* One event of a trace, primitive by primitive. */
#include "trace/explain.h"

#include "model/preset_data.h"
#include "trace/json_write.h"
#include "trace/read.h"

#include <jansson.h>

/* What the trace says of the prices that it was made with. */
struct prices {
    const json_t *costs; /* config.machine.cpu.costs */
    const struct cpu_preset *preset; /* NULL when this version has none of that name */
};

static const json_t *down(const json_t *value, const char *a, const char *b)
{
    return json_object_get(json_object_get(value, a), b);
}

static struct prices prices_of(const struct trace_reader *r)
{
    const json_t *cpu = down(trace_part(r, "config"), "machine", "cpu");
    const char *name = json_string_value(json_object_get(cpu, "preset"));
    return (struct prices){
        .costs = json_object_get(cpu, "costs"),
        .preset = name != NULL ? preset_find(name) : NULL,
    };
}

/* Where a price comes from: the preset's source, unless the scenario set another price. */
static const char *source_of(const struct prices *p, const char *key, uint64_t price)
{
    for (size_t i = 0; i < COST_COUNT && p->preset != NULL; i++) {
        if (!string_equal(cost_rows[i].key, key)) continue;
        if (p->preset->price[i] != price) return "set by the scenario";
        return p->preset->source[i] != NULL ? p->preset->source[i] : "definition";
    }
    return "not known to this version of mdlsim";
}

static uint64_t number(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) > 0
               ? (uint64_t)json_integer_value(value)
               : 0;
}

static void print_cost(struct text *t, const struct prices *p, const char *key, uint64_t cycles,
                       bool json, bool first)
{
    uint64_t price = number(json_object_get(p->costs, key));
    uint64_t count = price > 0 ? cycles / price : 0;
    if (!json) {
        text_put(t, "  ");
        explain_pad(t, key, 16);
        explain_number(t, cycles, 10);
        text_put(t, " =");
        explain_number(t, count, 8);
        text_put(t, " x");
        explain_number(t, price, 8);
        text_format(t, "  %s\n", source_of(p, key, price));
        return;
    }
    if (!first) JSON_PUT(t, ", ");
    JSON_PUT(t, "{\"primitive\": ");
    json_quoted(t, key);
    JSON_PUT(t, ", \"cycles\": ");
    json_count(t, cycles);
    JSON_PUT(t, ", \"count\": ");
    json_count(t, count);
    JSON_PUT(t, ", \"price\": ");
    json_count(t, price);
    JSON_PUT(t, ", \"source\": ");
    json_quoted(t, source_of(p, key, price));
    json_char(t, '}');
}

static void print_event(const struct trace_reader *r, json_t *event, bool json, struct text *t)
{
    struct prices prices = prices_of(r);
    const char *call = json_string_value(json_object_get(event, "call"));
    uint64_t seq = number(json_object_get(event, "seq"));
    uint64_t line = number(json_object_get(event, "line"));
    uint64_t cycles = number(json_object_get(event, "cycles"));
    json_t *cost = json_object_get(event, "cost"), *value;
    const char *key;
    bool first = true;
    if (json) {
        text_format(t, "{\"seq\": %u, \"call\": ", seq);
        json_quoted(t, call);
        text_format(t, ", \"line\": %u, \"cycles\": %u, \"cost\": [", line, cycles);
    } else {
        text_format(t, "event %u: ", seq);
        text_quoted(t, call, strlen(call), 200);
        text_format(t, ", line %u of the scenario, %u cycles\n", line, cycles);
        text_format(t, "processor: %s\n\n",
                    prices.preset != NULL ? prices.preset->name : "unknown");
        text_put(t, "  primitive           cycles =   count x   price  where the price is from\n");
    }
    json_object_foreach(cost, key, value) {
        print_cost(t, &prices, key, number(value), json, first);
        first = false;
    }
    if (json) text_put(t, "]}\n");
    if (!json && first) text_put(t, "  nothing: it took no time\n");
}

/* Reads up to the event; NULL at the end or on trouble. The events of single accesses (--detail
 * access) have the number of the step's event, which is the one without "l1_hit". */
static json_t *find_event(struct trace_reader *r, uint64_t seq)
{
    struct trace_event e;
    while (trace_next(r, &e)) {
        struct scan_span span = e.values[SCAN_SEQ];
        uint64_t found = 0;
        for (size_t i = span.start; i < span.end && e.bytes[i] >= '0' && e.bytes[i] <= '9'; i++) {
            found = found * 10 + (uint64_t)(e.bytes[i] - '0');
        }
        if (span.end == 0 || found != seq) continue;
        json_t *event = trace_parse(r, e.bytes, e.length, e.line);
        if (event == NULL || json_object_get(event, "l1_hit") == NULL) return event;
        json_decref(event);
    }
    return NULL;
}

int explain_event(const struct trace_source *source, uint64_t seq, bool json, struct text *out)
{
    struct trace_reader r;
    json_t *event = trace_open(&r, source, out->from) ? find_event(&r, seq) : NULL;
    int status = r.status;
    if (event != NULL) {
        print_event(&r, event, json, out);
    } else if (status != TRACE_OK) {
        text_put(out, text_string(&r.error));
    } else {
        status = TRACE_INVALID;
        text_format(out, "%s: there is no event %u", source->name, seq);
    }
    json_decref(event);
    trace_close(&r);
    return status;
}
