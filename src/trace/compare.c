/* The comparison of values: one walk over both, paths built on the way. */
#include "trace/compare.h"

#include "trace/diff_path.h"

#include <jansson.h>
#include <string.h>

enum { VALUE_TEXT_MAX = 240 };

void compare_init(struct compare *c, struct diff_result *result, const struct diff_options *options,
                  const struct allocator *from)
{
    *c = (struct compare){ .result = result, .options = options, .from = from, .call = "" };
    idmap_init(&c->ids, from);
    text_init(&c->path, from);
    text_init(&c->a_text, from);
    text_init(&c->b_text, from);
    c->only_met = mem_new(from, options->only_count + 1, sizeof *c->only_met);
}

void compare_free(struct compare *c)
{
    mem_free(c->from, c->only_met, c->options->only_count + 1, sizeof *c->only_met);
    idmap_free(&c->ids);
    text_free(&c->path);
    text_free(&c->a_text);
    text_free(&c->b_text);
}

bool compare_selects(struct compare *c, const char *path)
{
    const struct diff_options *o = c->options;
    bool selected = o->only_count == 0;
    for (size_t i = 0; i < o->only_count; i++) {
        if (!path_matches(o->onlys[i], strlen(o->onlys[i]), path)) continue;
        c->only_met[i] = true;
        selected = true;
    }
    for (size_t i = 0; i < o->ignore_count && selected; i++) {
        selected = !path_matches(o->ignores[i], strlen(o->ignores[i]), path);
    }
    return selected;
}

static const struct diff_tolerance *tolerance_find(const struct compare *c)
{
    const struct diff_options *o = c->options;
    for (size_t i = o->tolerance_count; i-- > 0;) {
        const struct diff_tolerance *t = &o->tolerances[i];
        if (path_matches(t->path, t->path_length, text_string(&c->path))) return t;
    }
    return NULL;
}

static int write_text(const char *bytes, size_t length, void *to)
{
    struct text *t = to;
    if (t->length <= VALUE_TEXT_MAX) text_bytes(t, bytes, length);
    return 0;
}

/* The value as compact JSON; what is cut ends in "...", which no JSON text does. */
static const char *value_text(struct text *t, const json_t *value)
{
    text_clear(t);
    if (value == NULL) return NULL;
    if (json_is_integer(value)) {
        text_i64(t, json_integer_value(value));
        return text_string(t);
    }
    json_dump_callback(value, write_text, t, JSON_COMPACT | JSON_ENCODE_ANY);
    if (t->length <= VALUE_TEXT_MAX) return text_string(t);
    size_t end = VALUE_TEXT_MAX;
    while (end > 0 && ((unsigned char)t->bytes[end] & 0xC0) == 0x80) end--;
    t->length = end;
    text_put(t, "...");
    return text_string(t);
}

/* Files a change, where its part of the trace says. */
static void file_change(struct compare *c, enum diff_kind kind, bool notice, const json_t *a,
                        const json_t *b)
{
    struct diff_result *r = c->result;
    struct diff_row row = {
        .kind = kind,
        .call = c->call,
        .path = text_string(&c->path),
        .a = value_text(&c->a_text, a),
        .b = value_text(&c->b_text, b),
        .numeric = json_is_integer(a) && json_is_integer(b),
        .a_number = json_integer_value(a),
        .b_number = json_integer_value(b),
        .count = 1,
        .a_event = c->a_event,
        .b_event = c->b_event,
        .line = c->line,
    };
    if (c->part == COMPARE_HEAD) {
        diff_rows_add(&r->head, &row);
        return;
    }
    if (!compare_selects(c, row.path)) {
        r->ignored++;
        return;
    }
    if (notice && !c->options->strict) {
        row.a = row.b = NULL; /* which key it is matters, not its value */
        diff_rows_add(&r->one_sided, &row);
        return;
    }
    c->changes++;
    diff_rows_add(c->part == COMPARE_EVENT ? &r->events : &r->statistics, &row);
}

/* Equal, or a difference that `t` (NULL: none) allows; *allowed is set when it was needed. */
static bool leaves_equal(struct compare *c, const struct diff_tolerance *t, const json_t *a,
                         const json_t *b, bool *allowed)
{
    if (json_typeof(a) != json_typeof(b)) return false;
    if (json_is_integer(a)) {
        int64_t x = json_integer_value(a), y = json_integer_value(b);
        if (x == y) return true;
        *allowed = t != NULL && tolerance_allows(t, x, y);
        return *allowed;
    }
    if (json_is_string(a)) {
        return idmap_equal(&c->ids, json_string_value(a), json_string_length(a),
                           json_string_value(b), json_string_length(b), true);
    }
    if (!json_is_array(a)) return json_equal(a, b);
    size_t count = json_array_size(a);
    if (count != json_array_size(b)) return false;
    for (size_t i = 0; i < count; i++) {
        if (!leaves_equal(c, t, json_array_get(a, i), json_array_get(b, i), allowed)) return false;
    }
    return true;
}

