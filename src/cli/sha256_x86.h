/* SHA-256 by the processor's own instructions. */
#pragma once

#include "base/sha256.h"

/* What does blocks of SHA-256 fastest here, NULL where that is portable C. Asks the processor, and
 * that is slow where it is a guest: once a run will do. */
sha256_blocks *sha256_x86(void);
