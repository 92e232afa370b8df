/* The memory manager as a whole: set-up, address space switches, stacks and objects. */
#include "mm/mm.h"

#include "base/check.h"

enum { STACK_PAGES_64 = 6, STACK_PAGES_32 = 3, OBJECT_ALIGN_BYTES = 16 };

static bool table_take(void *context, pfn_t *out)
{
    return frame_take(context, WANT_ZEROED, OWNER_TABLE, out);
}

static void table_give(void *context, pfn_t f)
{
    frame_give(context, f);
}

bool mm_init(struct mm *mm, const struct allocator *from, struct hw *hw,
             const struct mm_config *config)
{
    *mm = (struct mm){ .from = from, .config = config, .hw = hw,
                       .next_stack = config->stack_base, .next_object = config->object_base };
    if (config->system_pages >= hw->phys.ram_pages) return false;
    hw->tables = (struct table_source){ table_take, table_give, mm };
    frames_init(mm, config);
    syspte_init(mm, config);
    pools_init(mm, config);
    mdls_init(mm);
    if (paging_init(hw, &hw->system, 0)) return true;
    mm_free(mm);
    return false;
}

void mm_free(struct mm *mm)
{
    if (mm->frames.total == 0) return; /* never set up */
    mdls_free(mm);
    lock_free(&mm->pfn_lock, mm->from);
    lock_free(&mm->pte_lock, mm->from);
    pools_free(mm);
    syspte_free(mm);
    frames_free(mm);
    spaces_free(mm);
    mem_free(mm->from, mm->secures, mm->secure_capacity, sizeof *mm->secures);
    *mm = (struct mm){ .from = mm->from };
}

void mm_switch(struct mm *mm, struct process *p)
{
    mm->current = p;
    tlb_load_cr3(mm->hw, p != NULL ? &p->map : &mm->hw->system);
}

bool mm_new_stack(struct mm *mm, va_t *out)
{
    uint64_t frames[STACK_PAGES_64];
    uint64_t count = mm->config->is_64_bit ? STACK_PAGES_64 : STACK_PAGES_32;
    va_t at = mm->next_stack;
    if (!paging_reserve(mm->hw, &mm->hw->system, at, count)) return false;
    if (frames_available(mm) < count) return false;
    uint64_t got = frames_take(mm, count, WANT_ANY, OWNER_STACK, 0, UINT64_MAX, UINT32_MAX, false,
                               frames);
    CHECK2(got == count, got, count);
    for (uint64_t i = 0; i < count; i++) frame_set_cache(mm, pfn(frames[i]), FRAME_CACHED);
    paging_set_range(mm->hw, &mm->hw->system, at, frames, count,
                     PTE_PRESENT | PTE_WRITE | PTE_GLOBAL | PTE_NO_EXECUTE);
    mm->next_stack = va_add(at, (count + 1) * PAGE_BYTES); /* one page between stacks stays empty */
    *out = at;
    return true;
}

va_t mm_new_object(struct mm *mm, uint64_t bytes)
{
    va_t at = mm->next_object;
    uint64_t room = (bytes + OBJECT_ALIGN_BYTES - 1) / OBJECT_ALIGN_BYTES * OBJECT_ALIGN_BYTES;
    mm->next_object = va_add(at, room == 0 ? OBJECT_ALIGN_BYTES : room);
    return at;
}
