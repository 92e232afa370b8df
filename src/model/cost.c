/* The cost table as data. */
#include "model/cost.h"

const struct cost_row cost_rows[COST_COUNT] = {
#define COST(id, key, per, doc) [COST_##id] = { key, per, doc },
#include "model/cost.def"
#undef COST
};
