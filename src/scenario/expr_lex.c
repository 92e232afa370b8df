/* The words of an expression (scenario format, section 9): numbers with units, names, constants,
 * characters, signs. */
#include "scenario/expr_lex.h"

#include <string.h>

#define NS_PER_SECOND UINT64_C(1000000000)

struct unit {
    const char *name;
    uint64_t factor; /* bytes; nanoseconds, 0 = cycles */
    uint8_t kind;
};

static const struct unit units[] = {
    /* B comes last: of equally near words the first is proposed, and KB means KiB. */
    { "KiB", KIB, VALUE_SIZE },          { "MiB", MIB, VALUE_SIZE },
    { "GiB", GIB, VALUE_SIZE },          { "TiB", TIB, VALUE_SIZE },
    { "pages", PAGE_BYTES, VALUE_SIZE }, { "cycles", 0, VALUE_TIME },
    { "ns", 1, VALUE_TIME },             { "us", 1000, VALUE_TIME },
    { "ms", 1000000, VALUE_TIME },       { "s", NS_PER_SECOND, VALUE_TIME },
    { "B", 1, VALUE_SIZE },
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int hex_digit(char c)
{
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

void lexer_init(struct lexer *l, struct compiler *c, const struct node *node, size_t offset)
{
    *l = (struct lexer){ .c = c, .node = node, .text = node->text, .at = offset };
    l->one_line = !memchr(node->text, '\n', node->length);
}

bool lexer_fail(struct lexer *l, struct where where, const char *format, ...)
{
    if (l->failed) return false;
    l->failed = true;
    struct text message;
    text_init(&message, l->c->arena->from);
    va_list arguments;
    va_start(arguments, format);
    text_format_list(&message, format, arguments);
    va_end(arguments);
    report_at(l->c, l->node, where, "%s", text_string(&message));
    text_free(&message);
    return false;
}

/* Place of the byte at l->at: exact in a plain scalar of one line and in a quoted one without
 * escapes, else that of the scalar. */
static struct where lexer_where(struct lexer *l)
{
    struct where where = l->node->where;
    if (!l->one_line) return where;
    for (; l->counted < l->at; l->counted++) {
        if (((unsigned char)l->text[l->counted] & 0xC0) != 0x80) l->column++;
    }
    where.column += l->column + (l->node->quoted ? 1 : 0);
    return where;
}

static const char *cut(struct lexer *l, size_t start)
{
    return arena_text(l->c->arena, l->text + start, l->at - start);
}

static const char *read_word(struct lexer *l)
{
    size_t start = l->at;
    while (is_letter(l->text[l->at]) || is_digit(l->text[l->at])) l->at++;
    return cut(l, start);
}

/* n units of time in cycles, to the nearest. */
static bool cycles_of(const struct compiler *c, uint64_t n, uint64_t ns, uint64_t *out)
{
    uint64_t hz = c->program->config.hz, whole, rest, total;
    if (ns == 0) {
        *out = n;
        return true;
    }
    if (!mul_fits(n, ns, &total)) return false;
    if (!mul_fits(total / NS_PER_SECOND, hz, &whole)) return false;
    if (!mul_fits(total % NS_PER_SECOND, hz, &rest)) return false;
    return add_fits(whole, rest / NS_PER_SECOND + (rest % NS_PER_SECOND * 2 >= NS_PER_SECOND), out);
}

static bool apply_unit(struct lexer *l, const struct unit *unit, struct value *v)
{
    v->kind = unit->kind;
    bool fits = unit->kind == VALUE_SIZE ? mul_fits(v->v, unit->factor, &v->v)
                                         : cycles_of(l->c, v->v, unit->factor, &v->v);
    if (fits) return true;
    return lexer_fail(l, l->token.where, "the number does not fit into 64 bits");
}

static bool is_operator_word(const char *word)
{
    return strcmp(word, "and") == 0 || strcmp(word, "or") == 0 || strcmp(word, "has") == 0 ||
           strcmp(word, "not") == 0;
}

/* A unit behind the digits, with or without a blank. */
static bool read_unit(struct lexer *l, struct value *v)
{
    size_t back = l->at;
    bool blank = is_blank(l->text[l->at]);
    while (is_blank(l->text[l->at])) l->at++;
    if (!is_letter(l->text[l->at])) {
        l->at = back;
        return true;
    }
    struct where where = lexer_where(l);
    const char *word = read_word(l);
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (strcmp(units[i].name, word) == 0) return apply_unit(l, &units[i], v);
    }
    if (blank && is_operator_word(word)) {
        l->at = back;
        return true;
    }
    if ((word[0] == 'e' || word[0] == 'E') && !blank && (is_digit(word[1]) || !word[1])) {
        return lexer_fail(l, l->token.where,
                          "a number is a whole one without exponent: write it out");
    }
    const char *names[COUNT_OF(units)];
    for (size_t i = 0; i < COUNT_OF(units); i++) names[i] = units[i].name;
    return lexer_fail(l, where, "unknown unit '%s': expected B, KiB, MiB, GiB, TiB, pages, cycles, "
                      "ns, us, ms or s%s", shown(l->c, word),
                      hint(l->c, word, names, COUNT_OF(names)));
}

static bool read_digits(struct lexer *l, uint64_t *out)
{
    unsigned base = 10;
    size_t start = l->at;
    if (l->text[l->at] == '0' && (l->text[l->at + 1] | 0x20) == 'x') {
        base = 16;
        start = l->at += 2;
    }
    uint64_t n = 0;
    bool fits = true;
    for (;; l->at++) {
        int digit = hex_digit(l->text[l->at]);
        if (digit < 0 || (unsigned)digit >= base) break;
        fits = fits && mul_fits(n, base, &n) && add_fits(n, (uint64_t)digit, &n);
    }
    if (l->at == start) {
        return lexer_fail(l, l->token.where, "expected hexadecimal digits after 0x");
    }
    if (!fits) return lexer_fail(l, l->token.where, "the number does not fit into 64 bits");
    *out = n;
    return true;
}

static bool read_number(struct lexer *l)
{
    l->token.kind = TOKEN_NUMBER;
    l->token.value = value_int(0);
    if (!read_digits(l, &l->token.value.v)) return false;
    if (l->text[l->at] == '.' && is_digit(l->text[l->at + 1])) {
        return lexer_fail(l, l->token.where, "a number is a whole one: use a smaller unit");
    }
    return read_unit(l, &l->token.value);
}

/* 'MRmK' is 'M' << 24 | 'R' << 16 | 'm' << 8 | 'K', as compilers for Windows read it. */
static bool read_characters(struct lexer *l)
{
    uint64_t v = 0;
    size_t count = 0;
    for (l->at++; l->text[l->at] && l->text[l->at] != '\''; l->at++, count++) {
        unsigned char byte = (unsigned char)l->text[l->at];
        if (byte < ' ' || byte > '~') {
            return lexer_fail(l, l->token.where, "a pool tag has plain ASCII characters only");
        }
        if (count < 4) v = v << 8 | byte;
    }
    if (!l->text[l->at]) return lexer_fail(l, l->token.where, "expected a second quote (')");
    l->at++;
    if (count < 1 || count > 4) {
        return lexer_fail(l, l->token.where, "a pool tag has one to four characters, this has %u",
                          (uint64_t)count);
    }
    l->token.kind = TOKEN_NUMBER;
    l->token.value = value_int(v);
    return true;
}

static bool read_variable(struct lexer *l)
{
    l->at++;
    l->token.kind = TOKEN_VARIABLE;
    if (!is_letter(l->text[l->at])) {
        return lexer_fail(l, l->token.where, "expected a name after '$'");
    }
    l->token.word = read_word(l);
    return true;
}

static bool read_sign(struct lexer *l)
{
    static const char *const signs[] = { "==", "!=", "<=", ">=", "<<", ">>", "<", ">", "+", "-",
                                         "*",  "/",  "%",  "&",  "|",  "^",  "~", "(", ")", ",",
                                         ".",  "[",  "]" };
    static const char *const wrong[][2] = { { "&&", "and" }, { "||", "or" }, { "=", "==" },
                                            { "!", "not" } };
    const char *text = l->text + l->at;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        size_t length = strlen(wrong[i][0]);
        if (strncmp(text, wrong[i][0], length) != 0 || (length == 1 && text[1] == '=')) continue;
        return lexer_fail(l, l->token.where, "'%s' is no operator; did you mean '%s'?",
                          wrong[i][0], wrong[i][1]);
    }
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        if (strncmp(text, signs[i], strlen(signs[i])) != 0) continue;
        l->token.kind = TOKEN_SIGN;
        l->token.word = signs[i];
        l->at += strlen(signs[i]);
        return true;
    }
    size_t bytes = utf8_length(text, strlen(text));
    const char *character = text_shown(text, bytes ? bytes : 1, l->c->arena);
    return lexer_fail(l, l->token.where, "'%s' has no place in an expression", character);
}

