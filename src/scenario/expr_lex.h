/* The words of an expression with their places. */
#pragma once

#include "scenario/compiler.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NUMBER,   /* value; a character constant too */
    TOKEN_VARIABLE, /* $word */
    TOKEN_WORD,
    TOKEN_SIGN,     /* word is one of the signs: "==", "(" ... */
    TOKEN_BAD,      /* already reported */
};

struct token {
    enum token_kind kind;
    struct where where;
    const char *word; /* without the $ */
    struct value value;
};

struct lexer {
    struct compiler *c;
    const struct node *node;
    const char *text;
    size_t at;             /* next byte */
    size_t counted;        /* bytes whose columns are in `column` */
    uint32_t column;       /* characters before `counted` */
    bool one_line;         /* columns of the file can be told */
    bool failed;           /* a message went out; nothing more is said about this text */
    struct token token;    /* the one to look at */
};

void lexer_init(struct lexer *l, struct compiler *c, const struct node *node, size_t offset);
void lexer_next(struct lexer *l);
/* The path after "stats" as the token's word, with the lexer behind it. */
bool lexer_path(struct lexer *l);
/* The first message about this text; always false. */
bool lexer_fail(struct lexer *l, struct where where, const char *format, ...);
bool token_is(const struct token *t, const char *word); /* a word or a sign */
