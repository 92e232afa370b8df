/* Traces as text, and the packed writer behind the same interface. */
#include "replay/writer.h"

#include "replay/packed.h"

#include <string.h>

enum { BUFFER_BYTES = 256 * 1024, LINE_BYTES_MAX = 64, LACKEY_DIGITS = 8, DIN_BYTES = 4 };

struct text_format {
    const char *name, *header;
    /* Appends the line of a record; false when it has none. */
    bool (*put)(struct trace_writer *w, const struct access *a);
    const char *refusal; /* what put() refuses */
};

struct trace_writer {
    const struct allocator *from;
    const struct text_format *format;
    struct packed_writer *packed; /* NULL: text */
    bool (*write)(void *context, const char *bytes, size_t length);
    void *context;
    bool failed;
    uint64_t records, bytes;
    struct text error;
    size_t length;
    char buffer[BUFFER_BYTES];
};

static void put_text(struct trace_writer *w, const char *string)
{
    size_t length = strlen(string);
    memcpy(w->buffer + w->length, string, length);
    w->length += length;
}

static void put_hex(struct trace_writer *w, uint64_t value, unsigned least_digits)
{
    unsigned digits = value == 0 ? 1 : (67 - (unsigned)__builtin_clzll(value)) / 4;
    if (digits < least_digits) digits = least_digits;
    while (digits-- > 0)
        w->buffer[w->length++] = "0123456789abcdef"[value >> (4 * digits) & 15];
}

static void put_decimal(struct trace_writer *w, uint32_t value)
{
    char digits[10];
    unsigned count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    while (count-- > 0)
        w->buffer[w->length++] = digits[count];
}

static bool put_lackey(struct trace_writer *w, const struct access *a)
{
    static const char *const heads[] = { [ACCESS_LOAD] = " L ",
                                         [ACCESS_STORE] = " S ",
                                         [ACCESS_MODIFY] = " M ",
                                         [ACCESS_FETCH] = "I  " };
    put_text(w, heads[a->kind]);
    put_hex(w, a->address, LACKEY_DIGITS);
    put_text(w, ",");
    put_decimal(w, a->size);
    put_text(w, "\n");
    return true;
}

static bool put_din(struct trace_writer *w, const struct access *a)
{
    static const char *const labels[] = { [ACCESS_LOAD] = "0 ", [ACCESS_STORE] = "1 ",
                                          [ACCESS_MODIFY] = NULL, [ACCESS_FETCH] = "2 " };
    if (labels[a->kind] == NULL || a->size != DIN_BYTES || a->address % DIN_BYTES != 0)
        return false;
    put_text(w, labels[a->kind]);
    put_hex(w, a->address, 1);
    put_text(w, "\n");
    return true;
}

static bool put_csv(struct trace_writer *w, const struct access *a)
{
    static const char *const kinds[] = { [ACCESS_LOAD] = "load,0x",
                                         [ACCESS_STORE] = "store,0x",
                                         [ACCESS_MODIFY] = "modify,0x",
                                         [ACCESS_FETCH] = "fetch,0x" };
    put_text(w, kinds[a->kind]);
    put_hex(w, a->address, 1);
    put_text(w, ",");
    put_decimal(w, a->size);
    put_text(w, "\n");
    return true;
}

static const struct text_format text_formats[] = {
    { "lackey", "", put_lackey, NULL },
    { "din", "", put_din, "din has only loads, stores and fetches of 4 bytes at multiples of 4" },
    { "csv", "kind,address,size\n", put_csv, NULL },
};
const char *const writer_formats[] = { "packed", "lackey", "din", "csv", NULL };

struct trace_writer *writer_open(const char *format, const struct allocator *from,
                                 bool (*write)(void *context, const char *bytes, size_t length),
                                 void *context)
{
    struct trace_writer *w = mem_new(from, 1, sizeof *w);
    w->from = from;
    w->write = write;
    w->context = context;
    text_init(&w->error, from);
    for (size_t i = 0; i < COUNT_OF(text_formats); i++)
        if (string_equal(text_formats[i].name, format)) w->format = &text_formats[i];
    if (w->format == NULL)
        w->packed = packed_create(from, write, context);
    else
        put_text(w, w->format->header);
    return w;
}

static bool flush(struct trace_writer *w)
{
    if (!w->failed && w->length > 0) w->failed = !w->write(w->context, w->buffer, w->length);
    w->bytes += w->length;
    w->length = 0;
    return !w->failed;
}

static bool has_no_form(struct trace_writer *w, const struct access *a)
{
    static const char *const kinds[] = { [ACCESS_LOAD] = "load",
                                         [ACCESS_STORE] = "store",
                                         [ACCESS_MODIFY] = "modify",
                                         [ACCESS_FETCH] = "fetch" };
    text_format(&w->error, "record %u, a %s of %u bytes at %x, has no form in %s: %s",
                w->records + 1, kinds[a->kind], (uint64_t)a->size, a->address, w->format->name,
                w->format->refusal);
    w->failed = true;
    return false;
}

bool writer_add(struct trace_writer *w, const struct access *records, size_t count)
{
    if (w->failed) return false;
    if (w->packed != NULL) {
        packed_add(w->packed, records, count);
        w->records += count;
        return true;
    }
    for (size_t i = 0; i < count; i++, w->records++) {
        if (w->length > BUFFER_BYTES - LINE_BYTES_MAX && !flush(w)) return false;
        if (!w->format->put(w, &records[i])) return has_no_form(w, &records[i]);
    }
    return true;
}

bool writer_finish(struct trace_writer *w)
{
    if (w->packed == NULL) return flush(w);
    if (!packed_finish(w->packed)) w->failed = true;
    w->bytes = packed_written_bytes(w->packed);
    return !w->failed;
}

const char *writer_error(const struct trace_writer *w)
{
    return text_string(&w->error);
}

uint64_t writer_bytes(const struct trace_writer *w)
{
    return w->bytes;
}

void writer_close(struct trace_writer *w)
{
    if (w->packed != NULL) packed_writer_free(w->packed);
    text_free(&w->error);
    mem_free(w->from, w, 1, sizeof *w);
}
