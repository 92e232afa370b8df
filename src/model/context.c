/* Contexts of translation: what CR3 points to, PCIDs, and the two sides of KVA shadow.
 *
 * Tags hold spaces. Without KVA shadow the space of system addresses is 0, which stands for global
 * entries, and that of user addresses is the map's. With it nothing is global: a map has a space
 * for the kernel's side and one for the side of user mode, next to each other. */
#include "base/check.h"
#include "model/tlb_level.h"

#include <string.h>

struct tlb_spaces context_spaces(const struct hw *hw, uint32_t space)
{
    if (!hw->kva_shadow) return (struct tlb_spaces){ space, space };
    return (struct tlb_spaces){ space * 2 + 1, space * 2 + 2 };
}

/* Drops what the processor holds of a map; the global entries are nobody's. */
static void drop_context(const struct hw *hw, struct cpu *cpu, uint32_t space)
{
    struct tlb_spaces spaces = context_spaces(hw, space);
    if (spaces.last != 0) cpu_drop_spaces(cpu, spaces);
    else cpu_drop_structures(cpu, spaces);
}

/* What a load of CR3 drops where there are no PCIDs (SDM 4.10.4.1). */
static void drop_not_global(struct cpu *cpu)
{
    cpu_drop_spaces(cpu, TLB_NOT_GLOBAL);
    cpu_drop_structures(cpu, TLB_EVERY_SPACE);
}

struct page_map *context_map(struct hw *hw, uint32_t space)
{
    uint32_t map = hw->kva_shadow ? (space - 1) / 2 : space;
    return map == 0 ? &hw->system : hw->maps[map - 1];
}

/* Where a CPU translates from now on. System has no user mode and so no other side. */
static void set_side(const struct hw *hw, struct cpu *cpu, bool user)
{
    struct tlb_spaces spaces = context_spaces(hw, cpu->map->space);
    CHECK2(spaces.last < TLB_SPACES, spaces.last, cpu->number);
    uint16_t space = (uint16_t)(user ? spaces.last : spaces.first);
    cpu->context[0] = space;
    cpu->context[1] = hw->kva_shadow ? space : 0;
    cpu->leaves_on = !hw->kva_shadow || cpu->map->space == 0 ? SIDE_NONE
                     : user                                  ? SIDE_KERNEL
                                                             : SIDE_USER;
}

void context_load_registers(struct hw *hw, struct cpu *cpu)
{
    if (hw->mode != PAGING_PAE) return;
    pfn_t root = cpu->leaves_on == SIDE_KERNEL ? cpu->map->shadow : cpu->map->root;
    memcpy(cpu->pdpte, phys_table(&hw->phys, root), sizeof cpu->pdpte);
}

/* ---- PCIDs ---- */

/* The slot of a space; where there is none yet a new one, or that used longest ago, whose context
 * goes. *fresh: the context holds nothing that may be kept. */
static size_t slot_take(struct hw *hw, struct cpu *cpu, uint32_t space, bool *fresh)
{
    size_t oldest = 0;
    for (size_t i = 0; i < cpu->slot_count; i++) {
        if (cpu->slots[i].space == space) return i;
        if (cpu->slots[i].used < cpu->slots[oldest].used) oldest = i;
    }
    *fresh = true;
    if (cpu->slot_count == hw->pcid_count) {
        drop_context(hw, cpu, cpu->slots[oldest].space);
        return oldest;
    }
    cpu->slots = mem_grow(hw->from, cpu->slots, &cpu->slot_capacity, cpu->slot_count + 1,
                          sizeof *cpu->slots);
    return cpu->slot_count++;
}

/* Makes the context of the map current. True when its entries may be kept. */
static bool load_context(struct hw *hw, struct cpu *cpu, struct page_map *map)
{
    bool fresh = false;
    cpu->slot = slot_take(hw, cpu, map->space, &fresh);
    struct pcid_slot *slot = &cpu->slots[cpu->slot], old = *slot;
    *slot = (struct pcid_slot){ map->space, ++hw->pcid_clock, map->flushes, hw->kernel_flushes };
    if (fresh) return false;
    return old.user_flushes == map->flushes &&
           (!hw->kva_shadow || old.kernel_flushes == hw->kernel_flushes);
}

void context_flushed(struct hw *hw, bool system)
{
    struct cpu *cpu = hw->cpu;
    if (cpu->slot_count == 0) return;
    struct pcid_slot *slot = &cpu->slots[cpu->slot];
    if (system)
        slot->kernel_flushes = hw->kernel_flushes;
    else
        slot->user_flushes = cpu->map->flushes;
}

bool context_is_behind(const struct hw *hw, const struct cpu *cpu, const struct page_map *map)
{
    for (size_t i = 0; i < cpu->slot_count; i++) {
        const struct pcid_slot *slot = &cpu->slots[i];
        if (slot->space != map->space) continue;
        return slot->user_flushes != map->flushes ||
               (hw->kva_shadow && slot->kernel_flushes != hw->kernel_flushes);
    }
    return false;
}

/* ---- loads of CR3 ---- */

void tlb_load_cr3(struct hw *hw, struct page_map *map)
{
    struct cpu *cpu = hw->cpu;
    hw_enter(hw, false);
    bool keeps = hw->pcid_count != 0 && load_context(hw, cpu, map);
    cpu->map = map;
    memory_close_lines(hw);
    set_side(hw, cpu, false);
    context_load_registers(hw, cpu);
    charge(hw, keeps ? COST_CR3_LOAD : COST_CR3_WRITE, 1);
    if (keeps) return;
    if (hw->pcid_count == 0) {
        drop_not_global(cpu);
    } else {
        cpu->flushes.pcid++;
        drop_context(hw, cpu, map->space);
    }
}

void hw_change_side(struct hw *hw, bool user)
{
    struct cpu *cpu = hw->cpu;
    memory_close_lines(hw);
    set_side(hw, cpu, user);
    context_load_registers(hw, cpu);
    charge(hw, hw->pcid_count != 0 ? COST_CR3_LOAD : COST_CR3_WRITE, 1);
    if (hw->pcid_count == 0) drop_not_global(cpu);
}
