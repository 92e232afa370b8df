/* The event loop: one node per event, limits checked before libyaml reads on (its scanner is
 * quadratic in the depth of flow collections). */
#include "scenario/events.h"

#include <string.h>

static struct node *read_node(struct builder *b, yaml_event_t *event, const struct node *parent,
                              const char *key, size_t index);

struct where builder_where(const struct builder *b, yaml_mark_t mark)
{
    return source_where(&b->source, mark.line, mark.column);
}

void builder_push(struct builder *b, struct entry entry)
{
    b->open = mem_grow(b->arena->from, b->open, &b->open_capacity, b->open_count + 1,
                       sizeof *b->open);
    b->open[b->open_count++] = entry;
}

static bool next_event(struct builder *b, yaml_event_t *event)
{
    if (!yaml_parser_parse(&b->parser, event)) {
        yaml_error_report(b);
        return false;
    }
    if (event->type == YAML_NO_EVENT) {
        diag_add(b->diags, builder_where(b, b->last_end), NULL, "the text ends too early");
        return false;
    }
    source_event(&b->source);
    b->last_end = event->end_mark;
    return true;
}

/* Tags are refused: a value's type is that of its field. */
static void check_tag(struct builder *b, const yaml_char_t *tag, yaml_mark_t mark,
                      const struct node *node)
{
    static const char core[] = "tag:yaml.org,2002:";
    const char *text = (const char *)tag;
    if (!text) return;
    bool short_form = strncmp(text, core, sizeof core - 1) == 0;
    if (short_form) text += sizeof core - 1;
    diag_format(b->diags, builder_where(b, mark), node_path_text(node, NULL, b->arena),
                "tags are not used here: remove '%s%s'", short_form ? "!!" : "",
                text_shown(text, strlen(text), b->arena));
}

/* Text of a scalar, NULL when it breaks a limit or holds a NUL. */
static const char *read_text(struct builder *b, const yaml_event_t *event, const struct node *near,
                             const char *key)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    struct where where = builder_where(b, event->start_mark);
    if (length > b->limits->scalar_bytes) {
        diag_format(b->diags, where, node_path_text(near, key, b->arena),
                    "a text of %u bytes; the limit scalar_bytes is %u", (uint64_t)length,
                    b->limits->scalar_bytes);
        return NULL;
    }
    if (memchr(value, 0, length)) {
        diag_add(b->diags, where, node_path_text(near, key, b->arena),
                 "a text that holds a NUL character");
    }
    return arena_text(b->arena, value, length);
}

static struct node *read_scalar(struct builder *b, const yaml_event_t *event,
                                const struct node *parent, const char *key, size_t index)
{
    struct node *node = node_new(b->arena, NODE_SCALAR, builder_where(b, event->start_mark));
    node_place(node, parent, key, index);
    const char *text = read_text(b, event, node, NULL);
    if (!text) return NULL;
    node_text(node, text);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    check_tag(b, event->data.scalar.tag, event->start_mark, node);
    return anchor_add(b, event->data.scalar.anchor, node, event->start_mark) ? node : NULL;
}

/* Counts a collection that begins; false when it is nested too deep. */
static bool enter(struct builder *b, const struct node *node, bool flow)
{
    b->depth++;
    b->flow_depth += flow;
    if (b->depth <= b->limits->depth) return true;
    diag_format(b->diags, node->where, node_path_text(node, NULL, b->arena),
                "nested deeper than %u; that is the limit depth", b->limits->depth);
    return false;
}

static void leave(struct builder *b, bool flow)
{
    b->depth--;
    b->flow_depth -= flow;
}

