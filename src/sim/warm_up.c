/* The part of a replay that moves the state of the machine and no statistic. */
#include "sim/replay.h"

#include <string.h>

struct cpu_counters {
    struct tlb_counts l1d, l1i, l2, l2i;
    struct cache_counts l1d_cache, l2_cache, l3_cache; /* an L3 once for each that shares it */
    struct walk_counts walks;
    struct flush_counts flushes;
};

struct warm_up {
    uint64_t price[COST_COUNT];
    struct cpu_counters *cpus;
    uint64_t *writes; /* page-table entries by process */
    size_t process_count;
    uint64_t system_writes, zeroed, copied;
    struct fault_counts faults;
    struct lock_counts locks[MM_LOCK_COUNT];
};

struct warm_up *warm_up_begin(struct sim *s)
{
    struct warm_up *w = mem_new(s->from, 1, sizeof *w);
    w->cpus = mem_new(s->from, s->hw.cpu_count, sizeof *w->cpus);
    for (uint32_t i = 0; i < s->hw.cpu_count; i++) {
        const struct cpu *cpu = &s->hw.cpus[i];
        w->cpus[i] = (struct cpu_counters){ cpu->l1d.counts,
                                            cpu->l1i.counts,
                                            cpu->l2.counts,
                                            cpu->l2i.counts,
                                            cpu->l1d_cache.counts,
                                            cpu->l2_cache.counts,
                                            { 0 },
                                            cpu->walks,
                                            cpu->flushes };
        if (cpu->l3_cache != NULL) w->cpus[i].l3_cache = cpu->l3_cache->counts;
    }
    w->process_count = s->mm.process_count;
    w->writes = mem_new(s->from, w->process_count, sizeof *w->writes);
    for (size_t i = 0; i < w->process_count; i++) w->writes[i] = s->mm.processes[i]->map.writes;
    w->system_writes = s->hw.system.writes;
    w->zeroed = s->mm.frames.traffic_zeroed;
    w->copied = s->mm.frames.traffic_copied;
    w->faults = s->mm.faults;
    memcpy(w->locks, s->mm.locks, sizeof w->locks);
    memcpy(w->price, s->hw.price, sizeof w->price);
    memset(s->hw.price, 0, sizeof s->hw.price);
    return w;
}

void warm_up_end(struct sim *s, struct warm_up *w)
{
    for (uint32_t i = 0; i < s->hw.cpu_count; i++) {
        struct cpu *cpu = &s->hw.cpus[i];
        cpu->l1d.counts = w->cpus[i].l1d;
        cpu->l1i.counts = w->cpus[i].l1i;
        cpu->l2.counts = w->cpus[i].l2;
        cpu->l2i.counts = w->cpus[i].l2i;
        cpu->l1d_cache.counts = w->cpus[i].l1d_cache;
        cpu->l2_cache.counts = w->cpus[i].l2_cache;
        if (cpu->l3_cache != NULL) cpu->l3_cache->counts = w->cpus[i].l3_cache;
        cpu->walks = w->cpus[i].walks;
        cpu->flushes = w->cpus[i].flushes;
    }
    for (size_t i = 0; i < w->process_count; i++) s->mm.processes[i]->map.writes = w->writes[i];
    s->hw.system.writes = w->system_writes;
    s->mm.frames.traffic_zeroed = w->zeroed;
    s->mm.frames.traffic_copied = w->copied;
    s->mm.faults = w->faults;
    memcpy(s->mm.locks, w->locks, sizeof w->locks);
    memcpy(s->hw.price, w->price, sizeof w->price);
    mem_free(s->from, w->writes, w->process_count, sizeof *w->writes);
    mem_free(s->from, w->cpus, s->hw.cpu_count, sizeof *w->cpus);
    mem_free(s->from, w, 1, sizeof *w);
}
