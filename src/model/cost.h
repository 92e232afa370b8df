/* The cost table: the names of everything that takes time. */
#pragma once

#include "base/types.h"

enum cost {
#define COST(id, key, per, doc) COST_##id,
#include "model/cost.def"
#undef COST
    COST_COUNT
};

struct cost_row {
    const char *key; /* as in traces */
    const char *per; /* what one unit is */
    const char *doc;
};

extern const struct cost_row cost_rows[COST_COUNT];
