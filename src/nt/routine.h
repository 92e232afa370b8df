/* One exported routine is one block: a record of its arguments, its failures in the order in which
 * they are checked, its function, and one row of facts. Dispatch, argument checks, `mdlsim
 * explain`, the schema and the list of required tests come from it. To add a routine: its block, a
 * line in routines.def, a scenario for success and one for each failure. */
#pragma once

#include "base/field.h"
#include "mm/outcome.h"
#include "nt/os.h"
#include "nt/value.h"

struct kernel;

/* What becomes of a call that a failure row describes, when no verifier stops it. */
enum then {
    THEN_FAILS,   /* the documented failure value: NULL, 0, FALSE, or the status in `code` */
    THEN_RAISES,  /* raises the status in `code` */
    THEN_STOPS,   /* bug check `code` with first parameter p1 */
    THEN_REFUSED, /* undefined on Windows: no effect, the failure value; `undefined` in the trace */
    THEN_PERFORMED, /* wasteful or discouraged, but it works: the call goes on */
};

struct failure {
    const char *name; /* "no-system-ptes", unique in its routine */
    const char *doc;  /* the cause, one sentence */
    uint8_t then;     /* enum then */
    uint32_t code;    /* status or bug check */
    uint64_t p1;
    const char *rule; /* verifier rule that it breaks, NULL for an ordinary failure */
    const char
        *rule_what;  /* what was done wrong, where the rule's own text is too general; or NULL */
    uint8_t verifier_constant; /* IRQL rows: parameter 3 of the verifier's bug check where it is
                                  no argument of the call (0xC4/0x7E) */
    bool advice;     /* reported at level advice whatever the level of the rule */
    bool is_irql;    /* checked by the gate: the current IRQL is above irql_max */
    bool by_routine; /* checked by the routine itself, never by the gate or the matrix */
    uint8_t irql_max, irql_top; /* holds above irql_max and, unless 0, up to irql_top */
    uint8_t os_first, os_last;  /* versions on which the row holds (os_last 0 = all later ones) */
    const char
        *source; /* NULL: Microsoft's page of the routine; else the page or "inferred: why" */
};

/* Fields of a row for a parameter that the routine's page forbids without naming an outcome. */
#define PARAMETER_INVALID(text)                                                                    \
    .doc = (text), .rule = "parameter_invalid", .advice = true, .rule_what = (text)

enum result_kind {
    RESULT_VOID,
    RESULT_STATUS,
    RESULT_ADDRESS,
    RESULT_MDL,
    RESULT_IRP,
    RESULT_INTEGER,
    RESULT_BOOL,
    RESULT_PHYSICAL,
    RESULT_HANDLE,
};

/* How a call ended. */
enum outcome_end { END_RETURNS, END_RAISES, END_STOPS };
struct outcome {
    uint8_t end;
    bool failed;      /* returned its failure value or a failure status */
    bool undefined;   /* refused: nobody documents what Windows would do */
    uint16_t failure; /* index of the failure row + 1, 0 = none */
    uint32_t status;  /* END_RAISES, or the status returned */
    struct value returns;
    struct stop stop; /* END_STOPS */
    struct exception exception; /* of an access that failed */
};
/* How most calls and accesses end: member by member where the caller wants it, which takes less
 * than clearing the whole and then setting some. */
static inline struct outcome outcome_returns(uint16_t failure, uint32_t status, struct value v,
                                             bool failed)
{
    struct outcome o;
    o.end = END_RETURNS;
    o.failed = failed;
    o.undefined = false;
    o.failure = failure;
    o.status = status;
    o.returns = v;
    o.stop = (struct stop){ 0 };
    o.exception = (struct exception){ 0 };
    return o;
}

/* A list argument: PhysicalAddressList, SegmentArray. Two numbers an entry (the second 0 when
 * unused). */
struct list_arg {
    uint64_t (*entries)[2];
    uint64_t count;
};

enum { ROUTINE_ARGS_MAX = 8, ROUTINE_ARGS_BYTES = 128 };
enum { IRQL_ANY = 31 }; /* HIGH_LEVEL of 32-bit Windows, the highest there is */

struct routine {
    const char *name, *header, *doc;
    enum result_kind result;
    const char *result_doc;
    uint8_t irql_max;          /* as its page says; rows tell what happens above */
    uint8_t os_first, os_last; /* os_last 0 = still there */
    const struct field *args;
    uint32_t args_bytes;
    const struct failure *failures; /* in the order they are checked; ends with a NULL name */
    struct outcome (*run)(struct kernel *k, void *args);
    bool is_macro;
    const char *page;     /* name of Microsoft's page, "none: ..." when there is none */
    const char *notes;    /* choices where the documents contradict or are silent; may be NULL */
    const char *left_out; /* what the model leaves out; never NULL */
};

extern const struct routine *const routines[]; /* in the order of routines.def; ends with NULL */
extern const size_t routine_count;
const struct routine *routine_find(const char *name); /* exact spelling; NULL when unknown */
size_t routine_index(const struct routine *r);
/* Arguments that every call gives. Of a routine with one, it may stand without its name. */
size_t routine_required(const struct routine *r);
