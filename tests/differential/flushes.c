/* Contexts and flushes over several processors beside a flat list; prints TAP.
 *
 * The model keeps a list of (processor, address space, side, page, entry) and nothing else: no
 * sets, tags, generations or slots. Random programs load address spaces, touch, change and flush
 * pages with and without PCIDs, KVA shadow, broadcasts and held-back interrupts. Of each access
 * both must say hit or miss, the same entry and the same fault; a hit on an entry that the tables
 * no longer have must be due to be flushed; and after each step each TLB holds as many entries as
 * the list. */
#include "host.h"

#include <string.h>

#include "model/hw.h"

enum { CPUS_MOST = 5, MAPS = 5, PAGES = 12, LIST_MOST = 4096, PROGRAMS = 400, STEPS = 400 };
enum { GLOBAL = MAPS, NOBODY = -1, FRAMES = 4000, FIRST_FRAME = 2000, BROADCAST_LEAST = 4 };
#define USER UINT64_C(0x10000)
#define SYSTEM UINT64_C(0xFFFFB08000000000)

struct entry {
    uint32_t cpu, map, side, page; /* map GLOBAL: an entry of system space that all spaces share */
    bool system;
    uint64_t value;
};

struct owed {
    uint32_t sender, map, first, count;
    bool system, whole;
};

struct flat {
    uint32_t cpus, threshold, pcids, map_count;
    bool shadow, broadcast;
    struct entry list[LIST_MOST];
    size_t count;
    uint64_t table[MAPS + 1][PAGES]; /* user pages of each space; of GLOBAL the system's */
    bool deferred[PAGES];            /* system pages that were changed without a flush */
    uint32_t loaded[CPUS_MOST], side[CPUS_MOST];
    bool masked[CPUS_MOST];
    uint32_t waits[CPUS_MOST];
    struct owed owed[CPUS_MOST][64];
    size_t owed_count[CPUS_MOST];
    bool kept[CPUS_MOST][MAPS], behind[CPUS_MOST][MAPS];
    uint64_t used[CPUS_MOST][MAPS], now;
    uint64_t sent[CPUS_MOST], broadcasts[CPUS_MOST];
};

struct machine {
    struct hw hw;
    struct phys_range ram;
    struct page_map map[MAPS]; /* 0 is the system's, in hw */
    uint64_t next_frame;
};

static uint64_t hits_count, misses_count, stale_count, owed_total;

/* ---- the list ---- */

static void drop_at(struct flat *f, size_t i)
{
    f->list[i] = f->list[--f->count];
}

static struct entry *find(struct flat *f, const struct entry *key)
{
    for (size_t i = 0; i < f->count; i++) {
        struct entry *e = &f->list[i];
        if (e->cpu == key->cpu && e->map == key->map && e->side == key->side &&
            e->page == key->page && e->system == key->system)
            return e;
    }
    return NULL;
}

/* What `cpu` has of `map`, or with MAPS all that is not global. */
static void drop_map(struct flat *f, uint32_t cpu, uint32_t map)
{
    for (size_t i = f->count; i-- > 0;) {
        const struct entry *e = &f->list[i];
        if (e->cpu == cpu && (map == MAPS ? e->map != GLOBAL : e->map == map)) drop_at(f, i);
    }
}

static void drop_all(struct flat *f, uint32_t cpu)
{
    for (size_t i = f->count; i-- > 0;)
        if (f->list[i].cpu == cpu) drop_at(f, i);
}

static void drop_page(struct flat *f, uint32_t cpu, bool system, uint32_t page)
{
    for (size_t i = f->count; i-- > 0;) {
        const struct entry *e = &f->list[i];
        bool own = e->map == GLOBAL || e->map == f->loaded[cpu];
        if (e->cpu == cpu && own && e->system == system && e->page == page) drop_at(f, i);
    }
}

/* ---- what processors do ---- */

