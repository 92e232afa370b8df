/* The heap beside a list that is searched. */
#include "base/heap.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>

enum { IDS = 50 };

static uint64_t keys[IDS];
static bool in_list[IDS];

/* The first of the list but for `without`; IDS when there is none. */
static uint32_t first_of_list(uint32_t without)
{
    uint32_t first = IDS;
    for (uint32_t i = 0; i < IDS; i++)
        if (in_list[i] && i != without && (first == IDS || keys[i] < keys[first])) first = i;
    return first;
}

static void compare(const struct heap *h)
{
    uint32_t first = first_of_list(IDS);
    const struct heap_item *second = heap_second(h);
    cr_assert_eq(h->count == 0, first == IDS);
    if (first == IDS) return;
    cr_assert_eq(h->items[0].id, first);
    cr_assert_eq(h->items[0].key, keys[first]);
    uint32_t next = first_of_list(first);
    cr_assert_eq(second == NULL, next == IDS);
    if (second != NULL) cr_assert_eq(second->id, next);
}

Test(heap, beside_a_list)
{
    struct rng r;
    struct heap h;
    uint32_t place[IDS] = { 0 };
    rng_init(&r, 1, 1);
    heap_init(&h, &test_allocator, place);
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t id = (uint32_t)rng_below(&r, IDS);
        switch (rng_below(&r, 4)) {
        case 0:
        case 1:
            keys[id] = rng_below(&r, 30);
            in_list[id] = true;
            heap_put(&h, id, keys[id]);
            break;
        case 2:
            in_list[id] = false;
            heap_remove(&h, id);
            break;
        default:
            if (h.count == 0) break;
            id = first_of_list(IDS);
            in_list[id] = false;
            cr_assert_eq(heap_take(&h), id);
            break;
        }
        compare(&h);
    }
    heap_free(&h);
    cr_assert_eq(test_outstanding_bytes(), 0);
}
