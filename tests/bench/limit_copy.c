/* Copies bytes from a buffer of 256 KiB, as often as it takes: the limit of what writes or reads a
 * trace. Prints nanoseconds of processor time for `count` pieces of `bytes`.
 *
 * usage: limit_copy BYTES COUNT */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROOM_BYTES = 1 << 18 };

static double nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 3) return EXIT_FAILURE;
    size_t bytes = (size_t)strtoull(argv[1], NULL, 10), count = (size_t)strtoull(argv[2], NULL, 10);
    if (bytes == 0 || bytes > ROOM_BYTES) return EXIT_FAILURE;
    char *from = malloc(ROOM_BYTES), *to = malloc(ROOM_BYTES);
    if (from == NULL || to == NULL) return EXIT_FAILURE;
    memset(from, 'x', ROOM_BYTES);
    memset(to, 'y', ROOM_BYTES);
    double start = nanoseconds();
    size_t at = 0;
    for (size_t i = 0; i < count; i++, at += bytes) {
        if (at + bytes > ROOM_BYTES) at = 0;
        memcpy(to + at, from + at, bytes);
    }
    double end = nanoseconds();
    printf("%.0f %d\n", end - start, to[ROOM_BYTES / 2]);
    free(from);
    free(to);
    return EXIT_SUCCESS;
}
