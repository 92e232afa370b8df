/* Loading a scenario with all that it includes: mappings are merged key by key, lists and scalars
 * replaced, later files win and the including file last. */
#include "scenario/document.h"

#include "base/sha256.h"
#include "scenario/events.h"
#include "scenario/input.h"
#include "scenario/names.h"

#include <string.h>

/* One file of the chain from the main file to the one being read. */
struct link {
    const struct link *from;
    const char *name;     /* as opened, and as messages show it */
    const char *relative; /* to the main file's folder */
    uint64_t device, inode;
    bool regular;
    uint64_t depth;
};

struct loader {
    const struct scenario_limits *limits;
    struct diags *diags;
    struct arena *arena;
    struct document_info info;
    struct document_include *includes;
    size_t include_capacity;
    uint64_t bytes_left, inclusions;
};

static struct node *load_file(struct loader *l, struct link *link, const struct node *asked);

/* Name of a file in messages, in the arena of the diags. */
static const char *link_shown(struct loader *l, const struct link *link)
{
    const char *shown = strcmp(link->name, "-") == 0 ? "<stdin>" : link->name;
    return arena_text(&l->diags->arena, shown, strlen(shown));
}

/* Reports a file that cannot be had: at the including value, or at the file itself. */
static void refuse_file(struct loader *l, const struct link *link, const struct node *asked,
                        const char *message)
{
    const char *name = text_shown(link->name, strlen(link->name), l->arena);
    if (asked) {
        diag_format(l->diags, asked->where, node_path_text(asked, NULL, l->arena),
                    "cannot include '%s': %s", name, message);
        return;
    }
    l->info.file = diags_add_file(l->diags, link_shown(l, link), NULL, 0);
    diag_format(l->diags, (struct where){ l->info.file, 1, 1 }, NULL, "cannot read '%s': %s", name,
                message);
}

static void refuse_unreadable(struct loader *l, const struct link *link, const struct node *asked,
                              const char *why)
{
    l->info.unreadable = true;
    refuse_file(l, link, asked, why);
}

/* Opens a file within what is left of the budget. */
static bool read_input(struct loader *l, struct link *link, const struct node *asked,
                       struct input *input)
{
    const char *why = "";
    switch (input_read(link->name, l->bytes_left, &l->diags->arena, input, &why)) {
    case INPUT_READ: break;
    case INPUT_UNREADABLE: refuse_unreadable(l, link, asked, why); return false;
    case INPUT_TOO_LONG: {
        struct text message;
        text_init(&message, l->arena->from);
        text_format(&message, "%s longer than %u bytes; that is the limit file_bytes",
                    asked ? "with it the scenario is" : "it is", l->limits->file_bytes);
        refuse_file(l, link, asked, text_string(&message));
        text_free(&message);
        return false;
    }
    }
    why = input_fetch(input, 1);
    if (why) {
        input_close(input);
        refuse_unreadable(l, link, asked, why);
        return false;
    }
    l->bytes_left -= input->length;
    link->device = input->device;
    link->inode = input->inode;
    link->regular = input->regular;
    return true;
}

/* Whether a file is among those that include it. */
static bool includes_itself(const struct link *link)
{
    for (const struct link *l = link->from; l; l = l->from) {
        if (l->regular && l->device == link->device && l->inode == link->inode) return true;
    }
    return false;
}

static void note_include(struct loader *l, const char *relative, uint32_t file)
{
    for (size_t i = 0; i < l->info.include_count; i++) {
        if (strcmp(l->includes[i].name, relative) == 0) return;
    }
    if (l->info.include_count == l->include_capacity) {
        size_t capacity = l->include_capacity ? 2 * l->include_capacity : 8;
        struct document_include *list = arena_new(l->arena, capacity, sizeof *list);
        if (l->includes) memcpy(list, l->includes, l->info.include_count * sizeof *list);
        l->includes = list;
        l->include_capacity = capacity;
    }
    l->includes[l->info.include_count++] = (struct document_include){ relative, file };
}

/* Reads a file to its end and hashes it. Of a broken one only the part that was looked at is kept
 * for messages, and no hash: to read 16 MiB takes longer than to find the mistake. */
static const char *keep_file(const struct source *s, struct input *input, bool good,
                             struct diag_file *kept)
{
    size_t seen = (size_t)(s->bytes - input->bytes) + s->checked + KIB;
    const char *why = s->unreadable;
    if (!why) why = input_fetch(input, good ? input->length + 1 : seen);
    input_close(input);
    kept->length = seen < input->fetched && !good ? seen : input->fetched;
    if (good && !why) sha256_hex(input->bytes, input->length, kept->sha256);
    return why;
}

/* The tree of one file, includes not yet followed. */
static struct node *parse_file(struct loader *l, const struct link *link, const struct node *asked,
                               struct input *input)
{
    struct builder b = { .limits = l->limits, .diags = l->diags, .arena = l->arena };
    uint32_t file = diags_add_file(l->diags, link_shown(l, link), input->bytes, 0);
    source_init(&b.source, input->bytes, input->length, file, l->limits->scalar_bytes);
    b.source.input = input;
    struct node *root = events_read(&b, 0);
    const char *why = keep_file(&b.source, input, root != NULL, &l->diags->files[file]);
    if (why) {
        refuse_unreadable(l, link, asked, why);
        return NULL;
    }
    if (link->from) note_include(l, link->relative, file);
    else l->info.file = file;
    if (root && root->kind != NODE_MAP) {
        diag_format(l->diags, root->where, NULL, "expected a mapping of keys and values, found %s",
                    root->kind == NODE_LIST ? "a list" : "a single value");
        return NULL;
    }
    return root;
}

