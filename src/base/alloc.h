/* The only way the core gets memory. An allocator never returns NULL: when the host has no more,
 * it ends the run (cli/host.c removes temporary files and exits with status 71). */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct allocator {
    /* (NULL, 0, n) allocates, (p, old, n) resizes and keeps the first min(old, n) bytes,
     * (p, old, 0) frees and returns NULL. New bytes are NOT zeroed. Aligned to 16. */
    void *(*resize)(void *context, void *block, size_t old_bytes, size_t new_bytes);
    void *context;
};

/* count * size zeroed bytes; aborts through BUG when the product overflows. More than the host can
 * address is memory that it does not have. */
void *mem_new(const struct allocator *a, uint64_t count, size_t size);
void mem_free(const struct allocator *a, void *block, uint64_t count, size_t size);
/* Makes room for `need` items of `size` bytes, doubling; *capacity counts items. New items are
 * zeroed. */
void *mem_grow(const struct allocator *a, void *block, size_t *capacity, size_t need, size_t size);

/* Memory that is given back all at once. A zeroed arena with `from` set is valid. */
struct arena {
    const struct allocator *from;
    struct arena_block *blocks;
    size_t used, room;
};
void *arena_new(struct arena *a, size_t count, size_t size); /* zeroed, aligned to 16 */
void *arena_raw(struct arena *a, size_t bytes); /* not zeroed, aligned to 16 */
char *arena_text(struct arena *a, const char *bytes, size_t length); /* copy, NUL added */
void arena_free(struct arena *a);
