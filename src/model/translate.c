/* Translation as a processor does it: first-level TLB, second level, paging-structure caches, page
 * walk. Intel SDM volume 3A, 4.10 (caching translation information); AMD APM volume 2, 5.5. */
#include "model/tlb_level.h"

static bool is_canonical(const struct hw *hw, va_t at)
{
    if (hw->mode == PAGING_PAE) return at.v <= UINT32_MAX;
    unsigned bits = hw->mode == PAGING_5_LEVEL ? 57 : 48;
    uint64_t top = at.v >> (bits - 1);
    return top == 0 || top == UINT64_MAX >> (bits - 1);
}

static uint64_t tag_at(const struct hw *hw, va_t at, enum page_size size)
{
    return tlb_tag(page_number(at, size), size, context_at(hw, hw->cpu, at));
}

static bool permits(uint64_t entry, enum access_type type, bool user)
{
    if (user && (entry & PTE_USER) == 0) return false;
    if (type == ACCESS_WRITE) return (entry & PTE_WRITE) != 0;
    return type != ACCESS_EXECUTE || (entry & PTE_NO_EXECUTE) == 0;
}

/* ---- levels ---- */

static uint64_t *level_find(const struct hw *hw, struct tlb_level *level, va_t at,
                            enum page_size *size)
{
    for (unsigned s = PAGE_4K; s < PAGE_SIZE_COUNT; s++) {
        if (level->valid[s] == 0) continue;
        struct tlb_array *a = &level->array[level->array_of[s]];
        uint64_t *data = tlb_array_find(a, page_number(at, s), tag_at(hw, at, s));
        if (data == NULL) continue;
        *size = s;
        return data;
    }
    return NULL;
}

static void level_fill(const struct hw *hw, struct tlb_level *level, va_t at, enum page_size size,
                       uint64_t entry)
{
    if ((level->sizes >> size & 1) == 0) return;
    uint64_t evicted;
    struct tlb_array *a = &level->array[level->array_of[size]];
    level->valid[size]++;
    if (!tlb_array_fill(a, page_number(at, size), tag_at(hw, at, size), entry, &evicted)) return;
    level->valid[tlb_tag_size(evicted)]--;
    level->counts.evictions++;
    level->counts.size_evictions[tlb_tag_size(evicted)]++;
}

/* ---- the walk ---- */

static unsigned shift_of(unsigned level)
{
    return PAGE_SHIFT_BITS + 9 * (level - 1);
}

static uint64_t psc_tag(const struct hw *hw, va_t at, unsigned level)
{
    return tlb_tag(at.v << 7 >> 7 >> shift_of(level), PAGE_4K, context_at(hw, hw->cpu, at));
}

/* Where a walk starts: the deepest table that a paging-structure cache names, else the root. Cache
 * i holds entries of level i + 2 and so names a table of level i + 1. */
static pfn_t walk_start(struct hw *hw, va_t at, unsigned *level)
{
    struct cpu *cpu = hw->cpu;
    for (unsigned i = PSC_PDE; i < PSC_COUNT && i + LEVEL_PD <= hw->top_level; i++) {
        struct tlb_array *a = &cpu->psc[i];
        if (a->sets == 0 || a->valid_count == 0) continue;
        uint64_t tag = psc_tag(hw, at, i + LEVEL_PD);
        const uint64_t *data = tlb_array_find(a, tag, tag);
        if (data == NULL) continue;
        cpu->walks.pscache_hits[i]++;
        cpu->last_walk.cache = i + 1;
        *level = i + LEVEL_PT;
        return pte_pfn(*data);
    }
    cpu->last_walk.cache = 0;
    *level = hw->top_level;
    return cpu->leaves_on == SIDE_KERNEL ? cpu->map->shadow : cpu->map->root;
}

static void psc_fill(struct hw *hw, va_t at, unsigned level, uint64_t entry)
{
    struct tlb_array *a = &hw->cpu->psc[level - LEVEL_PD];
    if (a->sets == 0) return;
    uint64_t tag = psc_tag(hw, at, level), evicted;
    tlb_array_fill(a, tag, tag, entry, &evicted);
}

static bool has_accessed_bit(const struct hw *hw, unsigned level)
{
    return !(hw->mode == PAGING_PAE && level == LEVEL_PDPT);
}

static void fetch_entry(struct hw *hw, unsigned level, pa_t at)
{
    struct cpu *cpu = hw->cpu;
    enum served served = memory_fetch(hw, at);
    cpu->walks.references[level]++;
    cpu->walks.served_by[served]++;
    cpu->last_walk.bottom = level;
    cpu->last_walk.served_by[level] = served;
}

