/* Writes memory-access traces: mdlsim's packed format, and text for other programs. */
#pragma once

#include "base/text.h"
#include "model/access.h"

struct trace_writer;

/* Names of the formats, NULL at the end. */
extern const char *const writer_formats[];

/* `format` is one of writer_formats. `write` is handed the bytes in order and returns false when it
 * cannot: nothing more is written then. */
struct trace_writer *writer_open(const char *format, const struct allocator *from,
                                 bool (*write)(void *context, const char *bytes, size_t length),
                                 void *context);
/* False when a write failed, or a record has no form in the format: writer_error then says which.
 */
bool writer_add(struct trace_writer *w, const struct access *records, size_t count);
bool writer_finish(struct trace_writer *w);
/* "record N ...", "" when there is no error or it is one of `write`. */
const char *writer_error(const struct trace_writer *w);
uint64_t writer_bytes(const struct trace_writer *w); /* written so far */
void writer_close(struct trace_writer *w);
