/* Anchors and aliases: an alias is a copy of what its anchor names, so that every node has one
 * parent and one path; the copies count against a limit. What a merge key names is only counted:
 * of it those values are copied that the map keeps (mapping.c). */
#include "scenario/events.h"

#include <string.h>

/* The anchor of a name; where there is none, NULL and the place where it belongs. */
static struct anchor *anchor_search(const struct builder *b, const char *name, size_t *place)
{
    size_t low = 0;
    size_t high = b->anchor_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(b->anchors[middle].name, name);
        if (order == 0) return &b->anchors[middle];
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    *place = low;
    return NULL;
}

static struct anchor *anchor_find(const struct builder *b, const char *name)
{
    size_t place = 0;
    return anchor_search(b, name, &place);
}

static void anchor_insert(struct builder *b, struct anchor anchor, size_t i)
{
    if (b->anchor_count == b->anchor_capacity) {
        size_t capacity = b->anchor_capacity ? 2 * b->anchor_capacity : 16;
        struct anchor *list = arena_new(b->arena, capacity, sizeof *list);
        if (b->anchor_count) memcpy(list, b->anchors, b->anchor_count * sizeof *list);
        b->anchors = list;
        b->anchor_capacity = capacity;
    }
    memmove(b->anchors + i + 1, b->anchors + i, (b->anchor_count - i) * sizeof anchor);
    b->anchors[i] = anchor;
    b->anchor_count++;
}

bool anchor_add(struct builder *b, const yaml_char_t *name, struct node *node, yaml_mark_t mark)
{
    if (!name) return true;
    if (++b->anchors_seen > b->limits->anchors) {
        diag_format(b->diags, builder_where(b, mark), node_path_text(node, NULL, b->arena),
                    "more than %u anchors; that is the limit anchors", b->limits->anchors);
        return false;
    }
    const char *text = (const char *)name;
    bool open = node->kind != NODE_SCALAR;
    size_t place = 0;
    struct anchor *known = anchor_search(b, text, &place);
    if (known) {
        known->node = node;
        known->open = open;
        return true;
    }
    const char *copy = arena_text(b->arena, text, strlen(text));
    anchor_insert(b, (struct anchor){ copy, node, open }, place);
    return true;
}

void anchor_close(struct builder *b, const yaml_char_t *name, const struct node *node)
{
    struct anchor *anchor = name ? anchor_find(b, (const char *)name) : NULL;
    if (anchor && anchor->node == node) anchor->open = false;
}

/* A place where a copy goes. */
struct place {
    const struct node *parent;
    const char *key;
    size_t index, depth;
};

static const char *item_key(const struct node *parent, size_t i)
{
    return parent->kind == NODE_MAP ? parent->keys[i] : NULL;
}

/* Counts one value that an alias adds; false when it breaks a limit, which is reported where the
 * alias stands. */
static bool count_node(struct builder *b, const struct node *node, const struct place *place,
                       struct where alias)
{
    const char *limit = NULL;
    uint64_t most = 0;
    if (++b->alias_nodes > b->limits->alias_nodes) {
        limit = "aliases add more than %u values; that is the limit alias_nodes";
        most = b->limits->alias_nodes;
    } else if (place->depth + (node->kind != NODE_SCALAR) > b->limits->depth) {
        limit = "this alias nests deeper than %u; that is the limit depth";
        most = b->limits->depth;
    }
    if (!limit) return true;
    struct node copy = *node;
    node_place(&copy, place->parent, place->key, place->index);
    diag_format(b->diags, alias, node_path_text(&copy, NULL, b->arena), limit, most);
    return false;
}

/* Counts a value and all below it as its copy would; false on a limit. */
static bool count_tree(struct builder *b, const struct node *node, const struct place *place,
                       struct where alias)
{
    if (!count_node(b, node, place, alias)) return false;
    if (node->count == 0) return true;
    struct node here = *node; /* where the copy would stand, for the way to it in a message */
    node_place(&here, place->parent, place->key, place->index);
    for (size_t i = 0; i < node->count; i++) {
        const struct place below = { &here, item_key(node, i), i, place->depth + 1 };
        if (!count_tree(b, node->items[i], &below, alias)) return false;
    }
    return true;
}

struct node *node_copy(struct builder *b, const struct node *from)
{
    struct node *copy = arena_raw(b->arena, sizeof *copy);
    *copy = *from;
    if (from->count > 0) copy->items = arena_raw(b->arena, from->count * sizeof *copy->items);
    for (size_t i = 0; i < from->count; i++) {
        copy->items[i] = node_copy(b, from->items[i]);
        node_place(copy->items[i], copy, item_key(from, i), i);
    }
    return copy;
}

/* Reports an alias whose name is wrong. */
static void alias_refuse(struct builder *b, const char *name, struct where where,
                         const struct node *node, const struct anchor *open)
{
    const char *shown = text_shown(name, strlen(name), b->arena);
    const char *path = node_path_text(node, NULL, b->arena);
    if (open) {
        diag_format(b->diags, where, path, "alias '*%s' stands inside the value that it names",
                    shown);
        return;
    }
    const char **names = arena_new(b->arena, b->anchor_count + 1, sizeof *names);
    for (size_t i = 0; i < b->anchor_count; i++) names[i] = b->anchors[i].name;
    const char *nearest = string_nearest(name, names, b->anchor_count);
    if (nearest) {
        diag_format(b->diags, where, path, "unknown alias '*%s'; did you mean '*%s'?", shown,
                    text_shown(nearest, strlen(nearest), b->arena));
        return;
    }
    diag_format(b->diags, where, path, "unknown alias '*%s'; an anchor '&%s' must come first",
                shown, shown);
}

/* Whether a value is that of a merge key or in its list. */
static bool is_merged(const struct node *parent, const char *key)
{
    return key == MERGE_KEY || (parent && !key && parent->kind == NODE_LIST &&
                                parent->key_in_parent == MERGE_KEY);
}

struct node *anchor_copy(struct builder *b, const yaml_event_t *event, const struct node *parent,
                         const char *key, size_t index)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct where where = builder_where(b, event->start_mark);
    const struct anchor *anchor = anchor_find(b, name);
    if (anchor && !anchor->open) {
        const struct place place = { parent, key, index, b->depth };
        if (!count_tree(b, anchor->node, &place, where)) return NULL;
        if (anchor->node->kind == NODE_MAP && is_merged(parent, key)) return anchor->node;
        struct node *copy = node_copy(b, anchor->node);
        node_place(copy, parent, key, index);
        return copy;
    }
    struct node *empty = node_new(b->arena, NODE_SCALAR, where);
    empty->text = "";
    node_place(empty, parent, key, index);
    alias_refuse(b, name, where, empty, anchor);
    return empty;
}
