/* What a driver does before it leaves, and what must be left when it has done so. */
#include "world.h"

#include <string.h>

#include "base/check.h"

static struct outcome call(struct world *w, const char *name, void *record)
{
    struct outcome o = world_call(w, routine_find(name), record);
    if (o.end == END_STOPS) w->over = true;
    return o;
}

static struct outcome call_mdl(struct world *w, const char *name, uint32_t mdl)
{
    _Alignas(16) unsigned char record[ROUTINE_ARGS_BYTES] = { 0 };
    const struct routine *r = routine_find(name);
    const struct field *f = r->args;
    while (f->type != FIELD_MDL) f++;
    field_set(f, record, mdl);
    return call(w, name, record);
}

/* Calls with up to two arguments: of the first by key, the other too unless its key is NULL. */
static struct outcome call_with(struct world *w, const char *name, const char *key, uint64_t value,
                                const char *key_2, uint64_t value_2)
{
    _Alignas(16) unsigned char record[ROUTINE_ARGS_BYTES] = { 0 };
    const struct routine *r = routine_find(name);
    set_arg(r, record, key, value);
    if (key_2 != NULL) set_arg(r, record, key_2, value_2);
    return call(w, name, record);
}

/* ---- releasing ---- */

static void lower_irql(struct world *w)
{
    while (!w->over && w->mm.irql > 0) {
        uint32_t depth = w->k.thread->irql_depth;
        uint32_t saved = depth > 0 ? w->k.thread->irql_saved[depth - 1] : 0;
        if (saved > w->mm.irql) saved = 0;
        call_with(w, "KeLowerIrql", "NewIrql", saved, NULL, 0);
    }
}

static void leave_regions(struct world *w)
{
    _Alignas(16) unsigned char record[ROUTINE_ARGS_BYTES] = { 0 };
    while (!w->over && w->k.thread->critical.depth > 0) call(w, "KeLeaveCriticalRegion", record);
    while (!w->over && w->k.thread->guarded.depth > 0) call(w, "KeLeaveGuardedRegion", record);
}

void let_interrupts_in(struct world *w)
{
    for (uint32_t i = 0; i < w->hw.cpu_count && !w->over; i++) {
        if (!w->hw.cpus[i].is_masked) continue;
        CHECK(world_turn(w, w->running[i]));
        lower_irql(w);
    }
}

/* Those that keep a processor come first. */
static void lower_every_irql(struct world *w)
{
    let_interrupts_in(w);
    for (uint32_t i = 0; i < w->hw.cpu_count && !w->over; i++) {
        world_turn(w, w->running[i]);
        lower_irql(w);
    }
    for (uint32_t i = w->thread_count; i-- > 0 && !w->over;) {
        CHECK(world_turn(w, i));
        lower_irql(w);
        leave_regions(w);
    }
}

static void unmap_user(struct world *w, struct process *p)
{
    for (size_t i = 0; i < p->area_count && !w->over; i++) {
        const struct area *a = &p->areas[i];
        const struct mdl *m = a->kind == AREA_MDL ? mdl_at(&w->mm, a->mdl) : NULL;
        if (m == NULL || !m->live || m->user_mappings == 0) continue;
        mm_switch(&w->mm, p);
        size_t count = p->area_count;
        call_with(w, "MmUnmapLockedPages", "BaseAddress", a->first_page * PAGE_BYTES,
                  "MemoryDescriptorList", m->id);
        if (p->area_count < count) i--;
    }
}

static void unmap_reserved(struct world *w)
{
    for (size_t i = 0; i < w->k.reservation_count && !w->over; i++) {
        const struct reservation *r = &w->k.reservations[i];
        struct mdl *m = mdl_at(&w->mm, r->mdl);
        if (!r->live || m == NULL || !m->live) continue;
        /* An MDL that was advanced since covers fewer pages than are mapped, which stops. */
        if (mdl_page_count(m) != r->mapped_pages) continue;
        _Alignas(16) unsigned char record[ROUTINE_ARGS_BYTES] = { 0 };
        const struct routine *routine = routine_find("MmUnmapReservedMapping");
        set_arg(routine, record, "BaseAddress", r->at.v);
        set_arg(routine, record, "PoolTag", r->tag);
        set_arg(routine, record, "MemoryDescriptorList", m->id);
        call(w, routine->name, record);
    }
}

