/* How fast packed traces are read: as segments and as records, by an exact LRU array of 64 x 4;
 * beside a kernel that does the least there is on records of 8 bytes in memory.
 *
 * replay_packed FILE... : data accesses of each, in CPU time. */
#define _POSIX_C_SOURCE 200809L

#include "base/check.h"
#include "replay/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 1024, SEGMENTS = 64, ROUNDS = 20, SETS = 16, WAYS = 4 };

static void *resize(void *context, void *block, size_t old_bytes, size_t new_bytes)
{
    UNUSED(context);
    UNUSED(old_bytes);
    if (new_bytes == 0) {
        free(block);
        return NULL;
    }
    block = realloc(block, new_bytes);
    if (block == NULL) abort();
    return block;
}
static const struct allocator host = { .resize = resize };

_Noreturn void bug_report(const char *file, int line, const char *what, uint64_t a, uint64_t b)
{
    fprintf(stderr, "%s:%d: %s (%" PRIu64 ", %" PRIu64 ")\n", file, line, what, a, b);
    abort();
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- one array, each set most recently used first ---- */

struct lru {
    uint64_t tag[SETS][WAYS];
    uint64_t hits, misses;
};

static void move(struct lru *l, uint64_t *set, uint64_t tag)
{
    unsigned i = 1;
    while (i < WAYS && set[i] != tag) i++;
    if (i < WAYS)
        l->hits++;
    else
        l->misses++;
    if (i == WAYS) i--;
    for (; i > 0; i--) set[i] = set[i - 1];
    set[0] = tag;
}

static inline void look_up(struct lru *l, uint64_t page)
{
    uint64_t *set = l->tag[page % SETS];
    if (set[0] == page + 1)
        l->hits++;
    else
        move(l, set, page + 1);
}

static inline void record(struct lru *l, uint64_t address, uint32_t size)
{
    look_up(l, address / 4096);
    if (__builtin_expect((address & 4095) + size > 4096, 0)) look_up(l, address / 4096 + 1);
}

/* ---- ways to read ---- */

static uint64_t by_kernel(const uint64_t *words, size_t count, struct lru *l)
{
    for (size_t i = 0; i < count; i++) record(l, words[i] >> 8, words[i] & 0xff);
    return count;
}

static struct trace_reader *open_trace(const char *path)
{
    struct text error;
    text_init(&error, &host);
    struct trace_reader *r = reader_open(path, NULL, &host, &error);
    if (r == NULL) fprintf(stderr, "%s\n", text_string(&error));
    if (r == NULL) exit(EXIT_FAILURE);
    return r;
}

static bool is_data(const struct access *a)
{
    return a->kind != ACCESS_FETCH;
}

static uint64_t by_records(const struct access_source *s, struct lru *l)
{
    static struct access batch[BATCH];
    uint64_t records = 0;
    bool failed = false;
    size_t got;
    while ((got = s->pull(s->context, batch, BATCH, &failed)) > 0)
        for (size_t i = 0; i < got; i++) {
            if (!is_data(&batch[i])) continue;
            records++;
            record(l, batch[i].address, batch[i].size);
        }
    return records;
}

/* A segment that a set is too narrow for. */
static void by_details(const struct access_source *s, const struct access_segment *g, struct lru *l)
{
    static struct access batch[BATCH];
    for (uint32_t from = 0; from < g->records;) {
        size_t got = s->expand(s->context, g, from, batch, BATCH);
        if (got == 0) return;
        for (size_t i = 0; i < got; i++)
            if (is_data(&batch[i])) record(l, batch[i].address, batch[i].size);
        from += (uint32_t)got;
    }
}

static bool is_narrow(const struct access_segment *g)
{
    uint64_t used = 0; /* four bits a set */
    for (uint32_t i = 0; i < g->touch_count; i++) {
        if (g->touch[i].is_fetch) continue;
        unsigned shift = 4 * (unsigned)(g->touch[i].page % SETS);
        if ((used >> shift & 15) == WAYS) return false;
        used += UINT64_C(1) << shift;
    }
    return true;
}

static void by_touches(const struct access_segment *g, struct lru *l)
{
    for (uint32_t i = 0; i < g->touch_count; i++) {
        const struct access_touch *t = &g->touch[i];
        if (t->is_fetch) continue;
        look_up(l, t->page);
        l->hits += t->reads + t->writes - 1;
    }
    for (uint32_t i = 0; i < g->touch_count; i++) {
        const struct access_touch *t = &g->touch[g->last[i]];
        if (t->is_fetch || l->tag[t->page % SETS][0] == t->page + 1) continue;
        l->hits--;
        look_up(l, t->page);
    }
}

static uint64_t by_segments(const struct access_source *s, struct lru *l)
{
    static struct access_segment segments[SEGMENTS];
    uint64_t lookups = 0;
    bool failed = false;
    size_t got;
    while ((got = s->pull_segments(s->context, segments, SEGMENTS, &failed)) > 0)
        for (size_t i = 0; i < got; i++) {
            lookups += segments[i].count[ACCESS_SORT_READ] + segments[i].count[ACCESS_SORT_WRITE];
            if (is_narrow(&segments[i]))
                by_touches(&segments[i], l);
            else
                by_details(s, &segments[i], l);
        }
    return lookups;
}

/* ---- measuring ---- */

struct trace {
    const char *path;
    uint64_t *words; /* address << 8 | size of the data accesses; a modify is one here */
    size_t count;
};

static void load(struct trace *t)
{
    static struct access batch[BATCH];
    struct trace_reader *r = open_trace(t->path);
    struct access_source s = reader_source(r);
    size_t capacity = 0, got;
    bool failed = false;
    while ((got = s.pull(s.context, batch, BATCH, &failed)) > 0) {
        t->words = mem_grow(&host, t->words, &capacity, t->count + got, sizeof *t->words);
        for (size_t i = 0; i < got; i++)
            if (is_data(&batch[i])) t->words[t->count++] = batch[i].address << 8 | batch[i].size;
    }
    reader_close(r);
}

enum way { KERNEL, RECORDS, SEGMENTED, WAYS_TO_READ };
static const char *const way_names[] = { "kernel", "records", "segments" };

static double once(const struct trace *t, enum way way, struct lru *l)
{
    double start = cpu_seconds();
    memset(l, 0, sizeof *l);
    if (way == KERNEL) {
        by_kernel(t->words, t->count, l);
        return cpu_seconds() - start;
    }
    struct trace_reader *r = open_trace(t->path);
    struct access_source s = reader_source(r);
    if (way == RECORDS)
        by_records(&s, l);
    else
        by_segments(&s, l);
    reader_close(r);
    return cpu_seconds() - start;
}

static bool measure(struct trace *t)
{
    struct lru l, first = { 0 };
    double limit = 0;
    load(t);
    for (enum way way = 0; way < WAYS_TO_READ; way++) {
        double best = 1e9;
        for (int round = 0; round < ROUNDS; round++) {
            double seconds = once(t, way, &l);
            if (seconds < best) best = seconds;
        }
        if (way == KERNEL) first = l;
        if (way == KERNEL) limit = best;
        if (l.misses != first.misses || memcmp(l.tag, first.tag, sizeof l.tag) != 0) return false;
        printf("%s %-8s %8.1f million data accesses/s, %5.2f of the kernel's, %" PRIu64 " misses\n",
               t->path, way_names[way], (double)t->count / best / 1e6, limit / best, l.misses);
    }
    free(t->words);
    return true;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct trace t = { .path = argv[i] };
        if (!measure(&t)) {
            printf("%s: the ways to read it do not agree\n", argv[i]);
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}
