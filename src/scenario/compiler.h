/* What the parts of the compiler share among themselves: its state, messages, keys, names, scalars.
 * Every function that can meet a user's mistake reports it, located, and returns false, 0 or NULL;
 * its caller goes on with what is left, so that one run finds all independent mistakes. */
#pragma once

#include "base/map.h"
#include "scenario/compile.h"
#include "scenario/nodes.h"

/* A growing array in the arena. */
struct list {
    void *items;
    size_t count, capacity;
};
/* Appends a zeroed item. The pointer is valid until the next append. */
void *list_add(struct arena *arena, struct list *list, size_t item_bytes);

enum name_kind {
    NAME_VAR,       /* constant of `vars`; index into vars */
    NAME_SHARED,    /* of `shared`; index is a shared slot */
    NAME_PROCESS,   /* index of the process */
    NAME_DEVICE,    /* index of the device */
    NAME_BUFFER,    /* index of the buffer */
    NAME_BUFFERS,   /* several processes have a buffer of that name */
    NAME_THREAD,    /* bound by steps; index is a slot of the thread */
    NAME_PROCEDURE, /* index of the procedure; in a table of its own */
    NAME_SPAN, NAME_EVENT, NAME_PHASE, /* in tables of their own */
};

struct symbol {
    const char *name;
    enum name_kind kind;
    uint32_t index;
    bool bound; /* NAME_THREAD: some step binds it */
};

/* Names of one kind of use, found by hash, kept in the order of arrival. */
struct symbols {
    struct map index; /* hash of the name, on a clash the next number -> position */
    struct list list; /* struct symbol */
};
struct symbol *symbols_find(const struct symbols *s, const char *name);
/* The name must not be there yet. */
struct symbol *symbols_add(struct symbols *s, struct arena *arena, struct symbol symbol);
static inline struct symbol *symbols_at(const struct symbols *s, size_t i)
{
    return (struct symbol *)s->list.items + i;
}

enum var_state { VAR_NEW, VAR_BUSY, VAR_KNOWN, VAR_BAD };
struct var {
    const struct node *node;
    struct value value;
    enum var_state state;
};

/* A name of a thread that was read, or a path of statistics: judged when all of the file is
 * known. */
struct use {
    const char *name;
    struct where where;
    const struct node *node; /* whose path stands in the message */
};

/* A `do` of a procedure, or an APC that runs it: an edge of the call graph, in the order of the
 * callers. */
struct call_edge {
    uint32_t callee;
    const struct node *node;
};

#define NO_PROCEDURE UINT32_MAX

struct compiler {
    struct diags *diags;
    struct arena *arena;
    const struct node *root;
    struct program *program;
    uint64_t hints_left; /* words that may still be compared for "did you mean" */
    bool constants_only; /* not in a step: only constants and vars have a value */
    bool os_known;       /* machine.os is right, so that what depends on it can be judged */
    unsigned var_depth;  /* constants under way that use one another */
    struct symbols names, procedures, spans, events, phases;
    struct list vars;    /* struct var */
    struct list nodes;   /* struct expr_node */
    struct list steps;   /* struct step */
    struct list slots, shared; /* const char * */
    struct list processes, buffers, devices, bars;
    struct list buffer_nodes; /* const struct node *, by buffer */
    struct list replays; /* const struct replay_step * */
    struct list reads, paths; /* struct use */
    struct list edges;   /* struct call_edge */
    const struct node **procedure_nodes;
    struct procedure *procedure_list;
    const char *const **parameter_names; /* by procedure, same order as its parameters */
    uint32_t procedure;  /* whose steps are compiled now, NO_PROCEDURE for a thread's */
    const struct node *procedure_steps; /* its own list of steps */
    uint32_t loop_depth, span_depth;
    size_t *first_edge;  /* by procedure, and one behind the last */
};

/* ---- messages (report.c) ---- */
/* At the value of a node, with its path. The format is text_format's. */
void report(struct compiler *c, const struct node *node, const char *format, ...);
/* Elsewhere in the node's text. */
void report_at(struct compiler *c, const struct node *node, struct where where, const char *format,
               ...);
/* At key number `index` of a map. */
void report_key(struct compiler *c, const struct node *map, size_t index, const char *format, ...);
/* So many messages that more would not even be kept. */
bool has_enough(const struct compiler *c);
/* "; did you mean 'x'?" for the nearest of the candidates, or "". */
const char *hint(struct compiler *c, const char *word, const char *const *candidates,
                 size_t count);
/* The same, or "; expected a, b or c" where none is near. */
const char *hint_or_all(struct compiler *c, const char *word, const char *const *candidates,
                        size_t count);
