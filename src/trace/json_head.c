/* The head of a trace: the whole resolved configuration, in the keys of the scenario format, so
 * that it can be read as one. */
#include "trace/json_sink.h"
#include "trace/json_write.h"

/* Where members of an object stand: each on a line of its own, or all on one. */
struct layout {
    struct text *t;
    bool lines;
};

/* The comma and the line between two members. */
static void next(const struct layout *w)
{
    json_char(w->t, ',');
    json_char(w->t, w->lines ? '\n' : ' ');
}

static void key_string(struct text *t, const char *before, const char *key, const char *value)
{
    json_plain(t, before);
    json_key(t, key);
    json_quoted(t, value);
}

static void key_count(struct text *t, const char *before, const char *key, uint64_t value)
{
    json_plain(t, before);
    json_key(t, key);
    json_count(t, value);
}

static void key_hex(struct text *t, const char *before, const char *key, uint64_t value)
{
    json_plain(t, before);
    json_key(t, key);
    json_hex(t, value);
}

static void key_bool(struct text *t, const char *before, const char *key, bool value)
{
    json_plain(t, before);
    json_key(t, key);
    json_bool(t, value);
}

/* ---- machine ---- */

static void put_geometry(struct text *t, struct tlb_geometry g)
{
    key_count(t, "{", "entries", g.entries);
    key_count(t, ", ", "ways", g.ways);
    const char *policy = names_find_name(&tlb_policies, g.policy);
    key_string(t, ", ", "policy", policy != NULL ? policy : "");
}

static const char *const page_names[PAGE_SIZE_COUNT] = { "4 KiB", "2 MiB", "1 GiB" };

/* {"4 KiB": {...}, ...}: the arrays of a level by the first page size they hold; `pages` lists all
 * where one holds several. */
static void put_level(struct text *t, const char *key, const struct tlb_level_geometry *level)
{
    json_key(t, key);
    bool any = false;
    for (size_t i = 0; i < PAGE_SIZE_COUNT; i++) {
        if (level->array_of[i] != i || level->array[i].entries == 0) continue;
        json_plain(t, any ? ", " : "{");
        any = true;
        json_key(t, page_names[i]);
        put_geometry(t, level->array[i]);
        JSON_PUT(t, ", \"pages\": [");
        for (size_t k = i; k < PAGE_SIZE_COUNT; k++) {
            if (level->array_of[k] != i) continue;
            if (k > i) JSON_PUT(t, ", ");
            json_quoted(t, page_names[k]);
        }
        JSON_PUT(t, "]}");
    }
    if (any) {
        if (level->hashed) key_string(t, ", ", "index", "hash");
        json_char(t, '}');
    } else {
        JSON_PUT(t, "\"none\"");
    }
}

static void put_psc(struct text *t, const struct sim_config *c)
{
    static const char *const keys[PSC_COUNT] = { "pd", "pdpt", "pml4", "pml5" };
    JSON_PUT(t, "\"psc\": {");
    for (size_t i = PSC_COUNT; i-- > 0;) {
        if (i + 1 < PSC_COUNT) JSON_PUT(t, ", ");
        json_key(t, keys[i]);
        if (c->psc[i].entries == 0) {
            JSON_PUT(t, "\"none\"");
        } else {
            put_geometry(t, c->psc[i]);
            json_char(t, '}');
        }
    }
    json_char(t, '}');
}

static void put_cache(struct text *t, const struct sim_config *c, enum cache_level level)
{
    static const enum cost costs[] = { COST_MEMORY, COST_MEMORY_L2, COST_MEMORY_L3 };
    const struct cache_geometry *g = &c->caches.level[level];
    if (g->ways == 0) {
        JSON_PUT(t, "\"none\"");
        return;
    }
    const char *policy = names_find_name(&tlb_policies, g->policy);
    key_count(t, "{", "size", g->bytes);
    key_count(t, ", ", "ways", g->ways);
    key_string(t, ", ", "policy", policy != NULL ? policy : "");
    key_count(t, ", ", "latency", c->price[costs[level]]);
    if (level == CACHE_L3 && c->caches.l3_cpus != 0) key_count(t, ", ", "cpus", c->caches.l3_cpus);
    if (level == CACHE_L3 && c->caches.l3_hashed) key_string(t, ", ", "index", "hash");
    json_char(t, '}');
}

