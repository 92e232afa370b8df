/* Records of frames: who holds each one. Frames that nobody took yet have no record. */
#include "mm/pfn.h"

#include "base/check.h"
#include "mm/mm.h"
#include "mm/pfn_layout.h"

void frames_init(struct mm *mm, const struct mm_config *config)
{
    struct frames *frames = &mm->frames;
    *frames = (struct frames){ .kind = (enum fragmentation_kind)config->fragmentation,
                               .system_pages = config->system_pages,
                               .zeroed_percent = config->zeroed_percent,
                               .total = mm->hw->phys.ram_pages };
    CHECK2(frames->zeroed_percent <= 100, frames->zeroed_percent, 0);
    CHECK2(frames->system_pages <= frames->total, frames->system_pages, frames->total);
    map_init(&frames->chunks, mm->from);
    map_init(&frames->io_references, mm->from);
    runs_init(&frames->zeroed, mm->from);
    runs_init(&frames->free, mm->from);
    runs_init(&frames->virgin, mm->from);
    layout_init(mm, config);
    uint64_t free_count = frames_available(mm);
    gauge_add(&frames->now[FRAME_ACTIVE], frames->total - free_count, cycles(0));
}

void frames_free(struct mm *mm)
{
    struct frames *frames = &mm->frames;
    for (size_t i = 0; i < frames->chunk_count; i++)
        mem_free(mm->from, frames->chunk_list[i], 1, sizeof **frames->chunk_list);
    mem_free(mm->from, frames->chunk_list, frames->chunk_capacity, sizeof *frames->chunk_list);
    layout_free(mm);
    map_free(&frames->chunks);
    map_free(&frames->io_references);
    runs_free(&frames->zeroed);
    runs_free(&frames->free);
    runs_free(&frames->virgin);
}

bool frame_in_ram(const struct mm *mm, pfn_t f)
{
    return phys_ram_at(&mm->hw->phys, f) != NULL;
}

uint64_t frames_available(const struct mm *mm)
{
    const struct gauge *now = mm->frames.now;
    return now[FRAME_ZEROED].now + now[FRAME_FREE].now + now[FRAME_STANDBY].now;
}

static struct frame_chunk *chunk_make(struct mm *mm, uint64_t number)
{
    struct frames *frames = &mm->frames;
    struct frame_chunk *chunk = mem_new(mm->from, 1, sizeof *chunk);
    chunk->number = number;
    chunk->all_ram = true;
    for (uint64_t i = 0; i < FRAME_CHUNK; i++) {
        chunk->frames[i] = layout_initial(mm, number * FRAME_CHUNK + i);
        if (chunk->frames[i].state == FRAME_STATE_COUNT) chunk->all_ram = false;
    }
    frames->chunk_list = mem_grow(mm->from, frames->chunk_list, &frames->chunk_capacity,
                                  frames->chunk_count + 1, sizeof *frames->chunk_list);
    frames->chunk_list[frames->chunk_count++] = chunk;
    map_set(&frames->chunks, number, frames->chunk_count);
    return chunk;
}

/* The chunk of a frame, NULL when it has none. */
static struct frame_chunk *chunk_find(struct frames *frames, pfn_t f)
{
    uint64_t number = f.v / FRAME_CHUNK;
    if (frames->last_chunk != NULL && frames->last_chunk->number == number)
        return frames->last_chunk;
    uint64_t index = map_at(&frames->chunks, number);
    if (index == 0) return NULL;
    frames->last_chunk = frames->chunk_list[index - 1];
    return frames->last_chunk;
}

struct frame *frame_search(struct mm *mm, pfn_t f)
{
    struct frame_chunk *chunk = chunk_find(&mm->frames, f);
    if (chunk == NULL) {
        if (!frame_in_ram(mm, f)) return NULL;
        chunk = chunk_make(mm, f.v / FRAME_CHUNK);
    }
    struct frame *frame = &chunk->frames[f.v % FRAME_CHUNK];
    return frame->state == FRAME_STATE_COUNT ? NULL : frame;
}

struct frame frame_peek(struct mm *mm, pfn_t f)
{
    const struct frame_chunk *chunk = chunk_find(&mm->frames, f);
    return chunk != NULL ? chunk->frames[f.v % FRAME_CHUNK] : layout_initial(mm, f.v);
}

static struct frame *frame_in_use(struct mm *mm, pfn_t f)
{
    struct frame *frame = frame_at(mm, f);
    CHECK2(frame != NULL && !frame_is_listed(frame), f.v, frame != NULL);
    charge(mm->hw, COST_PFN, 1);
    return frame;
}

