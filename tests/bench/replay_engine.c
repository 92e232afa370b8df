/* Records a second of the replay engine on data accesses in memory, against the limit: a kernel
 * that does nothing but look up two exact LRU levels of 8-byte records.
 *
 * usage: replay_engine [TRACE]...  (any format that mdlsim reads; without one, made-up traces) */
#define _POSIX_C_SOURCE 200809L

#include "base/check.h"
#include "base/rng.h"
#include "replay/reader.h"
#include "scenario/compile.h"
#include "sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RECORDS_MOST = 4 * 1000 * 1000, ROUNDS = 3 };
enum { L1_SETS = 16, L1_WAYS = 4, L2_SETS = 128, L2_WAYS = 12 };

static void *resize(void *context, void *block, size_t old_bytes, size_t new_bytes)
{
    UNUSED(context);
    if (new_bytes == 0) {
        free(block);
        return NULL;
    }
    block = realloc(block, new_bytes);
    if (block == NULL) abort();
    if (new_bytes > old_bytes) memset((char *)block + old_bytes, 0, new_bytes - old_bytes);
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

/* ---- traces: 48 bits of address, 12 of size - 1, 2 of kind ---- */

struct records {
    uint64_t *item;
    size_t count, at;
};

static void add(struct records *r, uint64_t address, uint32_t size, enum access_kind kind)
{
    if (r->count < RECORDS_MOST)
        r->item[r->count++] = address | (uint64_t)(size - 1) << 48 | (uint64_t)kind << 60;
}

static size_t pull(void *context, struct access *out, size_t room, bool *failed)
{
    struct records *r = context;
    size_t n = r->count - r->at < room ? r->count - r->at : room;
    UNUSED(failed);
    for (size_t i = 0; i < n; i++) {
        uint64_t v = r->item[r->at + i];
        out[i] = (struct access){ v & ((UINT64_C(1) << 48) - 1), (uint32_t)(v >> 48 & 0xFFF) + 1,
                                  (uint8_t)(v >> 60) };
    }
    r->at += n;
    return n;
}

static void read_trace(struct records *r, const char *path)
{
    struct text error;
    struct access batch[1024];
    bool failed = false;
    size_t n;
    text_init(&error, &host);
    struct trace_reader *reader = reader_open(path, NULL, &host, &error);
    if (reader == NULL) {
        fprintf(stderr, "%s\n", text_string(&error));
        exit(EXIT_FAILURE);
    }
    struct access_source source = reader_source(reader);
    while (r->count < RECORDS_MOST && (n = source.pull(source.context, batch, 1024, &failed)) > 0)
        for (size_t i = 0; i < n; i++)
            if (batch[i].kind != ACCESS_FETCH)
                add(r, batch[i].address, batch[i].size, (enum access_kind)batch[i].kind);
    reader_close(reader);
    text_free(&error);
}

/* A stack page that is used most, a buffer that is read in order, and a table of `pages` that is
 * written at random: what shuf does. */
static void make_shuffle(struct records *r, uint64_t pages)
{
    struct rng random;
    rng_init(&random, 1, 1);
    for (uint64_t i = 0; r->count < RECORDS_MOST; i++) {
        add(r, 0x1FFF000000 + i % 32 * 8, 8, i % 3 == 0 ? ACCESS_STORE : ACCESS_LOAD);
        add(r, 0x4C00000 + i * 8 % (1 << 20), 8, ACCESS_LOAD);
        if (i % 8 == 0)
            add(r, 0x5000000 + rng_below(&random, pages * 512) * 8, 8, ACCESS_STORE);
    }
}

/* Every access another page, all of them missing the first level, a third of them straddling. */
static void make_worst(struct records *r, uint64_t pages)
{
    for (uint64_t i = 0; r->count < RECORDS_MOST; i++)
        add(r, 0x5000000 + i * 17 % pages * 4096 + (i % 3 == 0 ? 4092 : 64), 8,
            i % 2 == 0 ? ACCESS_LOAD : ACCESS_STORE);
}

/* ---- the limit ---- */

struct limit {
    uint64_t l1[L1_SETS * L1_WAYS], l2[L2_SETS * L2_WAYS];
    uint64_t l1_misses, l2_misses;
};

static bool find(uint64_t *set, unsigned ways, uint64_t page)
{
    unsigned way = 0;
    while (way < ways && set[way] != page) way++;
    bool hit = way < ways;
    for (unsigned i = hit ? way : ways - 1; i > 0; i--) set[i] = set[i - 1];
    set[0] = page;
    return hit;
}

static inline void look_up(struct limit *m, uint64_t page)
{
    uint64_t *set = &m->l1[page % L1_SETS * L1_WAYS];
    if (__builtin_expect(set[0] == page, 1) || find(set, L1_WAYS, page)) return;
    m->l1_misses++;
    if (!find(&m->l2[page % L2_SETS * L2_WAYS], L2_WAYS, page)) m->l2_misses++;
}

static double limit_seconds(const struct records *r, struct limit *m)
{
    memset(m, 0xFF, sizeof *m);
    m->l1_misses = m->l2_misses = 0;
    double start = cpu_seconds();
    for (size_t i = 0; i < r->count; i++) {
        uint64_t v = r->item[i], address = v & ((UINT64_C(1) << 48) - 1);
        uint64_t page = address >> 12, last = (address + (v >> 48 & 0xFFF)) >> 12;
        look_up(m, page);
        if (__builtin_expect(last != page, 0)) look_up(m, last);
    }
    return cpu_seconds() - start;
}

/* ---- the engine ---- */

static const char scenario[] = "mdlsim: 1\nname: n\n"
                               "machine: {cpu: {preset: skylake-sp}, ram: 8 GiB}\n"
                               "processes: {p: {}}\nsteps: [replay: {file: none}]\n";

static double engine_seconds(struct records *r, const char *path, struct limit *found)
{
    struct scenario_limits limits;
    struct document_info info;
    struct diags diags;
    struct arena arena = { .from = &host };
    limits_init(&limits);
    diags_init(&diags, &host);
    const struct node *root = document_load(path, &limits, &diags, &arena, &info);
    const struct program *program = root != NULL ? scenario_compile(root, &diags, &arena) : NULL;
    if (program == NULL) abort();
    r->at = 0;
    struct access_source source = { .pull = pull, .context = r };
    struct sim_inputs inputs = { .program = program, .sources = &source, .diags = &diags };
    static struct sim sim;
    if (!sim_init(&sim, &host, &inputs)) abort();
    double start = cpu_seconds();
    sim_run(&sim, &inputs);
    double seconds = cpu_seconds() - start;
    found->l1_misses = sim.hw.cpu->l1d.counts.misses;
    found->l2_misses = sim.hw.cpu->l2.counts.misses;
    sim_free(&sim);
    diags_free(&diags);
    arena_free(&arena);
    return seconds;
}

static bool measure(const char *name, struct records *r, const char *path)
{
    static struct limit limit, engine;
    double best_limit = 1e9, best_engine = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double seconds = limit_seconds(r, &limit);
        if (seconds < best_limit) best_limit = seconds;
        seconds = engine_seconds(r, path, &engine);
        if (seconds < best_engine) best_engine = seconds;
    }
    double count = (double)r->count / 1e6;
    printf("%-12s %6.1f million records/s, limit %6.1f, ratio %.2f; misses %" PRIu64 ", %" PRIu64
           "\n",
           name, count / best_engine, count / best_limit, best_limit / best_engine,
           engine.l1_misses, engine.l2_misses);
    return limit.l1_misses == engine.l1_misses && limit.l2_misses == engine.l2_misses;
}

int main(int argc, char **argv)
{
    char path[] = "/tmp/replay_engine.XXXXXX";
    int file = mkstemp(path);
    bool good = file >= 0 && write(file, scenario, sizeof scenario - 1) == sizeof scenario - 1;
    struct records r = { malloc(RECORDS_MOST * sizeof(uint64_t)), 0, 0 };
    if (!good || r.item == NULL) abort();
    close(file);
    for (int i = 1; i < argc; i++) {
        r.count = 0;
        read_trace(&r, argv[i]);
        good = measure(strrchr(argv[i], '/') != NULL ? strrchr(argv[i], '/') + 1 : argv[i], &r,
                       path) && good;
    }
    static const char *const names[] = { "shuffle", "worst, L2", "worst, walks" };
    for (int i = 0; argc == 1 && i < 3; i++) {
        r.count = 0;
        if (i == 0) make_shuffle(&r, 256);
        else make_worst(&r, i == 1 ? 1024 : 100000);
        good = measure(names[i], &r, path) && good;
    }
    unlink(path);
    free(r.item);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
