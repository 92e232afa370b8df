/* Unit tests of base/alloc. */
#include "base/alloc.h"

#include "support.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

static bool all_zero(const void *block, size_t bytes)
{
    const unsigned char *p = block;
    for (size_t i = 0; i < bytes; i++) {
        if (p[i] != 0) return false;
    }
    return true;
}

Test(alloc, mem_new_is_zeroed_and_freed)
{
    void *block = mem_new(&test_allocator, 7, 9);
    cr_assert(all_zero(block, 63));
    cr_assert_eq(test_outstanding_bytes(), 63);
    mem_free(&test_allocator, block, 7, 9);
    cr_assert_eq(test_outstanding_bytes(), 0);
    cr_assert_null(mem_new(&test_allocator, 0, 9));
    mem_free(&test_allocator, NULL, 0, 9);
}

static void overflow_new(void *context)
{
    UNUSED(context);
    mem_new(&test_allocator, SIZE_MAX / 2 + 1, 2);
}

static void overflow_grow(void *context)
{
    size_t capacity = 0;
    UNUSED(context);
    mem_grow(&test_allocator, NULL, &capacity, SIZE_MAX / 4, 8);
}

static void overflow_arena(void *context)
{
    arena_new(context, SIZE_MAX - 3, 1);
}

Test(alloc, products_that_overflow_are_bugs)
{
    struct arena a = { .from = &test_allocator };
    cr_assert(test_bug_raised(overflow_new, NULL));
    cr_assert(test_bug_raised(overflow_grow, NULL));
    cr_assert(test_bug_raised(overflow_arena, &a));
    arena_free(&a);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(alloc, mem_grow_doubles_keeps_and_zeroes)
{
    uint32_t *items = NULL;
    size_t capacity = 0, growths = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        size_t before = capacity;
        items = mem_grow(&test_allocator, items, &capacity, i + 1, sizeof *items);
        cr_assert_geq(capacity, i + 1);
        cr_assert(all_zero(items + i, (capacity - i) * sizeof *items));
        growths += before != capacity;
        items[i] = i + 1;
    }
    for (uint32_t i = 0; i < 1000; i++) cr_assert_eq(items[i], i + 1);
    cr_assert_leq(growths, 8);
    mem_free(&test_allocator, items, capacity, sizeof *items);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(alloc, arena_pieces_are_aligned_zeroed_and_apart)
{
    struct arena a = { .from = &test_allocator };
    static unsigned char *pieces[600];
    static size_t sizes[COUNT_OF(pieces)];
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        sizes[i] = i % 50 == 49 ? i * 37 : i * 7 % 301; /* some longer than a block */
        pieces[i] = arena_new(&a, sizes[i], 1);
        cr_assert_eq((uintptr_t)pieces[i] % 16, 0);
        cr_assert(all_zero(pieces[i], sizes[i]));
        if (sizes[i] > 0) memset(pieces[i], (int)(i % 251) + 1, sizes[i]);
    }
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        for (size_t k = 0; k < sizes[i]; k++) cr_assert_eq(pieces[i][k], i % 251 + 1);
    }
    arena_free(&a);
    cr_assert_eq(test_outstanding_bytes(), 0);
    cr_assert_eq(a.from, &test_allocator);
    cr_assert_str_eq(arena_text(&a, "again", 5), "again");
    arena_free(&a);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

Test(alloc, arena_text_copies_and_ends)
{
    struct arena a = { .from = &test_allocator };
    char source[] = "abcdef";
    char *copy = arena_text(&a, source, 3);
    source[0] = 'z';
    cr_assert_str_eq(copy, "abc");
    cr_assert_str_eq(arena_text(&a, NULL, 0), "");
    arena_free(&a);
    cr_assert_eq(test_outstanding_bytes(), 0);
}
