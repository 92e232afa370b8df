/* The records that the fast path of replays does not find in front: apart from the loop over
 * records, so that the compiler keeps that one small. */
#include "sim/replay_look.h"

static void look_up_all(struct fast *f, const struct access *a, struct touch *t)
{
    struct lookups all;
    lookups_of(a, &all);
    for (unsigned i = 0; i < all.count && t->end == TOUCH_OK; i++) look_up_one(f, a, &all, i, t);
}

void fast_record(struct fast *f, const struct access *a, enum found found,
                 const struct access *next, struct touch *t)
{
    struct fast_lane *l = &f->lane[a->kind];
    if (found == FOUND_NOT && large_in_front(f, l, access_page(a->address))) {
        f->hits += l->lookups;
        f->large_hits += l->lookups;
        f->bytes += (uint64_t)a->size << l->doubles;
        return;
    }
    if (f->walked && next != NULL) fast_prefetch(f, next->address);
    f->walked = false;
    if (access_in_page(a) && a->kind != ACCESS_MODIFY) {
        f->bytes += a->size;
        look_behind_first(f, l, found, va(a->address), a->size, t);
    } else {
        look_up_all(f, a, t);
    }
}
