/* Writes packed traces. */
#include "replay/detail.h"
#include "replay/little.h"
#include "replay/packed.h"
#include "replay/segment.h"

enum {
    BLOCK_BYTES = 128 * 1024, /* a block ends when it has so many */
    SEGMENTS_BYTES = BLOCK_BYTES + 4 * SEGMENT_BYTES_MAX,
    DETAILS_BYTES = BLOCK_BYTES + 2 * DETAIL_BYTES_MAX,
};

struct index_entry {
    uint64_t offset, first;
};

struct packed_writer {
    const struct allocator *from;
    bool (*write)(void *context, const char *bytes, size_t length);
    void *context;
    bool failed;
    uint64_t offset; /* bytes written */
    uint64_t records, kinds[ACCESS_KIND_COUNT];
    struct sha256 digest;
    struct index_entry *index;
    size_t index_count, index_capacity;
    struct segment_builder builder;
    struct segment_encoder segments;
    struct detail_encoder details;
    /* The block under way. */
    uint32_t block_records, block_segments, block_kinds[ACCESS_KIND_COUNT];
    size_t segments_length, details_length;
    uint8_t head[PACKED_BLOCK_HEAD_BYTES]; /* right before the payload */
    uint8_t segment_bytes[SEGMENTS_BYTES];
    uint8_t detail_bytes[DETAILS_BYTES];
};

static void write_bytes(struct packed_writer *w, const uint8_t *bytes, size_t length)
{
    if (!w->failed) w->failed = !w->write(w->context, (const char *)bytes, length);
    w->offset += length;
}

static void begin_block(struct packed_writer *w)
{
    w->block_records = w->block_segments = 0;
    memset(w->block_kinds, 0, sizeof w->block_kinds);
    w->segments_length = w->details_length = 0;
    segment_encoder_reset(&w->segments);
    detail_begin(&w->details);
}

struct packed_writer *packed_create(const struct allocator *from,
                                    bool (*write)(void *context, const char *bytes, size_t length),
                                    void *context)
{
    struct packed_writer *w = mem_new(from, 1, sizeof *w);
    uint8_t head[PACKED_HEAD_BYTES] = { 0 };
    w->from = from;
    w->write = write;
    w->context = context;
    sha256_begin(&w->digest);
    segment_encoder_init(&w->segments, from);
    memcpy(head, PACKED_MAGIC, PACKED_MAGIC_BYTES);
    little_put(head + 8, PACKED_VERSION, 2);
    little_put(head + 10, PACKED_HEAD_BYTES, 2);
    little_put(head + 16, PACKED_BLOCK_RECORDS_MAX, 4);
    little_put(head + 20, PACKED_BLOCK_BYTES_MAX, 4);
    little_put(head + 24, checksum_of(head, 24), 8);
    write_bytes(w, head, sizeof head);
    begin_block(w);
    segment_begin(&w->builder, 0);
    return w;
}

static void end_segment(struct packed_writer *w)
{
    if (w->builder.segment.records == 0) return;
    segment_finish(&w->builder);
    uint8_t *end = w->segment_bytes + w->segments_length;
    end = segment_put(&w->segments, &w->builder.segment, end);
    w->segments_length = (size_t)(end - w->segment_bytes);
    w->block_segments++;
    segment_begin(&w->builder, w->builder.next);
}

static void put_head(struct packed_writer *w)
{
    struct checksum c;
    /* The payload is one piece, and only its end may be no whole stripe: the two are joined. */
    memmove(w->segment_bytes + w->segments_length, w->detail_bytes, w->details_length);
    size_t payload = w->segments_length + w->details_length;
    checksum_begin(&c);
    checksum_add(&c, w->segment_bytes, payload);
    uint8_t *at = little_put(w->head, PACKED_TAG_BLOCK, 4);
    at = little_put(at, payload, 4);
    at = little_put(at, w->records - w->block_records, 8);
    at = little_put(at, w->block_records, 4);
    at = little_put(at, w->block_segments, 4);
    for (unsigned i = 0; i < ACCESS_KIND_COUNT; i++) at = little_put(at, w->block_kinds[i], 4);
    at = little_put(at, w->segments_length, 4);
    at = little_put(at, 0, 4);
    at = little_put(at, checksum_end(&c), 8);
    little_put(at, checksum_of(w->head, PACKED_BLOCK_HEAD_BYTES - 8), 8);
}

