/* Reads packed traces: one block at a time in one buffer, of which segments and details are decoded
 * as they are asked for. */
#include "replay/detail.h"
#include "replay/little.h"
#include "replay/packed.h"
#include "replay/segment.h"

enum {
    BUFFER_BYTES = 512 * 1024,
    PADDING_BYTES = SEGMENT_PADDING_BYTES, /* more than DETAIL_PADDING_BYTES */
    SCRATCH = 256,
    /* The digest of a tail, and what stands before it. */
    TAIL_DIGEST_AT = 64,
    DIGEST_BYTES = 32,
};

struct block_head {
    uint64_t first, sum;
    uint32_t payload_bytes, records, segments, segments_bytes;
    uint32_t kinds[ACCESS_KIND_COUNT];
};

struct packed_reader {
    const struct allocator *from;
    struct trace_bytes *bytes;
    uint64_t offset; /* of buffer[start] in the file */
    size_t start, end;
    bool at_end;   /* of the file */
    bool is_done;  /* the tail was read and agreed */
    bool has_jumped; /* over blocks by the index: digest and counts cannot be told */
    uint64_t next; /* number of the next record */
    uint64_t blocks, kinds[ACCESS_KIND_COUNT];
    struct sha256 digest;
    /* The block under way. */
    struct block_head head;
    bool has_payload; /* in the buffer, behind the head */
    const uint8_t *segments, *segments_end; /* not yet taken */
    uint32_t segments_left;
    uint64_t segment_next; /* number of the first record of the next segment */
    uint64_t detail_next;  /* of the next record that `details` yields */
    struct segment_pages pages;
    struct segment_builder builder;
    struct detail_decoder details;
    uint8_t buffer[BUFFER_BYTES + PADDING_BYTES];
};

static bool failed(const struct packed_reader *r)
{
    return r->bytes->error.length > 0;
}

/* "NAME: error: damaged at byte N: WHY"; false. */
static bool damaged(struct packed_reader *r, uint64_t offset, const char *why)
{
    if (failed(r)) return false;
    text_format(&r->bytes->error, "%s: error: damaged at byte %u: %s",
                text_string(&r->bytes->name), offset, why);
    return false;
}

static bool cut_off(struct packed_reader *r)
{
    if (failed(r)) return false;
    text_format(&r->bytes->error, "%s: error: cut off at byte %u, before the end of the trace",
                text_string(&r->bytes->name), r->offset + (r->end - r->start));
    return false;
}

/* Makes the buffer hold that many bytes from `start` on. */
static bool need(struct packed_reader *r, size_t count)
{
    if (r->end - r->start >= count) return true;
    if (r->start + count > BUFFER_BYTES) {
        memmove(r->buffer, r->buffer + r->start, r->end - r->start);
        r->end -= r->start;
        r->start = 0;
    }
    while (r->end - r->start < count && !r->at_end) {
        size_t got = bytes_read(r->bytes, r->buffer + r->end, BUFFER_BYTES - r->end);
        if (got == 0) r->at_end = true;
        r->end += got;
    }
    return r->end - r->start >= count || cut_off(r);
}

static const uint8_t *here(const struct packed_reader *r)
{
    return r->buffer + r->start;
}

static void take(struct packed_reader *r, size_t count)
{
    r->start += count;
    r->offset += count;
}

/* ---- the head and the tail of the file ---- */

static bool read_head(struct packed_reader *r)
{
    if (!need(r, PACKED_HEAD_BYTES)) return false;
    const uint8_t *at = here(r);
    if (!packed_is_magic((const char *)at, PACKED_HEAD_BYTES))
        return damaged(r, 0, "no packed trace starts like this");
    if (little_get64(at + 24) != checksum_of(at, 24))
        return damaged(r, 0, "the checksum of the head is another");
    if (little_get(at + 8, 2) != PACKED_VERSION)
        return bytes_fail(r->bytes, "a packed trace of a version that this mdlsim cannot read", 0);
    if (little_get(at + 10, 2) != PACKED_HEAD_BYTES || little_get(at + 12, 4) != 0 ||
        little_get(at + 16, 4) != PACKED_BLOCK_RECORDS_MAX ||
        little_get(at + 20, 4) != PACKED_BLOCK_BYTES_MAX)
        return damaged(r, 8, "sizes or flags that this version does not have");
    take(r, PACKED_HEAD_BYTES);
    return true;
}

