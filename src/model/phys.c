/* Physical memory: which addresses exist, and the contents of what was written. */
#include "model/phys.h"

#include "base/check.h"

#include <string.h>

void phys_init(struct phys *p, const struct allocator *from, const struct phys_range *ram,
               size_t ram_count, const struct phys_range *bars, size_t bar_count)
{
    *p = (struct phys){ .from = from,
                        .ram = ram,
                        .ram_count = ram_count,
                        .bars = bars,
                        .bar_count = bar_count };
    for (size_t i = 0; i < RECENT_PAGES; i++) p->recent[i].pfn = UINT64_MAX;
    for (size_t i = 0; i < ram_count; i++) p->ram_pages += ram[i].page_count;
    map_init(&p->pages, from);
    map_init(&p->zero, from);
}

static void page_free(struct phys *p, struct phys_page *page)
{
    if (page->known != NULL) mem_free(p->from, page->known, PAGE_BYTES / 8, 1);
    mem_free(p->from, page, 1, sizeof *page);
}

void phys_free(struct phys *p)
{
    for (struct phys_page *page = p->stored, *next; page != NULL; page = next) {
        next = page->next;
        page_free(p, page);
    }
    map_free(&p->pages);
    map_free(&p->zero);
}

static const struct phys_range *range_at(const struct phys_range *list, size_t count, pfn_t f)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].first.v <= f.v)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0) return NULL;
    const struct phys_range *r = &list[low - 1];
    return f.v - r->first.v < r->page_count ? r : NULL;
}

const struct phys_range *phys_ram_at(const struct phys *p, pfn_t f)
{
    return range_at(p->ram, p->ram_count, f);
}

const struct phys_range *phys_bar_at(const struct phys *p, pfn_t f)
{
    return range_at(p->bars, p->bar_count, f);
}

pfn_t phys_ram_end(const struct phys *p)
{
    if (p->ram_count == 0) return pfn(0);
    const struct phys_range *last = &p->ram[p->ram_count - 1];
    return pfn(last->first.v + last->page_count);
}

static struct recent_page *recent_slot(struct phys *p, pfn_t f)
{
    return &p->recent[f.v % RECENT_PAGES];
}

static struct phys_page *page_search(struct phys *p, pfn_t f)
{
    uint64_t stored;
    if (!map_get(&p->pages, f.v, &stored)) return NULL;
    struct phys_page *page = (struct phys_page *)(uintptr_t)stored;
    *recent_slot(p, f) = (struct recent_page){ f.v, page };
    return page;
}

static inline struct phys_page *page_at(struct phys *p, pfn_t f)
{
    const struct recent_page *recent = recent_slot(p, f);
    return __builtin_expect(recent->pfn == f.v, 1) ? recent->page : page_search(p, f);
}

static void page_drop(struct phys *p, pfn_t f)
{
    struct phys_page *page = page_at(p, f);
    if (page == NULL) return;
    if (page->previous != NULL)
        page->previous->next = page->next;
    else
        p->stored = page->next;
    if (page->next != NULL) page->next->previous = page->previous;
    page_free(p, page);
    map_remove(&p->pages, f.v);
    recent_slot(p, f)->pfn = UINT64_MAX;
}

void phys_fill(struct phys *p, pfn_t f, enum phys_fill fill)
{
    page_drop(p, f);
    if (fill == FILL_ZERO)
        map_set(&p->zero, f.v, 1);
    else
        map_remove(&p->zero, f.v);
}

static bool starts_zero(const struct phys *p, pfn_t f)
{
    return map_at(&p->zero, f.v) != 0 || phys_bar_at(p, f) != NULL;
}

static struct phys_page *page_make(struct phys *p, pfn_t f)
{
    struct phys_page *page = page_at(p, f);
    if (page != NULL) return page;
    page = mem_new(p->from, 1, sizeof *page);
    page->pfn = f.v;
    if (!starts_zero(p, f)) page->known = mem_new(p->from, PAGE_BYTES / 8, 1);
    page->next = p->stored;
    if (p->stored != NULL) p->stored->previous = page;
    p->stored = page;
    map_set(&p->pages, f.v, (uint64_t)(uintptr_t)page);
    *recent_slot(p, f) = (struct recent_page){ f.v, page };
    return page;
}

