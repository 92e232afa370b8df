/* Nodes of the located document: building them, finding keys, printing the way to one. */
#include "scenario/nodes.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_SHOWN_BYTES = 80, VALUE_SHOWN_BYTES = 60 };

void entries_add(struct entries *e, const char *key, struct where where, struct node *value)
{
    if (e->count == e->capacity) {
        /* Old arrays stay in the arena: together they are no longer than the last one. */
        size_t capacity = e->capacity ? 2 * e->capacity : 4;
        struct entry *list = arena_new(e->arena, capacity, sizeof *list);
        if (e->count) memcpy(list, e->list, e->count * sizeof *list);
        e->list = list;
        e->capacity = capacity;
    }
    e->list[e->count++] = (struct entry){ .key = key, .where = where, .value = value };
}

struct key_ref key_ref(const char *key, size_t index)
{
    enum { START_BYTES = 8 };
    struct key_ref ref = { .key = key, .index = index };
    for (size_t i = 0; i < START_BYTES && key[i]; i++) {
        ref.start |= (uint64_t)(unsigned char)key[i] << (8 * (START_BYTES - 1 - i));
    }
    return ref;
}

/* As strcmp() compares the keys. Where the starts are equal, so is what they stand for. */
static int key_compare(const struct key_ref *a, const struct key_ref *b)
{
    if (a->start != b->start) return a->start < b->start ? -1 : 1;
    return (a->start & 0xFF) == 0 ? 0 : strcmp(a->key, b->key);
}

static int key_ref_compare(const void *left, const void *right)
{
    const struct key_ref *a = left;
    const struct key_ref *b = right;
    int order = key_compare(a, b);
    if (order != 0) return order;
    return a->index < b->index ? -1 : a->index > b->index;
}

void keys_sort(struct key_ref *refs, size_t count)
{
    if (count > 1) qsort(refs, count, sizeof *refs, key_ref_compare);
}

const struct key_ref *keys_find(const struct key_ref *refs, size_t count, const char *key)
{
    const struct key_ref sought = key_ref(key, 0);
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (key_compare(&refs[middle], &sought) < 0) low = middle + 1;
        else high = middle;
    }
    return low < count && key_compare(&refs[low], &sought) == 0 ? &refs[low] : NULL;
}

struct node *node_new(struct arena *arena, enum node_kind kind, struct where where)
{
    struct node *node = arena_new(arena, 1, sizeof *node);
    node->kind = kind;
    node->where = where;
    return node;
}

void node_text(struct node *scalar, const char *text)
{
    scalar->text = text;
    scalar->length = (uint32_t)strlen(text);
}

void node_place(struct node *node, const struct node *parent, const char *key, size_t index)
{
    node->parent = parent;
    node->key_in_parent = key;
    node->index_in_parent = (uint32_t)index;
}

void node_fill(struct node *map, const struct entry *list, size_t count, struct arena *arena)
{
    map->count = (uint32_t)count;
    map->items = NULL;
    map->keys = NULL;
    map->key_where = NULL;
    if (count == 0) return;
    map->items = arena_raw(arena, count * sizeof *map->items);
    map->keys = arena_raw(arena, count * sizeof *map->keys);
    map->key_where = arena_raw(arena, count * sizeof *map->key_where);
    for (size_t i = 0; i < count; i++) {
        map->items[i] = list[i].value;
        map->keys[i] = list[i].key;
        map->key_where[i] = list[i].where;
        node_place(list[i].value, map, list[i].key, i);
    }
}

struct entries node_entries(const struct node *map, struct arena *arena)
{
    struct entries e = { .arena = arena };
    for (size_t i = 0; i < map->count; i++) {
        entries_add(&e, map->keys[i], map->key_where[i], map->items[i]);
    }
    return e;
}

const struct node *node_get(const struct node *map, const char *key)
{
    if (map->kind != NODE_MAP) return NULL;
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i], key) == 0) return map->items[i];
    }
    return NULL;
}

/* Whether a key can stand in a path as it is. */
static bool key_is_plain(const char *key)
{
    for (const char *c = key; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f || strchr(".[]=\"\\", *c)) return false;
    }
    return *key != 0;
}

static void path_add_key(struct text *out, bool first, const char *key)
{
    size_t length = strlen(key);
    if (!key_is_plain(key)) {
        text_put(out, "[\"");
        text_json(out, key, length < KEY_SHOWN_BYTES ? length : KEY_SHOWN_BYTES);
        text_put(out, "\"]");
        return;
    }
    if (!first) text_char(out, '.');
    text_quoted(out, key, length, KEY_SHOWN_BYTES);
}

void node_path(const struct node *node, struct text *out)
{
    if (!node->parent) return;
    size_t start = out->length;
    node_path(node->parent, out);
    if (node->key_in_parent) path_add_key(out, out->length == start, node->key_in_parent);
    else text_format(out, "[%u]", (uint64_t)node->index_in_parent);
}

const char *node_path_text(const struct node *node, const char *key, struct arena *arena)
{
    struct text path;
    text_init(&path, arena->from);
    node_path(node, &path);
    if (key) path_add_key(&path, path.length == 0, key);
    const char *copy = arena_text(arena, text_string(&path), path.length);
    text_free(&path);
    return copy;
}

const char *text_shown(const char *s, size_t length, struct arena *arena)
{
    struct text shown;
    text_init(&shown, arena->from);
    text_quoted(&shown, s, length, VALUE_SHOWN_BYTES);
    const char *copy = arena_text(arena, text_string(&shown), shown.length);
    text_free(&shown);
    return copy;
}

const char *node_kind_name(const struct node *node)
{
    switch (node->kind) {
    case NODE_MAP: return "a mapping";
    case NODE_LIST: return "a list";
    case NODE_SCALAR: break;
    }
    return "a value";
}
