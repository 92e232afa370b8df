/* `machine.cpu`: sockets, PCIDs, KVA shadow, broadcast invalidation: what decides how flushes reach
 * TLBs. */
#include "scenario/compiler.h"

/* Processors fill one socket after the other, in equal shares but for the last; none is empty. */
static void compile_sockets(struct compiler *c, const struct node *node)
{
    struct sim_config *config = &c->program->config;
    uint64_t count = config->cpu_count, share = config->preset->socket_cpus;
    uint64_t sockets = (count + share - 1) / share;
    if (expect_number(c, node, NUMBER_COUNT, (struct range){ 1, count }, &sockets)) {
        share = (count + sockets - 1) / sockets;
        uint64_t filled = (count + share - 1) / share;
        if (filled < sockets)
            report(c, node,
                   "expected a number of sockets that %u processors fill, found %u: shares of %u "
                   "fill %u", count, sockets, share, filled);
    }
    config->socket_count = (uint32_t)sockets;
}

/* Windows got KVA shadow by updates of January 2018; version 1803 is the first that came with it.
 * It is on where the processor is open to Meltdown (Microsoft, "KVA Shadow: Mitigating Meltdown on
 * Windows"). An administrator's choice is not modelled: the setting is one. */
static void compile_kva_shadow(struct compiler *c, const struct node *node)
{
    struct sim_config *config = &c->program->config;
    config->kva_shadow = config->preset->needs_kva_shadow && config->os->rank >= OS_10_1803;
    expect_bool(c, node, &config->kva_shadow);
}

/* Address spaces that the PCIDs of a processor can tell apart: KVA shadow takes two for each. */
static uint64_t pcids_most(const struct sim_config *config)
{
    return config->kva_shadow ? config->preset->pcid_count / 2 : config->preset->pcid_count;
}

/* `true`, `false`, or how many address spaces a processor keeps. That Windows uses PCIDs with KVA
 * shadow alone is inferred. */
static void compile_pcid(struct compiler *c, const struct node *node)
{
    struct sim_config *config = &c->program->config;
    bool possible = config->arch != ARCH_X86_PAE && config->preset->pcid_count != 0;
    uint64_t most = pcids_most(config), count = possible && config->kva_shadow ? most : 0;
    bool on = false;
    if (node && (is_word(node, "true") || is_word(node, "false"))) {
        expect_bool(c, node, &on);
        count = on ? most : 0;
        if (on && !possible) count = 1;
    } else {
        expect_number(c, node, NUMBER_COUNT, (struct range){ 0, possible ? most : 1 }, &count);
    }
    config->pcid_count = (uint32_t)count;
    if (possible || count == 0) return;
    if (config->arch == ARCH_X86_PAE) {
        report(c, node, "there are no PCIDs on x86-pae: they need 64-bit paging");
    } else {
        report(c, node, "the CPU preset '%s' has no PCIDs; skylake-sp has them",
               config->preset->name);
    }
}

static void compile_broadcast(struct compiler *c, const struct node *node)
{
    struct sim_config *config = &c->program->config;
    config->broadcast = false;
    if (!expect_bool(c, node, &config->broadcast) || !config->broadcast) return;
    if (config->preset->broadcasts) return;
    report(c, node, "the CPU preset '%s' has no INVLPGB, which broadcast_invalidation needs; zen3 "
           "has it", config->preset->name);
}

void compile_flushes(struct compiler *c, const struct node *cpu)
{
    compile_sockets(c, cpu ? node_get(cpu, "sockets") : NULL);
    compile_kva_shadow(c, cpu ? node_get(cpu, "kpti") : NULL);
    compile_pcid(c, cpu ? node_get(cpu, "pcid") : NULL);
    compile_broadcast(c, cpu ? node_get(cpu, "broadcast_invalidation") : NULL);
}