static void put_caches(struct text *t, const struct sim_config *c)
{
    static const char *const keys[CACHE_LEVEL_COUNT] = { "l1d", "l2", "l3" };
    JSON_PUT(t, "\"caches\": ");
    if (!c->caches.modelled) {
        JSON_PUT(t, "\"none\"");
        return;
    }
    for (size_t i = 0; i < CACHE_LEVEL_COUNT; i++) {
        json_plain(t, i == 0 ? "{" : ", ");
        json_key(t, keys[i]);
        put_cache(t, c, (enum cache_level)i);
    }
    key_count(t, ", \"memory\": {", "latency", c->price[COST_MEMORY_DRAM]);
    JSON_PUT(t, "}}");
}

static void put_cpu(const struct layout *w, const struct sim_config *c)
{
    struct text *t = w->t;
    JSON_PUT(t, "\"cpu\": ");
    key_string(t, "{", "preset", c->preset->name);
    key_count(t, ", ", "count", c->cpu_count);
    key_count(t, ", ", "sockets", c->socket_count);
    key_count(t, ", ", "pcid", c->pcid_count);
    key_bool(t, ", ", "kpti", c->kva_shadow);
    key_bool(t, ", ", "broadcast_invalidation", c->broadcast);
    key_count(t, ", ", "hz", c->hz);
    next(w);
    JSON_PUT(t, "\"tlb\": {");
    put_level(t, "l1d", &c->l1d);
    next(w);
    put_level(t, "l1i", &c->l1i);
    next(w);
    put_level(t, "l2", &c->l2);
    next(w);
    put_level(t, "l2i", &c->l2i);
    next(w);
    put_psc(t, c);
    json_char(t, '}');
    next(w);
    put_caches(t, c);
    key_bool(t, ", ", "nested", c->nested);
    key_count(t, ", ", "walkers", c->walkers);
    next(w);
    JSON_PUT(t, "\"costs\": ");
    for (size_t i = 0; i < COST_COUNT; i++) {
        key_count(t, i == 0 ? "{" : ", ", cost_rows[i].key, c->price[i]);
    }
    JSON_PUT(t, "}}");
}

static void put_ram(struct text *t, const struct sim_config *c)
{
    JSON_PUT(t, "\"ram\": [");
    for (size_t i = 0; i < c->ram_count; i++) {
        key_hex(t, i == 0 ? "{" : ", {", "base", pfn_to_pa(c->ram[i].first).v);
        key_count(t, ", ", "size", c->ram[i].page_count * PAGE_BYTES);
        key_count(t, ", ", "node", c->ram[i].node);
        json_char(t, '}');
    }
    json_char(t, ']');
}

static void put_bars(struct text *t, const struct sim_config *c, size_t device)
{
    bool any = false;
    JSON_PUT(t, "{\"bars\": [");
    for (size_t i = 0; i < c->bar_count; i++) {
        const struct bar_plan *b = &c->bars[i];
        if (b->device != device) continue;
        json_plain(t, any ? ", {" : "{");
        any = true;
        if (b->name != NULL) key_string(t, "", "name", b->name);
        key_hex(t, b->name != NULL ? ", " : "", "base", b->base);
        key_count(t, ", ", "size", b->size_bytes);
        key_bool(t, ", ", "prefetchable", b->prefetchable);
        json_char(t, '}');
    }
    JSON_PUT(t, "]}");
}

static void put_types(const struct layout *w, const struct sim_config *c)
{
    struct text *t = w->t;
    JSON_PUT(t, "\"memory_types\": [");
    for (size_t i = 0; i < c->type_count; i++) {
        const struct type_range *r = &c->types[i];
        key_hex(t, i > 0 ? ", {" : "{", "base", r->first.v * PAGE_BYTES);
        key_count(t, ", ", "size", r->page_count * PAGE_BYTES);
        key_string(t, ", ", "type", names_find_name(&memory_type_names, r->type));
        json_char(t, '}');
    }
    json_char(t, ']');
    next(w);
}

static void put_machine(const struct layout *w, const struct sim_config *c)
{
    struct text *t = w->t;
    JSON_PUT(t, "\"machine\": ");
    key_string(t, "{", "os", os_name(c->os->rank));
    key_string(t, ", ", "arch", names_find_name(&arch_names, c->arch));
    next(w);
    put_cpu(w, c);
    next(w);
    put_ram(t, c);
    next(w);
    put_types(w, c);
    JSON_PUT(t, "\"devices\": {");
    for (size_t i = 0; i < c->device_count; i++) {
        if (i > 0) next(w);
        json_quoted(t, c->devices[i].name);
        JSON_PUT(t, ": ");
        put_bars(t, c, i);
    }
    JSON_PUT(t, "}}");
}

