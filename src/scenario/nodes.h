/* Building blocks of the located document, shared by the files of the reader. */
#pragma once

#include "scenario/document.h"

/* One key of a map under construction. */
struct entry {
    const char *key;
    struct where where;
    bool merged; /* by a merge key: the value is another map's */
    struct node *value;
};

struct entries {
    struct arena *arena;
    struct entry *list;
    size_t count, capacity;
};

void entries_add(struct entries *e, const char *key, struct where where, struct node *value);

/* A key with its place, for sorting: by key, then by place. */
struct key_ref {
    uint64_t start; /* the first eight bytes, most significant first: compared before the rest */
    const char *key;
    size_t index;
};

struct key_ref key_ref(const char *key, size_t index);
void keys_sort(struct key_ref *refs, size_t count);
/* First of the sorted refs with that key, NULL when there is none. */
const struct key_ref *keys_find(const struct key_ref *refs, size_t count, const char *key);

/* A node with no content yet; key NULL for a list item. */
struct node *node_new(struct arena *arena, enum node_kind kind, struct where where);
/* Makes a text that lives as long as the node its content. */
void node_text(struct node *scalar, const char *text);
/* Puts a node below a parent. */
void node_place(struct node *node, const struct node *parent, const char *key, size_t index);
/* Makes the entries the content of a map. */
void node_fill(struct node *map, const struct entry *list, size_t count, struct arena *arena);
/* Entries of a finished map. */
struct entries node_entries(const struct node *map, struct arena *arena);
/* Path of a key of a map (key NULL: of the map itself), as text in the arena. */
const char *node_path_text(const struct node *node, const char *key, struct arena *arena);
/* Bytes for a message: escaped, cut to 60, in the arena. */
const char *text_shown(const char *s, size_t length, struct arena *arena);
/* "a mapping", "a list", "a value". */
const char *node_kind_name(const struct node *node);
