/* What the parts of the walk over statistics share. */
#pragma once

#include "sim/stats.h"

struct walk_state {
    struct sim *s; /* NULL: the vocabulary alone */
    const struct stats_visitor *v;
    void *context;
    bool all; /* also what never happened */
};

extern const struct gauge no_gauge;

static inline void enter(struct walk_state *w, const char *key, const char *doc)
{
    if (w->v->enter != NULL) w->v->enter(w->context, key, doc);
}
static inline void leave(struct walk_state *w)
{
    if (w->v->leave != NULL) w->v->leave(w->context);
}
static inline void counter(struct walk_state *w, const char *key, uint64_t value, const char *doc)
{
    if (w->v->counter != NULL) w->v->counter(w->context, key, value, doc);
}
static inline void gauge(struct walk_state *w, const char *key, const struct gauge *g,
                         const char *doc)
{
    if (w->v->gauge != NULL) w->v->gauge(w->context, key, g, doc);
}

void cost_stats(struct walk_state *w, const uint64_t *cost); /* NULL: all 0 */
void tlb_stats(struct walk_state *w);
void cache_stats(struct walk_state *w);
void memory_stats(struct walk_state *w);
void pool_stats(struct walk_state *w);
void object_stats(struct walk_state *w);
void process_stats(struct walk_state *w);
void lock_stats(struct walk_state *w);
void apc_stats(struct walk_state *w);
void cpu_stats(struct walk_state *w);
void access_stats(struct walk_state *w);
void leak_stats(struct walk_state *w);
void model_stats(struct walk_state *w);
