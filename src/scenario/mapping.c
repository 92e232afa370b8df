/* The end of a mapping: duplicate keys, merge keys (`<<` of the YAML 1.1 type repository: explicit
 * keys win over merged ones, earlier merged ones over later), values that flow style cut in two. */
#include "scenario/events.h"

#include <string.h>

const char MERGE_KEY[] = "<<";

static struct key_ref *sorted_keys(const struct entries *e, struct arena *arena)
{
    struct key_ref *refs = arena_new(arena, e->count + 1, sizeof *refs);
    for (size_t i = 0; i < e->count; i++) refs[i] = (struct key_ref){ e->list[i].key, i };
    keys_sort(refs, e->count);
    return refs;
}

/* Drops the entries that repeat an earlier key; each is reported when `report`. */
static void drop_duplicates(struct builder *b, const struct node *map, struct entries *e,
                            bool report)
{
    struct key_ref *refs = sorted_keys(e, b->arena);
    size_t first = 0;
    bool any = false;
    for (size_t i = 1; i < e->count; i++) {
        if (strcmp(refs[i].key, refs[first].key) != 0) {
            first = i;
            continue;
        }
        struct entry *again = &e->list[refs[i].index];
        if (report && b->diags->count < DIAG_KEPT_MAX) {
            diag_format(b->diags, again->where, node_path_text(map, again->key, b->arena),
                        "duplicate key '%s'; the first is on line %u",
                        text_shown(again->key, strlen(again->key), b->arena),
                        (uint64_t)e->list[refs[first].index].where.line);
        }
        again->value = NULL;
        any = true;
    }
    size_t kept = 0;
    for (size_t i = 0; any && i < e->count; i++) {
        if (e->list[i].value) e->list[kept++] = e->list[i];
    }
    if (any) e->count = kept;
}

/* A map whose merge keys are being performed. */
struct merge {
    struct builder *builder;
    const struct node *map;
    const struct key_ref *keys; /* its own, sorted */
    size_t key_count;
    struct entries out;
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
    for (size_t i = 0; i < from->count; i++) {
        if (keys_find(m->keys, m->key_count, from->keys[i])) continue;
        entries_add(&m->out, from->keys[i], from->key_where[i], from->items[i]);
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

/* Replaces the entries by those with every `<<` performed; false on a limit. */
static bool merge_all(struct builder *b, const struct node *map, struct entries *entries)
{
    struct merge m = { .builder = b, .map = map, .key_count = entries->count,
                       .out = { .arena = b->arena } };
    m.keys = sorted_keys(entries, b->arena);
    for (size_t i = 0; i < entries->count; i++) {
        const struct entry *e = &entries->list[i];
        if (e->key != MERGE_KEY) entries_add(&m.out, e->key, e->where, e->value);
        else if (!merge_value(&m, e->value)) return false;
    }
    drop_duplicates(b, map, &m.out, false);
    *entries = m.out;
    return true;
}

static bool has_merge_key(const struct entries *e)
{
    for (size_t i = 0; i < e->count; i++) {
        if (e->list[i].key == MERGE_KEY) return true;
    }
    return false;
}

bool mapping_finish(struct builder *b, struct node *map, struct entries *entries)
{
    drop_duplicates(b, map, entries, true);
    if (has_merge_key(entries) && !merge_all(b, map, entries)) return false;
    if (entries->count > b->limits->map_keys) {
        diag_format(b->diags, map->where, node_path_text(map, NULL, b->arena),
                    "more than %u keys with the merged ones; that is the limit map_keys",
                    b->limits->map_keys);
        return false;
    }
    node_fill(map, entries);
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
