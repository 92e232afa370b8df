/* The IRQL of the processor: KeRaiseIrql and KeLowerIrql. */
#include "nt/kernel.h"

enum { BC_IRQL_NOT_GREATER_OR_EQUAL = 0x09, HIGH_LEVEL_64 = 15, HIGH_LEVEL_32 = 31 };

static uint32_t high_level(const struct kernel *k)
{
    return k->mm->config->is_64_bit ? HIGH_LEVEL_64 : HIGH_LEVEL_32;
}

/* ---- KeRaiseIrql ---- */

struct KeRaiseIrql_args { uint32_t new_irql, old_irql; };

static const struct field KeRaiseIrql_args[] = {
    { ROW_NAME(struct KeRaiseIrql_args, new_irql, "NewIrql", irql_names), .max = HIGH_LEVEL_32,
      .doc = "The IRQL to run at." },
    { ROW_NAME(struct KeRaiseIrql_args, old_irql, "OldIrql", irql_names), .flags = FIELD_OUT,
      .doc = "The IRQL until now, for KeLowerIrql." },
    { 0 },
};

enum { RAISE_NO_SUCH_LEVEL, RAISE_LOWERS, RAISE_TOO_DEEP };
static const struct failure KeRaiseIrql_failures[] = {
    [RAISE_NO_SUCH_LEVEL] = { .name = "above-high-level",
                              .doc = "The processor has no such IRQL: 15 is the highest on 64-bit "
                                     "Windows, 31 on 32-bit Windows.",
                              .then = THEN_REFUSED, .rule = "C4-30",
                              .rule_what = "KeRaiseIrql was called with an IRQL above HIGH_LEVEL.",
                              .source = "inferred: the register does not hold it" },
    [RAISE_LOWERS] = { .name = "lowers", .doc = "NewIrql is below the current IRQL.",
                       .then = THEN_STOPS, .code = BC_IRQL_NOT_GREATER_OR_EQUAL, .rule = "C4-30",
                       .source = "the page tells of a bug check; its code is inferred from its "
                                 "name" },
    [RAISE_TOO_DEEP] = { .name = "raised-too-often",
                         .doc = "KeRaiseIrql was called 64 times without KeLowerIrql.",
                         .then = THEN_REFUSED, .rule = "irql_raised_too_often",
                         .source = "inferred: there are not that many levels" },
    { 0 },
};

static struct outcome KeRaiseIrql_run(struct kernel *k, void *args)
{
    struct KeRaiseIrql_args *a = args;
    struct kernel_thread *t = k->thread;
    uint32_t now = k->mm->irql;
    struct params levels = P(now, a->new_irql, 0);
    if (a->new_irql > high_level(k) && ends(k, RAISE_NO_SUCH_LEVEL, levels, levels))
        return k->outcome;
    if (a->new_irql < now && ends(k, RAISE_LOWERS, levels, P(0, 0, 0))) return k->outcome;
    if (t->irql_depth == COUNT_OF(t->irql_saved) && fails(k, RAISE_TOO_DEEP)) return k->outcome;
    charge(k->hw, COST_IRQL, 1);
    a->old_irql = now;
    if (t->irql_depth == 0) {
        t->irql_seq = k->seq;
        t->irql_line = k->line;
    }
    t->irql_saved[t->irql_depth++] = (uint8_t)now;
    k->mm->irql = a->new_irql;
    return returns_void(k);
}

const struct routine KeRaiseIrql = {
    .name = "KeRaiseIrql",
    .header = "wdm.h",
    .doc = "Raises the IRQL of the processor.",
    .result = RESULT_VOID,
    .irql_max = IRQL_ANY,
    .args = KeRaiseIrql_args,
    .args_bytes = sizeof(struct KeRaiseIrql_args),
    .failures = KeRaiseIrql_failures,
    .run = KeRaiseIrql_run,
    .is_macro = true,
    .page = "KeRaiseIrql macro (wdm.h)",
    .notes = "Raising to the current IRQL is allowed. The page names no code for the bug check: "
             "0x9 (IRQL_NOT_GREATER_OR_EQUAL), with parameters 0, is inferred.",
    .left_out = "Driver Verifier's forced IRQL checking, which trims pageable memory at each "
                "raise.",
};

/* ---- KeLowerIrql ---- */

struct KeLowerIrql_args { uint32_t new_irql; };

static const struct field KeLowerIrql_args[] = {
    { ROW_NAME(struct KeLowerIrql_args, new_irql, "NewIrql", irql_names), .max = HIGH_LEVEL_32,
      .doc = "The IRQL that the matching KeRaiseIrql returned." },
    { 0 },
};

enum { LOWER_RAISES, LOWER_NOT_SAVED };
static const struct failure KeLowerIrql_failures[] = {
    [LOWER_RAISES] = { .name = "raises", .doc = "NewIrql is above the current IRQL.",
                       .then = THEN_REFUSED, .rule = "C4-31", .source = "Bug Check 0xC4" },
    [LOWER_NOT_SAVED] = { .name = "not-the-saved-level",
                          .doc = "NewIrql is not what the KeRaiseIrql before it returned, or there "
                                 "was none.",
                          .then = THEN_PERFORMED, .rule = "IrqlKeRaiseLower2" },
    { 0 },
};

/* Forgets the raise that this call undoes; out of order, every raise from the new level or
 * above. */
static void forget_raises(struct kernel_thread *t, uint32_t level, bool in_order)
{
    if (in_order) {
        t->irql_depth--;
        return;
    }
    while (t->irql_depth > 0 && t->irql_saved[t->irql_depth - 1] >= level) t->irql_depth--;
}

static struct outcome KeLowerIrql_run(struct kernel *k, void *args)
{
    const struct KeLowerIrql_args *a = args;
    uint32_t now = k->mm->irql;
    struct kernel_thread *t = k->thread;
    bool in_order = t->irql_depth > 0 && t->irql_saved[t->irql_depth - 1] == a->new_irql;
    struct params levels = P(now, a->new_irql, 0);
    if (a->new_irql > now && ends(k, LOWER_RAISES, levels, levels)) return k->outcome;
    if (!in_order && fails(k, LOWER_NOT_SAVED)) return k->outcome;
    charge(k->hw, COST_IRQL, 1);
    forget_raises(t, a->new_irql, in_order);
    k->mm->irql = a->new_irql;
    return returns_void(k);
}

const struct routine KeLowerIrql = {
    .name = "KeLowerIrql",
    .header = "wdm.h",
    .doc = "Restores the IRQL of the processor.",
    .result = RESULT_VOID,
    .irql_max = IRQL_ANY,
    .args = KeLowerIrql_args,
    .args_bytes = sizeof(struct KeLowerIrql_args),
    .failures = KeLowerIrql_failures,
    .run = KeLowerIrql_run,
    .page = "KeLowerIrql function (wdm.h)",
    .notes = "Only Driver Verifier is documented to stop at a level above the current one; without "
             "it the call is refused. Any lower level is taken, even when it is not the saved "
             "one.",
    .left_out = "Nothing.",
};