/* The way of release that suits who made the MDL. */
static void release_mdl(struct world *w, uint32_t id)
{
    const struct mdl *m = mdl_at(&w->mm, id);
    if (m->builder == BUILDER_PARTIAL && m->mapping == MAPPING_SYSTEM)
        call_mdl(w, "MmPrepareMdlForReuse", id);
    if (!w->over && m->builder == BUILDER_LOCKED) call_mdl(w, "MmUnlockPages", id);
    if (!w->over && m->mapping == MAPPING_SYSTEM && m->builder != BUILDER_PARTIAL)
        call_with(w, "MmUnmapLockedPages", "BaseAddress", m->mapped_va.v, "MemoryDescriptorList",
                  id);
    if (!w->over && m->pages_held) call_mdl(w, "MmFreePagesFromMdl", id);
    if (w->over) return;
    if (m->memory == MEMORY_IO_ALLOCATED)
        call_mdl(w, "IoFreeMdl", id);
    else if (m->memory != MEMORY_CALLER)
        call_with(w, "ExFreePool", "P", m->address.v, NULL, 0);
}

static void release_mdls(struct world *w)
{
    for (uint32_t id = 0; !w->over && (id = mdl_next_live(&w->mm, id)) != 0;) release_mdl(w, id);
}

static void release_others(struct world *w)
{
    struct kernel *k = &w->k;
    for (uint32_t id = 1; id <= k->irp_count && !w->over; id++)
        if (k->irps[id - 1].live) call_with(w, "IoFreeIrp", "Irp", id, NULL, 0);
    for (size_t i = 0; i < k->reservation_count && !w->over; i++)
        if (k->reservations[i].live && k->reservations[i].mdl == 0)
            call_with(w, "MmFreeMappingAddress", "BaseAddress", k->reservations[i].at.v, "PoolTag",
                      k->reservations[i].tag);
    for (size_t i = 0; i < k->io_mapping_count && !w->over; i++)
        if (k->io_mappings[i].live)
            call_with(w, "MmUnmapIoSpace", "BaseAddress", k->io_mappings[i].at.v, "NumberOfBytes",
                      k->io_mappings[i].bytes);
    for (size_t i = 0; i < w->mm.secure_count && !w->over; i++) {
        if (!w->mm.secures[i].live) continue;
        mm_switch(&w->mm, process_at(&w->mm, w->mm.secures[i].process));
        call_with(w, "MmUnsecureVirtualMemory", "SecureHandle", i + 1, NULL, 0);
    }
}

static void release_pool(struct world *w)
{
    for (size_t i = 0; i < w->mm.pools.block_count && !w->over; i++) {
        const struct pool_block *b = &w->mm.pools.blocks[i];
        if (b->live && !b->internal) call_with(w, "ExFreePoolWithTag", "P", b->at.v, "Tag", b->tag);
    }
}

static void release_memory(struct world *w, struct process *p)
{
    for (size_t i = 0; i < p->area_count && !w->over;) {
        const struct area *a = &p->areas[i];
        _Alignas(16) unsigned char record[ROUTINE_ARGS_BYTES] = { 0 };
        const struct routine *r = routine_find("ZwFreeVirtualMemory");
        size_t count = p->area_count;
        set_arg(r, record, "ProcessHandle", p->id);
        set_arg(r, record, "BaseAddress", a->base_page * PAGE_BYTES);
        set_arg(r, record, "FreeType", MEMORY_RELEASE);
        if (a->kind == AREA_PRIVATE) call(w, r->name, record);
        if (p->area_count == count) i++;
    }
}

/* ---- what must be left ---- */

static void expect_zero(uint64_t value, const char *what)
{
    if (value != 0) property_broken(what, value, 0);
}

static bool was_lost(const struct kernel *k, enum leak_kind kind, uint64_t *total)
{
    *total = 0;
    for (size_t i = 0; i < k->lost_count; i++)
        if (k->lost[i].kind == kind) *total += k->lost[i].count;
    return *total > 0;
}

struct owners {
    uint64_t mdl, process, pool;
};