static void compare_leaves(struct compare *c, const json_t *a, const json_t *b)
{
    const char *path = text_string(&c->path);
    bool allowed = false;
    if (c->part == COMPARE_TAIL) {
        c->result->values++;
        compare_selects(c, path); /* notes which patterns have met something */
    }
    if (leaves_equal(c, NULL, a, b, &allowed)) return;
    const struct diff_tolerance *t = tolerance_find(c);
    if (t != NULL && leaves_equal(c, t, a, b, &allowed)) {
        c->result->tolerated++;
        return;
    }
    file_change(c, DIFF_CHANGED, false, a, b);
}

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0) return true;
    }
    return false;
}

/* Costs and deltas are written only where they are not 0 (trace-format.md, Events). */
static bool absent_is_zero(const struct compare *c)
{
    static const char *const paths[] = { "events.cost", "events.delta" };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (path_matches(paths[i], strlen(paths[i]), text_string(&c->path))) {
            return c->part == COMPARE_EVENT;
        }
    }
    return false;
}

/* Fields of an event whose absence means something: no outcome of that kind, an MDL left alone. */
static bool absence_counts(const struct compare *c)
{
    static const char *const paths[] = { "events.returns",  "events.status", "events.raises",
                                         "events.bugcheck", "events.mdl",    "events.pfns" };
    return c->part == COMPARE_EVENT && is_one_of(text_string(&c->path), paths, COUNT_OF(paths));
}

static void compare_any(struct compare *c, json_t *a, json_t *b);

/* Exactly one of a and b is NULL. */
static void compare_one_sided(struct compare *c, json_t *a, json_t *b)
{
    json_t *there = a != NULL ? a : b;
    if (absent_is_zero(c) && (json_is_object(there) || json_is_integer(there))) {
        json_t *zero = json_is_object(there) ? json_object() : json_integer(0);
        compare_any(c, a != NULL ? a : zero, b != NULL ? b : zero);
        json_decref(zero);
        return;
    }
    enum diff_kind kind = a != NULL ? DIFF_ONLY_A : DIFF_ONLY_B;
    file_change(c, kind, !absence_counts(c), a, b);
}

size_t compare_enter(struct compare *c, const char *key, size_t key_length)
{
    size_t length = c->path.length;
    if (length > 0) text_char(&c->path, '.');
    text_bytes(&c->path, key, key_length);
    return length;
}

void compare_leave(struct compare *c, size_t length)
{
    c->path.length = length; /* text_string ends it anew */
}

void compare_values(struct compare *c, struct json_t *a, struct json_t *b)
{
    if (a != NULL && b != NULL)
        compare_any(c, a, b);
    else if (a != b)
        compare_one_sided(c, a, b);
}

static void compare_below(struct compare *c, const char *key, json_t *a, json_t *b)
{
    size_t length = compare_enter(c, key, strlen(key));
    compare_values(c, a, b);
    compare_leave(c, length);
}

bool compare_skips(const char *key, size_t length)
{
    static const char *const skipped[] = { "seq", "t", "line", "file" };
    for (size_t i = 0; i < COUNT_OF(skipped); i++)
        if (strlen(skipped[i]) == length && memcmp(skipped[i], key, length) == 0) return true;
    return false;
}

/* Members of a in its order, then those that only b has. */
static void compare_members(struct compare *c, json_t *a, json_t *b, bool is_item)
{
    for (void *i = json_object_iter(a); i != NULL; i = json_object_iter_next(a, i)) {
        const char *key = json_object_iter_key(i);
        if (is_item && compare_skips(key, strlen(key))) continue;
        compare_below(c, key, json_object_iter_value(i), json_object_get(b, key));
    }
    for (void *i = json_object_iter(b); i != NULL; i = json_object_iter_next(b, i)) {
        const char *key = json_object_iter_key(i);
        if (json_object_get(a, key) != NULL) continue;
        if (is_item && compare_skips(key, strlen(key))) continue;
        compare_below(c, key, NULL, json_object_iter_value(i));
    }
}

