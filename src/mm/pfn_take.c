/* Which free frames a request gets. */
#include "base/check.h"
#include "mm/pfn_chunk.h"
#include "mm/pfn_layout.h"

/* One request on its way. */
struct taking {
    struct mm *mm;
    enum frame_want want;
    enum frame_owner owner;
    uint64_t count, taken;
    uint64_t *out;
};

static const enum frame_state list_states[LIST_COUNT] = { [LIST_ZEROED] = FRAME_ZEROED,
                                                          [LIST_FREE] = FRAME_FREE };

/* The list to look at first, or second. */
static enum frame_list list_at(enum frame_want want, unsigned turn)
{
    return (want == WANT_ZEROED) == (turn == 0) ? LIST_ZEROED : LIST_FREE;
}

/* Takes [start, start + count) from a list. */
static void claim(struct taking *t, enum frame_list list, uint64_t start, uint64_t count)
{
    struct mm *mm = t->mm;
    struct frames *frames = &mm->frames;
    runs_remove(layout_list(frames, list), start, count);
    gauge_sub(&frames->now[list_states[list]], count);
    charge(mm->hw, COST_PFN, count);
    bool zero_now = t->want == WANT_ZEROED && list == LIST_FREE;
    if (zero_now) {
        charge(mm->hw, COST_ZERO, count);
        frames->traffic_zeroed += count;
    }
    enum phys_fill fill = zero_now || list == LIST_ZEROED ? FILL_ZERO : FILL_UNKNOWN;
    enum frame_state state = t->owner == OWNER_TABLE ? FRAME_TABLE : FRAME_ACTIVE;
    for (uint64_t i = 0; i < count; i++) {
        frame_own(mm, pfn(start + i), state, t->owner);
        phys_fill(&mm->hw->phys, pfn(start + i), fill);
        if (t->out != NULL) t->out[t->taken + i] = start + i;
    }
    gauge_add(&frames->now[state], count, hw_now(mm->hw));
    t->taken += count;
}

static void take_ascending(struct taking *t, enum frame_list list, struct frame_window window)
{
    struct run run;
    while (t->taken < t->count && window.first <= window.last &&
           layout_next(&t->mm->frames, list, window, &run)) {
        uint64_t left = t->count - t->taken;
        claim(t, list, run.start, run.count < left ? run.count : left);
    }
}

static void take_shuffled(struct taking *t, enum frame_list list)
{
    uint64_t n;
    while (t->taken < t->count && layout_shuffled(&t->mm->frames, list, &n)) claim(t, list, n, 1);
}

/* Both lists, the wanted one first, on the given node only. */
static void take_on_node(struct taking *t, struct frame_window window, uint32_t node)
{
    const struct frames *frames = &t->mm->frames;
    for (unsigned turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < frames->part_count; i++) {
            const struct frame_part *part = &frames->parts[i];
            if (part->node != node) continue;
            struct frame_window inside = {
                part->first > window.first ? part->first : window.first,
                part->end - 1 < window.last ? part->end - 1 : window.last,
            };
            take_ascending(t, list_at(t->want, turn), inside);
        }
    }
}

static bool all_on_node(const struct frames *frames, uint32_t node)
{
    for (size_t i = 0; i < frames->part_count; i++)
        if (frames->parts[i].node != node) return false;
    return true;
}

uint64_t frames_take(struct mm *mm, uint64_t count, enum frame_want want, enum frame_owner owner,
                     uint64_t first, uint64_t last, uint32_t node, bool node_only, uint64_t *out)
{
    struct taking t = { mm, want, owner, count, 0, out };
    struct frame_window window = { first, last };
    if (node != UINT32_MAX && !all_on_node(&mm->frames, node)) {
        take_on_node(&t, window, node);
        if (node_only) return t.taken;
    }
    bool anywhere = first == 0 && last >= phys_ram_end(&mm->hw->phys).v - 1;
    bool shuffled = mm->frames.kind == FRAGMENTATION_SHUFFLED && anywhere;
    for (unsigned turn = 0; turn < 2; turn++) {
        if (shuffled) take_shuffled(&t, list_at(want, turn));
        else take_ascending(&t, list_at(want, turn), window);
    }
    return t.taken;
}

bool frame_take(struct mm *mm, enum frame_want want, enum frame_owner owner, pfn_t *out)
{
    return frames_take(mm, 1, want, owner, 0, UINT64_MAX, UINT32_MAX, false, &out->v) == 1;
}

/* Takes a block whose frames are all on one list or the other. */
static void claim_block(struct taking *t, uint64_t start)
{
    struct frames *frames = &t->mm->frames;
    for (uint64_t at = start, end = start + t->count; at < end;) {
        struct run run;
        bool zeroed = runs_at_or_after(&frames->zeroed, at, &run) && run.start <= at;
        if (!zeroed) CHECK2(runs_at_or_after(&frames->free, at, &run) && run.start <= at, at, end);
        uint64_t stop = run.start + run.count < end ? run.start + run.count : end;
        claim(t, zeroed ? LIST_ZEROED : LIST_FREE, at, stop - at);
        at = stop;
    }
}

bool frames_take_block(struct mm *mm, uint64_t count, uint64_t align, enum frame_want want,
                       enum frame_owner owner, uint64_t first, uint64_t last, uint32_t node,
                       pfn_t *out)
{
    struct frames *frames = &mm->frames;
    struct taking t = { mm, want, owner, count, 0, NULL };
    CHECK2(count >= 1 && align >= 1, count, align);
    for (unsigned turn = 0; turn < 2; turn++) {
        if (turn == 0 && node == UINT32_MAX) continue;
        for (size_t i = 0; i < frames->part_count; i++) {
            const struct frame_part *part = &frames->parts[i];
            if (turn == 0 && part->node != node) continue;
            struct frame_window window = { first, last };
            if (!layout_block(frames, part, window, count, align, &out->v)) continue;
            claim_block(&t, out->v);
            return true;
        }
    }
    return false;
}
