/* Arguments that fit together: an MDL in the state that the routine asks for, the address of its
 * mapping, the tag of the block. Without them no sequence would get deep. */
#include "world.h"

#include <string.h>

#include "base/check.h"
#include "mm/mdl_state.h"

void set_arg(const struct routine *r, void *record, const char *key, uint64_t value)
{
    const struct field *f = field_find(r->args, key);
    CHECK(f != NULL);
    field_set(f, record, value);
}

uint64_t get_arg(const struct routine *r, const void *record, const char *key)
{
    const struct field *f = field_find(r->args, key);
    CHECK(f != NULL);
    return field_get(f, record);
}

/* ---- MDLs ---- */

/* What each routine does to its MDL. */
static const struct {
    const char *routine;
    enum mdl_operation operation;
} operations[] = {
    { "MmProbeAndLockPages", OP_LOCK },
    { "MmProbeAndLockProcessPages", OP_LOCK },
    { "MmProbeAndLockSelectedPages", OP_LOCK },
    { "MmUnlockPages", OP_UNLOCK },
    { "MmBuildMdlForNonPagedPool", OP_BUILD_NONPAGED },
    { "MmGetSystemAddressForMdl", OP_SYSTEM_ADDRESS },
    { "MmGetSystemAddressForMdlSafe", OP_SYSTEM_ADDRESS },
    { "MmMapLockedPages", OP_MAP_KERNEL },
    { "MmMapLockedPagesSpecifyCache", OP_MAP_KERNEL },
    { "MmMapLockedPagesWithReservedMapping", OP_MAP_RESERVED },
    { "MmUnmapLockedPages", OP_UNMAP },
    { "MmUnmapReservedMapping", OP_UNMAP },
    { "MmPrepareMdlForReuse", OP_PREPARE_REUSE },
    { "IoBuildPartialMdl", OP_PARTIAL_SOURCE },
    { "MmAdvanceMdl", OP_ADVANCE },
    { "MmProtectMdlSystemAddress", OP_PROTECT },
    { "IoFreeMdl", OP_FREE },
    { "MmFreePagesFromMdl", OP_FREE_PAGES },
};

static bool in_nonpaged_pool(struct world *w, const struct mdl *m)
{
    enum pool_kind kind;
    return pool_owns(&w->mm, mdl_va(m), &kind) && kind == POOL_NONPAGED;
}

/* The frames are there, and so is whoever holds them. */
static bool has_frames(struct world *w, const struct mdl *m)
{
    uint64_t pages = mdl_page_count(m);
    const struct mdl *holder = m;
    for (unsigned depth = 0; holder->builder == BUILDER_PARTIAL; depth++) {
        holder = mdl_at(&w->mm, holder->parent);
        if (holder == NULL || !holder->live || depth == 64) return false;
    }
    if (holder->builder == BUILDER_HEADER) return false;
    if (holder->builder == BUILDER_PAGES && !holder->pages_held) return false;
    for (uint64_t i = 0; i < pages; i++) {
        if (i >= m->slots || m->pfns[i] == PFN_NONE.v) return false;
        struct frame f = frame_peek(&w->mm, pfn(m->pfns[i]));
        if (f.state != FRAME_STATE_COUNT && frame_is_listed(&f)) return false;
    }
    return true;
}

/* Beyond the matrix: what a driver knows of its MDL when it makes this call. */
static bool mdl_suits(struct world *w, enum mdl_operation operation, const struct mdl *m)
{
    bool mapped = m->mapping == MAPPING_SYSTEM || m->mapping == MAPPING_RESERVED;
    if (mdl_state_rule(operation, m) != NULL) return false;
    switch (operation) {
    case OP_LOCK:
        return !in_nonpaged_pool(w, m) || chance(w, 30);
    case OP_BUILD_NONPAGED:
        return in_nonpaged_pool(w, m);
    case OP_SYSTEM_ADDRESS:
        return has_frames(w, m);
    case OP_MAP_KERNEL:
    case OP_MAP_RESERVED:
        return (m->flags & MDL_MAPPED_TO_SYSTEM_VA) == 0 && has_frames(w, m);
    case OP_UNMAP:
        return mapped || m->user_mappings > 0;
    case OP_PROTECT:
        return mapped;
    case OP_UNLOCK:
        return m->mapping != MAPPING_RESERVED && m->user_mappings == 0;
    case OP_FREE:
        return m->memory == MEMORY_IO_ALLOCATED && m->builder != BUILDER_LOCKED && !mapped &&
               m->user_mappings == 0;
    case OP_FREE_PAGES:
        return m->pages_held;
    default:
        return true;
    }
}

