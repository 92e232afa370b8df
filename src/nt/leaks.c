/* What a driver still holds at the end of a run. */
#include "nt/kernel.h"

const char *const leak_kind_names[LEAK_KIND_COUNT] = {
    "mdls",  "irps",        "mappings",   "locked_pages", "reserved_ptes",
    "pages", "pool_blocks", "pool_bytes", "irql",         "apc_regions",
};

static void add(struct leak_list *l, enum leak_kind kind, const char *what, uint64_t count,
                uint64_t seq, uint32_t place)
{
    if (count == 0) return;
    l->totals[kind] += count;
    if (l->from == NULL) return;
    l->list = mem_grow(l->from, l->list, &l->capacity, l->count + 1, sizeof *l->list);
    l->list[l->count++] = (struct leak){ leak_kind_names[kind], what, count, seq, place_file(place),
                                         place_line(place) };
}

static bool is_system_mdl(const struct mdl *m)
{
    return m->live && m->memory != MEMORY_CALLER;
}

static void add_mdls(struct leak_list *l)
{
    for (uint32_t id = 0; (id = mdl_next_live(l->k->mm, id)) != 0;) {
        const struct mdl *m = mdl_at(l->k->mm, id);
        if (is_system_mdl(m))
            add(l, LEAK_MDLS, "an MDL was not freed", 1, m->made_seq, m->made_line);
    }
}

static void add_irps(struct leak_list *l)
{
    for (size_t i = 0; i < l->k->irp_count; i++) {
        const struct irp *irp = &l->k->irps[i];
        if (irp->live) add(l, LEAK_IRPS, "an IRP was not freed", 1, irp->made_seq, irp->made_line);
    }
}

static void add_mappings(struct leak_list *l)
{
    struct kernel *k = l->k;
    for (uint32_t id = 0; (id = mdl_next_live(k->mm, id)) != 0;) {
        const struct mdl *m = mdl_at(k->mm, id);
        uint64_t n =
            (m->mapping == MAPPING_SYSTEM || m->mapping == MAPPING_RESERVED) + m->user_mappings;
        add(l, LEAK_MAPPINGS, "the pages of an MDL are still mapped", n, m->map_seq, m->map_line);
    }
    for (size_t i = 0; i < k->io_mapping_count; i++) {
        const struct io_mapping *io = &k->io_mappings[i];
        if (io->live) add(l, LEAK_MAPPINGS, "I/O space is still mapped", 1, io->seq, io->line);
    }
}

static void add_mdl_pages(struct leak_list *l)
{
    for (uint32_t id = 0; (id = mdl_next_live(l->k->mm, id)) != 0;) {
        const struct mdl *m = mdl_at(l->k->mm, id);
        add(l, LEAK_LOCKED_PAGES, "pages are still locked", m->locked_pages, m->lock_seq,
            m->lock_line);
    }
}

static void add_reservations(struct leak_list *l)
{
    for (size_t i = 0; i < l->k->reservation_count; i++) {
        const struct reservation *r = &l->k->reservations[i];
        if (r->live)
            add(l, LEAK_RESERVED_PTES, "a mapping address was not freed", r->page_count, r->seq,
                r->line);
    }
}

static void add_held_pages(struct leak_list *l)
{
    for (uint32_t id = 0; (id = mdl_next_live(l->k->mm, id)) != 0;) {
        const struct mdl *m = mdl_at(l->k->mm, id);
        if (!m->pages_held) continue;
        add(l, LEAK_PAGES, "pages of MmAllocatePagesForMdl* were not freed", mdl_page_count(m),
            m->made_seq, m->made_line);
    }
}

static void add_pool(struct leak_list *l)
{
    const struct pools *p = &l->k->mm->pools;
    for (size_t i = 0; i < p->block_count; i++) {
        const struct pool_block *b = &p->blocks[i];
        if (!b->live || b->internal) continue;
        add(l, LEAK_POOL_BLOCKS, "a pool block was not freed", 1, b->seq, b->line);
        l->totals[LEAK_POOL_BYTES] += b->bytes;
    }
}

/* Raising to the current level and never lowering it leaves nothing raised. */
static void add_irql(struct leak_list *l)
{
    const struct kernel *k = l->k;
    for (const struct kernel_thread *t = k->threads; t != NULL; t = t->next) {
        uint32_t irql = t == k->thread ? k->mm->irql : t->irql;
        if (t->irql_depth == 0 || t->irql_saved[0] >= irql) continue;
        add(l, LEAK_IRQL, "the IRQL is still raised", t->irql_depth, t->irql_seq, t->irql_line);
    }
}

static void add_apc_regions(struct leak_list *l)
{
    for (const struct kernel_thread *t = l->k->threads; t != NULL; t = t->next) {
        const struct apc_region *critical = &t->critical, *guarded = &t->guarded;
        add(l, LEAK_APC_REGIONS, "a critical region was not left", critical->depth, critical->seq,
            critical->line);
        add(l, LEAK_APC_REGIONS, "a guarded region was not left", guarded->depth, guarded->seq,
            guarded->line);
    }
}

static void add_lost(struct leak_list *l, enum leak_kind kind)
{
    for (size_t i = 0; i < l->k->lost_count; i++) {
        const struct lost *lost = &l->k->lost[i];
        if (lost->kind == kind) add(l, kind, lost->what, lost->count, lost->seq, lost->place);
    }
}

void kernel_leaks(struct kernel *k, const struct allocator *from, struct leak_list *l)
{
    *l = (struct leak_list){ .k = k, .from = from };
    add_mdls(l);
    add_lost(l, LEAK_MDLS);
    add_irps(l);
    add_mappings(l);
    add_lost(l, LEAK_MAPPINGS);
    add_mdl_pages(l);
    add_lost(l, LEAK_LOCKED_PAGES);
    add_reservations(l);
    add_held_pages(l);
    add_lost(l, LEAK_PAGES);
    add_pool(l);
    add_irql(l);
    add_apc_regions(l);
}

void leak_list_free(struct leak_list *l)
{
    if (l->from != NULL) mem_free(l->from, l->list, l->capacity, sizeof *l->list);
    *l = (struct leak_list){ 0 };
}
