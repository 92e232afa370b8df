/* Zstandard (RFC 8878), by libzstd: any number of frames one after the other. */
#include "replay/unpack.h"

#ifdef MDLSIM_HAVE_ZSTD
#include <stdlib.h>
#include <zstd.h>

enum { STEP_BYTES = 4096 }; /* at a time, so that an error names its place that closely */

struct zstd {
    ZSTD_DStream *stream;
    bool between; /* the last frame is complete */
};

/* The library's own limit of memory holds: windows up to 128 MiB, what `zstd -d` takes unasked. */
static void *zstd_open(void)
{
    struct zstd *z = calloc(1, sizeof *z);
    if (z == NULL) return NULL;
    z->stream = ZSTD_createDStream();
    if (z->stream != NULL) return z;
    free(z);
    return NULL;
}

static const char *zstd_step(void *state, struct unpack_io *io, bool *between)
{
    struct zstd *z = state;
    ZSTD_inBuffer in = { io->in, io->in_left, 0 };
    ZSTD_outBuffer out = { io->out, io->out_left, 0 };
    if (in.size > STEP_BYTES) in.size = STEP_BYTES;
    size_t left = ZSTD_decompressStream(z->stream, &out, &in);
    bool failed = ZSTD_isError(left) != 0;
    if (failed) in.pos = in.size; /* how far it came the library does not say then */
    io->in += in.pos;
    io->in_left -= in.pos;
    io->out += out.pos;
    io->out_left -= out.pos;
    if (failed) return ZSTD_getErrorName(left);
    *between = left == 0;
    return NULL;
}

static const char *zstd_run(void *state, struct unpack_io *io, bool ended, bool *whole)
{
    struct zstd *z = state;
    UNUSED(ended);
    const char *why = unpack_members(z, io, &z->between, zstd_step);
    *whole = z->between;
    return why;
}

static void zstd_close(void *state)
{
    struct zstd *z = state;
    ZSTD_freeDStream(z->stream);
    free(z);
}
#endif

const struct unpacker zstd_unpacker = {
    .name = "zstd",
    .magic = "\x28\xB5\x2F\xFD",
    .magic_bytes = 4,
#ifdef MDLSIM_HAVE_ZSTD
    .open = zstd_open,
    .run = zstd_run,
    .close = zstd_close,
#else
    .refusal = "is compressed with zstd, which this build of mdlsim cannot read; "
               "decompress it first: zstd -d FILE",
#endif
};
