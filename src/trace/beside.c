/* Compares a trace that comes in pieces with a stored one. */
#include "trace/beside.h"

#include <string.h>

/* From here on everything is kept; what was the same is the stored trace's own beginning. */
static void part(struct beside *b)
{
    struct trace_input again;
    uint64_t left = b->same_bytes;
    b->differs = true;
    if (left == 0) return;
    bool open = trace_input_open(&again, &b->stored, b->from);
    while (open && left > 0) {
        size_t most = left < INPUT_CHUNK_BYTES ? (size_t)left : INPUT_CHUNK_BYTES;
        size_t count = trace_input_read(&again, b->chunk, most);
        if (count == 0) break;
        text_bytes(&b->bytes, b->chunk, count);
        left -= count;
    }
    b->lost = left > 0;
    trace_input_close(&again);
}

void beside_begin(struct beside *b, const struct trace_source *stored,
                  const struct allocator *from)
{
    *b = (struct beside){ .from = from, .stored = *stored };
    text_init(&b->bytes, from);
    b->chunk = mem_new(from, INPUT_CHUNK_BYTES, 1);
    if (!trace_input_open(&b->input, stored, from)) part(b);
}

/* Some of the stored bytes are there; false at their end. */
static bool has_stored(struct beside *b)
{
    if (b->start < b->end) return true;
    b->start = 0;
    b->end = trace_input_read(&b->input, b->chunk, INPUT_CHUNK_BYTES);
    return b->end > 0;
}

bool beside_write(void *context, const char *bytes, size_t length)
{
    struct beside *b = context;
    size_t done = 0;
    while (!b->differs && done < length) {
        size_t count = has_stored(b) ? b->end - b->start : 0;
        if (count > length - done) count = length - done;
        if (count == 0 || memcmp(b->chunk + b->start, bytes + done, count) != 0) {
            part(b);
            break;
        }
        b->start += count;
        b->same_bytes += count;
        done += count;
    }
    if (b->differs) text_bytes(&b->bytes, bytes + done, length - done);
    return true;
}

bool beside_end(struct beside *b)
{
    if (!b->differs && (has_stored(b) || b->input.problem != NULL)) part(b);
    return !b->differs;
}

void beside_free(struct beside *b)
{
    trace_input_close(&b->input);
    mem_free(b->from, b->chunk, INPUT_CHUNK_BYTES, 1);
    text_free(&b->bytes);
}