static bool digest_agrees(struct packed_reader *r, const uint8_t *told)
{
    static const char digits[] = "0123456789abcdef";
    char hex[65], expected[65] = { 0 };
    sha256_end(&r->digest, hex);
    for (unsigned i = 0; i < DIGEST_BYTES; i++) {
        expected[2 * i] = digits[told[i] >> 4];
        expected[2 * i + 1] = digits[told[i] & 15];
    }
    return memcmp(hex, expected, sizeof hex) == 0;
}

static bool check_tail(struct packed_reader *r, uint64_t index_offset)
{
    const uint8_t *at = here(r);
    if (little_get(at, 4) != PACKED_TAG_TAIL ||
        little_get64(at + PACKED_TAIL_BYTES - 8) != checksum_of(at, PACKED_TAIL_BYTES - 8))
        return damaged(r, r->offset, "the tail's tag or checksum is another");
    bool agrees = little_get64(at + 56) == index_offset && little_get64(at + 40) == r->next;
    for (unsigned i = 0; i < ACCESS_KIND_COUNT && !r->has_jumped; i++)
        agrees = agrees && little_get64(at + 8 + 8 * i) == r->kinds[i];
    if (!r->has_jumped)
        agrees = agrees && little_get64(at + 48) == r->blocks &&
                 digest_agrees(r, at + TAIL_DIGEST_AT);
    return agrees || damaged(r, r->offset, "the counts or the digest of the tail do not agree");
}

/* From the index to the end of the file. */
static bool read_end(struct packed_reader *r)
{
    uint64_t index_offset = r->offset;
    struct checksum sum;
    if (!need(r, PACKED_INDEX_HEAD_BYTES)) return false;
    uint64_t count = little_get64(here(r) + 8);
    if (little_get(here(r) + 4, 4) != 0 || (!r->has_jumped && count != r->blocks))
        return damaged(r, index_offset, "the index is of other blocks");
    take(r, PACKED_INDEX_HEAD_BYTES);
    checksum_begin(&sum);
    while (count > 0) {
        size_t some = count < 2 ? 1 : 2;
        if (!need(r, some * PACKED_INDEX_ENTRY_BYTES)) return false;
        checksum_add(&sum, here(r), some * PACKED_INDEX_ENTRY_BYTES);
        take(r, some * PACKED_INDEX_ENTRY_BYTES);
        count -= some;
    }
    if (!need(r, 8 + PACKED_TAIL_BYTES)) return false;
    if (little_get64(here(r)) != checksum_end(&sum))
        return damaged(r, index_offset, "the checksum of the index is another");
    take(r, 8);
    if (!check_tail(r, index_offset)) return false;
    take(r, PACKED_TAIL_BYTES);
    if (r->start == r->end && !r->at_end) {
        r->start = r->end = 0;
        r->end = bytes_read(r->bytes, r->buffer, BUFFER_BYTES);
        r->at_end = r->end == 0;
    }
    if (r->start != r->end) return damaged(r, r->offset, "bytes behind the end of the trace");
    r->is_done = !failed(r);
    return false; /* no block follows */
}

/* ---- blocks ---- */

