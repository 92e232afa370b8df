/* Comparing words: equality, edit distance, and the nearest word for "did you mean". */
#include "base/text.h"

#include <string.h>

enum { WORD_BYTES_MAX = 128 };

bool string_equal(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

/* Two words; `fold` makes letters equal whatever their case. */
struct words {
    const char *a, *b;
    size_t a_length, b_length;
    bool fold;
};

static bool same(const struct words *w, size_t i, size_t j)
{
    return w->fold ? lower(w->a[i]) == lower(w->b[j]) : w->a[i] == w->b[j];
}

/* Row i of the table of distances between the first i bytes of a and the first j of b, from the two
 * rows before it. */
static void distance_row(const struct words *w, size_t i, unsigned *row, const unsigned *above,
                         const unsigned *above2)
{
    row[0] = (unsigned)i;
    for (size_t j = 1; j <= w->b_length; j++) {
        unsigned replaced = above[j - 1] + (same(w, i - 1, j - 1) ? 0 : 1);
        row[j] = min3(above[j] + 1, row[j - 1] + 1, replaced);
        bool swapped = i > 1 && j > 1 && same(w, i - 1, j - 2) && same(w, i - 2, j - 1);
        if (swapped && above2[j - 2] + 1 < row[j]) row[j] = above2[j - 2] + 1;
    }
}

static unsigned distance(const char *a, const char *b, unsigned limit, bool fold)
{
    unsigned too_far = limit < UINT32_MAX ? limit + 1 : limit;
    struct words w = { a, b, strlen(a), strlen(b), fold };
    if (w.a_length > WORD_BYTES_MAX || w.b_length > WORD_BYTES_MAX) {
        return string_equal(a, b) ? 0 : too_far;
    }
    unsigned rows[3][WORD_BYTES_MAX + 1];
    for (size_t j = 0; j <= w.b_length; j++) rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= w.a_length; i++) {
        distance_row(&w, i, rows[i % 3], rows[(i + 2) % 3], rows[(i + 1) % 3]);
    }
    unsigned found = rows[w.a_length % 3][w.b_length];
    return found < too_far ? found : too_far;
}

unsigned string_distance(const char *a, const char *b, unsigned limit)
{
    return distance(a, b, limit, false);
}

/* How many bytes, whatever their case, two words begin with in common. */
static size_t common(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] != '\0' && lower(a[n]) == lower(b[n])) n++;
    return n;
}

/* How far a candidate is from a word; less is nearer, the first member that differs decides. */
struct nearness {
    unsigned folded, exact;
    size_t apart; /* bytes of the word behind those in common */
};

static bool nearer(const struct nearness *a, const struct nearness *b)
{
    if (a->folded != b->folded) return a->folded < b->folded;
    if (a->exact != b->exact) return a->exact < b->exact;
    return a->apart < b->apart;
}

/* Of the candidates that begin with the word, whatever its case, the one with the fewest edits. */
static const char *shortest_longer(const char *word, const char *const *candidates, size_t count)
{
    size_t length = strlen(word);
    const char *found = NULL;
    unsigned best = UINT32_MAX;
    for (size_t i = 0; i < count && length != 0; i++) {
        if (common(word, candidates[i]) < length) continue;
        unsigned edits = distance(word, candidates[i], WORD_BYTES_MAX, false);
        if (edits >= best) continue;
        found = candidates[i];
        best = edits;
    }
    return found;
}

const char *string_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t length = strlen(word);
    if (length > WORD_BYTES_MAX) return NULL;
    unsigned limit = length < 2 ? 0 : length < 6 ? 1 : (unsigned)(length / 3);
    const char *nearest = NULL;
    struct nearness best = { limit + 1, 0, 0 };
    for (size_t i = 0; i < count; i++) {
        struct nearness n = { .folded = distance(word, candidates[i], limit, true),
                              .apart = length - common(word, candidates[i]) };
        if (n.folded > limit || n.folded > best.folded) continue;
        n.exact = distance(word, candidates[i], WORD_BYTES_MAX, false);
        if (nearest != NULL && !nearer(&n, &best)) continue;
        nearest = candidates[i];
        best = n;
    }
    return nearest != NULL ? nearest : shortest_longer(word, candidates, count);
}
