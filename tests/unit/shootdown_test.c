/* Unit tests of model/shootdown: who is interrupted, what it costs each, and who waits how long. */
#include "hw_machine.h"

enum { BLOCK_PAGES = 512 };

/* Prices that no two sums of share. */
#define PRICES                                                                                     \
    .price = { [COST_IPI] = 1000, [COST_IPI_NEAR] = 10, [COST_IPI_HOP] = 20, [COST_IPI_FAR] = 50,  \
               [COST_INTERRUPT] = 300, [COST_INVLPG] = 7, [COST_TLB_FLUSH] = 90,                   \
               [COST_INVLPGB] = 40 }

static uint64_t clock_of(const struct hw_machine *m, uint32_t cpu)
{
    return m->hw.cpus[cpu].clock.v;
}

static void reset(struct hw_machine *m)
{
    for (uint32_t i = 0; i < m->hw.cpu_count; i++) {
        struct cpu *cpu = &m->hw.cpus[i];
        cpu->clock = cycles(0);
        cpu->answered = cycles(0);
        cpu->serving.count = 0;
        cpu->idle = cpu->interrupts = 0;
        memset(cpu->spent, 0, sizeof cpu->spent);
        memset(&cpu->flushes, 0, sizeof cpu->flushes);
    }
    on(m, 0);
}

Test(shootdown, one_processor_interrupts_nobody)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 1, PRICES });
    load(&m, 0, 1);
    reset(&m);
    tlb_flush_range(&m.hw, va(HW_SYSTEM), 3);
    cr_expect_eq(clock_of(&m, 0), 1 + 3 * 7); /* flush_range, INVLPG */
    cr_expect_eq(m.hw.cpus[0].flushes.invlpg, 3);
    cr_expect_eq(m.hw.cpus[0].flushes.shootdowns_sent, 0);
    tlb_flush_range(&m.hw, va(HW_SYSTEM), 5);
    cr_expect_eq(m.hw.cpus[0].flushes.full, 1);
    hw_machine_stop(&m);
}

Test(shootdown, system_space_concerns_all)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 3, PRICES });
    for (uint32_t i = 0; i < 3; i++) {
        load(&m, i, i);
        touch_page(&m, i, HW_SYSTEM, false);
    }
    reset(&m);
    paging_clear_range(&m.hw, &m.hw.system, va(HW_SYSTEM), 1);
    uint64_t start = clock_of(&m, 0);
    tlb_flush_range(&m.hw, va(HW_SYSTEM), 1);
    for (uint32_t i = 0; i < 3; i++) cr_expect_not(holds(&m, i, HW_SYSTEM), "CPU %u", i);
    /* The last request leaves after 1000 + 10 + 10; its target works 300 + 1 + 7. */
    cr_expect_eq(clock_of(&m, 0) - start, 1020 + 308);
    cr_expect_eq(m.hw.cpus[0].spent[COST_IPI_WAIT], 308 - 8);
    cr_expect_eq(m.hw.cpus[0].flushes.shootdowns_sent, 2);
    for (uint32_t i = 1; i < 3; i++) {
        cr_expect_eq(clock_of(&m, i), 308);
        cr_expect_eq(m.hw.cpus[i].interrupts, 308);
        cr_expect_eq(m.hw.cpus[i].flushes.shootdowns_received, 1);
        cr_expect_eq(m.hw.cpus[i].flushes.invlpg, 1);
    }
    hw_check(&m.hw, nothing_is_stale, NULL);
    hw_machine_stop(&m);
}

Test(shootdown, user_space_concerns_those_that_have_it_loaded)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 4, PRICES });
    static const uint32_t spaces[] = { 1, 2, 1, 0 };
    for (uint32_t i = 0; i < 4; i++) load(&m, i, spaces[i]);
    touch_page(&m, 0, HW_USER, true);
    touch_page(&m, 1, HW_USER, true);
    touch_page(&m, 2, HW_USER, true);
    reset(&m);
    paging_clear_range(&m.hw, &m.map[0], va(HW_USER), 1);
    tlb_flush_page(&m.hw, va(HW_USER));
    cr_expect_not(holds(&m, 0, HW_USER));
    cr_expect(holds(&m, 1, HW_USER), "another process");
    cr_expect_not(holds(&m, 2, HW_USER));
    cr_expect_eq(m.hw.cpus[0].flushes.shootdowns_sent, 1);
    cr_expect_eq(clock_of(&m, 1), 0);
    cr_expect_eq(clock_of(&m, 3), 0);
    hw_check(&m.hw, nothing_is_stale, NULL);
    hw_machine_stop(&m);
}

