/* The keys of a scenario: one table a mapping (scenario format, sections 2 to 8), and the check
 * that a mapping holds no other. */
#include "scenario/compiler.h"

#include <string.h>

#define END { NULL, NULL, false, NULL }

static const struct scenario_key top_keys[] = {
    { "mdlsim", "the integer 1", true, "Version of the scenario format." },
    { "name", "a text", true, "One line for people." },
    { "description", "a text", false, "What the scenario shows." },
    { "include", "a list", false, "Scenario fragments, merged key by key; this file wins." },
    { "vars", "a mapping", false, "Named constants, used as $name." },
    { "seed", "an integer", false, "Seed of everything random; 1 unless given." },
    { "machine", "a mapping", true, "The simulated computer and its operating system." },
    { "mm", "a mapping", false, "Settings of the memory manager." },
    { "verifier", "a mapping", false, "What is checked, and what a violation does." },
    { "processes", "a mapping", false, "User processes and their buffers." },
    { "procedures", "a mapping", false, "Named lists of steps, called by `do`." },
    { "threads", "a mapping", false, "Named threads with their own steps." },
    { "steps", "a list", false, "Steps of the one thread `main`." },
    { "checks", "a list", false, "Expressions that must hold at the end." },
    { "shared", "a list", false, "Names that all threads bind and see in common." },
    { "tags", "a list", false, "Words for `mdlsim verify --tag`." },
    END,
};

static const struct scenario_key machine_keys[] = {
    { "os", "a version of Windows", false, "Which routines exist, their limits and rules." },
    { "arch", "x64, x64-la57 or x86-pae", false, "Paging mode and size of a pointer." },
    { "cpu", "a mapping", false, "A preset, and single values that override it." },
    { "ram", "a size or a list", false, "How much memory there is and where it lies." },
    { "memory_types", "a list", false, "Types that range registers give to physical memory." },
    { "devices", "a mapping", false, "Devices and their BARs." },
    END,
};

static const struct scenario_key cpu_keys[] = {
    { "preset", "a name", false, "A whole CPU: geometry and prices." },
    { "count", "an integer", false, "Number of processors." },
    { "sockets", "an integer", false, "Packages that the processors fill one after the other." },
    { "pcid", "true, false or an integer", false, "Address spaces that a processor keeps apart." },
    { "kpti", "true or false", false, "KVA shadow: user mode has tables of its own." },
    { "broadcast_invalidation", "true or false", false, "Flushes go by INVLPGB." },
    { "tlb", "a mapping", false, "Arrays of the TLBs." },
    { "caches", "a mapping or none", false, "Caches and memory: geometry, latencies." },
    { "walkers", "an integer", false, "Page walks that a processor makes at once, 1 to 16." },
    { "nested", "true or false", false, "The machine is a guest: a host translates, too." },
    { "costs", "a mapping", false, "Prices in cycles by name of the cost." },
    END,
};

static const struct scenario_key tlb_keys[] = {
    { "l1d", "a mapping", false, "First-level TLB of data." },
    { "l1i", "a mapping", false, "First-level TLB of code." },
    { "l2", "a mapping or none", false, "Second-level TLB of data, and of code without an l2i." },
    { "l2i", "a mapping or none", false, "Second-level TLB of code." },
    { "psc", "a mapping", false, "Paging-structure caches." },
    END,
};

static const struct scenario_key level_keys[] = {
    { "4 KiB", "a mapping or none", false, "Array of the 4 KiB pages." },
    { "2 MiB", "a mapping or none", false, "Array of the 2 MiB pages." },
    { "1 GiB", "a mapping or none", false, "Array of the 1 GiB pages." },
    { "entries", "an integer", false, "Entries of one array that all `pages` share." },
    { "ways", "an integer or full", false, "Its ways." },
    { "policy", "a word", false, "Which entry it evicts." },
    { "pages", "a list", false, "The page sizes that it holds." },
    { "index", "modulo or hash", false, "How a page number chooses its set." },
    END,
};

static const struct scenario_key type_keys[] = {
    { "base", "an address", true, "Physical address of its first byte." },
    { "size", "a size", true, "Its bytes." },
    { "type", "WB, WT, WP, WC or UC", true, "The memory type." },
    END,
};

static const struct scenario_key array_keys[] = {
    { "entries", "an integer", false, "Entries of the array." },
    { "ways", "an integer or full", false, "Ways of a set." },
    { "policy", "a word", false, "Which entry is evicted: lru, plru, fifo or random." },
    END,
};

static const struct scenario_key psc_keys[] = {
    { "pml5", "a mapping or none", false, "Cache of PML5 entries." },
    { "pml4", "a mapping or none", false, "Cache of PML4 entries." },
    { "pdpt", "a mapping or none", false, "Cache of PDPT entries." },
    { "pd", "a mapping or none", false, "Cache of PD entries." },
    END,
};

