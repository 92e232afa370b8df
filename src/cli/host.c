/* The host side: allocation, streams, signals, and the end of a broken invariant. */
#define _DEFAULT_SOURCE /* madvise() */
#define _POSIX_C_SOURCE 200809L

#include "cli/host.h"

#include "base/check.h"
#include "cli/color.h"
#include "cli/command.h"
#include "trace/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HUGE_PAGE_BYTES = 2 << 20 };

/* A long block, in large pages of the host where it has them: a page fault for each 4 KiB costs
 * more than most uses of a block do. NULL when there is no memory. */
static void *huge_new(size_t bytes)
{
    void *block = NULL;
    if (posix_memalign(&block, HUGE_PAGE_BYTES, bytes) != 0) return NULL;
#ifdef MADV_HUGEPAGE
    madvise(block, bytes, MADV_HUGEPAGE); /* a wish: where it fails, small pages do */
#endif
    return block;
}

static void *host_resize(void *context, void *block, size_t old_bytes, size_t new_bytes)
{
    UNUSED(context);
    UNUSED(old_bytes);
    if (new_bytes == 0) {
        free(block);
        return NULL;
    }
    bool large = block == NULL && new_bytes >= HUGE_PAGE_BYTES;
    void *fresh = large ? huge_new(new_bytes) : realloc(block, new_bytes);
    if (fresh != NULL) return fresh;
    static const char message[] = "mdlsim: error: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
    UNUSED(ignored);
    output_remove_temporaries();
    _Exit(STATUS_OS);
}

const struct allocator host_allocator = { host_resize, NULL };

_Noreturn void bug_report(const char *file, int line, const char *what, uint64_t a, uint64_t b)
{
    fflush(stdout);
    fprintf(stderr, "mdlsim: internal error: %s:%d: %s (0x%llX, 0x%llX)\n", file, line, what,
            (unsigned long long)a, (unsigned long long)b);
    fprintf(stderr, "This is a bug in mdlsim. Please report it with the scenario that shows it.\n");
    output_remove_temporaries();
    fflush(stderr);
    _Exit(STATUS_SOFTWARE);
}

static int print_errno; /* why standard output failed first */

bool host_print(const struct text *t)
{
    errno = 0;
    bool fine = fwrite(text_string(t), 1, t->length, stdout) == t->length;
    if (!fine && print_errno == 0) print_errno = errno;
    return fine;
}

void host_message(const struct text *t)
{
    fwrite(text_string(t), 1, t->length, stderr);
}

void host_say(const char *format, ...)
{
    struct text t;
    va_list arguments;
    text_init(&t, &host_allocator);
    va_start(arguments, format);
    text_format_list(&t, format, arguments);
    va_end(arguments);
    text_char(&t, '\n');
    host_message(&t);
    text_free(&t);
}

int host_finish(int status)
{
    errno = 0;
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    int reason = errno != 0 ? errno : print_errno;
    if (fclose(stdout) != 0 && !failed) {
        failed = true;
        reason = errno;
    }
    if (!failed) return status;
    if (reason == EPIPE) output_die_of_pipe();
    host_say("mdlsim: error: standard output: %s", strerror(reason));
    return STATUS_IO;
}

enum { PATIENCE_SECONDS = 3 };
static volatile sig_atomic_t caught;

/* The second signal, or the alarm when the first one did not get through to what a thread waits
 * for, ends the process as it is. */
static void on_signal(int number)
{
    if (caught == 0) {
        caught = number;
        alarm(PATIENCE_SECONDS);
        return;
    }
    if (number == SIGALRM) number = caught;
    output_remove_temporaries();
    signal(number, SIG_DFL);
    raise(number);
}

void host_open_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", O_RDONLY) < 0) return;
}

void host_catch_signals(void)
{
    signal(SIGPIPE, SIG_IGN); /* writes report EPIPE; output_die_of_pipe() ends as SIGPIPE does */
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct sigaction old, action = { .sa_handler = on_signal };
        sigemptyset(&action.sa_mask);
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN) continue;
        sigaction(numbers[i], &action, NULL);
    }
    signal(SIGALRM, on_signal);
}

bool host_interrupted(void *context)
{
    UNUSED(context);
    return caught != 0;
}

void host_die_of_signal(void)
{
    if (caught == 0) return;
    int number = (int)caught;
    output_remove_temporaries();
    fflush(stderr);
    signal(number, SIG_DFL);
    raise(number);
}

bool host_color(int stream, const char *when)
{
    if (when != NULL && strcmp(when, "always") == 0) return true;
    if (when != NULL && strcmp(when, "never") == 0) return false;
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    if (no_color != NULL && no_color[0] != '\0') return false;
    if (term == NULL || strcmp(term, "dumb") == 0) return false;
    return isatty(stream) != 0;
}

void host_message_color(const struct text *t, const char *when)
{
    if (!host_color(STDERR_FILENO, when)) {
        host_message(t);
        return;
    }
    struct text colored;
    text_init(&colored, &host_allocator);
    color_lines(&colored, text_string(t), t->length);
    host_message(&colored);
    text_free(&colored);
}

bool host_same_file(const char *a, const char *b)
{
    struct stat one, other;
    if (strcmp(a, "-") == 0 || strcmp(b, "-") == 0) return false;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && S_ISREG(one.st_mode) &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}