/* Reads the items of a list up to its end. */
static bool read_items(struct builder *b, struct node *list)
{
    size_t first = b->item_count;
    for (;;) {
        yaml_event_t event;
        if (!next_event(b, &event)) return false;
        if (event.type == YAML_SEQUENCE_END_EVENT) break;
        struct node *item = read_node(b, &event, list, NULL, b->item_count - first);
        if (!item) return false;
        if (b->item_count > first && item->kind == NODE_SCALAR && !item->quoted) {
            mapping_check_flow(b, b->items[b->item_count - 1], item->text, item->where);
        }
        b->items = mem_grow(b->arena->from, b->items, &b->item_capacity, b->item_count + 1,
                            sizeof *b->items);
        b->items[b->item_count++] = item;
    }
    list->count = (uint32_t)(b->item_count - first);
    if (list->count > 0) {
        size_t bytes = list->count * sizeof *list->items;
        list->items = memcpy(arena_raw(b->arena, bytes), b->items + first, bytes);
    }
    b->item_count = first;
    return true;
}

static struct node *read_list(struct builder *b, const yaml_event_t *start,
                              const struct node *parent, const char *key, size_t index)
{
    bool flow = start->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    struct node *list = node_new(b->arena, NODE_LIST, builder_where(b, start->start_mark));
    node_place(list, parent, key, index);
    check_tag(b, start->data.sequence_start.tag, start->start_mark, list);
    if (!anchor_add(b, start->data.sequence_start.anchor, list, start->start_mark)) return NULL;
    if (!enter(b, list, flow)) return NULL;
    if (!read_items(b, list)) return NULL;
    anchor_close(b, start->data.sequence_start.anchor, list);
    leave(b, flow);
    return list;
}

/* Reports an event that cannot be a key and reads over what belongs to it; false on an error that
 * ends the reading. */
static bool skip_key(struct builder *b, yaml_event_t *event, const struct node *map)
{
    const char *what = event->type == YAML_ALIAS_EVENT ? "an alias"
                     : event->type == YAML_MAPPING_START_EVENT ? "a mapping" : "a list";
    diag_format(b->diags, builder_where(b, event->start_mark), node_path_text(map, NULL, b->arena),
                "%s cannot be a key", what);
    return read_node(b, event, map, "?", 0) != NULL;
}

/* Reads a key: its text, "" for one that was refused, NULL on an error that ends the reading. */
static const char *read_key(struct builder *b, yaml_event_t *event, const struct node *map)
{
    if (event->type != YAML_SCALAR_EVENT) return skip_key(b, event, map) ? "" : NULL;
    const char *key = read_text(b, event, map, NULL);
    struct where where = builder_where(b, event->start_mark);
    bool ok = key != NULL;
    if (ok && *key == 0) {
        diag_add(b->diags, where, node_path_text(map, NULL, b->arena), "a key without a name");
    }
    if (ok) check_tag(b, event->data.scalar.tag, event->start_mark, map);
    if (ok && event->data.scalar.anchor) {
        struct node *named = node_new(b->arena, NODE_SCALAR, where);
        node_text(named, key);
        node_place(named, map, key, 0);
        ok = anchor_add(b, event->data.scalar.anchor, named, event->start_mark);
    }
    /* "<<" in quotes is a key like any other; the pointer tells it apart in mapping_finish. */
    if (ok && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(key, "<<") == 0) {
        key = MERGE_KEY;
    }
    yaml_event_delete(event);
    return ok ? key : NULL;
}

/* Reads the pairs of a map up to its end; they become the open entries from `first` on. */
static bool read_pairs(struct builder *b, struct node *map, size_t first)
{
    for (;;) {
        yaml_event_t event;
        if (!next_event(b, &event)) return false;
        if (event.type == YAML_MAPPING_END_EVENT) return true;
        struct where where = builder_where(b, event.start_mark);
        const char *key = read_key(b, &event, map);
        if (!key) return false;
        size_t count = b->open_count - first;
        if (count) mapping_check_flow(b, b->open[b->open_count - 1].value, key, where);
        if (count == b->limits->map_keys) {
            diag_format(b->diags, where, node_path_text(map, NULL, b->arena),
                        "more than %u keys; that is the limit map_keys", b->limits->map_keys);
            yaml_event_delete(&event);
            return false;
        }
        if (!next_event(b, &event)) return false;
        struct node *value = read_node(b, &event, map, key, count);
        if (!value) return false;
        if (*key) builder_push(b, (struct entry){ .key = key, .where = where, .value = value });
    }
}