/* With KVA shadow each way between the two sides loads CR3; without PCIDs that flushes. */
static void enter(struct flat *f, uint32_t cpu, uint32_t side)
{
    if (!f->shadow || f->loaded[cpu] == 0 || f->side[cpu] == side) return;
    f->side[cpu] = side;
    if (f->pcids == 0) drop_map(f, cpu, MAPS);
}

static void load(struct flat *f, uint32_t cpu, uint32_t map)
{
    enter(f, cpu, 0);
    f->loaded[cpu] = map;
    f->side[cpu] = 0;
    if (f->pcids == 0) {
        drop_map(f, cpu, MAPS);
        return;
    }
    uint32_t kept = 0, oldest = 0;
    for (uint32_t m = 0; m < MAPS; m++) {
        if (!f->kept[cpu][m]) continue;
        if (kept++ == 0 || f->used[cpu][m] < f->used[cpu][oldest]) oldest = m;
    }
    if (!f->kept[cpu][map] && kept == f->pcids) {
        f->kept[cpu][oldest] = false;
        drop_map(f, cpu, oldest);
    }
    if (!f->kept[cpu][map] || f->behind[cpu][map]) drop_map(f, cpu, map);
    f->kept[cpu][map] = true;
    f->behind[cpu][map] = false;
    f->used[cpu][map] = ++f->now;
}

static void invalidate(struct flat *f, uint32_t cpu, const struct owed *o)
{
    if (o->whole && (f->pcids == 0 || o->system)) {
        drop_all(f, cpu);
    } else if (o->whole) {
        drop_map(f, cpu, o->map);
    } else {
        for (uint32_t i = 0; i < o->count; i++) drop_page(f, cpu, o->system, o->first + i);
    }
}

static bool concerns(const struct flat *f, uint32_t cpu, const struct owed *o)
{
    return o->system || f->loaded[cpu] == o->map;
}

/* Contexts that are kept but not loaded are flushed when they are loaded next. */
static void leave_behind(struct flat *f, const struct owed *o)
{
    for (uint32_t cpu = 0; cpu < f->cpus; cpu++)
        for (uint32_t m = 0; m < MAPS; m++)
            if (m != f->loaded[cpu] && (o->system ? f->shadow : m == o->map))
                f->behind[cpu][m] = true;
}

/* The interrupt leaves user mode and goes back to it. */
static void answer(struct flat *f, uint32_t cpu, const struct owed *o)
{
    uint32_t side = f->side[cpu];
    enter(f, cpu, 0);
    invalidate(f, cpu, o);
    enter(f, cpu, side);
}

static void flush(struct flat *f, uint32_t sender, const struct owed *o)
{
    uint32_t targets = 0;
    for (uint32_t cpu = 0; cpu < f->cpus; cpu++) targets += cpu != sender && concerns(f, cpu, o);
    leave_behind(f, o);
    bool quiet = f->broadcast && targets + 1 >= BROADCAST_LEAST;
    f->broadcasts[sender] += quiet;
    for (uint32_t cpu = 0; cpu < f->cpus; cpu++) {
        if (!concerns(f, cpu, o)) continue;
        if (quiet && o->whole && !o->system) {
            drop_map(f, cpu, o->map); /* INVLPGB names one address space, also without PCIDs */
            continue;
        }
        if (quiet || cpu == sender) {
            invalidate(f, cpu, o);
            continue;
        }
        f->sent[sender]++;
        if (f->masked[cpu] && f->waits[cpu] == 0) {
            f->owed[cpu][f->owed_count[cpu]++] = *o;
            f->waits[sender]++;
            owed_total++;
        } else {
            answer(f, cpu, o);
        }
    }
}

static void mask(struct flat *f, uint32_t cpu, bool masked)
{
    f->masked[cpu] = masked;
    if (masked) return;
    for (size_t i = 0; i < f->owed_count[cpu]; i++) {
        answer(f, cpu, &f->owed[cpu][i]);
        f->waits[f->owed[cpu][i].sender]--;
    }
    f->owed_count[cpu] = 0;
}