static const struct scenario_key caches_keys[] = {
    { "l1d", "a mapping or none", false, "First-level cache of each processor." },
    { "l2", "a mapping or none", false, "Second-level cache of each processor." },
    { "l3", "a mapping or none", false, "Third-level cache, shared." },
    { "memory", "a mapping", false, "What no cache serves." },
    END,
};

static const struct scenario_key cache_keys[] = {
    { "size", "a size", false, "Its bytes, in lines of 64." },
    { "ways", "an integer", false, "Lines of a set." },
    { "policy", "a word", false, "Which line is evicted: lru, plru, fifo or random." },
    { "latency", "cycles or a time", false, "What an access costs that it serves." },
    { "cpus", "an integer", false, "Of l3: processors that share one." },
    { "index", "modulo or hash", false, "Of l3: how a line chooses its set." },
    END,
};

static const struct scenario_key cache_memory_keys[] = {
    { "latency", "cycles or a time", false, "What an access costs that memory serves." },
    END,
};

static const struct scenario_key ram_keys[] = {
    { "base", "an address", true, "Physical address of the range." },
    { "size", "a size", true, "Its bytes." },
    { "node", "an integer", false, "NUMA node, 0 to 63; 0 unless given." },
    END,
};

static const struct scenario_key device_keys[] = {
    { "bars", "a list", false, "Ranges of device memory." },
    { "dma", "a mapping", false, "What the device can reach." },
    END,
};

static const struct scenario_key bar_keys[] = {
    { "base", "an address", false, "Physical address; chosen in the MMIO hole when left out." },
    { "size", "a size", true, "Its bytes." },
    { "prefetchable", "true or false", false, "Reading has no side effects." },
    { "name", "a text", false, "For people." },
    END,
};

static const struct scenario_key mm_keys[] = {
    { "system_ptes", "an integer", false, "PTEs of the system mapping region." },
    { "nonpaged_pool", "a size", false, "Most that nonpaged pool may grow to." },
    { "paged_pool", "a size", false, "Most that paged pool may grow to." },
    { "pte_flush", "deferred or immediate", false, "When freed system PTEs are flushed." },
    { "pte_policy", "a word", false, "Which free run serves a request." },
    { "pte_thresholds", "a mapping", false, "Free PTEs that a request must leave, by priority." },
    { "pagefile", "a mapping", false, "Size and latencies of the paging file." },
    { "working_set", "a mapping", false, "Limits of working sets." },
    { "fragmentation", "none or a mapping", false, "How free frames lie at the start." },
    { "zeroed", "an integer", false, "Per cent of free frames that start zeroed." },
    { "large_pages", "true or false", false, "Map large ranges by large pages." },
    { "flush_threshold", "an integer", false, "Longer ranges in pages flush the whole TLB." },
    { "address_space_lock", "exclusive or shared", false, "How changes of pages hold it." },
    END,
};

static const struct scenario_key threshold_keys[] = {
    { "low", "an integer", false, "A LowPagePriority request must leave so many." },
    { "normal", "an integer", false, "A NormalPagePriority request must leave so many." },
    END,
};

static const struct scenario_key fragmentation_keys[] = {
    { "kind", "none, shuffled or checkerboard", true, "The pattern." },
    { "seed", "an integer", false, "Of shuffled; the scenario's seed unless given." },
    { "run", "an integer", false, "Of checkerboard: frames of each run; 1 unless given." },
    END,
};

static const struct scenario_key verifier_keys[] = {
    { "mode", "report, bugcheck or off", false, "What a violation does." },
    { "rules", "a mapping", false, "Level by id of the rule: on, error, advice or off." },
    { "track_ptes", "true or false", false, "Tracks the use of system PTEs." },
    { "track_locked_pages", "true or false", false, "Tracks locked pages." },
    END,
};

static const struct scenario_key process_keys[] = {
    { "working_set", "a mapping", false, "Limits of the working set." },
    { "buffers", "a mapping", false, "User memory that exists before the first step." },
    END,
};

static const struct scenario_key buffer_keys[] = {
    { "size", "a size", true, "Its bytes." },
    { "protect", "a protection", false, "PAGE_READWRITE unless given." },
    { "at", "an address", false, "A multiple of 64 KiB; chosen when left out." },
    { "commit", "true or false", false, "false: the addresses are reserved only." },
    { "touched", "true or false", false, "true: its pages are resident." },
    { "pages", "4 KiB, 2 MiB or 1 GiB", false, "Size of its pages; large ones are resident." },
    { "shares", "a buffer", false, "Another buffer whose pages it maps." },
    END,
};