Test(shootdown, a_flush_of_a_map_that_is_not_loaded_here)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 2, PRICES });
    load(&m, 0, 1);
    load(&m, 1, 2);
    touch_page(&m, 1, HW_USER, true);
    reset(&m);
    flush_begin(&m.hw, &m.map[1]);
    flush_add(&m.hw, va(HW_USER), 1);
    flush_end(&m.hw);
    cr_expect_not(holds(&m, 1, HW_USER));
    cr_expect_eq(m.hw.cpus[0].flushes.invlpg, 0);
    cr_expect_eq(m.hw.cpus[0].spent[COST_IPI], 1000);
    hw_machine_stop(&m);
}

Test(shootdown, scattered_pages_are_one_request)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 2, PRICES });
    load(&m, 0, 1);
    load(&m, 1, 1);
    for (uint64_t i = 0; i < 8; i++) touch_page(&m, 1, HW_USER + i * PAGE_BYTES, true);
    reset(&m);
    flush_begin(&m.hw, &m.map[0]);
    flush_add(&m.hw, va(HW_USER), 1);
    flush_add(&m.hw, va(HW_USER + PAGE_BYTES), 1);
    flush_add(&m.hw, va(HW_USER + 5 * PAGE_BYTES), 2);
    flush_end(&m.hw);
    for (uint64_t i = 0; i < 8; i++)
        cr_expect_eq(holds(&m, 1, HW_USER + i * PAGE_BYTES), i == 2 || i == 3 || i == 4 || i == 7);
    cr_expect_eq(m.hw.cpus[0].flushes.shootdowns_sent, 1);
    cr_expect_eq(m.hw.cpus[1].flushes.invlpg, 4);
    flush_begin(&m.hw, &m.map[0]);
    flush_end(&m.hw); /* nothing to flush */
    cr_expect_eq(m.hw.cpus[0].flushes.shootdowns_sent, 1);
    hw_machine_stop(&m);
}

/* Section 7 of the calibration: the two measured anchors, in ns at 1 GHz. */
Test(shootdown, anchors_of_the_measurements)
{
    static const struct {
        uint32_t cpus, sockets;
        uint64_t ns;
    } anchors[] = { { 16, 2, 2500 }, { 120, 8, 108000 } };
    for (size_t i = 0; i < COUNT_OF(anchors); i++) {
        struct hw_machine m;
        hw_machine_start(&m, &(struct hw_plan){ .cpus = anchors[i].cpus,
                                                .sockets = anchors[i].sockets,
                                                .price = { [COST_IPI] = 450, [COST_IPI_NEAR] = 60,
                                                           [COST_IPI_HOP] = 150,
                                                           [COST_IPI_FAR] = 1000,
                                                           [COST_INTERRUPT] = 267,
                                                           [COST_INVLPG] = 73 } });
        reset(&m);
        tlb_flush_page(&m.hw, va(HW_SYSTEM));
        uint64_t took = clock_of(&m, 0), ns = anchors[i].ns;
        cr_expect(took > ns - ns / 20 && took < ns + ns / 20, "%llu for %llu",
                  (unsigned long long)took, (unsigned long long)ns);
        hw_machine_stop(&m);
    }
}

Test(shootdown, sockets_are_filled_in_order)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 7, .sockets = 3, PRICES }); /* 3, 3, 1 */
    on(&m, 3);
    tlb_flush_page(&m.hw, va(HW_SYSTEM));
    cr_expect_eq(m.hw.cpus[3].spent[COST_IPI_NEAR], 2 * 10);
    cr_expect_eq(m.hw.cpus[3].spent[COST_IPI_HOP], 4 * 20);
    cr_expect_eq(m.hw.cpus[3].spent[COST_IPI_FAR], 0);
    hw_machine_stop(&m);
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 10, .sockets = 5, PRICES });
    on(&m, 9);
    tlb_flush_page(&m.hw, va(HW_SYSTEM));
    cr_expect_eq(m.hw.cpus[9].spent[COST_IPI_NEAR], 10);
    cr_expect_eq(m.hw.cpus[9].spent[COST_IPI_FAR], 8 * 50);
    hw_machine_stop(&m);
}

