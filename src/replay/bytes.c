/* Files of traces: opening, reading, undoing compression, and what can be wrong with them. */
#define _POSIX_C_SOURCE 200809L

#include "replay/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 64 * 1024 };

static const struct unpacker *const unpackers[] = { &gzip_unpacker, &xz_unpacker, &zstd_unpacker };

bool bytes_fail(struct trace_bytes *b, const char *what, int error)
{
    text_format(&b->error, "%s: error: %s", text_string(&b->name), what);
    if (error != 0) text_format(&b->error, ": %s", strerror(error));
    return false;
}

static bool failed(const struct trace_bytes *b)
{
    return b->error.length > 0;
}

static bool open_file(struct trace_bytes *b)
{
    struct stat status;
    bool is_standard_input = string_equal(b->path, "-");
    if (is_standard_input)
        text_put(&b->name, "stdin");
    else
        text_quoted(&b->name, b->path, strlen(b->path), SIZE_MAX);
    b->owns_file = !is_standard_input;
    b->file = is_standard_input ? STDIN_FILENO : open(b->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (b->file < 0 || fstat(b->file, &status) != 0) return bytes_fail(b, "cannot open", errno);
    if (S_ISDIR(status.st_mode)) return bytes_fail(b, "is a directory, not a trace", 0);
    off_t start = lseek(b->file, 0, SEEK_CUR);
    b->is_regular = S_ISREG(status.st_mode) && start >= 0;
    if (b->is_regular) b->size_bytes = (uint64_t)status.st_size;
    if (b->is_regular) b->start_bytes = (uint64_t)start;
    return true;
}

/* What was read of a file that grew is its beginning at best: the last record may be half there. */
static void check_size(struct trace_bytes *b)
{
    struct stat status;
    if (!b->is_regular || fstat(b->file, &status) != 0) return;
    if (status.st_size == 0 && b->size_bytes == 0) return; /* as files of /proc are */
    uint64_t seen = b->start_bytes + b->read_bytes;
    if ((uint64_t)status.st_size == b->size_bytes && seen == b->size_bytes) return;
    text_format(&b->error,
                "%s: error: the file changed while it was read: it had %u bytes, and now %u, of "
                "which %u were read",
                text_string(&b->name), b->size_bytes, (uint64_t)status.st_size, seen);
}

static size_t read_file(struct trace_bytes *b, void *to, size_t most)
{
    if (b->at_end || failed(b)) return 0;
    ssize_t got = read(b->file, to, most); /* EINTR: a signal that ends the run */
    if (got < 0) {
        bytes_fail(b, "cannot read", errno);
        return 0;
    }
    b->at_end = got == 0;
    if (b->at_end) check_size(b);
    b->read_bytes += (uint64_t)got;
    return (size_t)got;
}

static bool choose_unpacker(struct trace_bytes *b)
{
    for (size_t i = 0; i < COUNT_OF(unpackers); i++) {
        const struct unpacker *u = unpackers[i];
        if (b->chunk_end < u->magic_bytes || memcmp(b->chunk, u->magic, u->magic_bytes) != 0)
            continue;
        if (u->refusal != NULL) return bytes_fail(b, u->refusal, 0);
        b->unpacker = u;
        b->state = u->open();
        if (b->state == NULL) return bytes_fail(b, "no memory to decompress it", 0);
    }
    return true;
}

bool bytes_open(struct trace_bytes *b, const char *path, const struct allocator *from)
{
    *b = (struct trace_bytes){ .from = from, .path = path, .file = -1 };
    text_init(&b->name, from);
    text_init(&b->error, from);
    if (!open_file(b)) return false;
    b->chunk = mem_new(from, CHUNK_BYTES, 1);
    while (b->chunk_end < UNPACK_MAGIC_BYTES_MAX && !b->at_end && !failed(b)) {
        size_t room = UNPACK_MAGIC_BYTES_MAX - b->chunk_end;
        b->chunk_end += read_file(b, b->chunk + b->chunk_end, room);
    }
    return !failed(b) && choose_unpacker(b);
}

static void damaged(struct trace_bytes *b, const char *why)
{
    uint64_t at = b->start_bytes + b->read_bytes - (b->chunk_end - b->chunk_at);
    text_format(&b->error, "%s: error: damaged %s data at byte %u or before: %s",
                text_string(&b->name), b->unpacker->name, at, why);
}

static void cut_off(struct trace_bytes *b)
{
    text_format(&b->error, "%s: error: cut off inside its %s data, after byte %u",
                text_string(&b->name), b->unpacker->name, b->start_bytes + b->read_bytes);
}

static size_t read_unpacked(struct trace_bytes *b, uint8_t *to, size_t most)
{
    struct unpack_io io = { .out = to, .out_left = most };
    while (io.out_left == most && !failed(b)) {
        if (b->chunk_at == b->chunk_end && !b->at_end) {
            b->chunk_at = 0;
            b->chunk_end = read_file(b, b->chunk, CHUNK_BYTES);
            if (failed(b)) break;
        }
        io.in = b->chunk + b->chunk_at;
        io.in_left = b->chunk_end - b->chunk_at;
        bool ended = b->at_end, had_input = io.in_left > 0;
        const char *why = b->unpacker->run(b->state, &io, ended, &b->whole);
        b->chunk_at = b->chunk_end - io.in_left;
        if (why != NULL) damaged(b, why);
        if (why == NULL && ended && !had_input && io.out_left == most) {
            if (!b->whole) cut_off(b);
            break;
        }
    }
    return most - io.out_left;
}

size_t bytes_read(struct trace_bytes *b, void *to, size_t most)
{
    if (failed(b)) return 0;
    if (b->unpacker != NULL) return read_unpacked(b, to, most);
    size_t ahead = b->chunk_end - b->chunk_at;
    if (ahead == 0) return read_file(b, to, most);
    if (ahead > most) ahead = most;
    memcpy(to, b->chunk + b->chunk_at, ahead);
    b->chunk_at += ahead;
    return ahead;
}

bool bytes_is_regular(const struct trace_bytes *b)
{
    return b->is_regular;
}

bool bytes_can_seek(const struct trace_bytes *b)
{
    return b->is_regular && b->unpacker == NULL;
}

uint64_t bytes_size(const struct trace_bytes *b)
{
    return b->size_bytes - b->start_bytes;
}

bool bytes_read_at(const struct trace_bytes *b, uint64_t offset, void *to, size_t count)
{
    uint64_t at = b->start_bytes + offset;
    return at <= INT64_MAX && pread(b->file, to, count, (off_t)at) == (ssize_t)count;
}

bool bytes_seek(struct trace_bytes *b, uint64_t offset)
{
    uint64_t at = b->start_bytes + offset;
    if (at > INT64_MAX || lseek(b->file, (off_t)at, SEEK_SET) < 0)
        return bytes_fail(b, "cannot go to another place in it", errno);
    b->chunk_at = b->chunk_end;
    b->read_bytes = offset;
    return true;
}

const char *bytes_compression(const struct trace_bytes *b)
{
    return b->unpacker != NULL ? b->unpacker->name : NULL;
}

void bytes_close(struct trace_bytes *b)
{
    if (b->state != NULL) b->unpacker->close(b->state);
    if (b->owns_file && b->file >= 0) close(b->file);
    if (b->chunk != NULL) mem_free(b->from, b->chunk, CHUNK_BYTES, 1);
    text_free(&b->name);
    text_free(&b->error);
}
