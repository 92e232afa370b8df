/* Looking up and filling the arrays of a TLB, in line: what each simulated access does. Only for
 * src/model. LRU and FIFO sets are in order, empty places behind the others. */
#pragma once

#include "model/tlb.h"
#include "model/tlb_set.h"

static inline uint32_t tlb_way_of(const struct tlb_array *a, const uint64_t *tags, uint64_t tag)
{
    if (__builtin_expect(a->ways <= TLB_SET_WAYS_MOST, 1)) return tlb_set_way(tags, a->ways, tag);
    return tlb_set_way_portable(tags, a->ways, tag);
}

/* The data of a hit (order of use updated), NULL on a miss. */
static inline uint64_t *tlb_array_use(struct tlb_array *a, uint32_t set, uint64_t tag)
{
    size_t first = (size_t)set * a->ways;
    uint64_t *tags = &a->tag[first], *datas = &a->data[first];
    if (tlb_is_ordered(a)) {
        if (tags[0] == tag) return datas;
        if (tags[0] == TLB_NO_TAG) return NULL;
    }
    uint32_t way = tlb_way_of(a, tags, tag);
    if (way == a->ways) return NULL;
    if (a->policy == POLICY_LRU) {
        tlb_set_rotate_both(tags, datas, way, tag, datas[way]);
        return datas;
    }
    if (a->policy == POLICY_PLRU) plru_touch(&a->tree[set], a->ways, way);
    return &datas[way];
}

/* The way of a set that is not in order that gets the next entry (tlb.c). */
uint32_t tlb_array_victim(struct tlb_array *a, uint32_t set);

/* Fills after a miss; the tag of the entry that had to go, or TLB_NO_TAG. */
static inline uint64_t tlb_array_put(struct tlb_array *a, uint32_t set, uint64_t tag,
                                     uint64_t data)
{
    size_t first = (size_t)set * a->ways;
    uint64_t *tags = &a->tag[first], *datas = &a->data[first], old;
    uint32_t way = a->ways - 1;
    tlb_note_filled(a, set);
    if (tlb_is_ordered(a)) {
        old = tags[way];
        if (old == TLB_NO_TAG) way = tags[0] == TLB_NO_TAG ? 0 : tlb_way_of(a, tags, TLB_NO_TAG);
        tlb_set_rotate_both(tags, datas, way, tag, data);
    } else {
        way = tlb_array_victim(a, set);
        old = tags[way];
        tags[way] = tag;
        datas[way] = data;
        if (a->policy == POLICY_PLRU) plru_touch(&a->tree[set], a->ways, way);
    }
    a->valid_count += old == TLB_NO_TAG;
    return old;
}
