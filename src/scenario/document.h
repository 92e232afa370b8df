/* A scenario as a tree of located YAML values (scenario format, sections 2 and 10). Nothing here
 * knows the vocabulary of a scenario: values are text, typed later by the field they stand in. */
#pragma once

#include "base/diag.h"
#include "scenario/limits.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

/* 64 bytes, one line of a cache: a file may hold a million of them. */
struct node {
    struct where where; /* of the value's first character */
    enum node_kind kind;
    const struct node *parent; /* NULL at the top */
    const char *key_in_parent; /* NULL unless the parent is a map */
    uint32_t index_in_parent;
    uint32_t count;      /* of items; 0 for a scalar */
    struct node **items; /* list items, or map values */
    union {
        struct { /* of a scalar */
            const char *text; /* NUL-terminated copy that holds no other NUL */
            uint32_t length;
            bool quoted; /* only shields from YAML, never a type */
        };
        struct { /* of a map, in the order of the file; merged keys where `<<` stood */
            const char **keys;
            struct where *key_where;
        };
    };
};

/* A file that was read because of an `include`, in the order of reading; each file once. */
struct document_include {
    const char *name; /* relative to the main file's folder, free of host paths */
    uint32_t file;    /* index into the diags' files, which have its SHA-256 */
};

/* What there is to know about a loaded document besides its tree. */
struct document_info {
    bool unreadable; /* a file is missing or cannot be read (exit status 66, not 65) */
    uint32_t file;   /* of the main file among the diags' files */
    const struct document_include *includes;
    size_t include_count;
};

/* Reads the file `name` ("-": standard input) and all that it includes. NULL when there were
 * errors, all of them in diags. The tree lives in `arena`, the bytes of the files in diags.
 * `info` may be NULL. */
struct node *document_load(const char *name, const struct scenario_limits *limits,
                           struct diags *diags, struct arena *arena, struct document_info *info);

/* `--set PATH=VALUE`: PATH as in error messages (a.b[2].c), VALUE YAML text. Missing maps and keys
 * are made, for the later check of names to judge; an index past the end, a way through a scalar, a
 * name that the user chose (in vars, processes, buffers ...) and the file lacks are errors. Created
 * nodes belong to a file "--set" of diags. False, and a message in diags, on error. */
bool document_override(struct node *root, const char *assignment, struct diags *diags,
                       struct arena *arena);

/* Value of a map's key, NULL when there is none or the node is no map. */
const struct node *node_get(const struct node *map, const char *key);
/* Appends the way to a node: threads.rx.steps[3].IoAllocateMdl.Length; keys with characters of
 * the path's own stand as ["$mdl.Next"]; keys beyond 80 bytes are cut. Nothing for the top. */
void node_path(const struct node *node, struct text *out);