/* ---- mm, verifier, processes ---- */

static void put_fragmentation(struct text *t, const struct mm_config *m)
{
    JSON_PUT(t, ", \"fragmentation\": ");
    switch ((enum fragmentation_kind)m->fragmentation) {
    case FRAGMENTATION_NONE: JSON_PUT(t, "\"none\""); break;
    case FRAGMENTATION_SHUFFLED:
        key_count(t, "{\"kind\": \"shuffled\", ", "seed", m->fragmentation_seed);
        json_char(t, '}');
        break;
    case FRAGMENTATION_CHECKERBOARD:
        key_count(t, "{\"kind\": \"checkerboard\", ", "run", m->fragmentation_run);
        json_char(t, '}');
        break;
    }
}

static void put_mm(struct text *t, const struct sim_config *c)
{
    const struct mm_config *m = &c->mm;
    static const char *const policies[] = { "first-fit", "best-fit", "next-fit" };
    JSON_PUT(t, "\"mm\": ");
    key_count(t, "{", "system_ptes", m->system_ptes);
    key_count(t, ", ", "nonpaged_pool", m->nonpaged_pool_bytes);
    key_count(t, ", ", "paged_pool", m->paged_pool_bytes);
    key_string(t, ", ", "pte_flush",
               m->pte_flush == PTE_FLUSH_IMMEDIATE ? "immediate" : "deferred");
    CHECK2(m->pte_policy < COUNT_OF(policies), m->pte_policy, 0);
    key_string(t, ", ", "pte_policy", policies[m->pte_policy]);
    key_count(t, ", \"pte_thresholds\": {", "low", m->threshold_low);
    key_count(t, ", ", "normal", m->threshold_normal);
    json_char(t, '}');
    put_fragmentation(t, m);
    key_count(t, ", ", "zeroed", m->zeroed_percent);
    key_bool(t, ", ", "large_pages", m->large_pages);
    key_count(t, ", ", "flush_threshold", c->flush_threshold_pages);
    key_string(t, ", ", "address_space_lock", m->shares_space_lock ? "shared" : "exclusive");
    json_char(t, '}');
}

static void put_verifier(struct text *t, const struct sim_config *c)
{
    static const char *const modes[] = { "report", "bugcheck", "off" };
    static const char *const levels[] = { "off", "advice", "error" };
    JSON_PUT(t, "\"verifier\": ");
    key_string(t, "{", "mode", modes[c->verifier]);
    JSON_PUT(t, ", \"rules\": {");
    bool any = false;
    for (size_t i = 0; i < rule_count; i++) {
        if (c->rule_levels[i] == (uint8_t)rules[i].level) continue;
        key_string(t, any ? ", " : "", rules[i].id, levels[c->rule_levels[i]]);
        any = true;
    }
    json_char(t, '}');
    key_bool(t, ", ", "track_ptes", c->track_ptes);
    key_bool(t, ", ", "track_locked_pages", c->track_locked_pages);
    json_char(t, '}');
}

/* "PROCESS.BUFFER" of a buffer by its number among all. */
static void put_buffer_name(struct text *t, const struct program *p, size_t buffer)
{
    for (size_t i = 0; i < p->process_count; i++) {
        const struct process_plan *q = &p->processes[i];
        if (buffer < q->first_buffer || buffer - q->first_buffer >= q->buffer_count) continue;
        json_char(t, '"');
        text_json(t, q->name, strlen(q->name));
        json_char(t, '.');
        text_json(t, p->buffers[buffer].name, strlen(p->buffers[buffer].name));
        json_char(t, '"');
        return;
    }
    JSON_PUT(t, "null");
}

static void put_buffer(struct text *t, const struct program *p, const struct buffer_plan *b)
{
    json_quoted(t, b->name);
    key_count(t, ": {", "size", b->size_bytes);
    JSON_PUT(t, ", \"protect\": ");
    json_flags(t, &page_protections, b->protect);
    JSON_PUT(t, ", \"at\": ");
    if (b->at == 0) JSON_PUT(t, "null");
    if (b->at != 0) json_hex(t, b->at);
    key_bool(t, ", ", "commit", b->commit);
    key_bool(t, ", ", "touched", b->touched);
    key_count(t, ", ", "pages", pte_level_pages(b->page_level) * PAGE_BYTES);
    JSON_PUT(t, ", \"shares\": ");
    if (b->shares < 0) JSON_PUT(t, "null");
    if (b->shares >= 0) put_buffer_name(t, p, (size_t)b->shares);
    json_char(t, '}');
}

