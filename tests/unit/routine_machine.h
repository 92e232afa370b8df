/* A small 64-bit machine with a kernel above it, for tables of calls: arguments by position,
 * failure rows and broken rules by name. Every price is 1, the verifier reports, one process is
 * current. */
#pragma once

#include "nt/kernel.h"
#include "space_machine.h"

struct routine_machine {
    struct machine m;
    struct os_version os;
    uint8_t levels[512];
    struct kernel_config config;
    struct kernel k;
    struct process *app;
    _Alignas(8) unsigned char record[ROUTINE_ARGS_BYTES]; /* arguments of the last call */
    struct outcome last;
    char rules_text[256];
};

static inline void routine_start(struct routine_machine *t, enum os_rank os)
{
    memset(t, 0, sizeof *t);
    machine_start(&t->m, 2048);
    t->os = (struct os_version){ os_name(os), "", os };
    cr_assert(rule_count <= sizeof t->levels);
    for (size_t i = 0; i < rule_count; i++) t->levels[i] = (uint8_t)rules[i].level;
    t->config = (struct kernel_config){ .os = &t->os,
                                        .verifier = VERIFIER_REPORT,
                                        .rule_levels = t->levels };
    kernel_init(&t->k, &t->m.from, &t->m.hw, &t->m.mm, &t->config);
    t->app = machine_process(&t->m);
}

static inline void routine_stop(struct routine_machine *t)
{
    kernel_check(&t->k);
    kernel_free(&t->k);
    machine_stop(&t->m);
}

/* Calls a routine with its arguments in order; those left out are 0. */
static inline struct outcome routine_do(struct routine_machine *t, const char *name,
                                        const uint64_t *values, size_t count)
{
    const struct routine *r = routine_find(name);
    cr_assert_not_null(r, "%s", name);
    cr_assert(count <= field_count(r->args), "%s", name);
    memset(t->record, 0, sizeof t->record);
    for (size_t i = 0; i < count; i++) field_set(&r->args[i], t->record, values[i]);
    t->k.seq++;
    t->k.violation_mark = t->k.violation_count;
    t->last = kernel_call(&t->k, r, t->record);
    if (t->last.end != END_STOPS) kernel_check(&t->k);
    return t->last;
}
#define DO(t, name, ...)                                                                           \
    routine_do((t), (name), (const uint64_t[]){ __VA_ARGS__ },                                     \
               sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* The name of the failure row that the last call met, "" for none. */
static inline const char *last_row(const struct routine_machine *t)
{
    return t->last.failure == 0 ? "" : t->k.routine->failures[t->last.failure - 1].name;
}

/* The rules that the last call broke, joined by spaces. */
static inline const char *last_rules(struct routine_machine *t)
{
    t->rules_text[0] = '\0';
    for (size_t i = t->k.violation_mark; i < t->k.violation_count; i++) {
        if (t->rules_text[0] != '\0') strcat(t->rules_text, " ");
        strcat(t->rules_text, t->k.violations[i].rule->id);
    }
    return t->rules_text;
}

static inline uint32_t new_mdl(struct routine_machine *t, uint64_t at, uint64_t bytes)
{
    struct outcome o = DO(t, "IoAllocateMdl", at, bytes);
    cr_assert_eq(o.returns.kind, VALUE_MDL);
    return o.returns.id;
}

static inline uint64_t new_pool(struct routine_machine *t, uint64_t type, uint64_t bytes)
{
    struct outcome o = DO(t, "ExAllocatePoolWithTag", type, bytes, 0x41424344);
    cr_assert_neq(o.returns.v, 0);
    return o.returns.v;
}

static inline uint64_t leak_total(struct routine_machine *t, enum leak_kind kind)
{
    struct leak_list list;
    kernel_leaks(&t->k, NULL, &list);
    uint64_t total = list.totals[kind];
    leak_list_free(&list);
    return total;
}

#define EXPECT_ROW(t, row)                                                                         \
    cr_expect_str_eq(last_row(t), (row), "%s instead of %s", last_row(t), (row))
#define EXPECT_RULES(t, ids)                                                                       \
    cr_expect_str_eq(last_rules(t), (ids), "%s instead of %s", last_rules(t), (ids))
