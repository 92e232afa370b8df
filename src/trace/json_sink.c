/* The order of a trace's parts, and its way out in chunks. */
#include "trace/json_sink.h"

#include "trace/json_write.h"

enum { CHUNK_BYTES = 1 << 18 };

static void flush(struct json_sink *s)
{
    const struct json_sink_options *o = &s->options;
    if (s->out.length > 0 && !s->stopped) {
        s->stopped = !o->write(o->context, s->out.bytes, s->out.length);
    }
    s->out.length = s->lines_from = 0;
}

static bool is_lines(const struct json_sink *s)
{
    return s->options.format == TRACE_FORMAT_JSONL;
}

/* The digest takes the lines that it has not had yet: many at once. */
static void digest_lines(struct json_sink *s)
{
    if (!is_lines(s)) return;
    sha256_add(&s->digest, s->out.bytes + s->lines_from, s->out.length - s->lines_from);
    s->lines_from = s->out.length;
}

/* What stands in front of an event's line. In the document the comma belongs to the line before. */
static void event_open(struct json_sink *s)
{
    if (s->count > 0 && !is_lines(s)) JSON_PUT(&s->out, ",\n");
    if (s->count == 0 && !is_lines(s)) json_char(&s->out, '\n');
    s->count++;
}

static void flush_full(struct json_sink *s)
{
    if (s->out.length < CHUNK_BYTES) return;
    digest_lines(s);
    flush(s);
}

static void event_close(struct json_sink *s)
{
    if (is_lines(s)) json_char(&s->out, '\n');
    flush_full(s);
}

/* The text from `start` on is a line that waits. */
static void hold(struct json_sink *s, size_t start, const struct event *open)
{
    json_held_add(&s->held, s->out.bytes + start, s->out.length - start, open);
    s->out.length = start;
}

static void on_event(void *context, const struct event *e)
{
    struct json_sink *s = context;
    bool waits = e->is_open || json_held_any(&s->held);
    if (!waits) event_open(s);
    size_t start = s->out.length;
    json_event(s, e);
    if (waits) hold(s, start, e->is_open ? e : NULL);
    else event_close(s);
}

static void on_access(void *context, const struct access_event *a)
{
    struct json_sink *s = context;
    bool waits = json_held_any(&s->held);
    if (!waits) event_open(s);
    size_t start = s->out.length;
    json_access(s, a);
    if (waits) hold(s, start, NULL);
    else event_close(s);
}

/* What was put aside goes out. */
static void bring_back(struct json_sink *s, const struct held_line *line)
{
    const struct json_aside *from = s->held.elsewhere;
    size_t length;
    for (uint64_t done = 0; done < line->aside_length && !s->stopped; done += length) {
        uint64_t rest = line->aside_length - done;
        length = rest < CHUNK_BYTES / 4 ? (size_t)rest : CHUNK_BYTES / 4;
        char *to = text_room(&s->out, length);
        s->stopped = !from->get(from->context, line->aside_at + done, to, length);
        s->out.length += length;
        flush_full(s);
    }
    s->count += line->aside;
}

static void on_settle(void *context, uint32_t cpu, int64_t lock_wait)
{
    struct json_sink *s = context;
    struct event end;
    struct held_line line;
    size_t start = s->out.length;
    json_held_settle(&s->held, cpu, lock_wait, &end);
    json_event_end(s, &end);
    json_held_close(&s->held, cpu, s->out.bytes + start, s->out.length - start);
    s->out.length = start;
    while (json_held_take(&s->held, &line)) {
        if (line.aside != 0) {
            bring_back(s, &line);
            continue;
        }
        event_open(s);
        json_bytes(&s->out, s->held.text.bytes + line.at, line.length);
        json_bytes(&s->out, s->held.text.bytes + line.end_at, line.end_length);
        event_close(s);
    }
}

void json_sink_init(struct json_sink *s, const struct allocator *from,
                    const struct json_sink_options *options)
{
    *s = (struct json_sink){ .options = *options };
    text_init(&s->out, from);
    text_room(&s->out, CHUNK_BYTES + CHUNK_BYTES / 4);
    json_held_init(&s->held, from);
    s->held.elsewhere = options->aside;
    s->held.before = is_lines(s) ? "" : ",\n";
    s->held.after = is_lines(s) ? "\n" : "";
    s->sink = (struct sink){ .event = on_event, .settle = on_settle, .context = s };
    if (options->detail_access) s->sink.access = on_access;
    sha256_begin_with(&s->digest, options->digest_blocks);
    for (size_t i = 0; i < COST_COUNT; i++) {
        struct text key;
        text_init(&key, from);
        json_key(&key, cost_rows[i].key);
        CHECK2(key.length <= sizeof s->cost_key[i], key.length, i);
        memcpy(s->cost_key[i], key.bytes, key.length);
        s->cost_key_bytes[i] = (uint8_t)key.length;
        text_free(&key);
    }
}

void json_sink_begin(struct json_sink *s, const struct program *program, const struct sim *sim,
                     const struct trace_head_info *info)
{
    s->program = program;
    s->sim = sim;
    s->info = info;
    JSON_PUT(&s->out, "{");
    if (!is_lines(s)) json_char(&s->out, '\n');
    json_head(&s->out, program, info, !is_lines(s));
    if (is_lines(s)) {
        JSON_PUT(&s->out, "}\n");
    } else {
        JSON_PUT(&s->out, ",\n\"events\": [");
    }
    s->lines_from = s->out.length;
}

bool json_sink_end(struct json_sink *s, struct sim *sim)
{
    digest_lines(s);
    if (is_lines(s)) {
        json_char(&s->out, '{');
    } else if (s->count > 0) {
        JSON_PUT(&s->out, "\n],\n");
    } else {
        JSON_PUT(&s->out, "],\n");
    }
    json_tail(s, sim);
    if (is_lines(s)) {
        char hex[65];
        sha256_end(&s->digest, hex);
        JSON_PUT(&s->out, ", \"count\": ");
        json_u64(&s->out, s->count);
        JSON_PUT(&s->out, ", \"digest\": \"");
        json_plain(&s->out, hex);
        JSON_PUT(&s->out, "\"}\n");
    } else {
        JSON_PUT(&s->out, "\n}\n");
    }
    flush(s);
    return !s->stopped;
}

void json_sink_free(struct json_sink *s)
{
    json_sites_free(&s->sites, s->out.from);
    json_held_free(&s->held);
    text_free(&s->out);
}
