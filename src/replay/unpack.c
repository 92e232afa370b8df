/* Compressed streams undone: what the kinds share. */
#include "replay/unpack.h"

const char *unpack_members(void *state, struct unpack_io *io, bool *between,
                           const char *(*step)(void *state, struct unpack_io *io, bool *between))
{
    bool more = !*between;
    while (io->out_left > 0 && (io->in_left > 0 || more)) {
        size_t room = io->out_left;
        const char *why = step(state, io, between);
        if (why != NULL) return why;
        more = !*between && io->out_left < room;
    }
    return NULL;
}
