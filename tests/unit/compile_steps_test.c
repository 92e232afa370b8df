/* Unit tests of scenario/compile*: what steps become. */
#include "compile_support.h"

/* An argument that was a constant. */
static uint64_t stored(const struct call_step *call, const char *key)
{
    for (uint32_t i = 0; i < call->arg_count; i++)
        cr_expect_str_neq(call->args[i].field->key, key);
    return field_get(field_find(call->routine->args, key), call->record);
}

/* Arguments by name, by position, alone; what is left out; what `as` binds. */
Test(compile_steps, calls)
{
    struct fixture f;
    const struct program *p = compile(&f, HEAD
        "machine: {}\n"
        "steps:\n"
        "  - IoAllocateMdl: {Length: 64 KiB, VirtualAddress: NULL}\n"
        "    as: m\n"
        "    note: first\n"
        "  - IoAllocateMdl: [0x1000 + 1, 2 pages, TRUE]\n"
        "    as: {returns: n}\n"
        "  - IoFreeMdl: $m\n"
        "  - KeRaiseIrql: DISPATCH_LEVEL\n"
        "    as: old\n"
        "  - ExAllocatePoolWithTag: {PoolType: NonPagedPoolNx, NumberOfBytes: 64, Tag: 'MRmK'}\n"
        "    as: pool\n"
        "  - ExAllocatePoolWithTag: [PagedPool, $m.Size, \"'Ab'\"]\n"
        "  - MmInitializeMdl: {MemoryDescriptorList: $pool, BaseVa: 0, Length: 4096}\n"
        "    as: made\n");
    cr_assert_eq(p->step_count, 8);
    const struct call_step *call = &p->steps[0].u.call;
    cr_expect_eq(p->steps[0].op, STEP_CALL);
    cr_expect_eq(call->routine, routine_find("IoAllocateMdl"));
    cr_expect_eq(call->series, routine_index(call->routine));
    cr_assert_eq(call->arg_count, 0);
    static const char *const zeros[] = { "VirtualAddress", "SecondaryBuffer", "ChargeQuota",
                                         "Irp" };
    cr_expect_eq(stored(call, "Length"), 65536);
    for (size_t i = 0; i < COUNT_OF(zeros); i++) cr_expect_eq(stored(call, zeros[i]), 0);
    cr_expect_str_eq(p->steps[0].note, "first");
    cr_expect_str_eq(p->steps[0].path, "steps[0]");
    cr_expect_eq(p->steps[0].where.line, 5);
    cr_assert_eq(p->steps[0].bind_count, 1);
    cr_expect_null(p->steps[0].binds[0].field);
    cr_expect_str_eq(p->slot_names[p->steps[0].binds[0].slot], "m");
    call = &p->steps[1].u.call;
    cr_expect_eq(stored(call, "VirtualAddress"), 0x1001);
    cr_expect_eq(stored(call, "Length"), 8192);
    cr_expect_eq(stored(call, "SecondaryBuffer"), 1);
    call = &p->steps[2].u.call;
    cr_expect_eq(node_at(p, call->args[0].value)->op, EXPR_NAME);
    cr_assert_eq(call->arg_count, 1);
    cr_expect_str_eq(p->steps[3].binds[0].field->key, "OldIrql");
    cr_expect_eq(p->steps[3].u.call.arg_count, 0);
    cr_expect_eq(stored(&p->steps[3].u.call, "NewIrql"), 2);
    cr_expect_eq(stored(&p->steps[4].u.call, "Tag"), 0x4D526D4B);
    call = &p->steps[5].u.call;
    cr_assert_eq(call->arg_count, 1);
    cr_expect_str_eq(call->args[0].field->key, "NumberOfBytes");
    cr_expect_eq(stored(call, "Tag"), 0x4162);
    cr_expect(p->steps[6].bind_count == 1 && !p->steps[6].binds[0].field);
    cleanup(&f);
}

