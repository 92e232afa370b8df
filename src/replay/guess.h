/* Tells the format of a trace by how it begins. */
#pragma once

#include "replay/parse.h"

extern const struct trace_format *const trace_formats[]; /* NULL at the end */

/* So many bytes tell a binary format, or all of a shorter trace. */
enum { GUESS_BYTES = 4096, GUESS_BYTES_MIN = 8 };

const struct trace_format *guess_by_name(const char *name); /* NULL when there is none */
/* May these first bytes (at least GUESS_BYTES_MIN) be of a binary format? */
bool guess_is_binary(const char *at);
/* The binary format that all whole records within the first `length` bytes fit. NULL: none or, with
 * *several set, more than one. */
const struct trace_format *guess_binary(const char *at, size_t length, bool *several);
/* Is this line a remark of the format, of any when it is NULL? */
bool guess_is_remark(const struct trace_format *format, const char *at, const char *end);

enum guess { GUESS_NOTHING, GUESS_FORMAT, GUESS_UNKNOWN };
/* By one line of text without its end: a record's (GUESS_FORMAT, *format set), blank or a remark
 * (GUESS_NOTHING), or anything else. */
enum guess guess_by_line(const char *at, const char *end, const struct trace_format **format);
