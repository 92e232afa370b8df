/* Which format is it? Binary ones have a byte in their first record that no text has; each line of
 * text looks like one format at most, in the order of the table. */
#include "replay/guess.h"

#include "replay/packed.h"

enum { TELLING_BYTE = 7 }; /* padding of a Dinero record, top byte of a user-mode ip: 0 */

const struct trace_format *const trace_formats[] = {
    &xdin_format, &lackey_format,        &din_format,      &csv_format,
    &champsim_format, &dinero_binary_format, &packed_format,   NULL,
};

const struct trace_format *guess_by_name(const char *name)
{
    for (size_t i = 0; trace_formats[i] != NULL; i++)
        if (strcmp(trace_formats[i]->name, name) == 0) return trace_formats[i];
    return NULL;
}

bool guess_is_binary(const char *at)
{
    return at[TELLING_BYTE] == 0;
}

static bool fits_all(const struct trace_format *format, const char *at, size_t length)
{
    if (length < format->record_bytes) return false;
    for (; length >= format->record_bytes; length -= format->record_bytes) {
        if (!format->fits(at)) return false;
        at += format->record_bytes;
    }
    return true;
}

const struct trace_format *guess_binary(const char *at, size_t length, bool *several)
{
    const struct trace_format *found = NULL;
    *several = false;
    if (packed_is_magic(at, length)) return &packed_format;
    if (length > GUESS_BYTES) length = GUESS_BYTES;
    for (size_t i = 0; trace_formats[i] != NULL; i++) {
        const struct trace_format *format = trace_formats[i];
        if (format->record_bytes == 0 || !fits_all(format, at, length)) continue;
        if (found != NULL) *several = true;
        found = format;
    }
    return *several ? NULL : found;
}

bool guess_is_remark(const struct trace_format *format, const char *at, const char *end)
{
    if (format != NULL) return format->is_remark != NULL && format->is_remark(at, end);
    for (size_t i = 0; trace_formats[i] != NULL; i++)
        if (trace_formats[i]->is_remark != NULL && trace_formats[i]->is_remark(at, end))
            return true;
    return false;
}

static bool is_blank(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    return at == end;
}

enum guess guess_by_line(const char *at, const char *end, const struct trace_format **format)
{
    if (is_blank(at, end)) return GUESS_NOTHING;
    if (guess_is_remark(NULL, at, end)) return GUESS_NOTHING;
    for (size_t i = 0; trace_formats[i] != NULL; i++) {
        if (trace_formats[i]->looks_like == NULL || !trace_formats[i]->looks_like(at, end))
            continue;
        *format = trace_formats[i];
        return GUESS_FORMAT;
    }
    return GUESS_UNKNOWN;
}
