/* `mm`: settings of the memory manager, and where the regions of system space lie. All that is not
 * said in a document of Microsoft's is a parameter of the model, named as such. */
#include "scenario/compiler.h"

/* Where a region of system space begins and the most it may grow to: the next one follows. Of
 * 64-bit Windows only the order of magnitude is documented (regions move with every start since
 * Windows 10 1607); the bases are parameters of the model. */
struct layout {
    uint64_t paged, nonpaged, syspte, stacks, objects;
    uint64_t nonpaged_end, paged_end, syspte_end;
};

static const struct layout layout_64 = {
    .paged = 0xFFFF9A0000000000, .paged_end = 0xFFFFAE0000000000,
    .nonpaged = 0xFFFFAE0000000000, .nonpaged_end = 0xFFFFB08000000000,
    .syspte = 0xFFFFB08000000000, .syspte_end = 0xFFFFC08000000000,
    .stacks = 0xFFFFD00000000000, .objects = 0xFFFFE00000000000,
};

/* The order of 32-bit Windows: nonpaged pool low, page tables mapped at 0xC0000000. */
static const struct layout layout_32 = {
    .nonpaged = 0x81000000, .nonpaged_end = 0xA0000000,
    .paged = 0xA0000000, .paged_end = 0xC0000000,
    .syspte = 0xC1000000, .syspte_end = 0xF9000000,
    .stacks = 0xF9000000, .objects = 0xFE000000,
};

static const struct name flush_list[] = {
    { "deferred", PTE_FLUSH_DEFERRED, "When freed system PTEs are used again." },
    { "immediate", PTE_FLUSH_IMMEDIATE, "As they are freed." },
    { NULL, 0, NULL },
};
static const struct names flush_names = { .title = "pte_flush", .list = flush_list };

static const struct name lock_list[] = {
    { "exclusive", false, "One holder, whatever it changes." },
    { "shared", true, "Those who change pages but no ranges share it." },
    { NULL, 0, NULL },
};
static const struct names lock_names = { .title = "address_space_lock", .list = lock_list };

static const struct name policy_list[] = {
    { "first-fit", PTE_FIRST_FIT, "The lowest run that is long enough." },
    { "best-fit", PTE_BEST_FIT, "The shortest run that is long enough." },
    { "next-fit", PTE_NEXT_FIT, "The next run after the last one given out." },
    { NULL, 0, NULL },
};
static const struct names policy_names = { .title = "pte_policy", .list = policy_list };

static const struct name fragmentation_list[] = {
    { "none", FRAGMENTATION_NONE, "Free frames lie in order." },
    { "shuffled", FRAGMENTATION_SHUFFLED, "Free frames are taken in a seeded random order." },
    { "checkerboard", FRAGMENTATION_CHECKERBOARD, "The system holds every second run." },
    { NULL, 0, NULL },
};
static const struct names fragmentation_names = { .title = "fragmentation",
                                                  .list = fragmentation_list };

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What the system holds of RAM at the start, from the lowest frames: 1/64, at least 1 MiB, at most
 * 64 MiB. A parameter of the model. */
static uint64_t system_pages_of(uint64_t ram_pages)
{
    uint64_t pages = ram_pages / 64;
    return pages < 256 ? 256 : lesser(pages, 16384);
}

/* 64 bits: 16 TiB of system PTEs since Windows 8.1, 128 GiB before (Windows Internals 6 and 7, on
 * system address space). 32 bits: about 660 MiB, less on machines below 256 MiB. */
static uint64_t system_ptes_default(const struct sim_config *config)
{
    if (config->arch == ARCH_X86_PAE) return config->ram_bytes < 256 * MIB ? 44000 : 169000;
    return config->os->rank >= OS_8_1 ? UINT64_C(1) << 32 : UINT64_C(1) << 25;
}

/* Nonpaged pool may take 3/4 of RAM ("Memory Limits for Windows Releases"), on 32 bits 256 MiB at
 * most; paged pool is limited by its region: 384 GiB, 470 MiB on 32 bits. */
static void pools_default(struct sim_config *config, const struct layout *layout)
{
    struct mm_config *mm = &config->mm;
    uint64_t ram = config->ram_bytes & ~PAGE_MASK;
    uint64_t nonpaged, paged;
    if (mm->is_64_bit) {
        nonpaged = lesser(ram / 4 * 3, layout->nonpaged_end - layout->nonpaged);
        paged = lesser(ram > UINT64_MAX / 2 ? ram : ram * 2, 384 * GIB);
    } else {
        nonpaged = lesser(ram / 4, 256 * MIB);
        paged = lesser(ram * 2, 470 * MIB);
    }
    mm->nonpaged_pool_bytes = nonpaged & ~PAGE_MASK;
    mm->paged_pool_bytes = paged & ~PAGE_MASK;
}

static void compile_pool(struct compiler *c, const struct node *node, uint64_t room,
                         uint64_t *bytes)
{
    if (!expect_number(c, node, NUMBER_SIZE, (struct range){ PAGE_BYTES, room }, bytes)) return;
    if (node && *bytes & PAGE_MASK) {
        report(c, node, "expected a multiple of 4 KiB, found %s", found(c, node));
    }
}

/* No document tells the thresholds: Low fails when fewer than 512 PTEs would be left, Normal at 64,
 * in small regions at a sixteenth and a 64th of them. Parameters of the model. A scenario's may be
 * above the number of PTEs: then such requests always fail. */
static void compile_thresholds(struct compiler *c, const struct node *node)
{
    struct mm_config *mm = &c->program->config.mm;
    mm->threshold_low = lesser(512, mm->system_ptes / 16);
    mm->threshold_normal = lesser(64, mm->system_ptes / 64);
    if (!node || !keys_check(c, node, "mm.pte_thresholds")) return;
    struct range range = { 0, UINT32_MAX };
    expect_number(c, node_get(node, "low"), NUMBER_COUNT, range, &mm->threshold_low);
    expect_number(c, node_get(node, "normal"), NUMBER_COUNT, range, &mm->threshold_normal);
}

