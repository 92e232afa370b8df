/* The functions and members of expressions that look into the machine: free of cost and side
 * effects. */
#include "sim/internal.h"

static uint64_t entry_at(struct sim *s, va_t at, unsigned *level)
{
    const struct page_map *map = s->mm.current != NULL ? &s->mm.current->map : &s->hw.system;
    const uint64_t *slot = paging_find(&s->hw, map, at, level);
    return slot == NULL || (*slot & PTE_PRESENT) == 0 ? 0 : *slot;
}

static bool refuse(struct sim *s, const struct expr_node *n, const char *why)
{
    sim_error(s, n->where, NULL, why);
    return false;
}

static bool eval_bar(struct sim *s, const struct expr_node *n, struct value a, struct value b,
                     struct value *out)
{
    if (a.kind != VALUE_DEVICE) return refuse(s, n, "bar: the first argument is a device");
    uint64_t index = b.v;
    for (uint32_t i = 0; i < s->kernel.config->bar_count; i++) {
        const struct bar *bar = &s->kernel.config->bars[i];
        if (bar->device != a.id) continue;
        if (index-- != 0) continue;
        *out = value_int(bar->base.v);
        return true;
    }
    return refuse(s, n, "bar: the device has no BAR of that number");
}

static struct value pte_member(enum expr_function f, uint64_t entry, unsigned level)
{
    static const uint32_t types[] = {
        [PTE_CACHED] = 1, [PTE_WRITE_COMBINED] = 2, [PTE_UNCACHED] = 0
    };
    switch (f) {
    case FUNCTION_PTE_PRESENT:
        return value_bool(entry != 0);
    case FUNCTION_PTE_WRITABLE:
        return value_bool(entry & PTE_WRITE);
    case FUNCTION_PTE_EXECUTABLE:
        return value_bool(entry != 0 && (entry & PTE_NO_EXECUTE) == 0);
    case FUNCTION_PTE_USER:
        return value_bool(entry & PTE_USER);
    case FUNCTION_PTE_GLOBAL:
        return value_bool(entry & PTE_GLOBAL);
    case FUNCTION_PTE_ACCESSED:
        return value_bool(entry & PTE_ACCESSED);
    case FUNCTION_PTE_DIRTY:
        return value_bool(entry & PTE_DIRTY);
    case FUNCTION_PTE_CACHE:
        return value_int(types[pte_cache_of(entry)]);
    case FUNCTION_PTE_PFN:
        return value_int(pte_pfn(pte_as_small(entry, level, va(0))).v);
    default:
        return value_int(level);
    }
}

static bool eval_frame(struct sim *s, const struct expr_node *n, pfn_t f, struct value *out)
{
    if (!frame_in_ram(&s->mm, f)) return refuse(s, n, "frame: no record exists outside RAM");
    struct frame record = frame_peek(&s->mm, f);
    switch ((enum expr_function)n->c) {
    case FUNCTION_FRAME_REFERENCES:
        *out = value_int(frame_references(&record));
        break;
    case FUNCTION_FRAME_SHARES:
        /* A section keeps one share of its frames, which maps nothing. */
        *out = value_int(record.shares - (record.owner == OWNER_SECTION && record.shares > 0));
        break;
    case FUNCTION_FRAME_STATE:
        *out = value_int(record.state);
        break;
    default:
        *out = value_int(phys_ram_at(&s->hw.phys, f)->node);
        break;
    }
    return true;
}