/* The 4 KiB frame of an address in the page that an entry maps. */
static pfn_t leaf_frame(uint64_t entry, unsigned level, va_t at)
{
    struct translation t = { .entry = entry, .level = level };
    return pa_to_pfn(translation_pa(&t, at));
}

/* Walks from the start table to the leaf, setting accessed bits, and the dirty bit for a write that
 * the leaf permits. */
static struct translation walk(struct hw *hw, va_t at, enum access_type type, bool user)
{
    struct cpu *cpu = hw->cpu;
    unsigned level;
    pfn_t table = walk_start(hw, at, &level);
    cpu->walks.count++;
    cpu->last_walk.top = level;
    charge(hw, COST_WALK, 1);
    for (;; level--) {
        size_t index = at.v >> shift_of(level) & 511;
        if (hw->mode == PAGING_PAE && level == LEVEL_PDPT) index &= 3;
        uint64_t *slot = &phys_table(&hw->phys, table)[index];
        if (hw->nested) nested_translate(hw, table);
        fetch_entry(hw, level, pa(pfn_to_pa(table).v + index * sizeof *slot));
        if ((*slot & PTE_PRESENT) == 0)
            return (struct translation){ .fault = FAULT_NOT_PRESENT, .level = level };
        bool leaf = level == LEVEL_PT || (level <= LEVEL_PDPT && (*slot & PTE_LARGE) != 0);
        if (leaf && !permits(*slot, type, user))
            return (struct translation){ *slot, FAULT_PROTECTION, level };
        if (has_accessed_bit(hw, level)) *slot |= PTE_ACCESSED;
        if (leaf) {
            if (type == ACCESS_WRITE) *slot |= PTE_DIRTY;
            if (hw->nested) nested_translate(hw, leaf_frame(*slot, level, at));
            return (struct translation){ *slot, ACCESS_OK, level };
        }
        psc_fill(hw, at, level, *slot);
        table = pte_pfn(*slot);
    }
}

/* The effective type goes into the TLB with the entry. Plain memory is 0. */
static uint64_t type_bits(const struct hw *hw, const struct translation *t, va_t at)
{
    enum memory_type pat = memory_type_of_entry(t->entry, t->level);
    enum memory_type range = memory_type_of_frame(hw, pa_to_pfn(translation_pa(t, at)));
    return (uint64_t)memory_type_effective(pat, range) << TRANSLATION_TYPE_SHIFT;
}

/* The level behind a first one: code may have one of its own. */
static struct tlb_level *second_level(struct cpu *cpu, const struct tlb_level *first)
{
    return first == &cpu->l1i && cpu->l2i.sizes != 0 ? &cpu->l2i : &cpu->l2;
}

static struct translation walk_and_fill(struct hw *hw, struct tlb_level *first, va_t at,
                                        enum access_type type, bool user)
{
    struct translation t = walk(hw, at, type, user);
    if (t.fault != ACCESS_OK) return t;
    t.entry |= type_bits(hw, &t, at);
    enum page_size size = (enum page_size)(t.level - LEVEL_PT);
    level_fill(hw, second_level(hw->cpu, first), at, size, t.entry);
    level_fill(hw, first, at, size, t.entry);
    return t;
}

/* Marking is no use of an entry: the order of replacement stays. */
static void level_mark_dirty(const struct hw *hw, struct tlb_level *level, va_t at)
{
    for (unsigned s = PAGE_4K; s < PAGE_SIZE_COUNT; s++) {
        if ((level->sizes >> s & 1) == 0) continue;
        uint64_t *data = tlb_array_peek(&level->array[level->array_of[s]], page_number(at, s),
                                        tag_at(hw, at, s));
        if (data != NULL) *data |= PTE_DIRTY;
    }
}

/* The first write through an entry whose dirty bit is clear: the processor sets the bit in the page
 * table (SDM 4.8) and in its own copies. */
static void set_dirty(struct hw *hw, struct tlb_level *first, va_t at)
{
    unsigned leaf;
    uint64_t *slot = paging_find(hw, hw->cpu->map, at, &leaf);
    if (slot == NULL || (*slot & PTE_PRESENT) == 0) return; /* stale: nothing in memory to mark */
    *slot |= PTE_DIRTY | PTE_ACCESSED;
    hw->cpu->walks.dirty_updates++;
    charge(hw, COST_PTE_WRITE, 1);
    level_mark_dirty(hw, first, at);
    level_mark_dirty(hw, &hw->cpu->l2, at);
}

/* A hit in one of the levels: permissions, dirty bit. A protection fault drops the entry
 * (SDM 4.10.4.1). */
