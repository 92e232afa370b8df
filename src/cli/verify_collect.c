/* Which scenarios and which stored traces there are. */
#define _XOPEN_SOURCE 700

#include "cli/host.h"
#include "cli/verify.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Folders below one another; a file system without loops has far fewer. */
enum { DEPTH_MAX = 32 };

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool ends_with(const char *s, size_t length, const char *end)
{
    size_t n = strlen(end);
    return length > n && memcmp(s + length - n, end, n) == 0;
}

/* The case of that name; made when there is none. */
static void add_case(struct verify_plan *plan, const char *name, size_t length, bool scenario)
{
    plan->cases = mem_grow(&host_allocator, plan->cases, &plan->capacity, plan->count + 1,
                           sizeof *plan->cases);
    struct verify_case *c = &plan->cases[plan->count++];
    struct text t;
    text_init(&t, &host_allocator);
    c->name = arena_text(&plan->arena, name, length);
    text_format(&t, "%straces/%s.json", text_string(&plan->root), c->name);
    c->trace = arena_text(&plan->arena, t.bytes, t.length);
    text_clear(&t);
    text_format(&t, "%sscenarios/%s.yaml", text_string(&plan->root), c->name);
    if (scenario) c->scenario = arena_text(&plan->arena, t.bytes, t.length);
    text_free(&t);
    text_init(&c->report, &host_allocator);
    text_init(&c->diff, &host_allocator);
    diff_rows_init(&c->rows, &host_allocator);
}

static void drop_case(struct verify_case *c)
{
    text_free(&c->report);
    text_free(&c->diff);
    diff_rows_free(&c->rows);
}

struct walk {
    struct verify_plan *plan;
    struct text path; /* of the folder, ends in '/' */
    size_t top;       /* bytes of the path that are no part of a case's name */
    bool scenarios;   /* else stored traces */
    unsigned depth;
    struct text *error;
};

static bool walk_folder(struct walk *w);

/* Folders without cases: what scenarios include stands in folders called fragments, and traces/
 * has the traces of other tools in inputs. */
static bool skips_folder(const struct walk *w)
{
    const char *path = text_string(&w->path), *name = path + w->path.length - 1;
    if (!w->scenarios) return strcmp(path + w->top, "inputs/") == 0;
    while (name > path && name[-1] != '/') name--;
    return strcmp(name, "fragments/") == 0;
}

/* One entry of a folder, its path in w->path. */
static bool walk_entry(struct walk *w)
{
    const char *ending = w->scenarios ? ".yaml" : ".json";
    size_t length = w->path.length - w->top;
    if (is_folder(text_string(&w->path))) {
        text_char(&w->path, '/');
        return skips_folder(w) || walk_folder(w);
    }
    if (ends_with(w->path.bytes + w->top, length, ending))
        add_case(w->plan, w->path.bytes + w->top, length - strlen(ending), w->scenarios);
    return true;
}

static bool walk_folder(struct walk *w)
{
    DIR *dir = w->depth < DEPTH_MAX ? opendir(text_string(&w->path)) : NULL;
    if (dir == NULL) {
        if (errno == ENOENT && !w->scenarios && w->depth == 0) return true;
        text_format(w->error, "%s: %s", text_string(&w->path),
                    w->depth < DEPTH_MAX ? strerror(errno) : "too many folders in one another");
        return false;
    }
    size_t length = w->path.length;
    bool fine = true;
    w->depth++;
    for (const struct dirent *entry; fine && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        text_put(&w->path, entry->d_name);
        fine = walk_entry(w);
        w->path.length = length;
    }
    w->depth--;
    closedir(dir);
    return fine;
}

static bool walk(struct verify_plan *plan, const char *folder, bool scenarios, struct text *error)
{
    struct walk w = { .plan = plan, .scenarios = scenarios, .error = error };
    text_init(&w.path, &host_allocator);
    text_format(&w.path, "%s%s/", text_string(&plan->root), folder);
    w.top = w.path.length;
    bool fine = walk_folder(&w);
    text_free(&w.path);
    return fine;
}