/* Lists of a structure and of addresses; the count that may be left out. */
Test(compile_steps, lists)
{
    struct fixture f;
    const struct program *p = compile(&f, HEAD
        "machine: {}\n"
        "steps:\n"
        "  - MmAllocateMdlForIoSpace:\n"
        "      PhysicalAddressList:\n"
        "        - {PhysicalAddress: 0xFE000000, NumberOfBytes: 4096}\n"
        "        - {PhysicalAddress: 0xFE008000, NumberOfBytes: 2 pages}\n"
        "    as: m\n"
        "  - MmProbeAndLockSelectedPages: [$m, [0x1000, 0x2000, $m], KernelMode, IoReadAccess]\n");
    const struct call_step *call = &p->steps[0].u.call;
    cr_assert_eq(call->arg_count, 1);
    cr_assert_eq(call->args[0].list_count, 2);
    cr_expect_eq(constant_at(p, call->args[0].list[1][0]), 0xFE008000);
    cr_expect_eq(constant_at(p, call->args[0].list[1][1]), 8192);
    cr_expect_eq(stored(call, "NumberOfEntries"), 2);
    cr_expect_str_eq(p->steps[0].binds[0].field->key, "NewMdl");
    call = &p->steps[1].u.call;
    cr_assert_eq(call->args[1].list_count, 3);
    cr_expect_eq(call->args[1].list[0][1], 0);
    cr_assert_eq(call->arg_count, 2);
    cleanup(&f);
}

/* Jumps: where loops and branches lead. */
Test(compile_steps, flow)
{
    struct fixture f;
    const struct program *p = compile(&f, HEAD
        "machine: {}\n"
        "procedures:\n"
        "  twice: {parameters: [x], steps: [{let: {y: $x}}, {return: $x}]}\n"
        "  once: [{do: twice, with: {x: 1}}]\n"
        "steps:\n"
        "  - repeat: {count: 3, index: i, every: {poisson: 2 us}, do: [{let: {y: $i}}]}\n" /* 0-2 */
        "  - while: {that: $y > 0, limit: 9, do: [{let: {y: 0}}]}\n"                      /* 3-5 */
        "  - if: {that: $y == 0, then: [{assert: true}], else: [{assert: false}]}\n"       /* 6-9 */
        "  - if: {that: $y == 0, then: []}\n"                                              /* 10 */
        "  - span: {name: s, do: [{do: once}]}\n"                                        /* 11-13 */
        "  - signal: {event: e, count: 2}\n"
        "  - wait: e\n"
        "  - delay: 5 cycles\n");
    static const uint8_t ops[] = { STEP_REPEAT, STEP_LET, STEP_REPEAT_NEXT, STEP_WHILE, STEP_LET,
                                   STEP_JUMP, STEP_IF, STEP_ASSERT, STEP_JUMP, STEP_ASSERT, STEP_IF,
                                   STEP_SPAN, STEP_DO, STEP_SPAN_END, STEP_SIGNAL, STEP_WAIT,
                                   STEP_DELAY, STEP_END, STEP_LET, STEP_RETURN, STEP_LEAVE, STEP_DO,
                                   STEP_LEAVE };
    cr_assert_eq(p->step_count, COUNT_OF(ops));
    for (size_t i = 0; i < COUNT_OF(ops); i++) cr_expect_eq(p->steps[i].op, ops[i], "step %zu", i);
    cr_expect(p->steps[0].u.loop.body == 1 && p->steps[0].u.loop.exit == 3);
    cr_expect(p->steps[2].u.loop.body == 1 && p->steps[0].u.loop.arrival == ARRIVE_POISSON);
    cr_expect_eq(p->steps[0].u.loop.index_slot, node_at(p, p->steps[1].u.let.values[0])->a);
    cr_expect(p->steps[3].u.loop.exit == 6 && p->steps[3].u.loop.limit == 9);
    cr_expect_eq(p->steps[5].u.jump, 3);
    cr_expect_eq(p->steps[6].u.branch.otherwise, 9);
    cr_expect_eq(p->steps[8].u.jump, 10);
    cr_expect_eq(p->steps[10].u.branch.otherwise, 11);
    cr_expect_eq(p->steps[11].u.span.series, routine_count);
    cr_expect_eq(p->steps[12].u.invoke.procedure, 1);
    cr_expect_eq(constant_at(p, p->steps[16].u.event.count), 5);
    cr_expect(p->procedures[0].entry == 18 && p->procedures[1].entry == 21);
    cr_expect_eq(p->steps[19].where.line, 5);
    uint32_t parameter = p->procedures[0].parameters[0];
    cr_expect_eq(node_at(p, p->steps[18].u.let.values[0])->a, parameter);
    cr_expect_str_eq(p->span_names[0], "s");
    cr_expect_str_eq(p->event_names[0], "e");
    cleanup(&f);
}