static bool is_owed(const struct flat *f, uint32_t cpu, bool system, uint32_t page)
{
    for (size_t i = 0; i < f->owed_count[cpu]; i++) {
        const struct owed *o = &f->owed[cpu][i];
        bool named = o->whole || page - o->first < o->count;
        if (named && (o->system ? o->whole || system : !system && o->map == f->loaded[cpu]))
            return true;
    }
    return false;
}

/* ---- the machine ---- */

static bool take(void *context, pfn_t *out)
{
    struct machine *m = context;
    *out = pfn(m->next_frame++);
    return true;
}

static void give(void *context, pfn_t f)
{
    UNUSED(context);
    UNUSED(f);
}

static struct page_map *map_of(struct machine *m, uint32_t map)
{
    return map == 0 || map == GLOBAL ? &m->hw.system : &m->map[map];
}

static va_t address(bool system, uint32_t page)
{
    return va((system ? SYSTEM : USER) + page * PAGE_BYTES);
}

static void machine_start(struct machine *m, const struct flat *f)
{
    uint64_t price[COST_COUNT];
    for (unsigned i = 0; i < COST_COUNT; i++) price[i] = 1 + i % 7;
    price[COST_IPI_NEAR] = 3;
    memset(m, 0, sizeof *m);
    m->ram = (struct phys_range){ .page_count = FRAMES };
    m->next_frame = 1;
    struct tlb_level_geometry none = { .array_of = { TLB_NO_ARRAY, TLB_NO_ARRAY, TLB_NO_ARRAY } };
    /* room for a page in every context, so that nothing but flushes takes entries away */
    struct tlb_level_geometry level = { .array = { { 16 * 32, 32, POLICY_LRU } },
                                        .array_of = { 0, TLB_NO_ARRAY, TLB_NO_ARRAY } };
    struct hw_config config = { .hz = 1000000000, .price = price, .mode = PAGING_4_LEVEL,
                                .kernel_start = 0xFFFF800000000000, .l1d = level, .l1i = none,
                                .l2 = none, .cpu_count = f->cpus, .pcid_count = f->pcids,
                                .kva_shadow = f->shadow, .broadcast = f->broadcast,
                                .flush_threshold_pages = f->threshold, .seed = 1, .ram = &m->ram,
                                .ram_count = 1 };
    hw_init(&m->hw, &host, &config);
    m->hw.tables = (struct table_source){ take, give, m };
    CHECK(paging_init(&m->hw, &m->hw.system, 0));
    CHECK(paging_reserve(&m->hw, &m->hw.system, address(true, 0), PAGES));
    for (uint32_t i = 1; i < MAPS; i++) {
        CHECK(paging_init(&m->hw, &m->map[i], i));
        CHECK(paging_reserve(&m->hw, &m->map[i], address(false, 0), PAGES));
    }
}

static bool is_deferred(void *context, va_t at)
{
    const struct flat *f = context;
    return at.v >= SYSTEM && f->deferred[(at.v - SYSTEM) / PAGE_BYTES];
}

/* ---- steps, in both ---- */

static uint64_t draw_entry(struct rng *r, bool system)
{
    if (rng_below(r, 8) == 0) return 0;
    uint64_t bits = PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | (system ? PTE_GLOBAL : PTE_USER);
    if (rng_below(r, 3) != 0) bits |= PTE_WRITE;
    return pte_make(pfn(FIRST_FRAME + rng_below(r, 1000)), bits);
}

