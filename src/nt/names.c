/* Named constants of wdm.h, ntddk.h, winnt.h and MS-ERREF that arguments and expressions use. */
#include "mm/space.h"
#include "nt/kernel.h"

#define FLAG_ROW(flag, bit) { #flag, bit, NULL },
#define END                                                                                        \
    {                                                                                              \
        NULL, 0, NULL                                                                              \
    }
#define NAMES(table, text, is_flags, is_open, ...)                                                 \
    static const struct name table##_list[] = { __VA_ARGS__, END };                                \
    const struct names table = { text, table##_list, is_flags, is_open }

NAMES(access_modes, "KPROCESSOR_MODE", false, false,
      { "KernelMode", 0, "The probe trusts the address." },
      { "UserMode", 1, "The probe refuses addresses outside user space." });

NAMES(lock_operations, "LOCK_OPERATION", false, false,
      { "IoReadAccess", 0, "The driver examines the buffer." },
      { "IoWriteAccess", 1, "The driver changes the buffer." },
      { "IoModifyAccess", 2, "Equal to IoWriteAccess." });

NAMES(cache_types, "MEMORY_CACHING_TYPE", false, false, { "MmNonCached", 0, "Uncached." },
      { "MmCached", 1, "Write-back cached." }, { "MmWriteCombined", 2, "Write-combined." },
      { "MmHardwareCoherentCached", 3, "Reserved; as MmCached." },
      { "MmNonCachedUnordered", 4, "Reserved; as MmNonCached." },
      { "MmUSWCCached", 5, "Reserved; as MmWriteCombined." },
      { "MmMaximumCacheType", 6, "Not a type." }, { "MmNotMapped", 0xFFFFFFFF, "Not a type." });

NAMES(page_priorities, "MM_PAGE_PRIORITY", true, false,
      { "LowPagePriority", 0, "May fail when the system is fairly low on resources." },
      { "NormalPagePriority", 16, "May fail when the system is very low on resources." },
      { "HighPagePriority", 32, "Fails only when the system is out of resources." },
      { "MdlMappingWithGuardPtes", 0x20000000, "Undocumented." },
      { "MdlMappingNoExecute", 0x40000000, "Windows 8 and later: not executable." },
      { "MdlMappingNoWrite", 0x80000000, "Windows 8 and later: read-only." });

NAMES(allocate_flags, "MM_ALLOCATE flags", true, false,
      { "MM_DONT_ZERO_ALLOCATION", 0x1, "Do not zero the pages." },
      { "MM_ALLOCATE_FROM_LOCAL_NODE_ONLY", 0x2, "Only pages of the ideal node." },
      { "MM_ALLOCATE_FULLY_REQUIRED", 0x4, "Windows 7: all or nothing." },
      { "MM_ALLOCATE_NO_WAIT", 0x8, "Windows 7: never block." },
      { "MM_ALLOCATE_PREFER_CONTIGUOUS", 0x10, "Windows 7: conserve contiguous memory." },
      { "MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS", 0x20, "Windows 7: contiguous chunks." },
      { "MM_ALLOCATE_FAST_LARGE_PAGES", 0x40, "Windows 8: cached large pages only." },
      { "MM_ALLOCATE_TRIM_IF_NECESSARY", 0x80, "Undocumented." },
      { "MM_ALLOCATE_AND_HOT_REMOVE", 0x100, "Windows 10: the pages leave the system." });

NAMES(pool_types, "POOL_TYPE", true, false, { "NonPagedPool", 0, "Nonpaged, executable." },
      { "NonPagedPoolExecute", 0, "Another name of NonPagedPool." }, { "PagedPool", 1, "Paged." },
      { "NonPagedPoolMustSucceed", 2, "Obsolete." },
      { "NonPagedPoolCacheAligned", 4, "Nonpaged, at a cache line." },
      { "PagedPoolCacheAligned", 5, "Paged, at a cache line." },
      { "POOL_RAISE_IF_ALLOCATION_FAILURE", 16, "Raise instead of returning NULL." },
      { "NonPagedPoolSession", 32, "Obsolete." }, { "POOL_COLD_ALLOCATION", 256, "Rarely used." },
      { "NonPagedPoolNx", 512, "Nonpaged, not executable (Windows 8)." },
      { "NonPagedPoolNxCacheAligned", 516, "The same at a cache line." },
      { "NonPagedPoolSessionNx", 544, "Obsolete." });

NAMES(pool_flags, "POOL_FLAGS", true, true, { "POOL_FLAG_USE_QUOTA", 0x1, "Charge the process." },
      { "POOL_FLAG_UNINITIALIZED", 0x2, "Do not zero." },
      { "POOL_FLAG_SESSION", 0x4, "Of the system." },
      { "POOL_FLAG_CACHE_ALIGNED", 0x8, "At a cache line where possible." },
      { "POOL_FLAG_RESERVED1", 0x10, "Reserved." },
      { "POOL_FLAG_RAISE_ON_FAILURE", 0x20, "Raise instead of returning NULL." },
      { "POOL_FLAG_NON_PAGED", 0x40, "Nonpaged, not executable." },
      { "POOL_FLAG_NON_PAGED_EXECUTE", 0x80, "Nonpaged, executable." },
      { "POOL_FLAG_PAGED", 0x100, "Paged." }, { "POOL_FLAG_RESERVED2", 0x200, "Reserved." },
      { "POOL_FLAG_RESERVED3", 0x400, "Reserved." },
      { "POOL_FLAG_SPECIAL_POOL", 0x100000000, "From special pool where possible." });

NAMES(page_protections, "page protection", true, true,
      { "PAGE_NOACCESS", PROT_NOACCESS, "No access." }, { "PAGE_READONLY", PROT_READONLY, "Read." },
      { "PAGE_READWRITE", PROT_READWRITE, "Read and write." },
      { "PAGE_WRITECOPY", PROT_WRITECOPY, "Read; a write makes a private copy." },
      { "PAGE_EXECUTE", PROT_EXECUTE, "Execute." },
      { "PAGE_EXECUTE_READ", PROT_EXECUTE_READ, "Execute and read." },
      { "PAGE_EXECUTE_READWRITE", PROT_EXECUTE_READWRITE, "Execute, read and write." },
      { "PAGE_EXECUTE_WRITECOPY", PROT_EXECUTE_WRITECOPY, "Execute, read; writes copy." },
      { "PAGE_GUARD", PROT_GUARD, "The first access raises." },
      { "PAGE_NOCACHE", PROT_NOCACHE, "Uncached." },
      { "PAGE_WRITECOMBINE", PROT_WRITECOMBINE, "Write-combined." });

static const struct name mdl_flags_list[] = {
    MDL_FLAG_LIST(FLAG_ROW)
    /* older names of two of them */
    { "MDL_PARENT_MAPPED_SYSTEM_VA", 0x0100, "Older name of MDL_LOCKED_PAGE_TABLES." },
    { "MDL_ALLOCATED_MUST_SUCCEED", 0x4000, "Older name of MDL_PAGE_CONTENTS_INVARIANT." },
    END,
};
const struct names mdl_flags = { "MDL flags", mdl_flags_list, true, true };

NAMES(allocation_types, "allocation type", true, true, { "MEM_COMMIT", 0x1000, "Commit pages." },
      { "MEM_RESERVE", 0x2000, "Reserve addresses." }, { "MEM_RESET", 0x80000, "Not modelled." },
      { "MEM_TOP_DOWN", 0x100000, "The highest free address." },
      { "MEM_LARGE_PAGES", 0x20000000, "Memory in large pages." });

NAMES(free_types, "free type", true, true, { "MEM_DECOMMIT", 0x4000, "Decommit pages." },
      { "MEM_RELEASE", 0x8000, "Release the reservation." });

NAMES(irql_names, "KIRQL", false, true, { "PASSIVE_LEVEL", PASSIVE_LEVEL, "Threads." },
      { "APC_LEVEL", APC_LEVEL, "Asynchronous procedure calls off." },
      { "DISPATCH_LEVEL", DISPATCH_LEVEL, "No thread switches, no page faults." },
      { "CLOCK_LEVEL", 13, "The clock." }, { "IPI_LEVEL", 14, "Interrupts between processors." },
      { "HIGH_LEVEL", 15, "Everything masked." });

NAMES(frame_states, "frame states", false, false, { "zeroed", FRAME_ZEROED, "Free and zeroed." },
      { "free", FRAME_FREE, "Free." }, { "standby", FRAME_STANDBY, "Unused, contents kept." },
      { "modified", FRAME_MODIFIED, "Unused, contents to be written." },
      { "active", FRAME_ACTIVE, "In use." }, { "page_tables", FRAME_TABLE, "A page table." });

/* Names of the headers that belong to no parameter. */
NAMES(other_constants, "other constants", false, true, { "PAGE_SIZE", 0x1000, "Bytes of a page." },
      { "PAGE_SHIFT", 12, "Bits of an offset in a page." },
      { "MDL_MAPPING_FLAGS", 0x0927, "MDL flags that tell of frames and mappings." },
      { "MM_FREE_MDL_PAGES_ZERO", 1, "MmFreePagesFromMdlEx." },
      { "MM_MAPPING_ADDRESS_DIVISIBLE", 1, "MmAllocateMappingAddressEx." },
      { "MM_SECURE_EXCLUSIVE", 1, "MmSecureVirtualMemoryEx." },
      { "MM_SECURE_NO_CHANGE", 2, "MmSecureVirtualMemoryEx." },
      { "MM_SECURE_USER_MODE_ONLY", 4, "MmSecureVirtualMemoryEx." },
      { "MM_SECURE_NO_INHERIT", 8, "MmSecureVirtualMemoryEx." },
      { "MM_DUMP_MAP_CACHED", 1, "MmMapMemoryDumpMdlEx." },
      { "MM_DUMP_MAP_INVALIDATE", 2, "MmMapMemoryDumpMdlEx." },
      { "MM_ANY_NODE_OK", 0x80000000, "MmAllocateContiguousNodeMemory." },
      { "MM_ALLOCATE_CONTIGUOUS_MEMORY_FAST_ONLY", 1, "MmAllocateContiguousMemoryEx." },
      { "MmMdlPageContentsDynamic", 0, "MmMdlPageContentsState." },
      { "MmMdlPageContentsInvariant", 1, "MmMdlPageContentsState." },
      { "MmMdlPageContentsQuery", 2, "MmMdlPageContentsState." },
      { "MM_MAXIMUM_DISK_IO_SIZE", 0x10000, "Bytes." },
      { "KeepObject", 1, "IO_ALLOCATION_ACTION." },
      { "DeallocateObject", 2, "IO_ALLOCATION_ACTION." },
      { "DeallocateObjectKeepRegisters", 3, "IO_ALLOCATION_ACTION." });

#define STATUS(name)                                                                               \
    {                                                                                              \
        "STATUS_" #name, ST_##name, NULL                                                           \
    }
NAMES(status_codes, "NTSTATUS", false, true, STATUS(SUCCESS), { "STATUS_PENDING", 0x103, NULL },
      STATUS(GUARD_PAGE_VIOLATION), STATUS(DATATYPE_MISALIGNMENT), STATUS(ACCESS_VIOLATION),
      STATUS(IN_PAGE_ERROR), STATUS(INVALID_HANDLE), STATUS(INVALID_PARAMETER),
      { "STATUS_MORE_PROCESSING_REQUIRED", 0xC0000016, NULL }, STATUS(NO_MEMORY),
      STATUS(CONFLICTING_ADDRESSES), STATUS(NOT_MAPPED_VIEW), STATUS(UNABLE_TO_FREE_VM),
      STATUS(UNABLE_TO_DELETE_SECTION), STATUS(ALREADY_COMMITTED),
      { "STATUS_BUFFER_TOO_SMALL", 0xC0000023, NULL }, STATUS(NOT_COMMITTED),
      STATUS(INVALID_PAGE_PROTECTION), { "STATUS_NONE_MAPPED", 0xC0000073, NULL },
      STATUS(INSUFFICIENT_RESOURCES), STATUS(FREE_VM_NOT_AT_BASE), STATUS(MEMORY_NOT_ALLOCATED),
      STATUS(NOT_SUPPORTED), { "STATUS_INVALID_USER_BUFFER", 0xC00000E8, NULL },
      STATUS(INVALID_PARAMETER_1), STATUS(INVALID_PARAMETER_2), STATUS(INVALID_PARAMETER_3),
      STATUS(INVALID_PARAMETER_4), STATUS(INVALID_PARAMETER_5),
      { "STATUS_INVALID_PARAMETER_6", 0xC00000F4, NULL },
      { "STATUS_PROCESS_IS_TERMINATING", 0xC000010A, NULL },
      { "STATUS_CANCELLED", 0xC0000120, NULL }, STATUS(COMMITMENT_LIMIT), STATUS(INVALID_ADDRESS),
      { "STATUS_WORKING_SET_QUOTA", 0xC00000A1, NULL },
      { "STATUS_QUOTA_EXCEEDED", 0xC0000044, NULL });

#define BUGCHECK(name)                                                                             \
    {                                                                                              \
#name, BC_##name, NULL                                                                     \
    }
NAMES(bug_checks, "bug check codes", false, true, { "IRQL_NOT_GREATER_OR_EQUAL", 0x9, NULL },
      BUGCHECK(IRQL_NOT_LESS_OR_EQUAL), BUGCHECK(MEMORY_MANAGEMENT),
      BUGCHECK(KMODE_EXCEPTION_NOT_HANDLED), BUGCHECK(NO_MORE_SYSTEM_PTES),
      BUGCHECK(TARGET_MDL_TOO_SMALL), { "MUST_SUCCEED_POOL_EMPTY", 0x41, NULL },
      { "MULTIPLE_IRP_COMPLETE_REQUESTS", 0x44, NULL }, { "NO_PAGES_AVAILABLE", 0x4D, NULL },
      BUGCHECK(PFN_LIST_CORRUPT), BUGCHECK(PAGE_FAULT_IN_NONPAGED_AREA),
      BUGCHECK(PROCESS_HAS_LOCKED_PAGES), { "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED", 0x7E, NULL },
      { "UNEXPECTED_KERNEL_MODE_TRAP", 0x7F, NULL }, BUGCHECK(ATTEMPTED_SWITCH_FROM_DPC),
      BUGCHECK(ATTEMPTED_WRITE_TO_READONLY_MEMORY),
      BUGCHECK(BAD_POOL_CALLER), BUGCHECK(DRIVER_VERIFIER_DETECTED_VIOLATION),
      BUGCHECK(IRQL_UNEXPECTED_VALUE), BUGCHECK(DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS),
      BUGCHECK(DRIVER_IRQL_NOT_LESS_OR_EQUAL), BUGCHECK(DRIVER_USED_EXCESSIVE_PTES),
      { "LOCKED_PAGES_TRACKER_CORRUPTION", 0xD9, NULL }, BUGCHECK(SYSTEM_PTE_MISUSE),
      { "DRIVER_CORRUPTED_SYSPTES", 0xDB, NULL }, { "DRIVER_VERIFIER_DMA_VIOLATION", 0xE6, NULL },
      BUGCHECK(ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY), BUGCHECK(INVALID_MDL_RANGE));

const struct names *const all_names[] = {
    &access_modes,
    &lock_operations,
    &cache_types,
    &page_priorities,
    &allocate_flags,
    &pool_types,
    &pool_flags,
    &page_protections,
    &mdl_flags,
    &allocation_types,
    &free_types,
    &irql_names,
    &frame_states,
    &other_constants,
    &status_codes,
    &bug_checks,
    NULL,
};
