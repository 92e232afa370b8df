/* Allocating pool: ExAllocatePoolWithTag and ExAllocatePool2. */
#include "base/check.h"
#include "nt/kernel.h"

enum { BC_MUST_SUCCEED_POOL_EMPTY = 0x41 };

/* What both routines ask the memory manager for. `type` is as the caller gave it. */
struct wanted {
    enum pool_kind kind;
    uint64_t type, bytes;
    uint32_t tag;
    bool executable, zeroed;
};

static bool allocate(struct kernel *k, const struct wanted *w, va_t *out)
{
    struct pool_request request = {
        .bytes = w->bytes, .tag = w->tag, .kind = w->kind, .executable = w->executable,
        .zeroed = w->zeroed, .seq = (uint32_t)k->seq, .line = k->line,
    };
    return pool_allocate(k->mm, &request, out);
}

/* ---- rows that both routines have ---- */

enum { POOL_PAGED_IRQL, POOL_IRQL, POOL_ZERO_BYTES, POOL_EXECUTABLE, POOL_ROW_COUNT };
#define POOL_ROWS(base)                                                                            \
    [(base) + POOL_PAGED_IRQL] = {                                                                 \
        .name = "paged-irql-too-high", .then = THEN_STOPS, .code = BC_BAD_POOL_CALLER, .p1 = 8,    \
        .rule = "C4-01", .is_irql = true, .by_routine = true, .irql_max = APC_LEVEL,               \
        .doc = "Paged pool is asked for and the IRQL is above APC_LEVEL.",                         \
        .source = "Bug Check 0xC2" },                                                              \
    [(base) + POOL_IRQL] = {                                                                       \
        .name = "irql-too-high", .then = THEN_STOPS, .code = BC_BAD_POOL_CALLER, .p1 = 8,          \
        .rule = "C4-02", .is_irql = true, .by_routine = true, .irql_max = DISPATCH_LEVEL,          \
        .doc = "Nonpaged pool is asked for and the IRQL is above DISPATCH_LEVEL.",                 \
        .source = "Bug Check 0xC2" },                                                              \
    [(base) + POOL_ZERO_BYTES] = {                                                                 \
        .name = "zero-bytes", .then = THEN_STOPS, .code = BC_BAD_POOL_CALLER, .p1 = 0,             \
        .rule = "C4-00", .doc = "NumberOfBytes is 0.", .source = "Bug Check 0xC2" },               \
    [(base) + POOL_EXECUTABLE] = {                                                                 \
        .name = "executable", .then = THEN_PERFORMED, .rule = "C4-2000", .advice = true,           \
        .os_first = OS_8, .doc = "The pool is nonpaged and executable.",                           \
        .source = "Bug Check 0xC4" }

static bool pool_rows_end(struct kernel *k, unsigned base, const struct wanted *w)
{
    uint32_t irql = k->mm->irql;
    struct params size = P(irql, w->type, w->bytes);
    if (w->kind == POOL_PAGED && irql > APC_LEVEL && ends(k, base + POOL_PAGED_IRQL, size, size))
        return true;
    if (w->kind == POOL_NONPAGED && irql > DISPATCH_LEVEL && ends(k, base + POOL_IRQL, size, size))
        return true;
    if (w->bytes == 0 && ends(k, base + POOL_ZERO_BYTES, size, P(0, w->type, w->tag))) return true;
    return w->kind == POOL_NONPAGED && w->executable && k->os >= OS_8 &&
           ends(k, base + POOL_EXECUTABLE, P(0, w->type, w->tag), P(0, 0, 0));
}

/* ---- ExAllocatePoolWithTag ---- */

enum { TYPE_PAGED = 1, TYPE_MUST_SUCCEED = 2, TYPE_RAISE = 16, TYPE_COLD = 256, TYPE_NX = 512 };

struct ExAllocatePoolWithTag_args {
    uint32_t pool_type, tag;
    uint64_t number_of_bytes;
};

