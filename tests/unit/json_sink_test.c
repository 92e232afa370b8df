/* Unit tests of trace/json_write, json_event and json_sink. */
#include "trace/json_sink.h"
#include "trace/json_write.h"

#include "support.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct text text;

static void set_up(void) { text_init(&text, &test_allocator); }

static void tear_down(void)
{
    text_free(&text);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

TestSuite(json_sink, .init = set_up, .fini = tear_down);

static void expect_text(const char *wanted, size_t row)
{
    cr_assert_str_eq(text_string(&text), wanted, "row %zu", row);
    text_clear(&text);
}

Test(json_sink, flags)
{
    static const struct {
        const struct names *names;
        uint64_t value;
        const char *wanted;
    } rows[] = {
        { &page_priorities, 0, "\"LowPagePriority\"" },
        { &page_priorities, 16, "\"NormalPagePriority\"" },
        { &page_priorities, 0x40000010, "\"NormalPagePriority | MdlMappingNoExecute\"" },
        { &page_priorities, 0xC0000020,
          "\"HighPagePriority | MdlMappingNoExecute | MdlMappingNoWrite\"" },
        { &page_priorities, 0x40000000, "\"LowPagePriority | MdlMappingNoExecute\"" },
        { &page_priorities, 0x40000011, "\"NormalPagePriority | MdlMappingNoExecute | 0x1\"" },
        { &page_priorities, 48, "\"NormalPagePriority | HighPagePriority\"" },
        { &page_priorities, 1, "\"0x1\"" },
        { &pool_types, 0, "\"NonPagedPool\"" },
        { &pool_types, 512, "\"NonPagedPoolNx\"" },
        { &pool_types, 516, "\"NonPagedPoolNxCacheAligned\"" },
        { &pool_types, 16, "\"NonPagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE\"" },
        { &pool_types, 528, "\"POOL_RAISE_IF_ALLOCATION_FAILURE | NonPagedPoolNx\"" },
        { &mdl_flags, 0, "0" },
        { &mdl_flags, 0x0103,
          "\"MDL_MAPPED_TO_SYSTEM_VA | MDL_PAGES_LOCKED | MDL_LOCKED_PAGE_TABLES\"" },
        { &allocate_flags, 0x10000, "\"0x10000\"" },
        { &page_protections, 0x104, "\"PAGE_READWRITE | PAGE_GUARD\"" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_flags(&text, rows[i].names, rows[i].value);
        expect_text(rows[i].wanted, i);
    }
    json_flag_list(&text, &mdl_flags, 0);
    expect_text("[]", 0);
    json_flag_list(&text, &mdl_flags, 0x11);
    expect_text("[\"MDL_MAPPED_TO_SYSTEM_VA\", \"MDL_PARTIAL\"]", 1);
}

Test(json_sink, names_and_tags)
{
    static const struct {
        uint32_t tag;
        const char *wanted;
    } rows[] = {
        { 0x4D526D4B, "\"MRmK\"" }, { 0x41, "\"A\"" },         { 0x224A5C21, "\"\\\"J\\\\!\"" },
        { 0, "\"0x0\"" },           { 0x41004141, "\"0x41004141\"" },
        { 0x30783146, "\"0x30783146\"" }, { 0x7F414141, "\"0x7F414141\"" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_tag(&text, rows[i].tag);
        expect_text(rows[i].wanted, i);
    }
    json_name(&text, &lock_operations, 0);
    expect_text("\"IoReadAccess\"", 0);
    json_name(&text, &lock_operations, 77);
    expect_text("77", 1);
    json_name(&text, &status_codes, 0xC0000005);
    expect_text("\"STATUS_ACCESS_VIOLATION\"", 2);
    json_name(&text, &status_codes, 0xC0001234);
    expect_text("\"0xC0001234\"", 3);
}

Test(json_sink, numbers)
{
    static const struct {
        uint64_t n;
        const char *count, *hex;
    } rows[] = {
        { 0, "0", "\"0x0\"" },
        { 9, "9", "\"0x9\"" },
        { 0xABCDEF, "11259375", "\"0xABCDEF\"" },
        { (uint64_t)1 << 53, "9007199254740992", "\"0x20000000000000\"" },
        { ((uint64_t)1 << 53) + 1, "\"0x20000000000001\"", "\"0x20000000000001\"" },
        { UINT64_MAX, "\"0xFFFFFFFFFFFFFFFF\"", "\"0xFFFFFFFFFFFFFFFF\"" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_count(&text, rows[i].n);
        expect_text(rows[i].count, i);
        json_hex(&text, rows[i].n);
        expect_text(rows[i].hex, i);
    }
    json_i64(&text, INT64_MIN);
    expect_text("-9223372036854775808", 0);
    json_quoted(&text, "a\"b\\c\n\x01\xC3\xA9");
    expect_text("\"a\\\"b\\\\c\\n\\u0001\xC3\xA9\"", 1);
}

/* Around every power of ten and of two, as printf(3) has them. */
Test(json_sink, numbers_of_every_length)
{
    char wanted[64];
    for (unsigned i = 0; i < 84; i++) {
        uint64_t power = i < 64 ? (uint64_t)1 << i : 1;
        for (unsigned k = 64; k < i; k++) power *= 10;
        for (uint64_t n = power - 1; n != power + 2; n++) {
            json_u64(&text, n);
            json_hex(&text, n);
            json_hex_bare(&text, n);
            snprintf(wanted, sizeof wanted, "%" PRIu64 "\"0x%" PRIX64 "\"0x%" PRIX64, n, n, n);
            expect_text(wanted, i);
        }
    }
}

/* ---- events ---- */

struct call_args {
    va_t address;
    uint64_t length;
    uint32_t mdl, priority, tag, old_protect;
    bool flag;
};
static const struct field call_fields[] = {
    { ROW_VA(struct call_args, address, "VirtualAddress") },
    { ROW_SIZE(struct call_args, length, "Length") },
    { ROW_MDL(struct call_args, mdl, "Mdl") },
    { ROW_FLAGS(struct call_args, priority, "Priority", page_priorities) },
    { ROW_TAG(struct call_args, tag, "Tag") },
    { ROW_BOOL(struct call_args, flag, "Flag") },
    { ROW_FLAGS(struct call_args, old_protect, "OldProtect", page_protections),
      .flags = FIELD_OUT },
    { 0 },
};
static const struct failure call_failures[] = { { .name = "first" }, { .name = "second" }, { 0 } };
static const struct routine call_routine = {
    .name = "MmCall", .result = RESULT_ADDRESS, .args = call_fields, .failures = call_failures,
};
static const struct call_args given = {
    { 0xFFFFB08000000000 }, 65536, 1, 0x40000010, 0x4D526D4B, PROT_READONLY, true,
};

static bool keep(void *context, const char *bytes, size_t length)
{
    text_bytes(context, bytes, length);
    return true;
}

static void write_events(const struct event *events, size_t count,
                         struct json_sink_options options)
{
    struct json_sink s;
    options.write = keep;
    options.context = &text;
    json_sink_init(&s, &test_allocator, &options);
    for (size_t i = 0; i < count; i++) s.sink.event(s.sink.context, &events[i]);
    text_bytes(&text, s.out.bytes, s.out.length);
    json_sink_free(&s);
}

static const struct json_sink_options jsonl = { .format = TRACE_FORMAT_JSONL };

Test(json_sink, a_call)
{
    const struct event_cost costs[] = { { COST_CALL, 100 }, { COST_POOL, 312 } };
    struct outcome o = { .returns = value_address(0x1000) };
    struct event e = {
        .seq = 7, .t = { 5 }, .thread = "ma\"in", .irql = 2, .where = { .line = 13 },
        .call = "MmCall", .note = "n", .routine = &call_routine, .args = &given, .outcome = &o,
        .cycles = 412, .costs = costs, .cost_count = COUNT_OF(costs),
        .delta = { .free_pages = -3, .pool_bytes = 16 },
    };
    write_events(&e, 1, jsonl);
    expect_text("{\"seq\": 7, \"t\": 5, \"cpu\": 0, \"thread\": \"ma\\\"in\", "
                "\"irql\": \"DISPATCH_LEVEL\", \"line\": 13, \"call\": \"MmCall\", \"note\": "
                "\"n\", \"args\": {\"VirtualAddress\": \"0xFFFFB08000000000\", \"Length\": 65536, "
                "\"Mdl\": \"mdl#1\", \"Priority\": \"NormalPagePriority | MdlMappingNoExecute\", "
                "\"Tag\": \"MRmK\", \"Flag\": true}, \"out\": {\"OldProtect\": \"PAGE_READONLY\"}, "
                "\"returns\": \"0x1000\", \"cycles\": 412, \"cost\": {\"call\": 100, \"pool\": "
                "312}, \"delta\": {\"free_pages\": -3, \"pool_bytes\": 16}}\n",
                0);
}

Test(json_sink, how_a_call_ends)
{
    static const struct {
        struct outcome o;
        const char *wanted;
    } rows[] = {
        { { .failed = true, .failure = 2 }, "\"returns\": null, \"failure\": \"second\"" },
        { { .end = END_RAISES, .failed = true, .status = ST_ACCESS_VIOLATION },
          "\"raises\": \"STATUS_ACCESS_VIOLATION\"" },
        { { .end = END_STOPS, .failed = true, .stop = { 0x76, { 1, 2, 3, 4 } } },
          "\"bugcheck\": {\"code\": \"PROCESS_HAS_LOCKED_PAGES\", \"p1\": \"0x1\", \"p2\": "
          "\"0x2\", \"p3\": \"0x3\", \"p4\": \"0x4\"}" },
        { { .end = END_STOPS, .failed = true, .stop = { 0x1234, { 0 } } },
          "\"bugcheck\": {\"code\": \"0x1234\", \"p1\": \"0x0\", \"p2\": \"0x0\", \"p3\": "
          "\"0x0\", \"p4\": \"0x0\"}" },
        { { .failed = true, .undefined = true }, "\"returns\": null, \"undefined\": true" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct event e = { .thread = "t", .call = "MmCall", .routine = &call_routine,
                           .args = &given, .outcome = &rows[i].o };
        write_events(&e, 1, jsonl);
        const char *found = strstr(text_string(&text), "\"Flag\": true}, ");
        cr_assert_not_null(found, "no out parameters of a call that failed, row %zu", i);
        found += strlen("\"Flag\": true}, ");
        cr_assert_eq(strncmp(found, rows[i].wanted, strlen(rows[i].wanted)), 0, "row %zu: %s", i,
                     found);
        cr_assert_str_eq(found + strlen(rows[i].wanted), ", \"cycles\": 0}\n", "row %zu", i);
        text_clear(&text);
    }
}

Test(json_sink, an_mdl_and_its_frames)
{
    static const struct {
        uint64_t pfns[4];
        uint32_t byte_count;
        const char *wanted;
    } rows[] = {
        { { 0x1A0, 0x1A1, 0x1A2, 0x1A3 }, 16384, "[\"0x1A0+4\"]" },
        { { 5, 7, 8, 3 }, 16384, "[\"0x5\", \"0x7+2\", \"0x3\"]" },
        { { 9, 8, 7, 6 }, 4096, "[\"0x9\"]" },
        { { 1, 2, UINT64_MAX, UINT64_MAX }, 16384, "[\"0x1+2\"]" },
        { { UINT64_MAX, 2, 3, 4 }, 16384, "[]" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t pfns[4];
        memcpy(pfns, rows[i].pfns, sizeof pfns);
        struct mdl m = { .id = 2, .flags = 2, .byte_count = rows[i].byte_count, .slots = 4,
                         .start_va = { 0x10000 }, .next = 1, .pfns = pfns };
        struct event e = { .thread = "t", .call = "x", .mdl = &m, .pfns = true };
        write_events(&e, 1, jsonl);
        const char *found = strstr(text_string(&text), "\"mdl\": ");
        cr_assert_not_null(found);
        struct text wanted;
        text_init(&wanted, &test_allocator);
        text_format(&wanted,
                    "\"mdl\": {\"id\": \"mdl#2\", \"flags\": [\"MDL_PAGES_LOCKED\"], "
                    "\"byte_count\": %u, \"byte_offset\": 0, \"start_va\": \"0x10000\", "
                    "\"mapped_va\": null, \"pages\": %u, \"process\": null, \"next\": "
                    "\"mdl#1\"}, \"pfns\": %s, \"cycles\": 0}\n",
                    (uint64_t)m.byte_count, (uint64_t)(m.byte_count / 4096), rows[i].wanted);
        cr_assert_str_eq(found, text_string(&wanted), "row %zu", i);
        text_free(&wanted);
        text_clear(&text);
    }
}

Test(json_sink, other_actions)
{
    struct outcome o = { .returns = value_int(42) };
    struct event e = {
        .thread = "t", .call = "read", .outcome = &o, .has_returns = true, .list_count = 5,
        .list = { { .key = "address", .type = ARG_HEX, .number = 0x10 },
                  { .key = "length", .type = ARG_DECIMAL, .number = 8 },
                  { .key = "mode", .type = ARG_TEXT, .text = "user" },
                  { .key = "value", .type = ARG_VALUE,
                    .value = { .id = 3, .kind = VALUE_IRP } },
                  { .key = "b", .type = ARG_BOOL, .number = 1 } },
        .has_accesses = true, .accesses = { 1, 8, 0, 1, 2 },
    };
    struct json_sink_options options = jsonl;
    options.no_times = true;
    write_events(&e, 1, options);
    expect_text("{\"seq\": 0, \"cpu\": 0, \"thread\": \"t\", \"irql\": \"PASSIVE_LEVEL\", "
                "\"call\": \"read\", \"args\": {\"address\": \"0x10\", \"length\": 8, \"mode\": "
                "\"user\", \"value\": \"irp#3\", \"b\": true}, \"returns\": 42, \"accesses\": "
                "{\"count\": 1, \"bytes\": 8, \"tlb_hits\": 0, \"walks\": 1, \"faults\": 2}, "
                "\"cycles\": 0}\n",
                0);
}

Test(json_sink, members_written_by_set)
{
    struct event e = {
        .thread = "t", .call = "set", .list_count = 5,
        .list = { { .key = "$m.MdlFlags", .type = ARG_FLAGS, .names = &mdl_flags, .number = 10 },
                  { .key = "$m.Pfn[0]", .type = ARG_HEX, .number = 354 },
                  { .key = "$m.StartVa", .type = ARG_VA, .number = 0x18000 },
                  { .key = "$m.MappedSystemVa", .type = ARG_VA },
                  { .key = "$i.IoStatus.Status", .type = ARG_NAME, .names = &status_codes,
                    .number = ST_ACCESS_VIOLATION } },
    };
    struct json_sink_options options = jsonl;
    options.no_times = true;
    write_events(&e, 1, options);
    expect_text("{\"seq\": 0, \"cpu\": 0, \"thread\": \"t\", \"irql\": \"PASSIVE_LEVEL\", "
                "\"call\": \"set\", \"args\": {\"$m.MdlFlags\": \"MDL_PAGES_LOCKED | "
                "MDL_ALLOCATED_FIXED_SIZE\", \"$m.Pfn[0]\": \"0x162\", \"$m.StartVa\": "
                "\"0x18000\", \"$m.MappedSystemVa\": null, \"$i.IoStatus.Status\": "
                "\"STATUS_ACCESS_VIOLATION\"}, \"cycles\": 0}\n",
                0);
}

Test(json_sink, commas_between_the_events_of_a_document)
{
    struct event events[3] = { { .thread = "t", .call = "a" },
                               { .seq = 1, .thread = "t", .call = "b" },
                               { .seq = 2, .thread = "t", .call = "c" } };
    write_events(events, 3, (struct json_sink_options){ .format = TRACE_FORMAT_JSON });
    const char *s = text_string(&text);
    cr_assert_eq(strncmp(s, "\n{\"seq\": 0, ", 12), 0);
    cr_assert_not_null(strstr(s, "},\n{\"seq\": 1, "));
    cr_assert_not_null(strstr(s, "},\n{\"seq\": 2, "));
    cr_assert_eq(s[strlen(s) - 1], '}');
}

/* ---- sections that come again ---- */

static const struct routine recorded_routine = {
    .name = "MmCall", .result = RESULT_ADDRESS, .args = call_fields, .failures = call_failures,
    .args_bytes = sizeof(struct call_args),
};

/* All that an event points to. */
struct made {
    struct event e;
    struct call_args before, after;
    struct outcome o;
    struct mdl m;
    uint64_t pfns[70];
    struct event_cost costs[6];
};

/* Now and then something else than 0, so that most sections stay what they were and each changes
 * alone at times. */
static uint64_t rarely(struct rng *r, uint64_t below)
{
    return rng_below(r, 12) == 0 ? rng_below(r, below) : 0;
}

static void make_args(struct made *m, struct rng *r)
{
    m->before = given;
    m->before.length += rarely(r, 3);
    m->before.mdl += (uint32_t)rarely(r, 3);
    m->after = m->before;
    m->after.old_protect += (uint32_t)rarely(r, 3);
    if (rarely(r, 2) == 0) {
        m->e.routine = &recorded_routine;
        m->e.given = &m->before;
        m->e.args = &m->after;
        return;
    }
    m->e.list_count = (uint32_t)rng_below(r, 11);
    for (uint32_t i = 0; i < m->e.list_count; i++)
        m->e.list[i] = (struct event_arg){ .key = "k", .type = rarely(r, 2) ? ARG_HEX : ARG_VALUE,
                                           .number = rarely(r, 5),
                                           .value = value_int(rarely(r, 5)) };
}

static void make_outcome(struct made *m, struct rng *r)
{
    struct outcome *o = &m->o;
    o->failed = rarely(r, 2) != 0;
    o->undefined = rarely(r, 2) != 0;
    o->failure = (uint16_t)rarely(r, 2);
    o->status = rarely(r, 2) ? ST_ACCESS_VIOLATION : 0;
    o->end = (uint8_t)rarely(r, END_STOPS + 1);
    o->stop.code = (uint32_t)rarely(r, 3);
    o->stop.p[3] = rarely(r, 3);
    o->returns.v += rarely(r, 3);
    if (rarely(r, 2)) o->returns.kind = VALUE_BOOL;
    o->exception.kind = (uint8_t)rarely(r, 3);
    o->exception.error_code = (uint8_t)rarely(r, 3);
    m->e.has_returns = rarely(r, 2) != 0;
    m->e.has_accesses = rarely(r, 2) != 0;
    m->e.accesses.walks = rarely(r, 3);
}

static void make_mdl(struct made *m, struct rng *r)
{
    uint32_t pages = rarely(r, 2) ? 70 : 16;
    m->m = (struct mdl){ .id = 1 + (uint32_t)rarely(r, 3), .flags = (uint16_t)rarely(r, 4),
                         .byte_count = pages * 4096 - (uint32_t)rarely(r, 3), .slots = pages,
                         .start_va = { 0x1000 * rarely(r, 3) }, .next = (uint32_t)rarely(r, 3),
                         .mapped_va = { rarely(r, 3) }, .byte_offset = (uint32_t)rarely(r, 3),
                         .process = rarely(r, 3), .pfns = m->pfns };
    for (uint32_t i = 0; i < pages; i++) m->pfns[i] = 100 + i + rarely(r, 2) * rarely(r, 3);
    m->e.mdl = rarely(r, 2) ? NULL : &m->m;
    m->e.pfns = rarely(r, 2) == 0;
}

static void make_event(struct made *m, struct rng *r, uint64_t seq)
{
    *m = (struct made){ .o = { .returns = value_address(0x1000) } };
    m->e = (struct event){ .seq = seq, .t = { seq * 7 }, .cpu = (uint32_t)rarely(r, 2),
                           .thread = rarely(r, 2) ? "a" : "b", .irql = (uint32_t)rarely(r, 3),
                           .where = { .line = 13 + 128 * (uint32_t)rarely(r, 2) },
                           .call = "MmCall", .note = rarely(r, 2) ? "n" : NULL,
                           .outcome = &m->o, .costs = m->costs };
    make_outcome(m, r);
    make_args(m, r);
    make_mdl(m, r);
    m->e.delta.free_pages = (int64_t)rarely(r, 3);
    m->e.cost_count = rarely(r, 2) ? 2 : 6;
    for (uint32_t i = 0; i < m->e.cost_count; i++) {
        m->costs[i] = (struct event_cost){ i, 5 + rarely(r, 3) * rarely(r, 3) };
        m->e.cycles += m->costs[i].cycles;
    }
}

/* A line of a sink that has seen others is the line of one that has not. */
Test(json_sink, sections_that_come_again)
{
    struct json_sink used;
    struct rng r;
    json_sink_init(&used, &test_allocator, &jsonl);
    rng_init(&r, 1, 2);
    for (uint64_t i = 0; i < 4000; i++) {
        struct made m;
        make_event(&m, &r, i);
        used.out.length = 0;
        used.sink.event(used.sink.context, &m.e);
        write_events(&m.e, 1, jsonl);
        cr_assert_eq(text.length, used.out.length, "event %" PRIu64, i);
        cr_assert_eq(memcmp(text.bytes, used.out.bytes, text.length), 0, "event %" PRIu64, i);
        text_clear(&text);
    }
    json_sink_free(&used);
}

static bool refuse(void *context, const char *bytes, size_t length)
{
    UNUSED(bytes);
    UNUSED(length);
    ++*(int *)context;
    return false;
}

Test(json_sink, memory_does_not_grow_and_a_refusal_is_final)
{
    struct json_sink s;
    int calls = 0;
    struct json_sink_options options = { .write = refuse, .context = &calls };
    json_sink_init(&s, &test_allocator, &options);
    size_t capacity = s.out.capacity;
    struct event e = { .thread = "main", .call = "read" };
    for (e.seq = 0; e.seq < 20000; e.seq++) s.sink.event(s.sink.context, &e);
    cr_assert_eq(s.out.capacity, capacity);
    cr_assert_eq(calls, 1);
    cr_assert(s.stopped);
    json_sink_free(&s);
}
