/* Records of frames: who holds each one. Frames that nobody took yet have no record. */
#include "mm/pfn.h"

#include "base/check.h"
#include "mm/pfn_chunk.h"
#include "mm/pfn_layout.h"

void frames_init(struct mm *mm, const struct mm_config *config)
{
    struct frames *frames = &mm->frames;
    *frames = (struct frames){ .kind = (enum fragmentation_kind)config->fragmentation,
                               .system_pages = config->system_pages,
                               .zeroed_percent = config->zeroed_percent,
                               .total = mm->hw->phys.ram_pages,
                               .words = { .from = mm->from },
                               .records = { .from = mm->from } };
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
    arena_free(&frames->words);
    arena_free(&frames->records);
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

/* A frame of RAM as it was at the start. */
static void record_make(struct frame_chunk *chunk, unsigned i, const struct frame *initial)
{
    uint64_t bit = UINT64_C(1) << i;
    chunk->frames[i] = (struct frame_record){ .shares = initial->shares, .state = initial->state,
                                              .cache = initial->cache, .owner = initial->owner };
    chunk->ram |= bit;
    chunk_mark(&chunk->owned, bit, initial->shares > 0);
    chunk_mark(&chunk->cached, bit, initial->cache == FRAME_CACHED);
}

static struct frame_chunk *chunk_make(struct mm *mm, uint64_t number)
{
    struct frames *frames = &mm->frames;
    struct frame_chunk *chunk = arena_new(&frames->words, 1, sizeof *chunk);
    chunk->number = number;
    chunk->frames = arena_new(&frames->records, FRAME_CHUNK, sizeof *chunk->frames);
    for (unsigned i = 0; i < FRAME_CHUNK; i++) {
        struct frame initial = layout_initial(mm, number * FRAME_CHUNK + i);
        if (initial.state != FRAME_STATE_COUNT) record_make(chunk, i, &initial);
    }
    frames->chunk_list = mem_grow(mm->from, frames->chunk_list, &frames->chunk_capacity,
                                  frames->chunk_count + 1, sizeof *frames->chunk_list);
    frames->chunk_list[frames->chunk_count++] = chunk;
    map_set(&frames->chunks, number, frames->chunk_count);
    return chunk;
}

/* The chunk of a frame, NULL when it has none. Chunks are mostly looked for in the same order again
 * and again: many frames are many chunks, one behind the other. */
static struct frame_chunk *chunk_find(struct frames *frames, pfn_t f)
{
    uint64_t number = f.v / FRAME_CHUNK;
    struct frame_chunk *last = frames->last_chunk, *next = last == NULL ? NULL : last->next;
    if (last != NULL && last->number == number) return last;
    if (next == NULL || next->number != number) {
        uint64_t index = map_at(&frames->chunks, number);
        if (index == 0) return NULL;
        next = frames->chunk_list[index - 1];
        if (last != NULL) last->next = next;
    }
    frames->last_chunk = next;
    return next;
}

struct frame_chunk *chunk_search(struct mm *mm, pfn_t f)
{
    struct frame_chunk *chunk = chunk_find(&mm->frames, f);
    if (chunk != NULL || !frame_in_ram(mm, f)) return chunk;
    return chunk_make(mm, f.v / FRAME_CHUNK);
}

static struct frame frame_of(const struct frame_chunk *chunk, unsigned i)
{
    const struct frame_record *record = &chunk->frames[i];
    uint32_t locked = chunk->locked >> i & 1;
    if ((chunk->ram >> i & 1) == 0) return (struct frame){ .state = FRAME_STATE_COUNT };
    return (struct frame){ record->shares, locked + record->relocks, record->state, record->cache,
                           record->owner };
}

struct frame frame_peek(struct mm *mm, pfn_t f)
{
    const struct frame_chunk *chunk = chunk_find(&mm->frames, f);
    return chunk != NULL ? frame_of(chunk, f.v % FRAME_CHUNK) : layout_initial(mm, f.v);
}

static struct frame_record *record_at(struct mm *mm, pfn_t f, struct frame_chunk **chunk)
{
    *chunk = chunk_at(mm, f);
    CHECK2(*chunk != NULL, f.v, 0);
    return &(*chunk)->frames[f.v % FRAME_CHUNK];
}

void frame_set_cache(struct mm *mm, pfn_t f, enum frame_cache cache)
{
    struct frame_chunk *chunk;
    record_at(mm, f, &chunk)->cache = (uint8_t)cache;
    chunk_mark(&chunk->cached, chunk_bit(f), cache == FRAME_CACHED);
}

void frame_set_owner(struct mm *mm, pfn_t f, enum frame_owner owner)
{
    struct frame_chunk *chunk;
    record_at(mm, f, &chunk)->owner = (uint8_t)owner;
}

void frame_own(struct mm *mm, pfn_t f, enum frame_state state, enum frame_owner owner)
{
    struct frame_chunk *chunk;
    *record_at(mm, f, &chunk) = (struct frame_record){ .shares = 1, .state = (uint8_t)state,
                                                       .owner = (uint8_t)owner };
    chunk->owned |= chunk_bit(f);
    chunk->cached &= ~chunk_bit(f);
}

/* A frame that has an owner; looking at it costs. */
static struct frame_record *record_owned(struct mm *mm, pfn_t f, struct frame_chunk **chunk)
{
    struct frame_record *record = record_at(mm, f, chunk);
    CHECK2(record->shares > 0, f.v, record->state);
    charge(mm->hw, COST_PFN, 1);
    return record;
}

/* The contents are dropped: nobody may count on them any more. */
void frame_retire(struct mm *mm, pfn_t f, struct frame_chunk *chunk)
{
    struct frames *frames = &mm->frames;
    struct frame_record *record = &chunk->frames[f.v % FRAME_CHUNK];
    gauge_sub(&frames->now[record->state], 1);
    gauge_add(&frames->now[FRAME_FREE], 1, hw_now(mm->hw));
    *record = (struct frame_record){ .state = FRAME_FREE };
    chunk->cached &= ~chunk_bit(f);
    runs_add(&frames->free, f.v, 1);
    layout_returned(mm, f.v);
    phys_fill(&mm->hw->phys, f, FILL_UNKNOWN);
}

/* The owner let go, and locks keep the frame. A page table is none any more: a driver may have
 * locked it through a mapping that outlived the pages it was made for. */
static void frame_linger(struct mm *mm, struct frame_record *record)
{
    if (record->state != FRAME_TABLE) return;
    gauge_sub(&mm->frames.now[FRAME_TABLE], 1);
    gauge_add(&mm->frames.now[FRAME_ACTIVE], 1, hw_now(mm->hw));
    record->state = FRAME_ACTIVE;
    record->owner = OWNER_SYSTEM;
}

void frame_give(struct mm *mm, pfn_t f)
{
    struct frame_chunk *chunk;
    struct frame_record *record = record_owned(mm, f, &chunk);
    record->shares--;
    if (record->shares > 0) return;
    chunk->owned &= ~chunk_bit(f);
    if ((chunk->locked & chunk_bit(f)) == 0) frame_retire(mm, f, chunk);
    else frame_linger(mm, record);
}

void frame_share(struct mm *mm, pfn_t f)
{
    struct frame_chunk *chunk;
    struct frame_record *record = record_owned(mm, f, &chunk);
    CHECK2(record->shares < UINT32_MAX, f.v, record->shares);
    record->shares++;
}

/* ---- outside RAM ---- */

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
    CHECK2((frame->owner == OWNER_NONE) == listed, n, frame->owner);
    CHECK2((frame->owner == OWNER_TABLE) == (frame->state == FRAME_TABLE), n, frame->owner);
}

static void record_check(const struct frame_chunk *chunk, unsigned i, const struct frame *frame)
{
    CHECK2((chunk->owned >> i & 1) == (frame->shares > 0), chunk->number, i);
    CHECK2((chunk->relocked >> i & 1) == (frame->locks > 1), chunk->number, i);
    CHECK2((chunk->cached >> i & 1) == (frame->cache == FRAME_CACHED), chunk->number, i);
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
            struct frame frame = frame_of(chunk, j);
            if (frame.state == FRAME_STATE_COUNT) continue;
            frame_check(mm, chunk->number * FRAME_CHUNK + j, &frame);
            record_check(chunk, j, &frame);
            tables += frame.state == FRAME_TABLE;
            locked += frame.locks > 0;
        }
    }
    CHECK2(tables == frames->now[FRAME_TABLE].now, tables, frames->now[FRAME_TABLE].now);
    CHECK2(locked == frames->locked.now, locked, frames->locked.now);
    CHECK2(frames->io.now == frames->io_references.count, frames->io.now,
           frames->io_references.count);
}
