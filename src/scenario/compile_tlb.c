/* `machine.cpu.tlb`: geometry of the TLBs and paging-structure caches over that of the preset. */
#include "scenario/compiler.h"

#include <string.h>

/* A million entries are more than any processor has; tree PLRU keeps its bits in one word a set. */
enum { ENTRIES_MOST = 1 << 20, PLRU_WAYS_MOST = 64 };

static const char *const page_names[PAGE_SIZE_COUNT] = { "4 KiB", "2 MiB", "1 GiB" };

/* A set is chosen by bits of the page number, so there are a power of two of them. */
static bool expect_sets(struct compiler *c, const struct node *node, uint64_t entries,
                        uint64_t ways)
{
    uint64_t sets = entries / ways;
    if (entries % ways != 0) {
        report(c, node,
               "%u entries cannot be cut into sets of %u ways: expected a multiple of the ways",
               entries, ways);
        return false;
    }
    if ((sets & (sets - 1)) == 0) return true;
    report(c, node, "%u entries of %u ways are %u sets: expected a power of two", entries, ways,
           sets);
    return false;
}

/* Reads {entries, ways, policy} over what is in *g; `g->entries` 0 stands for no array so far. */
static bool read_array(struct compiler *c, const struct node *map, struct tlb_geometry *g)
{
    struct tlb_geometry old = *g;
    uint64_t entries = g->entries, ways = g->ways, policy = g->policy;
    const struct node *entries_node = node_get(map, "entries");
    const struct node *ways_node = node_get(map, "ways");
    const struct node *policy_node = node_get(map, "policy");
    bool full = is_word(ways_node, "full");
    struct range range = { 1, ENTRIES_MOST };
    bool fine = expect_number(c, entries_node, NUMBER_COUNT, range, &entries);
    if (!full) fine = expect_number(c, ways_node, NUMBER_COUNT, range, &ways) && fine;
    if (policy_node) fine = expect_name(c, policy_node, &tlb_policies, &policy) && fine;
    if (!fine) return false;
    if (!entries) {
        report(c, map, "the key 'entries' is missing: the preset has no such array");
        return false;
    }
    bool was_full = old.entries == old.ways && !ways_node;
    if (full || was_full || ways == 0) ways = entries;
    if (!expect_sets(c, entries_node ? entries_node : map, entries, ways)) return false;
    if (policy == POLICY_PLRU && ways > PLRU_WAYS_MOST) {
        report(c, policy_node ? policy_node : map,
               "plru works with at most %u ways, this array has %u", (uint64_t)PLRU_WAYS_MOST,
               ways);
        return false;
    }
    *g = (struct tlb_geometry){ (uint32_t)entries, (uint32_t)ways, (uint32_t)policy };
    return true;
}

/* Takes a page size out of the array that holds it; others that share it keep it. */
static void size_leave(struct tlb_level_geometry *level, unsigned size)
{
    uint8_t array = level->array_of[size];
    level->array_of[size] = TLB_NO_ARRAY;
    if (array != size) return;
    uint8_t heir = TLB_NO_ARRAY;
    for (uint8_t other = 0; other < PAGE_SIZE_COUNT; other++) {
        if (level->array_of[other] != array) continue;
        if (heir == TLB_NO_ARRAY) {
            heir = other;
            level->array[heir] = level->array[array];
        }
        level->array_of[other] = heir;
    }
    level->array[array] = (struct tlb_geometry){ 0 };
}

/* One page size of a level. Who shared another's array gets one of its own with that geometry. */
static void compile_size(struct compiler *c, const struct node *node,
                         struct tlb_level_geometry *level, unsigned size)
{
    if (is_word(node, "none")) {
        size_leave(level, size);
        return;
    }
    uint8_t from = level->array_of[size];
    struct tlb_geometry g = { 0 };
    if (from != TLB_NO_ARRAY) g = level->array[from];
    if (!keys_check(c, node, "machine.cpu.tlb.*.*") || !read_array(c, node, &g)) return;
    level->array[size] = g;
    level->array_of[size] = (uint8_t)size;
}

static bool page_size_of(struct compiler *c, const struct node *node, unsigned *out)
{
    struct value v;
    if (!constant(c, node, &v)) return false;
    *out = v.v == 4 * KIB ? PAGE_4K : v.v == 2 * MIB ? PAGE_2M : v.v == GIB ? PAGE_1G
                                                                          : PAGE_SIZE_COUNT;
    if (*out != PAGE_SIZE_COUNT) return true;
    report(c, node, "expected 4 KiB, 2 MiB or 1 GiB, found %s", found(c, node));
    return false;
}