static bool fit_mdl(struct world *w, const struct routine *r, void *record)
{
    const struct field *f = r->args;
    while (f->key != NULL && (f->type != FIELD_MDL || f->flags & FIELD_OUT)) f++;
    if (f->key == NULL) return true;
    size_t row = 0;
    while (row < COUNT_OF(operations) && strcmp(operations[row].routine, r->name) != 0) row++;
    for (unsigned tries = 0; tries < 24; tries++) {
        uint32_t id = draw_mdl(w);
        if (id == 0) return false;
        if (row < COUNT_OF(operations) &&
            !mdl_suits(w, operations[row].operation, mdl_at(&w->mm, id)))
            continue;
        field_set(f, record, id);
        return true;
    }
    return false;
}

static const struct mdl *first_mdl(struct world *w, const struct routine *r, const void *record)
{
    for (const struct field *f = r->args; f->key != NULL; f++) {
        if (f->type != FIELD_MDL) continue;
        const struct mdl *m = mdl_at(&w->mm, (uint32_t)field_get(f, record));
        return m != NULL && m->live ? m : NULL;
    }
    return NULL;
}

/* ---- one function a kind of argument ---- */

/* A part of a buffer or of a block, and rarely more. */
static bool fit_range(struct world *w, const struct routine *r, void *record, const char *at_key,
                      const char *length_key)
{
    const struct buffer *b = &w->buffers[below(w, w->buffer_count)];
    uint64_t at = b->at.v, bytes = b->bytes;
    const struct pool_block *block = chance(w, 35) ? draw_block(w) : NULL;
    if (block != NULL) {
        at = block->at.v;
        bytes = block->bytes;
    }
    uint64_t skip = chance(w, 50) ? 0 : below(w, bytes);
    set_arg(r, record, at_key, at + skip);
    set_arg(r, record, length_key, chance(w, 50) ? bytes - skip : 1 + below(w, bytes - skip));
    return true;
}

static bool fit_header(struct world *w, const struct routine *r, void *record)
{
    bool creates = strcmp(r->name, "MmCreateMdl") == 0;
    fit_range(w, r, record, creates ? "Base" : "BaseVa", "Length");
    if (creates && chance(w, 60)) {
        set_arg(r, record, "MemoryDescriptorList", 0);
        return true;
    }
    const struct mdl *old = chance(w, 5) ? mdl_at(&w->mm, draw_mdl(w)) : NULL;
    if (old != NULL) {
        set_arg(r, record, "MemoryDescriptorList", old->address.v);
        return true;
    }
    for (unsigned tries = 0; tries < 8; tries++) {
        const struct pool_block *b = draw_block(w);
        uint64_t pages = get_arg(r, record, "Length") / PAGE_BYTES + 2;
        if (b == NULL || b->kind != POOL_NONPAGED || b->bytes < mdl_size_bytes(&w->mm, pages))
            continue;
        set_arg(r, record, "MemoryDescriptorList", b->at.v);
        return true;
    }
    return false;
}

static bool fit_partial(struct world *w, const struct routine *r, void *record)
{
    const struct mdl *m = first_mdl(w, r, record);
    if (m == NULL || m->byte_count == 0) return false;
    uint64_t skip = chance(w, 30) ? 0 : below(w, m->byte_count);
    uint64_t bytes = 1 + below(w, m->byte_count - skip), at = mdl_va(m).v + skip;
    for (unsigned tries = 0; tries < 16; tries++) {
        const struct mdl *target = mdl_at(&w->mm, draw_mdl(w));
        if (target == m || target->slots < span_pages(at, bytes)) continue;
        if (target->builder != BUILDER_HEADER && target->builder != BUILDER_PARTIAL) continue;
        set_arg(r, record, "TargetMdl", target->id);
        set_arg(r, record, "VirtualAddress", at);
        set_arg(r, record, "Length", bytes);
        return true;
    }
    return false;
}