/* Two requests reach a processor at one time: the second is served after the first, in the same
 * interrupt. A later one takes an interrupt of its own. */
Test(shootdown, requests_queue_at_their_target)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 3, PRICES });
    load(&m, 0, 1);
    load(&m, 1, 1);
    load(&m, 2, 2);
    reset(&m);
    flush_begin(&m.hw, &m.map[0]);
    flush_add(&m.hw, va(HW_USER), 1);
    on(&m, 0);
    flush_end(&m.hw);
    uint64_t first = clock_of(&m, 0);
    cr_expect_eq(first, 1010 + 308);
    on(&m, 2);
    m.hw.cpus[0].map = &m.hw.system; /* left the space meanwhile */
    flush_end(&m.hw);
    cr_expect_eq(clock_of(&m, 2), 1010 + 308 + 8);
    cr_expect_eq(clock_of(&m, 1), 308 + 8);
    flush_end(&m.hw);
    cr_expect_eq(clock_of(&m, 2), 2 * (1010 + 308) + 8);
    cr_expect_eq(clock_of(&m, 1), 2 * 308 + 8);
    hw_machine_stop(&m);
}

/* The processor that runs holds something that nobody else wants. */
static void hold_for(struct hw_machine *m, struct hold_queue *queue, uint64_t cycles)
{
    static struct lock_counts counts;
    cr_assert_eq(hold_begin(&m->hw, queue, &counts, false, false), 0);
    charge(&m->hw, COST_CALL, cycles);
    hold_end(&m->hw, queue, m->hw.cpu->clock.v);
}

/* A lock that the target held when the request came is held so much longer, and one that it had
 * given back by then is not, nor one that it holds at a level that keeps the request waiting. */
Test(shootdown, a_request_lengthens_a_hold)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 2, PRICES });
    reset(&m);
    struct hold_queue before = { 0 }, during = { 0 }, masked = { 0 };
    on(&m, 1);
    hold_for(&m, &before, 1000 + 10); /* until the request has been sent and reaches its target */
    hold_for(&m, &during, 1);
    charge(&m.hw, COST_CALL, 3989);
    on(&m, 0);
    tlb_flush_page(&m.hw, va(HW_SYSTEM));
    hold_settle(&m.hw);
    const struct hold *list = m.hw.cpus[1].holds.list;
    cr_expect_eq(clock_of(&m, 1), 5000 + 308);
    cr_expect_eq(list[0].until, 1010);
    cr_expect_eq(list[1].until, 1011 + 308);
    on(&m, 1);
    m.hw.horizon = m.hw.cpu->clock; /* its next step */
    hold_for(&m, &masked, 10000);
    on(&m, 0);
    hw_mask(&m.hw, &m.hw.cpus[1], true);
    charge(&m.hw, COST_CALL, 5000);
    tlb_flush_page(&m.hw, va(HW_SYSTEM));
    hold_settle(&m.hw);
    cr_expect_eq(m.hw.cpus[1].holds.list[0].until, 5000 + 308 + 10000);
    queue_free(&before, m.hw.from);
    queue_free(&during, m.hw.from);
    queue_free(&masked, m.hw.from);
    hw_machine_stop(&m);
}

/* The target went back to user mode, and is ahead in time of the second request, which it took up
 * in the interrupt of the first one: that loads no CR3, and must drop what user mode has. */
Test(shootdown, a_request_taken_up_drops_both_sides)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 2, .kva_shadow = true, PRICES });
    load(&m, 0, 1);
    load(&m, 1, 1);
    touch_page(&m, 1, HW_USER, true);
    reset(&m);
    tlb_flush_page(&m.hw, va(HW_USER));
    touch_page(&m, 1, HW_USER, true);
    paging_clear_range(&m.hw, &m.map[0], va(HW_USER), 1);
    memset(on(&m, 0)->spent, 0, sizeof m.hw.cpu->spent);
    m.hw.cpu->clock = cycles(0);
    tlb_flush_page(&m.hw, va(HW_USER));
    cr_expect_eq(m.hw.cpus[1].spent[COST_INTERRUPT], 300);
    hw_check(&m.hw, nothing_is_stale, NULL);
    hw_machine_stop(&m);
}

