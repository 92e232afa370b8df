/* The initial lists of frames and the order in which they are taken. Checkerboard ranges are laid
 * out when somebody looks at them, so that a machine of any size starts at once. */
#include "mm/pfn_layout.h"

#include "base/check.h"
#include "mm/mm.h"

enum { CHECKER_CHUNK = 1024 }; /* frames laid out at a time, at least one period */

/* ---- what the frames were at the start ---- */

/* Of the first `count` frames of a part, how many start free. */
static uint64_t free_among(const struct frames *frames, uint64_t count)
{
    if (frames->kind != FRAGMENTATION_CHECKERBOARD) return count;
    uint64_t run = frames->checker_run, period = run * 2, rest = count % period;
    return count / period * run + (rest < run ? rest : run);
}

/* The offset in a part of its free frame number `index`. */
static uint64_t offset_of_free(const struct frames *frames, uint64_t index)
{
    if (frames->kind != FRAGMENTATION_CHECKERBOARD) return index;
    uint64_t run = frames->checker_run;
    return index / run * run * 2 + index % run;
}

static bool starts_free(const struct frames *frames, uint64_t offset)
{
    if (frames->kind != FRAGMENTATION_CHECKERBOARD) return true;
    return offset % (frames->checker_run * 2) < frames->checker_run;
}

static const struct frame_part *part_at(const struct frames *frames, uint64_t n)
{
    size_t low = 0, high = frames->part_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (frames->parts[middle].first <= n) low = middle + 1;
        else high = middle;
    }
    if (low == 0 || n >= frames->parts[low - 1].end) return NULL;
    return &frames->parts[low - 1];
}

struct frame layout_initial(const struct mm *mm, uint64_t n)
{
    if (!frame_in_ram(mm, pfn(n))) return (struct frame){ .state = FRAME_STATE_COUNT };
    const struct frame_part *part = part_at(&mm->frames, n);
    if (part == NULL || !starts_free(&mm->frames, n - part->first)) {
        return (struct frame){ .shares = 1, .state = FRAME_ACTIVE,
                               .cache = FRAME_CACHED, .owner = OWNER_SYSTEM };
    }
    return (struct frame){ .state = n < part->border ? FRAME_ZEROED : FRAME_FREE };
}

struct runs *layout_list(struct frames *frames, enum frame_list list)
{
    return list == LIST_ZEROED ? &frames->zeroed : &frames->free;
}

/* ---- set-up ---- */

static void part_init(struct frames *frames, struct frame_part *part)
{
    uint64_t free_count = free_among(frames, part->end - part->first);
    part->zeroed = free_count / 100 * frames->zeroed_percent +
                   free_count % 100 * frames->zeroed_percent / 100;
    part->free = free_count - part->zeroed;
    part->border = part->free == 0 ? part->end
                                   : part->first + offset_of_free(frames, part->zeroed);
    gauge_add(&frames->now[FRAME_ZEROED], part->zeroed, cycles(0));
    gauge_add(&frames->now[FRAME_FREE], part->free, cycles(0));
    if (frames->kind == FRAGMENTATION_CHECKERBOARD) {
        runs_add(&frames->virgin, part->first, part->end - part->first);
        return;
    }
    runs_add(&frames->zeroed, part->first, part->border - part->first);
    runs_add(&frames->free, part->border, part->end - part->border);
}

void layout_init(struct mm *mm, const struct mm_config *config)
{
    struct frames *frames = &mm->frames;
    const struct phys *phys = &mm->hw->phys;
    uint64_t left = frames->system_pages;
    frames->checker_run = config->fragmentation_run == 0 ? 1 : config->fragmentation_run;
    if (frames->checker_run > frames->total) frames->checker_run = frames->total + 1;
    frames->parts = mem_new(mm->from, phys->ram_count, sizeof *frames->parts);
    for (size_t i = 0; i < phys->ram_count; i++) {
        const struct phys_range *ram = &phys->ram[i];
        uint64_t taken = left < ram->page_count ? left : ram->page_count;
        left -= taken;
        if (taken == ram->page_count) continue;
        struct frame_part *part = &frames->parts[frames->part_count++];
        *part = (struct frame_part){ .first = ram->first.v + taken,
                                     .end = ram->first.v + ram->page_count, .node = ram->node };
        part_init(frames, part);
    }
    for (enum frame_list list = 0; list < LIST_COUNT; list++) {
        uint64_t count = layout_list(frames, list)->total;
        if (frames->kind == FRAGMENTATION_SHUFFLED && count > 0)
            permutation_init(&frames->order[list], count, config->fragmentation_seed + list);
    }
}

void layout_free(struct mm *mm)
{
    struct frames *frames = &mm->frames;
    mem_free(mm->from, frames->parts, mm->hw->phys.ram_count, sizeof *frames->parts);
    mem_free(mm->from, frames->returned, frames->returned_capacity, sizeof *frames->returned);
}

/* ---- checkerboard ---- */

/* Lays out whole periods from the one that holds `from` to the one that holds `last`, or until the
 * virgin run ends. */
