/* `--set PATH=VALUE`: the path as messages print it, the value as YAML text. */
#include "scenario/document.h"

#include "scenario/events.h"

#include <string.h>

enum { OVERRIDE_PARTS_MAX = 64 };

/* One step of a path: a key, or an index (key NULL). */
struct part {
    const char *key;
    size_t index;
    size_t at; /* offset in the assignment */
};

struct override {
    struct diags *diags;
    struct arena *arena;
    const char *text;
    uint32_t file;
    struct part parts[OVERRIDE_PARTS_MAX];
    size_t count;
    size_t value; /* offset of the value */
};

static struct where override_where(const struct override *o, size_t offset)
{
    struct source s = { .bytes = o->text, .length = strlen(o->text), .file = o->file };
    return source_where_offset(&s, offset);
}

static bool override_refuse(const struct override *o, size_t at, const char *message)
{
    diag_add(o->diags, override_where(o, at), NULL, message);
    return false;
}

/* Reads `["key"]` with \" and \\ inside; *at stands on the first quote. */
static bool read_quoted_key(struct override *o, size_t *at, const char **key)
{
    char *out = arena_new(o->arena, strlen(o->text + *at) + 1, 1);
    size_t length = 0;
    size_t i = *at + 1;
    for (; o->text[i] && o->text[i] != '"'; i++) {
        bool escape = o->text[i] == '\\' && (o->text[i + 1] == '"' || o->text[i + 1] == '\\');
        if (escape) i++;
        out[length++] = o->text[i];
    }
    if (o->text[i] != '"' || o->text[i + 1] != ']') {
        return override_refuse(o, *at, "expected '\"]' after a key in '[\"'");
    }
    *at = i + 2;
    *key = out;
    return true;
}

/* Reads `3]`; *at stands on the first digit. */
static bool read_index(struct override *o, size_t *at, size_t *index)
{
    uint64_t n = 0;
    size_t i = *at;
    for (; o->text[i] >= '0' && o->text[i] <= '9'; i++) {
        if (!mul_fits(n, 10, &n) || !add_fits(n, (uint64_t)(o->text[i] - '0'), &n)) {
            return override_refuse(o, *at, "this index is too large");
        }
    }
    if (i == *at || o->text[i] != ']') {
        return override_refuse(o, *at, "expected an index and ']', as in steps[0]");
    }
    *at = i + 1;
    *index = (size_t)n;
    return true;
}

/* Reads a plain key up to what ends it; *at stands on its first character. */
static bool read_key(struct override *o, size_t *at, const char **key)
{
    size_t length = strcspn(o->text + *at, ".[=");
    if (length == 0) return override_refuse(o, *at, "expected a key here");
    *key = arena_text(o->arena, o->text + *at, length);
    *at += length;
    return true;
}

/* Reads one part of the path at *at. */
static bool read_part(struct override *o, size_t *at)
{
    if (o->count == OVERRIDE_PARTS_MAX) return override_refuse(o, *at, "the path is too long");
    struct part *part = &o->parts[o->count++];
    part->at = *at;
    bool bracket = o->text[*at] == '[';
    if (bracket) {
        ++*at;
        return o->text[*at] == '"' ? read_quoted_key(o, at, &part->key)
                                   : read_index(o, at, &part->index);
    }
    if (o->count > 1) {
        if (o->text[*at] != '.') return override_refuse(o, *at, "expected '.', '[' or '='");
        part->at = ++*at;
    }
    return read_key(o, at, &part->key);
}

static bool read_path(struct override *o)
{
    size_t at = 0;
    do {
        if (!read_part(o, &at)) return false;
    } while (o->text[at] && o->text[at] != '=');
    if (o->text[at] != '=') return override_refuse(o, at, "expected '=' and a value: PATH=VALUE");
    o->value = at + 1;
    return true;
}

/* The value's tree, NULL after an error. Only the bytes after the '=' go to libyaml. */
static struct node *read_value(const struct override *o)
{
    struct scenario_limits limits;
    limits_init(&limits);
    const char *bytes = o->text + o->value;
    size_t errors = o->diags->count;
    struct builder b = { .limits = &limits, .diags = o->diags, .arena = o->arena };
    source_init(&b.source, bytes, strlen(bytes), o->file, limits.scalar_bytes);
    b.source.column_shift = override_where(o, o->value).column - 1;
    struct node *value = NULL;
    if (bytes[strspn(bytes, " ")] == 0) {
        value = node_new(o->arena, NODE_SCALAR, override_where(o, o->value));
        value->text = "";
    } else {
        value = events_read(&b, o->count);
    }
    return o->diags->count == errors ? value : NULL;
}