bool eval_state(struct sim *s, const struct expr_node *n, struct value a, struct value b,
                struct value *out)
{
    enum expr_function f = n->c;
    if (f == FUNCTION_BAR) return eval_bar(s, n, a, b, out);
    if (a.kind == VALUE_BOOL) return refuse(s, n, "an address or a frame number is needed here");
    if (f >= FUNCTION_FRAME_REFERENCES) return eval_frame(s, n, pfn(a.v), out);
    unsigned level = LEVEL_PT;
    uint64_t entry = entry_at(s, va(a.v), &level);
    if (f == FUNCTION_VALID) {
        *out = value_bool(entry != 0);
        return true;
    }
    if (f == FUNCTION_PFN || f == FUNCTION_PA) {
        if (entry == 0) return refuse(s, n, "no page is present at this address");
        struct translation t = { .entry = entry, .level = (uint8_t)level };
        pa_t at = translation_pa(&t, va(a.v));
        *out = value_int(f == FUNCTION_PA ? at.v : pa_to_pfn(at).v);
        return true;
    }
    if (entry == 0 && f > FUNCTION_PTE_DIRTY)
        return refuse(s, n, "no page is present at this address");
    *out = pte_member(f, entry, level);
    return true;
}

static struct value process_value(struct sim *s, uint64_t object)
{
    if (object == 0) return value_null();
    for (uint32_t id = 1; id <= s->mm.process_count; id++)
        if (s->mm.processes[id - 1]->object.v == object)
            return (struct value){ object, id, VALUE_PROCESS };
    return value_int(object);
}

static bool mdl_member(struct sim *s, const struct expr_node *n, const struct mdl *m,
                       struct value *out)
{
    switch ((enum expr_member)n->c) {
    case MEMBER_NEXT:
        *out = mdl_value(&s->kernel, m->next);
        return true;
    case MEMBER_SIZE:
        *out = value_int(m->size);
        return true;
    case MEMBER_MDL_FLAGS:
        *out = value_int(m->flags);
        return true;
    case MEMBER_PROCESS:
        *out = process_value(s, m->process);
        return true;
    case MEMBER_MAPPED_SYSTEM_VA:
        *out = value_address(m->mapped_va.v);
        return true;
    case MEMBER_START_VA:
        *out = value_address(m->start_va.v);
        return true;
    case MEMBER_BYTE_COUNT:
        *out = value_int(m->byte_count);
        return true;
    case MEMBER_BYTE_OFFSET:
        *out = value_int(m->byte_offset);
        return true;
    default:
        return refuse(s, n, "an MDL has no such member");
    }
}

static bool irp_member(struct sim *s, const struct expr_node *n, const struct irp *irp,
                       struct value *out)
{
    switch ((enum expr_member)n->c) {
    case MEMBER_MDL_ADDRESS:
        *out = mdl_value(&s->kernel, irp->mdl_address);
        return true;
    case MEMBER_USER_BUFFER:
        *out = value_address(irp->user_buffer);
        return true;
    case MEMBER_IO_STATUS:
        *out = value_int(irp->status);
        return true;
    case MEMBER_IO_INFORMATION:
        *out = value_int(irp->information);
        return true;
    case MEMBER_SYSTEM_BUFFER:
        *out = value_address(irp->system_buffer);
        return true;
    default:
        return refuse(s, n, "an IRP has no such member");
    }
}

/* Reading a member of an object that was freed is a violation, and what is read is 0. */
static bool freed(struct sim *s, const struct expr_node *n, struct value *out)
{
    s->kernel.seq = s->seq;
    s->kernel.line = place_of(n->where.file, n->where.line);
    report_rule(&s->kernel, "use_after_free", NULL, P(0, 0, 0), NULL);
    *out = value_int(0);
    return true;
}

bool eval_member(struct sim *s, const struct expr_node *n, struct value object, struct value *out)
{
    if (object.kind == VALUE_MDL) {
        const struct mdl *m = mdl_at(&s->mm, object.id);
        return m == NULL || !m->live ? freed(s, n, out) : mdl_member(s, n, m, out);
    }
    if (object.kind == VALUE_IRP) {
        const struct irp *irp = &s->kernel.irps[object.id - 1];
        return irp->live ? irp_member(s, n, irp, out) : freed(s, n, out);
    }
    return refuse(s, n,
                  object.kind == VALUE_NULL ? "NULL has no members"
                                            : "only MDLs and IRPs have members");
}
