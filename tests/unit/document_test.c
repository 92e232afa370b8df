/* Unit tests of scenario/document: the tree, its places and paths, merges, includes, overrides, and
 * each limit at the limit and one to either side. What is refused how stands in tests/invalid. */
#define _XOPEN_SOURCE 700

#include "scenario/document.h"

#include "support.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of its own, the document read from a file in it. */
struct fixture {
    char folder[sizeof "/tmp/document_test.XXXXXX"];
    struct scenario_limits limits;
    struct diags diags;
    struct arena arena;
    struct document_info info;
    struct node *root;
    struct text out;
};

static void setup(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    strcpy(f->folder, "/tmp/document_test.XXXXXX");
    cr_assert_not_null(mkdtemp(f->folder));
    cr_assert_eq(chdir(f->folder), 0);
    limits_init(&f->limits);
    diags_init(&f->diags, &test_allocator);
    f->arena.from = &test_allocator;
    text_init(&f->out, &test_allocator);
}

static int remove_entry(const char *name, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(name);
}

static void cleanup(struct fixture *f)
{
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(nftw(f->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    text_free(&f->out);
    arena_free(&f->arena);
    diags_free(&f->diags);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

static void write_file(const char *name, const char *bytes, size_t length)
{
    FILE *file = fopen(name, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, length, file), length);
    cr_assert_eq(fclose(file), 0);
}

static void load(struct fixture *f, const char *text, size_t length)
{
    write_file("s.yaml", text, length);
    f->root = document_load("s.yaml", &f->limits, &f->diags, &f->arena, &f->info);
    cr_assert_eq(f->root == NULL, f->diags.count > 0);
}

/* The tree on one line: text, 'quoted', [items], {keys: values}. */
static void print(const struct node *node, struct text *out)
{
    if (node->kind == NODE_SCALAR) {
        text_format(out, node->quoted ? "'%s'" : "%s", node->text);
        return;
    }
    text_char(out, node->kind == NODE_LIST ? '[' : '{');
    for (size_t i = 0; i < node->count; i++) {
        const struct node *item = node->items[i];
        cr_assert(item->parent == node && item->index_in_parent == i);
        if (i) text_put(out, ", ");
        if (node->kind == NODE_MAP) {
            cr_assert_str_eq(item->key_in_parent, node->keys[i]);
            text_format(out, "%s: ", node->keys[i]);
        }
        print(item, out);
    }
    text_char(out, node->kind == NODE_LIST ? ']' : '}');
}

static const char *printed(struct fixture *f)
{
    text_clear(&f->out);
    if (f->root) print(f->root, &f->out);
    return text_string(&f->out);
}

static const char *messages(struct fixture *f)
{
    text_clear(&f->out);
    diags_print(&f->diags, &f->out);
    return text_string(&f->out);
}

struct sample {
    const char *yaml, *tree;
};

static const struct sample trees[] = {
    { "a: 1\nb: [x, 'y', \"z\"]\n", "{a: 1, b: [x, 'y', 'z']}" },
    { "\xEF\xBB\xBF" "a: \xC3\xA9\r\nb: 2\r\n", "{a: \xC3\xA9, b: 2}" },
    { "# x\n\n%YAML  1.2\n---\na: no\nb: 010\nc: 1:30\nd: ~\n...\n",
      "{a: no, b: 010, c: 1:30, d: ~}" },
    { "a:\nb: ''\n", "{a: , b: ''}" },
    { "a: |\n  x\n  y\nb: >\n  x\n  y\n", "{a: 'x\ny\n', b: 'x y\n'}" },
    { "{a: {b: {}}, c: []}", "{a: {b: {}}, c: []}" },
    { "a: &x [1, 2]\nb: *x\nc: [*x, *x]\n", "{a: [1, 2], b: [1, 2], c: [[1, 2], [1, 2]]}" },
    { "a: &x 1\nb: &x 2\nc: *x\n", "{a: 1, b: 2, c: 2}" },
    { "&k a: 1\nb: *k\n", "{a: 1, b: a}" },
    /* Explicit keys win wherever `<<` stands; of merged ones the earlier; in the place of `<<`. */
    { "a: &x {p: 1, q: 2}\nb: {q: 3, <<: *x, r: 4}\n", "{a: {p: 1, q: 2}, b: {q: 3, p: 1, r: 4}}" },
    { "a: {<<: [{p: 1, q: 2}, {q: 3, r: 4}], s: 5}\n", "{a: {p: 1, q: 2, r: 4, s: 5}}" },
    { "a: {<<: {<<: {p: 1}, q: 2}}\n", "{a: {p: 1, q: 2}}" },
    { "a: {<<: {}}\n", "{a: {}}" },
    { "a: {\"<<\": 1}\n", "{a: {<<: 1}}" },
    { "a: b[0], c\nx-note: '*'\n", "{a: b[0], c, x-note: '*'}" },
    { "a: {b: \"f(x, y)\", c: (d), e): f}\n", "{a: {b: 'f(x, y)', c: (d), e): f}}" },
};

Test(document, builds_the_tree)
{
    for (size_t i = 0; i < COUNT_OF(trees); i++) {
        struct fixture f;
        setup(&f);
        load(&f, trees[i].yaml, strlen(trees[i].yaml));
        cr_expect_str_eq(messages(&f), "", "%s", trees[i].yaml);
        cr_expect_str_eq(printed(&f), trees[i].tree, "%s", trees[i].yaml);
        cleanup(&f);
    }
}

static const struct node *at(const struct node *node, const char *key, size_t index)
{
    return node_get(node, key)->items[index];
}

Test(document, knows_places_and_paths)
{
    static const char yaml[] = "threads:\n  rx:\n    steps:\n    - set: {$mdl.Next: 5}\n"
                               "      \"a \\\"b\\\"\": [[1, 2]]\nx: &x\n  - k: v\ny: *x\n";
    struct fixture f;
    setup(&f);
    load(&f, yaml, strlen(yaml));
    const struct node *step = at(node_get(node_get(f.root, "threads"), "rx"), "steps", 0);
    const struct node *next = at(step, "set", 0);
    node_path(next, &f.out);
    cr_expect_str_eq(text_string(&f.out), "threads.rx.steps[0].set[\"$mdl.Next\"]");
    cr_expect(next->where.line == 4 && next->where.column == 24);
    const struct node *set = node_get(step, "set");
    cr_expect(set->where.line == 4 && set->where.column == 12);
    cr_expect(set->key_where[0].line == 4 && set->key_where[0].column == 13);
    text_clear(&f.out);
    node_path(step->items[1]->items[0]->items[1], &f.out);
    cr_expect_str_eq(text_string(&f.out), "threads.rx.steps[0][\"a \\\"b\\\"\"][0][1]");
    /* A copy has the place of what it copies and a path of its own. */
    const struct node *copied = at(f.root, "y", 0)->items[0];
    text_clear(&f.out);
    node_path(copied, &f.out);
    cr_expect_str_eq(text_string(&f.out), "y[0].k");
    cr_expect(copied->where.line == 7 && copied->where.column == 8);
    text_clear(&f.out);
    node_path(f.root, &f.out);
    cr_expect_str_eq(text_string(&f.out), "");
    cr_expect_null(node_get(f.root, "z"));
    cr_expect_null(node_get(next, "z"));
    cleanup(&f);
}

Test(document, includes_are_merged_later_files_win)
{
    static const char yaml[] = "include: [parts/a.yaml, parts/deep/../b.yaml]\n"
                               "m: {own: 1, both: s}\nl: [s]\n";
    static const char a[] = "m: {a: 1, both: a, ab: a}\nl: [a, a]\nk: {x: 1}\n";
    static const char b[] = "include: c.yaml\nm: {b: 1, both: b, ab: b}\nk: text\n";
    static const char c[] = "m: {b: c}\nc: {d: 1}\n";
    struct fixture f;
    setup(&f);
    cr_assert_eq(mkdir("parts", 0700), 0);
    cr_assert_eq(mkdir("parts/deep", 0700), 0);
    write_file("parts/a.yaml", a, strlen(a));
    write_file("parts/b.yaml", b, strlen(b));
    write_file("parts/c.yaml", c, strlen(c));
    load(&f, yaml, strlen(yaml));
    cr_expect_str_eq(printed(&f), "{m: {a: 1, both: s, ab: b, b: 1, own: 1}, l: [s], k: text, "
                                  "c: {d: 1}}");
    cr_assert_eq(f.info.include_count, 3);
    static const char *const names[] = { "parts/a.yaml", "parts/b.yaml", "parts/c.yaml" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        cr_expect_str_eq(f.info.includes[i].name, names[i]);
        cr_expect_eq(strlen(f.diags.files[f.info.includes[i].file].sha256), 64);
    }
    cr_expect_eq(f.info.file, 0);
    cr_expect_str_eq(f.diags.files[2].name, "parts/deep/../b.yaml");
    cr_expect_eq(node_get(node_get(f.root, "m"), "ab")->where.file, 2);
    cr_expect_eq(node_get(node_get(f.root, "m"), "own")->where.file, 0);
    cleanup(&f);
}

Test(document, a_file_may_be_included_twice_but_is_listed_once)
{
    struct fixture f;
    setup(&f);
    write_file("a.yaml", "a: 1\n", 5);
    static const char yaml[] = "include: [a.yaml, ./a.yaml]\nb: 2\n";
    load(&f, yaml, strlen(yaml));
    cr_expect_str_eq(printed(&f), "{a: 1, b: 2}");
    cr_expect_eq(f.info.include_count, 1);
    cleanup(&f);
}

Test(document, tells_missing_files_from_invalid_ones)
{
    struct fixture f;
    setup(&f);
    f.root = document_load("none.yaml", &f.limits, &f.diags, &f.arena, &f.info);
    cr_expect_null(f.root);
    cr_expect(f.info.unreadable);
    cr_expect_str_eq(messages(&f), "none.yaml:1:1: error: cannot read 'none.yaml': no such file\n");
    cleanup(&f);
    setup(&f);
    load(&f, "[", 1);
    cr_expect_null(f.root);
    cr_expect_not(f.info.unreadable);
    cleanup(&f);
}

Test(document, reads_standard_input)
{
    struct fixture f;
    setup(&f);
    /* Longer than the first buffer, so that it grows. */
    size_t length = 200000;
    char *text = malloc(length);
    memset(text, '#', length);
    memcpy(text, "a: 1\n", 5);
    write_file("s.yaml", text, length);
    free(text);
    cr_assert_not_null(freopen("s.yaml", "rb", stdin));
    f.root = document_load("-", &f.limits, &f.diags, &f.arena, &f.info);
    cr_expect_str_eq(printed(&f), "{a: 1}");
    cr_expect_str_eq(f.diags.files[0].name, "<stdin>");
    cr_expect_eq(f.diags.files[0].length, length);
    cr_assert_not_null(freopen("s.yaml", "rb", stdin));
    f.limits.file_bytes = length - 1;
    cr_expect_null(document_load("-", &f.limits, &f.diags, &f.arena, &f.info));
    cleanup(&f);
}

static const struct sample overrides[] = {
    { "n=8", "{v: {a: 1}, m: , l: [1, {k: x}], n: 8}" },
    { "v.a=8 KiB", "{v: {a: 8 KiB}, m: , l: [1, {k: x}], n: s}" },
    { "m.x.y=[1, {z: $a}]", "{v: {a: 1}, m: {x: {y: [1, {z: $a}]}}, l: [1, {k: x}], n: s}" },
    { "o.p=q = r", "{v: {a: 1}, m: , l: [1, {k: x}], n: s, o: {p: q = r}}" },
    { "l[0]=$mdl.Pfn[0]", "{v: {a: 1}, m: , l: [$mdl.Pfn[0], {k: x}], n: s}" },
    { "l[1].k='q'", "{v: {a: 1}, m: , l: [1, {k: 'q'}], n: s}" },
    { "l[1][\"a.\\\"b\"]=c", "{v: {a: 1}, m: , l: [1, {k: x, a.\"b: c}], n: s}" },
    { "v=", "{v: , m: , l: [1, {k: x}], n: s}" },
};

static const char override_base[] = "v: {a: 1}\nm:\nl: [1, {k: x}]\nn: s\n";

Test(document, overrides_values)
{
    for (size_t i = 0; i < COUNT_OF(overrides); i++) {
        struct fixture f;
        setup(&f);
        load(&f, override_base, strlen(override_base));
        cr_expect(document_override(f.root, overrides[i].yaml, &f.diags, &f.arena));
        cr_expect_str_eq(messages(&f), "");
        cr_expect_str_eq(printed(&f), overrides[i].tree, "%s", overrides[i].yaml);
        cleanup(&f);
    }
}

Test(document, an_override_changes_one_copy_of_an_alias)
{
    static const char yaml[] = "a: &x {p: 1}\nb: *x\nc: *x\n";
    struct fixture f;
    setup(&f);
    load(&f, yaml, strlen(yaml));
    cr_expect(document_override(f.root, "b.p=\xC3\xA9: {q: [5]}", &f.diags, &f.arena));
    cr_expect_str_eq(printed(&f), "{a: {p: 1}, b: {p: {\xC3\xA9: {q: [5]}}}, c: {p: 1}}");
    const struct node *b = node_get(f.root, "b");
    const struct node *c = node_get(f.root, "c");
    cr_expect(c->key_where[0].file == 0 && c->key_where[0].line == 1);
    cr_expect_str_eq(f.diags.files[b->key_where[0].file].name, "--set");
    const struct node *five = at(at(b, "p", 0), "q", 0);
    cr_expect(five->where.file == 1 && five->where.line == 1 && five->where.column == 13);
    cleanup(&f);
}

static const struct sample bad_overrides[] = {
    { "n", "--set:1:2: error: expected '=' and a value: PATH=VALUE\n" },
    { "=1", "--set:1:1: error: expected a key here\n" },
    { "n.=1", "--set:1:3: error: expected a key here\n" },
    { "l[x]=1", "--set:1:3: error: expected an index and ']', as in steps[0]\n" },
    { "l[0=1", "--set:1:3: error: expected an index and ']', as in steps[0]\n" },
    { "l[0]x=1", "--set:1:5: error: expected '.', '[' or '='\n" },
    { "l[18446744073709551616]=1", "--set:1:3: error: this index is too large\n" },
    { "[\"a]=1", "--set:1:2: error: expected '\"]' after a key in '[\"'\n" },
    { "l[2]=1", "--set:1:2: error: no item 2: the list has 2 [at l]\n" },
    { "v[0]=1", "--set:1:2: error: there is no list item here: this is a mapping [at v]\n" },
    { "l.k=1", "--set:1:3: error: there is no key here: this is a list [at l]\n" },
    { "n.k=1", "--set:1:3: error: there is no key here: this is a value [at n]\n" },
    { "vars.a=1", "--set:1:6: error: no 'a' in vars\n" },
    { "include=x", "--set:1:1: error: 'include' cannot be set; give the included keys instead\n" },
    { "n=[1", "--set:1:3: error: this '[' is never closed\n" },
    { "n=a\xFF", "--set:1:4: error: invalid UTF-8\n" },
};

Test(document, refuses_overrides)
{
    for (size_t i = 0; i < COUNT_OF(bad_overrides); i++) {
        struct fixture f;
        setup(&f);
        load(&f, override_base, strlen(override_base));
        cr_expect_not(document_override(f.root, bad_overrides[i].yaml, &f.diags, &f.arena));
        const char *found = messages(&f);
        size_t length = strlen(bad_overrides[i].tree);
        cr_expect(strncmp(found, bad_overrides[i].tree, length) == 0, "%s: %s",
                  bad_overrides[i].yaml, found);
        cleanup(&f);
    }
}

static void repeat(struct text *out, const char *what, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) text_put(out, what);
}

/* Documents with exactly n of what a limit counts; n >= 8. */
static void write_file_bytes(struct text *out, uint64_t n)
{
    text_put(out, "a: 1\n");
    repeat(out, "#", n - 5);
}

static void write_file_lines(struct text *out, uint64_t n)
{
    text_put(out, "a: [1]\n");
    for (uint64_t i = 0; i < (n - 12) / 6; i++) text_put(out, i % 2 ? "  # x\n" : "     \n");
    repeat(out, "\n", n - out->length - 5);
    text_put(out, "b: 1\n");
}

static void write_depth(struct text *out, uint64_t n)
{
    text_put(out, "a: ");
    repeat(out, "[", n - 1);
    repeat(out, "]", n - 1);
}

static void write_depth_block(struct text *out, uint64_t n)
{
    text_put(out, "a:\n  ");
    repeat(out, "- ", n - 1);
    text_put(out, "b\n");
}

static void write_depth_alias(struct text *out, uint64_t n)
{
    text_put(out, "a: &x [[1]]\nb: ");
    repeat(out, "[", n - 3);
    text_put(out, "*x");
    repeat(out, "]", n - 3);
}

static void write_scalar_bytes(struct text *out, uint64_t n)
{
    text_put(out, "a: ");
    repeat(out, "x", n);
}

static void write_scalar_key(struct text *out, uint64_t n)
{
    text_put(out, "? ");
    repeat(out, "x", n);
    text_put(out, "\n: 1\n");
}

static void write_scalar_escaped(struct text *out, uint64_t n)
{
    text_put(out, "a: \"");
    repeat(out, "\\U00000041", n);
    text_put(out, "\"\n");
}

static void write_anchors(struct text *out, uint64_t n)
{
    text_put(out, "a:\n");
    for (uint64_t i = 0; i < n; i++) text_format(out, "- &a%u x\n", i);
}

static void write_alias_nodes(struct text *out, uint64_t n)
{
    /* Two nodes an alias, one more to make an odd number. */
    text_put(out, "a: &two [x]\nb: &one x\nc:\n");
    repeat(out, "- *two\n", n / 2);
    if (n % 2) text_put(out, "- *one\n");
}

static void write_merged_keys(struct text *out, uint64_t n)
{
    text_put(out, "a:\n");
    for (uint64_t i = 0; i < n; i++) text_format(out, "- <<: {k%u: 1}\n", i);
}

static void write_map_keys(struct text *out, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) text_format(out, "k%u: 1\n", i);
}

