/* Arguments by the rows of a routine, from what the program has got hold of. */
#include "world.h"

#include <string.h>

#include "base/check.h"

/* ---- pools ---- */

uint32_t draw_mdl(struct world *w)
{
    uint32_t first = mdl_next_live(&w->mm, 0), live = 0;
    for (uint32_t id = first; id != 0; id = mdl_next_live(&w->mm, id)) live++;
    if (live == 0) return 0;
    uint32_t id = first;
    for (uint64_t n = below(w, live); n > 0; n--) id = mdl_next_live(&w->mm, id);
    return id;
}

static bool block_fits(const struct pool_block *b)
{
    return b->live && !b->internal;
}

const struct pool_block *draw_block(struct world *w)
{
    const struct pools *pools = &w->mm.pools;
    uint64_t fitting = 0;
    for (size_t i = 0; i < pools->block_count; i++) fitting += block_fits(&pools->blocks[i]);
    if (fitting == 0) return NULL;
    uint64_t n = below(w, fitting);
    for (size_t i = 0;; i++)
        if (block_fits(&pools->blocks[i]) && n-- == 0) return &pools->blocks[i];
}

const struct reservation *draw_reservation(struct world *w)
{
    size_t count = w->k.reservation_count;
    return count == 0 ? NULL : &w->k.reservations[below(w, count)];
}

/* A number near the start or the end of a range. */
static uint64_t near(struct world *w, uint64_t at, uint64_t bytes)
{
    switch (below(w, 6)) {
    case 0:
        return at;
    case 1:
        return at + bytes;
    case 2:
        return at + bytes - 1;
    case 3:
        return at - 1 - below(w, 16);
    default:
        return at + (bytes > 0 ? below(w, bytes) : 0);
    }
}

static uint64_t draw_buffer_address(struct world *w)
{
    const struct buffer *b = &w->buffers[below(w, w->buffer_count)];
    uint32_t here = w->mm.current != NULL ? w->mm.current->id : 0;
    for (unsigned i = 0; i < 4 && b->process != here; i++)
        b = &w->buffers[below(w, w->buffer_count)];
    return near(w, b->at.v, b->bytes);
}

static uint64_t draw_odd_address(struct world *w)
{
    const struct mm_config *c = &w->mm_config;
    switch (below(w, 8)) {
    case 0:
        return 0;
    case 1:
        return near(w, c->highest_user.v, 2);
    case 2:
        return near(w, c->system_start.v, PAGE_BYTES);
    case 3:
        return near(w, c->syspte_base.v, c->system_ptes * PAGE_BYTES);
    case 4:
        return near(w, c->paged_base.v, c->paged_pool_bytes);
    case 5:
        return near(w, c->nonpaged_base.v, c->nonpaged_pool_bytes);
    case 6:
        return UINT64_MAX - below(w, 2 * PAGE_BYTES);
    default:
        return rng_next(&w->rng) >> below(w, 64);
    }
}

static uint64_t draw_mdl_address(struct world *w)
{
    const struct mdl *m = mdl_at(&w->mm, draw_mdl(w));
    if (m == NULL) return draw_buffer_address(w);
    if (chance(w, 15)) return m->address.v;
    return chance(w, 70) ? near(w, m->mapped_va.v, m->byte_count) : mdl_va(m).v;
}

uint64_t draw_address(struct world *w)
{
    uint64_t n = below(w, 100);
    if (n < 45) return draw_buffer_address(w);
    if (n < 65) {
        const struct pool_block *b = draw_block(w);
        if (b != NULL) return near(w, b->at.v, b->bytes);
    }
    if (n < 80) return draw_mdl_address(w);
    if (n < 94 && w->address_count > 0) {
        uint64_t kept = w->address_count < ADDRESSES_KEPT ? w->address_count : ADDRESSES_KEPT;
        return w->addresses[below(w, kept)] + (chance(w, 70) ? 0 : below(w, 2 * PAGE_BYTES));
    }
    return draw_odd_address(w);
}

uint64_t draw_length(struct world *w)
{
    switch (below(w, 24)) {
    case 0:
        return 0;
    case 1:
        return 1 + below(w, 64);
    case 2:
        return PAGE_BYTES - 1 + below(w, 3);
    case 3:
        return UINT64_MAX - below(w, 3 * PAGE_BYTES);
    case 4:
        return UINT32_MAX - below(w, 3 * PAGE_BYTES);
    case 5:
        return GIB * 2 - 2 * PAGE_BYTES + below(w, 4 * PAGE_BYTES);
    case 6:
        return below(w, 64) * MIB;
    case 7:
    case 8:
        return (1 + below(w, 64)) * PAGE_BYTES;
    case 9:
    case 10:
        return 1 + below(w, PAGE_BYTES);
    default:
        return (1 + below(w, 12)) * PAGE_BYTES - below(w, 3) * below(w, PAGE_BYTES);
    }
}

