/* Colours of reports on a terminal. */
#pragma once

#include "base/text.h"

/* The values of every --color option: "auto", "always", "never"; ends with NULL. */
extern const char *const color_choices[];
/* Appends lines of a report, what is gone in red and what is new in green (the marks of diff). */
void color_lines(struct text *out, const char *lines, size_t length);
