/* Regions in which a thread takes no APCs: KeEnterCriticalRegion, KeLeaveCriticalRegion,
 * KeEnterGuardedRegion, KeLeaveGuardedRegion, and the questions KeAreApcsDisabled and
 * KeAreAllApcsDisabled ("Disabling APCs", "Critical Regions and Guarded Regions"). */
#include "nt/kernel.h"

bool apc_may_run(const struct kernel_thread *t, uint32_t irql, bool special)
{
    if (irql >= APC_LEVEL || t->guarded.depth > 0) return false;
    return special || (t->critical.depth == 0 && !t->in_normal_apc);
}

/* ---- what the routines share ---- */

struct no_args { uint8_t unused; };

static const struct field no_args[] = { { 0 } };

#define ROW_IRQL_APC                                                                               \
    {                                                                                              \
        .name = "irql-too-high", .then = THEN_PERFORMED, .rule = "IrqlKeApcLte2", .is_irql = true, \
        .irql_max = APC_LEVEL, .doc = "The IRQL is above APC_LEVEL.",                              \
        .source = "the page and IrqlKeApcLte2; that the count changes all the same is inferred"    \
    }

enum { ENTER_IRQL };
static const struct failure enter_failures[] = { [ENTER_IRQL] = ROW_IRQL_APC, { 0 } };

static struct outcome enter(struct kernel *k, struct apc_region *region)
{
    if (region->depth++ == 0) {
        region->seq = k->seq;
        region->line = k->line;
    }
    return returns_void(k);
}

enum { LEAVE_IRQL, LEAVE_NOT_ENTERED };
#define LEAVE_ROWS(rule_id, region)                                                                \
    [LEAVE_IRQL] = ROW_IRQL_APC,                                                                   \
    [LEAVE_NOT_ENTERED] = { .name = "not-entered",                                                 \
                            .then = THEN_REFUSED,                                                  \
                            .rule = rule_id,                                                       \
                            .doc = "The thread is in no " region " region.",                       \
                            .source = rule_id "; what Windows does then is not documented" }

static struct outcome leave(struct kernel *k, struct apc_region *region)
{
    if (region->depth == 0 && fails(k, LEAVE_NOT_ENTERED)) return k->outcome;
    region->depth--;
    return returns_void(k);
}

#define LEFT_OUT_REGIONS "User APCs, of which the model has none, and the termination of threads."

/* ---- KeEnterCriticalRegion ---- */

static struct outcome KeEnterCriticalRegion_run(struct kernel *k, void *args)
{
    (void)args;
    return enter(k, &k->thread->critical);
}

const struct routine KeEnterCriticalRegion = {
    .name = "KeEnterCriticalRegion",
    .header = "ntddk.h",
    .doc = "Disables normal kernel APCs of the thread until KeLeaveCriticalRegion.",
    .result = RESULT_VOID,
    .irql_max = APC_LEVEL,
    .args = no_args,
    .args_bytes = sizeof(struct no_args),
    .failures = enter_failures,
    .run = KeEnterCriticalRegion_run,
    .page = "KeEnterCriticalRegion function (ntddk.h)",
    .notes = "Regions nest. Special kernel APCs still run.",
    .left_out = LEFT_OUT_REGIONS,
};

/* ---- KeLeaveCriticalRegion ---- */

static const struct failure leave_critical_failures[] = { LEAVE_ROWS("CriticalRegions",
                                                                     "critical"),
                                                          { 0 } };

static struct outcome KeLeaveCriticalRegion_run(struct kernel *k, void *args)
{
    (void)args;
    return leave(k, &k->thread->critical);
}

const struct routine KeLeaveCriticalRegion = {
    .name = "KeLeaveCriticalRegion",
    .header = "ntddk.h",
    .doc = "Enables normal kernel APCs of the thread again; those that are pending run at once.",
    .result = RESULT_VOID,
    .irql_max = APC_LEVEL,
    .args = no_args,
    .args_bytes = sizeof(struct no_args),
    .failures = leave_critical_failures,
    .run = KeLeaveCriticalRegion_run,
    .page = "KeLeaveCriticalRegion function (ntddk.h)",
    .notes = "A region that is never left is a leak, as a raised IRQL is.",
    .left_out = LEFT_OUT_REGIONS,
};

/* ---- KeEnterGuardedRegion ---- */