/* A user mapping of the MDL, made current; 0 when there is none. */
static uint64_t user_mapping(struct world *w, const struct mdl *m)
{
    for (size_t i = 0; i < w->mm.process_count; i++) {
        struct process *p = w->mm.processes[i];
        for (size_t j = 0; j < p->area_count; j++) {
            if (p->areas[j].kind != AREA_MDL || p->areas[j].mdl != m->id) continue;
            if (p != w->mm.current) mm_switch(&w->mm, p);
            return p->areas[j].first_page * PAGE_BYTES + m->byte_offset;
        }
    }
    return 0;
}

static bool fit_unmap(struct world *w, const struct routine *r, void *record)
{
    const struct mdl *m = first_mdl(w, r, record);
    if (m == NULL) return false;
    bool system = m->mapping == MAPPING_SYSTEM;
    uint64_t user = m->user_mappings > 0 && (!system || chance(w, 60)) ? user_mapping(w, m) : 0;
    if (user == 0 && !system) return false;
    set_arg(r, record, "BaseAddress", user != 0 ? user : m->mapped_va.v);
    return true;
}

static bool fit_reservation(struct world *w, const struct routine *r, void *record,
                            const char *at_key)
{
    const struct reservation *found = draw_reservation(w);
    for (unsigned tries = 0; tries < 8 && found != NULL; tries++) {
        if (found->live && found->mdl == 0) break;
        found = draw_reservation(w);
    }
    if (found == NULL || !found->live || found->mdl != 0) return false;
    set_arg(r, record, at_key, found->at.v);
    set_arg(r, record, "PoolTag", found->tag);
    return true;
}

static bool fit_unmap_reserved(struct world *w, const struct routine *r, void *record)
{
    for (size_t i = 0; i < w->k.reservation_count; i++) {
        const struct reservation *found = &w->k.reservations[i];
        if (!found->live || found->mdl == 0 || chance(w, 30)) continue;
        set_arg(r, record, "BaseAddress", found->at.v);
        set_arg(r, record, "PoolTag", found->tag);
        set_arg(r, record, "MemoryDescriptorList", found->mdl);
        return true;
    }
    return false;
}

/* Not a block that an MDL still needs: that stops the system. */
static bool fit_block(struct world *w, const struct routine *r, void *record)
{
    for (unsigned tries = 0; tries < 8; tries++) {
        const struct pool_block *b = draw_block(w);
        const struct mdl *m = mdl_at(&w->mm, draw_mdl(w));
        bool is_mdl = m != NULL && m->memory != MEMORY_CALLER && m->memory != MEMORY_IO_ALLOCATED &&
                      !m->pages_held && m->mapping == MAPPING_NONE;
        if (is_mdl && chance(w, 40)) b = pool_find(&w->mm, m->address);
        if (b == NULL) continue;
        set_arg(r, record, "P", b->at.v);
        if (field_find(r->args, "Tag") != NULL) set_arg(r, record, "Tag", b->tag);
        return true;
    }
    return false;
}

static bool fit_unmap_io(struct world *w, const struct routine *r, void *record)
{
    for (unsigned tries = 0; tries < 8 && w->k.io_mapping_count > 0; tries++) {
        const struct io_mapping *io = &w->k.io_mappings[below(w, w->k.io_mapping_count)];
        if (!io->live) continue;
        set_arg(r, record, "BaseAddress", io->at.v);
        set_arg(r, record, "NumberOfBytes", io->bytes);
        return true;
    }
    return false;
}

static bool fit_physical(struct world *w, const struct routine *r, void *record)
{
    const struct bar *bar = &w->bars[below(w, COUNT_OF(w->bars))];
    uint64_t skip = below(w, bar->bytes), most = bar->bytes - skip;
    set_arg(r, record, "PhysicalAddress", bar->base.v + skip);
    set_arg(r, record, "NumberOfBytes", 1 + below(w, most < 0x8000 ? most : 0x8000));
    return true;
}

static bool fit_io_list(struct world *w, const struct routine *r, void *record)
{
    const struct bar *bar = &w->bars[below(w, COUNT_OF(w->bars))];
    uint64_t count = 1 + below(w, LIST_MOST), pages = bar->bytes / PAGE_BYTES;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t first = below(w, pages), most = pages - first < 4 ? pages - first : 4;
        w->list[i][0] = bar->base.v + first * PAGE_BYTES;
        w->list[i][1] = (1 + below(w, most)) * PAGE_BYTES;
    }
    struct list_arg list = { w->list, count };
    memcpy((char *)record + field_find(r->args, "PhysicalAddressList")->offset, &list, sizeof list);
    set_arg(r, record, "NumberOfEntries", count);
    return true;
}

