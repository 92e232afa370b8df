/* The end of a run in which nobody goes on. */
#pragma once

#include "sim/internal.h"

/* Nothing unless threads wait: then each wait is an error at its place, which names the thread that
 * would end it and what that one waits for. */
void stuck_report(struct sim *s);
