/* The list of routines. */
#include "nt/routine.h"

#include <string.h>

#define ROUTINE(name) extern const struct routine name;
#include "nt/routines.def"
#undef ROUTINE

const struct routine *const routines[] = {
#define ROUTINE(name) &name,
#include "nt/routines.def"
#undef ROUTINE
    NULL,
};
const size_t routine_count = COUNT_OF(routines) - 1;

const struct routine *routine_find(const char *name)
{
    for (const struct routine *const *r = routines; *r != NULL; r++)
        if (strcmp((*r)->name, name) == 0) return *r;
    return NULL;
}

size_t routine_required(const struct routine *r)
{
    size_t required = 0;
    for (const struct field *f = r->args; f->type != FIELD_END; f++) {
        required += (f->flags & (FIELD_OPTIONAL | FIELD_OUT)) == 0;
    }
    return required;
}

size_t routine_index(const struct routine *r)
{
    for (size_t i = 0; i < routine_count; i++)
        if (routines[i] == r) return i;
    return routine_count;
}
