/* Runs a program and prints what it took: microseconds of processor time, microseconds that passed,
 * and the most KiB that were resident. A small parent, since Linux counts the resident set of the
 * process that forks as the child's until it runs the program.
 *
 * usage: measured PROGRAM [ARGUMENT]... */
#define _GNU_SOURCE /* wait4 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t of_timeval(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

int main(int argc, char **argv)
{
    if (argc < 2) return EXIT_FAILURE;
    struct rusage usage;
    int status;
    int64_t start = microseconds();
    pid_t child = fork();
    if (child == 0) {
        execv(argv[1], argv + 1);
        _exit(EXIT_FAILURE);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) return EXIT_FAILURE;
    int64_t elapsed = microseconds() - start;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return EXIT_FAILURE;
    printf("%" PRId64 " %" PRId64 " %ld\n", of_timeval(usage.ru_utime) + of_timeval(usage.ru_stime),
           elapsed, usage.ru_maxrss);
    return EXIT_SUCCESS;
}
