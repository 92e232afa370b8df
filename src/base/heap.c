/* A binary heap of numbered things by key. */
#include "base/heap.h"

#include "base/check.h"

void heap_init(struct heap *h, const struct allocator *from, uint32_t *place)
{
    *h = (struct heap){ .from = from, .place = place };
}

void heap_free(struct heap *h)
{
    mem_free(h->from, h->items, h->capacity, sizeof *h->items);
    *h = (struct heap){ .from = h->from, .place = h->place };
}

static void store(struct heap *h, size_t at, struct heap_item item)
{
    h->items[at] = item;
    h->place[item.id] = (uint32_t)at + 1;
}

static void rise(struct heap *h, size_t at, struct heap_item item)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!heap_before(&item, &h->items[parent])) break;
        store(h, at, h->items[parent]);
        at = parent;
    }
    store(h, at, item);
}

static void sink(struct heap *h, size_t at, struct heap_item item)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= h->count) break;
        if (child + 1 < h->count && heap_before(&h->items[child + 1], &h->items[child])) child++;
        if (!heap_before(&h->items[child], &item)) break;
        store(h, at, h->items[child]);
        at = child;
    }
    store(h, at, item);
}

void heap_put(struct heap *h, uint32_t id, uint64_t key)
{
    struct heap_item item = { key, id };
    size_t at = h->place[id];
    if (at == 0) {
        h->items = mem_grow(h->from, h->items, &h->capacity, h->count + 1, sizeof *h->items);
        rise(h, h->count++, item);
    } else if (heap_before(&item, &h->items[at - 1])) {
        rise(h, at - 1, item);
    } else {
        sink(h, at - 1, item);
    }
}

void heap_remove(struct heap *h, uint32_t id)
{
    size_t at = h->place[id];
    if (at == 0) return;
    h->place[id] = 0;
    struct heap_item last = h->items[--h->count];
    if (at - 1 == h->count) return;
    if (at > 1 && heap_before(&last, &h->items[(at - 2) / 2])) {
        rise(h, at - 1, last);
    } else {
        sink(h, at - 1, last);
    }
}

uint32_t heap_take(struct heap *h)
{
    CHECK(h->count > 0);
    uint32_t id = h->items[0].id;
    heap_remove(h, id);
    return id;
}

const struct heap_item *heap_second(const struct heap *h)
{
    if (h->count < 2) return NULL;
    if (h->count > 2 && heap_before(&h->items[2], &h->items[1])) return &h->items[2];
    return &h->items[1];
}
