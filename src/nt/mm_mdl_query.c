/* What the members of an MDL say: MmSizeOfMdl and the macros MmGetMdl*. */
#include "nt/kernel.h"

static const struct failure no_failures[] = { { 0 } };

/* ---- MmSizeOfMdl ---- */

struct MmSizeOfMdl_args {
    va_t base;
    uint64_t length;
};

static const struct field MmSizeOfMdl_args[] = {
    { ROW_VA(struct MmSizeOfMdl_args, base, "Base"), .flags = FIELD_NULLABLE,
      .doc = "Start of the buffer." },
    { ROW_SIZE(struct MmSizeOfMdl_args, length, "Length"), .doc = "Bytes of the buffer." },
    { 0 },
};

static struct outcome MmSizeOfMdl_run(struct kernel *k, void *args)
{
    const struct MmSizeOfMdl_args *a = args;
    uint64_t bytes = mdl_size_bytes(k->mm, span_pages(a->base.v, a->length));
    return returns_value(k, (struct value){ .v = bytes, .kind = VALUE_SIZE });
}

const struct routine MmSizeOfMdl = {
    .name = "MmSizeOfMdl",
    .header = "wdm.h",
    .doc = "Tells how many bytes an MDL for a buffer needs.",
    .result = RESULT_INTEGER,
    .result_doc = "Bytes of the header and the frame numbers.",
    .irql_max = IRQL_ANY,
    .args = MmSizeOfMdl_args,
    .args_bytes = sizeof(struct MmSizeOfMdl_args),
    .failures = no_failures,
    .run = MmSizeOfMdl_run,
    .page = "MmSizeOfMdl function (wdm.h)",
    .notes = "48 bytes and 8 a frame on 64-bit Windows, 28 and 4 on 32-bit Windows.",
    .left_out = "Nothing.",
};

/* ---- MmGetMdlByteCount ---- */

struct MmGetMdlByteCount_args { uint32_t mdl; };

static const struct field MmGetMdlByteCount_args[] = {
    { ROW_MDL(struct MmGetMdlByteCount_args, mdl, "Mdl"), .doc = "The MDL." },
    { 0 },
};

static struct outcome MmGetMdlByteCount_run(struct kernel *k, void *args)
{
    const struct MmGetMdlByteCount_args *a = args;
    uint64_t bytes = kernel_mdl(k, a->mdl)->byte_count;
    return returns_value(k, (struct value){ .v = bytes, .kind = VALUE_SIZE });
}

const struct routine MmGetMdlByteCount = {
    .name = "MmGetMdlByteCount",
    .header = "wdm.h",
    .doc = "Tells how many bytes an MDL describes.",
    .result = RESULT_INTEGER,
    .result_doc = "ByteCount.",
    .irql_max = IRQL_ANY,
    .args = MmGetMdlByteCount_args,
    .args_bytes = sizeof(struct MmGetMdlByteCount_args),
    .failures = no_failures,
    .run = MmGetMdlByteCount_run,
    .is_macro = true,
    .page = "MmGetMdlByteCount macro (wdm.h)",
    .left_out = "The KMDF rules on MDLs of completed requests.",
};

/* ---- MmGetMdlByteOffset ---- */

struct MmGetMdlByteOffset_args { uint32_t mdl; };

static const struct field MmGetMdlByteOffset_args[] = {
    { ROW_MDL(struct MmGetMdlByteOffset_args, mdl, "Mdl"), .doc = "The MDL." },
    { 0 },
};

static struct outcome MmGetMdlByteOffset_run(struct kernel *k, void *args)
{
    const struct MmGetMdlByteOffset_args *a = args;
    uint64_t bytes = kernel_mdl(k, a->mdl)->byte_offset;
    return returns_value(k, (struct value){ .v = bytes, .kind = VALUE_SIZE });
}

const struct routine MmGetMdlByteOffset = {
    .name = "MmGetMdlByteOffset",
    .header = "wdm.h",
    .doc = "Tells where in its first page the buffer of an MDL starts.",
    .result = RESULT_INTEGER,
    .result_doc = "ByteOffset.",
    .irql_max = IRQL_ANY,
    .args = MmGetMdlByteOffset_args,
    .args_bytes = sizeof(struct MmGetMdlByteOffset_args),
    .failures = no_failures,
    .run = MmGetMdlByteOffset_run,
    .is_macro = true,
    .page = "MmGetMdlByteOffset macro (wdm.h)",
    .left_out = "The KMDF rules on MDLs of completed requests.",
};

/* ---- MmGetMdlVirtualAddress ---- */

struct MmGetMdlVirtualAddress_args { uint32_t mdl; };

static const struct field MmGetMdlVirtualAddress_args[] = {
    { ROW_MDL(struct MmGetMdlVirtualAddress_args, mdl, "Mdl"), .doc = "The MDL." },
    { 0 },
};

/* NULL is no failure: pages of MmAllocatePagesForMdl have no address. */
static struct outcome MmGetMdlVirtualAddress_run(struct kernel *k, void *args)
{
    const struct MmGetMdlVirtualAddress_args *a = args;
    struct outcome o = returns_address(k, mdl_va(kernel_mdl(k, a->mdl)));
    o.failed = false;
    return o;
}

const struct routine MmGetMdlVirtualAddress = {
    .name = "MmGetMdlVirtualAddress",
    .header = "wdm.h",
    .doc = "Tells the address of the buffer in the space where the MDL was made.",
    .result = RESULT_ADDRESS,
    .result_doc = "StartVa + ByteOffset: an index into the MDL, to be dereferenced by nobody.",
    .irql_max = IRQL_ANY,
    .args = MmGetMdlVirtualAddress_args,
    .args_bytes = sizeof(struct MmGetMdlVirtualAddress_args),
    .failures = no_failures,
    .run = MmGetMdlVirtualAddress_run,
    .is_macro = true,
    .page = "MmGetMdlVirtualAddress macro (wdm.h)",
    .left_out = "The KMDF rules on MDLs of completed requests.",
};

/* ---- MmGetMdlPfnArray ---- */

struct MmGetMdlPfnArray_args { uint32_t mdl; };

static const struct field MmGetMdlPfnArray_args[] = {
    { ROW_MDL(struct MmGetMdlPfnArray_args, mdl, "Mdl"), .doc = "The MDL." },
    { 0 },
};

static struct outcome MmGetMdlPfnArray_run(struct kernel *k, void *args)
{
    const struct MmGetMdlPfnArray_args *a = args;
    const struct mdl *m = kernel_mdl(k, a->mdl);
    return returns_address(k, va_add(m->address, mdl_size_bytes(k->mm, 0)));
}

const struct routine MmGetMdlPfnArray = {
    .name = "MmGetMdlPfnArray",
    .header = "wdm.h",
    .doc = "Tells where the frame numbers of an MDL begin.",
    .result = RESULT_ADDRESS,
    .result_doc = "The address behind the header.",
    .irql_max = IRQL_ANY,
    .args = MmGetMdlPfnArray_args,
    .args_bytes = sizeof(struct MmGetMdlPfnArray_args),
    .failures = no_failures,
    .run = MmGetMdlPfnArray_run,
    .is_macro = true,
    .page = "MmGetMdlPfnArray macro (wdm.h)",
    .notes = "The page types an entry as ULONG; on 64-bit Windows it has 8 bytes, as headers and "
             "memory dumps show.",
    .left_out = "The frame numbers are members of the MDL ($mdl.Pfn[i]); memory accesses at the "
                "address do not see them. The KMDF rules on MDLs of completed requests.",
};
