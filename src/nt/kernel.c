/* The kernel of one run: set-up, invariants of its objects. */
#include "nt/kernel.h"

#include "base/check.h"

void kernel_init(struct kernel *k, const struct allocator *from, struct hw *hw, struct mm *mm,
                 const struct kernel_config *config)
{
    *k = (struct kernel){ .from = from,
                          .config = config,
                          .os = config->os->rank,
                          .hw = hw,
                          .mm = mm,
                          .boot = { .model = "", .callback = "" } };
    k->thread = k->threads = &k->boot;
    map_init(&k->advice_at, from);
    runs_init(&k->read_only, from);
}

void kernel_free(struct kernel *k)
{
    mem_free(k->from, k->irps, k->irp_capacity, sizeof *k->irps);
    mem_free(k->from, k->io_mappings, k->io_mapping_capacity, sizeof *k->io_mappings);
    mem_free(k->from, k->reservations, k->reservation_capacity, sizeof *k->reservations);
    map_free(&k->advice_at);
    runs_free(&k->read_only);
    mem_free(k->from, k->violations, k->violation_capacity, sizeof *k->violations);
    mem_free(k->from, k->lost, k->lost_capacity, sizeof *k->lost);
}

void kernel_add_thread(struct kernel *k, struct kernel_thread *t)
{
    struct kernel_thread **end = &k->threads;
    if (*end == &k->boot) *end = NULL;
    while (*end != NULL) end = &(*end)->next;
    *end = t;
    if (k->thread == &k->boot) kernel_run_thread(k, t);
}

void kernel_run_thread(struct kernel *k, struct kernel_thread *t)
{
    k->thread->irql = k->mm->irql;
    k->thread->current = k->mm->current;
    k->thread = t;
    k->mm->irql = t->irql;
    k->mm->current = t->current;
}

void kernel_lose(struct kernel *k, enum leak_kind kind, const char *what, uint64_t count,
                 uint64_t seq, uint32_t place)
{
    k->lost = mem_grow(k->from, k->lost, &k->lost_capacity, k->lost_count + 1, sizeof *k->lost);
    k->lost[k->lost_count++] = (struct lost){ kind, place, what, count, seq };
}

static void check_mdl(struct kernel *k, const struct mdl *m)
{
    CHECK2(m->byte_offset < PAGE_BYTES, m->id, m->byte_offset);
    CHECK2(va_offset(m->start_va) == 0, m->id, m->start_va.v);
    if (m->mapping == MAPPING_SYSTEM) {
        uint64_t entry = paging_entry(k->hw, &k->hw->system, m->map_base);
        if (m->map_pages > 0) CHECK2(entry != 0, m->id, m->map_base.v);
    }
    if (m->builder == BUILDER_LOCKED) CHECK2(m->flags & MDL_PAGES_LOCKED, m->id, m->flags);
}

void kernel_check(struct kernel *k)
{
    mm_check(k->mm);
    uint64_t live = 0, mappings = 0;
    for (uint32_t id = 0; (id = mdl_next_live(k->mm, id)) != 0;) {
        const struct mdl *m = mdl_at(k->mm, id);
        live += m->memory != MEMORY_CALLER;
        mappings += m->mapping == MAPPING_SYSTEM || m->mapping == MAPPING_RESERVED;
        check_mdl(k, m);
    }
    CHECK2(live == k->objects.mdls.now, live, k->objects.mdls.now);
    CHECK2(mappings <= k->objects.mappings_system.now, mappings, k->objects.mappings_system.now);
    uint64_t io = 0;
    for (size_t i = 0; i < k->io_mapping_count; i++) io += k->io_mappings[i].live;
    CHECK2(io == k->objects.mappings_io_space.now, io, k->objects.mappings_io_space.now);
}
