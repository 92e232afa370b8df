/* From libyaml's events to a located tree, within limits. Only these files see libyaml. */
#pragma once

#include "base/check.h"
#include "scenario/nodes.h"
#include "scenario/source.h"

#include <yaml.h>

/* Key of an entry whose value is merged into the map: an unquoted `<<`, told by its address. */
extern const char MERGE_KEY[];

struct anchor {
    const char *name;
    struct node *node;
    bool open; /* its value is still being read */
};

struct builder {
    yaml_parser_t parser;
    struct source source;
    const struct scenario_limits *limits;
    struct diags *diags;
    struct arena *arena;
    struct anchor *anchors; /* sorted by name; of equal names the last definition holds */
    size_t anchor_count, anchor_capacity;
    uint64_t anchors_seen, alias_nodes, merged_keys;
    size_t depth, flow_depth; /* collections that are open */
    /* Entries of all open maps and items of all open lists, the innermost last, so that none needs
     * a list of its own that grows; and room to sort the keys of one map and of what it merges. */
    struct entry *open;
    size_t open_count, open_capacity;
    struct node **items;
    size_t item_count, item_capacity;
    struct key_room {
        struct key_ref *refs;
        size_t capacity;
    } own_keys, all_keys;
    yaml_mark_t last_end;     /* where the last event ended */
};

/* Reads one document, whose nodes have `depth` others above them. NULL on an error that ends the
 * reading; errors that do not end it are in diags, too. */
struct node *events_read(struct builder *b, size_t depth);

/* The rest is shared between events.c, anchors.c, mapping.c and yaml_error.c. */

struct where builder_where(const struct builder *b, yaml_mark_t mark);
/* Gives an anchor to a node; false when there are too many. */
bool anchor_add(struct builder *b, const yaml_char_t *name, struct node *node, yaml_mark_t mark);
/* Ends the value that has an anchor (name NULL: has none): aliases may stand for it from now on. */
void anchor_close(struct builder *b, const yaml_char_t *name, const struct node *node);
/* What an alias stands for: a copy, or for a merge key the map itself, which belongs elsewhere.
 * NULL on a limit; an empty scalar for a wrong name. */
struct node *anchor_copy(struct builder *b, const yaml_event_t *event, const struct node *parent,
                         const char *key, size_t index);
/* A copy of a value and all below it, to be placed. */
struct node *node_copy(struct builder *b, const struct node *from);
/* Adds an entry to the innermost open map. */
void builder_push(struct builder *b, struct entry entry);
/* Ends a map, whose entries are the open ones from `first` on: refuses duplicate keys, performs
 * merge keys; false on a limit. */
bool mapping_finish(struct builder *b, struct node *map, size_t first);
/* Reports what looks like an expression that flow style cut in two at a comma. */
void mapping_check_flow(struct builder *b, const struct node *value, const char *next,
                        struct where next_where);
/* Reports why libyaml stopped. */
void yaml_error_report(struct builder *b);
