/* Statistics of the memory manager and its objects. */
#include "base/check.h"
#include "sim/internal.h"
#include "sim/stats_walk.h"

static void frame_stats(struct walk_state *w, const struct frames *f)
{
    enter(w, "frames", "Frames of RAM by state.");
    gauge(w, "zeroed", &f->now[FRAME_ZEROED], "Free and zeroed.");
    gauge(w, "free", &f->now[FRAME_FREE], "Free.");
    gauge(w, "standby", &f->now[FRAME_STANDBY], "Unused, contents kept.");
    gauge(w, "modified", &f->now[FRAME_MODIFIED], "Unused, to be written.");
    gauge(w, "active", &f->now[FRAME_ACTIVE], "In use.");
    gauge(w, "locked", &f->locked, "Locked by at least one MDL, each once.");
    gauge(w, "io", &f->io, "Frames of devices that mappings and MDLs hold.");
    gauge(w, "page_tables", &f->now[FRAME_TABLE], "Page tables.");
    counter(w, "total", f->total, "Frames of RAM.");
    leave(w);
}

void memory_stats(struct walk_state *w)
{
    static const struct mm none;
    const struct mm *mm = w->s != NULL ? &w->s->mm : &none;
    enter(w, "memory", "Frames, faults, traffic.");
    frame_stats(w, &mm->frames);
    enter(w, "faults", "Page faults by kind.");
    counter(w, "demand_zero", mm->faults.demand_zero, "First touch of a committed page.");
    counter(w, "transition", mm->faults.transition, "The page was in memory.");
    counter(w, "page_file", mm->faults.page_file, "The page was read from a paging file.");
    counter(w, "copy_on_write", mm->faults.copy_on_write, "First write to a shared page.");
    counter(w, "access_violation", mm->faults.access_violation, "Not permitted.");
    counter(w, "guard_page", mm->faults.guard_page, "First access to a guard page.");
    leave(w);
    enter(w, "traffic", "Frames moved.");
    counter(w, "zeroed", mm->frames.traffic_zeroed, "Frames zeroed on demand.");
    counter(w, "copied", mm->frames.traffic_copied, "Frames copied.");
    counter(w, "page_ins", 0, "Frames read from paging files.");
    counter(w, "page_outs", 0, "Frames written to paging files.");
    leave(w);
    leave(w);
}

/* A tag as text: its four bytes in the order of the source, hexadecimal where they are no
 * characters. */
static const char *tag_name(uint32_t tag, char name[12])
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned length = 0;
    bool plain = tag != 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned c = tag >> (24 - 8 * i) & 0xFF;
        if (c == 0 && length == 0) continue;
        plain = plain && c >= 0x20 && c <= 0x7E;
        name[length++] = (char)c;
    }
    if (!plain) {
        length = 0;
        name[length++] = '0', name[length++] = 'x';
        for (unsigned i = 0; i < 8; i++) name[length++] = digits[tag >> (28 - 4 * i) & 15];
    }
    name[length] = '\0';
    return name;
}

static void tag_stats(struct walk_state *w, const char *name, const struct pool_tag_stats *t)
{
    enter(w, name, "One tag.");
    gauge(w, "bytes", &t->bytes, "Bytes in the hands of callers.");
    gauge(w, "blocks", &t->blocks, "Blocks.");
    counter(w, "allocations", t->allocations, "Blocks allocated.");
    counter(w, "frees", t->frees, "Blocks freed.");
    counter(w, "failures", t->failures, "Requests that failed.");
    leave(w);
}

static void one_pool_stats(struct walk_state *w, const char *name, const struct pool *p)
{
    static const struct pool_tag_stats none;
    enter(w, name, "One pool.");
    gauge(w, "bytes", &p->bytes, "Bytes in the hands of callers.");
    gauge(w, "blocks", &p->blocks, "Blocks.");
    counter(w, "allocations", p->allocations, "Blocks allocated.");
    counter(w, "frees", p->frees, "Blocks freed.");
    counter(w, "failures", p->failures, "Requests that failed.");
    enter(w, "by_tag", "The same by pool tag.");
    if (w->s == NULL) tag_stats(w, "*", &none);
    for (size_t i = 0; i < p->tag_count; i++) {
        char tag[12];
        tag_stats(w, tag_name(p->tags[i].tag, tag), &p->tags[i]);
    }
    leave(w);
    leave(w);
}

