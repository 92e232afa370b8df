/* What serves one processor at a time, who asks first is served first: a lock, or its cache line.
 *
 * Steps are simulated whole, one after the other, though they lie side by side in time: a step that
 * is simulated later may ask earlier. So what each processor's last step asked for and gave back is
 * kept while others may still ask before it, in cycles of its own work, and all of it is served
 * anew when something came in: requests in the order of their times, each when its processor has
 * got so far. What a processor comes to wait more, or less, than it was charged is `late`: it is
 * charged when the processor goes on, which it does not before then, since who goes on is the one
 * with the smallest time. An interrupt lengthens what it falls into. */
#pragma once

#include "base/heap.h"
#include "base/types.h"

struct cpu;
struct hw;

/* Acquisitions, those that waited, and the cycles waited. */
struct lock_counts {
    uint64_t acquisitions, contended, wait_cycles;
};

/* A hold: its processor, and its number there. */
struct hold_place {
    uint32_t cpu, number;
};

/* Zeroed: never held. While it is served: who has it, and who waits, first come first. */
struct hold_queue {
    uint32_t alone, shared; /* who have it */
    struct hold_place *waiting;
    size_t first, count, capacity; /* of those who wait: from `first` up to `count` */
};

/* From `from` until just before `until`, asked for at `ask`. */
struct hold {
    struct hold_queue *queue;
    struct lock_counts *counts;
    uint64_t ask, from, until; /* until: HOLD_UNDER_WAY as long as it is not over */
    uint64_t owed;             /* interrupts that came while it waited, to be paid behind it */
    uint64_t counted;          /* of the wait, in counts */
    uint32_t main;             /* the hold that this one belongs to: it counts as having waited */
    bool shared, waited;
};

#define HOLD_UNDER_WAY UINT64_MAX

/* A hold is asked for, or given back, when the step's own work has come to so many cycles. */
struct hold_op {
    uint64_t work;
    uint32_t number;
    bool gives;
};

struct hold_interrupt {
    uint64_t at, cycles;
};

/* Those of a processor's last step, in the order in which it asked. Zeroed: none. */
struct holds {
    struct hold *list;
    size_t count, capacity;
    struct hold_op *ops; /* two for each hold that is over, in the order of their times */
    size_t op_count, op_capacity;
    struct hold_interrupt *interrupts; /* since the step began, by time */
    size_t interrupt_count, interrupt_capacity;
    uint64_t begin;         /* of the step */
    uint64_t waited_before; /* what the processor had spent on waits by then */
    uint64_t charged;       /* waits of the step, `late` included */
    uint64_t late;          /* what is not charged yet of its waits, modulo 2^64 */
    /* While they are served: how far they are. */
    size_t op, interrupt;
    uint64_t time;
    bool moved; /* its processor's time is another one by now */
};

/* Serves the holds of all processors anew. */
struct hold_server {
    struct heap next; /* processors, by the time of their next op */
    uint32_t *places;
    bool is_due;
};

/* The current processor asks at its clock. Returns how long it waits by what is known: `shared`
 * ones for those before them that are not, others for all before them. It has it from then on until
 * hold_end(). `part`: of the hold under way that began last, a step on its way that counts as no
 * acquisition. */
uint64_t hold_begin(struct hw *hw, struct hold_queue *queue, struct lock_counts *counts,
                    bool shared, bool part);
/* The current processor had it until just before `until`. */
void hold_end(struct hw *hw, struct hold_queue *queue, uint64_t until);
/* An interrupt takes `cycles` of the processor from `at` on: what it holds then it holds longer,
 * and what it asks for afterwards it asks for later. */
void hold_interrupt(struct hw *hw, struct cpu *cpu, uint64_t at, uint64_t cycles);
/* Between steps, or at the end of one, where it is due: who waits how long, with all that came in
 * since. */
void hold_settle(struct hw *hw);
/* Whether a hold of the current processor's step may still be moved. */
bool hold_is_open(const struct hw *hw);
/* All queues are as if nobody had ever held them; queue_forget() has been or will be told each. */
void hold_forget(struct hw *hw);
void hold_init(struct hw *hw);
void hold_free(struct hw *hw);
void queue_forget(struct hold_queue *queue);
void queue_free(struct hold_queue *queue, const struct allocator *from);
