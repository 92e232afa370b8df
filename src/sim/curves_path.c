/* Numbers of miss curves as statistics. */
#include "sim/curves_path.h"

#include <string.h>

struct curves_path {
    uint64_t replay, sets, ways, length;
    uint32_t size, set;
    const char *what; /* the last part */
};

/* Passes over `key` and a number behind it, without leading zeros, up to the dot and over it; false
 * when that is not there. */
static bool take_number(const char **path, const char *key, uint64_t *n)
{
    size_t length = strlen(key), digits = 0;
    if (strncmp(*path, key, length) != 0) return false;
    const char *at = *path + length;
    for (*n = 0; at[digits] >= '0' && at[digits] <= '9' && digits < 19; digits++)
        *n = *n * 10 + (uint64_t)(at[digits] - '0');
    if (digits == 0 || (digits > 1 && at[0] == '0') || at[digits] != '.') return false;
    *path = at + digits + 1;
    return true;
}

/* Passes over the name of a page size that the plan has. */
static bool take_size(const char **path, const struct curves_plan *plan, uint32_t *size)
{
    static const char names[][4] = { "4k.", "2m.", "1g." }; /* 9 bits of an address each */
    for (*size = 0; *size < plan->size_count; (*size)++) {
        const char *name = names[(plan->shifts[*size] - PAGE_SHIFT_BITS) / 9];
        if (strncmp(*path, name, 3) != 0) continue;
        *path += 3;
        return true;
    }
    return false;
}

static bool has_set(const struct curves_plan *plan, struct curves_path *out)
{
    for (out->set = 0; out->set < plan->set_count; out->set++)
        if (plan->sets[out->set] == out->sets) return true;
    return false;
}

static const char *read_array(const char *path, const struct curves_plan *plan,
                              struct curves_path *out)
{
    if (!has_set(plan, out)) return "its curves have no such number of sets";
    if (!take_number(&path, "ways", &out->ways)) return "behind the sets comes 'ways' and a number";
    if (out->ways == 0 || out->ways > plan->max_entries / out->sets)
        return "its ways are from 1 to max_entries divided by the sets";
    out->what = path;
    bool known = strcmp(path, "misses") == 0 || strcmp(path, "error") == 0;
    return known ? NULL : "an array has 'misses' and 'error'";
}

static const char *read_window(const char *path, struct curves_path *out)
{
    if ((out->length & (out->length - 1)) != 0 || out->length == 0)
        return "lengths of windows are powers of two";
    out->what = path;
    bool known = strcmp(path, "windows") == 0 || strcmp(path, "window_pages") == 0;
    return known ? NULL : "a window has 'windows' and 'window_pages'";
}

static const char *read_path(const struct program *p, const char *path, struct curves_path *out)
{
    path += sizeof "curves." - 1;
    if (!take_number(&path, "replay", &out->replay) || out->replay >= p->replay_count ||
        p->replays[out->replay]->curves == NULL)
        return "it starts with 'curves.replay' and the number of a replay that has curves, from 0";
    const struct curves_plan *plan = p->replays[out->replay]->curves;
    if (!take_size(&path, plan, &out->size))
        return "its curves have no such page size (4k, 2m, 1g)";
    if (take_number(&path, "sets", &out->sets)) return read_array(path, plan, out);
    if (take_number(&path, "window", &out->length)) return read_window(path, out);
    out->what = path;
    bool known = strcmp(path, "lookups") == 0 || strcmp(path, "pages") == 0;
    return known ? NULL : "a curve has 'lookups', 'pages', 'setsN.waysN' and 'windowN'";
}

bool curves_path_is(const char *path)
{
    return strncmp(path, "curves.", sizeof "curves." - 1) == 0;
}

const char *curves_path_problem(const struct program *p, const char *path)
{
    struct curves_path ignored = { 0 };
    return read_path(p, path, &ignored);
}

static uint64_t working_set(const struct curves *c, const struct curves_path *p)
{
    struct curves_window windows[CURVES_WINDOWS_MOST];
    uint64_t pages;
    uint32_t count = curves_working_set(c, p->size, &pages, windows);
    if (p->length == 0) return pages;
    for (uint32_t i = 0; i < count; i++)
        if (windows[i].length == p->length)
            return strcmp(p->what, "windows") == 0 ? windows[i].count : windows[i].pages;
    return 0;
}

bool curves_path_find(const struct sim *s, const char *path, uint64_t *value)
{
    struct curves_path p = { 0 };
    *value = 0;
    if (read_path(s->program, path, &p) != NULL) return false;
    const struct curves *c = s->curves[p.replay];
    if (c == NULL) return true;
    uint64_t error = 0;
    if (p.sets != 0) *value = curves_misses(c, p.size, p.set, p.ways, &error);
    else if (strcmp(p.what, "lookups") == 0) *value = curves_lookups(c, p.size);
    else *value = working_set(c, &p);
    if (strcmp(p.what, "error") == 0) *value = error;
    return true;
}
