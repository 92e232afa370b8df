/* One event of a trace as a line of JSON. */
#include "trace/json_sink.h"
#include "trace/json_write.h"

#include "sim/internal.h"

static const char *process_name(const struct json_sink *s, uint32_t id)
{
    if (id == 0) return "System";
    const struct program *p = s->program;
    return p != NULL && id <= p->process_count ? p->processes[id - 1].name : NULL;
}

void json_process(struct json_sink *s, uint32_t id)
{
    const char *name = process_name(s, id);
    if (name != NULL) {
        json_quoted(&s->out, name);
    } else {
        json_id(&s->out, "process", id);
    }
}

void json_va(struct text *t, uint64_t v)
{
    if (v == 0) {
        JSON_PUT(t, "null");
    } else {
        json_hex(t, v);
    }
}

static void put_device(struct json_sink *s, uint32_t id)
{
    const struct program *p = s->program;
    if (p != NULL && id >= 1 && id <= p->config.device_count) {
        json_quoted(&s->out, p->config.devices[id - 1].name);
    } else {
        json_id(&s->out, "device", id);
    }
}

static void put_value(struct json_sink *s, struct value v)
{
    struct text *t = &s->out;
    switch ((enum value_kind)v.kind) {
    case VALUE_INT:
    case VALUE_SIZE:
    case VALUE_TIME: json_count(t, v.v); break;
    case VALUE_BOOL: json_bool(t, v.v != 0); break;
    case VALUE_MDL: json_id(t, "mdl", v.id); break;
    case VALUE_IRP: json_id(t, "irp", v.id); break;
    case VALUE_PROCESS: json_process(s, v.id); break;
    case VALUE_DEVICE: put_device(s, v.id); break;
    case VALUE_UNBOUND:
    case VALUE_NULL: JSON_PUT(t, "null"); break;
    }
}

static void put_number(struct text *t, const struct field *row, uint64_t n)
{
    switch (row->type) {
    case FIELD_BOOL: json_bool(t, n != 0); break;
    case FIELD_VA: json_va(t, n); break;
    case FIELD_HEX:
        if (row->names != NULL) json_flags(t, row->names, n);
        else json_hex(t, n);
        break;
    case FIELD_PA: json_hex(t, n); break;
    case FIELD_NAME: json_name(t, row->names, n); break;
    case FIELD_FLAGS: json_flags(t, row->names, n); break;
    case FIELD_TAG: json_tag(t, (uint32_t)n); break;
    default: json_count(t, n); break;
    }
}

/* An entry of a list argument: by its own rows where it is a structure, else an address. */
static void put_entry(struct text *t, const struct field *rows, const uint64_t entry[2])
{
    if (rows == NULL) {
        json_hex(t, entry[0]);
        return;
    }
    json_char(t, '{');
    for (size_t i = 0; i < 2 && rows[i].type != FIELD_END; i++) {
        if (i > 0) JSON_PUT(t, ", ");
        json_key(t, rows[i].key);
        put_number(t, &rows[i], entry[i]);
    }
    json_char(t, '}');
}

static void put_list(struct text *t, const struct field *row, const void *record)
{
    struct list_arg list;
    memcpy(&list, (const char *)record + row->offset, sizeof list);
    json_char(t, '[');
    for (uint64_t i = 0; i < list.count; i++) {
        if (i > 0) JSON_PUT(t, ", ");
        put_entry(t, row->group, list.entries[i]);
    }
    json_char(t, ']');
}

static void put_text(struct text *t, const char *s)
{
    if (s == NULL) {
        JSON_PUT(t, "null");
    } else {
        json_quoted(t, s);
    }
}

static void put_field(struct json_sink *s, const struct field *row, const void *record)
{
    struct text *t = &s->out;
    const char *string;
    switch (row->type) {
    case FIELD_TEXT:
        memcpy(&string, (const char *)record + row->offset, sizeof string);
        put_text(t, string);
        break;
    case FIELD_LIST: put_list(t, row, record); break;
    case FIELD_MDL: json_id(t, "mdl", (uint32_t)field_get(row, record)); break;
    case FIELD_IRP: json_id(t, "irp", (uint32_t)field_get(row, record)); break;
    case FIELD_PROCESS: json_process(s, (uint32_t)field_get(row, record)); break;
    default: put_number(t, row, field_get(row, record)); break;
    }
}