static struct node *read_map(struct builder *b, const yaml_event_t *start,
                             const struct node *parent, const char *key, size_t index)
{
    bool flow = start->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    struct node *map = node_new(b->arena, NODE_MAP, builder_where(b, start->start_mark));
    node_place(map, parent, key, index);
    check_tag(b, start->data.mapping_start.tag, start->start_mark, map);
    if (!anchor_add(b, start->data.mapping_start.anchor, map, start->start_mark)) return NULL;
    if (!enter(b, map, flow)) return NULL;
    size_t first = b->open_count;
    if (!read_pairs(b, map, first) || !mapping_finish(b, map, first)) return NULL;
    anchor_close(b, start->data.mapping_start.anchor, map);
    leave(b, flow);
    return map;
}

/* The value that begins with an event, which is given back to libyaml. NULL ends the reading. */
static struct node *read_node(struct builder *b, yaml_event_t *event, const struct node *parent,
                              const char *key, size_t index)
{
    struct node *node = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT: node = anchor_copy(b, event, parent, key, index); break;
    case YAML_SCALAR_EVENT: node = read_scalar(b, event, parent, key, index); break;
    case YAML_SEQUENCE_START_EVENT: node = read_list(b, event, parent, key, index); break;
    case YAML_MAPPING_START_EVENT: node = read_map(b, event, parent, key, index); break;
    default: BUG2("an event that begins no value", event->type, 0);
    }
    yaml_event_delete(event);
    return node;
}

/* Reads events up to the first that is neither the stream's nor the document's own. */
static bool next_content(struct builder *b, yaml_event_t *event)
{
    for (;;) {
        if (!next_event(b, event)) return false;
        yaml_event_type_t type = event->type;
        if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT) return true;
        yaml_event_delete(event);
    }
}

/* Reads the end of the document and of the stream; a second document is an error. */
static bool read_end(struct builder *b)
{
    yaml_event_t event;
    for (;;) {
        if (!next_event(b, &event)) return false;
        yaml_event_type_t type = event.type;
        struct where where = builder_where(b, event.start_mark);
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT) return true;
        if (type == YAML_DOCUMENT_START_EVENT) {
            diag_add(b->diags, where, NULL, "a second document; a file holds exactly one");
            return false;
        }
    }
}

static struct node *read_document(struct builder *b)
{
    yaml_event_t event;
    if (!next_content(b, &event)) return NULL;
    if (event.type == YAML_STREAM_END_EVENT) {
        diag_add(b->diags, (struct where){ b->source.file, 1, 1 }, NULL, "the file has no content");
        yaml_event_delete(&event);
        return NULL;
    }
    struct node *root = read_node(b, &event, NULL, NULL, 0);
    return root && read_end(b) ? root : NULL;
}

struct node *events_read(struct builder *b, size_t depth)
{
    if (!yaml_parser_initialize(&b->parser)) {
        diag_add(b->diags, (struct where){ b->source.file, 0, 0 }, NULL,
                 "no memory for the YAML parser");
        return NULL;
    }
    /* Without this a byte order mark would switch libyaml to UTF-16. */
    yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input(&b->parser, source_read, &b->source);
    b->source.parser = &b->parser;
    b->depth = depth;
    struct node *root = read_document(b);
    yaml_parser_delete(&b->parser);
    mem_free(b->arena->from, b->open, b->open_capacity, sizeof *b->open);
    mem_free(b->arena->from, b->items, b->item_capacity, sizeof *b->items);
    mem_free(b->arena->from, b->own_keys.refs, b->own_keys.capacity, sizeof *b->own_keys.refs);
    mem_free(b->arena->from, b->all_keys.refs, b->all_keys.capacity, sizeof *b->all_keys.refs);
    return root;
}