/* The last reference is gone. The contents are dropped: nobody may count on them any more. */
static void frame_retire(struct mm *mm, pfn_t f, struct frame *frame)
{
    struct frames *frames = &mm->frames;
    gauge_sub(&frames->now[frame->state], 1);
    gauge_add(&frames->now[FRAME_FREE], 1, hw_now(mm->hw));
    *frame = (struct frame){ .state = FRAME_FREE };
    runs_add(&frames->free, f.v, 1);
    layout_returned(mm, f.v);
    phys_fill(&mm->hw->phys, f, FILL_UNKNOWN);
}

/* The owner let go, and locks keep the frame. A page table is none any more: a driver may have
 * locked it through a mapping that outlived the pages it was made for. */
static void frame_linger(struct mm *mm, struct frame *frame)
{
    frame->give_when_unlocked = 1;
    if (frame->state != FRAME_TABLE) return;
    gauge_sub(&mm->frames.now[FRAME_TABLE], 1);
    gauge_add(&mm->frames.now[FRAME_ACTIVE], 1, hw_now(mm->hw));
    frame->state = FRAME_ACTIVE;
    frame->owner = OWNER_SYSTEM;
}

void frame_give(struct mm *mm, pfn_t f)
{
    struct frame *frame = frame_in_use(mm, f);
    CHECK2(frame->shares > 0, f.v, frame->locks);
    frame->shares--;
    if (frame->shares > 0) return;
    if (frame->locks == 0) frame_retire(mm, f, frame);
    else frame_linger(mm, frame);
}

void frame_share(struct mm *mm, pfn_t f)
{
    struct frame *frame = frame_in_use(mm, f);
    CHECK2(frame->shares > 0 && frame->shares < UINT32_MAX, f.v, frame->shares);
    frame->shares++;
}

/* ---- many frames at once, run by run ---- */

struct frame_span frame_span(struct mm *mm, const uint64_t *pfns, uint64_t count)
{
    struct frame_span span = { frame_at(mm, pfn(pfns[0])), 1 };
    if (span.frames == NULL) return span;
    uint64_t first = pfns[0], room = FRAME_CHUNK - first % FRAME_CHUNK;
    if (count > room) count = room;
    while (span.count < count && pfns[span.count] == first + span.count) span.count++;
    if (mm->frames.last_chunk->all_ram) return span;
    for (uint64_t i = 1; i < span.count; i++)
        if (span.frames[i].state == FRAME_STATE_COUNT) span.count = i;
    return span;
}

uint64_t frames_in_use(struct mm *mm, const uint64_t *pfns, uint64_t count)
{
    for (uint64_t done = 0; done < count;) {
        struct frame_span span = frame_span(mm, pfns + done, count - done);
        if (span.frames == NULL) return done;
        uint64_t n = 0;
        while (n < span.count && !frame_is_listed(&span.frames[n])) n++;
        done += n;
        if (n < span.count) return done;
    }
    return count;
}

/* The peak of locked frames is reached with the last that was not locked yet, so that is when its
 * time is taken. */
static void span_lock(struct mm *mm, struct frame_span span)
{
    uint64_t fresh = 0, last = 0;
    for (uint64_t i = 0; i < span.count; i++) {
        struct frame *frame = &span.frames[i];
        CHECK2(!frame_is_listed(frame) && frame->locks < UINT32_MAX, i, frame->locks);
        if (frame->locks++ != 0) continue;
        fresh++;
        last = i + 1;
    }
    charge(mm->hw, COST_PFN, last);
    if (fresh > 0) gauge_add(&mm->frames.locked, fresh, hw_now(mm->hw));
    charge(mm->hw, COST_PFN, span.count - last);
}

void frames_lock(struct mm *mm, const uint64_t *pfns, uint64_t count)
{
    for (uint64_t done = 0; done < count;) {
        struct frame_span span = frame_span(mm, pfns + done, count - done);
        CHECK2(span.frames != NULL, pfns[done], done);
        span_lock(mm, span);
        done += span.count;
    }
}

void frame_lock(struct mm *mm, pfn_t f)
{
    frames_lock(mm, &f.v, 1);
}

void frame_unlock(struct mm *mm, pfn_t f)
{
    struct frame *frame = frame_in_use(mm, f);
    CHECK2(frame->locks > 0, f.v, frame->shares);
    frame->locks--;
    if (frame->locks == 0) gauge_sub(&mm->frames.locked, 1);
    if (!frame_is_listed(frame)) return;
    CHECK2(frame->give_when_unlocked, f.v, frame->shares);
    frame_retire(mm, f, frame);
}

