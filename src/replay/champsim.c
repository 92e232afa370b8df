/* ChampSim's instruction records: 64 bytes, little-endian: u64 ip, u8 is_branch, u8 branch_taken,
 * u8 destination_registers[2], u8 source_registers[4], u64 destination_memory[2], u64
 * source_memory[4]; 0 is none (struct input_instr in ChampSim's trace_instruction.h). An
 * instruction is a fetch, then its loads, then its stores. There are no sizes: each is the one byte
 * that is named, so that an address is one lookup, as in ChampSim. */
#include "replay/parse.h"

enum {
    RECORD_BYTES = 64,
    BRANCH_AT = 8,
    TAKEN_AT = 9,
    STORES_AT = 16,
    STORES = 2,
    LOADS_AT = 32,
    LOADS = 4,
};

static bool is_canonical(uint64_t address)
{
    uint64_t top = address >> 56;
    return top == 0 || (top == 0xff && (address >> 55 & 1) != 0);
}

static bool fits(const char *at)
{
    uint64_t ip = parse_little(at, 8);
    bool good = ip != 0 && is_canonical(ip) && (unsigned char)at[BRANCH_AT] <= 1 &&
                (unsigned char)at[TAKEN_AT] <= 1;
    for (unsigned i = 0; i < STORES + LOADS; i++)
        good = good && is_canonical(parse_little(at + STORES_AT + 8 * i, 8));
    return good;
}

static size_t put(struct access *out, const char *at, unsigned count, enum access_kind kind)
{
    size_t put = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t address = parse_little(at + 8 * i, 8);
        if (address != 0)
            out[put++] = (struct access){ .address = address, .size = 1, .kind = (uint8_t)kind };
    }
    return put;
}

/* False when the record is bad. */
static bool parse_record(struct parse *p, struct access *out, size_t *count)
{
    unsigned branch = (unsigned char)p->at[BRANCH_AT], taken = (unsigned char)p->at[TAKEN_AT];
    if (branch > 1 || taken > 1) {
        parse_fail(p, p->at + BRANCH_AT, "is_branch and branch_taken are 0 or 1");
        return false;
    }
    if (parse_little(p->at, 8) == 0) {
        parse_fail(p, p->at, "an instruction at address 0");
        return false;
    }
    *count = put(out, p->at, 1, ACCESS_FETCH);
    *count += put(out + *count, p->at + LOADS_AT, LOADS, ACCESS_LOAD);
    *count += put(out + *count, p->at + STORES_AT, STORES, ACCESS_STORE);
    p->at += RECORD_BYTES;
    p->lines++;
    return true;
}

static size_t take_held(struct parse *p, struct access *out, size_t room)
{
    size_t count = 0;
    while (count < room && p->held_at < p->held_end)
        out[count++] = p->held[p->held_at++];
    return count;
}

static size_t parse(struct parse *p, struct access *out, size_t room)
{
    size_t count = take_held(p, out, room), more;
    while (room - count >= CHAMPSIM_ACCESSES_MAX && p->at < p->end) {
        if (!parse_record(p, out + count, &more)) return count;
        count += more;
    }
    while (count < room && p->at < p->end) {
        if (!parse_record(p, p->held, &more)) return count;
        p->held_at = 0;
        p->held_end = (uint8_t)more;
        count += take_held(p, out + count, room - count);
    }
    return count;
}

const struct trace_format champsim_format = {
    .name = "champsim", .parse = parse, .record_bytes = RECORD_BYTES, .fits = fits,
};
