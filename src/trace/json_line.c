/* Keys of event lines, and the last line of each step. */
#include "trace/json_line.h"

#include "trace/json_write.h"

/* ---- keys ---- */

static void put(struct json_key *key, uint32_t *at, uint64_t word)
{
    key->words[(*at)++] = word;
}

static void put_pointer(struct json_key *key, uint32_t *at, const void *p)
{
    put(key, at, (uint64_t)(uintptr_t)p);
}

/* Two numbers of 32 bits. */
static void put_pair(struct json_key *key, uint32_t *at, uint32_t a, uint32_t b)
{
    put(key, at, (uint64_t)a << 32 | b);
}

static void put_value(struct json_key *key, uint32_t *at, struct value v)
{
    put(key, at, v.v);
    put_pair(key, at, v.id, v.kind);
}

/* The section tells of more than its key has room for: no other event has this number. */
static void put_unique(struct json_key *key, uint32_t *at, const struct event *e)
{
    put(key, at, UINT64_MAX - e->seq);
}

static void put_record(struct json_key *key, uint32_t *at, const void *record, size_t bytes)
{
    uint32_t words = (uint32_t)((bytes + 7) / 8);
    if (words == 0) return;
    key->words[*at + words - 1] = 0;
    memcpy(&key->words[*at], record, bytes);
    *at += words;
}

static void put_place(struct json_key *key, uint32_t *at, const struct event *e)
{
    put_pointer(key, at, e->call);
    put_pointer(key, at, e->thread);
    put_pointer(key, at, e->note);
    put_pair(key, at, e->where.file, e->where.line);
    put_pair(key, at, e->cpu, e->irql);
}

/* Whether what is shown of a call is in its record, but for texts that never change. */
static bool is_in_record(const struct event *e)
{
    const struct routine *r = e->routine;
    if (e->given == NULL || r->args_bytes > ROUTINE_ARGS_BYTES) return false;
    for (const struct field *row = r->args; row->type != FIELD_END; row++)
        if (row->type == FIELD_TEXT || row->type == FIELD_LIST) return false;
    return true;
}

static void put_args(struct json_key *key, uint32_t *at, const struct event *e)
{
    if (e->routine != NULL) {
        put_pointer(key, at, e->routine);
        put(key, at, event_sets_outs(e));
        if (!is_in_record(e)) {
            put_unique(key, at, e);
            return;
        }
        put_record(key, at, e->given, e->routine->args_bytes);
        put_record(key, at, e->args, e->routine->args_bytes);
        return;
    }
    if (e->list_count > KEY_ARGS_MOST) {
        put_unique(key, at, e);
        return;
    }
    for (uint32_t i = 0; i < e->list_count; i++) {
        const struct event_arg *a = &e->list[i];
        put_pointer(key, at, a->key);
        put(key, at, a->type);
        put(key, at, a->number);
        put_pointer(key, at, a->text);
        put_pointer(key, at, a->names);
        put_value(key, at, a->value);
    }
}

static void put_outcome(struct json_key *key, uint32_t *at, const struct event *e)
{
    const struct outcome *o = e->outcome;
    if (o == NULL) return;
    put_pointer(key, at, e->routine);
    put_pair(key, at, o->status, o->failure);
    put(key, at, (uint64_t)o->end | (uint64_t)o->undefined << 8 | (uint64_t)e->has_returns << 16 |
                     (uint64_t)o->exception.kind << 24 | (uint64_t)o->exception.error_code << 32);
    put_value(key, at, o->returns);
    if (o->end == END_STOPS) put_record(key, at, &o->stop.p, sizeof o->stop.p);
    if (o->end == END_STOPS) put(key, at, o->stop.code);
    if (o->exception.kind != EXCEPTION_NONE) put(key, at, o->exception.at.v);
}

static void put_mdl(struct json_key *key, uint32_t *at, const struct event *e)
{
    const struct mdl *m = e->mdl;
    if (m == NULL) return;
    put(key, at, m->start_va.v);
    put(key, at, m->mapped_va.v);
    put(key, at, m->process);
    put_pair(key, at, m->id, m->next);
    put_pair(key, at, m->byte_count, m->byte_offset);
    put(key, at, m->flags);
}

static void put_frames(struct json_key *key, uint32_t *at, const struct event *e)
{
    if (e->mdl == NULL || !e->pfns) return;
    uint64_t count = event_frame_count(e);
    put(key, at, count);
    if (count > KEY_FRAMES_MOST) put_unique(key, at, e);
    else if (count > 0) put_record(key, at, e->mdl->pfns, (size_t)count * sizeof *e->mdl->pfns);
}

