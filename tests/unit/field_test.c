/* Unit tests of base/field. */
#include "base/field.h"

#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

struct list_arg {
    const void *items;
};

struct record {
    uint8_t before;
    bool flag;
    uint8_t small;
    uint32_t middle, cache, access, tag, mdl, irp, process;
    uint64_t wide, mask, size, time;
    va_t address;
    pa_t physical;
    const char *text;
    struct list_arg list;
};

static const struct name cache_type_list[] = {
    { "MmNonCached", 0, "" },
    { "MmCached", 1, "" },
    { "MmWriteCombined", 2, "" },
    { NULL, 0, NULL },
};
static const struct names cache_types = { .title = "MEMORY_CACHING_TYPE", .list = cache_type_list };

static const struct field rows[] = {
    { ROW_BOOL(struct record, flag, "Flag") },
    { ROW_U8(struct record, small, "Small"), .max = 7 },
    { ROW_U32(struct record, middle, "Middle") },
    { ROW_NAME(struct record, cache, "CacheType", cache_types) },
    { ROW_FLAGS(struct record, access, "Access", cache_types) },
    { ROW_TAG(struct record, tag, "Tag") },
    { ROW_MDL(struct record, mdl, "Mdl") },
    { ROW_IRP(struct record, irp, "Irp") },
    { ROW_PROCESS(struct record, process, "Process") },
    { ROW_U64(struct record, wide, "Wide") },
    { ROW_HEX(struct record, mask, "Mask") },
    { ROW_SIZE(struct record, size, "Size") },
    { ROW_TIME(struct record, time, "Time") },
    { ROW_VA(struct record, address, "Address") },
    { ROW_PA(struct record, physical, "Physical") },
    { ROW_TEXT(struct record, text, "Text") },
    { ROW_LIST(struct record, list, "List") },
    { 0 },
};
enum { ROWS = COUNT_OF(rows) - 1, INTEGER_ROWS = ROWS - 2 };

/* The largest value of each row, in order. */
static const uint64_t largest[INTEGER_ROWS] = {
    1,          UINT8_MAX,  UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
    UINT32_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
};

Test(field, find_and_count)
{
    cr_assert_eq(field_count(rows), ROWS);
    for (size_t i = 0; i < ROWS; i++) cr_assert_eq(field_find(rows, rows[i].key), &rows[i]);
    cr_assert_null(field_find(rows, "flag"));
    cr_assert_null(field_find(rows, ""));
    cr_assert_null(field_find(&rows[ROWS], "Flag"));
}

Test(field, set_changes_only_its_member)
{
    for (size_t i = 0; i < INTEGER_ROWS; i++) {
        struct record record;
        memset(&record, 0, sizeof record);
        field_set(&rows[i], &record, largest[i]);
        for (size_t k = 0; k < INTEGER_ROWS; k++) {
            cr_assert_eq(field_get(&rows[k], &record), k == i ? largest[i] : 0, "%zu %zu", i, k);
        }
        field_set(&rows[i], &record, 0);
        cr_assert_eq(field_get(&rows[i], &record), 0);
    }
    struct record record = { .flag = true, .address = { 0x1000 }, .small = 5 };
    cr_assert_eq(field_get(field_find(rows, "Flag"), &record), 1);
    cr_assert_eq(field_get(field_find(rows, "Address"), &record), 0x1000);
    cr_assert_eq(field_get(field_find(rows, "Small"), &record), 5);
}

static void get(void *context)
{
    struct record record = { 0 };
    field_get(context, &record);
}

static void set_too_much(void *context)
{
    const struct field *row = context;
    struct record record = { 0 };
    field_set(row, &record, largest[row - rows] + 1);
}

Test(field, what_no_integer_holds_is_a_bug)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct field row = rows[i];
        cr_assert_eq(test_bug_raised(get, &row), i >= INTEGER_ROWS, "row %zu", i);
    }
    for (size_t i = 0; i < INTEGER_ROWS; i++) {
        bool narrow = largest[i] != UINT64_MAX;
        cr_assert_eq(test_bug_raised(set_too_much, (void *)(uintptr_t)&rows[i]), narrow, "%zu", i);
    }
}

Test(field, names)
{
    for (const struct name *n = cache_types.list; n->name != NULL; n++) {
        uint64_t value = 99;
        cr_assert_str_eq(names_find_name(&cache_types, n->value), n->name);
        cr_assert(names_find_value(&cache_types, n->name, &value));
        cr_assert_eq(value, n->value);
    }
    uint64_t value = 99;
    cr_assert_null(names_find_name(&cache_types, 3));
    cr_assert_not(names_find_value(&cache_types, "mmcached", &value));
    cr_assert_not(names_find_value(&cache_types, "", &value));
    cr_assert_eq(value, 99);
}