static const struct scenario_key procedure_keys[] = {
    { "parameters", "a list", false, "Names that a caller gives values to." },
    { "steps", "a list", true, "What it does." },
    END,
};

static const struct scenario_key thread_keys[] = {
    { "process", "a name", false, "System, or the process it runs in; the first unless given." },
    { "cpu", "an integer", false, "The processor it runs on; 0 unless given." },
    { "irql", "an IRQL", false, "PASSIVE_LEVEL unless given." },
    { "mode", "kernel or user", false, "Mode of its memory accesses." },
    { "context", "a mapping", false, "Driver model and callback, for rules that depend on them." },
    { "steps", "a list", true, "What it does." },
    END,
};

static const struct scenario_key context_keys[] = {
    { "model", "wdm, kmdf or storport", false, "The driver model." },
    { "callback", "a name", false, "The callback it runs in." },
    END,
};

static const struct scenario_key access_keys[] = {
    { "address", "an address", true, "Of the first byte." },
    { "length", "a size", false, "Bytes in all; one `size` unless given." },
    { "stride", "a size", false, "From the start of one place to the next." },
    { "size", "a size", false, "Bytes of each access; 8 unless given." },
    { "count", "an integer", false, "Number of accesses." },
    { "pattern", "sequential, random or chase", false, "The order of the places." },
    { "overlap", "an integer", false, "Accesses under way at once; 1 unless given." },
    { "data_caches", "true or false", false, "False: the first level serves all data." },
    { "value", "an integer", false, "A write stores it, a read must find it." },
    { "mode", "kernel or user", false, "The thread's unless given." },
    END,
};

static const struct scenario_key copy_keys[] = {
    { "from", "an address", true, "Where it reads." },
    { "to", "an address", true, "Where it writes." },
    { "length", "a size", true, "Bytes." },
    END,
};

static const struct scenario_key replay_keys[] = {
    { "file", "a file name", true, "A memory-access trace, relative to the scenario." },
    { "format", "a word", false, "Told by the content unless given." },
    { "process", "a name", false, "The thread's unless given." },
    { "buffer", "a buffer", false, "Where the addresses go; as in the trace unless given." },
    { "address_base", "an address", false,
      "Added to each address; beside `buffer` what lies at its start." },
    { "only", "data or instruction", false, "The records that are replayed; all unless given." },
    { "pages", "a size or thp", false, "Pages of what nothing has reserved; 4 KiB unless given." },
    { "skip", "an integer", false, "Records that are passed over at first." },
    { "warm_up", "an integer", false, "Records that are replayed, then, without being counted." },
    { "limit", "an integer", false, "Most records that are measured; all unless given." },
    { "on_error", "stop or skip", false, "What a bad line or record does; stop unless given." },
    { "data_caches", "true or false", false, "Data goes through the caches, not walks alone." },
    { "phases", "a list or a mapping", false, "Parts that have statistics of their own." },
    { "curves", "a mapping", false, "Misses of arrays of all numbers of ways, in one pass." },
    END,
};

static const struct scenario_key phase_keys[] = {
    { "name", "a name", true, "Its statistics under stats.accesses." },
    { "count", "an integer", false, "Records; the last phase may take all that are left." },
    END,
};

static const struct scenario_key curves_keys[] = {
    { "page_sizes", "a list", false, "Of 4 KiB, 2 MiB and 1 GiB; 4 KiB unless given." },
    { "max_entries", "an integer", false, "Sets times ways, at most; 16384 unless given." },
    { "sets", "a list", false, "Numbers of sets, powers of two; 1 unless given." },
    { "sample", "1/N", false, "Only one of N pages is followed, and the rest estimated." },
    END,
};

static const struct scenario_key repeat_keys[] = {
    { "count", "an integer", true, "Rounds." },
    { "index", "a name", false, "Bound to the number of the round, from 0." },
    { "every", "a time or {poisson: a time}", false, "Starts rounds at these times." },
    { "do", "a list", true, "The steps of a round." },
    END,
};

static const struct scenario_key every_keys[] = {
    { "poisson", "a time", true, "Mean of seeded random intervals." },
    END,
};

static const struct scenario_key while_keys[] = {
    { "that", "an expression", true, "Goes on as long as it is true." },
    { "limit", "an integer", false, "More rounds are an error; 1,000,000 unless given." },
    { "do", "a list", true, "The steps of a round." },
    END,
};

static const struct scenario_key if_keys[] = {
    { "that", "an expression", true, "What decides." },
    { "then", "a list", true, "Steps when it is true." },
    { "else", "a list", false, "Steps when it is false." },
    END,
};

