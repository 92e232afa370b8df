/* Records: one row describes one member of a struct, wherever it is met: as an argument of a
 * routine, a setting of a scenario, a field of the trace's head. Readers, writers, schema and
 * manual are short loops over these rows. */
#pragma once

#include "base/types.h"

#include <string.h>

/* A named constant. Tables of them are the only place where a spelling meets a number. */
struct name {
    const char *name;
    uint64_t value;
    const char *doc;
};

struct names {
    const char *title;       /* "MEMORY_CACHING_TYPE" */
    const struct name *list; /* in the order of values or bits; ends with a NULL name */
    bool flags;              /* values are joined with '|' */
    bool open;               /* numbers without a name are allowed */
};

enum field_type {
    FIELD_END = 0,
    FIELD_BOOL,    /* bool */
    FIELD_U8,      /* uint8_t */
    FIELD_U32,     /* uint32_t */
    FIELD_U64,     /* uint64_t, printed in decimal */
    FIELD_HEX,     /* uint64_t, printed as a hexadecimal string, or as flags where it has names */
    FIELD_SIZE,    /* uint64_t bytes; read with units of size */
    FIELD_TIME,    /* uint64_t cycles; read with units of time */
    FIELD_VA,      /* va_t */
    FIELD_PA,      /* pa_t */
    FIELD_NAME,    /* uint32_t, one of names */
    FIELD_FLAGS,   /* uint32_t, names joined */
    FIELD_TAG,     /* uint32_t pool tag */
    FIELD_TEXT,    /* const char * */
    FIELD_MDL,     /* uint32_t id of an MDL, 0 = NULL */
    FIELD_IRP,     /* uint32_t id of an IRP, 0 = NULL */
    FIELD_PROCESS, /* uint32_t id of a process, 0 = System; ProcessHandle and PEPROCESS */
    FIELD_LIST,    /* struct list_arg: an array or structure list, see nt/routine.h */
    FIELD_GROUP,   /* a nested struct, rows in `group` */
};

enum {
    FIELD_OPTIONAL = 1, /* may be left out: `fallback` then holds */
    FIELD_OUT = 2,      /* out parameter: bound through `as`, may be left out */
    FIELD_INOUT = 4,    /* given by value, new value bound through `as` */
    FIELD_NULLABLE = 8, /* NULL is a valid value (object and address types) */
};

struct field {
    const char *key;
    enum field_type type;
    uint32_t offset;
    uint32_t flags;
    uint64_t min, max; /* checked when max != 0 */
    const struct names *names;
    const struct field *group;
    const char *fallback; /* default, as an expression */
    const char *doc;      /* one sentence with a full stop */
};

/* FIELD rows tie the C type of the member to the row's type: a mismatch does not compile. */
#define FIELD_TYPED(s, m, ctype)                                                                   \
    .offset = (uint32_t)(offsetof(s, m) + 0 * sizeof(char[_Generic(((s *)0)->m, ctype : 1)]))

#define ROW_BOOL(s, m, k) .key = (k), .type = FIELD_BOOL, FIELD_TYPED(s, m, bool)
#define ROW_U8(s, m, k) .key = (k), .type = FIELD_U8, FIELD_TYPED(s, m, uint8_t)
#define ROW_U32(s, m, k) .key = (k), .type = FIELD_U32, FIELD_TYPED(s, m, uint32_t)
#define ROW_U64(s, m, k) .key = (k), .type = FIELD_U64, FIELD_TYPED(s, m, uint64_t)
#define ROW_HEX(s, m, k) .key = (k), .type = FIELD_HEX, FIELD_TYPED(s, m, uint64_t)
#define ROW_SIZE(s, m, k) .key = (k), .type = FIELD_SIZE, FIELD_TYPED(s, m, uint64_t)
#define ROW_TIME(s, m, k) .key = (k), .type = FIELD_TIME, FIELD_TYPED(s, m, uint64_t)
#define ROW_VA(s, m, k) .key = (k), .type = FIELD_VA, FIELD_TYPED(s, m, va_t)
#define ROW_PA(s, m, k) .key = (k), .type = FIELD_PA, FIELD_TYPED(s, m, pa_t)
#define ROW_NAME(s, m, k, n)                                                                       \
    .key = (k), .type = FIELD_NAME, FIELD_TYPED(s, m, uint32_t), .names = &(n)
#define ROW_FLAGS(s, m, k, n)                                                                      \
    .key = (k), .type = FIELD_FLAGS, FIELD_TYPED(s, m, uint32_t), .names = &(n)
#define ROW_TAG(s, m, k) .key = (k), .type = FIELD_TAG, FIELD_TYPED(s, m, uint32_t)
#define ROW_TEXT(s, m, k) .key = (k), .type = FIELD_TEXT, FIELD_TYPED(s, m, const char *)
#define ROW_MDL(s, m, k) .key = (k), .type = FIELD_MDL, FIELD_TYPED(s, m, uint32_t)
#define ROW_IRP(s, m, k) .key = (k), .type = FIELD_IRP, FIELD_TYPED(s, m, uint32_t)
#define ROW_PROCESS(s, m, k) .key = (k), .type = FIELD_PROCESS, FIELD_TYPED(s, m, uint32_t)
#define ROW_LIST(s, m, k) .key = (k), .type = FIELD_LIST, FIELD_TYPED(s, m, struct list_arg)

/* The row with that key, NULL when there is none. */
const struct field *field_find(const struct field *rows, const char *key);
size_t field_count(const struct field *rows);
/* Integers of at most 64 bits as the row's type stores them (va_t, bool, uint32_t, ...). BUG for a
 * row that holds none (text, list, group) and for a value that the member cannot hold. */
uint64_t field_get(const struct field *row, const void *record);
void field_set(const struct field *row, void *record, uint64_t value);
/* The same for rows of objects, which store an id. */
static inline uint32_t field_id(const struct field *row, const void *record)
{
    uint32_t id;
    memcpy(&id, (const char *)record + row->offset, sizeof id);
    return id;
}
static inline void field_set_id(const struct field *row, void *record, uint32_t id)
{
    memcpy((char *)record + row->offset, &id, sizeof id);
}
/* And for rows of 64 bits. */
static inline void field_set_wide(const struct field *row, void *record, uint64_t value)
{
    memcpy((char *)record + row->offset, &value, sizeof value);
}
/* Name of a value, NULL when it has none; value of a name, false when unknown. */
const char *names_find_name(const struct names *names, uint64_t value);
bool names_find_value(const struct names *names, const char *name, uint64_t *value);
