/* How a simulated operation ends: a value, never a message or an abort. */
#pragma once

#include "base/types.h"

/* A bug check: code and four parameters (Bug Check Code Reference). */
struct stop {
    uint32_t code; /* 0 = none */
    uint64_t p[4];
};

/* The processor's exception behind an access that failed. */
enum exception_kind { EXCEPTION_NONE, EXCEPTION_PAGE_FAULT, EXCEPTION_GENERAL_PROTECTION };
/* Bits of a page fault's error code: SDM volume 3A, 4.7. Entries here never have reserved bits set,
 * and the manuals' other bits belong to features that the model lacks. */
enum { ERROR_PRESENT = 1, ERROR_WRITE = 2, ERROR_USER = 4, ERROR_RESERVED = 8, ERROR_FETCH = 16 };
struct exception {
    va_t at; /* CR2 of a page fault; the address that is not canonical */
    uint8_t kind, error_code;
};

/* What a CPU access or a fault came to. */
enum touch_end { TOUCH_OK, TOUCH_RAISES, TOUCH_STOPS };
struct touch {
    enum touch_end end;
    uint32_t status;  /* TOUCH_RAISES: NTSTATUS */
    struct stop stop; /* TOUCH_STOPS */
    pa_t at;          /* TOUCH_OK: where the byte is */
    uint64_t entry;   /* TOUCH_OK: the translation used */
    bool stale;       /* went through a TLB entry of a mapping that is gone */
    bool walked, hit; /* the lookup missed every TLB; hit the first level */
    bool faulted;
    struct exception exception; /* of the last fault, when the access did not succeed */
};

/* NTSTATUS values that the model raises or returns (MS-ERREF). */
#define ST_SUCCESS 0u
#define ST_GUARD_PAGE_VIOLATION 0x80000001u
#define ST_DATATYPE_MISALIGNMENT 0x80000002u
#define ST_ACCESS_VIOLATION 0xC0000005u
#define ST_IN_PAGE_ERROR 0xC0000006u
#define ST_INVALID_HANDLE 0xC0000008u
#define ST_INVALID_PARAMETER 0xC000000Du
#define ST_NO_MEMORY 0xC0000017u
#define ST_CONFLICTING_ADDRESSES 0xC0000018u
#define ST_NOT_MAPPED_VIEW 0xC0000019u
#define ST_UNABLE_TO_FREE_VM 0xC000001Au
#define ST_UNABLE_TO_DELETE_SECTION 0xC000001Bu
#define ST_ALREADY_COMMITTED 0xC0000021u
#define ST_NOT_COMMITTED 0xC000002Du
#define ST_INVALID_PAGE_PROTECTION 0xC0000045u
#define ST_COMMITMENT_LIMIT 0xC000012Du
#define ST_INSUFFICIENT_RESOURCES 0xC000009Au
#define ST_MEMORY_NOT_ALLOCATED 0xC00000A0u
#define ST_FREE_VM_NOT_AT_BASE 0xC000009Fu
#define ST_NOT_SUPPORTED 0xC00000BBu
#define ST_INVALID_PARAMETER_1 0xC00000EFu
#define ST_INVALID_PARAMETER_2 0xC00000F0u
#define ST_INVALID_PARAMETER_3 0xC00000F1u
#define ST_INVALID_PARAMETER_4 0xC00000F2u
#define ST_INVALID_PARAMETER_5 0xC00000F3u
#define ST_INVALID_ADDRESS 0xC0000141u

/* Bug check codes that the model stops at. */
#define BC_IRQL_NOT_LESS_OR_EQUAL 0x0Au
#define BC_MEMORY_MANAGEMENT 0x1Au
#define BC_KMODE_EXCEPTION_NOT_HANDLED 0x1Eu
#define BC_NO_MORE_SYSTEM_PTES 0x3Fu
#define BC_TARGET_MDL_TOO_SMALL 0x40u
#define BC_PFN_LIST_CORRUPT 0x4Eu
#define BC_PAGE_FAULT_IN_NONPAGED_AREA 0x50u
#define BC_PROCESS_HAS_LOCKED_PAGES 0x76u
#define BC_ATTEMPTED_SWITCH_FROM_DPC 0xB8u
#define BC_ATTEMPTED_WRITE_TO_READONLY_MEMORY 0xBEu
#define BC_BAD_POOL_CALLER 0xC2u
#define BC_DRIVER_VERIFIER_DETECTED_VIOLATION 0xC4u
#define BC_IRQL_UNEXPECTED_VALUE 0xC8u
#define BC_DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS 0xCBu
#define BC_DRIVER_IRQL_NOT_LESS_OR_EQUAL 0xD1u
#define BC_DRIVER_USED_EXCESSIVE_PTES 0xD8u
#define BC_SYSTEM_PTE_MISUSE 0xDAu
#define BC_ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY 0xFCu
#define BC_INVALID_MDL_RANGE 0x12Eu