static void lay_out(struct frames *frames, const struct frame_part *part, uint64_t from,
                    uint64_t last)
{
    uint64_t run = frames->checker_run, period = run * 2;
    uint64_t start = from - (from - part->first) % period, at = start;
    while (at <= last && at < part->end && runs_has(&frames->virgin, at, 1)) {
        uint64_t end = part->end - at > run ? at + run : part->end;
        uint64_t cut = part->border < at ? at : part->border > end ? end : part->border;
        runs_add(&frames->zeroed, at, cut - at);
        runs_add(&frames->free, cut, end - cut);
        at = part->end - at > period ? at + period : part->end;
    }
    runs_remove(&frames->virgin, start, at - start);
}

/* Where the first frame of a list may be that is not laid out yet. */
static const struct frame_part *virgin_next(const struct frames *frames, enum frame_list list,
                                            struct frame_window window, uint64_t *at)
{
    for (size_t i = 0; i < frames->part_count; i++) {
        const struct frame_part *part = &frames->parts[i];
        uint64_t low = list == LIST_ZEROED ? part->first : part->border;
        uint64_t end = list == LIST_ZEROED ? part->border : part->end;
        if (low < window.first) low = window.first;
        if (low > window.last || low >= end) continue;
        struct run virgin;
        if (!runs_at_or_after(&frames->virgin, low, &virgin)) return NULL;
        *at = virgin.start > low ? virgin.start : low;
        if (*at < end && *at <= window.last) return part;
    }
    return NULL;
}

bool layout_next(struct frames *frames, enum frame_list list, struct frame_window window,
                 struct run *out)
{
    for (;;) {
        bool found = runs_at_or_after(layout_list(frames, list), window.first, out) &&
                     out->start <= window.last;
        if (found && out->start < window.first) {
            out->count -= window.first - out->start;
            out->start = window.first;
        }
        if (found && out->count - 1 > window.last - out->start)
            out->count = window.last - out->start + 1;
        if (frames->virgin.total == 0 || (found && out->start == window.first)) return found;
        uint64_t at, last = found ? out->start - 1 : window.last;
        const struct frame_part *part =
            virgin_next(frames, list, (struct frame_window){ window.first, last }, &at);
        if (part == NULL) return found;
        uint64_t chunk = at - 1 + CHECKER_CHUNK;
        lay_out(frames, part, at, chunk < last ? chunk : last);
    }
}

/* ---- blocks ---- */

static bool align_up(uint64_t n, uint64_t align, uint64_t *out)
{
    uint64_t rest = n % align;
    return add_fits(n, rest == 0 ? 0 : align - rest, out);
}

/* Whether [at, at + count) lies inside the window. */
static bool in_window(struct frame_window window, uint64_t at, uint64_t count)
{
    return at <= window.last && window.last - at >= count - 1;
}