static bool fit_pages(struct world *w, const struct routine *r, void *record)
{
    bool bounded = chance(w, 30);
    set_arg(r, record, "LowAddress", bounded ? below(w, 16) * MIB : 0);
    set_arg(r, record, "HighAddress", bounded ? below(w, 80) * MIB : UINT64_MAX);
    set_arg(r, record, "SkipBytes", chance(w, 80) ? 0 : below(w, 8) * MIB);
    set_arg(r, record, "TotalBytes", 1 + below(w, chance(w, 90) ? 24 * PAGE_BYTES : 16 * MIB));
    return true;
}

static bool fit_selected(struct world *w, const struct routine *r, void *record)
{
    const struct mdl *m = first_mdl(w, r, record);
    const struct buffer *b = &w->buffers[below(w, w->buffer_count)];
    struct list_arg list = { w->list, m == NULL ? 1 : mdl_page_count(m) };
    if (list.count > LIST_MOST) return false;
    for (uint64_t i = 0; i < list.count; i++)
        w->list[i][0] = b->at.v + below(w, span_pages(0, b->bytes)) * PAGE_BYTES;
    memcpy((char *)record + field_find(r->args, "SegmentArray")->offset, &list, sizeof list);
    return true;
}

static bool fit_memory(struct world *w, const struct routine *r, void *record)
{
    const struct buffer *b = &w->buffers[below(w, w->buffer_count)];
    uint64_t skip = below(w, 4) * PAGE_BYTES, most = span_pages(0, b->bytes);
    bool frees = field_find(r->args, "FreeType") != NULL;
    bool allocates = field_find(r->args, "AllocationType") != NULL;
    bool chosen = allocates && chance(w, 40);
    if (allocates && chance(w, 60)) {
        set_arg(r, record, "AllocationType",
                MEMORY_COMMIT | (chance(w, 60) ? (unsigned)MEMORY_RESERVE : 0));
        set_arg(r, record, "Protect", chance(w, 80) ? PROT_READWRITE : PROT_READONLY);
        set_arg(r, record, "ZeroBits", 0);
    }
    if (field_find(r->args, "ProcessHandle") != NULL)
        set_arg(r, record, "ProcessHandle", b->process);
    set_arg(r, record, "BaseAddress",
            chosen                   ? 0
            : frees && chance(w, 50) ? b->at.v
                                     : b->at.v + skip);
    set_arg(r, record, "RegionSize",
            frees && chance(w, 30) ? 0 : (1 + below(w, most)) * PAGE_BYTES);
    if (frees) set_arg(r, record, "FreeType", chance(w, 70) ? MEMORY_DECOMMIT : MEMORY_RELEASE);
    return true;
}

static bool fit_irql(struct world *w, const struct routine *r, void *record)
{
    bool lowers = strcmp(r->name, "KeLowerIrql") == 0;
    uint64_t level = w->mm.irql + below(w, chance(w, 90) ? 2 : 3);
    if (w->hw.cpu_count > 1 && chance(w, 10)) level = w->mm_config.is_64_bit ? 14 : 29;
    if (lowers && w->k.thread->irql_depth == 0) return false;
    if (lowers) level = w->k.thread->irql_saved[w->k.thread->irql_depth - 1];
    set_arg(r, record, "NewIrql", level < 15 || w->hw.cpu_count > 1 ? level : 15);
    return !lowers || level <= w->mm.irql;
}

static bool fit_leave_critical(struct world *w, const struct routine *r, void *record)
{
    UNUSED(r);
    UNUSED(record);
    return w->k.thread->critical.depth > 0;
}

static bool fit_leave_guarded(struct world *w, const struct routine *r, void *record)
{
    UNUSED(r);
    UNUSED(record);
    return w->k.thread->guarded.depth > 0;
}

static bool fit_secure(struct world *w, const struct routine *r, void *record)
{
    fit_range(w, r, record, "Address", "Size");
    set_arg(r, record, "ProbeMode", chance(w, 50) ? PROT_READWRITE : PROT_READONLY);
    return true;
}

static bool fit_unsecure(struct world *w, const struct routine *r, void *record)
{
    for (size_t i = 0; i < w->mm.secure_count; i++) {
        const struct secure *secure = &w->mm.secures[i];
        if (!secure->live || chance(w, 30)) continue;
        mm_switch(&w->mm, process_at(&w->mm, secure->process));
        set_arg(r, record, "SecureHandle", i + 1);
        return true;
    }
    return false;
}

