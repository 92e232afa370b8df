/* Statistics by path: in expressions and checks. */
#include "sim/stats.h"

#include "sim/curves_path.h"

#include <string.h>

enum { DEPTH_MAX = 16, PATH_PART_MAX = 80 };

struct search {
    const char *rest[DEPTH_MAX]; /* what is left of the path at each depth; NULL = this group is not
                                    on it */
    unsigned depth;
    bool found, vocabulary;
    uint64_t value;
    bool (*is_name)(void *context, const char *group, const char *name);
    void *context;
    const char *group; /* key of the innermost group entered on the path */
};

/* The rest of the path after `key`: "" at the end, NULL when the path goes elsewhere. In the
 * vocabulary "*" stands for any name, and "cpu*" for a processor. */
static const char *after_key(struct search *f, const char *path, const char *key)
{
    size_t length = strlen(key), part = strcspn(path, ".");
    bool star = f->vocabulary && length > 0 && key[length - 1] == '*';
    bool same = star ? part >= length && memcmp(path, key, length - 1) == 0
                     : part == length && memcmp(path, key, length) == 0;
    if (!same) return NULL;
    if (star && length == 1 && f->is_name != NULL) {
        char name[PATH_PART_MAX];
        if (part >= sizeof name) return NULL;
        memcpy(name, path, part);
        name[part] = '\0';
        if (!f->is_name(f->context, f->group, name)) return NULL;
    }
    return path[part] == '.' ? path + part + 1 : path + part;
}

static void on_enter(void *context, const char *key, const char *doc)
{
    struct search *f = context;
    const char *here = f->rest[f->depth];
    (void)doc;
    f->rest[f->depth + 1] = here == NULL || f->found ? NULL : after_key(f, here, key);
    if (f->rest[f->depth + 1] != NULL) f->group = key;
    f->depth++;
}

static void on_leave(void *context)
{
    struct search *f = context;
    f->depth--;
}

static bool is_here(struct search *f, const char *key)
{
    const char *here = f->rest[f->depth];
    if (here == NULL || f->found) return false;
    const char *after = after_key(f, here, key);
    return after != NULL && *after == '\0';
}

static void on_counter(void *context, const char *key, uint64_t value, const char *doc)
{
    struct search *f = context;
    (void)doc;
    if (!is_here(f, key)) return;
    f->found = true;
    f->value = value;
}

static void on_gauge(void *context, const char *key, const struct gauge *g, const char *doc)
{
    on_enter(context, key, doc);
    on_counter(context, "now", g->now, doc);
    on_counter(context, "peak", g->peak, doc);
    on_counter(context, "peak_t", g->peak_t.v, doc);
    on_leave(context);
}

static const struct stats_visitor finder = {
    .enter = on_enter, .leave = on_leave, .counter = on_counter, .gauge = on_gauge
};

bool stats_is_path(const char *path,
                   bool (*is_name)(void *context, const char *group, const char *name),
                   void *context)
{
    struct search f = {
        .rest = { path }, .vocabulary = true, .is_name = is_name, .context = context, .group = ""
    };
    stats_visit(NULL, &finder, &f);
    return f.found;
}

bool stats_find(struct sim *s, const char *path, uint64_t *value)
{
    struct search f = { .rest = { path }, .group = "" };
    if (curves_path_is(path)) return curves_path_find(s, path, value);
    *value = 0;
    stats_visit(s, &finder, &f);
    if (f.found) {
        *value = f.value;
        return true;
    }
    return stats_is_path(path, NULL, NULL);
}