static int compare_cases(const void *x, const void *y)
{
    const struct verify_case *a = x, *b = y;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : (a->scenario == NULL) - (b->scenario == NULL);
}

static bool selected(const struct verify_plan *plan, const struct verify_case *c)
{
    const char *filter = text_string(&plan->filter);
    size_t length = plan->filter.length;
    if (length == 0) return true;
    if (filter[length - 1] == '/') return strncmp(c->name, filter, length) == 0;
    return strcmp(c->name, filter) == 0;
}

/* Keeps the selected scenarios, and the traces without a scenario. */
static void sift(struct verify_plan *plan)
{
    size_t kept = 0;
    const char *before = "";
    if (plan->count > 0) qsort(plan->cases, plan->count, sizeof *plan->cases, compare_cases);
    for (size_t i = 0; i < plan->count; i++) {
        struct verify_case *c = &plan->cases[i];
        bool orphan = c->scenario == NULL && strcmp(before, c->name) != 0;
        if (c->scenario != NULL) before = c->name;
        if (selected(plan, c) && (c->scenario != NULL || orphan))
            plan->cases[kept++] = *c;
        else
            drop_case(c);
    }
    plan->count = kept;
}

/* Sets root and filter from a path whose part "scenarios" starts at `at`. */
static bool split_at(struct verify_plan *plan, const char *path, size_t at)
{
    static const char name[] = "scenarios";
    struct text folder;
    text_init(&folder, &host_allocator);
    text_bytes(&folder, path, at + sizeof name - 1);
    bool found = is_folder(text_string(&folder));
    text_free(&folder);
    if (!found) return false;
    text_bytes(&plan->root, path, at);
    const char *rest = path + at + sizeof name - 1;
    while (*rest == '/') rest++;
    size_t length = strlen(rest);
    while (length > 0 && rest[length - 1] == '/') length--;
    bool file = ends_with(rest, length, ".yaml") && is_file(path);
    text_bytes(&plan->filter, rest, file ? length - strlen(".yaml") : length);
    if (!file && length > 0) text_char(&plan->filter, '/');
    return true;
}

/* The last part of a path that is called "scenarios". */
static bool split_path(struct verify_plan *plan, const char *path)
{
    for (size_t at = strlen(path); at-- > 0;) {
        bool starts = at == 0 || path[at - 1] == '/';
        if (!starts || strncmp(path + at, "scenarios", 9) != 0) continue;
        if (path[at + 9] != '\0' && path[at + 9] != '/') continue;
        if (split_at(plan, path, at)) return true;
    }
    return false;
}

static bool find_folders(struct verify_plan *plan)
{
    const char *operand = plan->operand;
    struct text path;
    text_init(&path, &host_allocator);
    if (strcmp(operand, ".") != 0) text_put(&path, operand);
    if (path.length > 0 && path.bytes[path.length - 1] != '/') text_char(&path, '/');
    size_t root = path.length;
    text_put(&path, "scenarios");
    bool found = is_folder(text_string(&path));
    if (found) text_bytes(&plan->root, path.bytes, root);
    text_free(&path);
    if (found || split_path(plan, operand)) return true;
    char *real = realpath(operand, NULL);
    found = real != NULL && split_path(plan, real);
    free(real);
    return found;
}

bool verify_collect(struct verify_plan *plan, struct text *error)
{
    struct stat st;
    if (stat(plan->operand, &st) != 0) {
        text_format(error, "%s: %s", plan->operand, strerror(errno));
        return false;
    }
    if (!find_folders(plan)) {
        text_format(error, "%s: holds no folder 'scenarios', and lies in none", plan->operand);
        return false;
    }
    if (!walk(plan, "scenarios", true, error) || !walk(plan, "traces", false, error)) return false;
    sift(plan);
    if (plan->count > 0) return true;
    text_format(error, "%s: no scenarios there", plan->operand);
    return false;
}

void verify_plan_free(struct verify_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) drop_case(&plan->cases[i]);
    mem_free(&host_allocator, plan->cases, plan->capacity, sizeof *plan->cases);
    text_free(&plan->root);
    text_free(&plan->filter);
    arena_free(&plan->arena);
}
