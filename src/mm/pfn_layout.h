/* How the free frames lie at the start, and which of a list comes next: the part of the frame
 * database that knows fragmentation. Internal to pfn*.c. */
#pragma once

#include "mm/pfn.h"

/* A window of frame numbers, both ends inclusive. */
struct frame_window {
    uint64_t first, last;
};

void layout_init(struct mm *mm, const struct mm_config *config);
void layout_free(struct mm *mm);
/* What a frame was at the start. */
struct frame layout_initial(const struct mm *mm, uint64_t n);
struct runs *layout_list(struct frames *frames, enum frame_list list);
/* The lowest run of a list inside the window, cut to it. False when there is none. */
bool layout_next(struct frames *frames, enum frame_list list, struct frame_window window,
                 struct run *out);
/* The lowest `count` free frames in a row, zeroed or not, at a multiple of `align` inside the
 * window and inside the part. All of them are on the lists then. */
bool layout_block(struct frames *frames, const struct frame_part *part, struct frame_window window,
                  uint64_t count, uint64_t align, uint64_t *start);
/* The next frame of a list in shuffled order; it is still on the list. */
bool layout_shuffled(struct frames *frames, enum frame_list list, uint64_t *out);
/* A frame came back to the free list. */
void layout_returned(struct mm *mm, uint64_t n);
void layout_check(const struct frames *frames);
