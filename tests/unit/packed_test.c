/* The packed format: there and back, segments against records, skipping, damage. */
#define _POSIX_C_SOURCE 200809L

#include "base/rng.h"
#include "replay/packed.h"
#include "replay/writer.h"
#include "replay_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 60000 };

static bool append(void *context, const char *bytes, size_t length)
{
    text_bytes(context, bytes, length);
    return true;
}

static void pack(const struct access *records, size_t count, struct text *out)
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

static struct access program_record(struct rng *random, uint64_t *code)
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

static struct access record(enum shape shape, struct rng *random, uint64_t *code)
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

static struct access *make(enum shape shape, size_t count)
{
    struct access *records = calloc(count, sizeof *records);
    struct rng random;
    uint64_t code = 0x400000;
    rng_init(&random, 7, shape);
    for (size_t i = 0; i < count; i++) records[i] = record(shape, &random, &code);
    return records;
}

static bool same(const struct access *a, const struct access *b)
{
    return a->address == b->address && a->size == b->size && a->kind == b->kind;
}

static void expect_same(const struct access *a, const struct access *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert(same(&a[i], &b[i]), "record %zu: %u at %llx, %u bytes", i, a[i].kind,
                  (unsigned long long)a[i].address, a[i].size);
}

Test(packed, there_and_back)
{
    for (enum shape shape = 0; shape < SHAPES; shape++) {
        struct access *records = make(shape, MANY);
        struct text bytes;
        pack(records, MANY, &bytes);
        size_t length = bytes.length;
        char *copy = malloc(length);
        memcpy(copy, bytes.bytes, length);
        text_free(&bytes);
        struct result *result = read_bytes(copy, length, NULL, 777);
        cr_expect_str_eq(result->error, "");
        cr_expect_str_eq(result->format, "packed");
        cr_assert_eq(result->count, (size_t)MANY);
        expect_same(result->records, records, MANY);
        if (shape == PROGRAM) cr_expect_lt(length, 3u * MANY);
        free(result);
        free(copy);
        free(records);
    }
}

/* A reader over a file of packed records. */
struct opened {
    struct access *records;
    struct trace_reader *reader;
    struct access_source source;
    struct text error;
};

static void open_packed(struct opened *o, enum shape shape, size_t count)
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

static void close_packed(struct opened *o)
{
    reader_close(o->reader);
    text_free(&o->error);
    free(o->records);
    remove_trace();
}

/* What a segment must say, from its records, in an obvious way. */
struct tally {
    const struct access_segment *segment;
    uint64_t reads[ACCESS_TOUCHES_MAX], writes[ACCESS_TOUCHES_MAX], last[ACCESS_TOUCHES_MAX];
    uint64_t count[ACCESS_SORT_COUNT], bytes[ACCESS_SORT_COUNT];
    uint64_t clock;
    uint32_t seen;
};

static void tally_lookup(struct tally *t, uint64_t page, bool is_fetch, bool is_write)
{
    const struct access_segment *s = t->segment;
    uint32_t i = 0;
    while (i < s->touch_count && (s->touch[i].page != page || s->touch[i].is_fetch != is_fetch))
        i++;
    cr_assert_leq(i, t->seen);
    cr_assert_lt(i, s->touch_count);
    if (i == t->seen) cr_assert_eq(s->touch[i].writes_first, is_write);
    t->seen += i == t->seen;
    (is_write ? t->writes : t->reads)[i]++;
    t->last[i] = ++t->clock;
}

static void tally_access(struct tally *t, const struct access *a, bool is_write)
{
    bool is_fetch = a->kind == ACCESS_FETCH;
    unsigned sort = is_fetch ? ACCESS_SORT_FETCH : is_write;
    t->count[sort]++;
    t->bytes[sort] += a->size;
    uint64_t low = a->address / 4096, high = (a->address + a->size - 1) / 4096;
    tally_lookup(t, low, is_fetch, is_write);
    if (high != low) tally_lookup(t, high, is_fetch, is_write);
}

