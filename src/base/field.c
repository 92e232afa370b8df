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

/* Bytes of the integer that a row stores. All typed units are one uint64_t (types.h). */
static size_t width_bytes(const struct field *row)
{
    switch (row->type) {
    case FIELD_BOOL: return sizeof(bool);
    case FIELD_U8: return sizeof(uint8_t);
    case FIELD_U32:
    case FIELD_NAME:
    case FIELD_FLAGS:
    case FIELD_TAG:
    case FIELD_MDL:
    case FIELD_IRP:
    case FIELD_PROCESS: return sizeof(uint32_t);
    case FIELD_U64:
    case FIELD_HEX:
    case FIELD_SIZE:
    case FIELD_TIME:
    case FIELD_VA:
    case FIELD_PA: return sizeof(uint64_t);
    case FIELD_END:
    case FIELD_TEXT:
    case FIELD_LIST:
    case FIELD_GROUP: break;
    }
    BUG2("row holds no integer", row->type, row->offset);
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
    const void *source = &value;
    if (row->type == FIELD_BOOL) {
        source = &flag;
    } else if (bytes == sizeof narrow) {
        source = &narrow;
    } else if (bytes == sizeof middle) {
        source = &middle;
    }
    memcpy(member, source, bytes);
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
