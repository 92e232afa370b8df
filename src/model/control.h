/* The control registers that a processor of the model would hold: Intel SDM volume 3A, sections 2.5
 * and 4.1. Only what translation depends on is set, and nothing that the model does not do. */
#pragma once

#include "model/hw.h"

struct control_registers {
    uint64_t cr0, cr3, cr4, efer;
};

struct control_registers control_registers(const struct hw *hw, const struct cpu *cpu);
/* What CR3 holds while the map is in use. */
uint64_t control_cr3(const struct page_map *map);
/* The same in user mode with KVA shadow. */
uint64_t control_user_cr3(const struct page_map *map);