static void expect_segment(const struct access_segment *s, const struct access *records)
{
    struct tally t = { .segment = s };
    for (uint32_t i = 0; i < s->records; i++) {
        const struct access *a = &records[s->first + i];
        if (a->kind != ACCESS_STORE) tally_access(&t, a, false);
        if (a->kind == ACCESS_STORE || a->kind == ACCESS_MODIFY) tally_access(&t, a, true);
    }
    cr_assert_eq(t.seen, s->touch_count);
    for (uint32_t i = 0; i < t.seen; i++) {
        cr_assert(s->touch[i].reads == t.reads[i] && s->touch[i].writes == t.writes[i]);
        if (i > 0) cr_assert_lt(t.last[s->last[i - 1]], t.last[s->last[i]]);
    }
    for (unsigned i = 0; i < ACCESS_SORT_COUNT; i++)
        cr_assert(s->count[i] == t.count[i] && s->bytes[i] == t.bytes[i]);
}

Test(packed, segments_say_what_their_records_do)
{
    for (enum shape shape = 0; shape < SHAPES; shape++) {
        struct opened o;
        struct access_segment segments[5];
        struct access piece[100];
        uint64_t next = 0;
        bool failed = false;
        size_t got;
        open_packed(&o, shape, MANY);
        while ((got = o.source.pull_segments(o.source.context, segments, 5, &failed)) > 0)
            for (size_t i = 0; i < got; i++) {
                const struct access_segment *s = &segments[i];
                cr_assert_eq(s->first, next);
                expect_segment(s, o.records);
                next += s->records;
                size_t count = o.source.expand(o.source.context, s, s->records / 2, piece, 100);
                cr_assert_eq(count, s->records - s->records / 2 < 100
                                        ? s->records - s->records / 2
                                        : 100);
                expect_same(piece, o.records + s->first + s->records / 2, count);
            }
        cr_expect_not(failed);
        cr_expect_eq(next, (uint64_t)MANY);
        close_packed(&o);
    }
}

/* Reads on in one of three ways; the number of the next record. */
static uint64_t read_on(struct opened *o, uint64_t way, uint64_t next, uint64_t count, bool *failed)
{
    const struct access_source *source = &o->source;
    struct access_segment segments[3];
    struct access records[500];
    if (way == 0) {
        count = source->pull(source->context, records, count, failed);
        expect_same(records, o->records + next, count);
        return next + count;
    }
    if (way == 1) return next + source->skip(source->context, count * (count % 100), failed);
    count = source->pull_segments(source->context, segments, 3, failed);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(segments[i].first, next);
        expect_segment(&segments[i], o->records);
        next += segments[i].records;
    }
    return next;
}

/* Records, segments, skipping, in any order: each goes on where the one before it stopped. */
Test(packed, mixed_reading)
{
    struct opened o;
    struct rng random;
    rng_init(&random, 3, 0);
    for (unsigned round = 0; round < 12; round++) {
        uint64_t next = 0;
        bool failed = false;
        open_packed(&o, round % SHAPES, MANY);
        while (next < MANY && !failed)
            next = read_on(&o, rng_below(&random, 3), next, rng_below(&random, 500) + 1, &failed);
        cr_expect_eq(next, (uint64_t)MANY);
        struct access one;
        cr_expect_eq(o.source.pull(o.source.context, &one, 1, &failed), 0u);
        cr_expect_not(failed, "%s", reader_error(o.reader));
        close_packed(&o);
    }
}

