/* Names of included files. */
#pragma once

#include "base/alloc.h"

/* `path` as it is seen from the file `from` ("-" and names without a folder: from here). */
const char *name_join(const char *from, const char *path, struct arena *arena);
/* The same for the trace: "." and "name/.." taken out, of an absolute path the last part only, so
 * that no path of the host is told. */
const char *name_relative(const char *from, const char *path, struct arena *arena);
