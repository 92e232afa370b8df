/* Physical memory at the end of a run as an ELF core file, as QEMU's dump-guest-memory writes one:
 * docs/DUMP.md has the layout. */
#pragma once

#include "sim/sim.h"

/* Writes the file piece by piece through `write`; false as soon as that says false. Little-endian
 * and the same bytes on every host. Sorts the stored pages, and changes nothing else. */
bool memory_dump_write(struct sim *s,
                       bool (*write)(void *context, const char *bytes, size_t length),
                       void *context);
