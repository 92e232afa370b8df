/* mdlsim import: memory-access traces of other programs into the packed format, and back to text.
 */
#include "cli/command.h"
#include "cli/host.h"
#include "replay/reader.h"
#include "replay/writer.h"
#include "trace/output.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct command command_import;

struct import_options {
    const char *output, *format, *to, *only, *on_error;
    struct option_number skip, limit, pid, cpu;
    bool quiet, json;
};

static const char *const input_choices[] = { "lackey",   "din", "xdin",   "dinero-binary",
                                             "champsim", "csv", "packed", NULL };
static const char *const output_choices[] = { "packed", "lackey", "din", "csv", NULL };
static const char *const only_choices[] = { "data", "instruction", NULL };
static const char *const error_choices[] = { "stop", "skip", NULL };

static const struct option_row import_rows[] = {
    { "output", 'o', OPTION_TEXT, offsetof(struct import_options, output), "FILE",
      "Where to write; '-' is standard output.", NULL },
    { "format", 0, OPTION_TEXT, offsetof(struct import_options, format), "FORMAT",
      "Of the input; told by its content unless given.", input_choices },
    { "to", 0, OPTION_TEXT, offsetof(struct import_options, to), "FORMAT",
      "Of the output; packed unless given.", output_choices },
    { "skip", 0, OPTION_U64, offsetof(struct import_options, skip), "N",
      "Pass over the first N records.", NULL },
    { "limit", 0, OPTION_U64, offsetof(struct import_options, limit), "N",
      "Take at most N records after those.", NULL },
    { "only", 0, OPTION_TEXT, offsetof(struct import_options, only), "KIND",
      "Keep records of one kind.", only_choices },
    { "on-error", 0, OPTION_TEXT, offsetof(struct import_options, on_error), "WHAT",
      "At a bad line or record: stop (the default), or skip it and count.", error_choices },
    { "pid", 0, OPTION_U64, offsetof(struct import_options, pid), "N",
      "Keep records of one process, by the column of a CSV.", NULL },
    { "cpu", 0, OPTION_U64, offsetof(struct import_options, cpu), "N",
      "Keep records of one processor, by the column of a CSV.", NULL },
    { "quiet", 'q', OPTION_FLAG, offsetof(struct import_options, quiet), NULL,
      "No summary on standard error.", NULL },
    { "json", 0, OPTION_FLAG, offsetof(struct import_options, json), NULL,
      "The summary as JSON on standard output.", NULL },
    { 0 },
};

enum { BATCH = 4096 };

struct import {
    const struct import_options *options;
    const char *file;
    struct trace_reader *reader;
    struct access_source source;
    struct trace_writer *writer;
    struct output output;
    uint64_t skipped, read, kept[4];
};

static bool is_wanted(const struct import_options *o, const struct access *a)
{
    if (o->only == NULL) return true;
    return (a->kind == ACCESS_FETCH) == (strcmp(o->only, "instruction") == 0);
}

/* Keeps the wanted ones, in place; returns how many. */
static size_t sift(struct import *im, struct access *batch, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_wanted(im->options, &batch[i])) continue;
        im->kept[batch[i].kind]++;
        batch[kept++] = batch[i];
    }
    return kept;
}

static int reading_failed(const struct import *im)
{
    host_say("%s", reader_error(im->reader));
    return STATUS_DATA;
}

static int writing_failed(const struct import *im)
{
    const char *why = writer_error(im->writer);
    if (im->output.broken_pipe) output_die_of_pipe();
    if (why[0] == '\0') {
        host_say("mdlsim import: error: %s", text_string(&im->output.error));
        return im->output.status;
    }
    host_say("%s: error: %s", im->file, why);
    return STATUS_DATA;
}

static int copy_records(struct import *im)
{
    const struct import_options *o = im->options;
    const struct access_source *source = &im->source;
    uint64_t limit = o->limit.given ? o->limit.value : UINT64_MAX;
    struct access batch[BATCH];
    bool failed = false;
    im->skipped = o->skip.given ? source->skip(source->context, o->skip.value, &failed) : 0;
    while (!failed && im->read < limit && !host_interrupted(NULL)) {
        uint64_t left = limit - im->read;
        size_t room = left < BATCH ? (size_t)left : BATCH;
        size_t count = source->pull(source->context, batch, room, &failed);
        if (count == 0) break;
        im->read += count;
        if (!writer_add(im->writer, batch, sift(im, batch, count))) return writing_failed(im);
    }
    if (failed) return reading_failed(im);
    return writer_finish(im->writer) ? STATUS_OK : writing_failed(im);
}

static void tell_json(const struct import *im, struct text *t)
{
    const struct trace_reader *r = im->reader;
    const char *packing = reader_compression(r);
    text_put(t, "{\"file\": \"");
    text_json(t, im->file, strlen(im->file));
    text_format(t, "\", \"format\": \"%s\", \"compression\": %s%s%s, \"skipped\": %u, ",
                reader_format(r), packing ? "\"" : "", packing ? packing : "null",
                packing ? "\"" : "", im->skipped);
    text_format(t, "\"records\": %u, \"loads\": %u, \"stores\": %u, \"modifies\": %u, ",
                im->kept[0] + im->kept[1] + im->kept[2] + im->kept[3], im->kept[ACCESS_LOAD],
                im->kept[ACCESS_STORE], im->kept[ACCESS_MODIFY]);
    text_format(t, "\"fetches\": %u, \"bad\": %u, \"passed_over\": %u, \"bytes\": %u}\n",
                im->kept[ACCESS_FETCH], reader_skipped(r), reader_passed_over(r),
                writer_bytes(im->writer));
}

