/* Translation as a processor does it: first-level TLB, second level, paging-structure caches, page
 * walk. Intel SDM volume 3A, 4.10 (caching translation information); AMD APM volume 2, 5.5. */
#include "model/lookup.h"

/* ---- levels ---- */

static uint64_t *level_find(struct tlb_level *level, const struct lookup *l, enum page_size *size)
{
    for (unsigned s = PAGE_4K; s < PAGE_SIZE_COUNT; s++) {
        if (level->valid[s] == 0) continue;
        struct tlb_array *a = &level->array[level->array_of[s]];
        uint32_t set = tlb_set_of(a, page_number(l->at, s));
        uint64_t *data = tlb_array_use(a, set, tag_of(l, s));
        if (data == NULL) continue;
        *size = s;
        return data;
    }
    return NULL;
}

static void level_fill(struct tlb_level *level, const struct lookup *l, enum page_size size,
                       uint64_t entry)
{
    if ((level->sizes >> size & 1) == 0) return;
    struct tlb_array *a = &level->array[level->array_of[size]];
    uint32_t set = tlb_set_of(a, page_number(l->at, size));
    uint64_t evicted = tlb_array_put(a, set, tag_of(l, size), entry);
    level->valid[size]++;
    if (evicted == TLB_NO_TAG) return;
    level->valid[tlb_tag_size(evicted)]--;
    level->counts.evictions++;
    level->counts.size_evictions[tlb_tag_size(evicted)]++;
}

/* ---- the walk ---- */

/* PAE has no caches of the upper levels (SDM 4.10.3.1) but the registers that CR3 loaded, which are
 * no fetch. PFN_NONE: the register says that nothing is there. */
static pfn_t walk_start_pae(const struct cpu *cpu, const struct lookup *l, unsigned *level)
{
    uint64_t entry = cpu->pdpte[l->at.v >> shift_of(LEVEL_PDPT) & (PDPTE_REGISTERS - 1)];
    *level = LEVEL_PD;
    return (entry & PTE_PRESENT) != 0 ? pte_pfn(entry) : PFN_NONE;
}

/* Where a walk starts: the deepest table that a paging-structure cache names, else the root. Cache
 * i holds entries of level i + 2 and so names a table of level i + 1. */
static inline pfn_t walk_start(struct hw *hw, const struct lookup *l, unsigned *level)
{
    struct cpu *cpu = hw->cpu;
    bool pae = hw->mode == PAGING_PAE;
    for (unsigned i = PSC_PDE; i + LEVEL_PD <= (pae ? (unsigned)LEVEL_PD : hw->top_level); i++) {
        struct tlb_array *a = &cpu->psc[i];
        if (a->valid_count == 0) continue;
        uint64_t tag = psc_tag(cpu, l->at, i + LEVEL_PD);
        const uint64_t *data = tlb_array_use(a, tlb_set_of(a, tag), tag);
        if (data == NULL) continue;
        cpu->walks.pscache_hits[i]++;
        cpu->last_walk.cache = i + 1;
        *level = i + LEVEL_PT;
        return pte_pfn(*data);
    }
    cpu->last_walk.cache = 0;
    if (pae) return walk_start_pae(cpu, l, level);
    *level = hw->top_level;
    return cpu->leaves_on == SIDE_KERNEL ? cpu->map->shadow : cpu->map->root;
}

static void psc_fill(struct cpu *cpu, va_t at, unsigned level, uint64_t entry)
{
    struct tlb_array *a = &cpu->psc[level - LEVEL_PD];
    if (a->sets == 0) return;
    uint64_t tag = psc_tag(cpu, at, level);
    tlb_array_put(a, tlb_set_of(a, tag), tag, entry);
}

static inline void fetch_entry(struct hw *hw, unsigned level, pa_t at)
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
    struct translation t = { .entry = entry, .level = (uint8_t)level };
    return pa_to_pfn(translation_pa(&t, at));
}

static struct translation not_present(unsigned level)
{
    return (struct translation){
        .fault = FAULT_NOT_PRESENT, .level = (uint8_t)level, .walked = true
    };
}

/* What a walk came to, but for pages of 4 KiB: those are all other walks. */
static void count_walk(struct walk_counts *c, const struct translation *t)
{
    if (t->fault != ACCESS_OK)
        c->faults++;
    else if (t->level > LEVEL_PT)
        c->large[t->level - LEVEL_PD]++;
}

/* Accessed bits are set at each level that memory holds, the dirty bit by a write that the leaf
 * permits. */
static struct translation use_leaf(struct hw *hw, const struct lookup *l, uint64_t *slot,
                                   unsigned level)
{
    struct translation t = { .entry = *slot, .level = (uint8_t)level, .walked = true };
    if (!permits(l, *slot)) {
        t.fault = FAULT_PROTECTION;
        return t;
    }
    t.entry |= l->marks;
    *slot = t.entry;
    if (hw->nested) nested_translate(hw, leaf_frame(t.entry, level, l->at));
    return t;
}