static void write_map_keys_merged(struct text *out, uint64_t n)
{
    text_put(out, "a:\n  z: 1\n  <<: {");
    for (uint64_t i = 1; i < n; i++) text_format(out, "k%u: 1, ", i);
    text_put(out, "}\n");
}

static void write_map_keys_included(struct text *out, uint64_t n)
{
    static const char part[] = "a: 1\nb: 1\n";
    write_file("part.yaml", part, strlen(part));
    text_put(out, "include: part.yaml\na: 2\n");
    for (uint64_t i = 2; i < n; i++) text_format(out, "k%u: 1\n", i);
}

static void write_include_depth(struct text *out, uint64_t n)
{
    for (uint64_t i = 1; i <= n; i++) {
        char name[32];
        char body[64];
        snprintf(name, sizeof name, "i%u.yaml", (unsigned)i);
        snprintf(body, sizeof body, i < n ? "include: i%u.yaml\n" : "a: %u\n", (unsigned)i + 1);
        write_file(name, body, strlen(body));
    }
    text_put(out, "include: i1.yaml\n");
}

static void write_include_files(struct text *out, uint64_t n)
{
    write_file("part.yaml", "a: 1\n", 5);
    text_put(out, "include:\n");
    repeat(out, "- part.yaml\n", n);
}

