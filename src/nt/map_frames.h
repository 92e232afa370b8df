/* Frames on their way into a mapping: which of them may be mapped, with which cache type, and
 * writing their entries. Shared by mm_map.c, mm_reserve.c and mm_iospace.c. */
#pragma once

#include "nt/kernel.h"

/* enum frame_cache of a MEMORY_CACHING_TYPE. The reserved types count as those that they stand for;
 * FRAME_CACHE_NONE: no type at all (MmMaximumCacheType and above). */
uint32_t cache_from_type(uint32_t type);
bool cache_type_is_reserved(uint32_t type); /* reserved for system use, but a type */

/* The rows of mapping_ends, in a row from index `base` on; MAPPING_ROWS initialises them. */
enum {
    MAPPING_SOURCE_GONE, MAPPING_EMPTY_SLOT, MAPPING_UNLOCKED, MAPPING_FOREIGN, MAPPING_ZERO,
    MAPPING_CONFLICT, MAPPING_ROW_COUNT
};
#define MAPPING_ROWS(base)                                                                         \
    [(base) + MAPPING_SOURCE_GONE] = {                                                             \
        .name = "source-gone", .then = THEN_STOPS, .code = BC_MEMORY_MANAGEMENT, .p1 = 0x1233,     \
        .rule = "partial_outlives_source",                                                         \
        .doc = "The MDL is partial, and the pages of its source were unlocked or freed.",          \
        .source = "Bug Check 0x1A; inferred: the frames count as not locked from then on" },       \
    [(base) + MAPPING_EMPTY_SLOT] = {                                                              \
        .name = "empty-slot", .then = THEN_STOPS, .code = BC_MEMORY_MANAGEMENT, .p1 = 0x1236,      \
        .rule = "C4-85", .by_routine = true,                                                       \
        .doc = "A slot of the MDL that its byte count covers holds no frame number.",              \
        .source = "Bug Check 0x1A" },                                                              \
    [(base) + MAPPING_UNLOCKED] = {                                                                \
        .name = "frame-not-locked", .then = THEN_STOPS, .code = BC_MEMORY_MANAGEMENT,              \
        .p1 = 0x1233, .rule = "C4-85", .by_routine = true,                                         \
        .doc = "The MDL holds a frame of RAM that is free.", .source = "Bug Check 0x1A" },         \
    [(base) + MAPPING_FOREIGN] = {                                                                 \
        .name = "frame-not-ram", .then = THEN_PERFORMED, .rule = "C4-89",                          \
        .doc = "The MDL lacks MDL_IO_SPACE and holds a frame that is not RAM.",                    \
        .source = "Bug Check 0xC4; inferred: the frame is mapped all the same" },                  \
    [(base) + MAPPING_ZERO] = {                                                                    \
        .name = "zero-length", .then = THEN_FAILS, .rule = "zero_length_mapping",                  \
        .doc = "The MDL describes no byte, so there is nothing to map.",                           \
        .source = "inferred: the documents are silent" },                                          \
    [(base) + MAPPING_CONFLICT] = {                                                                \
        .name = "cache-conflict", .then = THEN_PERFORMED, .rule = "cache_type_conflict",           \
        .doc = "Device memory is mapped already with another cache type.",                         \
        .source = "MEMORY_CACHING_TYPE" }

/* Checks the frames of an MDL that is about to be mapped as `cache`; true when the call ends
 * there. */
bool mapping_ends(struct kernel *k, unsigned base, const struct mdl *m, uint32_t cache);
/* Whether frames of a device in [first, first + page_count) are mapped with another type than
 * `cache`. */
bool device_cache_conflicts(struct kernel *k, uint64_t first, uint64_t page_count, uint32_t cache);

uint64_t cache_entry_bits(uint32_t cache);
/* The largest page that a mapping of the MDL as `cache` may use: LEVEL_PT unless mm.large_pages is
 * set, the first frame is a multiple of 512, and all have the same type. */
unsigned mapping_level(struct kernel *k, const struct mdl *m, uint32_t cache);
/* The multiple of pages at which `count` frames from `first` on need addresses to be mapped in
 * pages up to `level`. */
uint64_t mapping_align(unsigned level, uint64_t first, uint64_t count);
/* System PTEs for all frames of the MDL, and the tables for pages up to `level`. */
bool mapping_reserve(struct kernel *k, const struct mdl *m, enum pte_priority priority,
                     unsigned level, va_t *out);
/* Entries for all frames of the MDL from `at` on, in pages up to `level`; the tables exist. `bits`
 * without those of the type. */
void mapping_write(struct kernel *k, const struct mdl *m, struct page_map *map, va_t at,
                   uint32_t cache, uint64_t bits, unsigned level);
/* The MDL is mapped to system space from `at` on, in a way of enum mdl_mapping; the caller has set
 * mapped_va. */
void mapping_made(struct kernel *k, struct mdl *m, uint8_t kind, va_t at, uint32_t cache);
/* Bits of an entry of system space. */
uint64_t system_entry_bits(bool writable, bool executable);
/* The driver itself set MDL_PAGES_LOCKED (and cleared MDL_SOURCE_IS_NONPAGED_POOL), as file
 * systems do that repeat one page of zeros: from then on the frames count as locked. */
bool mdl_locked_by_hand(const struct mdl *m);

/* A reservation whose pages hold the address, NULL when there is none. Live ones first, then
 * freed ones. */
struct reservation *reservation_at(struct kernel *k, va_t at);
/* Takes the MDL out of the reservation that it is mapped in: entries cleared and flushed at
 * once. */
void reservation_unmap(struct kernel *k, struct mdl *m);