/* {entries, ways, policy, pages: [...]}: one array for all these page sizes and no other. */
static void compile_unified(struct compiler *c, const struct node *node,
                            struct tlb_level_geometry *level)
{
    bool holds[PAGE_SIZE_COUNT];
    struct tlb_geometry g = { 0 };
    for (unsigned size = PAGE_SIZE_COUNT; size-- > 0;) {
        holds[size] = level->array_of[size] != TLB_NO_ARRAY;
        if (holds[size]) g = level->array[level->array_of[size]];
    }
    const struct node *pages = node_get(node, "pages");
    if (pages && expect_list(c, pages, "a list of page sizes")) {
        memset(holds, 0, sizeof holds);
        for (size_t i = 0; i < pages->count; i++) {
            unsigned size;
            if (!page_size_of(c, pages->items[i], &size)) continue;
            if (holds[size])
                report(c, pages->items[i], "page size %s a second time", found(c, pages->items[i]));
            holds[size] = true;
        }
    }
    if (!read_array(c, node, &g)) return;
    uint8_t first = TLB_NO_ARRAY;
    for (uint8_t size = 0; size < PAGE_SIZE_COUNT; size++) {
        if (holds[size] && first == TLB_NO_ARRAY) first = size;
        level->array_of[size] = holds[size] ? first : TLB_NO_ARRAY;
        level->array[size] = (struct tlb_geometry){ 0 };
    }
    if (first != TLB_NO_ARRAY) level->array[first] = g;
    else report(c, pages ? pages : node, "expected at least one page size in 'pages'");
}

static void level_clear(struct tlb_level_geometry *level)
{
    memset(level->array, 0, sizeof level->array);
    memset(level->array_of, TLB_NO_ARRAY, sizeof level->array_of);
}

static const struct name index_list[] = {
    { "modulo", 0, "Number of the page or line modulo that of sets." },
    { "hash", 1, "A hash of the whole number." },
    { NULL, 0, NULL },
};
const struct names index_names = { .title = "index", .list = index_list };

static void compile_level(struct compiler *c, const struct node *node,
                          struct tlb_level_geometry *level)
{
    if (!node) return;
    if (is_word(node, "none")) {
        level_clear(level);
        return;
    }
    if (!keys_check(c, node, "machine.cpu.tlb.*")) return;
    bool unified = node_get(node, "entries") || node_get(node, "ways") ||
                   node_get(node, "policy") || node_get(node, "pages");
    for (unsigned size = 0; size < PAGE_SIZE_COUNT; size++) {
        const struct node *array = node_get(node, page_names[size]);
        if (array && unified) {
            report(c, array, "give either one array for all 'pages' or one for each page size");
        } else if (array) {
            compile_size(c, array, level, size);
        }
    }
    if (unified) compile_unified(c, node, level);
    uint64_t hashed = level->hashed;
    const struct node *index = node_get(node, "index");
    if (index && expect_name(c, index, &index_names, &hashed)) level->hashed = hashed != 0;
}

static void compile_psc(struct compiler *c, const struct node *psc)
{
    static const char *const names[PSC_COUNT] = { [PSC_PDE] = "pd", [PSC_PDPTE] = "pdpt",
                                                  [PSC_PML4E] = "pml4", [PSC_PML5E] = "pml5" };
    if (!psc || !keys_check(c, psc, "machine.cpu.tlb.psc")) return;
    for (unsigned i = 0; i < PSC_COUNT; i++) {
        const struct node *node = node_get(psc, names[i]);
        struct tlb_geometry *g = &c->program->config.psc[i];
        if (!node) continue;
        if (is_word(node, "none")) *g = (struct tlb_geometry){ 0 };
        else if (keys_check(c, node, "machine.cpu.tlb.*.*")) read_array(c, node, g);
    }
}

void compile_tlb(struct compiler *c, const struct node *tlb)
{
    struct sim_config *config = &c->program->config;
    if (!keys_check(c, tlb, "machine.cpu.tlb")) return;
    compile_level(c, node_get(tlb, "l1d"), &config->l1d);
    compile_level(c, node_get(tlb, "l1i"), &config->l1i);
    compile_level(c, node_get(tlb, "l2"), &config->l2);
    compile_level(c, node_get(tlb, "l2i"), &config->l2i);
    compile_psc(c, node_get(tlb, "psc"));
}
