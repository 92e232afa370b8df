/* Notes "CORE" and "QEMU" in the layout of QEMU's dump-guest-memory (its target/i386/
 * arch_dump.c), and "mdlsim" for what those have no place for. */
#include "trace/memory_dump_notes.h"

#include "model/control.h"

#include <string.h>

/* Types of our own notes are far from those that programs know by the number alone. */
enum { NOTE_QEMU, NOTE_PRSTATUS, NOTE_ADDRESS_SPACE = 0x4D444C01, NOTE_PROCESSOR = 0x4D444C02 };
enum {
    STATE_VERSION = 1,
    STATE_BYTES = 440, /* struct QEMUCPUState with its kernel_gs_base */
    STATE_REGISTER_BYTES = 16 * 8,
};

void dump_put(struct text *t, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) text_char(t, (char)(value >> (8 * i) & 0xFF));
}

static void put_zeros(struct text *t, size_t count)
{
    for (size_t i = 0; i < count; i++) text_char(t, 0);
}

static void pad(struct text *t)
{
    while (t->length % 4 != 0) text_char(t, 0);
}

/* Header and name of a note; its content of `bytes` bytes and pad() follow. */
static void put_note(struct text *t, const char *name, uint32_t type, size_t bytes)
{
    size_t length = strlen(name) + 1;
    dump_put(t, length, 4);
    dump_put(t, bytes, 4);
    dump_put(t, type, 4);
    text_bytes(t, name, length);
    pad(t);
}

/* Segments of a processor in kernel mode: flat, the high half of a descriptor in `flags` (SDM
 * volume 3A, section 3.4.5). The selectors are those of ntddk.h, KGDT64_* and KGDT_*. */
struct segment {
    uint32_t selector, limit, flags;
};
enum { SEGMENT_CS, SEGMENT_DS, SEGMENT_ES, SEGMENT_FS, SEGMENT_GS, SEGMENT_SS, SEGMENT_COUNT };
static const struct segment segments_64[SEGMENT_COUNT] = {
    [SEGMENT_CS] = { 0x10, 0, 0x00209B00 },
    [SEGMENT_DS] = { 0x2B, 0xFFFFFFFF, 0x00CFF300 },
    [SEGMENT_ES] = { 0x2B, 0xFFFFFFFF, 0x00CFF300 },
    [SEGMENT_FS] = { 0x53, 0xFFFFFFFF, 0x00CFF300 },
    [SEGMENT_GS] = { 0x2B, 0xFFFFFFFF, 0x00CFF300 },
    [SEGMENT_SS] = { 0x18, 0, 0x00409300 },
};
static const struct segment segments_32[SEGMENT_COUNT] = {
    [SEGMENT_CS] = { 0x08, 0xFFFFFFFF, 0x00CF9B00 },
    [SEGMENT_DS] = { 0x23, 0xFFFFFFFF, 0x00CFF300 },
    [SEGMENT_ES] = { 0x23, 0xFFFFFFFF, 0x00CFF300 },
    [SEGMENT_FS] = { 0x30, 0xFFFFFFFF, 0x00CF9300 },
    [SEGMENT_GS] = { 0 },
    [SEGMENT_SS] = { 0x10, 0xFFFFFFFF, 0x00CF9300 },
};
static const uint64_t flags_register = 0x2; /* bit 1 is always 1 */

/* struct elf_prstatus of x86-64: process number at 32, user_regs_struct at 112. */
static void put_status_64(struct text *t, uint32_t number)
{
    put_note(t, "CORE", NOTE_PRSTATUS, 336);
    put_zeros(t, 32);
    dump_put(t, number + 1, 4);
    put_zeros(t, 76 + 17 * 8); /* r15 to orig_rax, rip */
    dump_put(t, segments_64[SEGMENT_CS].selector, 8);
    dump_put(t, flags_register, 8);
    dump_put(t, 0, 8); /* rsp */
    dump_put(t, segments_64[SEGMENT_SS].selector, 8);
    put_zeros(t, 2 * 8); /* bases of fs and gs */
    for (size_t i = SEGMENT_DS; i <= SEGMENT_GS; i++) dump_put(t, segments_64[i].selector, 8);
    put_zeros(t, 8);
}

