/* Unit tests of scenario/compile*: the machine and its settings. Steps are in compile_steps_test.c;
 * what is refused how stands in tests/invalid. */
#include "compile_support.h"

Test(compile, defaults)
{
    struct fixture f;
    const struct program *p = compile(&f, HEAD "machine: {}\nsteps: []\n");
    const struct sim_config *c = &p->config;
    cr_expect_eq(c->seed, 1);
    cr_expect_str_eq(c->os->name, "windows-11");
    cr_expect_eq(c->arch, ARCH_X64);
    cr_expect_str_eq(c->preset->name, "generic");
    cr_expect_eq(c->hz, c->preset->hz);
    cr_expect_eq(c->cpu_count, 1);
    cr_expect_eq(c->ram_bytes, 8 * GIB);
    cr_expect_eq(c->mm.highest_user.v, 0x7FFFFFFEFFFF);
    cr_expect_eq(c->mm.user_probe.v, 0x7FFFFFFF0000);
    cr_expect_eq(c->mm.system_ptes, UINT64_C(1) << 32);
    cr_expect_eq(c->mm.threshold_low, 512);
    cr_expect_eq(c->mm.threshold_normal, 64);
    cr_expect_eq(c->mm.nonpaged_pool_bytes, 6 * GIB);
    cr_expect_eq(c->mm.paged_pool_bytes, 16 * GIB);
    cr_expect_eq(c->mm.zeroed_percent, 50);
    cr_expect_eq(c->mm.system_pages, 16384);
    cr_expect_eq(c->flush_threshold_pages, 33);
    cr_expect_eq(c->verifier, VERIFIER_REPORT);
    for (size_t i = 0; i < rule_count; i++) cr_expect_eq(c->rule_levels[i], rules[i].level);
    cr_expect_eq(p->thread_count, 1);
    cr_expect_str_eq(p->threads[0].name, "main");
    cr_expect_eq(p->threads[0].process, -1);
    cr_expect_eq(p->step_count, 1);
    cr_expect_eq(p->steps[0].op, STEP_END);
    cleanup(&f);
}

struct system_row {
    const char *machine;
    enum arch arch;
    uint64_t highest_user, system_start, system_ptes;
};

static const struct system_row systems[] = {
    { "{os: windows-2000}", ARCH_X86_PAE, 0x7FFEFFFF, 0x80000000, 169000 },
    { "{os: windows-7}", ARCH_X64, 0x7FFFFFEFFFF, 0xFFFF080000000000, 33554432 },
    { "{os: windows-8}", ARCH_X64, 0x7FFFFFEFFFF, 0xFFFF080000000000, 33554432 },
    { "{os: windows-8.1}", ARCH_X64, 0x7FFFFFFEFFFF, 0xFFFF800000000000, UINT64_C(1) << 32 },
    { "{os: windows-10, arch: x86-pae, ram: 128 MiB}", ARCH_X86_PAE, 0x7FFEFFFF, 0x80000000,
      44000 },
    { "{os: windows-10-2004, arch: x64-la57, cpu: {preset: ice-lake-sp}}", ARCH_X64_LA57,
      0x00FFFFFFFFFEFFFF, 0xFF00000000000000, UINT64_C(1) << 32 },
};

Test(compile, systems)
{
    for (size_t i = 0; i < COUNT_OF(systems); i++) {
        struct fixture f;
        char text[256];
        snprintf(text, sizeof text, HEAD "machine: %s\nsteps: []\n", systems[i].machine);
        const struct sim_config *c = &compile(&f, text)->config;
        cr_expect_eq(c->arch, systems[i].arch, "row %zu", i);
        cr_expect_eq(c->mm.is_64_bit, systems[i].arch != ARCH_X86_PAE);
        cr_expect_eq(c->mm.highest_user.v, systems[i].highest_user, "row %zu", i);
        cr_expect_eq(c->mm.user_probe.v, systems[i].highest_user + 1, "row %zu", i);
        cr_expect_eq(c->mm.system_start.v, systems[i].system_start, "row %zu", i);
        cr_expect_eq(c->mm.system_ptes, systems[i].system_ptes, "row %zu", i);
        cr_expect_gt(c->mm.syspte_base.v, c->mm.system_start.v);
        cleanup(&f);
    }
}

struct ram_row {
    const char *ram;
    size_t count;
    struct { uint64_t first, pages; } ranges[3];
};

