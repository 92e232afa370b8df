/* Lookups of the fast path of replays: what its files share. */
#pragma once

#include "sim/replay_fast.h"

enum { CODE_SHIFT = 32 }; /* where the half of code begins */

/* ---- one page of an access ---- */

/* As a miss fills a level. */
static inline void fill(struct fast_array *a, uint64_t page, uint64_t tag, uint64_t entry)
{
    uint64_t set = page & a->mask;
    uint64_t *tags = &a->tag[set * a->ways], *datas = &a->data[set * a->ways];
    if (tags[0] == TLB_NO_TAG) tlb_note_filled(a->array, set);
    a->fills++;
    a->evictions += tags[a->ways - 1] != TLB_NO_TAG;
    tlb_set_rotate_both(tags, datas, a->ways - 1, tag, entry);
}

/* A lookup of one level. */
static inline enum found find(uint64_t *tags, uint64_t *datas, unsigned ways, uint64_t tag,
                       const struct fast_lane *l)
{
    unsigned way = tlb_set_way(tags, ways, tag);
    if (way == ways) return FOUND_NOT;
    uint64_t entry = datas[way];
    if ((entry & l->bits) != l->want) return FOUND_FORBIDS;
    tlb_set_rotate_both(tags, datas, way, tag, entry);
    return FOUND;
}

static inline enum found find_first(const struct fast *f, const struct fast_lane *l, uint64_t page)
{
    size_t base = (size_t)((page & l->mask) * l->ways);
    if (page >= f->page_end) return FOUND_FORBIDS;
    return find(&l->tag[base], &l->data[base], (unsigned)l->ways, page | f->space, l);
}

/* Where the 4 KiB pages of the first level have none. */
static inline enum found find_large(const struct fast *f, const struct fast_lane *l, uint64_t page)
{
    const struct fast_array *a = l->large;
    if (!l->looks_large) return FOUND_NOT;
    uint64_t large = page >> 9, tag = large | tlb_tag(0, PAGE_2M, 0) | f->space;
    size_t base = (size_t)((large & a->mask) * a->ways);
    return find(&a->tag[base], &a->data[base], a->ways, tag, l);
}

/* Whether the first level, which lacks the page of 4 KiB, has it as a part of one of 2 MiB that its
 * set used last, and which permits the access; then nothing but counts changes. */
static inline bool large_in_front(const struct fast *f, const struct fast_lane *l, uint64_t page)
{
    const struct fast_array *a = l->large;
    if (!l->looks_large) return false;
    uint64_t large = page >> 9, tag = large | tlb_tag(0, PAGE_2M, 0) | f->space;
    size_t front = (size_t)((large & a->mask) * a->ways);
    return a->tag[front] == tag && (a->data[front] & l->bits) == l->want;
}

/* After a miss of the first level; *entry is what is found. */
static inline enum found look_second(const struct fast *f, const struct fast_lane *l, uint64_t page,
                                     uint64_t *entry)
{
    struct fast_array *a = l->second;
    size_t base = (size_t)((page & a->mask) * a->ways);
    if (!l->looks_further) return FOUND_FORBIDS;
    enum found found = find(&a->tag[base], &a->data[base], a->ways, page | f->space, l);
    *entry = a->data[base];
    return found;
}

/* The same, and fills the first level. */
static inline enum found find_second(const struct fast *f, const struct fast_lane *l, uint64_t page)
{
    uint64_t entry;
    enum found found = look_second(f, l, page, &entry);
    if (found == FOUND) fill(l->first, page, page | f->space, entry);
    return found;
}

static inline void charge_data(struct fast *f, enum access_type type, uint32_t size,
                               const struct touch *t)
{
    if (t->end != TOUCH_OK) return;
    if (translation_type(t->entry) == TYPE_WB) f->plain++;
    else memory_access_typed(&f->s->hw, t->entry, t->at, size, type);
}

/* What a walk of one fetch finds, for an access that no level has an entry for; it is put into the
 * second level. 0: it takes another walk. */
static inline uint64_t walk_once(struct fast *f, struct fast_lane *l, va_t at)
{
    l->walk.at = at;
    l->walk.space = f->space;
    uint64_t page = at.v / PAGE_BYTES;
    uint64_t entry = l->walks ? short_walk(&f->s->hw, &f->short_walks, &l->walk) : 0;
    if (entry == 0) return 0;
    f->accesses++; /* settling knows nothing of it */
    f->walks += l->type == ACCESS_EXECUTE ? (uint64_t)1 << CODE_SHIFT : 1;
    fill(l->second, page, page | f->space, entry);
    return entry;
}

