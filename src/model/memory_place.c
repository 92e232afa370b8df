/* What the memory manager writes stands in the caches of the processor that it runs on.
 *
 * Whole page tables are placed level by level: lines that a level has not go on to the next one, in
 * the order in which they came. Of many tables that an LRU level has not, those that came last are
 * left in the end, as many as it has ways, whatever it held before. */
#include "model/memory_place.h"

#include "model/memory_lines.h"

#include <string.h>

enum { TABLE_LINES = 64 };
_Static_assert(TABLE_LINES * CACHE_LINE_BYTES == PAGE_BYTES, "lines of a page table");
_Static_assert((unsigned)TABLE_LINES == (unsigned)CACHE_PIECE_SETS, "one for each set of a piece");

void memory_place(struct hw *hw, pa_t at, uint64_t bytes)
{
    if (!hw->has_caches) return;
    if (hw->nested) at = nested_address(at);
    uint64_t last = (at.v + bytes - 1) >> CACHE_LINE_SHIFT;
    for (uint64_t line = at.v >> CACHE_LINE_SHIFT; line <= last; line++)
        memory_find(hw, line);
}

/* Whether the level has packed sets, and the lines of a page table fall into those of one piece. */
static bool has_table_pieces(const struct cache *c)
{
    return c->is_packed && !c->is_hashed && c->sets % CACHE_PIECE_SETS == 0;
}

static unsigned piece_of(const struct cache *c, const struct placed_table *t)
{
    return cache_set_of(c, t->first_line) >> CACHE_PIECE_SHIFT;
}

/* Most often a set used that very line last, when the same pages were mapped before. */
static void place_in_piece(struct cache *c, uint64_t *piece, struct placed_table *t)
{
    uint64_t found = 0, tag = t->first_line + 1;
    const uint64_t *set = piece;
    for (unsigned i = 0; i < TABLE_LINES; i++, set += c->set_words)
        found |= (uint64_t)(set[SET_NEWEST] == tag + i) << i;
    for (uint64_t rest = t->missed & ~found; rest != 0; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        if (cache_use_other(c, piece + (size_t)i * c->set_words, t->first_line + i))
            found |= rest & -rest;
    }
    t->missed &= ~found;
}

static void place_table(struct cache *c, struct placed_table *t)
{
    uint64_t *piece = has_table_pieces(c) ? c->piece[piece_of(c, t)] : NULL;
    if (piece != NULL) {
        place_in_piece(c, piece, t);
        return;
    }
    for (uint64_t rest = t->missed; rest != 0; rest &= rest - 1) {
        uint64_t line = t->first_line + (unsigned)__builtin_ctzll(rest);
        if (c->is_hashed) line = cache_scatter(line);
        if (cache_serves(c, line, 0)) t->missed &= ~(rest & -rest);
    }
}

/* ---- pieces of a cache that get many tables ---- */

/* The tables that go into one piece, in their order. */
struct piece_tables {
    struct placed_table *all;
    const uint16_t *which; /* of them */
    unsigned count;
};

static uint64_t first_line_of(const struct piece_tables *t, unsigned i)
{
    return t->all[t->which[i]].first_line;
}

/* Whether each table is wholly sought, and other than the `ways` before it. */
static bool are_fresh(const struct piece_tables *t, unsigned ways)
{
    for (unsigned i = 0; i < t->count; i++) {
        if (t->all[t->which[i]].missed != UINT64_MAX) return false;
        for (unsigned before = 1; before <= ways && before <= i; before++)
            if (first_line_of(t, i - before) == first_line_of(t, i)) return false;
    }
    return true;
}

/* Whether all lines of the i-th table are gone, or were never there, when it comes to it: before it
 * come i others that were not there either. */
static bool is_gone(const struct cache *c, const uint64_t *set, uint64_t first_line, unsigned i)
{
    for (unsigned line = 0; line < TABLE_LINES; line++, set += c->set_words)
        if (cache_packed_age(c, set, first_line + line) + i < c->ways) return false;
    return true;
}

/* Places tables none of whose lines are there, if so; the last ones take all places. */
static bool replace_all(struct cache *c, uint64_t *set, const struct piece_tables *t)
{
    uint64_t last[LRU_ORDER_WAYS_MOST];
    if (set == NULL || t->count < c->ways || !are_fresh(t, c->ways)) return false;
    for (unsigned i = 0; i < c->ways; i++)
        if (!is_gone(c, set, first_line_of(t, i), i)) return false;
    for (unsigned i = 0; i < c->ways; i++) last[i] = first_line_of(t, t->count - 1 - i);
    for (unsigned line = 0; line < TABLE_LINES; line++, set += c->set_words) {
        c->counts.evictions += cache_packed_count(c, set) + t->count - c->ways;
        cache_packed_replace(c, set, last, line);
    }
    return true;
}

/* Piece by piece: what goes into one changes no other. */
static void place_by_pieces(struct cache *c, struct placing *p, unsigned pieces)
{
    uint16_t which[PLACING_MOST], first[PLACING_MOST + 1] = { 0 };
    for (unsigned i = 0; i < p->count; i++) first[piece_of(c, &p->table[i]) + 1]++;
    for (unsigned i = 0; i < pieces; i++) first[i + 1] = (uint16_t)(first[i + 1] + first[i]);
    for (unsigned i = 0; i < p->count; i++)
        which[first[piece_of(c, &p->table[i])]++] = (uint16_t)i;
    for (unsigned i = 0, start = 0; i < pieces; start = first[i++]) {
        struct piece_tables t = { p->table, which + start, first[i] - start };
        if (replace_all(c, c->piece[i], &t)) continue;
        for (unsigned k = 0; k < t.count; k++) place_table(c, &t.all[t.which[k]]);
    }
}

static void place_tables(struct cache *c, struct placing *p)
{
    uint32_t pieces = c->sets / CACHE_PIECE_SETS;
    if (has_table_pieces(c) && (uint64_t)pieces * c->ways <= p->count) {
        place_by_pieces(c, p, pieces);
        return;
    }
    for (unsigned i = 0; c->ways != 0 && i < p->count; i++) place_table(c, &p->table[i]);
}

void placing_flush(struct hw *hw, struct placing *p)
{
    place_tables(&hw->cpu->l1d_cache, p);
    place_tables(&hw->cpu->l2_cache, p);
    place_tables(hw->cpu->l3_cache, p);
    p->count = 0;
}

void placing_add(struct hw *hw, struct placing *p, pfn_t table)
{
    if (!hw->has_caches) return;
    if (p->count == PLACING_MOST) placing_flush(hw, p);
    pa_t at = pfn_to_pa(table);
    if (hw->nested) at = nested_address(at);
    p->table[p->count++] = (struct placed_table){ at.v >> CACHE_LINE_SHIFT, UINT64_MAX };
}
