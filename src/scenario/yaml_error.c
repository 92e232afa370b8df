/* libyaml's complaints, said so that they teach. libyaml reports a problem (and its mark) and often
 * a context (what it was reading, and where that began); the table below knows the common ones. */
#include "scenario/events.h"

#include <string.h>

#define FLOW_HINT                                                                                  \
    "in flow style YAML ends a plain value at ',' '[' ']' '{' '}': put such an expression in quotes"

/* A problem by libyaml's words and ours; at_context: it is shown where the context began. */
struct rewrite {
    const char *problem, *message;
    bool at_context;
};

static const struct rewrite rewrites[] = {
    { "could not find expected ':'", "expected 'key: value' or '- item'; this line has no ': '",
      true },
    { "mapping values are not allowed in this context",
      "': ' is not allowed here: quote a value that contains it, or check the indentation and "
      "the ': ' of the line above",
      false },
    { "mapping keys are not allowed in this context", "a key is not allowed here", false },
    { "block sequence entries are not allowed in this context",
      "a list item is not allowed here: begin it on a line of its own below the key", false },
    { "found unexpected end of stream", "this quote is never closed", true },
    { "found unexpected document indicator", "this quote is not closed before '---' or '...'",
      true },
    { "found unknown escape character",
      "unknown escape in double quotes; in single quotes '\\' is an ordinary character", false },
    { "did not find expected hexdecimal number",
      "\\x takes 2, \\u 4 and \\U 8 hexadecimal digits", false },
    { "found invalid Unicode character escape code", "this escape is not a Unicode character",
      false },
    { "found a tab character that violates indentation",
      "a tab in the indentation; YAML indents with spaces only", false },
    /* So in libyaml before 0.2.5. */
    { "found a tab character that violate indentation",
      "a tab in the indentation; YAML indents with spaces only", false },
    { "found a tab character where an indentation space is expected",
      "a tab in the indentation; YAML indents with spaces only", false },
    { "did not find expected '-' indicator",
      "expected '- ' here: every item of a list begins in the same column", false },
    { "did not find expected <document start>",
      "unexpected text: the document has ended above (or '---' is missing after a directive)",
      false },
    { "found incompatible YAML document", "only YAML 1.1 and 1.2 can be read", false },
    { "found unknown directive name", "unknown directive; a line may begin with '%' in quotes only",
      false },
    { "found duplicate %YAML directive", "a second %YAML directive", false },
    { "found undefined tag handle", "tags are not used here; quote a value that begins with '!'",
      true },
    { "did not find expected comment or line break",
      "unexpected text after '|' or '>'; a block text begins on the next line", false },
    { "did not find expected alphabetic or numeric character",
      "'&' and '*' name anchors; quote a value that begins with one", true },
    { NULL, NULL, false },
};

/* The byte at a mark, 0 past the end. */
static char byte_at(const struct builder *b, yaml_mark_t mark)
{
    size_t at = source_offset(&b->source, mark.line, mark.column);
    return at < b->source.length ? b->source.bytes[at] : 0;
}

/* Whether nothing but spaces stands before a mark on its line. */
static bool begins_line(const struct builder *b, yaml_mark_t mark)
{
    size_t at = source_offset(&b->source, mark.line, 0);
    size_t end = source_offset(&b->source, mark.line, mark.column);
    while (at < end && b->source.bytes[at] == ' ') at++;
    return at == end;
}

static void report(struct builder *b, yaml_mark_t mark, const char *message)
{
    diag_add(b->diags, builder_where(b, mark), NULL, message);
}

/* "found character that cannot start any token". */
static void report_character(struct builder *b, yaml_mark_t mark)
{
    char c = byte_at(b, mark);
    if (c == '\t') {
        report(b, mark, "a tab in the indentation; YAML indents with spaces only");
        return;
    }
    diag_format(b->diags, builder_where(b, mark), NULL,
                "a plain value cannot begin with '%s'; quote it", text_shown(&c, 1, b->arena));
}

/* "did not find expected key" in a block mapping. */
static void report_key(struct builder *b)
{
    yaml_mark_t mark = b->parser.problem_mark;
    yaml_mark_t start = b->parser.context_mark;
    if (!begins_line(b, mark)) {
        report(b, mark, "unexpected text after a value that has ended; quote the whole value");
        return;
    }
    if (mark.column == start.column) {
        report(b, mark, byte_at(b, mark) == ':' ? "a key without a name" : "expected a key here");
        return;
    }
    diag_format(b->diags, builder_where(b, mark), NULL,
                "indentation by %u matches no mapping around it (the one that began on line %u is "
                "indented by %u)",
                (uint64_t)mark.column, (uint64_t)start.line + 1, (uint64_t)start.column);
}

