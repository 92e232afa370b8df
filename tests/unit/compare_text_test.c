/* Unit tests of comparing events as texts: the same as comparing their trees. */
#include "base/rng.h"
#include "support.h"
#include "trace/compare.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

static uint64_t below(struct rng *rng, uint64_t n)
{
    return rng_below(rng, n);
}

static void put_value(struct text *t, struct rng *rng, unsigned depth);

static void put_items(struct text *t, struct rng *rng, unsigned depth, bool object)
{
    static const char *const keys[] = { "seq",  "args", "cost", "delta", "mdl",
                                        "pfns", "id",   "call", "lock" };
    unsigned used = 0;
    text_char(t, object ? '{' : '[');
    for (uint64_t n = below(rng, 5); n > 0; n--) {
        uint64_t key = below(rng, COUNT_OF(keys));
        if (object && (used >> key & 1) != 0) continue;
        if (t->bytes[t->length - 1] != '{' && t->bytes[t->length - 1] != '[') text_put(t, ", ");
        if (object) text_format(t, "\"%s\":%s", keys[key], below(rng, 2) == 0 ? "" : " ");
        used |= 1u << key;
        put_value(t, rng, depth + 1);
    }
    text_char(t, object ? '}' : ']');
}

static void put_value(struct text *t, struct rng *rng, unsigned depth)
{
    static const char *const words[] = { "0", "-0", "-3", "true", "null", "\"x\"", "\"\\u0023\"" };
    uint64_t kind = below(rng, depth < 3 ? 6 : 4);
    if (kind == 0) text_u64(t, below(rng, 4));
    else if (kind == 1) text_format(t, "\"mdl#%u, mdl#%u\"", below(rng, 3), below(rng, 3));
    else if (kind == 2) text_format(t, "\"irp#%u\"", below(rng, 3));
    else if (kind == 3) text_put(t, words[below(rng, COUNT_OF(words) - (depth > 1))]);
    else put_items(t, rng, depth, kind == 4);
}

/* The same again, most often with another character somewhere that leaves it JSON. */
static void put_changed(struct text *t, const struct text *from, struct rng *rng)
{
    text_bytes(t, from->bytes, from->length);
    for (uint64_t i = 0, at = below(rng, t->length); i < t->length && below(rng, 20) != 0; i++) {
        char *c = &t->bytes[(at + i) % t->length];
        if (*c < '1' || *c > '3') continue;
        *c = (char)('1' + below(rng, 3));
        return;
    }
}

struct side {
    struct diff_result result;
    struct compare compare;
};

static void side_start(struct side *s, const struct diff_options *options)
{
    struct diff_rows *rows[] = { &s->result.events, &s->result.one_sided };
    s->result = (struct diff_result){ .scenario = "" };
    for (size_t i = 0; i < COUNT_OF(rows); i++) diff_rows_init(rows[i], &test_allocator);
    compare_init(&s->compare, &s->result, options, &test_allocator);
    s->compare.part = COMPARE_EVENT;
}

static void side_end(struct side *s)
{
    compare_free(&s->compare);
    diff_rows_free(&s->result.events);
    diff_rows_free(&s->result.one_sided);
}

static void compare_as_trees(struct compare *c, const struct text *a, const struct text *b)
{
    json_t *x = json_loadb(a->bytes, a->length, JSON_REJECT_DUPLICATES, NULL);
    json_t *y = json_loadb(b->bytes, b->length, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(x != NULL && y != NULL, "%s %s", a->bytes, b->bytes);
    compare_items(c, "events", x, y);
    json_decref(x);
    json_decref(y);
}

static void expect_same_rows(const struct diff_rows *x, const struct diff_rows *y)
{
    cr_assert(x->count == y->count && x->total == y->total);
    for (size_t i = 0; i < x->count; i++) {
        const struct diff_row *p = &x->list[i], *q = &y->list[i];
        cr_assert(p->kind == q->kind && p->numeric == q->numeric && p->count == q->count);
        cr_assert_str_eq(p->path, q->path);
        cr_assert((p->a == NULL) == (q->a == NULL) && (p->b == NULL) == (q->b == NULL));
        if (p->a != NULL) cr_assert_str_eq(p->a, q->a);
        if (p->b != NULL) cr_assert_str_eq(p->b, q->b);
    }
}

static void compare_both(struct rng *rng, struct side *texts, struct side *trees, bool *as_text)
{
    struct text a, b;
    text_init(&a, &test_allocator);
    text_init(&b, &test_allocator);
    put_items(&a, rng, 0, true);
    if (below(rng, 3) == 0) put_items(&b, rng, 0, true);
    else put_changed(&b, &a, rng);
    *as_text = compare_texts(&texts->compare, "events", a.bytes, a.length, b.bytes, b.length);
    if (!*as_text) compare_as_trees(&texts->compare, &a, &b);
    compare_as_trees(&trees->compare, &a, &b);
    cr_assert_eq(texts->compare.changes, trees->compare.changes, "%s %s", text_string(&a),
                 text_string(&b));
    text_free(&a);
    text_free(&b);
}

Test(compare_text, is_as_of_trees)
{
    static const struct diff_options strict = { .strict = true }, plain = { .strict = false };
    uint64_t seen[2] = { 0 };
    struct rng rng;
    rng_init(&rng, 5, 0);
    for (unsigned round = 0; round < 4000; round++) {
        struct side texts, trees;
        side_start(&texts, round % 2 == 0 ? &plain : &strict);
        side_start(&trees, round % 2 == 0 ? &plain : &strict);
        for (unsigned i = 0; i < 5; i++) { /* ids that were joined stay so */
            bool as_text;
            compare_both(&rng, &texts, &trees, &as_text);
            seen[as_text]++;
        }
        expect_same_rows(&texts.result.events, &trees.result.events);
        expect_same_rows(&texts.result.one_sided, &trees.result.one_sided);
        side_end(&texts);
        side_end(&trees);
    }
    cr_expect(seen[false] > 100 && seen[true] > 10000);
}

/* What the texts alone cannot tell is left to the trees, which refuse it. */
Test(compare_text, leaves_odd_events_to_trees)
{
    static const struct diff_options none = { .strict = false };
    static const char *const odd[] = { "{\"a\": 1, \"b\": 2, \"a\": 1}", "[1]", "{\"\\u0061\": 1}",
                                       "{\"a\": {\"b\": 1, \"b\": 2}}",
                                       "{\"a\": 99999999999999999999}" };
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        struct side s;
        side_start(&s, &none);
        const char *b = "{\"a\": 3}";
        cr_expect_not(compare_texts(&s.compare, "events", odd[i], strlen(odd[i]), b, strlen(b)));
        cr_expect_eq(s.compare.changes, 0, "%s", odd[i]);
        side_end(&s);
    }
}
