/* The memory of MDLs, and what is lost with it. */
#include "nt/mdl_pool.h"

#include "base/check.h"

bool mdl_pool_allocate(struct kernel *k, uint64_t slots, va_t *out)
{
    struct pool_request request = {
        .bytes = mdl_size_bytes(k->mm, slots), .tag = MDL_POOL_TAG, .kind = POOL_NONPAGED,
        .internal = true, .seq = (uint32_t)k->seq, .line = k->line,
    };
    return pool_allocate(k->mm, &request, out);
}

struct mdl *mdl_made(struct kernel *k, uint32_t id)
{
    struct mdl *m = mdl_at(k->mm, id);
    gauge_add(&k->objects.mdls, 1, hw_now(k->hw));
    m->made_seq = (uint32_t)k->seq;
    m->made_line = k->line;
    return m;
}

bool mdl_is_mapped(const struct mdl *m)
{
    return m->mapping == MAPPING_SYSTEM || m->mapping == MAPPING_RESERVED;
}

bool mdl_holds(const struct mdl *m)
{
    return m->locked_pages > 0 || m->pages_held || mdl_is_mapped(m);
}

/* An MDL over device memory holds its frames from MmAllocateMdlForIoSpace on. A driver may have
 * written others over them, which nobody holds. */
static void drop_io_frames(struct kernel *k, const struct mdl *m)
{
    uint64_t pages = mdl_page_count(m);
    for (uint64_t i = 0; i < pages; i++)
        if (map_at(&k->mm->frames.io_references, m->pfns[i]) > 0)
            frame_io_drop(k->mm, pfn(m->pfns[i]));
}

void mdl_lose(struct kernel *k, struct mdl *m)
{
    if (m->builder == BUILDER_IO_SPACE) drop_io_frames(k, m);
    if (m->locked_pages > 0)
        kernel_lose(k, LEAK_LOCKED_PAGES, "pages locked by an MDL that is gone", m->locked_pages,
                    m->lock_seq, m->lock_line);
    if (m->pages_held)
        kernel_lose(k, LEAK_PAGES, "pages of an MDL that is gone", mdl_page_count(m), m->made_seq,
                    m->made_line);
    if (mdl_is_mapped(m))
        kernel_lose(k, LEAK_MAPPINGS, "mapping of an MDL that is gone", 1, m->map_seq,
                    m->map_line);
    m->locked_pages = m->lock_process = 0;
    m->pages_held = false;
    m->mapping = MAPPING_NONE;
    m->map_base = va(0);
    m->map_pages = m->map_extra = 0;
    m->builder = BUILDER_HEADER;
}

void mdl_lose_all(struct kernel *k, struct mdl *m)
{
    mdl_lose(k, m);
    if (m->user_mappings > 0)
        kernel_lose(k, LEAK_MAPPINGS, "user mapping of an MDL that is gone", m->user_mappings,
                    m->map_seq, m->map_line);
    m->user_mappings = 0;
}

void mdl_release(struct kernel *k, struct mdl *m)
{
    mdl_lose_all(k, m);
    if (k->changed_mdl == m->id) k->changed_mdl = 0;
    if (m->memory != MEMORY_CALLER) {
        struct pool_block *block = pool_find(k->mm, m->address);
        CHECK2(block != NULL && block->live, m->id, m->address.v);
        pool_give(k->mm, block);
        gauge_sub(&k->objects.mdls, 1);
    }
    mdl_gone(k->mm, m);
}
