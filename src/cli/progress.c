/* The progress line: share done, time left, simulated time, events a second. Host time is read here
 * alone, and nothing of it reaches a trace. */
#define _POSIX_C_SOURCE 200809L

#include "cli/progress.h"

#include "cli/host.h"

#include <time.h>
#include <unistd.h>

enum { FIRST_MS = 500, STEP_MS = 500 };

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void progress_init(struct progress *p, const struct sim *sim, bool quiet)
{
    *p = (struct progress){ .sim = sim, .enabled = !quiet && isatty(STDERR_FILENO) };
    p->started_ms = p->enabled ? now_ms() : 0;
    p->next_ms = p->started_ms + FIRST_MS;
}

static void put_share(struct text *t, const struct sim *s, uint64_t elapsed_ms)
{
    uint64_t done, total;
    if (!sim_progress(s, &done, &total)) return;
    text_format(t, "%u %%, ", done * 100 / total);
    if (done > 0)
        text_format(t, "%u s left, ", elapsed_ms * ((total - done) * 1000 / done) / 1000000);
}

static void show(struct progress *p, uint64_t ms)
{
    const struct sim *s = p->sim;
    struct text t;
    uint64_t elapsed = ms - p->started_ms + 1;
    uint64_t us = s->hw.hz >= 1000000 ? hw_now(&s->hw).v / (s->hw.hz / 1000000) : 0;
    text_init(&t, &host_allocator);
    text_put(&t, "\r");
    put_share(&t, s, elapsed);
    text_format(&t, "%u us simulated, %u events, %u events/s\033[K", us, s->seq,
                s->seq * 1000 / elapsed);
    host_message(&t);
    text_free(&t);
    p->shown = true;
}

bool progress_poll(void *context)
{
    struct progress *p = context;
    if (p->enabled && (++p->polls & 7) == 0) {
        uint64_t ms = now_ms();
        if (ms >= p->next_ms) {
            p->next_ms = ms + STEP_MS;
            show(p, ms);
        }
    }
    return host_interrupted(NULL);
}

void progress_clear(struct progress *p)
{
    if (p->shown) host_say("\r\033[K");
}
