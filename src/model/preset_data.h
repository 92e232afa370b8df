/* The tables behind the presets, for listing and explaining: every parameter with its source, also
 * those that no price uses yet, and what the tags of sources mean. Generated from presets.csv and
 * sources.csv by presets.py. */
#pragma once

#include "model/preset.h"

/* One row of presets.csv. `value` is a decimal number, "none", a policy, or a geometry ("64/4",
 * "64/full", "shared", "none" in the unit "entries/ways"). `source` is one tag or several joined by
 * '+'. `note` may be empty, no other member is. */
struct preset_parameter {
    const char *preset, *parameter, *value, *unit, *source, *note;
};

struct preset_source {
    const char *tag, *title;
};

extern const struct preset_parameter preset_parameters[]; /* ends with a NULL preset */
extern const struct preset_source preset_sources[];       /* ends with a NULL tag */

/* The row of that preset and parameter; NULL when unknown. */
const struct preset_parameter *preset_parameter_find(const char *preset, const char *parameter);
/* What a single tag stands for; NULL when unknown. */
const char *preset_source_title(const char *tag);
