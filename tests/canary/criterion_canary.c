/* Leaks in a Criterion test, which Criterion itself counts as passed: only abort_on_error makes
 * its exit status say so. */
#include <criterion/criterion.h>
#include <stdlib.h>

static void *volatile block;

Test(canary, leaks)
{
    block = malloc(100);
    block = NULL;
    cr_assert(block == NULL);
}
