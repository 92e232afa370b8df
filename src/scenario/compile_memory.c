/* `machine.ram` and `machine.devices`: the physical address space. */
#include "scenario/compiler.h"

#include <stdlib.h>

/* The layout of a PC: RAM below 640 KiB and from 1 MiB on, an MMIO hole under 4 GiB. */
#define LOW_END (640 * KIB)
#define HIGH_START MIB
#define HOLE_START (3 * GIB)
#define HOLE_END (4 * GIB)
/* Page-table entries hold 52 bits of a physical address. */
#define PHYSICAL_END (UINT64_C(1) << 52)
#define RAM_DEFAULT (8 * GIB)
enum { NODE_MOST = 63, BARS_MOST = 256, RAM_RANGES_MOST = 1024, TYPE_RANGES_MOST = 256 };

/* A stretch of the physical address space with where the scenario gave it. */
struct stretch {
    uint64_t base, end;
    const struct node *node;
};

static int stretch_compare(const void *left, const void *right)
{
    const struct stretch *a = left;
    const struct stretch *b = right;
    return a->base < b->base ? -1 : a->base > b->base;
}

static void add_ram(struct compiler *c, struct list *ranges, uint64_t base, uint64_t end,
                    uint32_t node)
{
    struct phys_range *range = list_add(c->arena, ranges, sizeof *range);
    *range = (struct phys_range){ .first = pfn(base / PAGE_BYTES),
                                  .page_count = (end - base) / PAGE_BYTES, .node = node };
}

/* A single size: exactly so many bytes, around the two holes of a PC. */
static void ram_of_pc(struct compiler *c, uint64_t bytes, struct list *ranges)
{
    uint64_t low = bytes < LOW_END ? bytes : LOW_END;
    add_ram(c, ranges, 0, low, 0);
    bytes -= low;
    uint64_t middle = bytes < HOLE_START - HIGH_START ? bytes : HOLE_START - HIGH_START;
    if (middle) add_ram(c, ranges, HIGH_START, HIGH_START + middle, 0);
    bytes -= middle;
    if (bytes) add_ram(c, ranges, HOLE_END, HOLE_END + bytes, 0);
}

static bool page_aligned(struct compiler *c, const struct node *node, uint64_t v)
{
    if ((v & PAGE_MASK) == 0) return true;
    report(c, node, "expected a multiple of 4 KiB, found %s", found(c, node));
    return false;
}

/* base and size of a mapping; base stays as it is when left out. */
static bool read_stretch(struct compiler *c, const struct node *map, struct stretch *out)
{
    uint64_t base = out->base, size = 0;
    const struct node *base_node = node_get(map, "base");
    const struct node *size_node = node_get(map, "size");
    struct range bases = { 0, PHYSICAL_END - PAGE_BYTES }, sizes = { PAGE_BYTES, PHYSICAL_END };
    bool fine = expect_number(c, base_node, NUMBER_ADDRESS, bases, &base);
    if (fine && base_node) fine = page_aligned(c, base_node, base);
    bool size_fine = size_node && expect_number(c, size_node, NUMBER_SIZE, sizes, &size) &&
                     page_aligned(c, size_node, size);
    if (!fine || !size_fine) return false;
    if (base_node && base + size > PHYSICAL_END) {
        report(c, size_node, "the range ends above 2^52, where physical addresses end");
        return false;
    }
    *out = (struct stretch){ base, base + size, map };
    return true;
}

static void compile_ram_list(struct compiler *c, const struct node *list, struct list *ranges)
{
    if (list->count == 0 || list->count > RAM_RANGES_MOST) {
        report(c, list, "expected 1 to %u ranges of RAM", (uint64_t)RAM_RANGES_MOST);
        return;
    }
    struct stretch *all = arena_new(c->arena, list->count + 1, sizeof *all);
    uint64_t *nodes = arena_new(c->arena, list->count + 1, sizeof *nodes);
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct node *map = list->items[i];
        if (!keys_check(c, map, "machine.ram[]")) continue;
        bool fine = expect_number(c, node_get(map, "node"), NUMBER_COUNT,
                                  (struct range){ 0, NODE_MOST }, &nodes[i]);
        if (!node_get(map, "base") || !read_stretch(c, map, &all[count]) || !fine) continue;
        count++;
    }
    if (count) qsort(all, count, sizeof *all, stretch_compare);
    for (size_t i = 0; i < count; i++) {
        if (i && all[i].base < all[i - 1].end) {
            report(c, all[i].node, "the range overlaps the one on line %u",
                   (uint64_t)all[i - 1].node->where.line);
            continue;
        }
        add_ram(c, ranges, all[i].base, all[i].end,
                (uint32_t)nodes[all[i].node->index_in_parent]);
    }
}

