/* Limits on what a scenario file may ask of its reader (scenario format, section 10): printed by
 * `mdlsim list limits`, raised with --limit NAME=VALUE. */
#pragma once

#include "base/text.h"

struct scenario_limits {
    uint64_t file_bytes;
    uint64_t depth;
    uint64_t scalar_bytes;
    uint64_t anchors;
    uint64_t alias_nodes;
    uint64_t map_keys;
    uint64_t include_depth;
    uint64_t include_files;
};

/* One limit: its name on the command line, where it is kept, the default, the highest value that
 * may be set, one sentence for people. */
struct limit_row {
    const char *name;
    size_t offset;
    uint64_t fallback, most;
    const char *doc;
};

extern const struct limit_row limit_rows[]; /* ends with a NULL name */

void limits_init(struct scenario_limits *limits); /* every limit at its default */
uint64_t limits_get(const struct scenario_limits *limits, const struct limit_row *row);
/* False, and a sentence without a full stop appended to `why`, when there is no such limit, the
 * value is no decimal number (with an optional KiB, MiB or GiB) or outside 1 .. most. */
bool limits_set(struct scenario_limits *limits, const char *name, const char *value,
                struct text *why);
