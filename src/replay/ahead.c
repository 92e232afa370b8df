/* A trace that is parsed ahead: a ring of batches between two threads. */
#include "replay/ahead.h"

#include "base/check.h"
#include "replay/side_thread.h"

#include <string.h>

enum {
    SLOTS = 16,
    /* Who waits does so until half of the ring is his: putting a thread to sleep and waking it
     * takes as long as parsing a slot. */
    SLOTS_WAITED_FOR = SLOTS / 2,
    SLOT_RECORDS = 4096,
    STARTS_AT = 1 << 16, /* records taken before the thread starts: short traces need none */
};

/* What one pull of the inner source gave; no records: the end of the trace, or an error. */
struct slot {
    size_t count;
    uint64_t skipped; /* of the notes, behind it */
    bool failed;
    struct access records[SLOT_RECORDS];
};

struct ahead {
    const struct allocator *from;
    struct access_source inner;
    struct access_notes notes; /* as of the records that were handed out */
    uint64_t taken;
    bool runs, ended, failed;
    pthread_t thread;
    size_t at; /* records taken of the first slot */
    /* Between the threads, under the lock: */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned first, filled;
    bool stop, is_last; /* no more slots are wanted; the last one is filled */
    struct slot slots[SLOTS];
};

/* ---- the thread ---- */

/* A slot to fill; NULL when the thread is to stop. */
static struct slot *empty_slot(struct ahead *a)
{
    struct slot *s = NULL;
    pthread_mutex_lock(&a->lock);
    if (a->filled == SLOTS)
        while (a->filled > SLOTS - SLOTS_WAITED_FOR && !a->stop)
            pthread_cond_wait(&a->changed, &a->lock);
    if (!a->stop) s = &a->slots[(a->first + a->filled) % SLOTS];
    pthread_mutex_unlock(&a->lock);
    return s;
}

static void hand_over(struct ahead *a, bool is_last)
{
    pthread_mutex_lock(&a->lock);
    a->filled++;
    a->is_last = is_last;
    if (a->filled >= SLOTS_WAITED_FOR || is_last) pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static void pull_into(struct ahead *a, struct slot *s)
{
    s->failed = false;
    s->count = a->inner.pull(a->inner.context, s->records, SLOT_RECORDS, &s->failed);
    s->skipped = a->inner.notes->skipped;
}

static void *run(void *context)
{
    struct ahead *a = context;
    size_t count = 1;
    while (count > 0) {
        struct slot *s = empty_slot(a);
        if (s == NULL) break;
        pull_into(a, s);
        count = s->count;
        hand_over(a, count == 0);
    }
    return NULL;
}

/* ---- who takes the records ---- */

static void end_at(struct ahead *a, bool failed)
{
    a->ended = true;
    a->failed = failed;
}

static size_t pull_here(struct ahead *a, struct access *out, size_t room)
{
    bool failed = false;
    size_t count = a->inner.pull(a->inner.context, out, room, &failed);
    a->notes.skipped = a->inner.notes->skipped;
    if (count == 0) end_at(a, failed);
    return count;
}

/* The first slot, with records left; NULL at the end. */
static const struct slot *full_slot(struct ahead *a)
{
    struct slot *s = &a->slots[a->first];
    pthread_mutex_lock(&a->lock);
    if (a->at > 0 && a->at == s->count) {
        a->first = (a->first + 1) % SLOTS;
        a->filled--;
        a->at = 0;
        if (a->filled <= SLOTS - SLOTS_WAITED_FOR) pthread_cond_signal(&a->changed);
    }
    if (a->filled == 0)
        while (a->filled < SLOTS_WAITED_FOR && !a->is_last)
            pthread_cond_wait(&a->changed, &a->lock);
    s = &a->slots[a->first];
    pthread_mutex_unlock(&a->lock);
    a->notes.skipped = s->skipped;
    if (s->count > 0) return s;
    end_at(a, s->failed);
    return NULL;
}

static size_t pull_ahead(struct ahead *a, struct access *out, size_t room)
{
    const struct slot *s = full_slot(a);
    if (s == NULL) return 0;
    size_t left = s->count - a->at, count = left < room ? left : room;
    memcpy(out, s->records + a->at, count * sizeof *out);
    a->at += count;
    return count;
}

static size_t pull(void *context, struct access *out, size_t room, bool *failed)
{
    struct ahead *a = context;
    size_t count = 0;
    if (!a->runs && !a->ended && a->taken >= STARTS_AT) {
        a->runs = side_thread_start(&a->thread, run, a);
        if (!a->runs) a->taken = 0; /* asked for again after as many more */
    }
    if (!a->ended) count = a->runs ? pull_ahead(a, out, room) : pull_here(a, out, room);
    a->taken += count;
    if (count == 0 && a->failed) *failed = true;
    return count;
}

static uint64_t skip(void *context, uint64_t count, bool *failed)
{
    enum { BATCH = 1024 };
    struct access batch[BATCH];
    struct ahead *a = context;
    uint64_t done = 0;
    while (done < count) {
        uint64_t left = count - done;
        size_t got = pull(a, batch, left < BATCH ? (size_t)left : BATCH, failed);
        if (got == 0) break;
        done += got;
    }
    return done;
}

/* ---- begin and end ---- */

struct ahead *ahead_open(const struct allocator *from, const struct access_source *inner)
{
    CHECK(inner->notes != NULL && inner->pull_segment == NULL);
    struct ahead *a = mem_new(from, 1, sizeof *a);
    a->from = from;
    a->inner = *inner;
    a->notes = *inner->notes;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    return a;
}

struct access_source ahead_source(struct ahead *a)
{
    return (struct access_source){ .pull = pull, .skip = skip, .context = a, .notes = &a->notes };
}

bool ahead_has_failed(const struct ahead *a)
{
    return a->failed;
}

void ahead_close(struct ahead *a)
{
    if (a == NULL) return;
    if (a->runs) {
        pthread_mutex_lock(&a->lock);
        a->stop = true;
        pthread_cond_signal(&a->changed);
        pthread_mutex_unlock(&a->lock);
        pthread_join(a->thread, NULL);
    }
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    mem_free(a->from, a, 1, sizeof *a);
}
