/* JSON Schemas (draft-07) of what mdlsim reads and writes, printed from the tables that reading
 * and writing use. */
#pragma once

#include "base/text.h"

enum schema_which { SCHEMA_SCENARIO, SCHEMA_TRACE };

/* Appends the schema, a JSON document with a newline at its end. */
void schema_print(enum schema_which which, struct text *out);

/* ---- parts of the printer ---- */

struct names;

/* The text with every apostrophe as a quotation mark: JSON that is readable in C. */
void schema_put(struct text *t, const char *json);
/* A pattern of names joined by '|', with 0x numbers; a whole JSON string. */
void schema_put_flags_pattern(struct text *t, const struct names *names);
/* A list of the names as JSON strings, without brackets. */
void schema_put_names(struct text *t, const struct names *names);
/* The definitions os, preset and rule, each with what it may be, and a comma after each. */
void schema_put_tables(struct text *t);
void schema_print_trace(struct text *out);
void schema_print_scenario(struct text *out);
/* What only replays have: phases and curves. */
extern const char schema_replay_definitions[];
