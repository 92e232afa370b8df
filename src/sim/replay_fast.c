/* The fast path of replays. */
#include "sim/replay_fast.h"

#include "sim/replay_look.h"

/* So many records at most between two settlements: halves must not overflow. */
enum { SETTLE_RECORDS = 1 << 20 };

/* ---- begin ---- */

static bool array_begin(struct fast_array *a, struct tlb_level *level, enum page_size size)
{
    if ((level->sizes >> size & 1) == 0) return false;
    struct tlb_array *array = &level->array[level->array_of[size]];
    if (array->policy != POLICY_LRU || array->hashed || (array->sets & (array->sets - 1)) != 0 ||
        array->ways > TLB_SET_WAYS_MOST)
        return false;
    *a = (struct fast_array){ .tag = array->tag,
                              .data = array->data,
                              .mask = array->sets - 1,
                              .ways = array->ways,
                              .level = level,
                              .array = array };
    return true;
}

static struct fast_lane lane_of(struct fast_array *first, struct fast_array *large,
                                struct fast_array *second, enum access_type type)
{
    static const uint64_t bits[ACCESS_TYPE_COUNT] = {
        [ACCESS_READ] = 0, [ACCESS_WRITE] = PTE_WRITE | PTE_DIRTY, [ACCESS_EXECUTE] = PTE_NO_EXECUTE
    };
    uint64_t typed = (uint64_t)7 << TRANSLATION_TYPE_SHIFT; /* write-back memory has none set */
    return (struct fast_lane){ .tag = first->tag,
                               .data = first->data,
                               .mask = first->mask,
                               .ways = first->ways,
                               .bits = PTE_USER | typed | bits[type],
                               .want = PTE_USER | (bits[type] & ~PTE_NO_EXECUTE),
                               .lookups = type == ACCESS_EXECUTE ? (uint64_t)1 << CODE_SHIFT : 1,
                               .type = (uint8_t)type,
                               .first = first,
                               .large = large,
                               .second = second };
}

/* Which tags user pages have now. On its way into user mode the processor loads CR3 first. */
void fast_context(struct fast *f)
{
    const struct cpu *cpu = f->s->hw.cpu;
    bool leaves = cpu->leaves_on == SIDE_USER;
    f->space = tlb_tag(0, PAGE_4K, cpu->context[0]);
    f->page_end = leaves ? 0 : f->s->mm.config->highest_user.v / PAGE_BYTES + 1;
    short_walks_begin(&f->short_walks, &f->s->hw);
    for (uint64_t i = 0; i <= f->fronts.mask; i++) f->fronts.known[i] = FRONT_NONE;
    for (unsigned i = 0; i < FAST_KINDS; i++) {
        struct fast_lane *l = &f->lane[i];
        bool small = l->first != NULL && !has_large(l->first->level);
        l->looks_large = l->first != NULL && l->large->array != NULL &&
                         l->first->level->valid[PAGE_2M] != 0;
        l->looks_further = small && l->second->array != NULL && !has_large(l->second->level);
        l->walks = l->looks_further && !f->s->hw.nested;
    }
}

/* The arrays and lanes of the current processor, which stay what they are. */
static bool lanes_begin(struct fast *f, struct sim *s)
{
    struct cpu *cpu = s->hw.cpu;
    bool has_code = cpu->l1i.sizes != 0;
    *f = (struct fast){ .s = s };
    if (s->sink != NULL && s->sink->access != NULL) return false;
    if (!array_begin(&f->data, &cpu->l1d, PAGE_4K)) return false;
    if (has_code && !array_begin(&f->code, &cpu->l1i, PAGE_4K)) return false;
    array_begin(&f->second, &cpu->l2, PAGE_4K);
    array_begin(&f->second_code, &cpu->l2i, PAGE_4K);
    array_begin(&f->large_data, &cpu->l1d, PAGE_2M);
    if (has_code) array_begin(&f->large_code, &cpu->l1i, PAGE_2M);
    struct fast_array *code = has_code ? &f->code : &f->data;
    struct fast_array *large_code = has_code ? &f->large_code : &f->large_data;
    bool apart = has_code && cpu->l2i.sizes != 0;
    f->lane[ACCESS_LOAD] = lane_of(&f->data, &f->large_data, &f->second, ACCESS_READ);
    f->lane[ACCESS_STORE] = lane_of(&f->data, &f->large_data, &f->second, ACCESS_WRITE);
    /* A load that hits where a store would: nothing lies between the two. */
    f->lane[ACCESS_MODIFY] = f->lane[ACCESS_STORE];
    f->lane[ACCESS_MODIFY].lookups = 2;
    f->lane[ACCESS_MODIFY].doubles = 1;
    f->lane[ACCESS_MODIFY].type = ACCESS_READ;
    f->lane[ACCESS_FETCH] = lane_of(code, large_code, apart ? &f->second_code : &f->second,
                                   ACCESS_EXECUTE);
    for (unsigned i = 0; i < FAST_KINDS; i++) {
        f->fronts.lookups[i] = f->lane[i].lookups;
        f->fronts.times[i] = (uint64_t)1 << f->lane[i].doubles;
        f->lane[i].walk = lookup_of(&s->hw, va(0), (enum access_type)f->lane[i].type, true);
    }
    f->fronts.mask = (f->data.mask & code->mask & (FRONT_SETS - 1)) * FAST_KINDS + FAST_KINDS - 1;
    f->cpu = cpu;
    return true;
}

