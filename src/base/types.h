/* Typed units. An address is not a length and a frame number is not an address: mixing them up
 * does not compile. Each type is one uint64_t, so passing it by value costs nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct { uint64_t v; } va_t;     /* virtual address of the simulated machine */
typedef struct { uint64_t v; } pa_t;     /* physical address */
typedef struct { uint64_t v; } pfn_t;    /* page frame number: physical address / PAGE_BYTES */
typedef struct { uint64_t v; } cycles_t; /* time of one simulated CPU */

enum { PAGE_SHIFT_BITS = 12 };
#define PAGE_BYTES ((uint64_t)4096)
#define PAGE_MASK (PAGE_BYTES - 1)
#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define TIB ((uint64_t)1 << 40)

/* "No frame": the value that ends a PFN array whose slots are not all filled. */
#define PFN_NONE ((pfn_t){ UINT64_MAX })

static inline va_t va(uint64_t v) { return (va_t){ v }; }
static inline pa_t pa(uint64_t v) { return (pa_t){ v }; }
static inline pfn_t pfn(uint64_t v) { return (pfn_t){ v }; }
static inline cycles_t cycles(uint64_t v) { return (cycles_t){ v }; }

static inline va_t va_page(va_t a) { return va(a.v & ~PAGE_MASK); }
static inline uint64_t va_offset(va_t a) { return a.v & PAGE_MASK; }
static inline va_t va_add(va_t a, uint64_t bytes) { return va(a.v + bytes); }
static inline pa_t pfn_to_pa(pfn_t f) { return pa(f.v << PAGE_SHIFT_BITS); }
static inline pfn_t pa_to_pfn(pa_t a) { return pfn(a.v >> PAGE_SHIFT_BITS); }

/* Pages that [address, address + bytes) touches; ADDRESS_AND_SIZE_TO_SPAN_PAGES of wdm.h without
 * its overflow: 0 bytes at an unaligned address is 1, at an aligned one 0. */
static inline uint64_t span_pages(uint64_t address, uint64_t bytes)
{
    uint64_t offset = address & PAGE_MASK;
    uint64_t whole = bytes >> PAGE_SHIFT_BITS;
    uint64_t rest = bytes & PAGE_MASK;
    return whole + ((offset + rest + PAGE_MASK) >> PAGE_SHIFT_BITS);
}

/* False when a + b or a * b leaves 64 bits; *out is set only when true. */
static inline bool add_fits(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool mul_fits(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define UNUSED(x) ((void)(x))
