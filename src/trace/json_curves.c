/* Miss curves and working-set curves of a replay, as part of its event. */
#include "trace/json_sink.h"
#include "trace/json_write.h"

/* [ways, misses], with the error of an estimate third, where misses change. */
static void put_misses(struct text *t, const struct curves *c, uint32_t size, uint32_t set)
{
    const struct curves_plan *plan = curves_plan_of(c);
    uint64_t before = UINT64_MAX, error;
    for (uint64_t ways = 1; ways <= plan->max_entries / plan->sets[set]; ways++) {
        uint64_t misses = curves_misses(c, size, set, ways, &error);
        if (misses == before) continue;
        json_bytes(t, ways > 1 ? ", [" : "[", ways > 1 ? 3 : 1);
        json_u64(t, ways);
        JSON_PUT(t, ", ");
        json_count(t, misses);
        if (plan->sample > 1) JSON_PUT(t, ", ");
        if (plan->sample > 1) json_count(t, error);
        json_char(t, ']');
        before = misses;
    }
}

static void put_working_set(struct text *t, const struct curves *c, uint32_t size)
{
    struct curves_window windows[CURVES_WINDOWS_MOST];
    uint64_t pages;
    uint32_t count = curves_working_set(c, size, &pages, windows);
    JSON_PUT(t, ", \"pages\": ");
    json_count(t, pages);
    JSON_PUT(t, ", \"working_set\": [");
    for (uint32_t i = 0; i < count; i++) {
        json_bytes(t, i > 0 ? ", [" : "[", i > 0 ? 3 : 1);
        json_count(t, windows[i].length);
        JSON_PUT(t, ", ");
        json_count(t, windows[i].count);
        JSON_PUT(t, ", ");
        json_count(t, windows[i].pages);
        json_char(t, ']');
    }
    json_char(t, ']');
}

void json_curves(struct text *t, const struct curves *c)
{
    const struct curves_plan *plan = curves_plan_of(c);
    JSON_PUT(t, "{\"sample\": ");
    json_count(t, plan->sample);
    JSON_PUT(t, ", \"max_entries\": ");
    json_count(t, plan->max_entries);
    JSON_PUT(t, ", \"page_sizes\": [");
    for (uint32_t size = 0; size < plan->size_count; size++) {
        if (size > 0) JSON_PUT(t, ", ");
        JSON_PUT(t, "{\"bytes\": ");
        json_count(t, (uint64_t)1 << plan->shifts[size]);
        JSON_PUT(t, ", \"lookups\": ");
        json_count(t, curves_lookups(c, size));
        put_working_set(t, c, size);
        JSON_PUT(t, ", \"arrays\": [");
        for (uint32_t set = 0; set < plan->set_count; set++) {
            if (set > 0) JSON_PUT(t, ", ");
            JSON_PUT(t, "{\"sets\": ");
            json_count(t, plan->sets[set]);
            JSON_PUT(t, ", \"misses\": [");
            put_misses(t, c, size, set);
            JSON_PUT(t, "]}");
        }
        JSON_PUT(t, "]}");
    }
    JSON_PUT(t, "]}");
}