static struct owners count_owners(struct world *w)
{
    struct owners o = { 0 };
    for (unsigned i = 0; i < COUNT_OF(w->ram); i++) {
        for (uint64_t j = 0; j < w->ram[i].page_count; j++) {
            struct frame f = frame_peek(&w->mm, pfn(w->ram[i].first.v + j));
            if (f.state != FRAME_ACTIVE) continue;
            o.mdl += f.owner == OWNER_MDL;
            o.process += f.owner == OWNER_PROCESS;
            o.pool += f.owner == OWNER_POOL;
        }
    }
    return o;
}

static void frames_are_back(struct world *w, bool pages_lost)
{
    struct frames *frames = &w->mm.frames;
    uint64_t sum = 0, private_frames = 0;
    for (unsigned i = 0; i < FRAME_STATE_COUNT; i++) sum += frames->now[i].now;
    if (sum != frames->total) property_broken("frames are missing", sum, frames->total);
    for (size_t i = 0; i < w->mm.process_count; i++)
        private_frames += w->mm.processes[i]->private_frames.now;
    struct owners o = count_owners(w);
    if (!pages_lost) expect_zero(o.mdl, "frames of MDLs that are gone");
    if (!pages_lost && o.process != private_frames)
        property_broken("frames of processes that show them nowhere", o.process, private_frames);
    uint64_t pool_pages =
        w->mm.pools.pool[POOL_NONPAGED].pages_in_use + w->mm.pools.pool[POOL_PAGED].pages_in_use;
    if (!pages_lost && o.pool > pool_pages)
        property_broken("frames of pool that is free", o.pool, pool_pages);
}

static void expect_rest(struct world *w)
{
    struct kernel *k = &w->k;
    uint64_t locked, pages, mappings;
    struct leak_list leaks;
    was_lost(k, LEAK_LOCKED_PAGES, &locked);
    was_lost(k, LEAK_PAGES, &pages);
    was_lost(k, LEAK_MAPPINGS, &mappings);
    bool reserved = false;
    for (size_t i = 0; i < k->reservation_count; i++) reserved |= k->reservations[i].live;
    if (reserved && mappings == 0)
        property_broken("a reservation cannot be freed", k->reservation_count, 0);
    if (w->mm.frames.locked.now > locked)
        property_broken("frames are still locked", w->mm.frames.locked.now, locked);
    if (mappings == 0) {
        expect_zero(w->mm.syspte.in_use.now, "system PTEs are still in use");
        expect_zero(w->mm.reserved_in_use.now, "PTEs of reservations are still in use");
        expect_zero(k->objects.mappings_system.now, "system mappings are still there");
        expect_zero(k->objects.mappings_user.now, "user mappings are still there");
        expect_zero(k->objects.reserved_mappings.now, "reservations are still there");
    }
    if (locked == 0 && mappings == 0) expect_zero(w->mm.frames.io.now, "device frames are held");
    expect_zero(k->objects.mdls.now, "MDLs are still there");
    expect_zero(k->objects.irps.now, "IRPs are still there");
    expect_zero(k->objects.mappings_io_space.now, "mappings of I/O space are still there");
    for (unsigned i = 0; i < POOL_KIND_COUNT; i++) {
        expect_zero(w->mm.pools.pool[i].bytes.now, "bytes of pool are still allocated");
        expect_zero(w->mm.pools.pool[i].blocks.now, "blocks of pool are still allocated");
    }
    for (size_t i = 0; i < w->mm.pools.block_count; i++)
        if (w->mm.pools.blocks[i].live) property_broken("a block is still allocated", i, 0);
    frames_are_back(w, locked + pages + mappings > 0);
    kernel_leaks(k, NULL, &leaks);
    for (unsigned i = 0; i < LEAK_KIND_COUNT && k->lost_count == 0; i++)
        if (leaks.totals[i] > 0)
            property_broken("the leak report is not empty", i, leaks.totals[i]);
}

void clean_up(struct world *w)
{
    w->config.verifier = VERIFIER_OFF;
    w->config.track_ptes = w->config.track_locked_pages = false;
    lower_every_irql(w);
    for (size_t i = 0; i < w->mm.process_count; i++) unmap_user(w, w->mm.processes[i]);
    mm_switch(&w->mm, NULL);
    unmap_reserved(w);
    release_mdls(w);
    release_others(w);
    release_pool(w);
    for (size_t i = 0; i < w->mm.process_count; i++) release_memory(w, w->mm.processes[i]);
    if (!w->over) expect_rest(w);
}
