/* Reading one input file. A FIFO or a device could keep us waiting for ever: only regular files are
 * opened by name, and for pipes there is "-". */
#define _POSIX_C_SOURCE 200809L

#include "scenario/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 256 * 1024 };

static const char *errno_words(int error)
{
    switch (error) {
    case ENOENT: return "no such file";
    case EACCES: return "permission denied";
    case EPERM: return "permission denied";
    case ENOTDIR: return "a part of the path is not a folder";
    case ELOOP: return "too many symbolic links";
    case ENAMETOOLONG: return "the name is too long";
    case EISDIR: return "it is a folder";
    case ENXIO: return "it is a socket or a device without a driver";
    case EMFILE: return "too many open files";
    case ENFILE: return "too many open files";
    case EBADF: return "it is not open for reading";
    case EINTR: return "a signal came";
    case EIO: return "an input/output error";
    default: return "the system refuses it";
    }
}

static const char *mode_words(mode_t mode)
{
    if (S_ISDIR(mode)) return "it is a folder";
    if (S_ISFIFO(mode)) return "it is a pipe; use '-' to read standard input";
    if (S_ISSOCK(mode)) return "it is a socket";
    return "it is a device; use '-' to read standard input";
}

/* Bytes read up to `room`; less only at the end. False with errno set on an error. */
static bool read_fully(int fd, char *to, size_t room, size_t *length)
{
    *length = 0;
    while (*length < room) {
        ssize_t n = read(fd, to + *length, room - *length);
        if (n == 0) return true;
        if (n > 0) {
            *length += (size_t)n;
            continue;
        }
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        bool again = errno == EAGAIN || errno == EWOULDBLOCK;
        if (!again || poll(&wait, 1, -1) < 0) return false; /* EINTR: a signal that ends the run */
    }
    return true;
}

static enum input_result read_regular(int fd, uint64_t most, struct arena *arena,
                                      struct input *out, const char **why)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        *why = errno_words(errno);
        return INPUT_UNREADABLE;
    }
    if (!S_ISREG(status.st_mode)) {
        *why = mode_words(status.st_mode);
        return INPUT_UNREADABLE;
    }
    out->regular = true;
    out->device = (uint64_t)status.st_dev;
    out->inode = (uint64_t)status.st_ino;
    if (status.st_size < 0 || (uint64_t)status.st_size > most) return INPUT_TOO_LONG;
    out->length = (size_t)status.st_size;
    out->bytes = out->room = arena_raw(arena, out->length + 1);
    out->fd = fd;
    return INPUT_READ;
}

/* The last piece asks for one byte more than there should be. */
const char *input_fetch(struct input *input, size_t end)
{
    if (input->fd < 0 || end <= input->fetched) return NULL;
    size_t piece = end - input->fetched > PIECE_BYTES ? end - input->fetched : PIECE_BYTES;
    size_t room = input->length + 1 - input->fetched, length = 0;
    if (piece > room) piece = room;
    if (!read_fully(input->fd, input->room + input->fetched, piece, &length)) {
        return errno_words(errno);
    }
    input->fetched += length;
    if (input->fetched > input->length) return "it grows while it is read";
    if (length < piece) {
        input->length = input->fetched;
        input_close(input);
    }
    return NULL;
}

void input_close(struct input *input)
{
    if (input->fd >= 0) close(input->fd);
    input->fd = -1;
}

/* Standard input has no length beforehand: a buffer that doubles, then one copy in the arena. */
static enum input_result read_stream(int fd, uint64_t most, struct arena *arena,
                                     struct input *out, const char **why)
{
    const struct allocator *from = arena->from;
    size_t capacity = 0;
    char *buffer = NULL;
    enum input_result result = INPUT_READ;
    for (;;) {
        size_t room = capacity ? capacity : 64 * KIB;
        if (room > most + 1 - out->length) room = (size_t)(most + 1 - out->length);
        buffer = from->resize(from->context, buffer, capacity, out->length + room);
        capacity = out->length + room;
        size_t length = 0;
        if (!read_fully(fd, buffer + out->length, room, &length)) {
            *why = errno_words(errno);
            result = INPUT_UNREADABLE;
            break;
        }
        out->length += length;
        if (out->length > most) result = INPUT_TOO_LONG;
        if (length < room || result != INPUT_READ) break;
    }
    if (result == INPUT_READ) out->bytes = arena_text(arena, buffer, out->length);
    out->fetched = out->length;
    from->resize(from->context, buffer, capacity, 0);
    return result;
}

enum input_result input_read(const char *name, uint64_t most, struct arena *arena,
                             struct input *out, const char **why)
{
    *out = (struct input){ .bytes = "", .fd = -1 };
    *why = "";
    if (strcmp(name, "-") == 0) return read_stream(STDIN_FILENO, most, arena, out, why);
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        *why = errno_words(errno);
        return INPUT_UNREADABLE;
    }
    enum input_result result = read_regular(fd, most, arena, out, why);
    if (result != INPUT_READ) close(fd);
    return result;
}
