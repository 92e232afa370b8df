/* The end of a mapping: duplicate keys, merge keys (`<<` of the YAML 1.1 type repository: explicit
 * keys win over merged ones, earlier merged ones over later), values that flow style cut in two. */
#include "scenario/events.h"

#include <string.h>

const char MERGE_KEY[] = "<<";

/* The keys of the open entries from `first` on, sorted, in a room that holds them until its next
 * use. */
static struct key_ref *sorted_keys(struct builder *b, struct key_room *room, size_t first)
{
    size_t count = b->open_count - first;
    room->refs = mem_grow(b->arena->from, room->refs, &room->capacity, count, sizeof *room->refs);
    for (size_t i = 0; i < count; i++) room->refs[i] = key_ref(b->open[first + i].key, i);
    keys_sort(room->refs, count);
    return room->refs;
}

static void report_duplicate(struct builder *b, const struct node *map, const struct entry *again,
                             const struct entry *first)
{
    if (b->diags->count >= DIAG_KEPT_MAX) return;
    diag_format(b->diags, again->where, node_path_text(map, again->key, b->arena),
                "duplicate key '%s'; the first is on line %u",
                text_shown(again->key, strlen(again->key), b->arena),
                (uint64_t)first->where.line);
}

/* Drops the open entries from `from` on that repeat an earlier key; each is reported when
 * `report`. */
static void drop_duplicates(struct builder *b, const struct node *map, size_t from, bool report)
{
    size_t count = b->open_count - from;
    if (count < 2) return;
    const struct key_ref *refs = sorted_keys(b, &b->all_keys, from);
    struct entry *list = b->open + from;
    size_t first = 0;
    bool any = false;
    for (size_t i = 1; i < count; i++) {
        if (refs[i].start != refs[first].start || strcmp(refs[i].key, refs[first].key) != 0) {
            first = i;
            continue;
        }
        struct entry *again = &list[refs[i].index];
        if (report) report_duplicate(b, map, again, &list[refs[first].index]);
        again->value = NULL;
        any = true;
    }
    size_t kept = 0;
    for (size_t i = 0; any && i < count; i++) {
        if (list[i].value) list[kept++] = list[i];
    }
    if (any) b->open_count = from + kept;
}

/* A map whose merge keys are being performed. */
struct merge {
    struct builder *builder;
    const struct node *map;
    const struct key_ref *keys; /* its own, sorted */
    size_t key_count, map_count; /* maps merged: the keys of one differ */
};

/* Adds a merged map's entries that no explicit key hides; false when merge keys add too much. */
static bool merge_map(struct merge *m, const struct node *from)
{
    struct builder *b = m->builder;
    b->merged_keys += from->count;
    if (b->merged_keys > b->limits->alias_nodes) {
        diag_format(b->diags, from->where, node_path_text(m->map, NULL, b->arena),
                    "merge keys add more than %u keys; that is the limit alias_nodes",
                    b->limits->alias_nodes);
        return false;
    }
    m->map_count += from->count > 0;
    for (size_t i = 0; i < from->count; i++) {
        if (keys_find(m->keys, m->key_count, from->keys[i])) continue;
        builder_push(b, (struct entry){ from->keys[i], from->key_where[i], true, from->items[i] });
    }
    return true;
}

static void refuse_merge(struct builder *b, const struct node *value)
{
    diag_format(b->diags, value->where, node_path_text(value, NULL, b->arena),
                "'<<' merges a mapping, an alias of one, or a list of them, not %s",
                node_kind_name(value));
}

/* Adds what one `<<` brings; false on a limit. */
static bool merge_value(struct merge *m, const struct node *value)
{
    if (value->kind == NODE_MAP) return merge_map(m, value);
    if (value->kind == NODE_SCALAR) refuse_merge(m->builder, value);
    for (size_t i = 0; i < value->count; i++) {
        const struct node *item = value->items[i];
        if (item->kind != NODE_MAP) refuse_merge(m->builder, item);
        else if (!merge_map(m, item)) return false;
    }
    return true;
}

/* Replaces the open entries from `first` on by those with every `<<` done; false on a limit. */
static bool merge_all(struct builder *b, const struct node *map, size_t first)
{
    size_t end = b->open_count;
    struct merge m = { .builder = b, .map = map, .key_count = end - first };
    m.keys = sorted_keys(b, &b->own_keys, first);
    for (size_t i = first; i < end; i++) {
        const struct entry e = b->open[i];
        if (e.key != MERGE_KEY) builder_push(b, e);
        else if (!merge_value(&m, e.value)) return false;
    }
    if (m.map_count > 1) drop_duplicates(b, map, end, false);
    for (size_t i = end; i < b->open_count; i++) {
        struct entry *e = &b->open[i];
        if (e->merged) e->value = node_copy(b, e->value);
    }
    memmove(b->open + first, b->open + end, (b->open_count - end) * sizeof *b->open);
    b->open_count -= end - first;
    return true;
}

static bool has_merge_key(const struct builder *b, size_t first)
{
    for (size_t i = first; i < b->open_count; i++) {
        if (b->open[i].key == MERGE_KEY) return true;
    }
    return false;
}

bool mapping_finish(struct builder *b, struct node *map, size_t first)
{
    drop_duplicates(b, map, first, true);
    if (has_merge_key(b, first) && !merge_all(b, map, first)) return false;
    size_t count = b->open_count - first;
    if (count > b->limits->map_keys) {
        diag_format(b->diags, map->where, node_path_text(map, NULL, b->arena),
                    "more than %u keys with the merged ones; that is the limit map_keys",
                    b->limits->map_keys);
        return false;
    }
    if (count > 0) node_fill(map, b->open + first, count, b->arena);
    b->open_count = first;
    return true;
}

/* Opening less closing parentheses. */
static long parentheses_open(const char *text)
{
    long open = 0;
    for (; *text; text++) open += *text == '(' ? 1 : *text == ')' ? -1 : 0;
    return open;
}

void mapping_check_flow(struct builder *b, const struct node *value, const char *next,
                        struct where next_where)
{
    if (b->flow_depth == 0 || value->kind != NODE_SCALAR || value->quoted) return;
    if (parentheses_open(value->text) <= 0 || parentheses_open(next) >= 0) return;
    diag_format(b->diags, value->where, node_path_text(value, NULL, b->arena),
                "'%s' is cut at the ',' before line %u, column %u: in flow style an expression "
                "with ',' needs quotes",
                text_shown(value->text, value->length, b->arena), (uint64_t)next_where.line,
                (uint64_t)next_where.column);
}
