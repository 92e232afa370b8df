/* Compares jansson values by path under the options of a diff, and files what differs. */
#pragma once

#include "trace/align.h"
#include "trace/diff.h"
#include "trace/idmap.h"

struct json_t;

enum compare_part {
    COMPARE_HEAD,  /* differences are notices */
    COMPARE_EVENT, /* differences go to result->events */
    COMPARE_TAIL,  /* ... to result->statistics */
};

struct compare {
    struct diff_result *result;
    const struct diff_options *options;
    const struct allocator *from;
    struct idmap ids;
    bool *only_met; /* one for each of options->onlys: some path matched it */
    struct text path, a_text, b_text;
    enum compare_part part;
    const char *call; /* of the rows that are filed, with the rest of their place */
    uint64_t a_event, b_event, line;
    uint64_t changes; /* differences filed, notices not counted */
};

void compare_init(struct compare *c, struct diff_result *result, const struct diff_options *options,
                  const struct allocator *from);
void compare_free(struct compare *c);
/* True when the options ask for this path to be compared. */
bool compare_selects(struct compare *c, const char *path);
/* Compares two values under the name `key`, which starts a path. Either may be NULL: not there. */
void compare_part(struct compare *c, const char *key, struct json_t *a, struct json_t *b);
/* Compares the fields of two matched events or findings under the path `key`. */
void compare_items(struct compare *c, const char *key, struct json_t *a, struct json_t *b);
/* The same for the texts of two events, both found good by scan.h: what is equal is passed over,
 * and only values that differ are parsed. False when compare_items() must do it. */
bool compare_texts(struct compare *c, const char *key, const char *a, size_t a_length,
                   const char *b, size_t b_length);
/* Lengthens the path by a key; returns the length to which compare_leave() cuts it again. */
size_t compare_enter(struct compare *c, const char *key, size_t key_length);
void compare_leave(struct compare *c, size_t length);
/* Compares two values at the path. Either may be NULL: not there. */
void compare_values(struct compare *c, struct json_t *a, struct json_t *b);
/* Whether a member of an event or finding is never compared. */
bool compare_skips(const char *key, size_t length);
/* Files something without a counterpart under the path `key` (`events`, `violations`, `leaks`). */
void compare_alone(struct compare *c, const char *key, enum diff_kind kind);
/* Matches two lists of findings (by `name_key`, then `whole_key`) and compares them. */
void compare_lists(struct compare *c, struct aligner *aligner, const char *key,
                   const char *name_key, const char *whole_key, struct json_t *a, struct json_t *b);
