/* The fast path of replays. */
#include "sim/replay_fast.h"

#include "model/tlb_set.h"

enum { CODE_SHIFT = 32 };
/* So many records at most between two settlements: halves must not overflow. */
enum { SETTLE_RECORDS = 1 << 20 };

/* ---- begin ---- */

static bool array_begin(struct fast_array *a, struct tlb_level *level, enum page_size size)
{
    if ((level->sizes >> size & 1) == 0) return false;
    struct tlb_array *array = &level->array[level->array_of[size]];
    if (array->policy != POLICY_LRU || (array->sets & (array->sets - 1)) != 0 ||
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
                                enum access_type type)
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
                               .large = large };
}

static bool has_large(const struct tlb_level *level)
{
    return level->valid[PAGE_2M] + level->valid[PAGE_1G] != 0;
}

/* Which tags user pages have now. On its way into user mode the processor loads CR3 first. */
static void context_begin(struct fast *f)
{
    const struct cpu *cpu = f->s->hw.cpu;
    bool leaves = cpu->leaves_on == SIDE_USER;
    f->space = tlb_tag(0, PAGE_4K, cpu->context[0]);
    f->page_end = leaves ? 0 : f->s->mm.config->highest_user.v / PAGE_BYTES + 1;
}

bool fast_begin(struct fast *f, struct sim *s, struct access_totals *totals)
{
    struct cpu *cpu = s->hw.cpu;
    bool has_code = cpu->l1i.sizes != 0;
    *f = (struct fast){ .s = s, .totals = totals };
    context_begin(f);
    if (s->sink != NULL && s->sink->access != NULL) return false;
    if (!array_begin(&f->data, &cpu->l1d, PAGE_4K)) return false;
    if (has_code && !array_begin(&f->code, &cpu->l1i, PAGE_4K)) return false;
    f->has_second = array_begin(&f->second, &cpu->l2, PAGE_4K);
    array_begin(&f->large_data, &cpu->l1d, PAGE_2M);
    if (has_code) array_begin(&f->large_code, &cpu->l1i, PAGE_2M);
    struct fast_array *code = has_code ? &f->code : &f->data;
    f->lane[ACCESS_LOAD] = lane_of(&f->data, &f->large_data, ACCESS_READ);
    f->lane[ACCESS_STORE] = lane_of(&f->data, &f->large_data, ACCESS_WRITE);
    /* A load that hits where a store would: nothing lies between the two. */
    f->lane[ACCESS_MODIFY] = f->lane[ACCESS_STORE];
    f->lane[ACCESS_MODIFY].lookups = 2;
    f->lane[ACCESS_MODIFY].doubles = 1;
    f->lane[ACCESS_MODIFY].type = ACCESS_READ;
    f->lane[ACCESS_FETCH] = lane_of(code, has_code ? &f->large_code : &f->large_data,
                                   ACCESS_EXECUTE);
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

static void settle(struct fast *f)
{
    struct hw *hw = &f->s->hw;
    uint64_t data = (uint32_t)f->hits, code = f->hits >> CODE_SHIFT;
    uint64_t data_misses = (uint32_t)f->second_hits, code_misses = f->second_hits >> CODE_SHIFT;
    uint64_t second = data_misses + code_misses;
    struct tlb_level *code_level = f->lane[ACCESS_FETCH].first->level;
    count_lookups(f->data.level, data, (uint32_t)f->large_hits, data_misses);
    count_lookups(code_level, code, f->large_hits >> CODE_SHIFT, code_misses);
    charge(hw, COST_MEMORY, data + code + second);
    f->totals->count += data + code + second + f->accesses;
    f->totals->bytes += f->bytes;
    f->hits = f->large_hits = f->accesses = f->bytes = 0;
    if (second == 0) return;
    count_lookups(f->second.level, second, 0, 0);
    charge(hw, COST_TLB_MISS, second);
    count_fills(&f->data);
    if (f->code.array != NULL) count_fills(&f->code);
    f->second_hits = 0;
}

/* ---- one page of an access ---- */

static void note_filled(struct tlb_array *a, uint64_t set)
{
    if (a->filled_count > TLB_FILLED_MOST) return;
    if (a->filled_count < TLB_FILLED_MOST) a->filled[a->filled_count] = (uint32_t)set;
    a->filled_count++;
}

/* As a miss fills what the second level has. */
static void fill_first(struct fast_array *a, uint64_t page, uint64_t tag, uint64_t entry)
{
    uint64_t set = page & a->mask;
    uint64_t *tags = &a->tag[set * a->ways], *datas = &a->data[set * a->ways];
    note_filled(a->array, set);
    a->fills++;
    a->evictions += tags[a->ways - 1] != TLB_NO_TAG;
    tlb_set_rotate(tags, a->ways - 1, tag);
    tlb_set_rotate(datas, a->ways - 1, entry);
}

enum found {
    FOUND,         /* and used */
    FOUND_FORBIDS, /* an entry that does not permit the access as it is; not used */
    FOUND_NOT,
};

/* A lookup of one level. */
static enum found find(uint64_t *tags, uint64_t *datas, unsigned ways, uint64_t tag,
                       const struct fast_lane *l)
{
    unsigned way = tlb_set_way(tags, ways, tag);
    if (way == ways) return FOUND_NOT;
    uint64_t entry = datas[way];
    if ((entry & l->bits) != l->want) return FOUND_FORBIDS;
    tlb_set_rotate(tags, way, tag);
    tlb_set_rotate(datas, way, entry);
    return FOUND;
}

static enum found find_first(const struct fast *f, const struct fast_lane *l, uint64_t page)
{
    size_t base = (size_t)((page & l->mask) * l->ways);
    if (page >= f->page_end) return FOUND_FORBIDS;
    return find(&l->tag[base], &l->data[base], (unsigned)l->ways, page | f->space, l);
}

/* Where the 4 KiB pages of the first level have none. */
static enum found find_large(const struct fast *f, const struct fast_lane *l, uint64_t page)
{
    const struct fast_array *a = l->large;
    if (a->array == NULL || l->first->level->valid[PAGE_2M] == 0) return FOUND_NOT;
    uint64_t large = page >> 9, tag = large | tlb_tag(0, PAGE_2M, 0) | f->space;
    size_t base = (size_t)((large & a->mask) * a->ways);
    return find(&a->tag[base], &a->data[base], a->ways, tag, l);
}

/* After a miss of the first level, which what is found here fills. */
static enum found find_second(struct fast *f, const struct fast_lane *l, uint64_t page)
{
    struct fast_array *a = &f->second;
    size_t base = (size_t)((page & a->mask) * a->ways);
    if (!f->has_second || has_large(l->first->level) || has_large(a->level)) return FOUND_FORBIDS;
    enum found found = find(&a->tag[base], &a->data[base], a->ways, page | f->space, l);
    if (found == FOUND) fill_first(l->first, page, page | f->space, a->data[base]);
    return found;
}

static void charge_data(struct fast *f, uint64_t entry, enum access_type type, pa_t at,
                        uint32_t size)
{
    if (translation_type(entry) == TYPE_WB) charge(&f->s->hw, COST_MEMORY, 1);
    else memory_access_typed(&f->s->hw, entry, at, size, type);
}

/* No level has an entry of the page. */
static void walk(struct fast *f, enum access_type type, va_t at, uint32_t size, struct touch *t)
{
    settle(f);
    struct translation found = hw_translate_walk(&f->s->hw, at, type, true);
    if (found.fault == ACCESS_OK) {
        charge_data(f, found.entry, type, translation_pa(&found, at), size);
        return;
    }
    mm_touch_faulted(&f->s->mm, at, type, true, true, found.fault, t);
    if (t->end == TOUCH_OK) charge_data(f, t->entry, type, t->at, size);
}

static void touch(struct fast *f, enum access_type type, va_t at, uint32_t size, struct touch *t)
{
    settle(f);
    mm_touch_into(&f->s->mm, at, type, true, true, t);
    if (t->end == TOUCH_OK) charge_data(f, t->entry, type, t->at, size);
}

/* The part of an access that lies in the page of `at`. */
static void look_up(struct fast *f, const struct fast_lane *l, va_t at, uint32_t size,
                    struct touch *t)
{
    uint64_t page = at.v / PAGE_BYTES;
    uint64_t one = l->type == ACCESS_EXECUTE ? (uint64_t)1 << CODE_SHIFT : 1;
    enum found found = find_first(f, l, page);
    if (found == FOUND) {
        f->hits += one;
        return;
    }
    if (found == FOUND_NOT && find_large(f, l, page) == FOUND) {
        f->hits += one;
        f->large_hits += one;
        return;
    }
    if (found == FOUND_NOT) found = find_second(f, l, page);
    if (found == FOUND) {
        f->second_hits += one;
        return;
    }
    if (found == FOUND_NOT) walk(f, l->type, at, size, t);
    else touch(f, l->type, at, size, t);
    context_begin(f);
    f->accesses++; /* settle() knows nothing of it */
}

/* ---- records ---- */

static void one_access(struct fast *f, const struct fast_lane *l, const struct access *a,
                       struct touch *t)
{
    uint64_t room = PAGE_BYTES - (a->address & PAGE_MASK);
    f->bytes += a->size;
    look_up(f, l, va(a->address), a->size <= room ? a->size : (uint32_t)room, t);
    if (a->size <= room || t->end != TOUCH_OK) return;
    f->accesses--;
    look_up(f, l, va(a->address + room), a->size - (uint32_t)room, t);
}

static void one_record(struct fast *f, const struct access *a, struct touch *t)
{
    bool modifies = a->kind == ACCESS_MODIFY;
    one_access(f, &f->lane[modifies ? ACCESS_LOAD : a->kind], a, t);
    if (modifies && t->end == TOUCH_OK) one_access(f, &f->lane[ACCESS_STORE], a, t);
}

size_t fast_records(struct fast *f, const struct access *batch, size_t count, struct touch *t)
{
    uint64_t hits = 0, bytes = 0;
    CHECK(count <= SETTLE_RECORDS);
    size_t i = 0;
    while (i < count && t->end == TOUCH_OK) {
        const struct access *a = &batch[i++];
        const struct fast_lane *l = &f->lane[a->kind];
        uint64_t page = a->address / PAGE_BYTES;
        size_t front = (size_t)((page & l->mask) * l->ways);
        bool inside = (a->address & PAGE_MASK) + a->size <= PAGE_BYTES;
        bool in_front = l->tag[front] == (page | f->space) && page < f->page_end &&
                        (l->data[front] & l->bits) == l->want;
        if (__builtin_expect(inside && in_front, 1)) {
            hits += l->lookups;
            bytes += (uint64_t)a->size << l->doubles;
            continue;
        }
        f->hits += hits;
        f->bytes += bytes;
        hits = bytes = 0;
        one_record(f, a, t);
    }
    f->hits += hits;
    f->bytes += bytes;
    settle(f);
    return i;
}