void lexer_next(struct lexer *l)
{
    while (is_blank(l->text[l->at])) l->at++;
    l->token = (struct token){ .kind = TOKEN_END, .where = lexer_where(l) };
    char c = l->text[l->at];
    bool fine = true;
    if (is_digit(c)) fine = read_number(l);
    else if (c == '$') fine = read_variable(l);
    else if (c == '\'') fine = read_characters(l);
    else if (c && !is_letter(c)) fine = read_sign(l);
    else if (c) {
        l->token.kind = TOKEN_WORD;
        l->token.word = read_word(l);
    }
    if (!fine) l->token.kind = TOKEN_BAD;
}

bool lexer_path(struct lexer *l)
{
    size_t start = l->at;
    while (l->text[l->at] == '.') {
        size_t part = ++l->at;
        while (is_letter(l->text[l->at]) || is_digit(l->text[l->at])) l->at++;
        if (l->at == part) return lexer_fail(l, lexer_where(l), "expected a name after '.'");
    }
    if (l->at == start) {
        return lexer_fail(l, l->token.where, "expected a path, as stats.memory.frames.free.now");
    }
    l->token.word = arena_text(l->c->arena, l->text + start + 1, l->at - start - 1);
    return true;
}

bool token_is(const struct token *t, const char *word)
{
    return (t->kind == TOKEN_WORD || t->kind == TOKEN_SIGN) && strcmp(t->word, word) == 0;
}
