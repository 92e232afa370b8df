/* The table of a scenario's limits, and setting one from the command line. */
#include "scenario/limits.h"

#include <string.h>

#define ROW(member, value, highest, text)                                                          \
    { .name = #member, .offset = offsetof(struct scenario_limits, member), .fallback = (value),    \
      .most = (highest), .doc = (text) }

/* Depth stays low enough that walking a tree by recursion is always safe. */
const struct limit_row limit_rows[] = {
    ROW(file_bytes, 16 * MIB, 4 * GIB, "Bytes of a scenario file and all that it includes."),
    ROW(depth, 64, 1000, "Mappings and lists nested in each other."),
    ROW(scalar_bytes, 64 * KIB, GIB, "Bytes of one key or value."),
    ROW(anchors, 1000, 1000000, "Anchors (&name) in one file."),
    ROW(alias_nodes, 100000, 100000000, "Values that aliases add to one file."),
    ROW(map_keys, 10000, 10000000, "Keys of one mapping."),
    ROW(include_depth, 8, 100, "Files that include each other in a chain, without the first."),
    ROW(include_files, 1000, 100000, "Inclusions in all."),
    { 0 },
};

static uint64_t *limit_place(struct scenario_limits *limits, const struct limit_row *row)
{
    return (uint64_t *)(void *)((char *)limits + row->offset);
}

void limits_init(struct scenario_limits *limits)
{
    for (const struct limit_row *row = limit_rows; row->name; row++) {
        *limit_place(limits, row) = row->fallback;
    }
}

uint64_t limits_get(const struct scenario_limits *limits, const struct limit_row *row)
{
    return *(const uint64_t *)(const void *)((const char *)limits + row->offset);
}

/* A decimal number with an optional unit; false for anything else and for what leaves 64 bits. */
static bool limit_read(const char *s, uint64_t *out)
{
    uint64_t n = 0;
    if (*s < '0' || *s > '9') return false;
    for (; *s >= '0' && *s <= '9'; s++) {
        if (!mul_fits(n, 10, &n) || !add_fits(n, (uint64_t)(*s - '0'), &n)) return false;
    }
    while (*s == ' ') s++;
    uint64_t unit = strcmp(s, "") == 0      ? 1
                    : strcmp(s, "KiB") == 0 ? KIB
                    : strcmp(s, "MiB") == 0 ? MIB
                    : strcmp(s, "GiB") == 0 ? GIB
                                            : 0;
    return unit != 0 && mul_fits(n, unit, out);
}

static const struct limit_row *limit_find(const char *name, struct text *why)
{
    const char *names[COUNT_OF(limit_rows)];
    size_t count = 0;
    for (const struct limit_row *row = limit_rows; row->name; row++) {
        if (strcmp(row->name, name) == 0) return row;
        names[count++] = row->name;
    }
    text_put(why, "unknown limit '");
    text_quoted(why, name, strlen(name), 60);
    text_put(why, "'");
    const char *nearest = string_nearest(name, names, count);
    if (nearest) text_format(why, "; did you mean '%s'?", nearest);
    return NULL;
}

bool limits_set(struct scenario_limits *limits, const char *name, const char *value,
                struct text *why)
{
    const struct limit_row *row = limit_find(name, why);
    if (!row) return false;
    uint64_t n = 0;
    if (!limit_read(value, &n) || n == 0 || n > row->most) {
        text_format(why, "limit %s: '", row->name);
        text_quoted(why, value, strlen(value), 60);
        text_format(why, "' is not a number from 1 to %u", row->most);
        return false;
    }
    *limit_place(limits, row) = n;
    return true;
}
