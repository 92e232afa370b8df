/* `verifier`: what is checked and what a violation does (scenario format, section 8). */
#include "scenario/compiler.h"

#include <string.h>

static const struct name mode_list[] = {
    { "report", VERIFIER_REPORT, "Lists each violation, and the run goes on." },
    { "bugcheck", VERIFIER_BUGCHECK, "Stops as Driver Verifier would." },
    { "off", VERIFIER_OFF, "Checks nothing." },
    { NULL, 0, NULL },
};
static const struct names mode_names = { .title = "verifier mode", .list = mode_list };

enum { LEVEL_OWN = LEVEL_ERROR + 1 };
static const struct name level_list[] = {
    { "on", LEVEL_OWN, "The level of the rule itself." },
    { "error", LEVEL_ERROR, "A violation makes the exit status 1." },
    { "advice", LEVEL_ADVICE, "A violation is listed." },
    { "off", LEVEL_OFF, "The rule is not checked." },
    { NULL, 0, NULL },
};
static const struct names level_names = { .title = "level", .list = level_list };

const struct rule *expect_rule(struct compiler *c, const struct node *node, const char *id,
                               struct where where)
{
    const struct rule *rule = rule_find(id);
    if (rule) return rule;
    const char **words = arena_new(c->arena, rule_count + 1, sizeof *words);
    for (size_t i = 0; i < rule_count; i++) words[i] = rules[i].id;
    report_at(c, node, where, "unknown rule '%s': `mdlsim list rules` names them%s", shown(c, id),
              hint(c, id, words, rule_count));
    return NULL;
}

static void compile_rules(struct compiler *c, const struct node *map, uint8_t *levels)
{
    if (!expect_map(c, map, "a mapping of levels by rule")) return;
    for (size_t i = 0; i < map->count; i++) {
        const struct node *node = map->items[i];
        uint64_t level;
        if (key_is_own(map->keys[i])) continue;
        const struct rule *rule = expect_rule(c, node, map->keys[i], map->key_where[i]);
        if (!expect_name(c, node, &level_names, &level) || !rule) continue;
        levels[rule - rules] = (uint8_t)(level == LEVEL_OWN ? rule->level : level);
    }
}

void compile_verifier(struct compiler *c)
{
    struct sim_config *config = &c->program->config;
    const struct node *verifier = node_get(c->root, "verifier");
    uint8_t *levels = arena_new(c->arena, rule_count + 1, sizeof *levels);
    for (size_t i = 0; i < rule_count; i++) levels[i] = (uint8_t)rules[i].level;
    config->rule_levels = levels;
    config->verifier = VERIFIER_REPORT;
    if (!verifier || !keys_check(c, verifier, "verifier")) return;
    uint64_t mode = VERIFIER_REPORT;
    const struct node *node = node_get(verifier, "mode");
    if (node && expect_name(c, node, &mode_names, &mode)) {
        config->verifier = (enum verifier_mode)mode;
    }
    node = node_get(verifier, "rules");
    if (node) compile_rules(c, node, levels);
    expect_bool(c, node_get(verifier, "track_ptes"), &config->track_ptes);
    expect_bool(c, node_get(verifier, "track_locked_pages"), &config->track_locked_pages);
}