/* The file and what it includes, n bytes together. */
static void write_file_bytes_included(struct text *out, uint64_t n)
{
    struct text part;
    text_init(&part, &test_allocator);
    text_put(out, "include: part.yaml\n");
    write_file_bytes(&part, n - out->length);
    write_file("part.yaml", text_string(&part), part.length);
    text_free(&part);
}

static const struct {
    const char *limit;
    void (*write)(struct text *out, uint64_t n);
} limit_samples[] = {
    { "file_bytes", write_file_bytes },
    { "file_bytes", write_file_lines },
    { "file_bytes", write_file_bytes_included },
    { "depth", write_depth },
    { "depth", write_depth_block },
    { "depth", write_depth_alias },
    { "scalar_bytes", write_scalar_bytes },
    { "scalar_bytes", write_scalar_key },
    { "scalar_bytes", write_scalar_escaped },
    { "anchors", write_anchors },
    { "alias_nodes", write_alias_nodes },
    { "alias_nodes", write_merged_keys },
    { "map_keys", write_map_keys },
    { "map_keys", write_map_keys_merged },
    { "map_keys", write_map_keys_included },
    { "include_depth", write_include_depth },
    { "include_files", write_include_files },
};

/* Whether a document with n of what the limit counts is accepted; a refusal names the limit. */
static bool accepted(size_t sample, uint64_t n, const char *raised)
{
    const char *limit = limit_samples[sample].limit;
    struct fixture f;
    setup(&f);
    if (raised) cr_assert(limits_set(&f.limits, limit, raised, &f.out));
    struct text yaml;
    text_init(&yaml, &test_allocator);
    limit_samples[sample].write(&yaml, n);
    load(&f, text_string(&yaml), yaml.length);
    text_free(&yaml);
    bool ok = f.root != NULL;
    cr_expect(ok || strstr(messages(&f), limit), "%s: %s", limit, messages(&f));
    cr_expect_leq(f.diags.count, 1);
    cleanup(&f);
    return ok;
}

