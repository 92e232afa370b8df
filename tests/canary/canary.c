/* Has one known defect per argument; a sanitizer must end it. Status 0 says that none did. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* volatile: the compiler may neither drop the defects nor warn of them. */
static void *volatile block;
static volatile int number = INT_MAX;

static void leak(void)
{
    block = malloc(100);
    block = NULL;
}

static void overflow(void)
{
    block = malloc(100);
    ((volatile char *)block)[number - INT_MAX + 100] = 1;
    free(block);
}

static void undefined(void)
{
    number = number + 1;
}

int main(int argc, char **argv)
{
    const char *defect = argc == 2 ? argv[1] : "";
    if (strcmp(defect, "leak") == 0) {
        leak();
    } else if (strcmp(defect, "overflow") == 0) {
        overflow();
    } else if (strcmp(defect, "undefined") == 0) {
        undefined();
    }
    return 0;
}