static const struct field ExAllocatePoolWithTag_args[] = {
    { ROW_FLAGS(struct ExAllocatePoolWithTag_args, pool_type, "PoolType", pool_types),
      .doc = "The kind of pool, and how failure is told." },
    { ROW_SIZE(struct ExAllocatePoolWithTag_args, number_of_bytes, "NumberOfBytes"),
      .doc = "Bytes of the block." },
    { ROW_TAG(struct ExAllocatePoolWithTag_args, tag, "Tag"),
      .doc = "One to four characters that name the owner." },
    { 0 },
};

enum { ALLOCATE_POOL = 0, ALLOCATE_TAG_ZERO = POOL_ROW_COUNT, ALLOCATE_TAG_BIG,
       ALLOCATE_TAG_MARKS, ALLOCATE_TAG_CHARACTERS, ALLOCATE_NO_NX, ALLOCATE_NO_COLD,
       ALLOCATE_MUST_SUCCEED, ALLOCATE_MUST_SUCCEED_LARGE, ALLOCATE_DEPRECATED,
       ALLOCATE_MUST_SUCCEED_EMPTY, ALLOCATE_RAISES, ALLOCATE_NO_POOL };
static const struct failure ExAllocatePoolWithTag_failures[] = {
    POOL_ROWS(ALLOCATE_POOL),
    [ALLOCATE_TAG_ZERO] = { .name = "tag-zero", .doc = "Tag is 0.", .then = THEN_STOPS,
                            .code = BC_BAD_POOL_CALLER, .p1 = 0x9B, .source = "Bug Check 0xC2" },
    [ALLOCATE_TAG_BIG] = { .name = "tag-big", .doc = "Tag is \"BIG\".", .then = THEN_STOPS,
                           .code = BC_BAD_POOL_CALLER, .p1 = 0x9C, .source = "Bug Check 0xC2" },
    [ALLOCATE_TAG_MARKS] = { .name = "tag-without-letters",
                             .doc = "Tag has neither letters nor digits.", .then = THEN_STOPS,
                             .code = BC_BAD_POOL_CALLER, .p1 = 0x9D, .source = "Bug Check 0xC2" },
    [ALLOCATE_TAG_CHARACTERS] = { .name = "tag-characters",
                                  .doc = "A character of Tag is not between 0x20 and 0x7E.",
                                  .then = THEN_PERFORMED, .rule = "pool_tag_invalid",
                                  .advice = true },
    [ALLOCATE_NO_NX] = { .name = "nx-not-in-os",
                         .doc = "Types of NonPagedPoolNx exist from Windows 8 on.",
                         .then = THEN_REFUSED, .rule = "flag_not_in_os", .os_last = OS_8 - 1,
                         .source = "POOL_TYPE enumeration (wdm.h)" },
    [ALLOCATE_NO_COLD] = { .name = "cold-not-in-os",
                           .doc = "POOL_COLD_ALLOCATION exists from Windows XP on.",
                           .then = THEN_REFUSED, .rule = "flag_not_in_os" },
    [ALLOCATE_MUST_SUCCEED] = { .name = "must-succeed",
                                .doc = "NonPagedPoolMustSucceed is no longer supported.",
                                .then = THEN_STOPS, .code = BC_BAD_POOL_CALLER, .p1 = 0x9A,
                                .os_first = OS_XP, .source = "Bug Check 0xC2; since when is "
                                                             "inferred" },
    [ALLOCATE_MUST_SUCCEED_LARGE] = { .name = "must-succeed-large",
                                      .doc = "Windows 2000: more than a page of "
                                             "NonPagedPoolMustSucceed.",
                                      .then = THEN_REFUSED, .rule = "C4-03",
                                      .source = "Bug Check 0xC4" },
    [ALLOCATE_DEPRECATED] = { .name = "deprecated",
                              .doc = "The routine is deprecated from Windows 10, version 2004, on.",
                              .then = THEN_PERFORMED, .rule = "obsolete_routine", .advice = true,
                              .rule_what = "ExAllocatePoolWithTag was called, which is deprecated; "
                                           "ExAllocatePool2 replaces it.",
                              .os_first = OS_10_2004 },
    [ALLOCATE_MUST_SUCCEED_EMPTY] = { .name = "must-succeed-empty",
                                      .doc = "Windows 2000: no NonPagedPoolMustSucceed is left.",
                                      .then = THEN_STOPS, .code = BC_MUST_SUCCEED_POOL_EMPTY,
                                      .source = "Bug Check 0x41" },
    [ALLOCATE_RAISES] = { .name = "no-pool-raises",
                          .doc = "The pool is used up, and POOL_RAISE_IF_ALLOCATION_FAILURE is "
                                 "given.",
                          .then = THEN_RAISES, .code = ST_INSUFFICIENT_RESOURCES,
                          .source = "the page tells of an exception; its status is inferred" },
    [ALLOCATE_NO_POOL] = { .name = "no-pool", .doc = "The pool is used up.", .then = THEN_FAILS },
    { 0 },
};

