/* What the tests of the packed format share: made-up records, packed, and a reader over them. */
#pragma once

#include "base/rng.h"
#include "replay/packed.h"
#include "replay/writer.h"
#include "replay_support.h"

enum { MANY = 60000 };

static inline bool append(void *context, const char *bytes, size_t length)
{
    text_bytes(context, bytes, length);
    return true;
}

static inline void pack(const struct access *records, size_t count, struct text *out)
{
    text_init(out, &test_allocator);
    struct trace_writer *w = writer_open("packed", &test_allocator, append, out);
    for (size_t i = 0; i < count; i += 1000)
        cr_assert(writer_add(w, records + i, count - i < 1000 ? count - i : 1000));
    cr_assert(writer_finish(w));
    cr_assert_eq(writer_bytes(w), out->length);
    writer_close(w);
}

enum shape { PROGRAM, SCATTERED, DATA_ONLY, EXTREME, SHAPES };

static inline struct access program_record(struct rng *random, uint64_t *code)
{
    uint64_t kind = rng_below(random, 10);
    struct access a = { .size = 1U << rng_below(random, 4), .kind = ACCESS_FETCH };
    if (kind >= 4) {
        if (rng_below(random, 20) == 0) *code = 0x400000 + rng_below(random, 30000);
        a.address = *code;
        a.size = (uint32_t)(*code % 7 + 1);
        *code += a.size;
        return a;
    }
    a.kind = (uint8_t)(kind % 3);
    a.address = 0x5000000 + *code * 7919 % 999983;
    if (kind < 2) a.address = 0x1fff000000 + 8 * rng_below(random, 900);
    return a;
}

static inline struct access record(enum shape shape, struct rng *random, uint64_t *code)
{
    if (shape == PROGRAM) return program_record(random, code);
    struct access a = { .size = (uint32_t)rng_below(random, 64) + 1,
                        .kind = (uint8_t)rng_below(random, ACCESS_KIND_COUNT) };
    if (shape == DATA_ONLY) a.kind %= 3;
    a.address = rng_below(random, shape == DATA_ONLY ? 1 << 20 : UINT64_C(1) << 46);
    if (shape != EXTREME) return a;
    static const uint64_t ends[] = { 0, 0xfff, 0x7fffffffffff, UINT64_C(1) << 63, UINT64_MAX };
    static const uint32_t sizes[] = { 1, 15, 16, 33, 4095, 4096 };
    a.size = sizes[rng_below(random, COUNT_OF(sizes))];
    a.address = ends[rng_below(random, COUNT_OF(ends))];
    if (a.address + (a.size - 1) < a.address) a.address -= a.size - 1;
    return a;
}

static inline struct access *make(enum shape shape, size_t count)
{
    struct access *records = calloc(count, sizeof *records);
    struct rng random;
    uint64_t code = 0x400000;
    rng_init(&random, 7, shape);
    for (size_t i = 0; i < count; i++) records[i] = record(shape, &random, &code);
    return records;
}

static inline bool same(const struct access *a, const struct access *b)
{
    return a->address == b->address && a->size == b->size && a->kind == b->kind;
}

static inline void expect_same(const struct access *a, const struct access *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert(same(&a[i], &b[i]), "record %zu: %u at %llx, %u bytes", i, a[i].kind,
                  (unsigned long long)a[i].address, a[i].size);
}

/* A reader over a file of packed records. */
struct opened {
    struct access *records;
    struct trace_reader *reader;
    struct access_source source;
    struct text error;
};

static inline void open_packed(struct opened *o, enum shape shape, size_t count)
{
    struct text bytes;
    o->records = make(shape, count);
    pack(o->records, count, &bytes);
    write_trace(bytes.bytes, bytes.length);
    text_free(&bytes);
    text_init(&o->error, &test_allocator);
    o->reader = reader_open("t", NULL, &test_allocator, &o->error);
    cr_assert_not_null(o->reader, "%s", text_string(&o->error));
    o->source = reader_source(o->reader);
}

static inline void close_packed(struct opened *o)
{
    reader_close(o->reader);
    text_free(&o->error);
    free(o->records);
    remove_trace();
}