void pool_stats(struct walk_state *w)
{
    static const struct pools none;
    const struct pools *p = w->s != NULL ? &w->s->mm.pools : &none;
    enter(w, "pool", "Pools.");
    one_pool_stats(w, "nonpaged", &p->pool[POOL_NONPAGED]);
    one_pool_stats(w, "paged", &p->pool[POOL_PAGED]);
    leave(w);
}

void object_stats(struct walk_state *w)
{
    static const struct object_gauges none;
    const struct object_gauges *o = w->s != NULL ? &w->s->kernel.objects : &none;
    enter(w, "objects", "Objects of the kernel.");
    gauge(w, "mdls", &o->mdls, "MDLs that the system allocated.");
    gauge(w, "irps", &o->irps, "IRPs.");
    enter(w, "mappings", "Mappings, not pages.");
    gauge(w, "system", &o->mappings_system, "Of MDLs to system space.");
    gauge(w, "user", &o->mappings_user, "Of MDLs to user space.");
    gauge(w, "io_space", &o->mappings_io_space, "Of MmMapIoSpace.");
    leave(w);
    gauge(w, "reserved_mappings", &o->reserved_mappings,
          "Reservations of MmAllocateMappingAddress.");
    leave(w);
}

void process_stats(struct walk_state *w)
{
    static const struct process none;
    size_t count = w->s != NULL ? w->s->mm.process_count : 1;
    enter(w, "processes", "Processes.");
    for (size_t i = 0; i < count; i++) {
        const struct process *p = w->s != NULL ? w->s->mm.processes[i] : &none;
        enter(w, w->s != NULL ? p->name : "*", "One process.");
        gauge(w, "locked_pages", &p->locked_pages, "Pages locked, by MDL.");
        gauge(w, "working_set", &p->working_set, "Bytes resident.");
        gauge(w, "committed_bytes", &p->committed_bytes, "Private bytes committed.");
        gauge(w, "private_frames", &p->private_frames, "Frames of its own.");
        leave(w);
    }
    leave(w);
}

void lock_stats(struct walk_state *w)
{
    static const char *const names[MM_LOCK_COUNT] = { "pfn", "system_pte", "pool",
                                                      "address_space" };
    static const struct lock_counts none;
    enter(w, "locks", "Locks of the memory manager.");
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        enter(w, names[i], "One lock; with one processor nobody waits.");
        const struct lock_counts *c = w->s != NULL ? &w->s->mm.locks[i] : &none;
        counter(w, "acquisitions", c->acquisitions, "Acquisitions.");
        counter(w, "contended", c->contended, "Acquisitions that waited.");
        counter(w, "wait_cycles", c->wait_cycles, "Cycles waited.");
        leave(w);
    }
    leave(w);
}

void apc_stats(struct walk_state *w)
{
    static const struct apc_counts none;
    if (w->s != NULL && !w->all && !w->s->program->has_apcs) return;
    const struct apc_counts *c = w->s != NULL ? &w->s->apcs : &none;
    enter(w, "apcs", "Kernel APCs; only where a step queues one.");
    counter(w, "queued", c->queued, "Taken into the queue of a thread.");
    counter(w, "refused", c->refused, "For threads that were done.");
    enter(w, "delivered", "Begun, by kind.");
    counter(w, "special", c->special, "Special kernel APCs.");
    counter(w, "normal", c->normal, "Normal kernel APCs.");
    leave(w);
    counter(w, "wait_cycles", c->waited, "Cycles from queue to delivery, of all.");
    counter(w, "wait_cycles_max", c->waited_most, "The longest.");
    leave(w);
}

void leak_stats(struct walk_state *w)
{
    struct leak_list leaks = { 0 };
    if (w->s != NULL) kernel_leaks(&w->s->kernel, NULL, &leaks);
    enter(w, "leaks", "What is still held.");
    for (unsigned i = 0; i < LEAK_KIND_COUNT; i++)
        if (i != LEAK_APC_REGIONS || leaks.totals[i] > 0 || w->s == NULL || w->all)
            counter(w, leak_kind_names[i], leaks.totals[i], "Still held.");
    leave(w);
}
