/* Memory types, and accesses to memory that is not write-back. */
#include "model/memory_type.h"

#include "base/check.h"
#include "model/hw.h"

enum memory_type memory_type_of_entry(uint64_t entry, unsigned level)
{
    /* Both halves of the PAT are alike, so the PAT bit chooses nothing. */
    static const uint8_t pat[8] = { TYPE_WB, TYPE_WC, TYPE_UC_MINUS, TYPE_UC,
                                    TYPE_WB, TYPE_WC, TYPE_UC_MINUS, TYPE_UC };
    uint64_t pat_bit = level == LEVEL_PT ? PTE_PAT_4K : PTE_PAT_LARGE;
    unsigned index =
        (entry & PTE_PWT ? 1u : 0) | (entry & PTE_PCD ? 2u : 0) | (entry & pat_bit ? 4u : 0);
    return (enum memory_type)pat[index];
}

enum memory_type memory_type_effective(enum memory_type pat, enum memory_type range)
{
    static const uint8_t types[TYPE_COUNT][TYPE_COUNT] = { /* [range][PAT] */
        [TYPE_UC] = { [TYPE_UC] = TYPE_UC, [TYPE_UC_MINUS] = TYPE_UC, [TYPE_WC] = TYPE_WC,
                      [TYPE_WT] = TYPE_UC, [TYPE_WP] = TYPE_UC, [TYPE_WB] = TYPE_UC },
        [TYPE_WC] = { [TYPE_UC] = TYPE_UC, [TYPE_UC_MINUS] = TYPE_WC, [TYPE_WC] = TYPE_WC,
                      [TYPE_WT] = TYPE_UC, [TYPE_WP] = TYPE_UC, [TYPE_WB] = TYPE_WC },
        [TYPE_WT] = { [TYPE_UC] = TYPE_UC, [TYPE_UC_MINUS] = TYPE_UC, [TYPE_WC] = TYPE_WC,
                      [TYPE_WT] = TYPE_WT, [TYPE_WP] = TYPE_WP, [TYPE_WB] = TYPE_WT },
        [TYPE_WP] = { [TYPE_UC] = TYPE_UC, [TYPE_UC_MINUS] = TYPE_WC, [TYPE_WC] = TYPE_WC,
                      [TYPE_WT] = TYPE_WT, [TYPE_WP] = TYPE_WP, [TYPE_WB] = TYPE_WP },
        [TYPE_WB] = { [TYPE_UC] = TYPE_UC, [TYPE_UC_MINUS] = TYPE_UC, [TYPE_WC] = TYPE_WC,
                      [TYPE_WT] = TYPE_WT, [TYPE_WP] = TYPE_WP, [TYPE_WB] = TYPE_WB },
    };
    CHECK2(range < TYPE_COUNT && range != TYPE_UC_MINUS, range, pat);
    return (enum memory_type)types[range][pat];
}

/* ---- ranges ---- */

/* Narrows [first, end), which holds f, so that it begins or ends with a range of others. */
static void leave_out(uint64_t f, const struct type_range *r, uint64_t *first, uint64_t *end)
{
    uint64_t behind = r->first.v + r->page_count;
    if (r->first.v > f && r->first.v < *end) *end = r->first.v;
    if (behind <= f && behind > *first) *first = behind;
}

/* The type of a frame, and the frames around it that are of the same range or gap. */
static enum memory_type type_at(const struct hw *hw, pfn_t f, uint64_t *first, uint64_t *end)
{
    *first = 0;
    *end = UINT64_MAX;
    for (size_t i = 0; i < hw->type_count; i++) {
        const struct type_range *r = &hw->types[i];
        if (f.v - r->first.v < r->page_count) {
            *first = r->first.v;
            *end = r->first.v + r->page_count;
            return r->type;
        }
        leave_out(f.v, r, first, end);
    }
    const struct phys_range *ram = phys_ram_at(&hw->phys, f);
    for (size_t i = 0; ram == NULL && i < hw->phys.ram_count; i++) {
        const struct phys_range *other = &hw->phys.ram[i];
        leave_out(f.v, &(struct type_range){ other->first, other->page_count, TYPE_WB }, first,
                  end);
    }
    if (ram == NULL) return TYPE_UC;
    if (ram->first.v > *first) *first = ram->first.v;
    if (ram->first.v + ram->page_count < *end) *end = ram->first.v + ram->page_count;
    return TYPE_WB;
}

