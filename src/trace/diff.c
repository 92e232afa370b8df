/* The run of a comparison: two streams of events side by side, then what follows them. */
#include "trace/diff.h"

#include "trace/compare.h"
#include "trace/queue.h"

#include <jansson.h>
#include <string.h>

/* Windows that the alignment tries in turn, and how many whole matches in a row end its work. */
static const size_t windows[] = { 64, 512, ALIGN_MAX };
enum { RESYNC_MATCHES = 12, FIRST_TEXT_MAX = 1000 };

struct differ {
    struct diff_result *result;
    const struct diff_options *options;
    const struct allocator *from;
    struct queue a, b;
    struct compare compare;
    struct aligner aligner;
    struct text call;
    struct align_key *a_keys, *b_keys; /* ALIGN_MAX each */
    unsigned char *steps;              /* 2 * ALIGN_MAX */
};

static const char *event_text(struct diff_result *r, const struct queue_slot *slot)
{
    if (slot == NULL) return NULL;
    size_t length = slot->length;
    if (length <= FIRST_TEXT_MAX) return arena_text(&r->arena, slot->bytes, length);
    length = FIRST_TEXT_MAX;
    while (length > 0 && ((unsigned char)slot->bytes[length] & 0xC0) == 0x80) length--;
    char *text = arena_text(&r->arena, slot->bytes, length + 3);
    memcpy(text + length, "...", 3);
    return text;
}

/* Keeps the first difference of the events and what led to it. Either slot may be NULL. */
static void note_first(struct differ *d, const struct queue_slot *a, const struct queue_slot *b)
{
    struct diff_first *first = &d->result->first;
    if (first->found) return;
    first->found = true;
    for (size_t i = 0; i < DIFF_CONTEXT; i++) {
        first->context[i] = event_text(d->result, queue_taken(&d->a, DIFF_CONTEXT - i));
    }
    first->a = event_text(d->result, a);
    first->b = event_text(d->result, b);
    first->a_event = a != NULL ? a->number : UINT64_MAX;
    first->b_event = b != NULL ? b->number : UINT64_MAX;
}

static uint64_t slot_line(const struct queue_slot *slot)
{
    uint64_t line = 0;
    struct scan_span v = slot->values[SCAN_LINE];
    for (size_t i = v.start; i < v.end && line < UINT32_MAX; i++) {
        if (slot->bytes[i] < '0' || slot->bytes[i] > '9') return 0;
        line = line * 10 + (uint64_t)(slot->bytes[i] - '0');
    }
    return line;
}

static void set_place(struct differ *d, const struct queue_slot *a, const struct queue_slot *b)
{
    const struct queue_slot *slot = b != NULL ? b : a;
    struct scan_span call = slot->values[SCAN_CALL];
    text_clear(&d->call);
    text_bytes(&d->call, slot->bytes + call.start + 1, call.end - call.start - 2);
    d->compare.part = COMPARE_EVENT;
    d->compare.call = text_string(&d->call);
    d->compare.a_event = a != NULL ? a->number : UINT64_MAX;
    d->compare.b_event = b != NULL ? b->number : UINT64_MAX;
    d->compare.line = slot_line(slot);
}

/* True when all that is compared is the same, ids renumbered. */
static bool slots_equal(struct differ *d, const struct queue_slot *a, const struct queue_slot *b)
{
    return idmap_equal(&d->compare.ids, queue_kept(a), a->kept_length, queue_kept(b),
                       b->kept_length, true);
}

static bool compare_slots(struct differ *d, const struct queue_slot *a, const struct queue_slot *b)
{
    if (compare_texts(&d->compare, "events", a->bytes, a->length, b->bytes, b->length)) return true;
    json_t *x = trace_parse(&d->a.reader, a->bytes, a->length, a->file_line);
    json_t *y = trace_parse(&d->b.reader, b->bytes, b->length, b->file_line);
    if (x != NULL && y != NULL) compare_items(&d->compare, "events", x, y);
    bool parsed = x != NULL && y != NULL;
    json_decref(x);
    json_decref(y);
    return parsed;
}

/* Compares and takes the two first events, which match. False on trouble. */
static bool take_match(struct differ *d)
{
    const struct queue_slot *a = queue_at(&d->a, 0), *b = queue_at(&d->b, 0);
    d->result->matched++;
    if (!slots_equal(d, a, b)) {
        uint64_t before = d->compare.changes;
        set_place(d, a, b);
        if (!compare_slots(d, a, b)) return false;
        if (d->compare.changes != before) {
            d->result->changed++;
            note_first(d, a, b);
        }
    }
    queue_take(&d->a);
    queue_take(&d->b);
    return true;
}

