/* Versions of Windows in the order of their release (versions.def). */
#pragma once

#include "base/types.h"

enum os_rank {
#define OS(id, name, doc) OS_##id,
#define OS_ALIAS(id, name, doc)
#include "nt/versions.def"
#undef OS
#undef OS_ALIAS
    OS_COUNT
};

struct os_version {
    const char *name; /* "windows-10-1809" */
    const char *doc;
    enum os_rank rank;
};
extern const struct os_version os_versions[];       /* aliases included; ends with a NULL name */
const struct os_version *os_find(const char *name); /* NULL when unknown */
const char *os_name(enum os_rank rank);             /* its own name, not an alias */