/* The data of an access whose walk found the entry. */
static inline enum found walked_to(struct fast *f, uint64_t entry, va_t at, struct touch *t)
{
    bool is_plain = translation_type(entry) == TYPE_WB;
    f->plain += is_plain;
    if (__builtin_expect(is_plain, 1)) return FOUND;
    t->entry = entry;
    t->at = pa((entry & PTE_ADDRESS) | va_offset(at));
    return FOUND_TYPED;
}

/* A walk of that address may be next. */
static inline void fast_prefetch(const struct fast *f, uint64_t address)
{
    short_walk_prefetch(&f->short_walks, va(address));
}

/* No level has an entry of the page; not charge_data(). */
static inline void walk(struct fast *f, struct fast_lane *l, va_t at, struct touch *t)
{
    enum access_type type = (enum access_type)l->type;
    uint64_t entry = walk_once(f, l, at), page = at.v / PAGE_BYTES;
    f->walked = true;
    if (__builtin_expect(entry != 0, 1)) {
        fill(l->first, page, page | f->space, entry);
        t->entry = entry;
        t->at = pa((entry & PTE_ADDRESS) | va_offset(at));
        return;
    }
    f->accesses++;
    fast_settle(f);
    struct translation found = hw_translate_walk(&f->s->hw, at, type, true);
    if (found.fault != ACCESS_OK) {
        mm_touch_faulted(&f->s->mm, at, type, true, true, found.fault, t);
    } else {
        t->entry = found.entry;
        t->at = translation_pa(&found, at);
    }
    fast_context(f);
}

/* All else that is no hit; not charge_data(). */
static inline void touch(struct fast *f, enum access_type type, va_t at, struct touch *t)
{
    fast_settle(f);
    mm_touch_into(&f->s->mm, at, type, true, true, t);
    fast_context(f);
    f->accesses++;
}

/* Where neither way of the fast path has an entry that will do. */
static inline void look_further(struct fast *f, struct fast_lane *l, enum found found, va_t at,
                                struct touch *t)
{
    if (found == FOUND_NOT) walk(f, l, at, t);
    else touch(f, l->type, at, t);
}

/* What the lookup of an access among the 4 KiB pages of the first level did not find. */
static inline void look_behind_first(struct fast *f, struct fast_lane *l, enum found found, va_t at,
                                     uint32_t size, struct touch *t)
{
    uint64_t page = at.v / PAGE_BYTES;
    uint64_t one = l->type == ACCESS_EXECUTE ? (uint64_t)1 << CODE_SHIFT : 1;
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
    look_further(f, l, found, at, t);
    charge_data(f, l->type, size, t);
}

/* The part of an access that lies in the page of `at`. */
static inline void look_up(struct fast *f, struct fast_lane *l, va_t at, uint32_t size,
                           struct touch *t)
{
    enum found found = find_first(f, l, at.v / PAGE_BYTES);
    if (found == FOUND) f->hits += l->type == ACCESS_EXECUTE ? (uint64_t)1 << CODE_SHIFT : 1;
    else look_behind_first(f, l, found, at, size, t);
}

/* ---- the lookups of a record ---- */

struct lookups {
    unsigned count;
    bool straddles;
    uint32_t room; /* of the page that the address is in */
};

static inline void lookups_of(const struct access *a, struct lookups *all)
{
    uint64_t room = PAGE_BYTES - (a->address & PAGE_MASK);
    all->straddles = a->size > room;
    all->room = (uint32_t)room;
    all->count = (a->kind == ACCESS_MODIFY ? 2U : 1U) << all->straddles;
}

/* Of the lookups of a modify, those of the write come last. */
static inline struct fast_lane *lane_at(struct fast *f, const struct access *a,
                                        const struct lookups *all, unsigned i)
{
    if (a->kind != ACCESS_MODIFY) return &f->lane[a->kind];
    return &f->lane[i < all->count / 2 ? ACCESS_LOAD : ACCESS_STORE];
}

/* Whether lookup `i` is of the second page. */
static inline bool is_upper(const struct lookups *all, unsigned i)
{
    return all->straddles && i % 2 != 0;
}

/* Counts what begins with lookup `i` besides the lookup itself. */
static inline void begin_lookup(struct fast *f, const struct access *a, const struct lookups *all,
                                unsigned i)
{
    if (is_upper(all, i)) f->accesses--;
    else f->bytes += a->size;
}

static inline void look_up_one(struct fast *f, const struct access *a, const struct lookups *all,
                               unsigned i, struct touch *t)
{
    struct fast_lane *l = lane_at(f, a, all, i);
    uint32_t low = all->straddles ? all->room : a->size;
    begin_lookup(f, a, all, i);
    if (is_upper(all, i)) look_up(f, l, va(a->address + low), a->size - low, t);
    else look_up(f, l, va(a->address), low, t);
}