static void read_block_head(const uint8_t *at, struct block_head *h)
{
    h->payload_bytes = (uint32_t)little_get(at + 4, 4);
    h->first = little_get64(at + 8);
    h->records = (uint32_t)little_get(at + 16, 4);
    h->segments = (uint32_t)little_get(at + 20, 4);
    for (unsigned i = 0; i < ACCESS_KIND_COUNT; i++)
        h->kinds[i] = (uint32_t)little_get(at + 24 + 4 * i, 4);
    h->segments_bytes = (uint32_t)little_get(at + 40, 4);
    h->sum = little_get64(at + 48);
}

static const char *what_is_wrong(const struct packed_reader *r, const struct block_head *h)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < ACCESS_KIND_COUNT; i++) sum += h->kinds[i];
    if (h->first != r->next) return "a block that does not follow the one before it";
    if (h->records == 0 || h->records > PACKED_BLOCK_RECORDS_MAX || sum != h->records)
        return "a block's number of records";
    if (h->payload_bytes > PACKED_BLOCK_BYTES_MAX || h->segments_bytes > h->payload_bytes ||
        h->segments == 0 || h->segments > h->records)
        return "a block's sizes";
    return NULL;
}

/* The head of the next block; false at the end of the trace or with the error set. Its payload is
 * read when it is needed. */
static bool next_block(struct packed_reader *r)
{
    r->has_payload = false;
    if (r->is_done || failed(r) || !need(r, PACKED_INDEX_HEAD_BYTES)) return false;
    uint32_t tag = (uint32_t)little_get(here(r), 4);
    if (tag == PACKED_TAG_INDEX) return read_end(r);
    if (tag != PACKED_TAG_BLOCK) return damaged(r, r->offset, "neither a block nor the index");
    if (!need(r, PACKED_BLOCK_HEAD_BYTES)) return false;
    const uint8_t *at = here(r);
    if (little_get64(at + PACKED_BLOCK_HEAD_BYTES - 8) !=
        checksum_of(at, PACKED_BLOCK_HEAD_BYTES - 8))
        return damaged(r, r->offset, "the checksum of a block's head is another");
    read_block_head(at, &r->head);
    const char *why = what_is_wrong(r, &r->head);
    if (why != NULL) return damaged(r, r->offset, why);
    sha256_add(&r->digest, at, PACKED_BLOCK_HEAD_BYTES);
    r->blocks++;
    for (unsigned i = 0; i < ACCESS_KIND_COUNT; i++) r->kinds[i] += r->head.kinds[i];
    return true;
}

/* Sets the cursors of segments and details to the start of the block. */
static bool open_payload(struct packed_reader *r)
{
    const struct block_head *h = &r->head;
    if (!need(r, PACKED_BLOCK_HEAD_BYTES + h->payload_bytes)) return false;
    const uint8_t *payload = here(r) + PACKED_BLOCK_HEAD_BYTES;
    if (checksum_of(payload, h->payload_bytes) != h->sum)
        return damaged(r, r->offset + PACKED_BLOCK_HEAD_BYTES,
                       "the checksum of a block's contents is another");
    r->segments = payload;
    r->segments_end = payload + h->segments_bytes;
    r->segments_left = h->segments;
    r->segment_next = r->detail_next = h->first;
    r->pages.count = 0;
    detail_open(&r->details, r->segments_end, payload + h->payload_bytes);
    r->has_payload = true;
    return true;
}

static uint64_t block_end(const struct packed_reader *r)
{
    return r->head.first + r->head.records;
}

/* Passes over the block under way, read or not. */
static bool leave_block(struct packed_reader *r)
{
    uint64_t bytes = PACKED_BLOCK_HEAD_BYTES + (uint64_t)r->head.payload_bytes;
    r->next = block_end(r);
    r->head.records = 0;
    r->has_payload = false;
    if (bytes > r->end - r->start && bytes_can_seek(r->bytes)) {
        r->offset += bytes;
        r->start = r->end = 0;
        if (r->offset <= bytes_size(r->bytes)) return bytes_seek(r->bytes, r->offset);
        r->offset = bytes_size(r->bytes);
        return cut_off(r);
    }
    if (!need(r, (size_t)bytes)) return false;
    take(r, (size_t)bytes);
    return true;
}