static const struct ram_row rams[] = {
    { "8 GiB", 3, { { 0, 160 }, { 256, 786176 }, { 1048576, 1310816 } } },
    { "3 GiB", 3, { { 0, 160 }, { 256, 786176 }, { 1048576, 96 } } },
    { "16 MiB", 2, { { 0, 160 }, { 256, 3936 } } },
    { "[{base: 4 GiB, size: 1 GiB, node: 3}, {base: 0x1000, size: 64 MiB}]", 2,
      { { 1, 16384 }, { 1048576, 262144 } } },
};

Test(compile, ram)
{
    for (size_t i = 0; i < COUNT_OF(rams); i++) {
        struct fixture f;
        char text[256];
        snprintf(text, sizeof text, HEAD "machine: {ram: \"%s\"}\nsteps: []\n", rams[i].ram);
        if (rams[i].ram[0] == '[') {
            snprintf(text, sizeof text, HEAD "machine: {ram: %s}\nsteps: []\n", rams[i].ram);
        }
        const struct sim_config *c = &compile(&f, text)->config;
        cr_assert_eq(c->ram_count, rams[i].count, "row %zu: %zu", i, c->ram_count);
        for (size_t k = 0; k < c->ram_count; k++) {
            cr_expect_eq(c->ram[k].first.v, rams[i].ranges[k].first, "row %zu, %zu", i, k);
            cr_expect_eq(c->ram[k].page_count, rams[i].ranges[k].pages, "row %zu, %zu", i, k);
        }
        if (i == 3) cr_expect(c->ram[0].node == 0 && c->ram[1].node == 3);
        cleanup(&f);
    }
}

/* BARs without a base go to the MMIO hole, lowest first, around those that have one. */
Test(compile, devices)
{
    struct fixture f;
    const struct program *p = compile(&f, HEAD
        "machine:\n"
        "  devices:\n"
        "    a: {bars: [{size: 8 KiB}, {base: 0xC0003000, size: 4 KiB, prefetchable: true}]}\n"
        "    b: {bars: [{size: 8 KiB, name: regs}, {size: 4 KiB}]}\n"
        "steps: [{assert: \"bar($b, 0) == 0xC0004000\"}, {assert: \"bar($b, irql) == 0\"}]\n");
    static const uint64_t bases[] = { 0xC0000000, 0xC0003000, 0xC0004000, 0xC0002000 };
    const struct sim_config *c = &p->config;
    cr_assert_eq(c->bar_count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_expect_eq(c->bars[i].base, bases[i], "BAR %zu", i);
        cr_expect_eq(c->bars[i].device, i / 2);
        if (i) cr_expect_lt(c->bar_ranges[i - 1].first.v, c->bar_ranges[i].first.v);
    }
    cr_expect(c->bars[1].prefetchable && !c->bars[0].prefetchable);
    cr_expect_str_eq(c->bars[2].name, "regs");
    cr_expect_eq(c->bar_ranges[1].device, 2);
    cr_expect_eq(constant_at(p, p->steps[0].u.value), 1);
    cr_expect_eq(node_at(p, node_at(p, p->steps[1].u.value)->a)->op, EXPR_FUNCTION);
    cleanup(&f);
}

