/* Details of the packed format: the predictor, and the bytes. */
#include "replay/detail.h"

#include "replay/little.h"

enum {
    INDEX_SHIFT = 52, /* 64 - log2 of PREDICTOR_ENTRIES */
    CROWDED = 8,      /* so many data accesses in a row have no instruction to go by */
    RUN_MAX = 128,
    LITERAL = 0x80,
    KIND_SHIFT = 5,
    FETCH_ELSEWHERE = 0x10, /* of a fetch: not right behind the last one */
    FETCH_SIZE_MASK = 0x0f, /* its size, 0: it follows */
    REFERENCE_SHIFT = 3,    /* of data: what the address is told from */
    REFERENCE_MASK = 3,
    SIZE_MASK = 7, /* its size as a power of two up to 32, or */
    SIZE_FOLLOWS = 6,
};

/* What the address of a literal is told from. */
enum reference { FROM_DATA, FROM_REGION_0, FROM_REGION_1, FROM_PREDICTION, REFERENCES };

#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15) /* 2^64 / golden ratio, odd */

/* What comes next is foretold by the last instruction and how many data accesses it made; without
 * instructions, by the last data access. */
static inline struct prediction *predict(struct predictor *p, struct access *out)
{
    uint64_t key = p->slot == CROWDED ? p->data : p->fetch + ((uint64_t)p->slot << 56);
    struct prediction *e = &p->entry[(key * MULTIPLIER) >> INDEX_SHIFT];
    out->address = e->address + e->stride;
    out->size = e->size;
    out->kind = e->kind;
    return e;
}

static inline void learn(struct predictor *p, struct prediction *e, const struct access *a)
{
    bool is_fetch = a->kind == ACCESS_FETCH;
    e->stride = is_fetch || e->size == 0 || e->kind == ACCESS_FETCH ? 0 : a->address - e->address;
    e->address = a->address;
    e->size = a->size;
    e->kind = a->kind;
    if (is_fetch) {
        p->fetch = a->address;
        p->fetch_end = a->address + a->size;
        p->slot = 0;
    } else {
        p->data = a->address;
        p->slot += p->slot < CROWDED;
    }
}

static uint64_t reference_address(const struct predictor *p, enum reference from,
                                  uint64_t predicted)
{
    if (from == FROM_DATA) return p->data;
    return from == FROM_PREDICTION ? predicted : p->region[from - FROM_REGION_0];
}

static void move_regions(struct predictor *p, enum reference from, uint64_t address)
{
    if (from == FROM_DATA) return;
    if (from != FROM_REGION_0) p->region[1] = p->region[0];
    p->region[0] = address;
}

/* ---- writing ---- */

void detail_begin(struct detail_encoder *e)
{
    memset(e, 0, sizeof *e);
}

static uint8_t *put_fetch(const struct predictor *p, const struct access *a, uint8_t *out)
{
    unsigned size = a->size <= FETCH_SIZE_MASK ? a->size : 0;
    bool elsewhere = a->address != p->fetch_end;
    unsigned head = LITERAL | ACCESS_FETCH << KIND_SHIFT | size;
    if (elsewhere) head |= FETCH_ELSEWHERE;
    *out++ = (uint8_t)head;
    if (size == 0) out = varint_put(out, a->size);
    return elsewhere ? varint_put(out, zigzag(a->address - p->fetch_end)) : out;
}

static enum reference nearest(const struct predictor *p, uint64_t address, uint64_t predicted)
{
    enum reference best = FROM_DATA;
    unsigned least = UINT32_MAX;
    for (enum reference from = 0; from < REFERENCES; from++) {
        unsigned bytes = varint_bytes(zigzag(address - reference_address(p, from, predicted)));
        if (bytes < least) best = from;
        if (bytes < least) least = bytes;
    }
    return best;
}

