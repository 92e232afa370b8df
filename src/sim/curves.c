/* Miss curves and working-set curves of a replay.
 *
 * The pages used last stand in a short list, the front, in the order of use. A page found there is
 * only moved within it. What falls out of the front goes on top of the stacks of its sets, and what
 * is not in the front is taken out of them; its distance in a stack is what lies above it there and
 * what is of the same set in the front. */
#include "sim/curves.h"

#include "base/check.h"
#include "base/map.h"
#include "model/tlb_set.h"
#include "sim/lru_stack.h"

#include <string.h>

enum { FRONT = 16, GROUPS = 8, OCTAVES = 64 };

/* Arrays of one number of sets. */
struct curve_stack {
    struct lru_stacks lru;
    uint32_t depth;  /* distances that are told apart: of the sampled pages alone */
    uint64_t *found; /* [group * depth + distance]: lookups; at the end those of less, too */
};

/* One page size. */
struct curve {
    uint32_t shift;
    uint64_t front_page[FRONT], front_time[FRONT]; /* latest first */
    uint64_t front_item[FRONT];
    uint32_t front_count;
    struct map items; /* page -> item */
    uint64_t *last_time; /* by item */
    uint32_t *slots;     /* [item * set_count + set number] */
    size_t item_count, time_room, slot_room;
    struct curve_stack stacks[CURVES_SETS_MOST];
    uint64_t near[65]; /* by number of trailing bits that two pages share: set counts as bytes */
    uint64_t time, start; /* lookups in all, before the restart */
    uint64_t sampled[GROUPS], repeated[GROUPS]; /* lookups; of the page in front */
    uint64_t pages, first_times; /* that were touched, and the sum of when at first */
    uint64_t first_count[OCTAVES], first_sum[OCTAVES];       /* first touches by octave of time */
    uint64_t interval_count[OCTAVES], interval_sum[OCTAVES]; /* between touches, the same */
};

struct curves {
    const struct allocator *from;
    struct curves_plan plan;
    struct curve curve[CURVES_SIZES_MOST];
};

const struct curves_plan *curves_plan_of(const struct curves *c)
{
    return &c->plan;
}

/* ---- begin and end ---- */

static uint32_t depth_of(const struct curves_plan *plan, uint32_t set)
{
    uint64_t ways = plan->max_entries / plan->sets[set];
    return (uint32_t)((ways + plan->sample - 1) / plan->sample);
}

static uint32_t group_count(const struct curves_plan *plan)
{
    return plan->sample > 1 ? GROUPS : 1;
}

static void curve_init(struct curves *c, struct curve *v, uint32_t shift)
{
    v->shift = shift;
    map_init(&v->items, c->from);
    for (uint32_t i = 0; i < c->plan.set_count; i++) {
        struct curve_stack *s = &v->stacks[i];
        uint32_t bits = (uint32_t)__builtin_ctz(c->plan.sets[i]);
        s->depth = depth_of(&c->plan, i);
        s->found = mem_new(c->from, (size_t)group_count(&c->plan) * s->depth, sizeof *s->found);
        lru_init(&s->lru, c->from, c->plan.sets[i], s->depth);
        for (uint32_t shared = bits; shared <= 64; shared++)
            v->near[shared] |= (uint64_t)1 << (8 * i);
    }
}

struct curves *curves_new(const struct allocator *from, const struct curves_plan *plan)
{
    struct curves *c = mem_new(from, 1, sizeof *c);
    *c = (struct curves){ .from = from, .plan = *plan };
    for (uint32_t i = 0; i < plan->size_count; i++) curve_init(c, &c->curve[i], plan->shifts[i]);
    return c;
}

static void curve_free(struct curves *c, struct curve *v)
{
    map_free(&v->items);
    mem_free(c->from, v->last_time, v->time_room, sizeof *v->last_time);
    mem_free(c->from, v->slots, v->slot_room, sizeof *v->slots);
    for (uint32_t i = 0; i < c->plan.set_count; i++) {
        struct curve_stack *s = &v->stacks[i];
        mem_free(c->from, s->found, (size_t)group_count(&c->plan) * s->depth, sizeof *s->found);
        lru_free(&s->lru);
    }
}

