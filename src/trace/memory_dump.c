/* Writes physical memory as an ELF core file (System V ABI, "Object Files" and "Program Loading"):
 * header, program headers, notes, then the stored frames in runs. */
#include "trace/memory_dump.h"

#include "base/text.h"
#include "trace/memory_dump_notes.h"

#include <string.h>

enum {
    FILE_HEADER_BYTES = 64,
    PROGRAM_HEADER_BYTES = 56,
    SECTION_HEADER_BYTES = 64,
    HEADER_COUNT_MAX = 0xFFFF, /* PN_XNUM: this many and more are counted in a section header */
};
enum { TYPE_CORE = 4, SEGMENT_LOAD = 1, SEGMENT_NOTE = 4, SEGMENT_READ_WRITE_EXECUTE = 7 };

struct layout {
    uint64_t header_count; /* program headers */
    bool counted_apart;    /* too many for the file header */
    uint64_t headers_at, notes_at, note_bytes, data_at;
};

static const struct phys_page *run_end(const struct phys_page *page)
{
    while (page->next != NULL && page->next->pfn == page->pfn + 1) page = page->next;
    return page;
}

static struct layout make_layout(const struct phys_page *first, uint64_t note_bytes)
{
    struct layout l = { .header_count = 1, .note_bytes = note_bytes };
    for (const struct phys_page *p = first; p != NULL; p = run_end(p)->next) l.header_count++;
    l.counted_apart = l.header_count >= HEADER_COUNT_MAX;
    l.headers_at = FILE_HEADER_BYTES + (l.counted_apart ? SECTION_HEADER_BYTES : 0);
    l.notes_at = l.headers_at + l.header_count * PROGRAM_HEADER_BYTES;
    l.data_at = (l.notes_at + note_bytes + PAGE_MASK) / PAGE_BYTES * PAGE_BYTES;
    return l;
}

static void put_file_header(struct text *t, const struct layout *l, bool is_64_bit)
{
    static const char ident[16] = { 0x7F, 'E', 'L', 'F', 2, 1, 1 };
    text_bytes(t, ident, sizeof ident); /* 64-bit, little-endian, version 1 */
    dump_put(t, TYPE_CORE, 2);
    dump_put(t, is_64_bit ? DUMP_MACHINE_X86_64 : DUMP_MACHINE_386, 2);
    dump_put(t, 1, 4); /* version */
    dump_put(t, 0, 8); /* no entry point */
    dump_put(t, l->headers_at, 8);
    dump_put(t, l->counted_apart ? FILE_HEADER_BYTES : 0, 8);
    dump_put(t, 0, 4); /* flags */
    dump_put(t, FILE_HEADER_BYTES, 2);
    dump_put(t, PROGRAM_HEADER_BYTES, 2);
    dump_put(t, l->counted_apart ? HEADER_COUNT_MAX : l->header_count, 2);
    dump_put(t, l->counted_apart ? SECTION_HEADER_BYTES : 0, 2);
    dump_put(t, l->counted_apart, 2);
    dump_put(t, 0, 2); /* no section has a name */
}

/* The section header that holds the number of program headers, in its sh_info. */
static void put_section_header(struct text *t, const struct layout *l)
{
    for (size_t i = 0; i < 44; i++) text_char(t, 0);
    dump_put(t, l->header_count, 4);
    dump_put(t, 0, 8);
    dump_put(t, 0, 8);
}

static void put_program_header(struct text *t, uint32_t type, uint64_t at, uint64_t address,
                               uint64_t bytes)
{
    bool load = type == SEGMENT_LOAD;
    dump_put(t, type, 4);
    dump_put(t, load ? SEGMENT_READ_WRITE_EXECUTE : 0, 4);
    dump_put(t, at, 8);
    dump_put(t, address, 8); /* virtual: the physical one, as QEMU writes it */
    dump_put(t, address, 8);
    dump_put(t, bytes, 8);
    dump_put(t, bytes, 8);
    dump_put(t, load ? PAGE_BYTES : 4, 8);
}

static void put_program_headers(struct text *t, const struct layout *l,
                                const struct phys_page *first)
{
    uint64_t at = l->data_at;
    put_program_header(t, SEGMENT_NOTE, l->notes_at, 0, l->note_bytes);
    for (const struct phys_page *p = first, *end; p != NULL; p = end->next) {
        end = run_end(p);
        uint64_t bytes = (end->pfn - p->pfn + 1) * PAGE_BYTES;
        put_program_header(t, SEGMENT_LOAD, at, pfn_to_pa(pfn(p->pfn)).v, bytes);
        at += bytes;
    }
}

bool memory_dump_write(struct sim *s,
                       bool (*write)(void *context, const char *bytes, size_t length),
                       void *context)
{
    const struct phys_page *first = phys_stored(&s->hw.phys);
    bool is_64_bit = s->hw.mode != PAGING_PAE;
    struct text head, notes;
    text_init(&head, s->from);
    text_init(&notes, s->from);
    dump_put_notes(&notes, s);
    struct layout l = make_layout(first, notes.length);
    put_file_header(&head, &l, is_64_bit);
    if (l.counted_apart) put_section_header(&head, &l);
    put_program_headers(&head, &l, first);
    text_bytes(&head, text_string(&notes), notes.length);
    while (head.length < l.data_at) text_char(&head, 0);
    bool fine = write(context, head.bytes, head.length);
    text_free(&notes);
    text_free(&head);
    for (const struct phys_page *p = first; fine && p != NULL; p = p->next) {
        char bytes[PAGE_BYTES];
        phys_page_get(p, 0, bytes, sizeof bytes);
        fine = write(context, bytes, sizeof bytes);
    }
    return fine;
}
