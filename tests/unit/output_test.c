/* Unit tests of trace/output. */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700
#include "trace/output.h"

#include "support.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/mdlsim-output-XXXXXX";

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void tear_down(void)
{
    static const char *const names[] = { "a", "b", "link", "fifo", ".a.mdlsim-tmp", NULL };
    for (size_t i = 0; names[i] != NULL; i++) unlink(names[i]);
    rmdir("d");
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(rmdir(folder), 0, "a file was left behind");
    cr_assert_eq(test_outstanding_bytes(), 0);
}

TestSuite(output, .init = set_up, .fini = tear_down);

static void put_file(const char *name, const char *bytes)
{
    FILE *f = fopen(name, "w");
    cr_assert_not_null(f);
    fputs(bytes, f);
    fclose(f);
}

static void expect_file(const char *name, const char *bytes)
{
    char found[256] = "";
    FILE *f = fopen(name, "r");
    cr_assert_not_null(f, "%s is missing", name);
    size_t length = fread(found, 1, sizeof found - 1, f);
    fclose(f);
    found[length] = '\0';
    cr_assert_str_eq(found, bytes);
}

static bool exists(const char *name)
{
    struct stat st;
    return lstat(name, &st) == 0;
}

static void write_whole(const char *name, const char *bytes)
{
    struct output o;
    cr_assert(output_open(&o, name, &test_allocator), "%s", text_string(&o.error));
    cr_assert(output_write(&o, bytes, strlen(bytes)));
    cr_assert(output_close(&o), "%s", text_string(&o.error));
    output_free(&o);
}