static uint8_t *put_data(struct predictor *p, const struct access *a, uint64_t predicted,
                         uint8_t *out)
{
    enum reference from = nearest(p, a->address, predicted);
    bool is_power = (a->size & (a->size - 1)) == 0 && a->size <= 32;
    unsigned size = is_power ? (unsigned)__builtin_ctz(a->size) : SIZE_FOLLOWS;
    *out++ = (uint8_t)(LITERAL | (unsigned)a->kind << KIND_SHIFT |
                       (unsigned)from << REFERENCE_SHIFT | size);
    if (!is_power) out = varint_put(out, a->size);
    out = varint_put(out, zigzag(a->address - reference_address(p, from, predicted)));
    move_regions(p, from, a->address);
    return out;
}

uint8_t *detail_put(struct detail_encoder *e, const struct access *a, uint8_t *out)
{
    struct predictor *p = &e->predictor;
    struct access told;
    struct prediction *entry = predict(p, &told);
    if (told.address == a->address && told.size == a->size && told.kind == a->kind) {
        if (++e->run == RUN_MAX) out = detail_end(e, out);
    } else {
        out = detail_end(e, out);
        out = a->kind == ACCESS_FETCH ? put_fetch(p, a, out) : put_data(p, a, told.address, out);
    }
    learn(p, entry, a);
    return out;
}

uint8_t *detail_end(struct detail_encoder *e, uint8_t *out)
{
    if (e->run > 0) *out++ = (uint8_t)(e->run - 1);
    e->run = 0;
    return out;
}

/* ---- reading ---- */

void detail_open(struct detail_decoder *d, const uint8_t *at, const uint8_t *end)
{
    memset(d, 0, sizeof *d);
    d->at = at;
    d->end = end;
}

static void get_literal(struct detail_decoder *d, unsigned head, struct access *a)
{
    struct predictor *p = &d->predictor;
    a->kind = (uint8_t)(head >> KIND_SHIFT & 3);
    if (a->kind == ACCESS_FETCH) {
        a->size = head & FETCH_SIZE_MASK;
        if (a->size == 0) a->size = (uint32_t)varint_get(&d->at);
        a->address = p->fetch_end;
        if ((head & FETCH_ELSEWHERE) != 0) a->address += unzigzag(varint_get(&d->at));
        return;
    }
    enum reference from = head >> REFERENCE_SHIFT & REFERENCE_MASK;
    uint64_t reference = reference_address(p, from, a->address);
    unsigned size = head & SIZE_MASK;
    a->size = 1U << size;
    if (size >= SIZE_FOLLOWS) a->size = size == SIZE_FOLLOWS ? (uint32_t)varint_get(&d->at) : 0;
    a->address = reference + unzigzag(varint_get(&d->at));
    move_regions(p, from, a->address);
}

static bool is_access(const struct access *a)
{
    return a->size - 1 < ACCESS_BYTES_MAX && a->address + (a->size - 1) >= a->address;
}

/* Foretold records; returns how many. */
static size_t get_run(struct detail_decoder *d, struct access *out, size_t room)
{
    struct predictor *p = &d->predictor;
    size_t count = d->run < room ? d->run : room, i;
    bool good = true;
    for (i = 0; i < count; i++) {
        struct prediction *entry = predict(p, &out[i]);
        good = good && is_access(&out[i]);
        learn(p, entry, &out[i]);
    }
    if (!good) d->wrong = "records that nothing foretold";
    d->run -= (uint32_t)count;
    return count;
}

size_t detail_get(struct detail_decoder *d, struct access *out, size_t room)
{
    size_t count = 0;
    while (count < room && d->wrong == NULL) {
        if (d->run > 0) {
            count += get_run(d, out + count, room - count);
            continue;
        }
        if (d->at >= d->end) break;
        unsigned head = *d->at++;
        if ((head & LITERAL) == 0) {
            d->run = head + 1;
            continue;
        }
        struct prediction *entry = predict(&d->predictor, &out[count]);
        get_literal(d, head, &out[count]);
        if (d->at > d->end || !is_access(&out[count])) d->wrong = "a record that is none";
        learn(&d->predictor, entry, &out[count]);
        count++;
    }
    return d->wrong == NULL ? count : 0;
}