/* Far enough for the index, to every kind of place. */
Test(packed, skipping_far)
{
    enum { FAR = 900000 };
    static const uint64_t places[] = { 1, 262143, 262144, 262145, 600000, 899999, FAR };
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct opened o;
        struct access one;
        bool failed = false;
        open_packed(&o, PROGRAM, FAR);
        cr_assert_eq(o.source.skip(o.source.context, places[i], &failed), places[i]);
        size_t got = o.source.pull(o.source.context, &one, 1, &failed);
        cr_assert_eq(got, places[i] < FAR, "%s", reader_error(o.reader));
        if (got > 0) cr_expect(same(&one, &o.records[places[i]]));
        cr_expect_eq(o.source.skip(o.source.context, UINT64_MAX, &failed),
                     FAR - places[i] - got);
        cr_expect_not(failed, "%s", reader_error(o.reader));
        close_packed(&o);
    }
}

static void expect_damage(const char *bytes, size_t length, const char *what, size_t at)
{
    struct result *result = read_bytes(bytes, length, "packed", 5000);
    cr_expect_eq(strncmp(result->error, "t: error: ", 10), 0, "%s at %zu of %zu: '%s'", what, at,
                 length, result->error);
    free(result);
}

Test(packed, any_damage_is_found)
{
    struct access *records = make(PROGRAM, 3000);
    struct text bytes;
    pack(records, 3000, &bytes);
    size_t length = bytes.length;
    char *copy = malloc(length + 1);
    memcpy(copy, bytes.bytes, length);
    text_free(&bytes);
    for (size_t at = 0; at < length; at += at < 128 || at + 170 > length ? 3 : 97) {
        copy[at] ^= 0x10;
        expect_damage(copy, length, "changed", at);
        copy[at] ^= 0x10;
        expect_damage(copy, at, "cut", at);
    }
    copy[length] = 0;
    expect_damage(copy, length + 1, "longer", length);
    struct result *result = read_bytes(copy, length, NULL, 5000);
    cr_expect_str_eq(result->error, "");
    free(result);
    free(copy);
    free(records);
}

Test(packed, messages_name_the_byte)
{
    struct access *records = make(PROGRAM, 3000);
    struct text bytes;
    pack(records, 3000, &bytes);
    char *copy = malloc(bytes.length);
    size_t length = bytes.length;
    memcpy(copy, bytes.bytes, length);
    text_free(&bytes);
    copy[100] ^= 1;
    struct result *result = read_bytes(copy, length, NULL, 100);
    cr_expect_str_eq(result->error, "t: error: damaged at byte 96: the checksum of a block's "
                                    "contents is another");
    cr_expect_eq(result->count, 0u);
    free(result);
    copy[100] ^= 1;
    result = read_bytes(copy, 1000, NULL, 100);
    cr_expect_str_eq(result->error, "t: error: cut off at byte 1000, before the end of the trace");
    free(result);
    result = read_bytes(" L 10,1\n", 8, "packed", 100);
    cr_expect_str_eq(result->error, "t: error: cut off at byte 8, before the end of the trace");
    free(result);
    free(copy);
    free(records);
}

/* Wrong contents under right checksums: an error or records that are some, never a crash. */
Test(packed, hostile_contents)
{
    struct access *records = make(PROGRAM, 3000);
    struct text bytes;
    struct rng random;
    rng_init(&random, 11, 0);
    pack(records, 3000, &bytes);
    size_t length = bytes.length, payload = length - 32 - 64 - 40 - 104;
    uint8_t *copy = malloc(length);
    for (unsigned round = 0; round < 800; round++) {
        memcpy(copy, bytes.bytes, length);
        uint8_t *head = copy + 32;
        for (unsigned i = 0; i < 3; i++)
            head[64 + rng_below(&random, payload)] = (uint8_t)rng_below(&random, 256);
        if (round % 3 == 0) head[40 + rng_below(&random, 2)] ^= 1;
        uint64_t sum = checksum_of(head + 64, payload);
        for (unsigned i = 0; i < 8; i++) head[48 + i] = (uint8_t)(sum >> (8 * i));
        sum = checksum_of(head, 56);
        for (unsigned i = 0; i < 8; i++) head[56 + i] = (uint8_t)(sum >> (8 * i));
        write_trace((const char *)copy, length);
        struct text error;
        text_init(&error, &test_allocator);
        struct trace_reader *reader = reader_open("t", NULL, &test_allocator, &error);
        cr_assert_not_null(reader);
        struct access_source source = reader_source(reader);
        struct access_segment segments[4];
        struct access out[64];
        bool failed = false;
        uint64_t total = 0;
        size_t got;
        while ((got = source.pull_segments(source.context, segments, 4, &failed)) > 0) {
            source.expand(source.context, &segments[got - 1], 0, out, 64);
            for (size_t i = 0; i < got; i++) total += segments[i].records;
        }
        cr_expect(failed || total == 3000);
        reader_close(reader);
        remove_trace();
        text_free(&error);
    }
    text_free(&bytes);
    free(copy);
    free(records);
}

