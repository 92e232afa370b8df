/* A growing byte buffer with the few conversions that messages and JSON need, without stdio:
 * the same bytes in every locale. */
#pragma once

#include "base/alloc.h"
#include "base/types.h"

#include <stdarg.h>

struct text {
    const struct allocator *from;
    char *bytes; /* NUL-terminated whenever capacity > 0 */
    size_t length, capacity;
};

void text_init(struct text *t, const struct allocator *from);
void text_free(struct text *t);
void text_clear(struct text *t);              /* keeps the memory */
const char *text_string(const struct text *t); /* "" when empty; valid until the next change */
/* Room for that many more bytes and a NUL. The caller fills it, adds to length, and writes the NUL
 * (text_string does too). */
char *text_room(struct text *t, size_t bytes);
void text_bytes(struct text *t, const char *bytes, size_t length);
void text_put(struct text *t, const char *string);
void text_char(struct text *t, char c);
void text_u64(struct text *t, uint64_t n);    /* decimal */
void text_i64(struct text *t, int64_t n);
void text_hex(struct text *t, uint64_t n);    /* "0x" and upper-case digits, no leading zeros */
/* What was put from offset `start` on moves right, so that it is `width` bytes wide at least. */
void text_right(struct text *t, size_t start, size_t width);
/* A small printf: %s string, %u uint64_t, %d int64_t, %x as text_hex, %c char (as int), %% .
 * Arguments must have exactly these types (cast integers). */
void text_format(struct text *t, const char *format, ...);
void text_format_list(struct text *t, const char *format, va_list arguments);
/* Bytes of the UTF-8 character at s (RFC 3629), 1 to 4; 0 when it is none or length is 0. */
size_t utf8_length(const char *s, size_t length);
/* Bytes at the front of a text that are ASCII. */
size_t ascii_length(const char *s, size_t length);
/* s as the inside of a JSON string (RFC 8259): quotes, backslash and control bytes escaped; bytes
 * that are not UTF-8 become U+FFFD. */
void text_json(struct text *t, const char *s, size_t length);
/* s for a terminal or a message: control characters (C0, DEL, C1) and broken UTF-8 as \xNN. When s
 * is longer than `most` bytes, only the whole characters within them are shown, then "...". */
void text_quoted(struct text *t, const char *s, size_t length, size_t most);

bool string_equal(const char *a, const char *b);
/* Damerau-Levenshtein distance in bytes (insert, delete, replace, swap neighbours; what was swapped
 * is not edited again), at most `limit` + 1. Strings above 128 bytes are equal or too far. */
unsigned string_distance(const char *a, const char *b, unsigned limit);
/* The one of `candidates` (count entries) nearest to `word` (distance up to a third of its length,
 * 1 below six bytes, 0 for one byte; letter case counts less, then the longer beginning in common;
 * first of equals), else the shortest that begins with `word`, else NULL. */
const char *string_nearest(const char *word, const char *const *candidates, size_t count);