static void put_accesses(struct json_key *key, uint32_t *at, const struct event *e)
{
    if (e->has_accesses) put_record(key, at, &e->accesses, sizeof e->accesses);
    if (e->phase_count > 0 || e->curves != NULL) put_unique(key, at, e);
}

/* The sum of the costs is the cycles. */
static void put_costs(struct json_key *key, uint32_t *at, const struct event *e)
{
    put_record(key, at, &e->delta, sizeof e->delta);
    put_record(key, at, e->costs, e->cost_count * sizeof *e->costs);
}

enum {
    PLACE_WORDS = 5,
    OUTCOME_WORDS = 11,
    MDL_WORDS = 6,
    RECORD_WORDS = 3 + 2 * ROUTINE_ARGS_BYTES / 8,
    LIST_WORDS = KEY_ARGS_MOST * KEY_ARG_WORDS,
    ACCESS_WORDS = 1 + sizeof(struct access_totals) / 8,
    COST_WORDS = (sizeof(struct event_delta) + COST_COUNT * sizeof(struct event_cost)) / 8,
};
_Static_assert(PLACE_WORDS + LIST_WORDS + OUTCOME_WORDS + MDL_WORDS + 1 + KEY_FRAMES_MOST +
                           ACCESS_WORDS + COST_WORDS <= KEY_WORDS_MOST &&
                   RECORD_WORDS <= LIST_WORDS,
               "every key fits");

void json_key_of(struct json_key *key, const struct event *e)
{
    uint32_t at = 0;
    put_place(key, &at, e);
    key->end[SECTION_PLACE] = at;
    put_args(key, &at, e);
    key->end[SECTION_ARGS] = at;
    put_outcome(key, &at, e);
    key->end[SECTION_OUTCOME] = at;
    put_mdl(key, &at, e);
    key->end[SECTION_MDL] = at;
    put_frames(key, &at, e);
    key->end[SECTION_FRAMES] = at;
    put_accesses(key, &at, e);
    key->end[SECTION_ACCESSES] = at;
    put_costs(key, &at, e);
    key->end[SECTION_COSTS] = at;
    key->zero = 0;
}

static size_t key_bytes(const struct json_key *key)
{
    return offsetof(struct json_key, words) + key->end[SECTION_COUNT - 1] * sizeof key->words[0];
}

/* ---- the last lines ---- */

struct json_site *json_site_at(struct json_sites *sites, const struct allocator *from,
                               struct where where)
{
    size_t i = (where.line * 7 + where.column + where.file * 31) % JSON_SITES;
    struct where last = sites->where[i];
    sites->where[i] = where;
    if (last.line != where.line || last.column != where.column || last.file != where.file)
        return NULL;
    if (sites->site[i] == NULL) sites->site[i] = mem_new(from, 1, sizeof **sites->site);
    return sites->site[i];
}

void json_sites_free(struct json_sites *sites, const struct allocator *from)
{
    for (size_t i = 0; i < JSON_SITES; i++) {
        if (sites->site[i] != NULL) mem_free(from, sites->site[i], 1, sizeof **sites->site);
        sites->site[i] = NULL;
    }
}

bool json_line_again(const struct json_site *site, const struct json_key *key)
{
    return site->text_end[SECTION_COUNT - 1] != 0 &&
           site->key.end[SECTION_COUNT - 1] == key->end[SECTION_COUNT - 1] &&
           memcmp(&site->key, key, key_bytes(key)) == 0;
}

bool json_section_again(const struct json_site *site, const struct json_key *key,
                        enum json_section section)
{
    uint32_t start = section == 0 ? 0 : key->end[section - 1];
    uint32_t last = section == 0 ? 0 : site->key.end[section - 1];
    uint32_t words = key->end[section] - start;
    return site->text_end[SECTION_COUNT - 1] != 0 && site->key.end[section] - last == words &&
           memcmp(&site->key.words[last], &key->words[start], words * sizeof key->words[0]) == 0;
}

void json_line_copy(const struct json_site *site, struct text *t)
{
    json_bytes(t, site->text, site->text_end[SECTION_COUNT - 1]);
}

void json_section_copy(const struct json_site *site, enum json_section section, struct text *t)
{
    size_t start = section == 0 ? 0 : site->text_end[section - 1];
    json_bytes(t, site->text + start, site->text_end[section] - start);
}

void json_line_keep(struct json_site *site, const struct json_key *key, const struct text *t,
                    size_t start, const size_t *text_end)
{
    size_t bytes = t->length - start;
    site->text_end[SECTION_COUNT - 1] = 0;
    if (bytes > sizeof site->text) return;
    memcpy(&site->key, key, key_bytes(key));
    memcpy(site->text_end, text_end, sizeof site->text_end);
    memcpy(site->text, t->bytes + start, bytes);
}
