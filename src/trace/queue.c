/* The ring of events read ahead. Its slots keep their memory, so that nothing is allocated per
 * event. */
#include "trace/queue.h"

#include "base/check.h"
#include "trace/idmap.h"

#include <string.h>

bool queue_open(struct queue *q, const struct trace_source *source, const struct allocator *from)
{
    *q = (struct queue){ .from = from };
    q->slots = mem_new(from, QUEUE_SLOTS, sizeof *q->slots);
    return trace_open(&q->reader, source, from);
}

void queue_close(struct queue *q)
{
    for (size_t i = 0; i < QUEUE_SLOTS; i++) {
        mem_free(q->from, q->slots[i].bytes, q->slots[i].capacity, 1);
    }
    mem_free(q->from, q->slots, QUEUE_SLOTS, sizeof *q->slots);
    trace_close(&q->reader);
}

/* Copies what is compared behind the event itself: everything between the members that are not. */
static void slot_keep(struct queue_slot *slot, const struct trace_event *event)
{
    struct scan_span skip[SCAN_UNCOMPARED];
    size_t count = 0;
    for (size_t i = 0; i < SCAN_UNCOMPARED; i++) {
        if (event->members[i].end == 0) continue;
        size_t at = count++;
        for (; at > 0 && skip[at - 1].start > event->members[i].start; at--)
            skip[at] = skip[at - 1];
        skip[at] = event->members[i];
    }
    size_t from = 0;
    slot->kept_length = 0;
    char *kept = slot->bytes + event->length;
    for (size_t i = 0; i <= count; i++) {
        size_t until = i < count ? skip[i].start : event->length;
        memcpy(kept + slot->kept_length, event->bytes + from, until - from);
        slot->kept_length += until - from;
        if (i < count) from = skip[i].end;
    }
}

static void slot_set(struct queue *q, struct queue_slot *slot, const struct trace_event *event)
{
    slot->bytes = mem_grow(q->from, slot->bytes, &slot->capacity, 2 * event->length, 1);
    memcpy(slot->bytes, event->bytes, event->length);
    slot->length = event->length;
    slot->file_line = event->line;
    slot->number = q->taken + q->count;
    slot->has_key = false;
    memcpy(slot->members, event->members, sizeof slot->members);
    memcpy(slot->values, event->values, sizeof slot->values);
    slot_keep(slot, event);
}

/* The next event. The one that waits at the same place in the other trace is most often equal. */
static bool next_event(struct queue *q, struct trace_event *event, struct queue *other)
{
    if (other == NULL || other->count <= q->count) return trace_next(&q->reader, event);
    const struct queue_slot *slot = queue_at(other, q->count);
    struct trace_event like = { .bytes = slot->bytes, .length = slot->length };
    memcpy(like.members, slot->members, sizeof like.members);
    memcpy(like.values, slot->values, sizeof like.values);
    return trace_next_like(&q->reader, event, &like);
}

size_t queue_fill(struct queue *q, size_t count, struct queue *other)
{
    struct trace_event event;
    CHECK(count <= ALIGN_MAX);
    while (q->count < count && q->bytes < QUEUE_BYTES_MAX && next_event(q, &event, other)) {
        slot_set(q, &q->slots[(q->head + q->count) % QUEUE_SLOTS], &event);
        q->bytes += event.length;
        q->count++;
    }
    return q->count < count ? q->count : count;
}

struct queue_slot *queue_at(struct queue *q, size_t ahead)
{
    CHECK2(ahead < q->count, ahead, q->count);
    return &q->slots[(q->head + ahead) % QUEUE_SLOTS];
}

struct queue_slot *queue_taken(struct queue *q, uint64_t back)
{
    if (back > q->taken) return NULL;
    return &q->slots[(q->head + QUEUE_SLOTS - back) % QUEUE_SLOTS];
}

void queue_take(struct queue *q)
{
    CHECK(q->count > 0);
    q->bytes -= queue_at(q, 0)->length;
    q->head = (q->head + 1) % QUEUE_SLOTS;
    q->count--;
    q->taken++;
}

static uint64_t slot_hash(const struct queue_slot *slot, uint64_t seed, enum scan_key key)
{
    struct scan_span v = slot->values[key];
    return idmap_hash(seed, slot->bytes + v.start, v.end - v.start);
}

struct align_key queue_key(struct queue_slot *slot)
{
    if (!slot->has_key) {
        slot->key.name = slot_hash(slot, slot_hash(slot, 0, SCAN_THREAD), SCAN_CALL);
        slot->key.whole = slot_hash(slot, slot->key.name, SCAN_ARGS);
        slot->has_key = true;
    }
    return slot->key;
}

const char *queue_kept(const struct queue_slot *slot)
{
    return slot->bytes + slot->length;
}
