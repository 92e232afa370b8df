/* Searching the tables of processors. */
#include "model/preset.h"

#include "model/preset_data.h"

#include <string.h>

static const struct name policy_list[] = {
    { "lru", POLICY_LRU, "Evicts the entry used longest ago." },
    { "plru", POLICY_PLRU, "Evicts what a binary tree of bits points at." },
    { "fifo", POLICY_FIFO, "Evicts the entry filled longest ago." },
    { "random", POLICY_RANDOM, "Evicts any entry; seeded." },
    { NULL, 0, NULL },
};

const struct names tlb_policies = { .title = "replacement policy", .list = policy_list };

const struct cpu_preset *preset_find(const char *name)
{
    for (const struct cpu_preset *p = cpu_presets; p->name != NULL; p++)
        if (strcmp(p->name, name) == 0) return p;
    return NULL;
}

const struct preset_parameter *preset_parameter_find(const char *preset, const char *parameter)
{
    for (const struct preset_parameter *p = preset_parameters; p->preset != NULL; p++)
        if (strcmp(p->preset, preset) == 0 && strcmp(p->parameter, parameter) == 0) return p;
    return NULL;
}

const char *preset_source_title(const char *tag)
{
    for (const struct preset_source *s = preset_sources; s->tag != NULL; s++)
        if (strcmp(s->tag, tag) == 0) return s->title;
    return NULL;
}
