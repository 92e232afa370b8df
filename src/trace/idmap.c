/* The map of object ids between two traces, both ways. */
#include "trace/idmap.h"

#include <string.h>

/* An id as one number: a hash of its word above, its number below. */
enum { NUMBER_BITS = 40 };

void idmap_init(struct idmap *m, const struct allocator *from)
{
    *m = (struct idmap){ .from = from };
}

void idmap_free(struct idmap *m)
{
    mem_free(m->from, m->a_to_b.runs, m->a_to_b.capacity, sizeof *m->a_to_b.runs);
    mem_free(m->from, m->b_to_a.runs, m->b_to_a.capacity, sizeof *m->b_to_a.runs);
    idmap_init(m, m->from);
}

/* Number of runs that start at or below n. */
static size_t side_below(const struct id_side *s, uint64_t n)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->runs[middle].from <= n)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool side_get(struct id_side *s, uint64_t n, uint64_t *to)
{
    if (s->count == 0) return false;
    const struct id_run *run = &s->runs[s->last];
    if (n < run->from || n - run->from >= run->count) {
        size_t below = side_below(s, n);
        if (below == 0) return false;
        s->last = below - 1;
        run = &s->runs[s->last];
    }
    if (n - run->from >= run->count) return false;
    *to = run->to + (n - run->from);
    return true;
}

static void side_add(const struct allocator *from, struct id_side *s, uint64_t n, uint64_t to)
{
    size_t at = side_below(s, n);
    struct id_run *before = at > 0 ? &s->runs[at - 1] : NULL;
    if (before != NULL && before->from + before->count == n && before->to + before->count == to) {
        before->count++;
        return;
    }
    s->runs = mem_grow(from, s->runs, &s->capacity, s->count + 1, sizeof *s->runs);
    memmove(s->runs + at + 1, s->runs + at, (s->count - at) * sizeof *s->runs);
    s->runs[at] = (struct id_run){ n, to, 1 };
    s->count++;
    s->last = at;
}

bool idmap_match(struct idmap *m, uint64_t a, uint64_t b, bool join)
{
    uint64_t other;
    if (side_get(&m->a_to_b, a, &other)) return other == b;
    if (side_get(&m->b_to_a, b, &other)) return false;
    if (join) {
        side_add(m->from, &m->a_to_b, a, b);
        side_add(m->from, &m->b_to_a, b, a);
    }
    return true;
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The id around the '#' at `at`: *id and the offset behind it, or 0 when it is none. */
static size_t id_at(const char *bytes, size_t length, size_t at, uint64_t *id)
{
    size_t word = at, end = at + 1;
    uint64_t number = 0, hash = 0;
    while (word > 0 && at - word < 16 && is_letter(bytes[word - 1])) word--;
    while (end < length && end - at <= 12 && is_digit(bytes[end])) {
        number = number * 10 + (uint64_t)(bytes[end++] - '0');
    }
    if (word == at || end == at + 1 || number >> NUMBER_BITS != 0) return 0;
    while (word < at) hash = hash * 31 + (uint64_t)(bytes[word++] - 'a' + 1);
    *id = hash << NUMBER_BITS | number;
    return end;
}

/* One pass over both texts; ids of those parts that are equal are joined as they are met. */
static bool equal_pass(struct idmap *m, const char *a, size_t a_length, const char *b,
                       size_t b_length, bool join)
{
    size_t i = 0, j = 0;
    for (;;) {
        const char *mark = memchr(a + i, '#', a_length - i);
        if (mark == NULL) {
            return a_length - i == b_length - j && memcmp(a + i, b + j, a_length - i) == 0;
        }
        size_t part = (size_t)(mark - (a + i)) + 1;
        if (b_length - j < part || memcmp(a + i, b + j, part) != 0) return false;
        i += part;
        j += part;
        uint64_t id_a = 0, id_b = 0;
        size_t end_a = id_at(a, a_length, i - 1, &id_a), end_b = id_at(b, b_length, j - 1, &id_b);
        if (end_a == 0 || end_b == 0) continue;
        if (!idmap_match(m, id_a, id_b, join)) return false;
        i = end_a;
        j = end_b;
    }
}

bool idmap_equal(struct idmap *m, const char *a, size_t a_length, const char *b, size_t b_length,
                 bool join)
{
    if (a_length == 0 || b_length == 0) return a_length == b_length;
    if (memchr(a, '#', a_length) == NULL) {
        return a_length == b_length && memcmp(a, b, a_length) == 0;
    }
    if (!equal_pass(m, a, a_length, b, b_length, false)) return false;
    return !join || equal_pass(m, a, a_length, b, b_length, true);
}

uint64_t idmap_hash(uint64_t seed, const char *bytes, size_t length)
{
    uint64_t hash = seed ^ 0xCBF29CE484222325u; /* FNV-1a */
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001B3u;
        uint64_t id;
        size_t end = bytes[i] == '#' ? id_at(bytes, length, i, &id) : 0;
        if (end != 0) i = end - 1;
    }
    return hash;
}