Test(compile, tlb)
{
    struct fixture f;
    const struct sim_config *c = &compile(&f, HEAD
        "machine:\n"
        "  cpu:\n"
        "    preset: skylake-sp\n"
        "    tlb:\n"
        "      l1d: {2 MiB: {entries: 24, ways: full, policy: fifo}, 1 GiB: none}\n"
        "      l1i: {entries: 64, ways: 4, policy: plru, pages: [4 KiB, 1 GiB]}\n"
        "      l2: none\n"
        "      psc: {pd: {entries: 12, ways: 6}, pml4: none}\n"
        "    costs: {invlpg: 300, fault: 1 us}\n"
        "steps: []\n")->config;
    cr_expect_eq(c->l1d.array_of[PAGE_4K], PAGE_4K);
    cr_expect_eq(c->l1d.array[PAGE_4K].entries, c->preset->l1d.array[PAGE_4K].entries);
    cr_expect_eq(c->l1d.array_of[PAGE_2M], PAGE_2M);
    cr_expect(c->l1d.array[PAGE_2M].entries == 24 && c->l1d.array[PAGE_2M].ways == 24);
    cr_expect_eq(c->l1d.array[PAGE_2M].policy, POLICY_FIFO);
    cr_expect_eq(c->l1d.array_of[PAGE_1G], TLB_NO_ARRAY);
    cr_expect(c->l1i.array_of[PAGE_4K] == PAGE_4K && c->l1i.array_of[PAGE_1G] == PAGE_4K);
    cr_expect_eq(c->l1i.array_of[PAGE_2M], TLB_NO_ARRAY);
    cr_expect(c->l1i.array[PAGE_4K].entries == 64 && c->l1i.array[PAGE_4K].ways == 4);
    for (unsigned i = 0; i < PAGE_SIZE_COUNT; i++) cr_expect_eq(c->l2.array_of[i], TLB_NO_ARRAY);
    cr_expect(c->psc[PSC_PDE].entries == 12 && c->psc[PSC_PDE].ways == 6);
    cr_expect_eq(c->psc[PSC_PML4E].entries, 0);
    cr_expect_eq(c->price[COST_INVLPG], 300);
    cr_expect_eq(c->price[COST_FAULT], (c->hz + 500000) / 1000000);
    cleanup(&f);
}

/* A page size that shares another's array gets its own; an owner that goes leaves an heir. */
Test(compile, tlb_sharing)
{
    struct fixture f;
    const struct sim_config *c = &compile(&f, HEAD
        "machine: {cpu: {preset: skylake-sp, tlb: {l2: {4 KiB: none, 2 MiB: {policy: random}}}}}\n"
        "steps: []\n")->config;
    const struct tlb_geometry *old = &c->preset->l2.array[PAGE_4K];
    cr_assert_eq(c->preset->l2.array_of[PAGE_2M], PAGE_4K);
    cr_expect_eq(c->l2.array_of[PAGE_4K], TLB_NO_ARRAY);
    cr_expect_eq(c->l2.array_of[PAGE_2M], PAGE_2M);
    cr_expect_eq(c->l2.array[PAGE_2M].entries, old->entries);
    cr_expect_eq(c->l2.array[PAGE_2M].ways, old->ways);
    cr_expect_eq(c->l2.array[PAGE_2M].policy, POLICY_RANDOM);
    cleanup(&f);
}

Test(compile, settings)
{
    struct fixture f;
    const struct program *p = compile(&f, HEAD
        "vars: {count: $base * 2, base: 512}\n"
        "seed: 7\n"
        "machine: {}\n"
        "mm: {system_ptes: $count, nonpaged_pool: 64 MiB, pte_flush: immediate,\n"
        "     pte_policy: next-fit, fragmentation: {kind: checkerboard, run: 4},\n"
        "     zeroed: 100, pte_thresholds: {low: 9}}\n"
        "verifier: {mode: bugcheck, rules: {C4-7C: advice, C4-7D: off, C28145: error},\n"
        "           track_ptes: TRUE}\n"
        "processes:\n"
        "  app: {buffers: {b: {size: 5000, at: 0x20000, touched: true},\n"
        "                  v: {size: 4 KiB, shares: b, protect: PAGE_WRITECOPY}}}\n"
        "  late: {buffers: {b: {size: 4096, commit: false}}}\n"
        "steps: [{assert: $app.b == $late.b}, {assert: $v != $app}]\n");
    const struct sim_config *c = &p->config;
    cr_expect_eq(c->mm.system_ptes, 1024);
    cr_expect_eq(c->mm.threshold_low, 9);
    cr_expect_eq(c->mm.threshold_normal, 16);
    cr_expect_eq(c->mm.nonpaged_pool_bytes, 64 * MIB);
    cr_expect_eq(c->mm.pte_flush, PTE_FLUSH_IMMEDIATE);
    cr_expect_eq(c->mm.pte_policy, PTE_NEXT_FIT);
    cr_expect(c->mm.fragmentation == FRAGMENTATION_CHECKERBOARD && c->mm.fragmentation_run == 4);
    cr_expect_eq(c->mm.seed, 7);
    cr_expect_eq(c->mm.zeroed_percent, 100);
    cr_expect_eq(c->verifier, VERIFIER_BUGCHECK);
    cr_expect_eq(c->rule_levels[rule_find("C4-7C") - rules], LEVEL_ADVICE);
    cr_expect_eq(c->rule_levels[rule_find("C4-7D") - rules], LEVEL_OFF);
    cr_expect_eq(c->rule_levels[rule_find("C28145") - rules], LEVEL_ERROR);
    cr_expect(c->track_ptes && !c->track_locked_pages);
    cr_assert_eq(p->buffer_count, 3);
    cr_expect(p->buffers[0].at == 0x20000 && p->buffers[0].touched);
    cr_expect_eq(p->buffers[0].size_bytes, 5000);
    cr_expect(p->buffers[1].shares == 0 && p->buffers[1].protect == PROT_WRITECOPY);
    cr_expect(!p->buffers[2].commit && p->buffers[2].shares == -1);
    cr_expect(p->processes[1].first_buffer == 2 && p->processes[1].buffer_count == 1);
    const struct expr_node *n = node_at(p, p->steps[0].u.value);
    cr_expect_eq(node_at(p, n->a)->a, p->buffers[0].slot);
    cr_expect_eq(node_at(p, n->b)->a, p->buffers[2].slot);
    cr_expect_eq(p->threads[0].process, 0);
    cleanup(&f);
}

