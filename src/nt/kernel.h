/* The simulated Windows kernel of one run: memory manager, verifier, objects, and the context of
 * the call under way. Everything hangs on it; nothing is global. */
#pragma once

#include "base/check.h"
#include "mm/mdl_state.h"
#include "mm/mm.h"
#include "nt/routine.h"
#include "nt/verifier.h"

struct irp {
    uint32_t id;
    bool live;
    va_t address;
    uint32_t mdl_address; /* id of an MDL */
    uint64_t user_buffer, system_buffer, information;
    uint32_t status;
    uint8_t stack_size;
    uint32_t made_seq, made_line;
};

struct device {
    const char *name;
    va_t object;
    uint32_t first_bar, bar_count; /* in hw.phys.bars order is by address; see bars[] below */
};

/* A range of device memory as the scenario gave it, in its order. */
struct bar {
    uint32_t device; /* from 1 */
    pa_t base;
    uint64_t bytes;
};

/* A mapping by MmMapIoSpace. */
struct io_mapping {
    va_t at; /* as returned */
    pa_t physical;
    uint64_t bytes;
    uint64_t page_count;
    uint8_t cache;
    bool live;
    uint32_t seq, line;
};

/* A reservation by MmAllocateMappingAddress. */
struct reservation {
    va_t at;
    uint64_t page_count;
    uint32_t tag;
    uint32_t mdl; /* mapped there now, 0 = none */
    uint64_t mapped_pages;
    bool live;
    uint32_t seq, line;
};

struct object_gauges {
    struct gauge mdls, irps, mappings_system, mappings_user, mappings_io_space, reserved_mappings;
};

/* What is held for good (kernel_lose). */
struct lost {
    uint32_t kind, place; /* enum leak_kind */
    const char *what;
    uint64_t count, seq;
};

struct kernel_config {
    const struct os_version *os;
    enum verifier_mode verifier;
    const uint8_t *rule_levels; /* rule_count entries, enum rule_level as resolved */
    bool track_ptes, track_locked_pages;
    const struct device *devices;
    uint32_t device_count;
    const struct bar *bars;
    uint32_t bar_count;
};

/* A place in the scenario as one number: file in the upper 10 bits, line in the lower 22. */
static inline uint32_t place_of(uint32_t file, uint32_t line)
{
    return (file < 1023 ? file : 1023) << 22 | (line < 0x3FFFFF ? line : 0x3FFFFF);
}
static inline uint32_t place_file(uint32_t place)
{
    return place >> 22;
}
static inline uint32_t place_line(uint32_t place)
{
    return place & 0x3FFFFF;
}

struct params {
    uint64_t p[3];
};
#define P(...) ((struct params){ { __VA_ARGS__ } })

/* Critical or guarded regions that a thread is in, and the oldest entry of those. */
struct apc_region {
    uint32_t depth, line;
    uint64_t seq;
};

/* What the routines know of a thread. */
struct kernel_thread {
    struct kernel_thread *next;
    uint32_t irql;           /* while it does not run: then they stand in struct mm */
    struct process *current;
    uint64_t irql_seq; /* the KeRaiseIrql that is oldest of those not undone */
    uint32_t irql_line;
    uint32_t irql_depth; /* KeRaiseIrql without KeLowerIrql yet, and the levels before them */
    uint8_t irql_saved[64];
    const char *model, *callback; /* `context` of the thread, "" when none */
    bool user_mode;               /* mode of the thread's accesses */
    struct apc_region critical, guarded;
    bool in_normal_apc, in_special_apc; /* what the thread does is done by such an APC */
};

struct kernel {
    const struct allocator *from;
    const struct kernel_config *config;
    enum os_rank os;
    struct hw *hw;
    struct mm *mm;
    /* objects */
    struct irp *irps;
    size_t irp_count, irp_capacity;
    struct io_mapping *io_mappings;
    size_t io_mapping_count, io_mapping_capacity;
    struct reservation *reservations;
    size_t reservation_count, reservation_capacity;
    struct object_gauges objects;
    uint64_t reserved_maps, reserved_unmaps; /* use of mapping addresses */
    struct runs read_only; /* pages of system space that show memory locked with IoReadAccess */
    struct lost *lost; /* held for good: no object names it any more (kernel_lose) */
    size_t lost_count, lost_capacity;
    /* the call under way */
    const struct routine *routine;
    struct outcome outcome;
    struct kernel_thread *thread; /* the one that runs, with whose level the processor's goes */
    struct kernel_thread *threads; /* all of them, in the order of the scenario */
    struct kernel_thread boot;     /* the one that runs until another one is made */
    uint64_t seq;         /* of the event being made */
    uint32_t line;        /* place of its step: place_of(file, line) */
    uint32_t changed_mdl; /* id of an MDL that the call changed, 0 = none */
    bool changed_pfns;
    uint16_t performed_failure; /* row met by a call that goes on, + 1; see ends */
    /* Told of each failure row that is met, NULL for nobody: coverage. */
    void (*failure_hit)(void *context, const struct routine *r, unsigned row);
    void *failure_context;
    /* violations of the run; those of this event are the last step_violations */
    struct violation *violations;
    size_t violation_count, violation_capacity, violation_mark;
    uint64_t errors;      /* violations of level error */
    struct map advice_at; /* rule and place -> index + 1 of the first such advice */
};

/* ---- for routines ---- */

/* Calls a routine: gate (IRQL, freed or NULL objects), then its function. `args` is its record. */
struct outcome kernel_call(struct kernel *k, const struct routine *r, void *args);

