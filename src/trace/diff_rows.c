/* Groups of equal changes, in the order in which they were met. */
#include "trace/diff.h"

#include <string.h>

/* From this many groups on, changes are grouped by routine and path alone; from twice as many on
 * they are only counted. So memory stays bounded when every event changes in another way. */
enum { ROWS_FINE_MAX = 10000 };

void diff_rows_init(struct diff_rows *rows, const struct allocator *from)
{
    *rows = (struct diff_rows){ .from = from, .arena = { .from = from } };
    map_init(&rows->index, from);
}

void diff_rows_free(struct diff_rows *rows)
{
    mem_free(rows->from, rows->list, rows->capacity, sizeof *rows->list);
    map_free(&rows->index);
    arena_free(&rows->arena);
    diff_rows_init(rows, rows->from);
}

static uint64_t hash_text(uint64_t hash, const char *s)
{
    for (; s != NULL && *s != '\0'; s++) hash = (hash ^ (unsigned char)*s) * 0x100000001B3u;
    return (hash ^ 0x1FF) * 0x100000001B3u;
}

static bool same_text(const char *a, const char *b)
{
    if (a == NULL || b == NULL) return a == b;
    return strcmp(a, b) == 0;
}

/* b - a modulo 2^64; rows compare it together with its sign. */
static uint64_t row_difference(const struct diff_row *row)
{
    return (uint64_t)row->b_number - (uint64_t)row->a_number;
}

static uint64_t row_hash(const struct diff_row *row)
{
    uint64_t hash = hash_text(0xCBF29CE484222325u + row->kind, row->call);
    hash = hash_text(hash, row->path);
    if (row->differences_vary) return hash ^ 1;
    if (row->numeric) return (hash ^ row_difference(row)) * 0x9E3779B97F4A7C15u;
    return hash_text(hash_text(hash, row->a), row->b);
}

static bool row_equal(const struct diff_row *x, const struct diff_row *y)
{
    if (x->kind != y->kind || x->numeric != y->numeric ||
        x->differences_vary != y->differences_vary || !same_text(x->call, y->call) ||
        !same_text(x->path, y->path)) {
        return false;
    }
    if (x->differences_vary) return true;
    if (!x->numeric) return same_text(x->a, y->a) && same_text(x->b, y->b);
    return row_difference(x) == row_difference(y) &&
           (x->a_number < x->b_number) == (y->a_number < y->b_number);
}

static const char *keep(struct diff_rows *rows, const char *s)
{
    return s == NULL ? NULL : arena_text(&rows->arena, s, strlen(s));
}

/* The row equal to *row, or NULL and *slot: the free key for it. */
static struct diff_row *row_find(const struct diff_rows *rows, const struct diff_row *row,
                                 uint64_t *slot)
{
    uint64_t place;
    for (*slot = row_hash(row); map_get(&rows->index, *slot, &place); (*slot)++) {
        if (row_equal(&rows->list[place - 1], row)) return &rows->list[place - 1];
    }
    return NULL;
}

void diff_rows_add(struct diff_rows *rows, const struct diff_row *row)
{
    uint64_t slot;
    struct diff_row wanted = *row;
    rows->total += row->count;
    struct diff_row *found = row_find(rows, &wanted, &slot);
    if (found == NULL && rows->count >= ROWS_FINE_MAX) {
        wanted.differences_vary = true;
        if (rows->count >= 2 * ROWS_FINE_MAX) wanted.call = wanted.path = "...";
        found = row_find(rows, &wanted, &slot);
    }
    if (found != NULL) {
        found->count += wanted.count;
        found->values_vary = found->values_vary || wanted.values_vary ||
                             !same_text(found->a, wanted.a) || !same_text(found->b, wanted.b);
        return;
    }
    wanted.call = keep(rows, wanted.call);
    wanted.path = keep(rows, wanted.path);
    wanted.a = keep(rows, wanted.a);
    wanted.b = keep(rows, wanted.b);
    rows->list =
        mem_grow(rows->from, rows->list, &rows->capacity, rows->count + 1, sizeof *rows->list);
    rows->list[rows->count++] = wanted;
    map_set(&rows->index, slot, rows->count);
}