const char *hint_names(struct compiler *c, const char *word, const struct names *names);
/* The user's text for a message: quoted, escaped and cut. */
const char *shown(struct compiler *c, const char *text);
/* What stands in a node: "a mapping", "nothing", "'text'". */
const char *found(struct compiler *c, const struct node *node);
/* "a, b or c" of a table of names. */
const char *names_joined(struct compiler *c, const struct names *names);
const char *path_of(struct compiler *c, const struct node *node);

/* ---- keys and scalars (keys.c, scalar.c) ---- */
/* False when the node is no mapping. Unknown and missing keys are reported; keys that begin with
 * "x-" are the user's own. */
bool keys_check(struct compiler *c, const struct node *map, const char *section);
bool key_is_own(const char *key); /* x- */
const char *hint_section(struct compiler *c, const char *word, const char *section);
bool expect_map(struct compiler *c, const struct node *node, const char *what);
bool expect_list(struct compiler *c, const struct node *node, const char *what);
/* The text of a non-empty scalar, NULL after an error. */
const char *expect_text(struct compiler *c, const struct node *node, const char *what);
bool is_identifier(const char *text); /* [A-Za-z_][A-Za-z0-9_]* */
/* A name that the user chose; NULL after an error. */
const char *expect_identifier(struct compiler *c, const struct node *node, const char *what);
/* Same for a key of a map. */
bool expect_key_identifier(struct compiler *c, const struct node *map, size_t index,
                           const char *what);
/* One word of a table. */
bool expect_name(struct compiler *c, const struct node *node, const struct names *names,
                 uint64_t *out);
bool expect_bool(struct compiler *c, const struct node *node, bool *out);
/* Whether a scalar is exactly this word. */
bool is_word(const struct node *node, const char *word);

struct range {
    uint64_t min, max;
};
enum number_kind { NUMBER_COUNT, NUMBER_SIZE, NUMBER_TIME, NUMBER_ADDRESS };
/* A constant expression within a range. A null node leaves *out as it is and is fine. */
bool expect_number(struct compiler *c, const struct node *node, enum number_kind kind,
                   struct range range, uint64_t *out);

/* ---- expressions (expr_parse.c, expr_lex.c, constant.c) ---- */
/* 0 after an error. */
expr_t expression(struct compiler *c, const struct node *node);
/* Only from byte `offset` of its text on. */
expr_t expression_from(struct compiler *c, const struct node *node, size_t offset);
/* The same, with what is known of the kind: `must` is a set of (1 << enum value_kind), 0 = any. A
 * kind that shows only as the step runs passes. */
expr_t expression_of(struct compiler *c, const struct node *node, unsigned must, const char *what);
bool constant(struct compiler *c, const struct node *node, struct value *out);
expr_t expression_constant(struct compiler *c, struct value v, struct where where);
const struct expr_node *node_of(const struct compiler *c, expr_t e);
/* The constant that an expression is; false when it is none (or 0). */
bool is_constant(const struct compiler *c, expr_t e, struct value *out);

enum { KIND_TIME = 1 << VALUE_TIME, KIND_SIZE = 1 << VALUE_SIZE, KIND_INT = 1 << VALUE_INT,
       KIND_BOOL = 1 << VALUE_BOOL, KIND_NULL = 1 << VALUE_NULL,
       KIND_OBJECT = 1 << VALUE_MDL | 1 << VALUE_IRP | 1 << VALUE_PROCESS | 1 << VALUE_DEVICE,
       KIND_NUMBER = KIND_INT | KIND_SIZE,
       KIND_POINTER = KIND_INT | KIND_SIZE | KIND_NULL | KIND_OBJECT };

/* ---- names (symbols.c) ---- */
/* Makes a name that is everyone's; reports a clash at `where`. */
bool name_define(struct compiler *c, const struct node *node, struct where where,
                 struct symbol symbol);
uint32_t shared_slot(struct compiler *c, const char *name);
/* The slot that a step binds: of the thread, a parameter, or shared. Reports a name that is
 * everyone's. */
bool name_bind(struct compiler *c, const struct node *where, const char *name, struct bind *out);
/* The value of a constant of `vars`, computed when first asked for. */
bool var_value(struct compiler *c, uint32_t index, struct value *out);
/* Parameter of the procedure under way; false when there is none of that name. */
bool parameter_slot(const struct compiler *c, const char *name, uint32_t *slot);
/* Names that were read and that nobody binds, unknown statistics. */
void names_finish(struct compiler *c);
void stats_finish(struct compiler *c);
const char *hint_variable(struct compiler *c, const char *name);

