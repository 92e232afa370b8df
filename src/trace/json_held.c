/* Event lines that wait for the end of one before them. */
#include "trace/json_held.h"

#include "base/check.h"

#include <string.h>

void json_held_init(struct json_held *h, const struct allocator *from)
{
    text_init(&h->text, from);
    text_init(&h->run, from);
}

void json_held_free(struct json_held *h)
{
    text_free(&h->run);
    mem_free(h->text.from, h->lines, h->capacity, sizeof *h->lines);
    mem_free(h->text.from, h->ends, h->end_capacity, sizeof *h->ends);
    text_free(&h->text);
}

/* Room of lines that were taken is used again once it is half of all. */
static void close_up(struct json_held *h)
{
    if (!json_held_any(h)) {
        h->first = h->count = 0;
        h->aside_bytes = 0;
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
        if (h->lines[i].aside == 0) h->lines[i].at -= gone;
        if (h->lines[i].end_length != 0) h->lines[i].end_at -= gone;
    }
}

/* The lines from `i` on that only wait for their place, one behind the other in `run`. Returns the
 * number of the next one. */
static size_t gather_run(struct json_held *h, size_t i)
{
    text_clear(&h->run);
    for (; i < h->count && !h->lines[i].open && h->lines[i].aside == 0; i++) {
        const struct held_line *l = &h->lines[i];
        text_put(&h->run, h->before);
        text_bytes(&h->run, h->text.bytes + l->at, l->length);
        text_bytes(&h->run, h->text.bytes + l->end_at, l->end_length);
        text_put(&h->run, h->after);
    }
    return i;
}

/* So many lines, which are in `run`, follow line number `after`: they are part of it where that is
 * what was put aside last. Returns how many lines that makes more. */
static size_t put_run(struct json_held *h, size_t after, size_t lines)
{
    struct held_line *to = &h->lines[after];
    bool goes_on = to->aside != 0 && to->aside_at + to->aside_length == h->aside_bytes;
    if (!goes_on) *++to = (struct held_line){ .aside_at = h->aside_bytes };
    to->aside_length += h->run.length;
    to->aside += lines;
    h->elsewhere->put(h->elsewhere->context, h->aside_bytes, h->run.bytes, h->run.length);
    h->aside_bytes += h->run.length;
    return !goes_on;
}

/* All that only wait for their place; the others move together. The first one is open. */
static void put_aside(struct json_held *h)
{
    size_t kept = 0, bytes = 0;
    for (size_t i = h->first, next; i < h->count; i = next) {
        struct held_line l = h->lines[i];
        next = gather_run(h, i);
        if (next > i) {
            kept += put_run(h, kept - 1, next - i);
            continue;
        }
        next = i + 1;
        if (l.open) {
            memmove(h->text.bytes + bytes, h->text.bytes + l.at, l.length);
            l.at = bytes;
            bytes += l.length;
        }
        h->lines[kept++] = l;
    }
    h->first = 0;
    h->count = kept;
    h->text.length = bytes;
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
    if (h->elsewhere != NULL && h->text.length > h->elsewhere->most) put_aside(h);
}

/* Costs stand in the order of the table, those that are not 0. */
static void add_wait(struct held_end *end, int64_t cycles)
{
    uint32_t i = 0;
    if (cycles == 0) return;
    end->cycles += (uint64_t)cycles;
    while (i < end->cost_count && end->costs[i].cost < COST_LOCK_WAIT) i++;
    if (i == end->cost_count || end->costs[i].cost != COST_LOCK_WAIT) {
        memmove(end->costs + i + 1, end->costs + i, (end->cost_count - i) * sizeof *end->costs);
        end->costs[i] = (struct event_cost){ COST_LOCK_WAIT, 0 };
        end->cost_count++;
    }
    end->costs[i].cycles += (uint64_t)cycles;
    if (end->costs[i].cycles != 0) return;
    end->cost_count--;
    memmove(end->costs + i, end->costs + i + 1, (end->cost_count - i) * sizeof *end->costs);
}

void json_held_settle(struct json_held *h, uint32_t cpu, int64_t lock_wait, struct event *out)
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
