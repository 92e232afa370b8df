/* What invalidations take out of the TLBs and paging-structure caches of one processor. */
#include "model/tlb_level.h"

void level_drop(struct tlb_level *level, va_t at, uint32_t space)
{
    for (unsigned s = PAGE_4K; s < PAGE_SIZE_COUNT; s++) {
        if (level->valid[s] == 0) continue;
        struct tlb_array *a = &level->array[level->array_of[s]];
        uint64_t number = page_number(at, s);
        if (!tlb_array_drop(a, number, tlb_tag(number, s, space))) continue;
        level->valid[s]--;
        level->counts.invalidations++;
        level->counts.size_invalidations[s]++;
    }
}

static void count_dropped(void *context, uint64_t tag)
{
    struct tlb_level *level = context;
    enum page_size size = tlb_tag_size(tag);
    level->valid[size]--;
    level->counts.invalidations++;
    level->counts.size_invalidations[size]++;
}

static void level_drop_spaces(struct tlb_level *level, struct tlb_spaces spaces)
{
    bool everything = spaces.first == 0 && spaces.last == UINT32_MAX;
    for (unsigned i = 0; i < PAGE_SIZE_COUNT; i++)
        tlb_array_drop_spaces(&level->array[i], spaces, everything ? NULL : count_dropped, level);
    if (!everything) return;
    for (unsigned i = 0; i < PAGE_SIZE_COUNT; i++) { /* all of them: no need to count one by one */
        level->counts.invalidations += level->valid[i];
        level->counts.size_invalidations[i] += level->valid[i];
        level->valid[i] = 0;
    }
}

void cpu_drop_structures(struct cpu *cpu, struct tlb_spaces spaces)
{
    for (unsigned i = 0; i < PSC_COUNT; i++)
        tlb_array_drop_spaces(&cpu->psc[i], spaces, NULL, NULL);
}

void cpu_drop_page(struct cpu *cpu, va_t at, uint32_t space)
{
    level_drop(&cpu->l1d, at, space);
    level_drop(&cpu->l1i, at, space);
    level_drop(&cpu->l2, at, space);
    level_drop(&cpu->l2i, at, space);
}

void cpu_drop_spaces(struct cpu *cpu, struct tlb_spaces spaces)
{
    level_drop_spaces(&cpu->l1d, spaces);
    level_drop_spaces(&cpu->l1i, spaces);
    level_drop_spaces(&cpu->l2, spaces);
    level_drop_spaces(&cpu->l2i, spaces);
    cpu_drop_structures(cpu, spaces);
}
