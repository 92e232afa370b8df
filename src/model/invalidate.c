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

/* All of them: no need to count one by one. */
static void level_empty(struct tlb_level *level)
{
    uint64_t dropped = 0;
    if ((level->valid[PAGE_4K] | level->valid[PAGE_2M] | level->valid[PAGE_1G]) == 0) return;
    for (unsigned i = 0; i < PAGE_SIZE_COUNT; i++)
        if (level->array[i].valid_count != 0) dropped += tlb_array_empty(&level->array[i]);
    level->counts.invalidations += dropped;
    for (unsigned i = 0; i < PAGE_SIZE_COUNT; i++) {
        level->counts.size_invalidations[i] += level->valid[i];
        level->valid[i] = 0;
    }
}

static void level_drop_spaces(struct tlb_level *level, struct tlb_spaces spaces)
{
    if (tlb_is_every_space(spaces)) {
        level_empty(level);
        return;
    }
    for (unsigned i = 0; i < PAGE_SIZE_COUNT; i++)
        tlb_array_drop_spaces(&level->array[i], spaces, count_dropped, level);
}

void cpu_drop_structures(struct cpu *cpu, struct tlb_spaces spaces)
{
    for (unsigned i = 0; i < PSC_COUNT; i++) {
        struct tlb_array *a = &cpu->psc[i];
        if (a->valid_count == 0) continue;
        if (tlb_is_every_space(spaces)) tlb_array_empty(a);
        else tlb_array_drop_spaces(a, spaces, NULL, NULL);
    }
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
