/* Anchors and aliases: an alias is a copy of what its anchor names, so that every node has one
 * parent and one path; the copies count against a limit. */
#include "scenario/events.h"

#include <string.h>

/* Index of the first anchor whose name is not below `name`. */
static size_t anchor_index(const struct builder *b, const char *name)
{
    size_t low = 0;
    size_t high = b->anchor_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(b->anchors[middle].name, name) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static struct anchor *anchor_find(const struct builder *b, const char *name)
{
    size_t i = anchor_index(b, name);
    bool found = i < b->anchor_count && strcmp(b->anchors[i].name, name) == 0;
    return found ? &b->anchors[i] : NULL;
}

static void anchor_insert(struct builder *b, const char *name, struct anchor anchor)
{
    size_t i = anchor_index(b, name);
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
    struct anchor *known = anchor_find(b, text);
    if (known) {
        known->node = node;
        known->open = open;
        return true;
    }
    const char *copy = arena_text(b->arena, text, strlen(text));
    anchor_insert(b, copy, (struct anchor){ copy, node, open });
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

/* NULL when the copy breaks a limit, which is reported where the alias stands. */
static struct node *copy_node(struct builder *b, const struct node *from, struct place place,
                              struct where alias)
{
    const char *limit = NULL;
    uint64_t most = 0;
    size_t depth = place.depth + (from->kind != NODE_SCALAR);
    if (++b->alias_nodes > b->limits->alias_nodes) {
        limit = "aliases add more than %u values; that is the limit alias_nodes";
        most = b->limits->alias_nodes;
    } else if (depth > b->limits->depth) {
        limit = "this alias nests deeper than %u; that is the limit depth";
        most = b->limits->depth;
    }
    struct node *copy = node_new(b->arena, from->kind, from->where);
    node_place(copy, place.parent, place.key, place.index);
    if (limit) {
        diag_format(b->diags, alias, node_path_text(copy, NULL, b->arena), limit, most);
        return NULL;
    }
    copy->quoted = from->quoted;
    copy->text = from->text;
    copy->length = from->length;
    copy->keys = from->keys;
    copy->key_where = from->key_where;
    copy->count = from->count;
    if (from->count > 0) copy->items = arena_raw(b->arena, from->count * sizeof *copy->items);
    for (size_t i = 0; i < from->count; i++) {
        const char *key = from->keys ? from->keys[i] : NULL;
        struct place below = { copy, key, i, depth };
        copy->items[i] = copy_node(b, from->items[i], below, alias);
        if (!copy->items[i]) return NULL;
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

struct node *anchor_copy(struct builder *b, const yaml_event_t *event, const struct node *parent,
                         const char *key, size_t index)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct where where = builder_where(b, event->start_mark);
    const struct anchor *anchor = anchor_find(b, name);
    if (anchor && !anchor->open) {
        return copy_node(b, anchor->node, (struct place){ parent, key, index, b->depth }, where);
    }
    struct node *empty = node_new(b->arena, NODE_SCALAR, where);
    empty->text = "";
    node_place(empty, parent, key, index);
    alias_refuse(b, name, where, empty, anchor);
    return empty;
}
