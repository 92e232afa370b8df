/* Writing files so that a full disk or an interrupt leaves the old one as it was. */
/* flock and fallocate are no part of POSIX, the rest is of POSIX.1-2008 with XSI. */
#define _GNU_SOURCE
#include "trace/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The part of a long file name that its temporary name keeps: with what is added, at most the 255
 * bytes that file systems take. */
enum { TEMPORARIES_MAX = 256, NAME_BYTES_KEPT = 200, LINKS_MAX = 40 };

/* Names that a signal handler removes; NULL = free. */
static _Atomic(const char *) temporaries[TEMPORARIES_MAX];

void output_remove_temporaries(void)
{
    for (size_t i = 0; i < TEMPORARIES_MAX; i++) {
        const char *name = atomic_load(&temporaries[i]);
        if (name != NULL) unlink(name);
    }
}

static int slot_take(const char *name)
{
    for (int i = 0; i < TEMPORARIES_MAX; i++) {
        const char *none = NULL;
        if (atomic_compare_exchange_strong(&temporaries[i], &none, name)) return i;
    }
    return -1;
}

static void slot_give(struct output *o)
{
    if (o->slot >= 0) atomic_store(&temporaries[o->slot], NULL);
    o->slot = -1;
}

void output_die_of_pipe(void)
{
    output_remove_temporaries();
    signal(SIGPIPE, SIG_DFL);
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigprocmask(SIG_UNBLOCK, &pipe_only, NULL);
    raise(SIGPIPE);
    _exit(128 + SIGPIPE);
}

/* Keeps the first thing that goes wrong. Returns false for the callers' ease. */
static bool trouble(struct output *o, int status, const char *what, int error)
{
    if (o->status != OUTPUT_OK) return false;
    o->status = status;
    text_format(&o->error, "%s: %s: %s", text_string(&o->name), what, strerror(error));
    return false;
}

static bool cannot_create(struct output *o, int error)
{
    return trouble(o, OUTPUT_CANNOT_CREATE, "cannot create", error);
}

static bool busy(struct output *o)
{
    if (o->status != OUTPUT_OK) return false;
    o->status = OUTPUT_BUSY;
    text_format(&o->error, "%s: another process is writing it", text_string(&o->name));
    return false;
}

/* Length of the folder's part of a path, the last slash included. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* Follows symbolic links at the end of the target, also to what does not exist yet. */
static bool follow_links(struct output *o)
{
    for (int links = 0; links < LINKS_MAX; links++) {
        struct stat st;
        const char *path = text_string(&o->target);
        if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode)) return true;
        char to[4097];
        ssize_t length = readlink(path, to, sizeof to - 1);
        if (length < 0) return cannot_create(o, errno);
        if (length == (ssize_t)sizeof to - 1) return cannot_create(o, ENAMETOOLONG);
        o->target.length = to[0] == '/' ? 0 : folder_length(path);
        text_bytes(&o->target, to, (size_t)length);
    }
    return cannot_create(o, ELOOP);
}

static void name_temporary(struct output *o)
{
    const char *path = text_string(&o->target);
    size_t folder = folder_length(path);
    size_t length = strlen(path + folder);
    text_bytes(&o->temporary, path, folder);
    text_char(&o->temporary, '.');
    text_bytes(&o->temporary, path + folder, length < NAME_BYTES_KEPT ? length : NAME_BYTES_KEPT);
    text_put(&o->temporary, ".mdlsim-tmp");
}