/* A block that has records left, with its contents. */
static bool have_block(struct packed_reader *r)
{
    if (r->head.records != 0 && r->next == block_end(r) && !leave_block(r)) return false;
    if (r->head.records == 0 && !next_block(r)) {
        r->head.records = 0;
        return false;
    }
    return r->has_payload || open_payload(r);
}

/* ---- records ---- */

/* Details from record `number` of the block on. */
static bool get_details(struct packed_reader *r, uint64_t number, struct access *out, size_t count)
{
    struct access scratch[SCRATCH];
    const uint8_t *payload = here(r) + PACKED_BLOCK_HEAD_BYTES;
    if (number < r->detail_next) {
        detail_open(&r->details, payload + r->head.segments_bytes, payload + r->head.payload_bytes);
        r->detail_next = r->head.first;
    }
    while (r->detail_next < number) {
        uint64_t before = number - r->detail_next;
        size_t got = detail_get(&r->details, scratch, before < SCRATCH ? (size_t)before : SCRATCH);
        r->detail_next += got;
        if (got == 0) break;
    }
    size_t got = r->detail_next == number ? detail_get(&r->details, out, count) : 0;
    r->detail_next += got;
    if (got == count) return true;
    const char *why = r->details.wrong;
    return damaged(r, r->offset + PACKED_BLOCK_HEAD_BYTES, why ? why : "a block lacks records");
}

size_t packed_pull(struct packed_reader *r, struct access *out, size_t room)
{
    if (failed(r) || !have_block(r)) return 0;
    uint64_t left = block_end(r) - r->next;
    size_t count = left < room ? (size_t)left : room;
    if (!get_details(r, r->next, out, count)) return 0;
    r->next += count;
    return count;
}

/* ---- segments ---- */

static bool get_segment(struct packed_reader *r, struct access_segment *s)
{
    const char *why = r->segments_left == 0 || r->segments >= r->segments_end
                          ? "a block lacks segments"
                          : segment_get(&r->pages, &r->segments, r->segments_end, s);
    if (why == NULL && s->records > block_end(r) - r->segment_next)
        why = "segments of more records than the block has";
    if (why != NULL) return damaged(r, r->offset + PACKED_BLOCK_HEAD_BYTES, why);
    s->first = r->segment_next;
    r->segment_next += s->records;
    r->segments_left--;
    return true;
}

/* What is left of a segment that was begun, or as much of it as one segment holds: from the
 * records. */
static bool get_rest(struct packed_reader *r, struct access_segment *s)
{
    struct access records[SCRATCH];
    bool is_full = false;
    segment_begin(&r->builder, r->next);
    while (!is_full && r->builder.next < r->segment_next) {
        uint64_t left = r->segment_next - r->builder.next;
        size_t count = left < SCRATCH ? (size_t)left : SCRATCH;
        if (!get_details(r, r->builder.next, records, count)) return false;
        for (size_t i = 0; i < count && !is_full; i++)
            is_full = !segment_add(&r->builder, &records[i]);
    }
    segment_finish(&r->builder);
    *s = r->builder.segment;
    return true;
}

/* Leaves the segments behind that lie before the next record; the last may reach past it. */
static bool catch_up(struct packed_reader *r, struct access_segment *s)
{
    while (r->segment_next < r->next)
        if (!get_segment(r, s)) return false;
    return true;
}

/* Records of the next segment, as it says itself. */
static uint64_t next_records(const struct packed_reader *r)
{
    const uint8_t *at = r->segments;
    return r->segments_left == 0 || at >= r->segments_end ? 0 : varint_get(&at);
}

size_t packed_pull_segment(struct packed_reader *r, struct access_segment *out, uint64_t most)
{
    if (failed(r) || !have_block(r) || !catch_up(r, out)) return 0;
    if (r->segment_next > r->next) {
        if (r->segment_next - r->next > most || !get_rest(r, out)) return 0;
        r->next += out->records;
        return 1;
    }
    if (next_records(r) > most || !get_segment(r, out)) return 0;
    r->next = r->segment_next;
    return 1;
}