/* The members whose flags (FIELD_OUT, FIELD_INOUT) are wanted, as one object under `key`. */
static void put_members(struct json_sink *s, const struct event *e, const char *key, bool out)
{
    struct text *t = &s->out;
    bool any = false;
    for (const struct field *row = e->routine->args; row->type != FIELD_END; row++) {
        bool given = (row->flags & FIELD_OUT) == 0;
        bool wanted = out ? (row->flags & (FIELD_OUT | FIELD_INOUT)) != 0 : given;
        if (!wanted) continue;
        if (!any) json_plain(t, key);
        if (any) JSON_PUT(t, ", ");
        any = true;
        json_key(t, row->key);
        put_field(s, row, out || e->given == NULL ? e->args : e->given);
    }
    if (any) json_char(t, '}');
}

static void put_arg(struct json_sink *s, const struct event_arg *a)
{
    struct text *t = &s->out;
    json_quoted(t, a->key); /* of `set` it is the text of the scenario */
    JSON_PUT(t, ": ");
    switch ((enum event_arg_type)a->type) {
    case ARG_DECIMAL: json_count(t, a->number); break;
    case ARG_HEX: json_hex(t, a->number); break;
    case ARG_VA: json_va(t, a->number); break;
    case ARG_TEXT: put_text(t, a->text); break;
    case ARG_VALUE: put_value(s, a->value); break;
    case ARG_BOOL: json_bool(t, a->number != 0); break;
    case ARG_NAME: json_name(t, a->names, a->number); break;
    case ARG_FLAGS: json_flags(t, a->names, a->number); break;
    }
}

static void put_args(struct json_sink *s, const struct event *e)
{
    if (e->routine != NULL) {
        put_members(s, e, ", \"args\": {", false);
        if (event_sets_outs(e)) put_members(s, e, ", \"out\": {", true);
        return;
    }
    for (uint32_t i = 0; i < e->list_count; i++) {
        if (i == 0) JSON_PUT(&s->out, ", \"args\": {");
        if (i > 0) JSON_PUT(&s->out, ", ");
        put_arg(s, &e->list[i]);
    }
    if (e->list_count > 0) json_char(&s->out, '}');
}

static void put_result(struct json_sink *s, enum result_kind kind, struct value v)
{
    struct text *t = &s->out;
    if (kind == RESULT_VOID) return;
    if (kind == RESULT_STATUS) {
        JSON_PUT(t, ", \"status\": ");
        json_name(t, &status_codes, (uint32_t)v.v);
        return;
    }
    JSON_PUT(t, ", \"returns\": ");
    bool is_hex = kind == RESULT_ADDRESS || kind == RESULT_PHYSICAL || kind == RESULT_HANDLE;
    if (is_hex && v.kind == VALUE_INT) {
        json_hex(t, v.v);
    } else {
        put_value(s, v);
    }
}

static void put_exception(struct text *t, const struct exception *e)
{
    bool is_page_fault = e->kind == EXCEPTION_PAGE_FAULT;
    JSON_PUT(t, ", \"exception\": {\"vector\": ");
    json_quoted(t, is_page_fault ? "#PF" : "#GP");
    JSON_PUT(t, ", \"address\": ");
    json_hex(t, e->at.v);
    JSON_PUT(t, ", \"error_code\": ");
    json_hex(t, e->error_code);
    json_char(t, '}');
}