/* Walks from the start table to the leaf. */
static struct translation walk(struct hw *hw, const struct lookup *l)
{
    struct cpu *cpu = hw->cpu;
    unsigned level;
    pfn_t table = walk_start(hw, l, &level);
    cpu->walks.count++;
    cpu->last_walk.top = level;
    cpu->last_walk.bottom = level + 1; /* no entry fetched yet */
    charge(hw, COST_WALK, 1);
    if (__builtin_expect(table.v == PFN_NONE.v, 0)) return not_present(LEVEL_PDPT);
    for (;; level--) {
        size_t index = l->at.v >> shift_of(level) & 511;
        uint64_t *slot = &phys_table(&hw->phys, table)[index];
        if (hw->nested) nested_translate(hw, table);
        fetch_entry(hw, level, pa(pfn_to_pa(table).v + index * sizeof *slot));
        if ((*slot & PTE_PRESENT) == 0) return not_present(level);
        if (level == LEVEL_PT || (level <= LEVEL_PDPT && (*slot & PTE_LARGE) != 0))
            return use_leaf(hw, l, slot, level);
        *slot |= PTE_ACCESSED;
        psc_fill(cpu, l->at, level, *slot);
        table = pte_pfn(*slot);
    }
}

static struct translation walk_and_fill(struct hw *hw, struct tlb_level *first,
                                        const struct lookup *l)
{
    struct translation t = walk(hw, l);
    count_walk(&hw->cpu->walks, &t);
    if (t.fault != ACCESS_OK) return t;
    t.entry |= type_bits(hw, t.entry, leaf_frame(t.entry, t.level, l->at));
    enum page_size size = (enum page_size)(t.level - LEVEL_PT);
    level_fill(second_level(hw->cpu, first), l, size, t.entry);
    level_fill(first, l, size, t.entry);
    return t;
}

/* The same by the short way where it can. */
static struct translation walk_any(struct hw *hw, va_t at, enum access_type type, bool user)
{
    uint64_t entry = hw_walk_short(hw, at, type, user);
    if (entry != 0)
        return (struct translation){ .entry = entry, .level = LEVEL_PT, .walked = true };
    struct lookup l = lookup_of(hw, at, type, user);
    return walk_and_fill(hw, first_level(hw->cpu, type), &l);
}

/* Marking is no use of an entry: the order of replacement stays. */
static void level_mark_dirty(struct tlb_level *level, const struct lookup *l)
{
    for (unsigned s = PAGE_4K; s < PAGE_SIZE_COUNT; s++) {
        if (level->valid[s] == 0) continue;
        uint64_t *data = tlb_array_peek(&level->array[level->array_of[s]], page_number(l->at, s),
                                        tag_of(l, s));
        if (data != NULL) *data |= PTE_DIRTY;
    }
}

/* The first write through an entry whose dirty bit is clear: the processor sets the bit in the page
 * table (SDM 4.8) and in its own copies. False: it cannot, for the page table does not have that
 * page for it any more. */
static bool set_dirty(struct hw *hw, struct tlb_level *first, const struct lookup *l, pfn_t frame)
{
    unsigned leaf;
    uint64_t *slot = paging_find(hw, hw->cpu->map, l->at, &leaf);
    if (slot == NULL || (*slot & PTE_PRESENT) == 0 || !permits(l, *slot) ||
        leaf_frame(*slot, leaf, l->at).v != frame.v)
        return false;
    *slot |= PTE_DIRTY | PTE_ACCESSED;
    hw->cpu->walks.dirty_updates++;
    charge(hw, COST_PTE_WRITE, 1);
    level_mark_dirty(first, l);
    level_mark_dirty(&hw->cpu->l2, l);
    return true;
}

static void drop_entry(struct hw *hw, struct tlb_level *first, const struct lookup *l)
{
    level_drop(first, l->at, tlb_tag_space(l->space));
    level_drop(second_level(hw->cpu, first), l->at, tlb_tag_space(l->space));
}

/* A hit in one of the levels: permissions, dirty bit. A protection fault drops the entry
 * (SDM 4.10.4.1). A stale entry whose dirty bit is clear serves no write: processors go to the page
 * table to set the bit, and take what they find there, as Linux counts on in mm/rmap.c. */
static struct translation use_entry(struct hw *hw, struct tlb_level *first, const struct lookup *l,
                                    uint64_t entry, enum page_size size)
{
    struct translation t = { .entry = entry, .level = (uint8_t)(LEVEL_PT + size) };
    if (!permits(l, entry)) {
        drop_entry(hw, first, l);
        t.fault = FAULT_PROTECTION;
    } else if (l->type == ACCESS_WRITE && (entry & PTE_DIRTY) == 0 &&
               !set_dirty(hw, first, l, leaf_frame(entry, t.level, l->at))) {
        drop_entry(hw, first, l);
        return walk_and_fill(hw, first, l);
    }
    return t;
}