static void compare_any(struct compare *c, json_t *a, json_t *b)
{
    if (json_is_object(a) && json_is_object(b))
        compare_members(c, a, b, false);
    else
        compare_leaves(c, a, b);
}

void compare_part(struct compare *c, const char *key, struct json_t *a, struct json_t *b)
{
    c->call = "";
    c->a_event = c->b_event = UINT64_MAX;
    c->line = 0;
    text_clear(&c->path);
    compare_below(c, key, a, b);
}

void compare_items(struct compare *c, const char *key, struct json_t *a, struct json_t *b)
{
    text_clear(&c->path);
    text_put(&c->path, key);
    if (json_is_object(a) && json_is_object(b))
        compare_members(c, a, b, true);
    else
        compare_leaves(c, a, b);
}

void compare_alone(struct compare *c, const char *key, enum diff_kind kind)
{
    text_clear(&c->path);
    text_put(&c->path, key);
    file_change(c, kind, false, NULL, NULL);
}

static struct align_key list_key(const json_t *item, const char *name_key, const char *whole_key)
{
    const char *name = json_string_value(json_object_get(item, name_key));
    const char *whole = json_string_value(json_object_get(item, whole_key));
    struct align_key key;
    key.name = name == NULL ? 0 : idmap_hash(0, name, strlen(name));
    key.whole = whole == NULL ? key.name : idmap_hash(key.name, whole, strlen(whole));
    return key;
}

/* The place of a finding: its line, and its name as the call. Only one of a and b may be NULL. */
static void set_place(struct compare *c, const char *name_key, const json_t *a, const json_t *b)
{
    const json_t *item = a != NULL ? a : b;
    const char *name = json_string_value(json_object_get(item, name_key));
    json_int_t line = json_integer_value(json_object_get(item, "line"));
    c->call = name == NULL ? "" : name;
    c->a_event = c->b_event = UINT64_MAX;
    c->line = line > 0 ? (uint64_t)line : 0;
}

struct list_part {
    json_t *list;
    size_t from, count;
    struct align_key *keys;
};

static void list_part_set(struct list_part *p, json_t *list, size_t from, const char *name_key,
                          const char *whole_key)
{
    size_t all = json_array_size(list);
    size_t left = from < all ? all - from : 0;
    p->list = list;
    p->from = from;
    p->count = left < ALIGN_MAX ? left : ALIGN_MAX;
    for (size_t i = 0; i < p->count; i++) {
        p->keys[i] = list_key(json_array_get(list, from + i), name_key, whole_key);
    }
}

static void compare_list_parts(struct compare *c, struct aligner *aligner, const char *key,
                               const char *name_key, struct list_part *a, struct list_part *b,
                               unsigned char *steps)
{
    size_t count = align(aligner, a->keys, a->count, b->keys, b->count, steps);
    size_t i = a->from, j = b->from;
    for (size_t n = 0; n < count; n++) {
        json_t *x = steps[n] == ALIGN_ONLY_B ? NULL : json_array_get(a->list, i++);
        json_t *y = steps[n] == ALIGN_ONLY_A ? NULL : json_array_get(b->list, j++);
        set_place(c, name_key, x, y);
        if (x != NULL && y != NULL)
            compare_items(c, key, x, y);
        else
            compare_alone(c, key, x != NULL ? DIFF_ONLY_A : DIFF_ONLY_B);
    }
}

void compare_lists(struct compare *c, struct aligner *aligner, const char *key,
                   const char *name_key, const char *whole_key, struct json_t *a, struct json_t *b)
{
    if (!json_is_array(a) || !json_is_array(b)) {
        compare_part(c, key, a, b);
        return;
    }
    struct list_part x, y;
    x.keys = mem_new(c->from, ALIGN_MAX, sizeof *x.keys);
    y.keys = mem_new(c->from, ALIGN_MAX, sizeof *y.keys);
    unsigned char *steps = mem_new(c->from, (size_t)2 * ALIGN_MAX, 1);
    size_t most = json_array_size(a) > json_array_size(b) ? json_array_size(a) : json_array_size(b);
    for (size_t from = 0; from < most; from += ALIGN_MAX) {
        list_part_set(&x, a, from, name_key, whole_key);
        list_part_set(&y, b, from, name_key, whole_key);
        compare_list_parts(c, aligner, key, name_key, &x, &y, steps);
    }
    mem_free(c->from, x.keys, ALIGN_MAX, sizeof *x.keys);
    mem_free(c->from, y.keys, ALIGN_MAX, sizeof *y.keys);
    mem_free(c->from, steps, (size_t)2 * ALIGN_MAX, 1);
}