/* Unlocks the frames up to the first that is not locked or that somebody must get back. */
static uint64_t span_unlock(struct mm *mm, struct frame_span span)
{
    uint64_t count = 0, free_now = 0;
    for (; count < span.count; count++) {
        struct frame *frame = &span.frames[count];
        if (frame->locks == 0 || frame_references(frame) == 1) break;
        free_now += --frame->locks == 0;
    }
    charge(mm->hw, COST_PFN, count);
    gauge_sub(&mm->frames.locked, free_now);
    return count;
}

uint64_t frames_unlock(struct mm *mm, const uint64_t *pfns, uint64_t count)
{
    for (uint64_t done = 0; done < count;) {
        struct frame_span span = frame_span(mm, pfns + done, count - done);
        if (span.frames == NULL) return done;
        uint64_t n = span_unlock(mm, span);
        done += n;
        if (n == span.count) continue;
        if (span.frames[n].locks == 0) return done;
        frame_unlock(mm, pfn(pfns[done++]));
    }
    return count;
}

void frame_io_hold(struct mm *mm, pfn_t f)
{
    struct frames *frames = &mm->frames;
    uint64_t held = map_at(&frames->io_references, f.v);
    CHECK2(!frame_in_ram(mm, f), f.v, held);
    map_set(&frames->io_references, f.v, held + 1);
    if (held == 0) gauge_add(&frames->io, 1, hw_now(mm->hw));
}

void frame_io_drop(struct mm *mm, pfn_t f)
{
    struct frames *frames = &mm->frames;
    uint64_t held = map_at(&frames->io_references, f.v);
    CHECK2(held > 0, f.v, held);
    if (held > 1) {
        map_set(&frames->io_references, f.v, held - 1);
        return;
    }
    map_remove(&frames->io_references, f.v);
    gauge_sub(&frames->io, 1);
}

/* ---- invariants ---- */

static bool on_list(const struct mm *mm, uint64_t n, uint8_t state)
{
    const struct frames *frames = &mm->frames;
    bool zeroed = runs_has(&frames->zeroed, n, 1), free_now = runs_has(&frames->free, n, 1);
    if (!zeroed && !free_now && runs_has(&frames->virgin, n, 1)) {
        struct frame initial = layout_initial(mm, n);
        zeroed = initial.state == FRAME_ZEROED;
        free_now = initial.state == FRAME_FREE;
    }
    return zeroed == (state == FRAME_ZEROED) && free_now == (state == FRAME_FREE);
}

static void frame_check(const struct mm *mm, uint64_t n, const struct frame *frame)
{
    bool listed = frame->state == FRAME_ZEROED || frame->state == FRAME_FREE;
    CHECK2(on_list(mm, n, frame->state), n, frame->state);
    CHECK2(listed == frame_is_listed(frame), n, frame_references(frame));
    CHECK2(frame->give_when_unlocked == (!listed && frame->shares == 0), n, frame->shares);
    CHECK2((frame->owner == OWNER_NONE) == listed, n, frame->owner);
    CHECK2((frame->owner == OWNER_TABLE) == (frame->state == FRAME_TABLE), n, frame->owner);
}

void frames_check(struct mm *mm)
{
    const struct frames *frames = &mm->frames;
    uint64_t sum = 0, tables = 0, locked = 0;
    for (unsigned i = 0; i < FRAME_STATE_COUNT; i++) sum += frames->now[i].now;
    CHECK2(sum == frames->total, sum, frames->total);
    layout_check(frames);
    for (size_t i = 0; i < frames->chunk_count; i++) {
        const struct frame_chunk *chunk = frames->chunk_list[i];
        for (unsigned j = 0; j < FRAME_CHUNK; j++) {
            const struct frame *frame = &chunk->frames[j];
            if (frame->state == FRAME_STATE_COUNT) continue;
            frame_check(mm, chunk->number * FRAME_CHUNK + j, frame);
            tables += frame->state == FRAME_TABLE;
            locked += frame->locks > 0;
        }
    }
    CHECK2(tables == frames->now[FRAME_TABLE].now, tables, frames->now[FRAME_TABLE].now);
    CHECK2(locked == frames->locked.now, locked, frames->locked.now);
    CHECK2(frames->io.now == frames->io_references.count, frames->io.now,
           frames->io_references.count);
}
