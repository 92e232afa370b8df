/* Numbers, names, flags and other scalars as JSON. */
#include "trace/json_write.h"

#include "nt/kernel.h"

/* Room for the longest number, 20 characters with quotes; where it goes. */
static char *number_room(struct text *t)
{
    enum { NUMBER_BYTES = 20 };
    if (__builtin_expect(t->capacity - t->length <= NUMBER_BYTES, 0)) text_room(t, NUMBER_BYTES);
    return t->bytes + t->length;
}

static unsigned decimal_digits(uint64_t n)
{
    static const uint64_t powers[] = {
        0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000,
        100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000,
        10000000000000000, 100000000000000000, 1000000000000000000, 10000000000000000000U,
    };
    unsigned bits = 64 - (unsigned)__builtin_clzll(n | 1);
    unsigned least = bits * 1233 >> 12; /* of 2^(bits - 1): log10(2) is 1233/4096 */
    return least + (n >= powers[least]);
}

void json_u64(struct text *t, uint64_t n)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    unsigned digits = decimal_digits(n);
    char *start = number_room(t), *at = start + digits;
    for (; n >= 10; n /= 100) {
        at -= 2;
        memcpy(at, pairs + 2 * (n % 100), 2);
    }
    if (at > start) *start = (char)('0' + n);
    t->length += digits;
}