static struct translation use_entry(struct hw *hw, struct tlb_level *first, va_t at, uint64_t entry,
                                    enum page_size size, enum access_type type, bool user)
{
    struct translation t = { entry, ACCESS_OK, LEVEL_PT + (unsigned)size };
    if (!permits(entry, type, user)) {
        level_drop(first, at, context_at(hw, hw->cpu, at));
        level_drop(second_level(hw->cpu, first), at, context_at(hw, hw->cpu, at));
        t.fault = FAULT_PROTECTION;
    } else if (type == ACCESS_WRITE && (entry & PTE_DIRTY) == 0) {
        set_dirty(hw, first, at);
    }
    return t;
}

static struct translation translate_miss(struct hw *hw, struct tlb_level *first, va_t at,
                                         enum access_type type, bool user)
{
    struct cpu *cpu = hw->cpu;
    first->counts.misses++;
    struct tlb_level *second = second_level(cpu, first);
    if (second->sizes != 0) {
        second->counts.lookups++;
        charge(hw, COST_TLB_MISS, 1);
        enum page_size size;
        const uint64_t *data = level_find(hw, second, at, &size);
        if (data != NULL) {
            uint64_t entry = *data;
            second->counts.hits++;
            second->counts.size_hits[size]++;
            level_fill(hw, first, at, size, entry);
            return use_entry(hw, first, at, entry, size, type, user);
        }
        second->counts.misses++;
    }
    return walk_and_fill(hw, first, at, type, user);
}

static struct tlb_level *first_level(struct cpu *cpu, enum access_type type)
{
    return type == ACCESS_EXECUTE && cpu->l1i.sizes != 0 ? &cpu->l1i : &cpu->l1d;
}

struct translation hw_translate(struct hw *hw, va_t at, enum access_type type, bool user)
{
    struct cpu *cpu = hw->cpu;
    struct tlb_level *first = first_level(cpu, type);
    if (__builtin_expect(!is_canonical(hw, at), 0))
        return (struct translation){ .fault = FAULT_NOT_CANONICAL };
    if (__builtin_expect(cpu->leaves_on == user, 0)) hw_enter(hw, user);
    first->counts.lookups++;
    cpu->last_walk.top = 0;
    enum page_size size;
    const uint64_t *data = level_find(hw, first, at, &size);
    if (__builtin_expect(data != NULL, 1)) {
        first->counts.hits++;
        first->counts.size_hits[size]++;
        return use_entry(hw, first, at, *data, size, type, user);
    }
    return translate_miss(hw, first, at, type, user);
}

struct translation hw_translate_missed(struct hw *hw, va_t at, enum access_type type, bool user)
{
    struct tlb_level *first = first_level(hw->cpu, type);
    first->counts.lookups++;
    hw->cpu->last_walk.top = 0;
    return translate_miss(hw, first, at, type, user);
}

struct translation hw_translate_walk(struct hw *hw, va_t at, enum access_type type, bool user)
{
    struct cpu *cpu = hw->cpu;
    struct tlb_level *first = first_level(cpu, type);
    first->counts.lookups++;
    first->counts.misses++;
    cpu->last_walk.top = 0;
    if (cpu->l2.sizes != 0) {
        cpu->l2.counts.lookups++;
        cpu->l2.counts.misses++;
        charge(hw, COST_TLB_MISS, 1);
    }
    return walk_and_fill(hw, first, at, type, user);
}

struct translation hw_retranslate(struct hw *hw, va_t at, enum access_type type, bool user)
{
    struct cpu *cpu = hw->cpu;
    hw_enter(hw, user);
    if (cpu->last_walk.top != 0) {
        cpu->walks.count--;
        for (unsigned l = cpu->last_walk.bottom; l <= cpu->last_walk.top; l++) {
            cpu->walks.references[l]--;
            cpu->walks.served_by[cpu->last_walk.served_by[l]]--;
        }
        if (cpu->last_walk.cache != 0) cpu->walks.pscache_hits[cpu->last_walk.cache - 1]--;
    }
    return walk_and_fill(hw, first_level(cpu, type), at, type, user);
}

static bool level_holds(const struct hw *hw, const struct tlb_level *level, va_t at)
{
    for (unsigned s = PAGE_4K; s < PAGE_SIZE_COUNT; s++) {
        if ((level->sizes >> s & 1) == 0) continue;
        const struct tlb_array *a = &level->array[level->array_of[s]];
        size_t base = (size_t)tlb_set_of(a, page_number(at, s)) * a->ways;
        for (uint32_t way = 0; way < a->ways; way++)
            if (a->tag[base + way] == tag_at(hw, at, s)) return true;
    }
    return false;
}

bool tlb_holds(const struct hw *hw, va_t at)
{
    return level_holds(hw, &hw->cpu->l1d, at) || level_holds(hw, &hw->cpu->l1i, at) ||
           level_holds(hw, &hw->cpu->l2, at) ||
           level_holds(hw, &hw->cpu->l2i, at);
}
