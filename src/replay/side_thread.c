/* Threads of the host beside the one that simulates. */
#define _POSIX_C_SOURCE 200809L

#include "replay/side_thread.h"

#include <signal.h>

bool side_thread_start(pthread_t *thread, void *(*run)(void *), void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(thread, NULL, run, context) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}
