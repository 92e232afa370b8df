/* Breaks an invariant of the model in the midst of writing a file, as a bug of mdlsim would:
 * usage: broken FILE */
#include "base/check.h"
#include "base/runs.h"
#include "cli/host.h"
#include "trace/output.h"

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    struct output output;
    if (!output_open(&output, argv[1], &host_allocator)) return output.status;
    output_write(&output, "half of it", 10);
    struct runs runs;
    runs_init(&runs, &host_allocator);
    runs_add(&runs, 1, 2);
    runs.total++;
    runs_check(&runs);
    return 0;
}