/* Merges two ascending lists that are linked by ->next. */
static struct phys_page *merge(struct phys_page *a, struct phys_page *b)
{
    struct phys_page *first = NULL, **end = &first;
    while (a != NULL && b != NULL) {
        struct phys_page **lower = a->pfn < b->pfn ? &a : &b;
        *end = *lower;
        *lower = (*lower)->next;
        end = &(*end)->next;
    }
    *end = a != NULL ? a : b;
    return first;
}

/* Merge sort without memory of its own: run i holds 2^i pages or none. */
const struct phys_page *phys_stored(struct phys *p)
{
    struct phys_page *runs[64] = { NULL }, *all = NULL;
    for (struct phys_page *page = p->stored, *next; page != NULL; page = next) {
        size_t i = 0;
        next = page->next;
        page->next = NULL;
        for (; runs[i] != NULL; i++) {
            page = merge(runs[i], page);
            runs[i] = NULL;
        }
        runs[i] = page;
    }
    for (size_t i = 0; i < COUNT_OF(runs); i++) all = merge(runs[i], all);
    p->stored = all;
    for (struct phys_page *page = all, *before = NULL; page != NULL; page = page->next) {
        page->previous = before;
        before = page;
    }
    return all;
}

void phys_copy(struct phys *p, pfn_t to, pfn_t from)
{
    struct phys_page *source = page_at(p, from);
    if (source == NULL) {
        phys_fill(p, to, starts_zero(p, from) ? FILL_ZERO : FILL_UNKNOWN);
        return;
    }
    phys_fill(p, to, source->known == NULL ? FILL_ZERO : FILL_UNKNOWN);
    struct phys_page *target = page_make(p, to);
    memcpy(target->words, source->words, PAGE_BYTES);
    if (source->known != NULL) memcpy(target->known, source->known, PAGE_BYTES / 8);
}

uint64_t *phys_table_search(struct phys *p, pfn_t f)
{
    struct phys_page *page = page_at(p, f);
    if (page == NULL) {
        map_set(&p->zero, f.v, 1);
        page = page_make(p, f);
    }
    return page->words;
}

enum { HOST_IS_LITTLE = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ };

void phys_page_get(const struct phys_page *page, uint64_t offset, void *out, size_t bytes)
{
    if (HOST_IS_LITTLE) {
        memcpy(out, (const uint8_t *)page->words + offset, bytes);
        return;
    }
    uint8_t *to = out;
    for (uint64_t i = offset; i < offset + bytes; i++)
        *to++ = (uint8_t)(page->words[i / 8] >> (i % 8 * 8));
}

static void page_put(struct phys_page *page, uint64_t offset, const void *in, size_t bytes)
{
    if (HOST_IS_LITTLE) {
        memcpy((uint8_t *)page->words + offset, in, bytes);
        return;
    }
    const uint8_t *from = in;
    for (uint64_t i = offset; i < offset + bytes; i++) {
        unsigned shift = (unsigned)(i % 8 * 8);
        uint64_t cleared = page->words[i / 8] & ~(UINT64_C(0xFF) << shift);
        page->words[i / 8] = cleared | (uint64_t)*from++ << shift;
    }
}

bool phys_read(struct phys *p, pa_t at, void *out, size_t bytes)
{
    uint64_t offset = at.v & PAGE_MASK;
    CHECK(offset + bytes <= PAGE_BYTES);
    struct phys_page *page = page_at(p, pa_to_pfn(at));
    if (page == NULL) {
        memset(out, 0, bytes);
        return starts_zero(p, pa_to_pfn(at));
    }
    phys_page_get(page, offset, out, bytes);
    if (page->known == NULL) return true;
    for (uint64_t i = offset; i < offset + bytes; i++)
        if ((page->known[i / 8] >> (i % 8) & 1) == 0) return false;
    return true;
}

void phys_write(struct phys *p, pa_t at, const void *in, size_t bytes)
{
    uint64_t offset = at.v & PAGE_MASK;
    CHECK(offset + bytes <= PAGE_BYTES);
    struct phys_page *page = page_make(p, pa_to_pfn(at));
    page_put(page, offset, in, bytes);
    if (page->known == NULL) return;
    for (uint64_t i = offset; i < offset + bytes; i++)
        page->known[i / 8] = (uint8_t)(page->known[i / 8] | 1u << (i % 8));
}
