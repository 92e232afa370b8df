/* The comparison of two events as they stand in their traces. Most of two events is equal even
 * where all of them differ, and building the trees of what is equal took most of the time. */
#include "trace/compare.h"
#include "trace/scan.h"

#include <jansson.h>
#include <string.h>

enum { MEMBERS_MAX = 64 };

struct piece {
    const char *bytes;
    size_t length;
};

struct member {
    struct piece key, value; /* the key without its quotes */
};

struct members {
    size_t count;
    struct member list[MEMBERS_MAX];
};

static struct piece piece_of(const char *bytes, size_t start, size_t end)
{
    return (struct piece){ bytes + start, end - start };
}

static bool is_same(struct piece a, struct piece b)
{
    return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

static bool has_escape(struct piece p)
{
    return memchr(p.bytes, '\\', p.length) != NULL;
}

/* The member with this key, most often at the place `guess`; NULL: there is none. */
static const struct member *member_find(const struct members *m, struct piece key, size_t guess)
{
    if (guess < m->count && is_same(m->list[guess].key, key)) return &m->list[guess];
    for (size_t i = 0; i < m->count; i++)
        if (is_same(m->list[i].key, key)) return &m->list[i];
    return NULL;
}

/* False for what is no object, has a key twice or more members than fit. */
static bool members_read(struct members *m, struct piece text)
{
    struct scan s = { .bytes = text.bytes, .length = text.length };
    struct scan_span key, value;
    m->count = 0;
    if (text.bytes[0] != '{') return false;
    while (scan_next_member(&s, &key, &value)) {
        struct piece name = piece_of(text.bytes, key.start + 1, key.end - 1);
        if (m->count == MEMBERS_MAX || member_find(m, name, 0) != NULL) return false;
        struct piece held = piece_of(text.bytes, value.start, value.end);
        m->list[m->count++] = (struct member){ name, held };
    }
    return true;
}

/* NULL where jansson refuses the text. */
static json_t *parse(struct piece text)
{
    enum { DIGITS_MAX = 18 };
    json_int_t number = 0;
    size_t i = 0;
    while (i < text.length && i < DIGITS_MAX && text.bytes[i] >= '0' && text.bytes[i] <= '9')
        number = number * 10 + (text.bytes[i++] - '0');
    if (i == text.length) return json_integer(number);
    return json_loadb(text.bytes, text.length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

/* At the path, from trees. Either may be NULL: not there. */
static bool compare_trees(struct compare *c, const struct member *a, const struct member *b)
{
    json_t *x = a != NULL ? parse(a->value) : NULL, *y = b != NULL ? parse(b->value) : NULL;
    bool parsed = (x != NULL) == (a != NULL) && (y != NULL) == (b != NULL);
    if (parsed) compare_values(c, x, y);
    json_decref(x);
    json_decref(y);
    return parsed;
}

static bool compare_lists_of(struct compare *c, const struct members *x, const struct members *y,
                             bool is_item);

/* Whether two values are surely equal. Objects and lists that name objects are looked into, since
 * not every id in them is joined. */
static bool is_equal(struct compare *c, struct piece a, struct piece b)
{
    if (a.bytes[0] == '"')
        return idmap_equal(&c->ids, a.bytes, a.length, b.bytes, b.length, true);
    return is_same(a, b) && memchr(a.bytes, '#', a.length) == NULL;
}

/* One member; either may be NULL. */
static bool compare_one(struct compare *c, const struct member *a, const struct member *b)
{
    if (a != NULL && b != NULL && is_equal(c, a->value, b->value)) return true;
    struct piece key = a != NULL ? a->key : b->key;
    size_t length = compare_enter(c, key.bytes, key.length);
    struct members x, y;
    bool both = a != NULL && b != NULL && members_read(&x, a->value) && members_read(&y, b->value);
    bool fine = both ? compare_lists_of(c, &x, &y, false) : compare_trees(c, a, b);
    compare_leave(c, length);
    return fine;
}

/* Members of x in its order, then those that only y has. False where some text cannot be parsed. */
static bool compare_lists_of(struct compare *c, const struct members *x, const struct members *y,
                             bool is_item)
{
    for (size_t i = 0; i < x->count; i++) {
        const struct member *a = &x->list[i];
        if (is_item && compare_skips(a->key.bytes, a->key.length)) continue;
        if (!compare_one(c, a, member_find(y, a->key, i))) return false;
    }
    for (size_t i = 0; i < y->count; i++) {
        const struct member *b = &y->list[i];
        if (member_find(x, b->key, i) != NULL) continue;
        if (is_item && compare_skips(b->key.bytes, b->key.length)) continue;
        if (!compare_one(c, NULL, b)) return false;
    }
    return true;
}

bool compare_texts(struct compare *c, const char *key, const char *a, size_t a_length,
                   const char *b, size_t b_length)
{
    struct piece x = { a, a_length }, y = { b, b_length };
    struct members of_x, of_y;
    if (has_escape(x) || has_escape(y)) return false; /* keys and ids may be written otherwise */
    if (!members_read(&of_x, x) || !members_read(&of_y, y)) return false;
    text_clear(&c->path);
    text_put(&c->path, key);
    return compare_lists_of(c, &of_x, &of_y, true);
}
