/* `curves` of a replay. */
#include "scenario/compiler.h"

enum { ENTRIES_MOST = 1 << 20, SETS_MOST = 1 << 16, ENTRIES_DEFAULT = 16384 };
#define SAMPLE_MOST (UINT64_C(1) << 32)

static void add_size(struct compiler *c, const struct node *node, struct curves_plan *plan)
{
    uint64_t bytes;
    if (!expect_number(c, node, NUMBER_SIZE, (struct range){ 0, UINT64_MAX }, &bytes)) return;
    uint8_t shift = bytes == 4 * KIB ? 12 : bytes == 2 * MIB ? 21 : bytes == GIB ? 30 : 0;
    if (shift == 0) {
        report(c, node, "expected 4 KiB, 2 MiB or 1 GiB, found %s", found(c, node));
        return;
    }
    for (uint32_t i = 0; i < plan->size_count; i++) {
        if (plan->shifts[i] != shift) continue;
        report(c, node, "the list has %s already", found(c, node));
        return;
    }
    plan->shifts[plan->size_count++] = shift;
}

static void add_sets(struct compiler *c, const struct node *node, struct curves_plan *plan)
{
    uint64_t sets;
    if (!expect_number(c, node, NUMBER_COUNT, (struct range){ 1, SETS_MOST }, &sets)) return;
    if ((sets & (sets - 1)) != 0) {
        report(c, node, "expected a power of two, found %s", found(c, node));
    } else if (sets > plan->max_entries) {
        report(c, node, "%u sets have no room in %u entries", sets, plan->max_entries);
    } else if (plan->set_count == CURVES_SETS_MOST) {
        report(c, node, "more than 8 numbers of sets");
    } else {
        for (uint32_t i = 0; i < plan->set_count; i++) {
            if (plan->sets[i] == sets) report(c, node, "the list has %u already", sets);
        }
        plan->sets[plan->set_count++] = (uint32_t)sets;
    }
}

/* "1/N" is no quotient of integers. */
static void compile_sample(struct compiler *c, const struct node *node, struct curves_plan *plan)
{
    bool fine = node->kind == NODE_SCALAR && node->length > 2 && node->text[0] == '1' &&
                node->text[1] == '/';
    uint64_t n = 0;
    for (const char *at = fine ? node->text + 2 : ""; fine && *at; at++) {
        fine = *at >= '0' && *at <= '9' && n <= SAMPLE_MOST;
        n = n * 10 + (uint64_t)(*at - '0');
    }
    if (fine && n >= 1 && n <= SAMPLE_MOST) plan->sample = n;
    else report(c, node, "expected 1/N, as 1/64, N up to 2^32, found %s", found(c, node));
}

/* Calls `add` for the items of a list, which has at least one. */
static void add_each(struct compiler *c, const struct node *list, struct curves_plan *plan,
                     void (*add)(struct compiler *, const struct node *, struct curves_plan *))
{
    if (!expect_list(c, list, "a list")) return;
    if (!list->count) report(c, list, "expected at least one");
    for (size_t i = 0; i < list->count; i++) add(c, list->items[i], plan);
}

const struct curves_plan *compile_curves(struct compiler *c, const struct node *node)
{
    struct curves_plan *plan = arena_new(c->arena, 1, sizeof *plan);
    if (!keys_check(c, node, "replay.curves")) return NULL;
    const struct node *sizes = node_get(node, "page_sizes"), *sets = node_get(node, "sets");
    const struct node *sample = node_get(node, "sample");
    plan->max_entries = ENTRIES_DEFAULT;
    plan->sample = 1;
    expect_number(c, node_get(node, "max_entries"), NUMBER_COUNT, (struct range){ 1, ENTRIES_MOST },
                  &plan->max_entries);
    if (sample) compile_sample(c, sample, plan);
    if (sizes) add_each(c, sizes, plan, add_size);
    else plan->shifts[plan->size_count++] = 12;
    if (sets) add_each(c, sets, plan, add_sets);
    else plan->sets[plan->set_count++] = 1;
    return plan;
}
