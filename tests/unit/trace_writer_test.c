/* Writing traces as text. */
#include "replay/writer.h"
#include "support.h"

#include <criterion/criterion.h>

static bool append(void *context, const char *bytes, size_t length)
{
    text_bytes(context, bytes, length);
    return true;
}

Test(trace_writer, text)
{
    static const struct access records[] = {
        { 0x401ab70, 4, ACCESS_FETCH },
        { 0x1fff0006f8, 4, ACCESS_LOAD },
        { UINT64_MAX - 3, 4, ACCESS_STORE },
        { 0, 4, ACCESS_LOAD },
        { 0x10, 4096, ACCESS_MODIFY },
    };
    static const struct {
        const char *format, *text, *error;
    } cases[] = {
        { "lackey",
          "I  0401ab70,4\n L 1fff0006f8,4\n S fffffffffffffffc,4\n L 00000000,4\n"
          " M 00000010,4096\n",
          "" },
        { "csv",
          "kind,address,size\nfetch,0x401ab70,4\nload,0x1fff0006f8,4\n"
          "store,0xfffffffffffffffc,4\nload,0x0,4\nmodify,0x10,4096\n",
          "" },
        { "din", "",
          "record 5, a modify of 4096 bytes at 0x10, has no form in din: din has only loads, "
          "stores and fetches of 4 bytes at multiples of 4" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text out;
        text_init(&out, &test_allocator);
        struct trace_writer *w = writer_open(cases[i].format, &test_allocator, append, &out);
        bool good = writer_add(w, records, COUNT_OF(records));
        cr_expect_eq(good, cases[i].error[0] == '\0');
        cr_expect_str_eq(writer_error(w), cases[i].error);
        if (good) cr_assert(writer_finish(w));
        cr_expect_str_eq(text_string(&out), cases[i].text);
        writer_close(w);
        text_free(&out);
    }
    struct text out;
    text_init(&out, &test_allocator);
    struct trace_writer *w = writer_open("din", &test_allocator, append, &out);
    cr_assert(writer_add(w, records, 4) && writer_finish(w));
    cr_expect_str_eq(text_string(&out), "2 401ab70\n0 1fff0006f8\n1 fffffffffffffffc\n0 0\n");
    writer_close(w);
    text_free(&out);
}
