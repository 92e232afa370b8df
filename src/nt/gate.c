/* What every call goes through before its routine: the cost of a call, objects that must exist,
 * IRQL, and the rules of the thread's driver model. */
#include "base/check.h"
#include "mm/mdl_state.h"
#include "nt/kernel.h"

#include <string.h>

struct outcome returns_void(struct kernel *k)
{
    return outcome_returns(k->performed_failure, 0, (struct value){ 0 }, false);
}

struct outcome returns_status(struct kernel *k, uint32_t status)
{
    bool failed = status >= 0x80000000u;
    return outcome_returns(k->performed_failure, status, value_int(status), failed);
}

struct outcome returns_value(struct kernel *k, struct value v)
{
    return outcome_returns(k->performed_failure, 0, v, v.kind == VALUE_NULL);
}

struct outcome returns_address(struct kernel *k, va_t at)
{
    return returns_value(k, value_address(at.v));
}

struct outcome returns_mdl(struct kernel *k, uint32_t id)
{
    return returns_value(k, mdl_value(k, id));
}

struct outcome raises(struct kernel *k, uint32_t status)
{
    UNUSED(k);
    return (struct outcome){ .end = END_RAISES, .status = status, .failed = true };
}

struct outcome stops(struct kernel *k, uint32_t code, uint64_t p1, uint64_t p2, uint64_t p3,
                     uint64_t p4)
{
    UNUSED(k);
    return (
        struct outcome){ .end = END_STOPS, .failed = true, .stop = { code, { p1, p2, p3, p4 } } };
}

struct value mdl_value(struct kernel *k, uint32_t id)
{
    const struct mdl *m = mdl_at(k->mm, id);
    if (id == 0) return value_null();
    return (struct value){ m == NULL ? 0 : m->address.v, id, VALUE_MDL };
}

void mdl_changed(struct kernel *k, const struct mdl *m, bool frames)
{
    k->changed_mdl = m->id;
    k->changed_pfns = k->changed_pfns || frames;
}

/* Parameters 2 to 4 of Driver Verifier's bug check for a cell of the matrix: the MDL, its flags and
 * the wrong ones among them (B6: the missing one); of 85 its pages and the first frame (Bug Check
 * 0xC4). */
static struct params cell_params(const struct mdl *m, const char *rule, uint64_t first)
{
    static const struct {
        const char *rule;
        unsigned wrong;
    } rows[] = {
        { "C4-B0", MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL | MDL_IO_SPACE },
        { "C4-B2", MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL },
        { "C4-B4", MDL_PARTIAL },
        { "C4-B5", MDL_PARTIAL },
    };
    if (strcmp(rule, "C4-85") == 0) return P(m->address.v, mdl_page_count(m), first);
    if (strcmp(rule, "C4-B6") == 0) return P(m->address.v, m->flags, MDL_MAPPED_TO_SYSTEM_VA);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rule, rows[i].rule) == 0)
            return P(m->address.v, m->flags, m->flags & rows[i].wrong);
    return P(m->address.v, m->flags, 0);
}

bool state_rule_ends(struct kernel *k, const char *rule, const struct mdl *m)
{
    uint64_t first = m->slots > 0 ? m->pfns[0] : UINT64_MAX;
    uint64_t slot = m->address.v + mdl_size_bytes(k->mm, 0);
    for (unsigned i = 0; k->routine->failures[i].name != NULL; i++) {
        const struct failure *row = &k->routine->failures[i];
        if (row->rule == NULL || strcmp(row->rule, rule) != 0 || row->is_irql || row->by_routine)
            continue;
        return ends(k, i, cell_params(m, rule, first), P(m->address.v, slot, first));
    }
    BUG("a routine lacks the row of a rule that the matrix names");
}

/* Of an object that is not a live MDL. A NULL object is dereferenced: the processor faults at an
 * address near 0, which raises. An object that was freed is refused. */
static bool object_ends(struct kernel *k, const struct field *row, uint32_t id)
{
    if (id == 0) {
        if (row->flags & (FIELD_NULLABLE | FIELD_OUT)) return false;
        k->outcome = raises(k, ST_ACCESS_VIOLATION);
        return true;
    }
    if (row->type == FIELD_IRP && id <= k->irp_count && k->irps[id - 1].live) return false;
    k->outcome = (struct outcome){ .end = END_RETURNS, .failed = true, .undefined = true };
    if (k->routine->result != RESULT_VOID) k->outcome.returns = value_null();
    if (k->routine->result == RESULT_STATUS) k->outcome.returns = value_int(ST_INVALID_PARAMETER);
    if (k->routine->result == RESULT_STATUS) k->outcome.status = ST_INVALID_PARAMETER;
    report_rule(k, "use_after_free", NULL, P(id, 0, 0), NULL);
    return true;
}

static bool objects_end(struct kernel *k, const struct routine *r, const void *args)
{
    for (const struct field *row = r->args; row->type != FIELD_END; row++) {
        if (row->type != FIELD_MDL && row->type != FIELD_IRP) continue;
        if (row->flags & FIELD_OUT) continue;
        uint32_t id = field_id(row, args);
        const struct mdl *m = row->type == FIELD_MDL ? mdl_at(k->mm, id) : NULL;
        if (m != NULL && m->live) continue;
        if (object_ends(k, row, id)) return true;
    }
    return false;
}