void curves_free(struct curves *c)
{
    for (uint32_t i = 0; i < c->plan.size_count; i++) curve_free(c, &c->curve[i]);
    mem_free(c->from, c, 1, sizeof *c);
}

void curves_restart(struct curves *c)
{
    for (uint32_t i = 0; i < c->plan.size_count; i++) {
        struct curve *v = &c->curve[i];
        v->start = v->time;
        v->pages = v->first_times = 0;
        memset(v->sampled, 0, sizeof v->sampled);
        memset(v->repeated, 0, sizeof v->repeated);
        memset(v->first_count, 0, sizeof v->first_count);
        memset(v->first_sum, 0, sizeof v->first_sum);
        memset(v->interval_count, 0, sizeof v->interval_count);
        memset(v->interval_sum, 0, sizeof v->interval_sum);
        for (uint32_t s = 0; s < c->plan.set_count; s++)
            memset(v->stacks[s].found, 0,
                   (size_t)group_count(&c->plan) * v->stacks[s].depth * sizeof *v->stacks[s].found);
    }
}

/* ---- lookups ---- */

/* SplitMix64's finalizer: the sampled pages must not be those of some sets. */
static uint64_t hash_of(uint64_t page)
{
    page = (page ^ page >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    page = (page ^ page >> 27) * UINT64_C(0x94D049BB133111EB);
    return page ^ page >> 31;
}

/* The octave whose lengths are above 2^i, up to 2^(i + 1); 0 is in the lowest. */
static unsigned octave_of(uint64_t length)
{
    return length <= 2 ? 0 : 63 - (unsigned)__builtin_clzll(length - 1);
}

/* A touch of a page at v->time, whose last one was at `last`. */
static void note_time(struct curve *v, uint64_t last)
{
    bool is_first = last <= v->start;
    uint64_t length = v->time - (is_first ? v->start : last);
    unsigned octave = octave_of(length);
    if (is_first) {
        v->pages++;
        v->first_count[octave] += length > 1;
        v->first_sum[octave] += length > 1 ? length : 0;
    } else if (length > 1) {
        v->interval_count[octave]++;
        v->interval_sum[octave] += length;
    }
}

static uint32_t set_of(uint32_t sets, uint64_t page)
{
    return (uint32_t)(page & (sets - 1));
}

/* How many of the first `k` pages of the front are of the page's set: a byte by set count. */
static uint64_t near_front(const struct curve *v, uint64_t page, uint32_t k)
{
    uint64_t near = 0;
    for (uint32_t i = 0; i < k; i++)
        near += v->near[__builtin_ctzll((v->front_page[i] ^ page) | (uint64_t)1 << 63)];
    return near;
}

static void count_distances(const struct curves *c, struct curve *v, uint32_t group, uint64_t near)
{
    for (uint32_t i = 0; i < c->plan.set_count; i++, near >>= 8) {
        struct curve_stack *s = &v->stacks[i];
        if ((near & 0xFF) < s->depth) s->found[(size_t)group * s->depth + (near & 0xFF)]++;
    }
}

static void front_rotate(struct curve *v, uint32_t k, uint64_t page, uint64_t item)
{
    tlb_set_rotate(v->front_page, k, page);
    tlb_set_rotate(v->front_item, k, item);
    tlb_set_rotate(v->front_time, k, v->time);
}

/* The item of a page; a new one was never touched and is in no stack. */
static uint32_t item_of(struct curves *c, struct curve *v, uint64_t page)
{
    uint64_t item;
    size_t sets = c->plan.set_count;
    if (map_get(&v->items, page, &item)) return (uint32_t)item;
    item = v->item_count++;
    CHECK2(item < LRU_NOWHERE, item, page);
    map_set(&v->items, page, item);
    v->last_time =
        mem_grow(c->from, v->last_time, &v->time_room, v->item_count, sizeof *v->last_time);
    v->slots = mem_grow(c->from, v->slots, &v->slot_room, v->item_count * sets, sizeof *v->slots);
    v->last_time[item] = 0;
    for (size_t i = 0; i < sets; i++) v->slots[item * sets + i] = LRU_NOWHERE;
    return (uint32_t)item;
}

/* The oldest of the front goes on top of its stacks. */
static void front_leave(const struct curves *c, struct curve *v)
{
    uint64_t page = v->front_page[FRONT - 1], item = v->front_item[FRONT - 1];
    v->last_time[item] = v->front_time[FRONT - 1];
    for (uint32_t i = 0; i < c->plan.set_count; i++)
        lru_push(&v->stacks[i].lru, set_of(c->plan.sets[i], page), (uint32_t)item,
                 &v->slots[i], c->plan.set_count);
}

/* A page that is not in the front. */
static void look_deeper(struct curves *c, struct curve *v, uint64_t page, uint32_t group)
{
    uint32_t item = item_of(c, v, page);
    uint64_t near = near_front(v, page, v->front_count);
    uint32_t *slots = &v->slots[(size_t)item * c->plan.set_count];
    for (uint32_t i = 0; i < c->plan.set_count; i++, near >>= 8) {
        struct curve_stack *s = &v->stacks[i];
        if (slots[i] == LRU_NOWHERE) continue;
        uint64_t distance =
            (near & 0xFF) + lru_take(&s->lru, set_of(c->plan.sets[i], page), slots[i]);
        slots[i] = LRU_NOWHERE;
        if (distance < s->depth) s->found[(size_t)group * s->depth + distance]++;
    }
    note_time(v, v->last_time[item]);
    if (v->front_count == FRONT) front_leave(c, v);
    else v->front_count++;
    front_rotate(v, v->front_count - 1, page, item);
}

static void look_up(struct curves *c, struct curve *v, uint64_t page)
{
    uint32_t group = 0;
    v->time++;
    if (v->front_page[0] == page && v->front_time[0] > v->start && c->plan.sample == 1) {
        v->front_time[0] = v->time;
        v->sampled[0]++;
        v->repeated[0]++;
        return;
    }
    if (c->plan.sample > 1) {
        uint64_t hash = hash_of(page);
        if (hash % c->plan.sample != 0) return;
        group = (uint32_t)(hash / c->plan.sample % GROUPS);
    }
    v->sampled[group]++;
    uint32_t k = tlb_set_way(v->front_page, v->front_count, page);
    if (k == v->front_count) {
        look_deeper(c, v, page, group);
        return;
    }
    note_time(v, v->front_time[k]);
    if (k == 0) v->repeated[group]++;
    else count_distances(c, v, group, near_front(v, page, k));
    front_rotate(v, k, page, v->front_item[k]);
}

static void add_record(struct curves *c, struct curve *v, const struct access *a)
{
    uint64_t page = a->address >> v->shift, last = (a->address + a->size - 1) >> v->shift;
    for (unsigned times = a->kind == ACCESS_MODIFY ? 2 : 1; times > 0; times--) {
        look_up(c, v, page);
        if (last != page) look_up(c, v, last);
    }
}

void curves_add(struct curves *c, const struct access *batch, size_t count)
{
    for (uint32_t n = 0; n < c->plan.size_count; n++)
        for (size_t i = 0; i < count; i++) add_record(c, &c->curve[n], &batch[i]);
}

/* ---- results ---- */

static void add_up(const struct curves *c, struct curve *v)
{
    for (uint32_t i = 0; i < v->front_count; i++) v->last_time[v->front_item[i]] = v->front_time[i];
    for (uint32_t i = 0; i < c->plan.set_count; i++) {
        struct curve_stack *s = &v->stacks[i];
        for (uint32_t g = 0; g < group_count(&c->plan); g++) {
            s->found[(size_t)g * s->depth] += v->repeated[g];
            for (size_t d = 1; d < s->depth; d++)
                s->found[g * s->depth + d] += s->found[g * s->depth + d - 1];
        }
    }
}

void curves_finish(struct curves *c)
{
    for (uint32_t i = 0; i < c->plan.size_count; i++) add_up(c, &c->curve[i]);
}

uint64_t curves_lookups(const struct curves *c, uint32_t size)
{
    return c->curve[size].time - c->curve[size].start;
}

static uint64_t root_of(uint64_t n)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 31; bit != 0; bit >>= 1)
        if ((root | bit) * (root | bit) <= n) root |= bit;
    return root;
}

