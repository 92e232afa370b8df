/* A scenario from its text to a program, for the tests of the compiler. */
#pragma once

#define _POSIX_C_SOURCE 200809L

#include "scenario/compile.h"

#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct scenario_limits limits;
    struct diags diags;
    struct arena arena;
    const struct program *program;
};

static inline void load(struct fixture *f, const char *text)
{
    char folder[] = "/tmp/compile_test.XXXXXX";
    struct document_info info;
    memset(f, 0, sizeof *f);
    limits_init(&f->limits);
    diags_init(&f->diags, &test_allocator);
    f->arena.from = &test_allocator;
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    FILE *file = fopen("s.yaml", "wb");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
    const struct node *root = document_load("s.yaml", &f->limits, &f->diags, &f->arena, &info);
    if (root) f->program = scenario_compile(root, &f->diags, &f->arena);
    cr_assert_eq(f->program == NULL, f->diags.count > 0);
    cr_assert_eq(unlink("s.yaml"), 0);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(rmdir(folder), 0);
}

/* The program of a text that has no mistake. */
static inline const struct program *compile(struct fixture *f, const char *text)
{
    load(f, text);
    cr_assert_not_null(f->program, "%s", f->diags.count ? f->diags.list[0].message : "");
    return f->program;
}

static inline void cleanup(struct fixture *f)
{
    arena_free(&f->arena);
    diags_free(&f->diags);
    cr_assert_eq(test_outstanding_bytes(), 0);
}

#define HEAD "mdlsim: 1\nname: n\n"

static inline const struct expr_node *node_at(const struct program *p, expr_t e)
{
    cr_assert(e > 0 && e < p->node_count);
    return &p->nodes[e];
}

static inline uint64_t constant_at(const struct program *p, expr_t e)
{
    cr_assert_eq(node_at(p, e)->op, EXPR_CONSTANT);
    return node_at(p, e)->value.v;
}
