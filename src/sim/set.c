/* `set`: the driver itself writes members of an object. */
#include "sim/internal.h"

static bool wrong(struct sim *s, const struct step *step, const char *why)
{
    sim_error(s, step->where, step->path, why);
    return false;
}

/* Members of an MDL that a driver may write: Next, and in MdlFlags the two bits of the C28145 page.
 */
static bool is_opaque(const struct mdl *m, const struct assignment *a, uint64_t v)
{
    if (a->member == MEMBER_NEXT) return false;
    if (a->member != MEMBER_MDL_FLAGS) return true;
    return ((v ^ m->flags) & ~(uint64_t)(MDL_MAPPING_CAN_FAIL | MDL_PAGES_LOCKED)) != 0;
}

/* Writing flags by hand changes what the MDL is taken for: a driver that replicates frames clears
 * MDL_SOURCE_IS_NONPAGED_POOL and sets MDL_PAGES_LOCKED. */
static void flags_written(struct mdl *m)
{
    if (m->builder == BUILDER_PAGES || m->builder == BUILDER_IO_SPACE) return;
    if (m->flags & MDL_PARTIAL)
        m->builder = BUILDER_PARTIAL;
    else if (m->flags & MDL_PAGES_LOCKED)
        m->builder = BUILDER_LOCKED;
    else if (m->flags & MDL_SOURCE_IS_NONPAGED_POOL)
        m->builder = BUILDER_NONPAGED;
    else
        m->builder = BUILDER_HEADER;
}

static bool write_pfn(struct sim *s, const struct step *step, struct mdl *m,
                      const struct assignment *a, uint64_t v)
{
    uint64_t index;
    if (!eval_number(s, a->index, &index)) return false;
    if (index >= m->slots) return wrong(s, step, "the index is past the slots of the MDL");
    mdl_pfns(m)[index] = v;
    m->pfns_written = true;
    s->kernel.changed_pfns = true;
    return true;
}

static bool write_mdl(struct sim *s, const struct step *step, struct mdl *m,
                      const struct assignment *a, struct value v)
{
    if (is_opaque(m, a, v.v)) report_rule(&s->kernel, "C28145", NULL, P(0, 0, 0), NULL);
    s->kernel.changed_mdl = m->id;
    switch ((enum expr_member)a->member) {
    case MEMBER_NEXT:
        if (v.kind != VALUE_MDL && v.v != 0) return wrong(s, step, "Next is an MDL or NULL");
        m->next = v.kind == VALUE_MDL ? v.id : 0;
        return true;
    case MEMBER_SIZE:
        m->size = (uint16_t)v.v;
        return true;
    case MEMBER_MDL_FLAGS:
        m->flags = (uint16_t)v.v;
        flags_written(m);
        return true;
    case MEMBER_PROCESS:
        m->process = v.v;
        return true;
    case MEMBER_MAPPED_SYSTEM_VA:
        m->mapped_va = va(v.v);
        return true;
    case MEMBER_START_VA:
        m->start_va = va_page(va(v.v));
        return true;
    case MEMBER_BYTE_COUNT:
        if (span_pages(m->byte_offset, v.v) > m->slots)
            return wrong(s, step, "ByteCount needs more pages than the MDL has slots");
        m->byte_count = (uint32_t)v.v;
        return true;
    case MEMBER_BYTE_OFFSET:
        if (span_pages(v.v & PAGE_MASK, m->byte_count) > m->slots)
            return wrong(s, step, "ByteOffset needs more pages than the MDL has slots");
        m->byte_offset = (uint32_t)(v.v & PAGE_MASK);
        return true;
    case MEMBER_COUNT:
        return write_pfn(s, step, m, a, v.v);
    default:
        return wrong(s, step, "an MDL has no such member");
    }
}

static bool write_irp(struct sim *s, const struct step *step, struct irp *irp,
                      const struct assignment *a, struct value v)
{
    switch ((enum expr_member)a->member) {
    case MEMBER_MDL_ADDRESS:
        if (v.kind != VALUE_MDL && v.v != 0) return wrong(s, step, "MdlAddress is an MDL or NULL");
        irp->mdl_address = v.kind == VALUE_MDL ? v.id : 0;
        return true;
    case MEMBER_USER_BUFFER:
        irp->user_buffer = v.v;
        return true;
    case MEMBER_IO_STATUS:
        irp->status = (uint32_t)v.v;
        return true;
    case MEMBER_IO_INFORMATION:
        irp->information = v.v;
        return true;
    case MEMBER_SYSTEM_BUFFER:
        irp->system_buffer = v.v;
        return true;
    default:
        return wrong(s, step, "an IRP has no such member");
    }
}

/* The value as the member's kind prints: numbers of frames and addresses in hexadecimal. */
static void tell_assignment(struct event *e, const struct assignment *a, struct value v)
{
    if (e->list_count == EVENT_ARGS_MAX) return;
    bool number = v.kind == VALUE_INT || v.kind == VALUE_SIZE;
    switch (number ? (enum expr_member)a->member : MEMBER_NEXT) {
    case MEMBER_MDL_FLAGS: event_arg_names(e, a->text, ARG_FLAGS, &mdl_flags, v.v); break;
    case MEMBER_IO_STATUS: event_arg_names(e, a->text, ARG_NAME, &status_codes, v.v); break;
    case MEMBER_COUNT: event_arg_number(e, a->text, ARG_HEX, v.v); break;
    case MEMBER_PROCESS:
    case MEMBER_MAPPED_SYSTEM_VA:
    case MEMBER_START_VA:
    case MEMBER_USER_BUFFER:
    case MEMBER_SYSTEM_BUFFER: event_arg_number(e, a->text, ARG_VA, v.v); break;
    default: event_arg_value(e, a->text, v); break;
    }
}

static bool assign(struct sim *s, const struct step *step, const struct assignment *a,
                   struct event *e)
{
    struct value object, v;
    if (!eval(s, a->object, &object) || !eval(s, a->value, &v)) return false;
    tell_assignment(e, a, v);
    charge(&s->hw, COST_MEMORY, 1);
    if (object.kind == VALUE_MDL) {
        struct mdl *m = mdl_at(&s->mm, object.id);
        if (m != NULL && m->live) return write_mdl(s, step, m, a, v);
    } else if (object.kind == VALUE_IRP) {
        struct irp *irp = &s->kernel.irps[object.id - 1];
        if (irp->live) return write_irp(s, step, irp, a, v);
    } else {
        return wrong(s, step,
                     object.kind == VALUE_NULL ? "NULL has no members"
                                               : "only MDLs and IRPs have members");
    }
    report_rule(&s->kernel, "use_after_free", NULL, P(0, 0, 0), NULL);
    return true;
}

void step_set(struct sim *s, const struct step *step, struct step_result *r)
{
    struct event_mark mark;
    struct event e = { .call = "set", .outcome = &r->outcome };
    event_begin(s, step, &mark);
    for (uint32_t i = 0; i < step->u.set.count; i++)
        if (!assign(s, step, &step->u.set.items[i], &e)) return;
    event_end(s, step, &mark, &e);
    step_finish(s, step, r, &mark);
}
