/* Paths of values, the patterns that select them, and tolerances. */
#pragma once

#include "trace/diff.h"

/* True when the pattern matches the path or a part of it that ends before a dot. */
bool path_matches(const char *pattern, size_t length, const char *path);
/* |b - a|. */
uint64_t number_distance(int64_t a, int64_t b);
bool tolerance_allows(const struct diff_tolerance *t, int64_t a, int64_t b);
/* Appends (b - a) / |a| as "+12.50%", rounded to the nearest (half away from zero); "-" when a is
 * 0. */
void text_percent(struct text *t, int64_t a, int64_t b);
