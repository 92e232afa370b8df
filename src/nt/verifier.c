/* The rules as data, and the list of what was broken. */
#include "nt/verifier.h"

#include "nt/kernel.h"

#include <string.h>

const struct rule rules[] = {
#define RULE(id, level, code, p1, what, instead, page)                                             \
    { id, LEVEL_##level, what, instead, page, code, p1 },
#include "nt/rules.def"
#undef RULE
    { 0 },
};
const size_t rule_count = COUNT_OF(rules) - 1;

const struct rule *rule_find(const char *id)
{
    size_t low = 0, high = rule_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(id, rules[middle].id);
        if (order == 0) return &rules[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* One breach, several documents. The first id is reported. */
static const struct {
    const char *reported, *also;
} names_of_breaches[] = {
    { "C30030", "C30029" },
    { "C4-01", "IrqlExAllocatePool" },
    { "C4-02", "IrqlExAllocatePool" },
    { "C4-10", "C4-16" },
    { "C4-11", "IrqlExFree1" },
    { "C4-11", "IrqlExFree2" },
    { "C4-11", "IrqlExFree3" },
    { "C4-12", "IrqlExFree1" },
    { "C4-12", "IrqlExFree2" },
    { "C4-12", "IrqlExFree3" },
    { "C4-13", "C4-14" },
    { "C4-13", "DoubleExFreePool" },
    { "C4-2000", "C30029" },
    { "C4-2000", "C30030" },
    { "C4-2002", "C30030" },
    { "C4-30", "IrqlKeRaiseLower" },
    { "C4-31", "IrqlKeRaiseLower" },
    { "C4-31", "IrqlKeRaiseLower2" },
    { "C4-7E", "IrqlMmApcLte" },
    { "C4-7F", "C4-140" },
    { "C4-85", "C4-B2" },
    { "C4-85", "C4-B3" },
    { "DA-6", "C4-B6" },
    { "DA-6", "DA-1" },
    { "IrqlKeRaiseLower2", "C4-31" },
    { "IrqlKeRaiseLower2", "IrqlKeRaiseLower" },
    { "SpNoWait", "StorPortStartIo" },
    { "StorPortStartIo", "HwStorPortProhibitedDDIs" },
    { "StorPortStartIo", "SpNoWait" },
};

bool rule_is_also(const struct rule *broken, const struct rule *named)
{
    if (broken == named) return true;
    for (size_t i = 0; i < COUNT_OF(names_of_breaches); i++)
        if (strcmp(names_of_breaches[i].reported, broken->id) == 0 &&
            strcmp(names_of_breaches[i].also, named->id) == 0)
            return true;
    return false;
}

/* Adds a violation of the step under way; true when Driver Verifier would stop for it. */
static bool record(struct kernel *k, const struct rule *rule, bool advice, const char *what)
{
    if (k->config->verifier == VERIFIER_OFF) return false;
    enum rule_level level = k->config->rule_levels[rule - rules];
    if (level == LEVEL_OFF) return false;
    /* A row is milder than its rule; a rule that is advice anyway has the level that was asked. */
    if (advice && rule->level == LEVEL_ERROR) level = LEVEL_ADVICE;
    k->violations = mem_grow(k->from, k->violations, &k->violation_capacity, k->violation_count + 1,
                             sizeof *k->violations);
    bool of_routine = k->routine != NULL && strcmp(rule->page, ROUTINES_PAGE) == 0;
    k->violations[k->violation_count++] = (struct violation){
        .rule = rule,
        .level = level,
        .seq = k->seq,
        .file = place_file(k->line),
        .line = place_line(k->line),
        .what = what != NULL ? what : rule->what,
        .page = of_routine ? k->routine->page : rule->page,
    };
    if (level == LEVEL_ERROR) k->errors++;
    return level == LEVEL_ERROR && k->config->verifier == VERIFIER_BUGCHECK && rule->code != 0;
}

static struct outcome failure_value(struct kernel *k, const struct failure *row)
{
    switch (k->routine->result) {
    case RESULT_STATUS:
        return returns_status(k, row->code != 0 ? row->code : ST_INVALID_PARAMETER);
    case RESULT_VOID:
        return returns_void(k);
    case RESULT_BOOL:
        return returns_value(k, value_bool(false));
    case RESULT_INTEGER:
    case RESULT_PHYSICAL:
        return returns_value(k, value_int(0));
    case RESULT_ADDRESS:
    case RESULT_MDL:
    case RESULT_IRP:
    case RESULT_HANDLE:
        break;
    }
    return returns_value(k, value_null());
}

static void end_by_row(struct kernel *k, const struct failure *row, struct params own)
{
    switch ((enum then)row->then) {
    case THEN_STOPS:
        k->outcome = stops(k, row->code, row->p1, own.p[0], own.p[1], own.p[2]);
        break;
    case THEN_RAISES:
        k->outcome = raises(k, row->code);
        break;
    case THEN_FAILS:
        k->outcome = failure_value(k, row);
        break;
    case THEN_REFUSED:
        k->outcome = failure_value(k, row);
        k->outcome.undefined = true;
        break;
    case THEN_PERFORMED:
        break;
    }
    if (row->then != THEN_PERFORMED) k->outcome.failed = true;
}

/* Of the rows of a call that goes on its event names one: the first that is more than advice, else
 * the first. */
static void note_performed(struct kernel *k, unsigned index)
{
    const struct failure *rows = k->routine->failures;
    uint16_t noted = k->performed_failure;
    if (noted == 0 || (rows[noted - 1].advice && !rows[index].advice))
        k->performed_failure = (uint16_t)(index + 1);
}

bool ends(struct kernel *k, unsigned index, struct params verifier, struct params own)
{
    const struct failure *row = &k->routine->failures[index];
    const struct rule *rule = row->rule != NULL ? rule_find(row->rule) : NULL;
    CHECK(row->rule == NULL || rule != NULL);
    if (k->failure_hit != NULL) k->failure_hit(k->failure_context, k->routine, index);
    if (rule != NULL && record(k, rule, row->advice, row->rule_what)) {
        k->outcome = stops(k, rule->code, rule->p1, verifier.p[0], verifier.p[1], verifier.p[2]);
        k->outcome.failure = (uint16_t)(index + 1);
        return true;
    }
    if (row->then == THEN_PERFORMED) {
        note_performed(k, index);
        return false;
    }
    end_by_row(k, row, own);
    k->outcome.failure = (uint16_t)(index + 1);
    return true;
}

bool fails(struct kernel *k, unsigned index)
{
    return ends(k, index, P(0, 0, 0), P(0, 0, 0));
}

void report_rule(struct kernel *k, const char *rule_id, const char *what, struct params p,
                 struct outcome *stop)
{
    const struct rule *rule = rule_find(rule_id);
    CHECK(rule != NULL);
    if (!record(k, rule, false, what)) return;
    struct outcome end = stops(k, rule->code, rule->p1, p.p[0], p.p[1], p.p[2]);
    if (stop != NULL) *stop = end;
}

void kernel_fold_advice(struct kernel *k, size_t first)
{
    size_t kept = first;
    for (size_t i = first; i < k->violation_count; i++) {
        struct violation v = k->violations[i];
        uint64_t key = (uint64_t)(v.rule - rules) << 32 | place_of(v.file, v.line), seen;
        if (v.level == LEVEL_ADVICE && map_get(&k->advice_at, key, &seen)) {
            k->violations[seen - 1].more++;
            continue;
        }
        if (v.level == LEVEL_ADVICE) map_set(&k->advice_at, key, kept + 1);
        k->violations[kept++] = v;
    }
    k->violation_count = kept;
}
