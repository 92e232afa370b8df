/* Reading and writing members of records through their rows, and looking up named constants. */
#include "base/field.h"

#include "base/check.h"
#include "base/text.h"

#include <string.h>

const struct field *field_find(const struct field *rows, const char *key)
{
    for (const struct field *row = rows; row->type != FIELD_END; row++) {
        if (string_equal(row->key, key)) return row;
    }
    return NULL;
}

size_t field_count(const struct field *rows)
{
    size_t count = 0;
    while (rows[count].type != FIELD_END) count++;
    return count;
}

/* Bytes of the integer that a row stores, 0 for none. All typed units are one uint64_t (types.h).
 */
static const uint8_t widths[] = {
    [FIELD_BOOL] = sizeof(bool),        [FIELD_U8] = sizeof(uint8_t),
    [FIELD_U32] = sizeof(uint32_t),     [FIELD_NAME] = sizeof(uint32_t),
    [FIELD_FLAGS] = sizeof(uint32_t),   [FIELD_TAG] = sizeof(uint32_t),
    [FIELD_MDL] = sizeof(uint32_t),     [FIELD_IRP] = sizeof(uint32_t),
    [FIELD_PROCESS] = sizeof(uint32_t), [FIELD_U64] = sizeof(uint64_t),
    [FIELD_HEX] = sizeof(uint64_t),     [FIELD_SIZE] = sizeof(uint64_t),
    [FIELD_TIME] = sizeof(uint64_t),    [FIELD_VA] = sizeof(uint64_t),
    [FIELD_PA] = sizeof(uint64_t),      [FIELD_GROUP] = 0,
};

static size_t width_bytes(const struct field *row)
{
    size_t bytes = (size_t)row->type < COUNT_OF(widths) ? widths[row->type] : 0;
    CHECK2(bytes != 0, row->type, row->offset);
    return bytes;
}

uint64_t field_get(const struct field *row, const void *record)
{
    const char *member = (const char *)record + row->offset;
    if (row->type == FIELD_BOOL) {
        bool value;
        memcpy(&value, member, sizeof value);
        return value;
    }
    uint8_t narrow;
    uint32_t middle;
    uint64_t wide;
    switch (width_bytes(row)) {
    case sizeof narrow: memcpy(&narrow, member, sizeof narrow); return narrow;
    case sizeof middle: memcpy(&middle, member, sizeof middle); return middle;
    default: memcpy(&wide, member, sizeof wide); return wide;
    }
}

void field_set(const struct field *row, void *record, uint64_t value)
{
    char *member = (char *)record + row->offset;
    size_t bytes = width_bytes(row);
    uint64_t most = row->type == FIELD_BOOL ? 1 : UINT64_MAX >> (64 - 8 * bytes);
    CHECK2(value <= most, value, row->type);
    bool flag = value != 0;
    uint8_t narrow = (uint8_t)value;
    uint32_t middle = (uint32_t)value;
    if (bytes == sizeof middle) memcpy(member, &middle, sizeof middle);
    else if (bytes == sizeof value) memcpy(member, &value, sizeof value);
    else if (row->type == FIELD_BOOL) memcpy(member, &flag, sizeof flag);
    else memcpy(member, &narrow, sizeof narrow);
}

const char *names_find_name(const struct names *names, uint64_t value)
{
    for (const struct name *n = names->list; n->name != NULL; n++) {
        if (n->value == value) return n->name;
    }
    return NULL;
}

bool names_find_value(const struct names *names, const char *name, uint64_t *value)
{
    for (const struct name *n = names->list; n->name != NULL; n++) {
        if (!string_equal(n->name, name)) continue;
        *value = n->value;
        return true;
    }
    return false;
}