void json_i64(struct text *t, int64_t n)
{
    if (n < 0) json_char(t, '-');
    json_u64(t, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

/* Digits of 32 bits, the highest first in memory: each half byte is spread to a byte of its own,
 * and those above 9 are moved on to the letters. */
static void hex_eight(char *to, uint32_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t w = n;
    w = (w | w << 16) & UINT64_C(0x0000FFFF0000FFFF);
    w = (w | w << 8) & UINT64_C(0x00FF00FF00FF00FF);
    w = (w | w << 4) & (ones * 0x0F);
    uint64_t letters = ((w + ones * 6) >> 4) & ones;
    w += ones * '0' + letters * ('A' - '0' - 10);
    for (unsigned i = 0; i < 8; i++) to[i] = (char)(w >> (56 - 8 * i));
}

/* Without leading zeros. All 16 are copied whatever there are: that is two moves. */
static size_t hex_digits(char *to, uint64_t n)
{
    char digits[32] = { 0 };
    unsigned count = (67 - (unsigned)__builtin_clzll(n | 1)) / 4;
    if (n > UINT32_MAX) hex_eight(digits, (uint32_t)(n >> 32));
    hex_eight(digits + 8, (uint32_t)n);
    memcpy(to, digits + 16 - count, 16);
    return count;
}

void json_hex(struct text *t, uint64_t n)
{
    char *to = number_room(t);
    memcpy(to, "\"0x", 3);
    size_t length = 3 + hex_digits(to + 3, n);
    to[length] = '"';
    t->length += length + 1;
}

void json_hex_bare(struct text *t, uint64_t n)
{
    char *to = number_room(t);
    memcpy(to, "0x", 2);
    t->length += 2 + hex_digits(to + 2, n);
}

void json_count(struct text *t, uint64_t n)
{
    if (n <= JSON_INTEGER_MAX) {
        json_u64(t, n);
    } else {
        json_hex(t, n);
    }
}

void json_quoted(struct text *t, const char *s)
{
    json_char(t, '"');
    text_json(t, s, strlen(s));
    json_char(t, '"');
}

void json_bool(struct text *t, bool b)
{
    if (b) {
        JSON_PUT(t, "true");
    } else {
        JSON_PUT(t, "false");
    }
}

void json_name(struct text *t, const struct names *names, uint64_t value)
{
    const char *name = names_find_name(names, value);
    if (name != NULL) {
        json_char(t, '"');
        json_plain(t, name);
        json_char(t, '"');
    } else if (names == &status_codes || names == &bug_checks) {
        json_hex(t, value);
    } else {
        json_count(t, value);
    }
}

/* Names of value 0 belong to a group of bits that is one number: MM_PAGE_PRIORITY below the
 * MdlMapping* flags, POOL_TYPE beside its two modifiers. */
static const struct {
    const struct names *names;
    uint64_t bits;
} groups[] = {
    { &page_priorities, 0x1FFFFFFF },
    { &pool_types, ~(uint64_t)(16 | 256) },
};

static uint64_t group_of(const struct names *names)
{
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        if (groups[i].names == names) return groups[i].bits;
    }
    return 0;
}

/* Walks the names that make up a value. */
struct flag_walk {
    struct text *t;
    const struct name *group; /* the one name of the group's bits, NULL: they are single flags */
    uint64_t rest, group_bits;
    bool list, any;
};

static void flag_put(struct flag_walk *w, const char *name)
{
    if (w->any && w->list) JSON_PUT(w->t, "\", \"");
    if (w->any && !w->list) JSON_PUT(w->t, " | ");
    w->any = true;
    json_plain(w->t, name);
}

static void flag_rest(struct flag_walk *w)
{
    if (w->rest == 0) return;
    flag_put(w, "");
    json_hex_bare(w->t, w->rest);
}

static const struct name *name_of(const struct names *names, uint64_t value)
{
    const struct name *n = names->list;
    while (n->name != NULL && n->value != value) n++;
    return n->name != NULL ? n : NULL;
}

static void flags_walk(struct flag_walk *w, const struct names *names)
{
    for (const struct name *n = names->list; n->name != NULL; n++) {
        if (n == w->group) {
            flag_put(w, n->name);
            w->rest &= ~w->group_bits;
        }
        bool is_single = w->group == NULL || (n->value & w->group_bits) == 0;
        if (n->value == 0 || !is_single || (w->rest & n->value) != n->value) continue;
        flag_put(w, n->name);
        w->rest &= ~n->value;
    }
    flag_rest(w);
}

void json_flags(struct text *t, const struct names *names, uint64_t value)
{
    uint64_t bits = group_of(names);
    const struct name *group = bits != 0 ? name_of(names, value & bits) : NULL;
    if (value == 0 && group == NULL) {
        const char *zero = names_find_name(names, 0);
        if (zero == NULL) JSON_PUT(t, "0");
        if (zero != NULL) json_quoted(t, zero);
        return;
    }
    struct flag_walk w = { .t = t, .group = group, .rest = value, .group_bits = bits };
    json_char(t, '"');
    flags_walk(&w, names);
    json_char(t, '"');
}

void json_flag_list(struct text *t, const struct names *names, uint64_t value)
{
    if (value == 0) {
        JSON_PUT(t, "[]");
        return;
    }
    struct flag_walk w = { .t = t, .rest = value, .list = true };
    JSON_PUT(t, "[\"");
    flags_walk(&w, names);
    JSON_PUT(t, "\"]");
}

/* The characters, first in the highest byte; false when they cannot stand as they are. What begins
 * like a hexadecimal number is one. */
static bool tag_characters(uint32_t tag, char out[5])
{
    size_t count = 0;
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        unsigned char c = (unsigned char)(tag >> (shift - 8));
        if (c == 0 && count == 0) continue;
        if (c < 0x20 || c > 0x7E) return false;
        out[count++] = (char)c;
    }
    out[count] = '\0';
    return count > 0 && !(out[0] == '0' && out[1] == 'x');
}

void json_tag(struct text *t, uint32_t tag)
{
    char characters[5];
    if (tag_characters(tag, characters)) {
        json_quoted(t, characters);
    } else {
        json_hex(t, tag);
    }
}

void json_stop(struct text *t, const struct stop *stop)
{
    static const char *const keys[] = { ", \"p1\": ", ", \"p2\": ", ", \"p3\": ", ", \"p4\": " };
    JSON_PUT(t, "{\"code\": ");
    json_name(t, &bug_checks, stop->code);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        json_plain(t, keys[i]);
        json_hex(t, stop->p[i]);
    }
    json_char(t, '}');
}

void json_id(struct text *t, const char *word, uint32_t id)
{
    if (id == 0) {
        JSON_PUT(t, "null");
        return;
    }
    json_char(t, '"');
    json_plain(t, word);
    json_char(t, '#');
    json_u64(t, id);
    json_char(t, '"');
}