/* Mappings whose keys the author chose, "*" for any of them: a key that they do not have can only
 * be a slip of the pen. */
static const char *const chosen[][3] = {
    { "vars" },       { "processes" },          { "processes", "*", "buffers" },
    { "procedures" }, { "machine", "devices" }, { "threads" },
};

/* Whether the first `count` parts lead to one of them. */
static bool leads_to_chosen(const struct override *o, size_t count)
{
    for (size_t i = 0; i < COUNT_OF(chosen); i++) {
        size_t same = 0;
        for (; same < 3 && chosen[i][same] && same < count; same++) {
            const char *key = o->parts[same].key;
            if (!key || (chosen[i][same][0] != '*' && strcmp(chosen[i][same], key) != 0)) break;
        }
        if (same == count && (same == 3 || !chosen[i][same])) return true;
    }
    return false;
}

/* The part that its parent lacks may be made. */
static bool may_make(const struct override *o, const struct node *parent, const struct part *part)
{
    size_t depth = (size_t)(part - o->parts);
    if (depth == 0 || !leads_to_chosen(o, depth)) return true;
    const char *nearest = string_nearest(part->key, parent->keys, parent->count);
    diag_format(o->diags, override_where(o, part->at), NULL, "no '%s' in %s%s%s%s",
                text_shown(part->key, strlen(part->key), o->arena),
                node_path_text(parent, NULL, o->arena), nearest ? "; did you mean '" : "",
                nearest ? text_shown(nearest, strlen(nearest), o->arena) : "",
                nearest ? "'?" : "");
    return false;
}

/* Place of a part's value in its parent; a missing key is made. NULL after an error. */
static struct node **part_place(const struct override *o, struct node *parent,
                                const struct part *part)
{
    if (parent->kind == NODE_SCALAR && parent->length == 0 && !parent->quoted && part->key) {
        parent->kind = NODE_MAP; /* `mm:` with nothing behind it */
    }
    if (parent->kind != (part->key ? NODE_MAP : NODE_LIST)) {
        diag_format(o->diags, override_where(o, part->at), node_path_text(parent, NULL, o->arena),
                    "there is no %s here: this is %s", part->key ? "key" : "list item",
                    node_kind_name(parent));
        return NULL;
    }
    if (!part->key && part->index >= parent->count) {
        diag_format(o->diags, override_where(o, part->at), node_path_text(parent, NULL, o->arena),
                    "no item %u: the list has %u", (uint64_t)part->index, (uint64_t)parent->count);
        return NULL;
    }
    if (!part->key) return &parent->items[part->index];
    for (size_t i = 0; i < parent->count; i++) {
        if (strcmp(parent->keys[i], part->key) == 0) return &parent->items[i];
    }
    if (!may_make(o, parent, part)) return NULL;
    struct where where = override_where(o, part->at);
    struct entries all = node_entries(parent, o->arena);
    entries_add(&all, part->key, where, node_new(o->arena, NODE_MAP, where));
    node_fill(parent, all.list, all.count, o->arena);
    return &parent->items[parent->count - 1];
}

/* Puts the value where the path leads. */
static bool place_value(const struct override *o, struct node *root, struct node *value)
{
    struct node *parent = root;
    for (size_t i = 0; i + 1 < o->count; i++) {
        struct node **place = part_place(o, parent, &o->parts[i]);
        if (!place) return false;
        parent = *place;
    }
    struct node **place = part_place(o, parent, &o->parts[o->count - 1]);
    if (!place) return false;
    node_place(value, parent, (*place)->key_in_parent, (*place)->index_in_parent);
    *place = value;
    if (parent->kind == NODE_MAP) {
        /* New arrays: copies of an alias share the old ones. */
        struct entries all = node_entries(parent, o->arena);
        all.list[value->index_in_parent].where = override_where(o, o->parts[o->count - 1].at);
        node_fill(parent, all.list, all.count, o->arena);
    }
    return true;
}

bool document_override(struct node *root, const char *assignment, struct diags *diags,
                       struct arena *arena)
{
    size_t length = strlen(assignment);
    struct override o = { .diags = diags, .arena = arena };
    o.text = arena_text(&diags->arena, assignment, length);
    o.file = diags_add_file(diags, "--set", o.text, length);
    if (!read_path(&o)) return false;
    if (o.parts[0].key && strcmp(o.parts[0].key, "include") == 0) {
        return override_refuse(&o, 0, "'include' cannot be set; give the included keys instead");
    }
    struct node *value = read_value(&o);
    return value && place_value(&o, root, value);
}