static void tell_people(const struct import *im)
{
    const struct trace_reader *r = im->reader;
    const char *packing = reader_compression(r);
    uint64_t records = im->kept[0] + im->kept[1] + im->kept[2] + im->kept[3];
    uint64_t hundredths = records != 0 ? writer_bytes(im->writer) * 100 / records : 0;
    host_say("%s: %s%s%s, %u records (%u loads, %u stores, %u modifies, %u fetches), %u bytes, "
             "%u.%u%u a record",
             im->file, reader_format(r), packing ? " in " : "", packing ? packing : "", records,
             im->kept[ACCESS_LOAD], im->kept[ACCESS_STORE], im->kept[ACCESS_MODIFY],
             im->kept[ACCESS_FETCH], writer_bytes(im->writer), hundredths / 100,
             hundredths / 10 % 10, hundredths % 10);
    if (reader_passed_over(r) != 0)
        host_say("%s: %u records passed over: no accesses, or another's", im->file,
                 reader_passed_over(r));
}

/* Told in every case: nothing is passed over in silence. */
static void tell_skipped(const struct import *im)
{
    if (reader_skipped(im->reader) == 0) return;
    host_say("%s", reader_first_skipped(im->reader));
    host_say("%s: %u bad lines or records skipped, the first is this", im->file,
             reader_skipped(im->reader));
}

static int import_into(struct import *im)
{
    const struct import_options *o = im->options;
    const char *to = o->to != NULL ? o->to : writer_formats[0];
    if (!output_open(&im->output, o->output, &host_allocator)) {
        host_say("mdlsim import: error: %s", text_string(&im->output.error));
        output_abandon(&im->output);
        return im->output.status;
    }
    im->writer = writer_open(to, &host_allocator, output_write, &im->output);
    int status = copy_records(im);
    bool interrupted = host_interrupted(NULL);
    if (status != STATUS_OK || interrupted)
        output_abandon(&im->output);
    else if (!output_close(&im->output))
        status = writing_failed(im);
    if (interrupted) host_say("mdlsim import: interrupted after %u records", im->read);
    host_die_of_signal();
    if (status == STATUS_OK) tell_skipped(im);
    if (status == STATUS_OK && !o->quiet && !o->json) tell_people(im);
    if (status == STATUS_OK && o->json) {
        struct text t;
        text_init(&t, &host_allocator);
        tell_json(im, &t);
        host_print(&t);
        text_free(&t);
    }
    writer_close(im->writer);
    return status;
}

/* What can be read but is no trace is bad input, not a missing one. */
static int status_of_bad_file(const char *file)
{
    struct stat status;
    bool is_there = strcmp(file, "-") == 0 || (stat(file, &status) == 0 &&
                                               !S_ISDIR(status.st_mode) && access(file, R_OK) == 0);
    return is_there ? STATUS_DATA : STATUS_NO_INPUT;
}

static int open_input(struct import *im)
{
    const struct import_options *o = im->options;
    struct text error;
    text_init(&error, &host_allocator);
    im->reader = reader_open(im->file, o->format, &host_allocator, &error);
    if (im->reader == NULL) host_say("%s", text_string(&error));
    text_free(&error);
    if (im->reader == NULL) return status_of_bad_file(im->file);
    if (o->on_error != NULL && strcmp(o->on_error, "skip") == 0) reader_skip_bad(im->reader);
    bool has_columns = (!o->pid.given || reader_choose_pid(im->reader, o->pid.value)) &&
                       (!o->cpu.given || reader_choose_cpu(im->reader, o->cpu.value));
    im->source = reader_source(im->reader);
    if (has_columns) return STATUS_OK;
    host_say("%s: error: --pid and --cpu need a column of a CSV, and this is %s", im->file,
             reader_format(im->reader));
    return STATUS_DATA;
}

static int import_run(const void *given, char **operands, size_t count)
{
    struct import im = { .options = given, .file = operands[0] };
    UNUSED(count);
    if (im.options->output == NULL) return usage_error(&command_import, "-o FILE is missing");
    if (im.options->json && strcmp(im.options->output, "-") == 0)
        return usage_error(&command_import, "--json and -o - both want standard output");
    if (host_same_file(im.file, im.options->output))
        return usage_error(&command_import, "'%s' is the input: it would be written over",
                           im.options->output);
    int status = open_input(&im);
    if (status == STATUS_OK) {
        status = import_into(&im);
        output_free(&im.output);
    }
    reader_close(im.reader);
    return status;
}

const struct command command_import = {
    .name = "import",
    .summary = "Bring a memory-access trace into the packed format, or out of it.",
    .synopsis = "FILE -o OUT [--to packed|lackey|din|csv]",
    .description =
        "Reads what `replay` reads: lackey, din, xdin, Dinero's binary, ChampSim, CSV and packed,\n"
        "plain or compressed with gzip, xz or zstd, told by the content. '-' is standard input.\n"
        "Kinds, addresses and sizes come out as they went in; a record that the format of the\n"
        "output cannot hold is an error.\n",
    .examples = "  valgrind --tool=lackey --trace-mem=yes --log-fd=9 true 9>&1 >/dev/null |\n"
                "      mdlsim import - -o true.packed\n"
                "  mdlsim import trace.champsimtrace.xz -o trace.packed --limit 1000000\n"
                "  mdlsim import trace.packed --to csv -o -\n",
    .options = import_rows,
    .options_bytes = sizeof(struct import_options),
    .operands_min = 1,
    .operands_max = 1,
    .run = import_run,
};
