/* What an event shows of an MDL. */
#include "trace/json_sink.h"
#include "trace/json_write.h"

#include "sim/internal.h"

/* The process whose EPROCESS is there: what the member of an MDL points to. */
static void put_process_at(struct json_sink *s, uint64_t object)
{
    if (object == 0) {
        JSON_PUT(&s->out, "null");
        return;
    }
    size_t count = s->sim != NULL ? s->sim->mm.process_count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct process *p = s->sim->mm.processes[i];
        if (p == NULL || p->object.v != object) continue;
        json_process(s, p->id);
        return;
    }
    json_hex(&s->out, object);
}

void json_mdl(struct json_sink *s, const struct event *e)
{
    struct text *t = &s->out;
    const struct mdl *m = e->mdl;
    if (m == NULL) return;
    JSON_PUT(t, ", \"mdl\": {\"id\": ");
    json_id(t, "mdl", m->id);
    JSON_PUT(t, ", \"flags\": ");
    json_flag_list(t, &mdl_flags, m->flags);
    JSON_PUT(t, ", \"byte_count\": ");
    json_u64(t, m->byte_count);
    JSON_PUT(t, ", \"byte_offset\": ");
    json_u64(t, m->byte_offset);
    JSON_PUT(t, ", \"start_va\": ");
    json_va(t, m->start_va.v);
    JSON_PUT(t, ", \"mapped_va\": ");
    json_va(t, m->mapped_va.v);
    JSON_PUT(t, ", \"pages\": ");
    json_u64(t, mdl_page_count(m));
    JSON_PUT(t, ", \"process\": ");
    put_process_at(s, m->process);
    JSON_PUT(t, ", \"next\": ");
    json_id(t, "mdl", m->next);
    json_char(t, '}');
}

/* Runs of consecutive frames up to the first slot that holds none. */
void json_frames(struct json_sink *s, const struct event *e)
{
    struct text *t = &s->out;
    if (e->mdl == NULL || !e->pfns) return;
    const uint64_t *pfns = e->mdl->pfns, count = event_frame_count(e);
    JSON_PUT(t, ", \"pfns\": [");
    for (uint64_t i = 0, run; i < count && pfns[i] != PFN_NONE.v; i += run) {
        for (run = 1; i + run < count && pfns[i + run] == pfns[i] + run;) run++;
        if (i > 0) JSON_PUT(t, ", ");
        json_char(t, '"');
        json_hex_bare(t, pfns[i]);
        if (run > 1) {
            json_char(t, '+');
            json_u64(t, run);
        }
        json_char(t, '"');
    }
    json_char(t, ']');
}
