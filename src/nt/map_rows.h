/* What the routines that map MDLs share: the rows of their failures, and the checks behind them. */
#pragma once

#include "nt/map_frames.h"

#define PRIORITY_MASK 0x1FFFFFFFu
#define MAPPING_NO_EXECUTE 0x40000000u
#define MAPPING_NO_WRITE 0x80000000u
#define MAPPING_GUARD_PTES 0x20000000u
#define MAPPING_OPTIONS (MAPPING_NO_EXECUTE | MAPPING_NO_WRITE | MAPPING_GUARD_PTES)

/* The rows of a kernel mapping that finds no PTEs. */
enum { PTES_NULL, PTES_STOP, PTES_TRACKED, PTES_ROW_COUNT };
#define PTES_ROWS(base)                                                                            \
    [(base) + PTES_NULL] = {                                                                       \
        .name = "no-system-ptes", .then = THEN_FAILS,                                              \
        .doc = "No run of free system PTEs is long enough, or fewer than the priority demands "    \
               "would be left; failing is allowed by BugCheckOnFailure or "                        \
               "MDL_MAPPING_CAN_FAIL." },                                                          \
    [(base) + PTES_STOP] = {                                                                       \
        .name = "no-system-ptes-stop", .then = THEN_STOPS, .code = BC_NO_MORE_SYSTEM_PTES,         \
        .doc = "No system PTEs are left, and the call may not fail.",                              \
        .source = "Bug Check 0x3F" },                                                              \
    [(base) + PTES_TRACKED] = {                                                                    \
        .name = "no-system-ptes-tracked", .then = THEN_STOPS,                                      \
        .code = BC_DRIVER_USED_EXCESSIVE_PTES,                                                     \
        .doc = "No system PTEs are left, the call may not fail, and PTEs are tracked.",            \
        .source = "Bug Check 0xD8" }

/* The rows of a Priority argument. */
enum { PRIORITY_FLAG, PRIORITY_VALUE, PRIORITY_ROW_COUNT };
#define PRIORITY_ROWS(base)                                                                        \
    [(base) + PRIORITY_FLAG] = {                                                                   \
        .name = "flag-not-in-os", .then = THEN_REFUSED, .rule = "flag_not_in_os",                  \
        .os_last = OS_SERVER_2008_R2,                                                              \
        .doc = "Priority holds an MdlMapping flag, which Windows has from Windows 8 on." },        \
    [(base) + PRIORITY_VALUE] = {                                                                  \
        .name = "bad-priority", .then = THEN_FAILS, .rule = "page_priority_invalid",               \
        .advice = true, .doc = "Priority is no value of MM_PAGE_PRIORITY.",                        \
        .source = "inferred: the page names three values and no outcome for others" }

#define ROW_NOT_LOCKED                                                                             \
    { .name = "not-locked", .then = THEN_STOPS, .code = BC_MEMORY_MANAGEMENT, .p1 = 0x1236,        \
      .rule = "C4-85", .doc = "The MDL's pages are neither locked nor built.",                     \
      .source = "Bug Check 0x1A, Bug Check 0xC4" }
#define ROW_ALREADY_MAPPED                                                                         \
    { .name = "already-mapped", .then = THEN_REFUSED, .rule = "C4-B2",                             \
      .doc = "The MDL has a system address already: a mapping, or that of its nonpaged pool.",     \
      .source = "Bug Check 0xC4" }

/* Decides what becomes of a kernel mapping without PTEs, by PTES_ROWS. */
struct outcome out_of_ptes(struct kernel *k, unsigned base, const struct mdl *m, bool may_fail);
/* PRIORITY_COUNT when the value is no MM_PAGE_PRIORITY. */
enum pte_priority priority_of(uint32_t value);
/* Checks a Priority argument by PRIORITY_ROWS. */
bool priority_ends(struct kernel *k, unsigned base, uint32_t value);
/* Whether the mapping will be executable though Windows could make it otherwise. */
bool priority_is_executable(const struct kernel *k, uint32_t priority);
/* A mapping to system space, or the address of nonpaged pool. */
bool mdl_has_system_address(const struct mdl *m);
/* state_ends, unless the driver itself declared the pages locked. */
bool mapping_state_ends(struct kernel *k, unsigned operation, const struct mdl *m);