/* A length and a tag that do not stop the system. */
static bool fit_pool(struct world *w, const struct routine *r, void *record)
{
    const uint32_t must_succeed = 2;
    bool paged = w->mm.irql < 2 && chance(w, 40);
    set_arg(r, record, "NumberOfBytes", 1 + below(w, chance(w, 70) ? 1024 : 6 * PAGE_BYTES));
    set_arg(r, record, "Tag", 0x31676154 + (uint32_t)below(w, 4));
    if (field_find(r->args, "Flags") != NULL) {
        set_arg(r, record, "Flags", paged ? 0x100 : chance(w, 80) ? 0x40 : 0x80);
        return w->mm.irql <= 2;
    }
    uint64_t type = get_arg(r, record, "PoolType");
    set_arg(r, record, "PoolType", (type & ~(uint64_t)(must_succeed | 1)) | (paged ? 1 : 0));
    return w->mm.irql <= 2;
}

static bool fit_reserve(struct world *w, const struct routine *r, void *record)
{
    set_arg(r, record, "NumberOfBytes", 1 + below(w, 12 * PAGE_BYTES));
    set_arg(r, record, "PoolTag", 0x31676154 + (uint32_t)below(w, 4));
    return true;
}

/* Pages that are not resident may not be locked at DISPATCH_LEVEL, and the driver knows. */
static bool fit_lock(struct world *w, const struct routine *r, void *record)
{
    const struct mdl *m = first_mdl(w, r, record);
    if (strcmp(r->name, "MmProbeAndLockSelectedPages") == 0 && !fit_selected(w, r, record))
        return false;
    return m != NULL && w->mm.irql < 2;
}

static bool fit_map(struct world *w, const struct routine *r, void *record)
{
    UNUSED(w);
    if (field_find(r->args, "BugCheckOnFailure") != NULL && chance(w, 90))
        set_arg(r, record, "BugCheckOnFailure", false);
    return true;
}

static bool fit_range_va(struct world *w, const struct routine *r, void *record)
{
    return fit_range(w, r, record, "VirtualAddress", "Length");
}

static bool fit_release(struct world *w, const struct routine *r, void *record)
{
    return fit_reservation(w, r, record, "BaseAddress");
}

static bool fit_map_reserved(struct world *w, const struct routine *r, void *record)
{
    return fit_reservation(w, r, record, "MappingAddress");
}

bool fit_arguments(struct world *w, const struct routine *r, void *record)
{
    static const struct {
        const char *routine; /* or how its name begins */
        bool (*fit)(struct world *w, const struct routine *r, void *record);
    } fits[] = {
        { "ExAllocatePool", fit_pool },
        { "ExFreePool", fit_block },
        { "IoAllocateMdl", fit_range_va },
        { "IoBuildPartialMdl", fit_partial },
        { "KeLeaveCriticalRegion", fit_leave_critical },
        { "KeLeaveGuardedRegion", fit_leave_guarded },
        { "KeLowerIrql", fit_irql },
        { "KeRaiseIrql", fit_irql },
        { "MmAllocateMappingAddress", fit_reserve },
        { "MmAllocateMdlForIoSpace", fit_io_list },
        { "MmAllocateNodePagesForMdlEx", fit_pages },
        { "MmAllocatePagesForMdl", fit_pages },
        { "MmCreateMdl", fit_header },
        { "MmFreeMappingAddress", fit_release },
        { "MmInitializeMdl", fit_header },
        { "MmMapIoSpace", fit_physical },
        { "MmMapLockedPagesWithReservedMapping", fit_map_reserved },
        { "MmMapLockedPages", fit_map },
        { "MmProbeAndLock", fit_lock },
        { "MmSecureVirtualMemory", fit_secure },
        { "MmUnmapIoSpace", fit_unmap_io },
        { "MmUnmapLockedPages", fit_unmap },
        { "MmUnmapReservedMapping", fit_unmap_reserved },
        { "MmUnsecureVirtualMemory", fit_unsecure },
        { "Zw", fit_memory },
    };
    if (!fit_mdl(w, r, record)) return false;
    for (size_t i = 0; i < COUNT_OF(fits); i++)
        if (strncmp(fits[i].routine, r->name, strlen(fits[i].routine)) == 0)
            return fits[i].fit(w, r, record);
    return true;
}