/* Of the sum of what the groups of pages say, by how much they differ: the square root of
 * GROUPS / (GROUPS - 1) * sum of squares of what each is off their mean. */
static uint64_t spread(const uint64_t *misses, uint64_t sum)
{
    uint64_t most = 0, squares = 0, off[GROUPS];
    unsigned shift = 0;
    for (unsigned g = 0; g < GROUPS; g++) {
        uint64_t mean = sum / GROUPS;
        off[g] = misses[g] > mean ? misses[g] - mean : mean - misses[g];
        if (off[g] > most) most = off[g];
    }
    while (most >> shift >= UINT64_C(1) << 28) shift++;
    for (unsigned g = 0; g < GROUPS; g++) squares += (off[g] >> shift) * (off[g] >> shift);
    return root_of(squares * GROUPS / (GROUPS - 1)) << shift;
}

uint64_t curves_misses(const struct curves *c, uint32_t size, uint32_t set, uint64_t ways,
                       uint64_t *error)
{
    const struct curve *v = &c->curve[size];
    const struct curve_stack *s = &v->stacks[set];
    uint64_t misses[GROUPS], sum = 0, sample = c->plan.sample, most = curves_lookups(c, size);
    uint64_t hits_below = (ways + sample - 1) / sample;
    for (uint32_t g = 0; g < group_count(&c->plan); g++) {
        misses[g] = v->sampled[g] - s->found[(size_t)g * s->depth + hits_below - 1];
        sum += misses[g];
    }
    *error = sample > 1 ? sample * spread(misses, sum) : 0;
    return sum * sample < most ? sum * sample : most;
}