/* Files and takes the first event of one side, which has no match. */
static void take_alone(struct differ *d, struct queue *q, enum diff_kind kind)
{
    const struct queue_slot *slot = queue_at(q, 0);
    const struct queue_slot *a = kind == DIFF_ONLY_A ? slot : NULL;
    const struct queue_slot *b = kind == DIFF_ONLY_B ? slot : NULL;
    uint64_t before = d->compare.changes;
    set_place(d, a, b);
    compare_alone(&d->compare, "events", kind);
    if (d->compare.changes != before) note_first(d, a, b);
    if (kind == DIFF_ONLY_A)
        d->result->a_only++;
    else
        d->result->b_only++;
    queue_take(q);
}

static bool take_steps(struct differ *d, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (d->steps[i] == ALIGN_ONLY_A)
            take_alone(d, &d->a, DIFF_ONLY_A);
        else if (d->steps[i] == ALIGN_ONLY_B)
            take_alone(d, &d->b, DIFF_ONLY_B);
        else if (!take_match(d))
            return false;
    }
    return true;
}

/* How many steps lead into a row of whole matches, where the traces run alike again; 0: none do. */
static size_t resync_steps(const struct differ *d, size_t count)
{
    size_t i = 0, j = 0, row = 0;
    for (size_t n = 0; n < count; n++) {
        unsigned char step = d->steps[n];
        bool whole = step == ALIGN_MATCH && d->a_keys[i].whole == d->b_keys[j].whole;
        row = whole ? row + 1 : 0;
        if (row == RESYNC_MATCHES) return n + 1;
        i += step != ALIGN_ONLY_B;
        j += step != ALIGN_ONLY_A;
    }
    return 0;
}

/* How many steps use up three quarters of a window on one side: what lies nearer to its edge may
 * align better once more is known. */
static size_t safe_steps(const struct differ *d, size_t count, size_t window)
{
    size_t i = 0, j = 0, n = 0, most = window - window / 4;
    while (n < count && i < most && j < most) {
        unsigned char step = d->steps[n++];
        i += step != ALIGN_ONLY_B;
        j += step != ALIGN_ONLY_A;
    }
    return n;
}

static size_t load_keys(struct queue *q, struct align_key *keys, size_t window,
                        struct queue *other)
{
    size_t count = queue_fill(q, window, other);
    for (size_t i = 0; i < count; i++) keys[i] = queue_key(queue_at(q, i));
    return count;
}

/* The traces part here: aligns what lies ahead and takes as much as is certain. */
static bool realign(struct differ *d)
{
    size_t steps = 0;
    for (size_t i = 0; i < COUNT_OF(windows); i++) {
        size_t a_count = load_keys(&d->a, d->a_keys, windows[i], NULL);
        size_t b_count = load_keys(&d->b, d->b_keys, windows[i], &d->a);
        if (d->a.reader.status != TRACE_OK || d->b.reader.status != TRACE_OK) return false;
        size_t count = align(&d->aligner, d->a_keys, a_count, d->b_keys, b_count, d->steps);
        bool all = a_count < windows[i] && b_count < windows[i];
        steps = all ? count : resync_steps(d, count);
        if (steps != 0) return take_steps(d, steps);
        steps = safe_steps(d, count, windows[i]);
    }
    return take_steps(d, steps);
}

/* Takes the next event of one side or both; a and b say where there is one. False on trouble. */
static bool take_next(struct differ *d, bool a, bool b)
{
    if (!a || !b) {
        take_alone(d, a ? &d->a : &d->b, a ? DIFF_ONLY_A : DIFF_ONLY_B);
        return true;
    }
    struct queue_slot *x = queue_at(&d->a, 0), *y = queue_at(&d->b, 0);
    if (slots_equal(d, x, y) || queue_key(x).whole == queue_key(y).whole) return take_match(d);
    return realign(d);
}

static bool compare_events(struct differ *d)
{
    for (;;) {
        bool a = queue_fill(&d->a, 1, NULL) > 0, b = queue_fill(&d->b, 1, &d->a) > 0;
        if (d->a.reader.status != TRACE_OK || d->b.reader.status != TRACE_OK) return false;
        if (!a && !b) return true;
        if (!take_next(d, a, b)) return false;
    }
}

