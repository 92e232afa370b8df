/* Paths of statistics in expressions, judged when all spans and processes are known. */
#include "scenario/compiler.h"

#include "sim/curves_path.h"
#include "sim/stats.h"

#include <string.h>

/* What looking for a near path costs, in words compared. */
enum { VOCABULARY = 1000 };
enum { DEPTH_MOST = 16, PREFIX = sizeof "stats." - 1 };

static bool is_process(const struct compiler *c, const char *name)
{
    const struct symbol *symbol = symbols_find(&c->names, name);
    return symbol && symbol->kind == NAME_PROCESS;
}

static bool is_name(void *context, const char *group, const char *name)
{
    const struct compiler *c = context;
    if (strcmp(group, "latency") == 0) {
        return routine_find(name) || symbols_find(&c->spans, name);
    }
    if (strcmp(group, "accesses") == 0) return symbols_find(&c->phases, name) != NULL;
    if (strcmp(group, "page_tables") == 0 && strcmp(name, "system") == 0) return true;
    if (strcmp(group, "processes") == 0 || strcmp(group, "page_tables") == 0) {
        return is_process(c, name);
    }
    return true;
}

/* The processor of `tlb.cpu0`, `caches.cpu0` and `cpu.cpu0` must be one of the machine's. */
static bool names_processor(const struct compiler *c, const char *path)
{
    size_t group = strcspn(path, ".");
    bool by_cpu = strncmp(path, "tlb.", 4) == 0 || strncmp(path, "cpu.", 4) == 0 ||
                  strncmp(path, "caches.", 7) == 0;
    if (!by_cpu || strncmp(path + group + 1, "cpu", 3) != 0) return true;
    const char *digits = path + group + 4;
    size_t count = strcspn(digits, ".");
    uint64_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (digits[i] < '0' || digits[i] > '9') return false;
        n = n < 10000 ? n * 10 + (uint64_t)(digits[i] - '0') : n;
    }
    bool leading_zero = count > 1 && digits[0] == '0';
    return count > 0 && !leading_zero && n < c->program->config.cpu_count;
}

/* ---- the nearest path of the vocabulary ---- */

/* A walk of the vocabulary that writes every path down, with the user's own words for names. */
struct walk {
    struct compiler *c;
    const char *parts[DEPTH_MOST]; /* the user's path, cut at its dots */
    size_t part_count;
    struct text path;
    size_t lengths[DEPTH_MOST];
    size_t depth;
    struct list words; /* const char * */
};

static const char *with_prefix(struct compiler *c, const char *path)
{
    size_t length = strlen(path);
    char *copy = arena_new(c->arena, PREFIX + length + 1, 1);
    memcpy(copy, "stats.", PREFIX);
    memcpy(copy + PREFIX, path, length);
    return copy;
}

static void walk_enter(void *context, const char *key, const char *doc)
{
    struct walk *w = context;
    UNUSED(doc);
    if (w->depth < DEPTH_MOST) w->lengths[w->depth] = w->path.length;
    const char *part = w->depth < w->part_count ? w->parts[w->depth] : NULL;
    bool named = strcmp(key, "*") == 0 && part;
    if (w->depth) text_char(&w->path, '.');
    text_put(&w->path, named ? part : strcmp(key, "cpu*") == 0 ? "cpu0" : key);
    w->depth++;
}

static void walk_leave(void *context)
{
    struct walk *w = context;
    w->depth--;
    if (w->depth < DEPTH_MOST) w->path.length = w->lengths[w->depth];
}

static void walk_counter(void *context, const char *key, uint64_t value, const char *doc)
{
    struct walk *w = context;
    UNUSED(value);
    walk_enter(w, key, doc);
    *(const char **)list_add(w->c->arena, &w->words, sizeof(char *)) =
        with_prefix(w->c, text_string(&w->path));
    walk_leave(w);
}

static void walk_gauge(void *context, const char *key, const struct gauge *g, const char *doc)
{
    UNUSED(g);
    walk_enter(context, key, doc);
    walk_counter(context, "now", 0, doc);
    walk_counter(context, "peak", 0, doc);
    walk_counter(context, "peak_t", 0, doc);
    walk_leave(context);
}

static void cut_parts(struct walk *w, const char *path)
{
    while (w->part_count < DEPTH_MOST) {
        size_t length = strcspn(path, ".");
        w->parts[w->part_count++] = arena_text(w->c->arena, path, length);
        if (!path[length]) return;
        path += length + 1;
    }
}

/* The series that is nearest to the one of an unknown `latency.NAME`. */
static const char *series_hint(struct compiler *c, const char *name)
{
    size_t spans = c->spans.list.count, count = routine_count + spans;
    const char **words = arena_new(c->arena, count + 1, sizeof *words);
    for (size_t i = 0; i < count; i++) {
        words[i] = i < routine_count ? routines[i]->name
                                     : symbols_at(&c->spans, i - routine_count)->name;
    }
    return hint(c, name, words, count);
}

static const char *path_hint(struct compiler *c, const char *path)
{
    static const struct stats_visitor visitor = { .enter = walk_enter, .leave = walk_leave,
                                                  .counter = walk_counter, .gauge = walk_gauge };
    struct walk w = { .c = c };
    if (c->hints_left < VOCABULARY) return "";
    text_init(&w.path, c->arena->from);
    cut_parts(&w, path);
    bool series = w.part_count > 1 && strcmp(w.parts[0], "latency") == 0;
    if (series && !is_name(c, w.parts[0], w.parts[1])) return series_hint(c, w.parts[1]);
    stats_visit(NULL, &visitor, &w);
    text_free(&w.path);
    struct list right = { 0 };
    for (size_t i = 0; i < w.words.count; i++) {
        const char *word = ((const char *const *)w.words.items)[i];
        if (!stats_is_path(word + PREFIX, is_name, c)) continue;
        *(const char **)list_add(c->arena, &right, sizeof word) = word;
    }
    /* Each of them was looked up in the whole vocabulary. */
    c->hints_left -= VOCABULARY;
    return hint(c, with_prefix(c, path), right.items, right.count);
}

void stats_finish(struct compiler *c)
{
    const struct use *uses = c->paths.items;
    for (size_t i = 0; i < c->paths.count && !has_enough(c); i++) {
        const char *path = uses[i].name;
        if (curves_path_is(path)) {
            const char *why = curves_path_problem(c->program, path);
            if (why)
                report_at(c, uses[i].node, uses[i].where, "unknown statistic 'stats.%s': %s",
                          shown(c, path), why);
            continue;
        }
        if (names_processor(c, path) && stats_is_path(path, is_name, c)) continue;
        report_at(c, uses[i].node, uses[i].where, "unknown statistic 'stats.%s'%s", shown(c, path),
                  path_hint(c, path));
    }
}
