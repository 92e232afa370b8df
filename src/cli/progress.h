/* The progress line of a long run on a terminal, twice a second; nowhere else. */
#pragma once

#include "sim/sim.h"

struct progress {
    const struct sim *sim;
    bool shown, enabled;
    uint64_t started_ms, next_ms, polls;
};

void progress_init(struct progress *p, const struct sim *sim, bool quiet);
bool progress_poll(void *context); /* for sim_inputs.interrupted; context is the struct progress */
void progress_clear(struct progress *p);
