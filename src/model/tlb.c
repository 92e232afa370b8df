/* Set-associative arrays with four replacement policies. LRU and FIFO keep a set in order, newest
 * first; PLRU and RANDOM keep entries in place. */
#include "model/tlb.h"

#include "base/check.h"
#include "model/tlb_use.h"

#include <string.h>

static uint32_t group_count(const struct tlb_array *a)
{
    return (a->sets + TLB_GROUP_SETS - 1) / TLB_GROUP_SETS;
}

/* Number of the set behind a group: the last one may have fewer. */
static uint32_t group_end(const struct tlb_array *a, uint32_t group)
{
    uint32_t end = (group + 1) * TLB_GROUP_SETS;
    return end < a->sets ? end : a->sets;
}

void tlb_array_init(struct tlb_array *a, const struct allocator *from, struct tlb_geometry g,
                    uint64_t seed)
{
    *a = (struct tlb_array){ .ways = g.ways, .policy = g.policy };
    if (g.entries == 0) return;
    CHECK(g.ways >= 1 && g.entries % g.ways == 0);
    a->sets = g.entries / g.ways;
    a->set_mask = (a->sets & (a->sets - 1)) == 0 ? a->sets - 1 : 0;
    a->tag = mem_new(from, g.entries, sizeof *a->tag);
    a->data = mem_new(from, g.entries, sizeof *a->data);
    a->tree = mem_new(from, a->sets, sizeof *a->tree);
    a->filled = mem_new(from, group_count(a), sizeof *a->filled);
    for (uint32_t i = 0; i < g.entries; i++) a->tag[i] = TLB_NO_TAG;
    rng_init(&a->rng, seed, 0x544C42);
}

void tlb_array_free(struct tlb_array *a, const struct allocator *from)
{
    if (a->sets == 0) return;
    size_t entries = (size_t)a->sets * a->ways;
    mem_free(from, a->tag, entries, sizeof *a->tag);
    mem_free(from, a->data, entries, sizeof *a->data);
    mem_free(from, a->tree, a->sets, sizeof *a->tree);
    mem_free(from, a->filled, group_count(a), sizeof *a->filled);
}

/* Tree PLRU over the next power of two of ways: each bit points away from the half used last. */
void plru_touch(uint64_t *tree, uint32_t ways, uint32_t way)
{
    uint32_t size = 1;
    while (size < ways) size *= 2;
    for (uint32_t node = 1, low = 0; size > 1; size /= 2) {
        bool upper = way >= low + size / 2;
        if (upper)
            *tree &= ~((uint64_t)1 << (node & 63));
        else
            *tree |= (uint64_t)1 << (node & 63);
        node = node * 2 + upper;
        if (upper) low += size / 2;
    }
}

uint32_t plru_victim(uint64_t tree, uint32_t ways)
{
    uint32_t size = 1, low = 0;
    while (size < ways) size *= 2;
    for (uint32_t node = 1; size > 1; size /= 2) {
        bool upper = (tree >> (node & 63) & 1) && low + size / 2 < ways;
        node = node * 2 + upper;
        if (upper) low += size / 2;
    }
    return low;
}

uint64_t *tlb_array_find(struct tlb_array *a, uint64_t number, uint64_t tag)
{
    return tlb_array_use(a, tlb_set_of(a, number), tag);
}

uint32_t tlb_array_victim(struct tlb_array *a, uint32_t set)
{
    uint32_t empty = tlb_way_of(a, &a->tag[(size_t)set * a->ways], TLB_NO_TAG);
    if (empty < a->ways) return empty;
    if (a->policy == POLICY_PLRU) return plru_victim(a->tree[set], a->ways);
    return (uint32_t)rng_below(&a->rng, a->ways);
}

bool tlb_array_fill(struct tlb_array *a, uint64_t number, uint64_t tag, uint64_t data,
                    uint64_t *evicted)
{
    *evicted = tlb_array_put(a, tlb_set_of(a, number), tag, data);
    return *evicted != TLB_NO_TAG;
}

static void drop_way(struct tlb_array *a, size_t base, uint32_t way)
{
    uint64_t *tags = &a->tag[base], *datas = &a->data[base];
    for (; tlb_is_ordered(a) && way + 1 < a->ways && tags[way + 1] != TLB_NO_TAG; way++) {
        tags[way] = tags[way + 1];
        datas[way] = datas[way + 1];
    }
    tags[way] = TLB_NO_TAG;
    a->valid_count--;
}

static uint64_t *tags_of(const struct tlb_array *a, uint64_t number, size_t *base)
{
    *base = (size_t)tlb_set_of(a, number) * a->ways;
    return &a->tag[*base];
}

uint64_t *tlb_array_peek(const struct tlb_array *a, uint64_t number, uint64_t tag)
{
    size_t base;
    if (a->valid_count == 0) return NULL;
    uint32_t way = tlb_way_of(a, tags_of(a, number, &base), tag);
    return way < a->ways ? &a->data[base + way] : NULL;
}

bool tlb_array_drop(struct tlb_array *a, uint64_t number, uint64_t tag)
{
    size_t base;
    if (a->valid_count == 0) return false;
    uint64_t *tags = tags_of(a, number, &base);
    if (tlb_is_ordered(a) && tags[0] == TLB_NO_TAG) return false;
    uint32_t way = tlb_way_of(a, tags, tag);
    if (way < a->ways) drop_way(a, base, way);
    return way < a->ways;
}

/* Those that stay of an ordered set move to its front. */
static uint64_t drop_set(struct tlb_array *a, size_t base, struct tlb_spaces spaces,
                         void (*dropped)(void *, uint64_t), void *context)
{
    uint64_t *tags = &a->tag[base], *datas = &a->data[base], count = 0;
    bool ordered = tlb_is_ordered(a);
    for (uint32_t way = 0, kept = 0; way < a->ways; way++) {
        uint64_t tag = tags[way];
        if (tag == TLB_NO_TAG && ordered) break;
        if (tag == TLB_NO_TAG) continue;
        tags[way] = TLB_NO_TAG;
        uint32_t space = tlb_tag_space(tag);
        if (space < spaces.first || space > spaces.last) {
            uint32_t to = ordered ? kept++ : way;
            tags[to] = tag;
            datas[to] = datas[way];
            continue;
        }
        count++;
        if (dropped != NULL) dropped(context, tag);
    }
    a->valid_count -= count;
    return count;
}

/* Just those groups are emptied that may have any entries. */
uint64_t tlb_array_empty(struct tlb_array *a)
{
    uint64_t count = a->valid_count;
    if (count == 0) return 0;
    for (uint32_t i = 0; i < group_count(a); i++) {
        if (a->filled[i] == 0) continue;
        uint32_t first = i * TLB_GROUP_SETS, sets = group_end(a, i) - first;
        memset(&a->tag[(size_t)first * a->ways], 0xFF, (size_t)sets * a->ways * sizeof *a->tag);
        a->filled[i] = 0;
    }
    a->valid_count = 0;
    return count;
}

uint64_t tlb_array_drop_spaces(struct tlb_array *a, struct tlb_spaces spaces,
                               void (*dropped)(void *context, uint64_t tag), void *context)
{
    uint64_t count = 0;
    if (a->valid_count == 0) return 0;
    for (uint32_t i = 0; i < group_count(a); i++) {
        if (a->filled[i] == 0) continue;
        for (uint32_t set = i * TLB_GROUP_SETS; set < group_end(a, i); set++)
            count += drop_set(a, (size_t)set * a->ways, spaces, dropped, context);
    }
    if (a->valid_count == 0) memset(a->filled, 0, group_count(a));
    return count;
}