/* The sum of what lengths are above 2^octave. */
static uint64_t excess(const uint64_t *counts, const uint64_t *sums, unsigned octave)
{
    uint64_t count = 0, sum = 0;
    for (unsigned i = octave; i < OCTAVES; i++) {
        count += counts[i];
        sum += sums[i];
    }
    return sum - (count << octave);
}

/* The same from the last touch of each page to the end. */
static uint64_t excess_at_end(const struct curve *v, uint64_t window)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < v->item_count; i++) {
        uint64_t left = v->time - v->last_time[i] + 1;
        if (v->last_time[i] > v->start && left > window) sum += left - window;
    }
    return sum;
}

/* Each of the pages is missing from those windows that lie wholly before its first touch, after its
 * last, or between two of them (Xiang, Ding, Luo and Bao, 2013). */
uint32_t curves_working_set(const struct curves *c, uint32_t size, uint64_t *pages,
                            struct curves_window out[CURVES_WINDOWS_MOST])
{
    const struct curve *v = &c->curve[size];
    uint64_t lookups = curves_lookups(c, size);
    uint32_t count = 0;
    *pages = v->pages * c->plan.sample;
    for (; count < CURVES_WINDOWS_MOST && (UINT64_C(1) << count) <= lookups; count++) {
        uint64_t length = UINT64_C(1) << count, windows = lookups - length + 1;
        uint64_t missing = excess(v->first_count, v->first_sum, count) +
                           excess(v->interval_count, v->interval_sum, count) +
                           excess_at_end(v, length);
        out[count] =
            (struct curves_window){ length, windows, (v->pages * windows - missing) *
                                                         c->plan.sample };
    }
    return count;
}