static uint64_t limit_default(const char *name)
{
    for (const struct limit_row *row = limit_rows; row->name; row++) {
        if (strcmp(row->name, name) == 0) return row->fallback;
    }
    cr_assert_fail("no limit %s", name);
    return 0;
}

Test(document, keeps_each_limit_exactly)
{
    for (size_t i = 0; i < COUNT_OF(limit_samples); i++) {
        const char *name = limit_samples[i].limit;
        uint64_t limit = limit_default(name);
        cr_expect(accepted(i, limit - 1, NULL), "%zu: %s - 1", i, name);
        cr_expect(accepted(i, limit, NULL), "%zu: %s", i, name);
        cr_expect_not(accepted(i, limit + 1, NULL), "%zu: %s + 1", i, name);
    }
}

Test(document, raised_and_lowered_limits_hold)
{
    for (size_t i = 0; i < COUNT_OF(limit_samples); i++) {
        if (limit_default(limit_samples[i].limit) > 100000) continue;
        char raised[32];
        uint64_t limit = limit_default(limit_samples[i].limit);
        snprintf(raised, sizeof raised, "%u", (unsigned)limit + 1);
        cr_expect(accepted(i, limit + 1, raised), "%zu: %s", i, limit_samples[i].limit);
        cr_expect_not(accepted(i, limit + 2, raised), "%zu: %s", i, limit_samples[i].limit);
    }
}

