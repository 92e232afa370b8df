/* Builds the machine, the system and the processes of a scenario; at the end every counter is 0 and
 * the clock stands at 0: what happened before the first step is not part of the run. */
#include "sim/apc.h"
#include "sim/sched.h"
#include "sim/stats.h"

#include <string.h>

static void misfit(struct sim *s, struct where where, const char *message)
{
    s->error = true;
    s->reason = END_ERROR;
    diag_add(s->diags, where, NULL, message);
}

static void make_machine(struct sim *s)
{
    static const enum paging_mode modes[] = {
        [ARCH_X64] = PAGING_4_LEVEL, [ARCH_X64_LA57] = PAGING_5_LEVEL, [ARCH_X86_PAE] = PAGING_PAE
    };
    const struct sim_config *c = &s->program->config;
    struct hw_config hw = {
        .hz = c->hz,
        .price = c->price,
        .mode = modes[c->arch],
        .has_1_gib_pages = c->has_1_gib_pages,
        .kernel_start = c->mm.system_start.v,
        .l1d = c->l1d,
        .l1i = c->l1i,
        .l2 = c->l2,
        .l2i = c->l2i,
        .caches = c->caches,
        .nested = c->nested,
        .walkers = c->walkers,
        .cpu_count = c->cpu_count,
        .socket_count = c->socket_count,
        .pcid_count = c->pcid_count,
        .kva_shadow = c->kva_shadow,
        .broadcast = c->broadcast,
        .flush_threshold_pages = c->flush_threshold_pages,
        .seed = c->seed,
        .ram = c->ram,
        .ram_count = c->ram_count,
        .bars = c->bar_ranges,
        .bar_count = c->bar_count,
        .types = c->types,
        .type_count = c->type_count,
    };
    memcpy(hw.psc, c->psc, sizeof hw.psc);
    hw_init(&s->hw, s->from, &hw);
}

static void make_devices(struct sim *s, struct kernel_config *config)
{
    const struct sim_config *c = &s->program->config;
    struct device *devices = arena_new(&s->arena, c->device_count + 1, sizeof *devices);
    struct bar *bars = arena_new(&s->arena, c->bar_count + 1, sizeof *bars);
    for (size_t i = 0; i < c->bar_count; i++)
        bars[i] = (struct bar){ c->bars[i].device + 1, pa(c->bars[i].base), c->bars[i].size_bytes };
    for (size_t i = 0; i < c->device_count; i++) {
        devices[i].name = c->devices[i].name;
        devices[i].object = mm_new_object(&s->mm, 0x150);
        s->shared[c->devices[i].slot] =
            (struct value){ devices[i].object.v, (uint32_t)i + 1, VALUE_DEVICE };
    }
    config->devices = devices;
    config->device_count = (uint32_t)c->device_count;
    config->bars = bars;
    config->bar_count = (uint32_t)c->bar_count;
}

static void make_kernel(struct sim *s)
{
    const struct sim_config *c = &s->program->config;
    struct kernel_config *config = arena_new(&s->arena, 1, sizeof *config);
    *config = (struct kernel_config){
        .os = c->os,
        .verifier = c->verifier,
        .rule_levels = c->rule_levels,
        .track_ptes = c->track_ptes,
        .track_locked_pages = c->track_locked_pages,
    };
    make_devices(s, config);
    kernel_init(&s->kernel, s->from, &s->hw, &s->mm, config);
}

/* ---- processes and buffers ---- */

static bool place_buffer(struct sim *s, struct process *p, const struct buffer_plan *b,
                         uint32_t *sections, size_t index)
{
    va_t at = va(b->at);
    uint64_t bytes = b->size_bytes;
    uint32_t status;
    if (b->page_level > LEVEL_PT) {
        status = space_reserve_large(&s->mm, p, &at, bytes, b->protect, b->page_level,
                                     b->page_level);
    } else if (sections[index] != 0 || b->shares >= 0) {
        uint32_t section = b->shares >= 0 ? sections[b->shares] : sections[index];
        status = space_map_view(&s->mm, p, &at, bytes, section, b->protect);
    } else {
        status = space_reserve(&s->mm, p, &at, &bytes, b->protect, b->commit, false);
    }
    if (status != ST_SUCCESS) {
        misfit(s, b->where,
               status == ST_INSUFFICIENT_RESOURCES
                   ? "there are not enough blocks of free frames for the buffer's large pages"
                   : "the buffer does not fit into the address space of its process");
        return false;
    }
    s->shared[b->slot] = value_int(at.v);
    return true;
}

