/* The limit of mdl_pages.py: what locking and mapping pages cannot do without. To lock: read the
 * entry of each page, note its frame, look whether that is in use and mark it locked, a bit each in
 * words of 64 frames; to unlock, look at both and clear the mark. To map: look whether the frame is
 * in use, write an entry; to unmap, look at the entry and clear it. Prints nanoseconds of processor
 * time a page for each pair.
 *
 * usage: limit_pages PAGES ROUNDS */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct words {
    uint64_t owned, locked;
};

struct work {
    uint64_t count;
    uint64_t *entries, *mapped, *numbers;
    struct words *frames;
};

static const uint64_t PRESENT = 1, FRAME = UINT64_C(0xFFFFFFFFFF000);

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool lock_all(struct work *w)
{
    bool good = true;
    for (uint64_t i = 0; i < w->count; i++) {
        good = good && (w->entries[i] & PRESENT) != 0;
        w->numbers[i] = (w->entries[i] & FRAME) >> 12;
    }
    for (uint64_t i = 0; i < w->count; i++) {
        struct words *f = &w->frames[w->numbers[i] / 64];
        uint64_t bit = UINT64_C(1) << w->numbers[i] % 64;
        good = good && (f->owned & bit) != 0;
        f->locked |= bit;
    }
    return good;
}

static bool unlock_all(struct work *w)
{
    bool good = true;
    for (uint64_t i = 0; i < w->count; i++) {
        struct words *f = &w->frames[w->numbers[i] / 64];
        uint64_t bit = UINT64_C(1) << w->numbers[i] % 64;
        good = good && (f->owned & f->locked & bit) != 0;
        f->locked &= ~bit;
    }
    return good;
}

static bool map_all(struct work *w)
{
    bool good = true;
    for (uint64_t i = 0; i < w->count; i++) {
        good = good && (w->frames[w->numbers[i] / 64].owned >> w->numbers[i] % 64 & 1) != 0;
        w->mapped[i] = w->numbers[i] << 12 | PRESENT;
    }
    return good;
}

static bool unmap_all(struct work *w)
{
    bool good = true;
    for (uint64_t i = 0; i < w->count; i++) {
        good = good && (w->mapped[i] & PRESENT) != 0;
        w->mapped[i] = 0;
    }
    return good;
}

static double measure(struct work *w, bool (*one)(struct work *), bool (*back)(struct work *),
                      uint64_t rounds)
{
    double start = seconds();
    for (uint64_t i = 0; i < rounds; i++)
        if (!one(w) || !back(w)) abort();
    return (seconds() - start) / (double)(rounds * w->count) * 1e9;
}

int main(int argc, char **argv)
{
    if (argc != 3) return EXIT_FAILURE;
    struct work w = { .count = strtoull(argv[1], NULL, 10) };
    uint64_t rounds = strtoull(argv[2], NULL, 10);
    w.entries = calloc(w.count, sizeof *w.entries);
    w.mapped = calloc(w.count, sizeof *w.mapped);
    w.numbers = calloc(w.count, sizeof *w.numbers);
    w.frames = calloc(w.count / 64 + 1, sizeof *w.frames);
    if (!w.entries || !w.mapped || !w.numbers || !w.frames) return EXIT_FAILURE;
    for (uint64_t i = 0; i < w.count; i++) {
        w.entries[i] = i << 12 | PRESENT;
        w.frames[i / 64].owned |= UINT64_C(1) << i % 64;
    }
    double lock = measure(&w, lock_all, unlock_all, rounds);
    double map = measure(&w, map_all, unmap_all, rounds);
    printf("%.3f %.3f\n", lock, map);
    free(w.entries);
    free(w.mapped);
    free(w.numbers);
    free(w.frames);
    return EXIT_SUCCESS;
}
