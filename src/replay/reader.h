/* Opens a memory-access trace and streams its records in bounded memory, whatever its length. */
#pragma once

#include "base/text.h"
#include "model/access.h"

struct trace_reader;

/* Names of the formats, NULL at the end. */
extern const char *const reader_formats[];

/* Opens `path` ("-" is standard input; a pipe will do), undoes gzip, xz or zstd, and reads the
 * beginning. `format` is one of reader_formats, or NULL to be told by the content. NULL on failure,
 * with one line of message added to `error`, "NAME: error: ..." or "NAME:LINE:COLUMN: error: ..."
 * without a line end: nothing there, not readable, a directory, compressed in a way that this build
 * cannot undo, an unknown format, or not one record in it. `from` must outlive the reader. */
struct trace_reader *reader_open(const char *path, const char *format,
                                 const struct allocator *from, struct text *error);
/* From here on, bad lines and records are counted and passed over instead of ending the trace.
 * Damaged compression, a cut file and the like still end it. */
void reader_skip_bad(struct trace_reader *reader);
/* From here on, lines are parsed on a thread of their own where that can pay: of a plain file, not
 * of a pipe, whose writer may let it wait, nor of a packed trace. Before reader_source(). What the
 * functions below say is then of what was handed out; numbers of lines and records are not known.
 */
void reader_read_ahead(struct trace_reader *reader);
/* From here on, only records of this process or CPU, by a column of a CSV; false when the format
 * has none. */
bool reader_choose_pid(struct trace_reader *reader, uint64_t pid);
bool reader_choose_cpu(struct trace_reader *reader, uint64_t cpu);
/* The records; valid until the reader is closed. The first bad line ends the trace with an error
 * unless reader_skip_bad was called: no line is passed over that is not known to be no record. */
struct access_source reader_source(struct trace_reader *reader);
/* Name of the format, one of reader_formats. */
const char *reader_format(const struct trace_reader *reader);
/* "gzip", "xz", "zstd", or NULL when the file is not compressed. */
const char *reader_compression(const struct trace_reader *reader);
/* The message of the error that ended the trace, "" when there is none. */
const char *reader_error(const struct trace_reader *reader);
/* Lines (records of a binary format) read so far, those that hold no access included; the bad one
 * that ends the trace is not. */
uint64_t reader_lines(const struct trace_reader *reader);
/* Accesses handed out or passed over by skip() so far. */
uint64_t reader_records(const struct trace_reader *reader);
/* Bad lines or records passed over after reader_skip_bad, and the message of the first of them, ""
 * when there is none. */
uint64_t reader_skipped(const struct trace_reader *reader);
const char *reader_first_skipped(const struct trace_reader *reader);
/* Good records that are no access (Dinero's m, c and v) or another process's. */
uint64_t reader_passed_over(const struct trace_reader *reader);
void reader_close(struct trace_reader *reader); /* NULL does nothing */
