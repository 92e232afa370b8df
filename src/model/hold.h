/* What serves one processor at a time, who asks first is served first: a lock, or its cache line.
 *
 * Steps are simulated whole, one after the other, though they lie side by side in time: a step that
 * is simulated later may ask earlier. So the holds of each processor's last step are kept while
 * others may still ask before them. One that comes in before them moves them on, and with them what
 * their processors did after it, as far as that did not wait anyway. What a processor comes to wait
 * so is `late`: it is charged when the processor goes on, which it does not before then, since who
 * goes on is the one with the smallest time. A hold that an interrupt falls into takes as much
 * longer. Which of two goes first is settled when the second one asks. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

struct cpu;
struct hw;

/* Acquisitions, those that waited, and the cycles waited. */
struct lock_counts {
    uint64_t acquisitions, contended, wait_cycles;
};

/* A hold among those of its queue: its processor, and its number there. */
struct hold_place {
    uint32_t cpu, number;
};

/* Zeroed: never held. In the order in which they are served. */
struct hold_queue {
    struct hold_place *places;
    size_t count, capacity;
    size_t shared_count; /* of them */
};

/* From `from` until just before `until`, asked for at `ask`. */
struct hold {
    struct hold_queue *queue;
    struct lock_counts *counts;
    uint64_t ask, from, until; /* until: HOLD_UNDER_WAY as long as it is not over */
    uint64_t shift;            /* how far hold_delay() moves it */
    uint32_t main;             /* the hold that this one belongs to: it counts as having waited */
    bool shared, waited;
};

#define HOLD_UNDER_WAY UINT64_MAX

/* Those of a processor's last step, in the order in which it asked. Zeroed: none. */
struct holds {
    struct hold *list;
    size_t count, capacity;
};

/* The current processor asks at its clock. Returns how long it waits: `shared` ones for those
 * before them that are not, others for all before them. It has it from then on until hold_end().
 * `part`: of the hold under way that began last, a step on its way that counts as no
 * acquisition. */
uint64_t hold_begin(struct hw *hw, struct hold_queue *queue, struct lock_counts *counts,
                    bool shared, bool part);
/* The current processor had it until just before `until`. */
void hold_end(struct hw *hw, struct hold_queue *queue, uint64_t until);
/* An interrupt takes `cycles` of the processor from `at` on: what it holds then it holds longer,
 * and what it asks for afterwards it asks for later. */
void hold_interrupt(struct hw *hw, struct cpu *cpu, uint64_t at, uint64_t cycles);
/* Whether a hold of the current processor's step may still be moved. */
bool hold_is_open(const struct hw *hw);
/* All queues are as if nobody had ever held them; queue_forget() has been or will be told each. */
void hold_forget(struct hw *hw);
void queue_forget(struct hold_queue *queue);
void queue_free(struct hold_queue *queue, const struct allocator *from);