/* HIGH_LEVEL and its neighbours are other numbers on 32 bits. */
Test(compile, irql_by_arch)
{
    static const char *const machines[] = { "{}", "{os: windows-7, arch: x86-pae}" };
    for (unsigned i = 0; i < 2; i++) {
        struct fixture f;
        char text[256];
        snprintf(text, sizeof text, HEAD "machine: %s\nsteps: [{raise_irql: HIGH_LEVEL},"
                 " {raise_irql: CLOCK_LEVEL}, {raise_irql: APC_LEVEL}]\n", machines[i]);
        const struct program *p = compile(&f, text);
        cr_expect_eq(constant_at(p, p->steps[0].u.value), i ? 31 : 15);
        cr_expect_eq(constant_at(p, p->steps[1].u.value), i ? 28 : 13);
        cr_expect_eq(constant_at(p, p->steps[2].u.value), 1);
        cleanup(&f);
    }
}

/* All independent mistakes are found in one pass, in every section. */
Test(compile, all_errors)
{
    static const uint32_t lines[] = { 2, 3, 4, 6, 7, 8, 10, 12, 13, 14, 16 };
    struct fixture f;
    load(&f, "mdlsim: 1\n"
             "nam: x\n"
             "seed: -1\n"
             "vars: {a: 1 / 0}\n"
             "machine:\n"
             "  os: windows-9\n"
             "  ram: 3\n"
             "  cpu: {count: 257}\n"
             "mm:\n"
             "  zeroed: 200\n"
             "steps:\n"
             "  - IoFreeMdl: $nobody\n"
             "  - IoFreeMdl: {Mld: 1}\n"
             "  - let: {x: 1 +}\n"
             "checks:\n"
             "  - stats.nothing > 1\n"
             "name: n\n");
    cr_assert_eq(f.diags.count, COUNT_OF(lines), "%zu", f.diags.count);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        bool found = false;
        for (size_t k = 0; k < f.diags.count; k++) {
            found = found || f.diags.list[k].where.line == lines[i];
            cr_expect(f.diags.list[k].where.column > 0);
        }
        cr_expect(found, "line %u", lines[i]);
    }
    cleanup(&f);
}

/* A mistake in a constant is told once, where it stands, however often it is used. */
Test(compile, constant_error_once)
{
    struct fixture f;
    load(&f, HEAD "vars: {a: $b, b: $c + 1, c: 5 %}\nmachine: {ram: $a}\nsteps: [{delay: $b}]\n");
    cr_assert_eq(f.diags.count, 1);
    cr_expect_str_eq(f.diags.list[0].path, "vars.c");
    cleanup(&f);
}

/* Ten thousand constants, each defined by the next: a message, no deep recursion. */
Test(compile, constant_chain)
{
    struct fixture f;
    struct text text;
    text_init(&text, &test_allocator);
    text_put(&text, HEAD "machine: {}\nsteps: []\nvars:\n");
    for (uint64_t i = 0; i < 9000; i++) text_format(&text, "  v%u: $v%u\n", i, i + 1);
    text_put(&text, "  v9000: 1\n");
    load(&f, text_string(&text));
    cr_assert_gt(f.diags.count, 0);
    cr_expect(strstr(f.diags.list[0].message, "constants use one another"));
    text_free(&text);
    cleanup(&f);
}
