/* The notes of a memory dump: what the registers of each processor hold, and whose the page tables
 * are. */
#pragma once

#include "base/text.h"
#include "sim/sim.h"

enum { DUMP_MACHINE_386 = 3, DUMP_MACHINE_X86_64 = 62 };

/* The lowest `bytes` bytes of a value, little-endian. */
void dump_put(struct text *t, uint64_t value, size_t bytes);
/* All notes, each padded to four bytes. */
void dump_put_notes(struct text *t, const struct sim *s);
