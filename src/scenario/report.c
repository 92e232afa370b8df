/* Messages of the compiler: where, what was found, what was expected, the nearest valid word. */
#include "scenario/compiler.h"

#include <string.h>

enum { SHOWN_BYTES = 60, JOINED_MOST = 12 };

void *list_add(struct arena *arena, struct list *list, size_t item_bytes)
{
    if (list->count == list->capacity) {
        /* Old arrays stay in the arena: together they are no longer than the last one. */
        size_t capacity = list->capacity ? 2 * list->capacity : 8;
        char *items = arena_new(arena, capacity, item_bytes);
        if (list->count) memcpy(items, list->items, list->count * item_bytes);
        list->items = items;
        list->capacity = capacity;
    }
    return (char *)list->items + list->count++ * item_bytes;
}

const char *path_of(struct compiler *c, const struct node *node)
{
    return node_path_text(node, NULL, c->arena);
}

static void report_list(struct compiler *c, struct where where, const char *path,
                        const char *format, va_list arguments)
{
    struct text message;
    text_init(&message, c->arena->from);
    text_format_list(&message, format, arguments);
    diag_add(c->diags, where, path, text_string(&message));
    text_free(&message);
}

void report(struct compiler *c, const struct node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report_list(c, node->where, path_of(c, node), format, arguments);
    va_end(arguments);
}

void report_at(struct compiler *c, const struct node *node, struct where where, const char *format,
               ...)
{
    va_list arguments;
    va_start(arguments, format);
    report_list(c, where, path_of(c, node), format, arguments);
    va_end(arguments);
}

void report_key(struct compiler *c, const struct node *map, size_t index, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report_list(c, map->key_where[index], node_path_text(map, map->keys[index], c->arena), format,
                arguments);
    va_end(arguments);
}

bool has_enough(const struct compiler *c)
{
    return c->diags->count >= DIAG_KEPT_MAX;
}

const char *hint(struct compiler *c, const char *word, const char *const *candidates, size_t count)
{
    /* Comparing words costs time, and only the first messages are shown. */
    if (count > c->hints_left) return "";
    c->hints_left -= count;
    const char *nearest = string_nearest(word, candidates, count);
    if (!nearest) return "";
    struct text text;
    text_init(&text, c->arena->from);
    text_format(&text, "; did you mean '%s'?", shown(c, nearest));
    const char *copy = arena_text(c->arena, text_string(&text), text.length);
    text_free(&text);
    return copy;
}

/* "a, b or c", the first JOINED_MOST of them. */
static void put_joined(struct text *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count && i < JOINED_MOST; i++) {
        if (i) text_put(text, i + 1 == count ? " or " : ", ");
        text_put(text, words[i]);
    }
    if (count > JOINED_MOST) text_put(text, " ...");
}

const char *hint_or_all(struct compiler *c, const char *word, const char *const *candidates,
                        size_t count)
{
    const char *nearest = hint(c, word, candidates, count);
    if (*nearest || count == 0 || has_enough(c)) return nearest;
    struct text text;
    text_init(&text, c->arena->from);
    text_put(&text, "; expected ");
    put_joined(&text, candidates, count);
    const char *copy = arena_text(c->arena, text_string(&text), text.length);
    text_free(&text);
    return copy;
}

static const char **words_of(struct compiler *c, const struct names *names, size_t *count)
{
    *count = 0;
    while (names->list[*count].name) ++*count;
    const char **words = arena_new(c->arena, *count + 1, sizeof *words);
    for (size_t i = 0; i < *count; i++) words[i] = names->list[i].name;
    return words;
}

const char *hint_names(struct compiler *c, const char *word, const struct names *names)
{
    size_t count;
    const char **words = words_of(c, names, &count);
    return hint(c, word, words, count);
}

const char *shown(struct compiler *c, const char *text)
{
    return text_shown(text, strlen(text), c->arena);
}

const char *found(struct compiler *c, const struct node *node)
{
    if (node->kind != NODE_SCALAR) return node_kind_name(node);
    if (node->length == 0) return node->quoted ? "an empty text" : "nothing";
    struct text text;
    text_init(&text, c->arena->from);
    text_char(&text, '\'');
    text_quoted(&text, node->text, node->length, SHOWN_BYTES);
    text_char(&text, '\'');
    const char *copy = arena_text(c->arena, text_string(&text), text.length);
    text_free(&text);
    return copy;
}

const char *names_joined(struct compiler *c, const struct names *names)
{
    struct text text;
    size_t count;
    const char **words = words_of(c, names, &count);
    text_init(&text, c->arena->from);
    put_joined(&text, words, count);
    const char *copy = arena_text(c->arena, text_string(&text), text.length);
    text_free(&text);
    return copy;
}