/* A failure row of the routine under way was met. Reports its rule to the verifier, and tells
 * whether the call ends there (then k->outcome says how) or goes on (THEN_PERFORMED). `own` are
 * parameters 2 to 4 of Windows' bug check, `verifier` those of Driver Verifier's. Use: if (bad &&
 * ends(k, ROW, ...)) return k->outcome; */
bool ends(struct kernel *k, unsigned row, struct params verifier, struct params own);
/* Same for an ordinary failure without a bug check. */
bool fails(struct kernel *k, unsigned row);
/* Looks the MDL up in the matrix of builders and operations (mm/mdl_state.h) and goes through the
 * row whose rule the cell names. */
bool state_rule_ends(struct kernel *k, const char *rule, const struct mdl *m);
static inline bool state_ends(struct kernel *k, unsigned operation, const struct mdl *m)
{
    const char *rule = mdl_state_rule((enum mdl_operation)operation, m);
    return rule != NULL && state_rule_ends(k, rule, m);
}
/* A rule broken by a step that is no routine (stale access, write to an opaque member). */
void report_rule(struct kernel *k, const char *rule_id, const char *what, struct params p,
                 struct outcome *stop);

/* The thread is about to give its time away: HwStorStartIo must not (rule SpNoWait). */
void check_may_wait(struct kernel *k);
/* The same for an event, which nobody at DISPATCH_LEVEL or above may wait for (rule C4-3B). True:
 * the system stops there, as k->outcome says. `blocks` when the event is not there yet. */
bool wait_ends(struct kernel *k, bool blocks);

/* Whether a thread at that IRQL takes kernel APCs of that kind ("Disabling APCs"). */
bool apc_may_run(const struct kernel_thread *t, uint32_t irql, bool special);

struct outcome returns_void(struct kernel *k);
struct outcome returns_status(struct kernel *k, uint32_t status); /* failed when an error status */
struct outcome returns_value(struct kernel *k, struct value v);
struct outcome returns_address(struct kernel *k, va_t at); /* NULL when 0 (failed) */
struct outcome returns_mdl(struct kernel *k, uint32_t id);
struct outcome raises(struct kernel *k, uint32_t status);
struct outcome stops(struct kernel *k, uint32_t code, uint64_t p1, uint64_t p2, uint64_t p3,
                     uint64_t p4);

static inline struct mdl *kernel_mdl(struct kernel *k, uint32_t id) /* live, checked by the gate */
{
    struct mdl *m = mdl_at(k->mm, id);
    CHECK(m != NULL && m->live);
    return m;
}
void mdl_changed(struct kernel *k, const struct mdl *m, bool frames);
struct irp *kernel_irp(struct kernel *k, uint32_t id);
uint32_t irp_new(struct kernel *k, va_t address, uint8_t stack_size);
struct value irp_value(struct kernel *k, uint32_t id);
struct value mdl_value(struct kernel *k, uint32_t id);
/* Calls that one routine makes inside another: no gate, no event, its cost is the caller's. */
va_t map_mdl(struct kernel *k, struct mdl *m, uint32_t cache, uint32_t priority, bool writable,
             bool executable);                    /* 0: no PTEs */
void unmap_mdl(struct kernel *k, struct mdl *m);  /* system mapping that it owns; updates flags */
void unlock_mdl(struct kernel *k, struct mdl *m); /* drops page locks and the flag */

/* Advice that an earlier step of the same line gave already is only counted: a loop of a million
 * rounds does not list it a million times. Looks at the violations from index `first` on. */
void kernel_fold_advice(struct kernel *k, size_t first);

/* ---- set-up and end ---- */
void kernel_init(struct kernel *k, const struct allocator *from, struct hw *hw, struct mm *mm,
                 const struct kernel_config *config);
void kernel_free(struct kernel *k);
/* A thread is there from now on; it belongs to the caller. The first one takes the place of the
 * thread that has run until then. */
void kernel_add_thread(struct kernel *k, struct kernel_thread *t);
/* From now on the calls are those of `t`: its IRQL, its address space. CR3 stays as it is. */
void kernel_run_thread(struct kernel *k, struct kernel_thread *t);
void kernel_check(struct kernel *k); /* hw_check, mm_check and the objects */

enum leak_kind {
    LEAK_MDLS,
    LEAK_IRPS,
    LEAK_MAPPINGS,
    LEAK_LOCKED_PAGES,
    LEAK_RESERVED_PTES,
    LEAK_PAGES,
    LEAK_POOL_BLOCKS,
    LEAK_POOL_BYTES,
    LEAK_IRQL,
    LEAK_APC_REGIONS,
    LEAK_KIND_COUNT
};
extern const char *const leak_kind_names[LEAK_KIND_COUNT]; /* counters under stats.leaks */

struct leak {
    const char *kind;
    const char *what;
    uint64_t count, seq;
    uint32_t file, line;
};
struct leak_list {
    struct kernel *k;
    const struct allocator *from;
    struct leak *list;
    size_t count, capacity;
    uint64_t totals[LEAK_KIND_COUNT];
};
/* Something stays held for good: no object names it any more. It becomes a leak of the run. */
void kernel_lose(struct kernel *k, enum leak_kind kind, const char *what, uint64_t count,
                 uint64_t seq, uint32_t place);
/* Everything still held, by kind, then by age. `from` NULL: only the totals. */
void kernel_leaks(struct kernel *k, const struct allocator *from, struct leak_list *out);
void leak_list_free(struct leak_list *l);

/* Named constants of the kernel's enumerations, for arguments and expressions. */
extern const struct names access_modes, lock_operations, cache_types, page_priorities,
    allocate_flags, pool_types, pool_flags, page_protections, mdl_flags, allocation_types,
    free_types, irql_names, frame_states, other_constants, status_codes, bug_checks;
extern const struct names *const all_names[]; /* every table, ends with NULL */