void compile_ram(struct compiler *c)
{
    struct sim_config *config = &c->program->config;
    const struct node *machine = node_get(c->root, "machine");
    const struct node *ram = machine ? node_get(machine, "ram") : NULL;
    struct list ranges = { 0 };
    uint64_t bytes = RAM_DEFAULT;
    if (ram && ram->kind == NODE_LIST) {
        compile_ram_list(c, ram, &ranges);
    } else {
        struct range sizes = { PAGE_BYTES, PHYSICAL_END - GIB };
        bool fine = expect_number(c, ram, NUMBER_SIZE, sizes, &bytes);
        if (fine && (!ram || page_aligned(c, ram, bytes))) ram_of_pc(c, bytes, &ranges);
    }
    config->ram = ranges.items;
    config->ram_count = ranges.count;
    config->ram_bytes = 0;
    for (size_t i = 0; i < ranges.count; i++) {
        config->ram_bytes += config->ram[i].page_count * PAGE_BYTES;
    }
}

/* ---- memory types ---- */

void compile_memory_types(struct compiler *c)
{
    struct sim_config *config = &c->program->config;
    const struct node *machine = node_get(c->root, "machine");
    const struct node *list = machine ? node_get(machine, "memory_types") : NULL;
    if (!list || !expect_list(c, list, "a list of ranges")) return;
    if (list->count > TYPE_RANGES_MOST) {
        report(c, list, "expected at most %u ranges", (uint64_t)TYPE_RANGES_MOST);
        return;
    }
    struct stretch *all = arena_new(c->arena, list->count + 1, sizeof *all);
    uint64_t *types = arena_new(c->arena, list->count + 1, sizeof *types);
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct node *map = list->items[i], *type = NULL;
        if (!keys_check(c, map, "machine.memory_types[]")) continue;
        type = node_get(map, "type");
        bool fine = type && expect_name(c, type, &memory_type_names, &types[i]);
        if (!node_get(map, "base") || !read_stretch(c, map, &all[count]) || !fine) continue;
        count++;
    }
    if (count) qsort(all, count, sizeof *all, stretch_compare);
    struct type_range *ranges = arena_new(c->arena, count + 1, sizeof *ranges);
    for (size_t i = 0; i < count; i++) {
        if (i && all[i].base < all[i - 1].end)
            report(c, all[i].node, "the range overlaps the one on line %u",
                   (uint64_t)all[i - 1].node->where.line);
        uint64_t base = all[i].base / PAGE_BYTES, end = all[i].end / PAGE_BYTES;
        uint64_t type = types[all[i].node->index_in_parent];
        ranges[i] = (struct type_range){ pfn(base), end - base, (enum memory_type)type };
    }
    config->types = ranges;
    config->type_count = count;
}

/* ---- devices ---- */

/* What already lies in the physical address space: RAM, then BARs as they are placed; and the BARs
 * without a base, which wait for all others. */
struct places {
    struct list taken;   /* struct stretch */
    struct list waiting; /* struct waiting */
};

struct waiting {
    size_t bar;
    const struct node *node;
};

static const struct stretch *places_clash(const struct places *p, uint64_t base, uint64_t end)
{
    const struct stretch *taken = p->taken.items;
    for (size_t i = 0; i < p->taken.count; i++) {
        if (base < taken[i].end && taken[i].base < end) return &taken[i];
    }
    return NULL;
}

static void places_take(struct compiler *c, struct places *p, struct stretch stretch)
{
    *(struct stretch *)list_add(c->arena, &p->taken, sizeof stretch) = stretch;
}

static void place_fixed(struct compiler *c, struct places *p, struct stretch stretch,
                        struct bar_plan *bar)
{
    const struct stretch *clash = places_clash(p, stretch.base, stretch.end);
    bar->base = stretch.base;
    if (!clash) {
        places_take(c, p, stretch);
    } else if (!clash->node) {
        report(c, stretch.node, "the BAR overlaps RAM, which has %x to %x", clash->base,
               clash->end - 1);
    } else {
        report(c, stretch.node, "the BAR overlaps the one on line %u",
               (uint64_t)clash->node->where.line);
    }
}

