/* Reference pages in Markdown, printed from the tables that the program itself uses. */
#pragma once

#include "base/text.h"

struct manual_page {
    const char *name, *summary;
    void (*print)(struct text *out);
};
extern const struct manual_page manual_pages[]; /* ends with a NULL name */

/* A cell of a table, or other plain text; what stands between ` is code. NULL: nothing. */
void manual_cell(struct text *t, const char *s);

void manual_commands(struct text *out);
void manual_scenario(struct text *out);
void manual_routines(struct text *out);
void manual_rules(struct text *out);
void manual_costs(struct text *out);
void manual_statistics(struct text *out);
void manual_constants(struct text *out);