/* Changes some pages and flushes them; of system space it may leave that to the next full flush. */
static void step_change(struct machine *m, struct flat *f, struct rng *r, uint32_t cpu)
{
    uint32_t map = rng_below(r, 3) == 0 ? GLOBAL : 1 + (uint32_t)rng_below(r, f->map_count);
    bool system = map == GLOBAL, defers = system && rng_below(r, 4) == 0;
    uint32_t first = (uint32_t)rng_below(r, PAGES);
    uint32_t count = 1 + (uint32_t)rng_below(r, PAGES - first);
    hw_enter(&m->hw, false);
    enter(f, cpu, 0);
    for (uint32_t i = first; i < first + count; i++) {
        uint64_t entry = draw_entry(r, system);
        paging_set(&m->hw, map_of(m, map), address(system, i), entry);
        f->table[map][i] = entry;
        if (defers) f->deferred[i] = true;
    }
    if (defers) return;
    bool all = rng_below(r, 8) == 0 || (system && rng_below(r, 4) == 0);
    struct owed o = { cpu, map, first, count, system, all || count > f->threshold };
    if (all) {
        tlb_flush_map(&m->hw, map_of(m, map));
    } else {
        flush_begin(&m->hw, map_of(m, map));
        flush_add(&m->hw, address(system, first), count);
        flush_end(&m->hw);
    }
    flush(f, cpu, &o);
    if (system && o.whole) memset(f->deferred, 0, sizeof f->deferred);
}

_Noreturn static void broken(const char *what, uint64_t a, uint64_t b)
{
    bug_report("flushes.c", 0, what, a, b);
}

/* Of the walk after a miss, or of the entry that was found. */
static enum access_fault fault_of(uint64_t entry, bool write, bool user)
{
    if ((entry & PTE_PRESENT) == 0) return FAULT_NOT_PRESENT;
    bool fine = (!write || (entry & PTE_WRITE) != 0) && (!user || (entry & PTE_USER) != 0);
    return fine ? ACCESS_OK : FAULT_PROTECTION;
}

static void step_access(struct machine *m, struct flat *f, struct rng *r, uint32_t cpu)
{
    const uint64_t compared = PTE_ADDRESS | PTE_WRITE | PTE_USER | PTE_PRESENT;
    bool system = f->loaded[cpu] == 0 || rng_below(r, 3) == 0;
    bool user = !system && rng_below(r, 2) == 0, write = rng_below(r, 2) == 0;
    uint32_t page = (uint32_t)rng_below(r, PAGES), map = system ? GLOBAL : f->loaded[cpu];
    va_t at = address(system, page);
    hw_enter(&m->hw, user);
    enter(f, cpu, user);
    struct entry key = { cpu, system && !f->shadow ? GLOBAL : f->loaded[cpu],
                         f->shadow ? f->side[cpu] : 0, page, system, f->table[map][page] };
    struct entry *e = find(f, &key);
    uint64_t used = e != NULL ? e->value : key.value;
    enum access_fault fault = fault_of(used, write, user);
    bool hit = e != NULL;
    if (hit && ((e->value ^ key.value) & compared) != 0) {
        stale_count++;
        bool due = is_owed(f, cpu, system, page);
        if (due != (flush_owed(&m->hw, m->hw.cpu, at) != NULL)) broken("who owes it", page, cpu);
        if (!due && !(system && f->deferred[page])) broken("a stale entry", page, cpu);
    }
    uint64_t hits = m->hw.cpu->l1d.counts.hits;
    struct translation t = hw_translate(&m->hw, at, write ? ACCESS_WRITE : ACCESS_READ, user);
    if ((m->hw.cpu->l1d.counts.hits != hits) != hit) broken("hit or miss", page, cpu);
    if (t.fault != fault) broken("another fault", t.fault, fault);
    if (fault == ACCESS_OK && ((t.entry ^ used) & compared) != 0)
        broken("another entry", t.entry, used);
    hits_count += hit;
    misses_count += !hit;
    if (hit && fault != ACCESS_OK) drop_at(f, (size_t)(e - f->list));
    if (hit || fault != ACCESS_OK) return;
    if (f->count == LIST_MOST) abort();
    f->list[f->count++] = key;
}