size_t packed_expand(struct packed_reader *r, const struct access_segment *s, uint32_t from,
                     struct access *out, size_t room)
{
    if (failed(r) || from >= s->records) return 0;
    size_t count = s->records - from < room ? s->records - from : room;
    return get_details(r, s->first + from, out, count) ? count : 0;
}

/* ---- skipping ---- */

/* Goes to the last block that starts at or before record `number` when it lies far ahead. What the
 * index says is checked by the head of that block, and without an index all is read. */
static void jump(struct packed_reader *r, uint64_t number)
{
    uint8_t tail[PACKED_TAIL_BYTES], entry[PACKED_INDEX_ENTRY_BYTES];
    uint64_t size = bytes_size(r->bytes);
    if (!bytes_can_seek(r->bytes) || size < PACKED_TAIL_BYTES ||
        !bytes_read_at(r->bytes, size - PACKED_TAIL_BYTES, tail, sizeof tail) ||
        little_get64(tail + PACKED_TAIL_BYTES - 8) != checksum_of(tail, PACKED_TAIL_BYTES - 8))
        return;
    uint64_t low = 0, high = little_get64(tail + 48), entries = little_get64(tail + 56);
    uint64_t offset = 0, first = 0;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t at = entries + PACKED_INDEX_HEAD_BYTES + middle * PACKED_INDEX_ENTRY_BYTES;
        if (!bytes_read_at(r->bytes, at, entry, sizeof entry)) return;
        bool is_before = little_get64(entry + 8) <= number;
        if (is_before) offset = little_get64(entry);
        if (is_before) first = little_get64(entry + 8);
        if (is_before) low = middle + 1;
        if (!is_before) high = middle;
    }
    if (first <= r->next || offset <= r->offset || offset >= size) return;
    if (!bytes_seek(r->bytes, offset)) return;
    r->start = r->end = 0;
    r->offset = offset;
    r->next = first;
    r->head.records = 0;
    r->has_payload = false;
    r->has_jumped = true;
}

uint64_t packed_skip(struct packed_reader *r, uint64_t count)
{
    uint64_t from = r->next;
    uint64_t to = count > UINT64_MAX - from ? UINT64_MAX : from + count;
    if (failed(r)) return 0;
    if (to - from > 2 * (uint64_t)PACKED_BLOCK_RECORDS_MAX) jump(r, to);
    while (r->next < to && !failed(r)) {
        bool has_block = r->head.records != 0 && r->next < block_end(r);
        if (!has_block && r->head.records != 0 && !leave_block(r)) break;
        if (!has_block && !next_block(r)) break;
        if (to >= block_end(r)) {
            if (!leave_block(r)) break;
        } else {
            if (!r->has_payload && !open_payload(r)) break;
            r->next = to;
        }
    }
    return r->next - from;
}

uint64_t packed_at(const struct packed_reader *r)
{
    return r->next;
}

struct packed_reader *packed_open(struct trace_bytes *bytes, const char *ahead, size_t length,
                                  const struct allocator *from)
{
    struct packed_reader *r = mem_new(from, 1, sizeof *r);
    r->from = from;
    r->bytes = bytes;
    r->pages.key = mem_new(from, SEGMENT_PAGES_MAX, sizeof *r->pages.key);
    memcpy(r->buffer, ahead, length);
    r->end = length;
    sha256_begin(&r->digest);
    if (read_head(r)) return r;
    packed_close(r);
    return NULL;
}

void packed_close(struct packed_reader *r)
{
    if (r == NULL) return;
    mem_free(r->from, r->pages.key, SEGMENT_PAGES_MAX, sizeof *r->pages.key);
    mem_free(r->from, r, 1, sizeof *r);
}