/* Puts the keys of `over` into `base`, recursively. */
static void overlay(struct loader *l, struct node *base, struct node *over)
{
    struct entries all = node_entries(base, l->arena);
    struct key_ref *refs = arena_new(l->arena, base->count + 1, sizeof *refs);
    for (size_t i = 0; i < base->count; i++) refs[i] = key_ref(base->keys[i], i);
    keys_sort(refs, base->count);
    for (size_t i = 0; i < over->count; i++) {
        const struct key_ref *known = keys_find(refs, base->count, over->keys[i]);
        struct node *value = over->items[i];
        if (!known) {
            entries_add(&all, over->keys[i], over->key_where[i], value);
            continue;
        }
        struct entry *e = &all.list[known->index];
        e->where = over->key_where[i];
        if (e->value->kind == NODE_MAP && value->kind == NODE_MAP) overlay(l, e->value, value);
        else e->value = value;
    }
    base->where = over->where;
    node_fill(base, all.list, all.count, l->arena);
    if (base->count > l->limits->map_keys) {
        diag_format(l->diags, base->where, node_path_text(base, NULL, l->arena),
                    "more than %u keys with the included ones; that is the limit map_keys",
                    l->limits->map_keys);
    }
}

/* Takes the `include` key out of a file's tree; NULL when it has none. */
static struct node *take_includes(struct loader *l, struct node *root)
{
    struct node *found = NULL;
    struct entries rest = { .arena = l->arena };
    for (size_t i = 0; i < root->count; i++) {
        if (strcmp(root->keys[i], "include") == 0) found = root->items[i];
        else entries_add(&rest, root->keys[i], root->key_where[i], root->items[i]);
    }
    if (found) node_fill(root, rest.list, rest.count, l->arena);
    return found;
}

/* Loads the file that one scalar of `include` names. */
static struct node *load_include(struct loader *l, const struct link *from,
                                 const struct node *asked)
{
    const char *path = node_path_text(asked, NULL, l->arena);
    if (asked->kind != NODE_SCALAR || asked->length == 0) {
        diag_format(l->diags, asked->where, path, "expected the path of a file, found %s",
                    asked->kind == NODE_SCALAR ? "nothing" : node_kind_name(asked));
        return NULL;
    }
    struct link link = { .from = from, .depth = from->depth + 1 };
    link.name = name_join(from->name, asked->text, l->arena);
    link.relative = name_relative(from->relative, asked->text, l->arena);
    if (link.depth > l->limits->include_depth) {
        diag_format(l->diags, asked->where, path,
                    "files include each other more than %u deep; that is the limit include_depth",
                    l->limits->include_depth);
        return NULL;
    }
    if (++l->inclusions > l->limits->include_files) {
        diag_format(l->diags, asked->where, path,
                    "more than %u inclusions; that is the limit include_files",
                    l->limits->include_files);
        return NULL;
    }
    return load_file(l, &link, asked);
}

/* Follows the includes of a file and lays the file's own tree over them. */
static struct node *follow_includes(struct loader *l, const struct link *link, struct node *root,
                                    struct node *include)
{
    struct node *single[] = { include };
    bool list = include->kind == NODE_LIST;
    struct node *const *asked = list ? include->items : single;
    size_t count = list ? include->count : 1;
    struct node *merged = NULL;
    for (size_t i = 0; i < count && l->inclusions <= l->limits->include_files; i++) {
        struct node *fragment = load_include(l, link, asked[i]);
        if (!fragment) continue;
        if (merged) overlay(l, merged, fragment);
        else merged = fragment;
    }
    if (!merged) return root;
    overlay(l, merged, root);
    return merged;
}

static struct node *load_file(struct loader *l, struct link *link, const struct node *asked)
{
    struct input input;
    if (!read_input(l, link, asked, &input)) return NULL;
    if (includes_itself(link)) {
        input_close(&input);
        diag_format(l->diags, asked->where, node_path_text(asked, NULL, l->arena),
                    "'%s' includes itself", text_shown(link->name, strlen(link->name), l->arena));
        return NULL;
    }
    struct node *root = parse_file(l, link, asked, &input);
    if (!root) return NULL;
    struct node *include = take_includes(l, root);
    return include ? follow_includes(l, link, root, include) : root;
}

struct node *document_load(const char *name, const struct scenario_limits *limits,
                           struct diags *diags, struct arena *arena, struct document_info *info)
{
    struct loader l = { .limits = limits, .diags = diags, .arena = arena,
                        .bytes_left = limits->file_bytes };
    struct link main_file = { .name = name, .relative = "" };
    size_t errors = diags->count;
    struct node *root = load_file(&l, &main_file, NULL);
    l.info.includes = l.includes;
    if (info) *info = l.info;
    return diags->count == errors ? root : NULL;
}