static void step(struct machine *m, struct flat *f, struct rng *r)
{
    uint32_t cpu = (uint32_t)rng_below(r, f->cpus);
    if (f->waits[cpu] != 0) return;
    m->hw.cpu = &m->hw.cpus[cpu];
    /* A request that is taken up in the interrupt of an earlier one loads no CR3 of its own, which
     * shows where such a load flushes. The list knows no times, so there it has one each. */
    for (uint32_t i = 0; i < f->cpus && f->shadow && f->pcids == 0; i++)
        m->hw.cpus[i].serving.count = 0;
    uint64_t n = rng_below(r, 100);
    if (n < 80) {
        step_access(m, f, r, cpu);
    } else if (n < 87) {
        step_change(m, f, r, cpu);
    } else if (n < 95 && !f->masked[cpu]) {
        uint32_t map = (uint32_t)rng_below(r, f->map_count + 1);
        tlb_load_cr3(&m->hw, map_of(m, map));
        load(f, cpu, map);
    } else if (n >= 95) {
        bool masked = !f->masked[cpu];
        hw_mask(&m->hw, m->hw.cpu, masked);
        mask(f, cpu, masked);
    }
}

static void compare(struct machine *m, struct flat *f)
{
    for (uint32_t cpu = 0; cpu < f->cpus; cpu++) {
        const struct cpu *c = &m->hw.cpus[cpu];
        uint64_t own = 0;
        for (size_t i = 0; i < f->count; i++) own += f->list[i].cpu == cpu;
        if (c->l1d.valid[PAGE_4K] != own) broken("entries held", c->l1d.valid[PAGE_4K], own);
        if (c->waits_for != f->waits[cpu]) broken("waits for", c->waits_for, f->waits[cpu]);
        if (c->flushes.shootdowns_sent != f->sent[cpu])
            broken("interrupts sent", c->flushes.shootdowns_sent, f->sent[cpu]);
        if (c->flushes.broadcasts != f->broadcasts[cpu])
            broken("broadcasts", c->flushes.broadcasts, f->broadcasts[cpu]);
    }
    hw_check(&m->hw, is_deferred, f);
}

static void run(uint64_t seed)
{
    static struct machine m;
    static struct flat f;
    struct rng r;
    rng_init(&r, seed, 0);
    memset(&f, 0, sizeof f);
    f.cpus = 1 + (uint32_t)rng_below(&r, CPUS_MOST);
    f.threshold = (uint32_t)rng_below(&r, PAGES + 1);
    f.pcids = rng_below(&r, 3) == 0 ? 0 : 1 + (uint32_t)rng_below(&r, MAPS);
    f.map_count = 1 + (uint32_t)rng_below(&r, MAPS - 1);
    f.shadow = rng_below(&r, 2) == 0;
    f.broadcast = rng_below(&r, 3) == 0;
    machine_start(&m, &f);
    for (uint32_t cpu = 0; cpu < f.cpus; cpu++) {
        m.hw.cpu = &m.hw.cpus[cpu];
        tlb_load_cr3(&m.hw, &m.hw.system);
        load(&f, cpu, 0);
    }
    for (unsigned i = 0; i < STEPS; i++) {
        step(&m, &f, &r);
        compare(&m, &f);
    }
    hw_free(&m.hw);
}

int main(int argc, char **argv)
{
    printf("TAP version 13\n1..2\n");
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + PROGRAMS; seed++) {
        if (argc > 1) printf("# seed %" PRIu64 "\n", seed);
        run(seed);
    }
    printf("ok 1 - the same hits, entries, faults and counts as a list\n");
    printf("# %" PRIu64 " hits, %" PRIu64 " misses, %" PRIu64 " stale, %" PRIu64 " held back\n",
           hits_count, misses_count, stale_count, owed_total);
    bool fine = hits_count > 15000 && misses_count > 5000 && stale_count > 100 && owed_total > 500;
    printf("%s 2 - all of it happened\n", fine ? "ok" : "not ok");
    return 0;
}
