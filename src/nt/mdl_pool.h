/* MDLs that the system allocates from nonpaged pool, and what becomes of what an MDL holds when
 * its header is overwritten or freed. */
#pragma once

#include "nt/kernel.h"

/* Tag of their blocks, "Mdl " as the debugger shows it. */
#define MDL_POOL_TAG 0x206C644Du
#define IRP_POOL_TAG 0x20707249u

/* A block for an MDL with that many PFN slots; false when nonpaged pool is used up. */
bool mdl_pool_allocate(struct kernel *k, uint64_t slots, va_t *out);
/* Enters a new MDL of the system's in the gauges, with the event and line that made it. */
struct mdl *mdl_made(struct kernel *k, uint32_t id);
/* Whether the MDL has a mapping of its own in system space, in a reservation or not. */
bool mdl_is_mapped(const struct mdl *m);
/* Whether page locks, allocated pages or a mapping of its own hang on the MDL. */
bool mdl_holds(const struct mdl *m);
/* Its header no longer tells of them: they stay held and become leaks (kernel_lose). */
void mdl_lose(struct kernel *k, struct mdl *m);
/* The same, and nothing can name its user mappings any more. */
void mdl_lose_all(struct kernel *k, struct mdl *m);
/* The MDL is no more; its pool block, if the system allocated it, is given back. */
void mdl_release(struct kernel *k, struct mdl *m);