static struct outcome KeEnterGuardedRegion_run(struct kernel *k, void *args)
{
    (void)args;
    return enter(k, &k->thread->guarded);
}

const struct routine KeEnterGuardedRegion = {
    .name = "KeEnterGuardedRegion",
    .header = "ntddk.h",
    .doc = "Disables all APCs of the thread until KeLeaveGuardedRegion.",
    .result = RESULT_VOID,
    .irql_max = APC_LEVEL,
    .os_first = OS_SERVER_2003,
    .args = no_args,
    .args_bytes = sizeof(struct no_args),
    .failures = enter_failures,
    .run = KeEnterGuardedRegion_run,
    .page = "KeEnterGuardedRegion function (ntddk.h)",
    .notes = "Regions nest: APCs run again when the outermost one is left.",
    .left_out = LEFT_OUT_REGIONS,
};

/* ---- KeLeaveGuardedRegion ---- */

static const struct failure leave_guarded_failures[] = { LEAVE_ROWS("GuardedRegions", "guarded"),
                                                         { 0 } };

static struct outcome KeLeaveGuardedRegion_run(struct kernel *k, void *args)
{
    (void)args;
    return leave(k, &k->thread->guarded);
}

const struct routine KeLeaveGuardedRegion = {
    .name = "KeLeaveGuardedRegion",
    .header = "ntddk.h",
    .doc = "Enables APCs of the thread again; those that are pending run at once.",
    .result = RESULT_VOID,
    .irql_max = APC_LEVEL,
    .os_first = OS_SERVER_2003,
    .args = no_args,
    .args_bytes = sizeof(struct no_args),
    .failures = leave_guarded_failures,
    .run = KeLeaveGuardedRegion_run,
    .page = "KeLeaveGuardedRegion function (ntddk.h)",
    .notes = "A region that is never left is a leak, as a raised IRQL is.",
    .left_out = LEFT_OUT_REGIONS,
};

/* ---- KeAreApcsDisabled, KeAreAllApcsDisabled ---- */

enum { ASK_IRQL };
static const struct failure ask_failures[] = {
    [ASK_IRQL] = { .name = "irql-too-high", .then = THEN_PERFORMED, .rule = "irql_above_limit",
                   .is_irql = true, .irql_max = DISPATCH_LEVEL,
                   .doc = "The IRQL is above DISPATCH_LEVEL.",
                   .source = "the page; that it answers all the same is inferred: it reads the "
                             "thread's own counts" },
    { 0 },
};

static struct outcome KeAreApcsDisabled_run(struct kernel *k, void *args)
{
    (void)args;
    const struct kernel_thread *t = k->thread;
    return returns_value(k, value_bool(t->critical.depth + t->guarded.depth > 0));
}

const struct routine KeAreApcsDisabled = {
    .name = "KeAreApcsDisabled",
    .header = "wdm.h",
    .doc = "Tells whether the thread is in a critical or a guarded region.",
    .result = RESULT_BOOL,
    .result_doc = "TRUE in a region, whatever the IRQL.",
    .irql_max = DISPATCH_LEVEL,
    .os_first = OS_XP,
    .args = no_args,
    .args_bytes = sizeof(struct no_args),
    .failures = ask_failures,
    .run = KeAreApcsDisabled_run,
    .page = "KeAreApcsDisabled function (wdm.h)",
    .left_out = "Nothing.",
};

static struct outcome KeAreAllApcsDisabled_run(struct kernel *k, void *args)
{
    (void)args;
    bool disabled = k->mm->irql >= APC_LEVEL || k->thread->guarded.depth > 0;
    return returns_value(k, value_bool(disabled));
}

const struct routine KeAreAllApcsDisabled = {
    .name = "KeAreAllApcsDisabled",
    .header = "wdm.h",
    .doc = "Tells whether the thread is in a guarded region or at APC_LEVEL or above.",
    .result = RESULT_BOOL,
    .result_doc = "TRUE when not even special kernel APCs run.",
    .irql_max = DISPATCH_LEVEL,
    .os_first = OS_SERVER_2003,
    .args = no_args,
    .args_bytes = sizeof(struct no_args),
    .failures = ask_failures,
    .run = KeAreAllApcsDisabled_run,
    .page = "KeAreAllApcsDisabled function (wdm.h)",
    .left_out = "Nothing.",
};
