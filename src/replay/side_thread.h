/* Threads of the host beside the one that simulates. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

/* Starts one that takes no signals: they are for the thread that was there before. False where the
 * host gives none. */
bool side_thread_start(pthread_t *thread, void *(*run)(void *), void *context);
