/* Event lines that wait for the end of one before them. */
#include "trace/json_held.h"

#include "base/check.h"

#include <string.h>

void json_held_free(struct json_held *h)
{
    mem_free(h->text.from, h->lines, h->capacity, sizeof *h->lines);
    mem_free(h->text.from, h->ends, h->end_capacity, sizeof *h->ends);
    text_free(&h->text);
}

/* Room of lines that were taken is used again once it is half of all. */
static void close_up(struct json_held *h)
{
    if (!json_held_any(h)) {
        h->first = h->count = 0;
        text_clear(&h->text);
        return;
    }
    size_t gone = h->lines[h->first].at;
    if (h->first < h->count / 2 || gone < h->text.length / 2) return;
    memmove(h->text.bytes, h->text.bytes + gone, h->text.length - gone);
    h->text.length -= gone;
    h->count -= h->first;
    memmove(h->lines, h->lines + h->first, h->count * sizeof *h->lines);
    h->first = 0;
    for (size_t i = 0; i < h->count; i++) {
        h->lines[i].at -= gone;
        if (h->lines[i].end_length != 0) h->lines[i].end_at -= gone;
    }
}

static void keep_end(struct json_held *h, const struct event *e)
{
    const struct held_end none = { .open = false };
    size_t known = h->end_capacity;
    h->ends = mem_grow(h->text.from, h->ends, &h->end_capacity, e->cpu + 1u, sizeof *h->ends);
    while (known < h->end_capacity) h->ends[known++] = none;
    struct held_end *end = &h->ends[e->cpu];
    CHECK2(!end->open, e->cpu, e->seq);
    *end = (struct held_end){ .open = true, .cycles = e->cycles, .cost_count = e->cost_count,
                              .delta = e->delta };
    memcpy(end->costs, e->costs, e->cost_count * sizeof *e->costs);
}

void json_held_add(struct json_held *h, const char *bytes, size_t length,
                   const struct event *open)
{
    close_up(h);
    struct held_line line = { .at = h->text.length, .length = length, .open = open != NULL };
    if (open != NULL) {
        line.cpu = open->cpu;
        keep_end(h, open);
    }
    text_bytes(&h->text, bytes, length);
    h->lines = mem_grow(h->text.from, h->lines, &h->capacity, h->count + 1, sizeof *h->lines);
    h->lines[h->count++] = line;
}

/* Costs stand in the order of the table. */
static void add_wait(struct held_end *end, uint64_t cycles)
{
    uint32_t i = 0;
    if (cycles == 0) return;
    end->cycles += cycles;
    while (i < end->cost_count && end->costs[i].cost < COST_LOCK_WAIT) i++;
    if (i == end->cost_count || end->costs[i].cost != COST_LOCK_WAIT) {
        memmove(end->costs + i + 1, end->costs + i, (end->cost_count - i) * sizeof *end->costs);
        end->costs[i] = (struct event_cost){ COST_LOCK_WAIT, 0 };
        end->cost_count++;
    }
    end->costs[i].cycles += cycles;
}

void json_held_settle(struct json_held *h, uint32_t cpu, uint64_t lock_wait, struct event *out)
{
    CHECK2(cpu < h->end_capacity && h->ends[cpu].open, cpu, h->end_capacity);
    struct held_end *end = &h->ends[cpu];
    add_wait(end, lock_wait);
    event_clear(out);
    out->cycles = end->cycles;
    out->costs = end->costs;
    out->cost_count = end->cost_count;
    out->delta = end->delta;
}

void json_held_close(struct json_held *h, uint32_t cpu, const char *bytes, size_t length)
{
    size_t i = h->first;
    while (!h->lines[i].open || h->lines[i].cpu != cpu) i++;
    h->lines[i].open = h->ends[cpu].open = false;
    h->lines[i].end_at = h->text.length;
    h->lines[i].end_length = length;
    text_bytes(&h->text, bytes, length);
}

bool json_held_take(struct json_held *h, struct held_line *out)
{
    if (!json_held_any(h) || h->lines[h->first].open) return false;
    *out = h->lines[h->first++];
    return true;
}
