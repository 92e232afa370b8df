/* One random program of the property test: a small machine with its kernel, and what the program
 * has got hold of so far. The same seed makes the same program. */
#pragma once

#include "../block_list.h"
#include "nt/kernel.h"

enum { ADDRESSES_KEPT = 64, BUFFERS_MOST = 16, PROCESS_COUNT = 2, LIST_MOST = 8 };
enum { THREADS_MOST = 4, PROCESSORS_MOST = 3 };

/* A buffer of a process as it was at the start; the program may have freed it since. */
struct buffer {
    uint32_t process; /* id */
    va_t at;
    uint64_t bytes;
};

struct world {
    struct block_list blocks;
    struct allocator from;
    struct rng rng;
    uint64_t seed, step, digest;
    bool over; /* a bug check ended the program */
    unsigned wild_percent; /* calls whose arguments need not fit together */
    const char *doing;
    /* the machine */
    struct phys_range ram[2], bar_ranges[2];
    struct bar bars[2];
    struct device device;
    struct mm_config mm_config;
    uint8_t levels[512];
    struct kernel_config config;
    struct hw hw;
    struct mm mm;
    struct kernel k;
    /* its threads; thread i stays on processor i % hw.cpu_count */
    struct kernel_thread threads[THREADS_MOST];
    uint32_t thread_count, thread;     /* the one that runs */
    uint32_t running[PROCESSORS_MOST]; /* the one whose registers a processor has */
    /* what the program knows */
    struct buffer buffers[BUFFERS_MOST];
    unsigned buffer_count;
    uint64_t addresses[ADDRESSES_KEPT]; /* that routines returned, newest last in turn */
    uint64_t address_count;
    uint64_t handles[ADDRESSES_KEPT]; /* of MmSecureVirtualMemory */
    uint64_t handle_count;
    uint64_t list[LIST_MOST][2]; /* of the list argument */
};

/* ---- world.c ---- */
void world_start(struct world *w, uint64_t seed, uint8_t fill);
void world_stop(struct world *w);
/* Thread `number` goes on. False: it cannot, its processor is kept by another one at a raised IRQL,
 * or waits for the answer of one that lets no interrupts in. */
bool world_turn(struct world *w, uint32_t number);
/* A step begins: what the processor has come to wait for locks is paid, and it is no earlier than
 * any step before it, as the scheduler has it. */
void world_begin_step(struct world *w);
void world_fold(struct world *w, uint64_t value);  /* into the digest */
void world_fold_state(struct world *w);            /* clocks and statistics */

/* ---- chance ---- */
static inline uint64_t below(struct world *w, uint64_t bound) { return rng_below(&w->rng, bound); }
static inline bool chance(struct world *w, unsigned percent) { return below(w, 100) < percent; }

/* ---- arguments.c ---- */
/* Fills the record: each argument by its row, and then, unless the call is to be a wild one, what
 * has to fit together is made to fit. False when the program has nothing that would. */
bool draw_arguments(struct world *w, const struct routine *r, void *record);
/* An address that the program may know: in a buffer, a block of pool, a mapping, or nothing. */
uint64_t draw_address(struct world *w);
uint64_t draw_length(struct world *w);
uint32_t draw_mdl(struct world *w); /* a live one, 0 when there is none */
const struct pool_block *draw_block(struct world *w);
const struct reservation *draw_reservation(struct world *w);

/* ---- fitting.c ---- */
bool fit_arguments(struct world *w, const struct routine *r, void *record);
void set_arg(const struct routine *r, void *record, const char *key, uint64_t value);
uint64_t get_arg(const struct routine *r, const void *record, const char *key);

/* ---- cleanup.c ---- */
/* Releases all that can be released, and checks that nothing is left. */
void clean_up(struct world *w);
/* Lowers the IRQL wherever it keeps interrupts waiting. */
void let_interrupts_in(struct world *w);
_Noreturn void property_broken(const char *what, uint64_t a, uint64_t b);

/* ---- property_test.c ---- */
/* Calls a routine, checks every invariant, notes what it returned. */
struct outcome world_call(struct world *w, const struct routine *r, void *record);
