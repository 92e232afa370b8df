/* Patterns of paths and tolerances, in integers of 64 bits. */
#include "trace/diff_path.h"

#include <string.h>

enum { MILLION = 1000000 };

bool path_matches(const char *pattern, size_t length, const char *path)
{
    for (; length > 0 && *pattern != '*'; pattern++, path++, length--) {
        if (*path == '\0' || *path != *pattern) return false;
    }
    if (length == 0) return *path == '\0' || *path == '.';
    bool dots = length > 1 && pattern[1] == '*';
    size_t stars = dots ? 2 : 1;
    for (;; path++) {
        if (path_matches(pattern + stars, length - stars, path)) return true;
        if (*path == '\0' || (!dots && *path == '.')) return false;
    }
}

uint64_t number_distance(int64_t a, int64_t b)
{
    return a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
}

/* a * b as 128 bits. */
static void multiply(uint64_t a, uint64_t b, uint64_t *high, uint64_t *low)
{
    uint64_t a0 = a & UINT32_MAX, a1 = a >> 32, b0 = b & UINT32_MAX, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    uint64_t other = a0 * b1 + (middle & UINT32_MAX);
    *high = a1 * b1 + (middle >> 32) + (other >> 32);
    *low = a * b;
}

bool tolerance_allows(const struct diff_tolerance *t, int64_t a, int64_t b)
{
    uint64_t distance = number_distance(a, b);
    if (!t->percent) return distance <= t->amount;
    uint64_t left_high, left_low, right_high, right_low;
    multiply(distance, MILLION, &left_high, &left_low);
    multiply(number_distance(0, a), t->amount, &right_high, &right_low);
    return left_high != right_high ? left_high < right_high : left_low <= right_low;
}

/* Decimal digits at *p; false when there are none or too many. */
static bool read_digits(const char **p, uint64_t *number, unsigned most)
{
    const char *start = *p;
    *number = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        uint64_t digit = (uint64_t)(**p - '0');
        if (!mul_fits(*number, 10, number) || !add_fits(*number, digit, number)) return false;
    }
    return *p != start && (size_t)(*p - start) <= most;
}

bool diff_tolerance_parse(const char *text, struct diff_tolerance *out)
{
    const char *sign = strrchr(text, '=');
    if (sign == NULL || sign == text) return false;
    *out =
        (struct diff_tolerance){ .path = text, .path_length = (size_t)(sign - text), .text = text };
    const char *p = sign + 1;
    uint64_t whole, part = 0;
    if (!read_digits(&p, &whole, 20)) return false;
    if (*p == '\0') {
        out->amount = whole;
        return true;
    }
    if (*p == '.') {
        const char *first = ++p;
        if (!read_digits(&p, &part, 4)) return false;
        for (size_t digits = (size_t)(p - first); digits < 4; digits++) part *= 10;
    }
    out->percent = true;
    return strcmp(p, "%") == 0 && mul_fits(whole, MILLION / 100, &out->amount) &&
           add_fits(out->amount, part, &out->amount);
}

void text_percent(struct text *t, int64_t a, int64_t b)
{
    uint64_t base = number_distance(0, a), distance = number_distance(a, b);
    if (base == 0) {
        text_char(t, '-');
        return;
    }
    uint64_t whole = distance / base, rest = distance % base, hundredths;
    if (base <= UINT64_MAX / 20002) {
        hundredths = (rest * 20000 / base + 1) / 2;
    } else {
        hundredths = (rest / (base / 20000) + 1) / 2;
    }
    if (!mul_fits(whole, 10000, &whole) || !add_fits(whole, hundredths, &whole)) whole = UINT64_MAX;
    text_char(t, b < a ? '-' : '+');
    text_u64(t, whole / 100);
    text_char(t, '.');
    text_char(t, (char)('0' + whole / 10 % 10));
    text_char(t, (char)('0' + whole % 10));
    text_char(t, '%');
}
