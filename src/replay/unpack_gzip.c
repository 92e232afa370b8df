/* gzip (RFC 1952), by zlib: any number of members one after the other. */
#include "replay/unpack.h"

#ifdef MDLSIM_HAVE_ZLIB
#include <stdlib.h>
#include <zlib.h>

enum { WINDOW_BITS = 15, AS_GZIP = 16 }; /* of inflateInit2 in zlib.h */

struct gzip {
    z_stream stream;
    bool between; /* the last member is complete */
};

static void *gzip_open(void)
{
    struct gzip *g = calloc(1, sizeof *g);
    if (g != NULL && inflateInit2(&g->stream, WINDOW_BITS + AS_GZIP) == Z_OK) return g;
    free(g);
    return NULL;
}

static uInt at_most(size_t bytes)
{
    return bytes < UINT32_MAX / 2 ? (uInt)bytes : UINT32_MAX / 2;
}

static const char *gzip_step(void *state, struct unpack_io *io, bool *between)
{
    struct gzip *g = state;
    uInt in = at_most(io->in_left), out = at_most(io->out_left);
    if (*between && inflateReset(&g->stream) != Z_OK) return "cannot start a member";
    g->stream.next_in = (z_const Bytef *)(uintptr_t)io->in;
    g->stream.next_out = io->out;
    g->stream.avail_in = in;
    g->stream.avail_out = out;
    int status = inflate(&g->stream, Z_NO_FLUSH);
    io->in += in - g->stream.avail_in;
    io->in_left -= in - g->stream.avail_in;
    io->out += out - g->stream.avail_out;
    io->out_left -= out - g->stream.avail_out;
    *between = status == Z_STREAM_END;
    if (status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR) return NULL;
    if (status == Z_MEM_ERROR) return "no memory to decompress it";
    return g->stream.msg != NULL ? g->stream.msg : "not in the format";
}

static const char *gzip_run(void *state, struct unpack_io *io, bool ended, bool *whole)
{
    struct gzip *g = state;
    UNUSED(ended);
    const char *why = unpack_members(g, io, &g->between, gzip_step);
    *whole = g->between;
    return why;
}

static void gzip_close(void *state)
{
    struct gzip *g = state;
    inflateEnd(&g->stream);
    free(g);
}
#endif

const struct unpacker gzip_unpacker = {
    .name = "gzip",
    .magic = "\x1F\x8B",
    .magic_bytes = 2,
#ifdef MDLSIM_HAVE_ZLIB
    .open = gzip_open,
    .run = gzip_run,
    .close = gzip_close,
#else
    .refusal = "is compressed with gzip, which this build of mdlsim cannot read; "
               "decompress it first: gzip -d FILE",
#endif
};
