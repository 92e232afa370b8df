/* Control registers, as they follow from the paging mode and the map in use. PCIDs are left out of
 * CR3 and CR4: they tell TLB entries apart and translate nothing. */
#include "model/control.h"

/* Protected mode with paging; WP, since a kernel write to a read-only page faults. */
#define CR0_PE ((uint64_t)1 << 0)
#define CR0_ET ((uint64_t)1 << 4) /* always 1 */
#define CR0_NE ((uint64_t)1 << 5)
#define CR0_WP ((uint64_t)1 << 16)
#define CR0_PG ((uint64_t)1 << 31)

#define CR4_PSE ((uint64_t)1 << 4)
#define CR4_PAE ((uint64_t)1 << 5)
#define CR4_PGE ((uint64_t)1 << 7)
#define CR4_LA57 ((uint64_t)1 << 12)

#define EFER_LME ((uint64_t)1 << 8)
#define EFER_LMA ((uint64_t)1 << 10)
#define EFER_NXE ((uint64_t)1 << 11)

uint64_t control_cr3(const struct page_map *map)
{
    return pfn_to_pa(map->root).v;
}

uint64_t control_user_cr3(const struct page_map *map)
{
    return pfn_to_pa(map->shadow).v;
}

struct control_registers control_registers(const struct hw *hw, const struct cpu *cpu)
{
    bool in_user_mode = cpu->leaves_on == SIDE_KERNEL; /* with KVA shadow */
    return (struct control_registers){
        .cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG,
        .cr3 = in_user_mode ? control_user_cr3(cpu->map) : control_cr3(cpu->map),
        .cr4 = CR4_PSE | CR4_PAE | CR4_PGE | (hw->mode == PAGING_5_LEVEL ? CR4_LA57 : 0),
        .efer = EFER_NXE | (hw->mode == PAGING_PAE ? 0 : EFER_LME | EFER_LMA),
    };
}