/* Everything but the events: the head first, whose differences are notices. */
static void compare_parts(struct differ *d)
{
    static const char *const head[] = { "mdlsim", "scenario", "machine", "config" };
    static const char *const other[] = { "violations", "leaks", "count", "digest" };
    json_t *a = d->a.reader.parts, *b = d->b.reader.parts;
    struct compare *c = &d->compare;
    c->part = COMPARE_HEAD;
    for (size_t i = 0; i < COUNT_OF(head); i++) {
        compare_part(c, head[i], json_object_get(a, head[i]), json_object_get(b, head[i]));
        json_object_del(a, head[i]);
        if (strcmp(head[i], "scenario") != 0) json_object_del(b, head[i]);
    }
    c->part = COMPARE_TAIL;
    compare_lists(c, &d->aligner, "violations", "rule", "what", json_object_get(a, "violations"),
                  json_object_get(b, "violations"));
    compare_lists(c, &d->aligner, "leaks", "kind", "what", json_object_get(a, "leaks"),
                  json_object_get(b, "leaks"));
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        json_object_del(a, other[i]);
        json_object_del(b, other[i]);
    }
    const char *file = json_string_value(json_object_get(json_object_get(b, "scenario"), "file"));
    if (file != NULL) d->result->scenario = arena_text(&d->result->arena, file, strlen(file));
    json_object_del(b, "scenario");
    for (void *i = json_object_iter(a); i != NULL; i = json_object_iter_next(a, i)) {
        const char *key = json_object_iter_key(i);
        compare_part(c, key, json_object_iter_value(i), json_object_get(b, key));
    }
    for (void *i = json_object_iter(b); i != NULL; i = json_object_iter_next(b, i)) {
        const char *key = json_object_iter_key(i);
        if (json_object_get(a, key) == NULL) compare_part(c, key, NULL, json_object_iter_value(i));
    }
}

/* An --only that met nothing is worth a word: it makes any two traces the same. Those of events and
 * findings are not told, since equal ones are never looked into. */
static void note_unused(struct differ *d)
{
    static const char *const quiet[] = { "events", "violations", "leaks" };
    for (size_t i = 0; i < d->options->only_count; i++) {
        bool met = d->compare.only_met[i];
        for (size_t k = 0; k < COUNT_OF(quiet); k++) {
            if (strncmp(d->options->onlys[i], quiet[k], strlen(quiet[k])) == 0) met = true;
        }
        struct diff_row row = { .call = "", .path = d->options->onlys[i], .count = 1 };
        if (!met) diff_rows_add(&d->result->unused, &row);
    }
}

static void result_init(struct diff_result *r, const struct allocator *from)
{
    *r = (struct diff_result){ .scenario = "", .arena = { .from = from } };
    diff_rows_init(&r->events, from);
    diff_rows_init(&r->statistics, from);
    diff_rows_init(&r->head, from);
    diff_rows_init(&r->one_sided, from);
    diff_rows_init(&r->unused, from);
}

static void differ_close(struct differ *d)
{
    compare_free(&d->compare);
    aligner_free(&d->aligner);
    text_free(&d->call);
    mem_free(d->from, d->a_keys, ALIGN_MAX, sizeof *d->a_keys);
    mem_free(d->from, d->b_keys, ALIGN_MAX, sizeof *d->b_keys);
    mem_free(d->from, d->steps, (size_t)2 * ALIGN_MAX, 1);
    queue_close(&d->a);
    queue_close(&d->b);
}

void diff_run(struct diff_result *result, const struct trace_source *a,
              const struct trace_source *b, const struct diff_options *options,
              const struct allocator *from, struct text *error)
{
    result_init(result, from);
    result->a_name = a->name;
    result->b_name = b->name;
    struct differ *d = mem_new(from, 1, sizeof *d);
    d->result = result;
    d->options = options;
    d->from = from;
    compare_init(&d->compare, result, options, from);
    aligner_init(&d->aligner, from);
    text_init(&d->call, from);
    d->a_keys = mem_new(from, ALIGN_MAX, sizeof *d->a_keys);
    d->b_keys = mem_new(from, ALIGN_MAX, sizeof *d->b_keys);
    d->steps = mem_new(from, (size_t)2 * ALIGN_MAX, 1);
    bool opened = queue_open(&d->a, a, from);
    opened = queue_open(&d->b, b, from) && opened;
    if (opened && compare_events(d)) {
        compare_parts(d);
        note_unused(d);
        result->different = d->compare.changes > 0;
        result->status = result->different ? 1 : 0;
    } else {
        const struct trace_reader *bad = &d->a.reader;
        if (bad->status == TRACE_OK) bad = &d->b.reader;
        result->trouble = true;
        result->status = bad->status;
        text_put(error, text_string(&bad->error));
    }
    differ_close(d);
    mem_free(from, d, 1, sizeof *d);
}

void diff_free(struct diff_result *result)
{
    diff_rows_free(&result->events);
    diff_rows_free(&result->statistics);
    diff_rows_free(&result->head);
    diff_rows_free(&result->one_sided);
    diff_rows_free(&result->unused);
    arena_free(&result->arena);
}

int diff_traces(const char *path_a, const char *path_b, const struct diff_options *options,
                const struct allocator *from, struct text *out, struct text *error)
{
    struct trace_source a = { .name = path_a }, b = { .name = path_b };
    if (strcmp(path_a, "-") == 0 && strcmp(path_b, "-") == 0) {
        text_put(error, "-: standard input can be only one of the two traces");
        return TRACE_UNREADABLE;
    }
    struct diff_result result;
    diff_run(&result, &a, &b, options, from, error);
    int status = result.status;
    if (!result.trouble) diff_print(&result, options, out);
    diff_free(&result);
    return status;
}