/* The lowest fit on the lists: runs of both that touch count as one. */
static bool laid_block(const struct frames *frames, struct frame_window window, uint64_t count,
                       uint64_t align, uint64_t *start)
{
    uint64_t at = window.first;
    for (;;) {
        struct run zeroed, free_run;
        bool has_zeroed = runs_at_or_after(&frames->zeroed, at, &zeroed);
        bool has_free = runs_at_or_after(&frames->free, at, &free_run);
        if (!has_zeroed && !has_free) return false;
        struct run run = !has_free || (has_zeroed && zeroed.start < free_run.start) ? zeroed
                                                                                    : free_run;
        uint64_t end = run.start + run.count;
        while (runs_has(&frames->zeroed, end, 1) || runs_has(&frames->free, end, 1)) {
            struct run next;
            if (!runs_has(&frames->zeroed, end, 1)) runs_at_or_after(&frames->free, end, &next);
            else runs_at_or_after(&frames->zeroed, end, &next);
            end = next.start + next.count;
        }
        if (run.start > at) at = run.start;
        if (!align_up(at, align, start) || !in_window(window, *start, count)) return false;
        if (*start < end && end - *start >= count) return true;
        at = end;
    }
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The lowest fit in one virgin run, by arithmetic: after the least common multiple of the alignment
 * and the period the pattern repeats, so looking further is in vain. */
static bool virgin_block(const struct frames *frames, const struct frame_part *part,
                         struct frame_window window, uint64_t count, uint64_t align,
                         uint64_t *start)
{
    uint64_t run = frames->checker_run, period = run * 2, at, cycle, stop;
    if (count > run || !align_up(window.first, align, &at)) return false;
    if (!mul_fits(align / common_divisor(align, period), period, &cycle)) cycle = UINT64_MAX;
    if (!add_fits(at, cycle, &stop)) stop = UINT64_MAX;
    while (at < stop && in_window(window, at, count)) {
        uint64_t offset = at - part->first, place = offset % period;
        if (place + count <= run) {
            *start = at;
            return true;
        }
        if (!align_up(part->first + (offset - place) + period, align, &at)) return false;
    }
    return false;
}

bool layout_block(struct frames *frames, const struct frame_part *part, struct frame_window window,
                  uint64_t count, uint64_t align, uint64_t *start)
{
    if (window.first < part->first) window.first = part->first;
    if (window.last >= part->end) window.last = part->end - 1;
    if (window.first > window.last || !in_window(window, window.first, count)) return false;
    bool found = laid_block(frames, window, count, align, start);
    struct run virgin;
    for (uint64_t at = window.first; runs_at_or_after(&frames->virgin, at, &virgin);) {
        uint64_t last = virgin.start + virgin.count - 1;
        struct frame_window inside = { virgin.start > at ? virgin.start : at,
                                       last < window.last ? last : window.last };
        if (inside.first > inside.last || (found && inside.first >= *start)) break;
        uint64_t fit;
        if (virgin_block(frames, part, inside, count, align, &fit) && (!found || fit < *start)) {
            lay_out(frames, part, fit, fit + count - 1);
            *start = fit;
            return true;
        }
        at = last + 1;
    }
    return found;
}

/* ---- shuffled ---- */

/* Keeps the newest mention of each frame that is still free. */
static void returned_compact(struct mm *mm)
{
    struct frames *frames = &mm->frames;
    struct map seen;
    map_init(&seen, mm->from);
    size_t kept = frames->returned_count;
    for (size_t i = frames->returned_count; i > 0; i--) {
        uint64_t n = frames->returned[i - 1];
        if (map_find(&seen, n) != NULL || !runs_has(&frames->free, n, 1)) continue;
        map_set(&seen, n, 1);
        frames->returned[--kept] = n;
    }
    map_free(&seen);
    frames->returned_count -= kept;
    for (size_t i = 0; i < frames->returned_count; i++)
        frames->returned[i] = frames->returned[kept + i];
}

void layout_returned(struct mm *mm, uint64_t n)
{
    struct frames *frames = &mm->frames;
    if (frames->kind != FRAGMENTATION_SHUFFLED) return;
    if (frames->returned_count == frames->returned_capacity) {
        returned_compact(mm);
        frames->returned = mem_grow(mm->from, frames->returned, &frames->returned_capacity,
                                    frames->returned_count * 2 + 1, sizeof *frames->returned);
    }
    frames->returned[frames->returned_count++] = n;
}

/* The frame that was number `index` of a list at the start. */
static uint64_t initial_frame(const struct frames *frames, enum frame_list list, uint64_t index)
{
    for (size_t i = 0; i < frames->part_count; i++) {
        const struct frame_part *part = &frames->parts[i];
        uint64_t count = list == LIST_ZEROED ? part->zeroed : part->free;
        if (index < count) return (list == LIST_ZEROED ? part->first : part->border) + index;
        index -= count;
    }
    BUG2("no such frame at the start", list, index);
}

bool layout_shuffled(struct frames *frames, enum frame_list list, uint64_t *out)
{
    const struct runs *runs = layout_list(frames, list);
    while (list == LIST_FREE && frames->returned_count > 0) {
        *out = frames->returned[--frames->returned_count];
        if (runs_has(runs, *out, 1)) return true;
    }
    while (frames->order_next[list] < frames->order[list].count) {
        uint64_t index = permutation_at(&frames->order[list], frames->order_next[list]++);
        *out = initial_frame(frames, list, index);
        if (runs_has(runs, *out, 1)) return true;
    }
    CHECK2(runs->total == 0, list, runs->total);
    return false;
}

/* ---- invariants ---- */

/* Free frames of a virgin run that are on a list as the counts see it. */
static void virgin_count(const struct frames *frames, struct run run, uint64_t count[LIST_COUNT])
{
    const struct frame_part *part = part_at(frames, run.start);
    CHECK2(part != NULL, run.start, run.count);
    uint64_t start = run.start - part->first, end = start + run.count;
    CHECK2(start % (frames->checker_run * 2) == 0, run.start, run.count);
    uint64_t border = part->border - part->first;
    uint64_t cut = border < start ? start : border > end ? end : border;
    count[LIST_ZEROED] += free_among(frames, cut) - free_among(frames, start);
    count[LIST_FREE] += free_among(frames, end) - free_among(frames, cut);
}

void layout_check(const struct frames *frames)
{
    runs_check(&frames->zeroed);
    runs_check(&frames->free);
    runs_check(&frames->virgin);
    uint64_t count[LIST_COUNT] = { frames->zeroed.total, frames->free.total };
    for (size_t i = 0; i < frames->part_count; i++) {
        const struct frame_part *part = &frames->parts[i];
        struct run run;
        for (uint64_t at = part->first;
             at < part->end && runs_at_or_after(&frames->virgin, at, &run) &&
             run.start < part->end;) {
            uint64_t end = run.start + run.count < part->end ? run.start + run.count : part->end;
            if (run.start < at) run.start = at;
            run.count = end - run.start;
            virgin_count(frames, run, count);
            at = end;
        }
    }
    CHECK2(count[LIST_ZEROED] == frames->now[FRAME_ZEROED].now, count[LIST_ZEROED],
           frames->now[FRAME_ZEROED].now);
    CHECK2(count[LIST_FREE] == frames->now[FRAME_FREE].now, count[LIST_FREE],
           frames->now[FRAME_FREE].now);
}
