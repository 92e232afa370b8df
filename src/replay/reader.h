/* Opens a memory-access trace and streams its records in bounded memory, whatever its length. */
#pragma once

#include "base/text.h"
#include "model/access.h"

struct trace_reader;

/* Names of the formats, NULL at the end. */
extern const char *const reader_formats[];

/* Opens `path` ("-" is standard input; a pipe will do) and reads its beginning. `format` is one of
 * reader_formats, or NULL to be told by the content. NULL on failure, with one line of message
 * added to `error`, "NAME: error: ..." or "NAME:LINE:COLUMN: error: ..." without a line end:
 * nothing there, not readable, a directory, an unknown format, or not one record in it. `from` must
 * outlive the reader. */
struct trace_reader *reader_open(const char *path, const char *format,
                                 const struct allocator *from, struct text *error);
/* The records; valid until the reader is closed. The first bad line ends the trace with an error:
 * no line is passed over that is not known to be no record. */
struct access_source reader_source(struct trace_reader *reader);
/* Name of the format, one of reader_formats. */
const char *reader_format(const struct trace_reader *reader);
/* The message of the error that ended the trace, "" when there is none. */
const char *reader_error(const struct trace_reader *reader);
/* Lines read so far, those that hold no record included; the bad one is not. */
uint64_t reader_lines(const struct trace_reader *reader);
/* Records handed out so far. */
uint64_t reader_records(const struct trace_reader *reader);
void reader_close(struct trace_reader *reader); /* NULL does nothing */
