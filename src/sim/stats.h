/* The vocabulary of statistics, walked in the order of the trace. One walk serves the trace, the
 * schema, the manual and paths in expressions. */
#pragma once

#include "sim/sim.h"

/* Called in document order. Any function may be NULL. */
struct stats_visitor {
    void (*enter)(void *context, const char *key, const char *doc);
    void (*leave)(void *context);
    void (*counter)(void *context, const char *key, uint64_t value, const char *doc);
    void (*gauge)(void *context, const char *key, const struct gauge *g, const char *doc);
    void (*text)(void *context, const char *key, const char *value, const char *doc);
    void (*timeline)(void *context, const char *key, const struct timeline *t, const char *doc);
    void (*histogram)(void *context, const char *key, const struct hist *h, const char *doc);
};

/* Walks the statistics of a run; `s` NULL walks the vocabulary, where names that depend on the run
 * are "*". */
void stats_visit(struct sim *s, const struct stats_visitor *v, void *context);
/* The same with what never happened: every routine and cost, as 0. */
void stats_visit_all(struct sim *s, const struct stats_visitor *v, void *context);
/* The number at a path ("tlb.cpu0.l1d.hits", "memory.frames.locked.now"); a path of the vocabulary
 * whose thing never happened is 0. False: no such path. */
bool stats_find(struct sim *s, const char *path, uint64_t *value);
/* Whether the path belongs to the vocabulary: `process_names`, routine and span names are checked
 * by the caller through `is_name(context, group, name)`, which may be NULL. */
bool stats_is_path(const char *path,
                   bool (*is_name)(void *context, const char *group, const char *name),
                   void *context);
