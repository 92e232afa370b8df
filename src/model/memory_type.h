/* Memory types: what an entry asks for by its PAT index, what the ranges of the machine say, and
 * what comes of both. Intel SDM volume 3A, 12.5.2.2 (table "Effective Page-Level Memory Types") and
 * 12.12; AMD APM volume 2, 7.8.5. */
#pragma once

#include "base/types.h"

/* Write-back is 0, so that a translation of plain memory carries no mark. */
enum memory_type {
    TYPE_WB,
    TYPE_WT,
    TYPE_WP,
    TYPE_WC,
    TYPE_UC_MINUS, /* of the PAT alone */
    TYPE_UC,
    TYPE_COUNT
};

/* Frames to which the machine's range registers give a type; not overlapping, ascending. */
struct type_range {
    pfn_t first;
    uint64_t page_count;
    enum memory_type type;
};

/* The type that the PAT of Windows has for a leaf entry: 0 and 4 WB, 1 and 5 WC, 2 and 6 UC-, 3 and
 * 7 UC; the index is PWT, PCD and PAT, which large pages have in bit 12. */
enum memory_type memory_type_of_entry(uint64_t entry, unsigned level);
/* `range` is none of the PAT's own types. */
enum memory_type memory_type_effective(enum memory_type pat, enum memory_type range);

struct hw;
/* What the ranges say about a frame: those of the scenario first, else write-back for RAM and
 * uncached for the rest, as firmware sets them up. */
enum memory_type memory_type_of_frame(const struct hw *hw, pfn_t f);
/* Frames of one range or gap, and the effective type of each PAT index there, as translations keep
 * it. The PAT bit itself chooses nothing: both halves of the PAT are alike. */
struct type_run {
    uint64_t first, page_count, bits[4];
};
/* The run that holds a frame. */
void memory_type_run(const struct hw *hw, pfn_t f, struct type_run *out);
bool memory_types_alike(const struct hw *hw, pfn_t f, uint64_t page_count);

/* Lines of write-combining memory that a processor has not yet written (SDM 12.3.1). How many there
 * are is not documented by the makers: 4 to 12; the model has 8. */
enum { WRITE_BUFFERS = 8 };
struct write_buffers {
    struct write_line {
        uint64_t line, bytes; /* a bit for each byte that was stored */
    } open[WRITE_BUFFERS];    /* the oldest first */
    unsigned count;
};

/* Where a cached translation keeps the effective type: bits that the processor ignores in entries
 * (52 to 54). */
enum { TRANSLATION_TYPE_SHIFT = 52 };
static inline enum memory_type translation_type(uint64_t entry)
{
    return (enum memory_type)(entry >> TRANSLATION_TYPE_SHIFT & 7);
}