Test(compile_steps, accesses)
{
    struct fixture f;
    const struct program *p = compile(&f, HEAD
        "machine: {}\n"
        "processes: {app: {buffers: {b: {size: 4 KiB}}}}\n"
        "shared: [all]\n"
        "threads:\n"
        "  t:\n"
        "    mode: user\n"
        "    irql: APC_LEVEL\n"
        "    process: app\n"
        "    context: {model: storport, callback: HwStorStartIo}\n"
        "    steps:\n"
        "      - write: {address: $b, value: 0xFF, size: 1, length: 64, pattern: random,\n"
        "                mode: kernel}\n"
        "      - read: {address: $b + 8}\n"
        "        as: all\n"
        "      - copy: {from: $b, to: $b, length: 8}\n"
        "      - IoAllocateMdl: [$b, 1]\n"
        "        as: m\n"
        "      - set: {$m.Next: NULL, \"$m.Pfn[2]\": 5}\n"
        "      - replay: {file: a/b.txt, format: din, process: app, limit: 10}\n");
    cr_expect(p->threads[0].user_mode && p->threads[0].irql == 1 && p->threads[0].process == 0);
    cr_expect_str_eq(p->threads[0].model, "storport");
    cr_expect_str_eq(p->threads[0].callback, "HwStorStartIo");
    const struct access_step *a = &p->steps[0].u.access;
    cr_expect(a->type == ACCESS_WRITE && a->pattern == PATTERN_RANDOM && a->mode == 0);
    cr_expect(constant_at(p, a->value) == 255 && a->count == 0 && a->stride == 0);
    a = &p->steps[1].u.access;
    cr_expect(a->type == ACCESS_READ && a->mode == -1 && a->length == 0);
    cr_expect(p->steps[1].binds[0].shared);
    cr_expect_str_eq(p->shared_names[p->steps[1].binds[0].slot], "all");
    const struct set_step *set = &p->steps[4].u.set;
    cr_assert_eq(set->count, 2);
    cr_expect(set->items[0].member == MEMBER_NEXT && set->items[1].member == MEMBER_COUNT);
    cr_expect_eq(constant_at(p, set->items[1].index), 2);
    cr_expect_str_eq(set->items[1].text, "$m.Pfn[2]");
    cr_assert_eq(p->replay_count, 1);
    cr_expect_eq(p->replays[0], p->steps[5].u.replay);
    cr_expect_str_eq(p->replays[0]->file, "a/b.txt");
    cleanup(&f);
}

/* What is known of a step before it runs is what it would find as it runs. */
Test(compile_steps, what_is_constant_is_prepared)
{
    static const struct {
        const char *numbers;
        struct extent known; /* 0: none */
    } rows[] = {
        { "", { .size = 8, .step = 8, .places = 1, .count = 1, .reach = 7 } },
        { ", length: 64 KiB, stride: 4 KiB",
          { .size = 8, .step = 4096, .places = 16, .count = 16, .length = 65536, .reach = 61447 } },
        { ", size: 16, length: 48",
          { .size = 16, .step = 16, .places = 3, .count = 3, .length = 48, .reach = 47 } },
        { ", size: 1, count: 5, stride: 3",
          { .size = 1, .step = 3, .places = 5, .count = 5, .reach = 12 } },
        { ", length: 64, count: 20",
          { .size = 8, .step = 8, .places = 8, .count = 20, .length = 64, .reach = 63 } },
        { ", length: $n", { 0 } },
        { ", stride: $n", { 0 } },
        { ", count: 3, stride: 0xFFFFFFFFFFFFFFFF", { 0 } }, /* the run refuses it */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        char text[400];
        snprintf(text, sizeof text, "%s%s%s%s", HEAD,
                 "machine: {}\nprocesses: {app: {buffers: {b: {size: 4 KiB}}}}\n"
                 "steps:\n  - let: {n: 8}\n  - read: {address: $b", rows[i].numbers, "}\n");
        const struct program *p = compile(&f, text);
        const struct extent *e = p->steps[1].u.access.extent, *known = &rows[i].known;
        cr_assert_eq(e != NULL, known->size != 0, "%s", rows[i].numbers);
        if (e != NULL) {
            cr_expect(e->size == known->size && e->step == known->step, "%s", rows[i].numbers);
            cr_expect(e->places == known->places && e->count == known->count, "%s",
                      rows[i].numbers);
            cr_expect(e->length == known->length && e->reach == known->reach, "%s",
                      rows[i].numbers);
        }
        cleanup(&f);
    }
}