Test(output, appears_only_when_whole)
{
    struct output o;
    put_file("a", "old");
    cr_assert_eq(chmod("a", 0640), 0);
    cr_assert(output_open(&o, "a", &test_allocator));
    cr_assert(output_write(&o, "new", 3));
    expect_file("a", "old");
    expect_file(".a.mdlsim-tmp", "new");
    cr_assert(output_close(&o));
    output_free(&o);
    expect_file("a", "new");
    cr_assert_not(exists(".a.mdlsim-tmp"));
    struct stat st;
    cr_assert_eq(stat("a", &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0640, "the mode is kept");
    write_whole("b", "");
    expect_file("b", "");
}

Test(output, abandoned_leaves_the_old_file)
{
    struct output o;
    put_file("a", "old");
    cr_assert(output_open(&o, "a", &test_allocator));
    cr_assert(output_write(&o, "new", 3));
    output_abandon(&o);
    output_free(&o);
    expect_file("a", "old");
    cr_assert_not(exists(".a.mdlsim-tmp"));
}

Test(output, replaces_what_an_earlier_run_left)
{
    put_file(".a.mdlsim-tmp", "a long stale text");
    write_whole("a", "new");
    expect_file("a", "new");
    cr_assert_eq(mkfifo(".a.mdlsim-tmp", 0600), 0);
    write_whole("a", "newer");
    expect_file("a", "newer");
    put_file("b", "precious");
    cr_assert_eq(symlink("b", ".a.mdlsim-tmp"), 0);
    write_whole("a", "newest");
    expect_file("a", "newest");
    expect_file("b", "precious");
}

Test(output, two_writers_of_one_file)
{
    struct output first, second;
    cr_assert(output_open(&first, "a", &test_allocator));
    cr_assert_not(output_open(&second, "a", &test_allocator));
    cr_assert_eq(second.status, OUTPUT_BUSY);
    cr_assert_str_eq(text_string(&second.error), "a: another process is writing it");
    cr_assert_not(output_close(&second));
    output_free(&second);
    cr_assert(output_write(&first, "1", 1));
    cr_assert(output_close(&first));
    output_free(&first);
    expect_file("a", "1");
}

Test(output, follows_links)
{
    put_file("b", "old");
    cr_assert_eq(symlink("b", "link"), 0);
    write_whole("link", "new");
    expect_file("b", "new");
    struct stat st;
    cr_assert_eq(lstat("link", &st), 0);
    cr_assert(S_ISLNK(st.st_mode));
    unlink("b");
    write_whole("link", "made");
    expect_file("b", "made");
}

Test(output, what_is_no_regular_file_is_written_in_place)
{
    write_whole("/dev/null", "x");
    cr_assert_not(exists("/dev/.null.mdlsim-tmp"));
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    write_whole("fifo", "piped");
    char found[16] = "";
    cr_assert_eq(read(reader, found, sizeof found), 5);
    cr_assert_str_eq(found, "piped");
    close(reader);
    struct stat st;
    cr_assert_eq(lstat("fifo", &st), 0);
    cr_assert(S_ISFIFO(st.st_mode));
}

Test(output, a_full_disk)
{
    struct output o;
    cr_assert(output_open(&o, "/dev/full", &test_allocator));
    cr_assert_not(output_write(&o, "x", 1));
    cr_assert_eq(o.status, OUTPUT_WRITE_FAILED);
    cr_assert_str_eq(text_string(&o.error), "/dev/full: cannot write: No space left on device");
    cr_assert_not(output_write(&o, "y", 1));
    cr_assert_not(output_close(&o));
    output_free(&o);
}

Test(output, cannot_be_created)
{
    static const struct {
        const char *name, *error;
    } rows[] = {
        { "d", "d: cannot create: Is a directory" },
        { "nowhere/a", "nowhere/a: cannot create: No such file or directory" },
        { "b/a", "b/a: cannot create: Not a directory" },
        { "", ": cannot create: No such file or directory" },
        { "e/", "e/: cannot create: Is a directory" },
    };
    put_file("b", "");
    cr_assert_eq(mkdir("d", 0700), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct output o;
        cr_assert_not(output_open(&o, rows[i].name, &test_allocator), "row %zu", i);
        cr_assert_eq(o.status, OUTPUT_CANNOT_CREATE, "row %zu", i);
        cr_assert_str_eq(text_string(&o.error), rows[i].error);
        cr_assert_not(output_close(&o));
        output_free(&o);
    }
}

Test(output, a_reader_that_went_away)
{
    struct output o;
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    cr_assert(output_open(&o, "fifo", &test_allocator));
    close(reader);
    cr_assert_not(output_write(&o, "x", 1));
    cr_assert(o.broken_pipe);
    cr_assert_eq(o.error.length, 0, "it ends quietly");
    cr_assert_not(output_close(&o));
    output_free(&o);
}

Test(output, dies_as_of_a_closed_pipe_and_leaves_nothing)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct output o;
        signal(SIGPIPE, SIG_IGN);
        if (output_open(&o, "a", &test_allocator)) output_die_of_pipe();
        _exit(1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    cr_assert_eq(WTERMSIG(status), SIGPIPE);
    cr_assert_not(exists(".a.mdlsim-tmp"));
    cr_assert_not(exists("a"));
}

Test(output, a_signal_removes_what_is_not_whole)
{
    struct output o;
    cr_assert(output_open(&o, "a", &test_allocator));
    cr_assert(exists(".a.mdlsim-tmp"));
    output_remove_temporaries();
    cr_assert_not(exists(".a.mdlsim-tmp"));
    cr_assert_not(output_close(&o));
    cr_assert_eq(o.status, OUTPUT_WRITE_FAILED);
    output_free(&o);
    cr_assert_not(exists("a"));
}

/* Large files have disk space reserved ahead; of what they do not fill nothing is kept. */
Test(output, large_files_keep_no_space_ahead)
{
    enum { PIECE = 300000, PIECES = 20, SLACK = 1 << 20 };
    static char piece[PIECE];
    struct output o;
    struct stat st;
    memset(piece, 'x', sizeof piece);
    cr_assert(output_open(&o, "a", &test_allocator));
    for (int i = 0; i < PIECES; i++) cr_assert(output_write(&o, piece, sizeof piece));
    cr_assert(output_close(&o), "%s", text_string(&o.error));
    output_free(&o);
    cr_assert_eq(stat("a", &st), 0);
    cr_expect_eq(st.st_size, PIECE * PIECES);
    cr_expect_leq(st.st_blocks * 512, PIECE * PIECES + SLACK);
}

Test(output, long_names)
{
    char name[256];
    memset(name, 'n', sizeof name - 1);
    name[255] = '\0';
    write_whole(name, "x");
    expect_file(name, "x");
    unlink(name);
}

Test(output, what_is_put_aside_comes_back_and_leaves_nothing)
{
    static const char *const names[] = { "a", "-" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct output o;
        char found[8] = "";
        cr_assert(output_open(&o, names[i], &test_allocator));
        output_put_aside(&o, 0, "first", 5);
        output_put_aside(&o, 5, "second", 6);
        output_put_aside(&o, 5, "third", 5);
        cr_expect(output_get_aside(&o, 3, found, 7));
        cr_expect_str_eq(found, "stthird");
        cr_expect_not(output_get_aside(&o, 10, found, 7), "seven bytes where one is");
        cr_expect_eq(o.status, OUTPUT_WRITE_FAILED);
        output_abandon(&o);
        output_free(&o);
    }
}

Test(output, what_cannot_be_put_aside)
{
    struct output o;
    struct rlimit limit;
    char found[4];
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert(output_open(&o, "a", &test_allocator));
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 2, limit.rlim_max }), 0);
    output_put_aside(&o, 0, "some", 4);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_expect_eq(o.status, OUTPUT_WRITE_FAILED);
    cr_expect_str_eq(text_string(&o.error), "a: cannot put lines aside: File too large");
    cr_expect_not(output_get_aside(&o, 0, found, 4));
    cr_expect_not(output_close(&o));
    output_free(&o);
}
