/* The checks that the routines which map MDLs share. */
#include "nt/map_rows.h"

enum { PRIORITY_STEP = 16 };

struct outcome out_of_ptes(struct kernel *k, unsigned base, const struct mdl *m, bool may_fail)
{
    const struct syspte *s = &k->mm->syspte;
    uint64_t count = mdl_page_count(m);
    if (may_fail || (m->flags & MDL_MAPPING_CAN_FAIL)) {
        fails(k, base + PTES_NULL);
    } else if (k->config->track_ptes) {
        ends(k, base + PTES_TRACKED, P(0, 0, 0), P(s->in_use.now, s->free.total, s->total));
    } else {
        ends(k, base + PTES_STOP, P(0, 0, 0), P(count, s->free.total, s->total));
    }
    return k->outcome;
}

enum pte_priority priority_of(uint32_t value)
{
    switch (value & PRIORITY_MASK) {
    case 0: return PRIORITY_LOW;
    case PRIORITY_STEP: return PRIORITY_NORMAL;
    case 2 * PRIORITY_STEP: return PRIORITY_HIGH;
    default: return PRIORITY_COUNT;
    }
}

bool priority_ends(struct kernel *k, unsigned base, uint32_t value)
{
    if (k->os < OS_8 && (value & MAPPING_OPTIONS) && fails(k, base + PRIORITY_FLAG)) return true;
    return priority_of(value) == PRIORITY_COUNT && fails(k, base + PRIORITY_VALUE);
}

bool priority_is_executable(const struct kernel *k, uint32_t priority)
{
    return k->os >= OS_8 && (priority & MAPPING_NO_EXECUTE) == 0;
}

bool mdl_has_system_address(const struct mdl *m)
{
    return (m->flags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)) != 0;
}

bool mapping_state_ends(struct kernel *k, unsigned operation, const struct mdl *m)
{
    return !mdl_locked_by_hand(m) && state_ends(k, operation, m);
}
