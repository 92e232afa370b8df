/* mdlsim verify: runs every scenario and compares it with its stored trace. */
#define _POSIX_C_SOURCE 200809L

#include "cli/color.h"
#include "cli/command.h"
#include "cli/host.h"
#include "cli/verify.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 64 };

struct verify_options {
    const char *format, *color;
    struct text_list tags;
    struct option_number jobs;
    bool update, force, summary, quiet, json;
};

static const char *const format_choices[] = { "human", "tap", "github", "json", NULL };

static const struct option_row verify_rows[] = {
    { "update", 'u', OPTION_FLAG, offsetof(struct verify_options, update), NULL,
      "Store the traces as they are now.", NULL },
    { "force", 0, OPTION_FLAG, offsetof(struct verify_options, force), NULL,
      "Allow --update where CI=true.", NULL },
    { "summary", 0, OPTION_FLAG, offsetof(struct verify_options, summary), NULL,
      "Show equal changes of all scenarios together, not each difference.", NULL },
    { "tag", 0, OPTION_LIST, offsetof(struct verify_options, tags), "WORD",
      "Only scenarios with this tag, or another one that is given.", NULL },
    REPORT_FORMAT_ROW(struct verify_options, format_choices),
    { "jobs", 'j', OPTION_U64, offsetof(struct verify_options, jobs), "N",
      "Run up to N scenarios side by side; the output is the same.", NULL },
    REPORT_JSON_ROW(struct verify_options),
    REPORT_COLOR_ROW(struct verify_options),
    { "quiet", 'q', OPTION_FLAG, offsetof(struct verify_options, quiet), NULL,
      "Print no report for people; the exit status tells.", NULL },
    { 0 },
};

extern const struct command command_verify;

struct crew {
    const struct verify_plan *plan;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    size_t next; /* case that nobody has taken */
};

static bool take(struct crew *crew, size_t *mine)
{
    pthread_mutex_lock(&crew->lock);
    *mine = crew->next++;
    pthread_mutex_unlock(&crew->lock);
    return *mine < crew->plan->count;
}

static void *work(void *context)
{
    struct crew *crew = context;
    for (size_t mine; take(crew, &mine);) {
        struct verify_case *c = &crew->plan->cases[mine];
        verify_case_run(crew->plan, c);
        pthread_mutex_lock(&crew->lock);
        c->done = true;
        pthread_cond_broadcast(&crew->finished);
        pthread_mutex_unlock(&crew->lock);
    }
    return NULL;
}

static void wait_for(struct crew *crew, const struct verify_case *c)
{
    pthread_mutex_lock(&crew->lock);
    while (!c->done) pthread_cond_wait(&crew->finished, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
}

/* Reports in the order of the cases, whoever ran them. */
static void run_cases(struct verify_plan *plan, struct verify_tally *tally)
{
    struct crew crew = { .plan = plan };
    pthread_t threads[THREADS_MAX];
    size_t started = 0;
    pthread_mutex_init(&crew.lock, NULL);
    pthread_cond_init(&crew.finished, NULL);
    while (plan->jobs > 1 && started < plan->jobs && started < THREADS_MAX &&
           started < plan->count && pthread_create(&threads[started], NULL, work, &crew) == 0)
        started++;
    for (size_t i = 0; i < plan->count; i++) {
        if (started == 0)
            verify_case_run(plan, &plan->cases[i]);
        else
            wait_for(&crew, &plan->cases[i]);
        if (host_interrupted(NULL)) break;
        verify_print_case(plan, tally, i + 1, &plan->cases[i]);
    }
    for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
    pthread_cond_destroy(&crew.finished);
    pthread_mutex_destroy(&crew.lock);
}

static int verify(struct verify_plan *plan)
{
    struct verify_tally tally = { 0 };
    struct text error;
    text_init(&error, &host_allocator);
    diff_rows_init(&tally.rows, &host_allocator);
    if (verify_collect(plan, &error)) {
        verify_print_begin(plan);
        run_cases(plan, &tally);
        if (host_interrupted(NULL))
            host_say("mdlsim verify: interrupted after %u of %u scenarios",
                     tally.passed + tally.failed + tally.left_out, (uint64_t)plan->count);
        else
            verify_print_end(plan, &tally);
        if (plan->tag_count > 0 && tally.passed + tally.failed == 0 && !host_interrupted(NULL)) {
            host_say("mdlsim verify: error: no scenario has such a tag");
            tally.status = STATUS_NO_INPUT;
        }
    } else {
        host_say("mdlsim verify: error: %s", text_string(&error));
        tally.status = STATUS_NO_INPUT;
    }
    diff_rows_free(&tally.rows);
    text_free(&error);
    return tally.status;
}

static enum verify_format format_of(const struct verify_options *o)
{
    if (o->json) return VERIFY_JSON;
    for (size_t i = 0; o->format != NULL && format_choices[i] != NULL; i++)
        if (strcmp(o->format, format_choices[i]) == 0) return (enum verify_format)i;
    return VERIFY_HUMAN;
}

static int verify_command(const void *options, char **operands, size_t operand_count)
{
    const struct verify_options *o = options;
    const char *ci = getenv("CI");
    if (o->update && !o->force && ci != NULL && strcmp(ci, "true") == 0)
        return usage_error(&command_verify, "--update is refused where CI=true; --force allows it");
    if (o->jobs.given && o->jobs.value == 0) return usage_error(&command_verify, "-j: at least 1");
    struct verify_plan plan = {
        .operand = operand_count > 0 ? operands[0] : ".",
        .arena = { .from = &host_allocator },
        .format = format_of(o),
        .update = o->update,
        .summary = o->summary,
        .quiet = o->quiet,
        .tags = o->tags.items,
        .tag_count = o->tags.count,
        .jobs = o->jobs.given ? o->jobs.value : 1,
    };
    plan.color = plan.format == VERIFY_HUMAN && host_color(STDOUT_FILENO, o->color);
    text_init(&plan.root, &host_allocator);
    text_init(&plan.filter, &host_allocator);
    int status = verify(&plan);
    verify_plan_free(&plan);
    return status;
}

const struct command command_verify = {
    .name = "verify",
    .summary = "Run scenarios and compare with their stored traces.",
    .synopsis = "[DIR] [--update] [--summary] [--tag WORD]... [--format FORMAT] [-j N]",
    .description =
        "DIR holds scenarios/ and traces/, or lies in scenarios/: then only what is below it is\n"
        "run; it may be one scenario. The trace of scenarios/a/b.yaml is traces/a/b.json, as\n"
        "'mdlsim run --no-times' writes it. A scenario passes when its run ends well and gives\n"
        "the same bytes; what differs is shown as 'mdlsim diff' does, with the command that\n"
        "accepts it. A stored trace without a scenario fails too; traces/inputs/ is left alone,\n"
        "and so are folders called fragments below scenarios/, which hold what others include.\n"
        "Exit status: 0 all pass, 1 a difference or a negative result, 64 and above trouble.\n",
    .examples = "  mdlsim verify\n"
                "  mdlsim verify scenarios/routines -j 4 --summary\n"
                "  mdlsim verify --update scenarios/stories/direct-io-read.yaml\n",
    .options = verify_rows,
    .options_bytes = sizeof(struct verify_options),
    .operands_min = 0,
    .operands_max = 1,
    .run = verify_command,
};
