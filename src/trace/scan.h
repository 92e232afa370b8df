/* A strict check of JSON grammar (RFC 8259) that finds where a value ends and builds nothing. It
 * slices a trace into events at hundreds of MB/s; jansson then parses only those that matter.
 * Stricter than JSON where trace-format.md is: no fractions, no exponents. */
#pragma once

#include "base/types.h"

enum scan_status {
    SCAN_OK,
    SCAN_MORE, /* the bytes end before the value does */
    SCAN_BAD,  /* at `at`, for the reason `bad` */
};

/* Members of an event that the comparison needs before anything is parsed. */
enum scan_key {
    SCAN_SEQ,
    SCAN_T,
    SCAN_LINE,
    SCAN_FILE, /* never compared */
    SCAN_THREAD,
    SCAN_CALL,
    SCAN_ARGS,
    SCAN_KEYS,
    SCAN_UNCOMPARED = SCAN_THREAD, /* those before it */
};

struct scan_span {
    size_t start, end; /* offsets from `bytes`; end 0: there is none */
};

enum { SCAN_DEPTH_MAX = 64 };

struct scan {
    const char *bytes;
    size_t length;
    size_t at; /* where the value starts; afterwards the first byte behind it */
    const char *bad;
    bool want_members;                   /* fill in the two below, for an object's own members */
    struct scan_span members[SCAN_KEYS]; /* from the key to the next key (or the value's end) */
    struct scan_span values[SCAN_KEYS];
};

enum scan_status scan_value(struct scan *s);
/* The next member of an object whose text was found good: `at` stands at its opening brace, then
 * behind a member. The key with its quotes. False at the end. */
bool scan_next_member(struct scan *s, struct scan_span *key, struct scan_span *value);
