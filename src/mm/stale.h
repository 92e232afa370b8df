/* Accesses through translations that outlived their page-table entries, and who left them. */
#pragma once

#include "model/hw.h"

enum stale_why {
    STALE_NOT,
    STALE_DEFERRED, /* a system PTE was freed, the flush waits for its reuse */
    STALE_HELD,     /* the flush was sent, the IRQL of this processor holds it back */
};

struct stale {
    enum stale_why why;
    struct doing by; /* what cleared or changed the entry; no seq and no name: not known any more */
};

struct mm;
/* Whether an access that `entry` translated used what the page tables no longer say. */
struct stale mm_stale(struct mm *mm, va_t at, uint64_t entry);