void memory_type_run(const struct hw *hw, pfn_t f, struct type_run *out)
{
    uint64_t end;
    enum memory_type range = type_at(hw, f, &out->first, &end);
    out->page_count = end - out->first;
    for (unsigned i = 0; i < 4; i++) {
        enum memory_type pat = memory_type_of_entry((uint64_t)i << PTE_PWT_SHIFT, LEVEL_PT);
        out->bits[i] = (uint64_t)memory_type_effective(pat, range) << TRANSLATION_TYPE_SHIFT;
    }
}

enum memory_type memory_type_of_frame(const struct hw *hw, pfn_t f)
{
    uint64_t first, end;
    return type_at(hw, f, &first, &end);
}

bool memory_types_alike(const struct hw *hw, pfn_t f, uint64_t page_count)
{
    uint64_t start, end;
    enum memory_type first = type_at(hw, f, &start, &end);
    while (end - f.v < page_count) {
        page_count -= end - f.v;
        f.v = end;
        if (type_at(hw, f, &start, &end) != first) return false;
    }
    return true;
}

/* ---- accesses ---- */

static void close_line(struct write_buffers *w, unsigned which)
{
    w->count--;
    for (; which < w->count; which++) w->open[which] = w->open[which + 1];
}

/* Stores to a line that is open combine with those before, until it is full; the oldest one makes
 * room. A line pays for itself when it is opened. */
static void combine(struct hw *hw, uint64_t line, uint64_t bytes)
{
    struct write_buffers *w = &hw->cpu->combining;
    unsigned i = 0;
    while (i < w->count && w->open[i].line != line) i++;
    if (i == w->count) {
        charge(hw, COST_MMIO_WC, 1);
        if (w->count == WRITE_BUFFERS) close_line(w, 0);
        i = w->count++;
        w->open[i] = (struct write_line){ .line = line };
    }
    w->open[i].bytes |= bytes;
    if (w->open[i].bytes == UINT64_MAX) close_line(w, i);
}

/* The bytes of the line that are in [at, end), a bit each. */
static uint64_t bytes_of_line(uint64_t line, uint64_t at, uint64_t end)
{
    uint64_t start = line << CACHE_LINE_SHIFT;
    uint64_t before = at > start ? at - start : 0;
    uint64_t behind = end < start + CACHE_LINE_BYTES ? start + CACHE_LINE_BYTES - end : 0;
    return UINT64_MAX << before & UINT64_MAX >> behind;
}

static void write_through(struct hw *hw, enum memory_type type, pa_t at, uint64_t bytes)
{
    if (type != TYPE_WC) {
        if (type == TYPE_UC) memory_close_lines(hw);
        charge(hw, COST_MMIO_WRITE, 1);
        return;
    }
    uint64_t last = (at.v + bytes - 1) >> CACHE_LINE_SHIFT;
    for (uint64_t line = at.v >> CACHE_LINE_SHIFT; line <= last; line++)
        combine(hw, line, bytes_of_line(line, at.v, at.v + bytes));
}

void memory_access_typed(struct hw *hw, uint64_t entry, pa_t at, uint64_t bytes,
                         enum access_type access)
{
    enum memory_type type = translation_type(entry);
    if (access == ACCESS_WRITE) {
        write_through(hw, type, at, bytes);
    } else if (type == TYPE_WT || type == TYPE_WP) {
        memory_access(hw, at, bytes);
    } else {
        memory_close_lines(hw);
        charge(hw, COST_MMIO, 1);
    }
}