/* Removes what an earlier run left behind; the lock tells it from what another one is writing. */
static bool sweep(struct output *o)
{
    const char *path = text_string(&o->temporary);
    struct stat st;
    if (lstat(path, &st) != 0) return errno == ENOENT ? true : cannot_create(o, errno);
    if (S_ISREG(st.st_mode)) {
        int stale = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        bool in_use = stale >= 0 && flock(stale, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        if (stale >= 0) close(stale);
        if (in_use) return busy(o);
    }
    if (unlink(path) != 0 && errno != ENOENT) return cannot_create(o, errno);
    return true;
}

/* Creates the temporary file and locks it. `mode` is that of the file it is going to replace. */
static bool create_temporary(struct output *o, const mode_t *mode)
{
    name_temporary(o);
    if (!sweep(o)) {
        text_clear(&o->temporary);
        return false;
    }
    const char *path = text_string(&o->temporary);
    o->file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (o->file < 0) {
        int error = errno;
        text_clear(&o->temporary);
        return error == EEXIST ? busy(o) : cannot_create(o, error);
    }
    /* Where locks are not to be had, the run goes on without. Another process may have swept the
     * file between the two calls. */
    struct stat st;
    bool lost = flock(o->file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (lost || (fstat(o->file, &st) == 0 && st.st_nlink == 0)) {
        text_clear(&o->temporary);
        return busy(o);
    }
    o->slot = slot_take(path);
    if (mode != NULL && fchmod(o->file, *mode & 0777) != 0) return cannot_create(o, errno);
    return true;
}

static bool open_in_place(struct output *o)
{
    o->file = open(text_string(&o->target), O_WRONLY | O_NOCTTY | O_CLOEXEC);
    return o->file >= 0 ? true : cannot_create(o, errno);
}

static bool open_standard_output(struct output *o)
{
    if (fcntl(STDOUT_FILENO, F_GETFD) == -1) {
        return trouble(o, OUTPUT_WRITE_FAILED, "cannot write", errno);
    }
    o->file = STDOUT_FILENO;
    o->keep_open = true;
    return true;
}

bool output_open(struct output *o, const char *name, const struct allocator *from)
{
    *o = (struct output){ .from = from, .file = -1, .slot = -1, .aside = -1 };
    text_init(&o->target, from);
    text_init(&o->temporary, from);
    text_init(&o->name, from);
    text_init(&o->error, from);
    bool is_standard = string_equal(name, "-") || string_equal(name, "/dev/stdout");
    text_put(&o->name, is_standard ? "standard output" : name);
    if (is_standard) return open_standard_output(o);
    text_put(&o->target, name);
    if (name[0] == '\0') return cannot_create(o, ENOENT);
    struct stat st;
    bool exists = stat(name, &st) == 0;
    if (!exists && errno != ENOENT) return cannot_create(o, errno);
    if (exists && S_ISDIR(st.st_mode)) return cannot_create(o, EISDIR);
    if (exists && !S_ISREG(st.st_mode)) return open_in_place(o);
    if (!follow_links(o)) return false;
    const char *target = text_string(&o->target);
    if (target[0] == '\0' || target[strlen(target) - 1] == '/') return cannot_create(o, EISDIR);
    if (exists && access(target, W_OK) != 0) return cannot_create(o, errno);
    return create_temporary(o, exists ? &st.st_mode : NULL);
}

static bool write_failed(struct output *o, int error)
{
    if (error == EPIPE) {
        if (o->status == OUTPUT_OK) o->broken_pipe = true;
        o->status = OUTPUT_WRITE_FAILED;
        return false;
    }
    return trouble(o, OUTPUT_WRITE_FAILED, "cannot write", error);
}

/* Disk space of a new file is reserved ahead of what is written, once it is no small one: the
 * system takes a quarter less work to write where blocks are set aside. Where that cannot be had,
 * nothing is reserved any more. */
static void reserve_ahead(struct output *o, size_t length)
{
    enum { SMALL_BYTES = 1 << 20, STEP_BYTES = 16 << 20 };
    uint64_t at = o->written;
    o->written += length;
    if (o->temporary.length == 0 || at < SMALL_BYTES || o->written <= o->reserved) return;
#ifdef FALLOC_FL_KEEP_SIZE
    uint64_t end = o->written + STEP_BYTES;
    bool fine = fallocate(o->file, FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)(end - at)) == 0;
    o->reserved = fine ? end : UINT64_MAX;
#endif
}

/* Gives back what was reserved and not written. */
static void release_rest(struct output *o)
{
    if (o->reserved != 0 && ftruncate(o->file, (off_t)o->written) != 0) write_failed(o, errno);
}

bool output_write(void *context, const char *bytes, size_t length)
{
    struct output *o = context;
    if (o->status != OUTPUT_OK || o->file < 0) return false;
    reserve_ahead(o, length);
    while (length > 0) {
        ssize_t count = write(o->file, bytes, length);
        if (count >= 0) {
            bytes += count;
            length -= (size_t)count;
        } else if (errno == EAGAIN) { /* a terminal or pipe that someone made non-blocking */
            struct pollfd ready = { .fd = o->file, .events = POLLOUT };
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return write_failed(o, errno);
        }
    }
    return true;
}

/* The folder of the target, which the caller frees. */
static struct text folder_of(const struct output *o)
{
    const char *path = text_string(&o->target);
    size_t length = folder_length(path);
    struct text folder;
    text_init(&folder, o->from);
    if (length == 0) text_char(&folder, '.');
    text_bytes(&folder, path, length);
    return folder;
}

/* In the folder of the target, which has room for all that is to come, where it is a file there. */
static int open_nameless(const struct output *o)
{
    int file = -1;
#ifdef O_TMPFILE
    struct text folder = folder_of(o);
    if (o->temporary.length > 0)
        file = open(text_string(&folder), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    text_free(&folder);
#endif
    if (file >= 0) return file;
    FILE *stream = tmpfile();
    if (stream == NULL) return -1;
    file = fcntl(fileno(stream), F_DUPFD_CLOEXEC, 0);
    fclose(stream);
    return file;
}

void output_put_aside(void *context, uint64_t at, const char *bytes, size_t length)
{
    struct output *o = context;
    if (o->status != OUTPUT_OK) return;
    if (o->aside < 0) o->aside = open_nameless(o);
    for (size_t done = 0; done < length;) {
        ssize_t count = pwrite(o->aside, bytes + done, length - done, (off_t)(at + done));
        if (count < 0 && errno != EINTR) {
            trouble(o, OUTPUT_WRITE_FAILED, "cannot put lines aside", errno);
            return;
        }
        if (count > 0) done += (size_t)count;
    }
}

bool output_get_aside(void *context, uint64_t at, char *bytes, size_t length)
{
    struct output *o = context;
    for (size_t done = 0; done < length && o->status == OUTPUT_OK;) {
        ssize_t count = pread(o->aside, bytes + done, length - done, (off_t)(at + done));
        if (count == 0 || (count < 0 && errno != EINTR))
            return trouble(o, OUTPUT_WRITE_FAILED, "cannot get back lines put aside",
                           count == 0 ? EIO : errno);
        if (count > 0) done += (size_t)count;
    }
    return o->status == OUTPUT_OK;
}

/* Some file systems report a failed write only when the file is closed: closes a copy to see. */
static void check_close(struct output *o)
{
    int copy = dup(o->file);
    if (copy < 0 || close(copy) != 0) write_failed(o, errno);
}

/* Makes the new name itself lasting. File systems that cannot are none of the user's concern. */
static void sync_folder(const struct output *o)
{
    struct text folder = folder_of(o);
    int file = open(text_string(&folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file >= 0) {
        fsync(file);
        close(file);
    }
    text_free(&folder);
}

static void remove_temporary(struct output *o)
{
    if (o->temporary.length > 0) unlink(text_string(&o->temporary));
    slot_give(o);
    text_clear(&o->temporary);
}

/* The temporary file becomes the target. The lock goes with the descriptor, which is closed later:
 * nobody sweeps what is complete. */
static void put_in_place(struct output *o)
{
    release_rest(o);
    if (fsync(o->file) != 0) write_failed(o, errno);
    if (o->status == OUTPUT_OK) check_close(o);
    if (o->status != OUTPUT_OK) return;
    if (rename(text_string(&o->temporary), text_string(&o->target)) != 0) {
        trouble(o, OUTPUT_WRITE_FAILED, "cannot rename", errno);
        return;
    }
    slot_give(o);
    text_clear(&o->temporary);
    sync_folder(o);
}

bool output_close(struct output *o)
{
    bool is_new = o->temporary.length > 0;
    if (o->file >= 0 && o->status == OUTPUT_OK && is_new) put_in_place(o);
    if (o->file >= 0 && o->status == OUTPUT_OK && !is_new) check_close(o);
    output_abandon(o);
    return o->status == OUTPUT_OK;
}

void output_abandon(struct output *o)
{
    remove_temporary(o);
    if (o->file >= 0 && !o->keep_open) close(o->file);
    if (o->aside >= 0) close(o->aside);
    o->file = o->aside = -1;
}

void output_free(struct output *o)
{
    text_free(&o->target);
    text_free(&o->temporary);
    text_free(&o->name);
    text_free(&o->error);
}
