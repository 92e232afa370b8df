/* Segments made from records. */
#include "replay/segment.h"

#include <string.h>

/* The most events that one record can make: both lookups of both accesses of a modify. */
enum { RECORD_EVENTS_MAX = 4 };

void segment_begin(struct segment_builder *b, uint64_t first)
{
    struct access_segment *s = &b->segment;
    s->first = b->next = first;
    s->records = s->event_count = 0;
    memset(s->count, 0, sizeof s->count);
    memset(s->bytes, 0, sizeof s->bytes);
    memset(s->lookups, 0, sizeof s->lookups);
    memset(b->before, 0, sizeof b->before);
    for (unsigned side = 0; side < ACCESS_SIDE_COUNT; side++) {
        struct segment_filter *f = &b->filter[side];
        memset(f->used, 0, sizeof f->used);
        memset(f->order, 0, sizeof f->order);
        memset(f->written, 0, sizeof f->written);
    }
}

/* Brings a place to the front of an order that has it among the first `count`; or, with the count
 * less one, puts it before them. */
static uint8_t to_front(uint8_t order, unsigned place, unsigned count)
{
    unsigned at = 0;
    while (at + 1 < count && (order >> 2 * at & 3U) != place) at++;
    unsigned all = order, below = all & ((1U << 2 * at) - 1), above = all >> 2 * (at + 1);
    return (uint8_t)(above << 2 * (at + 1) | below << 2 | place);
}

static void add_event(struct segment_builder *b, enum filter_event_type type, uint64_t address,
                      unsigned slot)
{
    struct access_segment *s = &b->segment;
    s->event[s->event_count++] =
        (struct filter_event){ address, { b->before[0], b->before[1] }, (uint8_t)type,
                               (uint8_t)slot };
    b->before[0] = b->before[1] = 0;
}

/* A page that the filter lacks comes in. */
static unsigned enter(struct segment_filter *f, unsigned set, uint64_t page, bool writes)
{
    unsigned place = f->used[set] < FILTER_WAYS ? f->used[set]++
                                                : f->order[set] >> 2 * (FILTER_WAYS - 1) & 3U;
    f->page[set * FILTER_WAYS + place] = page;
    f->order[set] = to_front(f->order[set], place, f->used[set]);
    f->written[set] = (uint8_t)((f->written[set] & ~(1U << place)) | (unsigned)writes << place);
    return set * FILTER_WAYS + place;
}

/* One lookup. */
static void look_up(struct segment_builder *b, enum access_side side, uint64_t address,
                    enum filter_event_type type)
{
    struct segment_filter *f = &b->filter[side];
    uint64_t page = access_page(address);
    unsigned set = (unsigned)(page % FILTER_SETS), place = 0;
    bool writes = type == FILTER_EVENT_WRITE;
    while (place < f->used[set] && f->page[set * FILTER_WAYS + place] != page) place++;
    b->segment.lookups[side]++;
    if (place == f->used[set]) {
        add_event(b, type, address, enter(f, set, page, writes));
        return;
    }
    f->order[set] = to_front(f->order[set], place, f->used[set]);
    if (!writes || (f->written[set] >> place & 1) != 0) {
        b->before[side]++;
        return;
    }
    f->written[set] = (uint8_t)(f->written[set] | 1U << place);
    add_event(b, FILTER_EVENT_FIRST_WRITE, address, set * FILTER_WAYS + place);
}

static void add_access(struct segment_builder *b, const struct access *a, enum access_sort sort)
{
    static const uint8_t types[] = { [ACCESS_SORT_READ] = FILTER_EVENT_READ,
                                     [ACCESS_SORT_WRITE] = FILTER_EVENT_WRITE,
                                     [ACCESS_SORT_FETCH] = FILTER_EVENT_FETCH };
    enum access_side side = sort == ACCESS_SORT_FETCH ? ACCESS_SIDE_CODE : ACCESS_SIDE_DATA;
    uint64_t last = a->address + (a->size - 1);
    b->segment.count[sort]++;
    b->segment.bytes[sort] += a->size;
    look_up(b, side, a->address, types[sort]);
    if (access_page(last) != access_page(a->address))
        look_up(b, side, access_page(last) * PAGE_BYTES, types[sort]);
}

bool segment_add(struct segment_builder *b, const struct access *a)
{
    struct access_segment *s = &b->segment;
    if (s->records == SEGMENT_RECORDS_MAX ||
        s->event_count > SEGMENT_EVENTS_MAX - RECORD_EVENTS_MAX)
        return false;
    if (a->kind == ACCESS_FETCH) add_access(b, a, ACCESS_SORT_FETCH);
    else if (a->kind != ACCESS_STORE) add_access(b, a, ACCESS_SORT_READ);
    if (a->kind == ACCESS_STORE || a->kind == ACCESS_MODIFY) add_access(b, a, ACCESS_SORT_WRITE);
    s->records++;
    b->next++;
    return true;
}

void segment_finish(struct segment_builder *b)
{
    for (unsigned side = 0; side < ACCESS_SIDE_COUNT; side++)
        memcpy(b->segment.order[side], b->filter[side].order, FILTER_SETS);
}
