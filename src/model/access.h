/* Memory accesses of a traced program, and how the core is handed them: it pulls them in batches
 * and knows nothing of files and formats. */
#pragma once

#include "base/types.h"

enum access_kind {
    ACCESS_LOAD,
    ACCESS_STORE,
    ACCESS_MODIFY, /* one instruction that loads and then stores the same bytes: two accesses */
    ACCESS_FETCH,  /* of an instruction */
};

/* address + size - 1 does not leave 64 bits; size is 1 .. ACCESS_BYTES_MAX, so that an access
 * touches at most two pages. */
struct access {
    uint64_t address;
    uint32_t size;
    uint8_t kind; /* enum access_kind */
};

enum { ACCESS_BYTES_MAX = 4096 };

struct access_source {
    /* Fills up to `room` (>= 1) records and returns how many, in the order of the trace. 0 is the
     * end of the trace or, when *failed is set, an error, whose message the other side keeps. The
     * records before a bad one are handed out first. */
    size_t (*pull)(void *context, struct access *out, size_t room, bool *failed);
    void *context;
};
