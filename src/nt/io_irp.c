/* IRPs, as far as MDLs hang on them: IoAllocateIrp and IoFreeIrp. */
#include "base/check.h"
#include "nt/kernel.h"
#include "nt/mdl_pool.h"

enum { STACK_SIZE_MAX = 127 };
/* sizeof(IRP) and sizeof(IO_STACK_LOCATION) of wdm.h. */
enum { IRP_BYTES_64 = 208, IRP_BYTES_32 = 112, STACK_LOCATION_BYTES_64 = 72,
       STACK_LOCATION_BYTES_32 = 36 };

/* ---- IRPs by id ---- */

uint32_t irp_new(struct kernel *k, va_t address, uint8_t stack_size)
{
    CHECK(k->irp_count < UINT32_MAX);
    k->irps = mem_grow(k->from, k->irps, &k->irp_capacity, k->irp_count + 1, sizeof *k->irps);
    uint32_t id = (uint32_t)++k->irp_count;
    k->irps[id - 1] = (struct irp){ .id = id, .live = true, .address = address,
                                    .stack_size = stack_size, .made_seq = (uint32_t)k->seq,
                                    .made_line = k->line };
    return id;
}

struct irp *kernel_irp(struct kernel *k, uint32_t id)
{
    CHECK2(id >= 1 && id <= k->irp_count, id, k->irp_count);
    return &k->irps[id - 1];
}

struct value irp_value(struct kernel *k, uint32_t id)
{
    if (id == 0) return value_null();
    return (struct value){ .v = kernel_irp(k, id)->address.v, .id = id, .kind = VALUE_IRP };
}

/* ---- IoAllocateIrp ---- */

struct IoAllocateIrp_args {
    uint8_t stack_size;
    bool charge_quota;
};

static const struct field IoAllocateIrp_args[] = {
    { ROW_U8(struct IoAllocateIrp_args, stack_size, "StackSize"), .min = 1, .max = STACK_SIZE_MAX,
      .doc = "I/O stack locations for the drivers below." },
    { ROW_BOOL(struct IoAllocateIrp_args, charge_quota, "ChargeQuota"), .flags = FIELD_OPTIONAL,
      .fallback = "FALSE", .doc = "TRUE charges the process; for the highest drivers only." },
    { 0 },
};

enum { ALLOCATE_IRQL, ALLOCATE_NO_POOL };
static const struct failure IoAllocateIrp_failures[] = {
    [ALLOCATE_IRQL] = { .name = "irql-too-high", .doc = "The IRQL is above DISPATCH_LEVEL.",
                        .then = THEN_REFUSED, .rule = "irql_above_limit", .is_irql = true,
                        .irql_max = DISPATCH_LEVEL },
    [ALLOCATE_NO_POOL] = { .name = "no-pool", .doc = "Nonpaged pool is used up.",
                           .then = THEN_FAILS },
    { 0 },
};

static uint64_t irp_bytes(const struct kernel *k, uint64_t stack_size)
{
    if (!k->mm->config->is_64_bit) return IRP_BYTES_32 + stack_size * STACK_LOCATION_BYTES_32;
    return IRP_BYTES_64 + stack_size * STACK_LOCATION_BYTES_64;
}

static struct outcome IoAllocateIrp_run(struct kernel *k, void *args)
{
    const struct IoAllocateIrp_args *a = args;
    struct pool_request request = {
        .bytes = irp_bytes(k, a->stack_size), .tag = IRP_POOL_TAG, .kind = POOL_NONPAGED,
        .internal = true, .seq = (uint32_t)k->seq, .line = k->line,
    };
    va_t at;
    if (!pool_allocate(k->mm, &request, &at) && fails(k, ALLOCATE_NO_POOL)) return k->outcome;
    gauge_add(&k->objects.irps, 1, hw_now(k->hw));
    return returns_value(k, irp_value(k, irp_new(k, at, a->stack_size)));
}

const struct routine IoAllocateIrp = {
    .name = "IoAllocateIrp",
    .header = "wdm.h",
    .doc = "Allocates an IRP.",
    .result = RESULT_IRP,
    .result_doc = "The IRP, or NULL.",
    .irql_max = DISPATCH_LEVEL,
    .args = IoAllocateIrp_args,
    .args_bytes = sizeof(struct IoAllocateIrp_args),
    .failures = IoAllocateIrp_failures,
    .run = IoAllocateIrp_run,
    .page = "IoAllocateIrp function (wdm.h)",
    .notes = "An IRP takes 208 bytes and 72 a stack location on 64-bit Windows, 112 and 36 on "
             "32-bit Windows, as in wdm.h.",
    .left_out = "Quota, the lists of spare IRPs of each processor, Driver Verifier's low-resources "
                "simulation, and everything of an IRP that is not its MDLs and results.",
};

/* ---- IoFreeIrp ---- */

struct IoFreeIrp_args { uint32_t irp; };

static const struct field IoFreeIrp_args[] = {
    { ROW_IRP(struct IoFreeIrp_args, irp, "Irp"), .doc = "The IRP, of IoAllocateIrp." },
    { 0 },
};

enum { FREE_IRQL, FREE_WITH_MDLS };
static const struct failure IoFreeIrp_failures[] = {
    [FREE_IRQL] = { .name = "irql-too-high", .doc = "The IRQL is above DISPATCH_LEVEL.",
                    .then = THEN_REFUSED, .rule = "irql_above_limit", .is_irql = true,
                    .irql_max = DISPATCH_LEVEL },
    [FREE_WITH_MDLS] = { .name = "with-mdls", .doc = "MdlAddress points to an MDL that still "
                                                     "lives.",
                         .then = THEN_PERFORMED, .rule = "irp_freed_with_mdls", .advice = true },
    { 0 },
};

static struct outcome IoFreeIrp_run(struct kernel *k, void *args)
{
    const struct IoFreeIrp_args *a = args;
    struct irp *irp = kernel_irp(k, a->irp);
    const struct mdl *m = mdl_at(k->mm, irp->mdl_address);
    if (m != NULL && m->live && fails(k, FREE_WITH_MDLS)) return k->outcome;
    struct pool_block *block = pool_find(k->mm, irp->address);
    if (block != NULL && block->live) pool_give(k->mm, block);
    irp->live = false;
    gauge_sub(&k->objects.irps, 1);
    return returns_void(k);
}

const struct routine IoFreeIrp = {
    .name = "IoFreeIrp",
    .header = "wdm.h",
    .doc = "Frees an IRP, but not the MDLs in its chain.",
    .result = RESULT_VOID,
    .irql_max = DISPATCH_LEVEL,
    .args = IoFreeIrp_args,
    .args_bytes = sizeof(struct IoFreeIrp_args),
    .failures = IoFreeIrp_failures,
    .run = IoFreeIrp_run,
    .page = "IoFreeIrp function (wdm.h)",
    .notes = "MDLs that MdlAddress still points to live on.",
    .left_out = "Cancel and completion state of the IRP.",
};
