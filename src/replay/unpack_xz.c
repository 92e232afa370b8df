/* xz (the .xz file format), by liblzma: any number of streams one after the other. */
#include "replay/unpack.h"

#ifdef MDLSIM_HAVE_LZMA
#include <lzma.h>
#include <stdlib.h>

struct xz {
    lzma_stream stream;
    bool done;
};

static void *xz_open(void)
{
    static const lzma_stream fresh = LZMA_STREAM_INIT;
    struct xz *x = calloc(1, sizeof *x);
    if (x == NULL) return NULL;
    x->stream = fresh;
    uint64_t most = UNPACK_MEMORY_MIB_MAX * (uint64_t)1048576;
    if (lzma_stream_decoder(&x->stream, most, LZMA_CONCATENATED) == LZMA_OK) return x;
    free(x);
    return NULL;
}

static const char *why(lzma_ret status)
{
    switch (status) {
    case LZMA_MEM_ERROR:
        return "no memory to decompress it";
    case LZMA_MEMLIMIT_ERROR:
        return "needs more than 256 MiB to decompress";
    case LZMA_FORMAT_ERROR:
        return "no xz stream here";
    case LZMA_OPTIONS_ERROR:
        return "an option of xz that its library does not know";
    default:
        return "the compressed data are corrupt";
    }
}

/* With LZMA_CONCATENATED the decoder says that it is done only when told that the input is. */
static const char *xz_run(void *state, struct unpack_io *io, bool ended, bool *whole)
{
    struct xz *x = state;
    while (!x->done && io->out_left > 0 && (io->in_left > 0 || ended)) {
        x->stream.next_in = io->in;
        x->stream.avail_in = io->in_left;
        x->stream.next_out = io->out;
        x->stream.avail_out = io->out_left;
        lzma_ret status = lzma_code(&x->stream, ended ? LZMA_FINISH : LZMA_RUN);
        bool moved = io->in_left != x->stream.avail_in || io->out_left != x->stream.avail_out;
        io->in = x->stream.next_in;
        io->in_left = x->stream.avail_in;
        io->out = x->stream.next_out;
        io->out_left = x->stream.avail_out;
        if (status == LZMA_STREAM_END) x->done = true;
        if (status == LZMA_BUF_ERROR || (status == LZMA_OK && !moved)) break;
        if (status != LZMA_OK && status != LZMA_STREAM_END) return why(status);
    }
    *whole = x->done;
    return NULL;
}

static void xz_close(void *state)
{
    struct xz *x = state;
    lzma_end(&x->stream);
    free(x);
}
#endif

const struct unpacker xz_unpacker = {
    .name = "xz",
    .magic = "\xFD"
             "7zXZ\0",
    .magic_bytes = 6,
#ifdef MDLSIM_HAVE_LZMA
    .open = xz_open,
    .run = xz_run,
    .close = xz_close,
#else
    .refusal = "is compressed with xz, which this build of mdlsim cannot read; "
               "decompress it first: xz -d FILE",
#endif
};
