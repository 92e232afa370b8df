/* Unit tests of model/phys: the list of stored frames, against an array with a flag per frame. */
#include "model/phys.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

enum { FRAMES = 700, STEPS = 20000 };

static const struct phys_range ram[] = { { .first = { 0 }, .page_count = FRAMES } };

/* Every frame with a flag is in the list, in ascending order, and no other. */
static void check_stored(struct phys *p, const bool *stored)
{
    const struct phys_page *page = phys_stored(p);
    for (uint64_t i = 0; i < FRAMES; i++) {
        if (!stored[i]) continue;
        cr_assert_not_null(page, "frame %u is missing", (unsigned)i);
        cr_assert_eq(page->pfn, i);
        uint64_t mark;
        phys_page_get(page, 0, &mark, sizeof mark);
        cr_assert_eq(mark, i * 3);
        page = page->next;
    }
    cr_assert_null(page);
}

Test(phys, stored_frames_ascend)
{
    struct phys p;
    struct rng rng;
    bool stored[FRAMES] = { false };
    phys_init(&p, &test_allocator, ram, COUNT_OF(ram), NULL, 0);
    rng_init(&rng, 7, 0);
    cr_assert_null(phys_stored(&p));
    for (unsigned step = 0; step < STEPS; step++) {
        uint64_t f = rng_below(&rng, FRAMES);
        if (rng_below(&rng, 3) == 0) {
            phys_fill(&p, pfn(f), rng_below(&rng, 2) == 0 ? FILL_ZERO : FILL_UNKNOWN);
            stored[f] = false;
        } else {
            uint64_t mark = f * 3;
            phys_write(&p, pfn_to_pa(pfn(f)), &mark, sizeof mark);
            stored[f] = true;
        }
        if (step % 97 == 0) check_stored(&p, stored);
    }
    check_stored(&p, stored);
    for (uint64_t f = 0; f < FRAMES; f++) phys_fill(&p, pfn(f), FILL_UNKNOWN);
    cr_assert_null(phys_stored(&p));
    phys_free(&p);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(phys, unknown_bytes_of_a_stored_frame_are_zero)
{
    struct phys p;
    phys_init(&p, &test_allocator, ram, COUNT_OF(ram), NULL, 0);
    uint8_t byte = 0xEE;
    phys_write(&p, pa(5 * PAGE_BYTES + 9), &byte, 1);
    const struct phys_page *page = phys_stored(&p);
    uint8_t bytes[PAGE_BYTES];
    phys_page_get(page, 0, bytes, sizeof bytes);
    for (size_t i = 0; i < PAGE_BYTES; i++) cr_assert_eq(bytes[i], i == 9 ? 0xEE : 0);
    phys_free(&p);
}

/* Whatever the host's byte order is: an entry's lowest byte has the lowest address. */
Test(phys, entries_are_little_endian)
{
    struct phys p;
    phys_init(&p, &test_allocator, ram, COUNT_OF(ram), NULL, 0);
    phys_table(&p, pfn(3))[1] = UINT64_C(0x8877665544332211);
    pa_t entry = pa(3 * PAGE_BYTES + 8);
    uint8_t bytes[3];
    cr_assert(phys_read(&p, pa(entry.v + 1), bytes, sizeof bytes));
    cr_assert_arr_eq(bytes, ((uint8_t[]){ 0x22, 0x33, 0x44 }), sizeof bytes);
    phys_write(&p, pa(entry.v + 6), "\xAA\xBB\xCC", 3);
    cr_assert_eq(phys_table(&p, pfn(3))[1], UINT64_C(0xBBAA665544332211));
    cr_assert_eq(phys_table(&p, pfn(3))[2], 0xCC);
    phys_free(&p);
}