/* Buffers with an address of their own come first, the others go around them. */
static bool place_buffers(struct sim *s, struct process *p, const struct process_plan *plan,
                          uint32_t *sections, bool fixed)
{
    for (uint32_t i = 0; i < plan->buffer_count; i++) {
        uint32_t index = plan->first_buffer + i;
        const struct buffer_plan *b = &s->program->buffers[index];
        if ((b->at != 0) == fixed && !place_buffer(s, p, b, sections, index)) return false;
    }
    return true;
}

static bool touch_buffer(struct sim *s, struct process *p, const struct buffer_plan *b)
{
    if (!b->touched || !b->commit || b->page_level > LEVEL_PT) return true;
    mm_switch(&s->mm, p);
    bool fine = space_touch_all(&s->mm, p, va(s->shared[b->slot].v), b->size_bytes);
    mm_switch(&s->mm, NULL);
    if (!fine) misfit(s, b->where, "there is not enough RAM to make the buffer resident");
    return fine;
}

static bool make_process(struct sim *s, const struct process_plan *plan, uint32_t *sections)
{
    struct process *p = process_new(&s->mm, plan->name);
    if (p == NULL) {
        misfit(s, plan->where, "there is not enough RAM for the page tables of this process");
        return false;
    }
    s->shared[plan->slot] = (struct value){ p->object.v, p->id, VALUE_PROCESS };
    return place_buffers(s, p, plan, sections, true) && place_buffers(s, p, plan, sections, false);
}

static bool make_processes(struct sim *s)
{
    const struct program *program = s->program;
    uint32_t *sections = arena_new(&s->arena, program->buffer_count + 1, sizeof *sections);
    for (size_t i = 0; i < program->buffer_count; i++) {
        const struct buffer_plan *b = &program->buffers[i];
        if (b->shares < 0 || sections[b->shares] != 0) continue;
        uint64_t bytes = program->buffers[b->shares].size_bytes;
        sections[b->shares] = section_new(&s->mm, (bytes + PAGE_MASK) / PAGE_BYTES);
    }
    for (size_t i = 0; i < program->process_count; i++)
        if (!make_process(s, &program->processes[i], sections)) return false;
    for (size_t i = 0; i < program->process_count; i++) {
        const struct process_plan *plan = &program->processes[i];
        struct process *p = process_at(&s->mm, (uint32_t)i + 1);
        for (uint32_t j = 0; j < plan->buffer_count; j++)
            if (!touch_buffer(s, p, &program->buffers[plan->first_buffer + j])) return false;
    }
    return true;
}

static bool make_threads(struct sim *s)
{
    const struct program *program = s->program;
    s->threads = arena_new(&s->arena, program->thread_count, sizeof *s->threads);
    for (size_t i = 0; i < program->thread_count; i++) {
        struct sim_thread *t = &s->threads[i];
        t->plan = &program->threads[i];
        t->process_id = (uint32_t)(t->plan->process + 1);
        t->kernel = (struct kernel_thread){
            .irql = t->plan->irql,
            .current = process_at(&s->mm, t->process_id),
            .model = t->plan->model != NULL ? t->plan->model : "",
            .callback = t->plan->callback != NULL ? t->plan->callback : "",
            .user_mode = t->plan->user_mode,
        };
        kernel_add_thread(&s->kernel, &t->kernel);
        rng_init(&t->random_access, program->config.seed, 2 * i + 1);
        rng_init(&t->arrivals, program->config.seed, 2 * i + 2);
        t->pc = t->plan->entry;
        t->names = arena_new(&s->arena, program->slot_count + 1, sizeof *t->names);
        if (!mm_new_stack(&s->mm, &t->stack)) {
            misfit(s, t->plan->where, "there is not enough RAM for the stack of this thread");
            return false;
        }
    }
    sched_init(s);
    return true;
}

/* ---- the zero of the run ---- */

static void restart_gauge(struct gauge *g)
{
    g->peak = g->now;
    g->peak_t = cycles(0);
}

static void restart_map(struct page_map *map)
{
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        restart_gauge(&map->level[i].tables);
        restart_gauge(&map->level[i].entries);
    }
    restart_gauge(&map->bytes);
    map->writes = 0;
}

