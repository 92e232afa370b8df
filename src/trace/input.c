/* Reading bytes from files, standard input and memory, with zstd undone where the build has
 * libzstd. */
/* open, read and O_CLOEXEC are of POSIX.1-2008, section 2.2.1. */
#define _POSIX_C_SOURCE 200809L
#include "trace/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#ifdef MDLSIM_HAVE_ZSTD
#include <zstd.h>
#endif

static size_t read_raw(struct trace_input *in, char *to, size_t most)
{
    if (in->file < 0) {
        size_t left = in->source.length - in->at;
        size_t count = left < most ? left : most;
        if (count > 0) memcpy(to, in->source.bytes + in->at, count);
        in->at += count;
        return count;
    }
    ssize_t count = read(in->file, to, most); /* EINTR: a signal that ends the program */
    if (count < 0) {
        in->problem = strerror(errno);
        return 0;
    }
    return (size_t)count;
}

/* More raw bytes behind those in the chunk; false at the end. */
static bool chunk_more(struct trace_input *in)
{
    if (in->chunk_start == in->chunk_end) in->chunk_start = in->chunk_end = 0;
    size_t room = INPUT_CHUNK_BYTES - in->chunk_end;
    if (room == 0) return true;
    size_t count = read_raw(in, in->chunk + in->chunk_end, room);
    in->chunk_end += count;
    return count > 0;
}

/* Magic_Number of a Zstandard frame, RFC 8878 section 3.1.1. */
static bool is_zstd(const char *bytes, size_t length)
{
    return length >= 4 && memcmp(bytes, "\x28\xB5\x2F\xFD", 4) == 0;
}

#ifdef MDLSIM_HAVE_ZSTD
static void decoder_open(struct trace_input *in)
{
    in->decoder = ZSTD_createDStream();
    if (in->decoder == NULL) in->problem = "out of memory for the zstd decoder";
}

static size_t read_decoded(struct trace_input *in, char *to, size_t most)
{
    ZSTD_outBuffer out = { to, most, 0 };
    while (out.pos == 0) {
        if (in->chunk_start == in->chunk_end && !chunk_more(in)) {
            if (in->frame_open && in->problem == NULL) {
                in->problem = "is cut off inside its zstd frame";
                in->corrupt = true;
            }
            return 0;
        }
        ZSTD_inBuffer raw = { in->chunk + in->chunk_start, in->chunk_end - in->chunk_start, 0 };
        size_t left = ZSTD_decompressStream(in->decoder, &out, &raw);
        in->chunk_start += raw.pos;
        if (ZSTD_isError(left)) {
            in->problem = ZSTD_getErrorName(left);
            in->corrupt = true;
            return 0;
        }
        in->frame_open = left != 0;
    }
    return out.pos;
}

static void decoder_close(struct trace_input *in)
{
    ZSTD_freeDStream(in->decoder);
}
#else
static void decoder_open(struct trace_input *in)
{
    in->problem = "is compressed with zstd, which this build of mdlsim cannot read; "
                  "decompress it first: zstd -d FILE";
    in->corrupt = true;
}

static size_t read_decoded(struct trace_input *in, char *to, size_t most)
{
    UNUSED(in);
    UNUSED(to);
    UNUSED(most);
    return 0;
}

static void decoder_close(struct trace_input *in)
{
    UNUSED(in);
}
#endif

bool trace_input_open(struct trace_input *in, const struct trace_source *source,
                      const struct allocator *from)
{
    *in = (struct trace_input){ .from = from, .source = *source, .file = -1 };
    in->chunk = mem_new(from, INPUT_CHUNK_BYTES, 1);
    if (source->bytes == NULL) {
        bool standard = strcmp(source->name, "-") == 0;
        in->file = standard ? STDIN_FILENO : open(source->name, O_RDONLY | O_CLOEXEC);
        if (in->file < 0) {
            in->problem = strerror(errno);
            return false;
        }
    }
    while (in->chunk_end < 4 && chunk_more(in)) continue;
    if (in->problem == NULL && is_zstd(in->chunk, in->chunk_end)) decoder_open(in);
    return in->problem == NULL;
}

size_t trace_input_read(struct trace_input *in, char *to, size_t most)
{
    if (in->problem != NULL) return 0;
    if (in->decoder != NULL) return read_decoded(in, to, most);
    size_t ahead = in->chunk_end - in->chunk_start;
    if (ahead == 0) return read_raw(in, to, most);
    size_t count = ahead < most ? ahead : most;
    memcpy(to, in->chunk + in->chunk_start, count);
    in->chunk_start += count;
    return count;
}

void trace_input_close(struct trace_input *in)
{
    if (in->decoder != NULL) decoder_close(in);
    if (in->file > STDIN_FILENO) close(in->file);
    if (in->chunk != NULL) mem_free(in->from, in->chunk, INPUT_CHUNK_BYTES, 1);
    *in = (struct trace_input){ .file = -1 };
}