static void end_block(struct packed_writer *w)
{
    if (w->block_records == 0) return;
    end_segment(w);
    uint8_t *end = detail_end(&w->details, w->detail_bytes + w->details_length);
    w->details_length = (size_t)(end - w->detail_bytes);
    put_head(w);
    sha256_add(&w->digest, w->head, sizeof w->head);
    w->index = mem_grow(w->from, w->index, &w->index_capacity, w->index_count + 1,
                        sizeof *w->index);
    w->index[w->index_count++] =
        (struct index_entry){ w->offset, w->records - w->block_records };
    write_bytes(w, w->head, sizeof w->head);
    write_bytes(w, w->segment_bytes, w->segments_length + w->details_length);
    begin_block(w);
}

static void add(struct packed_writer *w, const struct access *a)
{
    if (!segment_add(&w->builder, a)) {
        end_segment(w);
        segment_add(&w->builder, a);
    }
    uint8_t *end = detail_put(&w->details, a, w->detail_bytes + w->details_length);
    w->details_length = (size_t)(end - w->detail_bytes);
    w->block_kinds[a->kind]++;
    w->kinds[a->kind]++;
    w->block_records++;
    w->records++;
    if (w->block_records == PACKED_BLOCK_RECORDS_MAX ||
        w->segments_length + w->details_length >= BLOCK_BYTES)
        end_block(w);
}

void packed_add(struct packed_writer *w, const struct access *records, size_t count)
{
    for (size_t i = 0; i < count; i++) add(w, &records[i]);
}

static void write_index(struct packed_writer *w)
{
    uint8_t bytes[PACKED_INDEX_ENTRY_BYTES];
    struct checksum c;
    checksum_begin(&c);
    little_put(little_put(little_put(bytes, PACKED_TAG_INDEX, 4), 0, 4), w->index_count, 8);
    write_bytes(w, bytes, PACKED_INDEX_HEAD_BYTES);
    /* Two entries are a stripe of the checksum. */
    uint8_t pair[2 * PACKED_INDEX_ENTRY_BYTES];
    for (size_t i = 0; i < w->index_count; i += 2) {
        size_t count = w->index_count - i < 2 ? 1 : 2;
        for (size_t j = 0; j < count; j++) {
            uint8_t *at = pair + j * PACKED_INDEX_ENTRY_BYTES;
            little_put(little_put(at, w->index[i + j].offset, 8), w->index[i + j].first, 8);
        }
        checksum_add(&c, pair, count * PACKED_INDEX_ENTRY_BYTES);
        write_bytes(w, pair, count * PACKED_INDEX_ENTRY_BYTES);
    }
    little_put(bytes, checksum_end(&c), 8);
    write_bytes(w, bytes, 8);
}

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

bool packed_finish(struct packed_writer *w)
{
    uint8_t tail[PACKED_TAIL_BYTES];
    char hex[65];
    end_block(w);
    uint64_t index_offset = w->offset;
    write_index(w);
    uint8_t *at = little_put(little_put(tail, PACKED_TAG_TAIL, 4), 0, 4);
    for (unsigned i = 0; i < ACCESS_KIND_COUNT; i++) at = little_put(at, w->kinds[i], 8);
    at = little_put(at, w->records, 8);
    at = little_put(at, w->index_count, 8);
    at = little_put(at, index_offset, 8);
    sha256_end(&w->digest, hex);
    for (unsigned i = 0; i < 64; i += 2)
        *at++ = (uint8_t)(digit(hex[i]) << 4 | digit(hex[i + 1]));
    little_put(at, checksum_of(tail, PACKED_TAIL_BYTES - 8), 8);
    write_bytes(w, tail, sizeof tail);
    return !w->failed;
}

uint64_t packed_written_bytes(const struct packed_writer *w)
{
    return w->offset;
}

void packed_writer_free(struct packed_writer *w)
{
    segment_encoder_free(&w->segments, w->from);
    mem_free(w->from, w->index, w->index_capacity, sizeof *w->index);
    mem_free(w->from, w, 1, sizeof *w);
}