static const struct scenario_key span_keys[] = {
    { "name", "a name", true, "Its series under stats.latency." },
    { "do", "a list", true, "The steps that are timed." },
    END,
};

static const struct scenario_key signal_keys[] = {
    { "event", "a name", true, "What is signalled." },
    { "count", "an integer", false, "How often; 1 unless given." },
    END,
};

static const struct scenario_key apc_keys[] = {
    { "thread", "a name", true, "The thread that runs the procedure." },
    { "procedure", "a name", true, "What it runs." },
    { "with", "a mapping", false, "Parameters of the procedure, computed as the APC is queued." },
    { "kind", "special or normal", false, "Of the kernel APC; normal unless given." },
    END,
};

static const struct scenario_key expect_keys[] = {
    { "returns", "a value", false, "What the routine returns." },
    { "status", "an NTSTATUS", false, "The status that it returns." },
    { "raises", "an NTSTATUS", false, "The exception that it raises." },
    { "bugcheck", "a code or a mapping", false, "The bug check by which the system stops." },
    { "violation", "a rule", false, "The rule that the step breaks." },
    { "that", "an expression", false, "True after the step." },
    { "any", "a list", false, "Expectations of which one must hold." },
    END,
};

static const struct scenario_key bugcheck_keys[] = {
    { "code", "a code", true, "The bug check." },
    { "p1", "an integer", false, "First parameter." },
    { "p2", "an integer", false, "Second parameter." },
    { "p3", "an integer", false, "Third parameter." },
    { "p4", "an integer", false, "Fourth parameter." },
    END,
};

const struct scenario_section scenario_sections[] = {
    { "", top_keys },
    { "machine", machine_keys },
    { "machine.cpu", cpu_keys },
    { "machine.cpu.tlb", tlb_keys },
    { "machine.cpu.tlb.*", level_keys },
    { "machine.cpu.tlb.*.*", array_keys },
    { "machine.cpu.tlb.psc", psc_keys },
    { "machine.cpu.caches", caches_keys },
    { "machine.cpu.caches.*", cache_keys },
    { "machine.cpu.caches.memory", cache_memory_keys },
    { "machine.ram[]", ram_keys },
    { "machine.memory_types[]", type_keys },
    { "machine.devices.*", device_keys },
    { "machine.devices.*.bars[]", bar_keys },
    { "mm", mm_keys },
    { "mm.pte_thresholds", threshold_keys },
    { "mm.fragmentation", fragmentation_keys },
    { "verifier", verifier_keys },
    { "processes.*", process_keys },
    { "processes.*.buffers.*", buffer_keys },
    { "procedures.*", procedure_keys },
    { "threads.*", thread_keys },
    { "threads.*.context", context_keys },
    { "access", access_keys },
    { "copy", copy_keys },
    { "replay", replay_keys },
    { "replay.phases[]", phase_keys },
    { "replay.curves", curves_keys },
    { "repeat", repeat_keys },
    { "repeat.every", every_keys },
    { "while", while_keys },
    { "if", if_keys },
    { "span", span_keys },
    { "signal", signal_keys },
    { "queue_apc", apc_keys },
    { "expect", expect_keys },
    { "expect.bugcheck", bugcheck_keys },
    { NULL, NULL },
};

static const struct scenario_key *section_keys(const char *section)
{
    const struct scenario_section *s = scenario_sections;
    while (s->name && strcmp(s->name, section) != 0) s++;
    return s->keys;
}

bool key_is_own(const char *key)
{
    return key[0] == 'x' && key[1] == '-';
}

const char *hint_section(struct compiler *c, const char *word, const char *section)
{
    const struct scenario_key *keys = section_keys(section);
    size_t count = 0;
    while (keys[count].key) count++;
    const char **words = arena_new(c->arena, count + 1, sizeof *words);
    for (size_t i = 0; i < count; i++) words[i] = keys[i].key;
    return hint_or_all(c, word, words, count);
}

bool keys_check(struct compiler *c, const struct node *map, const char *section)
{
    if (!expect_map(c, map, "a mapping")) return false;
    const struct scenario_key *keys = section_keys(section);
    for (size_t i = 0; i < map->count; i++) {
        const struct scenario_key *k = keys;
        while (k->key && strcmp(k->key, map->keys[i]) != 0) k++;
        if (k->key || key_is_own(map->keys[i])) continue;
        report_key(c, map, i, "unknown key '%s'%s", shown(c, map->keys[i]),
                   hint_section(c, map->keys[i], section));
    }
    for (const struct scenario_key *k = keys; k->key; k++) {
        if (!k->required || node_get(map, k->key)) continue;
        report(c, map, "the key '%s' is missing: %s is expected", k->key, k->type);
    }
    return true;
}