/* The same of i386: process number at 24, registers at 72. */
static void put_status_32(struct text *t, uint32_t number)
{
    put_note(t, "CORE", NOTE_PRSTATUS, 144);
    put_zeros(t, 24);
    dump_put(t, number + 1, 4);
    put_zeros(t, 44 + 7 * 4); /* ebx to eax */
    for (size_t i = SEGMENT_DS; i <= SEGMENT_GS; i++) dump_put(t, segments_32[i].selector, 4);
    put_zeros(t, 2 * 4); /* orig_eax, eip */
    dump_put(t, segments_32[SEGMENT_CS].selector, 4);
    dump_put(t, flags_register, 4);
    dump_put(t, 0, 4); /* esp */
    dump_put(t, segments_32[SEGMENT_SS].selector, 4);
    put_zeros(t, 4);
}

static void put_segment(struct text *t, const struct segment *segment)
{
    dump_put(t, segment->selector, 4);
    dump_put(t, segment->limit, 4);
    dump_put(t, segment->flags, 4);
    put_zeros(t, 4 + 8); /* padding, base */
}

/* struct QEMUCPUState, version 1. */
static void put_state(struct text *t, const struct hw *hw, const struct cpu *cpu)
{
    const struct segment *segments = hw->mode == PAGING_PAE ? segments_32 : segments_64;
    struct control_registers control = control_registers(hw, cpu);
    put_note(t, "QEMU", NOTE_QEMU, STATE_BYTES);
    dump_put(t, STATE_VERSION, 4);
    dump_put(t, STATE_BYTES, 4);
    put_zeros(t, STATE_REGISTER_BYTES + 8); /* rax to r15, rip */
    dump_put(t, flags_register, 8);
    for (size_t i = 0; i < SEGMENT_COUNT; i++) put_segment(t, &segments[i]);
    for (size_t i = 0; i < 4; i++) put_segment(t, &(struct segment){ 0 }); /* ldt tr gdt idt */
    dump_put(t, control.cr0, 8);
    put_zeros(t, 2 * 8); /* cr1, and cr2: no fault is under way */
    dump_put(t, control.cr3, 8);
    dump_put(t, control.cr4, 8);
    put_zeros(t, 8); /* kernel_gs_base */
}

static void put_processor(struct text *t, const struct hw *hw, const struct cpu *cpu)
{
    put_note(t, "mdlsim", NOTE_PROCESSOR, 16);
    dump_put(t, cpu->number, 8);
    dump_put(t, control_registers(hw, cpu).efer, 8);
}

static void put_address_space(struct text *t, uint32_t space, uint64_t cr3, const char *name,
                              const char *side)
{
    size_t length = strlen(name), side_length = strlen(side);
    put_note(t, "mdlsim", NOTE_ADDRESS_SPACE, 16 + length + side_length + 1);
    dump_put(t, space, 8);
    dump_put(t, cr3, 8);
    text_bytes(t, name, length);
    text_bytes(t, side, side_length + 1);
    pad(t);
}

static void put_process(struct text *t, const struct hw *hw, const struct process *p)
{
    const struct page_map *map = &p->map;
    if (hw->maps[map->space - 1] == NULL) return; /* it is gone */
    put_address_space(t, map->space, control_cr3(map), p->name, "");
    if (page_map_has_shadow(hw, map))
        put_address_space(t, map->space, control_user_cr3(map), p->name, " (user mode)");
}

void dump_put_notes(struct text *t, const struct sim *s)
{
    const struct hw *hw = &s->hw;
    for (uint32_t i = 0; i < hw->cpu_count; i++) {
        if (hw->mode == PAGING_PAE)
            put_status_32(t, i);
        else
            put_status_64(t, i);
    }
    for (uint32_t i = 0; i < hw->cpu_count; i++) put_state(t, hw, &hw->cpus[i]);
    for (uint32_t i = 0; i < hw->cpu_count; i++) put_processor(t, hw, &hw->cpus[i]);
    put_address_space(t, hw->system.space, control_cr3(&hw->system), "System", "");
    for (size_t i = 0; i < s->mm.process_count; i++) put_process(t, hw, s->mm.processes[i]);
}
