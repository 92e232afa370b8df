/* `machine.cpu`: what stands beside the preset overrides single values of it. */
#include "model/overlap.h"
#include "scenario/compiler.h"

#include <string.h>

/* Dearer than any access of real hardware, and 2^23 of them still fit into the clock. */
#define PRICE_MOST (UINT64_C(1) << 40)

static void compile_cost(struct compiler *c, const struct node *costs, size_t i)
{
    const char *words[COST_COUNT];
    for (unsigned cost = 0; cost < COST_COUNT; cost++) {
        words[cost] = cost_rows[cost].key;
        if (strcmp(cost_rows[cost].key, costs->keys[i]) != 0) continue;
        struct value v;
        if (!constant(c, costs->items[i], &v)) return;
        bool fits = (v.kind == VALUE_INT || v.kind == VALUE_TIME) && v.v <= PRICE_MOST;
        if (fits) c->program->config.price[cost] = v.v;
        else {
            report(c, costs->items[i], "expected cycles, at most %u, found %s", PRICE_MOST,
                   found(c, costs->items[i]));
        }
        return;
    }
    if (strcmp(costs->keys[i], "pagein") == 0 || strcmp(costs->keys[i], "pageout") == 0) {
        report_key(c, costs, i, "paging files are not there yet");
        return;
    }
    report_key(c, costs, i, "unknown cost '%s': `mdlsim list costs` names them%s",
               shown(c, costs->keys[i]), hint(c, costs->keys[i], words, COST_COUNT));
}

void compile_cpu(struct compiler *c)
{
    struct sim_config *config = &c->program->config;
    const struct cpu_preset *preset = config->preset;
    config->l1d = preset->l1d;
    config->l1i = preset->l1i;
    config->l2 = preset->l2;
    memset(config->l2i.array_of, TLB_NO_ARRAY, sizeof config->l2i.array_of);
    memcpy(config->psc, preset->psc, sizeof config->psc);
    config->caches = preset->caches;
    config->walkers = preset->walkers;
    memcpy(config->price, preset->price, sizeof config->price);
    config->cpu_count = 1;
    config->has_1_gib_pages = preset->l1d.array_of[PAGE_1G] != TLB_NO_ARRAY;
    const struct node *machine = node_get(c->root, "machine");
    const struct node *cpu = machine ? node_get(machine, "cpu") : NULL;
    if (!cpu || !keys_check(c, cpu, "machine.cpu")) {
        compile_flushes(c, NULL);
        return;
    }
    uint64_t count = 1;
    const struct node *count_node = node_get(cpu, "count");
    if (expect_number(c, count_node, NUMBER_COUNT, (struct range){ 1, UINT64_MAX }, &count)) {
        if (count > preset->cpus_max) {
            report(c, count_node, "a machine of preset '%s' has at most %u processors, found %s",
                   preset->name, (uint64_t)preset->cpus_max, found(c, count_node));
            count = preset->cpus_max;
        }
        config->cpu_count = (uint32_t)count;
    }
    compile_flushes(c, cpu);
    const struct node *caches = node_get(cpu, "caches");
    if (caches) compile_caches(c, caches);
    expect_bool(c, node_get(cpu, "nested"), &config->nested);
    uint64_t walkers = config->walkers;
    expect_number(c, node_get(cpu, "walkers"), NUMBER_COUNT, (struct range){ 1, WALKERS_MOST },
                  &walkers);
    config->walkers = (uint32_t)walkers;
    const struct node *tlb = node_get(cpu, "tlb");
    if (tlb) compile_tlb(c, tlb);
    const struct node *costs = node_get(cpu, "costs");
    if (!costs || !expect_map(c, costs, "a mapping of costs")) return;
    for (size_t i = 0; i < costs->count; i++) {
        if (!key_is_own(costs->keys[i])) compile_cost(c, costs, i);
    }
}
