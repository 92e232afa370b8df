/* A compiled scenario: plain data, nothing of YAML left. What the core runs. */
#pragma once

#include "base/diag.h"
#include "model/access.h"
#include "nt/kernel.h"
#include "sim/curves.h"
#include "sim/expr.h"

/* Where a bound value goes. */
struct bind {
    const struct field *field; /* out parameter, NULL = what the action returns */
    uint32_t slot;
    bool shared;
};

/* One acceptable value. */
struct accept {
    expr_t value;
    bool negated; /* not this one */
    bool none;    /* `none`: the thing does not happen */
    expr_t p[4];  /* bug check parameters, 0 = not compared */
};
struct accept_list {
    const struct accept *items; /* any of them */
    size_t count;
};
/* What one alternative of `expect` asks for; empty lists ask nothing. */
struct expectation {
    struct accept_list returns, status, raises, bugcheck;
    const struct rule **violations; /* at least one of them, and no other */
    size_t violation_count;
    const expr_t *that;
    size_t that_count;
};
struct expect {
    const struct expectation *any;
    size_t count;
};

enum step_op {
    STEP_CALL,   /* u.call */
    STEP_ACCESS, /* u.access: read, write, execute */
    STEP_COPY,
    STEP_SET,
    STEP_REPLAY,
    STEP_LET,
    STEP_ASSERT,
    STEP_REPEAT,      /* u.loop: enters the loop or jumps to u.loop.exit */
    STEP_REPEAT_NEXT, /* at the end of the body: next iteration or falls out; u.loop.body */
    STEP_WHILE,       /* condition true: goes on, else jumps to u.loop.exit */
    STEP_JUMP,        /* to u.jump */
    STEP_IF,          /* condition false: jumps to u.branch.otherwise */
    STEP_DO,          /* calls a procedure */
    STEP_RETURN,      /* gives a value back and leaves the procedure */
    STEP_LEAVE,       /* end of a procedure */
    STEP_SPAN,
    STEP_SPAN_END,
    STEP_DELAY,
    STEP_WAIT,
    STEP_SIGNAL,
    STEP_QUEUE_APC,
    STEP_RAISE_IRQL,
    STEP_LOWER_IRQL,
    STEP_END, /* of the thread */
};

#define NAME_NONE UINT32_MAX
/* How an argument's value is made: an expression, or a list of them. */
struct call_arg {
    const struct field *field;
    expr_t value;            /* 0: see list, or left out (the fallback is compiled in) */
    uint32_t name;           /* `value` is this name of the thread; NAME_NONE: it is none, or is
                                checked */
    const expr_t (*list)[2]; /* FIELD_LIST: pairs; the second 0 when there is none */
    uint32_t list_count;
};
struct call_step {
    const struct routine *routine;
    const struct call_arg *args; /* in the order of routine->args, those that `record` lacks */
    uint32_t arg_count;
    uint32_t series;             /* latency series */
    const unsigned char *record; /* ROUTINE_ARGS_BYTES: the arguments that are constants */
};
/* Stores a constant argument as a step would. False: only the step can tell what becomes of it. */
bool call_store_constant(const struct field *f, struct value v, void *record);
enum access_pattern { PATTERN_SEQUENTIAL, PATTERN_RANDOM, PATTERN_CHASE };
/* Where the accesses of a step go from its address on: `places` of `size` bytes, `step` bytes
 * apart, `count` of them visited. */
struct extent {
    uint64_t size, step, places, count;
    uint64_t length; /* as given, 0 = not */
    uint64_t reach;  /* from the first byte to the last one */
};
struct access_step {
    enum access_type type;
    expr_t address, length, stride, size, count, value; /* 0 = not given */
    uint32_t overlap; /* accesses under way at once */
    enum access_pattern pattern;
    bool flat; /* data does not go through the caches */
    int8_t mode; /* 0 kernel, 1 user, -1 the thread's */
    const struct extent *extent; /* where all that makes it is constant and fine; else NULL */
};
enum { ACCESS_SIZE_DEFAULT = 8 };
/* Completes an extent of which size, step, length and count are as the step gives them, the latter
 * two 0 where it does not. NULL, or why the step is refused. */
const char *extent_complete(const struct access_step *a, struct extent *e);
struct copy_step {
    expr_t from, to, length;
};
struct assignment { /* of `set` */
    expr_t object;
    uint8_t member; /* enum expr_member, MEMBER_COUNT = Pfn[index] */
    expr_t index, value;
    const char *text; /* "$mdl.Next" as written */
};
struct set_step {
    const struct assignment *items;
    uint32_t count;
};
struct let_step {
    const uint32_t *slots;
    const bool *shared;
    const expr_t *values;
    uint32_t count;
};
/* Part of a replay with statistics of its own. */
struct replay_phase {
    const char *name;
    uint32_t number; /* index into phase_names */
    expr_t count;    /* records, 0 = all that are left: the last phase only */
};
enum replay_only { REPLAY_EVERYTHING, REPLAY_DATA, REPLAY_INSTRUCTION };
struct replay_step {
    const char *file,
        *format;     /* as in the scenario, path relative to it; format NULL = by content */
    struct where where; /* of the file's name, and its path in the scenario */
    const char *path;
    int32_t process; /* index, -1 = the thread's */
    int32_t buffer;  /* index of the buffer that the addresses go to, -1 = none */
    expr_t address_base;         /* 0 = not given */
    expr_t skip, warm_up, limit; /* records, 0 = none, none, all */
    enum replay_only only;
    struct backing backing; /* of addresses that nothing has reserved */
    const struct replay_phase *phases;
    uint32_t phase_count;
    bool data_caches; /* data goes through the caches, not the entries of walks alone */
    bool skip_bad; /* bad records are counted and passed over */
    const struct curves_plan *curves; /* NULL = none */
    uint32_t source; /* index into sim_inputs.sources */
};
enum arrival { ARRIVE_CLOSED, ARRIVE_FIXED, ARRIVE_POISSON };
struct loop_step {
    expr_t count, condition, every;
    uint32_t index_slot; /* UINT32_MAX: none */
    uint32_t body, exit; /* step numbers */
    uint64_t limit;      /* of `while` */
    uint8_t arrival;
    uint8_t depth; /* nesting: which loop register of the frame */
};
struct branch_step {
    expr_t condition;
    uint32_t otherwise;
};
struct do_step {
    uint32_t procedure;
    const expr_t *args;
};
struct apc_step {
    struct do_step invoke;
    uint32_t thread; /* index into threads */
    bool special;
};
struct span_step {
    uint32_t series;
    const char *name;
};
struct event_step {
    uint32_t event;
    expr_t count;
}; /* signal, wait: event number; delay: count = cycles */