/* The characters of a tag, as C packs them: the last one lowest. */
static bool tag_has_letter_or_digit(uint32_t tag)
{
    for (; tag != 0; tag >>= 8) {
        uint32_t c = tag & 0xFF, letter = c | 0x20;
        if ((letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9')) return true;
    }
    return false;
}

static bool tag_is_text(uint32_t tag)
{
    for (; tag != 0; tag >>= 8)
        if ((tag & 0xFF) < 0x20 || (tag & 0xFF) > 0x7E) return false;
    return true;
}

static bool tag_ends(struct kernel *k, const struct wanted *w)
{
    const uint32_t big = 0x00424947, big_in_memory = 0x20474942; /* 'BIG', ' GIB' */
    struct params size = P(w->type, w->bytes, 0);
    if (w->tag == 0) return ends(k, ALLOCATE_TAG_ZERO, size, size);
    if (w->tag == big || w->tag == big_in_memory) return ends(k, ALLOCATE_TAG_BIG, size, size);
    if (!tag_has_letter_or_digit(w->tag))
        return ends(k, ALLOCATE_TAG_MARKS, size, P(w->tag, w->type, 0));
    return !tag_is_text(w->tag) && fails(k, ALLOCATE_TAG_CHARACTERS);
}

static bool type_ends(struct kernel *k, const struct wanted *w)
{
    bool must_succeed = (w->type & TYPE_MUST_SUCCEED) != 0;
    if ((w->type & TYPE_NX) != 0 && k->os < OS_8 && fails(k, ALLOCATE_NO_NX)) return true;
    if ((w->type & TYPE_COLD) != 0 && k->os < OS_XP && fails(k, ALLOCATE_NO_COLD)) return true;
    struct params p = P(w->type, w->bytes, w->tag);
    if (must_succeed && k->os >= OS_XP) return ends(k, ALLOCATE_MUST_SUCCEED, p, p);
    return must_succeed && w->bytes > PAGE_BYTES && fails(k, ALLOCATE_MUST_SUCCEED_LARGE);
}

/* Bug check 0x41: bytes asked for, pages of nonpaged pool in use, 0, pages available. */
static struct outcome out_of_pool(struct kernel *k, const struct wanted *w)
{
    const struct pool *pool = &k->mm->pools.pool[POOL_NONPAGED];
    if ((w->type & TYPE_MUST_SUCCEED) != 0) {
        ends(k, ALLOCATE_MUST_SUCCEED_EMPTY, P(0, 0, 0),
             P(pool->pages_in_use, 0, frames_available(k->mm)));
        k->outcome.stop.p[0] = w->bytes;
        return k->outcome;
    }
    fails(k, (w->type & TYPE_RAISE) != 0 ? ALLOCATE_RAISES : ALLOCATE_NO_POOL);
    return k->outcome;
}

static struct outcome ExAllocatePoolWithTag_run(struct kernel *k, void *args)
{
    const struct ExAllocatePoolWithTag_args *a = args;
    bool paged = (a->pool_type & TYPE_PAGED) != 0, is_32_bit = !k->mm->config->is_64_bit;
    struct wanted w = {
        .kind = paged ? POOL_PAGED : POOL_NONPAGED, .type = a->pool_type,
        .bytes = a->number_of_bytes, .tag = a->tag,
        .executable = paged ? is_32_bit : (a->pool_type & TYPE_NX) == 0,
    };
    va_t at;
    if (pool_rows_end(k, ALLOCATE_POOL, &w)) return k->outcome;
    if (tag_ends(k, &w) || type_ends(k, &w)) return k->outcome;
    if (k->os >= OS_10_2004 && fails(k, ALLOCATE_DEPRECATED)) return k->outcome;
    if (!allocate(k, &w, &at)) return out_of_pool(k, &w);
    return returns_address(k, at);
}

const struct routine ExAllocatePoolWithTag = {
    .name = "ExAllocatePoolWithTag",
    .header = "wdm.h",
    .doc = "Allocates a block of pool.",
    .result = RESULT_ADDRESS,
    .result_doc = "The block, or NULL.",
    .irql_max = DISPATCH_LEVEL,
    .args = ExAllocatePoolWithTag_args,
    .args_bytes = sizeof(struct ExAllocatePoolWithTag_args),
    .failures = ExAllocatePoolWithTag_failures,
    .run = ExAllocatePoolWithTag_run,
    .page = "ExAllocatePoolWithTag function (wdm.h)",
    .notes = "The page calls a block of zero bytes wasteful, bug check 0xC2 lists it: it stops. "
             "Nonpaged pool is executable unless its type is one of NonPagedPoolNx; paged pool "
             "only on 32-bit Windows. Must-succeed pool exists on Windows 2000 alone (inferred).",
    .left_out = "Cache-aligned types get ordinary alignment, session pool is system pool, cold "
                "pool is ordinary pool. Driver Verifier's special pool and low-resources "
                "simulation.",
};

/* ---- ExAllocatePool2 ---- */

enum { FLAG_UNINITIALIZED = 0x2, FLAG_RAISE = 0x20, FLAG_NON_PAGED = 0x40,
       FLAG_NON_PAGED_EXECUTE = 0x80, FLAG_PAGED = 0x100, FLAGS_REQUIRED_KNOWN = 0x1EF };

struct ExAllocatePool2_args {
    uint64_t flags, number_of_bytes;
    uint32_t tag;
};

static const struct field ExAllocatePool2_args[] = {
    { ROW_HEX(struct ExAllocatePool2_args, flags, "Flags"), .names = &pool_flags,
      .doc = "The kind of pool, and attributes: those of the low 32 bits are required, the others "
             "optional." },
    { ROW_SIZE(struct ExAllocatePool2_args, number_of_bytes, "NumberOfBytes"),
      .doc = "Bytes of the block." },
    { ROW_TAG(struct ExAllocatePool2_args, tag, "Tag"),
      .doc = "One to four characters that name the owner." },
    { 0 },
};

enum { POOL2_FLAGS, POOL2_FLAGS_RAISES, POOL2_TAG_ZERO, POOL2_TAG_ZERO_RAISES, POOL2_POOL,
       POOL2_NO_POOL = POOL2_POOL + POOL_ROW_COUNT, POOL2_NO_POOL_RAISES };
static const struct failure ExAllocatePool2_failures[] = {
    [POOL2_FLAGS] = { .name = "bad-flags",
                      .doc = "Flags names no kind of pool or several, or has an unknown bit among "
                             "the low 32.",
                      .then = THEN_FAILS },
    [POOL2_FLAGS_RAISES] = { .name = "bad-flags-raises",
                             .doc = "The same with POOL_FLAG_RAISE_ON_FAILURE.",
                             .then = THEN_RAISES, .code = ST_INVALID_PARAMETER,
                             .source = "the page tells of an exception; its status is inferred" },
    [POOL2_TAG_ZERO] = { .name = "tag-zero", .doc = "Tag is 0.", .then = THEN_FAILS },
    [POOL2_TAG_ZERO_RAISES] = { .name = "tag-zero-raises",
                                .doc = "The same with POOL_FLAG_RAISE_ON_FAILURE.",
                                .then = THEN_RAISES, .code = ST_INVALID_PARAMETER,
                                .source = "the page tells of an exception; its status is "
                                          "inferred" },
    POOL_ROWS(POOL2_POOL),
    [POOL2_NO_POOL] = { .name = "no-pool", .doc = "The pool is used up.", .then = THEN_FAILS },
    [POOL2_NO_POOL_RAISES] = { .name = "no-pool-raises",
                               .doc = "The same with POOL_FLAG_RAISE_ON_FAILURE.",
                               .then = THEN_RAISES, .code = ST_INSUFFICIENT_RESOURCES,
                               .source = "the page tells of an exception; its status is inferred" },
    { 0 },
};

static bool flags_are_valid(uint64_t flags)
{
    uint64_t required = flags & UINT32_MAX;
    uint64_t kind = required & (FLAG_NON_PAGED | FLAG_NON_PAGED_EXECUTE | FLAG_PAGED);
    bool is_one_kind = kind != 0 && (kind & (kind - 1)) == 0;
    return is_one_kind && (required & ~(uint64_t)FLAGS_REQUIRED_KNOWN) == 0;
}

static struct outcome ExAllocatePool2_run(struct kernel *k, void *args)
{
    const struct ExAllocatePool2_args *a = args;
    unsigned raise = (a->flags & FLAG_RAISE) != 0;
    bool paged = (a->flags & FLAG_PAGED) != 0, is_32_bit = !k->mm->config->is_64_bit;
    struct wanted w = {
        .kind = paged ? POOL_PAGED : POOL_NONPAGED, .type = a->flags, .bytes = a->number_of_bytes,
        .tag = a->tag, .zeroed = (a->flags & FLAG_UNINITIALIZED) == 0,
        .executable = paged ? is_32_bit : (a->flags & FLAG_NON_PAGED_EXECUTE) != 0,
    };
    va_t at;
    if (!flags_are_valid(a->flags) && fails(k, POOL2_FLAGS + raise)) return k->outcome;
    if (a->tag == 0 && fails(k, POOL2_TAG_ZERO + raise)) return k->outcome;
    if (pool_rows_end(k, POOL2_POOL, &w)) return k->outcome;
    if (!allocate(k, &w, &at) && fails(k, POOL2_NO_POOL + raise)) return k->outcome;
    return returns_address(k, at);
}

const struct routine ExAllocatePool2 = {
    .name = "ExAllocatePool2",
    .header = "wdm.h",
    .doc = "Allocates a block of pool, zeroed unless it is asked not to be.",
    .result = RESULT_ADDRESS,
    .result_doc = "The block, or NULL.",
    .irql_max = DISPATCH_LEVEL,
    .os_first = OS_10_2004,
    .args = ExAllocatePool2_args,
    .args_bytes = sizeof(struct ExAllocatePool2_args),
    .failures = ExAllocatePool2_failures,
    .run = ExAllocatePool2_run,
    .page = "ExAllocatePool2 function (wdm.h)",
    .notes = "Exactly one of POOL_FLAG_NON_PAGED, POOL_FLAG_NON_PAGED_EXECUTE and POOL_FLAG_PAGED "
             "must be given (inferred from \"invalid flags\"). Zero bytes stop, as bug check 0xC2 "
             "says.",
    .left_out = "POOL_FLAG_CACHE_ALIGNED gets ordinary alignment, POOL_FLAG_SESSION system pool, "
                "POOL_FLAG_USE_QUOTA charges nobody, POOL_FLAG_SPECIAL_POOL is ignored. Driver "
                "Verifier's low-resources simulation.",
};
