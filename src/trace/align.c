/* The alignment by dynamic programming, from the ends backwards, so that it is read forwards. */
#include "trace/align.h"

#include "base/check.h"

#include <string.h>

/* A whole match is worth a little less than two by name alone: of equals, the one with more
 * matches. */
enum { SCORE_NAME = 5, SCORE_WHOLE = 9 };
_Static_assert((SCORE_WHOLE) * ALIGN_MAX <= UINT16_MAX, "scores fit their type");

void aligner_init(struct aligner *l, const struct allocator *from)
{
    l->from = from;
    l->steps = NULL;
    l->capacity = 0;
}

void aligner_free(struct aligner *l)
{
    mem_free(l->from, l->steps, l->capacity, 1);
    aligner_init(l, l->from);
}

/* Scores of the suffixes that start with a's item `key`, from those that start behind it. */
static void align_row(struct align_key key, const struct align_key *b, size_t b_count,
                      const uint16_t *below, uint16_t *row, unsigned char *steps)
{
    uint16_t right = 0;
    row[b_count] = 0;
    for (size_t j = b_count; j-- > 0;) {
        unsigned best = below[j];
        unsigned char step = ALIGN_ONLY_A;
        if (right > best) {
            best = right;
            step = ALIGN_ONLY_B;
        }
        if (b[j].name == key.name) {
            unsigned whole = b[j].whole == key.whole ? SCORE_WHOLE : SCORE_NAME;
            unsigned match = below[j + 1] + whole;
            if (match >= best) {
                best = match;
                step = ALIGN_MATCH;
            }
        }
        right = (uint16_t)best;
        row[j] = right;
        steps[j] = step;
    }
}

size_t align(struct aligner *l, const struct align_key *a, size_t a_count,
             const struct align_key *b, size_t b_count, unsigned char *steps)
{
    CHECK(a_count <= ALIGN_MAX && b_count <= ALIGN_MAX);
    l->steps = mem_grow(l->from, l->steps, &l->capacity, a_count * b_count, 1);
    memset(l->scores[a_count % 2], 0, sizeof l->scores[0]);
    for (size_t i = a_count; i-- > 0;) {
        align_row(a[i], b, b_count, l->scores[(i + 1) % 2], l->scores[i % 2],
                  l->steps + i * b_count);
    }
    size_t i = 0, j = 0, count = 0;
    while (i < a_count || j < b_count) {
        unsigned char step = i == a_count   ? ALIGN_ONLY_B
                             : j == b_count ? ALIGN_ONLY_A
                                            : l->steps[i * b_count + j];
        i += step != ALIGN_ONLY_B;
        j += step != ALIGN_ONLY_A;
        steps[count++] = step;
    }
    return count;
}