static void put_outcome(struct json_sink *s, const struct event *e)
{
    struct text *t = &s->out;
    const struct outcome *o = e->outcome;
    if (o == NULL) return;
    if (o->end == END_RAISES) {
        JSON_PUT(t, ", \"raises\": ");
        json_name(t, &status_codes, o->status);
    } else if (o->end == END_STOPS) {
        JSON_PUT(t, ", \"bugcheck\": ");
        json_stop(t, &o->stop);
    } else if (e->routine != NULL) {
        put_result(s, e->routine->result, o->returns);
    } else if (e->has_returns) {
        JSON_PUT(t, ", \"returns\": ");
        put_value(s, o->returns);
    }
    if (o->exception.kind != EXCEPTION_NONE) put_exception(t, &o->exception);
    if (o->undefined) JSON_PUT(t, ", \"undefined\": true");
    if (o->failure != 0 && e->routine != NULL) {
        JSON_PUT(t, ", \"failure\": ");
        json_quoted(t, e->routine->failures[o->failure - 1].name);
    }
}

static void put_accesses(struct text *t, const struct access_totals *a)
{
    JSON_PUT(t, "\"count\": ");
    json_count(t, a->count);
    JSON_PUT(t, ", \"bytes\": ");
    json_count(t, a->bytes);
    JSON_PUT(t, ", \"tlb_hits\": ");
    json_count(t, a->tlb_hits);
    JSON_PUT(t, ", \"walks\": ");
    json_count(t, a->walks);
    JSON_PUT(t, ", \"faults\": ");
    json_count(t, a->faults);
}

static void put_phases(struct text *t, const struct event *e)
{
    JSON_PUT(t, ", \"phases\": {");
    for (uint32_t i = 0; i < e->phase_count; i++) {
        if (i > 0) JSON_PUT(t, ", ");
        json_key(t, e->phase_plans[i].name);
        JSON_PUT(t, "{\"records\": ");
        json_count(t, e->phases[i].records);
        JSON_PUT(t, ", \"cycles\": ");
        json_count(t, e->phases[i].cycles);
        JSON_PUT(t, ", ");
        put_accesses(t, &e->phases[i].accesses);
        json_char(t, '}');
    }
    json_char(t, '}');
}

/* What an access or replay came to. */
static void put_reached(struct json_sink *s, const struct event *e)
{
    struct text *t = &s->out;
    if (e->has_accesses) {
        JSON_PUT(t, ", \"accesses\": {");
        put_accesses(t, &e->accesses);
        json_char(t, '}');
    }
    if (e->phase_count > 0) put_phases(t, e);
    if (e->curves == NULL) return;
    JSON_PUT(t, ", \"curves\": ");
    json_curves(t, e->curves);
}

static void put_costs(struct json_sink *s, const struct event *e)
{
    struct text *t = &s->out;
    for (uint32_t i = 0; i < e->cost_count; i++) {
        const struct event_cost *c = &e->costs[i];
        if (i > 0) JSON_PUT(t, ", ");
        if (i == 0) JSON_PUT(t, ", \"cost\": {");
        json_bytes(t, s->cost_key[c->cost], s->cost_key_bytes[c->cost]);
        json_count(t, c->cycles);
    }
    if (e->cost_count > 0) json_char(t, '}');
}

static bool put_change(struct text *t, const char *key, int64_t change, bool any)
{
    if (change == 0) return any;
    if (any) JSON_PUT(t, ", ");
    if (!any) JSON_PUT(t, ", \"delta\": {");
    json_key(t, key);
    json_i64(t, change);
    return true;
}

static void put_delta(struct text *t, const struct event_delta *d)
{
    bool any = put_change(t, "free_system_ptes", d->free_system_ptes, false);
    any = put_change(t, "free_pages", d->free_pages, any);
    any = put_change(t, "locked_pages", d->locked_pages, any);
    any = put_change(t, "page_table_pages", d->page_table_pages, any);
    any = put_change(t, "pool_bytes", d->pool_bytes, any);
    if (any) json_char(t, '}');
}

