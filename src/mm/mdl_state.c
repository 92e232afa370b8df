/* The matrix of builders and operations: what may be done to an MDL by how it got its frames.
 * A cell names the rule that the operation breaks; NULL is allowed. Whether a mapping exists at the
 * moment is a condition of the routine, not of the matrix. */
#include "mm/mdl_state.h"

#include "base/check.h"

#define LOCKED_ONLY "C4-85"

static const char *const matrix[OP_COUNT][BUILDER_COUNT] = {
    /*                     HEADER,             LOCKED,      NONPAGED,    PARTIAL,     PAGES,
       IO_SPACE */
    [OP_LOCK] = { NULL, "C4-B0", "C4-B0", "C4-B0", "C4-B0", "C4-B0" },
    [OP_UNLOCK] = { "C4-7C", NULL, "C4-7D", "C4-B4", "C4-7C", "C4-7C" },
    [OP_BUILD_NONPAGED] = { NULL, "mdl_state", "mdl_state", "mdl_state", "mdl_state", "mdl_state" },
    [OP_SYSTEM_ADDRESS] = { LOCKED_ONLY, NULL, NULL, NULL, NULL, NULL },
    [OP_MAP_KERNEL] = { LOCKED_ONLY, NULL, "C4-B2", NULL, NULL, NULL },
    [OP_MAP_USER] = { LOCKED_ONLY, NULL, NULL, NULL, NULL, NULL },
    [OP_MAP_RESERVED] = { LOCKED_ONLY, NULL, "C4-B2", NULL, NULL, NULL },
    [OP_UNMAP] = { "C4-B6", NULL, "C4-B6", "C4-B5", NULL, NULL },
    [OP_PREPARE_REUSE] = { NULL, NULL, NULL, NULL, NULL, NULL },
    [OP_PARTIAL_SOURCE] = { "source_not_locked", NULL, NULL, NULL, NULL, NULL },
    [OP_ADVANCE] = { "mdl_state", NULL, NULL, "mdl_state", "mdl_state", "mdl_state" },
    [OP_PROTECT] = { NULL, NULL, NULL, NULL, NULL, NULL },
    [OP_FREE] = { NULL, NULL, NULL, NULL, "wrong_mdl_free", NULL },
    [OP_FREE_PAGES] = { "mdl_state", "mdl_state", "mdl_state", "mdl_state", NULL, "mdl_state" },
};

static const char *const operation_names[OP_COUNT] = {
    "lock",
    "unlock",
    "build for nonpaged pool",
    "get the system address",
    "map to system space",
    "map to user space",
    "map into a reservation",
    "unmap",
    "prepare for reuse",
    "be the source of a partial MDL",
    "advance",
    "protect the mapping",
    "free",
    "free the pages",
};

const char *mdl_state_rule(enum mdl_operation operation, const struct mdl *m)
{
    CHECK(operation < OP_COUNT && m->builder < BUILDER_COUNT);
    return matrix[operation][m->builder];
}

const char *mdl_operation_name(enum mdl_operation operation)
{
    CHECK(operation < OP_COUNT);
    return operation_names[operation];
}
