/* Located messages about a user's input, collected so that one run reports every independent
 * mistake of a file (the first 20 in the order of the file). */
#pragma once

#include "base/alloc.h"
#include "base/text.h"

struct where {
    uint32_t file;         /* index into the files of the diags, 0 = the main file */
    uint32_t line, column; /* from 1; 0 = no position */
};

struct diag {
    struct where where;
    const char *path;    /* "threads.rx.steps[3].IoAllocateMdl.Length", "" when none */
    const char *message; /* one sentence, lower case, no full stop */
    uint32_t order;      /* tie-break: order of arrival */
};

/* One input file as the messages need it: its name as the user gave it, its text for the caret. */
struct diag_file {
    const char *name;
    const char *bytes;
    size_t length;
    char sha256[65]; /* lower-case hex of the bytes */
};

struct diags {
    struct arena arena;
    struct diag *list;
    size_t count, capacity;
    uint64_t dropped; /* messages after the first DIAG_KEPT_MAX: only counted */
    struct diag_file *files;
    size_t file_count, file_capacity;
};

enum { DIAG_SHOWN_MAX = 20, DIAG_KEPT_MAX = 1000 };

void diags_init(struct diags *d, const struct allocator *from);
void diags_free(struct diags *d);
/* Adds a file; name and bytes must live as long as d (use d->arena). Returns its index. A byte
 * order mark at the start is no part of line 1. */
uint32_t diags_add_file(struct diags *d, const char *name, const char *bytes, size_t length);
/* Adds a message; path may be NULL. The texts are copied. */
void diag_add(struct diags *d, struct where where, const char *path, const char *message);
/* Same, message by text_format. */
void diag_format(struct diags *d, struct where where, const char *path, const char *format, ...);
/* Appends all (at most DIAG_SHOWN_MAX, sorted by file, line, column, arrival), compiler style:
 *   NAME:LINE:COL: error: MESSAGE [at PATH]
 *      LINE | source line, tabs kept, cut to fit, control characters escaped
 *           |     ^
 * then "N more errors" where there are. Columns count characters (UTF-8 code points) from 1.
 * Without a line the message starts at "error:"; without a column there is neither COL nor a
 * caret. */
void diags_print(const struct diags *d, struct text *out);
/* Into the order of printing. */
void diags_sort(struct diags *d);
