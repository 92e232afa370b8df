/* Numbers of miss curves as statistics: `curves.replay0.4k.sets16.ways12.misses`. */
#pragma once

#include "sim/sim.h"

/* NULL: the path names a number of a curve that a replay of the program asks for. Else why not. */
const char *curves_path_problem(const struct program *p, const char *path);
/* The number at the path, 0 when the replay has not run; false: no such path. */
bool curves_path_find(const struct sim *s, const char *path, uint64_t *value);
bool curves_path_is(const char *path); /* it begins as one */