/* "did not find expected ',' or ']'" and its like: something is left over in a flow collection. */
static void report_flow(struct builder *b, char closing)
{
    yaml_mark_t mark = b->parser.problem_mark;
    yaml_mark_t start = b->parser.context_mark;
    char c = byte_at(b, mark);
    if (c != 0 && strchr("[]{},", c)) {
        diag_format(b->diags, builder_where(b, mark), NULL,
                    "expected ',' or '%c', found '%c'; " FLOW_HINT, (int)closing, (int)c);
        return;
    }
    if (c == 0) {
        diag_format(b->diags, builder_where(b, start), NULL, "this '%c' is never closed",
                    closing == ']' ? '[' : '{');
        return;
    }
    diag_format(b->diags, builder_where(b, mark), NULL,
                "expected ',' or '%c' here: the '%c' of line %u, column %u is still open",
                (int)closing, closing == ']' ? '[' : '{', (uint64_t)start.line + 1,
                (uint64_t)builder_where(b, start).column);
}

static void report_node(struct builder *b)
{
    yaml_mark_t mark = b->parser.problem_mark;
    char c = byte_at(b, mark);
    if (c != 0 && strchr("[]{},", c)) {
        diag_format(b->diags, builder_where(b, mark), NULL,
                    "expected a value, found '%c'; " FLOW_HINT, (int)c);
    } else {
        report(b, mark, "expected a value here");
    }
}

/* Offset of what stands behind the last event, beyond blanks, comments and indicators. */
static size_t next_value(const struct builder *b)
{
    const struct source *s = &b->source;
    size_t at = source_offset(s, b->last_end.line, b->last_end.column);
    bool line_begins = false;
    for (; at < s->length; at++) {
        char c = s->bytes[at];
        if (c == '#' && line_begins) {
            const char *end = memchr(s->bytes + at, '\n', s->length - at);
            if (!end) break;
            at = (size_t)(end - s->bytes);
            continue;
        }
        if (c == 0 || !strchr(" \t\r\n:-,", c)) break;
        line_begins = c == '\n' || (line_begins && c == ' ');
    }
    return at;
}

/* An error that is ours: of the encoding, or patience is at its end. That the file cannot be read
 * any more is for the loader to say. */
static bool report_source(struct builder *b)
{
    struct source *s = &b->source;
    if (s->unreadable) return true;
    if (s->given_up_after > 0) {
        diag_format(b->diags, source_where_offset(s, next_value(b)), NULL,
                    "no value ends within %u bytes of here; a text has at most %u (the limit "
                    "scalar_bytes)",
                    (uint64_t)s->given_up_after, b->limits->scalar_bytes);
        return true;
    }
    if (!s->problem || b->parser.error != YAML_READER_ERROR) return false;
    struct where where = { s->file, s->line, s->column };
    if (s->line == 1) where.column += s->column_shift;
    diag_add(b->diags, where, NULL, s->problem);
    return true;
}

/* The special cases, by libyaml's words; false when it is none. */
static bool report_special(struct builder *b, const char *problem)
{
    if (strcmp(problem, "found character that cannot start any token") == 0) {
        report_character(b, b->parser.problem_mark);
    } else if (strcmp(problem, "did not find expected key") == 0) {
        report_key(b);
    } else if (strcmp(problem, "did not find expected ',' or ']'") == 0) {
        report_flow(b, ']');
    } else if (strcmp(problem, "did not find expected ',' or '}'") == 0) {
        report_flow(b, '}');
    } else if (strcmp(problem, "did not find expected node content") == 0) {
        report_node(b);
    } else {
        return false;
    }
    return true;
}

void yaml_error_report(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_MEMORY_ERROR) {
        diag_add(b->diags, builder_where(b, b->last_end), NULL, "no memory for the YAML parser");
        return;
    }
    if (report_source(b)) return;
    const char *problem = p->problem ? p->problem : "unknown problem";
    if (p->error == YAML_READER_ERROR) {
        diag_add(b->diags, source_where_offset(&b->source, p->problem_offset), NULL, problem);
        return;
    }
    if (report_special(b, problem)) return;
    for (const struct rewrite *r = rewrites; r->problem; r++) {
        if (strcmp(r->problem, problem) != 0) continue;
        report(b, r->at_context && p->context ? p->context_mark : p->problem_mark, r->message);
        return;
    }
    diag_format(b->diags, builder_where(b, p->problem_mark), NULL, "%s%s%s",
                p->context ? p->context : "", p->context ? ": " : "", problem);
}