/* What Driver Verifier reports beside the IRQL: the first two arguments, MDLs and processes by
 * their address; of MmProbeAndLockSelectedPages the current process in place of the array (Bug
 * Check 0xC4). */
static uint64_t reported_arg(struct kernel *k, const struct routine *r, const void *args,
                             unsigned i)
{
    for (const struct field *row = r->args; row->key != NULL; row++) {
        if (i-- != 0) continue;
        if (row->type == FIELD_TEXT) return 0;
        const struct process *p = k->mm->current;
        uint64_t v = row->type == FIELD_LIST ? 0 : field_get(row, args);
        if (row->type == FIELD_PROCESS) p = process_at(k->mm, (uint32_t)v);
        if (row->type == FIELD_PROCESS || row->type == FIELD_LIST)
            return p != NULL ? p->object.v : 0;
        return row->type == FIELD_MDL ? mdl_value(k, (uint32_t)v).v : v;
    }
    return 0;
}

static bool irql_ends(struct kernel *k, const struct routine *r, const void *args)
{
    if (k->mm->irql == 0) return false;
    for (unsigned i = 0; r->failures[i].name != NULL; i++) {
        const struct failure *row = &r->failures[i];
        if (!row->is_irql || k->mm->irql <= row->irql_max) continue;
        if (k->os < row->os_first || (row->os_last != 0 && k->os > row->os_last)) continue;
        if (row->irql_top != 0 && k->mm->irql > row->irql_top) continue;
        if (row->by_routine) continue;
        struct params p = P(k->mm->irql, row->verifier_constant, 0);
        if (row->verifier_constant == 0)
            p = P(k->mm->irql, reported_arg(k, r, args, 0), reported_arg(k, r, args, 1));
        if (ends(k, i, p, p)) return true;
    }
    return false;
}

/* Rules of Storport: HwStorPortProhibitedDDIs lists routines that a physical miniport may not call
 * at all, SpNoWait and StorPortStartIo those that HwStorStartIo may not. */
static const char *const storport_prohibited[] = {
    "ExAllocatePool2",     "ExAllocatePoolWithTag",        "KeAreAllApcsDisabled",
    "KeAreApcsDisabled",   "KeEnterCriticalRegion",        "KeEnterGuardedRegion",
    "KeLeaveCriticalRegion", "KeLeaveGuardedRegion",       "KeLowerIrql",
    "KeRaiseIrql",         "MmAllocatePagesForMdl",        "MmFreePagesFromMdl",
    "MmMapLockedPages",    "MmMapLockedPagesSpecifyCache", "MmMapLockedPagesWithReservedMapping",
    "MmProbeAndLockPages", "MmSecureVirtualMemory",        "MmUnlockPages",
    "MmUnmapLockedPages",  "MmUnsecureVirtualMemory",      NULL,
};
static const char *const storport_start_io[] = {
    "ExAllocatePool2", "ExAllocatePoolWithTag", "IoAllocateIrp", "MmAllocatePagesForMdl", NULL,
};

static bool listed(const char *const *list, const char *name)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, name) == 0) return true;
    return false;
}

static void check_driver_model(struct kernel *k, const struct routine *r)
{
    if (strcmp(k->thread->model, "storport") != 0) return;
    if (strcmp(k->thread->callback, "HwStorStartIo") == 0 && listed(storport_start_io, r->name)) {
        report_rule(k, "StorPortStartIo", NULL, P(0, 0, 0), NULL);
        return;
    }
    if (listed(storport_prohibited, r->name))
        report_rule(k, "HwStorPortProhibitedDDIs", NULL, P(0, 0, 0), NULL);
}

void check_may_wait(struct kernel *k)
{
    const struct kernel_thread *t = k->thread;
    if (strcmp(t->model, "storport") == 0 && strcmp(t->callback, "HwStorStartIo") == 0)
        report_rule(k, "SpNoWait", NULL, P(0, 0, 0), NULL);
}

/* KeWaitForSingleObject: at DISPATCH_LEVEL only with a timeout of 0. Bug Check 0xB8 speaks of waits
 * in a DPC; that any switch at a raised level ends in it is inferred. */
bool wait_ends(struct kernel *k, bool blocks)
{
    uint32_t irql = k->mm->irql;
    check_may_wait(k);
    if (irql < DISPATCH_LEVEL) return false;
    k->outcome = (struct outcome){ .end = END_RETURNS };
    report_rule(k, "C4-3B", NULL, P(irql, 0, 0), &k->outcome);
    if (k->outcome.end == END_RETURNS && blocks)
        k->outcome = stops(k, BC_ATTEMPTED_SWITCH_FROM_DPC, 0, 0, 0, 0);
    return k->outcome.end == END_STOPS;
}

static bool gate_ends(struct kernel *k, const struct routine *r, const void *args)
{
    if (objects_end(k, r, args)) return true;
    if (__builtin_expect(k->thread->model[0] != '\0', 0)) check_driver_model(k, r);
    return irql_ends(k, r, args);
}

struct outcome kernel_call(struct kernel *k, const struct routine *r, void *args)
{
    k->routine = r;
    k->hw->doing.name = r->name;
    k->performed_failure = 0;
    hw_enter(k->hw, false);
    charge(k->hw, COST_CALL, 1);
    if (gate_ends(k, r, args)) return k->outcome;
    return r->run(k, args);
}
