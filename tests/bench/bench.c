/* What the benchmarks in C share. */
#define _POSIX_C_SOURCE 200809L

#include "bench.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void *resize(void *context, void *block, size_t old_bytes, size_t new_bytes)
{
    (void)context;
    (void)old_bytes;
    if (new_bytes == 0) {
        free(block);
        return NULL;
    }
    block = realloc(block, new_bytes);
    if (block == NULL) abort();
    return block;
}

const struct allocator bench_host = { .resize = resize };

_Noreturn void bug_report(const char *file, int line, const char *what, uint64_t a, uint64_t b)
{
    fprintf(stderr, "%s:%d: %s (%" PRIu64 ", %" PRIu64 ")\n", file, line, what, a, b);
    abort();
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double bench_seconds(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

double bench_clock(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double bench_best(int rounds, double (*once)(void *context), void *context)
{
    double best = once(context);
    for (int round = 1; round < rounds; round++) {
        double seconds = once(context);
        if (seconds < best) best = seconds;
    }
    return best;
}

void bench_file(char path[BENCH_PATH_BYTES], const char *bytes, size_t length)
{
    const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, BENCH_PATH_BYTES, "%s/mdlsim-bench.XXXXXX", place);
    int file = mkstemp(path);
    FILE *stream = file >= 0 ? fdopen(file, "wb") : NULL;
    if (stream == NULL || fwrite(bytes, 1, length, stream) != length || fclose(stream) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

/* ---- the limit of replays ---- */

void bench_add(struct bench_records *r, uint64_t address, uint32_t size, unsigned kind)
{
    r->item = mem_grow(&bench_host, r->item, &r->capacity, r->count + 1, sizeof *r->item);
    r->item[r->count++] = address | (uint64_t)(size - 1) << 48 | (uint64_t)kind << 60;
}

static bool find(uint64_t *set, unsigned ways, uint64_t page)
{
    unsigned way = 0;
    while (way < ways && set[way] != page) way++;
    bool hit = way < ways;
    for (unsigned i = hit ? way : ways - 1; i > 0; i--) set[i] = set[i - 1];
    set[0] = page;
    return hit;
}

static inline void look_up(struct bench_limit *m, uint64_t page)
{
    uint64_t *set = &m->l1[page % L1_SETS * L1_WAYS];
    if (__builtin_expect(set[0] == page, 1) || find(set, L1_WAYS, page)) return;
    m->l1_misses++;
    if (!find(&m->l2[page % L2_SETS * L2_WAYS], L2_WAYS, page)) m->l2_misses++;
}

double bench_limit_seconds(const struct bench_records *r, struct bench_limit *m)
{
    memset(m, 0xFF, sizeof *m);
    m->l1_misses = m->l2_misses = 0;
    double start = bench_seconds();
    for (size_t i = 0; i < r->count; i++) {
        uint64_t v = r->item[i], address = v & ((UINT64_C(1) << 48) - 1);
        uint64_t page = address >> 12, last = (address + (v >> 48 & 0xFFF)) >> 12;
        look_up(m, page);
        if (__builtin_expect(last != page, 0)) look_up(m, last);
    }
    return bench_seconds() - start;
}