Test(shootdown, an_idle_target_answers_at_once)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 2, PRICES });
    reset(&m);
    m.hw.cpus[0].idle = 5000;
    m.hw.cpus[0].clock = cycles(5000);
    tlb_flush_page(&m.hw, va(HW_SYSTEM));
    cr_expect_eq(clock_of(&m, 0), 5000 + 1010 + 308);
    on(&m, 1);
    hw_idle(&m.hw, cycles(9000));
    cr_expect_eq(clock_of(&m, 1), 9000);
    cr_expect_eq(m.hw.cpus[1].idle, 9000 - 308);
    hw_check(&m.hw, nothing_is_stale, NULL);
    hw_machine_stop(&m);
}

Test(shootdown, a_raised_irql_keeps_the_sender_waiting)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 3, PRICES });
    touch_page(&m, 1, HW_SYSTEM, false);
    reset(&m);
    hw_mask(&m.hw, &m.hw.cpus[1], true);
    paging_clear_range(&m.hw, &m.hw.system, va(HW_SYSTEM), 1);
    uint64_t start = clock_of(&m, 0);
    tlb_flush_page(&m.hw, va(HW_SYSTEM));
    cr_expect_eq(m.hw.cpus[0].waits_for, 1);
    cr_expect(holds(&m, 1, HW_SYSTEM), "it has not been interrupted yet");
    cr_expect(flush_is_due(&m.hw, &m.hw.cpus[1], 0, va(HW_SYSTEM)));
    cr_expect_not(flush_is_due(&m.hw, &m.hw.cpus[1], 0, va(HW_SYSTEM + PAGE_BYTES)));
    hw_check(&m.hw, nothing_is_stale, NULL);
    on(&m, 1);
    charge(&m.hw, COST_CALL, 100000);
    hw_mask(&m.hw, &m.hw.cpus[1], false);
    cr_expect_eq(m.hw.cpus[0].waits_for, 0);
    cr_expect_not(holds(&m, 1, HW_SYSTEM));
    cr_expect_eq(clock_of(&m, 0), 100000 + 308);
    cr_expect_eq(clock_of(&m, 1), 100000 + 308);
    cr_expect_eq(m.hw.cpus[0].interrupts, 100308 - start - 1020 - 8);
    cr_expect_eq(m.hw.cpus[1].interrupts, 308);
    hw_check(&m.hw, nothing_is_stale, NULL);
    hw_machine_stop(&m);
}

/* Both at a raised IRQL: who waits for an answer serves requests, so neither waits for ever. */
Test(shootdown, two_senders_do_not_wait_for_each_other)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 2, PRICES });
    hw_mask(&m.hw, &m.hw.cpus[0], true);
    hw_mask(&m.hw, &m.hw.cpus[1], true);
    on(&m, 0);
    tlb_flush_page(&m.hw, va(HW_SYSTEM));
    cr_expect_eq(m.hw.cpus[0].waits_for, 1);
    on(&m, 1);
    tlb_flush_page(&m.hw, va(HW_SYSTEM));
    cr_expect_eq(m.hw.cpus[1].waits_for, 0);
    cr_expect_eq(m.hw.cpus[0].flushes.shootdowns_received, 1);
    hw_mask(&m.hw, &m.hw.cpus[1], false);
    cr_expect_eq(m.hw.cpus[0].waits_for, 0);
    hw_machine_stop(&m);
}

Test(shootdown, owed_flushes_are_given_back_at_the_end)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 2, PRICES });
    hw_mask(&m.hw, &m.hw.cpus[1], true);
    on(&m, 0);
    tlb_flush_page(&m.hw, va(HW_SYSTEM));
    tlb_flush_all(&m.hw);
    cr_expect_eq(m.hw.cpus[0].waits_for, 2);
    cr_expect(flush_is_due(&m.hw, &m.hw.cpus[1], 0, va(HW_SYSTEM + PAGE_BYTES)), "all is due");
    hw_machine_stop(&m);
}