static uint64_t draw_physical(struct world *w)
{
    const struct phys_range *ram = &w->ram[below(w, 2)];
    const struct bar *bar = &w->bars[below(w, COUNT_OF(w->bars))];
    uint64_t at = below(w, 4) > 0
                      ? near(w, bar->base.v, bar->bytes)
                      : near(w, ram->first.v * PAGE_BYTES, ram->page_count * PAGE_BYTES);
    if (chance(w, 60)) at &= ~PAGE_MASK;
    return chance(w, 5) ? rng_next(&w->rng) >> below(w, 64) : at;
}

/* ---- rows ---- */

static uint64_t draw_name(struct world *w, const struct names *names)
{
    uint64_t count = 0;
    while (names->list[count].name != NULL) count++;
    return names->list[below(w, chance(w, 80) && count > 3 ? 3 : count)].value;
}

static uint64_t draw_flags(struct world *w, const struct names *names)
{
    uint64_t count = 0, flags = 0;
    while (names->list[count].name != NULL) count++;
    for (uint64_t n = below(w, 3) + 1; n > 0; n--) flags |= names->list[below(w, count)].value;
    if (names->open && chance(w, 4)) flags |= rng_next(&w->rng) & UINT32_MAX;
    return flags;
}

static uint64_t draw_tag(struct world *w)
{
    static const uint32_t tags[] = { 0x31676154, 0x31676154, 0x31676154, 0x32676154, 0x33676154,
                                     0x30676154, 0,          0x00474942, 0x2E2E2E2E, 0xFF676154 };
    return tags[below(w, chance(w, 90) ? 5 : COUNT_OF(tags))];
}

static uint32_t draw_irp(struct world *w)
{
    if (w->k.irp_count == 0 || chance(w, 50)) return 0;
    return 1 + (uint32_t)below(w, w->k.irp_count);
}

/* NULL and MDLs that were freed now and then. */
static uint32_t draw_any_mdl(struct world *w)
{
    if (chance(w, 2)) return 0;
    if (chance(w, 2) && w->mm.mdls.count > 0) return 1 + (uint32_t)below(w, w->mm.mdls.count);
    return draw_mdl(w);
}

static uint64_t draw_number(struct world *w, const struct field *f)
{
    uint64_t most = f->max != 0            ? f->max
                    : f->type == FIELD_U8  ? UINT8_MAX
                    : f->type == FIELD_U32 ? UINT32_MAX
                                           : UINT64_MAX;
    if (chance(w, 70)) return below(w, most < 4 ? most + 1 : 4);
    return most - (chance(w, 50) ? 0 : below(w, most < 8 ? most + 1 : 8));
}

static void draw_list(struct world *w, const struct field *f, void *record)
{
    struct list_arg list = { w->list, below(w, LIST_MOST + 1) };
    for (uint64_t i = 0; i < list.count; i++) {
        bool pages = strcmp(f->key, "SegmentArray") == 0;
        w->list[i][0] = pages ? draw_address(w) : draw_physical(w);
        if (chance(w, 90)) w->list[i][0] &= ~PAGE_MASK;
        w->list[i][1] = pages ? 0 : draw_length(w);
        if (chance(w, 90)) w->list[i][1] &= ~PAGE_MASK;
    }
    memcpy((char *)record + f->offset, &list, sizeof list);
}

static uint64_t draw_value(struct world *w, const struct field *f)
{
    uint64_t n;
    switch (f->type) {
    case FIELD_BOOL:
        return chance(w, 15);
    case FIELD_VA:
        return f->flags & FIELD_OPTIONAL && chance(w, 60) ? 0 : draw_address(w);
    case FIELD_PA:
        return draw_physical(w);
    case FIELD_SIZE:
    case FIELD_TIME:
        n = draw_length(w);
        return f->max != 0 && n > f->max ? f->max - below(w, 2) : n;
    case FIELD_NAME:
        return draw_name(w, f->names);
    case FIELD_FLAGS:
        return draw_flags(w, f->names);
    case FIELD_TAG:
        return draw_tag(w);
    case FIELD_MDL:
        return draw_any_mdl(w);
    case FIELD_IRP:
        return draw_irp(w);
    case FIELD_PROCESS:
        return chance(w, 5) ? 0 : 1 + below(w, PROCESS_COUNT);
    case FIELD_HEX:
        return f->names != NULL ? draw_flags(w, f->names) : draw_number(w, f);
    case FIELD_U8:
    case FIELD_U32:
    case FIELD_U64:
        return draw_number(w, f);
    default:
        BUG2("no way to draw an argument of this type", f->type, 0);
    }
}

bool draw_arguments(struct world *w, const struct routine *r, void *record)
{
    memset(record, 0, ROUTINE_ARGS_BYTES);
    for (const struct field *f = r->args; f->key != NULL; f++) {
        if (f->flags & FIELD_OUT) continue;
        if (f->type == FIELD_LIST)
            draw_list(w, f, record);
        else
            field_set(f, record, draw_value(w, f));
    }
    return chance(w, w->wild_percent) || fit_arguments(w, r, record);
}
