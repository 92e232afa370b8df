/* Page locks of MDLs: what the files that lock and unlock share. */
#pragma once

#include "nt/kernel.h"

/* Gives back the locks of frames that an MDL holds; device memory is let go. Returns how many, up
 * to the first that is not held: the driver wrote it into the MDL. Charges each frame. */
uint64_t frames_drop(struct mm *mm, struct frame_row row);
/* Takes `count` pages that were unlocked off the locks of the MDL and off its process. */
void mdl_count_unlocked(struct kernel *k, struct mdl *m, uint64_t count);