Test(compile_steps, names_that_are_arguments)
{
    struct fixture f;
    const struct program *p = compile(&f, HEAD
        "machine: {}\n"
        "processes: {app: {buffers: {b: {size: 4 KiB}}}}\n"
        "steps:\n"
        "  - IoAllocateMdl: [$b, 4 KiB]\n"
        "    as: m\n"
        "  - MmProbeAndLockPages: [$m, UserMode, IoReadAccess]\n"
        "  - MmUnmapLockedPages: [$m.MappedSystemVa, $m]\n");
    const struct call_step *lock = &p->steps[1].u.call, *unmap = &p->steps[2].u.call;
    cr_assert_eq(lock->arg_count, 1);
    cr_expect_eq(lock->args[0].name, p->steps[0].binds[0].slot);
    cr_assert_eq(unmap->arg_count, 2);
    cr_expect_eq(unmap->args[0].name, NAME_NONE);
    cr_expect_eq(unmap->args[1].name, p->steps[0].binds[0].slot);
    cr_expect_eq(p->steps[1].place, place_of(p->steps[1].where.file, p->steps[1].where.line));
    cleanup(&f);
}

Test(compile_steps, expectations)
{
    struct fixture f;
    const struct program *p = compile(&f, HEAD
        "machine: {}\n"
        "steps:\n"
        "  - IoAllocateMdl: [0, 1]\n"
        "    as: m\n"
        "    expect: {returns: [not NULL, 5], that: [$m.ByteCount == 1]}\n"
        "  - MmUnlockPages: $m\n"
        "    expect: {any: [{violation: [C4-7C, C4-7D]},\n"
        "                   {bugcheck: {code: PFN_LIST_CORRUPT, p1: 7}},\n"
        "                   {bugcheck: [none, 0x76]}], raises: none, that: \"true\"}\n"
        "checks: [stats.leaks.mdls == 1, $m != NULL]\n");
    const struct expect *e = p->steps[0].expect;
    cr_assert_eq(e->count, 1);
    cr_assert_eq(e->any[0].returns.count, 2);
    cr_expect(e->any[0].returns.items[0].negated && !e->any[0].returns.items[1].negated);
    cr_expect_eq(node_at(p, e->any[0].returns.items[0].value)->value.kind, VALUE_NULL);
    cr_expect_eq(e->any[0].that_count, 1);
    e = p->steps[1].expect;
    cr_assert_eq(e->count, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_expect(e->any[i].raises.count == 1 && e->any[i].raises.items[0].none);
        cr_expect_eq(e->any[i].that_count, 1);
    }
    cr_assert_eq(e->any[0].violation_count, 2);
    cr_expect_str_eq(e->any[0].violations[1]->id, "C4-7D");
    cr_expect_eq(constant_at(p, e->any[1].bugcheck.items[0].value), 0x4E);
    cr_expect_eq(constant_at(p, e->any[1].bugcheck.items[0].p[0]), 7);
    cr_expect_eq(e->any[1].bugcheck.items[0].p[1], 0);
    cr_expect(e->any[2].bugcheck.items[0].none && e->any[2].bugcheck.count == 2);
    cr_assert_eq(p->check_count, 2);
    cr_expect_str_eq(p->checks[0].text, "stats.leaks.mdls == 1");
    cleanup(&f);
}