/* The lowest free address of the MMIO hole. */
static void place_free(struct compiler *c, struct places *p, struct bar_plan *bar,
                       const struct node *node)
{
    uint64_t base = HOLE_START;
    const struct stretch *clash;
    while (base + bar->size_bytes <= HOLE_END &&
           (clash = places_clash(p, base, base + bar->size_bytes)) != NULL) {
        base = clash->end;
    }
    if (base + bar->size_bytes > HOLE_END) {
        report(c, node, "there is no room for the BAR between 3 GiB and 4 GiB: give it a base");
        return;
    }
    bar->base = base;
    places_take(c, p, (struct stretch){ base, base + bar->size_bytes, node });
}

static void compile_bar(struct compiler *c, const struct node *map, uint32_t device,
                        struct places *p)
{
    if (c->bars.count == BARS_MOST) {
        report(c, map, "more than %u BARs", (uint64_t)BARS_MOST);
        return;
    }
    if (!keys_check(c, map, "machine.devices.*.bars[]")) return;
    struct bar_plan bar = { .device = device };
    const struct node *name = node_get(map, "name");
    if (name) bar.name = expect_text(c, name, "a text");
    expect_bool(c, node_get(map, "prefetchable"), &bar.prefetchable);
    struct stretch stretch = { 0, 0, map };
    if (!node_get(map, "size") || !read_stretch(c, map, &stretch)) return;
    bar.size_bytes = stretch.end - stretch.base;
    struct bar_plan *added = list_add(c->arena, &c->bars, sizeof *added);
    *added = bar;
    if (node_get(map, "base")) {
        place_fixed(c, p, stretch, added);
    } else {
        *(struct waiting *)list_add(c->arena, &p->waiting, sizeof(struct waiting)) =
            (struct waiting){ c->bars.count - 1, map };
    }
}

static void compile_device(struct compiler *c, const struct node *devices, size_t i,
                           struct places *p)
{
    const struct node *map = devices->items[i];
    if (key_is_own(devices->keys[i]) || !expect_key_identifier(c, devices, i, "a name")) return;
    struct symbol symbol = { .name = devices->keys[i], .kind = NAME_DEVICE,
                             .index = (uint32_t)c->devices.count };
    if (name_define(c, map, devices->key_where[i], symbol)) {
        struct device_plan *device = list_add(c->arena, &c->devices, sizeof *device);
        *device = (struct device_plan){ symbol.name, shared_slot(c, symbol.name) };
    }
    if (!keys_check(c, map, "machine.devices.*")) return;
    const struct node *dma = node_get(map, "dma");
    if (dma) report(c, dma, "DMA is not there yet");
    const struct node *bars = node_get(map, "bars");
    if (!bars || !expect_list(c, bars, "a list of BARs")) return;
    for (size_t n = 0; n < bars->count; n++) {
        compile_bar(c, bars->items[n], symbol.index, p);
    }
}

static int range_compare(const void *left, const void *right)
{
    const struct phys_range *a = left;
    const struct phys_range *b = right;
    return a->first.v < b->first.v ? -1 : a->first.v > b->first.v;
}

static void sort_bars(struct compiler *c)
{
    struct sim_config *config = &c->program->config;
    struct phys_range *ranges = arena_new(c->arena, c->bars.count + 1, sizeof *ranges);
    const struct bar_plan *bars = c->bars.items;
    for (size_t i = 0; i < c->bars.count; i++) {
        ranges[i] = (struct phys_range){ .first = pfn(bars[i].base / PAGE_BYTES),
                                         .page_count = bars[i].size_bytes / PAGE_BYTES,
                                         .device = bars[i].device + 1 };
    }
    if (c->bars.count) qsort(ranges, c->bars.count, sizeof *ranges, range_compare);
    config->devices = c->devices.items;
    config->device_count = c->devices.count;
    config->bars = bars;
    config->bar_count = c->bars.count;
    config->bar_ranges = ranges;
}

void compile_devices(struct compiler *c)
{
    const struct sim_config *config = &c->program->config;
    const struct node *machine = node_get(c->root, "machine");
    const struct node *devices = machine ? node_get(machine, "devices") : NULL;
    struct places places = { 0 };
    for (size_t i = 0; i < config->ram_count; i++) {
        uint64_t base = config->ram[i].first.v * PAGE_BYTES;
        uint64_t end = base + config->ram[i].page_count * PAGE_BYTES;
        places_take(c, &places, (struct stretch){ base, end, NULL });
    }
    if (devices && expect_map(c, devices, "a mapping of devices")) {
        for (size_t i = 0; i < devices->count; i++) {
            compile_device(c, devices, i, &places);
        }
    }
    const struct waiting *waiting = places.waiting.items;
    for (size_t i = 0; i < places.waiting.count; i++) {
        place_free(c, &places, (struct bar_plan *)c->bars.items + waiting[i].bar, waiting[i].node);
    }
    sort_bars(c);
}