Test(limits, are_set_by_name)
{
    struct scenario_limits limits;
    limits_init(&limits);
    struct text why;
    text_init(&why, &test_allocator);
    cr_expect(limits_set(&limits, "depth", "65", &why));
    cr_expect_eq(limits.depth, 65);
    cr_expect(limits_set(&limits, "file_bytes", "32 MiB", &why));
    cr_expect_eq(limits.file_bytes, 32 * MIB);
    cr_expect(limits_set(&limits, "scalar_bytes", "1KiB", &why));
    cr_expect_eq(limits.scalar_bytes, KIB);
    cr_expect_str_eq(text_string(&why), "");
    cr_expect_not(limits_set(&limits, "dept", "65", &why));
    cr_expect_str_eq(text_string(&why), "unknown limit 'dept'; did you mean 'depth'?");
    static const char *const bad[] = { "", "0", "-1", "1e3", "1001", "65x", "18446744073709551616",
                                       "18446744073709551615 GiB", " 5" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        text_clear(&why);
        cr_expect_not(limits_set(&limits, "depth", bad[i], &why), "'%s'", bad[i]);
        cr_expect_not_null(strstr(text_string(&why), "is not a number from 1 to 1000"));
    }
    cr_expect_eq(limits.depth, 65);
    for (const struct limit_row *row = limit_rows; row->name; row++) {
        cr_expect(row->fallback >= 1 && row->fallback <= row->most, "%s", row->name);
    }
    text_free(&why);
}
