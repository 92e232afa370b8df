/* The versions of Windows as data. */
#include "nt/os.h"

#include <string.h>

const struct os_version os_versions[] = {
#define OS(id, name, doc) { name, doc, OS_##id },
#define OS_ALIAS(id, name, doc) { name, doc, OS_##id },
#include "nt/versions.def"
#undef OS
#undef OS_ALIAS
    { NULL, NULL, 0 },
};

const struct os_version *os_find(const char *name)
{
    for (const struct os_version *v = os_versions; v->name != NULL; v++)
        if (strcmp(v->name, name) == 0) return v;
    return NULL;
}

const char *os_name(enum os_rank rank)
{
    for (const struct os_version *v = os_versions; v->name != NULL; v++)
        if (v->rank == rank) return v->name;
    return "";
}
