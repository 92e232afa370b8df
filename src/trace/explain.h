/* What `mdlsim explain` and `mdlsim list` print: everything comes from the rows of routines, rules,
 * costs, presets and constants. */
#pragma once

#include "model/cost.h"
#include "nt/routine.h"
#include "nt/verifier.h"
#include "trace/input.h"

/* Explains a routine, a rule or a cost. False when there is none of that name: `out` then has one
 * sentence without a full stop, with the nearest name. */
bool explain_name(const char *name, bool json, struct text *out);
/* What can be explained, for `mdlsim explain` without a name. */
void explain_overview(bool json, struct text *out);

/* `what` is "routines", "rules", "presets", "costs" or "constants". False when it is none of them
 * (limits belong to the reader of scenarios: explain_limits). */
bool explain_list(const char *what, bool json, struct text *out);

struct explain_limit {
    const char *name, *doc;
    uint64_t fallback, most;
};
void explain_limits(const struct explain_limit *limits, size_t count, bool json, struct text *out);

/* One event of a trace: where its cycles went, and where each price comes from. Returns the exit
 * status (0, 65, 66, 71); when it is not 0, `out` has the message instead. */
int explain_event(const struct trace_source *source, uint64_t seq, bool json, struct text *out);

/* ---- parts of the printer ---- */

/* Words of `string` filled into lines of at most 80 columns, `indent` blanks before each but the
 * first, which goes on at `column`; ends with a newline. */
void explain_wrap(struct text *t, const char *string, size_t indent, size_t column);
void explain_pad(struct text *t, const char *string, size_t columns); /* at least one blank after */
void explain_number(struct text *t, uint64_t n, size_t columns); /* at the right */
const char *explain_type(const struct field *row); /* "MDL", "address", a table's title ... */
const char *explain_result(enum result_kind kind);
const char *explain_level(enum rule_level level);
/* "all versions", "windows-8 and later", "windows-xp to windows-7". */
void explain_versions(struct text *t, uint8_t first, uint8_t last);
/* "IRQL <= NAME" without the sign: the name, or the number where it has none. */
void explain_irql(struct text *t, uint8_t irql);
/* "DISPATCH_LEVEL or below", "any". */
void explain_irql_range(struct text *t, uint8_t highest);
/* What becomes of a call that the row describes: "raises STATUS_ACCESS_VIOLATION". */
void explain_outcome(struct text *t, const struct routine *r, const struct failure *f);
/* Whether a tag of preset_sources stands in parentheses in a price's source. */
bool explain_has_tag(const char *source, const char *tag);

void explain_routine(struct text *t, const struct routine *r);
void explain_rule(struct text *t, const struct rule *r);
void explain_cost(struct text *t, enum cost cost);
void explain_routine_json(struct text *t, const struct routine *r);
void explain_rule_json(struct text *t, const struct rule *r);
void explain_cost_json(struct text *t, enum cost cost);