/* ---- segments replayed ---- */

enum { SETS = 8, WAYS = 6 };

/* One LRU array, each set most recently used first. */
struct lru {
    uint64_t tag[SETS][WAYS];
    uint64_t hits, misses, order; /* order: a sum over the misses in their order */
};

static bool lru_move(struct lru *l, uint64_t page)
{
    uint64_t *set = l->tag[page % SETS];
    unsigned i = 0;
    while (i < WAYS && set[i] != page + 1) i++;
    bool hit = i < WAYS;
    for (i = hit ? i : WAYS - 1; i > 0; i--) set[i] = set[i - 1];
    set[0] = page + 1;
    return hit;
}

static void lru_look_up(struct lru *l, uint64_t page)
{
    if (lru_move(l, page)) {
        l->hits++;
        return;
    }
    l->misses++;
    l->order = l->order * 31 + page;
}

static void replay_record(struct lru *l, const struct access *a)
{
    for (unsigned i = 0; i < (a->kind == ACCESS_MODIFY ? 2U : 1U); i++) {
        lru_look_up(l, a->address / 4096);
        if ((a->address + a->size - 1) / 4096 != a->address / 4096)
            lru_look_up(l, (a->address + a->size - 1) / 4096);
    }
}

static bool is_narrow(const struct access_segment *s)
{
    unsigned used[SETS] = { 0 };
    for (uint32_t i = 0; i < s->touch_count; i++)
        if (++used[s->touch[i].page % SETS] > WAYS) return false;
    return true;
}

static void replay_segment(struct lru *l, const struct access_segment *s)
{
    for (uint32_t i = 0; i < s->touch_count; i++) {
        lru_look_up(l, s->touch[i].page);
        l->hits += s->touch[i].reads + s->touch[i].writes - 1;
    }
    for (uint32_t i = 0; i < s->touch_count; i++) lru_move(l, s->touch[s->last[i]].page);
}

Test(packed, segments_replay_as_records_do)
{
    for (enum shape shape = 0; shape < SHAPES; shape++) {
        struct opened o;
        struct lru by_segment = { 0 }, by_record = { 0 };
        struct access_segment s;
        bool failed = false;
        uint64_t narrow = 0;
        open_packed(&o, shape, MANY);
        while (o.source.pull_segments(o.source.context, &s, 1, &failed) > 0) {
            for (uint32_t i = 0; i < s.records; i++)
                replay_record(&by_record, &o.records[s.first + i]);
            bool is_fit = is_narrow(&s);
            narrow += is_fit;
            if (is_fit) replay_segment(&by_segment, &s);
            for (uint32_t i = 0; i < s.records && !is_fit; i++)
                replay_record(&by_segment, &o.records[s.first + i]);
            cr_assert_eq(memcmp(&by_segment, &by_record, sizeof by_record), 0, "shape %d", shape);
        }
        if (shape == PROGRAM) cr_expect_gt(narrow, 10u);
        close_packed(&o);
    }
}
