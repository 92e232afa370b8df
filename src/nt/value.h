/* A value of a scenario: a number with its dimension, a truth value, NULL, or an object. */
#pragma once

#include "base/types.h"

enum value_kind {
    VALUE_UNBOUND, /* a name that nothing was bound to yet */
    VALUE_INT,
    VALUE_SIZE, /* bytes */
    VALUE_TIME, /* cycles */
    VALUE_BOOL,
    VALUE_NULL,
    VALUE_MDL,
    VALUE_IRP,
    VALUE_PROCESS,
    VALUE_DEVICE,
};

struct value {
    uint64_t v;  /* the number; of an object its address, so that objects compare by address */
    uint32_t id; /* of an object, from 1 */
    uint8_t kind;
};

static inline struct value value_int(uint64_t v)
{
    return (struct value){ v, 0, VALUE_INT };
}
static inline struct value value_bool(bool b)
{
    return (struct value){ b, 0, VALUE_BOOL };
}
static inline struct value value_null(void)
{
    return (struct value){ 0, 0, VALUE_NULL };
}
static inline struct value value_address(uint64_t v)
{
    return v == 0 ? value_null() : value_int(v);
}
static inline bool value_is_object(struct value x)
{
    return x.kind >= VALUE_MDL;
}