struct step {
    uint8_t op;
    struct where where;
    const char *path; /* "steps[3]", for messages */
    const char *note;
    const struct bind *binds;
    uint32_t bind_count;
    uint32_t place; /* `where` as one number: place_of() */
    const struct expect *expect; /* NULL = none */
    union {
        struct call_step call;
        struct access_step access;
        struct copy_step copy;
        struct set_step set;
        struct let_step let;
        const struct replay_step *replay;
        struct loop_step loop;
        struct branch_step branch;
        struct do_step invoke;
        struct apc_step apc;
        struct span_step span;
        struct event_step event;
        expr_t value; /* assert, return, raise_irql, lower_irql */
        uint32_t jump;
    } u;
};

struct procedure {
    const char *name;
    uint32_t entry;
    const uint32_t *parameters; /* slots */
    uint32_t parameter_count;
};

struct thread_plan {
    const char *name;
    int32_t process; /* index into processes, -1 = System */
    uint32_t cpu, irql;
    bool user_mode;
    const char *model, *callback;
    uint32_t entry;
    struct where where;
};

struct buffer_plan {
    const char *name;
    uint64_t size_bytes, at; /* at 0 = chosen */
    uint32_t protect;
    bool commit, touched;
    uint8_t page_level; /* LEVEL_PT, or LEVEL_PD and LEVEL_PDPT for memory in large pages */
    int32_t shares; /* index of another buffer of all buffers, -1 = none */
    uint32_t slot;  /* shared slot that gets the address */
    struct where where;
};
struct process_plan {
    const char *name;
    uint32_t first_buffer, buffer_count;
    uint32_t slot;
    struct where where;
};

struct device_plan {
    const char *name;
    uint32_t slot;
};
struct bar_plan {
    const char *name; /* may be NULL */
    uint32_t device;  /* index */
    uint64_t base, size_bytes;
    bool prefetchable;
};

enum arch { ARCH_X64, ARCH_X64_LA57, ARCH_X86_PAE };
extern const struct names memory_type_names; /* "WB", "WT", ... */
extern const struct names arch_names; /* "x64", "x64-la57", "x86-pae" */

/* Every setting, resolved, defaults included: what the head of a trace shows. */
struct sim_config {
    uint64_t seed;
    const struct os_version *os;
    enum arch arch;
    const struct cpu_preset *preset;
    uint32_t cpu_count, socket_count;
    uint32_t pcid_count; /* address spaces that a processor keeps apart; 0 = CR3 loads flush */
    bool kva_shadow, broadcast;
    uint64_t hz;
    struct tlb_level_geometry l1d, l1i, l2, l2i;
    struct tlb_geometry psc[PSC_COUNT];
    struct cache_config caches;
    bool nested; /* the machine is a guest under nested paging */
    uint32_t walkers;
    uint64_t price[COST_COUNT];
    const struct phys_range *ram;
    size_t ram_count;
    uint64_t ram_bytes;
    const struct device_plan *devices;
    size_t device_count;
    const struct bar_plan *bars; /* in the order of the scenario */
    size_t bar_count;
    const struct phys_range *bar_ranges; /* ascending; .device from 1 */
    struct mm_config mm;
    uint32_t flush_threshold_pages;
    bool has_1_gib_pages; /* of the preset */
    const struct type_range *types; /* memory_types, ascending */
    size_t type_count;
    enum verifier_mode verifier;
    const uint8_t *rule_levels; /* rule_count */
    bool track_ptes, track_locked_pages;
};

struct check_plan {
    expr_t expression;
    struct where where;
    const char *text;
};

struct program {
    const char *name; /* of the scenario */
    struct sim_config config;
    const struct process_plan *processes;
    size_t process_count;
    const struct buffer_plan *buffers;
    size_t buffer_count;
    const struct expr_node *nodes; /* nodes[0] is unused */
    size_t node_count;
    const struct step *steps;
    size_t step_count;
    const struct procedure *procedures;
    size_t procedure_count;
    const struct thread_plan *threads;
    size_t thread_count;
    const struct check_plan *checks;
    size_t check_count;
    const char *const *slot_names; /* of a thread */
    size_t slot_count;
    const char *const
        *shared_names; /* vars are folded; processes, devices, buffers, shared: names */
    size_t shared_count;
    const char *const *event_names; /* of signal and wait */
    size_t event_count;
    const char *const *span_names; /* series = routine_count + index */
    size_t span_count;
    const char *const *phase_names; /* of all replays */
    size_t phase_count;
    const struct replay_step *const *replays; /* all of them, by source number */
    size_t replay_count;
    bool has_apcs; /* some step queues one */
};
