/* Which operations an MDL allows, by how it got its frames: one table (facts: "State x operation
 * matrix" of the routines' documents). */
#pragma once

#include "mm/mdl.h"

enum mdl_operation {
    OP_LOCK,
    OP_UNLOCK,
    OP_BUILD_NONPAGED,
    OP_SYSTEM_ADDRESS,
    OP_MAP_KERNEL,
    OP_MAP_USER,
    OP_MAP_RESERVED,
    OP_UNMAP,
    OP_PREPARE_REUSE,
    OP_PARTIAL_SOURCE,
    OP_ADVANCE,
    OP_PROTECT,
    OP_FREE,
    OP_FREE_PAGES,
    OP_COUNT
};

/* NULL: allowed. Else the id of the rule that it breaks. */
const char *mdl_state_rule(enum mdl_operation operation, const struct mdl *m);
const char *mdl_operation_name(enum mdl_operation operation);