Test(shootdown, broadcasts_interrupt_nobody)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 4, .broadcast = true, PRICES });
    for (uint32_t i = 0; i < 4; i++) {
        load(&m, i, 1);
        touch_page(&m, i, HW_USER, true);
        touch_page(&m, i, HW_SYSTEM, false);
    }
    reset(&m);
    tlb_flush_page(&m.hw, va(HW_USER));
    for (uint32_t i = 0; i < 4; i++) cr_expect_not(holds(&m, i, HW_USER), "CPU %u", i);
    for (uint32_t i = 0; i < 4; i++) cr_expect(holds(&m, i, HW_SYSTEM), "CPU %u", i);
    cr_expect_eq(clock_of(&m, 0), 40);
    cr_expect_eq(clock_of(&m, 3), 0);
    cr_expect_eq(m.hw.cpus[0].flushes.broadcasts, 1);
    cr_expect_eq(m.hw.cpus[0].flushes.shootdowns_sent, 0);
    tlb_flush_all(&m.hw);
    for (uint32_t i = 0; i < 4; i++) cr_expect_not(holds(&m, i, HW_SYSTEM), "CPU %u", i);
    hw_machine_stop(&m);
}

/* On fewer than four processors interrupts are used, as Linux does. */
Test(shootdown, few_processors_are_interrupted)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 4, .broadcast = true, PRICES });
    load(&m, 0, 1);
    load(&m, 1, 1);
    load(&m, 2, 1);
    load(&m, 3, 2);
    reset(&m);
    tlb_flush_page(&m.hw, va(HW_USER));
    cr_expect_eq(m.hw.cpus[0].flushes.broadcasts, 0);
    cr_expect_eq(m.hw.cpus[0].flushes.shootdowns_sent, 2);
    hw_machine_stop(&m);
}

Test(shootdown, a_large_page_is_one_page_of_a_flush)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 2, PRICES });
    const va_t large = va(HW_SYSTEM + 2 * MIB);
    load(&m, 0, 1);
    cr_assert(paging_reserve_large(&m.hw, &m.hw.system, large, LEVEL_PD));
    paging_set_large(&m.hw, &m.hw.system, large, LEVEL_PD, pfn(512), PTE_PRESENT | PTE_GLOBAL);
    reset(&m);
    m.hw.cpus[1].is_masked = true;
    flush_begin(&m.hw, &m.hw.system);
    flush_add_mapped(&m.hw, va(large.v - 2 * PAGE_BYTES), 2 + BLOCK_PAGES);
    flush_end(&m.hw);
    cr_expect_eq(m.hw.cpus[0].flushes.invlpg, 3);
    cr_expect_eq(m.hw.cpus[0].spent[COST_INVLPG], 3 * 7);
    const struct cpu *late = &m.hw.cpus[1];
    cr_expect(flush_owed(&m.hw, late, va(large.v + 2 * MIB - 1)) != NULL, "all of it is named");
    cr_expect(flush_owed(&m.hw, late, va(large.v + 2 * MIB)) == NULL);
    hw_mask(&m.hw, &m.hw.cpus[1], false);
    hw_machine_stop(&m);
}

Test(shootdown, caches_are_flushed_on_all_processors)
{
    struct hw_machine m;
    hw_machine_start(&m, &(struct hw_plan){ .cpus = 3, .broadcast = true, PRICES });
    for (uint32_t i = 0; i < 3; i++) load(&m, i, i + 1);
    touch_page(&m, 1, HW_USER, true);
    reset(&m);
    m.hw.cpus[2].is_masked = true;
    memory_flush_all(&m.hw);
    cr_expect_eq(m.hw.cpus[0].spent[COST_CACHE_FLUSH], 1);
    cr_expect_eq(m.hw.cpus[1].spent[COST_CACHE_FLUSH], 1);
    cr_expect_eq(m.hw.cpus[1].spent[COST_INTERRUPT], 300);
    cr_expect(holds(&m, 1, HW_USER), "no translation goes");
    cr_expect_eq(m.hw.cpus[2].spent[COST_CACHE_FLUSH], 0, "held back by the IRQL");
    cr_expect(flush_owed(&m.hw, &m.hw.cpus[2], va(HW_SYSTEM)) == NULL, "it names no page");
    cr_expect_eq(m.hw.cpus[0].waits_for, 1);
    hw_mask(&m.hw, &m.hw.cpus[2], false);
    cr_expect_eq(m.hw.cpus[2].spent[COST_CACHE_FLUSH], 1);
    cr_expect_eq(m.hw.cpus[0].waits_for, 0);
    hw_machine_stop(&m);
}