/* ---- sections, in the order in which they are compiled ---- */
void compile_system(struct compiler *c);    /* os, arch, preset: what numbers need */
void compile_vars(struct compiler *c);
void compile_cpu(struct compiler *c);
extern const struct names index_names; /* modulo 0, hash 1: how a set is chosen */
void compile_caches(struct compiler *c, const struct node *node); /* compile_caches.c */
void compile_tlb(struct compiler *c, const struct node *tlb);
void compile_flushes(struct compiler *c, const struct node *cpu); /* NULL: all defaults */
void compile_ram(struct compiler *c);
void compile_memory_types(struct compiler *c);
void compile_devices(struct compiler *c);
void compile_mm(struct compiler *c);
void compile_verifier(struct compiler *c);
void compile_processes(struct compiler *c);
void compile_shared(struct compiler *c);
void collect_procedures(struct compiler *c);
void compile_threads(struct compiler *c);
void compile_procedures(struct compiler *c);
void compile_checks(struct compiler *c);

/* The process that a name or $name means; -1 after an error. */
int32_t process_named(struct compiler *c, const struct node *node);
/* The buffer that `text`, "name" or "process.name", means; the buffers of `own` come first (NULL:
 * nobody's do). -1 after an error. */
int32_t buffer_named(struct compiler *c, const struct node *node, const char *text,
                     const struct process_plan *own);

/* The rule of that id; reports an unknown one at `where`. */
const struct rule *expect_rule(struct compiler *c, const struct node *node, const char *id,
                               struct where where);

/* ---- steps ---- */
/* Appends a step for a node; returns its number. */
uint32_t emit(struct compiler *c, const struct node *node, enum step_op op);
struct step *step_at(struct compiler *c, uint32_t number);
uint32_t next_step(const struct compiler *c);
/* A list of steps, NULL (already reported) compiles to nothing. */
void compile_steps(struct compiler *c, const struct node *list);
/* Binds `as` of a step where the action has one value. */
void compile_as_value(struct compiler *c, const struct node *as, uint32_t step);
void binds_set(struct compiler *c, uint32_t step, const struct list *binds);
/* One step's call of a routine; `action` is the value of its key. */
void compile_call(struct compiler *c, const struct routine *r, const struct node *action,
                  const struct node *as, uint32_t step);
const struct expect *compile_expect(struct compiler *c, const struct node *node,
                                    const struct routine *r, bool returns);
/* Actions that are no routines: `action` is the value of the key, `step` the whole mapping. */
struct action_row {
    const char *key;
    void (*compile)(struct compiler *c, const struct node *step, const struct node *action);
    bool expects; /* takes `expect` */
    bool binds;   /* takes `as` */
    bool returns; /* gives a value that `expect` can compare */
};
extern const struct action_row action_rows[]; /* ends with a NULL key */
void compile_read(struct compiler *c, const struct node *step, const struct node *action);
void compile_write(struct compiler *c, const struct node *step, const struct node *action);
void compile_execute(struct compiler *c, const struct node *step, const struct node *action);
void compile_copy(struct compiler *c, const struct node *step, const struct node *action);
void compile_set(struct compiler *c, const struct node *step, const struct node *action);
void compile_replay(struct compiler *c, const struct node *step, const struct node *action);
/* The value of `curves` of a replay; NULL after an error. */
const struct curves_plan *compile_curves(struct compiler *c, const struct node *node);
void compile_repeat(struct compiler *c, const struct node *step, const struct node *action);
void compile_while(struct compiler *c, const struct node *step, const struct node *action);
void compile_if(struct compiler *c, const struct node *step, const struct node *action);
void compile_do(struct compiler *c, const struct node *step, const struct node *action);
/* What procedure a node names, and the values that `with`, in the mapping `holder`, gives its
 * parameters. False after an error. */
bool compile_invoke(struct compiler *c, const struct node *holder, const struct node *name,
                    struct do_step *out);
void compile_return(struct compiler *c, const struct node *step, const struct node *action);
void compile_span(struct compiler *c, const struct node *step, const struct node *action);
void compile_let(struct compiler *c, const struct node *step, const struct node *action);
void compile_assert(struct compiler *c, const struct node *step, const struct node *action);
void compile_signal(struct compiler *c, const struct node *step, const struct node *action);
void compile_wait(struct compiler *c, const struct node *step, const struct node *action);
void compile_delay(struct compiler *c, const struct node *step, const struct node *action);
void compile_queue_apc(struct compiler *c, const struct node *step, const struct node *action);
void compile_raise_irql(struct compiler *c, const struct node *step, const struct node *action);
void compile_lower_irql(struct compiler *c, const struct node *step, const struct node *action);
