/* A ring of chunks between who makes them and a thread that writes them. */
#include "cli/behind.h"

#include "replay/side_thread.h"

#include <string.h>

enum {
    SLOTS = 3,
    STARTS_AT = 1 << 20, /* bytes written before the thread starts: short traces need none */
};

struct slot {
    char *bytes;
    size_t capacity, length;
};

struct behind {
    const struct allocator *from;
    bool (*write)(void *context, const char *bytes, size_t length);
    void *context;
    bool may_start, runs;
    uint64_t written; /* without the thread */
    pthread_t thread;
    /* Between the threads, under the lock: */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned first, filled;
    bool failed, stop;
    struct slot slots[SLOTS];
};

/* ---- the thread ---- */

/* The oldest chunk; NULL when all are written and none comes any more. */
static const struct slot *full_slot(struct behind *b)
{
    const struct slot *s = NULL;
    pthread_mutex_lock(&b->lock);
    while (b->filled == 0 && !b->stop) pthread_cond_wait(&b->changed, &b->lock);
    if (b->filled > 0) s = &b->slots[b->first];
    pthread_mutex_unlock(&b->lock);
    return s;
}

static void give_back(struct behind *b, bool fine)
{
    pthread_mutex_lock(&b->lock);
    b->first = (b->first + 1) % SLOTS;
    b->filled--;
    if (!fine) b->failed = true;
    pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static void *run(void *context)
{
    struct behind *b = context;
    const struct slot *s;
    while ((s = full_slot(b)) != NULL)
        give_back(b, !b->failed && b->write(b->context, s->bytes, s->length));
    return NULL;
}

/* ---- who makes the bytes ---- */

/* A chunk to fill; NULL once a write has failed. */
static struct slot *empty_slot(struct behind *b)
{
    struct slot *s = NULL;
    pthread_mutex_lock(&b->lock);
    while (b->filled == SLOTS && !b->failed) pthread_cond_wait(&b->changed, &b->lock);
    if (!b->failed) s = &b->slots[(b->first + b->filled) % SLOTS];
    pthread_mutex_unlock(&b->lock);
    return s;
}

static bool hand_over(struct behind *b, const char *bytes, size_t length)
{
    struct slot *s = empty_slot(b);
    if (s == NULL) return false;
    if (length > s->capacity) /* chunks differ by a line: room for the longer ones too */
        s->bytes = mem_grow(b->from, s->bytes, &s->capacity, length + length / 4, 1);
    memcpy(s->bytes, bytes, length);
    s->length = length;
    pthread_mutex_lock(&b->lock);
    b->filled++;
    pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&b->lock);
    return true;
}

bool behind_write(void *context, const char *bytes, size_t length)
{
    struct behind *b = context;
    if (length == 0) return true;
    if (b->may_start && b->written >= STARTS_AT) {
        b->runs = side_thread_start(&b->thread, run, b);
        b->may_start = false;
    }
    if (b->runs) return hand_over(b, bytes, length);
    b->written += length;
    b->failed = b->failed || !b->write(b->context, bytes, length);
    return !b->failed;
}

struct behind *behind_open(const struct allocator *from, bool threads,
                           bool (*write)(void *context, const char *bytes, size_t length),
                           void *context)
{
    struct behind *b = mem_new(from, 1, sizeof *b);
    b->from = from;
    b->may_start = threads;
    b->write = write;
    b->context = context;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    return b;
}

void behind_wait(struct behind *b)
{
    pthread_mutex_lock(&b->lock);
    while (b->filled > 0) pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

void behind_close(struct behind *b)
{
    if (b->runs) {
        pthread_mutex_lock(&b->lock);
        b->stop = true;
        pthread_cond_signal(&b->changed);
        pthread_mutex_unlock(&b->lock);
        pthread_join(b->thread, NULL);
    }
    for (size_t i = 0; i < SLOTS; i++)
        mem_free(b->from, b->slots[i].bytes, b->slots[i].capacity, 1);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    mem_free(b->from, b, 1, sizeof *b);
}