bool fast_begin(struct fast *f, struct sim *s, struct access_totals *totals)
{
    if (f->cpu != s->hw.cpu && !lanes_begin(f, s)) return false;
    f->totals = totals;
    f->walked = false;
    fast_context(f);
    return true;
}

/* ---- counting ---- */

/* Of the hits so many were in 2 MiB pages. */
static void count_lookups(struct tlb_level *level, uint64_t hits, uint64_t large, uint64_t misses)
{
    level->counts.lookups += hits + misses;
    level->counts.hits += hits;
    level->counts.misses += misses;
    level->counts.size_hits[PAGE_4K] += hits - large;
    level->counts.size_hits[PAGE_2M] += large;
}

static void count_fills(struct fast_array *a)
{
    a->level->valid[PAGE_4K] += a->fills - a->evictions;
    a->array->valid_count += a->fills - a->evictions;
    a->level->counts.evictions += a->evictions;
    a->level->counts.size_evictions[PAGE_4K] += a->evictions;
    a->fills = a->evictions = 0;
}

/* The misses of one side's first level: those that the second level had, and walks. */
static void settle_misses(struct fast *f, const struct fast_lane *l, uint64_t second,
                          uint64_t walks)
{
    if (second + walks == 0) return;
    count_lookups(l->first->level, 0, 0, second + walks);
    count_lookups(l->second->level, second, 0, walks);
    charge(&f->s->hw, COST_TLB_MISS, second + walks);
    count_fills(l->first);
    if (l->second->array != NULL) count_fills(l->second);
}

void fast_settle(struct fast *f)
{
    uint64_t data = (uint32_t)f->hits, code = f->hits >> CODE_SHIFT;
    uint64_t second = (uint32_t)f->second_hits, second_code = f->second_hits >> CODE_SHIFT;
    const struct fast_lane *of_data = &f->lane[ACCESS_LOAD], *of_code = &f->lane[ACCESS_FETCH];
    count_lookups(of_data->first->level, data, (uint32_t)f->large_hits, 0);
    count_lookups(of_code->first->level, code, f->large_hits >> CODE_SHIFT, 0);
    charge(&f->s->hw, COST_MEMORY, data + code + second + second_code + f->plain);
    f->totals->count += data + code + second + second_code + f->accesses;
    f->totals->bytes += f->bytes;
    settle_misses(f, of_data, second, (uint32_t)f->walks);
    settle_misses(f, of_code, second_code, f->walks >> CODE_SHIFT);
    if (f->short_walks.count != 0) short_walks_settle(&f->s->hw, &f->short_walks);
    f->hits = f->large_hits = f->second_hits = f->walks = f->accesses = f->bytes = f->plain = 0;
}

/* ---- records ---- */

static inline uint64_t front_key(uint64_t page, unsigned kind)
{
    return page * FAST_KINDS + kind;
}

/* Counts the records from `a` on that are known to need no more; returns the first other one. */
static inline const struct access *count_known(struct fast *f, const struct access *a,
                                               const struct access *end)
{
    const struct fronts *fronts = &f->fronts;
    uint64_t hits = 0, bytes = 0;
    for (; a < end; a++) {
        uint64_t key = front_key(access_page(a->address), a->kind);
        if (fronts->known[key & fronts->mask] != key || !access_in_page(a)) break;
        hits += fronts->lookups[a->kind];
        bytes += a->size * fronts->times[a->kind];
    }
    f->hits += hits;
    f->bytes += bytes;
    return a;
}

/* What is known of the page's set, for the kinds that are looked up in the array of this one. */
static inline void learn_front(struct fast *f, const struct fast_lane *of, uint64_t page)
{
    uint64_t entry = of->data[(page & of->mask) * of->ways];
    for (unsigned i = 0; i < FAST_KINDS; i++) {
        const struct fast_lane *l = &f->lane[i];
        uint64_t key = front_key(page, i);
        if (l->tag != of->tag) continue;
        f->fronts.known[key & f->fronts.mask] = (entry & l->bits) == l->want ? key : FRONT_NONE;
    }
}

static inline void forget_front(struct fast *f, uint64_t page)
{
    uint64_t *known = &f->fronts.known[front_key(page, 0) & f->fronts.mask];
    for (unsigned i = 0; i < FAST_KINDS; i++) known[i] = FRONT_NONE;
}

/* One record, by the first level if it has the page; learns or forgets what the lookups moved. A
 * miss is seldom followed by a record of the same page. Returns whether it was a hit. */
static inline bool one_record(struct fast *f, const struct access *a, const struct access *next,
                              struct touch *t)
{
    const struct fast_lane *l = &f->lane[a->kind];
    uint64_t page = access_page(a->address);
    enum found found = access_in_page(a) ? find_first(f, l, page) : FOUND_FORBIDS;
    if (found == FOUND) {
        f->hits += l->lookups;
        f->bytes += (uint64_t)a->size << l->doubles;
        learn_front(f, l, page);
        return true;
    }
    fast_record(f, a, found, next, t);
    forget_front(f, page);
    if (!access_in_page(a)) forget_front(f, page + 1);
    return false;
}

size_t fast_records(struct fast *f, const struct access *batch, size_t count, struct touch *t)
{
    const struct access *a = batch, *end = batch + count;
    CHECK(count <= SETTLE_RECORDS);
    while (a < end && t->end == TOUCH_OK) {
        bool hit = one_record(f, a, a + 1 < end ? a + 1 : NULL, t);
        a++;
        if (hit) a = count_known(f, a, end);
    }
    fast_settle(f);
    return (size_t)(a - batch);
}
