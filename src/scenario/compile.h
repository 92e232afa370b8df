/* From the located document to the program that the core runs (scenario format, sections 2 to 10).
 * Everything that needs no simulated state is found here, all independent mistakes in one pass. */
#pragma once

#include "scenario/document.h"
#include "sim/program.h"

/* The program of a scenario, in `arena` together with all it points to; texts may be those of the
 * document, which must live as long. NULL when there was any error, each of them in diags. The
 * verifier's levels, the memory layout and all other defaults are resolved in program->config. */
const struct program *scenario_compile(const struct node *root, struct diags *diags,
                                       struct arena *arena);

/* One key of a mapping in a scenario: the reader accepts exactly these, and the schema and the
 * manual print them. */
struct scenario_key {
    const char *key;
    const char *type; /* for people: "a size", "a mapping" ... */
    bool required;
    const char *doc; /* one sentence */
};

/* The keys of one kind of mapping. */
struct scenario_section {
    const char *name; /* "machine", "machine.cpu" ...; "*" stands for a name that the user chose */
    const struct scenario_key *keys; /* ends with a NULL key */
};

extern const struct scenario_section scenario_sections[]; /* ends with a NULL name */
/* The actions of a step that are no routines, as keys of a step: ends with NULL. */
extern const char *const scenario_actions[];
