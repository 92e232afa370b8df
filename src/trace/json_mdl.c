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

static void put_mdl(struct json_sink *s, const struct mdl *m)
{
    struct text *t = &s->out;
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
static void put_frames(struct text *t, const struct mdl *m, struct json_site *site)
{
    uint64_t count = mdl_page_count(m) < m->slots ? mdl_page_count(m) : m->slots;
    if (m->pfns == NULL) count = 0;
    struct json_part *part = site == NULL ? NULL : &site->parts[PART_FRAMES];
    const size_t key_bytes = (size_t)count * sizeof m->pfns[0], start = t->length;
    if (json_part_again(t, part, m->pfns, key_bytes)) return;
    JSON_PUT(t, ", \"pfns\": [");
    for (uint64_t i = 0, run; i < count && m->pfns[i] != PFN_NONE.v; i += run) {
        for (run = 1; i + run < count && m->pfns[i + run] == m->pfns[i] + run;) run++;
        if (i > 0) JSON_PUT(t, ", ");
        json_char(t, '"');
        json_hex_bare(t, m->pfns[i]);
        if (run > 1) {
            json_char(t, '+');
            json_u64(t, run);
        }
        json_char(t, '"');
    }
    json_char(t, ']');
    json_part_keep(part, m->pfns, key_bytes, t, start);
}

/* All that put_mdl shows; processes keep their names. */
struct mdl_key {
    uint64_t start_va, mapped_va, process;
    uint32_t id, next, byte_count, byte_offset, flags, zero;
};

void json_mdl(struct json_sink *s, const struct mdl *m, bool frames, struct json_site *site)
{
    struct text *t = &s->out;
    struct json_part *part = site == NULL ? NULL : &site->parts[PART_MDL];
    const struct mdl_key key = { .start_va = m->start_va.v, .mapped_va = m->mapped_va.v,
                                 .process = m->process, .id = m->id, .next = m->next,
                                 .byte_count = m->byte_count, .byte_offset = m->byte_offset,
                                 .flags = m->flags };
    if (!json_part_again(t, part, &key, sizeof key)) {
        size_t start = t->length;
        put_mdl(s, m);
        json_part_keep(part, &key, sizeof key, t, start);
    }
    if (frames) put_frames(t, m, site);
}