static void put_processes(const struct layout *w, const struct program *p)
{
    struct text *t = w->t;
    JSON_PUT(t, "\"processes\": {");
    for (size_t i = 0; i < p->process_count; i++) {
        const struct process_plan *q = &p->processes[i];
        if (i > 0) next(w);
        json_quoted(t, q->name);
        JSON_PUT(t, ": {\"buffers\": {");
        for (uint32_t k = 0; k < q->buffer_count; k++) {
            if (k > 0) next(w);
            put_buffer(t, p, &p->buffers[q->first_buffer + k]);
        }
        JSON_PUT(t, "}}");
    }
    json_char(t, '}');
}

/* What follows from the version and the architecture and cannot be set. */
static void put_layout(struct text *t, const struct sim_config *c)
{
    const struct mm_config *m = &c->mm;
    JSON_PUT(t, "\"layout\": ");
    key_hex(t, "{", "MmHighestUserAddress", m->highest_user.v);
    key_hex(t, ", ", "MmUserProbeAddress", m->user_probe.v);
    key_hex(t, ", ", "MmSystemRangeStart", m->system_start.v);
    key_hex(t, ", ", "system_ptes", m->syspte_base.v);
    key_hex(t, ", ", "nonpaged_pool", m->nonpaged_base.v);
    key_hex(t, ", ", "paged_pool", m->paged_base.v);
    key_hex(t, ", ", "stacks", m->stack_base.v);
    key_hex(t, ", ", "objects", m->object_base.v);
    key_count(t, ", ", "system_pages", m->system_pages);
    json_char(t, '}');
}

void json_config(struct text *t, const struct program *p, bool lines)
{
    struct layout w = { t, lines };
    json_char(t, '{');
    if (lines) json_char(t, '\n');
    put_machine(&w, &p->config);
    next(&w);
    put_mm(t, &p->config);
    next(&w);
    put_verifier(t, &p->config);
    next(&w);
    put_processes(&w, p);
    next(&w);
    put_layout(t, &p->config);
    if (lines) json_char(t, '\n');
    json_char(t, '}');
}

/* ---- head ---- */

static void put_scenario(struct text *t, const struct program *p,
                         const struct trace_head_info *info)
{
    JSON_PUT(t, "\"scenario\": ");
    key_string(t, "{", "name", p->name);
    key_string(t, ", ", "file", info->file);
    key_string(t, ", ", "sha256", info->sha256);
    key_count(t, ", ", "seed", p->config.seed);
    for (size_t i = 0; i < info->include_count; i++) {
        json_plain(t, i == 0 ? ", \"includes\": [" : ", ");
        key_string(t, "{", "file", info->includes[i].name);
        key_string(t, ", ", "sha256", info->includes[i].sha256);
        json_char(t, '}');
    }
    if (info->include_count > 0) json_char(t, ']');
    for (size_t i = 0; i < info->override_count; i++) {
        json_plain(t, i == 0 ? ", \"overrides\": [" : ", ");
        json_quoted(t, info->overrides[i]);
    }
    if (info->override_count > 0) json_char(t, ']');
    json_char(t, '}');
}

static void put_machine_short(struct text *t, const struct sim_config *c)
{
    JSON_PUT(t, "\"machine\": ");
    key_string(t, "{", "os", c->os->name);
    key_string(t, ", ", "arch", names_find_name(&arch_names, c->arch));
    key_string(t, ", ", "cpu", c->preset->name);
    key_count(t, ", ", "cpus", c->cpu_count);
    key_count(t, ", ", "hz", c->hz);
    key_count(t, ", ", "ram_bytes", c->ram_bytes);
    json_char(t, '}');
}

void json_head(struct text *t, const struct program *p, const struct trace_head_info *info,
               bool lines)
{
    struct layout w = { t, lines };
    key_string(t, "\"mdlsim\": {\"format\": 1, ", "version", info->version);
    json_char(t, '}');
    next(&w);
    put_scenario(t, p, info);
    next(&w);
    put_machine_short(t, &p->config);
    next(&w);
    JSON_PUT(t, "\"config\": ");
    json_config(t, p, lines);
}