static void restart_mm(struct mm *mm)
{
    for (unsigned i = 0; i < FRAME_STATE_COUNT; i++) restart_gauge(&mm->frames.now[i]);
    restart_gauge(&mm->frames.locked);
    restart_gauge(&mm->frames.io);
    mm->frames.traffic_zeroed = mm->frames.traffic_copied = 0;
    memset(&mm->faults, 0, sizeof mm->faults);
    memset(mm->locks, 0, sizeof mm->locks);
    hold_forget(mm->hw);
    lock_forget(&mm->pfn_lock);
    lock_forget(&mm->pte_lock);
    for (unsigned i = 0; i < POOL_KIND_COUNT; i++) lock_forget(&mm->pools.pool[i].lock);
    for (size_t i = 0; i < mm->process_count; i++) {
        struct process *p = mm->processes[i];
        restart_map(&p->map);
        lock_forget(&p->lock);
        restart_gauge(&p->locked_pages);
        restart_gauge(&p->working_set);
        restart_gauge(&p->committed_bytes);
        restart_gauge(&p->private_frames);
    }
}

static void restart_level(struct tlb_level *level)
{
    memset(&level->counts, 0, sizeof level->counts);
}

static void restart_counters(struct sim *s)
{
    restart_map(&s->hw.system);
    restart_mm(&s->mm);
    memory_empty(&s->hw);
    for (uint32_t i = 0; i < s->hw.l3_count; i++)
        memset(&s->hw.l3[i].counts, 0, sizeof s->hw.l3[i].counts);
    for (uint32_t i = 0; i < s->hw.cpu_count; i++) {
        struct cpu *cpu = &s->hw.cpus[i];
        cpu->clock = cycles(0);
        cpu->answered = cycles(0);
        cpu->serving.count = 0;
        cpu->idle = cpu->interrupts = 0;
        memset(cpu->spent, 0, sizeof cpu->spent);
        memset(cpu->settled, 0, sizeof cpu->settled);
        cpu->charged = 0;
        restart_level(&cpu->l1d);
        restart_level(&cpu->l1i);
        restart_level(&cpu->l2);
        restart_level(&cpu->l2i);
        memset(&cpu->l1d_cache.counts, 0, sizeof cpu->l1d_cache.counts);
        memset(&cpu->l2_cache.counts, 0, sizeof cpu->l2_cache.counts);
        memset(&cpu->walks, 0, sizeof cpu->walks);
        memset(&cpu->flushes, 0, sizeof cpu->flushes);
    }
}

static void make_series(struct sim *s)
{
    size_t count = routine_count + s->program->span_count;
    s->series = arena_new(&s->arena, count, sizeof *s->series);
    for (size_t i = 0; i < count; i++) {
        s->series[i].name =
            i < routine_count ? routines[i]->name : s->program->span_names[i - routine_count];
        hist_init(&s->series[i].hist, s->from);
    }
}

bool sim_init(struct sim *s, const struct allocator *from, const struct sim_inputs *inputs)
{
    const struct program *program = inputs->program;
    *s = (struct sim){ .from = from,
                       .program = program,
                       .arena = { .from = from },
                       .sink = inputs->sink,
                       .sources = inputs->sources,
                       .diags = inputs->diags,
                       .no_fast_paths = inputs->no_fast_paths,
                       .interrupted = inputs->interrupted,
                       .interrupt_context = inputs->interrupt_context };
    s->shared = arena_new(&s->arena, program->shared_count + 1, sizeof *s->shared);
    s->by_phase = arena_new(&s->arena, program->phase_count + 1, sizeof *s->by_phase);
    s->rests = arena_new(&s->arena, program->replay_count + 1, sizeof *s->rests);
    s->curves = arena_new(&s->arena, program->replay_count + 1, sizeof *s->curves);
    s->events = arena_new(&s->arena, program->event_count + 1, sizeof *s->events);
    make_series(s);
    make_machine(s);
    if (!mm_init(&s->mm, from, &s->hw, &program->config.mm)) {
        misfit(s, (struct where){ 0 }, "machine.ram is too small for what the system needs");
        return false;
    }
    make_kernel(s);
    if (!make_processes(s) || !make_threads(s)) return false;
    restart_counters(s);
    return true;
}

void sim_free(struct sim *s)
{
    for (size_t i = 0; i < routine_count + s->program->span_count; i++)
        hist_free(&s->series[i].hist);
    for (size_t i = 0; s->threads != NULL && i < s->program->thread_count; i++) {
        struct sim_thread *t = &s->threads[i];
        mem_free(s->from, t->saved, t->saved_capacity, sizeof *t->saved);
        mem_free(s->from, t->spans, t->span_capacity, sizeof *t->spans);
        apc_free(s, t);
        replay_free(s, t);
    }
    replay_results_free(s);
    sched_free(s);
    mem_free(s->from, s->findings, s->finding_capacity, sizeof *s->findings);
    mem_free(s->from, s->list, s->list_room, sizeof *s->list);
    leak_list_free(&s->leaks);
    kernel_free(&s->kernel);
    mm_free(&s->mm);
    hw_free(&s->hw);
    arena_free(&s->arena);
}