/* Where an event ran, and its step. */
static void put_place(struct json_sink *s, const struct event *e)
{
    struct text *t = &s->out;
    JSON_PUT(t, ", \"cpu\": ");
    json_u64(t, e->cpu);
    JSON_PUT(t, ", \"thread\": ");
    json_quoted(t, e->thread);
    JSON_PUT(t, ", \"irql\": ");
    json_name(t, &irql_names, e->irql);
    const struct trace_head_info *info = s->info;
    if (e->where.line != 0) {
        JSON_PUT(t, ", \"line\": ");
        json_u64(t, e->where.line);
    }
    if (info != NULL && e->where.file < info->file_count &&
        info->file_names[e->where.file] != NULL) {
        JSON_PUT(t, ", \"file\": ");
        json_quoted(t, info->file_names[e->where.file]);
    }
    JSON_PUT(t, ", \"call\": \"");
    json_plain(t, e->call);
    json_char(t, '"');
    if (e->note != NULL) {
        JSON_PUT(t, ", \"note\": ");
        json_quoted(t, e->note);
    }
}

void json_event_end(struct json_sink *s, const struct event *e)
{
    struct text *t = &s->out;
    JSON_PUT(t, ", \"cycles\": ");
    json_count(t, e->cycles);
    put_costs(s, e);
    put_delta(t, &e->delta);
    json_char(t, '}');
}

/* ---- the line ---- */

static void put_section(struct json_sink *s, const struct event *e, enum json_section section)
{
    switch (section) {
    case SECTION_PLACE: put_place(s, e); break;
    case SECTION_ARGS: put_args(s, e); break;
    case SECTION_OUTCOME: put_outcome(s, e); break;
    case SECTION_MDL: json_mdl(s, e); break;
    case SECTION_FRAMES: json_frames(s, e); break;
    case SECTION_ACCESSES: put_reached(s, e); break;
    default: json_event_end(s, e); break;
    }
}

/* What differs from the last line of the step is written, the rest copied. */
static void put_changed(struct json_sink *s, const struct event *e, struct json_site *site,
                        const struct json_key *key)
{
    size_t start = s->out.length, text_end[SECTION_COUNT];
    for (enum json_section i = 0; i < SECTION_COUNT; i++) {
        if (json_section_again(site, key, i)) json_section_copy(site, i, &s->out);
        else put_section(s, e, i);
        text_end[i] = s->out.length - start;
    }
    json_line_keep(site, key, &s->out, start, text_end);
}

void json_event(struct json_sink *s, const struct event *e)
{
    struct text *t = &s->out;
    struct json_site *site = json_site_at(&s->sites, t->from, e->where);
    JSON_PUT(t, "{\"seq\": ");
    json_u64(t, e->seq);
    if (!s->options.no_times) {
        JSON_PUT(t, ", \"t\": ");
        json_count(t, e->t.v);
    }
    if (site == NULL || e->is_open) {
        enum json_section end = e->is_open ? SECTION_COSTS : SECTION_COUNT;
        for (enum json_section i = 0; i < end; i++) put_section(s, e, i);
        return;
    }
    struct json_key key;
    json_key_of(&key, e);
    if (json_line_again(site, &key)) json_line_copy(site, t);
    else put_changed(s, e, site, &key);
}

void json_access(struct json_sink *s, const struct access_event *a)
{
    static const char *const types[ACCESS_TYPE_COUNT] = { "read", "write", "execute" };
    struct text *t = &s->out;
    const struct sim_thread *thread = s->sim != NULL ? s->sim->thread : NULL;
    JSON_PUT(t, "{\"seq\": ");
    json_u64(t, a->seq);
    JSON_PUT(t, ", \"thread\": ");
    json_quoted(t, thread != NULL ? thread->plan->name : "");
    JSON_PUT(t, ", \"call\": \"access\", \"args\": {\"type\": \"");
    json_plain(t, types[a->type]);
    JSON_PUT(t, "\", \"address\": ");
    json_hex(t, a->at.v);
    JSON_PUT(t, ", \"physical\": ");
    if (a->translated) json_hex(t, a->physical.v);
    else JSON_PUT(t, "null");
    JSON_PUT(t, ", \"size\": ");
    json_u64(t, a->size);
    JSON_PUT(t, "}, \"l1_hit\": ");
    json_bool(t, a->l1_hit);
    JSON_PUT(t, ", \"walk\": ");
    json_bool(t, a->walked);
    JSON_PUT(t, ", \"fault\": ");
    json_bool(t, a->faulted);
    json_char(t, '}');
}
