/* `machine`: version of Windows, architecture, preset of the CPU, and what follows from them. */
#include "scenario/compiler.h"

#include <string.h>

static const struct name arch_list[] = {
    { "x64", ARCH_X64, "64 bits, four levels of page tables." },
    { "x64-la57", ARCH_X64_LA57, "64 bits, five levels of page tables." },
    { "x86-pae", ARCH_X86_PAE, "32 bits, three levels of page tables with 64-bit entries." },
    { NULL, 0, NULL },
};
static const struct name memory_type_list[] = {
    { "WB", TYPE_WB, "Write-back." },
    { "WT", TYPE_WT, "Write-through." },
    { "WP", TYPE_WP, "Write-protected." },
    { "WC", TYPE_WC, "Write-combining." },
    { "UC", TYPE_UC, "Uncached." },
    { NULL, 0, NULL },
};
const struct names memory_type_names = { .title = "memory type", .list = memory_type_list };

const struct names arch_names = { .title = "arch", .list = arch_list };

static const char *os_hint(struct compiler *c, const char *word)
{
    const char *words[64];
    size_t count = 0;
    while (os_versions[count].name && count < COUNT_OF(words)) {
        words[count] = os_versions[count].name;
        count++;
    }
    return hint(c, word, words, count);
}

static void compile_os(struct compiler *c, const struct node *node)
{
    struct sim_config *config = &c->program->config;
    config->os = os_find("windows-11");
    c->os_known = true;
    if (!node) return;
    const char *text = expect_text(c, node, "a version of Windows, as windows-10");
    const struct os_version *os = text ? os_find(text) : NULL;
    c->os_known = os != NULL;
    if (os) config->os = os;
    else if (text) {
        report(c, node, "unknown version of Windows '%s': expected one as windows-10%s",
               shown(c, text), os_hint(c, text));
    }
}

static void compile_preset(struct compiler *c, const struct node *cpu)
{
    struct sim_config *config = &c->program->config;
    const struct node *node = cpu ? node_get(cpu, "preset") : NULL;
    config->preset = &cpu_presets[0];
    if (node) {
        const char *words[64];
        size_t count = 0;
        for (; cpu_presets[count].name && count < COUNT_OF(words); count++) {
            words[count] = cpu_presets[count].name;
        }
        const char *text = expect_text(c, node, "the name of a CPU preset");
        const struct cpu_preset *preset = text ? preset_find(text) : NULL;
        if (preset) config->preset = preset;
        else if (text) {
            report(c, node, "unknown CPU preset '%s': `mdlsim list presets` names them%s",
                   shown(c, text), hint(c, text, words, count));
        }
    }
    config->hz = config->preset->hz;
}

/* Which pairs exist: Windows 2000 is 32-bit only, Windows 11 has no 32-bit edition, and five levels
 * need a processor that has them. That Windows uses them from version 2004 on is inferred: no
 * document names the first version. */
static void check_arch(struct compiler *c, const struct node *node)
{
    struct sim_config *config = &c->program->config;
    enum os_rank os = config->os->rank;
    if (!c->os_known) return;
    if (os == OS_2000 && config->arch != ARCH_X86_PAE) {
        report(c, node, "windows-2000 has no arch but x86-pae");
    } else if (os >= OS_11_21H2 && config->arch == ARCH_X86_PAE) {
        report(c, node, "%s has no arch x86-pae: windows-10 is the last that has it",
               config->os->name);
    } else if (config->arch == ARCH_X64_LA57 && os < OS_10_2004) {
        report(c, node, "%s has no arch x64-la57: windows-10-2004 is the first that has it",
               config->os->name);
    } else if (config->arch == ARCH_X64_LA57 && config->preset->levels_max < 5) {
        report(c, node, "the CPU preset '%s' has no five levels of page tables, which x64-la57 "
               "needs; ice-lake-sp has them", config->preset->name);
    }
}

static void compile_arch(struct compiler *c, const struct node *node)
{
    struct sim_config *config = &c->program->config;
    uint64_t arch = ARCH_X64;
    config->arch = c->os_known && config->os->rank == OS_2000 ? ARCH_X86_PAE : ARCH_X64;
    if (!node || !expect_name(c, node, &arch_names, &arch)) return;
    config->arch = (enum arch)arch;
    check_arch(c, node);
}

/* The ends of user space and the start of system space. 64 bits: 8 TiB of user space before Windows
 * 8.1, 128 TiB since (Microsoft, "Memory Limits for Windows Releases"); the last 64 KiB are never
 * user memory, MmUserProbeAddress is where they begin. 32 bits: 2 GiB without /3GB. Where system
 * space of 64-bit Windows starts is inferred from the architecture's canonical addresses. */
static void place_system(struct compiler *c)
{
    struct sim_config *config = &c->program->config;
    struct mm_config *mm = &config->mm;
    mm->is_64_bit = config->arch != ARCH_X86_PAE;
    uint64_t highest, start;
    if (config->arch == ARCH_X86_PAE) {
        highest = 0x7FFEFFFF;
        start = 0x80000000;
    } else if (config->arch == ARCH_X64_LA57) {
        highest = 0x00FFFFFFFFFEFFFF;
        start = 0xFF00000000000000;
    } else if (config->os->rank >= OS_8_1) {
        highest = 0x7FFFFFFEFFFF;
        start = 0xFFFF800000000000;
    } else {
        highest = 0x7FFFFFEFFFF;
        start = 0xFFFF080000000000;
    }
    mm->highest_user = va(highest);
    mm->user_probe = va(highest + 1);
    mm->system_start = va(start);
}

void compile_system(struct compiler *c)
{
    const struct node *machine = node_get(c->root, "machine");
    if (machine && !keys_check(c, machine, "machine")) machine = NULL;
    const struct node *cpu = machine ? node_get(machine, "cpu") : NULL;
    compile_os(c, machine ? node_get(machine, "os") : NULL);
    compile_preset(c, cpu);
    compile_arch(c, machine ? node_get(machine, "arch") : NULL);
    place_system(c);
}