static struct translation translate_miss(struct hw *hw, struct tlb_level *first,
                                                const struct lookup *l)
{
    struct cpu *cpu = hw->cpu;
    struct tlb_level *second = second_level(cpu, first);
    first->counts.misses++;
    if (second->sizes == 0) return walk_and_fill(hw, first, l);
    second->counts.lookups++;
    charge(hw, COST_TLB_MISS, 1);
    enum page_size size = PAGE_4K;
    const uint64_t *data = level_find(second, l, &size);
    if (data == NULL) {
        second->counts.misses++;
        return walk_and_fill(hw, first, l);
    }
    uint64_t entry = *data;
    second->counts.hits++;
    second->counts.size_hits[size]++;
    level_fill(first, l, size, entry);
    return use_entry(hw, first, l, entry, size);
}

/* The general way through the first level. */
static struct translation translate_any(struct hw *hw, struct tlb_level *first,
                                        const struct lookup *l)
{
    enum page_size size;
    const uint64_t *data = level_find(first, l, &size);
    if (data == NULL) return translate_miss(hw, first, l);
    first->counts.hits++;
    first->counts.size_hits[size]++;
    struct translation t = use_entry(hw, first, l, *data, size);
    t.hit = true;
    return t;
}

struct translation hw_translate_long(struct hw *hw, va_t at, enum access_type type, bool user)
{
    if (__builtin_expect(!hw_is_canonical(hw, at), 0))
        return (struct translation){ .fault = FAULT_NOT_CANONICAL };
    if (hw->cpu->leaves_on == user) hw_enter(hw, user);
    struct tlb_level *first = first_level(hw->cpu, type);
    struct lookup l = lookup_of(hw, at, type, user);
    first->counts.lookups++;
    hw->cpu->last_walk.top = 0;
    return translate_any(hw, first, &l);
}

struct translation hw_translate(struct hw *hw, va_t at, enum access_type type, bool user)
{
    struct cpu *cpu = hw->cpu;
    struct tlb_level *first = first_level(cpu, type);
    uint64_t hits = first->counts.hits, walks = cpu->walks.count;
    uint64_t entry = hw_translate_short(hw, at, type, user);
    if (__builtin_expect(entry != 0, 1))
        return (struct translation){ .entry = entry,
                                     .level = LEVEL_PT,
                                     .hit = first->counts.hits != hits,
                                     .walked = cpu->walks.count != walks };
    return hw_translate_long(hw, at, type, user);
}

struct translation hw_translate_walk(struct hw *hw, va_t at, enum access_type type, bool user)
{
    struct cpu *cpu = hw->cpu;
    struct tlb_level *first = first_level(cpu, type), *second = second_level(cpu, first);
    first->counts.lookups++;
    first->counts.misses++;
    cpu->last_walk.top = 0;
    if (second->sizes != 0) {
        second->counts.lookups++;
        second->counts.misses++;
        charge(hw, COST_TLB_MISS, 1);
    }
    return walk_any(hw, at, type, user);
}

struct translation hw_retranslate(struct hw *hw, va_t at, enum access_type type, bool user)
{
    struct cpu *cpu = hw->cpu;
    hw_enter(hw, user);
    if (cpu->last_walk.top != 0) {
        cpu->walks.count--;
        cpu->walks.faults--;
        for (unsigned l = cpu->last_walk.bottom; l <= cpu->last_walk.top; l++) {
            cpu->walks.references[l]--;
            cpu->walks.served_by[cpu->last_walk.served_by[l]]--;
        }
        if (cpu->last_walk.cache != 0) cpu->walks.pscache_hits[cpu->last_walk.cache - 1]--;
    }
    return walk_any(hw, at, type, user);
}

static bool level_holds(const struct tlb_level *level, const struct lookup *l)
{
    for (unsigned s = PAGE_4K; s < PAGE_SIZE_COUNT; s++) {
        if ((level->sizes >> s & 1) == 0) continue;
        if (tlb_array_peek(&level->array[level->array_of[s]], page_number(l->at, s),
                           tag_of(l, s)) != NULL)
            return true;
    }
    return false;
}

bool tlb_holds(const struct hw *hw, va_t at)
{
    const struct cpu *cpu = hw->cpu;
    struct lookup l = lookup_of(hw, at, ACCESS_READ, false);
    return level_holds(&cpu->l1d, &l) || level_holds(&cpu->l1i, &l) || level_holds(&cpu->l2, &l) ||
           level_holds(&cpu->l2i, &l);
}