static void compile_fragmentation(struct compiler *c, const struct node *node)
{
    struct mm_config *mm = &c->program->config.mm;
    mm->fragmentation = FRAGMENTATION_NONE;
    mm->fragmentation_seed = c->program->config.seed;
    mm->fragmentation_run = 1;
    if (!node) return;
    uint64_t kind = FRAGMENTATION_NONE;
    if (node->kind == NODE_SCALAR && node->length) {
        if (expect_name(c, node, &fragmentation_names, &kind)) mm->fragmentation = (uint32_t)kind;
        return;
    }
    if (!keys_check(c, node, "mm.fragmentation")) return;
    const struct node *kind_node = node_get(node, "kind");
    const struct node *seed = node_get(node, "seed"), *run = node_get(node, "run");
    if (!kind_node || !expect_name(c, kind_node, &fragmentation_names, &kind)) return;
    mm->fragmentation = (uint32_t)kind;
    if (seed && kind != FRAGMENTATION_SHUFFLED) report(c, seed, "only shuffled has a seed");
    if (run && kind != FRAGMENTATION_CHECKERBOARD) report(c, run, "only checkerboard has a run");
    expect_number(c, seed, NUMBER_COUNT, (struct range){ 0, UINT64_MAX }, &mm->fragmentation_seed);
    expect_number(c, run, NUMBER_COUNT, (struct range){ 1, UINT32_MAX }, &mm->fragmentation_run);
}

static void compile_later(struct compiler *c, const struct node *mm)
{
    const struct node *node = node_get(mm, "pagefile");
    if (node) report(c, node, "paging files are not there yet");
    node = node_get(mm, "working_set");
    if (node) report(c, node, "limits of working sets are not there yet");
}

static void place_regions(struct compiler *c, const struct layout *layout)
{
    struct mm_config *mm = &c->program->config.mm;
    mm->syspte_base = va(layout->syspte);
    mm->nonpaged_base = va(layout->nonpaged);
    mm->paged_base = va(layout->paged);
    mm->stack_base = va(layout->stacks);
    mm->object_base = va(layout->objects);
}

/* The system's own frames, and one besides, must be there. */
static void check_ram(struct compiler *c)
{
    struct sim_config *config = &c->program->config;
    uint64_t pages = config->ram_bytes / PAGE_BYTES;
    config->mm.system_pages = system_pages_of(pages);
    const struct node *machine = node_get(c->root, "machine");
    const struct node *ram = machine ? node_get(machine, "ram") : NULL;
    if (!ram || !config->ram_count || pages > config->mm.system_pages) return;
    report(c, ram, "%u pages of RAM are too few: the system itself takes %u at the start", pages,
           config->mm.system_pages);
}

void compile_mm(struct compiler *c)
{
    struct sim_config *config = &c->program->config;
    struct mm_config *mm = &config->mm;
    const struct layout *layout = mm->is_64_bit ? &layout_64 : &layout_32;
    const struct node *node = node_get(c->root, "mm");
    static const struct node nothing = { .kind = NODE_MAP };
    if (!node || !keys_check(c, node, "mm")) node = &nothing;
    place_regions(c, layout);
    check_ram(c);
    mm->seed = config->seed;
    uint64_t room = (layout->syspte_end - layout->syspte) / PAGE_BYTES;
    mm->system_ptes = system_ptes_default(config);
    expect_number(c, node_get(node, "system_ptes"), NUMBER_COUNT, (struct range){ 1, room },
                  &mm->system_ptes);
    pools_default(config, layout);
    compile_pool(c, node_get(node, "nonpaged_pool"), layout->nonpaged_end - layout->nonpaged,
                 &mm->nonpaged_pool_bytes);
    compile_pool(c, node_get(node, "paged_pool"), layout->paged_end - layout->paged,
                 &mm->paged_pool_bytes);
    compile_thresholds(c, node_get(node, "pte_thresholds"));
    uint64_t flush = PTE_FLUSH_DEFERRED, policy = PTE_FIRST_FIT, shared = false;
    if (node_get(node, "pte_flush")) {
        expect_name(c, node_get(node, "pte_flush"), &flush_names, &flush);
    }
    if (node_get(node, "pte_policy")) {
        expect_name(c, node_get(node, "pte_policy"), &policy_names, &policy);
    }
    if (node_get(node, "address_space_lock")) {
        expect_name(c, node_get(node, "address_space_lock"), &lock_names, &shared);
    }
    mm->shares_space_lock = shared != 0;
    mm->pte_flush = (uint32_t)flush;
    mm->pte_policy = (uint32_t)policy;
    mm->large_pages = false; /* so that each page has an entry of its own unless asked otherwise */
    expect_bool(c, node_get(node, "large_pages"), &mm->large_pages);
    compile_fragmentation(c, node_get(node, "fragmentation"));
    mm->zeroed_percent = 50; /* a parameter of the model */
    expect_number(c, node_get(node, "zeroed"), NUMBER_COUNT, (struct range){ 0, 100 },
                  &mm->zeroed_percent);
    /* Linux flushes longer ranges whole, too (tlb_single_page_flush_ceiling); Windows' own number
     * is not documented. */
    uint64_t threshold = 33;
    expect_number(c, node_get(node, "flush_threshold"), NUMBER_COUNT,
                  (struct range){ 0, UINT32_MAX }, &threshold);
    config->flush_threshold_pages = (uint32_t)threshold;
    compile_later(c, node);
}
